"""Run folders from strangers and damaged disks: every reader notices and goes on; nothing is executed."""

import io
import json
import os
from contextlib import suppress

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hostile import copy_of, edit, sealed_again, write_finished
from typer.testing import CliRunner

from leuknet.cli import app
from leuknet.exceptions import LeuknetError
from leuknet.runs import query, record
from leuknet.runs.executors.scheduler import Scheduler
from leuknet.runs.spec import RunSpec
from leuknet.runs.store import Store
from leuknet.verdicts.results import results


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return write_finished(tmp_path_factory.mktemp("whole"))


@pytest.fixture
def folder(whole, tmp_path):
    return copy_of(whole, tmp_path / "trainings")


def parquet(**columns):
    file = io.BytesIO()
    pd.DataFrame(columns).to_parquet(file)
    return file.getvalue()


EVERY_FILE = {
    "empty": lambda data: b"",
    "cut off": lambda data: data[: len(data) // 2],
    "a byte more": lambda data: data + b" ",
    "a bit flipped": lambda data: bytes([data[0] ^ 1]) + data[1:],
    "zeros": lambda data: bytes(len(data)),
    "random": lambda data: np.random.default_rng(0).bytes(len(data)),
    "a list": lambda data: b"[]",
    "another object": lambda data: b"{}",
    "no text": lambda data: b"\xff\xfe\x00",
    "absent": None,
}
DAMAGES = [(name, how) for name in (*record.REQUIRED, "done.json") for how in EVERY_FILE]
DAMAGES.remove(("done.json", "absent"))  # a run that is not finished
DAMAGES.remove(("done.json", "a byte more"))  # a space after the object, which holds all the same


def hurt(folder, name, how):
    path, change = folder / name, EVERY_FILE[how]
    data = path.read_bytes()
    path.unlink()
    if change:
        path.write_bytes(change(data))


@pytest.mark.slow
@pytest.mark.parametrize("name, how", DAMAGES)
def test_damage_to_any_file_is_noticed_by_every_reader(folder, name, how):
    other = write_finished(folder.parent, seed=1)
    hurt(folder, name, how)
    with pytest.raises(record.DamagedRunError, match="is damaged: .*Delete this folder and retrain"):
        record.read(folder)
    assert query.status(folder) == "damaged" and not Store(folder.parent).done(folder.name)
    if name != "run.json" or how != "absent":
        frame = query.records(folder.parent, every=True).set_index("run")
        assert frame.loc[folder.name, "status"] == "damaged" and frame.loc[folder.name, "reason"]
        assert frame.loc[other.name, "status"] == "done"
    assert list(query.records(folder.parent)["run"]) == [other.name]
    assert set(results(folder.parent)["run"]) == {other.name}
    whole, damaged = record.read_all(folder.parent)
    assert [run.folder for run in whole] == [other] and [run.folder for run in damaged] == [folder]


VALUES = {
    "settings of another run": ("run.json", {"seed": 7}),
    "accuracy by hand": ("done.json", {"seconds": 0.001}),
    "a kinder place": ("environment.json", {"backend": "jax"}),
    "other weights": ("weights.json", {"weights": "ImageNet"}),
}


@pytest.mark.parametrize("name, values", VALUES.values(), ids=VALUES)
def test_an_edit_by_hand_is_noticed(folder, name, values):
    edit(folder / name, **values)
    assert query.status(folder) == "damaged"


SEALED = {
    "run.json is a list": ("run.json", b"[]"),
    "run.json is vast": ("run.json", b'{"x": "' + bytes(2 << 20) + b'"}'),
    "run.json is deep": ("run.json", b"[" * 100_000),
    "run.json has no settings": ("run.json", b"{}"),
    "run.json has settings of text": ("run.json", b'{"settings": "all"}'),
    "run.json has a cohort of text": (
        "run.json",
        b'{"settings": {}, "fold": "a", "seed": 0, "protocol": "p", "recipe": "x"}',
    ),
    "environment.json is a number": ("environment.json", b"7"),
    "weights.json is null": ("weights.json", b"null"),
    "predictions are text": ("predictions.parquet", b"PAR1 none PAR1"),
    "predictions of other columns": ("predictions.parquet", parquet(a=[1])),
    "probabilities above 1": ("predictions.parquet", parquet(**dict.fromkeys(record.PREDICTION_COLUMNS, [2]))),
    "a name that unpacks to gigabytes": (
        "predictions.parquet",
        parquet(**dict.fromkeys(record.PREDICTION_COLUMNS, [0] * 2000) | {"image_id": ["x" * 10**6] * 2000}),
    ),
    "classes of text": ("predictions.parquet", parquet(**dict.fromkeys(record.PREDICTION_COLUMNS, ["x"]))),
    "history is empty": ("history.csv", b""),
    "history is no table": ("history.csv", b'a,b\n"1,2\n3,4,5,6,7'),
}


@pytest.mark.parametrize("name, data", SEALED.values(), ids=SEALED)
def test_a_seal_of_ones_own_does_not_make_nonsense_readable(folder, name, data):
    """Checksums are no signature: whoever seals a folder again is still refused where the content is none."""
    (folder / name).write_bytes(data)
    sealed_again(folder)
    with pytest.raises(record.DamagedRunError):
        found = record.read(folder)
        found.predictions()
        found.history()


@pytest.mark.parametrize("gone", ["protocol", "fold", "recipe", "seed"])
def test_results_leave_out_a_run_that_does_not_say_what_it_was_for(folder, gone):
    kept = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps({name: value for name, value in kept.items() if name != gone}))
    sealed_again(folder)
    assert results(folder.parent).empty == (gone in ("protocol", "fold"))


