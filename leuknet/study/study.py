"""A study: a profile, a cohort, a folder of runs, and a folder for the pages' results."""

import os
from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from leuknet._random import derive
from leuknet.data.cohort import Cohort
from leuknet.data.load import load_cohort
from leuknet.evaluation.metrics import scores_by
from leuknet.evaluation.splits import Split
from leuknet.exceptions import LeuknetError
from leuknet.runs.executors.local import execute_here
from leuknet.runs.executors.scheduler import Scheduler, unwatched
from leuknet.runs.places import check_apart, result_folder
from leuknet.runs.progress import watcher
from leuknet.runs.provenance import thread_settings
from leuknet.runs.record import Record
from leuknet.runs.spec import RunSpec
from leuknet.runs.store import Store
from leuknet.study.parameters import read_changes, read_folder, read_seed
from leuknet.study.profiles import Profile, profile


def open_study(
    page: str,
    profile_name: str = "demo",
    data: str | Path | None = None,
    out: str | Path | None = None,
    seed: int = 0,
    changes: dict[str, Any] | str | None = None,
    **more: Any,
) -> "Study":
    """Open a study for one page; the first call of each notebook.

    Parameters
    ----------
    page : str
        The page's name, e.g. ``"06_lodocv"``.
    profile_name : {"smoke", "demo", "laptop", "paper"}
    data : path or None
        Folder of real slides, ``DIR/<data set>/<positive|negative>/<image>``; None generates the synthetic cohort.
    out : path or None
        Result folder. Defaults to ``runs/<profile>`` in the working directory or, inside a checkout, in its top folder.
    seed : int
        Seed of the synthetic cohort, the splits and, combined with the run's number, every training.
    changes : dict, str or None
        Changes to the profile, see `leuknet.study.profiles.profile`; text is parsed as JSON or Python.
    **more
        Further changes.

    Raises
    ------
    LeuknetError
        If a parameter is invalid; the message names it.
    """
    data, out, seed = read_folder("data", data), read_folder("out", out), read_seed(seed)
    chosen = profile(profile_name, **read_changes(changes) | more)
    os.environ.update(thread_settings(chosen.nano))  # before the backend loads: it affects floating-point sums
    results = result_folder(profile_name, out)
    check_apart(results, data)
    return Study(page, chosen, data, results, seed)


