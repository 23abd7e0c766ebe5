"""Formula-driven pretraining: networks that begin trainable, and normalisation that folds away."""

import argparse
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

from leuknet._random import rng
from leuknet.baselines.networks import alexnet
from leuknet.models import weights
from leuknet.models.pretrain import __main__ as entry

sys.path.insert(0, str(Path(__file__).parents[1] / "tools" / "pretrain"))
import formula_task as task  # noqa: E402
import start_weights as pretrain  # noqa: E402

pytestmark = pytest.mark.slow

OPTIONS = argparse.Namespace(seed=0, learning_rate=1e-3, batch=16)


@pytest.mark.parametrize("name", ["vgg16-nano", alexnet.NARROW])
def test_folded_networks_compute_what_their_learner_does(name):
    net, learner, model = pretrain.source_model(name, 5, OPTIONS, steps=4)
    images = rng("fold").integers(0, 256, (32, 48, 48, 3)).astype(np.uint8)
    model.fit(images, np.arange(32) % 5, batch_size=16, verbose=0)
    pretrain.fold(net, learner)
    folded = keras.Model(net.input, learner.get_layer("classes")(net.output))
    assert not any(isinstance(layer, keras.layers.BatchNormalization) for layer in net.layers)
    x = images.astype(np.float32) / 255
    np.testing.assert_allclose(*(np.asarray(one(x, training=False)) for one in (folded, learner)), atol=1e-4)


@pytest.mark.parametrize(("name", "blocks", "ends"), [("resnet50-nano", 16, "3_bn"), ("xception-nano", 12, "_bn")])
def test_residual_blocks_begin_as_their_shortcut(name, blocks, ends):
    learner = pretrain.normalised(pretrain.transferred(name))
    weights.draw(learner, 0)
    pretrain.silence_residuals(learner)
    norms = [layer for layer in learner.layers if isinstance(layer, keras.layers.BatchNormalization)]
    silent = [layer.name for layer in norms if not np.any(layer.gamma)]
    assert len(silent) == blocks and all(one.endswith(ends) for one in silent)  # shortcuts end on _0_bn, or a number


def test_drawn_images_depend_on_seed_and_class_alone():
    labels = np.array([0, 30, 50, 60, 70, 80])
    first, again, other = (task.images(labels, seed, 48) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert first.shape == (6, 48, 48, 3) and all((a != b).any() for a, b in zip(first, other, strict=True))


def test_weights_and_record_are_written_together(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(weights, "SHIPPED", tmp_path)
    monkeypatch.setattr(pretrain, "HELD_OUT", 1)
    monkeypatch.setattr("sys.argv", ["pretrain", "alexnet-nano", "--epochs", "1", "--per-class", "1"])
    pretrain.main()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["alexnet-nano.json", "alexnet-nano.npz"]
    assert weights.lay_shipped(alexnet.body(48, nano=True), alexnet.NARROW) == "formula-driven"
    assert "alexnet-nano.npz: top-1 0.0" in capsys.readouterr().out


def test_the_module_runs_the_checkouts_program(monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["pretrain", "--help"])
    with pytest.raises(SystemExit, match="0"):
        entry.main()
    assert "--per-class" in capsys.readouterr().out
    monkeypatch.setattr(entry, "TOOL", Path("nowhere"))
    with pytest.raises(SystemExit, match="in a checkout of the repository"):
        entry.main()
