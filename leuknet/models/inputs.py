"""A cohort's images as input of a network: stored on the device and read by index, or streamed from disk."""

import mmap
import os
from typing import Any

import keras
import numpy as np

RESIDENT_GB = 4.0
AT_ONCE = 256  # images read from a memory map before its pages are released


def tensor_of(array: np.ndarray) -> Any:
    """Return `array` as a tensor; a memory map is read in parts, to avoid a second copy in memory."""
    if not isinstance(array.base, mmap.mmap) or not hasattr(mmap, "MADV_DONTNEED"):
        return keras.ops.convert_to_tensor(array)
    parts = []
    for start in range(0, len(array), AT_ONCE):
        parts.append(keras.ops.convert_to_tensor(array[start : start + AT_ONCE]))
        array.base.madvise(mmap.MADV_DONTNEED)
    return keras.ops.concatenate(parts)


class Rows(keras.layers.Layer):
    """Hold `array` as a constant weight of its own dtype; a call with int32 indices (b,) returns the rows (b, ...).

    Parameters
    ----------
    array : numpy.ndarray, shape (n, ...)
        uint8 images or float32 features.
    """

    def __init__(self, array: np.ndarray, **kwargs: Any) -> None:
        super().__init__(dtype="float32", trainable=False, **kwargs)
        self.table = self.add_weight(
            shape=array.shape,
            dtype=str(array.dtype),
            initializer=lambda shape, dtype=None: tensor_of(array),  # avoids an array of zeros in memory
            trainable=False,
            autocast=False,
            name="table",
        )

    def call(self, index: Any) -> Any:
        return keras.ops.take(self.table, index, axis=0)

    def compute_output_spec(self, index: keras.KerasTensor) -> keras.KerasTensor:
        return keras.KerasTensor((*index.shape, *self.table.shape[1:]), dtype=self.table.dtype)


class Batches(keras.utils.PyDataset):
    """Batches read on request: images, or (images, also), with labels if given.

    `images` is a memory map, or any object that returns a batch for an array of indices.
    """

    def __init__(
        self, images: Any, indices: np.ndarray, also: np.ndarray | None, labels: np.ndarray | None, batch: int
    ) -> None:
        super().__init__()
        self.parts = images, indices, also, labels, batch

    def __len__(self) -> int:
        return -(-len(self.parts[1]) // self.parts[4])

    def __getitem__(self, number: int) -> tuple:
        images, indices, also, labels, batch = self.parts
        part = np.arange(number * batch, min((number + 1) * batch, len(indices)))
        inputs = images[indices[part]] if also is None else (images[indices[part]], also[part])
        if labels is None:
            return (inputs,)
        return inputs, labels[part]


def fed(x: np.ndarray | list[np.ndarray], batch: int, y: np.ndarray | None = None) -> dict[str, Any]:
    """Return the keyword arguments for fitting a model to arrays in their order, or for predicting from them.

    TensorFlow's iterators tune themselves in a thread whose sleep time doubles with each iteration, and may wait for
    that thread when they finish (TensorFlow 2.21), which makes an epoch take up to twice as long. Keras has no option
    to turn this off, so the dataset is built here with ``tf.data``.

    Parameters
    ----------
    x : array or list of arrays
    batch : int
    y : array, optional
    """
    if keras.backend.backend() != "tensorflow":
        return {"x": x, "batch_size": batch} | ({} if y is None else {"y": y})
    import tensorflow as tf

    options = tf.data.Options()
    options.autotune.enabled = False
    parts = tuple(x) if isinstance(x, list) else x
    data = tf.data.Dataset.from_tensor_slices((parts,) if y is None else (parts, y))
    return {"x": data.batch(batch).with_options(options)}


def resident_bytes() -> float:
    """Return the largest size of a cohort, in bytes, that is stored on the device: ``$LEUKNET_RESIDENT_GB`` or 4 GB."""
    return float(os.environ.get("LEUKNET_RESIDENT_GB") or RESIDENT_GB) * 1e9


class Source:
    """Images or features of a cohort as input of a network: on the device if small enough, else from the memory map.

    Both give the same batches, so the results of a run do not depend on the choice.

    Parameters
    ----------
    images : numpy.ndarray, shape (n, ...)
        uint8 images (n, size, size, 3), or float32 features.

    Attributes
    ----------
    streamed : bool
    """

    def __init__(self, images: np.ndarray) -> None:
        self.images, self.streamed = images, images.nbytes > resident_bytes()
        self.rows: Any = None if self.streamed else Rows(images)

    def input(self) -> tuple[keras.KerasTensor, keras.KerasTensor]:
        """Return (keras.Input, images (b, ...)) for a model; `feed` returns the matching data."""
        if self.streamed:
            image = keras.Input(self.images.shape[1:], dtype=str(self.images.dtype), name="image_bytes")
            return image, image
        index = keras.Input((), dtype="int32", name="index")
        return index, self.rows(index)

    def feed(
        self, indices: np.ndarray, batch: int, labels: np.ndarray | None = None, also: np.ndarray | None = None
    ) -> dict[str, Any]:
        """Return the keyword arguments for fitting, or predicting with, a model built on `input`.

        Parameters
        ----------
        indices : int array, shape (m,)
        batch : int
        labels : float32 array, shape (m,), optional
        also : array, shape (m, ...), optional
            Values of the model's second input.
        """
        if self.streamed:
            return {"x": Batches(self.images, indices, also, labels, batch)}
        indices = indices.astype(np.int32)
        return fed(indices if also is None else [indices, also], batch, labels)

    def replace(self, images: np.ndarray) -> None:
        """Replace the images by others of the same shape and dtype."""
        self.images = images
        if self.rows is not None:
            self.rows.table.assign(np.ascontiguousarray(images))
