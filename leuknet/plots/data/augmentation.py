"""The augmentation in pictures and numbers (paper, section 3.2, Figure 3)."""

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from leuknet._random import rng
from leuknet.data.cohort import Cohort
from leuknet.exceptions import LeuknetError
from leuknet.models.policy import COLUMNS, NOTHING, PAPER, SHEAR_UNITS, Policy, draw, identity, places
from leuknet.plots.style import CLASS_NAMES, language

BATCH = 8  # one compiled shape for all pictures
WORDS = {
    "theta": "rotation",
    "tx": "width shift",
    "ty": "height shift",
    "shear": "shear",
    "zx": "zoom, width",
    "zy": "zoom, height",
    "flip_h": "horizontal flip",
    "flip_v": "vertical flip",
}
FIELDS = {"rotation": "theta", "width_shift": "tx", "height_shift": "ty", "shear": "shear", "zoom": "zx"}
FLIPS = {"flip_h": "horizontal", "flip_v": "vertical"}
CORNERS = [(0, 0), (0, -1), (-1, -1), (-1, 0), (0, 0)]
STILL = NOTHING


def change(**values: Any) -> np.ndarray:
    """Return one row of draws, float32 (1, 8), that changes nothing but the columns named, e.g. ``theta=40``."""
    row = identity(1)
    for name, value in values.items():
        row[0, COLUMNS.index(name)] = value
    return row


def vary(image: np.ndarray, draws: np.ndarray, shear_unit: str = "degrees") -> np.ndarray:
    """Return the variants of one image, float32 (n, size, size, 3) in [0, 1], one for each row of `draws`."""
    from leuknet.models.augmentation import warped

    rows = np.concatenate([draws, identity(-len(draws) % BATCH)])
    return warped(np.repeat(image[None], len(rows), axis=0), rows, shear_unit, BATCH)[: len(draws)]


def outside(draws: np.ndarray, size: int, shear_unit: str = "degrees") -> np.ndarray:
    """Return which pixels of the warped images are read from beyond the image's edge, bool (n, size, size)."""
    x, y = places(draws, size, shear_unit)
    return (np.abs(x - (size - 1) / 2) > size / 2) | (np.abs(y - (size - 1) / 2) > size / 2)


def one_each(table: pd.DataFrame, seed: int = 0) -> dict[int, int]:
    """Return the position of one image a class, ``{label: position}``; of the same data set where one has both.

    Of several such data sets it is the one with the smallest images: they show a single cell, not a field of many.
    """
    known = table.groupby("data_set", sort=False).agg(classes=("label", "nunique"), width=("width", "median"))
    both = known[known["classes"] == 2].sort_values("width", kind="stable").index
    part = table["data_set"].to_numpy() == both[0] if len(both) else np.ones(len(table), bool)
    labels = table["label"].to_numpy()
    found = {label: np.flatnonzero(part & (labels == label)) for label in (0, 1)}
    return {k: int(rng("augmented image", seed, k).choice(at)) for k, at in found.items() if len(at)}


def policy_table(policy: Policy = PAPER) -> pd.DataFrame:
    """Return the policy's numbers, one row each, next to the paper's words and how they are drawn."""
    shift = "uniform, {0:+g} to {1:+g} of the size"
    rows = [
        ("rotation", policy.rotation, "40°", f"uniform, {-policy.rotation:+g}° to {policy.rotation:+g}°"),
        ("width shift", policy.width_shift, "0.2", shift.format(-policy.width_shift, policy.width_shift)),
        ("height shift", policy.height_shift, "0.2", shift.format(-policy.height_shift, policy.height_shift)),
        ("shear", policy.shear, "0.2", f"uniform, {-policy.shear:+g} to {policy.shear:+g} {policy.shear_unit}"),
        ("zoom", policy.zoom, "0.2", f"uniform, {1 - policy.zoom:g} to {1 + policy.zoom:g}, width and height apart"),
        ("horizontal flip", policy.horizontal_flip, "yes", "one variant in two"),
        ("vertical flip", policy.vertical_flip, "yes", "one variant in two"),
    ]
    drawn = [(name, words, how if value else "never") for name, value, words, how in rows]
    return pd.DataFrame(drawn, columns=["operation", "paper", "here"]).replace("-", "−", regex=True)


def tile(ax: Axes, image: np.ndarray, title: str = "") -> None:
    """Draw one image on `ax`, without an axis."""
    ax.imshow(image, interpolation="antialiased")
    ax.set_title(title, fontsize=9, pad=3)
    ax.axis("off")


def framed(ax: Axes) -> None:
    """Frame the original image, so that it is not taken for a variant."""
    frame = {"fill": False, "edgecolor": "black", "linewidth": 3, "clip_on": False}
    ax.add_patch(Rectangle((0, 0), 1, 1, transform=ax.transAxes, **frame))


