"""Each published cell next to this study's matching runs, with a verdict by tolerances fixed before any run."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from leuknet._io import markdown, write_text
from leuknet.evaluation.significance import resampled_t
from leuknet.paper import tables
from leuknet.paper.consistency.sprite import scale
from leuknet.verdicts import results
from leuknet.verdicts.matching import answers

METRICS = ("A", "P", "R", "S", "MCC")
TABLES = (3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13)
TIMES = {"Training Time": ("minutes", "seconds", 1 / 60), "Classification Time": ("ms an image", "image_seconds", 1000)}
FOLDED = (11, 12, 13)  # tables of means over folds of one pool
REPRODUCED, HIGHER, LOWER = "reproduced", "different: higher", "different: lower"
NOT_RUN = "not comparable: not run here"


def compare(frame: pd.DataFrame, spaces: pd.DataFrame | None = None) -> pd.DataFrame:
    """Return every published cell of Tables 3 to 13 next to the runs that match it.

    Parameters
    ----------
    frame : pandas.DataFrame
        From `leuknet.verdicts.results.results`; may be empty.
    spaces : pandas.DataFrame, optional
        Page 07's rows of Table 10, from `leuknet.verdicts.matching.feature_spaces`.

    Returns
    -------
    pandas.DataFrame
        ``table, block, row, metric``; ``published``, ``spread`` (percentage points; printed fractions times 100) and
        ``n``; ``here``, ``spread here``, ``n here``, ``low``, ``high`` (95 % interval of the mean over runs);
        ``difference``, its standard ``error``, ``tolerance`` and ``verdict``. Values are in percent, Table 8's times in
        minutes and ms; missing values are NaN.
    """
    groups, rows = answers(frame, spaces), []
    for number in TABLES:
        for (block, row), cells in printed(number).groupby(["block", "row"], sort=False):
            part = groups.get((number, block, row))
            texts = dict(zip(cells["column"], cells["text"], strict=True))
            rows += [line_of(cell, factor(cell, texts), part) for cell in cells.itertuples()]
    return pd.DataFrame(rows)


def printed(number: int) -> pd.DataFrame:
    """Return a printed table's cells that a run can match, in `compare`'s units; Table 10's scenarios as blocks."""
    table = tables.table(number)
    if number == 10:
        parts = table["column"].str.rsplit(n=1, expand=True)
        table = table.assign(block=table["block"] + ", " + parts[0], column=parts[1])
    table["value"] *= table["column"].map({"Kappa": 100, "Classification Time": 1000}).fillna(1)
    return table[table["column"].isin((*results.tolerances()["points"], *TIMES))]


def factor(cell: Any, texts: dict[str, str]) -> int:
    """Return 100 for a spread that is printed as a fraction of 1 (page 10), else 1."""
    if pd.isna(cell.spread):
        return 1
    if cell.column == "MCC" and cell.value > 1 and cell.spread < 0.05:
        return 100
    return scale({m: t for m, t in texts.items() if m in METRICS}).get(cell.column, 1)


def line_of(cell: Any, times: int, part: pd.DataFrame | None) -> dict[str, Any]:
    """Return one row of `compare`."""
    spread = cell.spread * times
    n = 1 if pd.isna(cell.n_runs) else int(cell.n_runs)
    metric, source, unit = TIMES.get(cell.column, (cell.column, cell.column, 100))
    line = {"table": cell.table, "block": cell.block, "row": cell.row, "metric": metric}
    line |= {"published": cell.value, "spread": spread, "n": n}
    values = unit * (part[source].dropna() if part is not None and source in part else pd.Series()).astype(float)
    m, mean, sd, rules = len(values), values.mean(), values.std(), results.tolerances()
    overlap = results.overlap(part) if part is not None and cell.table in FOLDED else 0.0
    low, high = np.clip(interval(values, overlap), -100 if metric in ("MCC", "Kappa") else 0, 100)
    line |= {"here": mean, "spread here": sd, "n here": m, "low": low, "high": high, "difference": mean - cell.value}
    runs = n - (cell.table in FOLDED and n > 1)  # unknown whether its spreads use n or n - 1
    error = np.sqrt(np.nan_to_num(spread) ** 2 / runs + np.nan_to_num(sd) ** 2 * (1 / max(m, 1) + overlap))
    points = rules["points"].get(metric, np.nan)
    line["tolerance"] = max(points, rules["standard_errors"] * error) if m else np.nan
    line["error"] = error if m else np.nan
    reasons = [] if part is None else [reason for why in part["why_not"] for reason in why.split("; ") if reason]
    why = "; ".join(dict.fromkeys(reasons))
    return line | {"verdict": judge(line, part is not None, why, rules)}


