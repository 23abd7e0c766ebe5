"""The command line: loads little, says one line on bad input, and ends with the right code."""

import json
import subprocess
import sys

import pytest

HEAVY = ("tensorflow", "keras", "jax", "torch", "matplotlib", "papermill", "pandas")


def leuknet(*arguments):
    return subprocess.run([sys.executable, "-m", "leuknet.cli", *arguments], capture_output=True, text=True)


@pytest.mark.parametrize("code", ["import leuknet", "import leuknet.cli", "import leuknet.study"])
def test_import_loads_nothing_heavy(code):
    loaded = subprocess.run(
        [sys.executable, "-c", f"{code}; import sys; print(*[name for name in {HEAVY} if name in sys.modules])"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert loaded.stdout.split() == []


def test_pages_can_be_drawn_without_a_backend():
    code = f"import sys, leuknet.plots; print(*[name for name in {HEAVY[:4]} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_help_loads_nothing_heavy():
    code = (
        "import sys, atexit, leuknet.cli\n"
        f"atexit.register(lambda: print('LOADED', *[name for name in {HEAVY} if name in sys.modules]))\n"
        "sys.argv = ['leuknet', '--help']\n"
        "leuknet.cli.main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0 and "study" in done.stdout and "doctor" in done.stdout
    assert done.stdout.splitlines()[-1] == "LOADED"


def test_version():
    done = leuknet("--version")
    assert done.returncode == 0 and done.stdout.startswith("leuknet 0.")


@pytest.mark.slow
def test_bad_input_is_one_line_and_code_2():
    done = leuknet("study", "--set", "epochs")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "error: --set wants KEY=VALUE, not 'epochs'\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--only", "99"], "no page '99'"),
        (["06", "98"], "no page '98'"),
        (["--data", "nowhere"], "no folder"),
        (["--backend", "theano"], "no backend 'theano'"),
        (["--profile", "huge"], "'huge'"),
        (["--set", "epoch=3"], "unknown profile key 'epoch': did you mean epochs?"),
    ],
)
def test_study_rejects_bad_arguments(arguments, message, tmp_path, monkeypatch, capsys):
    from leuknet import cli

    monkeypatch.setenv("KERAS_BACKEND", "tensorflow")  # the command sets it for its process
    monkeypatch.setattr(sys, "argv", ["leuknet", "study", "--out", str(tmp_path / "out"), *arguments])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    printed = capsys.readouterr()
    assert ended.value.code == 2 and printed.out == ""
    assert printed.err.startswith("error: ") and printed.err.count("\n") == 1 and message in printed.err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("pairs", "values"),
    [
        (["epochs=3", "learning_rate=1e-3"], {"epochs": 3, "learning_rate": 0.001}),
        (["weights=formula", "nano=False"], {"weights": "formula", "nano": False}),
        (["dense=(64, 32)", "a=b=c"], {"dense": (64, 32), "a": "b=c"}),
    ],
)
def test_set_reads_python_literals_and_text(pairs, values):
    from leuknet.study.profiles import values_of

    assert values_of(pairs) == values


def test_doctor_json_is_all_of_it(monkeypatch, capsys):
    import typer

    from leuknet.cli.study import doctor_command
    from leuknet.study import doctor

    found = [doctor.Finding("a", "1"), doctor.Finding("b", "none", "missing", "get b")]
    monkeypatch.setattr(doctor, "examine", lambda: found)
    with pytest.raises(typer.Exit) as ended:
        doctor_command(as_json=True)
    assert ended.value.exit_code == 1
    assert json.loads(capsys.readouterr().out)[1] == {"name": "b", "found": "none", "state": "missing", "fix": "get b"}
    monkeypatch.setattr(doctor, "examine", lambda: found[:1])
    doctor_command(as_json=False)
    assert capsys.readouterr().out == "1 ok; all of it: leuknet doctor --verbose\n"
    doctor_command(as_json=False, verbose=True)
    assert capsys.readouterr().out.split() == ["ok", "a", "1", "1", "ok"]
