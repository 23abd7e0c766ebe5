"""The runs behind the paper's tables, the pages, and users' TOML files, each planned in one function."""

import itertools
from collections.abc import Callable, Collection, Iterable, Mapping
from functools import partial
from pathlib import Path

from leuknet.evaluation.splits import hold_out
from leuknet.exceptions import LeuknetError
from leuknet.runs.spec import RunSpec
from leuknet.study import ablation
from leuknet.study.comparison import plan_baselines, plan_ours, repeated_split
from leuknet.study.controls import label_permutation
from leuknet.study.own import own
from leuknet.study.protocols import EVERY, possible_splits
from leuknet.study.study import Study


def timing(study: Study) -> list[RunSpec]:
    """Return the runs of Table 8: mDFT on each backbone and test set."""
    return [spec for backbone in ablation.TABLES.values() for spec in ablation.backbone_plan(study, backbone, "mDFT")]


def heads(study: Study) -> list[RunSpec]:
    """Return the runs of Table 9: the sizes of the head."""
    return list(itertools.chain(*ablation.heads_plan(study).values()))


def features(study: Study) -> list[RunSpec]:
    """Return the runs of Table 10: the profile's backbone with each possible approach, first seed, networks saved."""
    split, first = ablation.ablation_split(study), study.seeds[:1]
    plans = [study.plan(split, ablation.test_sets(split), first, keep=True, approach=approach)
             for approach in ablation.possible_approaches(study)]  # fmt: skip
    return list(itertools.chain(*plans))


def comparison(study: Study) -> list[RunSpec]:
    """Return the runs of Table 11: LeukNet, VGG-16 * and every baseline under page 09's three protocols."""
    splits, _ = possible_splits(study)
    return [spec for split in splits.values() for spec in plan_ours(study, split) + plan_baselines(study, split)]


def repeated(study: Study) -> list[RunSpec]:
    """Return the runs of Tables 12 and 13: repeated k-fold with and without transfer, one data set set apart."""
    split = repeated_split(study)
    return plan_ours(study, split) + plan_baselines(study, split, ["vogado"])


def training(study: Study) -> list[RunSpec]:
    """Return the runs of Figures 7 and 8: LeukNet trained on 75 % of the images, curves on 25 %, first model saved."""
    return study.plan(hold_out(study.cohort.table, fraction=0.25, seed=study.seed), keep=True, validation="test")


def first_training(study: Study) -> list[RunSpec]:
    """Return the run of `training` whose network is saved."""
    return training(study)[:1]


def label_permuted(study: Study) -> list[RunSpec]:
    """Return the control of `first_training`: the same run with permuted labels and the role "control"."""
    return first_training(label_permutation(study))


def protocols(study: Study) -> list[RunSpec]:
    """Return LeukNet's runs under the protocols of page 06 that the cohort allows; LODOCV's networks are saved."""
    splits, _ = possible_splits(study)
    plans = [study.plan(split, keep=name == "LODOCV as published") for name, split in splits.items()]
    return list(itertools.chain(*plans))


def every_source(study: Study) -> list[RunSpec]:
    """Return runs that test every image once if fewer than two sources contain both classes; otherwise none."""
    if len(study.two_class("source")) >= 2:
        return []
    splits, _ = possible_splits(study, EVERY)
    return [spec for split in splits.values() for spec in study.plan(split, seeds=study.seeds[:1])]


def projected(study: Study) -> list[RunSpec]:
    """Return the run of Figure 12: LeukNet trained on four fifths of the images, first seed, network saved."""
    return study.plan(hold_out(study.cohort.table, fraction=0.2, seed=study.seed), seeds=study.seeds[:1], keep=True)


Plan = Callable[[Study], list[RunSpec]]
EXPERIMENTS: dict[str, Plan] = {
    f"table{n}": partial(ablation.backbone_plan, backbone=name) for n, name in ablation.TABLES.items()
}
EXPERIMENTS |= {
    "table8": timing,
    "table9": heads,
    "table10": features,
    "table11": comparison,
    "table12": repeated,
    "table13": repeated,
}
PAGES = {
    "04_backbone_ablation": (ablation.ablation_plan, heads),
    "05_leuknet_training": (training,),
    "06_lodocv": (protocols, every_source),
    "07_feature_space": (features, projected),
    "08_activation_maps": (first_training, label_permuted),
    "09_comparison_tables": (comparison, repeated),
    "11_your_own_slide": (first_training,),
}


def runs_of_pages(study: Study, names: Iterable[str]) -> list[RunSpec]:
    """Return the runs required by the named pages, without duplicates (`together`)."""
    return together({name: itertools.chain(*(plan(study) for plan in PAGES.get(name, ()))) for name in names})


def runs_of(study: Study, names: Iterable[str]) -> dict[str, list[RunSpec]]:
    """Return the runs of experiments, without duplicates, as a dictionary of experiment to list of `RunSpec`.

    Parameters
    ----------
    study : Study
    names : list of str
        ``table3`` … ``table13``, ``all`` (all of these), ``pages``, or the path of a TOML file (see `own`).

    Raises
    ------
    LeuknetError
        If a name is not one of these.
    """
    plans: dict[str, list[RunSpec]] = {}
    for name in names:
        if name == "all":
            plans |= {each: plan(study) for each, plan in EXPERIMENTS.items() if each not in plans}
        elif name == "pages":
            plans[name] = runs_of_pages(study, PAGES)
        elif name in EXPERIMENTS:
            plans[name] = EXPERIMENTS[name](study)
        elif name.endswith(".toml"):
            plans[_short(name, plans)] = own(study, name)
        else:
            known = ", ".join([*EXPERIMENTS, "all", "pages"])
            raise LeuknetError(f"no experiment {name!r}: name one of {known}, or a TOML file")
    return plans


def _short(path: Path | str, plans: Collection[str]) -> str:
    """Return the name of a TOML file's runs: its stem, or the given path if the stem is already in use."""
    stem = Path(path).stem
    return str(path) if stem in {*plans, *EXPERIMENTS, "pages", "together"} else stem


def together(plans: Mapping[str, Iterable[RunSpec]]) -> list[RunSpec]:
    """Return the runs of several experiments without duplicates; a network is saved if any experiment requires it."""
    chosen: dict[str, RunSpec] = {}
    for spec in itertools.chain(*plans.values()):
        if spec.key not in chosen or spec.keep_model:
            chosen[spec.key] = spec
    return list(chosen.values())
