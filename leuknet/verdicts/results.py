"""Results of a study's runs: one row per run and role, and whether it is comparable with the paper."""

import io
import re
import tomllib
from collections import Counter
from collections.abc import Collection, Iterable
from contextlib import suppress
from functools import cache, lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from leuknet._io import read_limited
from leuknet.data.registry import DATA_SETS, canonical, lookup, source_of
from leuknet.evaluation.metrics import from_counts
from leuknet.evaluation.splits import AS_PUBLISHED, LODOCV
from leuknet.exceptions import LeuknetError
from leuknet.models.settings import TrainSettings
from leuknet.runs.record import DamagedRunError, Record, read_all, readable

SIZE = 224
MAX_TABLE = 16 << 20  # bytes
SYNTHETIC = "synthetic cohort"
# Settings that vary between the paper's own rows.
VARIED = ("backbone", "approach", "dense", "weights", "validation", "precision")
NETWORKS = {"VGG16": 3, "VGG19": 4, "InceptionV3": 5, "Xception": 6, "ResNet50": 7}  # and their tables
SOURCE_OUT = "leave-one-source-out"
PERFORMANCE_SET = "UFG"  # §3.1: the other 17 data sets are the development set
DEVELOPMENT, ALL = "development", "all"
PLAIN_FOLDS = re.compile(r"\d+-fold")  # of all data sets, by image
PRINTED_TOTAL = 3536  # images, Table 1's last row
READ = ["image_id", "data_set", "source", "y", "p", "split"]  # columns of the predictions

Run = dict[str, Any]


def trainings(folder: str | Path) -> Path:
    """Return the folder of runs within a result folder, or the folder itself if it contains the runs."""
    folder = Path(folder)
    for place in (folder / "trainings", folder):
        if any(place.glob("*/run.json")):
            return place
    raise LeuknetError(f"no runs in {folder}: give the result folder of 'leuknet study' or 'leuknet train'")


def page_table(out: Path, name: str, *columns: str) -> pd.DataFrame | None:
    """Return a page's table in the result folder `out` by its file's stem.

    None if the page has not been run into this folder, or the file is no table with these `columns`.
    """
    try:
        table = pd.read_csv(io.BytesIO(read_limited(out / "tables" / f"{name}.csv", MAX_TABLE)))
    except (OSError, ValueError):  # pandas' own errors are ValueErrors
        return None
    return table if set(columns) <= set(table) else None


def results(folder: str | Path) -> pd.DataFrame:
    """Return `of_records` of the finished and undamaged runs in a result folder or its folder of runs."""
    return of_records(read_all(trainings(folder))[0])


def any_results(folder: str | Path) -> pd.DataFrame:
    """Return `results` of a result folder, or an empty table if the folder contains no runs."""
    try:
        return results(folder)
    except LeuknetError:
        return pd.DataFrame()


def of_records(records: Iterable[Record]) -> pd.DataFrame:
    """Return the results of finished runs, one row per run and non-validation role.

    Controls (runs with the role "control", such as those on permuted labels) are excluded because they say nothing
    about the network that they control for. Runs with damaged predictions are excluded too.

    Returns
    -------
    pandas.DataFrame
        ``run, backbone`` (without "-nano"), ``approach`` (or the baseline), ``dense`` (as text), ``protocol`` (that the
        run was made for), ``lodocv`` and ``source_out`` (bool: whether its split matches these protocols, independent
        of ``protocol``), ``fold``, ``seed``, ``weights``, ``role``, ``tested`` (data sets), ``images``, ``majority``
        (share of their larger class), ``trained_on`` (images), ``cohort`` ("all" if UFG is part of the folds, else
        "development"), ``shared`` (training images of a tested source), ``why_not`` (why it is not comparable with the
        paper's numbers; empty if it is), ``seconds``, ``image_seconds`` (to predict one image), ``right`` (bool Series:
        whether an image is classified correctly, indexed by a number that is the same in all rows), and the metrics of
        the confusion matrix as fractions (P and MCC without positive or negative calls are 0, as in the paper's
        tables).
    """
    runs, tables = [], []
    for record in records:
        with suppress(DamagedRunError), readable(record.folder, "its record or split is of another kind"):
            if not is_control(record.run):
                tables.append(record.prediction_table().select(READ))
                trained = training_counts(record.data("split.csv").decode("utf-8"))
                runs.append((record.run, unlike_paper(record.run), trained, _common(record, len(tables[-1]))))
    if not runs:
        return pd.DataFrame()
    images = pa.concat_tables(tables).unify_dictionaries().to_pandas()
    images["number"] = np.repeat(np.arange(len(runs)), [len(table) for table in tables])
    images = images[images["split"] != "validation"]
    parts = images.groupby(["number", "split"], sort=False, observed=True).indices  # a frame per part is slow
    columns = [images["image_id"].cat.codes, *(images[name].astype(object) for name in ("data_set", "source"))]
    columns = [np.asarray(column) for column in (*columns, images["y"] == 1, images["p"] >= 0.5)]
    rows = [
        _tested(role, *(column[where] for column in columns), *runs[number])
        for (number, role), where in sorted(parts.items(), key=lambda part: part[1][0])
    ]
    tn, fp, fn, tp = np.array([row.pop("counts") for row in rows]).T
    return pd.DataFrame(rows).assign(**from_counts(tn, fp, fn, tp, undefined="zero"))


