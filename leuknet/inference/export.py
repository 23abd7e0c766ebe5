"""Export of a saved run: the network as ``.keras`` and ONNX, and a model card (Mitchell et al., FAT* 2019)."""

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import leuknet
from leuknet._io import atomic, write_text
from leuknet._outputs import replaced_folder
from leuknet._templates import rendered_text
from leuknet.evaluation.intervals import bootstrap
from leuknet.evaluation.metrics import scores
from leuknet.exceptions import LeuknetError
from leuknet.inference.predict import LIMITS, NOT_A_DEVICE, SavedRun

CARD_METRICS = ("A", "P", "R", "S", "MCC", "AUC")
NEEDED = ("onnx", "tf2onnx")


def export_run(saved: SavedRun, out: Path, onnx: bool = False) -> list[Path]:
    """Write a run's network and its model card.

    Parameters
    ----------
    saved : leuknet.inference.predict.SavedRun
    out : path
        A new or empty folder, or an earlier export, which is replaced: network and card always belong to one run.
    onnx : bool
        Also write ``model.onnx`` (needs the extra ``onnx``).

    Returns
    -------
    list of pathlib.Path
        ``model.keras``, ``MODEL_CARD.md`` and, if requested, ``model.onnx``.

    Raises
    ------
    LeuknetError
        If `out` contains anything else, or ONNX cannot be written; `out` then remains as it was.
    """
    names = ["model.keras", "MODEL_CARD.md", *["model.onnx"] * onnx]
    with replaced_folder(out) as new:
        (new / names[0]).write_bytes(saved.run.data("model.keras"))
        write_text(new / names[1], model_card(saved))
        if onnx:
            write_onnx(saved.model, new / "model.onnx")
    return [Path(out) / name for name in names]


def write_onnx(model: Any, path: Path) -> Path:
    """Write a network as ONNX with Keras' exporter and return `path`; input and output as in Keras, any batch size."""
    if missing := [name for name in NEEDED if importlib.util.find_spec(name) is None]:
        raise LeuknetError(f"ONNX needs {' and '.join(missing)}: python -m pip install 'leuknet[onnx]'")
    model(np.zeros((1, *model.input_shape[1:]), np.float32))  # Keras cannot export a network that was never called
    with atomic(path) as temporary:
        try:
            model.export(temporary, format="onnx", verbose=False)
        except Exception as error:  # exporters of three backends raise many types
            reason = str(error).strip().splitlines() or [type(error).__name__]
            raise LeuknetError(f"Keras cannot write {model.name} as ONNX here: {reason[0]}") from error
        _name_ends(temporary)
    return path


def _name_ends(path: Path) -> None:
    """Rename the input and output of an ONNX file to the names in the model card; exporters number them."""
    import onnx

    model = onnx.load(path)
    names = {model.graph.input[0].name: "image", model.graph.output[0].name: "probability"}
    for value in (*model.graph.input, *model.graph.output):
        value.name = names[value.name]
    for node in model.graph.node:
        for ends in (node.input, node.output):
            ends[:] = [names.get(name, name) for name in ends]
    onnx.checker.check_model(model)
    onnx.save(model, path)


def model_card(saved: SavedRun) -> str:
    """Return a run's model card as Markdown."""
    dropped, settings = {"backbone", "approach", "weights", "augmentation"}, sorted(saved.record["settings"].items())
    shown = [(k.replace("_", " "), "–" if v is None else v) for k, v in settings if k not in dropped]
    frames = {"settings": pd.DataFrame(shown, columns=["setting", "value"]), "results": results(saved)}
    frames["counts"] = counts(saved.training_features.table)
    values = {"saved": saved, "limits": LIMITS, "not_a_device": NOT_A_DEVICE, "version": leuknet.__version__}
    return rendered_text(Path(__file__).with_name("model_card.md.j2"), **frames, **values)


def counts(table: pd.DataFrame) -> pd.DataFrame:
    """Return the number of images by data set, label and role, one row per data set and label."""
    numbers = table.groupby(["data_set", "label"], sort=False)["role"].value_counts().unstack(fill_value=0)
    roles = [role for role in ("train", "test", "external") if role in numbers]
    return numbers[roles].rename_axis(columns=None).reset_index().rename(columns={"data_set": "data set"})


def results(saved: SavedRun) -> pd.DataFrame:
    """Return each metric on the run's unseen images with its interval (%), one row per role; "–" if undefined."""
    frame = saved.run.predictions()
    rows = []
    for role, part in frame[frame["split"] != "validation"].groupby("split", sort=False):
        values = scores(part["y"], part["p"])
        row = {"role": role, "images": len(part)}
        rows.append(row | {name: _with_interval(part, name, values.get(name)) for name in CARD_METRICS})
    return pd.DataFrame(rows)


def _with_interval(part: pd.DataFrame, name: str, value: float | None) -> str:
    if value is None:
        return "–"
    try:
        low, high = bootstrap(part, name)
    except LeuknetError:
        return f"{100 * value:.1f} (no interval: too few groups)"
    return f"{100 * value:.1f} ({100 * low:.1f} to {100 * high:.1f})"
