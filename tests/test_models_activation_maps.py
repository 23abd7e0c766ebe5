"""Activation maps: known answers on a network whose maps are known, saved and loaded, on another backend, bad input."""

import json
import os
import subprocess
import sys

import keras
import numpy as np
import pytest

from leuknet.exceptions import LeuknetError
from leuknet.models import networks
from leuknet.models.interpretation import activation_maps, activations
from leuknet.models.networks import NetworkSpec
from leuknet.models.weights import initialise

AGAIN = """
import sys, keras, numpy as np
from leuknet.models.interpretation import activation_maps as maps
assert keras.backend.backend() == sys.argv[1]
model = keras.saving.load_model(sys.argv[2], compile=False, safe_mode=True)
images = np.load(sys.argv[3])
np.savez(sys.argv[4], **{name: maps.activation_maps(model, images, name) for name in maps.METHODS})
"""


def pictures(n=3, size=48):
    return np.random.default_rng(0).integers(0, 256, (n, size, size, 3), np.uint8)


def drawn(backbone="VGG16-nano", size=48, weights="formula"):
    spec = NetworkSpec(backbone, "mDFT", size)
    model = networks.build(spec)
    initialise(model, spec, weights, 0)
    return model


def red_finder():
    """Return a network whose logit is 4 times the mean red (0 to 1) less the mean blue, less 1: its maps are known."""
    image = keras.Input((32, 32, 3), name="image")
    x = keras.layers.Conv2D(2, 1, use_bias=False, name="colours")(image)
    x = keras.layers.AveragePooling2D(8, name="pool")(x)
    x = keras.layers.Flatten()(x)
    x = keras.layers.Dense(1, activation="sigmoid", name="probability")(x)
    model = keras.Model(image, x)
    model.get_layer("colours").set_weights([np.array([[[[1, 0], [0, 0], [0, 1]]]], np.float32)])
    weights = np.zeros((16, 2), np.float32)
    weights[:, 0], weights[:, 1] = 4 / 16, -1 / 16
    model.get_layer("probability").set_weights([weights.reshape(32, 1), np.array([-1], np.float32)])
    return model


def spotted():
    """Return one image: a red square upper left, a blue square lower right, black between."""
    image = np.zeros((1, 32, 32, 3), np.uint8)
    image[0, :16, :16, 0] = 255
    image[0, 16:, 16:, 2] = 255
    return image


PEAK = """
import json, resource, keras, numpy as np
from leuknet.models.interpretation import activation_maps as maps
x = image = keras.Input((112, 112, 3), name="image")
for n in range(70):  # 56 MB of outputs per image in float32, as DenseNet-169, but quick to compute
    x = keras.layers.ReLU(name=f"relu_{n}")(x) if n else keras.layers.Conv2D(16, 1, name="colours")(x)
x = keras.layers.Dense(1, activation="sigmoid", name="probability")(keras.layers.GlobalAveragePooling2D()(x))
model = keras.Model(image, x)
images = np.random.default_rng(0).integers(0, 256, (79, 112, 112, 3), np.uint8)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
shape = maps.activation_maps(model, images, "Grad-CAM", layer="colours", batch=79).shape
maps.activation_maps(model, images[:1], "occlusion", batch=79)
print(json.dumps([shape, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1e6]))  # kB -> GB
"""


@pytest.mark.slow
def test_memory_of_a_network_with_many_layers_is_limited():
    environment = os.environ | {"CUDA_VISIBLE_DEVICES": "", "KERAS_BACKEND": "tensorflow"}
    done = subprocess.run([sys.executable, "-c", PEAK], env=environment, capture_output=True)
    assert done.returncode == 0, done.stderr.decode()[-2000:]
    shape, more = json.loads(done.stdout)
    assert shape == [79, 112, 112] and more < 2, f"{more} GB"


def test_batches_shrink_with_the_network(monkeypatch):
    model, images, batches = drawn(), pictures(7), []
    held = sum(np.prod(layer.output.shape[1:]) for layer in model.layers) * 4
    original = activation_maps.values_of
    monkeypatch.setattr(activation_maps, "values_of", lambda net, x: batches.append(len(x)) or original(net, x))
    logit = activation_maps.logit_model(model)
    whole, maps = activation_maps.logits(logit, images), activation_maps.activation_maps(model, images)
    assert set(batches) == {7}
    batches.clear()
    monkeypatch.setattr(activations, "HELD_BYTES", int(2.5 * held))
    np.testing.assert_allclose(activation_maps.logits(logit, images), whole, atol=1e-5)
    np.testing.assert_allclose(activation_maps.activation_maps(model, images), maps, atol=1e-5 * maps.max())
    assert set(batches) == {2}
    monkeypatch.setattr(activations, "HELD_BYTES", 1)
    assert activations.affordable(model, 32) == 1


@pytest.mark.parametrize("method", activation_maps.METHODS)
def test_what_speaks_for_a_class_is_found(method):
    model, image = red_finder(), spotted()
    red = activation_maps.activation_maps(model, image, method, "positive")[0]
    assert red[:16, :16].sum() > 0.75 * red.sum() > 0
    blue = activation_maps.activation_maps(model, image, method, "negative")[0]
    assert blue[16:, 16:].sum() > 0.75 * blue.sum() > 0


def test_grad_cam_is_the_weighted_sum_of_the_maps():
    model, image = red_finder(), spotted()
    found = activation_maps.activation_maps(model, image, "Grad-CAM", "positive", "colours")[0]
    expected = 4 / (16 * 64) * (image[0, ..., 0] > 0)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-7)


