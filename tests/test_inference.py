"""Own slides: the saved run's numbers come back, far images are named, bad files reported, exports round-trip."""

import io
import json
from dataclasses import replace

import keras
import numpy as np
import pandas as pd
import pytest
from made import small_cohort
from PIL import Image
from stained import single_cell
from typer.testing import CliRunner

from leuknet.cli import app
from leuknet.evaluation.splits import lodocv
from leuknet.exceptions import LeuknetError
from leuknet.inference import export, predict
from leuknet.inference.predict import SavedRun
from leuknet.models.settings import TrainSettings
from leuknet.runs.spec import RunSpec
from leuknet.runs.store import Store
from leuknet.runs.training_features import TrainingFeatures

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def cohort():
    return small_cohort()


@pytest.fixture(scope="module")
def folder(cohort, tmp_path_factory):
    """Return the folder of a saved run that tests data set A."""
    settings = TrainSettings(backbone="VGG16-nano", weights="formula", epochs=2, batch=8, learning_rate=0.01)
    spec = RunSpec(settings, lodocv(cohort.table), "A", 1, cohort.key, keep_model=True)
    store = Store(tmp_path_factory.mktemp("out") / "demo" / "trainings")
    store.execute(spec, cohort)
    return store.folder(spec)


@pytest.fixture(scope="module")
def kept(folder):
    return predict.open_run(folder)


@pytest.fixture
def slides(cohort, tmp_path):
    """Return a folder with the test images of data set A as files, and one that is broken."""
    for i, row in cohort.table[cohort.table["data_set"] == "A"].iterrows():
        Image.fromarray(cohort.images[i]).save(tmp_path / f"{row['image_id'].replace('/', '-')}.png")
    (tmp_path / "broken.jpg").write_bytes(b"no picture")
    (tmp_path / "notes.txt").write_text("no image by its name")
    return tmp_path


def test_files_get_the_probabilities_that_the_run_gave_their_images(kept, slides):
    stored = pd.read_parquet(kept.folder / "predictions.parquet").query("split == 'test'").set_index("image_id")["p"]
    files, counted = predict.listed([slides]), []
    rows, failed = predict.predict(kept, files, report=counted.append)
    assert sum(counted) == len(files) == len(stored) + 1
    found = {row["file"].rpartition("/")[2].removesuffix(".png").replace("-", "/"): row["probability"] for row in rows}
    np.testing.assert_allclose([found[name] for name in stored.index], stored, atol=1e-5)
    assert [one["file"].rpartition("/")[2] for one in failed] == ["broken.jpg"] and "not a JPEG" in failed[0]["reason"]


def test_threshold_decides_the_class(kept, cohort):
    p = [row["probability"] for row in predict.described(kept, cohort.images)]
    middle = float(np.median(p))
    rows = predict.described(kept, cohort.images, middle)
    assert [row["class"] == "positive" for row in rows] == [v >= middle for v in p]
    own = SavedRun(kept.run, replace(kept.training_features, about={"threshold": middle}))
    assert predict.described(own, cohort.images) == rows and kept.training_features.about["threshold"] == 0.5
    with pytest.raises(LeuknetError, match="not between 0 and 1"):
        predict.described(kept, cohort.images[:1], 1.5)


def test_training_features_know_roles_and_leakage(kept, cohort):
    table = kept.training_features.table
    assert set(table.loc[table["role"] == "test", "data_set"]) == {"A"}
    assert sorted(table["image_id"]) == sorted(cohort.table["image_id"])
    assert len(kept.training_features.features) == len(cohort)
    about = kept.training_features.about
    assert "share no source, no group and no identical image file" in about["leakage"]


