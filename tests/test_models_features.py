"""Features: the right layer, averaged over its maps, independent of the batch, and computed once."""

import keras
import numpy as np
import pytest

from leuknet._io import cache_dir
from leuknet.exceptions import LeuknetError
from leuknet.models import features, networks, weights
from leuknet.models.networks import NetworkSpec, build


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).integers(0, 256, (5, 48, 48, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def reference():
    spec = NetworkSpec("vgg16-nano", "DFT", 48)
    model = build(spec)
    weights.initialise(model, spec, "formula", 0)
    return model


def at(model, layer, images):
    net = keras.Model(model.inputs[0], model.get_layer(layer).output)
    return keras.ops.convert_to_numpy(net(images.astype("float32") / 255))


@pytest.mark.slow
def test_default_is_the_layer_before_the_classifier(images, reference):
    got = features.extract(images, "vgg16-nano", "formula", batch=2)
    assert got.shape == (5, 512) and got.dtype == np.float32
    np.testing.assert_allclose(got, at(reference, "fc2", images), atol=1e-4)


def test_maps_are_averaged(images, reference):
    got = features.extract(images, "vgg16-nano", "formula", layer="block3_pool")
    np.testing.assert_allclose(got, at(reference, "block3_pool", images).mean((1, 2)), atol=1e-4)


@pytest.mark.slow
def test_images_of_another_size_use_the_last_map(images):
    assert features.extract(images.repeat(2, 1).repeat(2, 2), "vgg16-nano", "formula").shape == (5, 64)
    assert features.extract(images[:, :32, :32], "resnet50-nano", "random").shape == (5, 256)


@pytest.mark.slow
def test_partial_weights_use_their_deepest_layer(tmp_path, monkeypatch, images):
    monkeypatch.setenv("LEUKNET_WEIGHTS", str(tmp_path))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    kernel = np.random.default_rng(1).normal(size=(3, 3, 3, 64))
    np.savez(tmp_path / "vgg16.npz", block1_conv1_kernel=kernel, block1_conv1_bias=np.zeros(64))
    part = images[:, :32, :32]
    assert features.extract(part, "VGG16", "imagenet").shape == (5, 64)
    plain = features.extract(part, "VGG16", "imagenet", preprocessing="unit")
    assert not np.allclose(plain, features.extract(part, "VGG16", "imagenet"))


@pytest.mark.slow
def test_computed_once_by_content(images, tmp_path, monkeypatch):
    monkeypatch.setenv("LEUKNET_CACHE", str(tmp_path))
    first = features.extract(images, "vgg16-nano", "formula", layer="block1_pool")
    count = len(list((cache_dir() / "features").iterdir()))
    with monkeypatch.context() as patch:
        patch.setattr(features, "outputs", lambda *_: pytest.fail("computed again"))
        again = features.extract(images.copy(), "VGG16-Nano", "formula", layer="block1_pool", batch=3)
    np.testing.assert_array_equal(first, again)
    changed = images.copy()
    changed[0, 0, 0, 0] ^= 255
    assert not np.array_equal(first, features.extract(changed, "vgg16-nano", "formula", layer="block1_pool"))
    assert len(list((cache_dir() / "features").iterdir())) == count + 1


def test_bad_input_is_reported_plainly(images):
    with pytest.raises(LeuknetError, match="uint8 images"):
        features.extract(images / 255, "vgg16-nano", "formula")
    with pytest.raises(LeuknetError, match="has no layer 'fc9'"):
        features.extract(images, "vgg16-nano", "formula", layer="fc9")


def test_real_photographs_of_blood_differ_less_among_themselves_than_from_noise(shared, images, monkeypatch):
    import cv2

    monkeypatch.setenv("LEUKNET_WEIGHTS", str(shared / "weights"))
    paths = sorted(p for p in (shared / "real").rglob("*") if p.suffix.lower() in {".jpg", ".png", ".jpeg"})[:5]
    blood = np.stack([cv2.resize(cv2.imread(str(path))[..., ::-1], (48, 48)) for path in paths])
    x = features.extract(np.concatenate([blood, images]), "DenseNet169", "imagenet")
    assert x.shape == (10, 1664)
    x = x / np.linalg.norm(x, axis=1, keepdims=True)
    assert (x[:5] @ x[:5].T).min() > (x[:5] @ x[5:].T).max()


@pytest.mark.slow
def test_default_layer_of_a_random_network_is_its_last_map():
    spec = NetworkSpec("xception-nano", "mDFT", 72, dense=())
    model = build(spec)
    record = weights.initialise(model, spec, "random", 0)
    assert features.default_layer(model, record) == networks.last_map(model) == "block14_sepconv2_act"
