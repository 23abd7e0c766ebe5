"""Golden run keys: settings, fold, seed and cohort decide a run's key, and moving code must not change it."""

import json
from pathlib import Path

import pandas as pd
import pytest

from leuknet.evaluation.splits import Split
from leuknet.runs.spec import RunSpec, settings_from_dict

GOLDEN = json.loads((Path(__file__).parent / "golden" / "run_keys.json").read_text("utf-8"))


def _split():
    rows = [("a", "A", "train"), ("b", "A", "train"), ("c", "A", "test"), ("a", "B", "test"), ("c", "B", "train")]
    return Split("LODOCV", pd.DataFrame(rows, columns=["image_id", "fold", "role"]))


@pytest.mark.parametrize("entry", GOLDEN, ids=[entry["what"] for entry in GOLDEN])
def test_the_key_of_a_run_does_not_change(entry):
    spec = RunSpec(settings_from_dict(entry["settings"]), _split(), entry["fold"], entry["seed"], entry["cohort_key"])
    assert spec.key == entry["key"]
