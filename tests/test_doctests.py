"""Every example in a docstring runs and shows what it says."""

import doctest
import importlib
import pkgutil

import deskcast
import pytest

ROOMS = ("features", "forecasting", "models", "extend", "pipelines")

#: Examples in the docstrings when the rooms were divided: a walk that finds fewer has lost its way.
FEWEST_EXAMPLES = 1000


def modules() -> list[str]:
    """Name the face, the rooms and every module below them, sub-packages included."""
    names = ["deskcast"]
    for room in ROOMS:
        package = importlib.import_module(f"deskcast.{room}")
        names += [package.__name__]
        names += [m.name for m in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")]
    return names


@pytest.mark.parametrize("name", modules())
def test_examples_in_docstrings(name):
    module = importlib.import_module(name)
    flags = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
    failed, _ = doctest.testmod(module, optionflags=flags)
    assert failed == 0


def test_the_walk_finds_the_examples():
    finder = doctest.DocTestFinder(exclude_empty=True)
    found = sum(
        len(test.examples)
        for name in modules()
        for test in finder.find(importlib.import_module(name), name)
        if test.examples
    )
    assert found >= FEWEST_EXAMPLES


def test_rooms_are_all_looked_at():
    root = importlib.import_module("deskcast").__path__[0]
    assert deskcast.__version__
    found = {m.name for m in pkgutil.iter_modules([root]) if m.ispkg}
    assert set(ROOMS) <= found
