"""The runner of pages, on small notebooks made here: what it checks first, what it leaves behind, how it ends."""

import json
import os
import signal
import subprocess
import sys
import time

import filelock
import nbformat
import numpy as np
import pandas as pd
import psutil
import pytest
from made import hear_ctrl_c
from nbformat import v4
from PIL import Image

from leuknet.data.folder import check_folder
from leuknet.exceptions import LeuknetError
from leuknet.pages import index, runner
from leuknet.study import experiments

pytestmark = pytest.mark.slow

PARAMETERS = 'profile = "demo"\ndata = None\nout = None\nseed = 0\nchanges = {}'


def write_page(folder, name, code, parameters=PARAMETERS):
    header = v4.new_markdown_cell(f"# Title of {name}\n\n**Question.** Does\nit run? **Paper.** None.")
    tagged = v4.new_code_cell(parameters, metadata={"tags": ["parameters"]})
    spec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    book = v4.new_notebook(cells=[header, tagged, v4.new_code_cell(code)], metadata={"kernelspec": spec})
    nbformat.write(book, folder / f"{name}.ipynb")


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "books"
    path.mkdir()
    return path


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """A study of one page that fails, one whose kernel dies and one that goes well, with a figure and a table."""
    folder, out = tmp_path_factory.mktemp("books"), tmp_path_factory.mktemp("out")
    write_page(folder, "01_raises", 'import sys\nprint("on the way", file=sys.stderr)\n1 / 0')
    write_page(folder, "02_dies", "import os\nos._exit(7)")
    write_page(
        folder,
        "03_good",
        "import json, os, pathlib, sys\nimport numpy as np\nx = np.ones(150_000_000, np.uint8)\n"
        'for room in ("figures", "tables"):\n    (pathlib.Path(out) / room).mkdir()\n'
        'side = json.dumps({"page": "03_good", "alt": "cells < blasts"})\n'
        '(pathlib.Path(out) / "figures" / "03_good-a.json").write_text(side)\n'
        '(pathlib.Path(out) / "figures" / "03_good-a.png").write_bytes(b"")\n'
        '(pathlib.Path(out) / "tables" / "loose.csv").write_text("a")\n'
        'print(json.dumps([sys.executable, profile, seed, os.environ["KERAS_BACKEND"]]))\n'
        "import time\ntime.sleep(5)",  # the sampler sees the array on a busy machine too
    )
    records = runner.run_study("smoke", out=out, parameters={"seed": 3}, folder=folder, backend="jax")
    return out, folder, {record.page: record for record in records}


def test_a_page_that_fails_does_not_stop_the_others(ran):
    assert {name: record.status for name, record in ran[2].items()} == {
        "01_raises": "failed",
        "02_dies": "failed",
        "03_good": "ok",
    }
    assert ran[2]["01_raises"].error == "ZeroDivisionError: division by zero"
    assert "died" in ran[2]["02_dies"].error


def test_kernel_is_this_python_with_the_parameters_and_backend_given(ran):
    notebook = nbformat.read(ran[0] / "pages" / "03_good.ipynb", as_version=4)
    printed = json.loads(notebook.cells[-1].outputs[0].text)
    assert printed == [sys.executable, "smoke", 3, "jax"]


def test_peak_memory_is_that_of_the_kernel(ran):
    peaks = {name: record.peak_mb for name, record in ran[2].items()}
    assert peaks["03_good"] > peaks["01_raises"] + 100 and 20 < peaks["01_raises"] < 1000


def test_log_keeps_standard_error_and_traceback(ran):
    log = (ran[0] / "logs" / "01_raises.log").read_text("utf-8")
    assert "on the way" in log and "ZeroDivisionError" in log and "1 / 0" in log


def test_only_a_finished_page_leaves_a_finished_notebook(ran):
    names = sorted(path.name for path in (ran[0] / "pages").iterdir())
    assert names == [
        "01_raises.failed.ipynb",
        "01_raises.json",
        "02_dies.failed.ipynb",
        "02_dies.json",
        "03_good.html",
        "03_good.ipynb",
        "03_good.json",
    ]


def test_html_has_title_banner_and_needs_no_network(ran):
    text = (ran[0] / "pages" / "03_good.html").read_text("utf-8")
    assert "<title>Title of 03_good</title>" in text
    assert "not a medical device" in text and "profile <b>smoke</b>" in text and "synthetic" in text
    assert "<script src=" not in text and "<link rel=" not in text


