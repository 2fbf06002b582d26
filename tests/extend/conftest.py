"""Every test begins and ends with nothing registered."""

import sys

import pytest
from deskcast.extend import registered, unregister


@pytest.fixture(autouse=True)
def nothing_registered():
    modules, path = set(sys.modules), list(sys.path)
    assert registered() == {}
    yield
    for plugin in list(registered().values()):
        unregister(plugin.kind, plugin.name)
    sys.path[:] = path
    for name in set(sys.modules) - modules:
        if name.startswith("desk_plugins"):
            del sys.modules[name]
