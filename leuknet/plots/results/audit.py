"""The audit of the paper's numbers: findings as cards and tables, supporting figures, training times."""

import re
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
from IPython.display import HTML, display
from matplotlib.figure import Figure

from leuknet.paper import tables
from leuknet.paper.consistency import VERDICTS, WEIGHTS, Finding, printed, sprite, timing, to_frame
from leuknet.paper.consistency.grim import CLASSES, denominators, printed_rows, totals
from leuknet.plots.axes import name_rows, subplots, whisker
from leuknet.plots.format import heading, listed, metric_name, rendered
from leuknet.plots.output import caption_line, keep_table, table_html
from leuknet.plots.style import APPROACH_COLOURS, APPROACH_MARKERS
from leuknet.study.study import Study

STRONGEST = ("one-class-sets", "shared-allidb1", "shared-allidb2", "selection")  # in order of consequence
OF = "the paper's printed numbers"
FITS, FAILS = "#0072B2", "#B23A00"
EPOCHS = 50  # section 4.2
# readings of "an image dataset 20 times larger" (section 3.2): passes over the images in total and per epoch
READINGS = {"20 images made of each, 50 epochs": 20 * EPOCHS, "one draw of each image an epoch, 50 epochs": EPOCHS}
READINGS["20 draws of each image in all"] = 20
TWENTY_TIMES = {1: "each image once an epoch, drawn again", 20: "20 fixed variants of each, all in every epoch"}


def audit_summary(found: list[Finding]) -> pd.DataFrame:
    """Return the number of findings by weight and verdict as a table."""
    frame = to_frame(found)
    counts = pd.crosstab(frame["weight"], frame["verdict"]).reindex(index=WEIGHTS, columns=VERDICTS, fill_value=0)
    return counts.rename(index={"": "none: consistent"}).rename_axis(columns=None).reset_index()


def ordered(found: list[Finding], weight: str) -> list[Finding]:
    """Return the findings of one weight, those with the largest consequence first, then in the audit's order.

    The order is: findings in `STRONGEST`, then inconsistent ones, then undecidable ones.
    """
    places = {name: place for place, name in enumerate(STRONGEST)}
    chosen = [finding for finding in found if finding.weight == weight]
    return sorted(chosen, key=lambda f: (places.get(f.id, len(places)), VERDICTS.index(f.verdict)))


def merged(found: list[Finding]) -> list[Finding]:
    """Return findings for display: those with the same statement about several places are merged.

    ALL-IDB 1 and ALL-IDB 2 are two places of the same finding. Ranges of tables use an en dash.
    """
    alike: dict[tuple[str, ...], list[Finding]] = {}
    for finding in found:
        key = (finding.verdict, finding.weight, re.sub("ALL-IDB [12]", "ALL-IDB", finding.says))
        alike.setdefault(key, []).append(finding)
    return [_one(part) for part in alike.values()]


def _one(alike: list[Finding]) -> Finding:
    first, both = alike[0], len({finding.says for finding in alike}) > 1
    says = re.sub("ALL-IDB [12]", "ALL-IDB 1 and ALL-IDB 2", first.says) if both else first.says
    joined = {name: "; ".join(dict.fromkeys(filter(None, (getattr(finding, name) for finding in alike))))
              for name in ("place", "arithmetic", "method", "depends_on", "may_have_meant")}  # fmt: skip
    joined["place"] = re.sub(r"(?<=\d)-(?=\d)", "–", joined["place"])
    return replace(first, says=says, **joined)


def findings(study: Study, found: list[Finding], weight: str, name: str, fold: bool = False) -> None:
    """Save the findings of one weight as CSV, Markdown and JSON, and show each as a numbered card, equal ones merged.

    Parameters
    ----------
    study : Study
    found : list of Finding
    weight : str
        One of `leuknet.paper.consistency.WEIGHTS`; empty for consistent numbers.
    name : str
        Name of the files, within the page.
    fold : bool
        Whether the cards are hidden until the reader expands them.
    """
    chosen = ordered(found, weight)
    line = caption_line(study, n=f"{len(chosen)} findings", of=OF)
    keep_table(study, to_frame(chosen), name, f"Findings: {weight or 'consistent'}", line)
    about = {"findings": merged(chosen), "count": len(chosen), "heading": weight or "consistent"}
    display(HTML(rendered("findings", **about, line=line, fold=fold)))


