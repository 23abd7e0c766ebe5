"""Kept networks from strangers: each hostile or damaged file is one line, nothing of it is run, no memory is taken."""

import io
import json
import os
from copy import deepcopy
from pathlib import Path

import h5py
import keras
import numpy as np
import psutil
import pytest
from hostile import edit, reconfigured, repacked, sealed_again, write_finished
from PIL import Image
from typer.testing import CliRunner

from leuknet.cli import app
from leuknet.exceptions import LeuknetError
from leuknet.inference.predict import listed, open_run, predict
from leuknet.models.network_file import load_network


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    """Return the file of a small network as runs keep it."""
    path = tmp_path_factory.mktemp("network") / "model.keras"
    image = keras.Input((32, 32, 3), name="image")
    x = keras.layers.Conv2D(4, 3, activation="relu")(image)
    x = keras.layers.GlobalAveragePooling2D()(keras.layers.MaxPooling2D(name="pool")(x))
    x = keras.layers.Dropout(0.5)(keras.layers.Dense(8, activation="relu")(x))
    keras.Model(image, keras.layers.Dense(1, activation="sigmoid")(x)).save(path)
    return path


@pytest.fixture
def model(network, tmp_path):
    path = tmp_path / "model.keras"
    path.write_bytes(network.read_bytes())
    return path


def layer(config, kind):
    return next(item for item in config["config"]["layers"] if item["class_name"] == kind)


def dense(**values):
    return lambda config: layer(config, "Dense")["config"].update(values)


def first(**values):
    return lambda config: config["config"]["layers"][1].update(values)


def with_weights(change):
    """Return a change of an archive's parts that applies `change` to its open HDF5 file."""

    def parts_with(parts):
        file = io.BytesIO(parts["model.weights.h5"])
        with h5py.File(file, "r+") as root:
            change(root)
        return parts | {"model.weights.h5": file.getvalue()}

    return parts_with


def kernel(root):
    """Return the group and name of the first array."""
    found = []
    root.visititems(lambda name, item: found.append(item) if isinstance(item, h5py.Dataset) else None)
    return found[0].parent, found[0].name.rpartition("/")[2]


def external_link(root):
    group, name = kernel(root)
    del group[name]
    group[name] = h5py.ExternalLink("/etc/hostname", "/")


def soft_link(root):
    group, name = kernel(root)
    del group[name]
    group[name] = h5py.SoftLink("/nowhere")


def external_storage(root):
    group, name = kernel(root)
    shape = group[name].shape
    del group[name]
    group.create_dataset(name, shape, "f4", external=[("/etc/passwd", 0, h5py.h5f.UNLIMITED)])


def virtual(root):
    group, name = kernel(root)
    layout = h5py.VirtualLayout(group[name].shape, "f4")
    layout[...] = h5py.VirtualSource("/etc/passwd", "x", group[name].shape)
    del group[name]
    group.create_virtual_dataset(name, layout)


def vast(root):
    root.create_dataset("vast", (1 << 40,), "f4", chunks=(1 << 20,), compression="gzip")


