"""Image formation from slide to file: absorbance, illumination, focus, sharpening, noise and JPEG."""

from functools import cache

import cv2
import numpy as np

from leuknet._random import rng
from leuknet.data.synthetic.looks import Shot

GRAIN_SIDE = 401  # px


def photograph(generator: np.random.Generator, planes: np.ndarray, shot: Shot) -> np.ndarray:
    """Return the photograph of a smear.

    Parameters
    ----------
    generator : numpy.random.Generator
    planes : numpy.ndarray, float32, shape (height, width, 4)
        Concentrations (see `smear.Smear`).
    shot : Shot

    Returns
    -------
    numpy.ndarray, uint8, shape (height, width, 3)
        RGB image, compressed once as JPEG.
    """
    values = shot.values
    light: np.ndarray = cv2.transform(planes, shot.absorb * np.float32(-np.log(10)))
    cv2.exp(light, dst=light)  # in place: allocation costs more than the arithmetic
    light *= shot.background
    light *= _falloff(generator, planes.shape[:2], values["vignette"])[..., None]
    cv2.GaussianBlur(light, (0, 0), max(values["focus"], 0.3), dst=light)
    if values["sharpen"] > 0.05:
        smooth = cv2.GaussianBlur(light, (0, 0), 1.2)
        cv2.addWeighted(light, 1 + values["sharpen"], smooth, -values["sharpen"], 0, dst=light)
    _add_grain(generator, light, values["noise"])
    whole: np.ndarray = cv2.add(light, 0.0, dtype=cv2.CV_8U)  # type: ignore[call-overload]  # no scalar in the stubs
    return _jpeg(whole, round(values["jpeg"]))


def _falloff(generator: np.random.Generator, shape: tuple[int, ...], loss: float) -> np.ndarray:
    """Return the relative illumination, about 1 - `loss` in the corners, centred near the image's centre."""
    x0, y0 = generator.normal(0, 0.15, 2)
    y, x = np.ogrid[-1 : 1 : shape[0] * 1j, -1 : 1 : shape[1] * 1j]
    return (1 - loss * ((x - x0) ** 2 + (y - y0) ** 2) / 2).astype(np.float32)


def _add_grain(generator: np.random.Generator, light: np.ndarray, noise: float) -> None:
    """Add sensor noise of s.d. `noise`, correlated between neighbours: one tile, repeated at random offsets."""
    tile = np.float32(noise) * _grain_tile()
    for top in range(-int(generator.integers(GRAIN_SIDE)), light.shape[0], GRAIN_SIDE):
        for left in range(-int(generator.integers(GRAIN_SIDE)), light.shape[1], GRAIN_SIDE):
            part = light[max(top, 0) : top + GRAIN_SIDE, max(left, 0) : left + GRAIN_SIDE]
            y, x = max(-top, 0), max(-left, 0)
            part += tile[y : y + part.shape[0], x : x + part.shape[1]]


@cache
def _grain_tile() -> np.ndarray:
    noise = rng("grain").standard_normal((GRAIN_SIDE, GRAIN_SIDE, 3), np.float32)
    smooth = np.asarray(cv2.GaussianBlur(noise, (0, 0), 0.6))
    return smooth / smooth.std()


def _jpeg(image: np.ndarray, quality: int) -> np.ndarray:
    done, code = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        raise RuntimeError("OpenCV could not encode a JPEG")
    return cv2.cvtColor(np.asarray(cv2.imdecode(code, cv2.IMREAD_COLOR)), cv2.COLOR_BGR2RGB)
