"""Eighteen synthetic data sets that mirror Table 1, drawn from a model of blood smears with known ground truth."""

from leuknet.data.synthetic.cohort import draw_cohort, synthetic_cohort
from leuknet.data.synthetic.plan import counts

__all__ = ["counts", "draw_cohort", "synthetic_cohort"]
