"""Executors: finish a list of runs in this process, or each in a process of its own."""

import json
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from leuknet.cohort.load import load_cohort
from leuknet.errors import LeuknetError
from leuknet.files import write_json
from leuknet.protocol.splits import Split
from leuknet.study.runs import RunSpec, Store, settings_from_dict


@dataclass(frozen=True)
class Report:
    """What became of a list of runs: how many were done before, trained now, and failed (key to reason)."""

    before: int
    trained: int
    failed: dict
    seconds: float

    def __str__(self):
        failed = f", {len(self.failed)} failed" if self.failed else ""
        counted = f"{self.before + self.trained} runs: {self.before} from before, {self.trained} trained"
        return f"{counted} in {self.seconds:.0f} s{failed}"


def together(spec):
    """Sort key that puts runs of one structure side by side, so that they share a compiled step."""
    s = spec.settings
    return (s.backbone, s.approach, str(s.dense), str(s), spec.split.protocol, spec.fold, spec.seed)


def execute_here(specs, store, cohort, progress=None):
    """Finish `specs` in this process, one after the other.

    Parameters
    ----------
    specs : list of RunSpec
    store : Store
    cohort : Cohort
    progress : callable, optional
        Called with (finished, wanted) after each run.

    Returns
    -------
    Report
        A failed run is in it with its reason; the others go on.
    """
    began, failed = time.perf_counter(), {}
    wanted = sorted((spec for spec in specs if not store.done(spec)), key=together)
    for number, spec in enumerate(wanted, 1):
        try:
            store.execute(spec, cohort)
        except LeuknetError as error:
            failed[spec.key] = str(error)
        if progress:
            progress(number, len(wanted))
    return Report(len(specs) - len(wanted), len(wanted) - len(failed), failed, time.perf_counter() - began)


def execute_processes(specs, store, recipe, workers=1, progress=None):
    """Finish `specs`, each in a process of its own, `workers` at a time; see `execute_here`.

    Parameters
    ----------
    recipe : dict
        How a process loads the cohort: the arguments of `leuknet.cohort.load.load_cohort`.
    """
    began, failed = time.perf_counter(), {}
    wanted = [spec for spec in specs if not store.done(spec)]
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(workers) as pool:
        outcomes = pool.map(lambda spec: run_process(spec, store, recipe, Path(folder)), wanted)
        for number, (spec, reason) in enumerate(zip(wanted, outcomes, strict=True), 1):
            if reason:
                failed[spec.key] = reason
            if progress:
                progress(number, len(wanted))
    return Report(len(specs) - len(wanted), len(wanted) - len(failed), failed, time.perf_counter() - began)


def run_process(spec, store, recipe, folder):
    """Run one spec by ``python -m leuknet.study.worker``; return None, or why it failed."""
    order = folder / f"{spec.key}.json"
    write_order(order, spec, store, recipe)
    done = subprocess.run([sys.executable, "-m", "leuknet.study.worker", order], capture_output=True, text=True)
    if done.returncode == 0:
        return None
    lines = done.stderr.strip().splitlines()
    return lines[-1] if lines else f"the process ended with code {done.returncode}"


def write_order(path, spec, store, recipe):
    """Write all that a worker process needs to `path` (JSON) and beside it (the split, CSV)."""
    split = Path(path).with_suffix(".csv")
    spec.split.to_csv(split)
    order = {
        "store": str(Path(store.root).resolve()),
        "cohort": recipe,
        "split": str(split),
        "settings": spec.settings.as_dict(),
        "fold": spec.fold,
        "seed": spec.seed,
        "keep_model": spec.keep_model,
    }
    write_json(path, order)


def obey(path, checkpoint_seconds=30.0):
    """Execute the order at `path`: the body of a worker process."""
    order = json.loads(Path(path).read_text("utf-8"))
    cohort = load_cohort(**order["cohort"])
    spec = RunSpec(
        settings=settings_from_dict(order["settings"]),
        split=Split.from_csv(order["split"]),
        fold=order["fold"],
        seed=order["seed"],
        cohort_key=cohort.key,
        keep_model=order["keep_model"],
    )
    Store(order["store"]).execute(spec, cohort, checkpoint_seconds=checkpoint_seconds)
