"""Train the narrow networks' start weights: ``python -m leuknet.models.pretrain vgg16-nano --epochs 12``.

Based on H. Kataoka et al., "Pre-training without Natural Images", IJCV 130 (2022) 990-1007 (first at ACCV 2020): a
network learns to separate synthetic patterns whose classes are formulas, and its layers are then reused for another
task. The patterns contain no blood cells.
"""

import argparse
import io
import os
import platform
import time
import zipfile
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import formula_task as task
import keras
import numpy as np

from leuknet._io import atomic, write_json
from leuknet._random import rng
from leuknet.baselines.networks import alexnet
from leuknet.models import backbones, networks, weights
from leuknet.models.fitting import compile_model, fit_epochs
from leuknet.models.inputs import fed

SIZE, HELD_OUT = backbones.NANO_SIZE, 20
DEFAULT = [f"{name.lower()}-nano" for name in backbones.PAPER_BACKBONES] + [alexnet.NARROW]


def main() -> None:
    """Train each named network and write its weights and a record next to them."""
    parser = argparse.ArgumentParser(prog="python -m leuknet.models.pretrain", description=__doc__)
    parser.add_argument("names", nargs="*", default=DEFAULT)
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--per-class", type=int, default=300)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--learning-rate", type=float, default=2e-3)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    count = len(task.classes())
    labels = np.repeat(np.arange(count), options.per_class)
    held_labels = np.repeat(np.arange(count), HELD_OUT)
    images = task.images(labels, seed=options.seed, size=SIZE)
    held = task.images(held_labels, seed=options.seed + 1, size=SIZE)
    for name in [given if given == alexnet.NARROW else backbones.canonical(given) for given in options.names]:
        began = time.perf_counter()
        steps = options.epochs * -(-len(labels) // options.batch)
        net, learner, model = source_model(name, count, options, steps)
        history = train(model, images, labels, options)
        fold(net, learner)
        folded = keras.Model(net.input, learner.get_layer("classes")(net.output))
        logits = folded.predict(held.astype(np.float32) / 255, batch_size=options.batch, verbose=0)
        accuracy = float(np.mean(logits.argmax(-1) == held_labels))
        save(name, net, options, len(labels), history, accuracy, time.perf_counter() - began)


def source_model(
    name: str, count: int, options: argparse.Namespace, steps: int
) -> tuple[keras.Model, keras.Model, keras.Model]:
    """Return the network up to its last features, the learner, and the compiled classifier containing it."""
    net = transferred(name)
    learner = normalised(net)
    learner = keras.Model(learner.input, keras.layers.Dense(count, dtype="float32", name="classes")(learner.output))
    weights.draw(learner, options.seed)
    silence_residuals(learner)
    pixels = keras.Input((SIZE, SIZE, 3), dtype="uint8")
    model = keras.Model(pixels, learner(keras.layers.Rescaling(1 / 255)(pixels)))
    rate = keras.optimizers.schedules.CosineDecay(
        0.0, steps, alpha=0.02, warmup_target=options.learning_rate, warmup_steps=steps // 20
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    compile_model(model, keras.optimizers.Adam(rate), loss, keras.metrics.SparseCategoricalAccuracy(name="accuracy"))
    return net, learner, model


def transferred(name: str) -> keras.Model:
    """Return the narrow network `name` from image to the last features that other tasks reuse."""
    if name == alexnet.NARROW:
        whole = alexnet.body(SIZE, nano=True)
        return keras.Model(whole.input, whole.get_layer("fc7").output)
    approach = "DFT" if backbones.has_own_dense(name) else "mDFT"
    whole = networks.build(networks.NetworkSpec(name, approach, SIZE, dense=(), dropout=()))
    return keras.Model(whole.input, whole.get_layer("probability").input)


def normalised(net: keras.Model) -> keras.Model:
    """Return a copy of `net` with He initialisation and batch normalisation before the ReLUs of its weighted layers.

    VGG and AlexNet have no batch normalisation and train many times faster with it; `fold` removes it again. Dropout is
    omitted because each image is used only a few times.
    """
    bare = {layer.name for layer in net.layers if layer.weights and "relu" in str(layer.get_config().get("activation"))}

    def copy(layer: keras.Layer) -> keras.Layer:
        config = layer.get_config() | ({"activation": "linear"} if layer.name in bare else {})
        changes = {"kernel_initializer": "he_normal", "rate": 0.0}
        return type(layer).from_config(config | {key: value for key, value in changes.items() if key in config})

    def call(layer: keras.Layer, *inputs: Any, **options: Any) -> Any:
        x = layer(*inputs, **options)
        if layer.name in bare:
            x = keras.layers.ReLU()(keras.layers.BatchNormalization(momentum=0.9, name=f"{layer.name}_bn")(x))
        return x

    return keras.models.clone_model(net, clone_function=copy, call_function=call)


def silence_residuals(model: keras.Model) -> None:
    """Set the scale of each residual branch's last batch normalisation to zero, so that blocks start as identities.

    Otherwise a narrow ResNet50 learns nothing in the first epochs (P. Goyal et al., "Accurate, Large Minibatch SGD",
    2017, section 5.1).
    """
    length: dict[keras.Layer, int] = {}
    before: dict[keras.Layer, list[keras.Layer]] = {}
    for layer in model.layers:
        before[layer] = [tensor._keras_history.operation for tensor in keras.tree.flatten(layer.input)]
        length[layer] = 1 + max((length.get(one, 0) for one in before[layer]), default=0)
    for add in (layer for layer in model.layers if isinstance(layer, keras.layers.Add)):
        branch = max(before[add], key=lambda layer: length[layer])
        end = before[branch][0] if isinstance(branch, keras.layers.MaxPooling2D) else branch
        if isinstance(end, keras.layers.BatchNormalization):
            end.gamma.assign(keras.ops.zeros_like(end.gamma))


def fold(net: keras.Model, learner: keras.Model) -> None:
    """Copy the weights of `learner` to `net`, with its extra batch normalisation folded into kernels and biases."""
    known, own = {layer.name: layer for layer in learner.layers}, {layer.name for layer in net.layers}
    for layer in net.layers:
        values = known[layer.name].get_weights()
        extra = f"{layer.name}_bn"
        if extra in known and extra not in own:  # Xception's own layers have such names too
            norm = known[extra]
            gamma, beta, mean, variance = norm.get_weights()
            gain = gamma / np.sqrt(variance + norm.epsilon)
            values = [values[0] * gain, (values[1] - mean) * gain + beta]
        layer.set_weights(values)


def train(model: keras.Model, images: np.ndarray, labels: np.ndarray, options: argparse.Namespace) -> list[float]:
    """Train with new shuffling, flips and quarter turns in each epoch; return the accuracies by epoch."""

    def batches(epoch: int) -> dict[str, Any]:
        generator = rng("pretrain", options.seed, epoch)
        order = generator.permutation(len(labels))
        shown = images[order]
        for turned in np.array_split(np.arange(len(order)), 8):
            shown[turned] = np.rot90(shown[turned], int(generator.integers(4)), axes=(1, 2))[
                :, :: generator.choice([-1, 1])
            ]
        return fed(shown, options.batch, labels[order])

    accuracies = []
    for row in fit_epochs(model, batches, options.epochs):
        accuracies.append(round(row["accuracy"], 4))
        print(f"epoch {row['epoch']}: loss {row['loss']:.3f}, accuracy {row['accuracy']:.3f}", flush=True)
    return accuracies


def save(
    name: str,
    net: keras.Model,
    options: argparse.Namespace,
    count: int,
    history: list[float],
    accuracy: float,
    seconds: float,
) -> None:
    """Write ``pretrained/<name>.npz`` (kernels as float16) and the record next to it."""
    arrays = {}
    for layer in net.layers:
        half = not isinstance(layer, keras.layers.BatchNormalization)
        for variable in layer.weights:
            value = keras.ops.convert_to_numpy(variable)
            arrays[f"{layer.name}/{variable.name}"] = value.astype(np.float16 if half else np.float32)
    path = weights.SHIPPED / f"{name}.npz"
    with atomic(path) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive:
        for key, value in arrays.items():
            buffer = io.BytesIO()
            np.save(buffer, value)
            archive.writestr(zipfile.ZipInfo(f"{key}.npy"), buffer.getvalue())
    record = {
        "network": name,
        "source_task": "tools/pretrain/formula_task.py: fractals, contours, curves, noise, cells, lattices",
        "reference": "Kataoka et al., Pre-training without Natural Images, IJCV 130 (2022)",
        "classes": len(task.classes()),
        "images": count,
        "held_out_images": len(task.classes()) * HELD_OUT,
        "held_out_top1": round(accuracy, 4),
        "training_top1": history,
        "size": SIZE,
        "preprocessing": "unit",
        "optimiser": f"Adam, learning rate {options.learning_rate} with cosine decay, batch {options.batch}",
        "epochs": options.epochs,
        "seed": options.seed,
        "seconds": round(seconds),
        "precision": keras.config.dtype_policy().name,
        "versions": {"keras": keras.__version__, "backend": keras.backend.backend(), "numpy": np.__version__,
                     "python": platform.python_version()},
        "script": f"python -m leuknet.models.pretrain {name} --epochs {options.epochs} --per-class {options.per_class} "
        f"--batch {options.batch} --learning-rate {options.learning_rate} --seed {options.seed}",
    }  # fmt: skip
    write_json(path.with_suffix(".json"), record)
    print(f"{path.name}: top-1 {accuracy:.3f} on held-out formula images, {seconds:.0f} s", flush=True)


if __name__ == "__main__":
    main()
