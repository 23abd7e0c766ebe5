"""A split as a table: the role of each image in each fold, with a hash and validity checks."""

import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from leuknet._io import hash_of, read_limited, write_text
from leuknet.data.splits_csv import MAX_BYTES, ROW, split_hash
from leuknet.exceptions import LeuknetError

ROLES = ("train", "test", "external")
NEEDED = ["image_id", "data_set", "source", "group", "label"]
# Units that must not occur on both sides of a fold, by the protocol's unit. A source contains its groups.
KEPT_WHOLE = {
    "image": (),
    "data_set": ("data_set",),
    "group": ("group", "sha256"),
    "source": ("source", "group", "sha256"),
}
WORDS = {"sha256": "file content", "data_set": "data set"}


@dataclass(frozen=True, eq=False)
class Split:
    """Training, test and external images of each fold.

    Attributes
    ----------
    protocol : str
        Name of the protocol as used in captions, such as ``"5-fold by group"`` or ``"LODOCV as published"``.
    table : pandas.DataFrame
        ``fold``, ``image_id``, ``role`` (``"train"``, ``"test"`` or ``"external"``), all str. An image has at most
        one role in a fold.
    by : {"image", "group", "source", "data_set"}
        The unit that the protocol does not divide. LODOCV, as published, does not divide data sets but may divide a
        source; `shared_sources` and `leakage` report this.

    Raises
    ------
    LeuknetError
        If the table is malformed, an image has two roles in a fold, or a fold has no training or no test images.
    """

    protocol: str
    table: pd.DataFrame
    by: str = "image"

    def __post_init__(self) -> None:
        if self.by not in KEPT_WHOLE:
            raise LeuknetError(f"by={self.by!r} is not a unit to split by; use one of {', '.join(KEPT_WHOLE)}")
        if missing := [column for column in ROW if column not in self.table]:
            raise LeuknetError(f"{self.protocol}: the split's table has no column(s) {', '.join(missing)}")
        table = self.table[ROW].astype(str).reset_index(drop=True)
        if wrong := sorted(set(table["role"]) - set(ROLES)):
            raise LeuknetError(f"{self.protocol}: unknown role {wrong[0]!r}; roles are {', '.join(ROLES)}")
        twice = table[table.duplicated(["fold", "image_id"])]
        if len(twice):
            fold, image_id = twice.iloc[0][["fold", "image_id"]]
            raise LeuknetError(f"{self.protocol}, fold {fold}: image {image_id} has more than one place")
        roles = table.groupby("fold", sort=False)["role"].agg(set)
        for fold, present in roles.items():
            if absent := {"train", "test"} - present:
                raise LeuknetError(f"{self.protocol}, fold {fold}: no image has the role {min(absent)!r}")
        if table.empty:
            raise LeuknetError(f"{self.protocol}: the split has no fold")
        object.__setattr__(self, "table", table)

    @cached_property
    def hash(self) -> str:
        """Hash (16 hexadecimal digits) of protocol and rows, independent of row order and paths."""
        return split_hash(self.protocol, self.by, self.table)

    @cached_property
    def folds(self) -> list[str]:
        """Names of the folds, in order."""
        return list(dict.fromkeys(self.table["fold"]))

    def _rows(self, fold: str) -> pd.DataFrame:
        rows = self.table[self.table["fold"] == fold]
        if rows.empty:
            raise LeuknetError(f"{self.protocol} has no fold {fold!r}; it has {', '.join(self.folds[:20])}")
        return rows

    def fold_hash(self, fold: str) -> str:
        """Return the hash (16 hexadecimal digits) of the roles of the images in `fold`.

        The hash does not include the names of the protocol and the fold: two protocols that train and test on the same
        images have the same hash and can share a run.
        """
        return hash_of(sorted(self._rows(fold)[["image_id", "role"]].to_numpy().tolist()))

    def indices(self, cohort_table: pd.DataFrame, fold: str) -> dict[str, np.ndarray]:
        """Return the positions of the images of `fold` in the cohort.

        Parameters
        ----------
        cohort_table : pandas.DataFrame
            A cohort's table, in the order of its images.
        fold : str

        Returns
        -------
        dict of str to numpy.ndarray
            Ascending positions (int64) by role; only the roles that occur in the fold.

        Raises
        ------
        LeuknetError
            If the fold or one of its images is unknown, or the fold divides a unit of the protocol.
        """
        rows = self._rows(fold)
        self._check(rows, cohort_table)
        places = pd.Index(cohort_table["image_id"]).get_indexer(rows["image_id"])
        return {role: np.sort(places[rows["role"] == role]) for role in ROLES if (rows["role"] == role).any()}

    def get_n_splits(self, X: object = None, y: object = None, groups: object = None) -> int:
        """Return the number of folds (scikit-learn's splitter interface)."""
        return len(self.folds)

    def split(
        self, X: object, y: object = None, groups: ArrayLike | None = None
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield training and test positions of each fold, for use as ``cv`` in scikit-learn.

        External images are not included.

        Parameters
        ----------
        X : pandas.DataFrame or array_like, shape (n_images, ...)
            A cohort's table, or features in the order of `groups`.
        y : ignored
        groups : array_like of str, shape (n_images,), optional
            The ``image_id`` of each row of `X`; not needed if `X` has this column.

        Yields
        ------
        train, test : numpy.ndarray of int64
            Ascending positions.

        Raises
        ------
        LeuknetError
            If no image_ids are given, or an image of the split is missing.

        See Also
        --------
        indices : Positions by role, after checking the cohort's groups and classes.

        Examples
        --------
        >>> from sklearn.dummy import DummyClassifier
        >>> from sklearn.model_selection import cross_val_score
        >>> rows = [("a", "1", "train"), ("a", "2", "train"), ("a", "3", "test"), ("b", "1", "test"),
        ...         ("b", "2", "train"), ("b", "3", "train")]
        >>> split = Split("two folds", pd.DataFrame(rows, columns=["fold", "image_id", "role"]))
        >>> X, y = [[0.1], [0.2], [0.9]], [0, 1, 1]
        >>> cross_val_score(DummyClassifier(), X, y, groups=["1", "2", "3"], cv=split).tolist()
        [0.0, 0.0]
        """
        if groups is None:
            groups = X["image_id"] if isinstance(X, pd.DataFrame) and "image_id" in X else None
        if groups is None:
            raise LeuknetError("name the images: give groups=table['image_id'], or a table with that column")
        known = pd.Index(np.asarray(groups).astype(str))
        for fold in self.folds:
            rows = self._rows(fold)
            places = known.get_indexer(rows["image_id"])
            if (places < 0).any():
                raise LeuknetError(f"the split names image {rows['image_id'][places < 0].iloc[0]}, which is not given")
            train, test = (np.sort(places[rows["role"] == role]) for role in ("train", "test"))
            yield train, test

    def check(self, cohort_table: pd.DataFrame) -> "Split":
        """Return the split, or raise LeuknetError if a fold divides a unit or trains on a single class."""
        self._check(self.table, cohort_table)
        return self

    def _check(self, rows: pd.DataFrame, cohort_table: pd.DataFrame) -> None:
        known = known_images(cohort_table)
        _demand_both_classes(rows[rows["role"] == "train"], known, self.protocol)
        for unit in KEPT_WHOLE[self.by]:
            shared = _shared(rows, known, unit)
            if len(shared):
                first = shared.iloc[0]
                raise LeuknetError(
                    f"{self.protocol}, fold {first['fold']}: {WORDS.get(unit, unit)} {str(first[unit])[:40]!r} stands "
                    f"in training and test ({len(shared)} such); give these images one {self.by} (groups.csv) "
                    "or leave one side out"
                )

    def shared_sources(self, cohort_table: pd.DataFrame) -> pd.DataFrame:
        """Return the sources that occur on both sides of a fold.

        Returns
        -------
        pandas.DataFrame
            ``fold``, ``source``, ``train``, ``test`` (numbers of images; external images count as test).
        """
        return _shared(self.table, known_images(cohort_table), "source")

    def shared_groups(self, cohort_table: pd.DataFrame) -> pd.DataFrame:
        """Return the groups that occur on both sides of a fold, with columns as in `shared_sources`."""
        return _shared(self.table, known_images(cohort_table), "group")

    def leakage(self, cohort_table: pd.DataFrame) -> str:
        """Return a sentence describing what training and test share, for captions and records."""
        known, parts = known_images(cohort_table), []
        for unit, word in (("source", "source"), ("group", "group"), ("sha256", "identical image file")):
            shared = _shared(self.table, known, unit)
            count, folds = shared[unit].nunique(), f" (in {shared['fold'].nunique()} of {len(self.folds)} folds)"
            parts.append(f"{count or 'no'} {word}{'s' * (count > 1)}{folds if count and len(self.folds) > 1 else ''}")
        return f"{self.protocol}: training and test share {parts[0]}, {parts[1]} and {parts[2]}."

    def undefined(self, cohort_table: pd.DataFrame) -> str:
        """Return a sentence on the folds that test a single class; empty if there are none.

        Specificity is undefined without negative images, and recall without positive images.
        """
        known = known_images(cohort_table)
        tests = self.table[self.table["role"] == "test"]
        labels = known["label"].reindex(tests["image_id"]).groupby(tests["fold"].to_numpy(), sort=False)
        parts = []
        for label, words in ((1, "positive images: specificity"), (0, "negative images: recall")):
            folds = [fold for fold, part in labels if set(part) == {label}]
            if folds:
                more = f" and {len(folds) - 3} more" if len(folds) > 3 else ""
                parts.append(
                    f"the test of {', '.join(map(str, folds[:3]))}{more} holds only {words} is undefined there"
                )
        return f"{self.protocol}: {'; '.join(parts)}." if parts else ""

    def to_csv(self, path: str | Path) -> None:
        """Write the split to `path`: one line with protocol, unit and hash, followed by the table."""
        head = json.dumps({"protocol": self.protocol, "by": self.by, "hash": self.hash}, ensure_ascii=False)
        body = self.table.to_csv(index=False, lineterminator="\n")
        write_text(path, f"# {head}\n{body}")

    @classmethod
    def from_csv(cls, path: str | Path) -> "Split":
        """Read a file written by `to_csv`; raise LeuknetError if it has changed or is not a split."""
        try:
            first, _, body = read_limited(path, MAX_BYTES).partition(b"\n")
            head = json.loads(first.decode().removeprefix("# "))
            table = pd.read_csv(io.BytesIO(body), dtype=str, keep_default_na=False)
            split = cls(head["protocol"], table, head["by"])
            written = head["hash"]
        except FileNotFoundError:
            raise LeuknetError(f"{path}: no such split file") from None
        except (ValueError, KeyError, TypeError, OSError, RecursionError) as error:
            raise LeuknetError(f"{path}: not a split file that leuknet wrote ({error}); make it again") from error
        if split.hash != written:
            raise LeuknetError(f"{path}: changed since it was written (its hash is not {written}); make it again")
        return split


def known_images(table: pd.DataFrame) -> pd.DataFrame:
    """Return the cohort's table indexed by image_id, or raise LeuknetError if it cannot be split."""
    if missing := [column for column in NEEDED if column not in table]:
        raise LeuknetError(f"the cohort's table has no column(s) {', '.join(missing)}")
    if not len(table):
        raise LeuknetError("the cohort is empty: there is nothing to split")
    for column in NEEDED:
        gaps = table[column].isna() | (table[column].astype(str) == "")
        if gaps.any():
            raise LeuknetError(f"image {table['image_id'][gaps].iloc[0]} of the cohort has no {column}")
    if not table["image_id"].is_unique:
        raise LeuknetError(f"image {table['image_id'][table['image_id'].duplicated()].iloc[0]} is twice in the cohort")
    if not table["label"].isin([0, 1]).all():
        raise LeuknetError("labels of the cohort must be 0 (negative) or 1 (positive)")
    return table.set_index("image_id", drop=False).rename_axis(None)


def _shared(rows: pd.DataFrame, known: pd.DataFrame, unit: str) -> pd.DataFrame:
    """Return the units that occur on both sides of a fold: fold, unit, train, test (numbers of images)."""
    columns = ["fold", unit, "train", "test"]
    if unit not in known:
        return pd.DataFrame(columns=columns)
    absent = ~rows["image_id"].isin(known.index)
    if absent.any():
        raise LeuknetError(f"the split names image {rows['image_id'][absent].iloc[0]}, which is not in this cohort")
    values = known[unit].reindex(rows["image_id"]).to_numpy()
    side = np.where(rows["role"] == "train", "train", "test")
    frame = pd.DataFrame({"fold": rows["fold"].to_numpy(), unit: values, "side": side})
    frame = frame[frame[unit].notna() & (frame[unit] != "")]
    counts = frame.groupby(["fold", unit, "side"], sort=False).size().unstack(fill_value=0)
    counts = counts.reindex(columns=["train", "test"], fill_value=0)
    return counts[(counts > 0).all(axis=1)].reset_index().rename_axis(columns=None)[columns]


def _demand_both_classes(train: pd.DataFrame, known: pd.DataFrame, protocol: str) -> None:
    labels = known["label"].reindex(train["image_id"])
    if labels.isna().any():
        raise LeuknetError(f"the split names image {labels.index[labels.isna()][0]}, which is not in this cohort")
    classes = labels.groupby(train["fold"].to_numpy(), sort=False).nunique()
    if (classes < 2).any():
        fold = classes.index[classes < 2][0]
        raise LeuknetError(f"{protocol}, fold {fold}: training would see one class only; add images of the other")
