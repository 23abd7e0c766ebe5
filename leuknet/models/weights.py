"""Initial weights of a network: random, ImageNet, or the small formula-driven weights shipped with the package.

Building and initialising are separate steps. `initialise` draws every variable with NumPy from the run's seed and the
variable's name, so the initial weights depend neither on previously built networks nor on the Keras backend.
"""

import functools
import os
import re
import zipfile
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
from scipy.stats import truncnorm

from leuknet._io import sha256_of
from leuknet._random import derive, rng
from leuknet.exceptions import LeuknetError, SetUpError
from leuknet.models import backbones, networks
from leuknet.models.network_file import check_links
from leuknet.models.settings import WEIGHTS

hash_of_file = functools.lru_cache(maxsize=8)(sha256_of)
SHIPPED = Path(__file__).parent / "pretrained"
Arrays = dict[str, Any]  # layer name -> arrays by variable name, or in Keras' order
DRAWN = ("random", "he")
HE = keras.initializers.HeUniform()
VARIABLES = "depthwise_kernel|pointwise_kernel|kernel|bias|gamma|beta|moving_mean|moving_variance"


def initialise(model: keras.Model, spec: networks.NetworkSpec, weights: str, seed: int) -> dict[str, Any]:
    """Set every variable of `model` to its initial value.

    Parameters
    ----------
    model : keras.Model
        From ``networks.build(spec)``.
    spec : NetworkSpec
    weights : {"imagenet", "formula", "random", "he"}
        "random" draws each layer as Keras does (Glorot for most), "he" its kernels with the variance of He et al.
        (ICCV 2015), from which deep networks without batch normalisation learn sooner. With approach "scratch",
        "imagenet" and "formula" count as "random".
    seed : int

    Returns
    -------
    dict
        ``weights`` (caption), ``layers_loaded`` and ``layers_random`` (names of layers that have weights),
        ``file`` (name, or None) and ``file_sha256``.

    Raises
    ------
    LeuknetError
        If no such weights exist. If they are not available on this machine or the file does not fit, a `SetUpError`
        whose message contains the remedy.
    """
    if weights not in WEIGHTS:
        raise LeuknetError(f"weights={weights!r} is unknown: choose one of {', '.join(WEIGHTS)}")
    draw(model, seed, HE if weights == "he" else None)
    held = [layer for layer in model.layers if layer.weights]
    wanted = [layer for layer in held if not networks.is_new(layer)]
    file, loaded = None, list[str]()
    if weights not in DRAWN and spec.approach != "scratch":
        file, arrays = _find(spec, weights, wanted)
        loaded = _lay(wanted, arrays, file)
    return {
        "weights": _caption(spec, weights, loaded, [layer.name for layer in wanted]),
        "layers_loaded": loaded,
        "layers_random": [layer.name for layer in held if layer.name not in loaded],
        "file": file and file.name,
        "file_sha256": file and hash_of_file(file),
    }


def draw(model: keras.Model, seed: int, kernels: keras.initializers.VarianceScaling | None = None) -> None:
    """Draw every variable of `model`, seeded by `seed` and the variable's path, with its layer's initialiser.

    `kernels` replaces the initialisers of this kind (Glorot, He, LeCun).
    """
    for layer in model.layers:
        for variable in layer.weights:
            variable.assign(_start(layer, variable, seed, kernels))
        for i, variable in enumerate(v for v in layer.variables if "seed_generator" in v.path):
            state = np.zeros(variable.shape, variable.dtype)
            state[0] = derive("init", seed, layer.name, i)
            variable.assign(state)


def lay_shipped(model: keras.Model, name: str) -> str:
    """Load the formula-driven weights shipped as `name` into the layers of `model` that they fit.

    Dense layers depend on the image size used in pretraining; at any other size, only convolutions are loaded.

    Returns
    -------
    str
        Caption: "formula-driven", or e.g. "formula-driven 8 of 10 layers".
    """
    file = SHIPPED / f"{name}.npz"
    arrays = read(file)
    held = [layer for layer in model.layers if layer.name in arrays]
    fitting = [layer for layer in held if arrays[layer.name]["kernel"].shape == tuple(layer.kernel.shape)]
    _lay(fitting, arrays, file)
    part = "" if len(fitting) == len(held) else f" {len(fitting)} of {len(held)} layers"
    return f"formula-driven{part}"


def available(backbone: str) -> dict[str, Path | None]:
    """Return the pretrained weights of `backbone` that are available on this machine, without loading them.

    Returns
    -------
    dict
        Maps "imagenet" and "formula" to a ``Path``, or to None if there is no file (Keras may still download it).
    """
    known, narrow = backbones.resolve(backbone)
    shipped = SHIPPED / f"{known.lower()}-nano.npz"
    files = [] if narrow else _files(known, _weights_folder()) + _files(known, _keras_cache())
    return {"imagenet": files[0] if files else None, "formula": shipped if narrow and shipped.is_file() else None}


