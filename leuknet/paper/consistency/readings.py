"""Findings that come from reading sentences side by side, not from a sum: kept as data, each with what it rests on."""

from leuknet.paper import tables
from leuknet.paper.consistency.finding import Finding


def check():
    """Return the findings of ``data/readings.csv``; `rests_on` there names settings, claims and quotes."""
    frame = tables.read("readings.csv").drop(columns="rests_on")
    return [Finding(**line) for line in frame.to_dict("records")]
