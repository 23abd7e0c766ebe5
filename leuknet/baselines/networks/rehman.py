"""Rehman et al. 2018 [17]: AlexNet with new last layers.

The paper says (section 2.2): based on AlexNet, the last layer adapted to the subtypes L1, L2, L3 and healthy; hold-out
on 330 images, 97.78 %; no augmentation (section 4.4).

Left open, and the interpretation used: only the new last layer and fc7 are trained if AlexNet is pretrained. Adam with
a learning rate of 0.0005, 20 epochs, batches of 32.

Departures: one output for two classes. Without a file of pretrained weights (see
`leuknet.baselines.networks.alexnet`) frozen layers would be random, so all layers are trained.
"""

from typing import Any

import keras

from leuknet.baselines.networks.alexnet import AlexNetBaseline, classifier, weights_file


def last_layers(size: int, nano: bool) -> keras.Model:
    """Return AlexNet with all layers up to fc6 frozen."""
    model = classifier(size, nano)
    for layer in model.layers:
        layer.trainable = layer.name in ("fc7", "probability")
    return model


class Rehman(AlexNetBaseline):
    """See the module's text."""

    @property
    def build(self) -> Any:  # type: ignore[override]  # the function depends on the available weights
        """The function that builds the network; without frozen layers that of the other AlexNets, to share one."""
        return last_layers if weights_file(self.settings.nano) else classifier
