"""Start weights: the same for the same seed in any order of calls, and files that load the layers they name."""

import json
from functools import cache
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest

from leuknet.baselines.networks import alexnet
from leuknet.exceptions import LeuknetError
from leuknet.models import backbones, weights
from leuknet.models.networks import NetworkSpec, build

SPEC = NetworkSpec("vgg16-nano", "DFT", 48)
TINY = NetworkSpec("VGG16", "mDFT", 32, dense=(8,))


def start(spec, kind="random", seed=3):
    model = build(spec)
    return model, weights.initialise(model, spec, kind, seed)


def everything(model):
    return [keras.ops.convert_to_numpy(v) for v in model.variables]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty folder in LEUKNET_WEIGHTS, and a Keras cache without files."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setenv("LEUKNET_WEIGHTS", str(tmp_path / "weights"))
    (tmp_path / "weights").mkdir()
    return tmp_path / "weights"


@pytest.mark.slow
@pytest.mark.parametrize("name", ["vgg16-nano", "xception-nano"])
def test_a_seed_decides_every_variable_whatever_was_built_or_trained_before(name):
    spec = NetworkSpec(name, "mDFT", 72)
    keras.utils.set_random_seed(1)
    first, record = start(spec)
    wanted = everything(first)
    keras.utils.set_random_seed(2)
    second, _ = start(spec)
    for variable in second.variables:
        variable.assign(keras.ops.zeros_like(variable))
    weights.initialise(second, spec, "random", 3)
    assert all(np.array_equal(a, b) for a, b in zip(wanted, everything(second), strict=True))
    weights.initialise(second, spec, "random", 4)
    kernels = [i for i, w in enumerate(wanted) if w.ndim > 1]
    assert not any(np.array_equal(wanted[i], everything(second)[i]) for i in kernels)
    assert record["weights"] == "random" and record["layers_loaded"] == [] and record["file_sha256"] is None


@pytest.mark.slow
def test_dropout_draws_the_same_for_the_same_seed():
    spec = NetworkSpec("vgg16-nano", "mDFT", 32)
    x = np.ones((4, 32, 32, 3), np.float32)
    outputs = []
    for model in (start(spec)[0], start(spec)[0]):
        noisy = keras.Model(model.inputs[0], model.get_layer("head_dropout1").output)
        outputs.append(keras.ops.convert_to_numpy(noisy(x, training=True)))
    np.testing.assert_array_equal(*outputs)


@pytest.mark.parametrize(
    ("initializer", "variance", "bound"),
    [
        ("glorot_uniform", 2 / (300 + 500), np.sqrt(6 / 800)),
        ("glorot_normal", 2 / (300 + 500), 2 / 0.8796 * np.sqrt(2 / 800)),
        ("he_normal", 2 / 300, 2 / 0.8796 * np.sqrt(2 / 300)),
        ("lecun_uniform", 1 / 300, np.sqrt(3 / 300)),
    ],
)
def test_kernels_follow_their_own_initialiser(initializer, variance, bound):
    model = keras.Sequential([keras.Input((300,)), keras.layers.Dense(500, kernel_initializer=initializer)])
    weights.draw(model, 0)
    kernel, bias = model.layers[0].get_weights()
    assert kernel.var() == pytest.approx(variance, rel=0.02) and abs(kernel.mean()) < 4e-4
    assert 0.98 * bound < np.abs(kernel).max() <= 1.001 * bound and not bias.any()


@pytest.mark.slow
def test_constants_of_a_layer_are_renewed():
    model, _ = start(spec := NetworkSpec("MobileNetV2-nano", "mDFT", 32, preprocessing="imagenet"))
    norm = model.get_layer("bn_Conv1")
    norm.set_weights([w + 5 for w in norm.get_weights()])
    weights.initialise(model, spec, "random", 0)
    assert [w.mean() for w in norm.get_weights()] == [1, 0, 0, 1]


@pytest.mark.slow
def test_formula_weights_fill_all_transferred_layers():
    model, record = start(SPEC, "formula")
    assert record["weights"] == "formula-driven" and record["layers_random"] == ["probability"]
    with np.load(weights.SHIPPED / "vgg16-nano.npz") as arrays:
        np.testing.assert_array_equal(model.get_layer("fc2").get_weights()[0], arrays["fc2/kernel"].astype("float32"))
    _, replaced = start(NetworkSpec("vgg16-nano", "mDFT", 128), "formula")
    assert replaced["layers_random"] == ["head_dense1", "head_dense2", "probability"]


SHIPPED = sorted(weights.SHIPPED.glob("*.npz"))
NARROW = [file.stem for file in SHIPPED if file.stem != alexnet.NARROW]


def test_narrow_networks_have_start_weights_and_all_are_small():
    assert {"vgg16-nano", "vgg19-nano", "resnet50-nano", "xception-nano", alexnet.NARROW} <= {
        file.stem for file in SHIPPED
    }
    assert sum(file.stat().st_size for file in SHIPPED) <= 8e6


