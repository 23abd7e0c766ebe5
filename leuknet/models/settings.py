"""The training settings of a network, with the paper's values as defaults."""

from typing import Annotated, Any, Literal, get_args

from pydantic import Field

from leuknet._config import Settings, marks, setting
from leuknet.models.policy import PAPER, Policy

Approach = Literal["SFT", "mSFT", "DFT", "mDFT", "scratch"]
Weights = Literal["imagenet", "formula", "random", "he"]
Precision = Literal["float32", "mixed_bfloat16"]
APPROACHES, WEIGHTS = get_args(Approach), get_args(Weights)
FROZEN_APPROACHES = ("SFT", "mSFT")
# The scaling of images for untuned networks: the one that the weights were trained with.
UNTUNED = {"imagenet": "imagenet", "formula": "unit", "random": "unit", "he": "unit"}
SCALINGS = {"imagenet": "ImageNet scaling", "unit": "pixels in [0, 1]"}


class TrainSettings(Settings):
    """Settings that define a training, apart from its images, split and seed.

    Fields marked ``step=False`` do not affect the compiled step (`step_key`); runs that differ only in such fields
    share one.
    """

    backbone: str = setting(
        "VGG16", "Convolutional network, a name in keras.applications or '<name>-nano', an eighth as wide (§3.4)."
    )
    approach: Approach = setting("mDFT", "What is trained and what is kept (§3.3).")
    weights: Weights = setting("imagenet", "What the network begins from (§3.3).", step=False)
    dense: tuple[Annotated[int, Field(ge=1, le=65536)], ...] | None = setting(
        None, "Units of the new dense layers; none given: as §3.4 says of the backbone.", "units", strict=False
    )
    dropout: tuple[Annotated[float, Field(ge=0, lt=1)], ...] = setting(
        (0.5, 0.6), "Rate after each new dense layer (§4.2).", "fraction", strict=False
    )
    frozen_until: str | None = setting(
        None, "Last frozen layer of SFT and mSFT; none given: the last of the convolutional part."
    )
    preprocessing: Literal["unit", "imagenet"] = setting(
        "unit", "Pixels in [0, 1] (§3.2), or scaled as the backbone's ImageNet weights were trained."
    )
    learning_rate: float = setting(0.001, "Of SGD (§4.1, §4.2).", gt=0, le=100)
    momentum: float = setting(0.8, "Of SGD (§4.2).", ge=0, lt=1)
    weight_decay: float = setting(0.0001, "Decay (§4.1).", ge=0, le=1)
    decay_reading: Literal["weights", "learning_rate"] = setting(
        "weights",
        "What the decay acts on: the weights, or, as `decay` of the Keras of the paper's time, the learning rate, "
        "divided by 1 + decay * step.",
    )
    batch: int = setting(32, "Images a step (§4.1).", "images", ge=1, le=65536, step=False)
    epochs: int = setting(50, "Passes over the training images (§4.2).", "epochs", ge=1, le=100_000, step=False)
    augmentation: Policy | None = setting(
        PAPER, "Ranges of the random changes of images (§3.2); none: images as they are.", strict=False
    )
    copies: int = setting(
        0,
        "Reading of '20 times larger' (§3.2). 0: an epoch shows each image once, drawn again each time. k: k variants "
        "of each image are drawn once for the cohort and an epoch shows all. Without augmentation: of no effect.",
        "variants an image",
        ge=0,
        le=1000,
    )
    precision: Precision = setting("float32", "Keras' dtype policy.")
    validation: Annotated[float, Field(ge=0, lt=1)] | Literal["test"] = setting(
        0.0,
        "Share of the training images held out for the curves of Figure 7; 'test': curves of the test images, as the "
        "paper's Figure 7 shows its 25 %. Nothing is selected by them.",
        "fraction",
        step=False,
    )

    @property
    def variants(self) -> int:
        """Number of fixed variants of each image, or 0 if each image is used once per epoch."""
        return self.copies if self.augmentation else 0

    @property
    def held_out(self) -> float:
        """Fraction of the training images that is held out for validation, in [0, 1)."""
        return 0.0 if self.validation == "test" else self.validation

    @property
    def nano(self) -> bool:
        """Whether the network is narrow: one core can train it, and many fit into memory."""
        return self.backbone.endswith("-nano")

    @property
    def step_key(self) -> tuple[Any, ...]:
        """The fields that define the compiled training step: all except those marked ``step=False``."""
        fields = type(self).model_fields.items()
        return tuple(getattr(self, name) for name, f in fields if marks(f)["step"])
