"""Precision "auto": measured once, kept, and a concrete one in every run's settings."""

import json

import pytest

from leuknet.exceptions import LeuknetError
from leuknet.models.settings import TrainSettings
from leuknet.runs.planning import throughput
from leuknet.study import precision
from leuknet.study.profiles import names, profile

NANO = TrainSettings(backbone="VGG16-nano", weights="random", batch=2)


@pytest.mark.parametrize(("ratio", "chosen"), [(2.0, "mixed_bfloat16"), (1.1, "float32"), (0.5, "float32")])
def test_the_faster_one_is_measured_once_and_kept(monkeypatch, tmp_path, ratio, chosen):
    monkeypatch.delenv("LEUKNET_PRECISION")
    monkeypatch.setenv("LEUKNET_CACHE", str(tmp_path))
    calls = []

    def rate(settings, size, batches):
        calls.append((settings.precision, size))
        return {"float32": 1.0, "mixed_bfloat16": ratio}[settings.precision]

    monkeypatch.setattr(throughput, "rate", rate)
    both = [("float32", 32), ("mixed_bfloat16", 32)]
    assert [precision.fastest_precision(NANO, 32) for _ in range(3)] == [chosen] * 3 and calls == both
    precision.fastest_precision(NANO, 48)
    assert [size for _, size in calls] == [32, 32, 48, 48]  # another structure is measured of its own


@pytest.mark.slow
def test_both_precisions_are_measured_by_a_training(monkeypatch, tmp_path):
    """In this process; one of its own: `test_a_network_is_measured_in_a_process_of_its_own`."""
    import keras

    monkeypatch.delenv("LEUKNET_PRECISION")
    monkeypatch.setenv("LEUKNET_CACHE", str(tmp_path))
    monkeypatch.setattr(throughput, "rate", throughput.trial)
    before = keras.config.dtype_policy()
    try:
        assert precision.fastest_precision(NANO, 32) in ("float32", "mixed_bfloat16")
    finally:
        keras.config.set_dtype_policy(before)
    [kept] = tmp_path.glob("precision/*.json")
    rates = json.loads(kept.read_text())
    assert set(rates) == {"float32", "mixed_bfloat16"} and all(value > 0 for value in rates.values())


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