def test_distance_grows_away_from_the_training_images():
    features = np.array([[0.0], [1], [2], [3], [4], [5], [6]], np.float32)
    table = pd.DataFrame({"source": list("aaaaabb"), "role": ["train"] * 5 + ["test"] * 2})
    known = TrainingFeatures(features, table, {})
    distance, rows = known.nearest(np.array([[0.0], [10]]), k=2)
    np.testing.assert_allclose(distance, [0.5, 6.5])
    assert rows.tolist() == [[0, 1], [4, 3]]
    np.testing.assert_allclose(known.unseen_distances, [3, 4])  # five nearest of 0 to 4
    assert len(known.nearest(np.zeros((0, 1)))[0]) == 0


def test_a_picture_like_none_is_reported_as_far(kept, cohort):
    """Next to the run's own images, and next to images so far off in feature space that any picture is like none."""
    moved = replace(kept.training_features, features=kept.training_features.features + 1e3)
    np.testing.assert_allclose(moved.unseen_distances, kept.training_features.unseen_distances, rtol=0.01, atol=1e-3)
    unseen = np.flatnonzero(kept.training_features.table["role"] != "train")
    ranks = np.argsort(kept.training_features.nearest(kept.training_features.features[unseen])[0])
    row = kept.training_features.table.iloc[unseen[ranks[len(ranks) // 2]]]
    image = cohort.images[cohort.table["image_id"] == row["image_id"]]
    [near] = predict.described(kept, image)
    [far] = predict.described(SavedRun(kept.run, moved), image)
    assert far["distance"] > 1e3 > near["distance"]
    assert far["percentile"] == 100 and 30 < near["percentile"] < 70
    assert "means little" in far["words"] and "Not clearly outside" in near["words"]
    assert near["looks_like"] in set(cohort.table["source"]) and 0 < near["share"] <= 1


def test_run_is_found_by_its_key(folder):
    root = folder.parents[2]
    assert predict.open_run(folder.name[:6], root).folder == folder
    with pytest.raises(LeuknetError, match="no finished run"):
        predict.open_run("zz", root)
    (folder / "training_features.npz").rename(folder / "aside.npz")
    try:
        with pytest.raises(LeuknetError, match="training_features.npz is absent"):
            predict.open_run(folder)
    finally:
        (folder / "aside.npz").rename(folder / "training_features.npz")


def test_store_does_a_kept_run_again_whose_training_features_are_missing(cohort, folder):
    record = json.loads((folder / "run.json").read_text("utf-8"))
    settings = TrainSettings.from_dict(record["settings"])
    spec = RunSpec(settings, lodocv(cohort.table), "A", 1, cohort.key, keep_model=True)
    store = Store(folder.parent)
    assert store.done(spec)
    (folder / "training_features.npz").rename(folder / "aside.npz")
    try:
        assert not store.done(spec)
    finally:
        (folder / "aside.npz").rename(folder / "training_features.npz")


@pytest.mark.parametrize("form", ["--json", "--csv", "--html", None])
def test_command_prints_each_form_says_what_it_is_not_and_goes_on(form, kept, slides):
    options = [form] if form else []
    done = CliRunner().invoke(app, ["predict", str(slides), "--run", str(kept.folder), *options])
    assert done.exit_code == 1 and "broken.jpg" in done.stderr and "Not a medical device" in done.stderr
    if form == "--json":
        found = json.loads(done.stdout)
        assert "Not a medical device" in found["not_a_medical_device"] and len(found["images"]) == 12
        assert found["failed"][0]["file"].endswith("broken.jpg") and len(found["limits"]) == len(predict.LIMITS)
    elif form == "--csv":
        assert len(pd.read_csv(io.StringIO(done.stdout))) == 12
    elif form == "--html":
        assert done.stdout.count("data:image/png;base64,") == 12 and "Not a medical device" in done.stdout
        assert "broken.jpg: not a JPEG" in done.stdout and "http" not in done.stdout
    else:
        assert done.stdout.count("probability") >= 12 and "What this cannot tell" in done.stdout


def test_command_bad_input(kept, slides, tmp_path):
    (tmp_path / "empty").mkdir()
    for arguments, part in (
        ([str(tmp_path / "empty"), "--run", str(kept.folder)], "holds no image"),
        ([str(slides), "--run", str(kept.folder), "--json", "--csv"], "choose one"),
        ([str(slides), "--run", str(tmp_path / "no run")], "no finished run"),
    ):
        done = CliRunner().invoke(app, ["predict", *arguments])
        assert isinstance(done.exception, LeuknetError) and part in str(done.exception)


def test_each_cell_of_ones_own_slides_is_scored_by_a_cohorts_cells(kept, tmp_path):
    """Blasts fill their cell with the nucleus, normal cells half of it."""
    for word, nuclei in (("negative", range(24, 30)), ("positive", range(41, 47))):
        (tmp_path / "cohort" / "Lab" / word).mkdir(parents=True)
        for nucleus in nuclei:
            Image.fromarray(single_cell(nucleus)).save(tmp_path / "cohort" / "Lab" / word / f"{nucleus}.png")
    (tmp_path / "own").mkdir()
    for name, nucleus in (("blast", 43), ("normal", 25)):
        Image.fromarray(single_cell(nucleus)[:, ::-1]).save(tmp_path / "own" / f"{name}.png")
    command = ["predict", str(tmp_path / "own"), "--run", str(kept.folder), "--red-cell", "60", "--cells"]
    found = CliRunner().invoke(app, [*command, str(tmp_path / "cohort"), "--json"])
    blast, normal = (image["cells"] for image in json.loads(found.stdout)["images"])
    assert found.exit_code == 0 and len(blast) == len(normal) == 1 and blast[0]["blast"] > 0.5 > normal[0]["blast"]
    assert abs(blast[0]["x"] - 120) < 3 and abs(normal[0]["y"] - 120) < 3
    text = CliRunner().invoke(app, [*command, str(tmp_path / "cohort")]).stdout
    assert f"cell at {blast[0]['x']:.0f}, {blast[0]['y']:.0f}: blast {blast[0]['blast']:.2f}" in text
    wrong = CliRunner().invoke(app, [*command, str(tmp_path / "nowhere")])
    assert isinstance(wrong.exception, LeuknetError) and "no folder" in str(wrong.exception)


def test_export_round_trip(kept, cohort, tmp_path):
    done = CliRunner().invoke(app, ["export", str(kept.folder), "--out", str(tmp_path)])
    assert done.exit_code == 0 and sorted(p.name for p in tmp_path.glob("[!.]*")) == ["MODEL_CARD.md", "model.keras"]
    again = keras.saving.load_model(tmp_path / "model.keras", compile=False, safe_mode=True)
    x = cohort.images[:4].astype(np.float32) / 255
    np.testing.assert_array_equal(again.predict_on_batch(x), kept.model.predict_on_batch(x))


def test_model_card_says_what_a_reader_must_know(kept):
    card = export.model_card(kept)
    for part in (
        "Not a medical device",
        "## Intended use",
        "## Training data",
        "Not for diagnosis",
        "began from: formula",
    ):
        assert part in card
    assert "share no source, no group" in card and "| A | 0 | 0 | 6 |" in card and "| D | 0 | 6 | 0 |" in card
    assert " to " in export.results(kept).loc[0, "A"]


def test_onnx_round_trip(kept, cohort, tmp_path):
    for name in export.NEEDED:
        pytest.importorskip(name, reason="the extra onnx is not installed")
    runtime = pytest.importorskip("onnxruntime", reason="onnxruntime reads the file back")
    path = export.write_onnx(predict.open_run(kept.folder).model, tmp_path / "model.onnx")
    session = runtime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    x = cohort.images[:5].astype(np.float32) / 255
    [found] = session.run(["probability"], {"image": x})
    np.testing.assert_allclose(found, kept.model.predict_on_batch(x), atol=1e-4)


def test_onnx_without_its_packages_says_the_fix(kept, tmp_path, monkeypatch):
    monkeypatch.setattr(export.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(LeuknetError, match=r"ONNX needs onnx and tf2onnx: .*leuknet\[onnx\]"):
        export.write_onnx(kept.model, tmp_path / "model.onnx")
    assert not list(tmp_path.iterdir())
