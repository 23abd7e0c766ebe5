"""Rules of the claims ledger, which derive the evidence for a claim from this study's runs.

Each rule takes its entry of ``ledger.toml`` and the study's `Sources`, and returns `Evidence`, whose verdict depends on
an interval (`leuknet.verdicts.judgement`). Rules that compare accuracies exclude networks that do not beat the majority
class: their gains or losses between two test sets are differences of prevalence. If a part of a claim was excluded or
not run, the claim can be refuted by the other parts but never supported.

The rules of `networks` compare only networks with the same kind of initial weights. Those of `set_apart` compare
different initial weights, because their claims do; the reported number includes LeukNet's initial weights.
"""

from leuknet.verdicts.claim_rules.networks import ahead, equal, spread
from leuknet.verdicts.claim_rules.pages import cell, linear, nuclei, separable
from leuknet.verdicts.claim_rules.protocols import overfitting, protocols, shared, unseen
from leuknet.verdicts.claim_rules.set_apart import decay, rivals, transfer
from leuknet.verdicts.claim_rules.sources import Sources

__all__ = ["RULES", "Sources"]

RULES = {rule.__name__: rule for rule in (
    ahead, equal, spread, protocols, shared, unseen, overfitting, transfer, decay, rivals, cell, separable,
    linear, nuclei,
)}  # fmt: skip
