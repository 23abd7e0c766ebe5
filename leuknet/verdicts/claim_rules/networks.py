"""Rules on networks: one against others on each left-out test set (Tables 3 to 7 and 9)."""

import itertools
from collections.abc import Callable, Sequence
from functools import partial

import pandas as pd

from leuknet.verdicts import results
from leuknet.verdicts.claim_rules.sources import Rule, Sources, learnt
from leuknet.verdicts.evidence import CANNOT, Evidence, partly
from leuknet.verdicts.judgement import ahead_of, equivalence, welch

Pairs = Sequence[tuple[str, pd.DataFrame, pd.DataFrame]]


def groups(frame: pd.DataFrame, query: str) -> dict[tuple[str, str], pd.DataFrame]:
    """Return the LODOCV rows that match `query`, by ``(tested, backbone approach)``.

    A query without ``head`` (named by its neurons, as in Table 9) selects networks with the usual head.
    """
    if frame.empty:
        return {}
    part = results.of_one_cohort(frame)
    part = part[part["lodocv"]].assign(head=lambda rows: results.heads(rows["dense"]))
    name = part["backbone"] + " " + part["approach"]
    if "head" in query:
        name += ", " + part["head"]
    part = part.assign(name=name).query(query if "head" in query else f"({query}) and dense == ''")
    return dict(list(part.groupby(["tested", "name"], sort=False)))


def fair(pairs: Pairs, judge: Callable[..., Evidence] = ahead_of, missing: Sequence[str] = ()) -> Evidence:
    """Judge pairs of runs on one test set each; both networks must have learnt and share one kind of initial weights.

    Parameters
    ----------
    pairs : sequence of tuple
        Name of the comparison, and the rows of the runs of both sides.
    judge : callable
        Maps named intervals to `Evidence`.
    missing : sequence of str
        Parts of the claim that no run covers.
    """
    sides = [side for _, *both in pairs for side in both]
    idle = [f"{r['backbone']} {r['approach']} on {r['tested']}" for s in sides if not learnt(s) for r in [s.iloc[0]]]
    learned = [(name, a, b) for name, a, b in pairs if learnt(a) and learnt(b)]
    out = {"not shown to beat the larger class": dict.fromkeys(idle), "not run": missing if pairs else ()}
    notes = [f"{why}: {', '.join(names)}" for why, names in out.items() if names]
    if notes and not learned:
        return Evidence(CANNOT, "; ".join(notes))
    evidence = partly(judge([(name, welch(a["A"], b["A"])) for name, a, b in learned]), notes)
    return _begun_alike(learned, evidence) if learned else evidence


def _begun_alike(pairs: Pairs, evidence: Evidence) -> Evidence:
    part = pd.concat([side for _, *both in pairs for side in both])
    kinds = part.drop_duplicates(["backbone", "weights"]).groupby("weights", sort=False)["backbone"].agg(", ".join)
    if len(kinds) < 2:
        return evidence
    begun = "; ".join(f"{names} from {kind}" for kind, names in kinds.items())
    return Evidence(CANNOT, f"not begun alike ({begun}): {evidence.number}")


def against(rule: Rule, sources: Sources, judge: Callable[..., Evidence] = ahead_of) -> Evidence:
    """Judge each network of `first` against each of `rest` on every left-out test set with runs of any of these."""
    ours, pairs, missing = groups(sources.tests, rule["first"]), [], []
    rest = {name: groups(sources.tests, query) for name, query in rule["rest"].items()}
    known = {name: {tested for tested, _ in theirs} for name, theirs in rest.items()}
    anywhere = set().union(*known.values())
    places = [place for place in dict.fromkeys(tested for tested, _ in ours) if place in anywhere]
    for name, theirs in rest.items():
        matched = [(a, b) for a, b in itertools.product(ours, theirs) if a[0] == b[0]]
        pairs += [(f"{a[0]}, {a[1]} over {b[1]}", ours[a], theirs[b]) for a, b in matched]
        missing += [f"{name} on {place}" for place in places if place not in known[name]]
    return fair(pairs, judge, missing)


def ahead(rule: Rule, sources: Sources) -> Evidence:
    """Judge whether networks are better than others; see `against`."""
    return against(rule, sources)


def equal(rule: Rule, sources: Sources) -> Evidence:
    """Judge whether networks are equivalent to others: the 90 % interval lies within the tolerance; see `against`."""
    return against(rule, sources, equivalence)


def spread(rule: Rule, sources: Sources) -> Evidence:
    """Judge the best approach of VGG-16 against the worst on every test set."""
    parts = groups(sources.tests, "backbone == 'VGG16' and approach in ['SFT', 'mSFT', 'DFT', 'mDFT']")
    pairs, tried = [], len({name for _, name in parts})
    for tested in dict.fromkeys(tested for tested, _ in parts):
        ranked = sorted(
            (name for place, name in parts if place == tested), key=lambda name: parts[tested, name]["A"].mean()
        )
        if len(ranked) > 1:
            best, worst = ranked[-1], ranked[0]
            pairs.append((f"{tested}, {best} over {worst}", parts[tested, best], parts[tested, worst]))
    return fair(pairs, partial(ahead_of, picked=tried * (tried - 1) // 2))
