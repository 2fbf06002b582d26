"""Kill a night at every k-th operation, and see that results are whole and no alarm is lost unnoticed or sent twice.

    python benchmarks/killed_nights.py [EVERY] [FIRST]
    python benchmarks/killed_nights.py full [EVERY] [FIRST]

With ``full`` the disk is full at the operation instead: what opens, makes, links or renames a file is told so.

An operation is a file that is opened to be written, renamed or removed, a statement of the state, a connection or a
process that is started. The stages of the night are made up, so that it is short; everything after them is real. After
each kill the last results must be readable, and a second run of the same night must end well with the alarm sent once,
or noted as one of which nobody knows whether it arrived.
"""

from __future__ import annotations

import errno
import multiprocessing
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pandas as pd
from deskcast.features.errors import InputError
from deskcast.pipelines.alarms import outbox
from deskcast.pipelines.commands.nights import run_night
from deskcast.pipelines.commands.run import STAGES
from deskcast.pipelines.pages import report
from deskcast.pipelines.project.config import load_config
from deskcast.pipelines.stage import Stage
from deskcast.pipelines.stages.stage_run import StageRun
from deskcast.pipelines.state.database import read_state
from deskcast.pipelines.state.records import read_records
from deskcast.pipelines.store.results import read_results
from sqlalchemy import Engine, event

#: What a full disk refuses, beside files that are opened to be written.
REFUSED = ("os.rename", "os.mkdir", "os.link")
#: How a night ends in which the operation was not reached.
NOT_REACHED = 66
#: What is counted beside the statements of the state; ``open`` only where it is for writing.
COUNTED = ("os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.link", "socket.connect", "subprocess.Popen")
TOML = 'timezone = "Europe/Lisbon"\n[source.cases]\npath = "cases.csv"\n[[alarm]]\non = "digest"\nwebhook = "{url}"\n'


def write_desk(folder: Path, url: str, count: int) -> None:
    """Write a desk whose log has so many cases, an hour apart."""
    times = pd.date_range("2024-03-01", periods=count, freq="h")
    rows = [f"{k},{at:%Y-%m-%d %H:%M}" for k, at in enumerate(times)]
    (folder / "cases.csv").write_text("\n".join(["case_id,created_at", *rows]) + "\n")
    (folder / "deskcast.toml").write_text(TOML.format(url=url))


def play_night(folder: Path, kill_at: int = 0, *, full: bool = False) -> int:
    """Run a night in a process of its own that is killed at an operation, or finds the disk full there.

    Returns how it ended: 0 well, 2 refused, 98 with a failure.
    """
    child = os.fork()
    if child == 0:
        code = 99
        try:
            code = _night(folder, kill_at, full)
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _night(folder: Path, kill_at: int, full: bool) -> int:
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.dup2(null, 2)
    skipped = {name: Stage(name, skipped="nothing to do") for name in STAGES}
    made = skipped | {"history": Stage("history", {"history": pd.DataFrame({"kpi": ["x"]})}, ("A day.",))}
    StageRun.compute = lambda _, name: made[name]  # type: ignore[method-assign]
    report.write_report = lambda _, path, **__: path.write_text("page")  # type: ignore[assignment]
    reached = lambda: True  # noqa: E731 - what hears tells it
    if kill_at:
        reached = _stop_at(kill_at, full)
    else:
        outbox.MAX_SENDING = pd.Timedelta(0)  # whoever was sending is dead
    try:
        outcome = run_night(folder / "deskcast.toml", record_runs=False)
    except (InputError, OSError):
        return 2
    return NOT_REACHED if not reached() else 98 if outcome.failures else 0


