"""Training of one network, with augmentation, scaling and gradient step compiled together (§4.1, §4.2).

The images are stored on the device as uint8, and the host sends only the indices of each batch; a large cohort is
streamed from its memory map instead (see `leuknet.models.inputs.Source`). `Trainer` holds one compiled step for one
network structure and cohort, which is shared by all runs that differ only in images or seed. The training loop is
`leuknet.models.fitting.fit_epochs`.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np
import pandas as pd
from sklearn.model_selection import train_test_split

from leuknet._random import derive, rng
from leuknet.data.cohort import Cohort
from leuknet.exceptions import LeuknetError
from leuknet.models import networks, weights
from leuknet.models.augmentation import Drawn, Warp
from leuknet.models.fitting import compile_model, fit_epochs, optimiser, reset_optimiser, validation_row
from leuknet.models.frozen import pool_features, variant_draws, variants_model
from leuknet.models.inputs import Rows, Source
from leuknet.models.policy import NOTHING
from leuknet.models.settings import FROZEN_APPROACHES, TrainSettings

NONE = np.arange(0)


@dataclass
class Progress:
    """State of a training: everything that is needed to resume it, apart from the run's settings."""

    epoch: int = 0
    history: list = field(default_factory=list)
    state: list = field(default_factory=list)


@dataclass
class Trained:
    """Results of a training: `history` (one row per epoch), `probabilities` by role, `weights` record, and `timing`.

    `timing` has ``predict_seconds``, ``images_trained`` (per epoch) and ``training_accuracy``: the accuracy of the
    trained network on its training images, without augmentation and dropout, in [0, 1].
    """

    history: pd.DataFrame
    probabilities: dict
    weights: dict
    timing: dict
    model: keras.Model


def network_spec(settings: TrainSettings, size: int) -> networks.NetworkSpec:
    """Return the `NetworkSpec` that corresponds to `settings`, for images of `size` pixels."""
    names = ("backbone", "approach", "dense", "dropout", "frozen_until", "preprocessing")
    return networks.NetworkSpec(size=size, **{name: getattr(settings, name) for name in names})


def begun(settings: TrainSettings, size: int, seed: int) -> tuple[keras.Model, dict[str, Any]]:
    """Return the initialised network of `settings` for images of `size` pixels, and the record of its weights."""
    spec = network_spec(settings, size)
    model = networks.build(spec)
    return model, weights.initialise(model, spec, settings.weights, seed)


