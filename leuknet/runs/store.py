"""Storage and execution of runs: one training with one seed on one fold, in a folder named after the run's key.

The folder of a run contains ``run.json`` (settings, cohort, seed) and ``split.csv`` (its fold), which are sufficient to
repeat it, and ``environment.json``, ``history.csv``, ``predictions.parquet``, ``weights.json``, and if requested
``model.keras`` and ``training_features.npz``. ``done.json`` is written last, with the checksums of all files (see
`leuknet.runs.record`). During execution, ``lock`` is held and ``progress.json`` contains the current epoch. An
interrupted run is resumed from ``checkpoint.npz``; a failed run has a ``failed.json``.
"""

import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import filelock
import numpy as np
import pandas as pd

from leuknet._io import LEFTOVER, atomic, write_json, write_text
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
        """Return the folder of a run, given as a `RunSpec` or a key."""
        return self.root / (spec if isinstance(spec, str) else spec.key)

    def done(self, spec: RunSpec | str) -> bool:
        """Return whether the run is finished and intact, including its network if it is to be saved."""
        folder = self.folder(spec)
        keep = not isinstance(spec, str) and spec.keep_model
        names = (DONE, *NETWORK) if keep else (DONE,)
        return all((folder / name).is_file() for name in names) and not damage(folder)

    def describe(self, spec: RunSpec) -> Path:
        """Write the run's specification into its folder, unless it exists or the run is done; return the folder."""
        folder = self.folder(spec)
        if self.done(spec):  # its files are sealed
            return folder
        with suppress(LeuknetError):  # missing or incomplete
            there = RunSpec.read(folder)
            if there.recipe == spec.recipe and there.keep_model >= spec.keep_model:
                return folder
        with of_this_disk(spec.label, folder):
            folder.mkdir(parents=True, exist_ok=True)
            spec.write(folder)
        return folder

    @contextmanager
    def held(self, spec: RunSpec | str, wait: bool = True) -> Iterator[Path]:
        """Hold the lock of the run, so that only one process at a time writes into its folder.

        Raises
        ------
        RunError
            With failure ``busy`` if another process holds the lock and `wait` is false.
        """
        folder = self.folder(spec)
        folder.mkdir(parents=True, exist_ok=True)
        lock = filelock.FileLock(folder / "lock", timeout=-1 if wait else 0)
        try:
            lock.acquire()
        except filelock.Timeout:
            raise RunError(BUSY, f"{folder}: another process is at this run") from None
        try:
            with filelock.FileLock(folder / "running"):  # probed by `query.locked`, which thus never takes `lock`
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
        """Finish a run: skip it if it is done, resume it if it was interrupted, train it otherwise.

        Parameters
        ----------
        spec : RunSpec
        cohort : Cohort
        report : callable, optional
            Called with each epoch's history row.
        checkpoint_seconds : float
            Minimum time between two checkpoints.
        wait : bool
            Whether to wait while another process is executing the run.

        Returns
        -------
        bool
            Whether the run was finished by this call; false if it was already done.

        Raises
        ------
        RunError
            If it cannot be finished; the reason is in its `failure` and in ``failed.json``.
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
                with suppress(OSError):  # a full disk has no room for the record either; the error itself reports it
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
        (folder / DONE).unlink(missing_ok=True)  # damaged, or its network is now requested: no seal over mixed files
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
            write_json(folder / "environment.json", checkpoint.made)  # may be resumed from a run on another machine
        write_text(folder / "history.csv", trained.history.to_csv(index=False))
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
        """Return the `Record` of a finished run; raise `LeuknetError` if it is unfinished or damaged."""
        if not (self.folder(spec) / DONE).is_file():
            what = spec if isinstance(spec, str) else f"{spec.key} ({spec.fold}, seed {spec.seed})"
            raise LeuknetError(f"run {what} is not finished: execute it first")
        return read(self.folder(spec))

    def model(self, spec: RunSpec) -> Any:
        """Load the saved network of a run; see `leuknet.models.network_file.load_network`."""
        from leuknet.models.network_file import load_network

        if not self.done(spec) or not spec.keep_model:
            raise LeuknetError(f"run {spec.key} has no kept network: execute it with keep_model=True")
        return load_network(self.read(spec).path("model.keras"))


def predictions(
    table: pd.DataFrame, probabilities: dict[str, tuple[np.ndarray, np.ndarray]], spec: RunSpec
) -> pd.DataFrame:
    """Return the predictions of one run as a table: `PREDICTION_COLUMNS`, one row per image and role."""
    parts = []
    for role, (where, p) in probabilities.items():
        rows = table.iloc[where][["image_id", "data_set", "source", "group", "label"]].rename(columns={"label": "y"})
        parts.append(rows.assign(p=p, fold=spec.fold, seed=spec.seed, split=role))
    return pd.concat(parts, ignore_index=True)[PREDICTION_COLUMNS]


def _progress(
    folder: Path, settings: TrainSettings, report: Callable[[dict[str, float]], object] | None
) -> Callable[[dict[str, float]], None]:
    """Return a function that writes each epoch to ``progress.json`` and passes it to `report`."""

    def on_epoch(row: dict[str, float]) -> None:
        write_json(folder / "progress.json", {"epochs": settings.epochs, **row})
        if report:
            report(row)

    return on_epoch


def _sweep(folder: Path) -> None:
    """Delete partially written files of a killed process; the caller must hold the run's lock."""
    for path in folder.glob(".*"):
        describing = path.name.startswith((".run-", ".split-"))  # as a study may be doing at this moment
        if LEFTOVER.fullmatch(path.name) and not describing:
            path.unlink(missing_ok=True)


def write_failure(folder: str | Path, failure: str, reason: str, log: str = "") -> None:
    """Write ``failed.json``: ``outcome`` (kind of failure), ``reason`` (one line), ``log`` (traceback or log's end)."""
    write_json(Path(folder) / "failed.json", {"outcome": failure, "reason": reason, "log": log})
