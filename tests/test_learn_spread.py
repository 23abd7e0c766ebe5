"""One run over several devices gives what one device gives: JAX with virtual CPU devices, in processes of their own."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("jax")

CODE = """
import json, sys
import numpy as np
sys.path.insert(0, {tests!r})
from made import small_cohort
from leuknet.learn.settings import TrainSettings
from leuknet.learn.train import train, trainer_for
import keras
cohort = small_cohort()
where = np.arange(len(cohort))
test = (cohort.table["data_set"] == "A").to_numpy()
roles = {{"train": where[~test][:{images}], "test": where[test]}}
settings = TrainSettings(backbone="VGG16-nano", weights="formula", epochs=2, batch=8, learning_rate=0.01)
done = train(cohort, roles, settings, seed=1)
kernel = trainer_for(cohort, settings).net.layers[-1].kernel.value
told = {{"p": done.probabilities["test"][1].tolist(), "kernel": np.asarray(kernel).ravel().tolist()}}
print(json.dumps(told | {{"loss": done.history["loss"].tolist(), "devices": len(kernel.sharding.device_set)}}))
"""


def trained(devices, images=27):
    environment = os.environ | {
        "KERAS_BACKEND": "jax",
        "XLA_FLAGS": "--xla_force_host_platform_device_count=4",
        "LEUKNET_DEVICES_PER_RUN": str(devices),
    }
    code = CODE.format(tests=str(Path(__file__).parent), images=images)
    return subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)


def test_four_devices_give_what_one_gives():
    """27 images in batches of 8: the last batch, of 3, is filled up to 4."""
    one, four = (json.loads(trained(n).stdout.splitlines()[-1]) for n in (1, 4))
    assert (one["devices"], four["devices"]) == (1, 4)
    for name in ("p", "kernel"):
        np.testing.assert_allclose(one[name], four[name], atol=1e-5)
    assert np.ptp(one["p"]) > 0.001


def test_a_batch_that_cannot_be_shared_is_told():
    done = trained(3)
    assert done.returncode and "cannot be shared equally by 3 devices" in done.stderr
