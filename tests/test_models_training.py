"""Training: it learns, resumes exactly, shares compiled steps without sharing state, and frozen equals plain.

A compiled step costs seconds and only the most recent one is cached: tests of one structure stand together.
"""

from pathlib import Path
from types import SimpleNamespace

import keras
import numpy as np
import pytest
from made import small_cohort

from leuknet._random import derive
from leuknet.evaluation.metrics import scores
from leuknet.exceptions import LeuknetError
from leuknet.models import networks
from leuknet.models.fitting import fit_epochs
from leuknet.models.settings import TrainSettings
from leuknet.models.training import Progress, epoch_order, held_out, optimiser, train, trainer_for, trainers
from leuknet.study.ablation import shapes_only

pytestmark = pytest.mark.slow

NANO = TrainSettings(backbone="VGG16-nano", weights="random", epochs=2, batch=8, learning_rate=0.05)


@pytest.fixture(scope="module")
def cohort():
    return small_cohort()


@pytest.fixture(scope="module")
def roles(cohort):
    where = np.arange(len(cohort))
    test = (cohort.table["data_set"] == "A").to_numpy()
    return {"train": where[~test], "test": where[test]}


@pytest.fixture(scope="module", params=[("mDFT", 0), ("mSFT", 2), ("mDFT", 2)], ids="{0[0]}-{0[1]}".format)
def structure(request):
    """Return settings whose steps differ in kind: drawn augmentation, cached features, fixed variants."""
    approach, copies = request.param
    return NANO.but(approach=approach, copies=copies, validation=0.25, epochs=3)


