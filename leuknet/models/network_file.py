"""Loading of network files (``.keras``) from untrusted sources: checked before anything in them is built or run.

A ``.keras`` file is a ZIP archive of a configuration (JSON) and weights (HDF5). Keras' safe mode rejects code that is
stored in it, but builds any network that the configuration declares. This module accepts only layers that are used by
this package's networks, computes the size of every layer and variable before memory is allocated, and rejects weights
that link to other files.
"""

import io
import json
import threading
import zipfile
from math import prod
from pathlib import Path
from typing import Any

import h5py
import keras

from leuknet.exceptions import LeuknetError

MEMBERS = {"config.json", "metadata.json", "model.weights.h5"}
MAX_CONFIG = 8 << 20  # bytes of JSON; EfficientNetB7, the longest in keras.applications, has 0.9 million
MAX_PARAMETERS = 400_000_000  # VGG-19 with its own dense layers, the largest in the paper, has 144 million
MAX_ACTIVATIONS = 100_000_000  # output values of a layer for one image; VGG-16 at 224 px has 3.2 million
_LAYERS = """
InputLayer Rescaling Normalization Resizing Conv2D DepthwiseConv2D SeparableConv2D BatchNormalization LayerNormalization
UnitNormalization Activation ReLU LeakyReLU PReLU ELU Softmax MaxPooling2D AveragePooling2D GlobalAveragePooling2D
GlobalMaxPooling2D ZeroPadding2D Cropping2D Flatten Reshape Permute Dense Dropout SpatialDropout2D Add Multiply
Concatenate Average StochasticDepth LayerScale Functional Subtract Divide TrueDivide Flip
"""
_VALUES = """
GlorotUniform GlorotNormal HeNormal HeUniform LecunNormal LecunUniform VarianceScaling RandomNormal RandomUniform
TruncatedNormal Zeros Ones Constant L1 L2 L1L2 MaxNorm NonNeg UnitNorm DTypePolicy FloatDTypePolicy
__keras_tensor__ __tuple__ __numpy__ __tensor__
"""
_DAMAGE: tuple[type[Exception], ...] = (LookupError, ValueError, TypeError, AttributeError, OSError, RuntimeError)
_DAMAGE += (zipfile.BadZipFile, ImportError, ArithmeticError, MemoryError)
KNOWN = frozenset((_LAYERS + _VALUES).split())


def load_network(path: str | Path) -> keras.Model:
    """Load a binary classifier of square RGB images from a ``.keras`` file.

    Parameters
    ----------
    path : path

    Returns
    -------
    keras.Model
        Input (batch, size, size, 3), output (batch, 1).

    Raises
    ------
    LeuknetError
        If the file is damaged or contains anything other than such a network. In that case nothing of it is run.
    """
    path = Path(path)
    try:
        config, weights = _parts(path)
        _check_names(config)
        _check_weights(io.BytesIO(weights), _declared(config))
        model = keras.saving.load_model(path, compile=False, safe_mode=True)
    except _DAMAGE as error:
        line = (str(error).strip() or type(error).__name__).splitlines()[0][:300]
        raise LeuknetError(f"{path} is no network that leuknet kept, and is not loaded: {line}") from error
    return model


def check_links(file: h5py.Group, name: str = "") -> int:
    """Return the size of an HDF5 file's arrays in bytes; raise ValueError if one is stored in another file."""
    total = 0
    for key in file:
        link = file.get(key, getlink=True)
        if not isinstance(link, h5py.HardLink):
            raise ValueError(f"the weights lead to another place ({name}/{key})")
        item = file[key]
        if isinstance(item, h5py.Group):
            total += check_links(item, f"{name}/{key}")
        elif not isinstance(item, h5py.Dataset) or item.external or item.is_virtual:
            raise ValueError(f"the weights lead to another file ({name}/{key})")
        else:
            total += item.nbytes
    return total


def _parts(path: Path) -> tuple[dict[str, Any], bytes]:
    """Return the configuration and the weights in the archive."""
    with zipfile.ZipFile(path) as archive:
        members = {member.filename: member.file_size for member in archive.infolist()}
        if set(members) != MEMBERS or len(archive.infolist()) != len(MEMBERS):
            raise ValueError(f"it holds {', '.join(sorted(members))[:200] or 'nothing'}")
        if members["config.json"] > MAX_CONFIG or members["model.weights.h5"] > 8 * MAX_PARAMETERS:
            raise ValueError("its configuration or weights are too large")
        config = json.loads(archive.read("config.json"))
        if not isinstance(config, dict):
            raise ValueError("its configuration is no object")
        return config, archive.read("model.weights.h5")


def _check_names(config: Any) -> None:
    """Raise ValueError if the configuration names a class or function that no network of this package uses."""
    if isinstance(config, dict):
        if "class_name" in config:
            name, module = config["class_name"], config.get("module")
            if name not in KNOWN or not (module is None or str(module).split(".")[0] in ("keras", "builtins")):
                raise ValueError(f"it names {str(module)[:80]}.{str(name)[:80]}")
        elif "module" in config:
            raise ValueError(f"it names the module {str(config['module'])[:80]}")
    for value in config.values() if isinstance(config, dict) else config if isinstance(config, list) else ():
        _check_names(value)


def _declared(config: dict[str, Any]) -> int:
    """Return the number of parameters in `config`; raise ValueError if it is too large or not a binary classifier.

    In Keras' stateless scope a model is built without allocating its variables. Keras records them per thread, to
    allocate them later, so the model is built in a separate thread that ends here.
    """
    result: list[int | BaseException] = []

    def build() -> None:
        try:
            with keras.StatelessScope(initialize_variables=False):
                result.append(_size(keras.saving.deserialize_keras_object(config, safe_mode=True)))
        except BaseException as error:  # re-raised below in the caller's thread
            result.append(error)

    thread = threading.Thread(target=build)
    thread.start()
    thread.join()
    if isinstance(result[0], BaseException):
        raise result[0]
    return result[0]


def _size(model: Any) -> int:
    if type(model).__name__ != "Functional":
        raise ValueError(f"it is a {type(model).__name__}")
    if len(model.inputs) != 1 or len(model.outputs) != 1 or tuple(model.outputs[0].shape) != (None, 1):
        raise ValueError("it has not one image as input and one probability as output")
    shape = tuple(model.inputs[0].shape)
    if len(shape) != 4 or shape[1] is None or shape[1] != shape[2] or shape[3] != 3:
        raise ValueError(f"its input is {shape}, no square RGB image")
    for layer in model.layers:
        for tensor in keras.tree.flatten(layer.output):
            if None in tensor.shape[1:] or prod(tensor.shape[1:]) > MAX_ACTIVATIONS:
                raise ValueError(f"layer {layer.name[:80]} gives {tuple(tensor.shape)}")
    parameters = sum(prod(variable.shape) for variable in model.variables)
    if parameters > MAX_PARAMETERS:
        raise ValueError(f"it declares {parameters:,} parameters, more than {MAX_PARAMETERS:,}")
    return parameters


def _check_weights(file: io.BytesIO, parameters: int) -> None:
    """Raise ValueError unless all weights are in this file and are not larger than the configuration declares."""
    with h5py.File(file, "r") as root:
        size = check_links(root)
    if size > 8 * parameters + (1 << 20):  # float64 at most, plus 1 MiB for the states of random generators
        raise ValueError(f"its weights take {size:,} bytes for {parameters:,} parameters")
