"""The feature-space analysis: known answers on made-up features, and a real network's activations."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from made import small_cohort
from sklearn.svm import LinearSVC

from leuknet._random import rng
from leuknet.baselines.features import activations as frozen
from leuknet.baselines.features.vogado import Vogado
from leuknet.baselines.settings import BaselineSettings
from leuknet.evaluation.splits import lodocv
from leuknet.exceptions import LeuknetError
from leuknet.models.features import extract
from leuknet.models.interpretation import activations, feature_space
from leuknet.models.settings import SCALINGS, UNTUNED, WEIGHTS, TrainSettings
from leuknet.paper import tables

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"


def cohort_table(per_class=12, data_sets=("A", "B", "C")):
    rows = [
        {"image_id": f"{name}/{label}/{i}", "data_set": name, "source": name, "label": label}
        for name in data_sets
        for label in (0, 1)
        for i in range(per_class)
    ]
    table = pd.DataFrame(rows)
    return table.assign(group=table["image_id"], sha256=table["image_id"])


@pytest.fixture(scope="module")
def table():
    return cohort_table()


def by_class(table, d=4, gap=8.0):
    """Features that reveal the class but not the source."""
    x = rng("by class", d).normal(size=(len(table), d))
    x[:, 0] += gap * table["label"].to_numpy()
    return x.astype(np.float32)


def flipped(table):
    """Features in which data set A has its classes the other way round: separable within, wrong across."""
    x = by_class(table)
    here = (table["data_set"] == "A").to_numpy()
    x[here, 0] = 8 - x[here, 0]
    return x


def test_separable_features_are_separated_in_both_scenarios(table):
    found = feature_space.separability({"good": {"A": by_class(table)}}, table, lodocv(table))
    assert list(found["scenario"]) == ["LODOCV", "k-fold"] and (found["n"] == 24).all()
    assert (found[list(feature_space.METRICS)] == 1).all(axis=None)


def test_a_boundary_that_does_not_travel_shows_in_lodocv_only(table):
    found = feature_space.separability({"flip": {"A": flipped(table)}}, table, lodocv(table)).set_index("scenario")
    assert found.loc["k-fold", "A"] == 1 and found.loc["LODOCV", "A"] == 0 and found.loc["LODOCV", "Kappa"] == -1


def test_precision_is_undefined_when_nothing_is_called_positive(table):
    x = by_class(table)
    x[(table["data_set"] == "A").to_numpy(), 0] = -8
    row = feature_space.separability({"none": {"A": x}}, table, lodocv(table)).iloc[0]
    assert np.isnan(row["P"]) and row["R"] == 0 and row["A"] == 0.5


def test_short_vectors_stay_and_long_ones_become_100_or_what_the_images_give():
    assert feature_space.components(3000, 256) is None
    assert feature_space.components(3000, 4096) == 100
    assert feature_space.components(86, 4096) == 86
    assert [type(step).__name__ for step in feature_space.classifier(90, 300).named_steps.values()] == [
        "PCA",
        "LinearSVC",
    ]
    assert feature_space.reduced(by_class(cohort_table(), 300)).shape == (72, 72)


def test_pca_and_svm_never_see_the_tested_images(table):
    x, y = by_class(table, 300), table["label"].to_numpy()
    train, test = np.arange(48), np.arange(48, 72)
    moved = x.copy()
    moved[60:] *= 1000
    same = feature_space.predicted(x, y, train, test)[:12]
    assert (feature_space.predicted(moved, y, train, test)[:12] == same).all()


def test_the_table_says_how_many_components_each_scenario_had(table):
    found = feature_space.separability({"long": {"A": by_class(table, 300)}}, table, lodocv(table), k=4).set_index(
        "scenario"
    )
    assert (found["length"] == 300).all()
    assert found["components"].to_dict() == {"LODOCV": 48, "k-fold": 18}
    assert found["folds"].to_dict() == {"LODOCV": 1, "k-fold": 4}


def test_fewer_folds_where_a_class_is_small_and_none_where_it_is_one_image():
    few = cohort_table(per_class=3)
    found = feature_space.separability({"x": {"A": by_class(few)}}, few, lodocv(few), k=5)
    assert found.loc[found["scenario"] == "k-fold", "folds"].item() == 3
    one = cohort_table(per_class=1)
    with pytest.raises(LeuknetError, match="A has one image of a class"):
        feature_space.separability({"x": {"A": by_class(one)}}, one, lodocv(one))


def test_the_papers_folds_were_pooled():
    printed = tables.table(10)
    accuracy = printed[(printed["block"] == "ALL-IDB 1") & (printed["column"] == "k-fold A")]["value"] * 108 / 100
    assert len(accuracy) == 5 and (abs(accuracy - accuracy.round()) < 0.011).all()


@pytest.mark.slow
@pytest.mark.parametrize("method", ["PCA", "t-SNE", "UMAP"])
def test_projections_keep_far_groups_apart_and_repeat(method):
    table = cohort_table(per_class=10)
    x = by_class(table, d=5, gap=40.0)
    points = feature_space.coordinates(x, table, "made up", method, seed=3)
    assert list(points.columns) == ["image_id", "data_set", "source", "label", "x", "y", "method", "features"]
    assert np.isfinite(points[["x", "y"]].to_numpy()).all() and (points["method"] == method).all()
    nearest = feature_space.neighbours(
        points[["x", "y"]].to_numpy(), table, np.arange(0, 60, 2), np.arange(1, 60, 2), k=1
    )
    assert nearest.set_index("question").loc["same class", "share"] == 1
    again = feature_space.coordinates(x, table, "made up", method, seed=3)
    pd.testing.assert_frame_equal(points, again)


def test_bad_projections_say_what_is_wrong(table):
    with pytest.raises(LeuknetError, match="use 'PCA', 't-SNE' or 'UMAP'"):
        feature_space.plane(by_class(table), "Isomap")
    with pytest.raises(LeuknetError, match="four or more"):
        feature_space.plane(by_class(table)[:3])
    with pytest.raises(LeuknetError, match="one row per image"):
        feature_space.coordinates(by_class(table)[:-1], table, "x")


def test_the_plane_of_eight_images():
    assert feature_space.plane(rng("eight").normal(size=(8, 5))).shape == (8, 2)


def test_separator_is_the_linear_svm_of_the_plane(table):
    points = table.assign(x=by_class(table)[:, 0], y=by_class(table)[:, 1])
    svm = feature_space.separator(points)
    assert isinstance(svm, LinearSVC) and svm.score(points[["x", "y"]].to_numpy(), points["label"]) == 1
    with pytest.raises(LeuknetError, match="both classes"):
        feature_space.separator(points[points["label"] == 1])


def shares(x, table, k=5):
    every = np.arange(len(table))
    return feature_space.neighbours(x, table, every[::2], every[1::2], k).set_index("question")


def test_neighbours_say_class_clusters_from_source_clusters(table):
    found = shares(by_class(table, gap=100.0), table)
    assert found.loc["same class", "share"] == found.loc["same class, other sources", "share"] == 1
    corner = {"A": 0, "B": 100, "C": 200}
    x = rng("sources").normal(size=(72, 4)) + table["source"].map(corner).to_numpy()[:, None]
    found = shares(x, table)
    assert found.loc["same source", "share"] == 1
    assert abs(found.loc["same class", "share"] - 0.5) < 0.2
    assert found["chance"].round(6).tolist() == [0.333333, 0.5, 0.5]


def test_one_class_a_source_makes_the_class_look_clustered():
    table = cohort_table()
    table = table[(table["label"] == 1) == (table["data_set"] == "A")].reset_index(drop=True)
    corner = {"A": 0, "B": 100, "C": 200}
    found = shares(rng("one").normal(size=(36, 4)) + table["source"].map(corner).to_numpy()[:, None], table)
    assert found.loc["same class", "share"] == 1 and found.loc["same class, other sources", "share"] < 0.7


def test_neighbours_without_other_sources_or_kept_apart_badly(table):
    one = table.assign(source="A")
    assert np.isnan(shares(by_class(table), one).loc["same class, other sources", "share"])
    with pytest.raises(LeuknetError, match="keep query and pool apart"):
        feature_space.neighbours(by_class(table), table, np.arange(5), np.arange(4, 9))


def test_named_source_is_one_for_source_features_and_chance_for_noise(table):
    noise = rng("noise").normal(size=(72, 4))
    corner = table["source"].map({"A": 0, "B": 100, "C": 200}).to_numpy()[:, None]
    assert feature_space.named_source(noise + corner, table) == (1.0, pytest.approx(1 / 3))
    assert feature_space.named_source(noise, table)[0] < 0.6
    assert np.isnan(feature_space.named_source(noise, table.assign(source="A"))).all()


def test_sample_is_in_order_without_repeats_and_all_if_few():
    assert feature_space.sample(5, 10).tolist() == [0, 1, 2, 3, 4]
    some = feature_space.sample(100, 10, seed=1)
    assert len(set(some)) == 10 and (np.diff(some) > 0).all() and (some == feature_space.sample(100, 10, seed=1)).all()


@pytest.mark.slow
def test_activations_are_those_before_the_output_whatever_the_batch():
    from keras import Model, ops

    from leuknet.models import networks

    model = networks.build(networks.NetworkSpec("VGG16-nano", "mDFT", 32))
    images = rng("images").integers(0, 256, (5, 32, 32, 3), dtype=np.uint8)
    found = activations.activations(model, images, batch=2)
    assert found.shape == (5, 32) and found.dtype == np.float32
    layer = model.get_layer("probability")
    by_hand = ops.sigmoid(found @ layer.kernel + layer.bias)
    np.testing.assert_allclose(by_hand, model.predict_on_batch(images.astype("float32") / 255), atol=1e-5)
    first = Model(model.inputs[0], model.get_layer("block1_conv1").output)
    maps = np.asarray(first.predict_on_batch(images.astype("float32") / 255)).reshape(5, -1)
    np.testing.assert_allclose(activations.activations(model, images, "block1_conv1"), maps, atol=1e-5)


@pytest.mark.slow
def test_before_training_is_the_start_of_a_dft_run():
    from leuknet.models.settings import TrainSettings

    settings = TrainSettings(backbone="VGG16-nano", approach="DFT", weights="random")
    images = rng("images").integers(0, 256, (3, 32, 32, 3), dtype=np.uint8)
    features, weights = activations.before_training(settings, images, seed=1)
    assert features.shape == (3, 512) and weights == "random, pixels in [0, 1]"
    np.testing.assert_array_equal(features, activations.before_training(settings, images, seed=1)[0])
    assert abs(features - activations.before_training(settings, images, seed=2)[0]).max() > 0


def test_no_weights_at_hand_is_reported_as_none(tmp_path, monkeypatch):
    monkeypatch.setenv("LEUKNET_WEIGHTS", str(tmp_path))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    assert activations.at_hand(np.zeros((2, 32, 32, 3), np.uint8), "VGG16-nano") == (None, None)
    assert "weights of DenseNet169 or VGG16 are not" in activations.none_at_hand("VGG16-nano")
    assert "weights of VGG16 are not" in activations.none_at_hand("DenseNet169")


def test_whole_weights_at_hand_are_used_once_and_partial_ones_never(tmp_path, monkeypatch):
    monkeypatch.setenv("LEUKNET_WEIGHTS", str(tmp_path))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "none"))
    for name in ("densenet169.h5", "vgg16.h5"):
        (tmp_path / name).write_text(name)
    requested = []

    def made_up(settings, images, backbone_only):
        requested.append((settings.backbone, len(images)))
        whole = settings.backbone == "VGG16"
        return np.ones(
            (len(images), 3), np.float32
        ), "ImageNet, scaled" if whole else "DenseNet169, ImageNet 3 of 9 layers"

    monkeypatch.setattr(activations, "before_training", made_up)
    images = np.zeros((2, 32, 32, 3), np.uint8)
    for _ in range(2):
        features, name = activations.at_hand(images, "VGG16-nano")
        assert name == "VGG16" and features.shape == (2, 3)
    assert requested == [("DenseNet169", 1), ("VGG16", 1), ("VGG16", 2)]  # one image shows that weights are partial
    assert activations.at_hand(images, "VGG16") == (None, None)


@pytest.mark.parametrize("weights", WEIGHTS)
def test_an_untuned_network_sees_images_as_its_weights_were_trained_on_every_page(weights, monkeypatch):
    """Pages 02 and 09 go by `extract`, page 07 by `before_training`: one scaling, and captions name it."""
    seen = []

    class CapturedError(Exception):
        pass

    def build(spec):
        seen.append(spec.preprocessing)
        raise CapturedError

    monkeypatch.setattr("leuknet.models.networks.build", build)
    images = np.zeros((2, 32, 32, 3), np.uint8)
    settings = TrainSettings(backbone="VGG16", approach="DFT", weights=weights)
    for run in (lambda: activations.before_training(settings, images), lambda: extract(images, "VGG16", weights)):
        with pytest.raises(CapturedError):
            run()
    assert seen == [UNTUNED[weights]] * 2 and SCALINGS[UNTUNED[weights]]


@pytest.mark.parametrize(
    "page, shown, names",
    [
        ("02_leakage_and_splits", ("price",), "SCALINGS[UNTUNED[chosen.weights]]"),
        ("07_feature_space", ("table10", "separability", "regions-", "class-and-source", "neighbours"), "{untuned}"),
        ("09_comparison_tables", ("table11-again", "ranked", "ranks"), "weights=compared.weights"),
    ],
)
def test_figures_of_untuned_networks_name_their_scaling(page, shown, names):
    """`before_training` and a baseline's `weights` end in the words of `SCALINGS`; captions must take them."""
    cells = json.loads((NOTEBOOKS / f"{page}.ipynb").read_text("utf-8"))["cells"]
    code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    for stem in shown:
        drawing = [text for text in code if f'"{stem}' in text and "plots." in text]
        assert drawing and all(names in text for text in drawing), (stem, drawing)


def test_a_baseline_on_frozen_features_names_its_scaling(monkeypatch):
    monkeypatch.setattr(frozen, "start_weights", lambda backbone, wanted: wanted)
    monkeypatch.setattr(frozen, "cost", lambda name, size: (0, 0.0))
    monkeypatch.setattr(frozen, "extracted", lambda key, name, start, layer: np.zeros((12, 2)))
    for weights, words in (("imagenet", "ImageNet scaling"), ("formula", "pixels in [0, 1]")):
        system = Vogado(BaselineSettings(baseline="vogado", weights=weights))
        system.vectors(small_cohort(), np.arange(3))
        assert f"{weights} ({words})" in system.weights
