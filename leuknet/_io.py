"""Atomic file writing, hashing, and the location of the cache."""

import functools
import hashlib
import json
import os
import re
import shutil
import socket
import stat
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import platformdirs
import psutil

if TYPE_CHECKING:
    import pandas as pd


def cache_dir() -> Path:
    """Return the cache folder: ``$LEUKNET_CACHE`` if set, else the user's cache folder."""
    return Path(os.environ.get("LEUKNET_CACHE") or platformdirs.user_cache_dir("leuknet"))


HOST = re.sub(r"[^A-Za-z0-9]", "", socket.gethostname())[:32]
LEFTOVER = re.compile(r"(?:\..*|leuknet)-(\w*)\.(\d{1,9})-\w+(?:\.\w+)?")  # host and process: see `own_prefix`


def own_prefix(name: str) -> str:
    """Return the prefix for names of this process's temporary files and folders, which `LEFTOVER` matches."""
    return f"{name}-{HOST}.{os.getpid()}-"


@contextmanager
def scratch(folder: str | Path | None = None, name: str = "leuknet") -> Iterator[Path]:
    """Yield a temporary folder, removed on exit or, if this process is killed, by a later one (`clear_leftovers`).

    Parameters
    ----------
    folder : path, optional
        Parent folder; defaults to the system's folder for temporary files.
    name : str
        Beginning of its name: ``leuknet``, or a dot followed by any text.
    """
    if folder is not None:
        clear_once(Path(folder))
    with tempfile.TemporaryDirectory(dir=folder, prefix=own_prefix(name), ignore_cleanup_errors=True) as temporary:
        yield Path(temporary)


def clear_leftovers(folder: str | Path | None = None) -> None:
    """Remove temporary files and folders that killed processes of this user on this machine left in `folder`.

    Parameters
    ----------
    folder : path, optional
        Defaults to the system's folder for temporary files. Not recursive.
    """
    try:
        entries = list(os.scandir(folder or tempfile.gettempdir()))
    except OSError:  # cannot be listed; writing into it will raise
        return
    for entry in entries:
        match = LEFTOVER.fullmatch(entry.name)
        if not match or match[1] != HOST or psutil.pid_exists(int(match[2])) or entry.is_symlink():
            continue
        with suppress(OSError):  # removed by another process, or owned by another user
            shutil.rmtree(entry.path) if entry.is_dir() else os.unlink(entry.path)


@functools.lru_cache(maxsize=4096)
def clear_once(folder: Path) -> None:
    """Call `clear_leftovers` once per process and folder."""
    clear_leftovers(folder)


@contextmanager
def atomic(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path next to `path`; rename it to `path` only if the block exits without an exception.

    Readers see either the old or the new file, never a partial one; on an exception nothing is left behind.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    clear_once(path.parent)
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=own_prefix(f".{path.stem[:60]}"), suffix=path.suffix)
    except OSError as error:
        error.filename = str(path)
        raise
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except OSError as error:
        if error.errno and error.filename is None:  # errors raised while writing do not name the file
            error.filename = str(path)
        raise
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: str | Path, text: str) -> None:
    """Write `text` to `path` atomically (UTF-8)."""
    with atomic(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: str | Path, value: Any) -> None:
    """Write `value` to `path` as indented JSON, atomically, keys sorted."""
    write_text(path, json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False) + "\n")


def no_link(path: str, flags: int) -> int:
    """Open a file for writing, refusing symbolic links; an ``opener`` for `open`."""
    return os.open(path, flags | getattr(os, "O_NOFOLLOW", 0), 0o644)


def read_limited(path: str | Path, limit: int = 1 << 20) -> bytes:
    """Return the content of the untrusted file `path`, without blocking on pipes or devices.

    Raises
    ------
    OSError
        If it cannot be read.
    ValueError
        If it is not a regular file, or is larger than `limit` bytes.
    """
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    with open(handle, "rb") as file:
        if reason := unfit(os.fstat(handle), limit):
            raise ValueError(reason)
        data = file.read(limit + 1)
    if len(data) > limit:
        raise ValueError(f"above the limit of {limit / 2**20:.0f} MiB a file")
    return data


