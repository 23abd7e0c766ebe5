"""Checks of the machine that the study runs on, and the command that fixes each problem."""

import os
import shutil
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import numpy as np
import psutil
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

import leuknet
from leuknet._io import cache_dir

BACKBONES = ("VGG16", "VGG19", "ResNet50", "InceptionV3", "Xception", "vgg16-nano")
MEMORY_GB = 6  # peak memory of the profiles demo and laptop
DISK_GB = 5
PIP = f"{sys.executable} -m pip install"


@dataclass(frozen=True)
class Finding:
    """Result of one check. `state` is "ok", "limited" (the study runs without it) or "missing" (it does not)."""

    name: str
    found: str
    state: str = "ok"
    fix: str = ""


def examine() -> list[Finding]:
    """Return the list of `Finding` for this interpreter and machine."""
    folders = ("cache", cache_dir(), "set LEUKNET_CACHE"), ("results", Path.cwd(), "give --out")
    loaded = [of_the_backend(check) for check in (devices, precision)]
    return [*packages(), backend(), *loaded, memory(), *(folder_space(*each) for each in folders), *weights()]


def packages() -> list[Finding]:
    """Return a finding for Python, the package, and each of its declared dependencies."""
    version = ".".join(map(str, sys.version_info[:3]))
    try:
        distribution = metadata.distribution("leuknet")
    except metadata.PackageNotFoundError:
        fix = f"{PIP} -e . (in the checkout's top folder)"
        return [Finding("Python", version), Finding("leuknet", "not installed", "missing", fix)]
    wanted = SpecifierSet(distribution.metadata["Requires-Python"])
    python = Finding("Python", version)
    if not wanted.contains(version):
        python = Finding("Python", version, "missing", f"make PYTHON=<a Python {wanted}>")
    requirements = [Requirement(line) for line in distribution.requires or []]
    needed = [line for line in requirements if not line.marker or line.marker.evaluate({"extra": ""})]
    return [python, Finding("leuknet", leuknet.__version__), *map(package, needed)]


def package(requirement: Requirement) -> Finding:
    """Return the finding for one requirement, based on the metadata of the installed packages."""
    name, fix = requirement.name, f"{PIP} '{requirement}'"
    try:
        version = metadata.version(name)
    except metadata.PackageNotFoundError:
        others = metadata.packages_distributions().get(name, [])  # same module name: tensorflow-cpu for tensorflow
        if not others:
            return Finding(name, "not installed", "missing", fix)
        version = metadata.version(others[0])
    if requirement.specifier.contains(version, prereleases=True):
        return Finding(name, version)
    return Finding(name, f"{version}, wanted {requirement.specifier}", "missing", fix)


def backend() -> Finding:
    """Return the finding for the Keras backend."""
    try:
        import keras
    except ImportError as error:
        name = os.environ.get("KERAS_BACKEND", "tensorflow")
        return Finding("Keras backend", f"{name}: {error}", "missing", f"{PIP} {name}, or unset KERAS_BACKEND")
    return Finding("Keras backend", keras.config.backend())


def of_the_backend(check: Callable[[], Finding]) -> Finding:
    """Return the finding of `check`, which loads the backend, or a finding that the backend is unavailable."""
    try:
        return check()
    except ImportError:
        return Finding(check.__name__, "unknown: the backend does not load", "limited", "see Keras backend")


def devices() -> Finding:
    """Return the finding for the devices visible to the backend."""
    seen = seen_devices()
    if any("gpu" in name.lower() or "cuda" in name.lower() for name in seen):
        return Finding("devices", ", ".join(seen))
    fix = f"with an NVIDIA GPU under Linux: {PIP} -e '.[gpu]' (TensorFlow) or '.[jax-cuda]' (JAX)"
    return Finding("devices", ", ".join(seen) + "; no GPU", "limited", fix)


def seen_devices() -> list[str]:
    """Return the names of the devices visible to the backend."""
    import keras

    if keras.config.backend() == "torch":  # Keras cannot list devices for torch
        import torch

        return [f"cuda:{number}" for number in range(torch.cuda.device_count())] or ["cpu"]
    return keras.distribution.list_devices()


