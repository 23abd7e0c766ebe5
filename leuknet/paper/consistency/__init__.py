"""Are the paper's printed numbers possible, and do they agree with each other? Computed, not asserted."""

import dataclasses
import json

import pandas as pd

from leuknet.paper.consistency import (
    cross_checks,
    dispersion,
    formats,
    grim,
    protocol,
    significance,
    sprite,
    sums,
    timing,
)
from leuknet.paper.consistency.finding import VERDICTS, WEIGHTS, Finding, readings

METHODS = (protocol, significance, grim, sprite, dispersion, cross_checks, sums, timing, formats)
__all__ = ["METHODS", "VERDICTS", "WEIGHTS", "Finding", "audit", "to_frame", "to_json", "to_text"]


def audit() -> list[Finding]:
    """Return every finding on the printed numbers, heaviest first (some seconds).

    Returns
    -------
    list of Finding
    """
    findings = readings() + [finding for method in METHODS for finding in method.check()]
    return sorted(findings, key=lambda f: (WEIGHTS.index(f.weight), VERDICTS.index(f.verdict)))


def to_frame(findings: list[Finding]) -> pd.DataFrame:
    """Return the findings as a DataFrame, a column for each field."""
    columns = [field.name for field in dataclasses.fields(Finding)]
    return pd.DataFrame([dataclasses.asdict(f) for f in findings], columns=columns)


def to_json(findings: list[Finding]) -> str:
    """Return the findings as JSON text: a list of objects."""
    return json.dumps([dataclasses.asdict(f) for f in findings], indent=1, ensure_ascii=False)


def to_text(findings: list[Finding]) -> str:
    """Return the findings as plain text by weight, with their arithmetic."""
    lines = []
    for weight in WEIGHTS:
        group = [f for f in findings if f.weight == weight]
        lines += [f"{(weight or 'consistent').upper()} ({len(group)})", ""]
        for f in group:
            lines += [f"[{f.verdict}] {f.place}", f"  {f.says}", f"  sum: {f.arithmetic}", f"  method: {f.method}"]
            lines += [f"  depends on: {f.depends_on}"] * bool(f.depends_on)
            lines += [f"  may have meant: {f.may_have_meant}"] * bool(f.may_have_meant) + [""]
    return "\n".join(lines)
