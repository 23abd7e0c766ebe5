"""Optimiser, compilation and the one training loop: shared by LeukNet, the baselines' networks and pretraining."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np

from leuknet.exceptions import LeuknetError
from leuknet.models.settings import TrainSettings

STEPS_PER_CALL = 16  # Python is called back once in so many steps


def optimiser(settings: TrainSettings) -> keras.optimizers.Optimizer:
    """Return the paper's SGD (§4.2), with the chosen reading of its decay (`TrainSettings.decay_reading`)."""
    rate, decay = settings.learning_rate, settings.weight_decay
    if settings.decay_reading == "learning_rate":
        rate = keras.optimizers.schedules.InverseTimeDecay(rate, decay_steps=1, decay_rate=decay)
        return keras.optimizers.SGD(rate, momentum=settings.momentum)
    return keras.optimizers.SGD(rate, momentum=settings.momentum, weight_decay=decay or None)


def compile_model(
    model: keras.Model,
    optimiser: keras.optimizers.Optimizer,
    loss: str | keras.losses.Loss = "binary_crossentropy",
    accuracy: keras.metrics.Metric | None = None,
) -> None:
    """Compile for `fit_epochs`; XLA only where it pays: always on JAX, on GPUs with TensorFlow."""
    on_gpu = any(name.startswith(("gpu", "cuda")) for name in keras.distribution.list_devices())
    jit = "auto" if on_gpu or keras.backend.backend() != "tensorflow" else False
    accuracy = accuracy or keras.metrics.BinaryAccuracy(name="accuracy")  # by name, it is made in a second trace
    model.compile(optimiser, loss=loss, metrics=[accuracy], jit_compile=jit)


def reset_optimiser(model: keras.Model) -> None:
    """Set what the model's optimiser keeps to its start."""
    model.optimizer.build(model.trainable_variables)
    for variable in model.optimizer.variables:
        if "learning_rate" not in variable.path:
            variable.assign(np.zeros(variable.shape, variable.dtype))


def fit_epochs(
    model: keras.Model,
    batches: Callable[[int], dict[str, Any]],
    epochs: int,
    first: int = 0,
    validate: Callable[[], dict[str, float]] = dict,
) -> Iterator[dict[str, float]]:
    """Train a compiled model epoch by epoch: the one training loop of LeukNet, baselines and pretraining.

    Parameters
    ----------
    model : keras.Model
        From `compile_model`.
    batches : callable
        Number of an epoch, from 0, to keyword arguments of ``fit`` (``x``, and ``y`` or batches that hold it).
    epochs, first : int
        Epochs in all, and those done before.
    validate : callable
        Called after each epoch; what it returns joins the row.

    Yields
    ------
    dict
        ``epoch`` (from 1), ``loss``, ``accuracy`` (means over the epoch), those of `validate`, ``seconds``.

    Raises
    ------
    LeuknetError
        If the loss is not a number.
    """
    for epoch in range(first, epochs):
        began = time.perf_counter()
        shown = batches(epoch)
        model.steps_per_execution = STEPS_PER_CALL
        logs = model.fit(**shown, shuffle=False, verbose=0).history
        model.steps_per_execution = 1  # TensorFlow would unroll predictions and trace them for each number of batches
        row = {"epoch": epoch + 1, "loss": float(logs["loss"][0]), "accuracy": float(logs["accuracy"][0])}
        if not np.isfinite(row["loss"]):
            raise LeuknetError(f"the loss is {row['loss']} in epoch {epoch + 1}: lower learning_rate")
        yield row | validate() | {"seconds": time.perf_counter() - began}


def validation_row(p: np.ndarray, y: np.ndarray) -> dict[str, float]:
    """Return binary cross-entropy (natural logarithm, clipped at 1e-7 as Keras does) and accuracy."""
    clipped = np.clip(p.astype(float), 1e-7, 1 - 1e-7)
    loss = -np.mean(y * np.log(clipped) + (1 - y) * np.log(1 - clipped))
    return {"validation_loss": float(loss), "validation_accuracy": float(np.mean((p >= 0.5) == y))}