CONFIGS = {
    "lambda": first(class_name="Lambda", config={"function": {"class_name": "__lambda__", "config": {"code": "4wEA"}}}),
    "another module's class": first(module="subprocess", class_name="Popen", config={"args": ["touch", "trace"]}),
    "a class of this name in another module": first(module="os", class_name="Conv2D"),
    "a function by its name": dense(activation={"module": "os", "class_name": "function", "config": "system"}),
    "a module that is loaded": dense(activation={"module": "os.path", "config": "join"}),
    "a file of words": first(class_name="StringLookup", config={"vocabulary": "/etc/passwd"}),
    "a saved model": first(class_name="TFSMLayer", config={"filepath": "/etc"}),
    "a download": first(module="keras.utils", class_name="get_file", config={"origin": "http://127.0.0.1:9/"}),
    "a network in a network": lambda config: first(class_name="Sequential", config=deepcopy(config["config"]))(config),
    "a vast Dense": dense(units=10**9),
    "a vaster Dense": dense(units=10**15),
    "a Dense of negative size": dense(units=-1),
    "a Dense of text": dense(units="many"),
    "a vast padding": lambda config: layer(config, "MaxPooling2D").update(
        class_name="ZeroPadding2D", config={"name": "pool", "padding": [10**6, 10**6]}
    ),
    "a vast input": lambda config: layer(config, "InputLayer")["config"].update(batch_shape=[None, 10**6, 10**6, 3]),
    "an input of any size": lambda config: layer(config, "InputLayer")["config"].update(
        batch_shape=[None, None, None, 3]
    ),
    "an oblong input": lambda config: layer(config, "InputLayer")["config"].update(batch_shape=[None, 32, 64, 3]),
    "no layers": lambda config: config["config"].update(layers=[]),
    "no output": lambda config: config["config"].update(output_layers=[]),
    "two outputs": lambda config: config["config"].update(output_layers=[config["config"]["output_layers"]] * 2),
    "another class": lambda config: config.update(class_name="Sequential"),
    "a layer alone": lambda config: layer(config, "Dense"),
    "a list": lambda config: [config],
    "a number": lambda config: 7,
    "nothing": lambda config: {},
}
WEIGHTS = {
    "external link": external_link,
    "soft link": soft_link,
    "external storage": external_storage,
    "virtual array": virtual,
    "vast array": vast,
    "an array less": lambda root: root["layers"].pop(next(iter(root["layers"]))),
}
PARTS = {
    "no configuration": lambda parts: {n: d for n, d in parts.items() if n != "config.json"},
    "no weights": lambda parts: {n: d for n, d in parts.items() if n != "model.weights.h5"},
    "a part more": lambda parts: parts | {"assets/../../x": b"x"},
    "a script more": lambda parts: parts | {"model.py": b"import os"},
    "no JSON": lambda parts: parts | {"config.json": b"{"},
    "binary JSON": lambda parts: parts | {"config.json": bytes(range(256))},
    "endless JSON": lambda parts: parts | {"config.json": b"[" * (9 << 20)},
    "deep JSON": lambda parts: parts | {"config.json": b"[" * (1 << 20)},
    "weights that are text": lambda parts: parts | {"model.weights.h5": b"weights"},
    "weights that are empty": lambda parts: parts | {"model.weights.h5": b""},
    "weights cut off": lambda parts: parts | {"model.weights.h5": parts["model.weights.h5"][:2000]},
}
FILES = {
    "empty": lambda data: b"",
    "text": lambda data: b"a network",
    "cut off": lambda data: data[: len(data) // 2],
    "flipped": lambda data: bytes(255 - byte for byte in data),
    "HDF5": lambda data: b"\x89HDF\r\n\x1a\n" + data[:1000],
    "pickle": lambda data: b"\x80\x04cos\nsystem\n(S'touch trace'\ntR.",
}
CASES = [
    *((f"configuration: {name}", lambda path, c=change: reconfigured(path, c)) for name, change in CONFIGS.items()),
    *((f"weights: {name}", lambda path, c=change: repacked(path, with_weights(c))) for name, change in WEIGHTS.items()),
    *((f"parts: {name}", lambda path, c=change: repacked(path, c)) for name, change in PARTS.items()),
    *((f"file: {name}", lambda path, c=c: path.write_bytes(c(path.read_bytes()))) for name, c in FILES.items()),
]


@pytest.mark.parametrize("change", [case[1] for case in CASES], ids=[case[0] for case in CASES])
def test_a_hostile_network_is_refused_in_one_line(model, change, monkeypatch):
    monkeypatch.chdir(model.parent)
    change(model)
    before = psutil.Process().memory_info().rss
    with pytest.raises(LeuknetError, match="is no network that leuknet kept, and is not loaded") as caught:
        load_network(model)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 800
    assert [path.name for path in model.parent.iterdir()] == ["model.keras"]
    assert psutil.Process().memory_info().rss - before < 300e6


def test_the_network_itself_is_loaded(network):
    model, x = load_network(network), np.zeros((1, 32, 32, 3), np.float32)
    assert model.input_shape == (None, 32, 32, 3)
    np.testing.assert_array_equal(model(x), keras.saving.load_model(network, compile=False)(x))


def keep(folder, network, dimensions=8, **changes):
    """Leave a network and features in a finished run's folder, sealed; `changes` replace arrays (None: leave out)."""
    (folder / "model.keras").write_bytes(network.read_bytes())
    names = {"image_id": ["B/0", "A/0"], "data_set": ["B", "A"], "source": ["B", "A"], "group": ["B/0", "A/0"]}
    about = {"cohort": "made", "leakage": "none", "threshold": 0.5}
    arrays = {"features": np.zeros((2, dimensions), np.float32), "about": json.dumps(about), "label": [0, 1]}
    arrays |= names | {"role": ["train", "test"]} | changes
    np.savez(folder / "training_features.npz", **{name: value for name, value in arrays.items() if value is not None})
    sealed_again(folder)
    return folder


@pytest.mark.parametrize(
    "changes",
    [
        {"features": None},
        {"features": np.zeros((3, 8), np.float32)},
        {"features": np.zeros(8, np.float32)},
        {"features": np.full((2, 8), np.nan, np.float32)},
        {"features": np.array([["x"] * 8] * 2)},
        {"features": np.array([{}, {}], object)},
        {"about": None},
        {"about": "["},
        {"about": "[" * 100_000},
        {"about": "[]"},
        {"about": "{}"},
        {"about": json.dumps({"cohort": "c", "leakage": "l", "threshold": 7})},
        {"about": json.dumps({"cohort": "c", "leakage": "l", "threshold": "0.5"})},
        {"about": json.dumps({"cohort": ["c"], "leakage": "l", "threshold": 0.5})},
        {"role": ["test", "test"]},
        {"role": ["train", "<svg onload=alert(1)>"]},
        {"source": ["one"]},
        {"dimensions": 9},
    ],
    ids=repr,
)
def test_features_that_are_none_are_refused_in_one_line(network, tmp_path, changes):
    folder = keep(write_finished(tmp_path), network, **changes)
    with pytest.raises(LeuknetError, match="is damaged") as caught:
        open_run(folder).model  # noqa: B018
    assert "\n" not in str(caught.value)


def test_model_features_and_record_belong_together(network, tmp_path):
    """Each file of one run's folder replaced by another run's, as a careless copy would."""
    one, other = (
        keep(write_finished(tmp_path, seed), network, features=np.full((2, 8), seed, float)) for seed in (1, 2)
    )
    assert open_run(one).model.count_params() == open_run(other).model.count_params()
    for name in ("training_features.npz", "run.json", "predictions.parquet", "done.json"):
        kept = (one / name).read_bytes()
        (one / name).write_bytes((other / name).read_bytes())
        with pytest.raises(LeuknetError, match="is damaged: .*[Dd]elete this folder and retrain"):
            open_run(one)
        (one / name).write_bytes(kept)
    data = bytearray((one / "model.keras").read_bytes())
    data[len(data) // 2] ^= 1
    (one / "model.keras").write_bytes(data)
    with pytest.raises(LeuknetError, match=r"model\.keras changed after the run was finished"):
        open_run(one)


@pytest.mark.parametrize("command", ["predict", "export"])
@pytest.mark.parametrize("hurt", ["run.json", "weights.json", "model.keras", "training_features.npz", "done.json"])
def test_commands_on_a_damaged_run_end_in_one_line(network, tmp_path, command, hurt):
    folder = keep(write_finished(tmp_path), network)
    (folder / hurt).write_bytes(b"")
    words = ["predict", str(network), "--run", str(folder)] if command == "predict" else ["export", str(folder)]
    done = CliRunner().invoke(app, [*words, "--out", str(tmp_path / "out")])
    assert isinstance(done.exception, LeuknetError) and "is damaged" in str(done.exception)
    assert not (tmp_path / "out").exists()


def test_pictures_are_regular_files_of_bounded_size(network, tmp_path, monkeypatch):
    """Pipes are not waited for, devices not read; a picture of one colour is not classified."""
    folder = keep(write_finished(tmp_path), network)
    slides = tmp_path / "slides"
    slides.mkdir()
    os.mkfifo(slides / "pipe.png")
    (slides / "endless.png").symlink_to("/dev/zero")
    (slides / "large.png").write_bytes(bytes(5000))
    pixels = np.random.default_rng(0).integers(0, 256, (32, 32, 3), np.uint8)
    Image.fromarray(pixels).save(slides / "good.png")
    Image.fromarray(np.full((32, 32, 3), 7, np.uint8)).save(slides / "blank.png")
    monkeypatch.setattr("leuknet.data.walk.MAX_FILE_BYTES", 4500)
    rows, failed = predict(open_run(folder), listed([slides]))
    assert [row["file"] for row in rows] == [str(slides / "good.png")]
    reasons = {Path(one["file"]).stem: one["reason"] for one in failed}
    assert reasons["pipe"] == reasons["endless"] == "not a regular file"
    assert "above the limit" in reasons["large"] and "one colour" in reasons["blank"] and len(reasons) == 4


def test_a_record_of_no_network_is_refused(network, tmp_path):
    folder = keep(write_finished(tmp_path), network)
    edit(folder / "weights.json", weights=["random"])
    sealed_again(folder)
    with pytest.raises(LeuknetError, match="began from"):
        open_run(Path(folder))
