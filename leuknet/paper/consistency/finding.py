"""What a check of the paper's numbers says."""

from dataclasses import dataclass

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

    def __post_init__(self):
        if self.verdict not in VERDICTS or self.weight not in WEIGHTS:
            raise ValueError(f"{self.id}: no such verdict or weight: {self.verdict!r}, {self.weight!r}")
        if (self.verdict == "consistent") != (self.weight == ""):
            raise ValueError(f"{self.id}: a weight belongs to every finding but the consistent ones")


def readings() -> list[Finding]:
    """Return the findings of ``data/readings.csv``, which come from reading sentences side by side, not from a sum.

    The column `rests_on` there names the settings, claims and quotes behind each.
    """
    frame = tables.read("readings.csv").drop(columns="rests_on")
    return [Finding(**line) for line in frame.to_dict("records")]
