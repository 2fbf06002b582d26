"""Fixtures for what shows and records a run."""

import importlib.util
from pathlib import Path

import pytest

_SPEC = importlib.util.spec_from_file_location("stages_fixture", Path(__file__).with_name("stages_fixture.py"))
_MODULE = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(_MODULE)


@pytest.fixture(scope="session")
def made_up():
    """Return the function that makes up the outcomes of all stages."""
    return _MODULE.made_up_stages


@pytest.fixture(scope="session")
def stages(made_up):
    return made_up()
