"""Self-contained report of a result folder, as HTML and Markdown, for attaching to a review."""

import base64
import io
import re
from datetime import datetime
from html import unescape
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

import leuknet
from leuknet._escape import text_of_csv_cell
from leuknet._io import markdown, object_or_empty, read_limited, write_text
from leuknet._outputs import check_own
from leuknet.baselines.registry import BASELINES
from leuknet.exceptions import LeuknetError
from leuknet.models.settings import TrainSettings
from leuknet.pages.gallery import own_files
from leuknet.pages.outputs import html_page, markdown_page
from leuknet.paper import tables
from leuknet.paper.consistency import WEIGHTS, Finding, audit, to_frame
from leuknet.plots.format import cell, estimate, listed, number
from leuknet.plots.output import table_html
from leuknet.plots.results.audit import audit_summary, merged, ordered, questions
from leuknet.plots.results.verdicts import COLOURS, LEDGER, ledger_cells
from leuknet.plots.style import APPROACH_COLOURS, table_order
from leuknet.runs.record import DamagedRunError, Record, read_all
from leuknet.verdicts import results, verdicts
from leuknet.verdicts.claim_rules.protocols import POOLED, falls, shared, widest_pool
from leuknet.verdicts.claim_rules.protocols import leuknet as of_leuknet
from leuknet.verdicts.claim_rules.sources import Sources
from leuknet.verdicts.ledger import VERDICTS, ledger
from leuknet.verdicts.matching import feature_spaces

HIDDEN = ("coordinates", "verdicts", "claims", "conclusions", "numbers", "typographical", "consistent", "checklist")
RESULT = ["backbone", "approach", "dense", "protocol", "cohort", "role", "tested"]
NAMES = {"backbone": "network", "dense": "head", "role": "images are", "tested": "tested on"}
LONG = 15  # tables with more rows are folded
PICTURES, WIDTHS = 1_800_000, (1100, 800, 600, 400, 250)  # bytes of all figures together; widths tried to stay below
MAX_TABLE = 16 << 20  # bytes of a page's table
NONE = "no such run in this folder"
TITLE = "LeukNet study report"  # the first line of every report
LEAKAGE = (
    "Training images whose data set shares its source with a tested one, by Table 1's registry. Pooled folds test and "
    "train on the same sources by design."
)
DECIDED = (
    "Decided by print: the verdict holds for the paper. Decided by runs: it holds for the images, networks and weights "
    "of this folder, and says nothing of the paper's."
)
UNROUNDED = re.compile(r"-?\d+\.\d{5,}")  # a number of a table's file, which has all digits
FINDING = {"says": "finding", "arithmetic": "the sum", "depends_on": "depends on", "may_have_meant": "may have meant"}
Sections = dict[str, list[dict[str, str]]]  # blocks by title, in display order


def report(folder: str | Path) -> list[Path]:
    """Write ``report.html`` (with embedded figures) and ``report.md`` into a result folder.

    Parameters
    ----------
    folder : path
        A result folder of ``leuknet study`` or ``leuknet train``.

    Returns
    -------
    list of pathlib.Path

    Raises
    ------
    LeuknetError
        If the folder contains no finished run, or a report file that this program did not write.
    """
    folder = Path(folder)
    for name in ("report.html", "report.md"):
        check_own(folder / name, TITLE)
    whole, damaged = read_all(results.trainings(folder))
    runs = results.of_records(whole)
    if runs.empty:
        raise LeuknetError(f"no finished run in {folder}: nothing to report")
    findings, runs = audit(), in_order(runs)
    claims = ledger(folder, findings, runs)
    head = {
        "title": f"{TITLE}: {folder.resolve().name}",
        "made": f"{datetime.now().astimezone():%Y-%m-%d %H:%M} · leuknet {leuknet.__version__}",
        "what": what(runs),
        "banner": banner(runs),
        "headlines": headlines(runs),
        "leakage": shared({}, Sources(runs, folder)).number,
        "claims": [(v, int((claims["verdict"] == v).sum()), COLOURS.get(v, "#555555")) for v in VERDICTS],
        "findings": merged(ordered(findings, WEIGHTS[0])),
        "appendix": sections(runs, claims, verdicts.compare(runs, feature_spaces(folder)), findings)
        | page_sections(folder)
        | run_sections(whole, damaged),
    }
    write_text(folder / "report.html", html_page("report", **head))
    write_text(folder / "report.md", markdown_page("report", **head))
    return [folder / "report.html", folder / "report.md"]


