"""A process that trains one run after another: ``python -m leuknet.runs.executors.worker SECONDS PARENT ANSWERS``.

Each line of standard input is the folder of a run, which says what the run is (`RunSpec.write`). When the run has
ended, one line of JSON goes to the file descriptor ANSWERS: ``failure`` (a word of `leuknet.runs.failures`, or null)
and ``reason``. Whatever else a run prints goes to ``log.txt`` in its folder. The process keeps what it has compiled and
loaded, and ends with its input or with its parent, PARENT, which may be gone before this process can look.
"""

import functools
import json
import os
import signal
import sys
import threading
import time
from pathlib import Path

from leuknet.data.cohort import Cohort
from leuknet.exceptions import LeuknetError
from leuknet.runs.failures import NO_DATA, RunError, explained

LOOK_SECONDS = 0.2
COHORTS = 4  # memory maps, kept open


@functools.lru_cache(COHORTS)
def cohort_of(config: str) -> Cohort:
    """Return the cohort that a run's record describes, `config` as JSON."""
    from leuknet.data.load import load_cohort

    return load_cohort(**json.loads(config))


def run_from_folder(folder: Path, checkpoint_seconds: float) -> None:
    """Execute the run that `folder` describes, unless another process is at it."""
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
    """Do the run in `folder`, with what it prints in its log; return what became of it."""
    try:
        with (folder / "log.txt").open("ab") as log:
            for stream in (sys.stdout, sys.stderr):
                os.dup2(log.fileno(), stream.fileno())
        run_from_folder(folder, checkpoint_seconds)
    except Exception as error:
        failure = explained(error, "the run", folder)
        print(f"error: {failure}", file=sys.stderr, flush=True)
        return {"failure": failure.failure, "reason": " ".join(str(failure).split())[:2000]}
    return {"failure": None, "reason": ""}


def end_with(parent: int) -> None:
    """End this process at once when `parent` (a process id) is no longer its parent."""

    def look() -> None:
        while os.getppid() == parent:
            time.sleep(LOOK_SECONDS)
        os._exit(1)

    threading.Thread(target=look, daemon=True).start()


def main(checkpoint_seconds: str, parent: str, answers: str) -> None:
    """Train the runs whose folders come by standard input."""
    end_with(int(parent))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # by an exception, which cleans up
    with os.fdopen(int(answers), "w") as stream:
        for line in sys.stdin:
            print(json.dumps(attempt(Path(line.rstrip("\n")), float(checkpoint_seconds))), file=stream, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
