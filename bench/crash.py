"""Kill a small grid repeatedly, and check that its results are unaffected.

Run: ``python bench/crash.py [--kills 13]``. Three grids of the same short runs: undisturbed; on local processes, with
the given number of SIGKILLs of the runs' processes; on a Dask cluster, with the same number of SIGKILLs of a worker
together with its run. The kills alternate between a random moment, the writing of a checkpoint next to a complete one,
and the writing of history or predictions. At the end each run must be finished exactly once, with predictions identical
to those of the undisturbed grid. Prints the targets, the state of the run at each kill, and the number of kills that
left a partial file. A grid that gave up runs (after three kills in one grid) is restarted, as a user would do. Exits
with code 1 if there were fewer kills than requested because the grid finished early.
"""

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from killer import RECIPE, Killer, check_equal, small_grid  # noqa: E402

from leuknet.data.load import load_cohort  # noqa: E402
from leuknet.runs.executors.dask import execute_cluster  # noqa: E402
from leuknet.runs.executors.local import execute_processes, slots  # noqa: E402
from leuknet.runs.store import Store  # noqa: E402


def disturbed(name, specs, store, kills, mean, parents, execute):
    """Run the grid to completion while killing its processes; print a summary."""
    killer = Killer(store.root, kills, mean, parents, aims=("any", "checkpoint", "predictions"))
    began, grids, given_up = time.monotonic(), 0, 0
    killer.start()
    while not all(map(store.done, specs)):
        report, grids = execute(), grids + 1
        given_up += len(report.failed)
        print(*report.events, sep="\n", flush=True)
    killer.stop.set()
    killer.join()
    stages = ", ".join(f"{count} aimed at {aim}: {word}" for (aim, word), count in sorted(killer.stages.items()))
    print(f"{name}: {killer.stages.total()} SIGKILLs ({stages}), {killer.torn} left a half-written file, "
          f"{grids} grids, {given_up} given up on the way, {time.monotonic() - began:.0f} s", flush=True)  # fmt: skip
    return killer.stages.total()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=13)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--mean", type=float, default=2.0, help="seconds of training before a kill, on average")
    parser.add_argument("--only", choices=["processes", "dask"])
    parser.add_argument("--epochs", type=int, default=12)
    options = parser.parse_args()
    cohort, environments = load_cohort(**RECIPE), slots(2, [], narrow=True)
    specs = small_grid(cohort, options.seeds, epochs=options.epochs)
    with tempfile.TemporaryDirectory() as folder:
        whole, local, dask = (Store(Path(folder) / name) for name in ("whole", "local", "dask"))
        print(execute_processes(specs, whole, environments, checkpoint_seconds=0), flush=True)
        ways = {
            "processes": (local, lambda: execute_processes(specs, local, environments, checkpoint_seconds=0)),
            "dask": (dask, lambda: execute_cluster(specs, dask, "local", 2, checkpoint_seconds=0)),
        }
        kills = equal = 0
        names = [options.only] if options.only else list(ways)
        for name in names:
            store, execute = ways[name]
            kills += disturbed(name, specs, store, options.kills, options.mean, name == "dask", execute)
            equal += check_equal(specs, store, whole)
        print(f"{kills} SIGKILLs; {equal} runs each finished once, predictions equal to the undisturbed grid's")
    if kills < (asked := options.kills * len(names)):
        sys.exit(f"too few: {asked} SIGKILLs were asked for; more --epochs or --seeds give them time to land")


if __name__ == "__main__":
    main()
