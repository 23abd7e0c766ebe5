"""Rehman et al. 2018 [17]: AlexNet with new last layers.

The paper says (section 2.2): based on AlexNet, the last layer adjusted to the subtypes L1, L2, L3 and healthy; hold-out
on 330 images, 97.78 %; no augmentation (section 4.4).

Left open, and the reading taken: only the new last layer and fc7 learn where AlexNet is pretrained. Adam with 0.0005,
20 epochs, batches of 32.

Departures: one output for two classes. Without a file of pretrained weights (see
`leuknet.baselines.networks.alexnet`) frozen
layers would be random, so there all layers learn.
"""

from typing import Any

import keras

from leuknet.baselines.networks.alexnet import AlexNetBaseline, classifier, weights_file


def last_layers(size: int, nano: bool) -> keras.Model:
    """Return AlexNet with all up to fc6 frozen."""
    model = classifier(size, nano)
    for layer in model.layers:
        layer.trainable = layer.name in ("fc7", "probability")
    return model


class Rehman(AlexNetBaseline):
    """See the module's text."""

    @property
    def build(self) -> Any:  # type: ignore[override]  # which function it is depends on the weights that are there
        """How the network is built: where nothing is frozen as for the other AlexNets, so that they share one."""
        return last_layers if weights_file(self.settings.nano) else classifier