RECORDS = {
    "size": {"recipe": {"size": 10**9}},
    "share": {"recipe": {"fraction": 1e9}},
    "floor": {"recipe": {"floor": 10**12}},
    "data is a list": {"recipe": {"data": ["/"]}},
    "an argument more": {"recipe": {"command": "touch trace"}},
    "cohort is text": {"recipe": "all"},
    "fold": {"fold": ["A"]},
    "seed": {"seed": "1; touch trace"},
    "seed is true": {"seed": True},
    "keep": {"keep_model": "yes"},
    "key of a cohort": {"cohort_key": 7},
    "schema": {"schema": 1},
    "no settings": {"settings": {}},
    "an unknown setting": {"settings": {"backbone": "VGG16", "import": "os"}},
    "settings are a list": {"settings": ["VGG16"]},
    "epochs": {"settings": {"epochs": -1}},
    "a layer of text": {"settings": {"dense": ["many"]}},
    "another fold": {"fold": "B"},
    "another key": {"key": "0" * 16},
    "a path as key": {"key": "../../x"},
}


@pytest.mark.parametrize("values", RECORDS.values(), ids=RECORDS)
def test_a_record_that_asks_for_more_than_a_run_is_refused(folder, values):
    edit(folder / "run.json", **values)
    sealed_again(folder)
    with pytest.raises(LeuknetError) as caught:
        RunSpec.read(folder)
    assert "\n" not in str(caught.value)


HOSTILE_THREADS = [
    {"GIT_CONFIG_COUNT": "1"},
    {"GIT_CONFIG_KEY_0": "core.fsmonitor"},
    {"LD_PRELOAD": "/tmp/x.so"},
    {"PYTHONSTARTUP": "/tmp/x.py"},
    {"PATH": "/tmp"},
    {"KERAS_HOME": "/tmp"},
    {"LEUKNET_CACHE": "/tmp"},
    {"omp_num_threads": "1"},
    {"OMP_NUM_THREADS": "0"},
    {"OMP_NUM_THREADS": "-1"},
    {"OMP_NUM_THREADS": "1.5"},
    {"OMP_NUM_THREADS": "1e3"},
    {"OMP_NUM_THREADS": "1000000000"},
    {"OMP_NUM_THREADS": "9" * 5000},
    {"OMP_NUM_THREADS": "٣"},
    {"OMP_NUM_THREADS": "1; touch trace"},
    {"OMP_NUM_THREADS": ""},
    {"OMP_NUM_THREADS": 1},
    {"OMP_NUM_THREADS": ["1"]},
    {"OMP_NUM_THREADS": None},
    ["OMP_NUM_THREADS"],
    "OMP_NUM_THREADS=1",
    7,
]


@pytest.mark.parametrize("threads", HOSTILE_THREADS, ids=lambda value: repr(value)[:50])
def test_a_record_sets_numbers_of_threads_and_nothing_else(folder, threads, monkeypatch):
    edit(folder / "environment.json", threads=threads)
    sealed_again(folder)
    before = dict(os.environ)
    done = CliRunner().invoke(app, ["runs", "rerun", str(folder)])
    assert isinstance(done.exception, LeuknetError) and "\n" not in str(done.exception)
    assert dict(os.environ) == before


HOSTILE_ENVIRONMENTS = {
    "gpus": {"gpus": 7},
    "packages": {"packages": ["keras"]},
    "backend": {"backend": ["jax"]},
    "machine": {"machine": {"a": ["\x1b[2J"]}},
    "processors": {"processors": "many"},
}


