"""Activations of pretrained networks as vectors, for the baselines that put a classifier on them."""

import time
from functools import lru_cache

import numpy as np

from leuknet.baselines.base import VectorBaseline
from leuknet.data.cohort import Cohort
from leuknet.models.settings import SCALINGS, UNTUNED


class ActivationBaseline(VectorBaseline):
    """Vectors are activations of several pretrained networks, one behind the other.

    A network whose formula-driven weights are not shipped begins from random ones, and `weights` says so.

    Attributes
    ----------
    backbones : tuple of str
    layer : str or None
        Layer of each network, or "flat" for its last maps as they are; None: fc2 where the pretrained one fits, else
        the deepest pretrained layer (`leuknet.models.features.extract`).
    weights : str
        What each network began from, as captions print it.
    """

    backbones: tuple[str, ...] = ()
    layer: str | None = None

    def vectors(self, cohort: Cohort, where: np.ndarray) -> np.ndarray:
        """Return the activations, float32, shape (n, d); those of the whole cohort are computed once and cached."""
        names = [f"{name}-nano" if self.settings.nano else name for name in self.backbones]
        starts = [start_weights(name, self.settings.weights) for name in names]
        self.weights = ", ".join(
            f"{name} {start} ({SCALINGS[UNTUNED[start]]})" for name, start in zip(names, starts, strict=True)
        )
        self.costs = [cost(name, cohort.size) for name in names]
        self.seconds_per_image = sum(seconds for _, seconds in self.costs)
        parts = [extracted(cohort, *pair, self.layer) for pair in zip(names, starts, strict=True)]
        return np.concatenate([np.asarray(part[where]) for part in parts], axis=1)

    def size(self) -> int:
        """See `Baseline.size`; with the networks' parameters, 4 bytes each."""
        return 4 * sum(parameters for parameters, _ in self.costs) + super().size()


def start_weights(backbone: str, wanted: str) -> str:
    """Return what `backbone` begins from: `wanted`, or "random" where formula-driven weights do not exist for it."""
    from leuknet.models.weights import available

    return "random" if wanted == "formula" and not available(backbone)["formula"] else wanted


@lru_cache(maxsize=16)
def extracted(cohort: Cohort, backbone: str, weights: str, layer: str | None) -> np.ndarray:
    """Return one network's activations of the whole cohort, kept in memory for the folds of a process."""
    from leuknet.models.backbones import fits_own_dense
    from leuknet.models.features import extract

    if layer == "flat":
        layer = "flatten" if fits_own_dense(backbone, cohort.size) else "head_flatten"
    return extract(cohort.images, backbone, weights, layer=layer)


@lru_cache(maxsize=16)
def cost(backbone: str, size: int) -> tuple[int, float]:
    """Return a network's parameters (without a new head) and its CPU seconds an image, of a batch of 32, measured."""
    from leuknet.models.networks import NetworkSpec, build

    model = build(NetworkSpec(backbone, "mDFT", size, dense=()))
    batch = np.zeros((32, size, size, 3), np.float32)
    model.predict_on_batch(batch)
    began = time.process_time()
    model.predict_on_batch(batch)
    return model.count_params(), (time.process_time() - began) / len(batch)
