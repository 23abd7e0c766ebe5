"""Runs of the paper's ablation: approaches and backbones (Tables 3 to 7), sizes of the head (Table 9).

For Tables 2 and 8, parameters are counted without training and times are read from the run records.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pandas as pd

from leuknet.evaluation.splits import Split
from leuknet.runs.spec import RunSpec
from leuknet.study.protocols import first_possible
from leuknet.study.study import Results, Study

if TYPE_CHECKING:
    import keras

TABLES = {3: "VGG16", 4: "VGG19", 5: "InceptionV3", 6: "Xception", 7: "ResNet50"}
DENSE_KEEPERS = ("VGG16", "VGG19")
POOLINGS = 32  # five by two before fc1: determines sizes for `leuknet.models.backbones.fits_own_dense` (loads Keras)
HEADS = ((512, 256), (1024, 256), (1024, 512), (1024, 1024))
NARROW = 8
PERFORMANCE_SET = "UFG"  # §3.1: the other 17 data sets are the development set
TEST_SETS = ("ALL-IDB 1", "ALL-IDB 2")
FOLDS = (
    "Where this page says LODOCV, these folds are meant; as the paper tests two data sets, the first two are tested."
)


def possible_split(study: Study) -> tuple[Split, list[str]]:
    """Return the split of Tables 3 to 10, and sentences that explain why it is not LODOCV if it is not.

    LODOCV runs over the data sets selected by the profile's `ablation_cohort`: §3.5 says that the other 17 data sets
    train, §4.1 that the development set was evaluated, which leaves 16. If LODOCV is impossible for a cohort, the split
    falls back to folds that preserve groups, or else to folds of images.
    """
    table = study.cohort.table
    if study.profile.ablation_cohort == "development":
        table = table[table["data_set"] != PERFORMANCE_SET]
    split, notes = first_possible(study, "LODOCV as published", "grouped", "pooled", table=table)
    return split, [*notes, FOLDS] if notes else notes


def ablation_split(study: Study) -> Split:
    """Return the split of `possible_split`."""
    return possible_split(study)[0]


def test_sets(split: Split) -> list[str]:
    """Return the test folds of Tables 3 to 10: the paper's two (§4.1) if present, else all data sets.

    If the folds are not data sets, the first two are used.
    """
    folds = split.folds if split.by == "data_set" else split.folds[:2]
    return [name for name in TEST_SETS if name in folds] or folds


def ablation_counts(study: Study) -> pd.DataFrame:
    """Return the number of training and test images and data sets of each fold of Tables 3 to 10.

    Returns
    -------
    pandas.DataFrame
        ``fold``, ``data sets trained on``, ``images trained on``, ``images tested``.
    """
    split, named = ablation_split(study), study.cohort.table.set_index("image_id")["data_set"]
    rows = []
    for fold, part in split.table[split.table["fold"].isin(test_sets(split))].groupby("fold", sort=False):
        train, test = (part.loc[part["role"] == role, "image_id"] for role in ("train", "test"))
        rows.append((fold, named[train].nunique(), len(train), len(test)))
    return pd.DataFrame(rows, columns=["fold", "data sets trained on", "images trained on", "images tested"])


def approaches(backbone: str) -> tuple[str, ...]:
    """Return the approaches that the paper evaluates on `backbone` (§3.4): four for the VGGs, two for the others."""
    return ("SFT", "mSFT", "DFT", "mDFT") if backbone in DENSE_KEEPERS else ("mSFT", "mDFT")


def possible_approaches(study: Study, backbone: str | None = None) -> tuple[str, ...]:
    """Return the `approaches` to `backbone` (default: the profile's) that are possible at the profile's image size.

    VGG's own dense layers, which SFT and DFT retain, fit one input size only.
    """
    name = backbone or study.profile.backbone
    fits = study.profile.size // POOLINGS == (48 if study.profile.nano else 224) // POOLINGS
    return approaches(name if fits else "another")


def backbone_plan(study: Study, backbone: str, only: str | None = None) -> list[RunSpec]:
    """Return the runs of `backbone`: its approaches (or `only` one) on each test set with each seed, under LODOCV.

    The networks of VGG-16's first seed are saved because page 07 analyses them.
    """
    split, keep = ablation_split(study), backbone == "VGG16"
    return [
        spec
        for approach in ((only,) if only else possible_approaches(study, backbone))
        for spec in study.plan(split, test_sets(split), keep=keep, backbone=backbone, approach=approach)
    ]


def ablation_plan(study: Study) -> list[RunSpec]:
    """Return the runs of Tables 3 to 7; see `backbone_plan`."""
    return [spec for backbone in TABLES.values() for spec in backbone_plan(study, backbone)]


def heads_plan(study: Study) -> dict[tuple[int, int], list[RunSpec]]:
    """Return the runs of Table 9, keyed by the paper's head: VGG-16, mDFT, four sizes of the dense layers.

    For narrow networks, the heads have an eighth of the paper's sizes. The head that the paper selected is the network
    of `ablation_plan`; its runs are shared, not trained again.
    """
    split = ablation_split(study)
    plans = {}
    for head in HEADS:
        own = tuple(units // NARROW for units in head) if study.profile.nano else head
        dense = None if head == (1024, 256) else own
        network: dict[str, Any] = {"backbone": "VGG16", "approach": "mDFT", "dense": dense}
        plans[head] = study.plan(split, test_sets(split), keep=dense is None, **network)
    return plans


@contextmanager
def shapes_only() -> Iterator[None]:
    """Build networks inside this block without allocating weights: they can be counted but not run.

    This saves the time and memory of VGG-19's 144 million parameters.
    """
    import keras

    keras.backend.clear_session()
    try:
        with keras.StatelessScope(initialize_variables=False):
            yield
    finally:
        keras.backend.clear_session()  # discards the variables still awaiting initialisation


def parameter_counts() -> pd.DataFrame:
    """Return parameters and depth of the five backbones with their ImageNet classifiers, as built by Keras (Table 2).

    Returns
    -------
    pandas.DataFrame
        ``model``, ``parameters``, ``depth`` (see `depth`).
    """
    import keras

    rows = []
    with shapes_only():
        for name in ("VGG16", "VGG19", "ResNet50", "InceptionV3", "Xception"):
            model = getattr(keras.applications, name)(weights=None)
            rows.append({"model": name, "parameters": model.count_params(), "depth": depth(model)})
    return pd.DataFrame(rows)


def depth(model: "keras.Model") -> int:
    """Return the number of layers, including input and output, on the longest path through a functional model."""
    longest: dict[str, int] = {}
    for layer in model.layers:
        tensors = [tensor for node in layer._inbound_nodes for tensor in node.input_tensors]
        before = [tensor._keras_history.operation.name for tensor in tensors]
        longest[layer.name] = 1 + max((longest.get(name, 0) for name in before), default=0)
    return max(longest.values())


def trained_parameters() -> pd.DataFrame:
    """Return how many parameters each approach trains and freezes, for the five backbones at full width and 224 px.

    Returns
    -------
    pandas.DataFrame
        ``model``, ``approach``, ``trained``, ``kept`` (frozen, plus the running statistics of batch normalisation),
        ``new`` (the part of `trained` that is initialised at random).
    """
    from leuknet.models import networks

    rows = []
    with shapes_only():
        for name, approach in [(backbone, a) for backbone in TABLES.values() for a in approaches(backbone)]:
            model = networks.build(networks.NetworkSpec(name, approach))
            trained = sum(math.prod(weight.shape) for weight in model.trainable_weights)
            new = sum(layer.count_params() for layer in model.layers if networks.is_new(layer))
            row = {"model": name, "approach": approach, "trained": trained, "kept": model.count_params() - trained}
            rows.append(row | {"new": new})
    return pd.DataFrame(rows)


def timings(results: Results) -> pd.DataFrame:
    """Return training time and classification time of each backbone and test set (Table 8), from the run records.

    Parameters
    ----------
    results : Results
        Runs of approach mDFT.

    Returns
    -------
    pandas.DataFrame
        ``backbone``, ``fold``, and for the fastest seed ``training_seconds`` (median epoch time multiplied by the
        number of epochs, which excludes compilation) and ``seconds_per_image`` (prediction of the test set).
    """
    epochs = results.histories.groupby(["backbone", "fold", "run"])["seconds"].agg(["median", "size"])
    training = (epochs["median"] * epochs["size"]).groupby(["backbone", "fold"], sort=False).min()
    images = results.predictions.query("split == 'test'").groupby("run").size()
    runs = results.runs.assign(per_image=results.runs["predict_seconds"] / results.runs["run"].map(images))
    quickest = runs.groupby(["backbone", "fold"], sort=False)["per_image"].min()
    return pd.DataFrame({"training_seconds": training, "seconds_per_image": quickest}).reset_index()