def audit_sentence(found: list[Finding]) -> str:
    """Return how many findings affect a conclusion or a number, and the most consequential ones."""
    counts = {weight: sum(finding.weight == weight for finding in found) for weight in WEIGHTS}
    strongest = ordered(found, WEIGHTS[0])[0]
    parts = [f"{n} {weight.replace('changes', 'that change') or 'consistent'}" for weight, n in counts.items()]
    return f"{len(found)} findings: {listed(parts)}. The strongest: {strongest.says}"


def possible_values() -> Figure:
    """Draw, for each recall and specificity of Table 5 on ALL-IDB 1, the nearby values that five runs can produce."""
    block = "ALL-IDB 1"
    rows = [(row, metric, texts[metric]) for _, b, row, texts in printed_rows((5,)) if b == block for metric in "RS"]
    with subplots(figsize=(7, 0.5 * len(rows) + 1.2)) as (fig, ax):
        for y, (_, metric, text) in enumerate(rows):
            mean, images = printed.split(text)[0], 5 * denominators(*CLASSES[block])[metric]
            low, high, value = (float(of) for of in (*printed.bounds(mean), mean))
            words, colour = ("fits", FITS) if totals(mean, images) else ("no five runs", FAILS)
            nearest = np.arange(np.floor(images * value / 100) - 1, np.ceil(images * value / 100) + 2)
            ax.barh(y, high - low, left=low - value, height=0.7, color=colour, alpha=0.8)
            ax.plot(100 * nearest / images - value, np.full(len(nearest), y), "|", color="black", markersize=20)
            ax.text(1.02, y, words, color=colour, va="center", fontsize=9, transform=ax.get_yaxis_transform())
        name_rows(ax, [f"{row}, {metric_name(metric)} {text}" for row, metric, text in rows], xlim=(-0.6, 0.6))
        ax.set_xlabel("distance from the printed mean (points)\nstroke: possible; bar: prints so")
    return fig


def shares() -> dict[int, tuple[float, float]]:
    """Return the numbers of positives and of all images behind Tables 12 and 13, from Table 1's rows."""
    table = tables.table(1).set_index(["row", "column"])["value"].unstack()
    pooled, ufg = table.drop(index=["Total", "UFG"]).sum(), table.loc["UFG"]
    return {number: (part["Pathological"], part["Total"]) for number, part in ((12, pooled), (13, ufg))}


def accuracy_between() -> Figure:
    """Draw the accuracy implied by recall and specificity for every share of positives, next to the printed one."""
    rows, known = ((12, "LeukNet"), (12, "VGG-16 *"), (13, "LeukNet")), shares()
    with subplots(1, len(rows), figsize=(7.3, 3.4)) as (fig, axes):
        for ax, (number, row) in zip(axes, rows, strict=True):
            a, r, s = (tables.published(number, row, metric) for metric in ("A", "R", "S"))
            positives, images = known[number]
            share, needed = 100 * positives / images, 100 * (a - s) / (r - s)
            ax.plot((0, 100), (s, r), color="#555555", label="what recall and specificity give")
            ax.axhline(a, color=FAILS, linestyle="--", label="printed accuracy")
            ax.axvline(share, color=FITS, linestyle=":", linewidth=2, label="Table 1's share")
            ax.plot(share, s + (r - s) * share / 100, "o", color=FITS)
            ax.plot(needed, a, "X", color=FAILS)
            ax.set_title(f"Table {number}, {row}\nneeds {needed:.1f} %, has {share:.1f} %", loc="left", fontsize=10)
            ax.set_xlabel("positives (% of images)")
        axes[0].set_ylabel("accuracy (%)")
        fig.legend(*axes[0].get_legend_handles_labels(), ncols=3, loc="outside upper left")
    return fig


