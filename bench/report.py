"""Measure how the run time of a report scales with the number of runs.

Run: ``python bench/report.py [--runs 3000]``. Copies simulated runs up to half of the requested number and then to the
full number, and prints for both the CPU seconds of `results.results` and of the whole report, and their ratio, which is
about 2 if the time is linear in the number of runs, independent of the machine's load.
"""

import argparse
import json
import shutil
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from fake_runs import published_runs  # noqa: E402

from leuknet._io import write_json  # noqa: E402
from leuknet.pages.report import report  # noqa: E402
from leuknet.paper.consistency import audit  # noqa: E402
from leuknet.runs.record import read, seal  # noqa: E402
from leuknet.verdicts.results import results  # noqa: E402


def grow(root, runs):
    """Copy runs in `root` with other seeds until there are `runs` of them."""
    first = sorted(root.iterdir())
    for number in range(len(first), runs):
        own = first[number % len(first)]
        copy = root / f"{own.name}-{number}"
        if not copy.exists():
            shutil.copytree(own, copy)
            run = json.loads((copy / "run.json").read_text("utf-8"))
            write_json(copy / "run.json", run | {"seed": number, "key": copy.name})
            seal(copy, read(own).done)


def seconds(what, *arguments):
    """Return the CPU seconds of a call."""
    began = time.process_time()
    what(*arguments)
    return time.process_time() - began


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=3000)
    options = parser.parse_args()
    print(f"the audit alone: {seconds(audit):.1f} s")
    audit_free = []
    with tempfile.TemporaryDirectory() as folder:
        root = published_runs(Path(folder) / "trainings")
        for runs in (options.runs // 2, options.runs):
            grow(root, runs)
            audit_free.append(seconds(results, folder))
            print(f"{runs} runs: results {audit_free[-1]:.1f} s, report {seconds(report, folder):.1f} s", flush=True)
    print(f"twice the runs take {audit_free[1] / audit_free[0]:.2f} times as long to read")


if __name__ == "__main__":
    main()
