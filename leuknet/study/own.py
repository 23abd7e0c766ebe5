"""User-defined experiments: all combinations of the lists in a TOML file."""

import itertools
from pathlib import Path
from typing import Annotated, Any, Literal

import pandas as pd
from pydantic import Field, NonNegativeInt

from leuknet._config import Settings, read_toml, setting
from leuknet.evaluation.named import make_split
from leuknet.evaluation.splits import Split, with_external
from leuknet.exceptions import LeuknetError
from leuknet.models.settings import Approach, TrainSettings
from leuknet.runs.spec import RunSpec
from leuknet.study.study import Study

LISTS = ("dense", "dropout")  # settings whose values are lists
Count = Annotated[int, Field(ge=1, le=1000)]
Seeds = Annotated[list[NonNegativeInt], Field(min_length=1)]
Protocol = Literal["lodocv", "lodocv-as-published", "leave-one-source-out", "k-fold", "hold-out"]


class Experiment(Settings):
    """Contents of a TOML file with user-defined experiments; missing keys default to the profile's values."""

    backbones: list[str] = setting(["VGG16"], "Names in keras.applications.", min_length=1)
    approaches: list[Approach] = setting(["mDFT"], "SFT and DFT on VGG16 and VGG19 only.", min_length=1)
    protocols: list[Protocol] = setting(["lodocv-as-published"], "``lodocv`` refuses to part a source.", min_length=1)
    test_sets: list[str] | None = setting(None, "Folds of the protocol, by name; all if left out.", min_length=1)
    seeds: Count | Seeds | None = setting(None, "How many, or a list.")
    folds: int | None = setting(None, "Of k-fold.", "folds", ge=2, le=100)
    repeats: int | None = setting(None, "Of k-fold.", "times", ge=1, le=1000)
    by: str = setting("image", "Unit that k-fold and hold-out keep together: image, group or source.")
    external: str | None = setting(None, "A data set kept apart and predicted as well.")
    keep: bool = setting(False, "Keep the trained network of the first seed.")
    settings: dict[str, Any] = setting({}, "Training settings: values, or lists of values to try.")


def own(study: Study, path: Path | str) -> list[RunSpec]:
    """Return the runs defined by the TOML file `path`: every combination of its lists (see `Experiment`).

    Raises
    ------
    LeuknetError
        If the file cannot be read, a key is unknown or a value is invalid.
    """
    values = read_toml(path)
    try:
        specs = _combined(study, _checked(values))
        _check(specs)
    except LeuknetError as error:
        raise LeuknetError(f"{path}: {error}") from error
    return specs


def _checked(values: dict[str, Any]) -> Experiment:
    experiment = Experiment(**values)
    known = sorted(set(TrainSettings.names()) - {"backbone", "approach"})
    if unknown := sorted(set(experiment.settings) - set(known)):
        raise LeuknetError(f"unknown key {', '.join(unknown)}; known in settings are {', '.join(known)}")
    return experiment


def _combined(study: Study, experiment: Experiment) -> list[RunSpec]:
    values, specs = experiment.settings, []
    changes = [dict(zip(values, each, strict=True)) for each in itertools.product(*map(_tried, values.items()))]
    seeds = study.seeds_of(experiment.seeds) if isinstance(experiment.seeds, int) else experiment.seeds
    for protocol in experiment.protocols:
        split = _split(study, protocol, experiment)
        networks = itertools.product(experiment.backbones, experiment.approaches, changes)
        for backbone, approach, change in networks:
            where = (split, experiment.test_sets, seeds, experiment.keep)
            specs += study.plan(*where, backbone=backbone, approach=approach, **change)
    return specs


def _tried(item: tuple[str, Any]) -> list[Any]:
    name, value = item
    whole = name in LISTS and not (isinstance(value, list) and value and isinstance(value[0], list))
    return [value] if whole or not isinstance(value, list) else value


def _split(study: Study, protocol: str, experiment: Experiment) -> Split:
    p, table = study.profile, study.cohort.table
    folds, repeats = experiment.folds or p.folds, experiment.repeats or p.repeats

    def draw(table: pd.DataFrame) -> Split:
        return make_split(protocol, table, study.seed, experiment.by, folds, repeats)

    return with_external(draw, table, experiment.external) if experiment.external else draw(table)


def _check(specs: list[RunSpec]) -> None:
    """Raise early what would fail in each run: an empty plan, an unknown fold, a network that cannot be built."""
    import keras

    from leuknet.models import networks
    from leuknet.models.training import network_spec

    if not specs:
        raise LeuknetError("asks for no run; give at least one value of each setting")
    for spec in specs:
        spec.key  # noqa: B018
    wanted = [(spec.settings, spec.recipe) for spec in specs]
    for network in dict.fromkeys(network_spec(s, r["size"]) for s, r in wanted if isinstance(s, TrainSettings) and r):
        with keras.StatelessScope(initialize_variables=False):  # structure only: allocates no memory, opens no GPU
            networks.build(network)
