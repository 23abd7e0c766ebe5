"""Walk through a user's folders, and determine which files are images and why others are not read."""

import errno
import itertools
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePath

from leuknet._io import read_limited, unfit
from leuknet.exceptions import LeuknetError

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff")
MAX_FILE_BYTES = 2**29
MAX_DEPTH = 24  # folders within folders, links included
MAX_FOLDERS = 100_000  # entered; links to folders of links multiply
_SYSTEM = {"thumbs.db", "ehthumbs.db", "desktop.ini", "__macosx", "lost+found"}


@dataclass(frozen=True)
class Entry:
    """A file in a folder.

    Attributes
    ----------
    path : pathlib.Path
    reason : str
        Why the file cannot be read as an image; empty if it can.
    """

    path: Path
    reason: str = ""


def passed_over(name: str) -> bool:
    """Return whether a file or folder of this name belongs to the system (hidden, ``Thumbs.db``, ``__MACOSX``)."""
    return name.startswith(".") or name.lower() in _SYSTEM


def children(folder: Path) -> list[Path]:
    """Return the files and folders in `folder`, sorted by name, without those of the system.

    Raises
    ------
    LeuknetError
        If the folder cannot be read.
    """
    try:
        return sorted(path for path in Path(folder).iterdir() if not passed_over(path.name))
    except OSError as error:
        raise LeuknetError(f"cannot read the folder {shown(folder)}: {error.strerror or error}") from error


def walk(
    folder: Path, around: tuple[tuple[int, int], ...] = (), entered: Iterator[int] | None = None
) -> Iterator[Entry]:
    """Yield every file below `folder`, in the order of its path.

    Links to files and folders are followed; a folder that contains itself through a link is entered once. Files and
    folders of the system are ignored.

    Parameters
    ----------
    folder : path
    around : tuple
        Device and number of each folder around it that is being walked.
    entered : iterator of int, optional
        Counts the folders entered so far.

    Yields
    ------
    Entry

    Raises
    ------
    LeuknetError
        If `folder` itself cannot be read, or holds more than `MAX_FOLDERS` folders.
    """
    around = (*around, _identity(folder))
    entered = entered or itertools.count(1)
    if next(entered) > MAX_FOLDERS:
        raise LeuknetError(f"more than {MAX_FOLDERS} folders, at {shown(folder)}: give a smaller folder")
    for path in children(folder):
        if not path.is_dir():
            yield Entry(path, unusable(path))
        elif (here := _identity(path)) in around or len(around) > MAX_DEPTH:
            yield Entry(path, "a link to a folder around it" if here in around else "too many folders deep")
        elif not os.access(path, os.R_OK | os.X_OK):
            yield Entry(path, "a folder that cannot be read: Permission denied")
        else:
            yield from walk(path, around, entered)


def _identity(folder: Path) -> tuple[int, int]:
    try:
        status = os.stat(folder)
    except OSError as error:
        raise LeuknetError(f"cannot read the folder {shown(folder)}: {error.strerror or error}") from error
    return status.st_dev, status.st_ino


def unusable(path: Path) -> str:
    """Return why a file cannot be read as an image, judged by its name and type; empty if it can."""
    if path.suffix.lower() not in SUFFIXES:
        return f"not an image by its name (known: {', '.join(SUFFIXES)})"
    try:
        return unfit(os.stat(path), MAX_FILE_BYTES)
    except OSError as error:
        broken = path.is_symlink() and error.errno in (errno.ENOENT, errno.ELOOP)
        return "a broken link" if broken else f"cannot be read: {error.strerror or error}"


def read_bytes(path: Path) -> bytes:
    """Return the content of a regular file of at most `MAX_FILE_BYTES`.

    Pipes and devices do not block: type and size are checked on the opened file, not on its path.

    Raises
    ------
    OSError
        If the file cannot be read, is not a regular file, or is too large; ``strerror`` gives the reason.
    """
    try:
        return read_limited(path, MAX_FILE_BYTES)
    except ValueError as error:
        raise OSError(errno.EINVAL, str(error), str(path)) from error


def pictures(paths: Iterable[Path]) -> tuple[list[Path], list[Entry]]:
    """Return the images given by `paths`, and the files that cannot be read as images.

    Parameters
    ----------
    paths : iterable of path
        Files with any suffix, and folders, which are searched recursively.

    Returns
    -------
    files : list of pathlib.Path
    left_out : list of Entry
        Files with an image suffix that cannot be read.

    Raises
    ------
    LeuknetError
        If a folder contains no image.
    """
    files, left_out = [], []
    for path in map(Path, paths):
        entries = list(walk(path)) if path.is_dir() else [Entry(path)]
        files += [entry.path for entry in entries if not entry.reason]
        named = [entry for entry in entries if entry.reason and entry.path.suffix.lower() in SUFFIXES]
        if path.is_dir() and not named and all(entry.reason for entry in entries):
            raise LeuknetError(f"the folder {shown(path)} holds no image ({', '.join(SUFFIXES)})")
        left_out += named
    return files, left_out


def is_text(path: Path) -> bool:
    """Return whether a path can be encoded as UTF-8; names created on other systems may not."""
    return not any("\ud800" <= character <= "\udfff" for character in str(path))


def shown(path: PurePath) -> str:
    r"""Return a path as printable text, with bytes that are not UTF-8 shown as ``\xNN``."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")
