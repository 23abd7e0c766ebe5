"""What is said of a run that did not finish: one word, one line, by error and by exit code."""

import errno
import subprocess
import sys

import pytest

from leuknet._io import atomic
from leuknet.exceptions import LeuknetError, SetUpError
from leuknet.runs import failures
from leuknet.runs.executors.local import died


@pytest.mark.parametrize(
    "error, outcome",
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
def test_outcomes(error, outcome, tmp_path):
    told = failures.explained(error, "VGG19", tmp_path)
    assert told.outcome == outcome and "\n" not in str(told)
    assert failures.code_of(told) == failures.EXIT_CODES[outcome]
    assert failures.signal_of(-9) == 9 and failures.signal_of(143) == 15 and failures.signal_of(0) == 0


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EACCES, errno.EPERM])
def test_storage_names_the_place_that_fails(number, tmp_path, monkeypatch):
    monkeypatch.setenv("LEUKNET_CACHE", str(tmp_path / "cache"))
    run, kept = tmp_path / "runs" / "a", tmp_path / "cache" / "features" / "x.npz"
    for path, mend in ((run / "done.json", "--out"), (run.parent, "--out"), (kept, "LEUKNET_CACHE")):
        told = failures.explained(OSError(number, "no", str(path)), "VGG19", run)
        assert told.outcome == failures.STORAGE and f"no at {path}:" in str(told) and mend in str(told)


def test_a_write_that_fails_says_where(tmp_path):
    with pytest.raises(OSError, match="kept.npz"), atomic(tmp_path / "kept.npz"):
        raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize(
    "end, outcome, told",
    [
        ("raise SystemExit(255)", failures.ERROR, "no word in its log"),
        ("os.kill(os.getpid(), 40)", failures.KILLED, "killed by signal 40 with"),
        ("os.kill(os.getpid(), 9)", failures.KILLED, "killed by SIGKILL with 0.0 GB in memory; by someone"),
    ],
)
def test_however_a_process_ends_it_is_told(end, outcome, told, tmp_path):
    process = subprocess.Popen([sys.executable, "-c", f"import os; {end}"])
    process.wait()
    found = died(process.returncode, 0, tmp_path / "log.txt")
    assert found.failure == outcome and found.reason.startswith(told)
