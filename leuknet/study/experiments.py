"""Grids: the paper's experiments by the tables they fill, and the user's own from a TOML file."""

import itertools
import tomllib
from pathlib import Path

from leuknet import _config
from leuknet.evaluation.named import make_split
from leuknet.evaluation.splits import hold_out, k_fold, leave_one_source_out, with_external
from leuknet.exceptions import LeuknetError
from leuknet.models.settings import APPROACHES, TrainSettings
from leuknet.runs.executors.local import execute_processes, slots
from leuknet.runs.progress import watcher
from leuknet.study.ablation import TABLES, ablation_split, backbone_plan, heads_plan
from leuknet.study.comparison import comparison_splits, plan_baselines, plan_ours, repeated_split

LISTS = ("dense", "dropout")  # settings that are lists themselves
PROTOCOLS = ("lodocv", "lodocv-as-published", "leave-one-source-out", "k-fold", "hold-out")
KEYS = {
    "backbones": _config.many(_config.TEXT),
    "approaches": _config.many(_config.choice(APPROACHES)),
    "protocols": _config.many(_config.choice(PROTOCOLS)),
    "test_sets": _config.many(_config.TEXT),
    "seeds": _config.either(_config.whole(1), _config.many(_config.whole(0))),
    "folds": _config.whole(2),
    "repeats": _config.whole(1),
    "by": _config.TEXT,
    "external": _config.TEXT,
    "keep": _config.YES_NO,
    "settings": _config.TABLE,
}


def timing(study):
    """Return the runs of Table 8: mDFT on each backbone and test set."""
    return [spec for backbone in TABLES.values() for spec in backbone_plan(study, backbone, "mDFT")]


def features(study):
    """Return the runs of Table 10: VGG-16 by each approach, first seed, networks kept."""
    split, first = ablation_split(study), study.seeds[:1]
    plans = [study.plan(split, study.test_sets, first, keep=True, approach=a) for a in ("SFT", "mSFT", "DFT", "mDFT")]
    return list(itertools.chain(*plans))


def comparison(study):
    """Return the runs of Table 11: LeukNet, VGG-16 * and every comparison system under page 09's three protocols."""
    splits = comparison_splits(study).values()
    return [spec for split in splits for spec in plan_ours(study, split) + plan_baselines(study, split)]


def repeated(study):
    """Return the runs of Tables 12 and 13: repeated k-fold with and without transfer, one data set kept apart."""
    split = repeated_split(study)
    return plan_ours(study, split) + plan_baselines(study, split, ["vogado"])


EXPERIMENTS = {f"table{n}": lambda study, b=backbone: backbone_plan(study, b) for n, backbone in TABLES.items()}
EXPERIMENTS |= {
    "table8": timing,
    "table9": lambda study: list(itertools.chain(*heads_plan(study).values())),
    "table10": features,
    "table11": comparison,
    "table12": repeated,
    "table13": repeated,
}


def runs_of(study, names):
    """Return the runs of experiments, each once, as a dictionary: experiment to its list of `RunSpec`.

    Parameters
    ----------
    study : Study
    names : list of str
        ``table3`` … ``table13``, ``all``, or the path of a TOML file (see `own`).

    Raises
    ------
    LeuknetError
        If a name is neither.
    """
    plans = {}
    for name in names:
        if name == "all":
            plans |= {each: plan(study) for each, plan in EXPERIMENTS.items() if each not in plans}
        elif name in EXPERIMENTS:
            plans[name] = EXPERIMENTS[name](study)
        elif name.endswith(".toml"):
            plans[_short(name, plans)] = own(study, name)
        else:
            known = ", ".join([*EXPERIMENTS, "all"])
            raise LeuknetError(f"no experiment {name!r}: name one of {known}, or a TOML file")
    return plans


def _short(path, plans):
    """Return what a TOML file's runs are called: its stem, or the path as given where the stem has a meaning."""
    stem = Path(path).stem
    return str(path) if stem in {*plans, *EXPERIMENTS, "together"} else stem


def together(plans):
    """Return the runs of several experiments, each once; a network that any of them wants is kept."""
    chosen = {}
    for spec in itertools.chain(*plans.values()):
        if spec.key not in chosen or spec.keep_model:
            chosen[spec.key] = spec
    return list(chosen.values())