def _start(
    layer: keras.Layer, variable: keras.Variable, seed: int, kernels: keras.initializers.VarianceScaling | None
) -> np.ndarray:
    """Return the initial value of one variable as an array."""
    name, shape = variable.name, tuple(variable.shape)
    names = (f"{name}_initializer", f"{name.removesuffix('_kernel')}_initializer", "depthwise_initializer")
    initializer = next((getattr(layer, n) for n in names if getattr(layer, n, None) is not None), None)
    if initializer is None:  # a constant defined by the layer, such as ConvNeXt's scale
        fresh = type(layer).from_config(layer.get_config())
        fresh.build(layer.input.shape)
        return next(keras.ops.convert_to_numpy(v) for v in fresh.weights if v.name == name)
    if isinstance(initializer, keras.initializers.VarianceScaling):
        return _variance_scaling(kernels or initializer, shape, rng("init", seed, variable.path))
    config = initializer.get_config()
    if "seed" in config:
        initializer = type(initializer).from_config({**config, "seed": derive("init", seed, variable.path)})
    return keras.ops.convert_to_numpy(initializer(shape))


def _variance_scaling(
    initializer: keras.initializers.VarianceScaling, shape: tuple[int, ...], generator: np.random.Generator
) -> np.ndarray:
    """Draw with NumPy from the distribution of ``keras.initializers.VarianceScaling`` (Glorot, He, LeCun)."""
    field = int(np.prod(shape[:-2]))
    fans: dict[str, float] = {"fan_in": shape[-2] * field, "fan_out": shape[-1] * field}
    fans["fan_avg"] = (fans["fan_in"] + fans["fan_out"]) / 2
    deviation = np.sqrt(initializer.scale / max(1.0, fans[initializer.mode]))
    if initializer.distribution == "uniform":
        values = (2 * generator.random(shape, np.float32) - 1) * np.sqrt(3, dtype=np.float32)
    elif initializer.distribution == "untruncated_normal":
        values = generator.normal(size=shape)
    else:
        values = truncnorm.rvs(-2, 2, size=shape, random_state=generator) / truncnorm.std(-2, 2)
    return (values * np.float32(deviation)).astype(np.float32, copy=False)


def _find(spec: networks.NetworkSpec, weights: str, wanted: list[keras.Layer]) -> tuple[Path | None, Arrays]:
    """Return the file of the requested pretrained weights, and its arrays by layer name."""
    known, narrow = backbones.resolve(spec.backbone)
    name = backbones.canonical(spec.backbone)
    native = backbones.native_size(spec.backbone)
    if networks.keeps_dense(spec) and not backbones.fits_own_dense(spec.backbone, spec.size):
        raise LeuknetError(
            f"{spec.approach} keeps fc1, whose shape is tied to {native} px, but the images have {spec.size} px: "
            f"use size {native}, or m{spec.approach}"
        )
    if weights == "formula":
        file = SHIPPED / f"{name}.npz"
        if not file.is_file():
            known_narrow = sorted(f"{name.lower()}-nano" for name in backbones.PAPER_BACKBONES)
            shipped = ", ".join(name for name in known_narrow if (SHIPPED / f"{name}.npz").is_file())
            raise LeuknetError(f"no formula-driven weights are shipped for {name}: use one of {shipped}")
        return file, read(file)
    if narrow:
        raise LeuknetError(f"no ImageNet weights exist for {name}: use weights 'formula' or 'random', or {known}")
    names = {layer.name for layer in wanted}
    files = _files(known, _weights_folder())
    if files:
        best = max(files, key=lambda file: len(names & set(read(file))))
        return best, read(best)
    return from_keras(known, networks.keeps_dense(spec))


@functools.lru_cache(maxsize=2)
def from_keras(known: str, top: bool) -> tuple[Path | None, Arrays]:
    """Load ImageNet weights through Keras, which downloads them unless they are in its cache."""
    try:
        model = getattr(keras.applications, known)(weights="imagenet", include_top=top)
    except Exception as error:  # Keras raises a bare Exception when a download fails
        raise SetUpError(
            f"ImageNet weights of {backbones.label(known)} are not at hand ({str(error).splitlines()[0]}): put "
            f"{known.lower()}*.weights.h5, .h5 or .npz into a folder and name it in LEUKNET_WEIGHTS, or go online"
        ) from error
    names = backbones.fresh_names((layer.name, backbones.class_stem(type(layer))) for layer in model.layers)
    arrays = {names[layer.name]: layer.get_weights() for layer in model.layers if layer.weights}
    files = [file for file in _files(known, _keras_cache()) if ("notop" in file.name) != top]
    return files[0] if files else None, arrays


def _weights_folder() -> Path | None:
    folder = os.environ.get("LEUKNET_WEIGHTS")
    if folder and not Path(folder).is_dir():
        raise SetUpError(f"LEUKNET_WEIGHTS={folder} is not a folder: name the one that holds the weight files")
    return Path(folder) if folder else None


def _keras_cache() -> Path | None:
    folder = Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras") / "models"
    return folder if folder.is_dir() else None


