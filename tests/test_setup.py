"""The set-up files agree with each other and with the code, so that none of them can drift."""

import ast
import json
import re
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import leuknet
from leuknet.pages.runner import list_pages

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tools"))
from pin_environment import pinned  # noqa: E402

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
DECLARED = {canonicalize_name(Requirement(line).name): line for line in PROJECT["project"]["dependencies"]}
EXTRAS = PROJECT["project"]["optional-dependencies"]
LOCK = (ROOT / "requirements.lock").read_text("utf-8")
CONDA = (ROOT / "environment.yml").read_text("utf-8")
NOT_IMPORTED = {
    "jupyterlab": "a program that people open the pages with",
    "tqdm": "pooch draws its progress bar with it",
}
OPTIONAL = {
    "jax": "jax",
    "torch": "a backend that users bring",
    "onnx": "onnx",
    "dask": "cluster",
    "distributed": "cluster",
    "dask-jobqueue": "cluster",
    "sphinx": "site",
}
MODULES = {"cv2": "opencv-python-headless", "PIL": "pillow", "skimage": "scikit-image", "sklearn": "scikit-learn"}
MODULES |= {
    "umap": "umap-learn",
    "jupyter_client": "jupyter-client",
    "IPython": "ipython",
    "dask_jobqueue": "dask-jobqueue",
}


def imports(source):
    """Return the top names of the modules that Python source imports anywhere."""
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names.add(node.module.split(".")[0])
    return names


def imported_packages():
    names = set()
    for path in (ROOT / "leuknet").rglob("*.py"):
        names |= imports(path.read_text("utf-8"))
    for path in (ROOT / "notebooks").glob("*.ipynb"):
        cells = json.loads(path.read_text("utf-8"))["cells"]
        names |= set().union(
            *(imports("".join(cell["source"])) for cell in cells if cell["cell_type"] == "code"), set()
        )
    third = names - set(sys.stdlib_module_names) - {"leuknet"}
    return {canonicalize_name(MODULES.get(name, name)) for name in third}


def conda_lines():
    pip = next(item for item in yaml.safe_load(CONDA)["dependencies"] if isinstance(item, dict))
    return pip["pip"]


def test_every_import_is_declared():
    undeclared = imported_packages() - set(DECLARED) - set(OPTIONAL)
    assert not undeclared, f"imported but not in pyproject.toml: {sorted(undeclared)}"


@pytest.mark.slow
def test_every_dependency_is_imported():
    unused = set(DECLARED) - imported_packages() - set(NOT_IMPORTED)
    assert not unused, f"in pyproject.toml but not imported: {sorted(unused)}"
    assert set(NOT_IMPORTED) <= set(DECLARED) and not set(NOT_IMPORTED) & imported_packages()


def test_conda_environment_is_pyproject():
    names = [canonicalize_name(Requirement(line).name) for line in conda_lines()[:-1]]
    assert names == list(DECLARED) and conda_lines()[-1] == "-e ."
    python = next(item for item in yaml.safe_load(CONDA)["dependencies"] if str(item).startswith("python"))
    assert python.removeprefix("python").strip() == PROJECT["project"]["requires-python"]


def test_conda_environment_has_the_locks_versions():
    assert pinned(CONDA, LOCK, DECLARED) == CONDA
    exact = [line for line in conda_lines() if "==" in line]
    assert len(exact) > 30 and "keras==" in " ".join(exact)


def test_every_line_of_the_conda_environment_says_what_for():
    lines = CONDA.split("dependencies:\n")[1].splitlines()
    assert all(re.search(r" # \w.{5,}", line) for line in lines if line.strip() != "- pip:")


def test_readme_is_short_and_names_every_page_with_its_question():
    text = (ROOT / "README.md").read_text("utf-8")
    rows = [f"| [{page.title}](notebooks/{page.name}.ipynb) | {page.question} |" for page in list_pages()]
    assert [line for line in text.splitlines() if line.startswith("| [")] == rows
    assert len(text.splitlines()) <= 120


