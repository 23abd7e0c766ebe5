"""``leuknet predict`` and ``leuknet export``: a thin layer over subpackages that are imported when called."""

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from leuknet._escape import one_line
from leuknet.exceptions import LeuknetError

Run = Annotated[str, typer.Option("--run", help="A run's folder, <out>/trainings/<key>, or its key.")]


def predict_command(
    images: Annotated[list[Path], typer.Argument(help="Image files, and folders of them.", show_default=False)],
    run: Run,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,
    as_html: Annotated[bool, typer.Option("--html", help="Print one HTML page with activation maps.")] = False,
    threshold: Annotated[
        float | None, typer.Option(help="Called positive from this probability on; the run's own if not given.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Write to this file instead.")] = None,
    cells: Annotated[Path | None, typer.Option(help="Score each cell too, learned from this cohort's cells.")] = None,
    red_cell: Annotated[float | None, typer.Option(help="Red cell's diameter in px; estimated if not given.")] = None,
) -> None:
    """Predict your slides with a kept run. Not a medical device."""
    from leuknet._outputs import check_own
    from leuknet._templates import rendered_text
    from leuknet.data.walk import shown
    from leuknet.inference import predict

    if as_json + as_csv + as_html > 1:
        raise LeuknetError("choose one of --json, --csv and --html")
    if out is not None:
        check_own(out, *OWN)
    print(predict.NOT_A_DEVICE, file=sys.stderr)
    files = predict.listed(images)
    opened = predict.open_run(run)
    with typer.progressbar(length=len(files), label="predicting", file=sys.stderr) as bar:
        rows, failed = predict.predict(opened, files, threshold, bar.update)
    scores = []
    if cells is not None:
        from leuknet.inference.cells import learned, scored, with_cells

        scores = scored(learned(cells), [row["file"] for row in rows], red_cell)
        rows = with_cells(rows, scores)
    if as_html:
        from leuknet.plots.interpretation.prediction import prediction_page

        text = prediction_page(opened, rows, failed, scores)
    elif as_csv:
        text = _csv(predict.as_record(opened, rows, failed)["images"])
    elif as_json:
        text = json.dumps(predict.as_record(opened, rows, failed), indent=1, ensure_ascii=False) + "\n"
    else:
        record = predict.as_record(opened, rows, failed)
        text = rendered_text(Path(__file__).with_name("prediction.txt.j2"), **record)
    _give(text, out)
    for one in failed:
        print(one_line(f"left out: {shown(one['file'])}: {one['reason']}"), file=sys.stderr)
    if failed:
        raise typer.Exit(1)


OWN = ("What this cannot tell:", '"not_a_medical_device"', "file,probability,class", "Not a medical device")


def _give(text: str, out: Path | None) -> None:
    """Write the results to `out`, or print them, also if `out` cannot be written, so that no result is lost."""
    from leuknet._io import write_text

    try:
        if out is not None:
            write_text(out, text)
    except OSError as error:
        print(text, end="")
        raise LeuknetError(f"{out}: {error.strerror}; the results are printed instead") from error
    if out is None:
        print(text, end="")


def _csv(rows: list[dict[str, Any]]) -> str:
    import pandas as pd

    from leuknet._escape import csv_cell

    return pd.DataFrame(rows).map(csv_cell).to_csv(index=False)


def export_command(
    run: Annotated[str, typer.Argument(help="A run's folder, <out>/trainings/<key>, or its key.")],
    out: Annotated[Path, typer.Option(help="Folder for model.keras, MODEL_CARD.md and model.onnx.")] = Path("export"),
    onnx: Annotated[bool, typer.Option("--onnx", help="ONNX too; needs the extra onnx.")] = False,
) -> None:
    """Write a saved run's network and its model card for use elsewhere."""
    from leuknet.inference.export import export_run
    from leuknet.inference.predict import open_run

    for path in export_run(open_run(run), out, onnx):
        print(path)
