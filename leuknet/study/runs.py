"""Runs: one training with one seed on one fold, kept in a folder named by what decides it.

A run's folder holds ``run.json`` (settings, cohort, split, seed), ``environment.json``, ``history.csv``,
``predictions.parquet``, ``weights.json``, ``model.keras`` where it was asked for, and ``done.json``, written last.
An interrupted run leaves ``checkpoint.npz`` and goes on from there; a failed one leaves ``failed.json``.
"""

import json
import time
import traceback
import zipfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import filelock
import numpy as np
import pandas as pd

from leuknet.compare.settings import SystemSettings
from leuknet.errors import LeuknetError
from leuknet.files import atomic, hash_of, write_json
from leuknet.learn.settings import TrainSettings
from leuknet.protocol.splits import Split
from leuknet.study.environment import environment

SCHEMA = 1
PREDICTION_COLUMNS = ["image_id", "data_set", "source", "group", "y", "p", "fold", "seed", "split"]


@dataclass(frozen=True)
class RunSpec:
    """What decides a run.

    Attributes
    ----------
    settings : TrainSettings or SystemSettings
    split : Split
    fold : str
    seed : int
    cohort_key : str
        `Cohort.key`: the images' content, never their place.
    keep_model : bool
        Keep the trained network (not part of the key).
    """

    settings: TrainSettings | SystemSettings
    split: Split
    fold: str
    seed: int
    cohort_key: str
    keep_model: bool = False

    @cached_property
    def key(self):
        """16 hexadecimal digits: the hash of settings, fold, seed and cohort."""
        decides = [SCHEMA, self.settings.as_dict(), self.split.fold_hash(self.fold), self.seed, self.cohort_key]
        return hash_of(decides)

    def as_dict(self):
        """Return the record that ``run.json`` holds."""
        return {
            "schema": SCHEMA,
            "key": self.key,
            "settings": self.settings.as_dict(),
            "protocol": self.split.protocol,
            "split_hash": self.split.hash,
            "fold": self.fold,
            "seed": self.seed,
            "cohort_key": self.cohort_key,
        }


def settings_from_dict(values):
    """Build the settings that `values`, an `as_dict`, came from."""
    return (SystemSettings if "system" in values else TrainSettings).from_dict(values)


