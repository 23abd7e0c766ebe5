"""Display of a page's figures, tables and results: named, captioned, and saved with a record of their origin."""

import base64
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
from IPython.display import HTML, Markdown, display

from leuknet._escape import csv_cell, file_name
from leuknet._io import atomic, markdown, write_json, write_text
from leuknet.plots.format import cell, heading, is_number, rendered
from leuknet.plots.style import captioned, language, make_drawable
from leuknet.runs.provenance import environment
from leuknet.study.profiles import changed
from leuknet.study.study import Study

SHOWN_DPI = 120  # CSS pixels per inch: COLUMN is a page's text width, 9 pt are 15 px
SHARP_DPI, PICTURE_DPI = 240, 160  # twice the displayed resolution; lower for low-resolution images
WHOLE = 24  # row names up to this length are never wrapped
FOLDED = 15  # tables with more rows are folded


def caption_line(
    study: Study,
    n: int | str | None = None,
    weights: str | None = None,
    protocol: str | None = None,
    more: str | None = None,
    of: str | None = None,
) -> str:
    """Return the caption line below each figure and table.

    Parameters
    ----------
    study : Study
    n : int or str, optional
        Number of images (or of runs, if stated).
    weights, protocol, more : str, optional
        Initial weights of the networks, the protocol, and additional text.
    of : str, optional
        Origin of the data, if not this study's cohort under its profile.
    """
    parts = [of or cohort_words(study), "" if n is None else f"n = {n}", "" if of else f"{study.profile.name} profile"]
    parts += [f"weights: {weights}" if weights else "", protocol or "", more or ""]
    return " · ".join(filter(None, parts))


def cohort_words(study: Study) -> str:
    """Return the cohort's description in captions."""
    return "synthetic cohort" if study.data is None else f"cohort {study.data.name}"


def keep(study: Study, kind: str, name: str, line: str, **said: str) -> Path:
    """Write the record of a figure or table as JSON, and return the path of its files without suffix.

    Parameters
    ----------
    study : Study
    kind : {"figures", "tables"}
    name : str
        Unique within the page; the files are named ``<page>-<name>``.
    line : str
        From `caption_line`.
    **said
        Further texts of the record, such as ``alt``. The record also contains page, profile, seed, cohort, versions,
        commit and time.
    """
    stem = study.out / kind / f"{study.page}-{file_name(name)}"
    profile = {"profile": study.profile.name, "banner": study.profile.banner, "seed": study.seed}
    record = {"page": study.page, "name": name, "caption": line, "cohort": cohort_words(study)} | profile
    record |= {"environment": environment(), "made": datetime.now(UTC).isoformat(timespec="seconds")}
    write_json(stem.with_suffix(".json"), record | said)
    return stem


def figure(study: Study, fig: plt.Figure, name: str, alt: str, result: str = "", **caption: Any) -> None:
    """Caption `fig`, save it as PNG, SVG and JSON in ``figures/``, and show it with title and result.

    Parameters
    ----------
    study : Study
    fig : matplotlib.figure.Figure
        Closed afterwards.
    name : str
        Unique within the page.
    alt : str
        Description of the figure: its visible title, and its alternative text.
    result : str
        The result in one sentence, computed from the plotted data; shown below the figure.
    **caption
        Options of `caption_line`: ``n``, ``weights``, ``protocol``, ``more``, ``of``.
    """
    line = caption_line(study, **caption)
    stem = keep(study, "figures", name, line, alt=alt, result=result)
    with language():
        captioned(fig, line)
        make_drawable(fig)
        dpi = PICTURE_DPI if sum(bool(ax.images) for ax in fig.axes) > 2 else SHARP_DPI
        for suffix, options in ((".png", {"dpi": dpi}), (".svg", {"metadata": {"Date": None}})):
            with atomic(stem.with_suffix(suffix)) as temporary:
                fig.savefig(temporary, **options)
    width = round(fig.get_figwidth() * SHOWN_DPI)
    plt.close(fig)
    source = base64.b64encode(stem.with_suffix(".png").read_bytes()).decode()
    display(HTML(rendered("figure", source=source, alt=alt, line=line, result=result, width=width)))


