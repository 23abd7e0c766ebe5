"""Generalisation on real cells: all variants tried, specificity on other sources, and the controls of page 12.

python bench/generalisation.py DIR [--kind embedding] [--draws 20]

DIR is a cohort with at least one source that contains blasts and normal cells of several patients (groups.csv).
Variants are compared by patient-grouped cross-validation within such sources and by specificity on sources of normal
cells only.
"""

import argparse
from dataclasses import replace

from sklearn.metrics import roc_auc_score

from leuknet.cells import generalisation
from leuknet.cells.classifier import CellClassifier
from leuknet.data.load import load_cohort
from leuknet.evaluation.splits import k_fold

VARIANTS = {
    "morphology": {
        "pairs, C = 0.01 (the default)": {},
        "pairs, C = 0.1": {"c": 0.1},
        "pairs, C = 0.003": {"c": 0.003},
        "16 numbers alone, C = 0.01": {"pairs": False},
        "16 numbers alone, C = 1": {"pairs": False, "c": 1.0},
        "pairs, colour put back": {"colour": True},
    },
    "embedding": {"without zoom": {"copies": 0}, "zoom, 2 copies (the default)": {"copies": 2}},
}


def main():
    """Print the variants' table, then the controls of the default."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("--kind", choices=list(VARIANTS), default="morphology")
    parser.add_argument("--draws", type=int, default=20, help="permutations of the labels; 0: no controls")
    args = parser.parse_args()
    cohort = load_cohort(args.folder, 48)
    material = generalisation.prepared(cohort, args.kind)
    split = k_fold(cohort.table, 5, by="group")
    for name, changes in VARIANTS[args.kind].items():
        own = replace(material, cell=replace(CellClassifier(args.kind), **changes))
        frame = generalisation.predicted(cohort.table, split, own.by_cells)
        frame = frame[frame.groupby("source")["y"].transform("nunique") == 2]
        low, high = generalisation.auc_interval(frame)
        auc, pooled = generalisation.within_source_auc(frame), roc_auc_score(frame["y"], frame["p"])
        normal = generalisation.specificity(own)
        print(f"{name}: AUC by patient {auc:.3f} ({low:.3f} to {high:.3f}), folds pooled {pooled:.3f};", end=" ")
        print(f"accuracy {((frame['p'] >= 0.5) == frame['y']).mean():.3f};", end=" ")
        print(f"mean specificity {normal['specificity'].mean():.3f}", flush=True)
        print(normal.round(3).to_string(index=False), flush=True)
    if args.draws:
        print(generalisation.controls(material, split, draws=args.draws).round(3).to_string(index=False))


if __name__ == "__main__":
    main()
