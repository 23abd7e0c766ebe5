"""The settings of one training, with the paper's values as defaults."""

import os
from dataclasses import asdict, dataclass, fields, replace

from leuknet import _config
from leuknet.exceptions import LeuknetError
from leuknet.models.policy import PAPER, Policy

APPROACHES = ("SFT", "mSFT", "DFT", "mDFT", "scratch")
FROZEN_APPROACHES = ("SFT", "mSFT")
WEIGHTS = ("imagenet", "formula", "random")
KINDS = {
    "backbone": _config.TEXT,
    "approach": _config.choice(APPROACHES),
    "weights": _config.choice(WEIGHTS),
    "dense": _config.optional(_config.many(_config.whole(1), empty=True)),
    "dropout": _config.many(_config.number(below=1), empty=True),
    "frozen_until": _config.optional(_config.TEXT),
    "preprocessing": _config.choice(("unit", "imagenet")),
    "learning_rate": _config.number(zero=False),
    "momentum": _config.number(below=1),
    "weight_decay": _config.number(),
    "decay_reading": _config.choice(("weights", "learning_rate")),
    "batch": _config.whole(1),
    "epochs": _config.whole(1),
    "augmentation": _config.Kind(
        "a table of ranges, e.g. { rotation = 20, zoom = 0.1 }", lambda v: v is None or isinstance(v, Policy)
    ),
    "copies": _config.whole(0),
    "precision": _config.choice(("float32", "mixed_bfloat16")),
    "validation": _config.number(below=1),
}


def devices_per_run():
    """Return over how many devices this process spreads each run (`leuknet.models.spread`); no setting of the run."""
    return int(os.environ.get("LEUKNET_DEVICES_PER_RUN") or 1)


@dataclass(frozen=True)
class TrainSettings:
    """What decides a training besides its images, split and seed.

    Attributes
    ----------
    backbone, approach, dense, dropout, frozen_until, preprocessing
        The network, see `leuknet.models.networks.NetworkSpec` (§3.3, §3.4).
    weights : {"imagenet", "formula", "random"}
        What the network begins from, see `leuknet.models.weights`.
    learning_rate, momentum, batch, epochs
        SGD as in §4.1 and §4.2: 0.001, 0.8, 32 and 50.
    weight_decay : float
        0.0001 (§4.1).
    decay_reading : {"weights", "learning_rate"}
        What the decay acts on. The paper says "weight decay" (the default); the optimiser of the Keras of its
        time called ``decay`` a shrinking of the learning rate by ``1 / (1 + decay * step)``.
    augmentation : Policy or None
        The paper's policy (§3.2); None trains on the images as they are.
    copies : int
        The reading of "20 times larger" (§3.2). 0: an epoch shows each image once, drawn anew. k > 0: k variants
        of each image are drawn once for the cohort, and an epoch shows all of them. Without augmentation: no matter.
    precision : {"float32", "mixed_bfloat16"}
        Keras' dtype policy.
    validation : float
        Share of the training images held out for the curves of Figure 7; selection never uses the test images.
    """

    backbone: str = "VGG16"
    approach: str = "mDFT"
    weights: str = "imagenet"
    dense: tuple | None = None
    dropout: tuple = (0.5, 0.6)
    frozen_until: str | None = None
    preprocessing: str = "unit"
    learning_rate: float = 0.001
    momentum: float = 0.8
    weight_decay: float = 0.0001
    decay_reading: str = "weights"
    batch: int = 32
    epochs: int = 50
    augmentation: Policy | None = PAPER
    copies: int = 0
    precision: str = "float32"
    validation: float = 0.0

    def __post_init__(self):
        _config.check(vars(self), KINDS)
        if self.dense is not None:
            object.__setattr__(self, "dense", tuple(self.dense))
        object.__setattr__(self, "dropout", tuple(self.dropout))

    @property
    def variants(self):
        """Fixed variants of each image, or 0 where an epoch shows each image once."""
        return self.copies if self.augmentation else 0

    def as_dict(self):
        """Return plain JSON types; `from_dict` is the way back."""
        return {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(self).items()}

    @classmethod
    def from_dict(cls, values):
        """Build settings from `as_dict`'s result; an unknown name raises `LeuknetError`."""
        unknown = set(values) - {f.name for f in fields(cls)}
        if unknown:
            raise LeuknetError(f"unknown training setting {', '.join(sorted(unknown))}: see TrainSettings")
        values = dict(values)
        if isinstance(values.get("augmentation"), dict):
            values["augmentation"] = Policy.from_dict(values["augmentation"])
        return cls(**values)

    def but(self, **changes):
        """Return a copy with `changes`; an unknown name raises `LeuknetError`."""
        unknown = set(changes) - {f.name for f in fields(self)}
        if unknown:
            raise LeuknetError(f"unknown training setting {', '.join(sorted(unknown))}: see TrainSettings")
        return replace(self, **changes)
