"""Rules on networks: one against others on each test set left out (Tables 3 to 7 and 9)."""

import itertools
from collections.abc import Callable, Sequence
from functools import partial

import pandas as pd

from leuknet.verdicts import results
from leuknet.verdicts.claim_rules.sources import Rule, Sources, learnt
from leuknet.verdicts.judgement import CANNOT, Evidence, ahead_of, equivalence, partly, welch

HEADS = ("512–256", "1024–256", "1024–512", "1024–1024")
CHOSEN = "1024–256"
Pairs = Sequence[tuple[str, pd.DataFrame, pd.DataFrame]]


def groups(frame: pd.DataFrame, query: str) -> dict[tuple[str, str], pd.DataFrame]:
    """Return the LODOCV rows that fit `query`, with the usual head, by ``(tested, backbone approach)``."""
    if frame.empty:
        return {}
    part = results.of_one_cohort(frame).query(query)
    part = part[part["lodocv"] & (part["dense"] == "")]
    return dict(list(part.groupby([part["tested"], part["backbone"] + " " + part["approach"]], sort=False)))


def fair(pairs: Pairs, judge: Callable[..., Evidence] = ahead_of, missing: Sequence[str] = ()) -> Evidence:
    """Judge pairs of runs on one test set each, of networks that learnt and that began from one kind of weights.

    Parameters
    ----------
    pairs : sequence of tuple
        Name of the comparison, rows of the runs of both sides.
    judge : callable
        From named intervals to `Evidence`.
    missing : sequence of str
        What the claim speaks of and no run answers.
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


def ahead(rule: Rule, sources: Sources) -> Evidence:
    """Judge each network of `first` against each of `rest` on every test set left out on which any of these was run."""
    ours, pairs, missing = groups(sources.tests, rule["first"]), [], []
    rest = {name: groups(sources.tests, query) for name, query in rule["rest"].items()}
    known = {name: {tested for tested, _ in theirs} for name, theirs in rest.items()}
    places = [
        tested for tested in dict.fromkeys(tested for tested, _ in ours) if tested in set().union(*known.values())
    ]
    for name, theirs in rest.items():
        matched = [(a, b) for a, b in itertools.product(ours, theirs) if a[0] == b[0]]
        pairs += [(f"{a[0]}, {a[1]} over {b[1]}", ours[a], theirs[b]) for a, b in matched]
        missing += [f"{name} on {tested}" for tested in places if tested not in known[name]]
    return fair(pairs, missing=missing)


def equal(rule: Rule, sources: Sources) -> Evidence:
    """Judge whether two networks are equivalent on every test set: the 90 % interval within the tolerance."""
    ours, theirs = (
        {tested: rows for (tested, _), rows in groups(sources.tests, query).items()}
        for query in (rule["first"], *rule["rest"].values())
    )
    return fair([(tested, ours[tested], theirs[tested]) for tested in ours if tested in theirs], equivalence)


def heads(rule: Rule, sources: Sources) -> Evidence:
    """Judge the chosen head against each other one, on every test set."""
    if sources.tests.empty:
        return ahead_of([])
    parts = dict(list(results.head_rows(results.of_one_cohort(sources.tests)).groupby(["tested", "head"], sort=False)))
    wanted = [(tested, head) for tested, chosen in parts if chosen == CHOSEN for head in HEADS if head != CHOSEN]
    return fair(
        [(f"{key[0]}, over {key[1]}", parts[key[0], CHOSEN], parts[key]) for key in wanted if key in parts],
        missing=[f"{head} on {tested}" for tested, head in wanted if (tested, head) not in parts],
    )


def spread(rule: Rule, sources: Sources) -> Evidence:
    """Judge the best approach of VGG-16 against the worst, on every test set."""
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
