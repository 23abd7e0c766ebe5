"""Base class of the baselines that train a network: augmentation on the host, training by `leuknet.models.fitting`.

One compiled network per structure is cached and shared by all folds; every run reinitialises all weights.
"""

import time
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import keras
import numpy as np
import pandas as pd

from leuknet._random import derive, rng
from leuknet.baselines.base import Baseline
from leuknet.data.cohort import Cohort
from leuknet.models.fitting import compile_model, fit_epochs, reset_optimiser
from leuknet.models.inputs import Batches
from leuknet.models.weights import draw


class NetworkBaseline(Baseline):
    """A baseline that trains a network on pixels.

    Subclasses define ``build(size, nano)``, which returns a flat functional model from RGB in [0, 1], (size, size, 3),
    to a probability; ``augment(image uint8, generator) -> uint8``; and those of the values below that differ.

    Attributes
    ----------
    epochs, batch, copies, learning_rate
        Training settings (with Adam) of the article, or our choice if it does not state them.
    history : pandas.DataFrame
        One row per epoch, see `leuknet.models.fitting.fit_epochs`.
    """

    build: Any  # a static method
    weights = "random"
    epochs, batch, copies, learning_rate = 30, 32, 1, 0.001

    def setting(self, name: str) -> Any:
        """Return a setting of the run, or the baseline's default if the run does not define it."""
        value = getattr(self.settings, name)
        return getattr(self, name) if value is None else value

    def prepare(self, image: np.ndarray) -> np.ndarray:
        """Return the preprocessed input image, uint8, before it is scaled to [0, 1]."""
        return image

    def augment(self, image: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        """Return an augmented copy of `image`; unchanged unless overridden."""
        return image

    def begin(self, seed: int) -> None:
        """Initialise every variable and the random state of dropout."""
        draw(self.model, seed)

    def fit(self, cohort: Cohort, train: np.ndarray, seed: int) -> None:
        """See `Baseline.fit`."""
        keras.config.set_dtype_policy("float32")
        self.model = compiled(self.build, cohort.size, self.settings.nano, self.setting("learning_rate"))
        self.begin(derive("weights", seed))
        reset_optimiser(self.model)
        copies, labels = self.setting("copies"), cohort.labels[train]

        def batches(epoch: int) -> dict[str, Batches]:
            def shown(slot: int) -> np.ndarray:
                varied = self.augment(cohort.images[train[slot // copies]], rng("variants", seed, epoch, int(slot)))
                return self.prepare(varied)

            order = rng("shuffle", seed, epoch).permutation(len(train) * copies)
            return {"x": Batches(Shown(shown), order, None, labels[order // copies], self.setting("batch"))}

        self.history = pd.DataFrame(list(fit_epochs(self.model, batches, self.setting("epochs"))))

    def forward(self, model: keras.Model, cohort: Cohort, where: np.ndarray, batch: int = 32) -> np.ndarray:
        """Return the outputs of `model` for the images at `where`, float32, shape (n, d)."""
        began, parts = time.process_time(), []
        shown = Shown(lambda i: self.prepare(cohort.images[i]))
        for places in full_batches(where, batch):
            parts.append(np.asarray(model.predict_on_batch(shown[places])))
        self.seconds_per_image = (time.process_time() - began) / max(len(where), 1)
        return np.concatenate(parts)[: len(where)]

    def predict(self, cohort: Cohort, test: np.ndarray) -> np.ndarray:
        """See `Baseline.predict`."""
        self.forward(self.model, cohort, test[:1])  # compiles, to exclude compilation from the time measured below
        return self.forward(self.model, cohort, test)[:, 0].astype(np.float32)

    def size(self) -> int:
        """See `Baseline.size`: 4 bytes per parameter."""
        return 4 * self.model.count_params()


class Shown:
    """Array-like view of uint8 images returned by `read`; an index array selects a float32 batch in [0, 1]."""

    def __init__(self, read: Callable[[int], np.ndarray]) -> None:
        self.read = read

    def __getitem__(self, slots: np.ndarray) -> np.ndarray:
        return np.stack([self.read(slot) for slot in slots]).astype(np.float32) / 255


def full_batches(places: np.ndarray, batch: int) -> np.ndarray:
    """Return `places` as rows of `batch`, the last padded from the beginning, so that all batches have one shape."""
    return np.resize(places, (-(-len(places) // batch), batch))


@lru_cache(maxsize=3)
def compiled(build: Callable[[int, bool], keras.Model], size: int, nano: bool, learning_rate: float) -> keras.Model:
    """Return the compiled network of `build`; the same object for the same arguments."""
    model = build(size, nano)
    compile_model(model, keras.optimizers.Adam(learning_rate))
    return model
