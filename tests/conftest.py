"""Fixtures for the whole suite."""

import os
from pathlib import Path

import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")


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
