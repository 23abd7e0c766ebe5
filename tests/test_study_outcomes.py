"""What is said of a run that did not finish: one word, one line, by error and by exit code."""

import errno
import subprocess
import sys

import pytest

from leuknet.errors import LeuknetError, SetUpError
from leuknet.files import atomic
from leuknet.study import outcomes
from leuknet.study.execute import Job, finished


@pytest.mark.parametrize(
    "error, outcome",
    [
        (MemoryError(), outcomes.MEMORY),
        (RuntimeError("RESOURCE_EXHAUSTED: Out of memory while trying to allocate"), outcomes.MEMORY),
        (OSError(28, "No space left on device"), outcomes.STORAGE),
        (OSError(28, "No space left on device", "/elsewhere/file"), outcomes.SETUP),
        (PermissionError(13, "Permission denied", "/weights/vgg16.npz"), outcomes.SETUP),
        (PermissionError(1, "Operation not permitted"), outcomes.SETUP),
        (LeuknetError("the loss is nan"), outcomes.REFUSED),
        (SetUpError("needs JAX"), outcomes.SETUP),
        (ZeroDivisionError("x"), outcomes.ERROR),
    ],
)
def test_outcomes(error, outcome, tmp_path):
    told = outcomes.explained(error, "VGG19", tmp_path)
    assert told.outcome == outcome and "\n" not in str(told)
    assert outcomes.outcome_of(outcomes.code_of(told)) == outcome
    assert outcomes.outcome_of(-9) == outcomes.outcome_of(143) == outcomes.KILLED and outcomes.outcome_of(0) is None


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EACCES, errno.EPERM])
def test_storage_names_the_place_that_fails(number, tmp_path, monkeypatch):
    monkeypatch.setenv("LEUKNET_CACHE", str(tmp_path / "cache"))
    run, kept = tmp_path / "runs" / "a", tmp_path / "cache" / "features" / "x.npz"
    for path, mend in ((run / "done.json", "--out"), (run.parent, "--out"), (kept, "LEUKNET_CACHE")):
        told = outcomes.explained(OSError(number, "no", str(path)), "VGG19", run)
        assert told.outcome == outcomes.STORAGE and f"no at {path}:" in str(told) and mend in str(told)


def test_a_write_that_fails_says_where(tmp_path):
    with pytest.raises(OSError, match="kept.npz"), atomic(tmp_path / "kept.npz"):
        raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize(
    "end, outcome, told",
    [
        ("raise SystemExit(255)", outcomes.ERROR, "no word in its log"),
        ("os.kill(os.getpid(), 40)", outcomes.KILLED, "killed by signal 40 with"),
        ("os.kill(os.getpid(), 9)", outcomes.KILLED, "killed by SIGKILL with 0.0 GB in memory; by someone"),
    ],
)
def test_however_a_process_ends_it_is_told(end, outcome, told, tmp_path):
    process = subprocess.Popen([sys.executable, "-c", f"import os; {end}"])
    process.wait()
    found = finished(Job(None, process, 0, tmp_path / "log.txt"))
    assert found[0] == outcome and found[1].startswith(told)
