"""Page 09's last sections: published | reproduced | verdict, and the claims ledger."""

from html import escape

import pandas as pd
from IPython.display import HTML, display

from leuknet._io import write_json
from leuknet.exceptions import LeuknetError
from leuknet.paper.consistency import audit
from leuknet.plots.output import caption_line, keep_table, sidecar
from leuknet.verdicts import results, verdicts
from leuknet.verdicts.ledger import ledger
from leuknet.verdicts.matching import feature_spaces

BY = {"print": "<br><small>by the paper's numbers</small>", "runs": "<br><small>for these runs only</small>"}
BY["outside knowledge"] = "<br><small>by how the data sets were made; the paper's numbers do not show it</small>"
COLOURS = {"supported": "#1b6e35", "not supported": "#a61b1b", "depends on the protocol": "#8a5a00"}


def finished_runs(out):
    """Return `evidence.results` of a result folder; an empty table if nothing was run into it."""
    try:
        return results.results(out)
    except LeuknetError:
        return pd.DataFrame()


def verdict_cells(study):
    """Return every published cell beside this study's runs, and keep the table as CSV, Markdown, LaTeX and HTML."""
    cells = verdicts.compare(finished_runs(study.out), feature_spaces(study.out))
    stem = study.out / "tables" / f"{study.page}-verdicts"
    verdicts.write(cells, stem)
    line = caption_line(study, n=f"{len(cells)} published cells")
    write_json(
        stem.with_suffix(".json"), sidecar(study, "verdicts", line) | {"caption": "Published, reproduced, verdict"}
    )
    return cells


def verdict_counts(cells):
    """Return how many cells of each published table got which verdict."""
    return verdicts.counts(cells)


def verdict_rows(cells):
    """Return the published rows that this study has runs for, each metric ``published | here``, with verdicts."""
    return verdicts.compact(cells)


def claims_ledger(study):
    """Keep and show the claims ledger of this study's result folder; return it."""
    frame = ledger(study.out, audit())
    line = caption_line(study, n=f"{len(frame)} claims", more="runs found in this result folder")
    keep_table(study, frame, "claims", "The claims ledger", line)
    display(HTML(ledger_html(frame) + f"<p><small>{escape(line)}</small></p>"))
    return frame


def ledger_html(frame):
    """Return the ledger as an HTML table: claim and place, what would decide it, the evidence, the verdict."""
    rows = []
    for row in frame.to_dict("records"):
        colour = COLOURS.get(row["verdict"], "#555555")
        cells = [
            f"{escape(row['gist'])}<br><small>§ {escape(row['section'])} · {row['claim']}</small>",
            escape(row["decides"]),
            escape(row["printed numbers"]) or "–",
            escape(row["these runs"]),
            f'<b style="color:{colour}">{row["verdict"]}</b>' + BY.get(row["decided by"], ""),
        ]
        rows.append(
            "<tr>" + "".join(f'<td style="text-align:left;vertical-align:top">{cell}</td>' for cell in cells) + "</tr>"
        )
    heads = ("claim", "what would decide it", "the printed numbers", "this study's runs", "verdict")
    head = "".join(f'<th style="text-align:left">{name}</th>' for name in heads)
    return f'<table class="dataframe"><thead><tr>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table>'
