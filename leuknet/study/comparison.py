"""The comparison of Tables 11 to 13: all baselines, LeukNet and VGG-16 * on the same images and folds."""

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import pandas as pd

from leuknet.baselines.registry import BASELINES, lookup
from leuknet.evaluation.metrics import scores_by
from leuknet.evaluation.splits import AS_PUBLISHED, Split, k_fold, with_external
from leuknet.exceptions import LeuknetError
from leuknet.models.settings import TrainSettings
from leuknet.runs.spec import RunSpec
from leuknet.study.study import Results, Study

OURS = {"mDFT": "LeukNet", "scratch": "VGG-16 *"}
VARIANTS = ("singhal-glcm", "shafique-hsv", "shafique-ycbcr", "loey-svm")
POOLED, PUBLISHED, FAIR = "pooled", AS_PUBLISHED, "leave-one-source-out"


def seeds_on(study: Study, split: Split, fold: str) -> list[int]:
    """Return the seeds of the comparison's runs on one fold.

    Each fold of k-fold has a different seed, so a mean over folds also averages over initialisations (§4: runs are
    repeated because initialisation is random). A data set or source that is tested once uses the profile's
    `comparison_seeds`.
    """
    if re.fullmatch(r"r\d+f\d+", fold):
        return study.seeds_of(len(split.folds))[split.folds.index(fold) :][:1]
    return study.seeds_of(study.profile.comparison_seeds)


def plan_baselines(study: Study, split: Split, baselines: Sequence[str] | None = None) -> list[RunSpec]:
    """Return the runs of baselines over all folds of `split`, with the seeds of `seeds_on`.

    Handcrafted features are computed at the display resolution because leukocytes in a field are only a few pixels wide
    at the networks' input size; all other baselines receive the same images as LeukNet.

    Parameters
    ----------
    study : Study
    split : Split
    baselines : sequence of str, optional
        Keys of `leuknet.baselines.registry.BASELINES`. Defaults to all except `VARIANTS`, which are not in Table 11.
    """
    shown = study.profile.gallery
    images = {"profile": (study.cohort, study.recipe()), "gallery": (study.gallery, study.recipe(shown))}
    chosen = [key for key in BASELINES if key not in VARIANTS] if baselines is None else baselines
    specs = []
    for name, fold in itertools.product(chosen, split.folds):
        (cohort, recipe), settings = images[lookup(name).size], study.profile.baseline(name)
        seeds = seeds_on(study, split, fold)
        specs += [RunSpec(settings, split, fold, seed, cohort.key, recipe=recipe) for seed in seeds]
    return specs


def plan_ours(study: Study, split: Split) -> list[RunSpec]:
    """Return the runs of LeukNet and of the randomly initialised VGG-16, with the seeds of `seeds_on`."""
    return [
        spec
        for approach in OURS
        for fold in split.folds
        for spec in study.plan(split, [fold], seeds_on(study, split, fold), approach=approach)
    ]


def work(approach: str) -> str:
    """Return the name used in tables for a baseline's key or an approach."""
    return OURS.get(approach) or lookup(approach).work


def repeated_split(study: Study) -> Split:
    """Return the `Split` of Tables 12 and 13: repeated k-fold over all data sets except the one set apart."""
    p, table, apart = study.profile, study.cohort.table, study.set_apart

    def draw(part: pd.DataFrame) -> Split:
        return k_fold(part, p.folds, p.repeats, seed=study.seed)

    return with_external(draw, table, apart) if apart else draw(table)


