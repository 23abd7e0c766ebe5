"""What decides a run of one comparison system, besides its images, split and seed."""

from dataclasses import asdict, dataclass, fields

from leuknet.exceptions import LeuknetError


@dataclass(frozen=True)
class SystemSettings:
    """The settings of one comparison system; the counterpart of `leuknet.models.settings.TrainSettings`.

    Attributes
    ----------
    system : str
        A key of `leuknet.baselines.registry.SYSTEMS`.
    nano : bool
        Networks at an eighth of their published width.
    weights : {"imagenet", "formula", "random"}
        What pretrained networks begin from, where the system has any.
    epochs, batch, copies : int or None
        Of systems that train a network (an epoch shows each image `copies` times, each time augmented anew); None: as
        the system's own file says.
    learning_rate : float or None
        Likewise.
    """

    system: str
    nano: bool = False
    weights: str = "imagenet"
    epochs: int | None = None
    batch: int | None = None
    copies: int | None = None
    learning_rate: float | None = None

    # What run records and tables of runs ask of any settings.
    backbone = property(lambda self: "", doc="Empty: a system is told by `approach`.")
    approach = property(lambda self: self.system, doc="The system's key, as tables of runs show it.")
    dense = None

    def as_dict(self):
        """Return plain JSON types; `from_dict` is the way back."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values):
        """Build settings from `as_dict`'s result; an unknown name raises `LeuknetError`."""
        unknown = set(values) - {f.name for f in fields(cls)}
        if unknown:
            raise LeuknetError(f"unknown system setting {', '.join(sorted(unknown))}: see SystemSettings")
        return cls(**values)
