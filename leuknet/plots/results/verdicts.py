"""Page 09's last sections: published | reproduced | verdict, and the claims ledger."""

from html import escape
from pathlib import Path

import pandas as pd
from IPython.display import HTML, display

from leuknet._io import write_json
from leuknet.exceptions import LeuknetError
from leuknet.paper.consistency import audit
from leuknet.plots.format import listed
from leuknet.plots.output import caption_line, keep_table, sidecar, table_html
from leuknet.study.study import Study
from leuknet.verdicts import results, verdicts
from leuknet.verdicts.ledger import ledger
from leuknet.verdicts.matching import feature_spaces

LEDGER = ("claim", "what would decide it", "the printed numbers", "this study's runs", "verdict")
BY = {"print": "<br><small>by the paper's numbers</small>", "runs": "<br><small>for these runs only</small>"}
BY["outside knowledge"] = "<br><small>by how the data sets were made; the paper's numbers do not show it</small>"
COLOURS = {"supported": "#1b6e35", "not supported": "#a61b1b", "depends on the protocol": "#8a5a00"}


def finished_runs(out: Path) -> pd.DataFrame:
    """Return `evidence.results` of a result folder; an empty table if nothing was run into it."""
    try:
        return results.results(out)
    except LeuknetError:
        return pd.DataFrame()


def verdict_cells(study: Study) -> pd.DataFrame:
    """Return every published cell next to this study's runs, and keep the table as CSV, Markdown, LaTeX and HTML."""
    cells = verdicts.compare(finished_runs(study.out), feature_spaces(study.out))
    stem = study.out / "tables" / f"{study.page}-verdicts"
    verdicts.write(cells, stem)
    line = caption_line(study, n=f"{len(cells)} published cells")
    write_json(
        stem.with_suffix(".json"), sidecar(study, "verdicts", line) | {"caption": "Published, reproduced, verdict"}
    )
    return cells


def verdict_counts(cells: pd.DataFrame) -> pd.DataFrame:
    """Return how many cells of each published table got which verdict."""
    return verdicts.counts(cells)


def verdict_rows(cells: pd.DataFrame) -> pd.DataFrame:
    """Return the published rows that this study has runs for, each metric ``published | here``, with verdicts."""
    return verdicts.compact(cells)


def verdict_sentence(cells: pd.DataFrame) -> str:
    """Return how many published cells got which verdict."""
    counts = cells["verdict"].value_counts()
    return f"Of {len(cells)} published cells: {listed(f'{n} {verdict}' for verdict, n in counts.items())}."


def claims_ledger(study: Study) -> pd.DataFrame:
    """Keep and show the claims ledger of this study's result folder, folded by verdict; return it."""
    frame = ledger(study.out, audit())
    line = caption_line(study, n=f"{len(frame)} claims", more="runs found in this result folder")
    keep_table(study, frame, "claims", "The claims ledger", line)
    parts = frame.groupby("verdict", sort=False)
    folded = []
    for verdict, part in parts:
        title = f"{verdict}: {listed(part['section'].map('§ {}'.format))}"
        folded.append(table_html(ledger_cells(part), title, fold=True, safe=LEDGER))
    display(HTML("".join(folded) + f"<p><small>{escape(line)}</small></p>"))
    return frame


def ledger_sentence(frame: pd.DataFrame) -> str:
    """Return how many claims got which verdict."""
    counts = frame["verdict"].value_counts()
    return f"Of {len(frame)} claims: {listed(f'{n} {verdict}' for verdict, n in counts.items())}."


def ledger_cells(frame: pd.DataFrame) -> pd.DataFrame:
    """Return claims as HTML cells: claim and place, what would decide it, the evidence, the verdict."""
    texts = frame.map(lambda value: escape(str(value)))
    verdicts_ = [
        f'<b style="color:{COLOURS.get(row["verdict"], "#555555")}">{row["verdict"]}</b>{BY.get(row["decided by"], "")}'
        for row in frame.to_dict("records")
    ]
    place = "<br><small>§ " + texts["section"] + " · " + texts["claim"] + "</small>"
    columns = [texts["gist"] + place, texts["decides"], texts["printed numbers"].replace("", "–"), texts["these runs"]]
    return pd.DataFrame(dict(zip(LEDGER, [*columns, verdicts_], strict=True)))
