"""Check by computation whether the paper's printed numbers are possible and consistent with each other.

Every function of the modules `METHODS` whose name begins with ``check_`` yields findings.
"""

import dataclasses
import json
from pathlib import Path

import pandas as pd

from leuknet._cache import cached
from leuknet._io import hash_of_files
from leuknet._templates import rendered_text
from leuknet.paper.consistency import cross_checks, formats, grim, protocol, significance, sprite, sums, timing
from leuknet.paper.consistency.finding import VERDICTS, WEIGHTS, Finding, readings

METHODS = (protocol, significance, grim, sprite, cross_checks, sums, timing, formats)
__all__ = ["METHODS", "VERDICTS", "WEIGHTS", "Finding", "audit", "checked", "to_frame", "to_json", "to_text"]


def audit() -> list[Finding]:
    """Return all findings on the printed numbers, most severe first, cached for each version of code and tables.

    Returns
    -------
    list of Finding
    """
    room, shared = Path(__file__).parents[1], Path(__file__).parents[2]
    code = sorted(path for path in room.rglob("*.*") if path.suffix in (".py", ".toml", ".csv"))
    code += [shared / "_statistics.py", shared / "_random.py"]
    kept = cached("findings", hash_of_files(code)[:32], lambda: {"findings": [*map(dataclasses.asdict, checked())]})
    return [Finding(**row) for row in kept["findings"]]


def checked() -> list[Finding]:
    """Compute the findings of `audit` without the cache (takes some seconds)."""
    checks = [check for method in METHODS for name, check in vars(method).items() if name.startswith("check_")]
    findings = readings() + [finding for check in checks for finding in check()]
    return sorted(findings, key=lambda f: (WEIGHTS.index(f.weight), VERDICTS.index(f.verdict)))


def to_frame(findings: list[Finding]) -> pd.DataFrame:
    """Return the findings as a DataFrame with one column per field."""
    columns = [field.name for field in dataclasses.fields(Finding)]
    return pd.DataFrame([dataclasses.asdict(f) for f in findings], columns=columns)


def to_json(findings: list[Finding]) -> str:
    """Return the findings as JSON text: a list of objects."""
    return json.dumps([dataclasses.asdict(f) for f in findings], indent=1, ensure_ascii=False)


def to_text(findings: list[Finding]) -> str:
    """Return the findings as plain text, grouped by weight, with their arithmetic."""
    groups = {(weight or "consistent").upper(): [f for f in findings if f.weight == weight] for weight in WEIGHTS}
    return rendered_text(Path(__file__).with_name("findings.txt.j2"), groups=groups).removesuffix("\n")
