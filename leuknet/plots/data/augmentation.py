"""The augmentation in figures and tables (paper, section 3.2, Figure 3), and a variant controlled by sliders."""

from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.patches import Rectangle

from leuknet._random import rng
from leuknet.data.cohort import Cohort
from leuknet.exceptions import LeuknetError
from leuknet.models.policy import COLUMNS, NOTHING, PAPER, SHEAR_UNITS, Policy, draw, identity, places, ranged
from leuknet.plots.axes import card, name_rows, picture, picture_grid, subplots
from leuknet.plots.style import CLASS_NAMES, COLUMN

BATCH = 8  # fixed, so that all images share one compiled shape
NAMES = "rotation|width shift|height shift|shear|zoom, width|zoom, height|horizontal flip|vertical flip"
WORDS = dict(zip(COLUMNS, NAMES.split("|"), strict=True))
FLIPS = ("flip_h", "flip_v")
SMOOTH = {"interpolation": "antialiased"}
CORNERS = [(0, 0), (0, -1), (-1, -1), (-1, 0), (0, 0)]


def change(**values: Any) -> np.ndarray:
    """Return one row of draws, float32 (1, 8), that changes only the named columns, e.g. ``theta=40``."""
    row = dict(zip(COLUMNS, identity(1)[0], strict=True)) | values
    return np.array([[row[name] for name in COLUMNS]], np.float32)


def ranges(policy: Policy) -> dict[str, tuple[float, float]]:
    """Return the lowest and highest draw of each of `COLUMNS`; they are equal if the policy does not change it."""
    ends = np.sort(ranged(policy, np.outer([-1.0, 1.0], np.ones(len(COLUMNS)))), axis=0)
    return {name: (low, high) for name, (low, high) in zip(COLUMNS, ends.T.tolist(), strict=True)}


def vary(image: np.ndarray, draws: np.ndarray, shear_unit: str = "degrees") -> np.ndarray:
    """Return the variants of one image, float32 (n, size, size, 3) in [0, 1], one per row of `draws`."""
    from leuknet.models.augmentation import warped

    rows = np.concatenate([draws, identity(-len(draws) % BATCH)])
    return warped(np.repeat(image[None], len(rows), axis=0), rows, shear_unit, BATCH)[: len(draws)]


def outside(draws: np.ndarray, size: int, shear_unit: str = "degrees") -> np.ndarray:
    """Return which pixels of the warped images are read from outside the image, bool (n, size, size)."""
    x, y = places(draws, size, shear_unit)
    return (np.abs(x - (size - 1) / 2) > size / 2) | (np.abs(y - (size - 1) / 2) > size / 2)


def one_each(table: pd.DataFrame, seed: int = 0) -> dict[int, int]:
    """Return the position of one image per class, ``{label: position}``; from one data set if it has both.

    Among several such data sets, the one with the smallest images is used because they show a single cell, not a field.
    """
    known = table.groupby("data_set", sort=False).agg(classes=("label", "nunique"), width=("width", "median"))
    both = known[known["classes"] == 2].sort_values("width", kind="stable").index
    part = table["data_set"].to_numpy() == both[0] if len(both) else np.ones(len(table), bool)
    labels = table["label"].to_numpy()
    found = {label: np.flatnonzero(part & (labels == label)) for label in (0, 1)}
    return {k: int(rng("augmented image", seed, k).choice(at)) for k, at in found.items() if len(at)}


def policy_table(policy: Policy = PAPER) -> pd.DataFrame:
    """Return the policy's parameters, one row each, next to the paper's wording and the sampling distribution."""
    frame, unit = pd.read_csv(Path(__file__).with_name("policy.csv"), dtype=str), policy.shear_unit
    drawn = zip(frame["here"], frame["name"].map(ranges(policy)), strict=True)
    here = [text.format(*ends, unit=unit) if np.ptp(ends) else "never" for text, ends in drawn]
    return frame.drop(columns="name").assign(here=here).replace("-", "−", regex=True)


def framed(ax: plt.Axes) -> None:
    """Frame the original image to distinguish it from its variants."""
    frame: dict[str, Any] = {"fill": False, "edgecolor": "black", "linewidth": 3, "clip_on": False}
    ax.add_patch(Rectangle((0, 0), 1, 1, transform=ax.transAxes, **frame))


