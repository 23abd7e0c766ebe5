"""Detection of marks burned into images: outlines in a pure colour, and scale bars."""

import cv2
import numpy as np
import pandas as pd

OUTLINE_SHARE = 0.001  # minimum share of the image's pixels
OUTLINE_SPAN = 0.15  # minimum share of the shorter edge
BAR_SPAN = 0.06  # minimum share of the width
BAR_ASPECT = 5
BAR_FILL = 0.92
STROKE_CONTRAST = 80  # grey levels in green, in which black and red letters are dark
STROKE_PIXELS = 10
STROKE_FILL = 0.4  # minimum share of a line's columns: letters are close together, edges of cells are not
LINE_ASPECT = 1.5
LINE_HEIGHT = 0.1  # maximum share of the image's height


def extremes(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the maximum and the minimum channel of each pixel, uint8 (height, width); faster than along axis 2."""
    planes = cv2.split(image)
    return np.max(planes, axis=0), np.min(planes, axis=0)


def outline(image: np.ndarray) -> bool:
    """Return whether the image contains a thin line in a pure colour (red, green, blue, yellow, cyan or magenta).

    Parameters
    ----------
    image : numpy.ndarray, uint8, shape (height, width, 3)
    """
    largest, least = extremes(image)
    pure = ((largest >= 200) & (least <= 60)).astype(np.uint8)
    thick = cv2.morphologyEx(pure, cv2.MORPH_OPEN, np.ones((7, 7), np.uint8))
    thin = np.where(cv2.dilate(thick, np.ones((5, 5), np.uint8)) > 0, 0, pure)
    if thin.sum() < max(20, OUTLINE_SHARE * thin.size):
        return False
    joined = cv2.dilate(thin, np.ones((3, 3), np.uint8))
    _, _, stats, _ = cv2.connectedComponentsWithStats(joined, connectivity=8)
    spans = stats[1:, [cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT]].max(axis=1, initial=0)
    return bool((spans >= OUTLINE_SPAN * min(thin.shape)).any())


def scale_bar(image: np.ndarray) -> bool:
    """Return whether there is a scale bar in the upper or lower quarter.

    It is detected by a straight horizontal bar, black or white, with or without ticks at its ends, or by its lettering,
    because nearest-neighbour downsampling may remove a thin bar but leave digits and ticks.

    Parameters
    ----------
    image : numpy.ndarray, uint8, shape (height, width, 3)
    """
    return _bar(image) or _lettering(image)


def _bar(image: np.ndarray) -> bool:
    height, width = image.shape[:2]
    least = max(12, round(BAR_SPAN * width))
    level = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    largest, lowest = extremes(image)
    for mask, dark in (((largest <= 40), True), ((lowest >= 250), False)):
        flat = cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_OPEN, np.ones((1, least), np.uint8))  # no ticks
        _, _, stats, _ = cv2.connectedComponentsWithStats(flat, connectivity=4)
        for left, top, wide, high, area in stats[1:]:
            long = wide >= BAR_ASPECT * high and high >= 2
            filled, placed = area >= BAR_FILL * wide * high, top > 0.75 * height or top + high < 0.25 * height
            if long and filled and placed and wide < 0.9 * width and _stands_out(level, left, top, wide, high, dark):
                return True
    return False


def _lettering(image: np.ndarray) -> bool:
    """Return whether there is a line of closely spaced vertical strokes, up to 4 px wide, darker than both sides."""
    height, width = image.shape[:2]
    strokes = cv2.morphologyEx(image[..., 1], cv2.MORPH_BLACKHAT, np.ones((1, 5), np.uint8)) >= STROKE_CONTRAST
    strokes[height // 4 : height - height // 4] = False
    near = np.ones((3, max(5, width // 40 * 2 + 1)), np.uint8)
    _, parts = cv2.connectedComponents(cv2.dilate(strokes.astype(np.uint8), near))
    places = pd.DataFrame(np.argwhere(strokes), columns=["row", "column"])
    for _, part in places.groupby(parts[strokes]):
        wide, high = np.ptp(part["column"]) + 1, np.ptp(part["row"]) + 1
        line = wide >= max(BAR_SPAN * width, LINE_ASPECT * high) and high <= LINE_HEIGHT * height
        if line and len(part) >= STROKE_PIXELS and part["column"].nunique() >= STROKE_FILL * wide:
            return True
    return False


def _stands_out(level: np.ndarray, left: int, top: int, wide: int, high: int, dark: bool) -> bool:
    """Return whether the rows just above and below the bar differ from it."""
    rows = level[[max(top - 3, 0), min(top + high + 2, len(level) - 1)], left : left + wide]
    levels = np.median(rows, axis=1)
    return bool(levels.min() > 70 if dark else levels.max() < 220)