def test_an_epoch_shows_each_image_once_or_each_copy_once():
    train_on = np.array([2, 5, 7])
    for settings in (NANO, NANO.but(copies=3, augmentation=None)):
        images, slots = epoch_order(settings, train_on, seed=1, epoch=0)
        assert sorted(images) == [2, 5, 7] and slots is None
    assert len({tuple(epoch_order(NANO, train_on, seed=1, epoch=epoch)[0]) for epoch in range(20)}) > 3
    images, slots = epoch_order(NANO.but(copies=3), train_on, seed=1, epoch=0)
    assert sorted(images) == [2, 2, 2, 5, 5, 5, 7, 7, 7] and list(images) == list(slots // 3)
    assert sorted(slots) == [6, 7, 8, 15, 16, 17, 21, 22, 23]


def test_readings_of_decay():
    on_weights, on_rate = (optimiser(NANO.but(decay_reading=r)) for r in ("weights", "learning_rate"))
    assert on_weights.weight_decay == pytest.approx(1e-4) and on_rate.weight_decay is None
    assert float(on_rate._learning_rate(10_000)) == pytest.approx(NANO.learning_rate / 2)


def test_bad_input_is_reported(cohort, roles):
    with pytest.raises(LeuknetError, match="one class only"):
        train(cohort, {"train": roles["train"][:3], "test": roles["test"]}, NANO, seed=1)
    with pytest.raises(LeuknetError, match="did you mean learning_rate"):
        NANO.but(learning_rat=1)
    with pytest.raises(LeuknetError, match="precision"):
        NANO.but(precision="float8")


def test_a_loss_that_is_not_finite_ends_the_training():
    """Of a real network: `test_what_cannot_be_done_is_a_clear_failure_and_the_others_go_on`."""
    losses = iter([0.7, float("nan")])
    model = SimpleNamespace(fit=lambda **_: SimpleNamespace(history={"loss": [next(losses)], "accuracy": [0.5]}))
    rows = fit_epochs(model, lambda epoch: {"x": None}, epochs=5)
    assert next(rows)["loss"] == 0.7
    with pytest.raises(LeuknetError, match="the loss is nan in epoch 2: lower learning_rate"):
        next(rows)


def test_same_seed_same_result_after_another_run(cohort, roles):
    first = train(cohort, roles, NANO, seed=1).probabilities["test"][1]
    other = train(cohort, roles, NANO, seed=2).probabilities["test"][1]
    again = train(cohort, roles, NANO, seed=1).probabilities["test"][1]
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_validation_is_held_out_of_training(cohort, roles):
    fit, validation = held_out(roles["train"], cohort.labels, 0.25, seed=1)
    assert set(fit) | set(validation) == set(roles["train"]) and not set(fit) & set(validation)
    trained = train(cohort, roles, NANO.but(validation=0.25), seed=1)
    assert {"validation_loss", "validation_accuracy"} <= set(trained.history)
    assert set(trained.probabilities) == {"validation", "test"}


def test_curves_of_the_test_images_leave_all_others_to_training(cohort, roles):
    """Figure 7: the held-out 25 % are the validation images, and 75 % train."""
    plain, shown = (train(cohort, roles, NANO.but(validation=v), seed=1) for v in (0.0, "test"))
    assert shown.timing["images_trained"] == plain.timing["images_trained"] == len(roles["train"])
    assert set(shown.probabilities) == {"test"}
    np.testing.assert_array_equal(plain.probabilities["test"][1], shown.probabilities["test"][1])
    where, p = shown.probabilities["test"]
    last = shown.history["validation_accuracy"].iloc[-1]
    assert last == pytest.approx(((p >= 0.5) == cohort.labels[where]).mean())


OTHER = {
    "backbone": "VGG19-nano",
    "approach": "mSFT",
    "weights": "formula",
    "dense": (16,),
    "dropout": (0.1,),
    "frozen_until": "block4_pool",
    "preprocessing": "imagenet",
    "learning_rate": 0.01,
    "momentum": 0.5,
    "weight_decay": 0.0,
    "decay_reading": "learning_rate",
    "batch": 4,
    "epochs": 1,
    "augmentation": None,
    "copies": 2,
    "precision": "mixed_bfloat16",
    "validation": 0.25,
}


TOGETHER = ("weights", "batch", "epochs", "validation")


@pytest.mark.parametrize("name", TrainSettings.names())
def test_each_setting_has_a_compiled_step_of_its_own_or_is_tested_on_anothers(name):
    changed = NANO.but(**{name: OTHER[name]})
    assert getattr(changed, name) != getattr(NANO, name)
    assert (changed.step_key == NANO.step_key) == (name in TOGETHER)


def test_no_run_trains_with_the_compiled_step_of_another_setting(cohort, roles):
    """A step compiled for other values of the settings that do not define it gives the same run."""
    changed = NANO.but(**{name: OTHER[name] for name in TOGETHER})
    trainer = trainer_for(cohort, NANO)
    train(cohort, roles, NANO, seed=1)
    reused = train(cohort, roles, changed, seed=1)
    assert trainer_for(cohort, changed) is trainer
    trainers.clear()
    alone = train(cohort, roles, changed, seed=1)
    np.testing.assert_array_equal(reused.probabilities["test"][1], alone.probabilities["test"][1])
    np.testing.assert_array_equal(reused.history["loss"], alone.history["loss"])


def test_resumed_equals_uninterrupted(cohort, roles, structure):
    kept = []
    whole = train(
        cohort, roles, structure, seed=3, save=lambda p, state: kept.append(Progress(p.epoch, list(p.history), state()))
    )
    assert [p.epoch for p in kept] == [1, 2]
    train(cohort, roles, structure, seed=9)
    resumed = train(cohort, roles, structure, seed=3, resume=lambda shapes: kept[0])
    np.testing.assert_array_equal(whole.probabilities["test"][1], resumed.probabilities["test"][1])
    assert list(resumed.history["epoch"]) == [1, 2, 3]


def test_training_accuracy_is_the_final_networks_on_the_images_it_trained_on(cohort, roles, structure):
    fit, _ = held_out(roles["train"], cohort.labels, 0.25, derive("validation", 1) % 2**31)
    trained = train(cohort, roles, structure, seed=1)
    p = trained.model.predict(cohort.images[fit].astype(np.float32) / 255, verbose=0)[:, 0]
    assert trained.timing["training_accuracy"] == pytest.approx(((p >= 0.5) == cohort.labels[fit]).mean())


def test_a_streamed_cohort_gives_the_same_run(cohort, roles, structure, monkeypatch, tmp_path):
    monkeypatch.setenv("LEUKNET_CACHE", str(tmp_path))  # features are computed by both
    resident = train(cohort, roles, structure, seed=6)
    monkeypatch.setenv("LEUKNET_RESIDENT_GB", "0.00001")
    monkeypatch.setenv("LEUKNET_CACHE", str(tmp_path / "streamed"))
    trainers.clear()
    streamed = train(cohort, roles, structure, seed=6)
    trainer = trainer_for(cohort, structure)
    assert trainer.source.streamed and (trainer.pool is None or trainer.pool.streamed)
    trainers.clear()
    np.testing.assert_array_equal(resident.probabilities["test"][1], streamed.probabilities["test"][1])
    np.testing.assert_array_equal(resident.history["loss"], streamed.history["loss"])


FROZEN = NANO.but(approach="mSFT", copies=2, epochs=2, dropout=(0.0, 0.0))


def test_one_trainer_serves_the_frozen_random_backbones_of_all_seeds(cohort):
    trainer, pools = trainer_for(cohort, FROZEN), []
    for seed in (1, 2, 1):
        trainer.begin(FROZEN, seed)
        pools.append(np.array(keras.ops.convert_to_numpy(trainer.pool.rows.table)))
    assert trainer_for(cohort, FROZEN) is trainer
    np.testing.assert_array_equal(pools[0], pools[2])
    assert np.abs(pools[0] - pools[1]).max() > 1e-3


def test_frozen_features_equal_the_plain_way(cohort, roles, monkeypatch):
    cached = train(cohort, roles, FROZEN, seed=4)
    monkeypatch.setattr("leuknet.models.training.use_cached_features", lambda _: False)
    trainers.clear()  # this trainer has no head over features
    plain = train(cohort, roles, FROZEN, seed=4)
    np.testing.assert_allclose(cached.history["loss"], plain.history["loss"], atol=1e-5)
    np.testing.assert_allclose(cached.probabilities["test"][1], plain.probabilities["test"][1], atol=1e-5)


def test_learns_from_brightness(cohort, roles):
    settings = NANO.but(weights="formula", epochs=30, learning_rate=0.001, augmentation=None, dropout=(0.0, 0.0))
    trained = train(cohort, roles, settings, seed=1)
    where, p = trained.probabilities["test"]
    assert list(where) == list(roles["test"]) and p.dtype == np.float32
    assert trained.history["loss"].iloc[-1] < trained.history["loss"].iloc[0]
    assert scores(cohort.labels[where], p)["AUC"] > 0.9


def test_operations_of_vgg16_are_those_its_authors_give(monkeypatch):
    """15.5 billion multiply-adds forward at 224 px (the sum over Table 1, column D, of arXiv:1409.1556)."""
    monkeypatch.syspath_prepend(Path(__file__).parent.parent / "bench")
    from flops import counted

    with shapes_only():
        forward = counted(keras.applications.VGG16(weights=None))["forward"]
        frozen = counted(networks.build(networks.NetworkSpec("VGG16", "mSFT")))
        full = counted(networks.build(networks.NetworkSpec("VGG16", "mDFT")))
    assert forward / 2 == pytest.approx(15.47e9, rel=0.001)
    assert full["forward"] == frozen["forward"] and 1.9 < full["training"] / full["forward"] < 3
    head = 2 * (7 * 7 * 512 * 1024 + 1024 * 256 + 256)
    assert frozen["training"] - frozen["forward"] == head + head - 2 * 7 * 7 * 512 * 1024
