"""Create ALL-IDB 1 (Crop): one image per centroid in the ``xyc`` files of ALL-IDB 1."""

from pathlib import Path

import numpy as np
from PIL import Image

from leuknet._outputs import replaced_folder
from leuknet.data.user_tables import text_of
from leuknet.exceptions import LeuknetError

EDGE = 257  # px, as in ALL-IDB 2


def centroids(path: Path) -> np.ndarray:
    """Read the centroids in an ``.xyc`` file: int array (n, 2) of x and y in px, empty for healthy images.

    Raises
    ------
    LeuknetError
        If a line does not contain two numbers.
    """
    rows = []
    for number, line in enumerate(text_of(path).splitlines(), 1):
        parts = line.replace(",", " ").split()
        if not parts:
            continue
        try:
            x, y = (round(float(part)) for part in parts[:2])
        except (ValueError, OverflowError):
            raise LeuknetError(f"{path}, line {number}: {line.strip()!r} is not a centroid, x and y") from None
        rows.append((x, y))
    return np.array(rows, int).reshape(-1, 2)


def crop_all(folder: Path, out: Path, edge: int = EDGE) -> int:
    """Crop a square around each centroid of ALL-IDB 1 in `folder` to ``out/ImNNN_1_KK.png``; return the number.

    The square is moved inside the image if the centroid is less than half an edge from the border.

    Raises
    ------
    LeuknetError
        If `folder` has a different layout, an image is missing, damaged or smaller than a square, or `out` contains
        other files (`leuknet._outputs.replaced_folder`).
    """
    files = sorted((Path(folder) / "xyc").glob("*.xyc"))
    if not files:
        raise LeuknetError(f"{folder} contains no file xyc/*.xyc: give the folder of ALL-IDB 1, with im/ and xyc/")
    count = 0
    with replaced_folder(out) as new:
        for path in files:
            centres = centroids(path)
            if not len(centres):
                continue
            image = _picture(Path(folder) / "im" / f"{path.stem}.jpg", path, edge)
            for k, (x, y) in enumerate(centres):
                left = int(np.clip(x - edge // 2, 0, image.width - edge))
                top = int(np.clip(y - edge // 2, 0, image.height - edge))
                image.crop((left, top, left + edge, top + edge)).save(new / f"{path.stem}_{k:02d}.png")
            count += len(centres)
    return count


def _picture(picture: Path, path: Path, edge: int) -> Image.Image:
    if not picture.is_file():
        raise LeuknetError(f"{path} has no image {picture}: complete the folder")
    try:
        with Image.open(picture, formats=("JPEG",)) as opened:
            image = opened.convert("RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise LeuknetError(f"{picture} cannot be decoded ({error}): replace it") from error
    if min(image.size) < edge:
        raise LeuknetError(f"{picture} has {image.width} x {image.height} px: give a smaller --edge than {edge}")
    return image