def augmented(cohort: Cohort, policy: Policy = PAPER, seed: int = 0) -> Figure:
    """Draw an image of each class and eight variants of it (paper, Figure 3): the original stands top left.

    Raises
    ------
    LeuknetError
        If the cohort is empty.
    """
    chosen = one_each(cohort.table, seed)
    if not chosen:
        raise LeuknetError(f"cohort {cohort.name} has no image to augment")
    gap = len(chosen) - 1
    with language():
        widths = [1, 1, 1] + [0.2, 1, 1, 1] * gap
        fig, axes = plt.subplots(3, len(widths), figsize=(4 * len(chosen), 4.4), width_ratios=widths)
        for ax in axes.ravel():
            ax.axis("off")
        for block, (label, place) in zip((axes[:, :3], axes[:, -3:]), chosen.items(), strict=False):
            variants = vary(cohort.images[place], draw(policy, 8, rng("Figure 3", seed, label)), policy.shear_unit)
            for ax, image in zip(block.ravel(), [cohort.images[place], *variants], strict=True):
                tile(ax, image)
            heading = f"({'ab'[label]}) {CLASS_NAMES[label]}, {cohort.table['data_set'].iloc[place]}\noriginal"
            block[0, 0].set_title(heading, loc="left", fontsize=9)
            framed(block[0, 0])
    return fig


def extremes(policy: Policy = PAPER) -> list[tuple[str, np.ndarray]]:
    """Return ``(title, row of draws)`` of each operation alone at the ends of its range; only what the policy does."""
    found = []
    for field, column in FIELDS.items():
        reach = getattr(policy, field)
        for name in ("zx", "zy") if field == "zoom" else (column,):
            ends = (1 - reach, 1 + reach) if field == "zoom" else (-reach, reach)
            unit = {"theta": "°", "shear": f" {policy.shear_unit}"}.get(name, "")
            named = [(f"{WORDS[name]} {end:{'g' if field == 'zoom' else '+g'}}{unit}", end) for end in ends if reach]
            found += [(title.replace("-", "−"), change(**{name: end})) for title, end in named]
    flips = [name for name in ("flip_h", "flip_v") if getattr(policy, f"{FLIPS[name]}_flip")]
    return found + [(WORDS[name], change(**{name: 1})) for name in flips]


