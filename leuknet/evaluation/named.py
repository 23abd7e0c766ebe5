"""Create splits by protocol name; related images stay together unless the name says otherwise."""

from collections.abc import Callable
from dataclasses import replace

import pandas as pd

from leuknet.evaluation import splits
from leuknet.exceptions import LeuknetError


def _lodocv(table: pd.DataFrame) -> splits.Split:
    split = splits.lodocv(table)
    parted = [f"{row.source!r} (fold {row.fold})" for row in split.shared_sources(table).itertuples()]
    parted += [f"group {row.group!r} (fold {row.fold})" for row in split.shared_groups(table).itertuples()]
    if parted:
        raise LeuknetError(
            f"LODOCV would part images that belong together: {', '.join(parted[:3])}"
            f"{f' and {len(parted) - 3} more' if len(parted) > 3 else ''}; use protocol=leave-one-source-out, "
            "or protocol=lodocv-as-published to part them as the paper did"
        )
    return replace(split, protocol=splits.LODOCV)


PROTOCOLS: dict[str, Callable[..., splits.Split]] = {
    "hold-out": lambda table, seed, by, k, repeats: splits.hold_out(table, seed=seed, by=by),
    "k-fold": lambda table, seed, by, k, repeats: splits.k_fold(table, k, repeats, seed, by),
    "k-fold-by-image": lambda table, seed, by, k, repeats: splits.k_fold(table, k, repeats, seed),
    "lodocv": lambda table, *_: _lodocv(table),
    "lodocv-as-published": lambda table, *_: splits.lodocv(table),
    "leave-one-source-out": lambda table, *_: splits.leave_one_source_out(table),
    "every-source-out": lambda table, *_: splits.leave_one_source_out(table, tested="all"),
}


def make_split(
    protocol: str, table: pd.DataFrame, seed: int = 0, by: str = "group", k: int = 5, repeats: int = 1
) -> splits.Split:
    """Create the split for a named protocol.

    Parameters
    ----------
    protocol : str
        A key of `PROTOCOLS`. ``"hold-out"`` and ``"k-fold"`` do not divide groups. ``"lodocv"`` does not divide data
        sets and raises an error if a source or a group would be divided. ``"lodocv-as-published"`` and
        ``"k-fold-by-image"`` allow this, as the paper's splits did.
    table : pandas.DataFrame
        A cohort's table, processed by `leuknet.evaluation.families.regroup` if an audit detected pairs.
    seed : int
    by : {"image", "group", "source"}
        The unit that ``"hold-out"`` and ``"k-fold"`` do not divide.
    k, repeats : int
        Number of folds and repeats of ``"k-fold"`` and ``"k-fold-by-image"``.

    Raises
    ------
    LeuknetError
        If the protocol is unknown or would divide related images between training and test.
    """
    if protocol not in PROTOCOLS:
        raise LeuknetError(f"protocol {protocol!r} is unknown; use one of {', '.join(PROTOCOLS)}")
    return PROTOCOLS[protocol](table, seed, by, k, repeats)
