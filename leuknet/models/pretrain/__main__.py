"""Train the narrow networks' start weights: ``python -m leuknet.models.pretrain vgg16-nano --epochs 12``."""

import argparse
import io
import os
import platform
import time
import zipfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import numpy as np

from leuknet._io import atomic, write_json
from leuknet._random import rng
from leuknet.models import backbones, networks, weights
from leuknet.models.inputs import fed
from leuknet.models.pretrain import task
from leuknet.models.training import compile_model, fit_epochs

SIZE, BATCH, HELD_OUT = backbones.NANO_SIZE, 64, 20


def main() -> None:
    """Train each named network and write its weights and, next to them, their record."""
    parser = argparse.ArgumentParser(prog="python -m leuknet.models.pretrain", description=__doc__)
    parser.add_argument("names", nargs="*", default=[f"{name}-nano" for name in backbones.PAPER_BACKBONES])
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--per-class", type=int, default=300)
    parser.add_argument("--learning-rate", type=float, default=2e-3)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    count = len(task.classes())
    labels = np.repeat(np.arange(count), options.per_class)
    held_labels = np.repeat(np.arange(count), HELD_OUT)
    images = task.images(labels, seed=options.seed, size=SIZE)
    held = task.images(held_labels, seed=options.seed + 1, size=SIZE)
    for name in options.names:
        began = time.perf_counter()
        net, learner, model = source_model(name, count, options, steps=options.epochs * -(-len(labels) // BATCH))
        history = train(model, images, labels, options)
        fold(net, learner)
        folded = keras.Model(net.input, learner.get_layer("classes")(net.output))
        logits = folded.predict(held.astype(np.float32) / 255, batch_size=BATCH, verbose=0)
        accuracy = float(np.mean(logits.argmax(-1) == held_labels))
        save(name, net, options, len(labels), history, accuracy, time.perf_counter() - began)


def source_model(
    name: str, count: int, options: argparse.Namespace, steps: int
) -> tuple[keras.Model, keras.Model, keras.Model]:
    """Return the network up to its last features, the learner, and the compiled classifier around the learner."""
    approach = "DFT" if backbones.has_own_dense(name) else "mDFT"
    whole = networks.build(networks.NetworkSpec(name, approach, SIZE, dense=(), dropout=()))
    net = keras.Model(whole.input, whole.get_layer("probability").input)
    learner = normalised(net)
    learner = keras.Model(learner.input, keras.layers.Dense(count, dtype="float32", name="classes")(learner.output))
    weights.draw(learner, options.seed)
    pixels = keras.Input((SIZE, SIZE, 3), dtype="uint8")
    model = keras.Model(pixels, learner(keras.layers.Rescaling(1 / 255)(pixels)))
    rate = keras.optimizers.schedules.CosineDecay(
        0.0, steps, alpha=0.02, warmup_target=options.learning_rate, warmup_steps=steps // 20
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    compile_model(model, keras.optimizers.Adam(rate), loss, keras.metrics.SparseCategoricalAccuracy(name="accuracy"))
    return net, learner, model


def normalised(net: keras.Model) -> keras.Model:
    """Return a copy of `net` drawn by He's rule, with batch normalisation before the ReLUs of its weighted layers.

    VGG has none of its own and learns many times faster with it; `fold` takes it out again.
    """
    bare = {layer.name for layer in net.layers if layer.weights and "relu" in str(layer.get_config().get("activation"))}

    def copy(layer):
        config = layer.get_config() | ({"activation": "linear"} if layer.name in bare else {})
        return type(layer).from_config(
            config | ({"kernel_initializer": "he_normal"} if "kernel_initializer" in config else {})
        )

    def call(layer, *inputs, **options):
        x = layer(*inputs, **options)
        if layer.name in bare:
            x = keras.layers.ReLU()(keras.layers.BatchNormalization(momentum=0.9, name=f"{layer.name}_bn")(x))
        return x

    return keras.models.clone_model(net, clone_function=copy, call_function=call)


def fold(net: keras.Model, learner: keras.Model) -> None:
    """Give `net` what `learner` learnt, its extra batch normalisation multiplied into kernels and biases."""
    known = {layer.name: layer for layer in learner.layers}
    for layer in net.layers:
        values = known[layer.name].get_weights()
        if f"{layer.name}_bn" in known:
            norm = known[f"{layer.name}_bn"]
            gamma, beta, mean, variance = norm.get_weights()
            gain = gamma / np.sqrt(variance + norm.epsilon)
            values = [values[0] * gain, (values[1] - mean) * gain + beta]
        layer.set_weights(values)


def train(model: keras.Model, images: np.ndarray, labels: np.ndarray, options: argparse.Namespace) -> list[float]:
    """Train with a new shuffling and new flips and quarter turns each epoch; return the accuracies by epoch."""

    def batches(epoch):
        generator = rng("pretrain", options.seed, epoch)
        order = generator.permutation(len(labels))
        shown = images[order]
        for turned in np.array_split(np.arange(len(order)), 8):
            shown[turned] = np.rot90(shown[turned], generator.integers(4), axes=(1, 2))[:, :: generator.choice([-1, 1])]
        return fed(shown, BATCH, labels[order])

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
    path = weights.SHIPPED / f"{backbones.canonical(name)}.npz"
    with atomic(path) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive:
        for key, value in arrays.items():
            buffer = io.BytesIO()
            np.save(buffer, value)
            archive.writestr(zipfile.ZipInfo(f"{key}.npy"), buffer.getvalue())
    record = {
        "network": backbones.canonical(name),
        "source_task": "leuknet.models.pretrain.task: fractals, contours, curves, noise, cells, lattices",
        "reference": "Kataoka et al., Pre-training without Natural Images, IJCV 130 (2022)",
        "classes": len(task.classes()),
        "images": count,
        "held_out_images": len(task.classes()) * HELD_OUT,
        "held_out_top1": round(accuracy, 4),
        "training_top1": history,
        "size": SIZE,
        "preprocessing": "unit",
        "optimiser": f"Adam, learning rate {options.learning_rate} with cosine decay, batch {BATCH}",
        "epochs": options.epochs,
        "seed": options.seed,
        "seconds": round(seconds),
        "precision": keras.config.dtype_policy().name,
        "versions": {"keras": keras.__version__, "backend": keras.backend.backend(), "numpy": np.__version__,
                     "python": platform.python_version()},
        "script": f"python -m leuknet.models.pretrain {name} --epochs {options.epochs} --per-class {options.per_class} "
        f"--learning-rate {options.learning_rate} --seed {options.seed}",
    }  # fmt: skip
    write_json(path.with_suffix(".json"), record)
    print(f"{path.name}: top-1 {accuracy:.3f} on held-out formula images, {seconds:.0f} s", flush=True)


if __name__ == "__main__":
    main()
