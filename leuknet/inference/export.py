"""A kept run for use elsewhere: the network as ``.keras`` and ONNX, and a model card (Mitchell et al., FAT* 2019)."""

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import leuknet
from leuknet._io import atomic, markdown, write_text
from leuknet.evaluation.intervals import bootstrap
from leuknet.evaluation.metrics import scores
from leuknet.exceptions import LeuknetError
from leuknet.inference.predict import LIMITS, NOT_A_DEVICE, Kept

CARD_METRICS = ("A", "P", "R", "S", "MCC", "AUC")
NEEDED = ("onnx", "tf2onnx")


def export_run(kept: Kept, out: Path, onnx: bool = False) -> list[Path]:
    """Write a run's network and its model card.

    Parameters
    ----------
    kept : leuknet.inference.predict.Kept
    out : path
        A folder; made if it is not there.
    onnx : bool
        Also write ``model.onnx`` (needs the extra ``onnx``).

    Returns
    -------
    list of pathlib.Path
        ``model.keras``, ``MODEL_CARD.md`` and, if requested, ``model.onnx``.

    Raises
    ------
    LeuknetError
        If ONNX cannot be written; nothing is then left behind but what was written before.
    """
    out = Path(out)
    network, card = out / "model.keras", out / "MODEL_CARD.md"
    with atomic(network) as temporary:
        temporary.write_bytes(kept.run.data("model.keras"))
    write_text(card, model_card(kept))
    return [network, card, *([write_onnx(kept.model, out / "model.onnx")] if onnx else [])]


def write_onnx(model: Any, path: Path) -> Path:
    """Write a network as ONNX by Keras' own exporter and return `path`; input and output as in Keras, any batch."""
    if missing := [name for name in NEEDED if importlib.util.find_spec(name) is None]:
        raise LeuknetError(f"ONNX needs {' and '.join(missing)}: python -m pip install 'leuknet[onnx]'")
    model(np.zeros((1, *model.input_shape[1:]), np.float32))  # Keras exports no network that was never called
    with atomic(path) as temporary:
        try:
            model.export(temporary, format="onnx", verbose=False)
        except Exception as error:  # exporters of three backends raise many kinds
            reason = str(error).strip().splitlines() or [type(error).__name__]
            raise LeuknetError(f"Keras cannot write {model.name} as ONNX here: {reason[0]}") from error
        _name_ends(temporary)
    return path


def _name_ends(path: Path) -> None:
    """Rename input and output of an ONNX file to what the model card calls them; exporters number them."""
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


def model_card(kept: Kept) -> str:
    """Return the model card of a run as Markdown."""
    s, about, size = kept.record["settings"], kept.training_features.about, kept.model.input_shape[1]
    dropped = {"backbone", "approach", "weights", "augmentation"}
    shown = [(k.replace("_", " "), "–" if v is None else v) for k, v in sorted(s.items()) if k not in dropped]
    settings = pd.DataFrame(shown, columns=["setting", "value"])
    parts = [
        f"# Model card: {s['backbone']}, {s['approach']}, run {kept.record['key']}",
        f"**{NOT_A_DEVICE}**",
        "## Model",
        "Binary classifier of blood slides after Vogado et al., Sensors 2021, 21, 2989. "
        f"Input `image`: float32, RGB in [0, 1], {size} x {size} px, the slide squeezed to a square. "
        f"Output `probability`: of leukaemia. {kept.model.count_params():,} parameters. "
        f"It began from: {kept.weights}. Made by leuknet {leuknet.__version__}.",
        markdown(settings),
        "## Intended use",
        "To study and teach the article's method, and to compare protocols. Not for diagnosis, screening or triage, "
        "and not for any decision about a patient.",
        "## Training data",
        f"Cohort: {about['cohort']}. Images by data set, class (0 negative, 1 positive) and role:",
        markdown(counts(kept.training_features.table)),
        "## Protocol and leakage",
        f"{kept.record['protocol']}, fold {kept.record['fold']}, seed {kept.record['seed']}. {about['leakage']}",
        "## Results",
        "Images that the network did not train on; threshold 0.5; 95 % percentile bootstrap intervals over groups.",
        markdown(results(kept)),
        "## Limits",
        "\n".join(f"- {line}" for line in LIMITS),
    ]
    return "\n\n".join(part.strip() for part in parts) + "\n"


def counts(table: pd.DataFrame) -> pd.DataFrame:
    """Return images by data set, label and role, one row a data set and label."""
    found = table.groupby(["data_set", "label"], sort=False)["role"].value_counts().unstack(fill_value=0)
    roles = [role for role in ("train", "test", "external") if role in found]
    return found[roles].rename_axis(columns=None).reset_index().rename(columns={"data_set": "data set"})


def results(kept: Kept) -> pd.DataFrame:
    """Return each metric of the run's unseen images with its interval (%), one row a role; "–" where undefined."""
    frame = kept.run.predictions()
    rows = []
    for role, part in frame[frame["split"] != "validation"].groupby("split", sort=False):
        found = scores(part["y"], part["p"])
        row = {"role": role, "images": len(part)}
        rows.append(row | {name: _with_interval(part, name, found.get(name)) for name in CARD_METRICS})
    return pd.DataFrame(rows)


def _with_interval(part: pd.DataFrame, name: str, value: float | None) -> str:
    if value is None:
        return "–"
    try:
        low, high = bootstrap(part, name)
    except LeuknetError:
        return f"{100 * value:.1f} (no interval: too few groups)"
    return f"{100 * value:.1f} ({100 * low:.1f} to {100 * high:.1f})"
