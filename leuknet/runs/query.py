"""Run records as tables: every run of a folder, how two differ, and whether a run repeated agrees."""

import json
from pathlib import Path

import filelock
import numpy as np
import pandas as pd

from leuknet._io import atomic
from leuknet.evaluation.metrics import scores
from leuknet.exceptions import LeuknetError

STATES = ("done", "running", "failed", "interrupted", "planned")
FIRST = ["run", "status", "backbone", "approach", "protocol", "fold", "seed", "weights", "seconds"]
BACKEND = ("backend", "machine", "processors", "gpus", "threads", "devices", "legs")


def _read(path):
    """Return the JSON object in `path`; empty if it is absent or not whole (a run may be writing it anew)."""
    try:
        return json.loads(path.read_text("utf-8"))
    except (FileNotFoundError, json.JSONDecodeError):
        return {}


def status(folder):
    """Return what a run's folder tells: done, running, failed, interrupted or planned."""
    folder = Path(folder)
    if (folder / "done.json").is_file():
        return "done"
    if locked(folder):
        return "running"
    for name, word in (("failed.json", "failed"), ("environment.json", "interrupted")):
        if (folder / name).is_file():
            return word
    return "planned"


def locked(folder):
    """Whether a process is at the run in `folder` just now.

    Only ``running`` is probed, which the holder of ``lock`` waits for: a look never makes a starting run busy.
    """
    path = Path(folder) / "running"
    if not path.is_file():
        return False
    lock = filelock.FileLock(path, timeout=0)
    try:
        lock.acquire()
    except filelock.Timeout:
        return True
    except OSError:  # a folder we may only read: nobody runs in it
        return False
    lock.release()
    return False


def row(folder):
    """Return one run's record as a flat dictionary.

    ``run`` (key), ``status``, every setting by its name, ``protocol``, ``fold``, ``seed``, ``cohort_key``, ``weights``
    (as captions print them), ``seconds``, ``predict_seconds``, ``images_trained``, ``backend``, ``machine``, ``gpus``,
    ``processors``, ``commit``, ``epochs_done``, ``outcome`` and ``reason`` (of a failure), ``folder``. What a run has
    not written yet is absent.
    """
    folder = Path(folder)
    run, environment, done, failed, progress = (
        _read(folder / f"{name}.json") for name in ("run", "environment", "done", "failed", "progress")
    )
    told = {"run": folder.name, "status": status(folder), **run.get("settings", {})}
    if "system" in told:
        told["approach"] = told["system"]
    told |= {name: run[name] for name in ("protocol", "fold", "seed", "cohort_key") if name in run}
    told |= {name: environment.get(name) for name in ("backend", "machine", "processors", "commit") if environment}
    told |= {"gpus": ", ".join(environment.get("gpus", []))} if environment else {}
    told |= {name: value for name, value in _read(folder / "weights.json").items() if name == "weights"}
    told |= {name: value for name, value in done.items() if not isinstance(value, dict | list)}
    told |= {"epochs_done": progress["epoch"]} if "epoch" in progress else {}
    told |= {name: failed[name] for name in ("outcome", "reason") if name in failed}
    return told | {"folder": str(folder)}


def records(root, every=False):
    """Return the runs in the folder `root`, one row a run (columns as in `row`), in the order of their keys.

    Parameters
    ----------
    root : path
    every : bool
        Those not finished as well.
    """
    folders = sorted(path.parent for path in Path(root).glob("*/run.json"))
    rows = [row(folder) for folder in folders if every or (folder / "done.json").is_file()]
    frame = pd.DataFrame(rows)
    return frame[[name for name in FIRST if name in frame] + [name for name in frame if name not in FIRST]]


def chosen(frame, where=None, state=None):
    """Return the rows of `records` that fit a pandas query (``"backbone == 'VGG16' and epochs > 5"``) and a status."""
    if state and state not in STATES:
        raise LeuknetError(f"no status {state!r}: choose {', '.join(STATES)}")
    if state:
        frame = frame[frame["status"] == state]
    if not where:
        return frame
    try:
        return frame.query(where)
    except Exception as error:  # pandas raises whatever its parser meets
        raise LeuknetError(f"--where {where!r} is no query over {', '.join(frame.columns)}: {error}") from error


