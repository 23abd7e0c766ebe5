"""The warp gives what the paper's ImageDataGenerator gives, on both backends, and draws as it draws."""

import os
import subprocess
import sys

import keras
import numpy as np
import pytest
from keras.src.legacy.preprocessing.image import ImageDataGenerator

from leuknet._random import rng
from leuknet.exceptions import LeuknetError
from leuknet.models.augmentation import Drawn, Warp, warped
from leuknet.models.policy import COLUMNS, NOTHING, PAPER, Policy, draw, identity
from leuknet.plots.data.augmentation import by_keras

SIZE = 24
ALONE = {
    "rotation": NOTHING.but(rotation=40),
    "width shift": NOTHING.but(width_shift=0.2),
    "height shift": NOTHING.but(height_shift=0.2),
    "shear": NOTHING.but(shear=20),
    "shear in radians": NOTHING.but(shear=0.2, shear_unit="radians"),
    "zoom": NOTHING.but(zoom=0.2),
    "horizontal flip": NOTHING.but(horizontal_flip=True),
    "vertical flip": NOTHING.but(vertical_flip=True),
    "the paper's": PAPER,
    "the paper's, radians": Policy(shear_unit="radians"),
    "far outside": Policy(rotation=180, width_shift=0.9, height_shift=0.9, shear=60, zoom=0.9),
}


@pytest.fixture(scope="module")
def images():
    """Noise is the hardest case: neighbours differ by a third of the range on average."""
    return rng("test augment").integers(0, 256, (200, SIZE, SIZE, 3), dtype=np.uint8)


@pytest.mark.slow
@pytest.mark.parametrize("name", ALONE)
def test_equals_image_data_generator(images, name):
    policy = ALONE[name]
    draws = draw(policy, len(images), rng("test augment", name))
    expected = by_keras(images, draws, policy.shear_unit)
    ours = warped(images, draws, policy.shear_unit, batch=100)
    assert np.abs(expected - images / 255.0).mean() > 0.005, "the draws change nothing: the test would be empty"
    assert np.abs(ours - expected).mean() < 1e-4
    assert np.abs(ours - expected).max() < 1 / 255


def test_shifts_move_along_the_side_they_name(images):
    draws = identity(2)
    draws[0, COLUMNS.index("tx")] = draws[1, COLUMNS.index("ty")] = 2 / SIZE
    wide, high = warped(images[:2], draws)
    np.testing.assert_allclose(wide[:, :-2], images[0][:, 2:] / 255, atol=1e-4)
    np.testing.assert_allclose(wide[:, -2:], images[0][:, :-3:-1] / 255, atol=1e-4)  # reflect repeats the edge
    np.testing.assert_allclose(high[:-2], images[1][2:] / 255, atol=1e-4)


def test_identity_is_exact(images):
    """It equals plain scaling bit by bit; XLA turns x / 255 into x * (1 / 255), which may differ in the last bit."""
    layer, floats = Warp(SIZE), images[:4].astype("float32") + np.float32(0.25)
    for given in (images[:4], floats):
        moved, scaled = (keras.ops.convert_to_numpy(layer([given, identity(4)], training=on)) for on in (True, False))
        np.testing.assert_array_equal(moved, scaled)
        np.testing.assert_array_max_ulp(moved, given.astype("float32") / np.float32(255), 1)
        if keras.backend.backend() == "tensorflow":
            np.testing.assert_array_equal(moved, given.astype("float32") / np.float32(255))
    np.testing.assert_array_max_ulp(warped(images, identity(200)), images.astype("float32") / np.float32(255), 1)


def test_validation_is_only_scaled(images):
    draws = draw(PAPER, 4, rng("test augment", "validation"))
    expected = images[:4].astype("float32") / np.float32(255)
    scaled = keras.ops.convert_to_numpy(Warp(SIZE)([images[:4], draws], training=False))
    np.testing.assert_array_max_ulp(scaled, expected, 1)
    trained = keras.ops.convert_to_numpy(Warp(SIZE)([images[:4], draws], training=True))
    always = keras.ops.convert_to_numpy(Warp(SIZE, always=True)([images[:4], draws], training=False))
    np.testing.assert_array_equal(always, trained)
    assert np.abs(trained - expected).mean() > 0.05


def model_with_warp():
    inputs = keras.Input((SIZE, SIZE, 3), dtype="uint8"), keras.Input((8,), dtype="float32")
    hidden = keras.layers.GlobalAveragePooling2D()(Warp(SIZE, "radians", name="warp")(list(inputs)))
    model = keras.Model(inputs, keras.layers.Dense(1, activation="sigmoid")(hidden))
    model.compile("sgd", "binary_crossentropy", jit_compile=True)
    return model


@pytest.mark.slow
def test_trains_inside_a_compiled_model_and_survives_saving(images, tmp_path):
    model = model_with_warp()
    draws = draw(PAPER, 8, rng("test augment", "model"))
    assert np.isfinite(model.train_on_batch([images[:8], draws], np.ones((8, 1))))
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    assert again.get_layer("warp").get_config() == model.get_layer("warp").get_config()
    ours, theirs = (each.predict_on_batch([images[:8], draws]) for each in (model, again))
    np.testing.assert_allclose(theirs, ours, atol=1e-6)


