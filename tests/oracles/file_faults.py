"""Stop a writer at its k-th file operation, for every k: killed, or with a disk that is full from there on.

Run as ``python file_faults.py ACTION kill|full FOLDER``. Everything is imported once; each k is a forked child that
does the action in a fresh copy of ``FOLDER/base`` with a hook before every operation on files that Python knows of
(opening to write, renaming, linking, making, removing, syncing, starting a process), before every statement and commit
of SQL, and within statements of SQLite. After each the child's end and
what it left are checked against the one rule: what was written last is whole, old or new, and nothing else is there.
One line of JSON a k goes to stdout: ``{"k": 3, "before": "os.rename", "ended": "killed", "state": "old", ...}``.
"""

import errno
import json
import os
import shutil
import signal
import sqlite3
import sys
import tempfile
import time
from collections import Counter
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pandas as pd
from deskcast.features.errors import InputError
from deskcast.models.shifts.ledger import LEDGER_COLUMNS, typed_ledger
from deskcast.pipelines.pages import report as pages
from deskcast.pipelines.stage import Stage
from deskcast.pipelines.state.alerts import write_alerts
from deskcast.pipelines.state.database import change_state, read_state
from deskcast.pipelines.state.issue import Issue, issue_rows
from deskcast.pipelines.state.issued import read_issued
from deskcast.pipelines.store import atomic_replace, flagged_cases, incidents, tracking
from deskcast.pipelines.store.results import read_results, replace_folder, write_stages
from sqlalchemy import Engine, event
from sqlalchemy.exc import OperationalError

#: Operations as Python's audit hooks name them; those that take room fail on a full disk.
ROOM = {"os.mkdir", "os.link", "os.symlink", "os.rename"}
SQL_OPERATIONS = ("before_cursor_execute", "commit")
OTHERS = {"os.remove", "os.rmdir", "os.chmod", "subprocess.Popen"}
PATIENCE_S = 20.0
MORNING = pd.Timestamp("2024-03-04T08:00Z")
NEXT_MORNING = MORNING + pd.Timedelta(days=1)
REFUSED, WELL = 17, 0
#: Steps of SQLite's machine between two places within a statement.
SQL_STEPS = 60
#: What SQLite leaves beside its file when it is killed, and takes up again by itself.
SQL_FILES = {"results-state/state.db-wal", "results-state/state.db-shm"}


