"""Run time of drawing the synthetic cohort, and its comparison with real smears in colour and size.

Without arguments: time for the demo's and the full cohort, and the predictive value of the mean colour.
With ``--real shared/real``: statistics next to those of real images.
"""

import argparse
import csv
import time
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import psutil
from joblib import cpu_count
from scipy import ndimage
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from leuknet.data.synthetic.cohort import draw_cohort
from leuknet.data.synthetic.draw import draw
from leuknet.data.synthetic.plan import plan

KINDS = {1: "neutrophil", 2: "lymphocyte", 3: "monocyte", 4: "eosinophil", 5: "basophil"}
NAMES = {"segmented": "neutrophil", "band": "neutrophil"}


def background_of(image):
    """Return the mode of the bright pixels, selected by their darkest channel."""
    darkest = image.min(-1)
    histogram = ndimage.gaussian_filter1d(np.bincount(darkest.ravel(), minlength=256).astype(float), 3)
    start = int(darkest.mean())
    mode = start + int(histogram[start:].argmax())
    return np.median(image[np.abs(darkest.astype(int) - mode) < 4], 0)


def measure(image, mask=None):
    """Return colour statistics of one RGB image, and sizes if its mask is given (definitions: see looks.toml)."""
    background = background_of(image)
    density = -np.log10(np.clip(image, 1, 255) / np.maximum(background, 1))
    found = {"background": background, "mean": image.mean((0, 1)), "s.d.": image.std((0, 1))}
    found["saturation"] = cv2.cvtColor(image, cv2.COLOR_RGB2HSV)[..., 1].mean() / 255
    nucleus = density[..., 0] > 0.22 if mask is None else mask == 2
    white = ndimage.binary_dilation(nucleus if mask is None else mask > 0, iterations=max(4, image.shape[0] // 40))
    red = ~white & (density[..., 1] > 0.07) & (density[..., 0] < 0.35)
    found["red OD"] = np.median(density[red], 0) if red.sum() > 200 else np.full(3, np.nan)
    found["red cover"] = red.sum() / max((~white).sum(), 1)
    found["texture"] = cv2.Laplacian(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32), cv2.CV_32F).std()
    if mask is not None and (mask == 2).any() and (mask == 1).any():
        found["nucleus OD"] = np.median(density[mask == 2], 0)
        found["nucleus OD s.d."] = density[mask == 2].std(0)
        found["cytoplasm OD"] = np.median(density[mask == 1], 0)
        found["nucleus share of image"] = (mask == 2).mean()
        found["nucleus / cell"] = (mask == 2).sum() / (mask > 0).sum()
        found["cell diameter / width"] = 2 * np.sqrt((mask > 0).sum() / np.pi) / image.shape[1]
    return found


def summary(rows):
    """Return mean ± s.d. over images, as text, by statistic."""
    frame = pd.DataFrame([{key: np.atleast_1d(value) for key, value in row.items()} for row in rows])
    lines = {}
    for key in frame:
        values = np.array([value for value in frame[key] if isinstance(value, np.ndarray)])
        if np.isnan(values).all():
            continue
        digits = 0 if key in ("background", "mean", "s.d.") else 2
        values = values[~np.isnan(values).any(1)]
        centre, spread = values.mean(0), values.std(0)
        lines[key] = " ".join(f"{v:.{digits}f}" for v in centre) + " ± " + " ".join(f"{v:.{digits}f}" for v in spread)
    return lines


def read(path):
    return cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)


def real_sources(folder):
    """Yield (source, list of measured images) of the real folders."""
    for name, number in (("JTSC", 1), ("CellaVision 2", 2)):
        root = folder / "segmentation_WBC"
        with open(root / f"Class Labels of Dataset {number}.csv") as file:
            kinds = {int(row[0]): KINDS[int(row[1])] for row in list(csv.reader(file))[1:] if row[0]}
        rows = {}
        for path in sorted((root / f"Dataset {number}").glob("*.bmp")):
            image, grey = read(path), cv2.imread(str(path.with_suffix(".png")), 0)
            height, width = np.minimum(image.shape[:2], grey.shape)
            mask = np.select([grey == 255, grey > 0], [2, 1], 0)[:height, :width]
            rows.setdefault(kinds[int(path.stem)], []).append(measure(image[:height, :width], mask))
        yield name, rows
    for name in ("bccd", "pbc", "raabin"):
        yield name, {"all": [measure(read(path)) for path in sorted((folder / name).glob("*.jpg"))[::4]]}


def compare(folder):
    """Print the statistics of real sources, then of the synthetic data sets at native size."""
    for name, rows in real_sources(folder):
        show(f"real {name}", rows)
    drawn = {}
    tasks = plan(0.25, 20, 0)
    for one in (one for task in tasks for one in draw(task, 0)):
        kind = NAMES.get(one.row["kind"], one.row["kind"])
        rows = drawn.setdefault(one.row["data_set"], {})
        if one.row["data_set"] != "ALL-IDB 1":
            rows.setdefault(kind, []).append(measure(one.image, one.mask))
    for name, rows in drawn.items():
        if rows:
            show(f"synthetic {name}", rows)


def show(name, rows):
    whole = [row for part in rows.values() for row in part]
    print(f"\n{name} ({len(whole)} images)")
    for key, text in summary(whole).items():
        print(f"  {key:24s} {text}")
    for kind in KINDS.values():
        if len(rows.get(kind, [])) > 2:
            parts = summary(rows[kind])
            print(f"  {kind:12s} n {len(rows[kind]):3d}", *(f"| {key} {parts[key]}" for key in list(parts)[-6:]))


def learnable(cohort):
    """Print how well the mean colour alone predicts the class and the data set (5-fold)."""
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000))
    colour = cohort.images.mean((1, 2))
    for name in ("ALL-IDB 1", "ALL-IDB 2", "UFG"):
        of = (cohort.table["data_set"] == name).to_numpy()
        accuracy = cross_val_score(model, colour[of], cohort.labels[of], cv=5).mean()
        majority = max(cohort.labels[of].mean(), 1 - cohort.labels[of].mean())
        print(f"class from mean colour, {name}: {accuracy:.3f} (majority {majority:.3f})")
    both = np.hstack([colour, cohort.images.std((1, 2))])
    for target in ("data_set", "source"):
        accuracy = cross_val_score(model, both, cohort.table[target], cv=5).mean()
        print(f"{target} from colour mean and s.d.: {accuracy:.3f} of {cohort.table[target].nunique()}")


def processor_seconds():
    """Return the CPU time of this process and its workers, which other processes on the machine affect little."""
    here = psutil.Process()
    times = [process.cpu_times() for process in (here, *here.children(recursive=True))]
    return sum(time.user + time.system for time in times)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--real", type=Path, help="folder with segmentation_WBC, bccd, pbc, raabin")
    folder = parser.parse_args().real
    if folder:
        compare(folder)
        return
    for label, arguments in (("demo", (80, 0.08, 12)), ("full size", (224, 1.0, 0))):
        start, used = time.perf_counter(), processor_seconds()
        cohort = draw_cohort(*arguments)
        seconds, used = time.perf_counter() - start, processor_seconds() - used
        size = f"{len(cohort)} images at {cohort.size} px"
        print(f"{label}: {size} in {seconds:.1f} s on {cpu_count()} cores, {used:.1f} s of processor time")
    learnable(cohort)


if __name__ == "__main__":
    main()
