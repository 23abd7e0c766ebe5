"""Fixtures for the whole suite."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ["LEUKNET_PRECISION"] = "float32"  # no test measures which is faster
at_once = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", 1))
for name in ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "NPROC"):
    os.environ.setdefault(name, str(max(os.cpu_count() // at_once, 1)))  # not every process on every core


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory):
    """Keep the suite's cache apart from the user's own."""
    folder = tmp_path_factory.mktemp("cache")
    os.environ["LEUKNET_CACHE"] = str(folder)
    return folder


@pytest.fixture(scope="session")
def shared():
    """Return the folder `shared` beside the checkout, or skip: users do not have it."""
    folder = Path(__file__).resolve().parents[2] / "shared"
    if not (folder / "real").is_dir():
        pytest.skip("needs the folder 'shared' with real slides and weights beside the checkout")
    return folder


@pytest.fixture(scope="session")
def grid_cohort(cache):
    """Return the small synthetic cohort on which the tests of grids train."""
    from killer import RECIPE

    from leuknet.data.load import load_cohort

    return load_cohort(**RECIPE)


@pytest.fixture(scope="session")
def grid_specs(grid_cohort):
    """Return a training of some epochs and a comparison system that takes no time."""
    from killer import small_grid

    from leuknet.baselines.settings import BaselineSettings

    training = small_grid(grid_cohort, seeds=1)[0]
    return [training, replace(training, settings=BaselineSettings(baseline="mean-colour"))]


@pytest.fixture(scope="session")
def whole(grid_cohort, grid_specs, tmp_path_factory):
    """Return the folder of runs that nothing disturbed."""
    from leuknet.runs.executors.local import execute_here
    from leuknet.runs.store import Store

    store = Store(tmp_path_factory.mktemp("whole"))
    assert execute_here(grid_specs, store, grid_cohort).failed == {}
    return store
