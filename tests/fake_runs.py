"""Run folders and rows of results made from a few lines: what a study would have left, without training."""

import json
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd

from leuknet._io import write_json
from leuknet.baselines.registry import BASELINES
from leuknet.baselines.settings import BaselineSettings
from leuknet.data.registry import DATA_SETS, lookup
from leuknet.models.settings import TrainSettings
from leuknet.paper import tables
from leuknet.paper.consistency.grim import CLASSES
from leuknet.paper.consistency.sprite import recoveries
from leuknet.runs.record import seal
from leuknet.verdicts import claim_rules, ledger

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
    """Write one run tested on one data set; return the text of its split, which seeds share."""
    settings = TrainSettings(backbone=record.get("backbone", "VGG16"), approach=record["approach"])
    settings = settings.but(**record.get("settings", {})).as_dict()
    tested, role = record.get("tested", record["fold"]), record.get("role", "test")
    known = lookup(tested)
    negatives, positives = record.get("classes", (known.negatives, known.positives))
    predictions = predicted(tested, known.source, negatives, positives, tp, tn).assign(split=role)
    split = split or split_text(record, tested, predictions["image_id"])
    write_folder(folder, record, settings, seed, predictions, split)
    return split


def write_folder(folder, record, settings, seed, predictions, split):
    """Write one run's folder as `leuknet.runs.store.Store` does."""
    recipe = {"data": record["data"], "size": record.get("size", 224), "fraction": 1.0, "floor": 0, "seed": 0}
    run = {"fold": record["fold"], "seed": seed, "protocol": record["protocol"], "recipe": recipe}
    folder.mkdir(parents=True)
    (folder / "split.csv").write_text(split, "utf-8")
    write_json(folder / "run.json", run | {"key": folder.name, "schema": 1, "settings": settings, "role": "study"})
    write_json(folder / "environment.json", {"backend": "tensorflow", "leuknet": "0", "packages": {"keras": "3"}})
    write_json(folder / "weights.json", {"weights": settings.get("weights", "none")})
    frame = predictions.assign(fold=record["fold"], seed=seed)
    frame.to_parquet(folder / "predictions.parquet", index=False)
    epochs = pd.DataFrame({"epoch": [1, 2], "loss": [0.7, 0.5], "accuracy": [0.5, 0.8], "seconds": [1.0, 1.0]})
    epochs.to_csv(folder / "history.csv", index=False)
    seal(folder, {"seconds": 2.0, "predict_seconds": 0.1, "images_trained": 6614})


def split_text(record, tested, test_ids):
    """Return a split file as `Split.to_csv` writes it: Table 1's other data sets train, UFG in cohort "all" only."""
    apart = {tested} if record.get("cohort") == "all" else {tested, "UFG"}
    others = [f"{d.name}/{k:04}" for d in DATA_SETS.values() if d.name not in apart for k in range(d.total)]
    rows = [(name, "train") for name in others[: record.get("trained_on")]] + [(name, "test") for name in test_ids]
    lines = [f'{record["fold"]},"{name}",{role}' for name, role in rows]
    head = json.dumps({"protocol": record["protocol"], "by": "image", "hash": ""})
    return "\n".join([f"# {head}", "fold,image_id,role", *lines, ""])


@cache
def predicted(tested, source, negatives, positives, tp, tn):
    """Return predictions with `tp` true positives and `tn` true negatives."""
    y = [0] * negatives + [1] * positives
    p = [0.1] * tn + [0.9] * (negatives - tn) + [0.9] * tp + [0.1] * (positives - tp)
    ids = [f"{tested}/test/{number:03}" for number in range(len(y))]
    return pd.DataFrame({"image_id": ids, "data_set": tested, "source": source, "group": ids, "y": y, "p": p})


BACKBONES = {3: "VGG16", 4: "VGG19", 5: "InceptionV3", 6: "Xception", 7: "ResNet50", 9: "VGG16"}
APPROACHES = {"LeukNet": "mDFT", "VGG-16 *": "scratch"}


