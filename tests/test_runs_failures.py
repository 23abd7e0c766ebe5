"""How a failed run is reported: one word and one line, by exception and by exit code."""

import errno
import subprocess
import sys

import pytest

from leuknet._io import atomic
from leuknet.exceptions import LeuknetError, SetUpError
from leuknet.runs import failures
from leuknet.runs.executors.local import died


@pytest.mark.parametrize(
    "error, failure",
    [
        (MemoryError(), failures.MEMORY),
        (RuntimeError("RESOURCE_EXHAUSTED: Out of memory while trying to allocate"), failures.MEMORY),
        (OSError(28, "No space left on device"), failures.STORAGE),
        (OSError(28, "No space left on device", "/elsewhere/file"), failures.SETUP),
        (PermissionError(13, "Permission denied", "/weights/vgg16.npz"), failures.SETUP),
        (PermissionError(1, "Operation not permitted"), failures.SETUP),
        (LeuknetError("the loss is nan"), failures.REFUSED),
        (SetUpError("needs JAX"), failures.SETUP),
        (ZeroDivisionError("x"), failures.ERROR),
    ],
)
def test_exceptions_are_explained_in_one_line(error, failure, tmp_path):
    explained = failures.explained(error, "VGG19", tmp_path)
    assert explained.failure == failure and "\n" not in str(explained)
    assert failures.signal_of(-9) == 9 and failures.signal_of(143) == 15 and failures.signal_of(0) == 0


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EACCES, errno.EPERM])
def test_storage_names_the_place_that_fails(number, tmp_path, monkeypatch):
    monkeypatch.setenv("LEUKNET_CACHE", str(tmp_path / "cache"))
    run, kept = tmp_path / "runs" / "a", tmp_path / "cache" / "features" / "x.npz"
    for path, fix in ((run / "done.json", "--out"), (run.parent, "--out"), (kept, "LEUKNET_CACHE")):
        explained = failures.explained(OSError(number, "no", str(path)), "VGG19", run)
        assert explained.failure == failures.STORAGE and f"no at {path}:" in str(explained) and fix in str(explained)


def test_a_write_that_fails_says_where(tmp_path):
    with pytest.raises(OSError, match="kept.npz"), atomic(tmp_path / "kept.npz"):
        raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize(
    "end, failure, reason",
    [
        ("raise SystemExit(255)", failures.ERROR, "no word in its log"),
        ("os.kill(os.getpid(), 40)", failures.KILLED, "killed by signal 40 with"),
        ("os.kill(os.getpid(), 9)", failures.KILLED, "killed by SIGKILL with 0.0 GB in memory; by someone"),
    ],
)
def test_a_dead_process_is_reported_however_it_ended(end, failure, reason, tmp_path):
    process = subprocess.Popen([sys.executable, "-c", f"import os; {end}"])
    process.wait()
    ending = died(process.returncode, 0, tmp_path / "log.txt")
    assert ending.failure == failure and ending.reason.startswith(reason)