def is_control(run: Run) -> bool:
    """Whether a run is a control of another, according to its ``run.json``."""
    return run.get("role", "study") != "study" or (run.get("recipe") or {}).get("label_permutation") is not None


def _common(record: Record, images: int) -> dict[str, Any]:
    """Return the columns shared by all rows of a run."""
    run, settings, done = record.run, record.run["settings"], record.done
    if not isinstance(run.get("protocol"), str) or not isinstance(run.get("fold"), str):
        raise DamagedRunError(record.folder, "run.json holds no protocol or no fold")
    return {
        "run": record.folder.name,
        "backbone": settings.get("backbone", "").removesuffix("-nano"),
        "approach": settings.get("approach", settings.get("system")),
        "dense": "–".join(map(str, settings.get("dense") or ())),
        "protocol": run["protocol"],
        "seed": run.get("seed"),
        "fold": canonical(run["fold"]),
        "weights": record.weights.get("weights", ""),
        "seconds": done.get("seconds"),
        "image_seconds": done.get("predict_seconds", float("nan")) / max(images, 1),
    }


def _tested(
    role: str,
    image: np.ndarray,
    data_set: np.ndarray,
    of_source: np.ndarray,
    y: np.ndarray,
    called: np.ndarray,
    run: Run,
    unlike: list[str],
    trained: Counter,
    common: dict[str, Any],
) -> dict[str, Any]:
    """Return a run's row for the images in one role."""
    tested, sources = sorted({canonical(name) for name in set(data_set)}), set(of_source)
    shared = sum(n for name, n in trained.items() if source_of(name) in sources)
    counts = np.bincount(2 * y + called, minlength=4)  # TN, FP, FN, TP
    classes, n = counts.reshape(2, 2).sum(axis=1), trained.total()
    cohort = ALL if PERFORMANCE_SET in {*trained, *(tested if role == "test" else ())} else DEVELOPMENT
    return common | {
        "role": role,
        "tested": ", ".join(tested) if len(tested) < 4 else "pooled data sets",
        "lodocv": role == "test" and _leaves_out(run, (LODOCV, AS_PUBLISHED), tested, set(tested) & set(trained)),
        "source_out": role == "test" and _leaves_out(run, (SOURCE_OUT,), sources, shared),
        "images": len(y),
        "majority": classes.max() / len(y),
        "trained_on": n,
        "cohort": cohort,
        "shared": shared,
        "right": pd.Series(called == y, image),
        "why_not": "; ".join([*unlike, *unlike_images(tested, tuple(classes), n, role, run["protocol"], cohort)]),
        "counts": counts,
    }


def _leaves_out(run: Run, protocols: Collection[str], units: Collection[str], trained_on_them: object) -> bool:
    """Whether a run matches one of `protocols`: made for it, or for another that also left out the one tested unit."""
    left_out = (LODOCV, AS_PUBLISHED, SOURCE_OUT)
    alike = run["protocol"] in left_out and len(units) == 1 and not trained_on_them
    return bool(run["protocol"] in protocols or alike)


@lru_cache(maxsize=512)
def training_counts(split: str) -> Counter:
    """Return the number of training images by data set from the text of a ``split.csv``, which many runs share."""
    body = io.StringIO(split.partition("\n")[2] if split.startswith("# {") else split)
    rows = pd.read_csv(body, usecols=["image_id", "role"], dtype=str, keep_default_na=False)
    data_sets = rows.loc[rows["role"] == "train", "image_id"].str.split("/").str[0].map(canonical)
    return Counter(data_sets.value_counts(sort=False).to_dict())


