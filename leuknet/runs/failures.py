"""Kinds of failure of a run, with a one-line reason, and whether the run is tried again."""

import errno
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from leuknet._io import cache_dir
from leuknet.exceptions import LeuknetError, SetUpError

REFUSED = "refused"  # cannot be done as requested, e.g. one class only or a loss that is not finite
SETUP = "set-up"  # not possible with this set-up: missing weights, another backend or more devices needed
MEMORY = "out of memory"
STORAGE = "storage"  # disk full or read-only: no other run can be stored either
KILLED = "killed"
ERROR = "error"  # unexpected: the log has the traceback
BUSY = "busy"  # another process is running it
NO_DATA = "no data"  # the cohort is missing on this worker

FINAL = (REFUSED,)  # another attempt would fail in the same way
FINAL_HERE = (REFUSED, SETUP)  # until the set-up is fixed
_FULL = {errno.ENOSPC, errno.EROFS, errno.EDQUOT, errno.EFBIG}
_DENIED = {errno.EACCES, errno.EPERM}
_MEMORY = ("RESOURCE_EXHAUSTED", "ResourceExhausted", "OutOfMemory", "out of memory", "OOM when")


class RunError(LeuknetError):
    """A run that did not finish; `failure` is one of the constants of this module."""

    def __init__(self, failure: str, reason: str) -> None:
        super().__init__(reason)
        self.failure = failure


def explained(error: Exception, what: str, folder: str | Path) -> RunError:
    """Convert an exception raised by an attempt at a run to a `RunError`.

    Parameters
    ----------
    error : Exception
    what : str
        Label of the run, e.g. "VGG19 mDFT".
    folder : path
        The run's folder.
    """
    if isinstance(error, RunError):
        return error
    if isinstance(error, OSError) and error.errno in _FULL | _DENIED:
        return _of_disk(error, folder)
    if isinstance(error, MemoryError) or any(sign in f"{type(error).__name__}: {error}" for sign in _MEMORY):
        first = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        return RunError(MEMORY, f"{what} is too large for this machine's memory: a smaller batch or backbone ({first})")
    if isinstance(error, LeuknetError):
        return RunError(SETUP if isinstance(error, SetUpError) else REFUSED, str(error))
    return RunError(ERROR, f"{type(error).__name__}: {error}")


@contextmanager
def of_this_disk(what: str, folder: str | Path) -> Iterator[None]:
    """Convert an OSError in the block, which writes into a run's `folder`, to a `RunError`."""
    try:
        yield
    except OSError as error:
        raise explained(error, what, folder) from error


def _of_disk(error: OSError, folder: str | Path) -> RunError:
    """Return a `RunError` with the file's name; only the run's folder and the cache count as storage."""
    if error.filename is None and error.errno in _FULL:
        where = f"{folder} or the cache {cache_dir()}"
        return RunError(STORAGE, f"{error.strerror} while writing {where}: free space, then go on")
    path = Path(os.fsdecode(error.filename)) if isinstance(error.filename, str | bytes | os.PathLike) else None
    for place, fix in ((folder, "give another --out"), (cache_dir(), "set LEUKNET_CACHE")):
        if path and _within(path, place):
            first = "allow it" if error.errno in _DENIED else "free space"
            return RunError(STORAGE, f"{error.strerror} at {path}: {first} or {fix}, then go on")
    return RunError(SETUP, f"{error.strerror}: {path or 'see its log'}")


def _within(path: Path, place: str | Path) -> bool:
    """Return whether `path` is in `place`, or is one of its parent folders, which has to be created first."""
    path, place = path.resolve(), Path(place).resolve()
    return path.is_relative_to(place) or place.is_relative_to(path)


def signal_of(code: int) -> int:
    """Return the number of the signal that ended a process, or 0; Popen reports it as -n, a shell as 128 + n."""
    return -code if code < 0 else code - 128 if 128 < code < 128 + signal.NSIG else 0


def signal_name(number: int) -> str:
    """Return the name of a signal, e.g. SIGKILL; real-time signals have no name."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