def published_runs(root, fewer_negatives=0.0):
    """Write runs at the paper's settings whose confusion counts are the published ones; return `root`.

    Rows of Tables 3-7 and 9 get the five runs that the audit recovers, or where it finds none five equal ones of the
    printed recall and specificity. Tables 12 and 13 get five folds, twice, of LeukNet, of VGG-16 from random
    weights and of Vogado et al., with the printed rates in each fold. Table 11 gets LeukNet's five folds over all 18
    data sets, twice, at Table 12's rates: it prints the same accuracy.

    Parameters
    ----------
    root : path
    fewer_negatives : float
        Share of the negative images that LeukNet (VGG-16 by mDFT with its usual head) calls wrongly in addition.
    """
    splits = {}
    for number, block, row, texts, _, found in recoveries():
        if (number, row) == (9, "1024–256"):
            continue  # the runs of Table 3
        negatives, positives = CLASSES[block]
        head = {"dense": tuple(map(int, row.split("–")))} if number == 9 else {}
        approach = "mDFT" if number == 9 else row
        lost = round(fewer_negatives * negatives) if (number, row) == (3, "mDFT") else 0
        record = {"backbone": BACKBONES[number], "approach": approach, "settings": head, "data": "d", "fold": block}
        record["protocol"] = "LODOCV as published"
        for seed, (tp, tn) in enumerate(found.runs[0] if found.runs else rounded(texts, negatives, positives)):
            folder = Path(root) / f"{number}-{block}-{row}-{seed}"
            splits[block] = write_run(folder, record, seed, tp, tn - lost, splits.get(block))
    for row in (*APPROACHES, "Vogado et al. [22]"):
        for run in range(10):
            write_fold(Path(root) / f"12-{row}-{run}", row, run, fewer_negatives * (row == "LeukNet"))
    for run in range(10):
        write_fold(Path(root) / f"11-LeukNet-{run}", "LeukNet", run, fewer_negatives, apart=())
    return root


