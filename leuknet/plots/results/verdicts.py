"""The last sections of page 09: published | reproduced | verdict, and the claims ledger."""

from html import escape

import pandas as pd
from IPython.display import HTML, display

from leuknet.paper.consistency import audit
from leuknet.plots.format import listed
from leuknet.plots.output import caption_line, keep, keep_table, table_html
from leuknet.study.study import Study
from leuknet.verdicts import results, verdicts
from leuknet.verdicts.ledger import ledger
from leuknet.verdicts.matching import feature_spaces

LEDGER = ("claim", "what would decide it", "the printed numbers", "this study's runs", "verdict")
BY = {"print": "<br><small>by the paper's numbers</small>", "runs": "<br><small>for these runs only</small>"}
BY["outside knowledge"] = "<br><small>by how the data sets were made; the paper's numbers do not show it</small>"
COLOURS = {"supported": "#1b6e35", "not supported": "#a61b1b", "depends on the protocol": "#8a5a00"}


def verdict_cells(study: Study) -> pd.DataFrame:
    """Return every published cell next to this study's runs, and save the table as CSV, Markdown, LaTeX and HTML."""
    cells = verdicts.compare(results.any_results(study.out), feature_spaces(study.out))
    line = caption_line(study, n=f"{len(cells)} published cells")
    verdicts.write(cells, keep(study, "tables", "verdicts", line, caption="Published, reproduced, verdict"))
    return cells


def verdict_sentence(frame: pd.DataFrame, what: str = "published cells") -> str:
    """Return the number of cells of `verdict_cells`, or claims of `claims_ledger`, for each verdict (no reasons)."""
    counts = frame["verdict"].str.partition(":")[0].value_counts()
    return f"Of {len(frame)} {what}: {listed(f'{n} {verdict}' for verdict, n in counts.items())}."


def claims_ledger(study: Study) -> pd.DataFrame:
    """Save and show the claims ledger of this study's result folder, folded by verdict; return it."""
    frame = ledger(study.out, audit())
    line = caption_line(study, n=f"{len(frame)} claims", more="runs found in this result folder")
    keep_table(study, frame, "claims", "The claims ledger", line)
    folded = [
        table_html(ledger_cells(part), f"{verdict}: {listed(dict.fromkeys(_place(part['section'])))}", True, LEDGER)
        for verdict, part in frame.groupby("verdict", sort=False)
    ]
    display(HTML("".join(folded) + f"<p><small>{escape(line)}</small></p>"))
    return frame


def _place(section: pd.Series) -> pd.Series:
    return ("§ " + section).replace("§ Abstract", "abstract")


def ledger_cells(frame: pd.DataFrame) -> pd.DataFrame:
    """Return claims as HTML cells: claim and section, criterion, evidence, verdict."""
    texts = frame.map(lambda value: escape(str(value)))
    colours, by = frame["verdict"].map(COLOURS).fillna("#555555"), frame["decided by"].map(BY).fillna("")
    place = "<br><small>" + _place(texts["section"]) + " · " + texts["claim"] + "</small>"
    columns = [texts["gist"] + place, texts["decides"], texts["printed numbers"].replace("", "–"), texts["these runs"]]
    columns += ['<b style="color:' + colours + '">' + frame["verdict"] + "</b>" + by]
    return pd.DataFrame(dict(zip(LEDGER, columns, strict=True)))