def augmented(cohort: Cohort, policy: Policy = PAPER, seed: int = 0) -> plt.Figure:
    """Draw an image of each class and eight variants of it (paper, Figure 3), with the original at the top left.

    Raises
    ------
    LeuknetError
        If the cohort is empty.
    """
    chosen = one_each(cohort.table, seed)
    if not chosen:
        raise LeuknetError(f"cohort {cohort.name} has no image to augment")
    widths = [1, 1, 1, 0.2, 1, 1, 1][: 4 * len(chosen) - 1]
    with picture_grid(3, len(widths), (4 * len(chosen), 4.4), width_ratios=widths) as (fig, axes):
        for block, (label, place) in zip((axes[:, :3], axes[:, -3:]), chosen.items(), strict=False):
            variants = vary(cohort.images[place], draw(policy, 8, rng("Figure 3", seed, label)), policy.shear_unit)
            for ax, image in zip(block.flat, [cohort.images[place], *variants], strict=True):
                picture(ax, image, **SMOOTH)
            heading = f"({'ab'[label]}) {CLASS_NAMES[label]}, {cohort.table['data_set'].iloc[place]}\noriginal"
            block[0, 0].set_title(heading, loc="left", fontsize=9)
            framed(block[0, 0])
    return fig


def extremes(policy: Policy = PAPER) -> list[tuple[str, np.ndarray]]:
    """Return ``(title, row of draws)`` for the limits of each operation that the policy uses, applied alone."""
    found, units = [], {"theta": "°", "shear": f" {policy.shear_unit}"}
    for name, ends in ranges(policy).items():
        for end in sorted(set(ends) - {0} if name in FLIPS else set(ends) if np.ptp(ends) else ()):
            size = "" if name in FLIPS else f" {end:{'g' if name in ('zx', 'zy') else '+g'}}{units.get(name, '')}"
            found.append((f"{WORDS[name]}{size}".replace("-", "−"), change(**{name: end})))
    return found


