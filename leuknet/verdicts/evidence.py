"""What runs show for a claim: the ledger's verdicts, and how those on parts of a claim combine."""

from collections.abc import Sequence
from dataclasses import dataclass

SUPPORTED, NOT_SUPPORTED = "supported", "not supported"
DEPENDS, CANNOT, UNDECIDED = "depends on the protocol", "cannot be tested here", "cannot be told from these runs"


@dataclass(frozen=True)
class Evidence:
    """What this study's runs show for a claim: a verdict of the ledger, and the number behind it."""

    verdict: str
    number: str


def partly(evidence: Evidence, notes: Sequence[str]) -> Evidence:
    """Return evidence on a claim of which parts (`notes`) are not judged: it may be refuted so, but not supported."""
    if not notes:
        return evidence
    verdict = CANNOT if evidence.verdict in (SUPPORTED, DEPENDS) else evidence.verdict
    return Evidence(verdict, "; ".join([evidence.number, *notes]))


def together(*verdicts: str) -> str:
    """Return the verdict on a claim of several parts, which holds only if each does."""
    return next(verdict for verdict in (NOT_SUPPORTED, CANNOT, UNDECIDED, SUPPORTED) if verdict in verdicts)
