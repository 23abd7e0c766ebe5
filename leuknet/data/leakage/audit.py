"""The leakage audit: what images of a cohort share, and what names their label without biology."""

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from importlib.resources import files
from itertools import combinations

import cv2
import numpy as np
import pandas as pd

from leuknet._io import atomic, cache_dir, hash_of
from leuknet.data.leakage import marks, near, search
from leuknet.data.leakage.confirm import grey, same
from leuknet.data.leakage.facts import facts
from leuknet.data.leakage.shortcuts import shortcuts
from leuknet.exceptions import LeuknetError

WHOLE = 0.93  # share of the holder's area from which on a crop is the image again
PAIR = ["kind", "a", "b", "turn", "left", "top", "width", "height", "score", "detail"]
OUTSIDE = 0.03  # share of the edge by which a box may leave the image and still count as inside


@dataclass(frozen=True)
class Audit:
    """What was found.

    Attributes
    ----------
    pairs : pandas.DataFrame
        ``kind`` ("exact": the same decoded pixels; "near": the same image saved again, resized, turned or mirrored;
        "contained": `a` is a crop of `b`; "overlap": `a` and `b` show parts of one field), ``a``, ``b`` (image_id),
        ``turn`` (how `b` must be turned to look like `a`), ``left``, ``top``, ``width``, ``height`` (box in `b`, px),
        ``score`` and ``detail`` (correlations at full size), and of both images data set, source and label.
    facts : pandas.DataFrame
        Per image: `facts.facts`, ``outline`` and ``scale_bar`` (bool), in the table's order.
    shortcuts : pandas.DataFrame
        See `shortcuts.shortcuts`.
    key : str
        Hash of images, labels and of this code: what the verdict is about.
    """

    pairs: pd.DataFrame
    facts: pd.DataFrame
    shortcuts: pd.DataFrame
    key: str


def audit(pictures, seed=0):
    """Audit images for copies, crops, shortcuts and burned-in marks; kept in the cache.

    Parameters
    ----------
    pictures : Pictures
    seed : int
        Of the shortcuts' cross-validation.

    Returns
    -------
    Audit
    """
    rows = pictures.table[["image_id", "data_set", "source", "group", "label", "sha256"]].astype(str)
    key = hash_of([_version(), cv2.__version__, rows.to_numpy().tolist()])
    folder = cache_dir() / "audits"
    paths = [folder / f"{key}-{name}.parquet" for name in ("pairs", "facts")]
    if not all(path.is_file() for path in paths):
        for path, frame in zip(paths, look(pictures), strict=True):
            with atomic(path) as temporary:
                frame.to_parquet(temporary)
    pairs, seen = (pd.read_parquet(path) for path in paths)
    return Audit(_described(pairs, pictures.table), seen, shortcuts(pictures.table, seen, seed), key)


@lru_cache(maxsize=1)
def _version():
    digest = sha256()
    for path in sorted(files(__package__).iterdir(), key=lambda path: path.name):
        if path.name.endswith(".py"):
            digest.update(path.read_bytes())
    return digest.hexdigest()


def look(pictures):
    """Return the pairs (columns `PAIR`) and the facts of `pictures`, computed anew."""
    if len(pictures) < 2:
        raise LeuknetError("an audit compares images: the cohort has fewer than two")
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        seen = list(pool.map(lambda place: _see(pictures, place), range(len(pictures))))
    table = pd.DataFrame([one["facts"] for one in seen])
    sizes = table[["width", "height"]].to_numpy()
    found = _exact([one["digest"] for one in seen], sizes)
    wanted = search.candidates([one["features"] for one in seen], sizes)
    doubles = near.candidates(np.stack([one["hashes"] for one in seen]), sizes)
    del seen
    _confirm(pictures, doubles, wanted, found)
    ids = pictures.table["image_id"].to_numpy()
    rows = [(kind, ids[a], ids[b], *rest) for (a, b), (kind, *rest) in sorted(found.items())]
    return pd.DataFrame(rows, columns=PAIR), table


def _see(pictures, place):
    image = pictures.read(place)
    row = facts(image, pictures.data(place)) | {"outline": marks.outline(image), "scale_bar": marks.scale_bar(image)}
    digest = sha256(repr(image.shape).encode() + np.ascontiguousarray(image).tobytes()).hexdigest()
    return {"facts": row, "digest": digest, "features": search.features(image), "hashes": near.hashes(image)}


def _exact(digests, sizes):
    places = pd.Series(range(len(digests))).groupby(digests, sort=False)
    pairs = (pair for _, group in places if len(group) > 1 for pair in combinations(group, 2))
    return {pair: ("exact", "", 0.0, 0.0, *map(float, sizes[pair[1]]), 1.0, 1.0) for pair in pairs}


def _confirm(pictures, doubles, wanted, found):
    """Look at the pixels of candidate pairs, and enter into `found` those that show the same."""
    plane = lru_cache(maxsize=64)(lambda place: grey(pictures.read(place)))
    for a, b, turn in doubles.itertuples(index=False, name=None):
        if (a, b) not in found:
            other = near.turned(plane(b), turn)
            match = same(plane(a), other, (0, 0, *other.shape[::-1]))
            if match and _share(match.box, other.shape) >= WHOLE:
                box = (0.0, 0.0, *map(float, plane(b).shape[::-1]))
                found[a, b] = ("near", near.TURNS[turn], *box, match.score, match.detail)
    for crop, holder, _, *box in wanted.itertuples(index=False, name=None):
        if (crop, holder) in found or (holder, crop) in found:
            continue
        match = same(plane(crop), plane(holder), box)
        if match:
            kind = _kind(match.box, plane(holder).shape)
            found[crop, holder] = (kind, "", *match.box, match.score, match.detail)


def _kind(box, shape):
    """Return what a box in an image of `shape` (height, width) makes of the image that shows the same."""
    left, top, width, height = box
    outside = max(-left / width, -top / height, (left + width - shape[1]) / width, (top + height - shape[0]) / height)
    if outside > OUTSIDE:
        return "overlap"
    return "near" if _share(box, shape) >= WHOLE else "contained"


def _share(box, shape):
    return box[2] * box[3] / (shape[0] * shape[1])


def _described(pairs, table):
    known = table.set_index("image_id")
    for side in ("a", "b"):
        of = known.loc[pairs[side], ["data_set", "source", "label"]].reset_index(drop=True)
        pairs = pairs.join(of.add_suffix(f"_{side}"))
    return pairs
