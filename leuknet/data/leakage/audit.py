"""Leakage audit of a cohort: shared image content, and non-biological predictors of the label."""

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
from scipy.cluster.hierarchy import DisjointSet

from leuknet._cache import cached
from leuknet._io import hash_of, hash_of_files
from leuknet.data.leakage import marks, near, search
from leuknet.data.leakage.confirm import grey, overlapping, same
from leuknet.data.leakage.facts import facts
from leuknet.data.leakage.pictures import Pictures
from leuknet.data.leakage.shortcuts import shortcuts
from leuknet.exceptions import LeuknetError

SAME = ("exact", "near")
WHOLE = 0.93  # share of the holder's area from which a crop counts as a near duplicate
PAIR = ["kind", "a", "b", "turn", "left", "top", "width", "height", "score", "detail"]
Pairs = dict[tuple[int, int], tuple]  # positions of a pair to the values of `PAIR` other than a and b
OUTSIDE = 0.03  # share of the edge by which a box may extend beyond the image and still count as inside


@dataclass(frozen=True)
class Audit:
    """Result of an audit.

    Attributes
    ----------
    pairs : pandas.DataFrame
        ``kind`` ("exact": identical decoded pixels, paired with the first image of the family only; "near": the same
        image re-encoded, resized, rotated or mirrored, with as many pairs as connect the family; "contained": `a` is a
        crop of `b`; "overlap": `a` and `b` show shifted parts of one field), ``a``, ``b`` (image_id), ``turn``
        (transformation of `b` that matches `a`), ``left``, ``top``, ``width``, ``height`` (box of `a` in `b`, px; it
        extends beyond `b` for an overlap), ``score`` and ``detail`` (correlations of the common part at full size),
        data set, source and label of both images, and ``contradiction`` (bool: an exact or near pair in both classes).
    facts : pandas.DataFrame
        `facts.facts`, ``outline`` and ``scale_bar`` (bool) of each image, in the order of the table.
    shortcuts : pandas.DataFrame
        See `shortcuts.shortcuts`.
    key : str
        Hash of the images, their labels and the code of the audit.
    two_class : bool
        Whether the images are of both classes.
    """

    pairs: pd.DataFrame
    facts: pd.DataFrame
    shortcuts: pd.DataFrame
    key: str
    two_class: bool = True


def audit(pictures: Pictures, seed: int = 0) -> Audit:
    """Audit images for duplicates, crops, shortcuts and burned-in marks; cached.

    Parameters
    ----------
    pictures : Pictures
    seed : int
        Seed of the cross-validation of the shortcuts.

    Returns
    -------
    Audit
    """
    rows = pictures.table[["image_id", "data_set", "source", "group", "label", "sha256"]].astype(str)
    code = hash_of_files(sorted(Path(__file__).parent.glob("*.py")))
    key = hash_of([code, cv2.__version__, rows.to_numpy().tolist()])
    values = cached("audits", key, lambda: dict(zip(("pairs", "facts"), look(pictures), strict=True)))
    pairs, seen = values["pairs"], values["facts"]
    two_class = pictures.table["label"].nunique() == 2
    return Audit(_described(pairs, pictures.table), seen, shortcuts(pictures.table, seen, seed), key, two_class)


