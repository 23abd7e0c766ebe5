"""Precision "auto": measured once, kept, and a concrete one in every run's settings."""

import json

import pytest

from leuknet.exceptions import LeuknetError
from leuknet.models.settings import TrainSettings
from leuknet.study import precision
from leuknet.study.profiles import names, profile

NANO = TrainSettings(backbone="VGG16-nano", weights="random", batch=2)


@pytest.mark.parametrize(("ratio", "chosen"), [(2.0, "mixed_bfloat16"), (1.1, "float32"), (0.5, "float32")])
def test_the_faster_one_is_measured_once_and_kept(monkeypatch, tmp_path, ratio, chosen):
    monkeypatch.delenv("LEUKNET_PRECISION")
    monkeypatch.setenv("LEUKNET_CACHE", str(tmp_path))
    calls = []

    def timings(settings, size):
        calls.append(size)
        return {"float32": ratio, "mixed_bfloat16": 1.0}

    monkeypatch.setattr(precision, "_timings", timings)
    assert [precision.fastest_precision(NANO, 32) for _ in range(3)] == [chosen] * 3 and calls == [32]
    precision.fastest_precision(NANO, 48)
    assert calls == [32, 48]  # another structure is measured of its own


def test_a_process_of_its_own_times_a_step_in_both_precisions(monkeypatch, tmp_path):
    monkeypatch.delenv("LEUKNET_PRECISION")
    monkeypatch.setenv("LEUKNET_CACHE", str(tmp_path))
    assert precision.fastest_precision(NANO, 32) in ("float32", "mixed_bfloat16")
    [kept] = tmp_path.glob("precision/*.json")
    seconds = json.loads(kept.read_text())
    assert set(seconds) == {"float32", "mixed_bfloat16"} and all(value > 0 for value in seconds.values())


def test_settings_name_a_precision_whatever_the_profile_says(monkeypatch):
    monkeypatch.setenv("LEUKNET_PRECISION", "mixed_bfloat16")
    for name in names():
        expected = "mixed_bfloat16" if profile(name).training.get("precision") == "auto" else "float32"
        assert profile(name).settings().precision == expected
    assert profile("smoke").settings().precision == "float32"
    assert profile("smoke", precision="auto").settings(approach="mSFT").precision == "mixed_bfloat16"
    assert profile("demo", precision="float32").settings().precision == "float32"


def test_a_training_itself_is_never_auto(monkeypatch):
    with pytest.raises(LeuknetError, match="precision = 'auto': give one of float32, mixed_bfloat16"):
        TrainSettings(precision="auto")
    monkeypatch.setenv("LEUKNET_PRECISION", "float8")
    with pytest.raises(LeuknetError, match="precision = 'float8'"):
        precision.fastest_precision(NANO, 32)
