"""The doctor: each shortage has its fix, and only what is needed counts as missing."""

from importlib import metadata
from pathlib import Path
from types import SimpleNamespace

import pytest
from packaging.requirements import Requirement

from leuknet.study import doctor


def test_packages_are_all_that_the_project_declares():
    findings = {finding.name: finding for finding in doctor.packages()}
    assert {"Python", "leuknet", "numpy", "keras", "tensorflow"} <= set(findings)
    assert findings["numpy"].found == metadata.version("numpy") and findings["numpy"].state == "ok"
    assert not {"jax", "distributed", "pytest"} & set(findings)


@pytest.mark.parametrize(
    ("line", "state"), [("numpy>=1", "ok"), ("numpy<1", "missing"), ("no-such-thing>=2", "missing")]
)
def test_package(line, state):
    finding = doctor.package(Requirement(line))
    assert finding.state == state
    assert (line in finding.fix) == (state == "missing")


def test_another_build_of_the_same_module_counts():
    finding = doctor.package(Requirement("tensorflow>=2"))
    assert finding.state == "ok" and finding.found.startswith("2.")


def test_package_not_installed_at_all(monkeypatch):
    def absent(name):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(doctor.metadata, "distribution", absent)
    assert [(finding.name, finding.state) for finding in doctor.packages()] == [
        ("Python", "ok"),
        ("leuknet", "missing"),
    ]


@pytest.mark.parametrize(("short", "advice"), [(0.5, "mixed_bfloat16 pays"), (10.0, "leave precision at float32")])
def test_precision_advises_by_what_a_step_took(monkeypatch, short, advice):
    monkeypatch.setattr(doctor, "step_seconds", {"float32": 1.0, "mixed_bfloat16": short}.get)
    assert doctor.precision().found.endswith(advice) and f"at {1 / short:.2g} times" in doctor.precision().found


@pytest.mark.slow
def test_a_step_is_timed_in_both_types():
    assert all(0 < doctor.step_seconds(policy) < 60 for policy in ("float32", "mixed_bfloat16"))


@pytest.mark.parametrize(("seen", "state"), [(["cpu:0"], "limited"), (["gpu:0", "gpu:1"], "ok"), (["cuda:0"], "ok")])
def test_devices(monkeypatch, seen, state):
    monkeypatch.setattr(doctor, "seen_devices", lambda: seen)
    finding = doctor.devices()
    assert finding.state == state and seen[0] in finding.found
    assert (".[gpu]" in finding.fix) == (state == "limited")


@pytest.mark.parametrize(("gigabytes", "state"), [(16, "ok"), (2, "limited")])
def test_memory(monkeypatch, gigabytes, state):
    monkeypatch.setattr(doctor.psutil, "virtual_memory", lambda: SimpleNamespace(available=gigabytes * 1e9))
    assert doctor.memory().state == state


@pytest.mark.parametrize(("free", "state"), [(50, "ok"), (1, "limited")])
def test_disk_of_a_folder_yet_to_be_made(monkeypatch, tmp_path, free, state):
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda path: SimpleNamespace(free=free * 1e9))
    assert doctor.folder_space("cache", tmp_path / "a" / "b", "set LEUKNET_CACHE").state == state
    assert not (tmp_path / "a").exists()


def test_folder_not_writable_is_missing(monkeypatch, tmp_path):
    monkeypatch.setattr(doctor.os, "access", lambda path, mode: False)
    finding = doctor.folder_space("cache", tmp_path, "set LEUKNET_CACHE")
    assert finding.state == "missing" and "set LEUKNET_CACHE" in finding.fix


def test_weights_at_hand_and_not():
    there = doctor.backbone_weights("VGG16", {"imagenet": Path("folder/VGG16.weights.h5"), "formula": None})
    assert there.state == "ok" and "imagenet: " in there.found and "formula" not in there.found
    found = doctor.backbone_weights("VGG16", {"imagenet": None, "formula": None})
    assert found.state == "limited" and "LEUKNET_WEIGHTS" in found.fix


def test_weights_asks_the_room_that_knows(monkeypatch, tmp_path):
    (tmp_path / "VGG19.weights.h5").touch()
    monkeypatch.setenv("LEUKNET_WEIGHTS", str(tmp_path))
    findings = {finding.name: finding for finding in doctor.weights()}
    assert findings["weights VGG19"].state == "ok" and str(tmp_path) in findings["weights VGG19"].found


def test_text_puts_the_fix_below_its_finding():
    lines = doctor.as_text([doctor.Finding("ab", "1"), doctor.Finding("c", "none", "limited", "get c")]).splitlines()
    assert lines[0].split() == ["limited", "c", "none"] and lines[1].strip() == "-> get c"
    assert lines[2] == "1 ok, 1 limited; all of it: leuknet doctor --verbose" and len(lines) == 3


def test_all_of_it_is_listed_on_request():
    found = [doctor.Finding("ab", "1"), doctor.Finding("c", "none", "limited", "get c")]
    lines = doctor.as_text(found, verbose=True).splitlines()
    assert lines[0].split() == ["ok", "ab", "1"] and lines[-1] == "1 ok, 1 limited"
    assert doctor.as_text(found[:1]).startswith("1 ok; ")