def table(
    study: Study,
    frame: pd.DataFrame,
    name: str,
    title: str,
    result: str = "",
    fold: bool | None = None,
    **caption: Any,
) -> None:
    """Save `frame` as CSV and Markdown in ``tables/``, and show it with its caption line.

    Parameters
    ----------
    study : Study
    frame : pandas.DataFrame
        Its index is not shown; cells are formatted by `leuknet.plots.format.cell`.
    name, result, **caption
        See `figure`.
    title : str
        Title of the table.
    fold : bool, optional
        Whether the rows are folded below the title; defaults to folding tables with more than `FOLDED` rows.
    """
    n, line = caption.get("n"), caption_line(study, **caption)
    shown = keep_table(study, frame, name, title, line, n if isinstance(n, int) else None)
    folded = len(frame) > FOLDED if fold is None else fold
    html, below = table_html(shown, title, folded, note=line), "" if folded else f"<p><small>{escape(line)}</small></p>"
    display(HTML(f"{html}{paragraph(result) * bool(result)}{below}"))


def keep_table(
    study: Study, frame: pd.DataFrame, name: str, title: str, line: str, n: int | None = None
) -> pd.DataFrame:
    """Save `frame` as CSV and Markdown, with its record, in ``tables/``; return its formatted cells."""
    stem = keep(study, "tables", name, line, caption=title)
    write_text(stem.with_suffix(".csv"), frame.map(csv_cell).to_csv(index=False))
    cells = {column: [cell(value, str(column), n) for value in frame[column]] for column in frame}
    shown = pd.DataFrame(cells, dtype=object)
    write_text(stem.with_suffix(".md"), f"{title}\n\n{markdown(shown.rename(columns=heading))}\n{line}\n")
    return shown


def table_html(
    shown: pd.DataFrame, caption: str, fold: bool = False, safe: tuple[str, ...] = (), note: str = ""
) -> str:
    """Return a table of strings as HTML: numbers right-aligned and not wrapped, repeated leading cells merged.

    Parameters
    ----------
    shown : pandas.DataFrame of str
    caption : str
    fold : bool
        Whether only the caption and the number of rows are shown until the reader expands the table.
    safe : tuple of str
        Columns that already contain HTML; all others are escaped.
    note : str
        Caption line of a folded table, which is folded too.
    """
    numeric = [_numeric(shown[column]) for column in shown]
    merged = 0 if numeric[0] else 1 + (shown.shape[1] > 2 and not numeric[1])
    rows = shown.to_numpy().tolist()
    spans = [[_span(rows, i, j) for j in range(max(merged, 1))] for i in range(len(rows))]
    about = {"heads": [heading(str(column)) for column in shown], "columns": list(shown), "whole": WHOLE, "note": note}
    about |= {"rows": rows, "numeric": numeric, "merged": merged, "spans": spans, "safe": safe}
    return rendered("table", **about, caption=caption, fold=fold)


def _numeric(column: pd.Series) -> bool:
    filled = [text for text in column if text not in ("", "–")]
    return bool(filled) and all(map(is_number, filled))


def _span(rows: list[list[str]], i: int, j: int) -> int:
    """Return how many rows from `i` on repeat column `j` and those left of it; 0 if the row above does."""
    own = rows[i][: j + 1]
    if i and rows[i - 1][: j + 1] == own:
        return 0
    return next((k for k, row in enumerate(rows[i:]) if row[: j + 1] != own), len(rows) - i)


def paragraph(text: str) -> str:
    """Return a sentence that states a result as an HTML paragraph."""
    return f'<p class="result">{escape(text)}</p>'


def say(text: str) -> None:
    """Show a sentence that states a result as a paragraph."""
    display(HTML(paragraph(text)))


def show_markdown(text: str) -> None:
    """Show rendered Markdown."""
    display(Markdown(text))


def answer(*sentences: str) -> None:
    """Show the page's computed answer to its question: a heading, and one sentence per line."""
    display(HTML("<p><strong>Answer of this run</strong></p>" + "".join(paragraph(text) for text in sentences if text)))


def banner(study: Study) -> None:
    """Show the cohort, the profile with its changed settings, and that nothing here is a medical device."""
    counts = study.cohort.table["label"].value_counts()
    about = {"words": cohort_words(study), "cohort": study.cohort, "positive": counts.get(1, 0)}
    about["changed"] = "; ".join(f"{name} = {value}" for name, value in changed(study.profile).items())
    display(HTML(rendered("banner", **about, banner=study.profile.banner)))
