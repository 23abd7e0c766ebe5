"""AlexNet's published sizes, the small networks, their augmentation and the loop that trains them."""

import keras
import numpy as np
import pytest
from made import small_cohort

from leuknet._random import rng
from leuknet.baselines.networks import alexnet, layers, training, variants
from leuknet.baselines.networks.ahmed import Ahmed
from leuknet.baselines.networks.alexnet import ResponseNormalisation
from leuknet.baselines.networks.loey import Features, FineTuned
from leuknet.baselines.networks.pansombut import Pansombut
from leuknet.baselines.networks.rehman import Rehman
from leuknet.baselines.networks.shafique import HSV, Shafique
from leuknet.baselines.networks.thanh import Thanh
from leuknet.baselines.networks.training import compiled, full_batches
from leuknet.baselines.settings import BaselineSettings
from leuknet.data.registry import lookup
from leuknet.exceptions import LeuknetError
from leuknet.paper import tables
from leuknet.study import profiles
from leuknet.study.profiles import profile


def test_alexnet_has_its_published_parameters():
    with keras.StatelessScope(initialize_variables=False):
        model = alexnet.body(224)
    assert model.count_params() + 4097 * 1000 == 60_965_224  # with the layer of ImageNet's 1000 classes
    shapes = [tuple(model.get_layer(f"pool{n}").output.shape[1:]) for n in (1, 2, 5)]
    assert shapes == [(27, 27, 96), (13, 13, 256), (6, 6, 256)]
    keras.backend.clear_session()


def test_response_normalisation_by_hand():
    x = np.zeros((1, 1, 1, 6), np.float32)
    x[..., 2] = 100.0
    found = np.asarray(ResponseNormalisation()(x)).ravel()
    assert found[2] == pytest.approx(100 / (2 + 1e-4 * 100**2) ** 0.75) and found[5] == 0


def test_a_users_file_fills_alexnet_up_to_fc7(tmp_path, monkeypatch):
    source = alexnet.body(32, nano=True)
    source.save_weights(tmp_path / alexnet.FILE)
    monkeypatch.setenv("LEUKNET_WEIGHTS", str(tmp_path))
    assert alexnet.weights_file(nano=True) is None
    monkeypatch.setattr(alexnet, "weights_file", lambda nano: tmp_path / alexnet.FILE)
    model = alexnet.classifier(32, nano=True)
    assert alexnet.start(model, True, seed=1) == alexnet.FILE
    np.testing.assert_array_equal(*(np.asarray(net.get_layer("fc7").kernel) for net in (model, source)))
    (tmp_path / alexnet.FILE).write_bytes(b"no weights")
    with pytest.raises(LeuknetError, match="does not fit AlexNet"):
        alexnet.start(model, True, seed=1)


def test_rehman_freezes_only_what_is_pretrained(monkeypatch):
    system = Rehman(BaselineSettings(baseline="rehman", nano=True))
    assert system.build is Shafique(system.settings).build  # one network, traced once
    assert all(layer.trainable for layer in system.build(32, True).layers)
    monkeypatch.setattr("leuknet.baselines.networks.rehman.weights_file", lambda nano: "a file")
    assert {layer.name for layer in system.build(32, True).layers if layer.trainable} == {"fc7", "probability"}


@pytest.mark.parametrize("system", [Thanh, Ahmed, FineTuned, Shafique])
def test_augmented_images_keep_their_form_and_repeat_themselves(system):
    image = small_cohort().images[0]
    drawn = [system(BaselineSettings(baseline="thanh")).augment(image, rng("draw", 1, i)) for i in range(12)]
    again = [system(BaselineSettings(baseline="thanh")).augment(image, rng("draw", 1, i)) for i in range(12)]
    assert all(one.shape == image.shape and one.dtype == np.uint8 for one in drawn)
    assert all((one == two).all() for one, two in zip(drawn, again, strict=True))
    assert len({one.tobytes() for one in drawn}) > 4


def test_moves_by_hand():
    image = rng("moves").integers(0, 256, (9, 9, 3)).astype(np.uint8)
    np.testing.assert_array_equal(variants.moved(image), image)
    np.testing.assert_array_equal(variants.moved(image, shift=(1 / 9, 0))[:, 1:], image[:, :-1])
    turned = variants.moved(image, angle=180)
    np.testing.assert_allclose(turned[1:-1, 1:-1], image[::-1, ::-1][1:-1, 1:-1], atol=1)
    flat = np.full((9, 9, 3), 90, np.uint8)
    flat[:4] = 120
    assert np.ptp(variants.equalised(flat)[..., 1]) > np.ptp(flat[..., 1])


def test_colour_systems():
    red = np.full((2, 2, 3), (255, 0, 0), np.uint8)
    np.testing.assert_array_equal(HSV(BaselineSettings(baseline="thanh")).prepare(red)[0, 0], (0, 255, 255))
    np.testing.assert_array_equal(Shafique(BaselineSettings(baseline="thanh")).prepare(red), red)


