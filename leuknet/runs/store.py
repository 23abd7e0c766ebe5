"""Runs: one training with one seed on one fold, stored in a folder named by the hash of what decides it.

A run's folder holds ``run.json`` (settings, cohort, seed) and ``split.csv`` (its fold), which are enough to repeat it;
then ``environment.json``, ``history.csv``, ``predictions.parquet``, ``weights.json``, ``model.keras`` and
``training_features.npz`` if requested, and ``done.json``, written last, with the checksums of all of them
(`leuknet.runs.record`). While it runs, ``lock`` is held and ``progress.json`` has its epoch. An interrupted run leaves
``checkpoint.npz`` and resumes there; a failed one ``failed.json``.
"""

import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import filelock
import numpy as np
import pandas as pd

from leuknet._io import atomic, write_json
from leuknet.baselines.settings import BaselineSettings
from leuknet.data.cohort import Cohort
from leuknet.exceptions import LeuknetError
from leuknet.models.settings import TrainSettings
from leuknet.runs.checkpoint import Checkpoint
from leuknet.runs.failures import BUSY, NO_DATA, RunError, explained, of_this_disk
from leuknet.runs.record import DONE, NETWORK, PREDICTION_COLUMNS, Record, damage, read, seal
from leuknet.runs.spec import RunSpec
from leuknet.runs.training_features import write_training_features


class Store:
    """A folder of runs.

    Parameters
    ----------
    root : path
        Created when the first run is written.
    """

    def __init__(self, root: str | Path) -> None:
        self.root = Path(root)

    def folder(self, spec: RunSpec | str) -> Path:
        """Return the folder of a run, given as `RunSpec` or by its key."""
        return self.root / (spec if isinstance(spec, str) else spec.key)

    def done(self, spec: RunSpec | str) -> bool:
        """Whether the run is finished and whole, with its network if it is to be saved; a damaged run is not done."""
        folder = self.folder(spec)
        keep = not isinstance(spec, str) and spec.keep_model
        names = (DONE, *NETWORK) if keep else (DONE,)
        return all((folder / name).is_file() for name in names) and not damage(folder)

    def describe(self, spec: RunSpec) -> Path:
        """Write what the run is into its folder, unless that is there already or the run is done; return the folder."""
        folder = self.folder(spec)
        if self.done(spec):  # its files are sealed
            return folder
        with suppress(LeuknetError):  # not there, or not whole
            there = RunSpec.read(folder)
            if there.recipe == spec.recipe and there.keep_model >= spec.keep_model:
                return folder
        with of_this_disk(spec.label, folder):
            folder.mkdir(parents=True, exist_ok=True)
            spec.write(folder)
        return folder

    @contextmanager
    def held(self, spec: RunSpec | str, wait: bool = True) -> Iterator[Path]:
        """Hold the run's lock: one process at a time writes into its folder.

        Raises
        ------
        RunError
            With failure ``busy`` if another process holds it and `wait` is false.
        """
        folder = self.folder(spec)
        folder.mkdir(parents=True, exist_ok=True)
        lock = filelock.FileLock(folder / "lock", timeout=-1 if wait else 0)
        try:
            lock.acquire()
        except filelock.Timeout:
            raise RunError(BUSY, f"{folder}: another process is at this run") from None
        try:
            with filelock.FileLock(folder / "running"):  # probed by `query.locked`, which so never takes `lock`
                yield folder
        finally:
            lock.release()

    def execute(
        self,
        spec: RunSpec,
        cohort: Cohort,
        report: Callable[[dict[str, float]], object] | None = None,
        checkpoint_seconds: float = 30.0,
        wait: bool = True,
    ) -> bool:
        """Finish one run: skip it if done, resume it if interrupted, train it otherwise.

        Parameters
        ----------
        spec : RunSpec
        cohort : Cohort
        report : callable, optional
            Called with each epoch's history row.
        checkpoint_seconds : float
            Least time between two checkpoints.
        wait : bool
            Wait while another process is running it.

        Returns
        -------
        bool
            Whether it was trained to its end now; false if it was done before.

        Raises
        ------
        RunError
            If it cannot be finished; its `failure` and ``failed.json`` say why.
        """
        if cohort.key != spec.cohort_key:
            reason = f"run {spec.key} belongs to another cohort: its images or labels differ from these"
            raise RunError(NO_DATA, reason)
        folder = self.folder(spec)
        try:
            with self.held(spec, wait):
                wanted = not self.done(spec)
                if wanted:
                    _sweep(folder)
                    self._train(spec, cohort, report, checkpoint_seconds)
                return wanted
        except Exception as error:
            explanation = explained(error, spec.label, folder)
            if explanation.failure != BUSY:
                with suppress(OSError):  # a full disk has no room for the record either: the error itself says so
                    write_failure(folder, explanation.failure, str(explanation), traceback.format_exc())
            raise explanation from error

    def _train(
        self,
        spec: RunSpec,
        cohort: Cohort,
        report: Callable[[dict[str, float]], object] | None,
        checkpoint_seconds: float,
    ) -> None:
        folder = self.folder(spec)
        (folder / DONE).unlink(missing_ok=True)  # damaged, or its network is wanted now: no seal over mixed files
        self.describe(spec)
        checkpoint = Checkpoint(folder / "checkpoint.npz", checkpoint_seconds)
        (folder / "failed.json").unlink(missing_ok=True)
        write_json(folder / "environment.json", checkpoint.made)
        roles = spec.split.indices(cohort.table, spec.fold)
        if isinstance(spec.settings, BaselineSettings):
            from leuknet.baselines.run import run

            trained: Any = run(cohort, roles, spec.settings, spec.seed)
        else:
            from leuknet.models.training import train

            on_epoch = _progress(folder, spec.settings, report)
            trained = train(cohort, roles, spec.settings, spec.seed, checkpoint.load, checkpoint.save, on_epoch)
            write_json(folder / "environment.json", checkpoint.made)  # resumed, perhaps from another machine's run
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
            write_training_features(folder, trained.model, cohort, spec.split, spec.fold)
        seal(folder, {"seconds": checkpoint.seconds, **trained.timing})
        for name in ("checkpoint.npz", "progress.json"):
            (folder / name).unlink(missing_ok=True)

    def read(self, spec: RunSpec | str) -> Record:
        """Return the `Record` of a finished run; raise `LeuknetError` if it is not finished, or damaged."""
        if not (self.folder(spec) / DONE).is_file():
            what = spec if isinstance(spec, str) else f"{spec.key} ({spec.fold}, seed {spec.seed})"
            raise LeuknetError(f"run {what} is not finished: execute it first")
        return read(self.folder(spec))

    def predictions(self, spec: RunSpec | str) -> pd.DataFrame:
        """Return a finished run's predictions (`PREDICTION_COLUMNS`)."""
        return self.read(spec).predictions()

    def history(self, spec: RunSpec | str) -> pd.DataFrame:
        """Return a finished run's history, one row an epoch."""
        return self.read(spec).history()

    def record(self, spec: RunSpec | str) -> dict[str, dict[str, Any]]:
        """Return what a finished run's JSON files hold: ``run``, ``environment``, ``weights`` and ``done``."""
        return self.read(spec).as_dict()

    def model(self, spec: RunSpec) -> Any:
        """Load a saved network, see `leuknet.models.network_file.load_network`."""
        from leuknet.models.network_file import load_network

        if not self.done(spec) or not spec.keep_model:
            raise LeuknetError(f"run {spec.key} has no kept network: execute it with keep_model=True")
        return load_network(self.read(spec).path("model.keras"))


