"""From the slide to the file: absorbance, light, focus, sharpening, noise and JPEG."""

import cv2
import numpy as np


def photograph(generator, planes, shot):
    """Photograph a smear.

    Parameters
    ----------
    generator : numpy.random.Generator
    planes : numpy.ndarray, float32, shape (height, width, 4)
        Concentrations (see `smear.Smear`).
    shot : Shot

    Returns
    -------
    numpy.ndarray, uint8, shape (height, width, 3)
        RGB, after one JPEG compression.
    """
    values = shot.values
    light = cv2.exp(cv2.transform(planes, shot.absorb * np.float32(-np.log(10))))
    light *= _falloff(generator, planes.shape[:2], values["vignette"])[..., None] * shot.background
    light = cv2.GaussianBlur(light, (0, 0), max(values["focus"], 0.3))
    if values["sharpen"] > 0.05:
        smooth = cv2.GaussianBlur(light, (0, 0), 1.2)
        light = cv2.addWeighted(light, 1 + values["sharpen"], smooth, -values["sharpen"], 0)
    light += values["noise"] * _grain(generator, light.shape)
    return _jpeg(np.clip(light + 0.5, 0, 255).astype(np.uint8), round(values["jpeg"]))


def _falloff(generator, shape, loss):
    """Light by place, about 1 - `loss` in the corners; the lamp's centre is off the image's."""
    x0, y0 = generator.normal(0, 0.15, 2)
    y, x = np.ogrid[-1 : 1 : shape[0] * 1j, -1 : 1 : shape[1] * 1j]
    return (1 - loss * ((x - x0) ** 2 + (y - y0) ** 2) / 2).astype(np.float32)


def _grain(generator, shape):
    """Sensor noise of unit variance with a little correlation between neighbours; sums of uniform bytes, for speed."""
    uniform = np.frombuffer(generator.bytes(int(np.prod(shape))), np.uint8).reshape(shape).astype(np.float32)
    return cv2.GaussianBlur((uniform - 127.5) / 73.9, (0, 0), 0.6) * 2.06


def _jpeg(image, quality):
    done, code = cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        raise RuntimeError("OpenCV could not encode a JPEG")
    return cv2.imdecode(code, cv2.IMREAD_COLOR)[..., ::-1]
