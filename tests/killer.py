"""SIGKILL for the processes of a grid, at random moments, and what must hold afterwards."""

import os
import signal
import threading
import time
from collections import Counter
from pathlib import Path

import numpy as np
import psutil

from leuknet.learn.settings import TrainSettings
from leuknet.protocol.splits import lodocv
from leuknet.seeds import rng
from leuknet.study.runs import RunSpec

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
    """Return this process's descendants that do a run in `root`, each with the run's folder."""
    found = []
    for process in psutil.Process().children(recursive=True):
        try:
            words = process.cmdline()
        except psutil.Error:
            continue
        if (
            "leuknet.study.worker" in words
            and (folder := Path(words[words.index("leuknet.study.worker") + 1])).parent == root
        ):
            found.append((process, folder))
    return found


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

    Most kills wait until the run trains, and then for a random time, exponential with a mean of `mean` seconds.
    """

    def __init__(self, root, wanted, mean, parents=False, seed=0):
        super().__init__(daemon=True)
        self.root, self.wanted, self.mean, self.parents = Path(root).resolve(), wanted, mean, parents
        self.random, self.stages, self.stop = rng("killer", seed), Counter(), threading.Event()

    def run(self):
        while sum(self.stages.values()) < self.wanted and not self.stop.is_set():
            self.once()

    def once(self):
        """Choose a victim, wait for the moment, kill it if it still lives."""
        living = run_processes(self.root)
        if not living:
            time.sleep(0.05)
            return
        process, folder = living[self.random.integers(len(living))]
        try:
            since, target = process.create_time() - 1, process.parent() if self.parents else process
            if self.random.random() < 0.85:
                while process.is_running() and stage(folder, since) == "starting" and not self.stop.is_set():
                    time.sleep(0.005)
            moment = time.monotonic() + self.random.exponential(self.mean)
            while process.is_running() and time.monotonic() < moment:
                time.sleep(0.005)
            if process.is_running() and process.status() != psutil.STATUS_ZOMBIE and target.pid != os.getpid():
                word = stage(folder, since)
                target.send_signal(signal.SIGKILL)
                self.stages[word] += 1
        except (psutil.Error, FileNotFoundError):
            return  # it ended before its turn


def check_equal(specs, disturbed, undisturbed):
    """Assert that each run was finished once and predicts what the undisturbed one does; return how many runs."""
    for spec in specs:
        folder = disturbed.folder(spec)
        a, b = disturbed.predictions(spec), undisturbed.predictions(spec)
        np.testing.assert_array_equal(a["p"].to_numpy(), b["p"].to_numpy(), err_msg=spec.label)
        assert list(a["image_id"]) == list(b["image_id"])
        assert list(disturbed.history(spec)["epoch"]) == list(range(1, spec.settings.epochs + 1))
        log = folder / "log.txt"
        assert not log.exists() or log.read_text("utf-8", "replace").count(f"finished {spec.key}") <= 1
        left = [path.name for path in folder.iterdir() if path.name.startswith(".") or path.suffix == ".npz"]
        assert left == [], left
    return len(specs)
