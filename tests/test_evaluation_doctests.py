"""The examples in the evaluation room's docstrings give what they show."""

import doctest
import importlib
import pkgutil

import pytest

from leuknet import evaluation

MODULES = [f"leuknet.evaluation.{module.name}" for module in pkgutil.iter_modules(evaluation.__path__)]
MODULES.append("leuknet._statistics")


@pytest.mark.parametrize("name", MODULES)
def test_examples_hold(name):
    assert doctest.testmod(importlib.import_module(name)).failed == 0


def test_there_are_examples():
    finder = doctest.DocTestFinder()
    found = [test for name in MODULES for test in finder.find(importlib.import_module(name)) if test.examples]
    assert len(found) >= 6
