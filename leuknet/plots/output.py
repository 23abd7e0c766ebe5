"""How a page gives out a figure or table: named, captioned, kept with a record of what made it."""

import base64
from datetime import UTC, datetime
from html import escape

import matplotlib.pyplot as plt
from IPython.display import HTML, display

from leuknet._io import atomic, markdown, write_json, write_text
from leuknet.plots.style import captioned, language
from leuknet.runs.provenance import environment

SHOWN_DPI = 110


def caption_line(study, n=None, weights=None, protocol=None, more=None, of=None):
    """Return the line under each figure and table: what it is of (the cohort), n, profile, weights, protocol."""
    parts = [of or cohort_words(study)]
    if n is not None:
        parts.append(f"n = {n}")
    parts += [] if of else [f"{study.profile.name} profile"]
    parts += [f"weights: {weights}"] if weights else []
    parts += [protocol] if protocol else []
    parts += [more] if more else []
    return " · ".join(str(part) for part in parts)


def cohort_words(study):
    """Return the cohort as captions name it."""
    return "synthetic cohort" if study.data is None else f"cohort {study.data.name}"


def figure(study, fig, name, alt, n=None, weights=None, protocol=None, more=None, of=None):
    """Caption `fig`, keep it as PNG, SVG and JSON under ``figures/``, and show it with its alternative text.

    Parameters
    ----------
    study : Study
    fig : matplotlib.figure.Figure
        Closed afterwards.
    name : str
        Unique within the page; the files are named ``<page>-<name>``.
    alt : str
        What the figure shows, for those who do not see it.
    n : int or str, optional
        Number of images (or runs, said so).
    weights, protocol, more : str, optional
        For the caption line.
    of : str, optional
        What the figure is of, where it is not this study's cohort.
    """
    line = caption_line(study, n, weights, protocol, more, of)
    stem = study.out / "figures" / f"{study.page}-{name}"
    with language():
        captioned(fig, line)
        for suffix in (".png", ".svg"):
            with atomic(stem.with_suffix(suffix)) as temporary:
                fig.savefig(temporary, metadata={"Date": None} if suffix == ".svg" else None)
    write_json(stem.with_suffix(".json"), sidecar(study, name, line) | {"alt": alt})
    width = round(fig.get_figwidth() * SHOWN_DPI)
    plt.close(fig)
    display(HTML(picture(stem.with_suffix(".png").read_bytes(), f"{alt} ({line})", width)))


def picture(png, alt, width):
    """Return a picture as HTML, its alternative text with it: JupyterLab and nbconvert drop that of a bare PNG."""
    source = base64.b64encode(png).decode()
    return f'<img src="data:image/png;base64,{source}" alt="{escape(alt)}" width="{width}" style="max-width: 100%">'


def table(study, frame, name, caption, n=None, weights=None, protocol=None, more=None, of=None):
    """Keep `frame` as CSV and Markdown under ``tables/``, and show it with its caption line.

    Parameters
    ----------
    study : Study
    frame : pandas.DataFrame
        Its index is not shown; text cells as they are, numbers with two decimals.
    name, n, weights, protocol, more, of
        As for `figure`.
    caption : str
        What the table says.
    """
    line = caption_line(study, n, weights, protocol, more, of)
    shown = keep_table(study, frame, name, caption, line)
    html = shown.to_html(index=False, escape=True, border=0, na_rep="")
    display(HTML(f"<p><strong>{caption}</strong></p>{html}<p><small>{line}</small></p>"))


def keep_table(study, frame, name, caption, line):
    """Keep `frame` as CSV and Markdown, with its record, under ``tables/``; return its cells as readers see them."""
    stem = study.out / "tables" / f"{study.page}-{name}"
    write_text(stem.with_suffix(".csv"), frame.to_csv(index=False))
    shown = frame.map(lambda value: f"{value:.2f}" if isinstance(value, float) else value).where(frame.notna(), "")
    write_text(stem.with_suffix(".md"), f"{caption}\n\n{markdown(shown)}\n{line}\n")
    write_json(stem.with_suffix(".json"), sidecar(study, name, line) | {"caption": caption})
    return shown


def banner(study):
    """Say in one line what the cohort, the profile and the result folder are."""
    counts = study.cohort.table["label"].value_counts()
    text = f"{cohort_words(study)}: {len(study.cohort)} images, {counts.get(1, 0)} positive, {study.cohort.size} px"
    left_out = f"; {len(study.cohort.rejected)} files left out" if len(study.cohort.rejected) else ""
    display(HTML(f"<p><strong>{text}{left_out}</strong><br>{study.profile.banner}<br>Not a medical device.</p>"))


def sidecar(study, name, line):
    """Return what a figure's or table's JSON says: page, profile, seed, cohort, caption, versions, commit, time."""
    return {
        "page": study.page,
        "name": name,
        "caption": line,
        "profile": study.profile.name,
        "banner": study.profile.banner,
        "seed": study.seed,
        "cohort": cohort_words(study),
        "environment": environment(),
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
    }
