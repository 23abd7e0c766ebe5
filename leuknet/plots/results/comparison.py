"""The published comparisons (Tables 11 to 13) next to this study's runs, and the drop on unseen data."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from leuknet.evaluation.significance import StudentT, student_t, student_t_from_summary
from leuknet.exceptions import LeuknetError
from leuknet.paper import tables
from leuknet.plots.axes import subplots
from leuknet.plots.format import MANY, PERCENT_METRICS, estimate, listed, mean_sd, number

UNDEFINED = {"P": 0, "MCC": 0}  # as in the paper's Table 7 for undefined runs
OURS = {"vogado": "Vogado et al. [22]", "scratch": "VGG-16 *", "mDFT": "LeukNet"}
LOOKS = dict(zip(OURS.values(), (("#4D4D4D", "s"), ("#E69F00", "D"), ("#0072B2", "o")), strict=True))


def wide(number: int) -> pd.DataFrame:
    """Return a published table in wide format, one row per line of the paper's table, cells as printed."""
    long = tables.table(number)
    rows = list(dict.fromkeys(zip(long["block"], long["row"], strict=True)))
    cells = long.set_index(["block", "row", "column"])["text"].unstack()[list(dict.fromkeys(long["column"]))]
    return cells.loc[rows].reset_index().rename(columns={"block": "kind", "row": "work"}).fillna("")


def with_published(number: int, scores: pd.DataFrame, here: str) -> pd.DataFrame:
    """Return a published table (12 or 13) followed by this study's rows.

    Parameters
    ----------
    number : {12, 13}
    scores : pandas.DataFrame
        One row per run: ``approach`` and the metrics as fractions, from `Results.scores` or `Comparison.scores`;
        metrics that the table does not publish are omitted.
    here : str
        Origin of this study's cells, e.g. "synthetic cohort, demo".

    Returns
    -------
    pandas.DataFrame
        ``work``, ``where`` ("published" or `here`), ``runs``, A, P, R, S, MCC in percent as text.
    """
    runs = tables.table(number).groupby("row")["n_runs"].first().astype("Int64").astype(str).replace("<NA>", "")
    frames = [wide(number).assign(where="published", runs=lambda of: of["work"].map(runs))]
    for approach, part in scores[scores["approach"].isin(OURS)].groupby("approach", sort=False):
        cells = {m: mean_sd(part[m], m, part["n"].max(), UNDEFINED.get(m)) for m in PERCENT_METRICS if m in part}
        frames.append(pd.DataFrame([{"work": OURS[approach], "where": here, "runs": str(len(part))} | cells]))
    rows = pd.concat(frames, ignore_index=True)[["work", "where", "runs", *PERCENT_METRICS]].fillna("")
    works = list(rows["work"].unique())
    return rows.sort_values("work", key=lambda column: column.map(works.index), kind="stable", ignore_index=True)


def t_tests(inside: pd.DataFrame, outside: pd.DataFrame, unseen: str) -> pd.DataFrame:
    """Return Student's t-tests of LeukNet against VGG-16 without transfer, as published and from the runs here.

    Parameters
    ----------
    inside, outside : pandas.DataFrame
        One row per run with ``approach``, ``A`` (fraction) and ``n``: within the folds, and on the set apart.
    unseen : str
        The set apart.

    Returns
    -------
    pandas.DataFrame
        ``numbers`` ("published" or "here"), ``tested on``, ``networks each``, ``LeukNet minus VGG-16 * (points)`` with
        its 95 % interval or the reason why there is none, ``t`` and ``p``. The published rows are tested with 100 and
        with 20 networks because the paper does not state the number behind its spreads.
    """
    rows = []
    for number_, place in ((12, "within folds"), (13, "UFG")):
        ours, other = (tables.cell(number_, work, "A") for work in (OURS["mDFT"], OURS["scratch"]))
        for n in (100, 20):
            found = student_t_from_summary(ours["value"], ours["spread"], n, other["value"], other["spread"], n)
            rows.append(("published", place, n, *_tested(found, MANY)))
    for place, scores in (("within folds", inside), (unseen, outside)):
        a, b = (100 * scores.loc[scores["approach"] == approach, "A"] for approach in ("mDFT", "scratch"))
        try:
            rows.append(("here", place, len(a), *_tested(student_t(a, b), scores["n"].max())))
        except LeuknetError as error:
            rows.append(("here", place, len(a), f"not tested: {error}", "", np.nan))
    columns = ["numbers", "tested on", "networks each", "LeukNet minus VGG-16 * (points)", "t", "p"]
    return pd.DataFrame(rows, columns=columns)


