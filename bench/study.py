"""Hours that each table and the whole paper need on this machine, next to the paper's own times from Table 8.

Run: ``python bench/study.py`` (``KERAS_BACKEND=jax`` for JAX). Measures each network of the tables at the paper's size
and batch size on a few random images (`leuknet.runs.planning.throughput.trial`; cached), counts the runs of the profile
``paper`` on a cohort with Table 1's counts, and multiplies. ``--only VGG16`` measures selected backbones only.

The paper's hours: Table 8 gives the minutes of one training by backbone and test set, measured on a TITAN XP; every run
of a backbone is assumed to take as long as its mDFT (mean over both test sets), the only approach that was timed. The
baselines are included in the number of runs, but not in the hours, because the paper did not time them.
"""

import argparse
import os
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

from leuknet.paper import tables
from leuknet.runs.planning import cost, throughput
from leuknet.study import experiments
from leuknet.study.scale import counted_study


def paper_minutes():
    """Return the paper's minutes per training by backbone (mean over its two test sets)."""
    times = tables.table(8).query("column == 'Training Time'")
    names = {"VGG-16": "VGG16", "VGG-19": "VGG19", "ResNet": "ResNet50"}
    return times.assign(row=times["row"].replace(names)).groupby("row")["value"].mean()


def main():
    """Parse the options, measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="*", help="backbones to measure")
    parser.add_argument("--batch", type=int, help="measure in smaller batches, where 32 do not fit")
    parser.add_argument("--precision", help="the profile's if not given")
    parser.add_argument("--batches", type=int, default=1)
    parser.add_argument("--out", default="runs/paper")
    options = parser.parse_args()
    changes = {name: value for name in ("precision", "batch") if (value := getattr(options, name))}
    study = counted_study("paper", **changes)
    study.out = Path(options.out)
    plans = experiments.runs_of(study, ["all"])
    for settings in cost.unmeasured(plans, study.store, study.profile.size):
        if not options.only or settings.backbone in options.only:
            print(throughput.measured(settings, study.profile.size, options.batches), flush=True)
    found = cost.costs(plans, study.store, study.profile.size)
    minutes = paper_minutes()
    plans_too = plans | {"together": experiments.together(plans)}
    own = {name: sum(minutes.get(s.settings.backbone, 0) for s in plan) / 60 for name, plan in plans_too.items()}
    print(cost.shown(found.assign(paper_hours=found["experiment"].map(own).round(1))).to_string(index=False))
    print(f"precision {study.profile.settings().precision}, batch {study.profile.settings().batch}")
    print(f"place: {cost.place()}, load {os.getloadavg()[0]:.1f}; hours leave out the runs counted as not measured")


if __name__ == "__main__":
    main()
