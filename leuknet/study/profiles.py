"""Profiles: how large a study is, as data in ``profiles.toml``."""

import ast
import tomllib
from dataclasses import dataclass, field, fields, replace
from importlib.resources import files

from leuknet._config import TEXT, YES_NO, check, number, whole
from leuknet.baselines.registry import lookup
from leuknet.baselines.settings import SystemSettings
from leuknet.exceptions import LeuknetError
from leuknet.models.settings import FROZEN_APPROACHES, TrainSettings

VALUES = {
    "banner": TEXT,
    "size": whole(16),
    "fraction": number(),
    "floor": whole(0),
    "seeds": whole(1),
    "folds": whole(2),
    "repeats": whole(1),
    "nano": YES_NO,
    "gallery": whole(16),
    "points": whole(1),
}


@dataclass(frozen=True)
class Profile:
    """The size of a study; the fields are explained in ``profiles.toml``."""

    name: str
    banner: str
    size: int
    fraction: float
    floor: int
    seeds: int
    folds: int
    repeats: int
    nano: bool
    gallery: int
    points: int
    training: dict = field(default_factory=dict)
    frozen: dict = field(default_factory=dict)

    def settings(self, backbone="VGG16", approach="mDFT", **changes):
        """Return the `TrainSettings` of this profile for one network, with `changes` on top.

        A backbone without formula-driven weights begins from random ones: the run's record and every caption say so.
        """
        values = {**self.training, **(self.frozen if approach in FROZEN_APPROACHES else {})}
        if approach == "scratch":
            values["weights"] = "random"
        values |= {"backbone": self.backbone(backbone), "approach": approach, **changes}
        if values.get("weights") == "formula" and not shipped(values["backbone"]):
            values["weights"] = "random"
        return TrainSettings.from_dict(values)

    def system(self, key, **changes):
        """Return the `SystemSettings` of this profile for one comparison system, with `changes` on top."""
        own = tomllib.loads(files("leuknet.study").joinpath("systems.toml").read_text("utf-8"))[self.name]
        values = {"nano": self.nano, "weights": self.training.get("weights", "imagenet"), **own, **changes}
        return SystemSettings.from_dict({"system": lookup(key).key, **values})

    def backbone(self, name):
        """Return `name`, narrow where the profile is: "VGG16" becomes "VGG16-nano"."""
        return f"{name}-nano" if self.nano and not name.endswith("-nano") else name


def shipped(backbone):
    """Whether the package ships formula-driven weights for `backbone`."""
    return files("leuknet.models").joinpath("pretrained", f"{backbone.lower()}.npz").is_file()


def names():
    """Return the profiles' names."""
    return list(_load())


def profile(name, **changes):
    """Return the profile `name` with `changes`.

    Parameters
    ----------
    name : str
    **changes
        A field of `Profile`, or a field of `TrainSettings`, which then holds for every run.

    Raises
    ------
    LeuknetError
        If the profile or a key is unknown, or a value is not what its key takes.
    """
    known = _load()
    if name not in known:
        raise LeuknetError(f"unknown profile {name!r}: choose one of {', '.join(known)}")
    base = Profile(name=name, **known[name])
    own = {f.name for f in fields(Profile)} - {"name", "training", "frozen"}
    trained = {f.name for f in fields(TrainSettings)} - {"backbone", "approach"}
    unknown = set(changes) - own - trained
    if unknown:
        known_keys = ", ".join(sorted(own | trained))
        raise LeuknetError(f"unknown profile key {', '.join(sorted(unknown))}: known are {known_keys}")
    chosen = {k: v for k, v in changes.items() if k in own}
    check(chosen, VALUES, f"profile {name}: ")
    base = replace(base, **chosen)
    training = {k: v for k, v in changes.items() if k in trained}
    frozen = {k: v for k, v in base.frozen.items() if k not in training}
    checked = replace(base, training={**base.training, **training}, frozen=frozen)
    checked.settings()
    return checked


def values_of(pairs):
    """Return ``["epochs=3", "title=x"]`` as ``{"epochs": 3, "title": "x"}``: Python literals, other text as it is."""
    values = {}
    for pair in pairs:
        key, equals, text = pair.partition("=")
        if not equals:
            raise LeuknetError(f"--set wants KEY=VALUE, not '{pair}'")
        try:
            values[key] = ast.literal_eval(text)
        except (ValueError, SyntaxError):
            values[key] = text
    return values


def _load():
    return tomllib.loads(files("leuknet.study").joinpath("profiles.toml").read_text("utf-8"))
