"""SIGKILL for the processes of a study, at random moments or at writes, and what must hold afterwards."""

import os
import signal
import threading
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

import numpy as np
import psutil

from leuknet._random import rng
from leuknet.evaluation.splits import lodocv
from leuknet.models.settings import TrainSettings
from leuknet.runs.spec import RunSpec

RECIPE = {"data": None, "size": 32, "fraction": 0.001, "floor": 4, "seed": 0}
SMALL = TrainSettings(
    backbone="VGG16-nano", weights="random", epochs=8, batch=16, learning_rate=0.01, dense=(32, 16), validation=0.2
)


def small_grid(cohort, seeds=2, recipe=None, **changes):
    """Return a grid of few short runs over `cohort`, which `recipe` loads."""
    split = lodocv(cohort.table)
    settings = SMALL.but(**changes)
    return [
        RunSpec(settings, split, fold, seed, cohort.key, recipe=recipe or RECIPE)
        for fold in split.folds
        for seed in range(seeds)
    ]


def run_processes(root):
    """Return this process's descendants that do a run in `root`, each with the run's folder, whose lock it holds."""
    found = []
    for process in psutil.Process().children(recursive=True):
        try:
            if "leuknet.runs.executors.worker" in process.cmdline():
                locks = [Path(file.path) for file in process.open_files() if file.path.endswith("/lock")]
                found += [(process, lock.parent) for lock in locks if lock.parent.parent == root]
        except psutil.Error:
            continue
    return found


WRITES = {"writing a checkpoint": "checkpoint", "writing predictions": "predictions"}


def stage(folder, since):
    """Return what the run in `folder`, by a process begun at `since` (epoch seconds), is doing."""
    there = [path.name for path in folder.iterdir()]
    if (folder / "done.json").exists():
        return "ending"
    if any(name.startswith(".checkpoint-") for name in there):
        return "writing a checkpoint"
    if "history.csv" in there or any(name.startswith((".history-", ".predictions-")) for name in there):
        return "writing predictions"
    made = folder / "environment.json"
    if made.exists() and made.stat().st_mtime >= since:
        return "training"
    return "starting"


class Killer(threading.Thread):
    """Kill `wanted` times, each time a random run's process, or its parent, a Dask worker.

    Parameters
    ----------
    root : path
        The grid's folder of runs.
    wanted : int
        Kills.
    mean : float
        Seconds of training before a kill at a random moment, on average (exponential).
    parents : bool
        Kill the run's process together with its parent, as when a machine goes.
    aims : sequence of {"any", "checkpoint", "predictions"}
        Taken in turn. "any": a random moment, in 15 % even before training. "checkpoint": as soon as a file beside a
        whole checkpoint is being written. "predictions": as soon as history or predictions are.

    Attributes
    ----------
    stages : Counter
        Kills by (aim, what the run was doing).
    torn : int
        Kills after which a half-written file lay in the run's folder.
    """

    def __init__(self, root, wanted, mean=0.5, parents=False, seed=0, aims=("any",)):
        super().__init__(daemon=True)
        self.root, self.wanted, self.mean, self.parents = Path(root).resolve(), wanted, mean, parents
        self.random, self.stages, self.stop = rng("killer", seed), Counter(), threading.Event()
        self.aims, self.torn = aims, 0

    def run(self):
        while sum(self.stages.values()) < self.wanted and not self.stop.is_set():
            self.once()

    def once(self):
        """Choose a victim, wait for the moment, kill it if it still lives."""
        living = run_processes(self.root)
        if not living:
            time.sleep(0.2)
            return
        process, folder = living[self.random.integers(len(living))]
        aim = self.aims[self.stages.total() % len(self.aims)]
        try:
            since = (folder / "lock").stat().st_mtime - 1
            victims = [process.parent(), process] if self.parents else [process]
            self.wait(process, folder, since, aim)
            word = stage(folder, since)
            lives = process.is_running() and process.status() != psutil.STATUS_ZOMBIE
            if not lives or self.stop.is_set() or victims[0].pid == os.getpid() or aim not in ("any", WRITES.get(word)):
                return
            for victim in victims:
                victim.send_signal(signal.SIGKILL)
            self.stages[aim, word] += 1
            with suppress(psutil.NoSuchProcess):  # it belongs to the grid: only looked at, not waited for
                while process.status() != psutil.STATUS_ZOMBIE:
                    time.sleep(0.001)
            self.torn += any(path.name.startswith(".") for path in folder.iterdir())
        except (psutil.Error, FileNotFoundError):
            return  # it ended before its turn

    def wait(self, process, folder, since, aim):
        """Wait for the moment to kill."""

        def until(met, pause=0.02):
            while process.is_running() and not self.stop.is_set() and not met():
                time.sleep(pause)

        if aim != "any" or self.random.random() < 0.85:
            until(lambda: stage(folder, since) != "starting")
        if aim == "any":
            moment = time.monotonic() + self.random.exponential(self.mean)
            until(lambda: time.monotonic() >= moment)
        elif aim == "checkpoint":
            until((folder / "checkpoint.npz").exists, 0.005)
            until(lambda: any(folder.glob(".checkpoint-*")) or stage(folder, since) == "ending", 0.0005)
        else:
            until(lambda: stage(folder, since) in ("writing predictions", "ending"), 0.0005)


def check_equal(specs, disturbed, undisturbed):
    """Assert that each run was finished once and predicts what the undisturbed one does; return how many runs."""
    for spec in specs:
        folder = disturbed.folder(spec)
        a, b = (store.read(spec).predictions() for store in (disturbed, undisturbed))
        np.testing.assert_array_equal(a["p"].to_numpy(), b["p"].to_numpy(), err_msg=spec.label)
        assert list(a["image_id"]) == list(b["image_id"])
        assert list(disturbed.read(spec).history()["epoch"]) == list(range(1, (spec.settings.epochs or 0) + 1))
        log = folder / "log.txt"
        assert not log.exists() or log.read_text("utf-8", "replace").count(f"finished {spec.key}") <= 1
        left = [path.name for path in folder.iterdir() if path.name.startswith(".") or path.suffix == ".npz"]
        assert left == [], left
    return len(specs)
