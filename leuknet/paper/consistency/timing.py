"""What the stated graphics card could have computed in the stated times."""

from leuknet.paper import tables
from leuknet.paper.consistency import flops
from leuknet.paper.consistency.finding import Finding
from leuknet.paper.consistency.sums import counts

METHOD = "operations counted layer by layer against the card's peak (NVIDIA TITAN Xp: 3840 cores x 2 x 1.582 GHz)"
PEAK = 3840 * 2 * 1.582e9  # operations a second in single precision, at the stated boost clock
CEILING = 15e12  # above any clock these cards are seen to hold
WINOGRAD = 4.0  # most that F(4x4, 3x3) saves: Lavin & Gray, CVPR 2016
HEADS = {
    "VGG-16": (1024, 256, 1),
    "VGG-19": (1024, 256, 1),
    "ResNet50": (1024, 1),
    "InceptionV3": (1024, 1),
    "Xception": (128, 1),
}  # section 3.4


# Layers on the longest path from input to output of keras.applications' networks: input, convolutions (with batch
# normalisation and activation as layers of their own outside VGG), pooling, joins, dense layers.
DEPTHS = {
    "VGG-16": 1 + 13 + 5 + 1 + 3,
    "VGG-19": 1 + 16 + 5 + 1 + 3,
    "ResNet50": 1 + 5 + 16 * 10 + 2,
    "InceptionV3": 1 + (5 * 3 + 2) + 3 * 10 + 10 + 4 * 16 + 13 + 2 * 11 + 2,
    "Xception": 1 + 6 + 7 + 2 * 8 + 8 * 10 + 8 + 6 + 2,
}


def seconds_needed(name, images, speed=PEAK, saved=1.0):
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
    return images * flops.training_operations(flops.count(name, 224, HEADS[name]), saved) / speed


def training_sizes():
    """Return the images that training may have had with ALL-IDB 1 left out, by reading."""
    total = counts().loc["Total", "Total"]
    return {
        "3415 - 108, the development set": total - 121 - 108,
        "3536 - 108, all data sets": total - 108,
        "2183 - 108, section 3.2's counts": 1001 + 1182 - 108,
    }


def stated():
    """Return ``{network: seconds}`` of training for ALL-IDB 1 (Table 8), the printed ResNet as ResNet50."""
    frame = tables.table(8)
    frame = frame[(frame["block"] == "ALL-IDB 1") & (frame["column"] == "Training Time")]
    return {name.replace("ResNet", "ResNet50"): 60 * m for name, m in zip(frame["row"], frame["value"], strict=True)}


def _reading(key, words, passes, weight):
    """Judge one reading of "20 times larger" and "50 epochs": `passes` over the original images in all."""
    lines, verdicts = [], []
    for name, seconds in stated().items():
        least = [seconds_needed(name, n * passes, CEILING, WINOGRAD) for n in training_sizes().values()]
        usual = [seconds_needed(name, n * passes) for n in training_sizes().values()]
        verdicts.append("too long" if min(least) > seconds else "fits" if max(usual) <= seconds else "between")
        lines.append(
            f"{name}: {seconds / 60:.1f} min stated, {min(usual) / 60:.0f} to {max(usual) / 60:.0f} needed at 12.15 "
            f"TFLOP/s, {min(least) / 60:.0f} at the very least"
        )
    long = verdicts.count("too long")
    verdict = "inconsistent" if long else "consistent" if set(verdicts) == {"fits"} else "not decidable"
    result = (
        f"{long} of 5 networks could not have been trained so in the stated minutes"
        if long
        else "every network fits the stated minutes"
        if verdict == "consistent"
        else "not every network is sure to fit"
    )
    return Finding(
        f"physics-{key}",
        "sections 3.2 and 4.2, Table 8",
        METHOD,
        verdict,
        "" if verdict == "consistent" else weight,
        f"Reading: {words}; {result}.",
        "; ".join(lines)
        + ". Readings of the training set: "
        + ", ".join(f"{n} ({k})" for k, n in training_sizes().items())
        + f"; the least takes the smallest, {CEILING / 1e12:.0f} TFLOP/s and 3 x 3 convolutions divided by "
        f"{WINOGRAD:.0f}.",
        "this reading; one training in the stated time, in single precision" if verdict != "consistent" else "",
        "One random draw of each image in each epoch, as the Keras generator makes them: 50 draws, or 20, in all."
        if long
        else "",
    )


