"""One run in a process of its own: ``python -m leuknet.runs.executors.worker FOLDER [CHECKPOINT_SECONDS [PARENT]]``.

FOLDER is the run's, in a folder of runs, and says what the run is (`RunSpec.write`). The process ends with a code that
tells the outcome (`leuknet.runs.failures`), and when the process that started it is gone: PARENT is its id, for it may
be gone before this process can ask.
"""

import os
import signal
import sys
import threading
import time
from pathlib import Path

from leuknet.exceptions import LeuknetError
from leuknet.runs.failures import NO_DATA, RunError, code_of, explained

LOOK_SECONDS = 0.2


def obey(folder, checkpoint_seconds):
    """Execute the run that `folder` describes, unless another process is at it."""
    from leuknet.data.load import load_cohort
    from leuknet.runs.spec import RunSpec
    from leuknet.runs.store import Store

    folder = Path(folder)
    spec = RunSpec.read(folder)
    if spec.recipe is None:
        raise RunError(NO_DATA, f"{folder} does not say how to load its cohort: start it from its page")
    try:
        cohort = load_cohort(**spec.recipe)
    except LeuknetError as error:
        raise RunError(NO_DATA, str(error)) from error
    if Store(folder.parent).execute(spec, cohort, checkpoint_seconds=checkpoint_seconds, wait=False):
        print(f"finished {spec.key}: {spec.label}", flush=True)


def end_with(parent):
    """End this process at once when `parent` (a process id) is no longer its parent."""

    def look():
        while os.getppid() == parent:
            time.sleep(LOOK_SECONDS)
        os._exit(1)

    threading.Thread(target=look, daemon=True).start()


def main(folder, checkpoint_seconds="30", parent=None):
    """Obey the order; return the exit code."""
    end_with(int(parent or os.getppid()))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # by an exception, which cleans up
    try:
        obey(folder, float(checkpoint_seconds))
    except Exception as error:
        told = explained(error, "the run", folder)
        print(f"error: {told}", file=sys.stderr)
        return code_of(told)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