def test_batches_are_always_full():
    np.testing.assert_array_equal(full_batches(np.arange(5), 3), [[0, 1, 2], [3, 4, 0]])


def test_narrow_networks_are_smaller():
    wide, narrow = (layers.stack(32, nano, (32, 64), (128,), dropout=0.2) for nano in (False, True))
    assert wide.count_params() > 20 * narrow.count_params()


def test_every_network_fits_the_images_of_the_narrow_profiles():
    narrow = [one for one in map(profile, profiles.names()) if one.nano]
    for size in {one.size for one in narrow}:
        for system in (Thanh, Ahmed, Pansombut, FineTuned):
            assert system.build(size, True).output_shape == (None, 1)


@pytest.mark.slow
def test_a_training_depends_on_its_seed_alone():
    cohort = small_cohort()
    train, test = np.arange(0, len(cohort), 2), np.arange(1, len(cohort), 2)

    def trained(seed, epochs=3):
        options = {"nano": True, "epochs": epochs, "copies": 1, "batch": 8, "learning_rate": 0.002}
        system = Ahmed(BaselineSettings(baseline="ahmed", **options))
        system.fit(cohort, train, seed)
        return system.predict(cohort, test)

    first, other = trained(1), trained(2)
    compiled.cache_clear()
    Thanh.build(32, True)  # Keras numbers what dropout draws from through all networks of a process
    again = trained(1)
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 1e-4
    learnt = trained(1, epochs=40)
    assert ((learnt >= 0.5) == cohort.labels[test]).mean() > 0.8  # the cohort's classes differ in brightness


def epoch_of(settings, cohort, monkeypatch):
    """Return the images (as bytes) and labels of Shafique's first epoch, without a network."""
    for name in ("compiled", "reset_optimiser"):
        monkeypatch.setattr(training, name, lambda *_: None)
    monkeypatch.setattr(Shafique, "begin", lambda self, seed: None)
    monkeypatch.setattr(training, "fit_epochs", lambda model, batches, epochs: [batches(0)])
    system = Shafique(settings)
    system.fit(cohort, np.arange(len(cohort)), seed=0)
    parts = list(system.history["x"][0])
    images = np.concatenate([images for images, _ in parts])
    return [image.tobytes() for image in images], np.concatenate([labels for _, labels in parts])


def test_shafiques_260_images_become_760(monkeypatch):
    """Whole copies: 3 x 260 = 780 is as near to the printed 760 as they come."""
    printed, images = tables.published(11, "Shafique et al. [16]", "Number of Images"), lookup("ALL-IDB 2").total
    default = BaselineSettings(baseline="shafique")
    copies = Shafique(default).setting("copies")
    assert (images, printed) == (260, 760)
    assert copies == min(range(1, 10), key=lambda k: abs(k * images - printed))
    assert profile("paper").baseline("shafique").copies is None  # the article's own
    cohort = small_cohort()
    shown, labels = epoch_of(default, cohort, monkeypatch)
    assert len(shown) == copies * len(cohort) and labels.sum() == copies * cohort.labels.sum()
    variants_of = {
        (np.ascontiguousarray(np.rot90(image[:, ::flip], turn)).astype(np.float32) / 255).tobytes(): number
        for number, image in enumerate(cohort.images)
        for flip in (1, -1)
        for turn in range(4)
    }
    origins = np.array([variants_of[image] for image in shown])  # a quarter turn of some image, mirrored or not
    assert (np.bincount(origins) == copies).all() and (cohort.labels[origins] == labels).all()
    assert len(set(shown)) > 2 * len(cohort)  # varied again each time
    assert len(epoch_of(BaselineSettings(baseline="shafique", copies=1), cohort, monkeypatch)[0]) == len(cohort)


def test_alexnet_without_a_file_says_that_it_is_not_pretrained(monkeypatch):
    monkeypatch.delenv("LEUKNET_WEIGHTS", raising=False)
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    assert (
        alexnet.start(model, nano=False, seed=1) == "random, not pretrained (no alexnet.weights.h5 in LEUKNET_WEIGHTS)"
    )
    assert alexnet.start(model, nano=True, seed=1) == "random"


@pytest.mark.slow
@pytest.mark.parametrize(("weights", "caption"), [("formula", "formula-driven"), ("random", "random")])
@pytest.mark.parametrize("kind", [FineTuned, Features])
def test_narrow_alexnets_begin_as_their_settings_say(kind, weights, caption):
    baseline = kind(BaselineSettings(baseline="loey", nano=True, weights=weights, epochs=1))
    cohort = small_cohort(size=48)
    baseline.fit(cohort, np.arange(len(cohort)), seed=1)
    assert baseline.weights == caption


@pytest.mark.slow
def test_baseline_networks_train_by_the_one_loop_and_keep_their_history():
    cohort = small_cohort()
    baseline = Ahmed(BaselineSettings(baseline="ahmed", nano=True, epochs=2, copies=2, batch=8))
    baseline.fit(cohort, np.arange(len(cohort)), seed=1)
    assert baseline.history["epoch"].tolist() == [1, 2] and np.isfinite(baseline.history["loss"]).all()
