"""A stage that worked in the last results and is refused now has failed; one that nothing is there for is skipped."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest
import typer
from deskcast.features.errors import InputError
from deskcast.pipelines.commands.exit_codes import end_run
from deskcast.pipelines.commands.run import run
from deskcast.pipelines.pages import report as pages
from deskcast.pipelines.pages.web import make_app
from deskcast.pipelines.project.project import open_project
from deskcast.pipelines.stage import Stage
from deskcast.pipelines.store import flagged_cases, tracking
from deskcast.pipelines.store.locks import locked
from deskcast.pipelines.store.results import read_findings, read_results
from fastapi.testclient import TestClient

BIN = Path(sys.executable).parent
NAMES = ("check", "history", "forecast", "staff", "train", "risk", "drift", "watch")
#: What an earlier run has trained, so that this one keeps no model.
TRAINED = SimpleNamespace(labels=None, trained_until=pd.Timestamp("2024-02-01", tz="UTC"))


@pytest.fixture
def desk(tmp_path, monkeypatch, made_up):
    """Return a function that runs a project whose stages end as they are told: made up, refused or skipped."""
    (tmp_path / "cases.csv").write_text("case_id,created_at\n1,2024-03-01 09:00\n2,2024-03-02 10:00\n")
    (tmp_path / "deskcast.toml").write_text('timezone = "Europe/Lisbon"\n[source.cases]\npath = "cases.csv"\n')
    project = open_project(tmp_path / "deskcast.toml")
    usual = {stage.name: stage for stage in made_up(days=20, series=("phone/north",))}
    alerts = pd.DataFrame({"alert_id": ["a"], "state": ["open"]})
    morning = pd.DataFrame({"at": [pd.Timestamp("2024-03-01T08:00Z")], "strength": [1.0], "limit": [2.0]})
    usual["drift"] = Stage("drift", {"drift_by_morning": morning}, ("No drift.",))
    usual["watch"] = replace(usual["watch"], tables={"kpi_alerts": alerts, **usual["watch"].tables})
    monkeypatch.setattr("deskcast.pipelines.stages.watch.save_alerts", lambda *_: saved.append("alerts") or True)
    monkeypatch.setattr(flagged_cases, "save_flags", lambda *_: saved.append("flags") or True)
    monkeypatch.setattr(pages, "write_report", lambda stages, path, **_: path.write_text("page"))
    saved = []

    def go(**ends):
        def ended(name):
            found = ends.get(name, usual[name])
            if isinstance(found, Exception):
                raise found
            return (found, TRAINED if found is usual[name] else None) if name == "train" else found

        for name in NAMES:
            monkeypatch.setattr(f"deskcast.pipelines.stages.{name}.{name}_stage", lambda *_, n=name, **__: ended(n))
        saved.clear()
        outcome = run(project, record_runs=False)
        return {stage.name: stage for stage in outcome.stages}, dict(outcome.failures), list(saved)

    go.folder, go.usual, go.project = tmp_path / "results", usual, project
    return go


BROKEN = InputError("the column is gone", where="cases.csv", column="priority")


@pytest.mark.parametrize("name", NAMES)
def test_what_worked_before_keeps_its_tables_and_their_date(desk, name):
    assert desk()[1] == {}
    first = read_results(desk.folder)
    stages, failures, _ = desk(**{name: BROKEN})
    needed = {"history": {"history", "watch"}, "train": {"train", "risk", "drift"}}.get(name, {name})
    assert set(failures) == needed
    assert failures[name] == str(BROKEN)
    assert stages[name].skipped == ""
    assert stages[name].tables_made_at == first.made_at
    assert "the column is gone" in stages[name].findings[0]
    kept = {s.name: s for s in read_results(desk.folder).stages}[name]
    assert set(kept.tables) == set(desk.usual[name].tables)
    for table, frame in kept.tables.items():
        pd.testing.assert_frame_equal(frame, first.tables[table])
        assert pd.read_parquet(desk.folder / f"{table}.parquet").attrs["made_at"] == first.made_at.isoformat()
    body = next(s for s in read_findings(desk.folder)["stages"] if s["name"] == name)
    assert (body["failed"], body["tables_made_at"]) == (str(BROKEN), first.made_at.isoformat())


def test_the_date_stays_that_of_the_tables_until_the_stage_works_again(desk):
    desk()
    made = read_results(desk.folder).made_at
    for _ in range(3):
        stages, failures, _ = desk(forecast=BROKEN)
        assert (stages["forecast"].tables_made_at, set(failures)) == (made, {"forecast"})
    stages, failures, _ = desk()
    assert (stages["forecast"].tables_made_at, stages["forecast"].failed, failures) == (None, "", {})
    anew = read_results(desk.folder).made_at.isoformat()
    assert pd.read_parquet(desk.folder / "forecast.parquet").attrs["made_at"] == anew


@pytest.mark.parametrize("name", NAMES)
def test_what_has_never_worked_is_skipped(desk, name):
    for _ in range(2):
        stages, failures, _ = desk(**{name: BROKEN})
        assert failures == {}
        assert stages[name].skipped == str(BROKEN)


def test_what_nothing_is_there_for_is_skipped_also_where_it_worked_before(desk):
    desk()
    stages, failures, _ = desk(
        risk=Stage("risk", skipped="No case is open."), staff=Stage("staff", skipped="No queue.")
    )
    assert failures == {}
    assert (stages["risk"].skipped, stages["risk"].tables) == ("No case is open.", {})
    # and what was skipped last night has not worked then
    assert desk(risk=BROKEN)[1] == {}


def test_a_stage_that_says_itself_why_it_was_refused_has_failed_too(desk):
    desk()
    stages, failures, _ = desk(train=Stage("train", skipped="nothing can be learnt", refused=True))
    assert failures["train"] == "nothing can be learnt"
    assert stages["risk"].failed.startswith("it needs the stage 'train'")


def test_nothing_is_remembered_of_tables_of_another_day(desk):
    assert desk()[2] == ["alerts", "flags"]
    assert desk(watch=BROKEN, risk=BROKEN)[2] == []


def test_one_queue_of_two_that_is_refused_is_a_failure_beside_the_new_tables_of_the_other(desk):
    desk()
    table = desk.usual["staff"].tables["staffing"]
    half = Stage(
        "staff", {"staffing": table[table["queue"] == "phone"]}, ("Not planned: chat: no calls",), refused=True
    )
    stages, failures, _ = desk(staff=half)
    assert failures == {"staff": "chat: no calls"}
    assert set(stages["staff"].tables["staffing"]["queue"]) == {"phone"}
    assert stages["staff"].tables_made_at is None


def test_the_page_marks_old_tables_with_their_date(desk):
    desk()
    made = read_results(desk.folder).made_at
    stages, _, _ = desk(risk=BROKEN)
    client = TestClient(make_app(desk.folder))
    assert f"failed: tables of {made.isoformat()}" in client.get("/tables").text
    assert made.isoformat() in client.get("/tables/risk").text
    assert made.isoformat() not in client.get("/tables/forecast").text
    page = pages.render_report(list(stages.values()), title="desk", made_at=made, version="0", served=True)
    assert "Failed: cases.csv: column &#39;priority&#39;: the column is gone" in page
    assert f"Open cases by breach risk (of {made:%d %b %Y %H:%M} UTC)" in page
    assert 'id="top"' in pages.render_report(list(desk.usual.values()), title="desk", made_at=made, version="0")
    assert 'id="top"' not in page  # the list of the morning is not of this morning


def test_a_run_that_is_not_recorded_says_so_and_its_results_stand(desk, monkeypatch):
    def away(*_, **__):
        raise InputError("the tracking store is away")

    monkeypatch.setattr(tracking, "record_run", away)
    desk()
    outcome = run(desk.project)
    assert outcome.failures == [("record", "the tracking store is away")]
    assert read_results(desk.folder).findings["check"] == desk.usual["check"].findings


def deskcast(*words, cwd):
    return subprocess.run([BIN / "deskcast", *words], cwd=cwd, capture_output=True, text=True, check=False)


def test_exit_codes_of_a_run(tmp_path):
    """0 while all is well, 4 where a stage that worked is refused, 3 while another run is at work."""

    def cases(n):
        at = pd.date_range("2024-01-01", periods=n, freq="3h")
        frame = pd.DataFrame({"case_id": range(n), "created_at": at, "channel": ["phone", "mail"] * (n // 2)})
        frame.to_csv(tmp_path / "cases.csv", index=False)

    (tmp_path / "deskcast.toml").write_text(
        '[source.cases]\npath = "cases.csv"\n[history]\nkpis = ["cases_opened"]\n'
        '[staffing.phone]\naht = "5min"\nwhere = { channel = "phone" }\n'
    )
    cases(400)
    first = deskcast("run", "--no-record", cwd=tmp_path)
    assert first.returncode == 0, first.stderr
    ahead = (tmp_path / "results" / "forecast.parquet").read_bytes()
    cases(2)
    second = deskcast("run", "--no-record", "--json", cwd=tmp_path)
    assert second.returncode == 4
    assert "deskcast: forecast failed: " in second.stderr
    assert "Traceback" not in second.stderr
    assert json.loads(second.stdout)["stages"]["staff"]["failed"].startswith("phone: ")
    old, new = pd.read_parquet(tmp_path / "results" / "forecast.parquet"), tmp_path / "before.parquet"
    new.write_bytes(ahead)
    pd.testing.assert_frame_equal(old, pd.read_parquet(new), check_flags=False)
    staging = tmp_path / ".results.deskcast-new"
    staging.mkdir()
    with locked(staging):
        third = deskcast("run", "--no-record", cwd=tmp_path)
    assert third.returncode == 3
    assert "another run is writing here" in third.stderr


@pytest.mark.parametrize(("fresh", "stale"), [("36500d", False), ("2d", True), (None, False)])
def test_stale_data_end_with_the_code_of_a_failure_and_the_results_stand(desk, fresh, stale):
    place = desk.folder.parent / "deskcast.toml"
    place.write_text(place.read_text() + (f'[run]\nfresh = "{fresh}"\n' if fresh else ""))
    desk()  # the stages are those of the fixture
    outcome = run(open_project(place), record_runs=False)
    assert dict(outcome.failures).keys() == ({"freshness"} if stale else set())
    assert read_results(desk.folder).stages
    if not stale:
        end_run(outcome)
        return
    assert "the data end on" in dict(outcome.failures)["freshness"]
    with pytest.raises(typer.Exit) as ended:
        end_run(outcome)
    assert ended.value.exit_code == 4
