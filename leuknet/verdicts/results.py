"""Results of the run folders of a study: one row a run and role, and whether it is comparable with the paper."""

import io
import tomllib
from collections import Counter
from contextlib import suppress
from functools import cache, lru_cache
from importlib.resources import files
from pathlib import Path

import pandas as pd

from leuknet.data.registry import DATA_SETS, lookup
from leuknet.evaluation.metrics import checked, count, from_counts
from leuknet.evaluation.splits import AS_PUBLISHED, LODOCV
from leuknet.exceptions import LeuknetError
from leuknet.models.settings import TrainSettings
from leuknet.paper import tables
from leuknet.runs.record import DamagedRun, finished, read

SIZE = 224
SYNTHETIC = "synthetic cohort"
# Settings that the paper varies between its own rows.
VARIED = ("backbone", "approach", "dense", "weights", "validation", "precision")


SOURCE_OUT = "leave-one-source-out"


def trainings(folder):
    """Return the folder of runs of a result folder, or the folder itself if it holds the runs."""
    folder = Path(folder)
    for place in (folder / "trainings", folder):
        if any(place.glob("*/run.json")):
            return place
    raise LeuknetError(f"no runs in {folder}: give the result folder of 'leuknet study' or 'leuknet train'")


def results(folder):
    """Return the results of the finished runs in `folder`, one row a run and role that is no validation.

    Controls (runs of role "control", such as those on permuted labels) are left out: they answer no question about the
    network that they are a control for.

    Parameters
    ----------
    folder : path
        A result folder, or its folder of runs.

    Returns
    -------
    pandas.DataFrame
        ``run, backbone`` (without "-nano"), ``approach`` (or the baseline), ``dense`` (as text), ``protocol`` (that it
        was run for), ``lodocv`` and ``source_out`` (bool: whether its split answers these, whatever it was run for),
        ``fold``, ``seed``, ``weights``, ``role``, ``tested`` (data sets), ``images``, ``majority`` (share of their
        larger class), ``trained_on`` (images), ``shared`` (training images of a tested source), ``why_not`` (why it
        cannot stand next to the paper's numbers; empty if it can), ``seconds``, ``image_seconds`` (to predict one),
        ``right`` (bool Series by image: called rightly), and the metrics of the confusion matrix as fractions (P and
        MCC without positive or negative calls are 0, as in the paper's tables).
    """
    rows = []
    for run_folder in finished(trainings(folder)):
        with suppress(DamagedRun):  # `leuknet.runs.query.records` lists them
            rows += _rows(read(run_folder))
    return pd.DataFrame(rows)


def _rows(record):
    run, weights, done = record.run, record.weights, record.done
    if run.get("role", "study") != "study" or (run.get("recipe") or {}).get("label_permutation") is not None:
        return []
    settings, predictions = run["settings"], record.predictions()
    training = trained_images(record.data("split.csv").decode("utf-8"))
    common = {
        "run": record.folder.name,
        "backbone": settings.get("backbone", "").removesuffix("-nano"),
        "approach": settings.get("approach", settings.get("system")),
        "dense": "–".join(map(str, settings.get("dense") or ())),
        **{name: run[name] for name in ("protocol", "seed")},
        "fold": canonical(run["fold"]),
        "weights": weights.get("weights", ""),
        "seconds": done.get("seconds"),
        "trained_on": len(training),
        "image_seconds": done.get("predict_seconds", float("nan")) / len(predictions),
    }
    data_sets = Counter(image.split("/")[0] for image in training)
    data_sets = {canonical(name): n for name, n in data_sets.items()}
    parts = predictions[predictions["split"] != "validation"].groupby("split", sort=False)
    return [common | _tested(role, part, run, data_sets, training) for role, part in parts]


def _tested(role, part, run, data_sets, training):
    """Return what a run's row says of the images in one role."""
    tested = sorted(map(canonical, part["data_set"].unique()))
    shared = sum(n for name, n in data_sets.items() if source(name) in set(part["source"]))
    y, p = checked(part["y"], part["p"])
    positives, found = y.mean(), from_counts(*(mask.sum() for mask in count(y, p)), undefined="zero")
    return {
        "role": role,
        "tested": ", ".join(tested) if len(tested) < 4 else "pooled data sets",
        "lodocv": role == "test" and _leaves_out(run, (LODOCV, AS_PUBLISHED), tested, set(tested) & set(data_sets)),
        "source_out": role == "test" and _leaves_out(run, (SOURCE_OUT,), part["source"].unique(), shared),
        "images": len(part),
        "majority": max(positives, 1 - positives),
        "shared": shared,
        "right": pd.Series((p >= 0.5) == y, part["image_id"].to_numpy()),
        "why_not": "; ".join([*unlike_paper(run), *unlike_images(part, training, role)]),
        **{name: float(value) for name, value in found.items()},
    }