def one_at_a_time(image: np.ndarray, policy: Policy = PAPER) -> Figure:
    """Draw the original, then each operation alone at the ends of its range."""
    named = [("original", identity(1)), *extremes(policy)]
    images = vary(image, np.concatenate([row for _, row in named]), policy.shear_unit)
    rows = -(-len(named) // 5)
    with language():
        fig, axes = plt.subplots(rows, 5, figsize=(8, 1.8 * rows + 0.2), squeeze=False)
        for ax in axes.ravel():
            ax.axis("off")
        for ax, shown, (title, _) in zip(axes.ravel(), images, named, strict=False):
            tile(ax, shown, title)
        framed(axes[0, 0])
    return fig


def moved(draws: np.ndarray, size: int, shear_unit: str = "degrees") -> np.ndarray:
    """Return how far the farthest pixel is moved, in pixels, float (n,)."""
    (x, y), (x0, y0) = places(draws, size, shear_unit), places(identity(1), size)
    return np.hypot(x - x0, y - y0).max(axis=(1, 2))


def shear_units(image: np.ndarray, policy: Policy = PAPER) -> Figure:
    """Draw the policy's largest shear read as degrees next to the same number read as radians, with a straight grid."""
    size, row = len(image), change(shear=policy.shear)
    grid = np.full_like(image, 255)
    for line in np.linspace(0, size - 1, 9).astype(int):
        grid[max(line - 1, 0) : line + 1] = grid[:, max(line - 1, 0) : line + 1] = 40
    with language():
        fig, axes = plt.subplots(2, 3, figsize=(7, 4.9))
        for upper, given in zip(axes, (image, grid), strict=True):
            tile(upper[0], given, "original" if given is image else "")
            for ax, unit in zip(upper[1:], SHEAR_UNITS, strict=True):
                far = float(moved(row, size, unit)[0])
                title = f"shear {policy.shear:g} {unit}\nfarthest pixel moves {far:.1f} px"
                tile(ax, vary(given, row, unit)[0], title if given is image else "")
    return fig


def by_keras(images: np.ndarray, draws: np.ndarray, shear_unit: str = "degrees") -> np.ndarray:
    """Warp by the ``apply_transform`` of Keras' legacy ImageDataGenerator, image by image on the host.

    It takes shifts in pixels and shear in degrees.

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
    """Return ``{words: policy}``: each operation of `policy` alone, shear in both units, and all together."""
    parts = {
        "rotation": ("rotation",),
        "shifts": ("width_shift", "height_shift"),
        "zoom": ("zoom",),
        "flips": ("horizontal_flip", "vertical_flip"),
    }
    found = {words: STILL.but(**{f: getattr(policy, f) for f in fields}) for words, fields in parts.items()}
    found |= {f"shear, {unit}": STILL.but(shear=policy.shear, shear_unit=unit) for unit in SHEAR_UNITS}
    return found | {f"all, shear in {unit}": policy.but(shear_unit=unit) for unit in SHEAR_UNITS}


def warp_check(images: np.ndarray, policy: Policy = PAPER, seed: int = 0) -> pd.DataFrame:
    """Compare this project's warp with Keras' legacy generator on `images`, one draw an image.

    Returns
    -------
    pandas.DataFrame
        One row for each operation alone and for all: draws; mean absolute difference that the augmentation makes to
        the image; mean and largest absolute difference between ours and Keras', all on [0, 1].
    """
    from leuknet.models.augmentation import warped

    rows = []
    for words, part in alone(policy).items():
        draws = draw(part, len(images), rng("warp check", seed, words))
        ours, theirs = warped(images, draws, part.shear_unit), by_keras(images, draws, part.shear_unit)
        changed, gap = np.abs(theirs - images / 255).mean(), np.abs(ours - theirs)
        numbers = [f"{value:.1e}" for value in (changed, gap.mean(), gap.max())]
        rows.append((words, len(images), *numbers))
    return pd.DataFrame(
        rows,
        columns=[
            "operation",
            "draws",
            "augmentation changes the image by",
            "ours differs from Keras' by (mean)",
            "(largest)",
        ],
    )


def reflected_share(policy: Policy = PAPER, n: int = 1000, seed: int = 0) -> np.ndarray:
    """Return the share of pixels that `n` draws read from beyond the edge, float (n,) in [0, 1]."""
    return outside(draw(policy, n, rng("reflected", seed)), 64, policy.shear_unit).mean(axis=(1, 2))


def mirrored(image: np.ndarray) -> np.ndarray:
    """Return the image amid its eight mirror images: what reflect fill reads, (3 size, 3 size, 3)."""
    size = len(image)
    return np.pad(image, ((size, size), (size, size), (0, 0)), mode="symmetric")


def fill(image: np.ndarray, policy: Policy = PAPER, seed: int = 0) -> Figure:
    """Draw where the corners of a rotated image come from: the frame read, black corners, reflected ones, and how many.

    The picture is rotated to the end of the policy's range; the histogram is of whole draws.
    """
    size, row = len(image), change(theta=policy.rotation)
    out = outside(row, size)[0]
    x, y = (values[0] for values in places(row, size))
    with language():
        fig, axes = plt.subplots(2, 2, figsize=(7, 7))
        ax = axes[0, 0]
        tile(ax, mirrored(image), "solid: the image; dashed: what is read")
        ax.set(xlim=(size / 2, 2.5 * size), ylim=(2.5 * size, size / 2))
        for line, colour in ((3.2, "black"), (1.6, "white")):
            for style, (across, down) in (("--", (x, y)), ("-", [v[0] for v in places(identity(1), size)])):
                frame = [[values[at] + size for at in CORNERS] for values in (across, down)]
                ax.plot(*frame, style, color=colour, linewidth=line)
        reflected = vary(image, row)[0]
        tile(axes[0, 1], reflected * ~out[..., None], f"black corners: {out.mean():.1%} of pixels")
        tile(axes[1, 0], reflected, "the same, reflected")
        _shares(axes[1, 1], reflected_share(policy, seed=seed))
    return fig


def _shares(ax: Axes, shares: np.ndarray) -> None:
    ax.hist(100 * shares, bins=20, color="#56B4E9", edgecolor="white", weights=np.full(len(shares), 100 / len(shares)))
    ax.axvline(100 * shares.mean(), color="black", linestyle="--")
    ax.set(xlabel="reflected pixels of a variant (%)", ylabel="variants (%)")
    ax.set_title(f"{len(shares)} draws of all operations: mean {shares.mean():.1%}", fontsize=9)


def colour_table(cohort: Cohort, policy: Policy = PAPER, n: int = 256, seed: int = 0) -> pd.DataFrame:
    """Return mean and s.d. of grey levels (0 to 255) by channel: before, after, and after with black corners.

    `n` images are drawn with replacement and varied once each; mean and s.d. are over all pixels.
    """
    from leuknet.models.augmentation import warped

    images = cohort.images[np.sort(rng("colours", seed).choice(len(cohort), n))]
    draws = draw(policy, n, rng("colours", seed, "draws"))
    after = 255 * warped(images, draws, policy.shear_unit)
    black = after * ~outside(draws, cohort.size, policy.shear_unit)[..., None]
    sets = {"before": images, "after, reflected": after, "after, black corners": black}
    rows = {name: [f"{v[..., c].mean():.1f} ± {v[..., c].std():.1f}" for c in range(3)] for name, v in sets.items()}
    return pd.DataFrame({"channel": ["red", "green", "blue"], **rows})
