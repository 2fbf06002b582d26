"""Deferred work in the planner's day and week: adjusted, reviewed with the injected cause first, and seen today."""

import importlib.util
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from deskcast.forecasting.scenarios.what_if import Change
from deskcast.pipelines.project.project import open_project, view_as_of
from deskcast.pipelines.stages.casework import gather_case_work, plan_cases
from deskcast.pipelines.stages.issuing import issue_stages
from deskcast.pipelines.stages.queue import PlannedQueue
from deskcast.pipelines.stages.review import review_stage
from deskcast.pipelines.stages.staff import staff_stage
from deskcast.pipelines.stages.today import today_stage
from deskcast.pipelines.stages.work_agents import find_case_agents
from deskcast.pipelines.state.adjustments import add_adjustment
from deskcast.pipelines.state.database import change_state
from deskcast.pipelines.words.columns import find_column
from deskcast.pipelines.words.contradictions import contradictions, undeclared_numbers
from deskcast.pipelines.words.instants import Instants

_SPEC = importlib.util.spec_from_file_location("deferred_desk", Path(__file__).with_name("deferred_desk.py"))
desk = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(desk)
TUESDAY = pd.Timestamp("2024-03-12")


def open_desk(folder, **week):
    desk.write_desk(folder, **week)
    return open_project(folder / "deskcast.toml")


def check_words(stage):
    """Each figure of a sentence is that of a table, each column has a label."""
    assert contradictions(stage) == []
    for text in stage.findings:
        assert undeclared_numbers(text, text.facts, text.names) == [], text
    assert [(t, c) for t, frame in stage.tables.items() for c in frame if not find_column(t, c)] == []


@pytest.fixture(scope="module")
def calm(tmp_path_factory):
    return open_desk(tmp_path_factory.mktemp("calm"))


@pytest.mark.parametrize(
    ("week", "cause"),
    [
        ({"minutes": 60.0}, "productivity"),
        pytest.param({"busy": 1.8}, "volume", marks=pytest.mark.slow),
        pytest.param({"away": 2}, "agents present", marks=pytest.mark.slow),
    ],
)
def test_a_week_is_reviewed_with_the_injected_cause_first(tmp_path, week, cause):
    stage = review_stage(open_desk(tmp_path, **week))
    causes, rows = stage.tables["review_work_causes"], stage.tables["review_work"]
    figures = stage.tables["review_figures"].set_index("kind")["value"]
    miss = rows["breaches"].sum() - figures["breaches expected by the plan"]
    assert causes["part"].sum() == pytest.approx(miss, abs=1e-9)
    assert causes["cause"].iloc[0] == cause
    assert causes["part"].iloc[0] > 0.7 * miss > 20
    events, cases = (pd.read_csv(tmp_path / f"{name}.csv") for name in ("events", "cases"))
    came = pd.to_datetime(cases["created_at"]).dt.tz_convert("Europe/Berlin").dt.tz_localize(None)
    assert rows["arrived"].sum() == ((came >= desk.MONDAY) & (came < desk.MONDAY + pd.Timedelta("7D"))).sum()
    assert rows["backlog"].iloc[-1] == len(cases) - len(events) - 1  # all but the case that ends the log
    check_words(stage)


def test_a_run_plans_no_past_week_that_nobody_planned(calm):
    today = today_stage(view_as_of(calm, "2024-03-12 12:00"), plan_anew=False)
    assert (today.tables, today.skipped) == ({}, "")
    stage = review_stage(calm, plan_anew=False)
    assert stage.tables == {}
    assert "no run issued a plan of that week" in stage.skipped


@pytest.mark.slow
def test_an_issued_plan_and_its_adjustment_are_reviewed(tmp_path):
    whole = open_desk(tmp_path, busy=1.5)
    with change_state(whole.config.state_place) as state:
        fair = Change("fair", "2024-03-05", "2024-03-05", factor=1.5, series="email")
        add_adjustment(state, fair, reason="mailing", by="ann", at=pd.Timestamp("2024-03-01T08:00Z"))
    project = view_as_of(whole, "2024-03-03 20:00")
    planned = staff_stage(project)
    table = planned.tables["casework"]
    day = table[table["ds"].dt.normalize() == pd.Timestamp("2024-03-05")]
    assert day["adjusted"].sum() == pytest.approx(1.5 * day["baseline"].sum())
    assert any("Adjusted by ann" in text for text in planned.findings)
    instants = Instants.now(project.data_until, project.as_of)
    with change_state(whole.config.state_place) as state:
        assert "casework" in issue_stages(state, open_project(tmp_path / "deskcast.toml"), [planned], instants)
    stage = review_stage(whole)
    assert "the plan expected" in stage.findings[0]
    judged = stage.tables["review_adjustments"].set_index("adjustment").loc["fair"]
    assert (judged["base"], judged["adjusted"]) == pytest.approx((day["baseline"].sum(), day["adjusted"].sum()))
    assert judged["helped"]
    rows = stage.tables["review_work"][["ds", "agents_planned"]].merge(table[["ds", "agents"]], on="ds")
    assert rows["agents_planned"].tolist() == rows["agents"].tolist()
    check_words(stage)


