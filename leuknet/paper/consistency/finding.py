"""What a check of the paper's numbers finds; the words of the findings stand in ``findings.toml``."""

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
        Stable name, e.g. ``"grim-table5-idb1-mdft"``.
    place : str
        Where it stands in the paper.
    method : str
        The method and its reference.
    verdict : str
        ``"consistent"``, ``"inconsistent"`` or ``"not decidable"``.
    weight : str
        ``"changes a conclusion"`` (something that the abstract, the discussion or the conclusions conclude would have
        to be said differently), ``"changes a number"``, ``"typographical"`` (print or wording); empty if consistent.
    says : str
        One or two plain sentences.
    arithmetic : str
        The numbers behind it, so that a reader can do the sum again.
    depends_on : str
        The reading under which the verdict holds; empty if it holds under all (rounding half up, half even, truncation;
        spread with n or n - 1).
    may_have_meant : str
        What the authors may have meant.
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


def finding(name: str, *parts: object, holds: object = False, **values: object) -> Finding:
    """Return the finding `name` of ``findings.toml``, its fields filled.

    Parameters
    ----------
    name : str
        Table of the file: fields of `Finding` as format strings; ``otherwise``, the verdict where the check fails
        ("inconsistent" if not given); and tables named by a verdict, whose fields replace the others under it.
    *parts
        What ``{0}``, ``{1}``, … stand for, e.g. table, block and row; in the id their letters and digits only.
    holds : bool or str
        Whether the check holds, or the verdict.
    **values
        What the fields' other names stand for; fractions are written as decimals, ``{name[0]}`` is the first of a
        tuple.

    Returns
    -------
    Finding
    """
    words = _words()[name]
    verdict = holds if isinstance(holds, str) else "consistent" if holds else words.get("otherwise", "inconsistent")
    words = {"id": name} | words | words.get(verdict, {})
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
    """Return the letters and digits of a part of an id."""
    return "".join(c for c in str(part).casefold().replace("–", "to") if c.isalnum())


def readings() -> list[Finding]:
    """Return the findings of ``data/readings.csv``, which come from reading sentences side by side, not from a sum.

    The column `rests_on` there names the settings, claims and quotes behind each.
    """
    frame = tables.read("readings.csv").drop(columns="rests_on")
    return [Finding(**{str(field): text for field, text in line.items()}) for line in frame.to_dict("records")]