def held_out(indices: np.ndarray, labels: np.ndarray, share: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Split `indices` into training and validation, stratified by label; validation is empty if `share` is 0."""
    if not share:
        return indices, indices[:0]
    try:
        parts = train_test_split(indices, test_size=share, stratify=labels[indices], random_state=seed)
    except ValueError as error:
        raise LeuknetError(f"no {share:.0%} validation from {len(indices)} training images: {error}") from error
    return np.sort(parts[0]), np.sort(parts[1])


def drawing(
    requested: keras.KerasTensor, settings: TrainSettings, count: int
) -> tuple[Drawn | None, Any, keras.KerasTensor]:
    """Return (layer, inputs of the model, draws): drawn in each step, or selected by slot if the variants are fixed.

    Parameters
    ----------
    requested : keras.Input
        From `Source.input`.
    settings : TrainSettings
    count : int
        Number of images in the cohort.
    """
    if not settings.variants:
        drawn = Drawn(settings.augmentation or NOTHING, name="drawn")
        return drawn, requested, drawn(requested)
    slot = keras.Input((), dtype="int32", name="slot")
    return None, [requested, slot], Rows(variant_draws(settings, count), name="draws")(slot)


def use_cached_features(settings: TrainSettings) -> bool:
    """Return whether the frozen part can be computed once: frozen approach, and the same variants in each epoch."""
    return settings.approach in FROZEN_APPROACHES and (settings.copies > 0 or settings.augmentation is None)


class Trainer:
    """A network and its compiled training step for one cohort.

    Parameters
    ----------
    cohort : Cohort
    settings : TrainSettings
        Only structure, optimiser and augmentation are used; the other settings may differ between runs.

    Attributes
    ----------
    net : keras.Model
        The flat network, image in [0, 1] to probability.
    """

    head: keras.Model | None = None  # this and the next three: frozen approaches only, set by the first run
    pool: Any = None
    pool_key = ""
    variants: keras.Model | None = None

    def __init__(self, cohort: Cohort, settings: TrainSettings) -> None:
        keras.config.set_dtype_policy(settings.precision)
        self.cohort, self.spec = cohort, network_spec(settings, cohort.size)
        self.net = networks.build(self.spec)
        self.source = Source(cohort.images)
        requested, images = self.source.input()
        self.drawn, inputs, draws = drawing(requested, settings, len(cohort))
        self.shear_unit = (settings.augmentation or NOTHING).shear_unit
        image = Warp(cohort.size, shear_unit=self.shear_unit, name="warp")([images, draws])
        self.model = keras.Model(inputs, self.net(image))
        compile_model(self.model, optimiser(settings))

    def variables(self) -> list[keras.Variable]:
        """Variables of the network and the optimiser, in a fixed order; a checkpoint stores their values."""
        return [*self.net.variables, *self.trained.optimizer.variables]

    def begin(self, settings: TrainSettings, seed: int) -> dict[str, Any]:
        """Initialise all weights and the optimiser for a new run; return the record of the weights."""
        record = weights.initialise(self.net, self.spec, settings.weights, seed)
        if use_cached_features(settings):
            self._load_pool(settings)
        reset_optimiser(self.trained)
        return record

    @property
    def trained(self) -> keras.Model:
        """The compiled model that is fitted: on images, or on the features of the frozen part."""
        return self.model if self.head is None else self.head

    def _load_pool(self, settings: TrainSettings) -> None:
        """Load the features of all variants of all images onto the device; on the first call, compile the head."""
        if self.variants is None:
            self.backbone, self.dense = networks.split_at_frozen(self.net)
            self.variants = variants_model(self.cohort.size, self.shear_unit, self.backbone, self.source)
        key, features = pool_features(self.cohort, self.spec, settings, self.backbone, self.variants, self.source)
        if self.pool is None:
            self.pool = Source(features)
            requested, rows = self.pool.input()
            self.head = keras.Model(requested, self.dense(rows))
            compile_model(self.head, optimiser(settings))
        elif key != self.pool_key:
            self.pool.replace(features)
        self.pool_key = key

    def state(self) -> list[np.ndarray]:
        """Return the values of `variables` as NumPy arrays."""
        return [np.asarray(keras.ops.convert_to_numpy(variable)) for variable in self.variables()]

    def restore(self, state: list[np.ndarray]) -> None:
        """Set `variables` to the values of `state`."""
        for variable, value in zip(self.variables(), state, strict=True):
            variable.assign(value)

    def predict(self, indices: np.ndarray, batch: int) -> np.ndarray:
        """Return P(leukaemia), float32, of the images at `indices`, without augmentation.

        `batch` is the batch size of training. Prediction uses twice that size, because it needs no memory for
        gradients, and pads the last batch, so the model is compiled for one shape only.
        """
        if len(indices) == 0:
            return np.zeros(0, np.float32)
        batch *= 2
        padded = np.resize(indices, -(-len(indices) // batch) * batch).astype(np.int32)
        p = self.trained.predict(**self.fed(padded, None, batch), verbose=0)
        return np.asarray(p, np.float32).reshape(-1)[: len(indices)]

    def fed(
        self, images: np.ndarray, slots: np.ndarray | None, batch: int, labels: np.ndarray | None = None
    ) -> dict[str, Any]:
        """Return the keyword arguments for fitting `trained`, or for predicting with it.

        `slots` are those of the images' fixed variants (`epoch_order`), or None for plain images and for variants
        drawn in each step. In the pool of features the variants follow the plain images.
        """
        if self.head is not None:
            rows = images if slots is None else len(self.cohort) + slots
            return self.pool.feed(rows, batch, labels)
        also = None if self.drawn else np.asarray(images if slots is None else slots, np.int32)
        return self.source.feed(images, batch, labels, also)


trainers: dict[tuple, Trainer] = {}


def trainer_for(cohort: Cohort, settings: TrainSettings) -> Trainer:
    """Return the `Trainer` of this structure; only the most recent one is cached."""
    key = (cohort.key, settings.step_key)
    if key not in trainers:
        trainers.clear()
        keras.backend.clear_session()
        trainers[key] = Trainer(cohort, settings)
    return trainers[key]


def epoch_order(
    settings: TrainSettings, train: np.ndarray, seed: int, epoch: int
) -> tuple[np.ndarray, np.ndarray | None]:
    """Return the order of images in one epoch, and the slots of their fixed variants (or None), int (m,) each.

    Variant k of image i has the slot ``i * copies + k``; its draws depend on the cohort, not on the run.
    """
    order = rng("shuffle", seed, epoch)
    if not settings.variants:
        return order.permutation(train), None
    slots = order.permutation((train[:, None] * settings.variants + np.arange(settings.variants)).ravel())
    return slots // settings.variants, slots


def train(
    cohort: Cohort,
    roles: dict[str, np.ndarray],
    settings: TrainSettings,
    seed: int,
    resume: Callable[[list[tuple[int, ...]]], Progress | None] | None = None,
    save: Callable[[Progress, Callable[[], list[np.ndarray]]], None] | None = None,
    report: Callable[[dict[str, float]], None] | None = None,
) -> Trained:
    """Train one network and predict.

    Parameters
    ----------
    cohort : Cohort
    roles : dict of str to int array
        Positions in the cohort: "train", and optionally "test" and "external", which are predicted.
    settings : TrainSettings
    seed : int
    resume : callable, optional
        Called with the shapes of `Trainer.variables`; returns the `Progress` of an interrupted training to resume, or
        None.
    save : callable, optional
        Called after each epoch but the last, with a `Progress` and a function that returns the state to store.
    report : callable, optional
        Called with the history row of each epoch.

    Returns
    -------
    Trained

    Raises
    ------
    LeuknetError
        If the training images are of one class only, or the loss is not finite.
    """
    labels = cohort.labels
    fit_on, validate_on = held_out(roles["train"], labels, settings.held_out, derive("validation", seed) % 2**31)
    curve_of = roles["test"] if settings.validation == "test" else validate_on
    if len(set(labels[fit_on])) < 2:
        raise LeuknetError("the training images hold one class only: choose another split or add images")
    trainer = trainer_for(cohort, settings)
    record = trainer.begin(settings, seed)
    progress = (resume and resume([tuple(variable.shape) for variable in trainer.variables()])) or Progress()
    if progress.state:
        trainer.restore(progress.state)
    for row in epochs_of(trainer, settings, fit_on, seed, progress.epoch, curve_of):
        progress.history.append(row)
        progress.epoch = int(row["epoch"])
        if report:
            report(row)
        if save and progress.epoch < settings.epochs:
            save(progress, trainer.state)
    began = time.perf_counter()
    targets = {"validation": validate_on, **{k: v for k, v in roles.items() if k != "train"}}
    probabilities = {k: (where, trainer.predict(where, settings.batch)) for k, where in targets.items() if len(where)}
    timing = {"predict_seconds": time.perf_counter() - began, "images_trained": len(fit_on) * max(settings.variants, 1)}
    fitted = validation_row(trainer.predict(fit_on, settings.batch), labels[fit_on])
    timing |= {"training_accuracy": fitted["validation_accuracy"]}
    return Trained(pd.DataFrame(progress.history), probabilities, record, timing, trainer.net)


def epochs_of(
    trainer: Trainer,
    settings: TrainSettings,
    fit_on: np.ndarray,
    seed: int,
    first: int = 0,
    curve_of: np.ndarray = NONE,
) -> Iterator[dict[str, float]]:
    """Train the epochs of a run from number `first` on; see `fit_epochs`.

    Parameters
    ----------
    trainer : Trainer
        After `Trainer.begin`.
    settings : TrainSettings
    fit_on, curve_of : int array
        Positions of the training images, and of the images for validation loss and accuracy.
    seed, first : int
    """
    labels = trainer.cohort.labels

    def batches(epoch: int) -> dict[str, Any]:
        images, slots = epoch_order(settings, fit_on, seed, epoch)
        if trainer.drawn is not None:
            trainer.drawn.begin(derive("augment", seed, epoch))
        return trainer.fed(images, slots, settings.batch, labels[images])

    def validate() -> dict[str, float]:
        return validation_row(trainer.predict(curve_of, settings.batch), labels[curve_of]) if len(curve_of) else {}

    return fit_epochs(trainer.trained, batches, settings.epochs, first, validate)