def _stop_at(operation: int, full: bool) -> Callable[[], bool]:
    """Count operations and stop at one; return what tells whether it was reached."""
    left = operation

    def count() -> None:
        nonlocal left
        left -= 1
        if left == 0 and full:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def hear(name: str, args: tuple[object, ...]) -> None:
        if name == "open" and len(args) > 2:
            if isinstance(args[2], int) and args[2] & (os.O_WRONLY | os.O_RDWR):
                count()
        elif name in (REFUSED if full else COUNTED):
            count()

    sys.addaudithook(hear)
    for moment in () if full else ("before_cursor_execute", "commit"):
        event.listen(Engine, moment, lambda *_: count())
    return lambda: left <= 0


def check_kill(folder: Path, kill_at: int, posts: Callable[[], int], *, full: bool = False) -> bool:
    """Kill the second night of a desk at an operation, or fill its disk, and run it again; False where it ended before.

    Raises
    ------
    AssertionError
        If results are not whole, an alarm was sent twice or is gone, or a file is left.
    """
    before, belongs = posts(), {p.name for p in folder.iterdir()}
    ended = play_night(folder, kill_at, full=full)
    if ended == NOT_REACHED:
        return False
    assert ended in ((0, 2, 98) if full else (-signal.SIGKILL,)), f"operation {kill_at}: ended with {ended}"
    end = time.monotonic() + 15  # a process of its own cleans up behind a killed one
    while (left := {p.name for p in folder.iterdir()} - belongs) and time.monotonic() < end:
        time.sleep(0.02)
    assert not left, f"operation {kill_at}: left {left}"
    tables = read_results(folder / "results").tables
    assert tables["history"]["kpi"].tolist() == ["x"]
    assert play_night(folder) in (0,), f"operation {kill_at}: the same night again fails"
    place = load_config(folder / "deskcast.toml").state_place
    with read_state(place) as state:
        waiting, sent = outbox.read_waiting(state), read_records(state, "alarms_sent")
    arrived, unknown = posts() - before, int((sent["error"] == outbox.UNKNOWN).sum())
    assert not waiting, f"operation {kill_at}: {len(waiting)} wait"
    assert len(sent) == 2, f"operation {kill_at}: {len(sent)} alarms of two nights are noted"
    assert arrived <= 1, f"operation {kill_at}: sent {arrived} times"
    assert arrived + unknown >= 1, f"operation {kill_at}: lost"
    return True


@contextmanager
def hook(folder: Path) -> Iterator[tuple[str, Callable[[], int]]]:
    """Serve a webhook in a process of its own; give its address, and what counts the posts."""
    told, place = folder / "posts", folder / "port"
    server = multiprocessing.get_context("spawn").Process(target=_serve, args=(told, place), daemon=True)
    server.start()
    try:
        while not place.exists() or not place.read_text():
            time.sleep(0.02)
        yield f"http://127.0.0.1:{place.read_text()}/", lambda: told.read_text().count("\n") if told.exists() else 0
    finally:
        server.terminate()
        server.join()


def _serve(told: Path, place: Path) -> None:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            with told.open("a") as file:
                file.write("post\n")
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    place.write_text(str(server.server_address[1]))
    server.serve_forever()


def main(every: int, first: int, *, full: bool) -> None:
    """Kill a night at each operation in turn, or fill its disk."""
    with tempfile.TemporaryDirectory() as scratch, hook(Path(scratch)) as (url, posts):
        base = Path(scratch) / "base"
        base.mkdir()
        write_desk(base, url, 40)
        assert play_night(base) == 0
        write_desk(base, url, 64)
        operation = first
        while True:
            folder = Path(scratch) / "desk"
            shutil.copytree(base, folder)
            if not check_kill(folder, operation, posts, full=full):
                break
            shutil.rmtree(folder)
            operation += every
        what = "disk full" if full else "killed"
        print(f"{what} at every {every}. of {operation - 1} operations: results whole, no alarm lost or sent twice")


if __name__ == "__main__":
    words = [word for word in sys.argv[1:] if word != "full"]
    main(int(words[0]) if words else 1, int(words[1]) if len(words) > 1 else 1, full="full" in sys.argv)
