"""A table that stands on the device and is asked for rows by index."""

import keras
import numpy as np


class Rows(keras.layers.Layer):
    """Hold `array` as a constant weight of its own dtype; call with int32 indices (b,) to get the rows (b, ...).

    Parameters
    ----------
    array : numpy.ndarray, shape (n, ...)
        uint8 images or float32 features.
    """

    def __init__(self, array, **kwargs):
        super().__init__(dtype="float32", trainable=False, **kwargs)
        self.table = self.add_weight(
            shape=array.shape,
            dtype=str(array.dtype),
            initializer="zeros",
            trainable=False,
            autocast=False,
            name="table",
        )
        self.table.assign(np.ascontiguousarray(array))

    def call(self, index):
        return keras.ops.take(self.table, index, axis=0)

    def compute_output_spec(self, index):
        return keras.KerasTensor((*index.shape, *self.table.shape[1:]), dtype=self.table.dtype)
