"""Every example in a docstring runs and shows what it says."""

import doctest
import importlib
import pkgutil

import deskcast
import pytest

ROOMS = ("features", "forecasting", "models", "pipelines")


def modules() -> list[str]:
    names = ["deskcast"]
    for room in ROOMS:
        package = importlib.import_module(f"deskcast.{room}")
        names += [package.__name__]
        names += [f"{package.__name__}.{m.name}" for m in pkgutil.iter_modules(package.__path__)]
    return names


@pytest.mark.parametrize("name", modules())
def test_examples_in_docstrings(name):
    module = importlib.import_module(name)
    flags = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
    failed, _ = doctest.testmod(module, optionflags=flags)
    assert failed == 0


def test_rooms_are_all_looked_at():
    root = importlib.import_module("deskcast").__path__[0]
    assert deskcast.__version__
    found = {m.name for m in pkgutil.iter_modules([root]) if m.ispkg}
    assert set(ROOMS) <= found
