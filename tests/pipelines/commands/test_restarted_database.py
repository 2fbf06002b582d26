"""PostgreSQL that is restarted in the middle of a night, at operations from the first to the last."""

import json

import pandas as pd
import postgres
import pytest
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
from deskcast.pipelines.store.database_results import read_database_results
from deskcast.pipelines.store.results import read_results
from sqlalchemy import Engine, event

TOML = """
timezone = "Europe/Lisbon"
[source.cases]
path = "cases.csv"
[state]
database = "{uri}"
[results]
database = "{uri}"
schema = "desk"
[[alarm]]
on = "digest"
file = "alarms.jsonl"
"""
#: Statements and commits between two of those at which the server is restarted.
EVERY = 7


@pytest.fixture
def server():
    if reason := postgres.why_not():
        pytest.skip(reason)
    pytest.importorskip("psycopg", reason="needs the extra 'postgres'")
    with postgres.server() as uri:
        yield uri


@pytest.fixture
def restart_at(server):
    """Return a function that lets the server be restarted at an operation, and one that tells whether it was."""
    left, mode = 0, "fast"

    def count(*_):
        nonlocal left
        left -= 1
        if left == 0:
            postgres.restart(server, mode)

    def begin(operation):
        nonlocal left, mode
        left, mode = operation, "fast" if operation % 2 else "immediate"

    moments = ("before_cursor_execute", "commit")
    for moment in moments:
        event.listen(Engine, moment, count)
    yield begin, lambda: left <= 0
    for moment in moments:
        event.remove(Engine, moment, count)


def write_desk(folder, uri, night):
    times = pd.date_range("2024-03-01", periods=40 + 24 * night, freq="h")
    pd.DataFrame({"case_id": [f"c{k}" for k in range(len(times))], "created_at": times}).to_csv(
        folder / "cases.csv", index=False
    )
    (folder / "deskcast.toml").write_text(TOML.format(uri=uri))


def play(folder, night, *, later=False):
    """Run a night whose stages are made up; return what it says has failed. Later, nobody is sending any more."""
    made = {name: Stage(name, skipped="nothing to do") for name in STAGES}
    made["history"] = Stage("history", {"history": pd.DataFrame({"night": [night]})}, ("A day.",))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(StageRun, "compute", lambda _, name: made[name])
        if later:
            patch.setattr(outbox, "MAX_SENDING", pd.Timedelta(0))
        patch.setattr(report, "write_report", lambda _, path, **__: path.write_text("page"))
        try:
            outcome = run_night(folder / "deskcast.toml", record_runs=False)
        except InputError as error:
            return [str(error)]
    return [reason for _, reason in outcome.failures] + outcome.undelivered


@pytest.mark.slow
def test_a_night_says_so_in_one_line_and_the_next_run_is_whole(tmp_path, server, restart_at):
    begin, was_reached = restart_at
    write_desk(tmp_path, server, 0)
    assert play(tmp_path, 0) == []
    config = load_config(tmp_path / "deskcast.toml")
    spec = config.results_copy
    night, said, reached = 0, [], True
    while reached:
        night += 1
        write_desk(tmp_path, server, night)
        begin(1 + EVERY * (night - 1))
        failed, reached = play(tmp_path, night), was_reached()
        begin(0)  # no other than the night is cut short
        said += failed
        assert len(failed) <= 1
        for results in (read_results(tmp_path / "results"), read_database_results(spec)):
            assert results.tables["history"]["night"].tolist() in ([night - 1], [night])
        assert play(tmp_path, night, later=True) == []
        for results in (read_results(tmp_path / "results"), read_database_results(spec)):
            assert results.tables["history"]["night"].tolist() == [night]
        alarms = [json.loads(line) for line in (tmp_path / "alarms.jsonl").read_text().splitlines()]
        with read_state(config.state_place) as state:
            noted = read_records(state, "alarms_sent")
        assert len(noted) == len(alarms) == night + 1
    assert len(said) >= night - 1 > 3
    for line in said:
        assert "\n" not in line
        assert "closed the connection" in line or "terminating connection" in line