def rounded(texts, negatives, positives):
    """Return five ``(TP, TN)`` whose means are as near to the printed recall and specificity as whole images allow."""
    totals = [round(5 * n * float(texts[m].split(" ")[0]) / 100) for m, n in (("R", positives), ("S", negatives))]
    return [tuple(total // 5 + (seed < total % 5) for total in totals) for seed in range(5)]


def write_fold(folder, row, run, fewer_negatives, apart=("UFG",)):
    """Write one fold of Table 12's pooled data sets, tested on those set `apart` as well (Table 13)."""
    parts, training, fold = [], [], run % 5
    for d in DATA_SETS.values():
        frame = predicted(d.name, d.source, d.negatives, d.positives, d.positives, d.negatives)
        tested = frame if d.name in apart else frame.iloc[fold::5]
        training += [] if d.name in apart else sorted(set(frame["image_id"]) - set(tested["image_id"]))
        parts.append(tested.assign(split="external" if d.name in apart else "test"))
    predictions = pd.concat(parts, ignore_index=True)
    for role, number in [("test", 12), ("external", 13)][: 1 + len(apart)]:
        texts = tables.table(number).set_index(["row", "column"])["text"][row]
        for label, metric, lost in ((1, "R", 0), (0, "S", fewer_negatives)):
            rate = float(texts[metric].split(" ")[0]) / 100 - lost
            images = predictions.index[(predictions["split"] == role) & (predictions["y"] == label)]
            wrong = images[: len(images) - round(rate * len(images))]
            predictions.loc[wrong, "p"] = 1.0 - predictions.loc[wrong, "p"]
    record = {
        "data": "d",
        "fold": f"r{run // 5}f{fold}",
        "protocol": ", ".join(["5-fold", *(f"{name} external" for name in apart)]),
    }
    approach = APPROACHES.get(row)
    chosen = TrainSettings(approach=approach) if approach else BaselineSettings(system="vogado")
    settings = chosen.as_dict()
    settings |= {"weights": "random"} if approach == "scratch" else {}
    lines = [f'{record["fold"]},"{name}",train' for name in training]
    split = "\n".join(['# {"protocol": "5-fold"}', "fold,image_id,role", *lines, ""])
    write_folder(folder, record, settings, run // 5, predictions, split)


TESTED = ("ALL-IDB 1", "ALL-IDB 2", "UFG")
PUBLISHED, POOLED, APART = "LODOCV as published", "5-fold", "5-fold, UFG external"
FOLDS = tuple(f"r0f{k}" for k in range(5))
SEEDS = (-0.004, 0.003, 0.001, -0.002, 0.002)  # runs scatter by these about their mean
IMAGES = 1000


def runs(a, approach="mDFT", backbone="VGG16", protocol=PUBLISHED, folds=TESTED[:2], noise=1.0, **columns):
    """Return rows as `results.results` gives them: five seeds on each fold, with mean accuracy `a`."""
    rows = []
    for fold in folds:
        for seed, step in enumerate(SEEDS):
            right = np.arange(IMAGES) < round(IMAGES * (a + noise * step))
            row = {"fold": fold, "tested": fold, "seed": seed, "A": right.mean(), "images": IMAGES, "majority": 0.55}
            row |= {"backbone": backbone, "approach": approach, "dense": "", "weights": "ImageNet", "shared": 0}
            row |= {"protocol": protocol, "lodocv": protocol == PUBLISHED, "role": "test", "trained_on": 4000}
            row |= {"cohort": "development" if protocol == APART else "all"}
            row |= {
                "source_out": False,
                "why_not": "",
                "right": pd.Series(right, [f"{fold}/{k}" for k in range(IMAGES)]),
            }
            rows.append(row | columns | {"run": f"{approach} {backbone} {fold} {protocol} {seed}"})
    return pd.DataFrame(rows)


def pooled(a, approach="mDFT", protocol=POOLED, noise=1.0, **columns):
    """Return runs over five folds of one pool, whose test images are those of `TESTED`'s data sets."""
    frame = runs(a, approach, protocol=protocol, folds=FOLDS, noise=noise, **columns)
    every = [f"{tested}/{k}" for tested in TESTED for k in range(IMAGES)]

    def fold_of(row):
        mine = every[int(row["fold"][-1]) :: 5]
        return pd.Series(np.arange(len(mine)) < round(len(mine) * row["A"]), np.random.default_rng(0).permutation(mine))

    return frame.assign(right=[fold_of(row) for _, row in frame.iterrows()])


def apart(inside, outside, noise=1.0):
    """Return runs within folds and on a set apart: ``{approach: accuracy}`` of both."""
    frames = [pooled(a, name, APART, noise) for name, a in inside.items()]
    frames += [pooled(a, name, APART, noise, role="external", tested="UFG") for name, a in outside.items()]
    return pd.concat(frames, ignore_index=True)


def deeper(a, noise=1.0):
    return [runs(a, backbone=name, noise=noise) for name in ("ResNet50", "InceptionV3", "Xception")]


def approaches(a, *others, noise=1.0, **columns):
    frames = [runs(b, name, noise=noise, **columns) for name, b in zip(("SFT", "mSFT", "DFT"), others, strict=True)]
    return [runs(a, noise=noise, **columns), *frames]


def head(a, others, noise=1.0):
    return [
        runs(a, noise=noise),
        *(runs(others, noise=noise, dense=name) for name in ("512–256", "1024–512", "1024–1024")),
    ]


def left_out(*accuracies, **columns):
    return [runs(a, folds=(tested,), **columns) for a, tested in zip(accuracies, TESTED, strict=True)]


def scattered(frame, role="external"):
    """Return runs whose difference in one role varies from fold to fold."""
    sign = np.where(frame["approach"] == "mDFT", 1, -1) * np.where(frame["role"] == role, 1, 0)
    return frame.assign(A=frame["A"] + 0.03 * sign * (frame["fold"].str[-1].astype(int) - 2))


def works(a):
    """Return an accuracy for every work of Table 11."""
    return {key: a for key, entry in BASELINES.items() if entry.reference}


def judged(name, frame, out="nowhere"):
    """Return the ledger's evidence on claim `name` from rows of results."""
    rule = ledger.rules()[name]
    return claim_rules.RULES[rule["rule"]](rule, claim_rules.Sources(frame, Path(out)))
