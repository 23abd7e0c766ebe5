"""The cache: values that can be recomputed, stored under a key that covers all of their inputs.

An entry is the folder ``<LEUKNET_CACHE>/<kind>/<key>``: one file per value, and ``done.json`` with the size and SHA-256
of each. It is written to a temporary folder next to its final path and then renamed, so readers never see a partial
entry and several processes may write at once. A damaged entry is rebuilt. If the cache is not writable, a one-line
warning is printed and the values are used without caching.
"""

import json
import os
import re
import shutil
import sys
import tempfile
import zipfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import filelock
import numpy as np
import pandas as pd

from leuknet._io import cache_dir, clear_once, own_prefix, scratch, sha256_of
from leuknet.exceptions import LeuknetError

_DAMAGE = (OSError, ValueError, KeyError, TypeError, AttributeError, zipfile.BadZipFile)
Values = dict[str, Any]


def cached(kind: str, key: str, make: Callable[[], Values]) -> Values:
    """Return the values cached under `key`; compute and store them if they are missing or damaged.

    Parameters
    ----------
    kind : str
        Kind of the values, such as ``"cohorts"``: the subfolder of the cache.
    key : str
        Hash of everything that determines the content (letters, digits, ``-``, ``_`` and ``.``).
    make : callable
        Returns a dictionary of names (letters and digits) to values: `numpy.ndarray`, `pandas.DataFrame`,
        JSON-serialisable objects, or a function that writes an array to a given ``.npy`` path. Called only if needed;
        its exceptions propagate and leave no files behind.

    Returns
    -------
    dict
        The values; arrays are read-only memory maps. If the cache is not writable, the values are those that `make`
        returned.

    Raises
    ------
    LeuknetError
        If the key is not a plain name.
    """
    if not re.fullmatch(r"[A-Za-z0-9_-][A-Za-z0-9._-]*", key):
        raise LeuknetError(f"cache key {key!r} may hold only letters, digits, '-', '_' and '.'")
    folder = cache_dir() / kind / key
    if (stored := load(folder)) is not None:
        return stored
    values = make()
    try:
        _store(values, folder)
    except OSError as error:
        _warn(str(folder.parent), error.strerror or str(error))
    else:
        if (stored := load(folder)) is not None:
            return stored
        _warn(str(folder.parent), "what was written reads back damaged; check the disk")
    return {name: _written(name, value) if callable(value) else value for name, value in values.items()}


def load(folder: Path) -> Values | None:
    """Return the values in `folder`, or None if it is missing or any of its files is damaged."""
    folder = Path(folder)
    try:
        files = json.loads((folder / "done.json").read_text(encoding="utf-8"))["files"]
        for name, (size, sha256) in files.items():
            if (folder / name).stat().st_size != size or sha256_of(folder / name) != sha256:
                return None
        return {Path(name).stem: _read(folder / name) for name in files}
    except _DAMAGE:
        return None


def _read(path: Path) -> Any:
    if path.suffix == ".npy":
        return np.load(path, mmap_mode="r", allow_pickle=False)
    return pd.read_parquet(path) if path.suffix == ".parquet" else json.loads(path.read_text(encoding="utf-8"))


def _write(name: str, value: Any, folder: Path) -> None:
    if callable(value):
        value(folder / f"{name}.npy")
    elif isinstance(value, np.ndarray):
        np.save(folder / f"{name}.npy", value, allow_pickle=False)
    elif isinstance(value, pd.DataFrame):
        value.to_parquet(folder / f"{name}.parquet")
    else:
        (folder / f"{name}.json").write_text(json.dumps(value), encoding="utf-8")


def _store(values: Values, folder: Path) -> None:
    """Write an entry next to its final path and rename it, unless another process has stored a valid one meanwhile."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    clear_once(folder.parent)
    temporary = Path(tempfile.mkdtemp(dir=folder.parent, prefix=own_prefix(".new")))
    try:
        for name, value in values.items():
            _write(name, value, temporary)
        files = {path.name: [path.stat().st_size, sha256_of(path)] for path in sorted(temporary.iterdir())}
        (temporary / "done.json").write_text(json.dumps({"files": files}), encoding="utf-8")
        with filelock.FileLock(f"{folder.parent}.lock"):
            if load(folder) is None:
                shutil.rmtree(folder) if folder.is_dir() else folder.unlink(missing_ok=True)
                os.rename(temporary, folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _written(name: str, write: Callable[[Path], None]) -> np.ndarray:
    """Return the array that a function writes to a file, using a temporary file."""
    with scratch() as folder:
        write(folder / f"{name}.npy")
        return np.load(folder / f"{name}.npy", allow_pickle=False)


@cache
def _warn(place: str, reason: str) -> None:
    """Warn once per location that it is not writable."""
    line = f"warning: nothing is kept in {place} ({reason}): free space, check its permissions or set LEUKNET_CACHE"
    print(line, file=sys.stderr)
