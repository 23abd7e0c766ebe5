"""Audit of 260 crops against 108 images of 2592 x 1944 px, and recall and precision on the synthetic family.

python bench/leakage.py [IMAGES ...]            # seconds, CPU seconds and peak memory for each number (27 54 108)
python bench/leakage.py --truth [FRACTION]      # rescaled by half to twice, JPEG 60, against the synthetic truth
"""

import hashlib
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np
import pandas as pd

from leuknet import _random
from leuknet.data.leakage.audit import look
from leuknet.data.leakage.pictures import Pictures, pictures_of
from leuknet.data.synthetic import synthetic_cohort
from leuknet.data.synthetic.draw import draw
from leuknet.data.synthetic.plan import CELL_CROPS, Field, plan

CROPS, EDGE, WIDTH, HEIGHT = 260, 257, 2592, 1944


def write_images(folder, number):
    """Write `number` large fields as JPEG and crops at ALL-IDB 2's cells as PNG; return a table of true matches."""
    fields = [task for task in plan(1.0, 0, 1) if isinstance(task, Field)]
    rows, cells = [], []
    for k, field in enumerate(fields[:: len(fields) // number][:number]):
        whole, *crops = draw(field, 1)
        image = cv2.resize(whole.image, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
        rows.append(_saved(folder / f"Im{k:03d}.jpg", image, ""))
        cells += [(k, crop.row["box"]) for crop in crops if crop.row["data_set"] == CELL_CROPS]
    for n, (k, box) in enumerate(cells[:CROPS]):
        left, top, width, _ = (2 * int(edge) for edge in box.split(","))
        left, top = left + (width - EDGE) // 2, top + (width - EDGE) // 2
        image = cv2.imread(rows[k]["path"])[top : top + EDGE, left : left + EDGE, ::-1]
        rows.append(_saved(folder / f"crop{n:03d}.png", image, f"Im{k:03d}.jpg"))
    return pd.DataFrame(rows)


def _saved(path, image, parent):
    how = [cv2.IMWRITE_JPEG_QUALITY, 92] if path.suffix == ".jpg" else []
    cv2.imwrite(str(path), image[..., ::-1], how)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return {"image_id": path.name, "path": str(path), "sha256": digest, "parent": parent}


def timed(number):
    """Run the audit in this process and print its run time and the process's peak memory."""
    with tempfile.TemporaryDirectory() as folder:
        table = write_images(Path(folder), number)
        wall, cpu = time.perf_counter(), time.process_time()
        pairs, _ = look(Pictures(table))
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    true = set(table.loc[table["parent"] != "", ["image_id", "parent"]].itertuples(index=False, name=None))
    large = pairs[pairs["b"].str.endswith(".jpg")]
    named = set(zip(large["a"], large["b"], strict=True))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(
        f"{number} images, {len(true)} crops: {wall:.0f} s, {cpu:.0f} CPU s, {peak:.2f} GB; "
        f"found {len(named & true)} of {len(true)}, false {len(named - true)}",
        flush=True,
    )


def truth(fraction):
    """Print recall and precision of containment on the synthetic cohort, crops rescaled and compressed."""
    whole = pictures_of(synthetic_cohort(32, fraction, 8))
    generator, images = _random.rng("bench truth"), list(whole.images)
    parent = whole.table["parent"].to_numpy()
    for place in np.flatnonzero(parent != ""):
        scale = float(2 ** generator.uniform(-1, 1))
        how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
        image = cv2.resize(images[place], None, fx=scale, fy=scale, interpolation=how)
        code = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 60])[1]
        images[place] = cv2.imdecode(code, cv2.IMREAD_COLOR)
    pairs, _ = look(Pictures(whole.table, tuple(images)))
    origin = dict(zip(whole.table["image_id"], parent, strict=True))
    true = {(a, b) for a, b in origin.items() if b}
    kin = {(a, b) for a, b in zip(pairs["a"], pairs["b"], strict=True) if origin[a] and origin[a] == origin[b]}
    named = (
        set(zip(pairs["a"], pairs["b"], strict=True)) - kin
    )  # two crops of one field may overlap, so they count as neither true nor false
    right = len(named & true)
    print(
        f"{len(origin)} images, {len(true)} crops: recall {right / len(true):.4f}, precision {right / len(named):.4f}"
    )
    print("missed:", sorted(true - named)[:10], "false:", sorted(named - true)[:10])


if __name__ == "__main__":
    if "--truth" in sys.argv:
        truth(float(sys.argv[2]) if len(sys.argv) > 2 else 0.2)
    elif len(sys.argv) == 2:
        timed(int(sys.argv[1]))
    else:
        for asked in sys.argv[1:] or ["27", "54", "108"]:
            subprocess.run([sys.executable, __file__, asked], check=True)
