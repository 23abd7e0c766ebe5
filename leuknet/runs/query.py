"""Queries on run records: tables of all runs in a folder, differences between two runs, agreement of repeated runs."""

from pathlib import Path
from typing import Any

import filelock
import pandas as pd

from leuknet._escape import csv_cell
from leuknet._io import atomic, object_or_empty
from leuknet.evaluation.metrics import scores_by
from leuknet.exceptions import LeuknetError
from leuknet.runs.record import DONE, DamagedRunError, read
from leuknet.runs.where import matches

STATES = ("done", "damaged", "running", "failed", "interrupted", "planned")
FIRST = ["run", "status", "backbone", "approach", "protocol", "fold", "seed", "weights", "seconds"]
BACKEND = ("backend", "machine", "processors", "gpus", "threads", "devices", "legs")


def status(folder: str | Path) -> str:
    """Return the state of the run in `folder`: one of `STATES`."""
    return row(folder)["status"]


def _unfinished(folder: Path) -> str:
    if locked(folder):
        return "running"
    for name, word in (("failed.json", "failed"), ("environment.json", "interrupted")):
        if (folder / name).is_file():
            return word
    return "planned"


def locked(folder: str | Path) -> bool:
    """Return whether a process is currently executing the run in `folder`.

    Only the lock file ``running`` is probed, which the holder of ``lock`` waits for, so that a query never makes a
    starting run fail as busy.
    """
    path = Path(folder) / "running"
    if not path.is_file():
        return False
    lock = filelock.FileLock(path, timeout=0)
    try:
        lock.acquire()
    except filelock.Timeout:
        return True
    except OSError:  # a read-only folder: no run can be executed in it
        return False
    lock.release()
    return False


def row(folder: str | Path) -> dict[str, Any]:
    """Return one run's record as a flat dictionary.

    ``run`` (key), ``status``, every setting by its name, ``protocol``, ``fold``, ``seed``, ``cohort_key``, ``weights``
    (caption), ``seconds``, ``predict_seconds``, ``images_trained``, ``backend``, ``machine``, ``gpus``, ``processors``,
    ``commit``, ``epochs_done``, ``outcome`` and ``reason`` (of a failure or damage), ``folder``. Values that a run has
    not written yet are absent; a damaged run has only ``run``, ``status``, ``reason`` and ``folder``.
    """
    folder = Path(folder)
    done = (folder / DONE).is_file()
    try:
        parts = read(folder).as_dict() if done else {name: object_or_empty(folder / f"{name}.json") for name in PARTS}
        state = {"run": folder.name, "status": "done" if done else _unfinished(folder)}
        values = state | _flat(parts) | state  # settings in a stranger's record may have any names
    except DamagedRunError as error:
        values = {"run": folder.name, "status": "damaged", "reason": error.reason}
    return values | {"folder": str(folder)}


PARTS = ("run", "environment", "weights", "progress", "failed")
TAKEN = {
    "run": ("protocol", "fold", "seed", "cohort_key"),
    "environment": ("backend", "machine", "processors", "commit", "gpus"),
    "weights": ("weights",),
    "failed": ("outcome", "reason"),
}