def test_index_shows_every_page_with_its_figures_and_tables(ran):
    text = (ran[0] / "index.html").read_text("utf-8")
    assert "Title of 01_raises" in text and "pages/01_raises.failed.ipynb" in text and "logs/01_raises.log" in text
    assert "pages/03_good.html" in text and "Does it run?" in text
    assert 'src="figures/03_good-a.png" alt="cells &lt; blasts"' in text
    assert text.index("Other figures and tables") < text.index("tables/loose.csv")


def test_summary(ran):
    table = pd.read_csv(ran[0] / "summary.csv", dtype={"error": str})
    assert list(table["page"]) == ["01_raises", "02_dies", "03_good"]
    assert table["seconds"].gt(0).all() and list(table["status"]) == ["failed", "failed", "ok"]
    assert (ran[0] / "summary.md").read_text("utf-8").count("\n") == 5


def test_another_run_of_a_page_replaces_its_results_and_keeps_the_others(ran, capsys):
    out, folder, _ = ran
    write_page(folder, "01_raises", "print(1)")
    write_page(folder, "03_good", "raise ValueError('a\\nb')")
    records = runner.run_study("smoke", only=["1", "good"], out=out, folder=folder)
    assert [(record.page, record.status) for record in records] == [("01_raises", "ok"), ("03_good", "failed")]
    names = {path.name for path in (out / "pages").iterdir()}
    assert {"01_raises.ipynb", "01_raises.html", "03_good.failed.ipynb"} <= names
    assert not names & {"01_raises.failed.ipynb", "03_good.ipynb", "03_good.html"}
    assert [record["status"] for record in index.read_records(out)] == ["ok", "failed", "failed"]
    assert "ValueError" in capsys.readouterr().err


def test_plain_papermill_runs_a_page(folder, tmp_path):
    write_page(folder, "06_page", "print(profile)")
    command = [
        sys.executable,
        "-m",
        "papermill",
        folder / "06_page.ipynb",
        tmp_path / "out.ipynb",
        "-p",
        "profile",
        "smoke",
    ]
    subprocess.run(command, check=True, capture_output=True)
    assert nbformat.read(tmp_path / "out.ipynb", as_version=4).cells[-1].outputs[0].text == "smoke\n"


def test_pages_side_by_side_and_a_gathering_page_when_the_others_have_ended(folder, tmp_path, monkeypatch):
    """Each of two pages waits for the other to begin; the page that reads their tables begins after both."""
    monkeypatch.setattr(runner, "GATHERING", ("00_gathers",))
    marks = {name: str(tmp_path / name) for name in ("01_one", "02_two")}
    for name, other in (("01_one", "02_two"), ("02_two", "01_one")):
        begin = f"import os, time\nopen({marks[name]!r}, 'w').close()\n"
        wait = f"while not os.path.exists({marks[other]!r}):\n    time.sleep(0.05)\n"
        write_page(folder, name, f"{begin}{wait}time.sleep(0.5)\nopen({marks[name] + ' ended'!r}, 'w').close()")
    ended = " and ".join(f"os.path.exists({mark + ' ended'!r})" for mark in marks.values())
    write_page(folder, "00_gathers", f"import os\nassert {ended}")
    records = runner.run_study("smoke", out=tmp_path / "out", folder=folder, jobs=2)
    assert [record.status for record in records] == ["ok"] * 3


def test_what_pages_need_is_trained_once_before_the_first_page_begins(folder, tmp_path, monkeypatch):
    """Two pages that need one run; each asserts that it is finished, and reads it without training."""
    changes = {"fraction": 0.001, "floor": 2, "size": 32, "epochs": 1}
    ask = (
        "from leuknet.study import experiments, open_study\n"
        "study = open_study('x', 'smoke', None, out, changes=changes)\n"
        "specs = experiments.first_training(study)\n"
        "assert all(map(study.store.done, specs))\n"
        "assert study.finish(specs).trained == 0"
    )
    for name in ("01_one", "02_two"):
        write_page(folder, name, ask, 'profile = "smoke"\nout = None\nchanges = {}')
    plan = {name: (experiments.first_training,) for name in ("01_one", "02_two")}
    monkeypatch.setattr(experiments, "PAGES", plan)
    records = runner.run_study("smoke", out=tmp_path / "out", folder=folder, jobs=2, parameters={"changes": changes})
    assert [record.status for record in records] == ["ok", "ok"]
    assert len(list((tmp_path / "out" / "trainings").glob("*/done.json"))) == 1