def five_runs(numbers: tuple[int, ...] = (3, 4)) -> Figure:
    """Draw the five accuracies of rows that only one set of five runs can produce; other rows as mean ± spread."""
    known = sprite.recovered().set_index(["table", "block", "row"])
    with subplots(1, len(CLASSES), figsize=(8, 4), sharey=True) as (fig, axes):
        for ax, block in zip(axes, CLASSES, strict=True):
            rows = [(n, row, texts) for n, b, row, texts in printed_rows(numbers) if b == block]
            for y, (number, row, texts) in enumerate(rows):
                look = {"color": APPROACH_COLOURS[row], "marker": APPROACH_MARKERS[row]}
                if (number, block, row) in known.index:
                    part = known.loc[[(number, block, row)]]
                    hits = (part["tp"] + part["tn"]).reset_index(drop=True)
                    equal = hits.groupby(hits).cumcount()  # runs of equal accuracy are stacked
                    ax.plot(100 * hits / sum(CLASSES[block]), y + 0.12 - 0.25 * equal, linestyle="", **look)
                else:
                    mean, spread = (float(text) for text in printed.split(texts["A"]))
                    spread *= sprite.scale(texts).get("A", 1)
                    ax.errorbar(mean, y, xerr=spread, fmt=look["marker"], color=look["color"], markerfacecolor="white")
            ax.set(title=block, xlabel="accuracy (%)")
            ax.set_yticks(range(len(rows)), [f"Table {number}, {row}" for number, row, _ in rows])
        axes[0].invert_yaxis()
    return fig


def stated_and_needed() -> Figure:
    """Draw the training time that each reading requires at the card's peak, next to the stated time (minutes)."""
    sizes, stated = np.array(list(timing.training_sizes().values())), timing.stated()
    minutes = np.array(list(stated.values())) / 60
    usual, least = np.array([needed(name, 1) for name in stated]).T * minutes  # per image
    looks = zip(READINGS.items(), ("s", "D", "^"), (FAILS, FITS, "#009E73"), (-0.25, 0, 0.25), strict=True)
    with subplots(figsize=(7, 4.2)) as (fig, ax):
        for (words, passes), marker, colour, shift in looks:
            y, ends = np.arange(len(stated)) + shift, [passes * sizes.min() * least, passes * sizes.max() * usual]
            ax.plot(ends, [y, y], color="#999999", linewidth=2, linestyle="-")
            look = {"color": colour, "markersize": 5, "linestyle": "", "label": words}
            ax.plot(np.outer(usual, passes * sizes).ravel(), y.repeat(len(sizes)), marker, **look)
        bar = {"marker": "|", "color": "black", "mew": 2, "linestyle": ""}
        ax.plot(minutes, range(len(minutes)), markersize=30, **bar)
        ax.plot([], [], markersize=10, label="stated", **bar)
        name_rows(ax, stated, xscale="log")
        ax.set_xlabel("minutes of training, at the card's peak (grey: from the least imaginable)")
        ax.xaxis.set_major_formatter("{x:,g}")
        fig.legend(*ax.get_legend_handles_labels(), ncols=2, loc="outside upper left")
    return fig


def catch_rates() -> pd.DataFrame:
    """Return the rates last measured by ``bench/audit.py --write``: ``what``, ``draws``, percentages."""
    frame = tables.read("audit_rates.csv")
    shares = {f"{name} (%)": 100 * pd.to_numeric(frame[name]) for name in ("measured", "theory")}
    what = frame["what"].map(heading)
    return what.to_frame().assign(draws=pd.to_numeric(frame["draws"]), **shares)


def rate_dots(rates: pd.DataFrame) -> Figure:
    """Draw the measured rate at which one changed decimal is detected against the theoretical rate."""
    rows = rates.dropna(subset=["theory (%)"])
    with subplots(figsize=(7, 0.3 * len(rows) + 1.4)) as (fig, ax):
        y = np.arange(len(rows))
        ax.plot(rows["theory (%)"], y, "o", color="#555555", markerfacecolor="white", markersize=10, label="theory")
        ax.plot(rows["measured (%)"], y, "x", color=FITS, label="measured")
        name_rows(ax, rows["what"], xlabel="changed cells that are caught (%)", xlim=(85, 100))
        ax.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2)
    return fig