def test_extras():
    assert set(EXTRAS) == {"gpu", "jax", "jax-cuda", "onnx", "cluster", "site", "dev"}
    assert Requirement(EXTRAS["gpu"][0]).extras == {"and-cuda"} and Requirement(EXTRAS["jax-cuda"][0]).extras == {
        "cuda12"
    }


def test_lock_pins_all_and_names_no_place():
    pins = [line for line in LOCK.replace("\\\n", "").splitlines() if line and not line.lstrip().startswith("#")]
    assert all(re.fullmatch(r"[a-z0-9.-]+==\S+( ; [^;]+?)?( +--hash=sha256:[0-9a-f]{64})+", pin) for pin in pins)
    assert not re.search(r"://|--(?!hash=)|@|^\.|\.whl|(^|\s)/", LOCK, flags=re.MULTILINE)


def test_the_installation_demands_the_hashes():
    assert "pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock" in dry_run(
        "test", "-W", "requirements.lock"
    )


@pytest.mark.parametrize("line", [*DECLARED.values(), *EXTRAS["dev"], *EXTRAS["site"], *EXTRAS["cluster"]])
def test_lock_satisfies(line):
    wanted = Requirement(line)
    pins = re.findall(rf"^{canonicalize_name(wanted.name)}==(\S+)", LOCK, flags=re.MULTILINE)
    assert pins and all(wanted.specifier.contains(pin) for pin in pins)


def test_nvidia_libraries_come_only_with_the_gpu_extra():
    assert not re.search(r"^(nvidia|torch)", LOCK, flags=re.MULTILINE)


def test_package_data_is_packed():
    patterns = PROJECT["tool"]["setuptools"]["package-data"]["*"]
    packed = {path for pattern in patterns for path in (ROOT / "leuknet").glob(pattern)}
    files = subprocess.run(
        ["git", "ls-files", "leuknet"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    left_out = [name for name in files if not name.endswith(".py") and ROOT / name not in packed]
    assert files and left_out == []


def test_no_registry_and_no_home_in_committed_files():
    files = ["pyproject.toml", "requirements.lock", "environment.yml", "Makefile", ".ci/run", ".pre-commit-config.yaml"]
    for name in files:
        assert not re.search(
            r"https?://|file:/|/root|/home|/opt|--(extra-)?index-url", (ROOT / name).read_text("utf-8")
        ), name


def test_version_is_one():
    cff = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))
    assert cff["version"] == leuknet.__version__ == metadata.version("leuknet")
    assert cff["references"][0]["doi"] == "10.3390/s21092989"


def dry_run(*arguments):
    done = subprocess.run(["make", "-n", *arguments], cwd=ROOT, capture_output=True, text=True)
    return done.stdout + done.stderr


@pytest.mark.parametrize("target", ["study", "test"])
def test_make_installs_when_the_lock_changed_and_only_then(target, tmp_path):
    new, old = tmp_path / "new", tmp_path / "old"
    assert "pip install" in dry_run(target, "-W", "requirements.lock")
    assert "pip install" in dry_run(target, "-W", "pyproject.toml")
    new.touch()
    assert not old.exists() and "pip install" in dry_run(target, f"READY={old}")
    assert "pip install" not in dry_run(target, f"READY={new}")


def test_make_names_the_python_it_needs(tmp_path):
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\nexit 1\n")
    python.chmod(0o755)
    arguments = ["make", f"PYTHON={python}", f"READY={tmp_path / 'ready'}", str(tmp_path / "ready")]
    done = subprocess.run(arguments, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode != 0 and "Python 3.11, 3.12 or 3.13 is needed" in done.stderr
    assert not (tmp_path / "ready").exists()


def test_actions_are_pinned_by_commit():
    uses = re.findall(r"uses: *(\S+)(.*)", (ROOT / ".github/workflows/ci.yml").read_text("utf-8"))
    assert uses
    for action, comment in uses:
        assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", action) and re.fullmatch(r" # v\d+(\.\d+)*", comment), action
