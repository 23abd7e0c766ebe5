"""Reduce the size of the committed figures: ``python tools/reduce_figures.py figures``.

Each PNG is scaled to at most `WIDTH` pixels in width, a third more than ``figures/README.md`` shows, with a palette of
256 colours. The full-size figures and their SVG files stay in the result folder.
"""

import sys
from pathlib import Path

from PIL import Image

WIDTH = 800


def reduce(path: Path) -> None:
    """Replace a PNG file by its reduced version."""
    with Image.open(path) as image:
        small = image.convert("RGB")
    if small.width > WIDTH:
        small = small.resize((WIDTH, round(small.height * WIDTH / small.width)), Image.Resampling.LANCZOS)
    small.quantize(256, dither=Image.Dither.NONE).save(path, optimize=True)


if __name__ == "__main__":
    for name in sorted(Path(sys.argv[1]).glob("*.png")):
        reduce(name)