def predictions(
    table: pd.DataFrame, probabilities: dict[str, tuple[np.ndarray, np.ndarray]], spec: RunSpec
) -> pd.DataFrame:
    """Return the tidy predictions of one run: `PREDICTION_COLUMNS`, one row an image and role."""
    parts = []
    for role, (where, p) in probabilities.items():
        rows = table.iloc[where][["image_id", "data_set", "source", "group", "label"]].rename(columns={"label": "y"})
        parts.append(rows.assign(p=p, fold=spec.fold, seed=spec.seed, split=role))
    return pd.concat(parts, ignore_index=True)[PREDICTION_COLUMNS]


def _progress(
    folder: Path, settings: TrainSettings, report: Callable[[dict[str, float]], object] | None
) -> Callable[[dict[str, float]], None]:
    """Return the callable that writes each epoch to ``progress.json`` and passes it to `report`."""

    def on_epoch(row: dict[str, float]) -> None:
        write_json(folder / "progress.json", {"epochs": settings.epochs, **row})
        if report:
            report(row)

    return on_epoch


def _sweep(folder: Path) -> None:
    """Delete half-written files of a killed process; the caller holds the run's lock."""
    for path in folder.glob(".*"):
        if not path.name.startswith((".run-", ".split-")):  # a study may be describing the run at this moment
            path.unlink(missing_ok=True)


def write_failure(folder: str | Path, failure: str, reason: str, log: str = "") -> None:
    """Write ``failed.json``: ``outcome`` (the failure), ``reason`` in one line, ``log`` (traceback or end of a log)."""
    write_json(Path(folder) / "failed.json", {"outcome": failure, "reason": reason, "log": log})
