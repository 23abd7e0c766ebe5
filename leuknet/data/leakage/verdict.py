"""The audit in one line, as text and as JSON."""

import json

KINDS = ("exact", "near", "contained", "overlap")


def verdict(found):
    """Return one line: how many pairs of each kind within and across data sets, marks, and the strongest shortcut."""
    pairs = found.pairs
    within = pairs["data_set_a"] == pairs["data_set_b"]
    counted = []
    for words, part in (("within data sets", pairs[within]), ("across data sets", pairs[~within])):
        kinds = [f"{(part['kind'] == kind).sum()} {kind}" for kind in KINDS if (part["kind"] == kind).any()]
        counted.append(f"{words} {', '.join(kinds) or 'no'} pairs")
    marks = f"{int(found.facts['outline'].sum())} drawn outlines, {int(found.facts['scale_bar'].sum())} scale bars"
    return f"{'; '.join(counted)}; {marks}; {_strongest(found.shortcuts)}; audit {found.key}"


def _strongest(shortcuts):
    if shortcuts.empty:
        return "no data set with both classes to test shortcuts in"
    top = shortcuts.loc[shortcuts["score"].idxmax()]
    return f"strongest shortcut: {top['named by']} in {top['data_set']}, balanced accuracy {top['score']:.2f}"


def as_dict(found, table):
    """Return the audit as a JSON-ready dict: verdict, pairs, shortcuts, marks (image_ids) and key."""
    marked = {name: table.loc[found.facts[name].to_numpy(), "image_id"].tolist() for name in ("outline", "scale_bar")}
    records = {name: json.loads(getattr(found, name).to_json(orient="records")) for name in ("pairs", "shortcuts")}
    return {"images": len(table), "verdict": verdict(found), **records, "marks": marked, "key": found.key}
