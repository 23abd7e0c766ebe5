"""Marks burned into images: outlines in a pure colour, and scale bars."""

import cv2
import numpy as np

OUTLINE_SHARE = 0.001  # of the image's pixels
OUTLINE_SPAN = 0.15  # of the edge
BAR_SPAN = 0.06  # of the width
BAR_ASPECT = 5
BAR_FILL = 0.92


def outline(image):
    """Tell whether a thin line in a pure colour (red, green, blue, yellow, cyan or magenta) is drawn on the image.

    Parameters
    ----------
    image : numpy.ndarray, uint8, shape (height, width, 3)
    """
    largest, least = image.max(axis=2), image.min(axis=2)
    pure = ((largest >= 200) & (least <= 60)).astype(np.uint8)
    thick = cv2.morphologyEx(pure, cv2.MORPH_OPEN, np.ones((7, 7), np.uint8))
    thin = pure & ~cv2.dilate(thick, np.ones((5, 5), np.uint8))
    if thin.sum() < max(20, OUTLINE_SHARE * thin.size):
        return False
    joined = cv2.dilate(thin, np.ones((3, 3), np.uint8))
    _, _, stats, _ = cv2.connectedComponentsWithStats(joined, connectivity=8)
    spans = stats[1:, [cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT]].max(axis=1, initial=0)
    return bool((spans >= OUTLINE_SPAN * min(thin.shape)).any())


def scale_bar(image):
    """Tell whether a straight horizontal bar of one colour, black or white, stands in the upper or lower quarter."""
    height, width = image.shape[:2]
    level = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    for mask, dark in (((image.max(axis=2) <= 40), True), ((image.min(axis=2) >= 250), False)):
        _, _, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=4)
        for left, top, wide, high, area in stats[1:]:
            long = wide >= max(12, BAR_SPAN * width) and wide >= BAR_ASPECT * high and high >= 2
            filled, placed = area >= BAR_FILL * wide * high, top > 0.75 * height or top + high < 0.25 * height
            if long and filled and placed and wide < 0.9 * width and _stands_out(level, left, top, wide, high, dark):
                return True
    return False


def _stands_out(level, left, top, wide, high, dark):
    """Tell whether the rows just above and below the bar differ from it."""
    above, below = level[max(top - 3, 0), left : left + wide], level[min(top + high + 2, len(level) - 1)]
    below = below[left : left + wide]
    if dark:
        return min(np.median(above), np.median(below)) > 70
    return max(np.median(above), np.median(below)) < 220