def _leaves_out(run, protocols, units, trained_on_them):
    """Whether a run answers one of `protocols`: made for it, or for another that left the one tested unit out too."""
    left_out = (LODOCV, AS_PUBLISHED, SOURCE_OUT)
    return run["protocol"] in protocols or (run["protocol"] in left_out and len(units) == 1 and not trained_on_them)


def canonical(data_set):
    """Return a data set's name as Table 1 has it; other names as they are."""
    known = lookup(data_set)
    return known.name if known else data_set


def source(data_set):
    """Return the source of a data set by its name; a data set that is not in Table 1 is its own."""
    known = lookup(data_set)
    return known.source if known else data_set


@lru_cache(maxsize=128)
def trained_images(split):
    """Return the ids of a run's training images (tuple) from the text of its ``split.csv``, which seeds share."""
    body = io.StringIO(split.partition("\n")[2] if split.startswith("# {") else split)
    rows = pd.read_csv(body, usecols=["image_id", "role"], dtype=str, keep_default_na=False)
    return tuple(rows.loc[rows["role"] == "train", "image_id"])


def unlike_paper(run):
    """Return what of a run's record differs from the paper's experiment: cohort, size, weights, settings."""
    settings, recipe = run["settings"], run.get("recipe")
    if recipe is None:
        return ["the record does not say what images it saw"]
    found = [SYNTHETIC] if recipe.get("data") is None else []
    found += [f"{recipe['size']} px"] if recipe["size"] != SIZE else []
    if "system" in settings:
        return [*found, "a comparison system as described, not its authors' code"]
    found += ["narrow network"] if settings["backbone"].endswith("-nano") else []
    begun = "random" if settings["approach"] == "scratch" else "imagenet"
    found += [f"begun from {settings['weights']} weights"] if settings["weights"] != begun else []
    paper = TrainSettings().as_dict()
    changed = [name for name in paper if name not in VARIED and settings.get(name) != paper[name]]
    return [*found, *(f"{name} {settings.get(name)}" for name in changed)]


def unlike_images(part, training, role):
    """Return how tested and training images differ in number from the paper's."""
    if role == "test" and part["data_set"].nunique() > 1:
        expected = (0.79 * 3402, 0.81 * 3415)
    else:
        name = part["data_set"].iloc[0]
        known, counts = lookup(name), (int((part["y"] == 0).sum()), int((part["y"] == 1).sum()))
        if known is None:
            return [f"{name} is not one of Table 1's"]
        if counts != (known.negatives, known.positives):
            return [f"{counts[0]} + {counts[1]} images, Table 1 has {known.negatives} + {known.positives}"]
        rows = sum(data_set.total for data_set in DATA_SETS.values())
        expected = (0.79 * 3402, 0.81 * 3415) if role == "external" else (rows - 121 - known.total, 3536 - known.total)
    low, high = expected
    if not training or low <= len(training) <= high:
        return []
    return [f"trained on {'fewer' if len(training) < low else 'more'} images than {low:.0f} to {high:.0f}"]


@cache
def tolerances():
    """Return ``tolerances.toml`` as a dictionary."""
    return tomllib.loads(files("leuknet.verdicts").joinpath("tolerances.toml").read_text("utf-8"))


def published_row(row):
    """Return ``(table, block, row)`` of the paper that a row of `results` answers, or None."""
    networks = {"VGG16": 3, "VGG19": 4, "InceptionV3": 5, "Xception": 6, "ResNet50": 7}
    if row["lodocv"] and row["tested"] in ("ALL-IDB 1", "ALL-IDB 2"):
        return (networks[row["backbone"]], row["tested"], row["approach"]) if row["backbone"] in networks else None
    name = {"mDFT": "LeukNet", "scratch": "VGG-16 *"}.get(row["approach"])
    if name is None or row["backbone"] != "VGG16" or not row["protocol"].endswith("external"):
        return None
    if row["role"] == "external":
        return (13, "", name) if row["tested"] == "UFG" else None
    return 12, "", name


def head_rows(frame):
    """Return the rows of `results` that answer Table 9, with ``head`` as the paper names it (its neurons)."""
    network = (frame["backbone"] == "VGG16") & (frame["approach"] == "mDFT")
    part = frame[network & frame["lodocv"] & frame["tested"].isin(("ALL-IDB 1", "ALL-IDB 2"))]
    narrow = {"64–32": "512–256", "": "1024–256", "128–64": "1024–512", "128–128": "1024–1024"}
    heads = [narrow.get(dense, dense) for dense in part["dense"]]
    return part.assign(head=heads)[lambda rows: rows["head"].isin(set(tables.table(9)["row"]))]