@dataclass
class Comparison:
    """All baselines, LeukNet and VGG-16 * under all protocols.

    Attributes
    ----------
    predictions : pandas.DataFrame
        Predictions as in `Results`, plus ``column`` (the protocol's name in the comparison) and ``work``.
    runs : pandas.DataFrame
        One row per run: ``work``, ``approach``, ``column``, ``weights``, ``bytes``, ``seconds`` (to predict one image).
    failed : dict of str to str
        Maps each work that could not be run to the reason.
    """

    predictions: pd.DataFrame
    runs: pd.DataFrame
    failed: dict

    def of(self, column: str, role: str = "test") -> pd.DataFrame:
        """Return the predictions under one protocol for the images in `role`."""
        frame = self.predictions
        return frame[(frame["column"] == column) & (frame["split"] == role)]

    @property
    def columns(self) -> list[str]:
        """The protocols: pooled, LODOCV and leave-one-source-out, or their substitutes."""
        return list(self.predictions["column"].unique())

    @property
    def last(self) -> str:
        """The last protocol, which determines the ranking of the works."""
        return FAIR if FAIR in self.columns else self.columns[-1]

    def scores(self, column: str = POOLED, role: str = "test") -> pd.DataFrame:
        """Return the metrics of each run under one protocol, one row per run."""
        return scores_by(self.of(column, role), ["approach", "fold", "seed"])

    @property
    def weights(self) -> str:
        """Initial weights of each kind of network, as printed in captions."""
        rows = self.runs[self.runs["weights"] != "none"].drop_duplicates(["work", "weights"])
        works = rows.groupby("weights", sort=False)["work"].agg(", ".join)
        return "; ".join(f"{names}: {weights}" for weights, names in works.items())


def compare(
    study: Study, splits: dict[str, Split], baselines: Sequence[str] | None = None, progress: bool = True
) -> Comparison:
    """Run LeukNet, VGG-16 * and baselines under each of `splits` and return the `Comparison`.

    A baseline that cannot be run (e.g. because pretrained weights are missing) is omitted from that protocol and listed
    in ``failed``.

    Raises
    ------
    LeuknetError
        If no work could be run under one of the protocols.
    """
    plans = {name: plan_ours(study, split) + plan_baselines(study, split, baselines) for name, split in splits.items()}
    failures = study.finish([spec for specs in plans.values() for spec in specs], progress).failed
    predictions: list[pd.DataFrame] = []
    runs: list[pd.DataFrame] = []
    failed: dict[str, str] = {}
    for column, specs in plans.items():
        absent = {spec.settings.approach: spec for spec in reversed(specs) if spec.key in failures}
        for approach, spec in absent.items():
            failed.setdefault(work(approach), f"{column}, {spec.fold}: {failures[spec.key]}")
        results = Results([spec for spec in specs if spec.settings.approach not in absent], study.store)
        if not results.specs:
            raise LeuknetError(f"nothing could be run under {column}: {failures[specs[0].key]}")
        for frames, frame in ((predictions, results.predictions), (runs, costs(study, results))):
            frames.append(frame.assign(work=frame["approach"].map(work), column=column))
    return Comparison(pd.concat(predictions, ignore_index=True), pd.concat(runs, ignore_index=True), failed)


def costs(study: Study, results: Results) -> pd.DataFrame:
    """Return one row per run: approach, fold, weights, model size in bytes, and prediction time per image in seconds.

    The times of baselines are CPU times of computing an image's features (or of the network's forward pass), those of
    LeukNet and VGG-16 * are wall times.
    """
    rows = []
    for spec, record in results.records:
        roles = spec.split.indices(study.cohort.table, spec.fold)
        images = sum(len(where) for role, where in roles.items() if role != "train")
        seconds = record.done.get("describe_seconds") or record.done["predict_seconds"] / images
        weights, size = record.weights["weights"], record.weights.get("bytes")
        if size is None:
            size = 4 * parameters(spec.settings, study.cohort.size)
        row = {"approach": spec.settings.approach, "fold": spec.fold, "weights": weights}
        rows.append(row | {"bytes": size, "seconds": seconds})
    return pd.DataFrame(rows)


@cache
def parameters(settings: TrainSettings, size: int) -> int:
    """Return the number of parameters of a training's network."""
    from leuknet.models import networks
    from leuknet.models.training import network_spec

    return networks.build(network_spec(settings, size)).count_params()
