"""One run over several devices gives what one device gives: JAX with virtual CPU devices, in a process of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

from leuknet.exceptions import SetUpError
from leuknet.models import spread

CODE = """
import json, os, sys
import numpy as np
sys.path.insert(0, {tests!r})
import keras
from keras import layers
from made import small_cohort
from leuknet.models import networks
from leuknet.models.settings import TrainSettings
from leuknet.models.training import _kept, train, trainer_for

def small(spec):
    image = keras.Input((spec.size, spec.size, 3), name="image")
    x = layers.Conv2D(8, 3, strides=4, activation="relu", name="conv")(image)
    x = layers.Dropout(0.2, seed=1, name="dropout")(layers.Flatten(name="flat")(x))
    return keras.Model(image, layers.Dense(1, "sigmoid", dtype="float32", name="probability")(x))

networks.build = small  # thirteen layers take ten times as long to compile
cohort = small_cohort(per_class=2)
test = (cohort.table["data_set"] == "A").to_numpy()
roles = {{"train": np.flatnonzero(~test)[:7], "test": np.flatnonzero(test)}}
settings = TrainSettings(backbone="VGG16-nano", weights="random", epochs=2, batch=4, learning_rate=0.01)
told = []
for devices, resident in (("1", "1"), ("4", "1"), ("4", "0.00001")):
    os.environ.update(LEUKNET_DEVICES_PER_RUN=devices, LEUKNET_RESIDENT_GB=resident)
    _kept.clear()
    done = train(cohort, roles, settings, seed=1)
    kernel = trainer_for(cohort, settings).net.layers[-1].kernel.value
    told.append({{"p": done.probabilities["test"][1].tolist(), "kernel": np.asarray(kernel).ravel().tolist(),
                 "history": done.history.drop(columns="seconds").to_numpy().tolist()}})
    streamed = trainer_for(cohort, settings).source.streamed
    told[-1] |= {{"devices": len(kernel.sharding.device_set), "streamed": streamed}}
print(json.dumps(told))
"""
# Four devices; and little optimising by the compiler, which takes longer than the sums of so few images.
FLAGS = "--xla_force_host_platform_device_count=4 --xla_backend_optimization_level=0"


def test_four_devices_give_what_one_gives():
    """7 images in batches of 4: the last batch, of 3, is filled up to 4."""
    pytest.importorskip("jax")
    code = CODE.format(tests=str(Path(__file__).parent))
    environment = os.environ | {"KERAS_BACKEND": "jax", "XLA_FLAGS": FLAGS}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    one, four, streamed = json.loads(done.stdout.splitlines()[-1])
    assert (one["devices"], four["devices"], streamed["devices"]) == (1, 4, 4)
    assert (one["streamed"], four["streamed"], streamed["streamed"]) == (False, False, True)
    for name in ("p", "kernel", "history"):
        np.testing.assert_allclose(one[name], four[name], atol=1e-5)
        np.testing.assert_allclose(one[name], streamed[name], atol=1e-5)
    assert np.ptp(one["p"]) > 0.001


def test_what_cannot_be_shared_is_told(monkeypatch):
    monkeypatch.setenv("LEUKNET_DEVICES_PER_RUN", "3")
    monkeypatch.setattr(keras.backend, "backend", lambda: "tensorflow")
    with pytest.raises(SetUpError, match="needs JAX"):
        spread.spread(8)
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    monkeypatch.setattr(keras.distribution, "list_devices", lambda: ["cpu:0"] * 2)
    with pytest.raises(SetUpError, match="over 3 devices: this process sees 2"):
        spread.spread(9)
    monkeypatch.setattr(keras.distribution, "list_devices", lambda: ["cpu:0"] * 4)
    with pytest.raises(SetUpError, match="a batch of 8 cannot be shared equally by 3 devices"):
        spread.spread(8)