def find(name, root=None):
    """Return the folder of a run given as a path, or as a key or its beginning within `root`."""
    path = Path(name)
    if (path / "run.json").is_file():
        return path
    found = sorted(Path(root).glob(f"{name}*/run.json")) if root and path.name == str(name) else []
    if len(found) != 1:
        raise LeuknetError(
            f"{name}: {len(found) or 'no'} runs by this name{f' in {root}' if root else ''}; give its folder"
        )
    return found[0].parent


def read_predictions(folder):
    """Return a finished run's predictions (`leuknet.runs.store.PREDICTION_COLUMNS`)."""
    path = Path(folder) / "predictions.parquet"
    if not (path.parent / "done.json").is_file():
        raise LeuknetError(f"{folder} is not finished: it has no predictions")
    return pd.read_parquet(path)


def differences(a, b):
    """Return what two runs' records say differently: a table of ``name``, ``a``, ``b``."""
    left, right = row(a), row(b)
    names = [name for name in [*left, *(n for n in right if n not in left)] if name not in ("run", "folder")]
    rows = [(name, left.get(name), right.get(name)) for name in names if left.get(name) != right.get(name)]
    return pd.DataFrame(rows, columns=["name", "a", "b"])


def compared(a, b):
    """Return the metrics of two finished runs side by side, by role: ``split``, ``metric``, ``a``, ``b``."""
    frames = [read_predictions(folder) for folder in (a, b)]
    rows = []
    for role in dict.fromkeys([*frames[0]["split"], *frames[1]["split"]]):
        parts = [frame[frame["split"] == role] for frame in frames]
        told = [scores(part["y"], part["p"]) if len(part) else {} for part in parts]
        rows += [(role, metric, told[0].get(metric), told[1].get(metric)) for metric in told[0] | told[1]]
    return pd.DataFrame(rows, columns=["split", "metric", "a", "b"])


def agreement(a, b):
    """Return how far the predictions of two runs over the same images agree.

    Returns
    -------
    dict
        ``images``, ``equal`` (bool: every probability the same), ``largest`` and ``mean`` (absolute difference of
        P(leukaemia)), ``calls`` (images called otherwise at 0.5).

    Raises
    ------
    LeuknetError
        If they are not about the same images.
    """
    left, right = (frame.set_index(["split", "image_id"])["p"] for frame in (a, b))
    if not left.index.sort_values().equals(right.index.sort_values()):
        raise LeuknetError("the two runs predict different images: they cannot be compared")
    right = right.reindex(left.index)
    gap = np.abs(left.to_numpy(float) - right.to_numpy(float))
    calls = int(((left >= 0.5) != (right >= 0.5)).sum())
    return {
        "images": len(left),
        "equal": bool((left == right).all()),
        "largest": float(gap.max()),
        "mean": float(gap.mean()),
        "calls": calls,
    }


def software(environment):
    """Return the versions of the backend and of Keras by their names."""
    packages = environment.get("packages", {})
    return {name: packages.get(name) for name in (environment.get("backend"), "keras")}


def same_place(environment_a, environment_b):
    """Whether two environments compute alike: backend, its packages, machine, GPUs, threads, devices, and legs.

    A run that was interrupted and went on in another place has legs, so that it is like no run made in one place.
    """
    a, b = ({"devices": 1} | environment for environment in (environment_a, environment_b))  # old records lack them
    return software(a) == software(b) and all(a.get(name) == b.get(name) for name in BACKEND)


def save(frame, path):
    """Write a table as ``.csv`` or ``.parquet``, by its name."""
    path = Path(path)
    if path.suffix not in (".csv", ".parquet"):
        raise LeuknetError(f"{path}: name it .csv or .parquet")
    with atomic(path) as temporary:
        if path.suffix == ".csv":
            frame.to_csv(temporary, index=False)
        else:  # Parquet's columns are of one type: lists and policies as text
            mixed = [name for name in frame if frame[name].map(lambda v: isinstance(v, dict | list)).any()]
            frame.assign(**{name: frame[name].map(str) for name in mixed}).to_parquet(temporary, index=False)
