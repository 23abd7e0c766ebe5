"""How worker processes share processors and GPUs, and counts of them that are refused."""

import pytest
from typer.testing import CliRunner

from leuknet.cli import app
from leuknet.exceptions import LeuknetError
from leuknet.runs.executors.local import slots
from leuknet.runs.provenance import THREADS


def test_slots_share_out_gpus_and_threads(monkeypatch):
    monkeypatch.setattr("leuknet.runs.executors.local.gpu_names", list)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr("os.cpu_count", lambda: 4)
    for name in THREADS:
        monkeypatch.delenv(name, raising=False)
    assert [s["CUDA_VISIBLE_DEVICES"] for s in slots(gpus=["0", "3"])] == ["0", "3"]
    assert [s["CUDA_VISIBLE_DEVICES"] for s in slots(3, ["0", "1"])] == ["0", "1", "0"]
    assert all(s["XLA_PYTHON_CLIENT_PREALLOCATE"] == "false" for s in slots(3, ["0", "1"]))
    assert len(slots()) == 1 and len(slots(narrow=True)) == 4 and len(slots(2, narrow=True)) == 2
    for jobs in (1, 2, 4):  # sums depend on threads: they must not depend on how many processes there are
        assert {s["TF_NUM_INTRAOP_THREADS"] for s in slots(jobs, narrow=True)} == {"1"}
        assert {s["TF_NUM_INTRAOP_THREADS"] for s in slots(jobs)} == {"4"}
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2,5")
    assert [s["CUDA_VISIBLE_DEVICES"] for s in slots()] == ["2", "5"]
    with pytest.raises(LeuknetError, match="no GPU 7 here: choose among 2, 5"):
        slots(gpus=["2", "7"])


@pytest.mark.parametrize("option", [("--jobs", "-1"), ("--jobs", "0")])
def test_counts_below_one_are_refused(option):
    done = CliRunner().invoke(app, ["train", "table3", *option])
    assert done.exit_code == 2 and "Invalid value" in done.output and option[0] in done.output
