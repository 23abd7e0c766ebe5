"""Images per second in training: the full loop, the bare compiled step, and plain Keras with ImageDataGenerator.

Run: ``python bench/train.py`` for VGG-16 mDFT at 224 px in mixed bfloat16, ``KERAS_BACKEND=jax python bench/train.py``
for JAX, ``--precision float32`` for float32. A GPU trains the paper's 3 307 images in batches of 32, a CPU 8 images in
batches of 4, which takes minutes instead of hours.

Three methods alternate in one process; the fastest pass of each within ``--seconds`` (at least two) after one warm-up
counts:

- full: `leuknet.models.training`, a whole epoch: drawing, shuffling, augmentation, scaling, steps;
- bare: the same compiled step called in a loop on one fixed batch: the upper limit of this design;
- generator: what one would write from the paper: the same network in float32 (``--generator-precision``), compiled by
  Keras and fitted over a legacy ``ImageDataGenerator`` with the paper's ranges.

Operations per image are counted (`flops`). On a GPU, the rate of a bf16 matrix product and the share of it that the
full loop reaches are measured too. CPU time is printed next to wall time because other processes affect it less.
"""

import argparse
import os
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import numpy as np
from augment import legacy_generator
from flops import counted

from leuknet.models import networks
from leuknet.models.fitting import optimiser
from leuknet.models.settings import TrainSettings
from leuknet.models.training import Trainer, epochs_of, network_spec
from leuknet.runs.planning.throughput import random_cohort
from leuknet.runs.provenance import gpus


def full_loop(trainer, settings):
    """Return a callable that trains one epoch of the full loop."""
    rows = epochs_of(trainer, settings.but(epochs=100_000), np.arange(len(trainer.cohort)), seed=0)
    return lambda: next(rows)


def bare_step(trainer, settings, steps):
    """Return a callable that calls the compiled step `steps` times on one fixed batch resident on the device."""
    model, batch = trainer.model, settings.batch
    data = np.arange(batch, dtype=np.int32), (np.arange(batch) % 2).astype(np.float32)
    data = keras.tree.map_structure(keras.ops.convert_to_tensor, data)
    if keras.backend.backend() == "jax":
        return _jax_steps(model, data, steps)
    import tensorflow as tf

    step = tf.function(model.train_step, jit_compile=bool(model.jit_compile))

    def work():
        for _ in range(steps):
            logs = step(data)
        float(logs["loss"])

    return work


def _jax_steps(model, data, steps):
    import jax

    step = jax.jit(model.train_step, donate_argnums=0)
    names = ("trainable_variables", "non_trainable_variables", "optimizer_variables", "metrics_variables")
    model._symbolic_build(data_batch=(*data, None))
    held = [model._get_jax_state(**dict.fromkeys(names, True))]
    held[0] = jax.tree.map(lambda value: value.copy(), held[0])

    def work():
        for _ in range(steps):
            logs, held[0] = step(held[0], (*data, None))
        jax.block_until_ready(logs)

    return work


def generator_fit(cohort, settings, precision):
    """Return a callable that fits one epoch with the standard Keras code of the paper's time."""
    keras.config.set_dtype_policy(precision)
    net = networks.build(network_spec(settings, cohort.size))
    net.compile(optimiser(settings), loss="binary_crossentropy", metrics=["accuracy"])
    legacy = legacy_generator().flow(cohort.images, cohort.labels, batch_size=settings.batch, seed=0)
    return lambda: net.fit(legacy, verbose=0)


def fastest(ways, seconds):
    """Return {name: (seconds, CPU seconds)} of the fastest pass of each method; the methods alternate."""
    for work in ways.values():
        work()
    best, began, turns = {}, time.perf_counter(), 0
    while turns < 2 or time.perf_counter() - began < seconds * turns / (turns + 1):
        turns += 1
        for name, work in ways.items():
            clock, cpu = time.perf_counter(), time.process_time()
            work()
            taken = time.perf_counter() - clock, time.process_time() - cpu
            best[name] = np.minimum(best.get(name, taken), taken)
    return best


def matrix_rate(side=8192, times=20):
    """Return the measured rate of a bf16 matrix product, in operations per second.

    The matrix is scaled so that its powers neither grow nor vanish; only products are timed.
    """
    a = keras.ops.cast(keras.random.normal((side, side)) / side**0.5, "bfloat16")
    product = keras.ops.matmul
    if keras.backend.backend() == "jax":
        import jax

        product = jax.jit(keras.ops.matmul)
    float(keras.ops.sum(keras.ops.cast(product(a, a), "float32")))
    began, b = time.perf_counter(), a
    for _ in range(times):
        b = product(a, b)
    float(keras.ops.sum(keras.ops.cast(b, "float32")))
    return times * 2 * side**3 / (time.perf_counter() - began)


def main():
    """Parse the options, measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--backbone", default="VGG16")
    parser.add_argument("--approach", default="mDFT")
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--batch", type=int, default=32 if gpus() else 4)
    parser.add_argument("--images", type=int, default=3307 if gpus() else 8)
    parser.add_argument("--seconds", type=float, default=90.0)
    parser.add_argument("--precision", default="mixed_bfloat16")
    parser.add_argument("--generator-precision", default="float32")
    parser.add_argument("--without", nargs="*", default=[], help="ways to leave out: generator, bare")
    options = parser.parse_args()
    settings = TrainSettings(
        backbone=options.backbone,
        approach=options.approach,
        weights="random",
        batch=options.batch,
        precision=options.precision,
    )
    cohort = random_cohort(options.images, options.size)
    trainer = Trainer(cohort, settings)
    trainer.begin(settings, seed=0)
    steps = -(-options.images // options.batch)
    ways = {"full": full_loop(trainer, settings), "bare": bare_step(trainer, settings, steps)}
    ways["generator"] = generator_fit(cohort, settings, options.generator_precision)
    best = fastest({name: work for name, work in ways.items() if name not in options.without}, options.seconds)
    report(options, best, steps, counted(trainer.net)["training"])


def report(options, best, steps, flops):
    """Print the rates, their ratios, and on a GPU their share of the matrix product's rate."""
    load = os.getloadavg()[0]
    print(f"{options.backbone} {options.approach}, {options.size} px, batch {options.batch}, {options.precision}, "
          f"{keras.backend.backend()}, {len(os.sched_getaffinity(0))} cores, load {load:.1f}, "
          f"GPUs {', '.join(gpus()) or 'none'}")  # fmt: skip
    counts = {"full": options.images, "bare": steps * options.batch, "generator": options.images}
    for name, (seconds, cpu) in best.items():
        print(f"{name:>9}: {counts[name] / seconds:9.2f} images/s, {counts[name] / cpu:9.2f} images per CPU second")
    precisions = {"bare": options.precision, "generator": options.generator_precision}
    for other in precisions:
        if other in best:
            clock, cpu = (counts["full"] / best["full"]) / (counts[other] / best[other])
            named = f"full ({options.precision}) / {other} ({precisions[other]})"
            print(f"{named}: {clock:.3f} by the clock, {cpu:.3f} by CPU time")
    rate = counts["full"] / best["full"][0]
    print(f"operations an image in training: {flops / 1e9:.1f} billion; full loop: {rate * flops / 1e12:.3f} TFLOP/s")
    if gpus():
        top = matrix_rate()
        print(f"bf16 matrix product: {top / 1e12:.0f} TFLOP/s; share reached: {rate * flops / top:.1%}")
    else:
        print("no GPU here: its images/s and share of the bf16 matrix rate are not measured")


if __name__ == "__main__":
    main()
