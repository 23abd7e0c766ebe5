"""One self-contained report of a result folder, as HTML and Markdown, to attach to a review."""

import base64
import json
from datetime import datetime
from importlib.resources import files
from pathlib import Path

import pandas as pd
from jinja2 import Environment

import leuknet
from leuknet._io import markdown, write_text
from leuknet.exceptions import LeuknetError
from leuknet.pages.outputs import check_report_file
from leuknet.paper.consistency import WEIGHTS, audit
from leuknet.plots.results.audit import audit_summary, questions
from leuknet.runs.query import records
from leuknet.runs.record import read_all
from leuknet.verdicts import results, verdicts
from leuknet.verdicts.ledger import ledger
from leuknet.verdicts.matching import feature_spaces

HIDDEN = ("coordinates", "verdicts", "claims", "conclusions", "numbers", "typographical", "consistent", "checklist")
RESULT = ["backbone", "approach", "dense", "protocol", "role", "tested"]

TITLE = "LeukNet study report"  # every report of this program begins with it


def report(folder):
    """Write ``report.html`` (figures inside) and ``report.md`` into a result folder.

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
        If there is no finished run in the folder, or a report file there that this program did not write.
    """
    folder = Path(folder)
    for name in ("report.html", "report.md"):
        check_report_file(folder / name, TITLE)
    runs = results.results(folder)
    if runs.empty:
        raise LeuknetError(f"no finished run in {folder}: nothing to report")
    found = audit()
    sections = [*about(folder, runs), *judged(folder, runs, found), *pictures(folder), *printed(found)]
    head = {"title": f"{TITLE}: {folder.resolve().name}", "banner": banner(runs)}
    head["made"] = f"{datetime.now().astimezone():%Y-%m-%d %H:%M} · leuknet {leuknet.__version__}"
    template = files("leuknet.pages").joinpath("templates", "report.html.j2").read_text("utf-8")
    page = Environment(autoescape=True).from_string(template).render(**head, sections=sections)
    write_text(folder / "report.html", page)
    write_text(folder / "report.md", as_markdown(head, sections))
    return [folder / "report.html", folder / "report.md"]


def banner(runs):
    """Return what keeps these runs from standing beside the paper's, in one line."""
    reasons = sorted({reason for why in runs["why_not"] for reason in why.split("; ") if reason})
    free = int((runs["why_not"] == "").sum())
    told = f"{free} of {len(runs)} results are comparable with the paper's."
    return told + (f" What keeps others from it: {'; '.join(reasons)}." if reasons else "")


def block(caption, frame=None, text="", image="", alt="", path=""):
    """Return one block of a section: a table, a text or a picture."""
    table = frame.to_html(index=False, border=0, na_rep="") if frame is not None else ""
    rows = markdown(frame.fillna("")) if frame is not None else ""
    return {"caption": caption, "html": table, "rows": rows, "text": text, "image": image, "alt": alt, "path": path}


def about(folder, runs):
    """Return the sections on settings, environment, protocols with their leakage, and results with intervals."""
    told = records(results.trainings(folder))
    names = [name for name in told if name in results.TrainSettings().as_dict()]
    settings = [(name, ", ".join(dict.fromkeys(told[name].dropna().map(str)))) for name in names]
    whole, damaged = read_all(results.trainings(folder))
    environment = [block("", environments(whole), "One row for each environment that runs were made in.")]
    lost = pd.DataFrame([(run.folder.name, run.reason) for run in damaged], columns=["run", "reason"])
    left_out = [block("Left out of everything below; delete their folders and run the study again", lost)]
    return [
        (
            "Settings",
            [block("Values of each setting over all runs", pd.DataFrame(settings, columns=["setting", "values"]))],
        ),
        ("Environment", environment),
        *([("Damaged runs", left_out)] if damaged else []),
        ("Protocols and what training and test share", [block(LEAKAGE, leakage(runs))]),
        (
            "Results",
            [block("Mean ± s.d. over runs and Student's 95 % interval of the mean accuracy (%)", scores(runs))],
        ),
    ]


LEAKAGE = (
    "Training images whose data set shares its source with a tested one, by Table 1's registry. Pooled folds test and "
    "train on the same sources by design."
)


DECIDED = (
    "Decided by print: the verdict holds for the paper. Decided by runs: it holds for the images, networks and weights "
    "of this folder, and says nothing of the paper's."
)


