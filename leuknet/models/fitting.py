"""Optimiser, compilation and training loop, shared by LeukNet, the baseline networks and pretraining."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np

from leuknet.exceptions import LeuknetError
from leuknet.models.settings import TrainSettings

STEPS_PER_CALL = 16  # training steps per call from Python


def optimiser(settings: TrainSettings) -> keras.optimizers.Optimizer:
    """Return the paper's SGD optimiser (§4.2); `TrainSettings.decay_reading` selects how its decay is interpreted."""
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
    """Compile a model for `fit_epochs`; XLA is used only where it is faster: on JAX, and with TensorFlow on GPUs."""
    on_gpu = any(name.startswith(("gpu", "cuda")) for name in keras.distribution.list_devices())
    jit = "auto" if on_gpu or keras.backend.backend() != "tensorflow" else False
    accuracy = accuracy or keras.metrics.BinaryAccuracy(name="accuracy")  # given by name, it would cause a second trace
    model.compile(optimiser, loss=loss, metrics=[accuracy], jit_compile=jit)


def reset_optimiser(model: keras.Model) -> None:
    """Reset the state of the model's optimiser."""
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
    """Train a compiled model epoch by epoch.

    Parameters
    ----------
    model : keras.Model
        From `compile_model`.
    batches : callable
        Maps the number of an epoch, from 0, to keyword arguments of ``fit`` (``x``, and ``y`` unless the batches
        include the labels).
    epochs, first : int
        Total number of epochs, and the number of epochs already done.
    validate : callable
        Called after each epoch; its values are added to the epoch's row.

    Yields
    ------
    dict
        ``epoch`` (from 1), ``loss`` and ``accuracy`` (means over the epoch), the values of `validate`, and ``seconds``.

    Raises
    ------
    LeuknetError
        If the loss is not finite.
    """
    for epoch in range(first, epochs):
        began = time.perf_counter()
        shown = batches(epoch)
        model.steps_per_execution = STEPS_PER_CALL
        logs = model.fit(**shown, shuffle=False, verbose=0).history
        model.steps_per_execution = 1  # otherwise TensorFlow unrolls and retraces predictions per batch count
        row = {"epoch": epoch + 1, "loss": float(logs["loss"][0]), "accuracy": float(logs["accuracy"][0])}
        if not np.isfinite(row["loss"]):
            raise LeuknetError(f"the loss is {row['loss']} in epoch {epoch + 1}: lower learning_rate")
        yield row | validate() | {"seconds": time.perf_counter() - began}


def validation_row(p: np.ndarray, y: np.ndarray) -> dict[str, float]:
    """Return the binary cross-entropy (natural logarithm, clipped at 1e-7 as in Keras) and the accuracy."""
    clipped = np.clip(p.astype(float), 1e-7, 1 - 1e-7)
    loss = -np.mean(y * np.log(clipped) + (1 - y) * np.log(1 - clipped))
    return {"validation_loss": float(loss), "validation_accuracy": float(np.mean((p >= 0.5) == y))}
