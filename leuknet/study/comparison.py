"""The comparison of Tables 11 to 13 within a study: all systems, LeukNet and VGG-16 * on the same images and folds."""

import itertools
from dataclasses import dataclass
from functools import cache

import pandas as pd

from leuknet.baselines.registry import BASELINES, lookup
from leuknet.evaluation.metrics import scores_by
from leuknet.evaluation.splits import AS_PUBLISHED, k_fold, leave_one_source_out, lodocv, with_external
from leuknet.exceptions import LeuknetError
from leuknet.runs.executors.local import execute_here
from leuknet.runs.spec import RunSpec
from leuknet.study.study import Results, ticker

OURS = {"mDFT": "LeukNet", "scratch": "VGG-16 *"}
VARIANTS = ("singhal-glcm", "shafique-hsv", "shafique-ycbcr", "loey-svm")
POOLED, PUBLISHED, FAIR = "pooled", AS_PUBLISHED, "leave-one-source-out"


def plan_baselines(study, split, systems=None, seeds=None, **changes):
    """Return the runs of comparison systems over all folds of `split`.

    Handmade features are measured on the gallery's images, because leukocytes of a field are a few pixels wide at the
    networks' size; all else sees the images that LeukNet sees.

    Parameters
    ----------
    study : Study
    split : Split
    systems : list of str, optional
        Keys of `leuknet.baselines.registry.BASELINES`; all but `VARIANTS`, which Table 11 does not print, if not given.
    seeds : list of int, optional
        The study's first seed if not given.
    **changes
        To the profile's `BaselineSettings`.

    Returns
    -------
    list of RunSpec
    """
    images = {
        "profile": (study.cohort, study.recipe()),
        "gallery": (study.gallery, study.recipe(study.profile.gallery)),
    }
    chosen = [key for key in BASELINES if key not in VARIANTS] if systems is None else systems
    specs = []
    for name, fold, seed in itertools.product(chosen, split.folds, seeds or study.seeds[:1]):
        cohort, recipe = images[lookup(name).size]
        specs.append(RunSpec(study.profile.baseline(name, **changes), split, fold, seed, cohort.key, recipe=recipe))
    return specs


def plan_ours(study, split):
    """Return the runs of LeukNet and of VGG-16 from random weights, of the study's first seed."""
    return [spec for name in OURS for spec in study.plan(split, seeds=study.seeds[:1], approach=name)]


def work(approach):
    """Return the name in tables of a system's key or of an approach."""
    return OURS.get(approach) or lookup(approach).work


def repeated_split(study):
    """Return the `Split` of Tables 12 and 13: repeated k-fold with one data set apart."""
    table, p = study.cohort.table, study.profile
    return with_external(k_fold(table, p.folds, p.repeats, seed=study.seed), table, study.set_apart)


def comparison_splits(study):
    """Return the three protocols of the comparison, name to `Split`.

    Pooled folds leave out the data set that Table 13 sets apart, so that one set of runs serves Tables 11, 12 and 13;
    where no other data set holds both classes they take in all, because the rest would have one class a source.
    """
    table, p = study.cohort.table, study.profile
    pooled = k_fold(table, p.folds, p.repeats, seed=study.seed)
    if len(study.two_class("data_set")) > 1:
        pooled = with_external(pooled, table, study.set_apart)
    return {POOLED: pooled, PUBLISHED: lodocv(table), FAIR: leave_one_source_out(table)}


@dataclass
class Comparison:
    """All systems under all protocols.

    Attributes
    ----------
    predictions : pandas.DataFrame
        Those of `Results`, with ``column`` (protocol's name in the comparison) and ``work``.
    runs : pandas.DataFrame
        One row a run: ``work``, ``approach``, ``column``, ``weights``, ``bytes``, ``seconds`` (to predict one image).
    failed : dict of str to str
        Work to the reason why it could not be had.
    """

    predictions: pd.DataFrame
    runs: pd.DataFrame
    failed: dict

    def of(self, column, role="test"):
        """Return the predictions under one protocol for the images in `role`."""
        frame = self.predictions
        return frame[(frame["column"] == column) & (frame["split"] == role)]

    def scores(self, column=POOLED, role="test"):
        """Return the metrics of each run under one protocol, one row a run."""
        return scores_by(self.of(column, role), ["approach", "fold", "seed"])

    @property
    def weights(self):
        """What each kind of network began from, as captions print it."""
        rows = self.runs[self.runs["weights"] != "none"].drop_duplicates(["work", "weights"])
        named = rows.groupby("weights", sort=False)["work"].agg(", ".join)
        return "; ".join(f"{works}: {weights}" for weights, works in named.items())


def compare(study, splits, systems=None, progress=True):
    """Run LeukNet, VGG-16 * and comparison systems under each of `splits` and return the `Comparison`.

    A system that cannot be had here (no pretrained weights, say) is left out of that protocol and named in ``failed``.

    Raises
    ------
    LeuknetError
        If none could be run under one of them.
    """
    plans = {
        column: plan_ours(study, split) + plan_baselines(study, split, systems) for column, split in splits.items()
    }
    refused = run_all(study, [spec for specs in plans.values() for spec in specs], progress)
    predictions, runs, failed = [], [], {}
    for column, specs in plans.items():
        lacking = {spec.settings.approach: spec for spec in reversed(specs) if spec.key in refused}
        for approach, spec in lacking.items():
            failed.setdefault(work(approach), f"{column}, {spec.fold}: {refused[spec.key]}")
        results = Results([spec for spec in specs if spec.settings.approach not in lacking], study.store)
        if not results.specs:
            raise LeuknetError(f"nothing could be run under {column}: {refused[specs[0].key]}")
        predictions.append(named(results.predictions, column))
        runs.append(named(costs(study, results), column))
    return Comparison(*(pd.concat(frames, ignore_index=True) for frames in (predictions, runs)), failed)


def run_all(study, specs, progress=True):
    """Finish `specs`, each on the images of its size; return, of those refused, key to reason.

    Those of one network come one after another, whatever their protocol, because each change traces another one.
    """
    specs, refused = {spec.key: spec for spec in specs}, {}
    for cohort in (study.cohort, study.gallery):
        own = [spec for spec in specs.values() if spec.cohort_key == cohort.key]
        refused |= execute_here(own, study.store, cohort, ticker() if progress else None).failed
    return refused


def named(frame, column):
    """Return `frame` with the work's name and the protocol's."""
    return frame.assign(work=frame["approach"].map(work), column=column)


def costs(study, results):
    """Return one row a run: approach, weights, bytes to keep, and seconds that predicting one image takes.

    Of a comparison system the seconds are CPU time of describing an image (or of the network's forward pass), of
    LeukNet and VGG-16 * the clock's.
    """
    rows = []
    for spec in results.specs:
        record, approach = results.store.record(spec), spec.settings.approach
        images = sum(
            len(where) for role, where in spec.split.indices(study.cohort.table, spec.fold).items() if role != "train"
        )
        seconds = record["done"].get("describe_seconds") or record["done"]["predict_seconds"] / images
        weights, kept = record["weights"]["weights"], record["weights"].get("bytes")
        if kept is None:
            kept = 4 * parameters(spec.settings, study.cohort.size)
        rows.append({"approach": approach, "fold": spec.fold, "weights": weights, "bytes": kept, "seconds": seconds})
    return pd.DataFrame(rows)


@cache
def parameters(settings, size):
    """Return how many parameters the network of a training has."""
    from leuknet.models import networks
    from leuknet.models.training import network_spec

    return networks.build(network_spec(settings, size)).count_params()