def _files(known: str, folder: Path | None) -> list[Path]:
    """Return the weight files in `folder` that are named after this backbone and not after one with a longer name."""
    names = sorted((name.lower() for name in backbones.names()), key=len, reverse=True)
    files = []
    for path in sorted(folder.iterdir()) if folder else ():
        letters = re.sub(r"[^a-z0-9]", "", path.name.lower())
        first = next((name for name in names if letters.startswith(name)), None)
        if path.suffix in (".npz", ".h5") and first == known.lower():
            files.append(path)
    return files


def read(file: Path) -> Arrays:
    """Return the arrays in a weight file by layer name.

    Parameters
    ----------
    file : Path
        ``.npz`` (keys "<layer>/<variable>" or "<layer>_<variable>"), Keras 3's ``.weights.h5``, or the ``.h5`` of
        ``keras.applications``' downloads.

    Returns
    -------
    dict of str to (dict of str to array, or list of array in Keras' order)
    """
    return _read(file, file.stat().st_mtime_ns)


@functools.lru_cache(maxsize=4)
def _read(file: Path, _: int) -> Arrays:
    try:
        if file.suffix == ".npz":
            return _read_npz(file)
        with h5py.File(file, "r") as root:
            check_links(root)
            return _read_keras3(root) if "layers" in root else _read_legacy(root)
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise SetUpError(f"{file.name} cannot be read as a weight file ({error}): fetch it again") from error


def _read_npz(file: Path) -> Arrays:
    layers: Arrays = {}
    with np.load(file) as arrays:
        for key in arrays.files:
            if (match := re.fullmatch(rf"(.+?)[/_]({VARIABLES})", key)) is None:
                raise ValueError(f"{key} names no variable of a layer")
            layer, variable = match.groups()
            layers.setdefault(layer, {})[variable] = arrays[key]
    return layers


def _read_keras3(root: h5py.File) -> Arrays:
    groups = {key: group["vars"] for key, group in root["layers"].items() if len(group["vars"])}
    names = {key: str(variables.attrs["name"]) for key, variables in groups.items()}
    fresh = backbones.fresh_names((name, re.sub(r"_\d+$", "", key)) for key, name in names.items())
    return {fresh[names[key]]: [group[str(i)][()] for i in range(len(group))] for key, group in groups.items()}


def _read_legacy(root: h5py.File) -> Arrays:
    root = root.get("model_weights", root)
    text = [name.decode() if isinstance(name, bytes) else name for name in root.attrs["layer_names"]]
    layers = {name: [root[name][key][()] for key in root[name].attrs["weight_names"]] for name in text}
    return {name: values for name, values in layers.items() if values}


def _lay(wanted: list[keras.Layer], arrays: Arrays, file: Path | None) -> list[str]:
    """Load arrays into the layers of the same names; return the names of these layers in the network's order.

    If the file uses other layer names but has at least as many layers, they are matched by order, as Keras does with
    its own downloads (the dense layers of the ImageNet task, which are not needed, come last).
    """
    names = [layer.name for layer in wanted]
    if not set(names) <= set(arrays) and len(arrays) >= len(names):
        arrays = dict(zip(names, arrays.values(), strict=False))
    laid = [layer for layer in wanted if layer.name in arrays]
    source = file.name if file else "Keras' download"
    if not laid:
        raise SetUpError(f"{source} names no layer of this network, such as {names[0]}")
    for layer in laid:
        values = arrays[layer.name]
        if isinstance(values, dict):
            values = [values.get(variable.name) for variable in layer.weights]
        shapes = [None if value is None else value.shape for value in values]
        if shapes != [tuple(variable.shape) for variable in layer.weights]:
            raise SetUpError(f"{source} does not fit layer {layer.name}: it holds {shapes}")
        layer.set_weights([np.asarray(value, np.float32) for value in values])
    return [layer.name for layer in laid]


def _caption(spec: networks.NetworkSpec, weights: str, loaded: list[str], wanted: list[str]) -> str:
    """Return the caption of a network's initial weights, which states if they were loaded only in part."""
    if not loaded:
        return "random (He)" if weights == "he" else "random"
    whole = {"imagenet": "ImageNet", "formula": "formula-driven"}[weights]
    if loaded == wanted:
        return whole
    part = f"{len(loaded)} of {len(wanted)} layers"
    if blocks := _whole_blocks(loaded, wanted):
        part = f"block {blocks[0]}" if len(blocks) == 1 else f"blocks {blocks[0]}-{blocks[-1]}"
    return f"{backbones.label(spec.backbone)}, {whole} {part}"


def _whole_blocks(loaded: list[str], wanted: list[str]) -> list[int]:
    """Return the numbers of the VGG blocks if complete consecutive blocks were loaded, else an empty list."""
    blocks = sorted({int(match[1]) for name in loaded if (match := re.match(r"block(\d+)_conv\d+$", name))})
    if not blocks or blocks != list(range(blocks[0], blocks[-1] + 1)):
        return []
    whole = [name for name in wanted if (match := re.match(r"block(\d+)_", name)) and int(match[1]) in blocks]
    return blocks if whole == loaded else []