def look(pictures: Pictures) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the pairs (columns `PAIR`) and the facts of `pictures`, uncached.

    Only the first of several identical images is compared with other images, so that run time and output grow linearly
    with their number.
    """
    if len(pictures) < 2:
        raise LeuknetError("an audit compares images: the cohort has fewer than two")
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        seen = list(pool.map(lambda place: _see(pictures, place), range(len(pictures))))
    table = pd.DataFrame([one["facts"] for one in seen])
    sizes = table[["width", "height"]].to_numpy()
    digests = pd.Series([one["digest"] for one in seen])
    first = np.flatnonzero(~digests.duplicated())
    pairs = _exact(digests, sizes)
    wanted = search.candidates([seen[place]["features"] for place in first], sizes[first])
    doubles = near.candidates(np.stack([seen[place]["hashes"] for place in first]), sizes[first])
    del seen
    doubles = doubles.assign(**{name: first[doubles[name].to_numpy(int)] for name in ("a", "b")})
    wanted = wanted.assign(**{name: first[wanted[name].to_numpy(int)] for name in ("crop", "holder")})
    _confirm(pictures, doubles, wanted, pairs)
    ids = pictures.table["image_id"].to_numpy()
    rows = [(kind, ids[a], ids[b], *rest) for (a, b), (kind, *rest) in sorted(pairs.items())]
    return pd.DataFrame(rows, columns=PAIR), table


def _see(pictures: Pictures, place: int) -> dict[str, Any]:
    image = pictures.read(place)
    row = facts(image, pictures.data(place)) | {"outline": marks.outline(image), "scale_bar": marks.scale_bar(image)}
    digest = sha256(repr(image.shape).encode() + np.ascontiguousarray(image).tobytes()).hexdigest()
    return {"facts": row, "digest": digest, "features": search.features(image), "hashes": near.hashes(image)}


def _exact(digests: pd.Series, sizes: np.ndarray) -> Pairs:
    """Return one pair for each duplicate image: the first image of its family, and the duplicate."""
    first = pd.Series(range(len(digests))).groupby(digests, sort=False).transform("min")
    pairs = [(int(a), b) for b, a in enumerate(first) if a != b]
    return {pair: ("exact", "", 0.0, 0.0, *map(float, sizes[pair[1]]), 1.0, 1.0) for pair in pairs}


def _confirm(pictures: Pictures, doubles: pd.DataFrame, wanted: pd.DataFrame, pairs: Pairs) -> None:
    """Compare the pixels of candidate pairs, and add those that match to `pairs`."""
    plane = lru_cache(maxsize=64)(lambda place: grey(pictures.read(place)))
    family = DisjointSet(range(len(pictures)))  # of the same image; pairs within a family are skipped
    for a, b, turn in doubles.itertuples(index=False, name=None):
        if not family.connected(a, b):
            other = near.turned(plane(b), turn)
            match = same(plane(a), other, (0, 0, *other.shape[::-1]))
            if match and _share(match.box, other.shape) >= WHOLE:
                box = (0.0, 0.0, *map(float, plane(b).shape[::-1]))
                pairs[a, b] = ("near", near.TURNS[turn], *box, match.score, match.detail)
                family.merge(a, b)
    for crop, holder, _, *box in wanted.itertuples(index=False, name=None):
        if (crop, holder) in pairs or (holder, crop) in pairs or family.connected(crop, holder):
            continue
        match = overlapping(plane(crop), plane(holder), box)
        if match:
            kind = _kind(match.box, plane(holder).shape)
            pairs[crop, holder] = (kind, "", *match.box, match.score, match.detail)
            if kind == "near":
                family.merge(crop, holder)


def _kind(box: tuple[float, ...], shape: tuple[int, ...]) -> str:
    """Return the kind of pair for an image that matches `box` in an image of `shape` (height, width)."""
    left, top, width, height = box
    outside = max(-left / width, -top / height, (left + width - shape[1]) / width, (top + height - shape[0]) / height)
    if outside > OUTSIDE:
        return "overlap"
    return "near" if _share(box, shape) >= WHOLE else "contained"


def _share(box: tuple[float, ...], shape: tuple[int, ...]) -> float:
    return box[2] * box[3] / (shape[0] * shape[1])


def _described(pairs: pd.DataFrame, table: pd.DataFrame) -> pd.DataFrame:
    known = table.set_index("image_id")
    for side in ("a", "b"):
        of = known.loc[pairs[side], ["data_set", "source", "label"]].reset_index(drop=True)
        pairs = pairs.join(of.add_suffix(f"_{side}"))
    return pairs.assign(contradiction=pairs["kind"].isin(SAME) & (pairs["label_a"] != pairs["label_b"]))


def families(pairs: pd.DataFrame) -> pd.DataFrame:
    """Return the families of duplicate images (exact or near).

    Parameters
    ----------
    pairs : pandas.DataFrame
        `Audit.pairs`.

    Returns
    -------
    pandas.DataFrame
        ``pictures`` (int), ``example``, ``other`` (image_id, of the other class if possible), ``kinds`` and
        ``data_sets`` (str, joined by " + "), ``contradiction`` (bool: in both classes); largest first.
    """
    same = pairs[pairs["kind"].isin(SAME)].reset_index(drop=True)
    joined = DisjointSet([*same["a"], *same["b"]])
    for a, b in zip(same["a"], same["b"], strict=True):
        joined.merge(a, b)
    rows = [_family(part) for _, part in same.groupby([joined[a] for a in same["a"]], sort=False)]
    columns = ["pictures", "example", "other", "kinds", "data_sets", "contradiction"]
    frame = pd.DataFrame(rows, columns=columns)
    return frame.sort_values("pictures", ascending=False, kind="stable", ignore_index=True)


def _family(part: pd.DataFrame) -> tuple:
    label = dict(zip([*part["a"], *part["b"]], [*part["label_a"], *part["label_b"]], strict=True))
    first = part["a"].iloc[0]
    other = next((name for name in label if label[name] != label[first]), part["b"].iloc[0])
    sets = " + ".join(dict.fromkeys([*part["data_set_a"], *part["data_set_b"]]))
    return len(label), first, other, " + ".join(part["kind"].unique()), sets, len(set(label.values())) > 1
