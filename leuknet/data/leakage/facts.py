"""Non-biological properties of an image: size, file format, metadata, colours and border."""

import io
from typing import Any

import cv2
import numpy as np
from PIL import ExifTags, Image

from leuknet.data.statistics import border
from leuknet.exceptions import LeuknetError

SHORTCUTS = {
    "image size": ["width", "height", "aspect"],
    "file format": ["format"],
    "camera and date (EXIF)": ["camera", "day"],
    "mean colour": [f"{channel}_{what}" for what in ("mean", "sd") for channel in ("red", "green", "blue")],
    "border pixels": [f"border_{what}_{channel}" for what in ("mean", "sd") for channel in ("red", "green", "blue")],
    "JPEG tables": ["jpeg_luma", "jpeg_chroma", "jpeg_sampling"],
}
TEXT = ("format", "camera", "day", "jpeg_sampling")


def facts(image: np.ndarray, data: bytes | None) -> dict[str, Any]:
    """Return the properties of an image that may identify its origin.

    Parameters
    ----------
    image : numpy.ndarray, uint8, shape (height, width, 3)
    data : bytes or None
        Content of the image file; None if there is no file.

    Returns
    -------
    dict
        One entry per name in `SHORTCUTS`: lengths in px, colours from 0 to 255, JPEG tables as the mean of their 64
        entries (0 if missing), and text, empty if the file does not contain it.
    """
    mean, sd = (values.ravel() for values in cv2.meanStdDev(image))
    rim = image[border(*image.shape[:2])].astype(np.float32)
    row = {"width": image.shape[1], "height": image.shape[0], "aspect": image.shape[1] / image.shape[0]}
    values = [*mean, *sd, *rim.mean(axis=0), *rim.std(axis=0)]
    row |= dict(zip(SHORTCUTS["mean colour"] + SHORTCUTS["border pixels"], map(float, values), strict=True))
    return row | _of_file(data)


def _of_file(data: bytes | None) -> dict[str, Any]:
    row: dict[str, Any] = dict.fromkeys(TEXT, "") | {"jpeg_luma": 0.0, "jpeg_chroma": 0.0}
    if data is None:
        return row
    try:
        with Image.open(io.BytesIO(data)) as file:
            row["format"] = file.format or ""
            exif = file.getexif()
            named = [str(exif.get(tag, "")).strip("\0 ") for tag in (ExifTags.Base.Make, ExifTags.Base.Model)]
            row["camera"] = " ".join(named).strip()
            row["day"] = str(exif.get(ExifTags.Base.DateTime, ""))[:10]
            tables = getattr(file, "quantization", None) or {}
            means = [float(np.mean(table)) for _, table in sorted(tables.items())]
            row["jpeg_luma"], row["jpeg_chroma"] = (means + [0.0, 0.0])[:2]
            row["jpeg_sampling"] = str(getattr(file, "layer", ""))
    except (OSError, ValueError, SyntaxError) as error:
        raise LeuknetError(f"the header of an image cannot be read: {error}") from error
    return row
