"""Prediction of a user's slides by a saved run: probability, class, and distance from the training images.

Not a medical device. The numbers describe the output of one network, trained on the images of one cohort.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

import leuknet
from leuknet.data.decode import decode_slide
from leuknet.data.walk import pictures, read_bytes, shown
from leuknet.exceptions import LeuknetError
from leuknet.runs.record import DONE, DamagedRunError, Record, read
from leuknet.runs.spec import RunSpec
from leuknet.runs.training_features import TrainingFeatures, read_training_features

NOT_A_DEVICE = "Not a medical device: for study and research only; nothing here may guide a diagnosis."
FAR = 95
BATCH = 32
LIMITS = (
    "The probability is a network's output; it is no patient's risk, and its scale depends on the training images.",
    "The network names one of two classes for any picture whatever, also where no blood is to be seen.",
    "It cannot name the kind of leukaemia, nor any other disease, nor judge whether the slide is fit to be read.",
    "It was never tested on your stain, microscope and camera; a source it has not seen can turn the call.",
    "Near in feature space does not mean right: the network may be wrong on pictures like those it knows.",
)


@dataclass(frozen=True)
class SavedRun:
    """A finished run that saved its network: its `Record` and its `TrainingFeatures`."""

    run: Record
    training_features: TrainingFeatures

    @cached_property
    def model(self) -> Any:
        """The network, verified by `leuknet.models.network_file` and against the features saved with it."""
        from leuknet.models.network_file import load_network
        from leuknet.models.networks import penultimate

        model = load_network(self.run.path("model.keras"))
        width = prod(model.get_layer(penultimate(model)).output.shape[1:])
        if width != self.training_features.features.shape[1]:
            raise DamagedRunError(self.folder, f"the network gives {width} features, those kept with it are others")
        return model

    @property
    def folder(self) -> Path:
        """Folder of the run."""
        return self.run.folder

    @property
    def record(self) -> dict[str, Any]:
        """Contents of ``run.json``."""
        return self.run.run

    @property
    def weights(self) -> str:
        """Initial weights of the network, as printed in captions."""
        return self.run.weights["weights"]

    @property
    def name(self) -> str:
        """Name of the run in captions: backbone, approach, protocol, fold, seed and key."""
        s = self.record["settings"]
        run = f"{self.record['protocol']}, fold {self.record['fold']}, seed {self.record['seed']}"
        return f"{s['backbone']} {s['approach']}, {run}, run {self.record['key']}"


def open_run(run: Path | str, root: Path | None = None) -> SavedRun:
    """Open a run whose network was saved.

    Parameters
    ----------
    run : path or str
        Folder of a run, or a prefix of its key, searched for in ``<root>/*/trainings``.
    root : path, optional
        Defaults to ``runs`` in the checkout.

    Returns
    -------
    SavedRun

    Raises
    ------
    LeuknetError
        If no run or several runs match, no network was saved, or the run's files are inconsistent.
    """
    folder = Path(run)
    if not (folder / DONE).is_file():
        folder = _run_folder(str(run), Path(root) if root else Path(leuknet.__file__).parent.parent / "runs")
    record = read(folder)
    RunSpec.read(folder)  # raises if the key does not match settings, fold and seed
    if not isinstance(record.weights.get("weights"), str) or "backbone" not in record.run["settings"]:
        raise DamagedRunError(folder, "nothing says what its network began from")
    return SavedRun(record, read_training_features(record))


def _run_folder(key: str, root: Path) -> Path:
    """Return the folder of the only finished run in ``<root>/*/trainings`` whose key begins with `key`."""
    folders = sorted(root.glob(f"*/trainings/{key}*/{DONE}")) if re.fullmatch("[0-9a-f]+", key) else []
    if len(folders) != 1:
        none = f"no finished run is in or under {root} called"
        many = f"{len(folders)} runs in {root} begin with" if folders else none
        raise LeuknetError(f"{many} {key}: give a run's folder, <out>/trainings/<key>")
    return folders[0].parent


def listed(paths: Iterable[Path]) -> list[Path]:
    """Return the images in `paths` (files or folders); files that `predict` will report as unusable come last."""
    files, left_out = pictures(paths)
    return [*files, *(entry.path for entry in left_out)]


def predict(
    saved: SavedRun, files: Sequence[Path], threshold: float | None = None, report: Callable[[int], None] | None = None
) -> tuple[list[dict], list[dict]]:
    """Predict image files; unreadable files are reported without stopping the others.

    Parameters
    ----------
    saved : SavedRun
    files : sequence of path
    threshold : float, optional
        Probability from which an image is classified as positive; defaults to the run's threshold.
    report : callable, optional
        Called with the number of files after each batch.

    Returns
    -------
    rows : list of dict
        One per image, in input order, as in `described`, plus ``file``.
    failed : list of dict
        ``file`` and ``reason``.
    """
    rows, failed, size = [], [], saved.model.input_shape[1]
    for start in range(0, len(files), BATCH):
        images: list[tuple[str, np.ndarray]] = []
        for file in map(str, files[start : start + BATCH]):
            try:
                images.append((file, decode_slide(read_bytes(Path(file)), size)[0]))
            except (LeuknetError, OSError) as error:
                failed.append({"file": file, "reason": getattr(error, "strerror", None) or str(error)})
        results = described(saved, np.stack([image for _, image in images]), threshold) if images else []
        rows += [{"file": file} | row for (file, _), row in zip(images, results, strict=True)]
        if report:
            report(len(files[start : start + BATCH]))
    return rows, failed


def described(saved: SavedRun, images: np.ndarray, threshold: float | None = None) -> list[dict]:
    """Return a run's predictions for images.

    Parameters
    ----------
    saved : SavedRun
    images : numpy.ndarray, uint8, shape (n, size, size, 3)
    threshold : float, optional
        Defaults to the run's threshold.

    Returns
    -------
    list of dict
        ``probability`` (of leukaemia), ``class``, ``threshold``, ``distance`` (mean distance to the five nearest
        training images in feature space; no unit), ``percentile`` (% of the run's own unseen images that are closer),
        ``looks_like`` (the most frequent source among the five), ``share`` (of the five), ``words``.
    """
    threshold = saved.training_features.threshold if threshold is None else threshold
    if not 0 < threshold < 1:
        raise LeuknetError(f"the threshold {threshold} is not between 0 and 1")
    from leuknet.models.inputs import fed
    from leuknet.models.interpretation.activations import activations

    model, known = saved.model, saved.training_features
    whole = np.resize(images, (-(-len(images) // BATCH) * BATCH, *images.shape[1:])).astype(np.float32) / 255
    p = np.asarray(model.predict(**fed(whole, BATCH), verbose=0), float)[: len(images), 0]
    if not np.isfinite(p).all():
        raise DamagedRunError(saved.folder, "its network gives probabilities that are no numbers")
    distance, near = known.nearest(activations(model, images, batch=BATCH))
    nearer = np.searchsorted(known.unseen_distances, distance) / max(len(known.unseen_distances), 1)
    sources = known.table["source"].to_numpy()
    return [
        _row(float(p[i]), threshold, float(distance[i]), 100 * float(nearer[i]), Counter(sources[near[i]].tolist()))
        for i in range(len(images))
    ]


def _row(p: float, threshold: float, distance: float, percentile: float, sources: Counter) -> dict[str, Any]:
    (source, times), n = sources.most_common(1)[0], sum(sources.values())
    row = {"probability": p, "class": "positive" if p >= threshold else "negative", "threshold": threshold}
    row |= {"distance": distance, "percentile": percentile, "looks_like": source, "share": times / n}
    return row | {"words": words(row)}


def words(row: Mapping[str, Any]) -> str:
    """Return one or two sentences on how similar an image is to the network's training images."""
    near = f"Of its nearest training images {100 * row['share']:.0f} % are from {row['looks_like']}."
    if row["percentile"] < FAR:
        own = f"farther than {row['percentile']:.0f} % of the run's own unseen images"
        return f"Not clearly outside what the network knows ({own}). {near}"
    far = f"Farther from the training images than {row['percentile']:.0f} % of the run's own unseen images"
    return f"{far}: the network does not know such pictures, and its probability means little. {near}"


def as_record(saved: SavedRun, rows: list[dict], failed: list[dict]) -> dict[str, Any]:
    """Return all results as one JSON-serialisable dictionary."""
    about = saved.training_features.about
    run = {"name": saved.name, "key": saved.record["key"], "cohort": about["cohort"], "weights": saved.weights}
    run |= {"threshold": saved.training_features.threshold, "leakage": about["leakage"]}
    images, failed = ([one | {"file": shown(one["file"])} for one in part] for part in (rows, failed))
    rest = {"run": run, "limits": list(LIMITS), "images": images, "failed": failed}
    return {"not_a_medical_device": NOT_A_DEVICE} | rest
