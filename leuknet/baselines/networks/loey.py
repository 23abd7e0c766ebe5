"""Loey, Naman & Zayed 2020 [18]: fine-tuned AlexNet, and AlexNet features with classical classifiers.

The paper says (sections 2.2 and 4.4): AlexNet fine-tuned for normal against leukaemia, 564 images augmented to 2820,
100 %, "the two classes belong to different databases". The article's abstract (Computers 9, 29) says: two models, the
first with features of a pretrained AlexNet and "numerous well-known classifiers", the second fine-tuned and better
(100 %).

Left open, and the interpretation used: 2820 is 5 times 564, so an epoch of the second model uses each image five times,
rotated, shifted or mirrored. The first model is an SVM on fc7, the best known of the "well-known classifiers". Adam
with a learning rate of 0.0005, 20 epochs, batches of 32.

Departures: Keras has no pretrained AlexNet, see `leuknet.baselines.networks.alexnet`; without pretrained weights the
first model uses the features of a random network.
"""

import numpy as np

from leuknet.baselines.base import Baseline, probability, svm
from leuknet.baselines.networks import variants
from leuknet.baselines.networks.alexnet import AlexNetBaseline, body
from leuknet.baselines.networks.training import compiled
from leuknet.data.cohort import Cohort


class FineTuned(AlexNetBaseline):
    """The second model: fine-tuned AlexNet, reported with 100 %."""

    copies = 5

    def augment(self, image: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        """Return the image rotated by up to 30 degrees, shifted by up to a tenth of its edge, and possibly mirrored."""
        angle, x, y = generator.uniform(-1, 1, 3)
        return variants.moved(variants.flipped(image, generator), 30 * angle, (0.1 * x, 0.1 * y))


class Features(AlexNetBaseline):
    """The first model: an SVM on the activations of fc7."""

    def fit(self, cohort: Cohort, train: np.ndarray, seed: int) -> None:
        """See `Baseline.fit`."""
        self.model = compiled(body, cohort.size, self.settings.nano, self.learning_rate)
        self.begin(0)  # one fixed network, independent of the run's seed
        values = self.forward(self.model, cohort, train)
        labels = cohort.labels[train].astype(int)
        self.classifier = svm("linear").fit(values, labels)

    def predict(self, cohort: Cohort, test: np.ndarray) -> np.ndarray:
        """See `Baseline.predict`."""
        return probability(self.classifier, self.forward(self.model, cohort, test))

    def size(self) -> int:
        """See `Baseline.size`: the network's parameters, 4 bytes each, and the SVM."""
        return 4 * self.model.count_params() + Baseline.size(self)