def test_pages_in_order_with_title_question_and_parameters(folder):
    write_page(folder, "10_last", "")
    write_page(folder, "02_first", "", 'profile: str = "demo"\nout = other = None')
    (folder / "notes.ipynb").touch()
    first, last = runner.list_pages(folder)
    assert (first.name, first.number, last.name) == ("02_first", "02", "10_last")
    assert (first.title, first.question) == ("Title of 02_first", "Does it run?")
    assert first.parameters == ["profile", "out", "other"]


@pytest.mark.parametrize(
    ("only", "chosen"),
    [([], ["01_a", "06_b", "10_c"]), (["10", "1"], ["01_a", "10_c"]), (["06,b"], ["06_b"]), (["06_b"], ["06_b"])],
)
def test_select(folder, only, chosen):
    for name in ("01_a", "06_b", "10_c"):
        write_page(folder, name, "")
    assert [page.name for page in runner.select(runner.list_pages(folder), only)] == chosen


def small_cohort(path):
    for label in ("positive", "negative"):
        (path / "A" / label).mkdir(parents=True)
        pixels = np.random.default_rng(0).integers(0, 256, (32, 32, 3), np.uint8)
        Image.fromarray(pixels).save(path / "A" / label / "a.png")
    return path


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"only": ["7"]}, "no page '7'; there are: 01_a"),
        ({"parameters": {"epochs": 3}}, "page 01_a has no parameter 'epochs'; it has: profile, data"),
        ({"profile": "huge"}, "huge"),
        ({"parameters": {"changes": {"epoch": 3}}}, "epoch"),
        ({"backend": "theano"}, "no backend 'theano'; there are: tensorflow"),
        ({"data": "nowhere"}, "no folder"),
        ({"data": "."}, "no folder positive or negative"),
    ],
)
def test_what_cannot_be_honoured_is_reported_before_anything_starts(folder, tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    write_page(folder, "01_a", "open('started', 'w')")
    with pytest.raises(LeuknetError, match=message):
        runner.run_study(folder=folder, **arguments)
    assert not (tmp_path / "runs").exists() and not (tmp_path / "started").exists()


def test_backend_that_is_not_installed(folder, tmp_path, monkeypatch):
    write_page(folder, "01_a", "")
    monkeypatch.setattr(runner.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(LeuknetError, match="jax is not installed: .* -m pip install jax"):
        runner.run_study(folder=folder, out=tmp_path / "out", backend="jax")


def test_results_do_not_go_where_the_pages_are(tmp_path):
    with pytest.raises(LeuknetError, match="another --out"):
        runner.check_out(runner.notebooks_dir() / "results")
    (tmp_path / "file").touch()
    with pytest.raises(LeuknetError, match="cannot write"):
        runner.check_out(tmp_path / "file")


def test_data_folder(tmp_path):
    assert check_folder(small_cohort(tmp_path / "slides")) == (tmp_path / "slides").resolve()


def test_page_without_parameters_or_not_a_notebook(folder):
    nbformat.write(v4.new_notebook(cells=[v4.new_code_cell("")]), folder / "01_a.ipynb")
    with pytest.raises(LeuknetError, match="01_a has no cell tagged 'parameters'"):
        runner.run_study(folder=folder)
    (folder / "01_a.ipynb").write_text("{")
    with pytest.raises(LeuknetError, match=r"01_a.ipynb is not a readable notebook"):
        runner.list_pages(folder)
    with pytest.raises(LeuknetError, match="no pages"):
        runner.list_pages(folder / "none")


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_study_leaves_no_process_and_no_finished_page(folder, tmp_path, sent):
    out, started = tmp_path / "out", tmp_path / "started"
    (out / "pages").mkdir(parents=True)
    (out / "pages" / "01_slow.ipynb").write_text("earlier result")
    sleeper = "import subprocess, time\np = subprocess.Popen(['sleep', '300'])\n"
    write_page(folder, "01_slow", f"{sleeper}open({str(started)!r}, 'w').write(str(p.pid))\ntime.sleep(300)")
    write_page(folder, "02_next", "import time\ntime.sleep(300)")
    code = (
        "import sys\nfrom leuknet import cli\nfrom leuknet.pages import runner\n"
        f"runner.notebooks_dir = lambda: {str(folder)!r}\n"
        f"sys.argv = ['leuknet', 'study', '--out', {str(out)!r}]\ncli.main()"
    )
    study = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE, text=True, preexec_fn=hear_ctrl_c)
    while study.poll() is None and not (started.exists() and started.read_text()):
        time.sleep(0.1)
    sleep = psutil.Process(int(started.read_text()))
    tree = psutil.Process(study.pid).children(recursive=True)
    os.kill(study.pid, sent)
    printed = study.communicate(timeout=60)[1]
    assert study.returncode == 130 and "interrupted" in printed and "Traceback" not in printed
    assert sleep in tree and psutil.wait_procs(tree, timeout=5)[1] == []
    assert [path.name for path in (out / "pages").iterdir()] == ["01_slow.ipynb"]
    assert (out / "pages" / "01_slow.ipynb").read_text() == "earlier result"


def test_two_studies_at_once_in_one_folder(folder, tmp_path):
    """Both render the same pages again and again; every page and the index are whole, and nothing else is left."""
    out = tmp_path / "out"
    for name in ("01_one", "02_two"):
        write_page(folder, name, "print(profile)")
    code = (
        "import sys\nfrom leuknet.pages.runner import run_study\n"
        "for _ in range(2):\n    records = run_study('smoke', out=sys.argv[1], folder=sys.argv[2], jobs=2)\n"
        "    assert [record.status for record in records] == ['ok', 'ok']"
    )
    command = [sys.executable, "-c", code, str(out), str(folder)]
    studies = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    for study in studies:
        said = study.communicate(timeout=600)[1]
        assert study.returncode == 0, said
    assert [record["status"] for record in index.read_records(out)] == ["ok", "ok"]
    for name, other in (("01_one", "02_two"), ("02_two", "01_one")):
        assert nbformat.read(out / "pages" / f"{name}.ipynb", as_version=4).cells[-1].outputs[0].text == "smoke\n"
        text = (out / "pages" / f"{name}.html").read_text("utf-8")
        assert text.rstrip().endswith("</html>") and f'href="{other}.html"' in text
    assert not [path for path in out.rglob(".*") if path.is_file()]


def test_a_page_published_while_its_links_are_written_is_not_lost(tmp_path):
    """Who links the pages waits for who publishes one, and the other way round."""
    (tmp_path / "logs").mkdir()
    with runner._publishing(tmp_path), pytest.raises(filelock.Timeout):
        runner._publishing(tmp_path).acquire(timeout=0)


@pytest.mark.parametrize("name", list(index.SIGNS))
def test_a_folder_with_somebody_elses_site_is_no_result_folder(folder, tmp_path, name):
    write_page(folder, "01_a", "open('started', 'w')")
    (tmp_path / name).write_text("<h1>My site</h1>")
    with pytest.raises(LeuknetError, match=f"{name} was not written by leuknet"):
        runner.run_study("smoke", out=tmp_path, folder=folder)
    assert (tmp_path / name).read_text() == "<h1>My site</h1>"


def test_results_do_not_go_among_the_slides(folder, tmp_path):
    write_page(folder, "01_a", "")
    slides = small_cohort(tmp_path / "slides")
    for out in (slides, slides / "runs" / "demo"):
        with pytest.raises(LeuknetError, match="within the slides' folder"):
            runner.run_study("smoke", data=slides, out=out, folder=folder)
    assert [path.name for path in slides.iterdir()] == ["A"]


def test_a_page_is_not_logged_through_a_link(folder, tmp_path):
    """In a result folder from somebody else."""
    write_page(folder, "01_a", "print(1)")
    (tmp_path / "out" / "logs").mkdir(parents=True)
    (tmp_path / "thesis.tex").write_text("a year's work")
    (tmp_path / "out" / "logs" / "01_a.log").symlink_to(tmp_path / "thesis.tex")
    with pytest.raises(OSError, match="symbolic"):
        runner.run_study("smoke", out=tmp_path / "out", folder=folder)
    assert (tmp_path / "thesis.tex").read_text() == "a year's work"