def check_training() -> list[Finding]:
    """The stated training times for each reading of the training set's size."""
    return [
        _reading("20x50", "20 images made of each, 50 epochs over all of them", 20 * 50, "changes a number"),
        _reading("1x50", "one draw of each image an epoch, 50 epochs", 50, "changes a number"),
        _reading("20", "20 draws of each image in all", 20, "changes a number"),
    ]


def check_rates() -> list[Finding]:
    """Table 8's times for an image, and how training times go with the work."""
    frame = tables.table(8)
    cells = frame[frame["column"] == "Classification Time"]
    speed = {
        (r["block"], r["row"]): 2
        * flops.count(r["row"].replace("ResNet", "ResNet50"), 224, HEADS[r["row"].replace("ResNet", "ResNet50")])[
            "macs"
        ]
        / r["value"]
        for _, r in cells.iterrows()
    }
    top = max(speed, key=speed.get)
    good = speed[top] <= PEAK
    work = {n: flops.training_operations(flops.count(n, 224, HEADS[n])) for n in HEADS}
    times = stated()
    rate = 50 * next(iter(training_sizes().values())) / times["VGG-16"]
    return [
        Finding(
            "physics-classification",
            "Table 8",
            METHOD,
            "consistent" if good else "inconsistent",
            "" if good else "changes a number",
            "The times for classifying an image are possible.",
            f"the fastest, {top[1]} on {top[0]}, needs {speed[top] / 1e12:.1f} of {PEAK / 1e12:.2f} TFLOP/s.",
        ),
        Finding(
            "physics-work",
            "section 4.1, Table 8",
            METHOD,
            "not decidable",
            "changes a number",
            "The training times cannot rank the networks: they differ far less than the work does, so something "
            "else, such as reading and augmenting images, took most of the time.",
            f"work for an image: {max(work.values()) / min(work.values()):.1f} to 1; times: "
            f"{max(times.values()) / min(times.values()):.2f} to 1. One draw an epoch would be {rate:.0f} images/s "
            "for VGG-16.",
            "",
            "Times as they were on this PC, whatever limited them.",
        ),
    ]


def check_parameters() -> list[Finding]:
    """Check Table 2's parameters and depths against the networks' definitions."""
    sizes = {"InceptionV3": 299, "Xception": 299}
    counted = {name: flops.count(name, sizes.get(name, 224))["parameters"] for name in flops.BACKBONES}
    good = all(n == tables.published(2, name, "Number of Parameters") for name, n in counted.items())
    deep = all(n == tables.published(2, name, "Topological Depth") for name, n in DEPTHS.items())
    convolutions = flops.count("InceptionV3")["convolutions"]
    return [
        Finding(
            "parameters-table2",
            "Table 2",
            flops.REFERENCE,
            "consistent" if good else "inconsistent",
            "" if good else "changes a number",
            "The numbers of parameters are those of the networks with their ImageNet tops, before a head is replaced.",
            "; ".join(f"{name} {n}" for name, n in counted.items()) + ".",
        ),
        Finding(
            "depths-table2",
            "Table 2",
            flops.REFERENCE,
            "consistent" if deep else "inconsistent",
            "" if deep else "changes a number",
            "The depths are those of the longest path through each network, as Keras' page gives them; the number of "
            "layers, which the caption may be read as, is higher where paths run in parallel.",
            "; ".join(f"{name} {n}" for name, n in DEPTHS.items())
            + f". InceptionV3's {convolutions} convolutions, each with normalisation and activation, are "
            f"{3 * convolutions} layers.",
        ),
    ]


def check() -> list[Finding]:
    """Return the findings of this module."""
    return check_parameters() + check_training() + check_rates()
