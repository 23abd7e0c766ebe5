"""A full disk and a place that cannot be written: one line, code 2, and nothing that was there before is lost."""

import os
import re
import resource
import shutil
import subprocess
import sys
import zipfile
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import pytest
from fake_runs import golden_runs
from made import mounted
from PIL import Image

import leuknet.cli
from leuknet import _outputs
from leuknet._io import HOST, clear_leftovers, write_json
from leuknet.cli import main
from leuknet.exceptions import LeuknetError
from leuknet.inference import export, predict
from leuknet.pages import gallery, report
from leuknet.verdicts.claim_rules import pages
from leuknet.verdicts.claim_rules.sources import Sources
from leuknet.verdicts.judgement import CANNOT
from leuknet.verdicts.matching import feature_spaces

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


@pytest.fixture(scope="module")
def golden(tmp_path_factory):
    """Return finished runs, which each test copies."""
    return golden_runs(tmp_path_factory.mktemp("golden") / "trainings")


@pytest.fixture
def place(golden, tmp_path, monkeypatch):
    """Return a folder with a result folder, slides and an archive, where the commands below find what they need."""
    shutil.copytree(golden, tmp_path / "results" / "trainings")
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
    monkeypatch.setattr(predict, "as_record", lambda *_: {"not_a_medical_device": "", "images": []})
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


@pytest.mark.parametrize("options", ["size=1m,ro", "size=64k"], ids=["read-only", "full"])
@pytest.mark.parametrize("command", [line for line in COMMANDS.values() if "OUT" in line])
def test_another_disk_that_takes_nothing_is_one_line(place, command, options, monkeypatch, capsys):
    """The system's own errors, which differ from those of a process's limit."""
    with mounted(place / "disk", options) as disk:
        if not options.endswith("ro"):
            with suppress(OSError), open(disk / "filler", "wb", buffering=0) as filler:
                while filler.write(bytes(4096)) == 4096:
                    pass
        before = contents(disk)
        lines, code = run(command, disk / "new", monkeypatch, capsys)
        assert code == 2 and len(lines) == 1 and lines[0].startswith("error: "), lines
        assert contents(disk) == before and not [path for path in disk.rglob("*") if HOST in path.name]


def test_what_a_killed_process_left_is_cleared_by_the_next_command(place, monkeypatch, capsys):
    (place / f"leuknet-{HOST}.{10**12}-abc").mkdir()  # no process has such a number, and none may be looked for by it
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


def test_printing_to_a_full_device_is_one_line_and_to_a_closed_pipe_none():
    command = [sys.executable, "-m", "leuknet", "paper", "tables"]
    with open("/dev/full", "w") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 2 and done.stderr.count("\n") == 1 and "No space left on device" in done.stderr
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, text=True)
    os.close(writing)
    assert done.returncode in (0, 1) and done.stderr == ""


def test_an_error_is_one_line_whatever_the_name_in_it(tmp_path, monkeypatch, capsys):
    (tmp_path / "a\nb\x1b[2J" / "maybe").mkdir(parents=True)
    monkeypatch.setattr(sys, "argv", ["leuknet", "data", "check", str(tmp_path)])
    with pytest.raises(SystemExit) as ended:
        main()
    said = capsys.readouterr().err
    assert ended.value.code == 2 and said.count("\n") == 1 and "\x1b" not in said


OWN_FILES = {
    "groups": "data audit slides --groups OUT",
    "splits": "data splits slides --out OUT",
    "predict": "predict slides --run x --json --out OUT",
    "runs": "runs list results --out OUT.csv",
}


@pytest.mark.parametrize("command", OWN_FILES.values(), ids=OWN_FILES)
def test_a_file_of_the_users_is_not_written_over(place, command, monkeypatch, capsys):
    path = place / ("mine.csv" if command.endswith(".csv") else "mine")
    path.write_text("image,group\na,b\n")
    lines, code = run(command, place / "mine", monkeypatch, capsys)
    assert code == 2 and len(lines) == 1 and str(path) in lines[0]
    assert path.read_text() == "image,group\na,b\n"
    path.unlink()
    assert run(command, place / "mine", monkeypatch, capsys)[1] == 0 and path.stat().st_size
    again = run(command, place / "mine", monkeypatch, capsys)[1]
    assert again == (2 if "--groups" in command else 0)  # its own file is replaced, but nothing marks a groups.csv


def test_an_export_replaces_exports_only(place, monkeypatch, capsys):
    (place / "nets").mkdir()
    (place / "nets" / "model.keras").write_text("my network")
    before = contents(place)
    monkeypatch.undo()
    with pytest.raises(LeuknetError, match="did not write"), _outputs.replaced_folder(place / "nets"):
        pass
    assert contents(place) == before


def test_pictures_and_tables_of_a_strangers_folder_are_no_links(place, tmp_path_factory):
    """A link could put any file of the reader's into what he publishes."""
    secret = tmp_path_factory.mktemp("home") / "secret"
    Image.fromarray(np.full((8, 8, 3), 77, np.uint8)).save(secret, "PNG")
    picture = place / "results" / "figures" / "06_lodocv-y"
    picture.with_suffix(".png").symlink_to(secret)
    record = picture.with_name("06_lodocv-x.json").read_text()
    picture.with_suffix(".json").write_text(record)
    gallery.gallery(place / "results", place / "gallery")
    assert [path.name for path in (place / "gallery").glob("*.png")] == ["06_lodocv-x.png"]
    assert [path.stem for path in gallery.own_files(place / "results" / "figures", "*.png")] == ["06_lodocv-x"]


@pytest.mark.parametrize("name", ["07_feature_space-table10", "07_feature_space-linear", "08_activation_maps-verdict"])
@pytest.mark.parametrize("text", ["", "a,b\n1,2,3,4\n", "who\nhere\n", "\xff\0", "classifier,A (%),images\nx,y,z\n"])
def test_damaged_tables_of_pages_are_as_if_the_page_had_not_run(place, name, text):
    (place / "results" / "tables").mkdir()
    (place / "results" / "tables" / f"{name}.csv").write_text(text, "latin-1")
    (place / "results" / "tables" / f"{name}.json").write_text("{}")
    sources = Sources(report.results.pd.DataFrame(), place / "results")
    for rule in (pages.linear, pages.nuclei, pages.separable):
        assert rule({"scenario": "LODOCV", "first": "mDFT"}, sources).verdict == CANNOT
    assert feature_spaces(place / "results") is None
    (place / "results" / "tables" / f"{name}.json").write_text('{"page": 7, "name": ["x"], "caption": 1}')
    report.page_sections(place / "results")
