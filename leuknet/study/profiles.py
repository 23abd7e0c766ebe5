"""Profiles: the size of a study, defined as data in ``profiles.toml``."""

import tomllib
from collections.abc import Iterable
from functools import cached_property
from importlib.resources import files
from typing import Any, ClassVar, Literal, Self

from pydantic import model_validator

from leuknet._config import Settings, setting, unknown
from leuknet.baselines.registry import lookup
from leuknet.baselines.settings import BaselineSettings
from leuknet.exceptions import LeuknetError
from leuknet.models.settings import FROZEN_APPROACHES, Approach, Precision, TrainSettings
from leuknet.study.parameters import literal
from leuknet.study.precision import fastest_precision

AUTO = "auto"


class Profile(Settings):
    """Size of a study. Fields that ``profiles.toml`` does not set default to the paper's values."""

    name: str = setting(description="Its table in ``profiles.toml``.")
    banner: str = setting(description="What is printed over every number of this profile.")
    size: int = setting(description="Edge of the images.", unit="px", ge=16, le=1024)
    fraction: float = setting(description="The synthetic cohort's share of Table 1's counts.", ge=0, le=1)
    floor: int = setting(description="Least number of synthetic images a class.", unit="images", ge=0, le=10_000)
    seeds: int = setting(description="Runs where the paper has five.", unit="runs", ge=1, le=1000)
    folds: int = setting(description="k of k-fold cross-validation.", unit="folds", ge=2, le=100)
    repeats: int = setting(description="How often k-fold is repeated.", unit="times", ge=1, le=1000)
    comparison_seeds: int = setting(
        1, "Runs of each baseline, LeukNet and VGG-16 * on a test set that is tested once.", "runs", ge=1, le=1000
    )
    ablation_cohort: Literal["development", "all"] = setting(
        "all", "Who trains in Tables 3 to 10: the 17 development data sets (§4.1), or UFG as well (§3.5)."
    )
    nano: bool = setting(description="Networks at an eighth of their width.")
    backbone: str = setting("VGG16", "Network of LeukNet, where no table names another.")
    approach: Approach = setting("mDFT", "How LeukNet is fine-tuned on pages 05 to 08 and 11.")
    limit: int | None = setting(None, "Images of each data set and class at most, drawn by group; all if none.", ge=1)
    gallery: int = setting(description="Edge of the pictures shown.", unit="px", ge=16, le=2048)
    points: int = setting(description="Images at most in a projection.", unit="images", ge=1, le=1_000_000)
    training: dict[str, Any] = setting({}, "Training settings of every run; precision may be 'auto', the faster here.")
    frozen: dict[str, Any] = setting({}, "Training settings on top where the backbone is frozen (SFT, mSFT).")
    scratch: dict[str, Any] = setting({}, "Training settings on top where all weights are random (VGG-16 *).")
    baselines: dict[str, Any] = setting({}, "Settings of the baselines that train a network.")

    own: ClassVar[tuple[str, ...]] = ("training", "frozen", "scratch", "baselines", "name", "approach")

    @model_validator(mode="after")
    def _possible(self) -> Self:
        """Validate early what would fail in a run."""
        measured = {"precision": "float32"} if self.training.get("precision") == AUTO else {}
        for approach in ("mDFT", "mSFT", "scratch"):
            self.settings(approach=approach, **measured)
        self.baseline("thanh")
        return self

    def settings(self, backbone: str = "", approach: str = "", **changes: Any) -> TrainSettings:
        """Return the profile's `TrainSettings` for one network (default: its own), with `changes` applied.

        A backbone without formula-driven weights is initialised at random; the run's record and all captions state
        this.
        """
        approach = approach or self.approach
        on_top = {"scratch": {"weights": "random"} | self.scratch} | dict.fromkeys(FROZEN_APPROACHES, self.frozen)
        values = self.training | on_top.get(approach, {})
        values |= {"backbone": self.narrowed(backbone or self.backbone), "approach": approach, **changes}
        if values.get("weights") == "formula" and not shipped(values["backbone"]):
            values["weights"] = "random"
        if values.get("precision") == AUTO:
            values["precision"] = self.precision
        return TrainSettings(**values)

    @cached_property
    def precision(self) -> Precision:
        """Value of ``precision = "auto"`` on this machine: the faster one for this profile's network."""
        return fastest_precision(self.settings(precision="float32"), self.size)

    def baseline(self, key: str) -> BaselineSettings:
        """Return the profile's `BaselineSettings` for one baseline."""
        values = {"nano": self.nano, "weights": self.training.get("weights", "imagenet"), **self.baselines}
        return BaselineSettings(baseline=lookup(key).key, **values)

    def narrowed(self, name: str) -> str:
        """Return the narrow variant of `name` if the profile is narrow: "VGG16" becomes "VGG16-nano"."""
        return f"{name}-nano" if self.nano and not name.endswith("-nano") else name


def shipped(backbone: str) -> bool:
    """Whether the package includes formula-driven weights for `backbone`."""
    return files("leuknet.models").joinpath("pretrained", f"{backbone.lower()}.npz").is_file()


def names() -> list[str]:
    """Return the names of the profiles."""
    return list(_load())


def profile(name: str, **changes: Any) -> Profile:
    """Return the profile `name` with `changes`.

    Parameters
    ----------
    name : str
    **changes
        Fields of `Profile`, e.g. ``backbone``, or fields of `TrainSettings`, which then apply to every run.

    Raises
    ------
    LeuknetError
        If the profile or a key is unknown, or a value is invalid.
    """
    profiles = _load()
    if name not in profiles:
        raise LeuknetError(unknown("profile", name, list(profiles)))
    own = set(Profile.names()) - set(Profile.own)
    known = own | set(TrainSettings.names()) - {"backbone", "approach"}
    if strange := [key for key in changes if key not in known]:
        raise LeuknetError(unknown("profile key", strange[0], sorted(known)))
    training = {key: value for key, value in changes.items() if key not in own}
    values = {"training": {}, **profiles[name]} | {key: value for key, value in changes.items() if key in own}
    for table in ("frozen", "scratch"):
        values[table] = {key: value for key, value in values.get(table, {}).items() if key not in training}
    values |= {"name": name, "training": values["training"] | training}
    try:
        return Profile(**values)
    except LeuknetError as error:
        raise LeuknetError(f"profile {name}: {error}") from None


def changed(given: Profile) -> dict[str, Any]:
    """Return the settings, with their values, in which a profile differs from its table in ``profiles.toml``."""
    default = profile(given.name)
    own = {name: getattr(given, name) for name in Profile.names() if name not in Profile.own}
    own = {name: value for name, value in own.items() if value != getattr(default, name)}
    return own | {name: value for name, value in given.training.items() if default.training.get(name) != value}


def values_of(pairs: Iterable[str]) -> dict[str, Any]:
    """Return ``["epochs=3", "title=x"]`` as ``{"epochs": 3, "title": "x"}``; values are JSON, Python or text."""
    values = {}
    for pair in pairs:
        key, equals, text = pair.partition("=")
        if not equals:
            raise LeuknetError(f"--set wants KEY=VALUE, not '{pair}'")
        values[key] = literal(text)
    return values


def _load() -> dict[str, dict[str, Any]]:
    return tomllib.loads(files("leuknet.study").joinpath("profiles.toml").read_text("utf-8"))
