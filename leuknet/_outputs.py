"""Replacement of output files and folders; nothing that this program did not write is overwritten or removed."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from leuknet._io import scratch, sha256_of
from leuknet.exceptions import LeuknetError

MARKER = ".leuknet-output"
HEAD = "Written by leuknet, which replaces this folder as a whole.\n"
SIGNS_WITHIN = 1 << 16  # bytes at either end of a file
ATTEMPTS = 5
_SYSTEM = {MARKER, ".DS_Store", "Thumbs.db", "desktop.ini", ".ipynb_checkpoints"}


@contextmanager
def replaced_folder(out: str | os.PathLike) -> Iterator[Path]:
    """Yield an empty folder, which replaces `out` if the block ends without an error.

    Parameters
    ----------
    out : path
        A new or empty folder, or one that this function wrote and that has not been changed since; its file `MARKER`
        lists the content.

    Raises
    ------
    LeuknetError
        If `out` contains anything else; it is not changed.
    """
    out = Path(out).expanduser().resolve()
    _check_folder(out)
    out.parent.mkdir(parents=True, exist_ok=True)
    with scratch(out.parent, f".{out.name[:60]}") as temporary:
        new = temporary / "new"
        new.mkdir()
        yield new
        lines = [f"{sha256_of(path)}  {path.relative_to(new).as_posix()}\n" for path in _files(new)]
        (new / MARKER).write_text(HEAD + "".join(lines), "utf-8")
        _check_folder(out)  # somebody may have worked there meanwhile
        _exchange(new, out, temporary)


def _exchange(new: Path, out: Path, temporary: Path) -> None:
    """Move `new` to `out`; if this is interrupted, the earlier folder returns to its place."""
    for attempt in range(ATTEMPTS):
        old = temporary / f"old{attempt}"
        try:
            if out.exists():
                out.rename(old)
            new.rename(out)
            return
        except BaseException as error:
            if old.exists() and not out.exists():
                old.rename(out)
            busy = isinstance(error, OSError) and error.errno in (errno.ENOTEMPTY, errno.EEXIST)
            if not busy:  # otherwise another process has just put its own there
                raise
    raise LeuknetError(f"other processes keep writing {out}: let one end first")


def _check_folder(out: Path) -> None:
    if not out.exists():
        return
    if not out.is_dir():
        raise LeuknetError(f"{out} is a file: name a folder")
    marker = out / MARKER
    if any(out.iterdir()) and not marker.is_file():
        raise LeuknetError(f"{out} holds files that leuknet did not write: name a new or an empty folder")
    lines = marker.read_text("utf-8", errors="replace").splitlines()[1:] if marker.is_file() else []
    written = {name: digest for digest, _, name in (line.partition("  ") for line in lines)}
    for path in _files(out) if written else []:  # the markers of earlier versions list nothing
        if not _regular(path) or written.get(path.relative_to(out).as_posix()) != sha256_of(path):
            raise LeuknetError(
                f"{path} was added or changed since leuknet wrote {out}: move it away, or name a new folder"
            )


def _regular(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()


def _files(folder: Path) -> list[Path]:
    """Return the files below `folder`, sorted, except the marker and files of desktops and JupyterLab."""
    found = sorted(path for path in folder.rglob("*") if path.is_symlink() or not path.is_dir())
    return [path for path in found if not _SYSTEM.intersection(path.relative_to(folder).parts)]


def check_own(path: Path, *signs: str) -> None:
    """Raise LeuknetError if the file `path` exists and contains none of `signs` at either end (`_ends`).

    Folders are not checked, because the system does not allow a file to replace one.
    """
    if (
        path.exists()
        and not path.is_dir()
        and not (path.is_file() and any(sign.encode() in _ends(path) for sign in signs))
    ):
        raise LeuknetError(f"{path} was not written by leuknet: rename it first, or name another file")


def _ends(path: Path) -> bytes:
    """Return the first and the last `SIGNS_WITHIN` bytes of a file; Parquet stores its column names at the end."""
    with path.open("rb") as file:
        head = file.read(SIGNS_WITHIN)
        file.seek(max(path.stat().st_size - SIGNS_WITHIN, 0))
        return head + file.read(SIGNS_WITHIN)