@pytest.mark.parametrize(
    ("change", "moves"),
    [
        ({"factor": 2.0}, 2.0),
        pytest.param({"closed": True}, 0.0, marks=pytest.mark.slow),
        pytest.param({"volume": 30.0}, None, marks=pytest.mark.slow),
    ],
)
def test_the_plan_follows_an_adjustment_of_its_cases(calm, monkeypatch, change, moves):
    queue = PlannedQueue(calm, "email", calm.config.staffing["email"])
    usual = gather_case_work(queue).arrivals
    moved = PlannedQueue(calm, "email", calm.config.staffing["email"])
    given = Change("fair", f"{TUESDAY:%Y-%m-%d}", f"{TUESDAY:%Y-%m-%d}", series="email", **change)
    monkeypatch.setattr(PlannedQueue, "carried", ([type("Kept", (), {"change": given})()], {}))
    work = gather_case_work(moved)
    before, after = (t.loc[t["ds"].dt.normalize() == TUESDAY, "deskcast"].sum() for t in (usual, work.arrivals))
    assert after == pytest.approx(30.0 if moves is None else moves * before)
    plan, _ = plan_cases(moved, work)
    day = plan[plan["ds"].dt.normalize() == TUESDAY]
    assert day["adjusted"].sum() == pytest.approx(after)
    assert set(day.loc[day["baseline"] > 0, "adjustment"]) == {"fair"}


def test_agents_are_counted_only_where_the_log_tells_whose_they_are(calm):
    queue = PlannedQueue(calm, "email", calm.config.staffing["email"])
    assert find_case_agents(queue) == {f"a{k}" for k in range(desk.CREW)}
    two = calm.config.staffing | {"post": calm.config.staffing["email"]}
    both = replace(calm, config=replace(calm.config, staffing=two))
    assert find_case_agents(PlannedQueue(both, "email", calm.config.staffing["email"])) is None


@pytest.mark.slow
def test_the_backlog_is_told_after_the_last_hour_of_work_too(tmp_path):
    whole = open_desk(tmp_path, busy=1.6)
    stage = today_stage(view_as_of(whole, "2024-03-06 23:00"))
    events, cases = (pd.read_csv(tmp_path / f"{name}.csv") for name in ("events", "cases"))
    at = pd.Timestamp("2024-03-06 23:00", tz="Europe/Berlin")
    left = (pd.to_datetime(cases["created_at"]) <= at).sum() - (pd.to_datetime(events["at"]) <= at).sum()
    assert left > 0
    assert stage.tables["today_figures"].set_index("kind")["value"]["open cases now"] == left
    (sentence,) = [f for f in stage.findings if f.startswith("Email")]
    assert f"{left} open cases now" in sentence
    assert stage.tables["today_work"]["required"].isna().all()
    check_words(stage)


def test_today_tells_cases_so_far_the_backlog_and_what_the_evening_brings(tmp_path):
    """The same morning with no agents absent and one absent: cases and backlog are those of the log at noon."""
    whole = open_desk(tmp_path, busy=1.6)
    stage = today_stage(view_as_of(whole, "2024-03-06 12:20"))
    rows = stage.tables["today_work"]
    events, cases = (pd.read_csv(tmp_path / f"{name}.csv") for name in ("events", "cases"))
    noon, at = (pd.Timestamp(f"2024-03-06 {t}", tz="Europe/Berlin") for t in ("12:00", "12:20"))
    came, done = pd.to_datetime(cases["created_at"]), pd.to_datetime(events["at"])
    assert rows["y"].sum() == ((came >= noon.normalize()) & (came < noon)).sum()
    figures = stage.tables["today_figures"].set_index("kind")["value"]
    assert figures["open cases now"] == (came <= at).sum() - (done <= at).sum()
    rest = rows[rows["y"].isna()]
    assert rows.loc[rows["y"].notna(), "required"].isna().all()
    assert (rest["net"] == rest["agents"] - rest["required"]).all()
    assert rest["backlog_lo"].iloc[-1] < rest["backlog"].iloc[-1] < rest["backlog_hi"].iloc[-1]
    busy = rest[rest["agents"] > 0]
    flow = figures["open cases now"] + busy["reforecast"].sum() - 2 * busy["agents"].sum()  # 30 minutes a case
    assert busy["backlog"].iloc[-1] == pytest.approx(flow, abs=0.35 * figures["open cases now"])
    check_words(stage)
