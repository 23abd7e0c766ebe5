"""Networks: Table 2's counts, Figures 4, 5 and 8, section 3.4, and that they are flat, separable and storable."""

import math
from functools import cache

import keras
import numpy as np
import pytest

from leuknet.exceptions import LeuknetError
from leuknet.models import backbones, networks, weights
from leuknet.models.networks import NetworkSpec, build, layer_table, split_at_frozen
from leuknet.paper.consistency import timing
from leuknet.paper.tables import table

pytestmark = pytest.mark.slow

NARROW = [f"{name}-nano" for name in backbones.PAPER_BACKBONES]


def pictures(size, n=2):
    return np.random.default_rng(0).random((n, size, size, 3), dtype=np.float32)


def values(x):
    return keras.ops.convert_to_numpy(x)


def trained(model):
    return [layer.name for layer in model.layers if layer.trainable_weights]


@pytest.fixture
def uninitialised():
    """Let Keras make variables without values: the counts of 138 million weights need none of them."""
    with keras.StatelessScope(initialize_variables=False):
        yield
    keras.backend.clear_session()


def operations(layer):
    """Return the multiply-accumulates of a convolution for one image; 0 for other layers."""
    if not isinstance(layer, keras.layers.Conv2D | keras.layers.SeparableConv2D):
        return 0
    kernels = [variable for variable in layer.weights if variable.name.endswith("kernel")]
    return math.prod(layer.output.shape[1:3]) * sum(math.prod(kernel.shape) for kernel in kernels)


@cache
def shared(name, approach, size):
    """Return a network that several tests read."""
    return build(NetworkSpec(name, approach, size))


def longest_path(model, padding):
    """Return the number of layers on the longest path, zero padding counted or not."""
    depth = {}
    for layer in model.layers:
        before = [node.operation.name for part in layer._inbound_nodes for node in part.parent_nodes]
        counted = padding or not isinstance(layer, keras.layers.ZeroPadding2D)
        depth[layer.name] = counted + max((depth[name] for name in before), default=0)
    return max(depth.values())


@pytest.fixture(scope="module", params=backbones.PAPER_BACKBONES)
def imagenet(request):
    """Return a backbone's name, what the audit knows of it, and Keras' network at 224 px with its classifier."""
    known = timing.networks().loc[backbones.label(request.param)]
    with keras.StatelessScope(initialize_variables=False):
        yield request.param, known, getattr(keras.applications, request.param)(weights=None, input_shape=(224, 224, 3))
    keras.backend.clear_session()


def test_the_audits_counts_are_those_of_keras_networks(imagenet):
    name, known, model = imagenet
    macs = {layer: operations(layer) for layer in model.layers}
    dense3 = [x for x in macs if type(x) is keras.layers.Conv2D and x.kernel_size == (3, 3) and x.strides == (1, 1)]
    shape = next(layer.output.shape[1:] for layer in reversed(model.layers) if len(layer.output.shape) == 4)
    classifier = sum(layer.count_params() for layer in model.layers if isinstance(layer, keras.layers.Dense))
    assert known["macs"] == sum(macs.values()) and known["macs3"] == sum(macs[layer] for layer in dense3)
    assert known["convolutions"] == sum(map(bool, macs.values())) and known["first"] == next(
        filter(None, macs.values())
    )
    assert known["parameters"] == model.count_params() - classifier
    assert known["features"] == (math.prod(shape) if name.startswith("VGG") else shape[-1])
    assert known["dense"] == (*networks.dense_sizes(NetworkSpec(name)), 1)


def test_imagenet_networks_have_table_2s_parameters_and_depth(imagenet):
    name, known, model = imagenet
    printed = table(2).set_index(["row", "column"])["value"][backbones.label(name)]
    assert model.count_params() == printed["Number of Parameters"]
    assert known["depth"] == printed["Topological Depth"]
    assert longest_path(model, False) <= known["depth"] <= longest_path(model, True)
    units = [layer.units for layer in model.layers if isinstance(layer, keras.layers.Dense)]
    assert known["imagenet_dense"] == tuple(units)


def test_figure_8_leuknet_is_vgg16_with_1024_and_256_neurons(uninitialised):
    spec = NetworkSpec()
    model = build(spec)
    rows = layer_table(model, spec).set_index("layer")
    assert (rows["kind"] == "Conv2D").sum() == 13 and (rows["kind"] == "MaxPooling2D").sum() == 5
    new = rows[rows["part"] == "new"]
    assert list(new["output_shape"]) == ["25088", "1024", "1024", "256", "256", "1"]
    assert list(new["parameters"]) == [0, 25088 * 1024 + 1024, 0, 1024 * 256 + 256, 0, 257]
    assert [model.get_layer(f"head_dropout{i}").rate for i in (1, 2)] == [0.5, 0.6]
    assert rows["trainable"].all() and rows["parameters"].sum() == model.count_params()


