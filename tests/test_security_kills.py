"""SIGKILL at the worst moment of each way of writing: nothing is lost, and the next start clears what was left."""

import hashlib
import os
import signal
import zipfile
from pathlib import Path

import numpy as np
import pooch
import pytest
from PIL import Image

from leuknet import _cache, _io, _outputs
from leuknet.data.formats import archives, centroids, getting
from leuknet.exceptions import LeuknetError

BODY = b"the provider's file"


def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)


def die_in(patch, owner, name, times=1):
    """Kill this process when `owner.name` has done its work for the `times`th time."""
    original, calls = getattr(owner, name), []

    def replaced(*arguments, **options):
        found = original(*arguments, **options)
        calls.append(1)
        return die() if len(calls) == times else found

    patch.setattr(owner, name, replaced)


def killed(work):
    """Do `work` in a process of its own, which is to be killed in it."""
    if (child := os.fork()) == 0:
        try:
            work()
        finally:
            os._exit(1)
    assert os.WIFSIGNALED(os.waitpid(child, 0)[1])


def left_in(folder):
    return [path.name for path in Path(folder).rglob("*") if _io.LEFTOVER.fullmatch(path.name)]


def write(place, word):
    with _outputs.replaced_folder(place / "out") as new:
        (new / "page").write_text(word)


def kept_value(place):
    return _cache.cached("kind", "key", lambda: {"a": np.arange(3), "b": [1]})


def unpacked(place):
    with zipfile.ZipFile(place / "archive.zip", "w") as archive:
        archive.writestr("a.txt", "whole")
    archives.unpack(place / "archive.zip", place / "new")


def downloaded(place):
    return getting.download("http://127.0.0.1:9/file", hashlib.sha256(BODY).hexdigest())


def cropped(place):
    for name in ("im", "xyc"):
        (place / name).mkdir(exist_ok=True)
    Image.fromarray(np.arange(48 * 48 * 3, dtype=np.uint8).reshape(48, 48, 3)).save(place / "im" / "Im001_1.jpg")
    (place / "xyc" / "Im001_1.xyc").write_text("20 20\n9 9\n")
    return centroids.crop_all(place, place / "crops", 16)


CASES = {  # what is done; where it is killed; what is there afterwards
    "file": (lambda place: _io.write_text(place / "file", "whole"), (Path, "write_text"), ["file"]),
    "link": (lambda place: _io.write_text(place / "file", "whole"), (os, "chmod"), ["file"]),
    "folder": (lambda place: write(place, "second"), (Path, "write_text"), ["out/page"]),
    "exchange": (lambda place: write(place, "second"), (Path, "rename"), ["out/page"]),
    "cache": (kept_value, (np, "save"), ["cache/kind/key/a.npy", "cache/kind/key/b.json"]),
    "archive": (unpacked, (zipfile.ZipFile, "extractall"), ["new/a.txt"]),
    "download": (downloaded, (pooch, "retrieve"), ["cache/downloads/*-file"]),
    "crops": (cropped, (Image.Image, "save"), ["crops/Im001_1_00.png", "crops/Im001_1_01.png"]),
}


@pytest.fixture
def place(tmp_path, monkeypatch):
    """Return a folder with a cache, and let pooch get `BODY` without a network."""
    monkeypatch.setenv("LEUKNET_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(pooch, "HTTPDownloader", lambda **_: lambda url, file, *_: Path(file).write_bytes(BODY))
    return tmp_path


@pytest.mark.slow
@pytest.mark.parametrize("work, moment, files", CASES.values(), ids=CASES)
def test_a_kill_leaves_a_temporary_only_and_the_next_start_clears_it(place, work, moment, files):
    write(place, "first")

    def interrupted():
        with pytest.MonkeyPatch.context() as patch:
            die_in(patch, *moment, times=2 if work is cropped else 1)
            work(place)

    killed(interrupted)
    assert left_in(place)
    _io.clear_once.cache_clear()  # as in a new process
    work(place)
    for pattern in files:
        [path] = place.glob(pattern)
        assert path.stat().st_size
    if "out" in files[0]:
        assert (place / "out" / "page").read_text() == "second"
    assert left_in(place) == []


def test_hidden_files_of_others_in_a_run_stay(tmp_path):
    from leuknet.runs.store import _sweep

    (tmp_path / ".ipynb_checkpoints").mkdir()
    (tmp_path / ".notes").write_text("mine")
    (tmp_path / f".history-{_io.HOST}.{2**22 + 1}-ab12.csv").write_text("half")
    (tmp_path / ".predictions-elsewhere.77-x_1y.parquet").write_text("half, on another machine of the cluster")
    _sweep(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".ipynb_checkpoints", ".notes"]


@pytest.mark.parametrize("kind", ["pipe", "device", "folder", "too large", "absent"])
def test_only_regular_files_of_bounded_size_are_read(tmp_path, kind):
    path = tmp_path / "run.json"
    {
        "pipe": lambda: os.mkfifo(path),
        "device": lambda: path.symlink_to("/dev/zero"),
        "folder": path.mkdir,
        "too large": lambda: path.write_bytes(b" " * (2 << 20)),
        "absent": lambda: None,
    }[kind]()
    with pytest.raises((OSError, ValueError)):
        _io.read_limited(path)
    assert _io.object_or_empty(path) == {}


def test_a_log_is_not_written_through_a_link(tmp_path):
    (tmp_path / "thesis.tex").write_text("a year's work")
    (tmp_path / "log.txt").symlink_to(tmp_path / "thesis.tex")
    for mode in ("w", "a"):
        with pytest.raises(OSError), open(tmp_path / "log.txt", mode, opener=_io.no_link):
            pass
    assert (tmp_path / "thesis.tex").read_text() == "a year's work"


def test_downloads_of_two_processes_at_once_do_not_meet(place):
    """Each gets its file in a folder of its own."""
    for _ in range(2):
        path = Path(downloaded(place))
        assert path.read_bytes() == BODY
        path.write_bytes(b"damaged")
    with pytest.raises(LeuknetError, match="another SHA-256"):
        getting.download("http://127.0.0.1:9/file", "0" * 64)
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]
