"""What several tests share."""

import importlib.util
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

# A change passes or fails by what it changed: the same examples each time, however busy the machine is.
# To look for new ones: pytest --hypothesis-profile=default
settings.register_profile("steady", derandomize=True, deadline=None)
settings.load_profile("steady")

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Callable[[str], Path]:
    """Return a function that gives the path of a real data file, or skips the test where it is absent."""

    def find(name: str) -> Path:
        path = SHARED / name
        if not path.exists():
            pytest.skip(f"needs the real data file {name}, which is not part of the project")
        return path

    return find


@pytest.fixture(scope="session")
def postgres_uri() -> Iterator[str]:
    """Give the address of a real PostgreSQL server that lives as long as the tests; each worker has its own."""
    spec = importlib.util.spec_from_file_location("postgres", Path(__file__).with_name("postgres.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    if reason := module.why_not():
        pytest.skip(reason)
    pytest.importorskip("psycopg", reason="needs the extra 'postgres'")
    with module.server() as uri:
        yield uri
