"""What decides a run: settings, fold, seed and images; its key, its label, and how a folder states it."""

import json
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from leuknet._io import hash_of, write_json
from leuknet.baselines.settings import BaselineSettings
from leuknet.evaluation.splits import Split
from leuknet.exceptions import LeuknetError
from leuknet.models.settings import TrainSettings

# Grows with what a run of the same settings gives, so that no earlier run passes for done. 3: networks of baselines are
# trained by `leuknet.models.training`, without filling up the last batch, and Shafique shows each image three times.
SCHEMA = 3


@dataclass(frozen=True)
class RunSpec:
    """What decides a run.

    Attributes
    ----------
    settings : TrainSettings or BaselineSettings
    split : Split
    fold : str
    seed : int
    cohort_key : str
        `Cohort.key`: the images' content, never their place.
    keep_model : bool
        Keep the trained network (not part of the key).
    recipe : dict, optional
        The arguments of `leuknet.data.load.load_cohort` that give the cohort, for a process that has to load it
        (not part of the key).
    role : {"study", "control"}
        What the run is for: readers of results leave controls out (not part of the key).
    """

    settings: TrainSettings | BaselineSettings
    split: Split
    fold: str
    seed: int
    cohort_key: str
    keep_model: bool = False
    recipe: dict | None = None
    role: str = "study"

    @cached_property
    def key(self):
        """16 hexadecimal digits: the hash of settings, fold, seed and cohort."""
        decides = [SCHEMA, self.settings.as_dict(), self.split.fold_hash(self.fold), self.seed, self.cohort_key]
        return hash_of(decides)

    def as_dict(self):
        """Return the record that ``run.json`` holds."""
        return {
            "schema": SCHEMA,
            "key": self.key,
            "settings": self.settings.as_dict(),
            "protocol": self.split.protocol,
            "split_hash": self.split.hash,
            "fold": self.fold,
            "seed": self.seed,
            "cohort_key": self.cohort_key,
            "keep_model": self.keep_model,
            "recipe": self.recipe,
            "role": self.role,
        }

    @property
    def label(self):
        """What progress tables call the run."""
        told = [getattr(self.settings, name, "") for name in ("backbone", "approach")]
        return " ".join([*filter(None, told), self.split.protocol, self.fold, f"seed {self.seed}"])

    def write(self, folder):
        """Write ``run.json`` and ``split.csv`` (this fold only) into `folder`: all that `read` needs."""
        fold = self.split.table[self.split.table["fold"] == self.fold]
        replace(self.split, table=fold).to_csv(Path(folder) / "split.csv")
        write_json(Path(folder) / "run.json", self.as_dict())

    @classmethod
    def read(cls, folder):
        """Read the run that `write` left in `folder`; raise `LeuknetError` if it is not the run it says it is."""
        folder = Path(folder)
        try:
            kept = json.loads((folder / "run.json").read_text("utf-8"))
            if kept["schema"] != SCHEMA:
                raise ValueError(f"schema {kept['schema']}, not {SCHEMA}")
            values = {name: kept[name] for name in ("fold", "seed", "cohort_key", "keep_model", "recipe")}
            values["role"] = kept.get("role", "study")
            settings, key = settings_from_dict(kept["settings"]), kept["key"]
        except FileNotFoundError:
            raise LeuknetError(f"{folder} holds no run: give the folder of a run, with run.json in it") from None
        except (ValueError, KeyError, TypeError) as error:
            raise LeuknetError(
                f"{folder / 'run.json'} is no record of this version ({error}): train it anew"
            ) from error
        spec = cls(settings=settings, split=Split.from_csv(folder / "split.csv"), **values)
        if spec.key != key:
            raise LeuknetError(f"{folder / 'run.json'} was changed: its key is {key}, its content's is {spec.key}")
        return spec


def settings_from_dict(values):
    """Build the settings that `values`, an `as_dict`, came from."""
    return (BaselineSettings if "system" in values else TrainSettings).from_dict(values)