def test_called_is_the_class_the_network_names():
    model = red_finder()
    images = np.concatenate([spotted(), np.full((1, 32, 32, 3), 255, np.uint8)])  # logits -0.25 and 2
    np.testing.assert_allclose(
        activation_maps.logits(activation_maps.logit_model(model), images), [-0.25, 2], atol=1e-5
    )
    called = activation_maps.activation_maps(model, images)
    np.testing.assert_array_equal(called[0], activation_maps.activation_maps(model, images, target="negative")[0])
    np.testing.assert_array_equal(called[1], activation_maps.activation_maps(model, images, target="positive")[1])


def test_logit_is_the_probabilitys():
    model, images = drawn(), pictures()
    p = np.asarray(model.predict_on_batch(images.astype(np.float32) / 255))[:, 0]
    z = activation_maps.logits(activation_maps.logit_model(model), images, batch=2)
    np.testing.assert_allclose(1 / (1 + np.exp(-z)), p, atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize(
    "backbone, layer", [("VGG16-nano", "block5_conv3"), ("ResNet50-nano", "conv5_block3_out"), ("Xception-nano", None)]
)
def test_any_backbone(backbone, layer):
    model = drawn(backbone, 72, "random")
    assert layer in (None, activation_maps.default_layer(model))
    found = activation_maps.activation_maps(model, pictures(2, 72), "Grad-CAM++")
    assert found.shape == (2, 72, 72) and found.dtype == np.float32 and found.min() >= 0 and found.max() > 0


@pytest.mark.slow
def test_saved_and_loaded_and_on_another_backend(tmp_path):
    model, images = drawn(), pictures()
    model.save(tmp_path / "model.keras")
    np.save(tmp_path / "images.npy", images)
    loaded = keras.saving.load_model(tmp_path / "model.keras", compile=False, safe_mode=True)
    here = {name: activation_maps.activation_maps(model, images, name) for name in activation_maps.METHODS}
    for name, found in here.items():
        np.testing.assert_array_equal(activation_maps.activation_maps(loaded, images, name), found)
    other = "tensorflow" if keras.backend.backend() == "jax" else "jax"
    arguments = [other, *(tmp_path / name for name in ("model.keras", "images.npy", "there.npz"))]
    done = subprocess.run(
        [sys.executable, "-c", AGAIN, *arguments], env=os.environ | {"KERAS_BACKEND": other}, capture_output=True
    )
    assert done.returncode == 0, done.stderr.decode()[-2000:]
    there = np.load(tmp_path / "there.npz")
    for name, found in here.items():
        np.testing.assert_allclose(there[name], found, atol=2e-3 * found.max())


@pytest.mark.slow
def test_filter_maps_are_the_layers_outputs():
    outputs = activation_maps.filter_maps(model := drawn(), pictures(1)[0])
    assert (
        list(outputs) == activation_maps.map_layers(model) == [f"block{n}_conv{2 if n < 3 else 3}" for n in range(1, 6)]
    )
    assert outputs["block1_conv2"].shape == (48, 48, 8) and outputs["block5_conv3"].shape == (3, 3, 64)


@pytest.mark.slow
@pytest.mark.parametrize("backbone", ["VGG16-nano", "ResNet50-nano", "DenseNet121-nano", "Xception-nano"])
def test_each_layer_to_choose_from_can_be_cut_at(backbone):
    with keras.StatelessScope(initialize_variables=False):  # where it is cut depends on no values
        model = networks.build(NetworkSpec(backbone, "mDFT", 72))
        layers, logit = activation_maps.map_layers(model), activation_maps.logit_model(model)
        parts = [activation_maps.split_at(logit, layer) for layer in layers]
    assert layers[-1] == activation_maps.default_layer(model) and len(layers) > 1
    for low, high in parts:
        assert high.output.shape[1:] == (1,) and len(low.output.shape) == 4


def test_a_coarse_region_keeps_its_area_and_stays_near_it():
    masks = np.zeros((1, 32, 32), bool)
    masks[0, 8:16, 8:16] = True
    found = activation_maps.coarse(masks, 8)
    assert found.shape == (1, 32, 32) and found.mean() == pytest.approx(masks.mean(), abs=1e-3)
    assert found[0, 10, 10] > 0.9 and found[0, 24:, 24:].max() == 0


@pytest.mark.slow
def test_bad_input():
    model, images = red_finder(), spotted()
    for arguments, part in (
        (("Grad-Cam",), "Grad-CAM, Grad-CAM"),
        (("Grad-CAM", "ill"), "called, positive, negative"),
        (("Grad-CAM", "called", model.layers[3].name), "gives no maps"),
        (("Grad-CAM", "called", "conv9"), "cannot be cut at layer 'conv9'"),
    ):
        with pytest.raises(LeuknetError, match=part):
            activation_maps.activation_maps(model, images, *arguments)
    model = networks.build(NetworkSpec("ResNet50-nano", "mDFT", 72))
    with pytest.raises(LeuknetError, match="cannot be cut"):
        activation_maps.activation_maps(model, pictures(1, 72), layer="conv5_block3_2_conv")
    image = keras.Input((8, 8, 3))
    wide = keras.Model(image, keras.layers.Dense(2)(keras.layers.Flatten()(image)))
    with pytest.raises(LeuknetError, match="one sigmoid neuron"):
        activation_maps.activation_maps(wide, images)
