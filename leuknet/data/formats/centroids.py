"""Create ALL-IDB 1 (Crop): one image per centroid in the ``xyc`` files of ALL-IDB 1."""

from pathlib import Path

import numpy as np
from PIL import Image

from leuknet._io import atomic
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
    for number, line in enumerate(Path(path).read_text(encoding="ascii", errors="replace").splitlines(), 1):
        parts = line.replace(",", " ").split()
        if not parts:
            continue
        try:
            x, y = (round(float(part)) for part in parts[:2])
        except ValueError:
            raise LeuknetError(f"{path}, line {number}: {line.strip()!r} is not a centroid, x and y") from None
        rows.append((x, y))
    return np.array(rows, int).reshape(-1, 2)


def crop_all(folder: Path, out: Path, edge: int = EDGE) -> int:
    """Crop a square around each centroid of ALL-IDB 1 in `folder` to ``out/ImNNN_1_KK.png``; return the number.

    If the centroid is closer to the border of the image than half an edge, the square is shifted into the image.
    """
    count = 0
    for path in sorted((Path(folder) / "xyc").glob("*.xyc")):
        centres = centroids(path)
        if not len(centres):
            continue
        picture = Path(folder) / "im" / f"{path.stem}.jpg"
        if not picture.is_file():
            raise LeuknetError(f"{path} has no image {picture}: complete the folder")
        with Image.open(picture) as opened:
            image = opened.convert("RGB")
        for k, (x, y) in enumerate(centres):
            left = int(np.clip(x - edge // 2, 0, image.width - edge))
            top = int(np.clip(y - edge // 2, 0, image.height - edge))
            with atomic(Path(out) / f"{path.stem}_{k:02d}.png") as temporary:
                image.crop((left, top, left + edge, top + edge)).save(temporary)
            count += 1
    return count
