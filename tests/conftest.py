"""What several tests share."""

import fcntl
import gc
import importlib.util
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

# A change passes or fails by what it changed: the same examples each time, however busy the machine is.
# To look for new ones: pytest --hypothesis-profile=default
settings.register_profile("steady", derandomize=True, deadline=None)
settings.load_profile("steady")

gc.set_threshold(20_000, 20, 20)  # as the command line does: expressions are collected in larger heaps

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared" / "data"

#: Files that take longest: begun first, so that no worker is left alone with one at the end. What needs no demo
#: stands second, so that a second worker does not wait while the first one makes it.
LONGEST = (
    *("commands/test_run", "kpis/test_kpi_history", "kpis/test_kpi_twins", "risk/test_breach", "tests/test_readme"),
    *("snapshots/test_snapshots", "commands/test_forecast", "tests/test_notebooks", "store/test_reruns"),
    *("project/test_leakage", "stages/test_staff", "tests/test_packaging", "commands/test_failed_stages"),
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the files that take longest first; see ``--no-loadscope-reorder`` in the Makefile."""
    rank = {name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: rank.get(f"{item.path.parent.name}/{item.path.stem}", len(rank)))


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


@pytest.fixture(scope="session")
def mariadb_uri() -> Iterator[str]:
    """Give the address of a real MariaDB server that lives as long as the tests, or skip where there is none."""
    pytest.importorskip("pymysql", reason="needs the extra 'mysql'")
    import mariadb_server

    if reason := mariadb_server.why_not():
        pytest.skip(reason)
    with mariadb_server.server() as uri:
        yield uri


@pytest.fixture(scope="session")
def demo_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder in which ``deskcast demo desk`` was run once for all workers; copy it before changing anything."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "demo_home"
    folder.mkdir(exist_ok=True)
    with (folder.parent / "demo_home.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "said.txt").exists():
            command = [Path(sys.executable).parent / "deskcast", "demo", "desk", "--cases", "2500", "--seed", "3"]
            done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stderr
            (folder / "said.txt").write_text(done.stdout)
    return folder
