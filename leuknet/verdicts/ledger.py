"""The claims ledger: the criterion, the audit's findings, this study's results and the verdict for each claim."""

import tomllib
from importlib.resources import files
from pathlib import Path
from typing import Any

import pandas as pd

from leuknet.paper import tables
from leuknet.paper.consistency import Finding
from leuknet.verdicts import results
from leuknet.verdicts.claim_rules import RULES, Sources
from leuknet.verdicts.evidence import CANNOT, DEPENDS, NOT_SUPPORTED, SUPPORTED, UNDECIDED, Evidence

NO_RUN = "no run of this study could decide it"
VERDICTS = (SUPPORTED, NOT_SUPPORTED, DEPENDS, UNDECIDED, CANNOT)


def rules() -> dict[str, Any]:
    """Return ``ledger.toml`` as a dictionary keyed by claim id."""
    return tomllib.loads(files("leuknet.verdicts").joinpath("ledger.toml").read_text("utf-8"))


def ledger(out: str | Path, findings: list[Finding], runs: pd.DataFrame | None = None) -> pd.DataFrame:
    """Return the ledger of a result folder.

    Parameters
    ----------
    out : path
        The result folder.
    findings : list of Finding
        From `leuknet.paper.consistency.audit`.
    runs : pandas.DataFrame, optional
        `results.results` of the folder, if already available.

    Returns
    -------
    pandas.DataFrame
        One row per claim of the paper: ``claim``, ``section``, ``gist``, ``decides``, ``printed numbers`` (related
        findings), ``these runs`` (the number that the verdict is based on), ``verdict`` (one of `VERDICTS`), ``decided
        by``: "print" (the paper's own numbers), "outside knowledge" (how the data sets were created, which the paper's
        numbers do not show), "runs" (valid for the images, networks and weights of this folder) or empty.
    """
    out = Path(out)
    runs = results.any_results(out) if runs is None else runs
    sources, by_id, known = Sources(runs, out), {finding.id: finding for finding in findings}, rules()
    frame = tables.claims()[["id", "section", "gist"]].rename(columns={"id": "claim"})
    entries = [known[name] for name in frame["claim"]]
    bearing = [[by_id[name] for name in entry.get("audit", ())] for entry in entries]
    ours = [evidence(entry, sources) for entry in entries]
    frame["decides"] = [entry["decides"] for entry in entries]
    frame["printed numbers"] = [" ".join(f"[{f.verdict}] {f.says}" for f in part) for part in bearing]
    frame["these runs"] = [own.number for own in ours]
    settles = [settled(part) if "settled" in entry else "" for entry, part in zip(entries, bearing, strict=True)]
    frame["verdict"] = [verdict or own.verdict for verdict, own in zip(settles, ours, strict=True)]
    by = pd.Series([entry.get("settled", "runs") for entry in entries])
    return frame.assign(**{"decided by": by.where(~frame["verdict"].isin((CANNOT, UNDECIDED)), "")})


def evidence(entry: dict[str, Any], sources: Sources) -> Evidence:
    """Return the evidence of a claim's rule, or the reason why the runs cannot decide the claim."""
    if "rule" in entry:
        return RULES[entry["rule"]](entry, sources)
    return Evidence(CANNOT, f"decided by {entry['settled']}" if "settled" in entry else NO_RUN)


def settled(findings: list[Finding]) -> str:
    """Return the verdict that follows from findings on printed numbers alone."""
    kinds = {finding.verdict for finding in findings}
    return NOT_SUPPORTED if "inconsistent" in kinds else CANNOT if "not decidable" in kinds else SUPPORTED