def precision() -> Finding:
    """Return the finding for the faster value of the setting `precision` on this machine, by timing both."""
    plain, short = map(step_seconds, ("float32", "mixed_bfloat16"))
    advice = "--set precision=mixed_bfloat16 pays" if plain > 1.2 * short else "leave precision at float32"
    return Finding("precision", f"mixed_bfloat16 trains at {plain / short:.2g} times the speed of float32: {advice}")


def step_seconds(policy: str) -> float:
    """Return the fastest of three timings (s) of one training step of two 3 x 3 convolutions of 64 channels at 28 px.

    Timing the forward pass alone would be misleading: on some processors only the gradients are slow.
    """
    import keras

    model = keras.Sequential([keras.Input((28, 28, 64))])
    for _ in range(2):
        model.add(keras.layers.Conv2D(64, 3, padding="same", dtype=policy))
    model.compile("sgd", "mse")
    images, taken = np.ones((8, 28, 28, 64), np.float32), []
    for _ in range(4):
        began = time.perf_counter()
        model.train_on_batch(images, images)
        taken.append(time.perf_counter() - began)
    return min(taken[1:])


def memory() -> Finding:
    """Return the finding for the currently available memory."""
    free = psutil.virtual_memory().available / 1e9
    found = f"{free:.1f} GB free, {psutil.cpu_count()} cores"
    if free >= MEMORY_GB:
        return Finding("memory", found)
    fix = f"the profiles demo and laptop may need {MEMORY_GB} GB: close programs, or use --profile smoke"
    return Finding("memory", found, "limited", fix)


def folder_space(name: str, folder: Path, remedy: str) -> Finding:
    """Return the finding for whether `folder` is writable and for the free space on its disk."""
    there = next(path for path in (folder, *folder.parents) if path.exists())
    if not os.access(there, os.W_OK):
        return Finding(name, f"{folder}: not writable", "missing", f"{remedy} to a folder you may write to")
    free = shutil.disk_usage(there).free / 1e9
    found = f"{folder}: {free:.1f} GB free"
    if free >= DISK_GB:
        return Finding(name, found)
    return Finding(name, found, "limited", f"free some space, or {remedy} to a folder on a larger disk")


def weights() -> list[Finding]:
    """Return a finding for each backbone's pretrained weights; see `leuknet.models.weights.available`."""
    from leuknet.models.weights import available

    return [backbone_weights(name, available(name)) for name in BACKBONES]


def backbone_weights(name: str, at_hand: Mapping[str, Path | None]) -> Finding:
    """Return the finding for one backbone from the result of `available`: kinds of weights and the path of each."""
    found = "; ".join(f"{kind}: {where}" for kind, where in at_hand.items() if where)
    if found:
        return Finding(f"weights {name}", found)
    fix = f"set LEUKNET_WEIGHTS to a folder with {name}.weights.h5, or let Keras download it (needs a network)"
    if name.endswith("-nano"):
        fix = "the file that leuknet ships is gone: restore leuknet/models/pretrained from the repository"
    return Finding(f"weights {name}", "none; only random weights", "limited", fix)


def as_text(findings: Sequence[Finding], verbose: bool = False) -> str:
    """Return the problems, each followed by its fix, and a one-line summary.

    If `verbose`, all checks are listed.
    """
    shown = [finding for finding in findings if verbose or finding.state != "ok"]
    width = max((len(finding.name) for finding in shown), default=0)
    lines = []
    for finding in shown:
        lines.append(f"{finding.state:<7}  {finding.name:<{width}}  {finding.found}")
        if finding.fix:
            lines.append(f"{'':9}{'':{width}}  -> {finding.fix}")
    counts = Counter(finding.state for finding in findings)
    summary = ", ".join(f"{counts[state]} {state}" for state in ("ok", "limited", "missing") if counts[state])
    return "\n".join([*lines, f"{summary}{'' if verbose else '; all of it: leuknet doctor --verbose'}"])
