"""The record in MLflow: complete, quiet, and without names."""

import os
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from shutil import copyfile

import pandas as pd
import pytest
from deskcast.features.errors import InputError
from deskcast.pipelines.stage import Stage
from deskcast.pipelines.store.tracking import check_store, disable_telemetry, record_run

disable_telemetry()

URI = "sqlite:///mlflow.db"
RECORD = """
import socket, sys
from pathlib import Path
from shutil import copyfile
def refuse(*args, **kwargs): raise SystemExit(f"a request to {args[1:]}")
socket.socket.connect = refuse
socket.getaddrinfo = refuse
import pandas as pd
from deskcast.pipelines.stage import Stage
from deskcast.pipelines.store.tracking import record_run
stage = Stage("risk", {"risk": pd.DataFrame({"case_id": ["1"], "agent_id": ["Ann Other"]})}, (), {"k": 1}, {"auc": 0.8})
print(len(record_run([stage], uri="sqlite:///mlflow.db", experiment="desk", folder=Path(sys.argv[1]))))
"""


def client(folder):
    from mlflow import MlflowClient

    return MlflowClient(f"sqlite:///{folder / 'mlflow.db'}")


@pytest.fixture(scope="module")
def empty(tmp_path_factory):
    """Return a new store of another experiment: to make one takes a second."""
    folder = tmp_path_factory.mktemp("empty")
    record_run([], uri=URI, experiment="another", folder=folder)
    return folder / "mlflow.db"


@pytest.fixture
def desk(tmp_path, empty):
    copyfile(empty, tmp_path / "mlflow.db")
    return tmp_path


def do(stages, folder, **more):
    return record_run(stages, **{"uri": URI, "experiment": "desk", "folder": folder, "version": "0.1.0", **more})


def others(folder):
    env = {k: v for k, v in os.environ.items() if "MLFLOW" not in k and k != "DO_NOT_TRACK"}
    command = [sys.executable, "-c", RECORD, str(folder)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=folder, env=env)


def test_each_stage_is_a_run_under_one_parent(tmp_path, stages, monkeypatch):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    folder = tmp_path / "desk"
    ids = do(stages, folder, fingerprint="abc123")
    runs = [client(folder).get_run(i) for i in ids]
    assert len(ids) == 1 + len(stages)
    assert [r.data.tags.get("deskcast.stage") for r in runs[1:]] == [s.name for s in stages]
    assert {r.data.tags.get("mlflow.parentRunId") for r in runs[1:]} == {ids[0]}
    assert {r.info.status for r in runs} == {"FINISHED"}
    assert {r.data.tags["deskcast.data"] for r in runs} == {"abc123"}
    assert {r.data.tags["deskcast.version"] for r in runs} == {"0.1.0"}
    forecast = runs[1 + [s.name for s in stages].index("forecast")]
    assert forecast.data.metrics == {"wape": 0.081, "coverage_80": 0.79, "seconds": 2.4}
    assert forecast.data.params == {"freq": "D", "horizon": "28", "data_fingerprint": "abc123"}
    assert forecast.info.end_time - forecast.info.start_time == pytest.approx(2400, abs=2)
    tables = Path(forecast.info.artifact_uri.removeprefix("file://")) / "tables"
    assert sorted(p.stem for p in tables.iterdir()) == ["actuals", "forecast", "leaderboard"]
    assert tables.is_relative_to(folder / "mlruns")
    assert sorted(p.name for p in folder.iterdir()) == ["mlflow.db", "mlruns"]
    assert not list(elsewhere.iterdir())


def test_tables_that_are_written_already_are_taken_as_they_are(desk):
    written = desk / "results"
    written.mkdir()
    (written / "t.parquet").write_bytes(b"as it is")
    ids = do([Stage("history", {"t": pd.DataFrame({"a": [1]})})], desk, tables_dir=written)
    place = Path(client(desk).get_run(ids[1]).info.artifact_uri.removeprefix("file://"))
    assert (place / "tables" / "t.parquet").read_bytes() == b"as it is"


def test_nobody_is_named_in_the_record(desk, tmp_path):
    table = pd.DataFrame(
        {"case_id": ["1"], "customer_id": ["Ann Other"], "agent_id": ["Bob Other"], "actor_id": ["Cy Other"]}
    )
    results = tmp_path / "results"
    results.mkdir()
    table.to_parquet(results / "risk.parquet")
    for where in (None, results):
        do([Stage("risk", {"risk": table})], desk, tables_dir=where)
    files = [p for p in desk.rglob("*") if p.is_file() and results not in p.parents]
    assert sum(p.suffix == ".parquet" for p in files) == 2
    assert not [p for p in files if b"Other" in p.read_bytes()]


def test_what_the_record_says_of_the_export_quotes_nobody(desk, tmp_path):
    refused = pd.DataFrame({"table": ["cases"], "row": [7], "column": ["customer"], "value": ["Ann Other"]})
    checks = pd.DataFrame({"check": ["Data-quality warnings"], "result": ["9 of 10 cases are of Ann Other."]})
    for frame, name in ((refused, "rejected_rows"), (checks, "checks")):
        frame.to_parquet(tmp_path / f"{name}.parquet")
    stage = Stage("check", {"rejected_rows": refused, "checks": checks}, ("All are of Ann Other.",))
    runs = do([stage], desk, tables_dir=tmp_path)
    tables = Path(client(desk).get_run(runs[1]).info.artifact_uri.removeprefix("file://")) / "tables"
    assert pd.read_parquet(tables / "rejected_rows.parquet").columns.tolist() == ["table", "row", "column"]
    assert sorted(p.stem for p in tables.iterdir()) == ["rejected_rows"]
    assert not [p for p in desk.rglob("*") if p.is_file() and p.parent != tmp_path and b"Other" in p.read_bytes()]


