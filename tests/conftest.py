"""Fixtures for the whole suite."""

import os
import sys
from dataclasses import replace
from pathlib import Path

import hypothesis
import pytest

hypothesis.settings.register_profile("any machine", deadline=None)  # no test depends on the clock
hypothesis.settings.load_profile("any machine")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
sys.modules.setdefault("rfc3987_syntax", None)  # 2 s to import for nbformat's jsonschema, which never uses it here
os.environ["LEUKNET_PRECISION"] = "float32"  # no test measures which is faster
at_once = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", 1))
for name in ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "NPROC"):
    os.environ.setdefault(name, str(max(os.cpu_count() // at_once, 1)))  # not every process on every core


# Files that take longest are begun first, so that all workers end at about the same time (see the Makefile).
LONGEST = (
    "test_runs_cluster",
    "test_runs_local",
    "test_pages_runner",
    "test_pages_small_folders",
    "test_models_training",
    "test_baselines",
    "test_data_leakage",
    "test_models_networks",
    "test_models_weights",
    "test_cells_pipeline",
    "test_models_feature_space",
    "test_runs_checkpoint",
    "test_models_pretrain",
    "test_models_activation_maps",
    "test_docs",
)
REAL = pytest.StashKey()  # how many tests were deselected because there are no real images


def pytest_addoption(parser):
    """Add ``--real DIR``."""
    default = Path(__file__).resolve().parents[2] / "shared"
    parser.addoption("--real", type=Path, default=default, help="folder with real slides and weights (../shared)")


def pytest_ignore_collect(collection_path, config):
    """Import no module whose tests are all slow where ``-m`` leaves slow tests out."""
    if "not slow" in config.option.markexpr and collection_path.suffix == ".py":
        return "\npytestmark = pytest.mark.slow\n" in collection_path.read_text("utf-8") or None
    return None


@pytest.hookimpl(tryfirst=True)  # before -m selects by marker
def pytest_collection_modifyitems(config, items):
    """Put the longest files first; mark tests that use `shared` as ``real``, deselect them without real images."""
    places = {name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.path.stem, len(places)))
    real = [item for item in items if "shared" in getattr(item, "fixturenames", ())]
    for item in real:
        item.add_marker("real")
    if real and not (config.getoption("--real") / "real").is_dir():
        items[:] = [item for item in items if item not in real]
        config.hook.pytest_deselected(items=real)
        config.stash[REAL] = len(real)


def pytest_sessionfinish(session):
    """Hand the number of deselected tests from a worker to its controller."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["real"] = session.config.stash.get(REAL, 0)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node):
    """Take the number from a worker: each collects every test."""
    node.config.stash[REAL] = getattr(node, "workeroutput", {}).get("real", 0)


def pytest_terminal_summary(terminalreporter, config):
    """Print how many tests need real images and were not run."""
    if count := config.stash.get(REAL, 0):
        terminalreporter.write_line(f"{count} tests of real images not run: give their folder with --real DIR")


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory):
    """Keep the suite's cache apart from the user's own; the workers of pytest-xdist share one."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "cache"
    folder.mkdir(exist_ok=True)
    os.environ["LEUKNET_CACHE"] = str(folder)
    return folder


@pytest.fixture(scope="session")
def shared(request):
    """Return the folder with real slides (``real``) and weights (``weights``); only for tests marked ``real``."""
    return request.config.getoption("--real")


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
