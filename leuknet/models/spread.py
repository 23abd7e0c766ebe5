"""One run over several devices of a machine: data-parallel, by Keras' own distribution API (JAX only).

Each device holds the network and the images and works on its share of every batch. ``LEUKNET_DEVICES_PER_RUN``, which
``leuknet grid --gpus-per-run`` sets for its processes, says how many. It is no setting of a run: the result is the same
within rounding.
"""

import keras
import numpy as np

from leuknet.exceptions import SetUpError
from leuknet.models.inputs import Batches
from leuknet.models.settings import devices_per_run


def spread(batch):
    """Make Keras place what is built from now on over the devices wanted; return their number.

    Parameters
    ----------
    batch : int
        Images a step; each device takes an equal share.

    Raises
    ------
    SetUpError
        If the backend is not JAX, devices are missing, or the batch cannot be shared equally.
    """
    count = devices_per_run()
    if count == 1:
        return 1
    if keras.backend.backend() != "jax":
        raise SetUpError(f"a run over {count} devices needs JAX: --backend jax, or --gpus-per-run 1")
    devices = keras.distribution.list_devices()
    if len(devices) < count:
        raise SetUpError(f"a run over {count} devices: this process sees {len(devices)}")
    if batch % count or 64 % count:
        raise SetUpError(f"a batch of {batch} cannot be shared equally by {count} devices")
    keras.distribution.set_distribution(
        keras.distribution.DataParallel(devices=devices[:count], auto_shard_dataset=False)
    )
    return count


def filled(batches, count):
    """Fill the last batch up to a multiple of `count`, by rows of weight 0 that neither loss nor gradients see.

    Batch normalisation does see them; VGG has none.

    Parameters
    ----------
    batches : dict
        Keyword arguments of ``fit``: ``x`` (array or list of arrays), ``y``, ``batch_size``; or ``x`` alone, streamed.
    count : int
        Devices.
    """
    if count == 1:
        return batches
    if isinstance(batches["x"], Batches):
        batches["x"].share = count
        return batches
    missing = -len(batches["y"]) % count
    weight = np.concatenate([np.ones(len(batches["y"]), np.float32), np.zeros(missing, np.float32)])

    def longer(array):
        return np.concatenate([array, array[:1].repeat(missing, axis=0)])

    x = [longer(part) for part in batches["x"]] if isinstance(batches["x"], list) else longer(batches["x"])
    return batches | {"x": x, "y": longer(batches["y"]), "sample_weight": weight}
