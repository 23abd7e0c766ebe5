"""Specification of a run: settings, fold, seed and images, with its key, its label and its files."""

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from leuknet._config import Settings, setting
from leuknet._io import hash_of, read_object, write_json
from leuknet.baselines.settings import BaselineSettings
from leuknet.evaluation.splits import Split
from leuknet.exceptions import LeuknetError
from leuknet.models.settings import TrainSettings

# Increased when runs of the same settings give other results, to invalidate earlier runs. 3: networks of baselines are
# trained by `leuknet.models.training`, without padding the last batch, and Shafique uses each image three times.
SCHEMA = 4


class CohortConfig(Settings):
    """The arguments of `load_cohort` allowed in a record; the bounds limit the cohort size of untrusted records."""

    data: str | None = None
    size: int = setting(224, ge=0, le=2048)
    fraction: float = setting(1.0, ge=0, le=1)
    floor: int = setting(0, ge=0, le=100_000)
    seed: int = setting(0, ge=0)
    label_permutation: int | None = setting(None, ge=0)
    limit: int | None = setting(None, ge=0)


class Values(Settings):
    """The fields of a record that are not training settings."""

    fold: str
    seed: int
    cohort_key: str
    keep_model: bool
    role: str = "study"
    recipe: CohortConfig | None = setting(strict=False)


@dataclass(frozen=True)
class RunSpec:
    """Specification of a run.

    Attributes
    ----------
    settings : TrainSettings or BaselineSettings
    split : Split
    fold : str
    seed : int
    cohort_key : str
        `Cohort.key`, which depends on the content of the images but not on their location.
    keep_model : bool
        Whether to save the trained network (not part of the key).
    recipe : dict, optional
        The arguments of `leuknet.data.load.load_cohort` for the cohort, for processes that have to load it (not part of
        the key).
    role : {"study", "control"}
        Purpose of the run; controls are excluded from results (not part of the key).
    """

    settings: TrainSettings | BaselineSettings
    split: Split
    fold: str
    seed: int
    cohort_key: str
    keep_model: bool = False
    recipe: dict[str, Any] | None = None
    role: str = "study"

    @cached_property
    def key(self) -> str:
        """Hash of settings, fold, seed and cohort, 16 hexadecimal digits."""
        decides = [SCHEMA, self.settings.as_dict(), self.split.fold_hash(self.fold), self.seed, self.cohort_key]
        return hash_of(decides)

    def as_dict(self) -> dict[str, Any]:
        """Return the content of ``run.json``."""
        return {
            "schema": SCHEMA,
            "key": self.key,
            "settings": self.settings.as_dict(),
            "protocol": self.split.protocol,
            "split_hash": self.split.hash,
            **{name: getattr(self, name) for name in Values.names()},
        }

    @property
    def label(self) -> str:
        """The run's name in progress tables."""
        names = [getattr(self.settings, name, "") for name in ("backbone", "approach")]
        return " ".join([*filter(None, names), self.split.protocol, self.fold, f"seed {self.seed}"])

    def write(self, folder: str | Path) -> None:
        """Write ``run.json`` and ``split.csv`` (this fold only), which `read` needs, into `folder`."""
        fold = self.split.table[self.split.table["fold"] == self.fold]
        replace(self.split, table=fold).to_csv(Path(folder) / "split.csv")
        write_json(Path(folder) / "run.json", self.as_dict())

    @classmethod
    def read(cls, folder: str | Path) -> "RunSpec":
        """Read the run that `write` stored in `folder`; raise `LeuknetError` if its content does not match its key."""
        folder = Path(folder)
        try:
            record = read_object(folder / "run.json")
            if record["schema"] != SCHEMA:
                raise ValueError(f"schema {record['schema']}, not {SCHEMA}")
            values = Values(**{name: record[name] for name in Values.names() if name in record})
            stated = values.model_dump(exclude_unset=True)
            settings, key = settings_from_dict(record["settings"]), record["key"]
        except FileNotFoundError:
            raise LeuknetError(f"{folder} holds no run: give the folder of a run, with run.json in it") from None
        except (ValueError, KeyError, TypeError, AttributeError, OSError, LeuknetError) as error:
            reason = " ".join(str(error).split())[:300]
            raise LeuknetError(f"{folder / 'run.json'} is no record of this version ({reason}): retrain it") from error
        spec = cls(settings=settings, split=Split.from_csv(folder / "split.csv"), **stated)
        if spec.key != key:
            raise LeuknetError(f"{folder / 'run.json'} was changed: its key is {key}, its content's is {spec.key}")
        return spec


def settings_from_dict(values: dict[str, Any]) -> TrainSettings | BaselineSettings:
    """Create settings from `values`, the result of their `as_dict`."""
    return (BaselineSettings if "system" in values else TrainSettings).from_dict(values)
