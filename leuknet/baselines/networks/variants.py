"""Image transformations for the augmentation used in the articles, on uint8 RGB images on the host."""

import cv2
import numpy as np


def moved(
    image: np.ndarray,
    angle: float = 0.0,
    shift: tuple[float, float] = (0.0, 0.0),
    zoom: float = 1.0,
    shear: float = 0.0,
) -> np.ndarray:
    """Return the image rotated and sheared (by `angle` and `shear` degrees), zoomed, and shifted by shares of its edge.

    Areas outside the image are filled by reflection.
    """
    edge = image.shape[0]
    matrix = cv2.getRotationMatrix2D((edge / 2 - 0.5, edge / 2 - 0.5), angle, zoom)
    slope = np.tan(np.radians(shear))
    matrix = np.array([[1, slope], [0, 1]]) @ matrix
    matrix[:, 2] += np.array(shift) * edge - np.array([slope * (edge - 1) / 2, 0])
    return cv2.warpAffine(image, matrix, (edge, edge), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)


def equalised(image: np.ndarray) -> np.ndarray:
    """Return the image with the histogram of its luma equalised and its chroma unchanged."""
    luma = cv2.cvtColor(image, cv2.COLOR_RGB2YCrCb)
    luma[..., 0] = cv2.equalizeHist(np.ascontiguousarray(luma[..., 0]))
    return cv2.cvtColor(luma, cv2.COLOR_YCrCb2RGB)


def blurred(image: np.ndarray, sigma: float) -> np.ndarray:
    """Return the image after a Gaussian filter of `sigma` px."""
    return cv2.GaussianBlur(np.asarray(image), (0, 0), sigma)


def flipped(image: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Return the image or its mirror image, with equal probability."""
    return np.ascontiguousarray(image[:, ::-1]) if generator.random() < 0.5 else np.asarray(image)
