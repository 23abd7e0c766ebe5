"""Check the stated times against the computing speed of the stated graphics card."""

from collections.abc import Iterator
from functools import cache
from itertools import pairwise

import pandas as pd

from leuknet.paper import tables
from leuknet.paper.consistency.finding import Finding, finding
from leuknet.paper.consistency.sums import counts

PEAK = 3840 * 2 * 1.582e9  # operations per second in single precision, at the stated boost clock
CEILING = 15e12  # operations per second; above any sustained clock of these cards
WINOGRAD = 4.0  # maximum saving factor of F(4x4, 3x3): Lavin & Gray, CVPR 2016


@cache
def networks() -> pd.DataFrame:
    """Return ``data/networks.csv``: layer-by-layer counts for the five networks of Table 2 at 224 x 224 px.

    Returns
    -------
    DataFrame
        Indexed by network. For the convolutional part: ``macs`` (multiply-accumulates per image), ``macs3`` (those of
        dense 3 x 3 convolutions with stride 1), ``first`` (those of the first layer), ``convolutions``, ``parameters``
        and ``features`` (of its output, flattened in VGG and pooled in the others). ``imagenet_dense`` and ``dense``
        are the units of the dense layers for ImageNet and of section 3.4 (tuples); ``depth`` is the number of layers
        on the longest path from input to output. A test verifies these numbers against keras.applications.
    """
    frame = tables.read("networks.csv").set_index("network")
    units = {name: [tuple(map(int, text.split())) for text in frame[name]] for name in ("imagenet_dense", "dense")}
    return frame.drop(columns=list(units)).astype(int).assign(**units)


def dense_macs(name: str, units: tuple[int, ...]) -> int:
    """Return the multiply-accumulates of dense layers with `units` on top of the convolutions of network `name`."""
    return sum(a * b for a, b in pairwise((int(networks().loc[name, "features"]), *units)))


def training_operations(name: str, saved: float = 1.0) -> float:
    """Return the operations for a forward and backward pass of one image (mDFT).

    A multiply-accumulate counts as two operations. The backward pass costs twice the forward pass, minus the gradient
    with respect to the input of the first layer. The cost of 3 x 3 convolutions is divided by `saved` (Winograd).
    """
    net = networks().loc[name]
    macs = net["macs"] + dense_macs(name, net["dense"])
    return 2 * (3 * (macs - net["macs3"] * (1 - 1 / saved)) - net["first"])


def seconds_needed(name: str, images: int, speed: float = PEAK, saved: float = 1.0) -> float:
    """Return the minimum time in seconds to train network `name` (mDFT, 224 x 224) on `images` images.

    Parameters
    ----------
    name : str
        Name as in Table 2.
    images : int
        Number of images times number of epochs.
    speed : float
        Operations per second.
    saved : float
        Divisor of the cost of 3 x 3 convolutions.
    """
    return images * training_operations(name, saved) / speed


def training_sizes() -> dict[str, int]:
    """Return the possible numbers of training images with ALL-IDB 1 held out, by interpretation of the paper."""
    total = counts().loc["Total", "Total"]
    return {
        "3415 - 108, the development set": total - 121 - 108,
        "3536 - 108, all data sets": total - 108,
        "2183 - 108, section 3.2's counts": 1001 + 1182 - 108,
    }


def stated() -> dict[str, float]:
    """Return the training times for ALL-IDB 1 in Table 8 as ``{network: seconds}``, with ResNet named ResNet50."""
    frame = tables.table(8)
    frame = frame[(frame["block"] == "ALL-IDB 1") & (frame["column"] == "Training Time")]
    return {name.replace("ResNet", "ResNet50"): 60 * m for name, m in zip(frame["row"], frame["value"], strict=True)}


def _reading(key: str, words: str, passes: int) -> Finding:
    """Return the finding on one interpretation of "20 times larger" and "50 epochs": `passes` per original image."""
    lines, verdicts, sizes = [], [], training_sizes()
    for name, seconds in stated().items():
        least = min(seconds_needed(name, n * passes, CEILING, WINOGRAD) for n in sizes.values())
        usual = [seconds_needed(name, n * passes) for n in sizes.values()]
        verdicts.append("too long" if least > seconds else "fits" if max(usual) <= seconds else "between")
        lines.append(
            f"{name}: {seconds / 60:.1f} min stated, {min(usual) / 60:.0f} to {max(usual) / 60:.0f} needed at 12.15 "
            f"TFLOP/s, {least / 60:.0f} at the very least"
        )
    long = verdicts.count("too long")
    verdict = "inconsistent" if long else "consistent" if set(verdicts) == {"fits"} else "not decidable"
    listed = {"lines": "; ".join(lines), "sizes": ", ".join(f"{n} ({k})" for k, n in sizes.items())}
    limits = {"ceiling": CEILING / 1e12, "winograd": WINOGRAD}
    return finding("physics", key, holds=verdict, reading=words, long=long, **listed, **limits)


def check_parameters() -> Iterator[Finding]:
    """Check the parameters and depths in Table 2 against the definitions of the networks."""
    frame = networks()
    counted = {
        name: frame.loc[name, "parameters"] + dense_macs(name, units) + sum(units)  # convolutions, weights, biases
        for name, units in frame["imagenet_dense"].items()
    }
    good = all(n == tables.published(2, name, "Number of Parameters") for name, n in counted.items())
    deep = all(n == tables.published(2, name, "Topological Depth") for name, n in frame["depth"].items())
    listed = "; ".join(f"{name} {n}" for name, n in counted.items())
    depths = "; ".join(f"{name} {n}" for name, n in frame["depth"].items())
    convolutions = frame.loc["InceptionV3", "convolutions"]
    yield finding("parameters-table2", holds=good, counted=listed)
    yield finding("depths-table2", holds=deep, depths=depths, convolutions=convolutions, layers=3 * convolutions)


def check_training() -> Iterator[Finding]:
    """Check the stated training times for each interpretation of the training set size."""
    yield _reading("20x50", "20 images made of each, 50 epochs over all of them", 20 * 50)
    yield _reading("1x50", "one draw of each image an epoch, 50 epochs", 50)
    yield _reading("20", "20 draws of each image in all", 20)


def check_rates() -> Iterator[Finding]:
    """Check the times per image in Table 8, and the relation between training times and operations."""
    cells = tables.table(8).query("column == 'Classification Time'").replace({"row": {"ResNet": "ResNet50"}})
    macs = {name: net["macs"] + dense_macs(str(name), net["dense"]) for name, net in networks().iterrows()}
    speed = (2 * cells["row"].map(macs) / cells["value"]).astype(float)
    top, fastest = cells.loc[speed.idxmax()], speed.max()
    work, times = [training_operations(name) for name in macs], stated()
    rate = 50 * next(iter(training_sizes().values())) / times["VGG-16"]
    ratios = {"work": max(work) / min(work), "times": max(times.values()) / min(times.values())}
    classified = {"row": top["row"].replace("ResNet50", "ResNet"), "block": top["block"]}
    speeds = {"speed": fastest / 1e12, "peak": PEAK / 1e12}
    yield finding("physics-classification", holds=fastest <= PEAK, **speeds, **classified)
    yield finding("physics-work", rate=rate, **ratios)
