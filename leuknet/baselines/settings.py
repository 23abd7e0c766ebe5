"""The settings of a baseline."""

from typing import Any, ClassVar

from pydantic import field_validator

from leuknet._config import Settings, setting
from leuknet.baselines.registry import lookup
from leuknet.models.settings import Weights


class BaselineSettings(Settings):
    """Settings that define a run of a baseline, apart from its images, split and seed; cf. `TrainSettings`.

    If epochs, batch, copies or learning rate are not given, the defaults of the baseline's class are used.
    """

    subject = "baseline: "
    backbone: ClassVar[str] = ""  # read from all kinds of settings by run records and tables
    dense: ClassVar[None] = None

    baseline: str = setting(description="A key of `leuknet.baselines.registry.BASELINES`.", alias="system")
    nano: bool = setting(False, "Networks at an eighth of their published width.")
    weights: Weights = setting("imagenet", "What pretrained networks begin from, where the baseline has any.")
    epochs: int | None = setting(None, "Passes over the training images.", "epochs", ge=1, le=100_000)
    batch: int | None = setting(None, "Images a step.", "images", ge=1, le=65536)
    copies: int | None = setting(
        None, "How often an epoch shows each image, varied again each time.", "times", ge=1, le=1000
    )
    learning_rate: float | None = setting(None, "Of the optimiser.", gt=0, le=100)

    @field_validator("baseline")
    @classmethod
    def _known(cls, key: str) -> str:
        return lookup(key).key

    @property
    def step_key(self) -> tuple[Any, ...]:
        """The fields that define the compiled training step: all of them."""
        return tuple(self.as_dict().values())

    @property
    def approach(self) -> str:
        """The baseline's key, as displayed in tables of runs."""
        return self.baseline