@pytest.mark.slow
def test_mixed_bfloat16_keeps_float32(images):
    draws = draw(PAPER, 8, rng("test augment", "bfloat16"))
    expected = keras.ops.convert_to_numpy(Warp(SIZE)([images[:8], draws]))
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        for given in (images[:8], images[:8].astype("float32")):
            out = Warp(SIZE)([given, draws])
            assert keras.backend.standardize_dtype(out.dtype) == "float32"
            np.testing.assert_array_equal(keras.ops.convert_to_numpy(out), expected)
        inputs = [keras.Input((SIZE, SIZE, 3), dtype="uint8"), keras.Input((8,), dtype="float32")]
        inside = keras.Model(inputs, Warp(SIZE, always=True)(inputs)).predict_on_batch([images[:8], draws])
        np.testing.assert_allclose(inside, expected, atol=1e-4)
        assert np.isfinite(model_with_warp().train_on_batch([images[:8], draws], np.ones((8, 1))))
    finally:
        keras.config.set_dtype_policy(before)


def in_step(policy, n, seed):
    layer = Drawn(policy)
    layer.begin(seed)
    return keras.ops.convert_to_numpy(layer(np.zeros(n), training=True))


@pytest.mark.slow
@pytest.mark.parametrize("way", [draw, in_step])
def test_draws_follow_get_random_transform(way):
    legacy = ImageDataGenerator(
        rotation_range=40,
        width_shift_range=0.2,
        height_shift_range=0.2,
        shear_range=0.2,
        zoom_range=0.2,
        horizontal_flip=True,
        vertical_flip=True,
    )
    state = np.random.get_state()
    np.random.seed(0)
    names = ["theta", "tx", "ty", "shear", "zx", "zy", "flip_horizontal", "flip_vertical"]
    theirs = np.array([[legacy.get_random_transform((1, 1, 3))[name] for name in names] for _ in range(4000)])
    np.random.set_state(state)
    ours = way(PAPER, 4000, 5 if way is in_step else rng("test augment", "draws"))
    assert ours.dtype == np.float32
    width = np.ptp(theirs, axis=0)
    for quantile in (0, 0.1, 0.25, 0.5, 0.75, 0.9, 1):
        gap = np.abs(np.quantile(ours[:, :6], quantile, axis=0) - np.quantile(theirs[:, :6], quantile, axis=0))
        assert (gap < 0.04 * width[:6]).all()
    assert set(np.unique(ours[:, 6:])) == {0, 1}
    np.testing.assert_allclose(ours[:, 6:].mean(axis=0), 0.5, atol=0.04)
    assert np.abs(np.corrcoef(ours.T) - np.eye(8)).max() < 0.06, "columns are drawn apart from one another"


def test_draws_are_reproducible_and_ranges_can_be_switched_off():
    ten, four = draw(PAPER, 10, rng("a")), draw(PAPER, 4, rng("a"))
    np.testing.assert_array_equal(ten[:4], four)
    assert (draw(PAPER, 10, rng("b")) != ten).any()
    np.testing.assert_array_equal(draw(NOTHING, 5, rng("a")), identity(5))
    np.testing.assert_array_equal(in_step(NOTHING, 5, 1), identity(5))
    only_width = draw(NOTHING.but(width_shift=0.1), 50, rng("a"))
    assert np.abs(only_width[:, 1]).max() <= 0.1 + 1e-6 and (only_width[:, 1] != 0).all()
    np.testing.assert_array_equal(np.delete(only_width, 1, axis=1), np.delete(identity(50), 1, axis=1))
    assert draw(PAPER, 0, rng("a")).shape == (0, 8)


def test_draws_in_the_step_restart_from_their_seed_and_go_on():
    layer, rows, draws = Drawn(PAPER), np.zeros(6), []
    for seed in (1, 2, 1):
        layer.begin(seed)
        draws.append([keras.ops.convert_to_numpy(layer(rows, training=True)) for _ in range(2)])
    np.testing.assert_array_equal(draws[0], draws[2])
    assert len(np.unique(np.ravel(draws[:2])[::8])) == 24  # four batches of six images, each turned by its own angle
    np.testing.assert_array_equal(in_step(PAPER, 4, 1), draws[0][0][:4])  # a batch filled up draws the same first rows
    assert not keras.ops.convert_to_numpy(layer(rows, training=False)).any()


def test_bad_input_is_named(images):
    for wrong in ({"zoom": 1.0}, {"width_shift": -0.1}, {"rotation": float("nan")}, {"shear_unit": "gradians"}):
        with pytest.raises(LeuknetError, match=str(next(iter(wrong)))):
            Policy(**wrong)
    with pytest.raises(LeuknetError, match="Warp"):
        Warp(SIZE + 1)([images[:2], identity(2)])
    with pytest.raises(LeuknetError, match="2 images but 3 rows"):
        warped(images[:2], identity(3))


@pytest.mark.slow
def test_other_backend_gives_the_same(images, tmp_path):
    other = "tensorflow" if keras.backend.backend() == "jax" else "jax"
    pytest.importorskip(other)
    draws = draw(PAPER, 64, rng("test augment", "backends"))
    np.savez(tmp_path / "in.npz", images=images[:64], draws=draws)
    code = (
        "import numpy as np, sys, keras; from leuknet.models.augmentation import warped; given = np.load(sys.argv[1]);"
        f"assert keras.backend.backend() == {other!r};"
        "np.save(sys.argv[2], warped(given['images'], given['draws']))"
    )
    subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "in.npz"), str(tmp_path / "out.npy")],
        check=True,
        env={**os.environ, "KERAS_BACKEND": other, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
    )
    theirs = np.load(tmp_path / "out.npy")
    assert np.abs(theirs - by_keras(images[:64], draws)).mean() < 1e-4
    assert np.abs(theirs - warped(images[:64], draws)).max() < 1e-4