class Store:
    """A folder of runs.

    Parameters
    ----------
    root : path
        Made when the first run is written.
    """

    def __init__(self, root):
        self.root = Path(root)

    def folder(self, spec):
        """Return the run's folder."""
        return self.root / spec.key

    def done(self, spec):
        """Whether the run is finished, and its network there if it is to be kept."""
        folder = self.folder(spec)
        finished = (folder / "done.json").is_file()
        return finished and (not spec.keep_model or (folder / "model.keras").is_file())

    def execute(self, spec, cohort, report=None, checkpoint_seconds=30.0):
        """Finish one run: skip it if done, resume it if interrupted, train it otherwise.

        Parameters
        ----------
        spec : RunSpec
        cohort : Cohort
        report : callable, optional
            Called with each epoch's history row.
        checkpoint_seconds : float
            Least time between two checkpoints.

        Raises
        ------
        LeuknetError
            If the cohort is not the run's, or the training cannot be done; ``failed.json`` says why.
        """
        if cohort.key != spec.cohort_key:
            raise LeuknetError(f"run {spec.key} belongs to another cohort: its images or labels differ from these")
        folder = self.folder(spec)
        folder.mkdir(parents=True, exist_ok=True)
        with filelock.FileLock(folder / "lock"):
            if self.done(spec):
                return
            (folder / "failed.json").unlink(missing_ok=True)
            try:
                self._train(spec, cohort, report, checkpoint_seconds)
            except Exception as error:
                reason = {"reason": f"{type(error).__name__}: {error}", "traceback": traceback.format_exc()}
                write_json(folder / "failed.json", reason)
                raise

    def _train(self, spec, cohort, report, checkpoint_seconds):
        folder, began = self.folder(spec), time.perf_counter()
        write_json(folder / "run.json", spec.as_dict())
        write_json(folder / "environment.json", environment())
        roles = spec.split.indices(cohort.table, spec.fold)
        save = Saver(folder / "checkpoint.npz", checkpoint_seconds)
        if isinstance(spec.settings, SystemSettings):
            from leuknet.compare.run import run

            trained = run(cohort, roles, spec.settings, spec.seed)
        else:
            from leuknet.learn.train import train

            trained = train(cohort, roles, spec.settings, spec.seed, load_checkpoint(save.path), save, report)
        with atomic(folder / "history.csv") as temporary:
            trained.history.to_csv(temporary, index=False)
        with atomic(folder / "predictions.parquet") as temporary:
            predictions(cohort.table, trained.probabilities, spec).to_parquet(temporary, index=False)
        write_json(folder / "weights.json", trained.weights)
        if spec.keep_model:
            if trained.model is None:
                raise LeuknetError(f"{spec.settings.approach} has no network to keep: plan it without keep_model")
            with atomic(folder / "model.keras") as temporary:
                trained.model.save(temporary)
        write_json(folder / "done.json", {"seconds": time.perf_counter() - began, **trained.timing})
        save.path.unlink(missing_ok=True)

    def predictions(self, spec):
        """Return a finished run's predictions (`PREDICTION_COLUMNS`)."""
        self.record(spec)
        return pd.read_parquet(self.folder(spec) / "predictions.parquet")

    def history(self, spec):
        """Return a finished run's history, one row an epoch."""
        self.record(spec)
        return pd.read_csv(self.folder(spec) / "history.csv")

    def record(self, spec):
        """Return one dictionary of all that a finished run says of itself."""
        folder = self.folder(spec)
        if not self.done(spec):
            raise LeuknetError(f"run {spec.key} ({spec.fold}, seed {spec.seed}) is not finished: execute it first")
        return {name: json.loads((folder / f"{name}.json").read_text("utf-8")) for name in RECORD_FILES}

    def model(self, spec):
        """Load a kept network (Keras' safe mode: no code from the file is run)."""
        import keras

        if not self.done(spec) or not spec.keep_model:
            raise LeuknetError(f"run {spec.key} has no kept network: execute it with keep_model=True")
        return keras.saving.load_model(self.folder(spec) / "model.keras", compile=False, safe_mode=True)


RECORD_FILES = ("run", "environment", "weights", "done")


def predictions(table, probabilities, spec):
    """Return the tidy predictions of one run: `PREDICTION_COLUMNS`, one row an image and role."""
    parts = []
    for role, (where, p) in probabilities.items():
        rows = table.iloc[where][["image_id", "data_set", "source", "group", "label"]].rename(columns={"label": "y"})
        parts.append(rows.assign(p=p, fold=spec.fold, seed=spec.seed, split=role))
    return pd.concat(parts, ignore_index=True)[PREDICTION_COLUMNS]


class Saver:
    """Write `Progress` to one file, atomically, at most every `least_seconds`."""

    def __init__(self, path, least_seconds):
        self.path, self.least_seconds, self.last = Path(path), least_seconds, time.monotonic()

    def __call__(self, progress):
        if time.monotonic() - self.last < self.least_seconds:
            return
        arrays = {f"state{i:05}": value for i, value in enumerate(progress.state)}
        with atomic(self.path) as temporary:
            np.savez(temporary, epoch=progress.epoch, history=json.dumps(progress.history), **arrays)
        self.last = time.monotonic()


def load_checkpoint(path):
    """Return the `Progress` kept at `path`, or None if there is none or it cannot be read whole."""
    from leuknet.learn.train import Progress

    if not Path(path).is_file():
        return None
    try:
        with np.load(path, allow_pickle=False) as kept:
            state = [kept[name] for name in sorted(kept.files) if name.startswith("state")]
            return Progress(int(kept["epoch"]), json.loads(str(kept["history"])), state)
    except (ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise LeuknetError(f"{path} is damaged ({error}): delete it, and the run begins anew") from error
