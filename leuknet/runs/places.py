"""Where results go: the working directory or, inside a checkout, its top folder; one rule for all commands."""

from pathlib import Path


def results_root() -> Path:
    """Return the folder in which ``runs/<profile>`` lies where no result folder is given.

    It is the checkout that the working directory lies in, else the working directory; never where the package is
    installed.
    """
    here = Path.cwd()
    return next((folder for folder in (here, *here.parents) if _is_checkout(folder)), here)


def _is_checkout(folder: Path) -> bool:
    return (folder / "notebooks" / "00_start_here.ipynb").is_file() and (folder / "leuknet" / "__init__.py").is_file()


def result_folder(profile: str, out: str | Path | None = None) -> Path:
    """Return the absolute result folder: `out`, else ``runs/<profile>`` in `results_root`."""
    return (Path(out).expanduser() if out is not None else results_root() / "runs" / profile).resolve()