def _flat(parts: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Return the values of a run's files that tables show; in files from other people they may be of any type."""
    settings = parts["run"].get("settings")
    values = dict(settings) if isinstance(settings, dict) else {}
    if "system" in values:
        values["approach"] = values["system"]
    for part, names in TAKEN.items():
        values |= {name: parts[part][name] for name in names if name in parts.get(part, {})}
    if "gpus" in values:
        values["gpus"] = ", ".join(map(str, values["gpus"])) if isinstance(values["gpus"], list) else ""
    values |= {name: value for name, value in parts.get("done", {}).items() if not isinstance(value, dict | list)}
    if "epoch" in parts.get("progress", {}):
        values["epochs_done"] = parts["progress"]["epoch"]
    return values


def records(root: str | Path, every: bool = False) -> pd.DataFrame:
    """Return the runs in the folder `root`, one row per run (columns as in `row`), in the order of their keys.

    Parameters
    ----------
    root : path
    every : bool
        Whether to include unfinished and damaged runs.
    """
    folders = sorted(path.parent for path in Path(root).glob("*/run.json"))
    rows = [row(folder) for folder in folders if every or (folder / DONE).is_file()]
    frame = pd.DataFrame([values for values in rows if every or values["status"] == "done"])
    return frame[[name for name in FIRST if name in frame] + [name for name in frame if name not in FIRST]]


def chosen(frame: pd.DataFrame, where: str | None = None, state: str | None = None) -> pd.DataFrame:
    """Return the rows of `records` that match a condition (`leuknet.runs.where`) and a status."""
    if state and state not in STATES:
        raise LeuknetError(f"no status {state!r}: choose {', '.join(STATES)}")
    if state:
        frame = frame[frame["status"] == state]
    return frame[matches(frame, where)] if where else frame


def find(name: str | Path, root: str | Path | None = None) -> Path:
    """Return the folder of a run, given as a path, or as a key or a prefix of a key in `root`."""
    path = Path(name)
    if (path / "run.json").is_file():
        return path
    folders = sorted(Path(root).glob(f"{name}*/run.json")) if root and path.name == str(name) else []
    if len(folders) != 1:
        raise LeuknetError(
            f"{name}: {len(folders) or 'no'} runs by this name{f' in {root}' if root else ''}; give its folder"
        )
    return folders[0].parent


def differences(a: str | Path, b: str | Path) -> pd.DataFrame:
    """Return the values in which the records of two runs differ: ``name``, ``a``, ``b``."""
    left, right = row(a), row(b)
    names = [name for name in left | right if name not in ("run", "folder") and left.get(name) != right.get(name)]
    return pd.DataFrame([(name, left.get(name), right.get(name)) for name in names], columns=["name", "a", "b"])


def compared(a: str | Path, b: str | Path) -> pd.DataFrame:
    """Return the metrics of two finished runs by role: ``split``, ``metric``, ``a``, ``b``."""
    tables = [scores_by(read(folder).predictions(), "split").drop(columns="n") for folder in (a, b)]
    scores = [table.set_index("split").stack(future_stack=True) for table in tables]
    return pd.concat(scores, axis=1, keys=["a", "b"]).rename_axis(["split", "metric"]).reset_index()


def agreement(a: pd.DataFrame, b: pd.DataFrame) -> dict[str, Any]:
    """Return the agreement between the predictions of two runs for the same images.

    Returns
    -------
    dict
        ``images``, ``equal`` (bool: all probabilities are identical), ``largest`` and ``mean`` (absolute difference of
        P(leukaemia)), ``calls`` (number of images with different classes at a threshold of 0.5).

    Raises
    ------
    LeuknetError
        If the runs are not for the same images.
    """
    left, right = (frame.set_index(["split", "image_id"])["p"] for frame in (a, b))
    if not left.index.sort_values().equals(right.index.sort_values()):
        raise LeuknetError("the two runs predict different images: they cannot be compared")
    right = right.reindex(left.index)
    gap, calls = (left - right).abs(), (left >= 0.5) != (right >= 0.5)
    agreed = {"largest": float(gap.max()), "mean": float(gap.mean()), "calls": int(calls.sum())}
    return {"images": len(left), "equal": bool((left == right).all()), **agreed}


def software(environment: dict[str, Any]) -> dict[str, Any]:
    """Return the versions of the backend and of Keras by their names."""
    packages = environment.get("packages", {})
    names = (str(environment.get("backend")), "keras")
    return {name: packages.get(name) for name in names} if isinstance(packages, dict) else {}


def same_place(environment_a: dict[str, Any], environment_b: dict[str, Any]) -> bool:
    """Return whether two environments have the same backend, packages, machine, GPUs, threads, devices and legs.

    A run that was interrupted and resumed in another environment has legs, so it never matches a run from a single
    environment.
    """
    a, b = ({"devices": 1} | environment for environment in (environment_a, environment_b))  # missing in old records
    return software(a) == software(b) and all(a.get(name) == b.get(name) for name in BACKEND)


def save(frame: pd.DataFrame, path: str | Path) -> None:
    """Write a table as ``.csv`` or ``.parquet``, depending on the suffix of `path`."""
    path = Path(path)
    if path.suffix not in (".csv", ".parquet"):
        raise LeuknetError(f"{path}: name it .csv or .parquet")
    with atomic(path) as temporary:
        if path.suffix == ".csv":
            frame.map(csv_cell).rename(columns=csv_cell).to_csv(temporary, index=False)
        else:  # columns in Parquet have one type, so lists and policies are written as text
            mixed = [name for name in frame if frame[name].map(lambda v: isinstance(v, dict | list)).any()]
            frame.assign(**{name: frame[name].map(str) for name in mixed}).to_parquet(temporary, index=False)