def unfit(status: os.stat_result, limit: int) -> str:
    """Return why a file of this status is not read: no regular file, or larger than `limit` bytes; empty if it is."""
    if not stat.S_ISREG(status.st_mode):
        return "not a regular file"
    if status.st_size > limit:
        return f"{status.st_size / 2**20:.0f} MiB, above the limit of {limit / 2**20:.0f} MiB a file"
    return ""


def read_object(path: str | Path, limit: int = 1 << 20) -> dict[str, Any]:
    """Return the JSON object stored in the untrusted file `path`.

    Raises
    ------
    OSError
        If the file cannot be read.
    ValueError
        If it is not a regular file, is larger than `limit` bytes, is not JSON in UTF-8, contains text that cannot be
        written in UTF-8 (lone surrogates), or does not contain an object.
    """
    try:
        value = json.loads(read_limited(path, limit).decode("utf-8"))
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if not isinstance(value, dict):
        raise ValueError(f"holds a {type(value).__name__}, not an object")
    return value


def object_or_empty(path: str | Path) -> dict[str, Any]:
    """Return `read_object` of a file, or an empty dictionary if the file is missing, unreadable or not an object."""
    try:
        return read_object(path)
    except (OSError, ValueError):
        return {}


def read_arrays(path: str | Path, limit: int = 2 << 30) -> dict[str, np.ndarray]:
    """Return the arrays of the untrusted ``.npz`` file `path` by name; pickles are rejected.

    Raises
    ------
    OSError
        If the file cannot be read.
    ValueError
        If the file is not an ``.npz`` archive, is damaged, contains objects, or unpacks to more than `limit` bytes.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            if sum(member.file_size for member in archive.infolist()) > limit:
                raise ValueError(f"unpacks to more than {limit} bytes")
        with np.load(path, allow_pickle=False) as arrays:
            return {name: arrays[name] for name in arrays.files}
    except (zipfile.BadZipFile, zlib.error, EOFError, MemoryError, OverflowError, SyntaxError, TypeError) as error:
        raise ValueError(str(error) or type(error).__name__) from error
    except (NotImplementedError, RuntimeError, KeyError) as error:  # unsupported compression, encrypted, missing member
        raise ValueError(str(error)) from error


def sha256_of(path: str | Path) -> str:
    """Return the SHA-256 of a file as 64 hexadecimal digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def module_command(module: str, *arguments: str) -> list[str]:
    """Return the command that runs `module` in a new process, which imports nothing from the working directory.

    The working directory may be an untrusted folder, in which ``numpy.py`` would be imported in place of NumPy.
    """
    return [sys.executable, "-P", "-m", module, *arguments]


def hash_of_files(paths: Iterable[str | Path]) -> str:
    """Return the SHA-256 of the concatenated contents of files as 64 hexadecimal digits."""
    return hashlib.sha256(b"".join(Path(path).read_bytes() for path in paths)).hexdigest()


def hash_of_array(values: np.ndarray) -> str:
    """Return the SHA-256 of an array's values and shape, reading a memory map piece by piece."""
    sha = hashlib.sha256(repr(values.shape).encode())
    for start in range(0, len(values), 256):
        sha.update(values[start : start + 256].tobytes())
    return sha.hexdigest()


def hash_of(value: Any, length: int = 16) -> str:
    """Return the first `length` hexadecimal digits of the SHA-256 of `value` as canonical JSON."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:length]


def markdown(frame: "pd.DataFrame") -> str:
    """Return a pandas `frame` as a Markdown table, without its index."""
    from leuknet._escape import markdown_cell

    head, *rows = ([markdown_cell(cell) for cell in row] for row in (frame.columns, *frame.itertuples(index=False)))
    return "".join("| " + " | ".join(row) + " |\n" for row in (head, ["---"] * frame.shape[1], *rows))
