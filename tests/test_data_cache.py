"""Cohorts on disk: whole or absent, checked when read."""

import os
import subprocess
import sys
import time
from itertools import product

import numpy as np
import pandas as pd
import pytest

from leuknet.data.cache import cached
from leuknet.data.cohort import COLUMNS, Cohort
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


FILES = ["images.npy", "masks.npy", "table.parquet", "rejected.parquet"]
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


def test_a_full_disk_leaves_nothing_and_says_so(place):
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    made = cohort(size=256)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
        with pytest.raises(LeuknetError, match="free some space or set LEUKNET_CACHE"):
            cached("k", lambda: made)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert list(place.iterdir()) == []
    assert_same(cached("k", lambda: made), made)


def test_a_cache_that_cannot_be_made_names_the_mend(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("LEUKNET_CACHE", str(tmp_path / "file"))
    with pytest.raises(LeuknetError, match="set LEUKNET_CACHE"):
        cached("k", cohort)


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


def test_what_killed_processes_left_is_swept_after_a_day(place):
    for name, age in ((".new-old", 2), (".new-fresh", 0), (".old-old", 2)):
        (place / name).mkdir(parents=True)
        stamp = time.time() - age * 86400
        os.utime(place / name, (stamp, stamp))
    cached("k", cohort)
    assert sorted(path.name for path in place.iterdir()) == [".new-fresh", "k"]


WORKER = """
import sys
sys.path.insert(0, sys.argv[1])
from test_data_cache import assert_same, cohort
from leuknet.data.cache import cached
made = cohort()
for i in range(10):
    assert_same(cached(f"k{i}", lambda: made), made)
"""


def test_processes_that_mend_at_once_do_not_corrupt_it(place):
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
