"""Cohorts kept on disk: written whole, checked when read, mapped into memory read-only."""

import errno
import hashlib
import json
import os
import re
import shutil
import tempfile
import time
import zipfile
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd

from leuknet._io import cache_dir
from leuknet.data.cohort import Cohort
from leuknet.exceptions import LeuknetError

ABANDONED_SECONDS = 24 * 3600
ATTEMPTS = 5
_DAMAGE = (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile)


def cached(key, make):
    """Return the cohort kept under `key`; make, keep and reread it if it is missing or damaged.

    The folder ``cohorts/<key>`` of the cache holds ``images.npy``, ``masks.npy`` (if any), ``table.parquet``,
    ``rejected.parquet`` and ``done.json`` (name, and size and SHA-256 of each file). It is written beside its place and
    renamed, so that readers see all of it or nothing, and two processes may do so at once.

    Parameters
    ----------
    key : str
        Hash of everything that decides the content (letters, digits, ``-``, ``_`` and ``.``).
    make : callable
        Returns the `Cohort`; called only when needed. Its errors pass through and leave nothing behind.

    Returns
    -------
    Cohort
        `images` and `masks` are read-only memory maps.

    Raises
    ------
    LeuknetError
        If the cache cannot be written (disk full, no permission).
    """
    if not re.fullmatch(r"[A-Za-z0-9_-][A-Za-z0-9._-]*", key):
        raise LeuknetError(f"cache key {key!r} may hold only letters, digits, '-', '_' and '.'")
    folder = cache_dir() / "cohorts" / key
    cohort = None
    for _ in range(ATTEMPTS):
        found = load(folder)
        if found is not None:
            return found
        cohort = make() if cohort is None else cohort
        with _explained(folder):
            _sweep(folder.parent)
            _store(cohort, folder)
    raise LeuknetError(f"cache {folder} was written but reads back damaged: check the disk, or set LEUKNET_CACHE")


def load(folder):
    """Return the cohort in `folder`, or None if it is missing or any of its files is damaged."""
    folder = Path(folder)
    try:
        done = json.loads((folder / "done.json").read_text(encoding="utf-8"))
        for name, (size, sha256) in done["files"].items():
            if (folder / name).stat().st_size != size or _digest(folder / name) != sha256:
                return None
        masks = folder / "masks.npy"
        return Cohort(
            name=done["name"],
            images=np.load(folder / "images.npy", mmap_mode="r"),
            table=pd.read_parquet(folder / "table.parquet"),
            rejected=pd.read_parquet(folder / "rejected.parquet"),
            masks=np.load(masks, mmap_mode="r") if "masks.npy" in done["files"] else None,
        )
    except _DAMAGE:
        return None


def _store(cohort, folder):
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(dir=folder.parent, prefix=".new-"))
    try:
        _write(cohort, temporary)
        _place(temporary, folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _write(cohort, folder):
    np.save(folder / "images.npy", cohort.images)
    if cohort.masks is not None:
        np.save(folder / "masks.npy", cohort.masks)
    cohort.table.to_parquet(folder / "table.parquet")
    cohort.rejected.to_parquet(folder / "rejected.parquet")
    files = {path.name: [path.stat().st_size, _digest(path)] for path in sorted(folder.iterdir())}
    (folder / "done.json").write_text(json.dumps({"name": cohort.name, "files": files}), encoding="utf-8")


def _place(temporary, folder):
    """Rename `temporary` to `folder`, unless another process has put a sound cohort there."""
    for _ in range(ATTEMPTS):
        try:
            os.rename(temporary, folder)
            return
        except OSError as error:
            if error.errno not in (errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR, errno.EACCES):
                raise
        if load(folder) is not None:
            return
        _set_aside(folder)
    raise OSError(errno.EBUSY, "another process keeps damaging the cache", str(folder))


def _set_aside(folder):
    """Move what is damaged away before deleting it: a reader never sees it half deleted."""
    bin_ = Path(tempfile.mkdtemp(dir=folder.parent, prefix=".old-"))
    try:
        os.rename(folder, bin_ / folder.name)
    except FileNotFoundError:
        pass  # another process did so first
    finally:
        shutil.rmtree(bin_, ignore_errors=True)


def _sweep(parent):
    """Delete what killed processes left half written a day ago or earlier."""
    for path in [*parent.glob(".new-*"), *parent.glob(".old-*")]:
        try:
            abandoned = time.time() - path.stat().st_mtime > ABANDONED_SECONDS
        except FileNotFoundError:
            continue  # its owner has just finished
        if abandoned:
            shutil.rmtree(path, ignore_errors=True)


@contextmanager
def _explained(folder):
    try:
        yield
    except OSError as error:
        denied = error.errno in (errno.EACCES, errno.EPERM, errno.EROFS)
        mend = "check its permissions or" if denied else "free some space or"
        reason = error.strerror or error
        raise LeuknetError(f"cannot keep a cohort in {folder.parent}: {reason}; {mend} set LEUKNET_CACHE") from error


def _digest(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
