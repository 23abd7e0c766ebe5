"""Atomic file writing, hashing, and the location of the cache."""

import functools
import hashlib
import json
import os
import re
import shutil
import socket
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


@contextmanager
def scratch() -> Iterator[Path]:
    """Yield a temporary folder, removed on exit or, if this process is killed, by a later one (`clear_leftovers`)."""
    with tempfile.TemporaryDirectory(prefix=f"leuknet-{HOST}.{os.getpid()}-") as folder:
        yield Path(folder)


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
        match = re.fullmatch(rf"(?:\..*|leuknet)-{HOST}\.(\d+)-\w+(?:\.\w+)?", entry.name)
        if not match or psutil.pid_exists(int(match[1])) or entry.is_symlink():
            continue
        with suppress(OSError):  # removed by another process, or owned by another user
            shutil.rmtree(entry.path) if entry.is_dir() else os.unlink(entry.path)


@functools.lru_cache(maxsize=4096)
def _cleared(folder: Path) -> None:
    clear_leftovers(folder)


@contextmanager
def atomic(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path next to `path`; rename it to `path` only if the block exits without an exception.

    Readers see either the old or the new file, never a partial one; on an exception nothing is left behind.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    _cleared(path.parent)
    prefix = f".{path.stem[:60]}-{HOST}.{os.getpid()}-"
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=prefix, suffix=path.suffix)
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


def read_object(path: str | Path, limit: int = 1 << 20) -> dict[str, Any]:
    """Return the JSON object stored in the untrusted file `path`.

    Raises
    ------
    OSError
        If the file cannot be read.
    ValueError
        If the file is larger than `limit` bytes, is not JSON in UTF-8, or does not contain an object.
    """
    with open(path, "rb") as file:
        data = file.read(limit + 1)
    if len(data) > limit:
        raise ValueError(f"larger than {limit} bytes")
    try:
        value = json.loads(data.decode("utf-8"))
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


def hash_of_files(paths: Iterable[str | Path]) -> str:
    """Return the SHA-256 of the concatenated contents of files as 64 hexadecimal digits."""
    return hashlib.sha256(b"".join(Path(path).read_bytes() for path in paths)).hexdigest()


def hash_of_array(values: np.ndarray) -> str:
    """Return the SHA-256 of an array's values and shape; memory maps are read in chunks."""
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
