"""The small LeukNet to read: short, and equal to the engine from equal start weights and draws."""

from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest
from made import small_cohort

from leuknet._random import derive
from leuknet.evaluation import splits
from leuknet.models import minimal, networks
from leuknet.models.augmentation import Drawn
from leuknet.models.policy import COLUMNS, PAPER
from leuknet.models.settings import TrainSettings
from leuknet.models.training import epoch_order, network_spec, train
from leuknet.models.weights import initialise

SEED, EPOCHS = 3, 2


class EngineDraws:
    """Gives the small LeukNet the orders and random numbers that the engine draws."""

    def __init__(self, settings, count):
        self.settings, self.count, self.epoch, self.drawn = settings, count, -1, Drawn(PAPER)

    def permutation(self, count):
        self.epoch += 1
        self.drawn.begin(derive("augment", SEED, self.epoch))
        return epoch_order(self.settings, np.arange(count), SEED, self.epoch)[0]

    def uniform(self, low, high, shape):
        values = keras.random.uniform(shape, low, high, seed=self.drawn.seed_generator)
        return keras.ops.convert_to_numpy(values).astype(float)


@pytest.mark.slow
def test_it_equals_the_engine_from_the_same_start_and_draws(monkeypatch):
    cohort = small_cohort(per_class=5)
    tested = (cohort.table["data_set"] == "A").to_numpy()
    fit_on, test = np.flatnonzero(~tested), np.flatnonzero(tested)
    settings = TrainSettings(backbone="VGG16-nano", weights="random", epochs=EPOCHS, batch=16, learning_rate=0.05)
    engine = train(cohort, {"train": fit_on, "test": test}, settings, SEED).probabilities["test"][1]

    monkeypatch.setattr(minimal, "BATCH", settings.batch)
    monkeypatch.setattr(minimal, "LEARNING_RATE", settings.learning_rate)
    spec = network_spec(settings, cohort.size)
    net = networks.build(spec)
    initialise(net, spec, "random", SEED)
    start = [np.array(keras.ops.convert_to_numpy(variable)) for variable in net.variables]
    small = minimal.leuknet(keras.Model(net.input, net.get_layer("block5_pool").output), dense=(128, 32))
    for variable, value in zip(small.variables, start, strict=True):
        variable.assign(value)
    minimal.train(small, cohort.images[fit_on], cohort.labels[fit_on], EngineDraws(settings, len(fit_on)), EPOCHS)
    p = small.predict(cohort.images[test].astype(np.float32) / 255, verbose=0)[:, 0]
    np.testing.assert_allclose(p, engine, atol=2e-4)
    untrained = net.predict(cohort.images[test].astype(np.float32) / 255, verbose=0)[:, 0]
    assert np.abs(p - untrained).max() > 0.01  # training moved them, so that equality says something


def test_its_folds_are_those_of_the_package():
    table = small_cohort().table
    split = splits.lodocv(table)
    for name, training, test in minimal.lodocv(table):
        roles = split.indices(table, name)
        np.testing.assert_array_equal(training, roles["train"])
        np.testing.assert_array_equal(test, roles["test"])
    assert [name for name, *_ in minimal.lodocv(table)] == split.folds


def test_its_numbers_are_the_papers():
    paper = TrainSettings()
    assert (paper.epochs, paper.batch, paper.learning_rate) == (minimal.EPOCHS, minimal.BATCH, minimal.LEARNING_RATE)
    assert (paper.momentum, paper.weight_decay) == (minimal.MOMENTUM, minimal.DECAY)
    assert (
        PAPER.rotation,
        PAPER.width_shift,
        PAPER.shear,
        PAPER.zoom,
    ) == (minimal.ROTATION, minimal.SHIFT, minimal.SHEAR, minimal.ZOOM)
    assert len(COLUMNS) == 8 and PAPER.width_shift == PAPER.height_shift


def test_it_is_short_and_imports_nothing_of_the_package():
    text = Path(minimal.__file__).read_text("utf-8")
    assert len(text.splitlines()) <= 150 and "from leuknet" not in text and "import leuknet" not in text


@pytest.mark.slow
def test_evaluate_reports_each_two_class_data_set(monkeypatch):
    cohort = small_cohort(per_class=3)

    def tiny():
        image = keras.Input((32, 32, 3))
        model = keras.Model(image, keras.layers.Dense(1, "sigmoid")(keras.layers.GlobalAveragePooling2D()(image)))
        model.compile("sgd", "binary_crossentropy")
        return model

    monkeypatch.setattr(minimal, "leuknet", tiny)
    monkeypatch.setattr(minimal.train, "__defaults__", (1,))
    found = minimal.evaluate(cohort.images, cohort.table)
    assert isinstance(found, pd.DataFrame) and list(found["data_set"]) == ["A", "B", "C"]
    assert list(found["images"]) == [6, 6, 6] and found["accuracy"].between(0, 1).all()
