"""The rules of the claims ledger: what this study's runs show for a claim.

Each rule takes its entry of ``ledger.toml`` and the study's `Sources`, and returns `Evidence`, whose verdict depends on
an interval (`leuknet.verdicts.judgement`). In rules that compare accuracies a network that does not beat the larger
class takes no part: what it gains or loses between two test sets is a difference of prevalences. A claim of which a
part was left out or not run can be refuted by the others, never supported.

The rules of `networks` compare networks that began from weights of one kind only. Those of `set_apart` compare
different starts, because their claims do; the number says what LeukNet began from.
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
