"""Folders that a command fills whole: replaced by a finished copy, and only where this program wrote them."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from leuknet.exceptions import LeuknetError

MARKER = ".leuknet-output"


@contextmanager
def replaced_folder(out: str | os.PathLike) -> Iterator[Path]:
    """Yield an empty folder; when the block ends without an error, it takes the place of `out`.

    Parameters
    ----------
    out : path
        A new or empty folder, or one that this function made before: it holds the file `MARKER`.

    Raises
    ------
    LeuknetError
        If `out` holds anything and no `MARKER`: it is left as it is.
    """
    out = Path(out).expanduser().resolve()
    if out.exists() and not out.is_dir():
        raise LeuknetError(f"{out} is a file: name a folder")
    if out.is_dir() and any(out.iterdir()) and not (out / MARKER).is_file():
        raise LeuknetError(f"{out} holds files that leuknet did not write: name a new or an empty folder")
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}-") as scratch:
        new = Path(scratch) / "new"
        new.mkdir()
        (new / MARKER).write_text("Written by leuknet, which replaces this folder as a whole.\n", "utf-8")
        yield new
        if out.exists():
            out.rename(Path(scratch) / "old")
        new.rename(out)


def check_report_file(path: Path, sign: str) -> None:
    """Raise LeuknetError if `path` exists and does not contain `sign`, the words that this program's own file holds."""
    if path.exists() and sign not in path.read_text("utf-8", errors="replace"):
        raise LeuknetError(f"{path} was not written by leuknet: rename it first")
