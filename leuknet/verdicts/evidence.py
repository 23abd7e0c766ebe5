"""Evidence of runs on a claim: the ledger's verdicts, and the combination of those on parts of a claim."""

from collections.abc import Sequence
from dataclasses import dataclass

SUPPORTED, NOT_SUPPORTED = "supported", "not supported"
DEPENDS, CANNOT, UNDECIDED = "depends on the protocol", "cannot be tested here", "cannot be told from these runs"


@dataclass(frozen=True)
class Evidence:
    """Result of this study's runs for a claim: a verdict of the ledger, and the number that it is based on."""

    verdict: str
    number: str


def partly(evidence: Evidence, notes: Sequence[str]) -> Evidence:
    """Return evidence on a claim whose parts listed in `notes` are not judged: it can be refuted, but not supported."""
    if not notes:
        return evidence
    verdict = CANNOT if evidence.verdict in (SUPPORTED, DEPENDS) else evidence.verdict
    return Evidence(verdict, "; ".join([evidence.number, *notes]))


def together(*verdicts: str) -> str:
    """Return the verdict on a claim with several parts, which holds only if each part does."""
    return next(verdict for verdict in (NOT_SUPPORTED, CANNOT, UNDECIDED, SUPPORTED) if verdict in verdicts)
