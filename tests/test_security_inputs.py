"""Inputs from strangers other than run folders: thread settings, git's configuration, checkpoints and tables."""

import subprocess

import numpy as np
import pytest

import leuknet
from leuknet.data.user_tables import read_table
from leuknet.exceptions import LeuknetError
from leuknet.runs import provenance
from leuknet.runs.checkpoint import Checkpoint
from leuknet.runs.reproduce import variables


def test_known_threads_and_backends_are_taken():
    threads = dict.fromkeys(provenance.THREADS, "2")
    assert variables({"threads": threads, "backend": "jax"}) == threads | {"KERAS_BACKEND": "jax"}
    assert variables({}, "torch") == {"KERAS_BACKEND": "torch"}
    for backend in ("os", "../evil", "", None, 7, ["jax"]):
        with pytest.raises(LeuknetError, match="backend .* is unknown"):
            variables({"backend": backend})


def test_git_is_called_without_the_users_configuration(tmp_path, monkeypatch):
    """What ran a command once: a monitor of the file system, named by the environment or by the home folder."""
    trace = tmp_path / "trace"
    script = tmp_path / "monitor"
    script.write_text(f"#!/bin/sh\ntouch {trace}\n")
    script.chmod(0o755)
    (tmp_path / ".gitconfig").write_text(f"[core]\n\tfsmonitor = {script}\n")
    subprocess.run(["git", "init", "-q", tmp_path / "checkout"], check=True)
    someone = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    commit = ["git", *someone, "commit", "-q", "--allow-empty", "-m", "one"]
    subprocess.run(commit, cwd=tmp_path / "checkout", check=True)
    values = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "core.fsmonitor", "GIT_CONFIG_VALUE_0": str(script)}
    for name, value in (values | {"HOME": str(tmp_path), "GIT_CONFIG_GLOBAL": str(tmp_path / ".gitconfig")}).items():
        monkeypatch.setenv(name, value)
    (tmp_path / "checkout" / "file").write_text("text")
    monkeypatch.setattr(leuknet, "__file__", str(tmp_path / "checkout" / "leuknet" / "__init__.py"))
    assert provenance.commit.__wrapped__() and not trace.exists()  # not what is cached of this checkout


CHECKPOINTS = {
    "text": b"no checkpoint",
    "empty": b"",
    "head only": b"PK\x03\x04",
    "no arrays": b"PK\x05\x06" + bytes(18),
    "pickled": None,
    "history is no list": {"history": '{"epoch": 1}'},
    "history is no JSON": {"history": "["},
    "environment is a list": {"made": "[]"},
    "epoch is text": {"epoch": "first"},
    "seconds are missing": {"seconds": None},
    "a weight is text": {"state00000": np.array(["x"])},
    "earlier places are text": {"made": '{"legs": "everywhere"}'},
    "packages are a list": {"made": '{"packages": [], "backend": ["x"]}'},
}


@pytest.mark.parametrize("content", CHECKPOINTS.values(), ids=CHECKPOINTS)
def test_a_hostile_checkpoint_is_passed_over(tmp_path, content, capsys):
    path = tmp_path / "checkpoint.npz"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        arrays = {"epoch": 1, "history": "[]", "made": "{}", "seconds": 1.0} | (content or {"state": np.array([{}])})
        np.savez(path, **{name: value for name, value in arrays.items() if value is not None})
    assert Checkpoint(path, 30).load([]) is None
    assert "starts over" in capsys.readouterr().err and not path.exists()


def test_a_users_table_is_read_up_to_a_limit(tmp_path, monkeypatch):
    (tmp_path / "groups.csv").write_text("image,group\n" + "a,b\n" * 100)
    assert len(read_table(tmp_path / "groups.csv", ["image", "group"])) == 100
    monkeypatch.setattr("leuknet.data.user_tables.MAX_BYTES", 100)
    with pytest.raises(LeuknetError, match="above the limit"):
        read_table(tmp_path / "groups.csv", ["image", "group"])
