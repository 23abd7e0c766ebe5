"""Cohorts on disk: whole or absent, checked when read."""

import os
import subprocess
import sys
from itertools import product

import numpy as np
import pandas as pd
import pytest

from leuknet._cache import cached as cached_values
from leuknet._io import HOST
from leuknet.data.cohort import COLUMNS, Cohort
from leuknet.data.cohort import cached_cohort as cached
from leuknet.exceptions import LeuknetError


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    monkeypatch.setenv("LEUKNET_CACHE", str(tmp_path))
    return tmp_path / "cohorts"


def cohort(n=3, size=8, masks=True, seed=0):
    images = np.random.default_rng(seed).integers(0, 256, (n, size, size, 3), np.uint8)
    ids = [f"Größe/negative/{i}.png" for i in range(n)]
    values = [ids, "Größe", "Größe", ids, 0, size, size, "", [f"{i:064x}" for i in range(n)]]
    table = pd.DataFrame(dict(zip(COLUMNS, values, strict=True)))
    rejected = pd.DataFrame({"path": ["a"], "reason": ["b"]})
    return Cohort("toy", images, table, rejected, images[..., 0] % 3 if masks else None)


def never():
    raise AssertionError("made again")


def assert_same(a, b):
    assert a.name == b.name and a.key == b.key
    np.testing.assert_array_equal(a.images, b.images)
    pd.testing.assert_frame_equal(a.table, b.table)
    pd.testing.assert_frame_equal(a.rejected, b.rejected)


@pytest.mark.parametrize("masks", [True, False])
def test_round_trip_read_only(masks):
    made = cohort(masks=masks)
    first, second = cached("k", lambda: made), cached("k", never)
    for kept in (first, second):
        assert_same(kept, made)
        assert isinstance(kept.images, np.memmap) and not kept.images.flags.writeable
    if masks:
        np.testing.assert_array_equal(second.masks, made.masks)
    else:
        assert second.masks is None


def flip(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def truncate(path):
    path.write_bytes(path.read_bytes()[:-10])


def garble(path):
    path.write_bytes(b"{]")


FILES = ["images.npy", "masks.npy", "table.parquet", "rejected.parquet", "name.json"]
DAMAGES = [*product(FILES, [flip, truncate, garble, os.unlink]), *product(["done.json"], [truncate, garble, os.unlink])]


@pytest.mark.parametrize(("name", "damage"), DAMAGES)
def test_a_damaged_cache_is_made_again(place, name, damage):
    made = cohort()
    cached("k", lambda: made)
    damage(place / "k" / name)
    calls = []
    again = cached("k", lambda: calls.append(1) or made)
    assert calls == [1]
    assert_same(again, made)
    assert_same(cached("k", never), made)
    assert [path.name for path in place.iterdir()] == ["k"]


def test_a_file_in_its_place_is_replaced(place):
    place.mkdir()
    (place / "k").write_text("not a folder")
    assert len(cached("k", cohort)) == 3


def test_a_failing_maker_leaves_nothing(place):
    with pytest.raises(AssertionError):
        cached("k", never)
    assert not place.exists() or not list(place.iterdir())


@pytest.fixture
def full_disk():
    """Refuse files above 100 kB, as a full disk would."""
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.usefixtures("full_disk")
def test_a_full_disk_is_one_line_and_the_result_is_there(place, capsys):
    made = cohort(size=256)
    for _ in range(2):
        assert_same(cached("k", lambda: made), made)
    assert list(place.iterdir()) == []
    (line,) = capsys.readouterr().err.splitlines()
    assert "free space" in line and "set LEUKNET_CACHE" in line and str(place) in line


def test_a_cache_that_cannot_be_made_is_one_line(tmp_path, monkeypatch, capsys):
    (tmp_path / "file").touch()
    monkeypatch.setenv("LEUKNET_CACHE", str(tmp_path / "file"))
    made = cohort()
    assert_same(cached("k", lambda: made), made)
    assert len(capsys.readouterr().err.splitlines()) == 1
    found = cached_values("features", "k", lambda: {"features": lambda path: np.save(path, np.arange(5))})
    assert found["features"].tolist() == list(range(5))


def test_every_kind_of_value_comes_back(place):
    values = {"a": np.arange(6).reshape(2, 3), "t": pd.DataFrame({"x": ["ä"]}), "j": {"n": [1, None]}}
    written = {"s": lambda path: np.save(path, np.ones(3))}
    for make in (lambda: values | written, never):
        found = cached_values("kind", "k", make)
        assert found["j"] == values["j"] and found["s"].tolist() == [1, 1, 1] and not found["a"].flags.writeable
        pd.testing.assert_frame_equal(found["t"], values["t"])
        np.testing.assert_array_equal(found["a"], values["a"])


@pytest.mark.parametrize("key", ["", "../k", "a/b", ".hidden"])
def test_a_key_is_a_plain_name(key):
    with pytest.raises(LeuknetError, match="key"):
        cached(key, cohort)


def test_another_process_that_was_first_wins(place):
    first = cohort(seed=1)

    def slow():
        cached("k", lambda: first)
        return cohort(seed=2)

    assert_same(cached("k", slow), first)
    assert [path.name for path in place.iterdir()] == ["k"]


def test_what_killed_processes_left_is_cleared_and_that_of_others_stays(place):
    gone = 2**22 + 1  # above the largest process number
    alive = f".new-{HOST}.{os.getpid()}-abc"
    for name in (f".new-{HOST}.{gone}-abc", f".old-{HOST}.{gone}-abc", alive, f".new-elsewhere.{gone}-abc"):
        (place / name).mkdir(parents=True)
    cached("k", cohort)
    assert sorted(path.name for path in place.iterdir()) == sorted([alive, f".new-elsewhere.{gone}-abc", "k"])


WORKER = """
import sys
sys.path.insert(0, sys.argv[1])
from test_data_cache import assert_same, cohort
from leuknet.data.cohort import cached_cohort as cached
made = cohort()
for i in range(10):
    assert_same(cached(f"k{i}", lambda: made), made)
"""


@pytest.mark.slow
def test_processes_that_repair_at_once_do_not_corrupt_it(place):
    made = cohort()
    for i in range(10):
        cached(f"k{i}", lambda: made)
        truncate(place / f"k{i}" / "images.npy")
    command = [sys.executable, "-c", WORKER, os.path.dirname(__file__)]
    processes = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    for process in processes:
        error = process.communicate(timeout=120)[1]
        assert process.returncode == 0, error
    for i in range(10):
        assert_same(cached(f"k{i}", never), made)
    assert len(list(place.iterdir())) == 10
