"""The one small loop that trains the comparison's own networks: augmented on the host, cross-entropy, Adam or SGD.

One compiled network is kept for each structure, so that folds share it; every run draws all weights anew.
"""

import time
from functools import lru_cache

import keras
import numpy as np

from leuknet._random import derive, rng
from leuknet.baselines.base import Baseline
from leuknet.exceptions import LeuknetError
from leuknet.models.weights import draw


class NetworkBaseline(Baseline):
    """A network that learns from pixels.

    A system gives ``build(size, nano)``, a flat functional model from RGB in [0, 1], (size, size, 3), to a probability;
    ``augment(image uint8, generator) -> uint8``; and the values below where they differ.

    Attributes
    ----------
    epochs, batch, copies, learning_rate
        What the article trains with or, where that is open, our reading.
    momentum : float or None
        Of SGD; None: Adam.
    """

    weights = "random"
    epochs, batch, copies, learning_rate, momentum = 30, 32, 1, 0.001, None

    def setting(self, name):
        """Return the run's own setting, or the system's where the run leaves it open."""
        value = getattr(self.settings, name)
        return getattr(self, name) if value is None else value

    def prepare(self, image):
        """Return the image as the network sees it, uint8, before it is scaled to [0, 1]."""
        return image

    def augment(self, image, generator):
        """Return a varied copy of `image`; as it is, unless the system says otherwise."""
        return image

    def begin(self, seed):
        """Give every variable, and what dropout draws from, its start value."""
        draw(self.model, seed)

    def fit(self, cohort, train, seed):
        """See `Baseline.fit`."""
        keras.config.set_dtype_policy("float32")
        options = self.setting("learning_rate"), self.momentum
        self.model = compiled(self.build, cohort.size, self.settings.nano, *options)
        self.begin(derive("weights", seed))
        fresh_state(self.model.optimizer)
        labels = cohort.labels[train]
        for epoch in range(self.setting("epochs")):
            order = rng("shuffle", seed, epoch).permutation(np.repeat(np.arange(len(train)), self.setting("copies")))
            for start, places in enumerate(full_batches(order, self.setting("batch"))):
                generator = rng("variants", seed, epoch, start)
                images = [self.prepare(self.augment(cohort.images[train[i]], generator)) for i in places]
                loss = self.model.train_on_batch(scaled(images), labels[places][:, None])
            if not np.isfinite(loss):
                raise LeuknetError(f"{self.settings.baseline}: the loss is {loss}: lower learning_rate")

    def forward(self, model, cohort, where, batch=32):
        """Return what `model` says of the images at `where`, float32, shape (n, d)."""
        began, parts = time.process_time(), []
        for places in full_batches(where, batch):
            parts.append(np.asarray(model.predict_on_batch(scaled([self.prepare(cohort.images[i]) for i in places]))))
        self.seconds_per_image = (time.process_time() - began) / max(len(where), 1)
        return np.concatenate(parts)[: len(where)]

    def predict(self, cohort, test):
        """See `Baseline.predict`."""
        self.forward(self.model, cohort, test[:1])  # compiles, so that the time measured next is prediction's alone
        return self.forward(self.model, cohort, test)[:, 0].astype(np.float32)

    def size(self):
        """See `Baseline.size`: 4 bytes a parameter."""
        return 4 * self.model.count_params()


def scaled(images):
    """Return images uint8 as one float32 batch in [0, 1]."""
    return np.stack(images).astype(np.float32) / 255


def full_batches(places, batch):
    """Return `places` as rows of `batch`, the last filled from the front, so that the network is compiled once."""
    return np.resize(places, (-(-len(places) // batch), batch))


@lru_cache(maxsize=3)
def compiled(build, size, nano, learning_rate, momentum):
    """Return the network of `build`, compiled; the same one for the same arguments."""
    model = build(size, nano)
    adam = momentum is None
    optimiser = keras.optimizers.Adam(learning_rate) if adam else keras.optimizers.SGD(learning_rate, momentum=momentum)
    on_gpu = any(name.startswith(("gpu", "cuda")) for name in keras.distribution.list_devices())
    jit = "auto" if on_gpu or keras.backend.backend() != "tensorflow" else False
    model.compile(optimiser, loss="binary_crossentropy", jit_compile=jit)
    optimiser.build(model.trainable_variables)
    return model


def fresh_state(optimiser):
    """Set what the optimiser keeps to its start."""
    for variable in optimiser.variables:
        if "learning_rate" not in variable.path:
            variable.assign(np.zeros(variable.shape, variable.dtype))
