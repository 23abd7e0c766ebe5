"""Matching of runs, and of page 07's rows, to the rows of the paper's tables."""

from pathlib import Path

import pandas as pd

from leuknet._io import object_or_empty
from leuknet.baselines.registry import BASELINES
from leuknet.data.registry import canonical
from leuknet.paper import tables
from leuknet.verdicts import results

BACKBONES = {"VGG-16": "VGG16", "VGG-19": "VGG19", "ResNet": "ResNet50"}
OWN_IMAGES = "the article's own images and protocol"
SCENARIOS = ("LODOCV", "k-fold")
SPACE_METRICS = ("A (%)", "P (%)", "R (%)", "Kappa")
Cell = tuple[int, str, str]  # table, block and row of the paper


def answers(frame: pd.DataFrame, spaces: pd.DataFrame | None = None) -> dict[Cell, pd.DataFrame]:
    """Return, by ``(table, block, row)`` of the paper, the matching rows of this study.

    Parameters
    ----------
    frame : pandas.DataFrame
        From `leuknet.verdicts.results.results`; may be empty.
    spaces : pandas.DataFrame, optional
        From `feature_spaces`.

    Returns
    -------
    dict of tuple to pandas.DataFrame
        Metrics as fractions, and ``why_not``, the reason why they are not comparable with the paper's numbers.
    """
    groups = _spaces(spaces) if spaces is not None else {}
    if frame.empty:
        return groups
    named = frame.assign(cell=[results.published_row(row) for _, row in frame.iterrows()])
    usual = results.of_one_cohort(named[named["cell"].notna() & (named["dense"] == "")])
    groups |= {cell: part.drop_duplicates("run") for cell, part in usual.groupby("cell")}
    vgg = results.of_one_cohort(frame).query("lodocv and backbone == 'VGG16' and approach == 'mDFT'")
    heads = vgg.groupby(["tested", results.heads(vgg["dense"])])
    groups |= {(9, *head): part.drop_duplicates("run") for head, part in heads}
    return groups | _times(usual) | _works(frame)


def _times(usual: pd.DataFrame) -> dict[Cell, pd.DataFrame]:
    """Return LeukNet's backbones on each test set, as in Table 8; times are never comparable between machines."""
    trained = usual[usual["approach"] == "mDFT"].assign(why_not="another machine")
    blocks = trained.assign(block=[cell[1] for cell in trained["cell"]])
    names = {backbone: row for row, backbone in BACKBONES.items()}
    return {
        (8, block, names.get(backbone, backbone)): part.drop_duplicates("run")
        for (block, backbone), part in blocks.groupby(["block", "backbone"])
        if block
    }


def _works(frame: pd.DataFrame) -> dict[Cell, pd.DataFrame]:
    """Return the pooled folds, over all data sets, of each work that Table 11 compares with LeukNet."""
    groups = {}
    apart = frame.loc[frame["role"] == "external", "run"]
    pooled = frame[(frame["role"] == "test") & frame["protocol"].str.match(r"\d+-fold") & ~frame["run"].isin(apart)]
    approaches = {entry.work: key for key, entry in BASELINES.items()}
    for block, row in tables.table(11)[["block", "row"]].drop_duplicates().itertuples(index=False):
        part = pooled[pooled["approach"] == approaches.get(row.split(",")[0])]
        if len(part):
            groups[11, block, row] = part.drop_duplicates("run").assign(why_not=OWN_IMAGES)
    return groups


def feature_spaces(out: Path) -> pd.DataFrame | None:
    """Return page 07's rows of Table 10 with ``why_not``, or None if this folder has no results of the page."""
    name = "07_feature_space-table10"
    texts = [f"{scenario} {metric}" for scenario in SCENARIOS for metric in SPACE_METRICS]
    table = results.page_table(out, name, "who", "features", "data set", *texts)
    record = object_or_empty(out / "tables" / f"{name}.json")
    if table is None or not record:
        return None
    why = [results.SYNTHETIC] if record.get("cohort") == results.SYNTHETIC else []
    why += [] if record.get("profile") == "paper" else [f"{record.get('profile')} profile"]
    return table[table["who"] == "here"].assign(why_not="; ".join(why))


def _spaces(table: pd.DataFrame) -> dict[Cell, pd.DataFrame]:
    """Return page 07's rows: one network and one SVM each, one block per scenario."""
    groups = {}
    for row in table.to_dict("records"):
        name = "ImageNet" if row["features"] == "no fine-tuning" else row["features"]
        for scenario in SCENARIOS:
            texts = {metric: row[f"{scenario} {metric}"] for metric in SPACE_METRICS}
            values = pd.to_numeric(pd.Series(texts), errors="coerce") / [100, 100, 100, 1]
            part = values.rename(lambda text: text.removesuffix(" (%)")).to_frame().T.assign(why_not=row["why_not"])
            groups[10, f"{canonical(row['data set'])}, {scenario}", name] = part
    return groups