def test_who_saw_an_incident_wrote_of_it_or_left_is_not_in_the_record(desk, tmp_path):
    row = {"alert_id": "csat-1", "acknowledged_by": "Ann Other", "note": "ask Other", "causes": "Other left chat"}
    incidents = pd.DataFrame([row])
    incidents.to_parquet(tmp_path / "kpi_alerts.parquet")
    forecast_notes = pd.DataFrame({"note": ["phone: too short"]})  # says nothing of anybody, and stays
    stage = Stage("watch", {"kpi_alerts": incidents, "forecast_notes": forecast_notes}, ("Other left chat.",))
    runs = do([stage], desk, tables_dir=tmp_path)
    tables = Path(client(desk).get_run(runs[1]).info.artifact_uri.removeprefix("file://")) / "tables"
    assert pd.read_parquet(tables / "kpi_alerts.parquet").columns.tolist() == ["alert_id"]
    assert pd.read_parquet(tables / "forecast_notes.parquet").columns.tolist() == ["note"]
    assert not [p for p in desk.rglob("*") if p.is_file() and p.parent != tmp_path and b"Other" in p.read_bytes()]


def test_a_skipped_stage_says_why_and_odd_names_and_figures_are_taken(desk):
    odd = Stage(
        "staff", {}, (), {f"p{i}": "x" * 7000 for i in range(150)}, {"coverage (80%)": 0.8, "none": float("nan")}, "no"
    )
    run = client(desk).get_run(do([odd], desk)[1])
    assert run.data.tags["deskcast.skipped"] == "no"
    assert run.data.metrics == {"coverage _80__": 0.8, "seconds": 0.0}
    assert len(run.data.params) == 151


@pytest.mark.slow
def test_two_processes_make_a_new_store_at_once_in_silence_and_without_network(tmp_path):
    children = [others(tmp_path) for _ in range(2)]
    said = [child.communicate(timeout=60) for child in children]
    assert [child.returncode for child in children] == [0, 0], said
    assert said == [("2\n", ""), ("2\n", "")]
    experiment = client(tmp_path).get_experiment_by_name("desk")
    assert len(client(tmp_path).search_runs([experiment.experiment_id])) == 4


def test_what_a_killed_process_left_running_is_marked_killed(desk):
    first = do([Stage("history")], desk)
    place = client(desk)
    ours = place.get_run(first[1]).data.tags["deskcast.writer"]
    experiment = place.get_experiment_by_name("desk").experiment_id
    left = place.create_run(experiment, tags={"deskcast.writer": ours}).info.run_id
    strange = place.create_run(experiment).info.run_id
    do([Stage("history")], desk)
    assert place.get_run(left).info.status == "KILLED"
    assert place.get_run(strange).info.status == "RUNNING"


def test_killed_while_the_store_is_made_leaves_no_half_store(tmp_path):
    child = others(tmp_path)
    time.sleep(2.2)
    child.kill()
    child.communicate()
    left = [p for p in tmp_path.rglob("*") if p.is_file()]
    if left:
        with sqlite3.connect(left[0]) as store:
            assert store.execute("select count(*) from alembic_version").fetchone() == (1,)
    assert len(do([Stage("history")], tmp_path)) == 2


def test_stores_that_cannot_be_opened(tmp_path):
    (tmp_path / "mlflow.db").write_bytes(b"not a database, " * 300)
    with pytest.raises(InputError, match="the tracking store cannot be opened"):
        do([], tmp_path)
    for uri in ("nonsense://x", "./mlruns"):
        with pytest.raises(InputError, match="the tracking store cannot be opened"):
            do([], tmp_path, uri=uri)
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match="cannot be made"):
        do([], tmp_path, uri="sqlite:///file/mlflow.db")
    with pytest.raises(InputError, match=r"cannot be opened|cannot be written"):
        do([], tmp_path, uri="sqlite:////proc/mlflow.db")


def test_a_deleted_experiment_is_not_written_to(desk):
    do([], desk)
    place = client(desk)
    place.delete_experiment(place.get_experiment_by_name("desk").experiment_id)
    with pytest.raises(InputError, match="the experiment was deleted"):
        do([], desk)


def test_a_store_that_cannot_be_had_is_said_before_any_work(tmp_path):
    (tmp_path / "notes.db").write_text("not a valid database")
    (tmp_path / "folder").mkdir()
    bad = {
        "": "not a valid tracking store",
        "mlruns": "not a valid tracking store",
        "file:./mlruns": "not a valid tracking store",
        "sqlite:///notes.db": "is no sqlite database",
        "sqlite:///folder": "not a file but a folder",
        "sqlite:///notes.db/deep/m.db": "nothing can be written",
        "http://ann:secret@127.0.0.1:9": r"no server answers there.*//\.\.\.@127",
    }
    before = sorted(tmp_path.iterdir())
    for uri, words in bad.items():
        with pytest.raises(InputError, match=words):
            check_store(uri, tmp_path)
    for uri in ("sqlite:///mlflow.db", "sqlite:///new/mlflow.db", "postgresql+psycopg://host/db"):
        check_store(uri, tmp_path)
    assert sorted(tmp_path.iterdir()) == before
