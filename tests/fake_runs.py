"""Run folders made from a few lines of JSON: what a study would have left, without training."""

import json
from pathlib import Path

import pandas as pd

from leuknet._io import write_json
from leuknet.data.registry import DATA_SETS, lookup
from leuknet.models.settings import TrainSettings

GOLDEN = Path(__file__).parent / "golden"


def golden_runs(root, records=None):
    """Write the run folders that ``golden/records.json`` describes into `root`; return it."""
    records = records or json.loads((GOLDEN / "records.json").read_text("utf-8"))
    for number, record in enumerate(records):
        split = None
        for seed, (tp, tn) in enumerate(record["tp_tn"]):
            split = write_run(Path(root) / f"{number:02}{seed:02}", record, seed, tp, tn, split)
    return root


def write_run(folder, record, seed, tp, tn, split=None):
    """Write one run's folder as `leuknet.runs.store.Store` does; return the text of its split, which seeds share."""
    settings = TrainSettings(backbone=record.get("backbone", "VGG16"), approach=record["approach"])
    settings = settings.but(**record.get("settings", {}))
    tested, role = record.get("tested", record["fold"]), record.get("role", "test")
    known = lookup(tested)
    negatives, positives = record.get("classes", (known.negatives, known.positives))
    predictions = predicted(tested, known.source, negatives, positives, tp, tn)
    predictions = predictions.assign(fold=record["fold"], seed=seed, split=role)
    recipe = {"data": record["data"], "size": record.get("size", 224), "fraction": 1.0, "floor": 0, "seed": 0}
    run = {"fold": record["fold"], "seed": seed, "protocol": record["protocol"], "recipe": recipe}
    folder.mkdir(parents=True)
    split = split or split_text(record, tested, predictions["image_id"])
    (folder / "split.csv").write_text(split, "utf-8")
    write_json(folder / "run.json", run | {"key": folder.name, "schema": 1, "settings": settings.as_dict()})
    write_json(folder / "environment.json", {"backend": "tensorflow", "leuknet": "0", "packages": {"keras": "3"}})
    write_json(folder / "weights.json", {"weights": settings.weights})
    predictions.to_parquet(folder / "predictions.parquet", index=False)
    epochs = pd.DataFrame({"epoch": [1, 2], "loss": [0.7, 0.5], "accuracy": [0.5, 0.8], "seconds": [1.0, 1.0]})
    epochs.to_csv(folder / "history.csv", index=False)
    write_json(folder / "done.json", {"seconds": 2.0, "predict_seconds": 0.1, "images_trained": 6614})
    return split


def split_text(record, tested, test_ids):
    """Return a split file as `Split.to_csv` writes it: Table 1's other data sets train, UFG never does."""
    others = [f"{d.name}/{k:04}" for d in DATA_SETS.values() if d.name not in (tested, "UFG") for k in range(d.total)]
    rows = [(name, "train") for name in others[: record.get("trained_on")]] + [(name, "test") for name in test_ids]
    lines = [f'{record["fold"]},"{name}",{role}' for name, role in rows]
    head = json.dumps({"protocol": record["protocol"], "by": "image", "hash": ""})
    return "\n".join([f"# {head}", "fold,image_id,role", *lines, ""])


def predicted(tested, source, negatives, positives, tp, tn):
    """Return predictions with `tp` true positives and `tn` true negatives."""
    y = [0] * negatives + [1] * positives
    p = [0.1] * tn + [0.9] * (negatives - tn) + [0.9] * tp + [0.1] * (positives - tp)
    ids = [f"{tested}/test/{number:03}" for number in range(len(y))]
    return pd.DataFrame({"image_id": ids, "data_set": tested, "source": source, "group": ids, "y": y, "p": p})