@pytest.mark.parametrize("values", HOSTILE_ENVIRONMENTS.values(), ids=HOSTILE_ENVIRONMENTS)
def test_an_environment_of_other_kinds_is_shown_and_compared(folder, values):
    """Sealed again, so that it is read: every command that prints it ends well."""
    edit(folder / "environment.json", **values)
    sealed_again(folder)
    key, root = folder.name, str(folder.parent)
    for line in (["list", root], ["show", key, "--in", root], ["compare", key, key, "--in", root]):
        assert CliRunner().invoke(app, ["runs", *line]).exit_code == 0
    assert query.same_place(record.read(folder).environment, {}) is False


def test_names_in_records_reach_no_terminal(folder):
    """Escape sequences could hide lines or rename the window; line breaks could add lines."""
    edit(folder / "environment.json", machine="\x1b[2J\x1b]0;title\x07\nrun: done")
    edit(folder / "weights.json", weights="random\x1b[31m\nevil")
    sealed_again(folder)
    for line in (["list", str(folder.parent)], ["show", folder.name, "--in", str(folder.parent)]):
        printed = CliRunner().invoke(app, ["runs", *line]).stdout
        assert "\x1b" not in printed and not [row for row in printed.splitlines() if row.startswith(("evil", "run: "))]


@pytest.mark.parametrize("name", ["run.json", "split.csv", "done.json", "failed.json", "progress.json"])
@pytest.mark.parametrize("kind", ["pipe", "endless", "folder"])
def test_what_is_no_file_in_a_run_is_not_waited_for(folder, name, kind):
    (folder / name).unlink(missing_ok=True)
    {
        "pipe": lambda: os.mkfifo(folder / name),
        "endless": lambda: (folder / name).symlink_to("/dev/zero"),
        "folder": (folder / name).mkdir,
    }[kind]()
    assert CliRunner().invoke(app, ["runs", "list", str(folder.parent)]).exit_code in (0, 1)
    with suppress(LeuknetError):
        RunSpec.read(folder)
    Scheduler([], Store(folder.parent))._recorded(folder.name)
    assert not query.locked(folder)


def test_a_run_without_checksums_counts_as_damaged(folder):
    done = json.loads((folder / "done.json").read_text("utf-8"))
    (folder / "done.json").write_text(json.dumps({"seconds": done["seconds"]}))
    assert query.status(folder) == "damaged" and "done.json was changed" in query.row(folder)["reason"]


UNREAD = {
    "a split that is empty": ("split.csv", b""),
    "a split that is no text": ("split.csv", b"\xff"),
    "a split of other columns": ("split.csv", b"# {}\na,b\n1,2\n"),
    "a seed that is a list": ("run.json", {"seed": []}),
    "a cohort without a size": ("run.json", {"recipe": {}}),
    "text that is not UTF-8": ("predictions.parquet", "source"),
}


@pytest.mark.parametrize("name, change", UNREAD.values(), ids=UNREAD)
def test_a_sealed_run_that_cannot_be_read_is_left_out_of_results(folder, name, change):
    if isinstance(change, dict):
        edit(folder / name, **change)
    elif isinstance(change, str):
        table = pq.read_table(folder / name)
        buffers = pa.array([b"\xff"] * len(table), pa.binary()).buffers()
        text = pa.Array.from_buffers(pa.string(), len(table), buffers)
        pq.write_table(table.set_column(table.column_names.index(change), change, text), folder / name)
    else:
        (folder / name).write_bytes(change)
    sealed_again(folder)
    assert len(results(folder.parent)) == 0


def test_a_file_of_a_run_is_read_up_to_a_limit(folder, monkeypatch):
    monkeypatch.setattr(record, "MAX_BYTES", 10)
    with pytest.raises(record.DamagedRunError, match="above the limit"):
        record.read(folder).predictions()


def test_the_settings_of_an_unfinished_run_do_not_replace_its_state_or_name(folder):
    (folder / "done.json").unlink()
    edit(folder / "run.json", settings={"status": "done", "run": "other", "\x1b[2J": 1, "=cmd": 2})
    [row] = query.records(folder.parent, every=True).to_dict("records")
    assert (row["run"], row["status"]) == (folder.name, "interrupted")
    query.save(query.records(folder.parent, every=True), folder.parent / "runs.csv")
    assert ",=cmd" not in (folder.parent / "runs.csv").read_text()
    assert "\x1b" not in CliRunner().invoke(app, ["runs", "show", str(folder)]).output