def in_order(runs: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of `results.of_records` in page order: network, approach, protocol, test set."""
    orders = {"backbone": results.NETWORKS, "approach": (*APPROACH_COLOURS, *BASELINES)}
    orders |= {"tested": table_order(runs["tested"]), "role": ("test", "external")}
    places = {name: {value: place for place, value in enumerate(order)} for name, order in orders.items()}
    ranks = {name: runs[name].map(known).fillna(len(known)) for name, known in places.items()}
    order = runs.assign(**ranks).sort_values([*RESULT, "fold", "seed"], kind="stable").index
    return runs.loc[order].reset_index(drop=True)


def named(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a table with baselines and columns named as in the tables of the pages."""
    works = {key: entry.work for key, entry in BASELINES.items()}
    return frame.assign(approach=frame["approach"].replace(works)).rename(columns=NAMES)


def what(runs: pd.DataFrame) -> str:
    """Describe the runs in one sentence."""
    tried, works = dict.fromkeys(runs["approach"]), {entry.key for entry in BASELINES.values()}
    networks = [name for name in dict.fromkeys(runs["backbone"]) if name]
    approaches = [name for name in tried if name not in works]
    parts = [f"{runs['run'].nunique()} runs"]
    parts += [f"networks {listed(networks)}"] * bool(networks)
    parts += [f"approaches {listed(approaches)}"] * bool(approaches)
    parts += [f"{len(tried) - len(approaches)} baselines"] * (len(tried) > len(approaches))
    parts += [f"protocols {listed(dict.fromkeys(runs['protocol']))}"]
    hours = runs.drop_duplicates("run")["seconds"].sum() / 3600
    return f"{'; '.join(parts)}. Training took {number(hours)} hours."


def banner(runs: pd.DataFrame) -> str:
    """Return in one line why these runs are not comparable with the paper's."""
    reasons = sorted({reason for why in runs["why_not"] for reason in why.split("; ") if reason})
    free = int((runs["why_not"] == "").sum())
    line = f"{free} of {len(runs)} results are comparable with the paper's."
    return line + (f" What keeps others from it: {'; '.join(reasons)}." if reasons else "")


def headlines(runs: pd.DataFrame) -> pd.DataFrame:
    """Return the accuracy within pooled folds and on the set apart, and the drop on the same images left out."""
    network, mine = subject(runs)
    ours = runs[mine & (runs["role"] == "test")]
    pooled = widest_pool(ours[ours["protocol"].str.match(POOLED)]) if len(ours) else ours
    apart = runs[mine & (runs["role"] == "external")]
    rows = [("accuracy within pooled folds, %", _accuracy(pooled), number(tables.published(12, "LeukNet", "A"), 2))]
    for name, interval in falls(pooled, ours) if len(pooled) else [("pooled over LODOCV", None)]:
        gap, bounds = interval(0.95) if interval else (np.nan, None)
        low, high = bounds or (np.nan, np.nan)
        text = NONE if interval is None else estimate(gap, low, high, sign=True)
        rows.append((f"{name.replace(' over ', ' minus ')}, points", text, "other images in each protocol"))
    published = number(tables.published(13, "LeukNet", "A"), 2)
    rows.append(("accuracy on a data set apart, %", _accuracy(apart), f"{published} (UFG)"))
    published = "published" if network == "LeukNet" else "published, for LeukNet"
    return pd.DataFrame(rows, columns=[network, "here (95 % interval)", published])


def subject(runs: pd.DataFrame) -> tuple[str, pd.Series]:
    """Return the name of the network that the headlines describe, and which rows are its runs.

    LeukNet; without runs of it, as in profile laptop, the network and approach with the most runs.
    """
    of_network = ~runs["approach"].isin([entry.key for entry in BASELINES.values()])
    leuknet = of_network & runs.index.isin(of_leuknet(runs.assign(role="test")).index)
    if leuknet.any() or not of_network.any():
        return "LeukNet", leuknet
    network, most = max(runs[of_network].groupby(RESULT[:3], sort=False), key=lambda kind: len(kind[1]))
    return " ".join(filter(None, network)), pd.Series(runs.index.isin(most.index), runs.index)


def _accuracy(rows: pd.DataFrame) -> str:
    """Return the mean accuracy over runs in per cent, with Student's interval, and numbers of runs and images."""
    if rows.empty:
        return NONE
    values = 100 * rows["A"]
    bounds = verdicts.interval(values, results.overlap(rows))
    return f"{estimate(values.mean(), *np.clip(bounds, 0, 100))}; {len(values)} runs"


def block(caption: str, frame: pd.DataFrame, safe: tuple = ()) -> dict[str, str]:
    """Return a table as a block of a section, as HTML (columns in `safe` contain HTML already) and as Markdown."""
    texts = frame.astype(object).where(frame.notna(), "").astype(str)
    plain = texts.assign(
        **{name: texts[name].map(lambda text: unescape(re.sub("<[^>]+>", " ", text))) for name in safe}
    )
    return {"caption": caption, "html": table_html(texts, caption, len(texts) > LONG, safe), "rows": markdown(plain)}


def sections(runs: pd.DataFrame, claims: pd.DataFrame, cells: pd.DataFrame, printed: list[Finding]) -> Sections:
    """Return the sections for runs, claims, published cells (`verdicts.compare`) and the audit of printed numbers."""
    caption = "Mean ± s.d. over runs and Student's 95 % interval of the mean accuracy (%)"
    findings = {weight: to_frame(ordered(printed, weight))[["verdict", "place", *FINDING]] for weight in WEIGHTS[:-1]}
    return {
        "Protocols and what training and test share": [block(LEAKAGE, leakage(runs).rename(columns=NAMES))],
        "Results": [block(caption, named(scores(runs)))],
        "Published | reproduced | verdict": [
            block("Cells by verdict; tolerances: leuknet/verdicts/tolerances.toml", verdicts.counts(cells)),
            *(
                block("Rows with runs here (%): published | here", rows)
                for rows in [verdicts.compact(cells)]
                if len(rows)
            ),
        ],
        "The claims ledger": [block(DECIDED, ledger_cells(claims), LEDGER)],
        "The audit of the printed numbers": [
            block("Findings by what they change", audit_summary(printed)),
            *(block(weight, frame.rename(columns=FINDING)) for weight, frame in findings.items()),
        ],
        "A reviewer's checklist": [block("Questions", questions())],
    }


def run_sections(whole: list[Record], damaged: list[DamagedRunError]) -> Sections:
    """Return the sections for the runs' settings and environments, and for damaged runs."""
    used = [run.run["settings"] for run in whole]
    values = {name: dict.fromkeys(str(one[name]) for one in used if name in one) for name in TrainSettings.names()}
    rows = pd.DataFrame([(k, listed(v)) for k, v in values.items() if v], columns=["setting", "values"])
    lost = pd.DataFrame([(run.folder.name, run.reason) for run in damaged], columns=["run", "reason"])
    left_out = block("Left out of everything above; delete their folders and run the study again", lost)
    return {
        "Settings": [block("Values of each setting over all runs", rows)],
        "Environment": [block("What the runs were made with", environments(whole))],
    } | ({"Damaged runs": [left_out]} if damaged else {})


def environments(whole: list[Record]) -> pd.DataFrame:
    """Return the distinct environments of the runs, one column each, with the number of runs."""
    rows = []
    for record in whole:
        packages = record.environment.get("packages", {})
        values = record.environment | (packages if isinstance(packages, dict) else {}) | {"packages": None}
        texts = {k: ", ".join(map(str, v)) if isinstance(v, list) else v for k, v in values.items()}
        rows.append({k: v for k, v in texts.items() if v not in (None, "")})
    frame = pd.DataFrame(rows).fillna("").astype(str)
    distinct = frame.groupby(list(frame), sort=False).size().rename("runs").reset_index().T
    return distinct.rename(columns=lambda place: f"environment {place + 1}").rename_axis("").reset_index()


def leakage(runs: pd.DataFrame) -> pd.DataFrame:
    """Return, for each protocol, cohort and test set, how many training images come from the tested source."""
    most = {name: (column, "max") for name, column in (("images", "images"), ("n", "shared"), ("of", "trained_on"))}
    alike = runs.groupby(["protocol", "cohort", "role", "tested"], sort=False)
    frame = alike.agg(runs=("run", "nunique"), **most).reset_index()
    known, shares = frame["of"] > 0, frame["n"].astype(str) + " of " + frame["of"].astype(str)
    frame["training images of a tested source"] = shares.where(known, "not recorded")
    frame["sources"] = np.select([~known, frame["n"] > 0], ["not recorded", "shared"], "apart")
    return frame.drop(columns=["n", "of"])


def scores(runs: pd.DataFrame) -> pd.DataFrame:
    """Return mean ± s.d. of the paper's metrics by network, protocol, cohort and test set, with A's interval (%)."""
    rows = []
    for names, part in runs.groupby(RESULT, sort=False):
        values, row = 100 * part[list(verdicts.METRICS)], dict(zip(RESULT, names, strict=True))
        mean, sd, n = values.mean(), values.std(), part["run"].nunique()
        low, high = verdicts.interval(values["A"], results.overlap(part))
        row |= {"runs": n, "interval of A": "" if np.isnan(low) else f"{max(low, 0):.1f} to {min(high, 100):.1f}"}
        rows.append(row | {metric: verdicts.plus_minus(mean[metric], sd[metric]) for metric in values})
    return pd.DataFrame(rows, columns=[*RESULT, "runs", "A", "interval of A", *verdicts.METRICS[1:]])


def page_sections(folder: Path) -> Sections:
    """Return the pages' tables and figures with the descriptions in their JSON records."""
    tables, figures = [], []
    for path in own_files(folder / "tables", "*.csv"):
        about = object_or_empty(path.with_suffix(".json"))
        if about and about.get("name") not in HIDDEN and (table := page_table(path)) is not None:
            tables.append(block(f"{about.get('page', '')}: {about.get('caption', '')}", table))
    for path, image in small_pictures(own_files(folder / "figures", "*.png")).items():
        about = {"caption": "", "alt": path.stem} | object_or_empty(path.with_suffix(".json"))
        figures.append({"caption": str(about["caption"]), "image": image, "alt": str(about["alt"]), "path": path.name})
    return {title: blocks for title, blocks in (("Tables of the pages", tables), ("Figures", figures)) if blocks}


def page_table(path: Path) -> pd.DataFrame | None:
    """Return a page's table as the page shows it: unnamed heads empty, numbers rounded, no escape for spreadsheets.

    None if the untrusted file is not a table.
    """
    try:
        frame = pd.read_csv(io.BytesIO(read_limited(path, MAX_TABLE)), dtype=str, keep_default_na=False)
    except (OSError, ValueError):  # includes pandas' own errors
        return None
    cells = {
        name: [cell(float(text), name) if UNROUNDED.fullmatch(text) else text_of_csv_cell(text) for text in frame[name]]
        for name in frame
    }
    return pd.DataFrame(cells, dtype=str).rename(columns=lambda name: "" if name.startswith("Unnamed: ") else name)


def small_pictures(paths: list[Path]) -> dict[Path, str]:
    """Return figures as Base64 WebP, as wide as `WIDTHS` and `PICTURES` allow; other files are skipped."""
    for width in WIDTHS:
        encoded = {path: data for path in paths if (data := _webp(path, width))}
        if sum(map(len, encoded.values())) <= PICTURES:
            break
    return {path: base64.b64encode(data).decode() for path, data in encoded.items()}


def _webp(path: Path, width: int) -> bytes:
    try:
        with Image.open(path, formats=("PNG",)) as picture:
            picture.thumbnail((width, 4 * width))
            file = io.BytesIO()
            picture.convert("RGB").save(file, "WEBP", quality=75)
            return file.getvalue()
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return b""