def environments(whole):
    """Return the distinct environments of the runs, and how many runs each has."""
    rows = []
    for record in whole:
        told = dict(record.environment)
        told |= {f"{name}": version for name, version in told.pop("packages", {}).items()}
        rows.append(
            {name: ", ".join(v) if isinstance(v, list) else v for name, v in told.items() if v not in (None, [])}
        )
    frame = pd.DataFrame(rows).fillna("").astype(str)
    return frame.groupby(list(frame), sort=False).size().rename("runs").reset_index()


def leakage(runs):
    """Return, for each protocol and tested set, how many training images share the tested source."""
    rows = []
    for (protocol, role, tested), part in runs.groupby(["protocol", "role", "tested"], sort=False):
        known = part["trained_on"].max() > 0
        share = f"{part['shared'].max()} of {part['trained_on'].max()}" if known else "not recorded"
        verdict = "not recorded" if not known else "shared" if part["shared"].max() else "apart"
        rows.append((protocol, role, tested, part["run"].nunique(), part["images"].max(), share, verdict))
    columns = ["protocol", "role", "tested", "runs", "images", "training images of a tested source", "sources"]
    return pd.DataFrame(rows, columns=columns)


def scores(runs):
    """Return mean ± s.d. of the paper's metrics by network, protocol and tested set, with the accuracy's interval."""
    rows = []
    for names, part in runs.groupby(RESULT, sort=False):
        row = dict(zip(RESULT, names, strict=True)) | {"runs": part["run"].nunique()}
        for metric in verdicts.METRICS:
            values = 100 * part[metric].dropna() if metric in part else pd.Series(dtype=float)
            row[metric] = verdicts.plus_minus(values.mean(), values.std(ddof=1))
            if metric == "A":
                low, high = verdicts.interval(values.mean(), values.std(ddof=1), len(values))
                row["interval of A"] = "" if low != low else f"{max(low, 0):.1f} to {min(high, 100):.1f}"
        rows.append(row)
    return pd.DataFrame(rows)


def judged(folder, runs, found):
    """Return the sections on published cells and on claims."""
    cells, claims = verdicts.compare(runs, feature_spaces(folder)), ledger(folder, found)
    return [
        ("Published | reproduced | verdict", [
            block("Cells by verdict; tolerances: leuknet/verdicts/tolerances.toml", verdicts.counts(cells)),
            block("Rows with runs here (%): published | here", verdicts.compact(cells)),
        ]),
        ("The claims ledger", [block(DECIDED, claims.drop(columns="claim"))]),
        ("The audit of the printed numbers", [block("", audit_summary(found))]),
    ]  # fmt: skip


def pictures(folder):
    """Return the sections with the pages' figures and tables, as their side-car JSON describes them."""
    figures, tables = [], []
    for path in sorted((folder / "figures").glob("*.png")):
        told = sidecar(path)
        image = base64.b64encode(path.read_bytes()).decode()
        figures.append(block(told.get("caption", ""), image=image, alt=told.get("alt", path.stem), path=path.name))
    for path in sorted((folder / "tables").glob("*.csv")):
        told = sidecar(path)
        if told and told["name"] not in HIDDEN:
            tables.append(
                block(f"{told['page']}: {told['caption']}", pd.read_csv(path, dtype=str, keep_default_na=False))
            )
    return [(title, blocks) for title, blocks in (("Tables of the pages", tables), ("Figures", figures)) if blocks]


def sidecar(path):
    """Return what the JSON beside a figure or table says; empty without one."""
    beside = path.with_suffix(".json")
    return json.loads(beside.read_text("utf-8")) if beside.is_file() else {}


def printed(found):
    """Return the sections on the audit's findings and the reviewer's checklist."""
    blocks = []
    for weight in WEIGHTS[:-1]:
        rows = [
            (f.verdict, f.place, f.says, f.arithmetic, f.depends_on, f.may_have_meant)
            for f in found
            if f.weight == weight
        ]
        columns = ["verdict", "place", "finding", "the sum", "depends on", "may have meant"]
        blocks.append(block(weight, pd.DataFrame(rows, columns=columns)))
    return [("Findings of the audit", blocks), ("A reviewer's checklist", [block("", questions())])]


def as_markdown(head, sections):
    """Return the report as Markdown; figures are linked, not inside."""
    lines = [f"# {head['title']}", head["made"], head["banner"], "Not a medical device."]
    for title, blocks in sections:
        lines.append(f"## {title}")
        for part in blocks:
            lines += [part["caption"]] * bool(part["caption"]) + [part["text"]] * bool(part["text"])
            lines += [part["rows"]] * bool(part["rows"])
            lines += [f"![{part['alt']}](figures/{part['path']})"] * bool(part["path"])
    return "\n\n".join(lines) + "\n"