def _tested(found: StudentT, n: float) -> tuple[str, str, float]:
    return estimate(found.difference, found.low, found.high, n, sign=True), number(found.t, 2), found.p


def falls(inside: pd.DataFrame, outside: pd.DataFrame) -> pd.DataFrame:
    """Return each work's accuracy within pooled folds and on the unseen set, published and here (%).

    Parameters
    ----------
    inside, outside : pandas.DataFrame
        One row per run with ``approach`` and ``A`` (fraction).
    """
    rows = [(work, "published", *(tables.published(number, work, "A") for number in (12, 13))) for work in LOOKS]
    for approach, work in OURS.items():
        means = (100 * frame.loc[frame["approach"] == approach, "A"].mean() for frame in (inside, outside))
        rows.append((work, "here", *means))
    frame = pd.DataFrame(rows, columns=["work", "where", "pooled", "unseen"])
    return frame.assign(fall=frame["pooled"] - frame["unseen"]).dropna()


def fall_lines(table: pd.DataFrame, unseen: str) -> Figure:
    """Draw `falls`: one line per work from pooled folds to the data set `unseen`; published hollow, here filled."""
    with subplots(1, 2, figsize=(7.3, 2.6), sharey=True) as (fig, axes):
        for ax, where in zip(axes, ("published", "here"), strict=True):
            for row in table[table["where"] == where].itertuples():
                colour, marker = LOOKS[row.work]
                look = {"color": colour, "marker": marker, "linestyle": "-", "markersize": 8}
                look |= {"markerfacecolor": "white"} if where == "published" else {}
                label = f"{row.work}: {number(-row.fall, sign=True)}"
                ax.plot((0, 1), (row.pooled, row.unseen), label=label, **look)
            ax.axhline(50, color="#777777", linestyle=":", linewidth=1)
            ax.margins(y=0.12)
            name = "UFG" if where == "published" else unseen
            ax.set(xticks=(0, 1), xticklabels=("pooled folds", f"set apart: {name}"), xlim=(-0.25, 1.25))
            ax.legend(title=f"{where}: change (points)", loc="lower left", bbox_to_anchor=(0, 1), alignment="left")
        axes[0].set_ylabel("accuracy (%)")
    return fig


def fall_sentence(table: pd.DataFrame, unseen: str) -> str:
    """Return each work's change from pooled folds to the set apart, and the limits of its interpretation."""
    here = table[table["where"] == "here"]
    parts = [f"{row.work} {number(row.pooled)} → {number(row.unseen)} %" for row in here.itertuples()]
    note = "The two ends are different images, so a change mixes what is new to the network with how hard the set is."
    return f"Here, from pooled folds to {unseen}: {listed(parts) if parts else 'no work was run'}. {note}"


def published_accuracies() -> Figure:
    """Draw Table 11: each work's own accuracy, ordered by the number of images that it was measured on."""
    table = tables.table(11)
    cells = table.pivot(index="row", columns="column", values=["text", "value"]).loc[table["row"].unique()]
    cells = cells.sort_values(("value", "Number of Images"), kind="stable")
    accuracy, images = cells["value", "A"].astype(float), cells["value", "Number of Images"]
    looks = {"k-fold": ("o", "#0072B2"), "holdout": ("s", "#E69F00")}
    with subplots(figsize=(7.3, 3.8)) as (fig, ax):
        for name, (marker, colour) in looks.items():
            places = np.flatnonzero(cells["text", "Validation Technique"] == name)
            look = {"color": colour, "markeredgecolor": "black", "linestyle": "none"}
            ax.plot(accuracy.iloc[places], places, marker, label=name, **look)
        for place, value in enumerate(accuracy):
            ax.annotate(f"{value:.2f}", (value, place), xytext=(7, -3), textcoords="offset points", fontsize=9)
        ax.set_yticks(range(len(images)), [f"{row}: {n:,.0f} images" for row, n in images.items()])
        ax.set(xlabel="accuracy in the article's own experiment (%)", xlim=(80, 102.5))
        ax.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2)
    return fig
