"""Settings of photographs, drawn from the fitted ranges of ``looks.toml``."""

import tomllib
from dataclasses import dataclass
from importlib.resources import files

import numpy as np

from leuknet._random import rng

_DATA = tomllib.loads(files(__package__).joinpath("looks.toml").read_text(encoding="utf-8"))
KINDS = {name: _DATA["kind_default"] | kind for name, kind in _DATA["kinds"].items()}
LOOKS = {name: _DATA["look_default"] | _DATA["stain"] | look for name, look in _DATA["looks"].items()}
BLASTS = ("lymphoblast", "myeloblast")
_RANGES = ("red_cover", "pallor", "ring", "vignette", "focus", "sharpen", "noise", "jpeg", "platelets", "debris")


@dataclass(frozen=True)
class Shot:
    """Settings of one photograph.

    Attributes
    ----------
    background : numpy.ndarray, float32, shape (3,)
        Light through the empty slide in grey levels; values above 255 give clipped highlights.
    absorb : numpy.ndarray, float32, shape (3, 4)
        Optical density in R, G, B per unit of the planes azure, blue, eosin, red.
    magnify : float
        Factor applied to the look's px/µm.
    values : dict of str to float
        One value for each range of the look.
    """

    background: np.ndarray
    absorb: np.ndarray
    magnify: float
    values: dict[str, float]


def slide_shot(name: str, *seeds: int) -> Shot:
    """Return the `Shot` shared by all images of one slide, which `seeds` identify."""
    look, generator = LOOKS[name], rng("slide", name, *seeds)
    backgrounds = look["background"]
    light = np.array(backgrounds[generator.integers(len(backgrounds))], float)
    light += generator.normal(0, look["background_sd"]) + generator.normal(0, look["tint_sd"], 3)
    strength = np.exp(generator.normal(0, look["gain_sd"]))
    dyes = np.exp(generator.normal(0, look["gain_sd"] / 2, 4))
    bands = np.array([look[dye] for dye in ("azure", "blue", "eosin", "red")]).T
    absorb = bands * np.array(look["gain"])[:, None] * dyes * strength
    magnify = np.exp(generator.normal(0, look["magnification_sd"]))
    values = {name: generator.uniform(*look[name]) for name in _RANGES}
    return Shot(light.astype(np.float32), absorb.astype(np.float32), float(magnify), values)


def image_shot(shot: Shot, generator: np.random.Generator) -> Shot:
    """Return `shot` with the random variation between images of one slide."""
    light = shot.background * np.float32(np.exp(generator.normal(0, 0.012)))
    absorb = shot.absorb * np.float32(np.exp(generator.normal(0, 0.05)))
    values = {name: value * float(np.exp(generator.normal(0, 0.12))) for name, value in shot.values.items()}
    values["jpeg"] = shot.values["jpeg"]
    return Shot(light, absorb, shot.magnify * float(np.exp(generator.normal(0, 0.02))), values)
