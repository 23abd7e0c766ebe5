"""A full disk and a place that cannot be written: one line, code 2, and nothing that was there before is lost."""

import re
import resource
import sys
import zipfile
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from fake_runs import golden_runs
from PIL import Image

import leuknet.cli
from leuknet._io import HOST, clear_leftovers, write_json
from leuknet.cli import main
from leuknet.inference import export, predict
from leuknet.pages import report

pytestmark = pytest.mark.slow


@contextmanager
def full_disk():
    """Let no file of this process grow: every write fails as on a full disk."""
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    soft = resource.getrlimit(resource.RLIMIT_FSIZE)[0]
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.fixture
def place(tmp_path, monkeypatch):
    """Return a folder with a result folder, slides and an archive, where the commands below find what they need."""
    golden_runs(tmp_path / "results" / "trainings")
    (tmp_path / "results" / "figures").mkdir()
    image = np.random.default_rng(0).integers(0, 255, (2, 5, 48, 48, 3), np.uint8)
    for word, pixels in zip(("negative", "positive"), image, strict=True):
        (tmp_path / "slides" / "A" / word).mkdir(parents=True)
        for number in range(5):
            Image.fromarray(pixels[number]).save(tmp_path / "slides" / "A" / word / f"{number}.png")
    with zipfile.ZipFile(tmp_path / "archive.zip", "w") as archive:
        archive.writestr("a.txt", "text")
    Image.fromarray(image[0, 0]).save(tmp_path / "results" / "figures" / "06_lodocv-x.png")
    sidecar = {"page": "06_lodocv", "name": "x", "alt": "a", "caption": "c", "profile": "smoke", "seed": 0}
    sidecar |= {"banner": "b", "cohort": "synthetic cohort", "environment": {}, "made": "", "result": ""}
    write_json(tmp_path / "results" / "figures" / "06_lodocv-x.json", sidecar)
    (tmp_path / "results" / "figures" / "06_lodocv-x.svg").write_text("<svg/>")
    monkeypatch.setattr(report, "audit", list)
    monkeypatch.setattr(report, "ledger", lambda *_: report.results.pd.DataFrame(columns=["verdict", *LEDGER]))
    monkeypatch.setattr(predict, "open_run", lambda run: None)
    monkeypatch.setattr(predict, "predict", lambda *_: ([], []))
    monkeypatch.setattr(predict, "as_record", lambda *_: {"images": []})
    monkeypatch.setattr(
        export, "export_run", lambda kept, out, onnx: [export.write_text(out / "MODEL_CARD.md", "card")]
    )
    monkeypatch.setenv("LEUKNET_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


LEDGER = ("claim", "section", "gist", "decides", "printed numbers", "these runs", "decided by")
COMMANDS = {
    "report": "report results",
    "gallery": "pages gallery results OUT",
    "handout": "pages handout OUT",
    "audit": "data audit slides --groups OUT/groups.csv",
    "splits": "data splits slides --out OUT/splits.csv",
    "get": "data get UFG --file archive.zip --to OUT/new",
    "runs": "runs list results --out OUT/runs.csv",
    "parquet": "runs list results --out OUT/runs.parquet",
    "predict": "predict slides --run x --json --out OUT/found.json",
    "export": "export x --out OUT",
}


def run(command, out, monkeypatch, capsys):
    """Run a command line; return the lines on standard error that are not warnings, and its exit code."""
    monkeypatch.setattr(sys, "argv", ["leuknet", *command.replace("OUT", str(out)).split()])
    with pytest.raises(SystemExit) as ended:
        main()
    lines = capsys.readouterr().err.splitlines()
    return [line for line in lines if line.startswith(("error:", "Traceback"))], ended.value.code


def contents(folder):
    return {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_a_full_disk_is_one_line_and_loses_nothing(place, command, monkeypatch, capsys):
    before = contents(place)
    with full_disk():
        lines, code = run(command, place / "new", monkeypatch, capsys)
    assert (
        code == 2 and len(lines) == 1 and lines[0].startswith("error: ") and not re.search("no figures|folds", lines[0])
    ), lines
    after = contents(place)
    assert {path: after.get(path) for path in before} == before
    left = [path for path in after if path not in before and path.stat().st_size and "cache" not in path.parts]
    assert not left and not [path for path in place.rglob(".*") if HOST in path.name]


@pytest.mark.parametrize("command", [line for line in COMMANDS.values() if "OUT" in line])
def test_a_file_in_the_place_of_a_folder_is_one_line(place, command, monkeypatch, capsys):
    (place / "thesis").write_text("mine")
    lines, code = run(command, place / "thesis" / "new", monkeypatch, capsys)
    assert code == 2 and len(lines) == 1 and "thesis" in lines[0]
    assert (place / "thesis").read_text() == "mine"


def test_what_a_killed_process_left_is_cleared_by_the_next_command(place, monkeypatch, capsys):
    gone, alive = 2**22 + 1, Path("/proc/self").resolve().name  # above the largest process number, and this one
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(place))
    dead = [place / f"leuknet-{HOST}.{gone}-abc", place / f".features-{HOST}.{gone}-abc.npz"]
    kept = [place / f"leuknet-{HOST}.{alive}-abc", place / f"leuknet-elsewhere.{gone}-abc", place / "leuknet-notes"]
    for path in (*dead, *kept):
        path.mkdir() if path.suffix != ".npz" else path.write_bytes(b"half")
    monkeypatch.setattr(leuknet.cli, "app", lambda: sys.exit(0))
    with pytest.raises(SystemExit):
        main()
    assert not any(path.exists() for path in dead) and all(path.exists() for path in kept)
    clear_leftovers(place / "nowhere")