@pytest.mark.parametrize("name", [*NARROW, alexnet.NARROW])
def test_the_record_of_start_weights_says_what_they_learnt(name):
    record = json.loads((weights.SHIPPED / f"{name}.json").read_text())
    assert record["network"] == name and record["classes"] >= 60 and f" {name} " in record["script"].lower()
    assert 10 / record["classes"] < record["held_out_top1"] <= 1 and record["held_out_images"] >= 1000
    assert len(record["training_top1"]) == record["epochs"]


@pytest.mark.slow
@pytest.mark.parametrize("name", NARROW)
def test_start_weights_are_finite_and_fit_their_backbone(name):
    approach = "DFT" if backbones.has_own_dense(name) else "mDFT"
    model, record = start(NetworkSpec(name, approach, 48), "formula")
    assert record["weights"] == "formula-driven" and record["file"] == f"{name}.npz"
    assert all(np.isfinite(w).all() for w in model.get_weights())


@pytest.mark.parametrize(("size", "caption"), [(48, "formula-driven"), (80, "formula-driven 9 of 10 layers")])
def test_alexnets_start_weights_fit_as_far_as_the_image_size_allows(size, caption):
    model = alexnet.body(size, nano=True)
    assert weights.lay_shipped(model, alexnet.NARROW) == caption
    with np.load(weights.SHIPPED / f"{alexnet.NARROW}.npz") as arrays:
        np.testing.assert_array_equal(model.get_layer("conv1").get_weights()[0], arrays["conv1/kernel"].astype("f4"))


def test_scratch_begins_from_random_weights():
    assert start(NetworkSpec("vgg16-nano", "scratch", 64), "formula")[1]["weights"] == "random"


def test_he_weights_have_twice_the_inverse_of_the_inputs_as_variance():
    model, record = start(NetworkSpec("vgg16-nano", "scratch", 48), "he")
    kernel, bias = model.get_layer("block5_conv2").get_weights()
    assert kernel.var() == pytest.approx(2 / (9 * kernel.shape[2]), rel=0.02) and not bias.any()
    assert record["weights"] == "random (He)" and record["layers_loaded"] == []


def kept(layer):
    return dict(zip([v.name for v in layer.weights], layer.get_weights(), strict=True))


@cache
def tiny(seed):
    """Return the weights that TINY begins from, by layer."""
    return {layer.name: kept(layer) for layer in start(TINY, seed=seed)[0].layers}


@pytest.mark.slow
@pytest.mark.parametrize("mark", ["/", "_"])
def test_partial_npz_loads_what_it_names_and_says_so(folder, mark):
    named = [name for name in tiny(9) if name.startswith(("block1_conv", "block2_conv"))]
    arrays = {f"{layer}{mark}{name}": w for layer in named for name, w in tiny(9)[layer].items()}
    np.savez(folder / "vgg16_part.npz", **arrays)
    model, record = start(TINY, "imagenet")
    assert record["weights"] == "VGG-16, ImageNet blocks 1-2"
    assert record["layers_loaded"] == named and record["file"] == "vgg16_part.npz"
    for layer in model.layers:
        source = tiny(9 if layer.name in named else 3)
        for name, value in kept(layer).items():
            np.testing.assert_array_equal(value, source[layer.name][name])


@pytest.mark.slow
def test_a_file_of_some_layers_only_is_never_called_imagenet(folder):
    arrays = {f"{n}/{v}": w for n in ("block1_conv1", "block3_conv2") for v, w in tiny(9)[n].items()}
    np.savez(folder / "VGG16.npz", **arrays)
    assert start(TINY, "imagenet")[1]["weights"] == "VGG-16, ImageNet 2 of 13 layers"


@pytest.fixture(scope="module", params=[("MobileNet", 32), ("InceptionV3", 75)], ids=lambda param: param[0])
def donor(request):
    """Return a network of Keras, with its name and image size, whose files others load."""
    name, size = request.param
    image = keras.Input((size, size, 3))
    return name, size, getattr(keras.applications, name)(weights=None, include_top=False, input_tensor=image)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["weights.h5", "h5"])
def test_keras_own_files_load_completely(folder, donor, kind):
    name, size, net = donor
    path = folder / f"{name.lower()}_weights_tf_dim_ordering_tf_kernels_notop.{kind}"
    if kind == "h5":
        write_legacy(net, path)
    else:
        net.save_weights(path)
    spec = NetworkSpec(name, "mDFT", size, dense=(8,))
    model, record = start(spec, "imagenet")
    assert record["weights"] == "ImageNet"
    ours = [layer for layer in model.layers if layer.weights and not layer.name.startswith(("head", "prob"))]
    theirs = [layer for layer in net.layers if layer.weights]
    for a, b in zip(ours, theirs, strict=True):
        assert all(np.array_equal(v, w) for v, w in zip(a.get_weights(), b.get_weights(), strict=True)), a.name


