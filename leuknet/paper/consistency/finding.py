"""Findings of the checks of the paper's numbers; their texts are defined in ``findings.toml``."""

import tomllib
from dataclasses import dataclass, fields
from fractions import Fraction
from functools import cache
from importlib.resources import files
from typing import Any

from leuknet.paper import tables

VERDICTS = ("inconsistent", "not decidable", "consistent")
WEIGHTS = ("changes a conclusion", "changes a number", "typographical", "")


@dataclass(frozen=True)
class Finding:
    """One result of the audit.

    Attributes
    ----------
    id : str
        Stable identifier, e.g. ``"grim-table5-idb1-mdft"``.
    place : str
        Location in the paper.
    method : str
        Method of the check and its reference.
    verdict : str
        ``"consistent"``, ``"inconsistent"`` or ``"not decidable"``.
    weight : str
        ``"changes a conclusion"`` (a conclusion in the abstract, the discussion or the conclusions section would have
        to be reworded), ``"changes a number"``, ``"typographical"`` (print or wording); empty if consistent.
    says : str
        The finding in one or two sentences.
    arithmetic : str
        The numbers behind the finding, which allow a reader to repeat the calculation.
    depends_on : str
        Interpretation under which the verdict holds; empty if it holds under all interpretations (rounding half up,
        rounding half even, truncation; spread with n or n - 1).
    may_have_meant : str
        What the authors may have intended.
    """

    id: str
    place: str
    method: str
    verdict: str
    weight: str
    says: str
    arithmetic: str
    depends_on: str = ""
    may_have_meant: str = ""

    def __post_init__(self) -> None:
        if self.verdict not in VERDICTS or self.weight not in WEIGHTS:
            raise ValueError(f"{self.id}: no such verdict or weight: {self.verdict!r}, {self.weight!r}")
        if (self.verdict == "consistent") != (self.weight == ""):
            raise ValueError(f"{self.id}: a weight belongs to every finding but the consistent ones")


@cache
def _words() -> dict[str, Any]:
    return tomllib.loads(files("leuknet.paper.consistency").joinpath("findings.toml").read_text("utf-8"))


def finding(name: str, *parts: object, holds: object = False, case: object = "", **values: object) -> Finding:
    """Create the finding `name` by filling in its template from ``findings.toml``.

    Parameters
    ----------
    name : str
        Table in the file. It has the fields of `Finding` as format strings; ``otherwise``, the verdict if the check
        fails (default "inconsistent"); and optional subtables named after a verdict or a case, whose fields override
        the others for that verdict or in that case.
    *parts
        Values of ``{0}``, ``{1}``, …, e.g. table, block and row; in the id, only their letters and digits are used.
    holds : bool or str
        Whether the check passed, or the verdict.
    case : str
        Name of a subtable, in addition to the verdict's.
    **values
        Values of the named placeholders. Fractions are formatted as decimals; ``{name[0]}`` is the first item of a
        tuple.

    Returns
    -------
    Finding
    """
    words = _words()[name]
    verdict = holds if isinstance(holds, str) else "consistent" if holds else words.get("otherwise", "inconsistent")
    words = {"id": name} | words | words.get(verdict, {}) | words.get(case, {})
    values = {key: decimal(value) for key, value in values.items()} | _words()["methods"]
    text = {f.name: words.get(f.name, "").format(*parts, **values) for f in fields(Finding) if f.name != "verdict"}
    text["id"] = words["id"].format(*map(slug, parts))
    return Finding(**text | {"verdict": verdict} | ({"weight": ""} if verdict == "consistent" else {}))


def decimal(value: object) -> object:
    """Return a fraction, or each of a tuple, as float; anything else as it is."""
    if isinstance(value, tuple):
        return tuple(map(decimal, value))
    return float(value) if isinstance(value, Fraction) else value


def slug(part: object) -> str:
    """Return `part` as text reduced to letters and digits, for use in an id."""
    return "".join(c for c in str(part).casefold().replace("–", "to") if c.isalnum())


def readings() -> list[Finding]:
    """Return the findings in ``data/readings.csv``, which come from comparing sentences instead of calculations.

    The column `rests_on` of that file lists the settings, claims and quotes behind each finding.
    """
    frame = tables.read("readings.csv").drop(columns="rests_on")
    return [Finding(**{str(field): text for field, text in line.items()}) for line in frame.to_dict("records")]
