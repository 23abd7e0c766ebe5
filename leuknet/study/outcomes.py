"""What may become of a run that does not finish, in one word and one line, and whether to try it again."""

import errno

from leuknet.errors import LeuknetError

REFUSED = "refused"  # cannot be done as asked: one class only, a loss that is no number, weights not to be had
MEMORY = "out of memory"
STORAGE = "storage"  # disk full, read-only: nothing else will fit either
KILLED = "killed"
ERROR = "error"  # none of ours: the log has the traceback
BUSY = "busy"  # another process is at it
NO_DATA = "no data"  # this worker lacks the cohort

FINAL = (REFUSED,)  # the same again would end the same way
EXIT_CODES = {REFUSED: 2, BUSY: 3, STORAGE: 4, MEMORY: 5, ERROR: 6, NO_DATA: 7}
_STORAGE = {errno.ENOSPC, errno.EROFS, errno.EACCES, errno.EPERM, errno.EDQUOT, errno.EFBIG}
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
    if isinstance(error, OSError) and error.errno in _STORAGE:
        reason = f"{error.strerror} while writing {folder}: free space or give another --out, then go on"
        return RunError(STORAGE, reason)
    if isinstance(error, MemoryError) or any(sign in f"{type(error).__name__}: {error}" for sign in _MEMORY):
        first = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        return RunError(MEMORY, f"{what} is too large for this machine's memory: a smaller batch or backbone ({first})")
    if isinstance(error, LeuknetError):
        return RunError(REFUSED, str(error))
    return RunError(ERROR, f"{type(error).__name__}: {error}")


def code_of(error):
    """Return a worker process's exit code for `RunError`."""
    return EXIT_CODES[error.outcome]


def outcome_of(code):
    """Return the outcome that a process's exit code tells; None for 0."""
    if code == 0:
        return None
    return KILLED if signal_of(code) else {v: k for k, v in EXIT_CODES.items()}.get(code, ERROR)


def signal_of(code):
    """Return the number of the signal that ended a process: Popen tells it as negative, a shell as 128 + number."""
    return -code if code < 0 else code - 128 if code > 128 else 0