def checklist(study: Study) -> None:
    """Show the reviewer's questions, each linked to the page that answers it, and save them as a table."""
    frame = questions()
    line = caption_line(study, of="questions for studies that test across data sets")
    keep_table(study, frame, "checklist", "A reviewer's checklist", line)
    linked = frame.assign(page=[f'<a href="{page}.ipynb">page {page[:2]}</a>' for page in frame["page"]])
    display(HTML(table_html(linked, "A reviewer's checklist", safe=("page",))))


def questions() -> pd.DataFrame:
    """Return the checklist: ``question``, ``look for``, ``page``."""
    return pd.read_csv(Path(__file__).with_name("checklist.csv"))


def needed(network: str, images: int) -> tuple[float, float]:
    """Return the shares of the card that training on `images` (images times epochs) requires in Table 8's time.

    The first share counts every operation at the card's stated peak; the second is a lower bound: a clock above the
    stated one, and 3 x 3 convolutions by Winograd's algorithm (see `leuknet.paper.consistency.timing`).
    """
    seconds = timing.stated()[network]
    least = timing.seconds_needed(network, images, timing.CEILING, timing.WINOGRAD)
    return timing.seconds_needed(network, images) / seconds, least / seconds


def feasible(usual: float, least: float) -> str:
    """Return "possible", "impossible" or "not decidable" for the shares returned by `needed`."""
    return "impossible" if least > 1 else "possible" if usual <= 1 else "not decidable"


def twenty_times(copies: int = 0, network: str = "VGG-16") -> pd.DataFrame:
    """Return what each reading of "20 times larger" requires of a TITAN Xp in Table 8's time (ALL-IDB 1).

    Parameters
    ----------
    copies : int
        The profile's `TrainSettings.copies`, whose row is marked; 0 means that each image is used once per epoch.
    network : str
        Name as in Table 2.

    Returns
    -------
    pandas.DataFrame
        One row per reading and size of the training set.
    """
    rows = []
    for (times, words), (counted, n) in product(TWENTY_TIMES.items(), timing.training_sizes().items()):
        usual, least = needed(network, n * times * EPOCHS)
        used = "used" if copies == (times if times > 1 else 0) else ""
        speed = n * times * EPOCHS / timing.stated()[network], usual * timing.PEAK / 1e12
        rows.append((words, f"{n} ({counted})", *speed, 100 * usual, 100 * least, feasible(usual, least), used))
    columns = "reading|training images|images/s needed|TFLOP/s needed|share of the peak (%)|at the very least (%)"
    return pd.DataFrame(rows, columns=[*columns.split("|"), "verdict", "this profile"])


def twenty_times_sentence(table: pd.DataFrame) -> str:
    """Return which reading of "20 times larger" is compatible with Table 8's times for VGG-16."""
    parts = [f"{reading}: {listed(part['verdict'].unique())}" for reading, part in table.groupby("reading", sort=False)]
    return f"In the stated time on the stated card, VGG-16 could be trained as follows. {'; '.join(parts)}."


def twenty_times_view() -> Figure:
    """Draw, for the five networks of Table 8, the computation that both readings require as a share of the card's.

    The marker counts every operation at the stated clock; the line extends down to the lower bound.
    """
    names, n = list(timing.stated()), next(iter(timing.training_sizes().values()))
    looks = ((APPROACH_COLOURS["mDFT"], "o"), (APPROACH_COLOURS["SFT"], "s"))
    with subplots(figsize=(7, 3.4)) as (fig, ax):
        for (times, words), (colour, marker), lift in zip(TWENTY_TIMES.items(), looks, (-0.12, 0.12), strict=True):
            usual, least = 100 * np.array([needed(name, n * times * EPOCHS) for name in names]).T
            look = {"color": colour, "marker": marker, "label": words}
            whisker(ax, usual, least, usual, np.arange(len(names)) + lift, colour, 3, **look)
        ax.axvline(100, color="black", linestyle="--")
        ax.annotate("peak", (100, -0.3), xytext=(4, 0), textcoords="offset points", fontsize=9)
        name_rows(ax, names, xscale="log", xlabel="computing needed in the stated time (% of a TITAN Xp's peak)")
        ax.xaxis.set_major_formatter("{x:g}")
        ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=1)
    return fig