class Faults:
    """Count the operations on files, and strike before one of them."""

    def __init__(self, k, how):
        self.k, self.how, self.seen, self.before = k, how, 0, ""

    def arm(self, sql):
        sys.addaudithook(self._hook)
        for module, name in ((os, "fsync"), (os, "replace"), (atomic_replace, "exchange")):
            self._wrap(module, name)
        for name in SQL_OPERATIONS if sql else ():
            event.listen(Engine, name, lambda *_, n=name: self._count(n, room=True))
        if sql and self.how == "kill":
            event.listen(Engine, "connect", self._within)

    def _within(self, database, _):
        if hasattr(database, "set_progress_handler"):
            database.set_progress_handler(lambda: self._count("within", room=False), SQL_STEPS)

    def _wrap(self, module, name):
        usual = getattr(module, name)

        def call(*args, **more):
            self._count(f"{name}", room=name != "exchange")
            done = usual(*args, **more)
            if name == "exchange":
                self._count("exchanged", room=False)
            return done

        setattr(module, name, call)

    def _hook(self, event, args):
        if event == "open" and isinstance(args[2], int) and args[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
            if isinstance(args[0], (str, bytes, Path)) and str(args[0]) != os.devnull:
                self._count("open", room=True)
        elif event in ROOM or event in OTHERS:
            self._count(event, room=event in ROOM)

    def _count(self, name, room):
        if self.how == "full" and not room:
            return
        self.seen += 1
        if self.seen == self.k:
            self.before = name
            os.write(1, f"{name}\n".encode())
        if self.how == "kill" and self.seen == self.k:
            os.kill(os.getpid(), signal.SIGKILL)
        if self.how == "full" and self.seen >= self.k:
            if name in SQL_OPERATIONS:  # as SQLAlchemy says it of a database file
                raise OperationalError(name, {}, sqlite3.OperationalError("database or disk is full"))
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def stages(run):
    tables = {f"t{i}": pd.DataFrame({"run": [run] * 3}) for i in range(2)}
    return [Stage("history", tables, (f"run {run}",), {}, {"run": float(run)})]


def ledger(ids):
    rows = [dict.fromkeys(LEDGER_COLUMNS) | {"alert_id": i, "kpi": "csat", "state": "open", "news": ""} for i in ids]
    return typed_ledger(pd.DataFrame(rows).fillna({"members": "all", "acknowledged_by": "", "note": ""}))


def picked(case):
    return pd.DataFrame({"metric": ["resolution"], "case_id": [case], "work_first": [True]})


def prepare(home):
    """Make results of a first run, a file of somebody else among them, and everything that is remembered beside."""
    results = home / "results"
    with replace_folder(results) as staging:
        write_stages(stages(1), staging, version="0")
        (staging / "report.html").write_text("report 1")
    (results / "mine.txt").write_text("mine")
    with change_state(results) as state:
        write_alerts(state, incidents._content(incidents.AlertState(ledger(["a", "b"]), MORNING.tz_localize(None))))
    incidents.save_acknowledgement(results, "a", "ann", MORNING.tz_localize(None), "seen")
    issue(results, "C-1", MORNING)


def commit(results):
    with replace_folder(results) as staging:
        write_stages(stages(2), staging, version="0")
        (staging / "report.html").write_text("report 2")


def commit_by_renames(results):
    """Commit where the file system cannot exchange two folders."""
    atomic_replace.exchange = lambda *_: False
    commit(results)


def acknowledge(results):
    incidents.check_alert_state(results)
    incidents.save_acknowledgement(results, "b", "ben", MORNING.tz_localize(None), "mine")


def flags(results):
    flagged_cases.save_flags(results, picked("C-2"), MORNING + pd.Timedelta(days=1))


def issue(results, case="C-2", at=NEXT_MORNING):
    """Do what a run does in the end: picks and all that is issued, together."""
    with change_state(results) as state:
        flagged_cases.save_flags(results, picked(case), at)
        risks = picked(case).assign(probability=0.5)
        issue_rows(state, Issue("risk", "resolution", at, at, at, "mean"), risks)
        issue_rows(state, Issue("risk", "escalation", at, at, at, "mean"), risks)


def report(results):
    pages.render_report = lambda *_, **__: "report 2"
    pages.write_report((), results / "report.html", title="", made_at=MORNING, version="0")


def record(results):
    one = replace(stages(2)[0], tables={"t0": pd.DataFrame({"run": [2] * 3})})
    tracking.record_run([one], uri="sqlite:///mlflow.db", experiment="desk", folder=results.parent)


#: Actions on our own database; what MLflow does in its own is struck at its files.
SQL_ACTIONS = ("acknowledge", "flags", "issue")
ACTIONS = {f.__name__: f for f in (commit, commit_by_renames, acknowledge, flags, issue, report, record)}


def state_of(home):
    """Say of each thing whether it is the old one or the new one; whatever is neither raises."""
    results = read_results(home / "results")
    runs = {int(v) for frame in results.tables.values() for v in frame["run"]} | {
        int(results.findings["history"][0][4:])
    }
    assert len(runs) == 1, f"a mixture: {runs}"
    assert len(results.tables) == 2
    assert (home / "results" / "mine.txt").read_text() == "mine"
    alerts = incidents.read_alert_state(home / "results").ledger.set_index("alert_id")["acknowledged_by"]
    assert alerts["a"] == "ann", "an acknowledgement is lost"
    with read_state(home / "results") as state:
        issued = len(read_issued(state, "risk"))
    return {
        "run": runs.pop(),
        "issued": issued,
        "report": (home / "results" / "report.html").read_text(),
        "acknowledged": int((alerts != "").sum()),
        "flags": len(flagged_cases.read_flags(home / "results", "resolution")),
    }


def recorded(home):
    """Return how many runs stand in the record by how they ended; the table of each that ended well must be whole."""
    with closing(sqlite3.connect(home / "mlflow.db")) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        runs = database.execute("SELECT status, name, artifact_uri FROM runs").fetchall()
    for status, name, place in runs:
        if (status, name) == ("FINISHED", "history"):
            assert len(pd.read_parquet(f"{place.removeprefix('file://')}/tables/t0.parquet")) == 3
    return dict(sorted(Counter(status for status, _, _ in runs).items()))


def names(home):
    """Return what stands in a folder; artifacts of MLflow belong to its runs, which say how they ended."""
    while True:
        try:
            return {p.relative_to(home).as_posix() for p in home.rglob("*") if "mlruns" not in p.parts}
        except FileNotFoundError:
            continue  # it is being cleaned up as we look


def left(home, allowed, scratch):
    """Wait for what cleans up behind a killed writer, and return what is there that does not belong."""
    end = time.monotonic() + PATIENCE_S
    while (more := names(home) - allowed - SQL_FILES | names(scratch)) and time.monotonic() < end:
        time.sleep(0.01)
    return sorted(more)


def strike(action, how, k, home):
    """Do an action in a child that is struck at operation k; return what it was before, and how the child ended."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            os.dup2(writing, 1)
            faults = Faults(k, how)
            faults.arm(action in SQL_ACTIONS)
            ACTIONS[action](home / "results")
            code = WELL
        except (InputError, OSError) as error:
            code = REFUSED if "\n" not in str(error) else 1
        finally:
            os._exit(code)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        before = pipe.readline().strip()
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return before, "killed"
    return before, {WELL: "well", REFUSED: "refused"}.get(os.WEXITSTATUS(status), f"exit {os.WEXITSTATUS(status)}")


def main(action, how, folder):
    base, scratch = folder / "base", folder / "tmp"
    base.mkdir(parents=True)
    scratch.mkdir()
    tempfile.tempdir = str(scratch)
    prepare(base)
    if action == "record":
        import mlflow.store.tracking.sqlalchemy_store  # noqa: F401 - once, for all children

        strike("record", "kill", 0, base)  # a first run, in a process of its own: no connection is forked
    k = 0
    while True:
        k += 1
        home = folder / f"home{k}"
        shutil.copytree(base, home)
        before, ended = strike(action, how, k, home)
        outcome = {"k": k, "before": before, "ended": ended}
        outcome["left"] = left(home, names(base), scratch)
        outcome |= state_of(home) | ({"recorded": recorded(home)} if action == "record" else {})
        if action == "record" and k % 8 == 1:  # who comes next marks what was killed
            outcome["next"] = strike("record", "kill", 0, home)[1]
            outcome["then"] = recorded(home)
        sys.stdout.write(json.dumps(outcome) + "\n")
        sys.stdout.flush()
        shutil.rmtree(home)
        if not before:
            break


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