@dataclass
class Study:
    """Context of a page: profile, cohort and result folder; created by `open_study`."""

    page: str
    profile: Profile
    data: Path | None
    out: Path
    seed: int = 0
    role: str = "study"
    label_permutation: int | None = None

    def recipe(self, size: int | None = None) -> dict[str, Any]:
        """Return the arguments of `load_cohort` for this study's cohort, at `size` px if given."""
        p = self.profile
        data = str(self.data) if self.data else None
        values = {"data": data, "size": size or p.size, "fraction": p.fraction, "floor": p.floor, "seed": self.seed}
        values |= {"limit": p.limit, "label_permutation": self.label_permutation}
        return {name: value for name, value in values.items() if value is not None or name == "data"}

    @cached_property
    def cohort(self) -> Cohort:
        """The `Cohort` at the profile's image size."""
        return load_cohort(**self.recipe())

    @cached_property
    def gallery(self) -> Cohort:
        """The same cohort at the display resolution."""
        return load_cohort(**self.recipe(self.profile.gallery))

    @cached_property
    def store(self) -> Store:
        """The folder of runs, shared by all pages."""
        return Store(self.out / "trainings")

    @property
    def seeds(self) -> list[int]:
        """Seeds of the runs; their number is set by the profile."""
        return self.seeds_of(self.profile.seeds)

    def seeds_of(self, count: int) -> list[int]:
        """Return the first `count` of the study's seeds; the sequence does not depend on `count`."""
        return [derive("run", self.seed, number) for number in range(count)]

    @property
    def set_apart(self) -> str | None:
        """The data set set apart in Table 13: UFG if the cohort contains it, else the last data set with both classes.

        None if there is no such data set, or if the rest does not allow folds with both classes.
        """
        both, table = self.two_class("data_set"), self.cohort.table
        name = "UFG" if "UFG" in both else next(reversed(both), None)
        left = table.loc[table["data_set"] != name, "label"].value_counts().reindex([0, 1], fill_value=0)
        return name if left.min() >= self.profile.folds else None

    def two_class(self, unit: str) -> list[str]:
        """Return the data sets or sources (`unit`) that contain both classes, in the order of the table."""
        classes = self.cohort.table.groupby(unit, sort=False)["label"].nunique()
        return list(classes.index[classes == 2])

    def plan(
        self,
        split: Split,
        folds: Iterable[str] | None = None,
        seeds: Sequence[int] | None = None,
        keep: bool = False,
        **settings: Any,
    ) -> list[RunSpec]:
        """Return the runs of one network over folds and seeds.

        Parameters
        ----------
        split : Split
        folds : list of str, optional
            Defaults to all folds.
        seeds : list of int, optional
            Defaults to the study's seeds.
        keep : bool
            Whether to save the trained network of the first seed.
        **settings
            ``backbone``, ``approach`` and other changes to the profile's `TrainSettings`.
        """
        chosen = self.profile.settings(**settings)
        seeds = seeds or self.seeds
        key, recipe = self.cohort.key, self.recipe()
        return [
            RunSpec(chosen, split, fold, seed, key, keep and seed == seeds[0], recipe, self.role)
            for fold in folds or split.folds
            for seed in seeds
        ]

    def finish(self, specs: Sequence[RunSpec], progress: bool = True) -> Scheduler:
        """Train the unfinished runs among `specs` in this process, with a progress bar of epochs."""
        others = {spec.cohort_key: spec.recipe for spec in specs if spec.cohort_key != self.cohort.key}
        cohorts = {self.cohort.key: self.cohort} | {key: load_cohort(**recipe or {}) for key, recipe in others.items()}
        with watcher() if progress and not all(map(self.store.done, specs)) else nullcontext(unwatched) as view:
            report = execute_here(specs, self.store, cohorts, view)
        if progress:
            print(report)
        return report

    def run(self, specs: Sequence[RunSpec], progress: bool = True) -> "Results":
        """Complete `specs` (finished runs are read, not retrained) and return their `Results`.

        Raises
        ------
        LeuknetError
            If a run failed; ``failed.json`` in its folder contains the traceback.
        """
        report = self.finish(specs, progress)
        if report.failed:
            key, reason = next(iter(report.failed.items()))
            raise LeuknetError(f"{len(report.failed)} of {len(specs)} runs failed; {self.store.root / key}: {reason}")
        return Results(specs, self.store)


class Results:
    """Finished runs: predictions, histories and records as tables.

    A run shared by two protocols (same training and test images) is labelled with the requested protocol.
    """

    def __init__(self, specs: Sequence[RunSpec], store: Store) -> None:
        self.specs, self.store = specs, store

    @staticmethod
    def _of(spec: RunSpec) -> dict[str, Any]:
        s = spec.settings
        row = {"run": spec.key, "backbone": s.backbone, "approach": s.approach}
        return row | {"protocol": spec.split.protocol, "fold": spec.fold, "seed": spec.seed}

    @cached_property
    def records(self) -> list[tuple[RunSpec, Record]]:
        """The specification and the record of each run."""
        return [(spec, self.store.read(spec)) for spec in self.specs]

    @cached_property
    def runs(self) -> pd.DataFrame:
        """One row per run: settings, protocol, fold, seed, weights as printed in captions, timings in seconds."""
        rows = []
        for spec, record in self.records:
            weights = {"weights": record.weights["weights"]}
            rows.append(spec.settings.as_dict() | record.as_dict()["done"] | self._of(spec) | weights)
        return pd.DataFrame(rows)

    @cached_property
    def predictions(self) -> pd.DataFrame:
        """All predictions (`PREDICTION_COLUMNS`) with run, backbone, approach and protocol."""
        return pd.concat([run.predictions().assign(**self._of(spec)) for spec, run in self.records], ignore_index=True)

    @cached_property
    def histories(self) -> pd.DataFrame:
        """All epochs: epoch, loss, accuracy, validation loss and accuracy, seconds; with run, backbone, fold, seed."""
        return pd.concat([run.history().assign(**self._of(spec)) for spec, run in self.records], ignore_index=True)

    def scores(
        self, role: str = "test", by: tuple = ("backbone", "approach", "protocol", "fold", "seed")
    ) -> pd.DataFrame:
        """Return the metrics of each run, one row per run, for the images in `role`."""
        chosen = self.predictions[self.predictions["split"] == role]
        return scores_by(chosen, list(by))

    @property
    def weights(self) -> str:
        """Initial weights of the networks, as printed in captions."""
        return "; ".join(sorted(self.runs["weights"].unique()))