def interval(values: ArrayLike, overlap: float = 0.0) -> tuple[float, float]:
    """Return Student's interval of a mean over runs; NaN for fewer than two.

    Folds of one pool share training images: `overlap` is the ratio of test to training images of a fold, see
    `leuknet.evaluation.significance.resampled_t`.
    """
    if len(np.asarray(values)) < 2:
        return np.nan, np.nan
    found = resampled_t(values, overlap, results.tolerances()["level"])
    return found.low, found.high


def judge(line: dict[str, Any], run: bool, why: str, rules: dict[str, Any]) -> str:
    """Return the verdict on one row of `compare`."""
    if not run:
        return NOT_RUN
    if why:
        return f"not comparable: {why}"
    if np.isnan(line["published"]) or not line["n here"]:
        return "not comparable: no number"
    if line["n here"] < rules["least_runs"]:
        return f"not comparable: {line['n here']} of the {rules['least_runs']} runs needed"
    if line["tolerance"] > rules["widest"]:
        return "not comparable: the spreads would let almost anything pass"
    if abs(line["difference"]) <= line["tolerance"]:
        return REPRODUCED
    return HIGHER if line["difference"] > 0 else LOWER


def counts(cells: pd.DataFrame) -> pd.DataFrame:
    """Return the number of cells with each verdict for each table (reasons omitted)."""
    words = cells["verdict"].str.replace(r"^(not comparable): (?!not run).*", r"\1", regex=True)
    words = words.replace(NOT_RUN, "not run here")
    columns = [REPRODUCED, HIGHER, LOWER, "not comparable", "not run here"]
    table = pd.crosstab(cells["table"], words).reindex(columns=columns, fill_value=0)
    return table.rename(index=lambda number: f"Table {number}").rename_axis(None, axis=1).reset_index()


def readable(cells: pd.DataFrame) -> pd.DataFrame:
    """Return `compare`'s rows formatted for display: ``published | here | verdict``."""
    limits = zip(cells["low"], cells["high"], strict=True)
    texts: dict[str, list] = {"published": list(map(plus_minus, cells["published"], cells["spread"]))}
    texts["reproduced"] = list(map(plus_minus, cells["here"], cells["spread here"]))
    texts["n here"] = [count or "" for count in cells["n here"]]
    texts["95 % interval"] = ["" if np.isnan(low) else f"{low:.2f} to {high:.2f}" for low, high in limits]
    texts["tolerance"] = ["" if np.isnan(points) else f"{points:.2f}" for points in cells["tolerance"]]
    columns = ["table", "test set", "row", "metric", "published", "n", *list(texts)[1:], "verdict"]
    return cells.rename(columns={"block": "test set"}).assign(**texts)[columns]


def plus_minus(mean: float, spread: float) -> str:
    """Format a mean and its spread as in the paper."""
    if np.isnan(mean):
        return ""
    return f"{mean:.2f}" + ("" if np.isnan(spread) else f" ± {spread:.2f}")


def compact(cells: pd.DataFrame) -> pd.DataFrame:
    """Return the rows with runs, one line per published row: each metric ``published | here``, then the verdicts."""
    rows = []
    for (number, block, row), part in cells.groupby(["table", "block", "row"], sort=False):
        if (part["verdict"] == NOT_RUN).all():
            continue
        line = {"table": number, "test set": block, "row": row, "runs": int(part["n here"].max())}
        for cell in part.to_dict("records"):
            pair = (plus_minus(cell["published"], cell["spread"]), plus_minus(cell["here"], cell["spread here"]))
            line[cell["metric"]] = " | ".join(text or "–" for text in pair)
        words = part.groupby("verdict", sort=False)["metric"].agg(", ".join)
        line["verdict"] = "; ".join(w if len(words) == 1 else f"{metrics}: {w}" for w, metrics in words.items())
        rows.append(line)
    return pd.DataFrame(rows, columns=None if rows else ["table", "test set", "row", "runs", "verdict"])


def latex(frame: pd.DataFrame) -> str:
    """Return a frame of text as a LaTeX table (booktabs)."""
    text = frame.to_latex(index=False, escape=True, column_format="l" * frame.shape[1])
    return text.translate(str.maketrans({"±": r"$\pm$", "–": "--"}))


def write(cells: pd.DataFrame, stem: Path) -> None:
    """Write `readable` cells to ``<stem>.csv``, ``.md``, ``.tex`` and ``.html``."""
    frame = readable(cells)
    texts = {".csv": frame.to_csv(index=False, lineterminator="\n"), ".md": markdown(frame), ".tex": latex(frame)}
    texts[".html"] = frame.to_html(index=False, border=0) + "\n"
    for suffix, text in texts.items():
        write_text(stem.with_name(stem.name + suffix), text)