def write_legacy(model, path):
    """Write as Keras 1 and 2 did: names of layers and of their weights as attributes, in order."""
    with h5py.File(path, "w") as root:
        root.attrs["layer_names"] = [layer.name.encode() for layer in model.layers]
        for layer in model.layers:
            group = root.create_group(layer.name)
            names = [f"{layer.name}/{v.name}_{i}:0" for i, v in enumerate(layer.weights)]
            group.attrs["weight_names"] = [name.encode() for name in names]
            for name, value in zip(names, layer.get_weights(), strict=True):
                group[name] = value


def test_files_of_another_network_are_not_taken(folder):
    for name in ("resnet50v2.npz", "vgg19_weights.npz", "notes.txt", "densenet201.npz"):
        (folder / name).touch()
    assert weights.available("ResNet50")["imagenet"] is None and weights.available("VGG16")["imagenet"] is None
    assert weights.available("ResNet50V2")["imagenet"] == folder / "resnet50v2.npz"
    assert weights.available("vgg16-nano")["formula"] == weights.SHIPPED / "vgg16-nano.npz"


@pytest.mark.slow
def test_weights_that_do_not_fit_or_exist_name_the_fix(folder, monkeypatch):
    with pytest.raises(LeuknetError, match="shape is tied to 224 px.*use size 224, or mDFT"):
        start(NetworkSpec("VGG16", "DFT", 32), "imagenet")
    with pytest.raises(LeuknetError, match="no ImageNet weights exist for vgg16-nano"):
        start(SPEC, "imagenet")
    with pytest.raises(
        LeuknetError,
        match="no formula-driven weights are shipped for mobilenetv2-nano: use one of inceptionv3-nano, resnet50-nano",
    ):
        start(NetworkSpec("MobileNetV2-nano", "mDFT", 32), "formula")
    with pytest.raises(LeuknetError, match="weights='best' is unknown"):
        start(SPEC, "best")
    model = build(TINY)

    def begin():
        weights.initialise(model, TINY, "imagenet", 3)

    (folder / "vgg16.npz").write_bytes(b"PK\x03\x04 cut off")
    with pytest.raises(LeuknetError, match=r"vgg16\.npz cannot be read"):
        begin()
    np.savez(folder / "vgg16.npz", **{"block1_conv1/kernel": np.zeros((3, 3, 3, 9)), "block1_conv1/bias": np.zeros(9)})
    with pytest.raises(LeuknetError, match=r"vgg16\.npz does not fit layer block1_conv1"):
        begin()
    np.savez(folder / "vgg16.npz", **{"stem/kernel": np.zeros((3, 3, 3, 9))})
    with pytest.raises(LeuknetError, match="names no layer of this network"):
        begin()
    monkeypatch.setenv("LEUKNET_WEIGHTS", str(folder / "absent"))
    with pytest.raises(LeuknetError, match="is not a folder"):
        begin()


def test_without_a_file_or_a_download_the_run_stops_and_names_the_fix(folder, monkeypatch):
    def offline(**_):
        raise Exception("URL fetch failure")

    monkeypatch.setattr(keras.applications, "VGG16", offline)
    weights.from_keras.cache_clear()
    spec = NetworkSpec("VGG16", "mDFT", 32)
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    with pytest.raises(LeuknetError, match=r"VGG-16 are not at hand \(URL fetch failure\).*LEUKNET_WEIGHTS"):
        weights.initialise(model, spec, "imagenet", 0)


def test_real_densenet169_is_complete_and_real_vgg16_is_partial(shared, monkeypatch):
    monkeypatch.setenv("LEUKNET_WEIGHTS", str(shared / "weights"))
    _, record = start(TINY, "imagenet")
    assert record["weights"] == "VGG-16, ImageNet blocks 1-3" and len(record["layers_loaded"]) == 7
    spec = NetworkSpec("DenseNet169", "mSFT", 32, preprocessing="imagenet")
    model, record = start(spec, "imagenet")
    assert record["weights"] == "ImageNet" and record["layers_random"] == ["head_dense1", "probability"]
    with h5py.File(Path(shared) / "weights" / record["file"]) as file:
        group = next(g for g in file["layers"].values() if g["vars"].attrs.get("name") == "conv5_block32_2_conv")
        np.testing.assert_array_equal(model.get_layer("conv5_block32_2_conv").get_weights()[0], group["vars/0"][()])


@pytest.mark.parametrize("link", [h5py.ExternalLink("other.h5", "/secret"), h5py.SoftLink("/elsewhere")])
def test_weights_that_lead_to_another_file_are_not_followed(tmp_path, link):
    with h5py.File(tmp_path / "other.h5", "w") as other:
        other["secret"] = np.ones(3)
    with h5py.File(tmp_path / "own.h5", "w") as file:
        file["layer/kernel"] = np.ones(3)
        file["layer/bias"] = link
    with pytest.raises(LeuknetError, match=r"own.h5 cannot be read as a weight file .*layer/bias"):
        weights.read(tmp_path / "own.h5")
