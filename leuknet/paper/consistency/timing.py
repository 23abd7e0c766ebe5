"""What the stated graphics card could have computed in the stated times."""

from functools import cache
from itertools import pairwise

import pandas as pd

from leuknet.paper import tables
from leuknet.paper.consistency.finding import Finding, finding
from leuknet.paper.consistency.sums import counts

PEAK = 3840 * 2 * 1.582e9  # operations a second in single precision, at the stated boost clock
CEILING = 15e12  # above any clock these cards are seen to hold
WINOGRAD = 4.0  # most that F(4x4, 3x3) saves: Lavin & Gray, CVPR 2016


@cache
def networks() -> pd.DataFrame:
    """Return ``data/networks.csv``: the five networks of Table 2, counted layer by layer at 224 x 224 px.

    Returns
    -------
    DataFrame
        By name: of the convolutional part ``macs`` (multiply-accumulates for one image), ``macs3`` (those of dense
        3 x 3 convolutions with stride 1), ``first`` (of the first layer), ``convolutions``, ``parameters`` and
        ``features`` (at its end, flattened in VGG and pooled in the others); ``imagenet_dense`` and ``dense``, the
        units of ImageNet's and of section 3.4's dense layers (tuples); ``depth``, layers on the longest path from
        input to output. A test counts all of them again in keras.applications.
    """
    frame = tables.read("networks.csv").set_index("network")
    units = {name: [tuple(map(int, text.split())) for text in frame[name]] for name in ("imagenet_dense", "dense")}
    return frame.drop(columns=list(units)).astype(int).assign(**units)


def dense_macs(name: str, units: tuple[int, ...]) -> int:
    """Return the multiply-accumulates of dense layers of so many `units` behind the convolutions of network `name`."""
    return sum(a * b for a, b in pairwise((int(networks().loc[name, "features"]), *units)))


def training_operations(name: str, saved: float = 1.0) -> float:
    """Return operations for one image forward and backward (mDFT); `saved` divides the 3 x 3 convolutions (Winograd).

    A multiply-accumulate is two operations. Backward costs twice the forward pass, less the first layer's gradient of
    its input.
    """
    net = networks().loc[name]
    macs = net["macs"] + dense_macs(name, net["dense"])
    return 2 * (3 * (macs - net["macs3"] * (1 - 1 / saved)) - net["first"])


def seconds_needed(name: str, images: int, speed: float = PEAK, saved: float = 1.0) -> float:
    """Return the least seconds to train network `name` (mDFT, 224 x 224) on `images` images, one after another.

    Parameters
    ----------
    name : str
        As in Table 2.
    images : int
        Images times epochs.
    speed : float
        Operations a second.
    saved : float
        What the 3 x 3 convolutions are divided by.
    """
    return images * training_operations(name, saved) / speed


def training_sizes() -> dict[str, int]:
    """Return the images that training may have had with ALL-IDB 1 left out, by reading."""
    total = counts().loc["Total", "Total"]
    return {
        "3415 - 108, the development set": total - 121 - 108,
        "3536 - 108, all data sets": total - 108,
        "2183 - 108, section 3.2's counts": 1001 + 1182 - 108,
    }


def stated() -> dict[str, float]:
    """Return ``{network: seconds}`` of training for ALL-IDB 1 (Table 8), the printed ResNet as ResNet50."""
    frame = tables.table(8)
    frame = frame[(frame["block"] == "ALL-IDB 1") & (frame["column"] == "Training Time")]
    return {name.replace("ResNet", "ResNet50"): 60 * m for name, m in zip(frame["row"], frame["value"], strict=True)}


def _reading(key: str, words: str, passes: int) -> Finding:
    """Judge one reading of "20 times larger" and "50 epochs": `passes` over the original images in all."""
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


def check_training() -> list[Finding]:
    """The stated training times for each reading of the training set's size."""
    return [
        _reading("20x50", "20 images made of each, 50 epochs over all of them", 20 * 50),
        _reading("1x50", "one draw of each image an epoch, 50 epochs", 50),
        _reading("20", "20 draws of each image in all", 20),
    ]


def check_rates() -> list[Finding]:
    """Table 8's times for an image, and how training times go with the work."""
    cells = tables.table(8).query("column == 'Classification Time'").replace({"row": {"ResNet": "ResNet50"}})
    macs = {name: net["macs"] + dense_macs(str(name), net["dense"]) for name, net in networks().iterrows()}
    speed = (2 * cells["row"].map(macs) / cells["value"]).astype(float)
    top, fastest = cells.loc[speed.idxmax()], speed.max()
    work, times = [training_operations(name) for name in macs], stated()
    rate = 50 * next(iter(training_sizes().values())) / times["VGG-16"]
    ratios = {"work": max(work) / min(work), "times": max(times.values()) / min(times.values())}
    classified = {"row": top["row"].replace("ResNet50", "ResNet"), "block": top["block"]}
    return [
        finding("physics-classification", holds=fastest <= PEAK, speed=fastest / 1e12, peak=PEAK / 1e12, **classified),
        finding("physics-work", rate=rate, **ratios),
    ]


def check_parameters() -> list[Finding]:
    """Check Table 2's parameters and depths against the networks' definitions."""
    frame = networks()
    dense = {
        name: dense_macs(name, units) + sum(units) for name, units in frame["imagenet_dense"].items()
    }  # and biases
    counted = {name: frame.loc[name, "parameters"] + dense[name] for name in dense}
    good = all(n == tables.published(2, name, "Number of Parameters") for name, n in counted.items())
    deep = all(n == tables.published(2, name, "Topological Depth") for name, n in frame["depth"].items())
    listed = "; ".join(f"{name} {n}" for name, n in counted.items())
    depths = "; ".join(f"{name} {n}" for name, n in frame["depth"].items())
    convolutions = frame.loc["InceptionV3", "convolutions"]
    return [
        finding("parameters-table2", holds=good, counted=listed),
        finding("depths-table2", holds=deep, depths=depths, convolutions=convolutions, layers=3 * convolutions),
    ]


def check() -> list[Finding]:
    """Return the findings of this module."""
    return check_parameters() + check_training() + check_rates()
