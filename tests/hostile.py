"""Run folders and network files as a stranger, a damaged disk or a careless hand leaves them, made on the fly."""

import json
import shutil
import zipfile
from pathlib import Path

import pandas as pd

from leuknet._io import write_json
from leuknet.evaluation.splits import Split
from leuknet.models.settings import TrainSettings
from leuknet.runs.record import seal
from leuknet.runs.spec import RunSpec

TABLE = pd.DataFrame(
    {"fold": "A", "image_id": ["B/0", "B/1", "A/0", "A/1"], "role": ["train", "train", "test", "test"]}
)


def write_finished(root, seed=0, **changes):
    """Write the folder of a small finished run, whole and sealed, into `root`; return it."""
    settings = TrainSettings(backbone="VGG16-nano", weights="random", epochs=1).but(**changes)
    recipe = {"data": None, "size": 32, "fraction": 0.001, "floor": 4, "seed": 0}
    spec = RunSpec(settings, Split("LODOCV", TABLE), "A", seed, "cohort", recipe=recipe)
    folder = Path(root) / spec.key
    folder.mkdir(parents=True)
    spec.write(folder)
    predictions = {"image_id": ["A/0", "A/1"], "data_set": "A", "source": "A", "group": ["A/0", "A/1"], "y": [0, 1]}
    predictions |= {"p": [0.25, 0.75], "fold": "A", "seed": seed, "split": "test"}
    pd.DataFrame(predictions).to_parquet(folder / "predictions.parquet", index=False)
    pd.DataFrame({"epoch": [1], "loss": [0.5], "seconds": [1.0]}).to_csv(folder / "history.csv", index=False)
    write_json(folder / "environment.json", {"backend": "tensorflow", "packages": {"keras": "3"}, "threads": {}})
    write_json(folder / "weights.json", {"weights": "random"})
    seal(folder, {"seconds": 1.0})
    return folder


def edit(path, **values):
    """Set values of the JSON object in `path`."""
    write_json(path, json.loads(path.read_text("utf-8")) | values)


def sealed_again(folder):
    """Seal a folder as it is now: a stranger can, so content must be checked as well."""
    seal(folder, {"seconds": 1.0})


def copy_of(folder, root):
    """Return a copy of a run's folder within `root`."""
    return Path(shutil.copytree(folder, Path(root) / Path(folder).name))


def repacked(path, change, extra=None):
    """Write a ``.keras`` file again with `change` applied to its parts (a dict of name to bytes)."""
    with zipfile.ZipFile(path) as file:
        parts = {name: file.read(name) for name in file.namelist()}
    parts = change(parts) or parts
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in parts.items():
            file.writestr(name, data)


def reconfigured(path, change):
    """Write a ``.keras`` file again with `change` applied to its configuration."""

    def parts_with(parts):
        config = json.loads(parts["config.json"])
        changed = change(config)
        return parts | {"config.json": json.dumps(config if changed is None else changed).encode()}

    repacked(path, parts_with)