def finish(specs, store, workers=None, gpus=None, per_run=None, cluster=None, again=False, checkpoint_seconds=30.0):
    """Finish runs, each in a process of its own, watched by a table, by lines or, in a notebook, by a widget.

    Parameters
    ----------
    specs : list of RunSpec
        From `runs_of` and `together`.
    store : Store
    workers : int, optional
        Processes at a time, see `leuknet.runs.executors.local.slots`; with `cluster` its workers or jobs.
    gpus : list of str, optional
        Of this machine; workers of a `cluster` use those that they see.
    per_run : int, optional
        GPUs a run is spread over.
    cluster : str, optional
        What `leuknet.runs.executors.engine.read_setup` takes; processes of this machine if not given.
    again : bool
        Try also what an earlier grid was refused.
    checkpoint_seconds : float

    Returns
    -------
    Report
    """
    if cluster and gpus:
        raise LeuknetError("--gpus chooses among this machine's: set CUDA_VISIBLE_DEVICES where the workers start")
    view = watcher()
    try:
        if cluster:
            from leuknet.runs.executors.cluster import execute_cluster

            return execute_cluster(specs, store, cluster, workers, view, again, checkpoint_seconds, per_run)
        return execute_processes(specs, store, slots(workers, gpus, per_run or 1), view, again, checkpoint_seconds)
    finally:
        view.close()


def own(study, path):
    """Return the runs that a TOML file asks for: every combination of its lists.

    ``backbones``, ``approaches``, ``protocols`` (lodocv, which refuses to part a source; lodocv-as-published,
    leave-one-source-out, k-fold, hold-out), ``test_sets`` (folds; all if left out), ``seeds`` (how many, or a list),
    ``folds``, ``repeats`` and ``by`` for k-fold, ``external`` (a data set kept apart), ``keep`` (networks of the first
    seed), and the table ``settings``: values, or lists of values to try, by the names of `TrainSettings`. What is left
    out is the profile's.

    Raises
    ------
    LeuknetError
        If the file cannot be read, a key is unknown or a value is not possible.
    """
    try:
        specs = _combined(study, _read(path))
        _check(specs)
    except LeuknetError as error:
        raise LeuknetError(f"{path}: {error}") from error
    return specs


def _combined(study, asked):
    values = asked.get("settings", {})
    changes = [
        dict(zip(values, combination, strict=True)) for combination in itertools.product(*map(_tried, values.items()))
    ]
    specs = []
    for protocol in asked.get("protocols", ["lodocv-as-published"]):
        split = _split(study, protocol, asked)
        places = asked.get("test_sets"), _seeds(study, asked), asked.get("keep", False)
        for backbone in asked.get("backbones", ["VGG16"]):
            for approach, change in itertools.product(asked.get("approaches", ["mDFT"]), changes):
                specs += study.plan(split, *places, backbone=backbone, approach=approach, **change)
    return specs


def _read(path):
    try:
        asked = tomllib.loads(Path(path).read_text("utf-8"))
    except OSError as error:
        raise LeuknetError(f"cannot be read ({error.strerror})") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise LeuknetError(f"not TOML ({error})") from error
    if unknown := sorted(set(asked) - set(KEYS)):
        raise LeuknetError(f"unknown key {', '.join(unknown)}; known are {', '.join(KEYS)}")
    _config.check(asked, KEYS)
    settings = set(TrainSettings.names()) - {"backbone", "approach"}
    if unknown := sorted(set(asked.get("settings", {})) - settings):
        raise LeuknetError(f"unknown key {', '.join(unknown)}; known in settings are {', '.join(sorted(settings))}")
    return asked


def _tried(item):
    name, value = item
    whole = name in LISTS and not (isinstance(value, list) and value and isinstance(value[0], list))
    return [value] if whole or not isinstance(value, list) else value


def _seeds(study, asked):
    seeds = asked.get("seeds")
    if seeds is None or isinstance(seeds, list):
        return seeds
    return study.seeds_of(seeds)


def _split(study, protocol, asked):
    p, by = study.profile, asked.get("by", "image")

    def draw(table):
        if protocol.startswith("lodocv"):
            return make_split(protocol, table)
        if protocol == "leave-one-source-out":
            return leave_one_source_out(table)
        if protocol == "k-fold":
            return k_fold(table, asked.get("folds", p.folds), asked.get("repeats", p.repeats), study.seed, by)
        return hold_out(table, seed=study.seed, by=by)

    table = study.cohort.table
    return with_external(draw, table, asked["external"]) if "external" in asked else draw(table)


def _check(specs):
    """Meet now what would stop each run later: an unknown fold, a network that cannot be built; and an empty grid."""
    import keras

    from leuknet.models import networks
    from leuknet.models.training import network_spec

    if not specs:
        raise LeuknetError("asks for no run; give at least one value of each setting")
    for spec in specs:
        spec.key  # noqa: B018
    for network in dict.fromkeys(network_spec(spec.settings, spec.recipe["size"]) for spec in specs):
        with keras.StatelessScope(initialize_variables=False):  # structure only: takes no memory, opens no GPU
            networks.build(network)