def one_at_a_time(image: np.ndarray, policy: Policy = PAPER) -> plt.Figure:
    """Draw the original, then each operation applied alone at the limits of its range."""
    named = [("original", identity(1)), *extremes(policy)]
    images = vary(image, np.concatenate([row for _, row in named]), policy.shear_unit)
    rows = -(-len(named) // 5)
    with picture_grid(rows, 5, (8, 1.8 * rows + 0.2)) as (fig, axes):
        for ax, shown, (title, _) in zip(axes.flat, images, named, strict=False):
            picture(ax, shown, title, **SMOOTH)
        framed(axes[0, 0])
    return fig


def moved(draws: np.ndarray, size: int, shear_unit: str = "degrees") -> np.ndarray:
    """Return the largest displacement of a pixel, in pixels, float (n,)."""
    (x, y), (x0, y0) = places(draws, size, shear_unit), places(identity(1), size)
    return np.hypot(x - x0, y - y0).max(axis=(1, 2))


def shear_units(image: np.ndarray, policy: Policy = PAPER) -> plt.Figure:
    """Draw the policy's largest shear in degrees next to the same number in radians, with a straight grid."""
    size, row = len(image), change(shear=policy.shear)
    grid = np.full_like(image, 255)
    for line in np.linspace(0, size - 1, 9).astype(int):
        grid[max(line - 1, 0) : line + 1] = grid[:, max(line - 1, 0) : line + 1] = 40
    with picture_grid(2, 3, (7, 4.9)) as (fig, axes):
        for upper, given in zip(axes, (image, grid), strict=True):
            picture(upper[0], given, "original" if given is image else "", **SMOOTH)
            for ax, unit in zip(upper[1:], SHEAR_UNITS, strict=True):
                far = f"\nfarthest pixel moves {moved(row, size, unit)[0]:.1f} px"
                title = f"shear {policy.shear:g} {unit}{far}" if given is image else ""
                picture(ax, vary(given, row, unit)[0], title, **SMOOTH)
    return fig


def by_keras(images: np.ndarray, draws: np.ndarray, shear_unit: str = "degrees") -> np.ndarray:
    """Warp with ``apply_transform`` of Keras' legacy ImageDataGenerator, image by image on the host.

    It expects shifts in pixels and shear in degrees.

    Parameters
    ----------
    images : numpy.ndarray, uint8, shape (n, size, size, 3)
    draws : numpy.ndarray, float32, shape (n, 8)
    shear_unit : {"degrees", "radians"}

    Returns
    -------
    numpy.ndarray, float64, shape (n, size, size, 3), in [0, 1]
    """
    from keras.src.legacy.preprocessing.image import ImageDataGenerator

    legacy = ImageDataGenerator(fill_mode="reflect", interpolation_order=1)
    rows = draws.astype("float64")
    rows[:, 1:3] *= images.shape[1]
    if shear_unit == "radians":
        rows[:, 3] = np.rad2deg(rows[:, 3])
    names = [name.replace("flip_h", "flip_horizontal").replace("flip_v", "flip_vertical") for name in COLUMNS]
    pairs = zip(images.astype("float64"), rows, strict=True)
    return np.array([legacy.apply_transform(image, dict(zip(names, row, strict=True))) / 255 for image, row in pairs])


def alone(policy: Policy) -> dict[str, Policy]:
    """Return ``{label: policy}``: each operation of `policy` alone, shear in both units, and all combined."""
    parts = {"rotation": ["rotation"], "shifts": ["width_shift", "height_shift"], "zoom": ["zoom"]}
    parts["flips"] = ["horizontal_flip", "vertical_flip"]
    found = {words: NOTHING.but(**{f: getattr(policy, f) for f in fields}) for words, fields in parts.items()}
    found |= {f"shear, {unit}": NOTHING.but(shear=policy.shear, shear_unit=unit) for unit in SHEAR_UNITS}
    return found | {f"all, shear in {unit}": policy.but(shear_unit=unit) for unit in SHEAR_UNITS}


def warp_check(images: np.ndarray, policy: Policy = PAPER, seed: int = 0) -> pd.DataFrame:
    """Compare this package's warp with Keras' legacy generator on `images`, one draw per image.

    Returns
    -------
    pandas.DataFrame
        One row for each operation alone and for all combined: draws; mean absolute change of the image by the
        augmentation; mean and maximum absolute difference between this package and Keras, all on a scale of [0, 1].
    """
    from leuknet.models.augmentation import warped

    columns = ["operation", "draws", "augmentation changes the image by"]
    rows = []
    for words, part in alone(policy).items():
        draws = draw(part, len(images), rng("warp check", seed, words))
        ours, theirs = warped(images, draws, part.shear_unit), by_keras(images, draws, part.shear_unit)
        changed, gap = np.abs(theirs - images / 255).mean(), np.abs(ours - theirs)
        rows.append((words, len(images), *(f"{value:.1e}" for value in (changed, gap.mean(), gap.max()))))
    return pd.DataFrame(rows, columns=[*columns, "ours differs from Keras' by (mean)", "(largest)"])


def reflected_share(policy: Policy = PAPER, n: int = 1000, seed: int = 0) -> np.ndarray:
    """Return the fraction of pixels that `n` draws read from outside the image, float (n,) in [0, 1]."""
    return outside(draw(policy, n, rng("reflected", seed)), 64, policy.shear_unit).mean(axis=(1, 2))


def mirrored(image: np.ndarray) -> np.ndarray:
    """Return the image surrounded by its eight mirror images, as used by reflect fill, (3 size, 3 size, 3)."""
    size = len(image)
    return np.pad(image, ((size, size), (size, size), (0, 0)), mode="symmetric")


def fill(image: np.ndarray, policy: Policy = PAPER, seed: int = 0) -> plt.Figure:
    """Draw where the corners of a rotated image come from: the frame read, black or reflected corners, and counts.

    The image is rotated to the limit of the policy's range; the histogram is over complete draws.
    """
    size, row = len(image), change(theta=policy.rotation)
    out = outside(row, size)[0]
    x, y = (values[0] for values in places(row, size))
    shares = 100 * reflected_share(policy, seed=seed)
    with subplots(2, 2, figsize=(7, 7)) as (fig, ((left, right), (below, ax))):
        picture(left, mirrored(image), "solid: the image; dashed: what is read", **SMOOTH)
        left.set(xlim=(size / 2, 2.5 * size), ylim=(2.5 * size, size / 2))
        for line, colour in ((3.2, "black"), (1.6, "white")):
            for style, (across, down) in (("--", (x, y)), ("-", [v[0] for v in places(identity(1), size)])):
                frame = [[values[at] + size for at in CORNERS] for values in (across, down)]
                left.plot(*frame, style, color=colour, linewidth=line)
        reflected = vary(image, row)[0]
        picture(right, reflected * ~out[..., None], f"black corners: {out.mean():.1%} of pixels", **SMOOTH)
        picture(below, reflected, "the same, reflected", **SMOOTH)
        ax.hist(shares, bins=20, color="#56B4E9", edgecolor="white", weights=np.full(len(shares), 100 / len(shares)))
        ax.axvline(shares.mean(), color="black", linestyle="--")
        ax.set(xlabel="reflected pixels of a variant (%)", ylabel="variants (%)")
        ax.set_title(f"{len(shares)} draws of all operations: mean {shares.mean():.1f} %", fontsize=9)
    return fig


def colour_table(cohort: Cohort, policy: Policy = PAPER, n: int = 256, seed: int = 0) -> pd.DataFrame:
    """Return mean and s.d. of grey levels (0 to 255) by channel: before, after, and after with black corners.

    `n` images are drawn with replacement and augmented once each; mean and s.d. are over all pixels.
    """
    from leuknet.models.augmentation import warped

    images = cohort.images[np.sort(rng("colours", seed).choice(len(cohort), n))]
    draws = draw(policy, n, rng("colours", seed, "draws"))
    after = 255 * warped(images, draws, policy.shear_unit)
    black = after * ~outside(draws, cohort.size, policy.shear_unit)[..., None]
    sets = {"before": images, "after, reflected": after, "after, black corners": black}
    rows = {name: [f"{v[..., c].mean():.1f} ± {v[..., c].std():.1f}" for c in range(3)] for name, v in sets.items()}
    return pd.DataFrame({"channel": ["red", "green", "blue"], **rows})


def variant_card(image: np.ndarray, policy: Policy = PAPER, **numbers: Any) -> plt.Figure:
    """Draw an image, its variant for the eight `numbers` (see `COLUMNS`), and their positions in the policy's ranges.

    Numbers outside their range are drawn hollow.
    """
    row = change(**numbers)
    with card(3, (COLUMN, 2.6), right=0.6, bottom=0.6, gap=0.35, width_ratios=[1.1, 1.5, 1]) as (fig, axes):
        picture(axes[0], image, "original", **SMOOTH)
        share = outside(row, len(image), policy.shear_unit).mean()
        picture(axes[1], vary(image, row, policy.shear_unit)[0], f"variant, {share:.1%} reflected", **SMOOTH)
        for ax, side in zip(axes, "EW", strict=False):
            ax.set_anchor(side)
        _ranges(axes[2], policy, row[0])
    return fig


def _ranges(ax: plt.Axes, policy: Policy, row: np.ndarray) -> None:
    for place, (value, (low, high)) in enumerate(zip(row, ranges(policy).values(), strict=True)):
        inside = low - 1e-6 <= value <= high + 1e-6
        ax.plot([0, 1], [place, place], color="#999999", linewidth=4, solid_capstyle="butt", linestyle="-")
        at = np.clip((value - low) / (high - low or 1), -0.25, 1.25)
        ax.plot(at, place, "o", color="#0072B2", markerfacecolor="#0072B2" if inside else "white", markersize=8)
        ax.text(1.32, place, f"{value:.3g}", va="center", ha="left", fontsize=9)
    name_rows(ax, slider_words(policy).values(), xticks=[0, 1], xticklabels=["low", "high"], xlim=(-0.3, 1.3))
    ax.set_title("in the policy's range", fontsize=9)
    ax.grid(False)


def slider_words(policy: Policy = PAPER) -> dict[str, str]:
    """Return the labels of a variant's eight numbers, with units, by column."""
    return WORDS | {"theta": "rotation (°)", "shear": f"shear ({policy.shear_unit})"}


def sliders(policy: Policy = PAPER, seed: int = 0) -> dict[str, tuple[float, ...]]:
    """Return ``{column: (low, high, step, start)}`` for `slide`: twice the policy's range, starting at one draw."""
    start = dict(zip(COLUMNS, draw(policy, 1, rng("card", seed))[0].astype(float).round(2).tolist(), strict=True))
    found: dict[str, tuple[float, ...]] = {}
    for name, (low, high) in ranges(policy).items():
        middle, reach = (low + high) / 2, (high - low) or 0.2
        found[name] = (round(middle - reach, 2), round(middle + reach, 2), reach / 40, start[name])
    return found | {name: (0, 1, 1, int(start[name])) for name in FLIPS}
