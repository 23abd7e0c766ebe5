"""Search for crops and overlapping fields among images, by matching of local features (SIFT, Lowe 2004).

Each feature has a position, a size and a direction, so that a single match determines a position of the crop. Matches
that rotate the crop, scale it by more than `REACH` or place less than `COMMON` of it inside the other image are
discarded; consistent matches of a pair vote for one box. The features of all images are indexed in one k-d forest, so
that the run time does not grow faster than the number of images.

Crops rotated by more than `TURN` or mirrored and crops with few features are not detected. In a test, 217 of 260 crops
of 257 px at random positions in large fields and all of 260 crops around cells were detected. Of 8 drawn fields divided
into two overlapping parts, one of them resized to 0.9, all were detected with at least 40 % of common area, 6 with 30 %
and 3 with 20 %.
"""

from collections.abc import Sequence

import cv2
import numpy as np
import pandas as pd

COLUMNS = ["crop", "holder", "votes", "left", "top", "width", "height"]
LONGEST = 1400  # px: larger images are reduced to this edge for the search, but not in `confirm`
SMALLEST = 160  # px: smaller images are enlarged for the search
FEATURES = 3000  # maximum number of features of an image as a holder
QUERIES = 150  # maximum number of features of an image as a crop
NEIGHBOURS = 8
REACH = 1.2  # octaves: scale factors of 0.5 to 2, with a tolerance for the measured size
TURN = 15  # degrees
COMMON = 0.15  # minimum share of the crop's box inside the other image
LARGER = 1.44  # maximum ratio of a box's area to the other image's area; above it, the other image is the crop
AGREE = 0.15  # maximum distance between the centres of consistent boxes, as a share of the crop's edge
FEWEST = 2  # minimum number of votes for a box
HOLDERS = 10  # maximum number of holders per crop, by votes
BATCH = 20_000
Features = tuple[np.ndarray, np.ndarray]  # points and descriptors of one image, see `features`


def features(image: np.ndarray) -> Features:
    """Return the SIFT features of an image.

    Parameters
    ----------
    image : numpy.ndarray, uint8, shape (height, width, 3)

    Returns
    -------
    points : numpy.ndarray, float32, shape (n, 4)
        x, y and size in px of the image, direction in degrees; strongest first.
    descriptors : numpy.ndarray, float32, shape (n, 128)
        Square roots of the L1-normalised histograms (Arandjelović & Zisserman 2012), unit length.
    """
    plane = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    longest = max(plane.shape)
    factor = min(LONGEST / longest, max(1.0, SMALLEST / longest))
    if factor != 1:
        how = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
        plane = cv2.resize(plane, None, fx=factor, fy=factor, interpolation=how)
    detector = cv2.SIFT.create(FEATURES, contrastThreshold=0.02, edgeThreshold=20)
    keypoints, values = detector.detectAndCompute(plane, None)
    if not keypoints:
        return np.zeros((0, 4), np.float32), np.zeros((0, 128), np.float32)
    order = np.argsort([-point.response for point in keypoints], kind="stable")
    points = np.array([(*point.pt, point.size, point.angle) for point in keypoints], np.float32)[order]
    points[:, :3] /= factor
    values = values[order] / np.maximum(values[order].sum(axis=1, keepdims=True), 1e-6)
    return points, np.sqrt(values).astype(np.float32)


def candidates(described: Sequence[Features], sizes: np.ndarray) -> pd.DataFrame:
    """Return the possible holders of each image, i.e. the images of which it may be a crop.

    Parameters
    ----------
    described : list of (points, descriptors)
        Results of `features`, one per image.
    sizes : array of int, shape (n, 2)
        Width and height of each image in px.

    Returns
    -------
    pandas.DataFrame
        ``crop``, ``holder`` (positions), ``votes``, ``left``, ``top``, ``width``, ``height`` (px, in the holder),
        sorted by holder and crop.
    """
    matches = _matches(described, np.asarray(sizes, np.float32))
    matches = matches[matches.groupby(["crop", "holder"])["x"].transform("size") >= FEWEST]
    boxes = matches[["scale", "x", "y", "width", "height"]].to_numpy()
    groups = matches.groupby(["crop", "holder"]).indices
    rows = [(*pair, *_vote(*boxes[groups[pair]].T)) for pair in sorted(groups)]
    frame = pd.DataFrame(rows, columns=COLUMNS)
    frame = frame[frame["votes"] >= FEWEST].sort_values("votes", ascending=False, kind="stable")
    return frame.groupby("crop").head(HOLDERS).sort_values(["holder", "crop"], ignore_index=True)


def _matches(described: Sequence[Features], sizes: np.ndarray) -> pd.DataFrame:
    """Return the plausible matches: crop, holder, scale (px of holder per px of crop), x, y, width, height."""
    owner = np.concatenate([np.full(len(points), place) for place, (points, _) in enumerate(described)])
    points = np.concatenate([points for points, _ in described])
    descriptors = np.concatenate([values for _, values in described])
    cv2.setRNGSeed(0)  # the trees are random; a fixed seed makes the pairs reproducible
    forest = cv2.flann.Index(descriptors, {"algorithm": 1, "trees": 4})
    queries = np.concatenate([np.flatnonzero(owner == place)[:QUERIES] for place in range(len(described))])
    parts = []
    for start in range(0, len(queries), BATCH):
        part = queries[start : start + BATCH]
        near, _ = forest.knnSearch(descriptors[part], NEIGHBOURS + 1, params={"checks": 64})
        parts.append(_allowed(np.repeat(part, NEIGHBOURS + 1), near.ravel(), owner, points, sizes))
    return pd.concat(parts, ignore_index=True)


def _allowed(
    query: np.ndarray, near: np.ndarray, owner: np.ndarray, points: np.ndarray, sizes: np.ndarray
) -> pd.DataFrame:
    crop, holder = owner[query], owner[near]
    scale = points[near, 2] / points[query, 2]
    turn = np.abs((points[near, 3] - points[query, 3] + 180) % 360 - 180)
    size = sizes[crop] * scale[:, None]
    centre = points[near, :2] + scale[:, None] * (sizes[crop] / 2 - points[query, :2])
    common = np.minimum(centre + size / 2, sizes[holder]) - np.maximum(centre - size / 2, 0)
    area = size.prod(axis=1)
    lies = (common.clip(min=0).prod(axis=1) > COMMON * area) & (area < LARGER * sizes[holder].prod(axis=1))
    good = (crop != holder) & (turn < TURN) & (np.abs(np.log2(scale)) < REACH) & lies
    columns = {"crop": crop, "holder": holder, "scale": scale, "x": centre[:, 0], "y": centre[:, 1]}
    frame = pd.DataFrame({**columns, "width": size[:, 0], "height": size[:, 1]})
    return frame[good]


def _vote(
    scale: np.ndarray, x: np.ndarray, y: np.ndarray, width: np.ndarray, height: np.ndarray
) -> tuple[int, float, float, float, float]:
    """Return the votes and box (left, top, width, height) of the largest set of matches consistent with one of them."""
    edge = AGREE * width.clip(min=1)
    close = np.abs(np.log2(scale[:, None] / scale)) < 0.35
    close &= (np.abs(x[:, None] - x) < edge[:, None]) & (np.abs(y[:, None] - y) < edge[:, None])
    agreed = close[close.sum(axis=1).argmax()]
    column, row, wide, high = (float(np.median(values[agreed])) for values in (x, y, width, height))
    return int(agreed.sum()), column - wide / 2, row - high / 2, wide, high
