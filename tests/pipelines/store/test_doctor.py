"""The doctor: what is broken in results, state and tracking store is named, with what to do, and nothing is changed."""

import json
import shutil
import sqlite3
from contextlib import closing

import pandas as pd
import pytest
from deskcast.pipelines.commands.cli import app
from deskcast.pipelines.stage import Stage
from deskcast.pipelines.state.database import change_state
from deskcast.pipelines.state.issue import Issue, issue_rows
from deskcast.pipelines.store.results import replace_folder, write_stages
from deskcast.pipelines.store.tracking import record_run
from deskcast.pipelines.words.instants import Instants
from typer.testing import CliRunner

NIGHT = pd.Timestamp("2024-03-04T00:00Z")
CONFIG = '[source.cases]\npath = "cases.csv"\n'


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Make results, state and a tracking store once; each test breaks a copy."""
    home = tmp_path_factory.mktemp("doctor") / "desk"
    home.mkdir()
    (home / "deskcast.toml").write_text(CONFIG)
    stages = [Stage("history", {"history": pd.DataFrame({"kpi": ["backlog"]})}, ("Found.",))]
    write_results(home, stages, NIGHT)
    with change_state(home / "results") as state:
        risks = pd.DataFrame({"case_id": ["c1"], "probability": [0.5], "work_first": [True]})
        issue_rows(state, Issue("risk", "resolution", NIGHT, NIGHT, NIGHT, "mean"), risks)
    record_run(stages, uri="sqlite:///mlflow.db", experiment="deskcast", folder=home)
    return home


def write_results(home, stages, as_of):
    with replace_folder(home / "results") as staging:
        write_stages(stages, staging, version="0", instants=Instants.now(as_of, as_of))


@pytest.fixture
def desk(made, tmp_path, monkeypatch):
    home = tmp_path / "desk"
    shutil.copytree(made, home)
    with closing(sqlite3.connect(home / "mlflow.db")) as database, database:  # as the next run does after a copy
        for table, column in (("runs", "artifact_uri"), ("experiments", "artifact_location")):
            database.execute(f"UPDATE {table} SET {column} = replace({column}, ?, ?)", (str(made), str(home)))
    monkeypatch.chdir(home)
    return home


def doctor():
    done = CliRunner().invoke(app, ["doctor", "--json"])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    checks = json.loads(done.stdout)["checks"]
    return done.exit_code, {(c["what"], c["condition"]): c["said"] + " " + c["mend"] for c in checks}


def test_whole_stores_are_said_to_be_whole_and_nothing_is_changed(desk):
    before = {p: p.stat().st_mtime_ns for p in desk.rglob("*") if p.is_file()}
    code, found = doctor()
    assert code == 0
    assert set(found) == {("results", "whole"), ("state", "whole"), ("tracking", "whole")}
    assert {p: p.stat().st_mtime_ns for p in desk.rglob("*") if p.is_file()} == before
    assert "Nothing is broken." in CliRunner().invoke(app, ["doctor"]).stdout


def test_a_new_project_has_nothing_that_is_broken(tmp_path, monkeypatch):
    (tmp_path / "deskcast.toml").write_text(CONFIG)
    monkeypatch.chdir(tmp_path)
    code, found = doctor()
    assert (code, {condition for _, condition in found}) == (0, {"note"})
    assert [p.name for p in tmp_path.iterdir()] == ["deskcast.toml"]


def sql(path, *statements):
    with closing(sqlite3.connect(path)) as database, database:
        for statement in statements:
            database.execute(statement)


def swap_half(desk):
    (desk / "results").rename(desk / ".results.deskcast-old")


TABLE, OLD_ALERTS = "results/history.parquet", "results-state/alerts.json"
BROKEN = {
    "a table is missing": (lambda d: (d / TABLE).unlink(), "results", "history.parquet.*deskcast run"),
    "a table is damaged": (lambda d: (d / TABLE).write_text("x"), "results", "damaged.*deskcast run"),
    "an old file is damaged": (lambda d: (d / OLD_ALERTS).write_text("{}"), "state", "move alerts.json"),
    "results half swapped": (swap_half, "results", "killed while results changed places.*puts them back"),
    "no results of ours": (lambda d: (d / "results/findings.json").write_text("{}"), "results", "no findings.json"),
    "the state is damaged": (lambda d: (d / "results-state/state.db").write_text("x" * 5000), "state", "damaged.*copy"),
    "a table of the state is gone": (
        lambda d: sql(d / "results-state/state.db", "DROP TABLE notes"),
        "state",
        "1 of its tables are missing: notes",
    ),
    "the state is too new": (
        lambda d: sql(d / "results-state/state.db", "INSERT INTO schema_version VALUES (99, NULL)"),
        "state",
        "newer deskcast.*update",
    ),
    "the tracking store is damaged": (lambda d: (d / "mlflow.db").write_text("x"), "tracking", "no sqlite database"),
    "a table of MLflow is gone": (
        lambda d: sql(d / "mlflow.db", "DROP TABLE tags"),
        "tracking",
        "lacks the tables tags",
    ),
    "artifacts are gone": (lambda d: shutil.rmtree(d / "mlruns"), "tracking", "artifacts of 1 runs.*mlruns back"),
    "the experiment was deleted": (
        lambda d: sql(d / "mlflow.db", "UPDATE experiments SET lifecycle_stage = 'deleted' WHERE name = 'deskcast'"),
        "tracking",
        "was deleted",
    ),
}


@pytest.mark.parametrize("what", BROKEN)
def test_what_is_broken_is_named_with_how_to_mend_it(desk, what):
    hurt, store, message = BROKEN[what]
    hurt(desk)
    code, found = doctor()
    assert code == 2
    assert {key for key in found if key[1] == "broken"} == {(store, "broken")}
    assert pd.Series([found[store, "broken"]]).str.contains(message).all(), found[store, "broken"]


def test_what_is_in_order_or_mends_itself_is_a_note(desk):
    (desk / ".results.deskcast-new").mkdir()
    flags = pd.DataFrame({"metric": "resolution", "case_id": ["a"], "at": [NIGHT]})
    flags.to_parquet(desk / "results-state/flagged.parquet")
    sql(desk / "mlflow.db", "UPDATE experiments SET artifact_location = 'file:///elsewhere/mlruns/deskcast'")
    code, found = doctor()
    assert code == 0
    assert "left by a run that was killed" in found["results", "note"]
    assert "flagged.parquet of an earlier version" in found["state", "note"]
    assert "the project was moved" in found["tracking", "note"]
    assert (desk / "results-state/flagged.parquet").exists()  # reading it in is the next run's business


def test_a_run_that_failed_or_ended_before_it_issued_ends_with_four(desk):
    failed = Stage("forecast", {"forecast": pd.DataFrame({"ds": [1]})}, ("x",), failed="no column")
    write_results(desk, [failed], NIGHT)
    code, found = doctor()
    assert (code, "the stage 'forecast' failed: no column" in found["results", "failed"]) == (4, True)
    write_results(desk, [Stage("history", {}, ("x",))], NIGHT + pd.Timedelta("1D"))
    code, found = doctor()
    assert (code, "were not issued" in found["state", "failed"]) == (4, True)


def test_a_state_in_postgres_is_examined_and_one_that_is_away_is_named_without_its_password(desk, request):
    text = (desk / "deskcast.toml").read_text()
    away = "postgresql://ann:s3cret@127.0.0.1:9/desk?connect_timeout=2"
    (desk / "deskcast.toml").write_text(f'{text}[state]\ndatabase = "{away}"\n')
    code, found = doctor()
    assert code == 2
    assert "cannot be used" in found["state", "broken"]
    assert "s3cret" not in json.dumps([*found.values()])
    uri = request.getfixturevalue("postgres_uri")
    (desk / "deskcast.toml").write_text(f'{text}[state]\ndatabase = "{uri}"\n')
    code, found = doctor()
    assert (code, set(found) & {("state", "note"), ("state", "whole")} != set()) == (0, True)
