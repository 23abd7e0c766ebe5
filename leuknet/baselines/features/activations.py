"""Activations of pretrained networks as vectors, for baselines with a classifier on top."""

import time
from functools import lru_cache

import numpy as np

from leuknet.baselines.base import VectorBaseline
from leuknet.data.cohort import Cohort
from leuknet.models.settings import SCALINGS, UNTUNED


class ActivationBaseline(VectorBaseline):
    """Base class of baselines on the concatenated activations of several pretrained networks.

    Networks without shipped formula-driven weights start from random weights, which is stated in `weights`.

    Attributes
    ----------
    backbones : tuple of str
    layer : str or None
        Layer of each network, or "flat" for its flattened last maps. None: fc2 if its pretrained weights fit, else the
        deepest pretrained layer (see `leuknet.models.features.extract`).
    weights : str
        Caption of the initial weights of each network.
    """

    backbones: tuple[str, ...] = ()
    layer: str | None = None

    def vectors(self, cohort: Cohort, where: np.ndarray) -> np.ndarray:
        """Return the activations, float32, shape (n, d); they are computed once for the whole cohort and cached."""
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
        """See `Baseline.size`; includes the networks' parameters, 4 bytes each."""
        return 4 * sum(parameters for parameters, _ in self.costs) + super().size()


def start_weights(backbone: str, wanted: str) -> str:
    """Return the initial weights of `backbone`: `wanted`, or "random" if it has no formula-driven weights."""
    from leuknet.models.weights import available

    return "random" if wanted == "formula" and not available(backbone)["formula"] else wanted


@lru_cache(maxsize=16)
def extracted(cohort: Cohort, backbone: str, weights: str, layer: str | None) -> np.ndarray:
    """Return one network's activations of the whole cohort, cached in memory for the folds of a process."""
    from leuknet.models.backbones import fits_own_dense
    from leuknet.models.features import extract

    if layer == "flat":
        layer = "flatten" if fits_own_dense(backbone, cohort.size) else "head_flatten"
    return extract(cohort.images, backbone, weights, layer=layer)


@lru_cache(maxsize=16)
def cost(backbone: str, size: int) -> tuple[int, float]:
    """Return a network's parameter count (without a head) and its measured CPU time per image, s, for batches of 32."""
    from leuknet.models.networks import NetworkSpec, build

    model = build(NetworkSpec(backbone, "mDFT", size, dense=()))
    batch = np.zeros((32, size, size, 3), np.float32)
    model.predict_on_batch(batch)
    began = time.process_time()
    model.predict_on_batch(batch)
    return model.count_params(), (time.process_time() - began) / len(batch)
