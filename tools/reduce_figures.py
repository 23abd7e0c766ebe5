"""Make the committed figures small: ``python tools/reduce_figures.py figures``.

Each PNG gets at most `WIDTH` pixels across, a third more than ``figures/README.md`` shows, and a palette of 256
colours. The full figures, and their SVG, stay in the result folder.
"""

import sys
from pathlib import Path

from PIL import Image

WIDTH = 800


def reduce(path: Path) -> None:
    """Replace a PNG by its reduced copy."""
    with Image.open(path) as image:
        small = image.convert("RGB")
    if small.width > WIDTH:
        small = small.resize((WIDTH, round(small.height * WIDTH / small.width)), Image.Resampling.LANCZOS)
    small.quantize(256, dither=Image.Dither.NONE).save(path, optimize=True)


if __name__ == "__main__":
    for name in sorted(Path(sys.argv[1]).glob("*.png")):
        reduce(name)
