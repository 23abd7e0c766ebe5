"""Worker process that trains runs sequentially: ``python -m leuknet.runs.executors.worker SECONDS PARENT ANSWERS``.

Each line of standard input is the folder of a run, which contains its specification (`RunSpec.write`). After each run,
one line of JSON is written to the file descriptor ANSWERS, with ``failure`` (a constant of `leuknet.runs.failures`, or
null) and ``reason``. All other output of a run goes to ``log.txt`` in its folder. Compiled networks and loaded cohorts
are reused between runs. The process ends at the end of its input or with its parent process, PARENT, which may already
have ended when this process starts.
"""

import functools
import json
import os
import signal
import sys
import threading
import time
from pathlib import Path

from leuknet._io import no_link
from leuknet.data.cohort import Cohort
from leuknet.exceptions import LeuknetError
from leuknet.runs.failures import NO_DATA, RunError, explained

LOOK_SECONDS = 0.2
COHORTS = 4  # number of memory maps to leave open


@functools.lru_cache(COHORTS)
def cohort_of(config: str) -> Cohort:
    """Return the cohort of a cohort config from a run's record, given as JSON."""
    from leuknet.data.load import load_cohort

    return load_cohort(**json.loads(config))


def run_from_folder(folder: Path, checkpoint_seconds: float) -> None:
    """Execute the run described in `folder`, unless another process is executing it."""
    from leuknet.runs.spec import RunSpec
    from leuknet.runs.store import Store

    spec = RunSpec.read(folder)
    if spec.recipe is None:
        raise RunError(NO_DATA, f"{folder} does not say how to load its cohort: start it from its page")
    try:
        cohort = cohort_of(json.dumps(spec.recipe, sort_keys=True))
    except LeuknetError as error:
        raise RunError(NO_DATA, str(error)) from error
    if Store(folder.parent).execute(spec, cohort, checkpoint_seconds=checkpoint_seconds, wait=False):
        print(f"finished {spec.key}: {spec.label}", flush=True)


def attempt(folder: Path, checkpoint_seconds: float) -> dict:
    """Execute the run in `folder` with its output redirected to the log; return the result."""
    try:
        with open(folder / "log.txt", "ab", opener=no_link) as log:
            for stream in (sys.stdout, sys.stderr):
                os.dup2(log.fileno(), stream.fileno())
        run_from_folder(folder, checkpoint_seconds)
    except Exception as error:
        failure = explained(error, "the run", folder)
        print(f"error: {failure}", file=sys.stderr, flush=True)
        return {"failure": failure.failure, "reason": " ".join(str(failure).split())[:2000]}
    return {"failure": None, "reason": ""}


def end_with(parent: int) -> None:
    """Exit this process immediately when `parent` (a process id) is no longer its parent."""

    def look() -> None:
        while os.getppid() == parent:
            time.sleep(LOOK_SECONDS)
        os._exit(1)

    threading.Thread(target=look, daemon=True).start()


def main(checkpoint_seconds: str, parent: str, answers: str) -> None:
    """Train the runs whose folders are read from standard input."""
    end_with(int(parent))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # by an exception, to allow clean-up
    with os.fdopen(int(answers), "w") as stream:
        for line in sys.stdin:
            print(json.dumps(attempt(Path(line.rstrip("\n")), float(checkpoint_seconds))), file=stream, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
