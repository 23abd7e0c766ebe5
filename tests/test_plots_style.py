"""The visual language: looks differ in colour, in greyscale, and with deuteranopia; nothing is small."""

from itertools import combinations

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_rgb
from skimage.color import rgb2lab

from leuknet.data.registry import DATA_SETS
from leuknet.plots import style
from leuknet.plots.training.network import SHADES

# Machado, Oliveira and Fernandes (2009), severity 1, on linear RGB
DEUTERANOPIA = np.array(
    [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
)
CUES = {
    "class": (style.CLASS_COLOURS, style.CLASS_MARKERS),
    "class, filled": (style.CLASS_COLOURS, style.CLASS_HATCHES),
    "approach": (style.APPROACH_COLOURS, style.APPROACH_MARKERS),
    "protocol": (dict(enumerate(style.PROTOCOL_COLOURS)), dict(enumerate(style.PROTOCOL_MARKERS))),
    "layer": ({k: colour for k, (colour, _) in SHADES.items()}, {k: hatch for k, (_, hatch) in SHADES.items()}),
}


def seen(colour, matrix):
    """Return CIELAB of a colour as `matrix` lets it be seen."""
    rgb = np.array(to_rgb(colour))
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    linear = np.clip(matrix @ linear, 0, 1)
    return rgb2lab(np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055))


@pytest.mark.parametrize("what", CUES)
def test_what_a_colour_says_a_second_cue_says_too(what):
    colours, cues = CUES[what]
    assert list(colours) == list(cues) and len(set(cues.values())) == len(cues)


@pytest.mark.parametrize("what", CUES)
@pytest.mark.parametrize("matrix", [np.eye(3), DEUTERANOPIA], ids=["colour", "deuteranopia"])
def test_colours_are_distinguishable(what, matrix):
    for a, b in combinations(CUES[what][0].values(), 2):
        assert np.linalg.norm(seen(a, matrix) - seen(b, matrix)) > 10, (a, b)


def test_classes_are_distinguishable_in_greyscale():
    light = [seen(colour, np.eye(3))[0] for colour in style.CLASS_COLOURS.values()]
    assert abs(light[0] - light[1]) > 20


def test_no_text_is_below_nine_points():
    with style.language():
        sizes = [plt.rcParams[f"{name}.{what}"] for name, what in (("font", "size"), ("axes", "labelsize"))]
        sizes += [plt.rcParams[f"{name}.labelsize"] for name in ("xtick", "ytick")]
        assert min([*sizes, plt.rcParams["legend.fontsize"], style.SMALLEST]) >= 9
        assert plt.rcParams["svg.fonttype"] == "none"


def test_a_data_set_looks_the_same_in_any_selection():
    every, few = style.data_set_styles(DATA_SETS), style.data_set_styles(["JTSC", "Atlas"])
    assert few == {name: every[name] for name in ("JTSC", "Atlas")} and len(set(every.values())) == 18
