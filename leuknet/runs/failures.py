"""What may become of a run that does not finish, in one word and one line, and whether to try it again."""

import errno
import os
import signal
from pathlib import Path

from leuknet._io import cache_dir
from leuknet.exceptions import LeuknetError, SetUpError

REFUSED = "refused"  # cannot be done as asked: one class only, a loss that is no number
SETUP = "set-up"  # not in this place as it is: weights not to be had, another backend or more devices wanted
MEMORY = "out of memory"
STORAGE = "storage"  # disk full, read-only: nothing else will fit either
KILLED = "killed"
ERROR = "error"  # none of ours: the log has the traceback
BUSY = "busy"  # another process is at it
NO_DATA = "no data"  # this worker lacks the cohort

FINAL = (REFUSED,)  # the same again would end the same way
FINAL_HERE = (REFUSED, SETUP)  # as long as nobody mends the set-up
EXIT_CODES = {REFUSED: 2, BUSY: 3, STORAGE: 4, MEMORY: 5, ERROR: 6, NO_DATA: 7, SETUP: 8}
_FULL = {errno.ENOSPC, errno.EROFS, errno.EDQUOT, errno.EFBIG}
_DENIED = {errno.EACCES, errno.EPERM}
_MEMORY = ("RESOURCE_EXHAUSTED", "ResourceExhausted", "OutOfMemory", "out of memory", "OOM when")


class RunError(LeuknetError):
    """A run that did not finish; `outcome` is one of this module's words."""

    def __init__(self, outcome, reason):
        super().__init__(reason)
        self.outcome = outcome


def explained(error, what, folder):
    """Return `RunError` for whatever an attempt at a run raised.

    Parameters
    ----------
    error : Exception
    what : str
        The run, e.g. "VGG19 mDFT".
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


def _of_disk(error, folder):
    """Tell where a file could not be written, or read: only the run's folder and the cache are storage."""
    if error.filename is None and error.errno in _FULL:
        where = f"{folder} or the cache {cache_dir()}"
        return RunError(STORAGE, f"{error.strerror} while writing {where}: free space, then go on")
    path = Path(os.fsdecode(error.filename)) if isinstance(error.filename, str | bytes | os.PathLike) else None
    for place, mend in ((folder, "give another --out"), (cache_dir(), "set LEUKNET_CACHE")):
        if path and _within(path, place):
            first = "allow it" if error.errno in _DENIED else "free space"
            return RunError(STORAGE, f"{error.strerror} at {path}: {first} or {mend}, then go on")
    return RunError(SETUP, f"{error.strerror}: {path or 'its log tells more'}")


def _within(path, place):
    """Whether `path` lies in `place`, or is a folder above it, which has to be made first."""
    path, place = path.resolve(), Path(place).resolve()
    return path.is_relative_to(place) or place.is_relative_to(path)


def code_of(error):
    """Return a worker process's exit code for `RunError`."""
    return EXIT_CODES[error.outcome]


def signal_of(code):
    """Return the number of the signal that ended a process, or 0: Popen tells it as negative, a shell as 128 + it."""
    return -code if code < 0 else code - 128 if 128 < code < 128 + signal.NSIG else 0


def signal_name(number):
    """Return what a signal is called, e.g. SIGKILL; real-time signals have no names."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