def test_vgg16_nano_is_thirteen_convolutions_at_an_eighth():
    rows = layer_table(model := build(spec := NetworkSpec("VGG16-Nano", "DFT", 48)), spec)
    convolutions = [layer.filters for layer in model.layers if isinstance(layer, keras.layers.Conv2D)]
    assert convolutions == [8, 8, 16, 16, 32, 32, 32, 64, 64, 64, 64, 64, 64]
    assert rows.set_index("layer").loc[["fc1", "fc2"], "output_shape"].tolist() == ["512", "512"]


@pytest.mark.parametrize(
    ("approach", "retrained"),
    [("SFT", ["fc1", "fc2", "probability"]), ("mSFT", ["head_dense1", "head_dense2", "probability"])],
)
def test_figure_5_shallow_approaches_train_the_dense_layers_only(approach, retrained):
    assert trained(build(NetworkSpec("vgg16-nano", approach, 64))) == retrained


@pytest.mark.parametrize(("approach", "own"), [("DFT", True), ("scratch", True), ("mDFT", False)])
def test_figure_5_deep_approaches_train_all(approach, own):
    model = build(spec := NetworkSpec("vgg16-nano", approach, 64))
    assert trained(model) == [layer.name for layer in model.layers if layer.weights]
    assert ("fc2" in trained(model)) == own
    assert (layer_table(model, spec)["part"] == "new").all() == (approach == "scratch")


