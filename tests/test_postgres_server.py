"""The server of the tests ends with them, whatever ends them."""

import importlib.util
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

PLACE = Path(__file__).with_name("postgres.py")
SCRIPT = """
import importlib.util, sys, time
spec = importlib.util.spec_from_file_location("postgres", sys.argv[1])
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
with module.server() as uri:
    print(uri, flush=True)
    time.sleep(120)
"""


def runs(process):
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    state = Path(f"/proc/{process}/stat")
    return not (state.exists() and state.read_text().rsplit(")", 1)[1].split()[0] == "Z")  # a dead one nobody waits for


def becomes(condition, seconds=20.0):
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.05)
    return condition()


@pytest.mark.parametrize(
    "number",
    [signal.SIGKILL, *(pytest.param(n, marks=pytest.mark.slow) for n in (signal.SIGTERM, signal.SIGHUP))],
    ids=lambda n: n.name,
)
def test_no_server_outlives_tests_that_a_signal_ends(number):
    spec = importlib.util.spec_from_file_location("postgres", PLACE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    if reason := module.why_not():
        pytest.skip(reason)
    command = [sys.executable, "-c", SCRIPT, str(PLACE)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True) as tests:
        folder = Path(tests.stdout.readline().strip().rpartition("host=")[2])
        server = int((folder / "data" / "postmaster.pid").read_text().splitlines()[0])
        assert runs(server)
        os.killpg(tests.pid, number)
    assert tests.returncode == -number
    assert becomes(lambda: not runs(server))
    assert becomes(lambda: not folder.exists())