def unlike_paper(run: Run) -> list[str]:
    """Return the differences between a run's record and the paper's experiment: cohort, size, weights, settings."""
    settings, recipe = run["settings"], run.get("recipe")
    if recipe is None:
        return ["the record does not say what images it saw"]
    differences = [SYNTHETIC] if recipe.get("data") is None else []
    differences += [f"{recipe['size']} px"] if recipe["size"] != SIZE else []
    if "system" in settings:
        return [*differences, "a comparison system as described, not its authors' code"]
    differences += ["narrow network"] if settings["backbone"].endswith("-nano") else []
    begun = ("random", "he") if settings["approach"] == "scratch" else ("imagenet",)  # §4.4 does not say how random
    differences += [f"begun from {settings['weights']} weights"] if settings["weights"] not in begun else []
    paper = TrainSettings().as_dict()
    changed = [name for name in paper if name not in VARIED and settings.get(name) != paper[name]]
    return [*differences, *(f"{name} {settings.get(name)}" for name in changed)]


def unlike_images(
    tested: list[str], classes: tuple[int, ...], trained_on: int, role: str, protocol: str, cohort: str
) -> list[str]:
    """Return how the numbers of test images (negative and positive) and training images differ from the paper's.

    Plain k-fold covers all 18 data sets (Table 11); with a set apart it covers the others (Table 12). Table 1's rows
    add up to fewer images than its printed total; any number of training images in between is accepted.
    """
    pooled, apart, folded = role == "test" and len(tested) > 1, set(), role == "external"
    if pooled:
        apart, folded = set() if PLAIN_FOLDS.fullmatch(protocol) else {PERFORMANCE_SET}, True
    else:
        known = lookup(tested[0])
        if known is None:
            return [f"{tested[0]} is not one of Table 1's"]
        if classes != (known.negatives, known.positives):
            return [f"{classes[0]} + {classes[1]} images, Table 1 has {known.negatives} + {known.positives}"]
        apart = {known.name} | ({PERFORMANCE_SET} if cohort == DEVELOPMENT else set())
    rows = sum(data_set.total for data_set in DATA_SETS.values())
    left = sum(data_set.total for data_set in DATA_SETS.values() if data_set.name in apart)
    share = (0.79, 0.81) if folded else (1, 1)
    low, high = share[0] * (rows - left), share[1] * (PRINTED_TOTAL - left)
    if not trained_on or low <= trained_on <= high:
        return []
    return [f"trained on {'fewer' if trained_on < low else 'more'} images than {low:.0f} to {high:.0f}"]


def overlap(rows: pd.DataFrame) -> float:
    """Return the ratio of test to training images of a fold of one pool, 1 / (k - 1); 0 for runs without folds."""
    folds = rows["protocol"].str.extract(r"^(\d+)-fold")[0].astype(float)
    return float((1 / (folds - 1)).fillna(0).max()) if len(folds) else 0.0


@cache
def tolerances() -> dict[str, Any]:
    """Return ``tolerances.toml`` as a dictionary."""
    return tomllib.loads(files("leuknet.verdicts").joinpath("tolerances.toml").read_text("utf-8"))


def published_row(row: pd.Series) -> tuple[int, str, str] | None:
    """Return the ``(table, block, row)`` of the paper that matches a row of `results`, or None."""
    if row["lodocv"] and row["tested"] in ("ALL-IDB 1", "ALL-IDB 2"):
        return (NETWORKS[row["backbone"]], row["tested"], row["approach"]) if row["backbone"] in NETWORKS else None
    name = {"mDFT": "LeukNet", "scratch": "VGG-16 *"}.get(row["approach"])
    if name is None or row["backbone"] != "VGG16":
        return None
    if PLAIN_FOLDS.fullmatch(row["protocol"]):
        return (11, "", name) if name == "LeukNet" and row["role"] == "test" else None
    if not row["protocol"].endswith("external"):
        return None
    if row["role"] == "external":
        return (13, "", name) if row["tested"] == "UFG" else None
    return 12, "", name


def of_one_cohort(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of `results` without LODOCV runs that trained on UFG, if there are runs that did not.

    Tables 3 to 10 use one kind of run: §4.1 implies the development set alone, §3.5 says that UFG trains, and pages 06
    and 09 test the same data sets with UFG in training.
    """
    if frame.empty:
        return frame
    apart = (frame["lodocv"] & (frame["cohort"] == DEVELOPMENT)).any()
    return frame[~(frame["lodocv"] & (frame["cohort"] == ALL))] if apart else frame


def heads(dense: pd.Series) -> pd.Series:
    """Return the sizes of VGG-16's head as named in Table 9, from ``dense`` (text; an eighth for narrow networks)."""
    narrow = {"64–32": "512–256", "": "1024–256", "128–64": "1024–512", "128–128": "1024–1024"}
    return dense.replace(narrow)