@pytest.mark.parametrize(
    ("name", "units"), [("VGG19", (1024, 256)), ("ResNet50", (1024,)), ("InceptionV3", (1024,)), ("Xception", (128,))]
)
def test_section_3_4_dense_layers(name, units):
    assert networks.dense_sizes(NetworkSpec(name)) == units
    assert networks.dense_sizes(NetworkSpec(f"{name}-nano")) == tuple(max(8, n // 8) for n in units)
    assert networks.dense_sizes(NetworkSpec(name, dense=(512, 256))) == (512, 256)


@pytest.mark.parametrize("name", NARROW[2:])
def test_networks_without_dense_layers_pool_and_refuse_sft(name):
    model = shared(name, "mSFT", 80)
    assert trained(model) == ["head_dense1", "probability"]
    assert isinstance(model.get_layer("head_pool"), keras.layers.GlobalAveragePooling2D)
    for approach in ("SFT", "DFT"):
        with pytest.raises(LeuknetError, match=f"use m{approach}"):
            build(NetworkSpec(name, approach, 80))


@pytest.mark.parametrize("name", ["InceptionV3", "Xception"])
def test_layers_are_named_as_in_a_fresh_session_whatever_was_built_before(name, uninitialised):
    model = shared(f"{name}-nano", "mSFT", 80)
    keras.backend.clear_session()
    fresh = getattr(keras.applications, name)(weights=None, include_top=False, input_tensor=keras.Input((80, 80, 3)))
    names = [layer.name for layer in model.layers if not networks.is_new(layer)]
    assert names[1:] == [layer.name for layer in fresh.layers[1:]]
    kinds = [type(layer) for layer in model.layers[1 : len(names)]]
    assert kinds == [type(layer) for layer in fresh.layers[1:]]


@pytest.mark.parametrize("precision", ["float32", "mixed_bfloat16"])
@pytest.mark.parametrize("name", ["vgg16-nano", "resnet50-nano"])
def test_split_halves_make_the_whole(name, precision):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(precision)
    try:
        model = build(spec := NetworkSpec(name, "mSFT", 64, preprocessing="imagenet"))
        weights.initialise(model, spec, "random", 1)
        frozen, head = split_at_frozen(model)
        x = pictures(64)
        assert len(frozen.output.shape) == 2 and not frozen.trainable_weights and len(head.trainable_weights) >= 4
        assert frozen.get_layer(frozen.layers[3].name) is model.layers[3]
        np.testing.assert_allclose(values(head(frozen(x))), values(model(x)), atol=1e-6)
        assert "float32" in str(values(model(x)).dtype)
    finally:
        keras.config.set_dtype_policy(before)


def test_frozen_batch_normalisation_keeps_its_statistics_in_training():
    norms = {approach: shared("resnet50-nano", approach, 80).get_layer("conv1_bn") for approach in ("mSFT", "mDFT")}
    before = {approach: [w.copy() for w in norm.get_weights()] for approach, norm in norms.items()}
    for approach in norms:
        shared("resnet50-nano", approach, 80)(pictures(80), training=True)
    assert all(np.array_equal(a, b) for a, b in zip(before["mSFT"], norms["mSFT"].get_weights(), strict=True))
    assert not np.array_equal(before["mDFT"][2], norms["mDFT"].get_weights()[2])


def test_frozen_until_names_the_last_frozen_layer_and_must_cut_the_network():
    model = build(NetworkSpec("vgg16-nano", "SFT", 64, frozen_until="block3_pool"))
    assert trained(model)[0] == "block4_conv1"
    frozen, _ = split_at_frozen(model)
    assert frozen.layers[-1].name == "block3_pool"
    with keras.StatelessScope(initialize_variables=False), pytest.raises(LeuknetError, match="a path around"):
        build(NetworkSpec("resnet50-nano", "mSFT", 64, frozen_until="conv3_block2_1_conv"))
    with pytest.raises(LeuknetError, match="has no such layer"):
        build(NetworkSpec("vgg16-nano", "mSFT", 64, frozen_until="block9_pool"))
    with pytest.raises(LeuknetError, match="new layer"):
        build(NetworkSpec("vgg16-nano", "mSFT", 64, frozen_until="head_dense1"))
    with pytest.raises(LeuknetError, match="nothing of this network is frozen"):
        split_at_frozen(build(NetworkSpec("vgg16-nano", "mDFT", 64)))


@pytest.mark.parametrize("name", ["VGG16", "DenseNet121", "Xception"])
def test_imagenet_preprocessing_is_keras_own(name):
    module = {"VGG16": "vgg16", "DenseNet121": "densenet", "Xception": "xception"}[name]
    image = keras.Input((32, 32, 3))
    scaled = keras.Model(image, backbones.imagenet_scaling(image, name))
    x = pictures(32)
    wanted = getattr(keras.applications, module).preprocess_input(255 * x)
    np.testing.assert_allclose(values(scaled(x)), wanted, atol=1e-3)


@pytest.mark.parametrize(("name", "approach"), [("vgg16-nano", "SFT"), ("xception-nano", "mDFT")])
def test_networks_are_flat_and_survive_a_file(tmp_path, name, approach):
    model = build(NetworkSpec(name, approach, 72, preprocessing="imagenet"))
    assert not any(isinstance(layer, keras.Model | keras.layers.Lambda) for layer in model.layers)
    assert model.input.name == "image" and model.output.shape == (None, 1)
    model.save(tmp_path / "net.keras")
    again = keras.models.load_model(tmp_path / "net.keras", safe_mode=True)
    np.testing.assert_array_equal(values(again(pictures(72))), values(model(pictures(72))))
    assert trained(again) == trained(model)


def test_feature_layers_by_name():
    assert networks.penultimate(build(NetworkSpec("vgg16-nano", "DFT", 64))) == "fc2"
    model = shared("resnet50-nano", "mDFT", 80)
    assert networks.penultimate(model) == "head_dense1" and networks.last_map(model) == "conv5_block3_out"


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (NetworkSpec("AlexNet"), "backbone 'AlexNet' is unknown"),
        (NetworkSpec(approach="FT"), "approach 'FT' is unknown"),
        (NetworkSpec("vgg16-nano", preprocessing="z-score"), "preprocessing 'z-score'"),
        (NetworkSpec("EfficientNetB0-nano", size=64), "scales its input itself"),
        (NetworkSpec("vgg16-nano", "mDFT", 16), "take a larger size"),
    ],
)
def test_what_cannot_be_built_is_reported_plainly(spec, message, uninitialised):
    with pytest.raises(LeuknetError, match=message):
        build(spec)


def test_other_networks_of_keras_work_by_name():
    model = build(spec := NetworkSpec("MobileNetV2-nano", "mDFT", 64, preprocessing="imagenet"))
    assert values(model(pictures(64))).shape == (2, 1) and (layer_table(model, spec)["kind"] == "DepthwiseConv2D").any()


@pytest.mark.parametrize(("size", "enlarged"), [(64, True), (80, False)])
def test_inception_enlarges_small_images(size, enlarged, uninitialised):
    names = [layer.name for layer in build(NetworkSpec("inceptionv3-nano", "mDFT", size)).layers]
    assert ("enlarged" in names) == enlarged
