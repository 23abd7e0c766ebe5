"""Location of results for all commands: the top folder of a checkout, or the working directory outside of one."""

from pathlib import Path

from leuknet.exceptions import LeuknetError


def results_root() -> Path:
    """Return the default folder of ``runs/<profile>``.

    It is the checkout that contains the working directory, else the working directory itself; never the folder in
    which the package is installed.
    """
    here = Path.cwd()
    return next((folder for folder in (here, *here.parents) if _is_checkout(folder)), here)


def _is_checkout(folder: Path) -> bool:
    return (folder / "notebooks" / "00_start_here.ipynb").is_file() and (folder / "leuknet" / "__init__.py").is_file()


def result_folder(profile: str, out: str | Path | None = None) -> Path:
    """Return the absolute result folder: `out`, else ``runs/<profile>`` in `results_root`."""
    return (Path(out).expanduser() if out is not None else results_root() / "runs" / profile).resolve()


def check_apart(out: Path, data: Path | None) -> None:
    """Raise LeuknetError if the result folder `out` lies among the slides in `data`, which it would be read as."""
    if data is not None and out.is_relative_to(data):
        raise LeuknetError(f"results do not go into {out}, within the slides' folder {data}: give another --out DIR")
