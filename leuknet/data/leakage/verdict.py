"""Summary of an audit as one line of text and as JSON."""

import json

import pandas as pd

from leuknet.data.leakage.audit import Audit, families
from leuknet.data.leakage.shortcuts import FOLDS

KINDS = ("exact", "near", "contained", "overlap")


def verdict(audit: Audit) -> str:
    """Return one line with contradictions, pairs of each kind within and across data sets, marks and best shortcut."""
    pairs = audit.pairs
    within = pairs["data_set_a"] == pairs["data_set_b"]
    parts = [_contradictions(pairs)] if pairs["contradiction"].any() else []
    for words, part in (("within data sets", pairs[within]), ("across data sets", pairs[~within])):
        kinds = [f"{(part['kind'] == kind).sum()} {kind}" for kind in KINDS if (part["kind"] == kind).any()]
        parts.append(f"{words} {', '.join(kinds) or 'no'} pairs")
    marks = f"{int(audit.facts['outline'].sum())} drawn outlines, {int(audit.facts['scale_bar'].sum())} scale bars"
    return f"{'; '.join(parts)}; {marks}; {_strongest(audit)}; audit {audit.key}"


def _contradictions(pairs: pd.DataFrame) -> str:
    """Return the number of images in both classes, with an example."""
    both = families(pairs).query("contradiction")
    first = both.iloc[0]
    word = "one image" if len(both) == 1 else f"{len(both)} images"
    return f"CONTRADICTION: {word} in both classes (first {first['example']} and {first['other']})"


def _strongest(audit: Audit) -> str:
    shortcuts = audit.shortcuts
    if shortcuts.empty and not audit.two_class:
        return "shortcuts not tested: the images are of one class only"
    if shortcuts.empty:
        return f"shortcuts not tested: fewer than {FOLDS} groups of either class in each data set, or all facts equal"
    top = shortcuts.loc[shortcuts["score"].idxmax()]
    return f"strongest shortcut: {top['named by']} in {top['data_set']}, balanced accuracy {top['score']:.2f}"


def as_dict(audit: Audit, table: pd.DataFrame) -> dict:
    """Return the audit as a JSON-serialisable dict: verdict, pairs, families, shortcuts, marks and key."""
    marked = {name: table.loc[audit.facts[name].to_numpy(), "image_id"].tolist() for name in ("outline", "scale_bar")}
    frames = {"pairs": audit.pairs, "families": families(audit.pairs), "shortcuts": audit.shortcuts}
    records = {name: json.loads(frame.to_json(orient="records")) for name, frame in frames.items()}
    return {"images": len(table), "verdict": verdict(audit), **records, "marks": marked, "key": audit.key}
