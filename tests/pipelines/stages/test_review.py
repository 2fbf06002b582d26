"""The review of a week: the issued plan against what came, the cause that was injected, and what moved the volume."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from deskcast.features.errors import InputError
from deskcast.forecasting.scenarios.what_if import Change
from deskcast.forecasting.staffing.handle_time_days import HandleTimeVariation
from deskcast.pipelines.project.project import open_project, view_as_of
from deskcast.pipelines.stages import review
from deskcast.pipelines.stages.adjusted import adjusted_rows
from deskcast.pipelines.stages.forecast import forecast_stage
from deskcast.pipelines.stages.issuing import issue_stages
from deskcast.pipelines.stages.queue import PlannedQueue
from deskcast.pipelines.stages.review import find_week, review_stage
from deskcast.pipelines.stages.staff import staff_stage
from deskcast.pipelines.state.adjustments import add_adjustment
from deskcast.pipelines.state.database import change_state
from deskcast.pipelines.words.columns import find_column
from deskcast.pipelines.words.contradictions import contradictions, undeclared_numbers
from deskcast.pipelines.words.instants import Instants

CONFIG = """
timezone = "Europe/Berlin"
[source.contacts]
path = "contacts.csv"
[source.cases]
path = "cases.csv"
[source.agent_time]
path = "time.csv"
[calendar.office]
timezone = "Europe/Berlin"
open = { mon-fri = ["08:00-18:00"] }
[[event]]
name = "billing run"
start = "2024-03-06"
end = "2024-03-06"
[staffing.phone]
where = { channel = "phone" }
within = "20s"
calendar = "office"
interval = "1h"
shrinkage = 0
max_occupancy = 1.0
patience = "3min"
"""
MONDAY, NEXT = pd.Timestamp("2024-03-04"), pd.Timestamp("2024-03-11")


def write_desk(folder):
    """Write ten weeks of calls of five minutes, five agents, and a week with 40% more calls, all about Mobile."""
    dice = np.random.default_rng(2)
    days = pd.bdate_range("2024-01-01", MONDAY + pd.Timedelta("7D"), tz="Europe/Berlin")
    parts, time = [], []
    for day in days:
        extra = 120 if MONDAY <= day.tz_localize(None) < NEXT else 0
        count = np.array([dice.poisson(300), dice.poisson(extra) if extra else 0])
        minutes = np.concatenate([dice.uniform(8 * 60, 18 * 60, n).round(2) for n in count])
        product = np.where(
            np.arange(count.sum()) < count[0], dice.choice(["Mobile", "Internet"], count.sum()), "Mobile"
        )
        late = 0.6 if extra else 0.1
        queued = day.tz_convert("UTC") + pd.to_timedelta(minutes, unit="min")
        wait = pd.to_timedelta(dice.choice([5, 90], len(minutes), p=[1 - late, late]), unit="s")
        talk = pd.to_timedelta(dice.exponential(300, len(minutes)).round() + 1, unit="s")
        frame = pd.DataFrame({"queued_at": queued, "answered_at": queued + wait, "product": product})
        parts.append(frame.assign(ended_at=frame["answered_at"] + talk).sort_values("queued_at"))
        begin = (day + pd.Timedelta("8h")).tz_convert("UTC")
        time += [(f"a{k}", "phone", begin, begin + pd.Timedelta("10h"), "available") for k in range(5)]
    contacts = pd.concat(parts, ignore_index=True).assign(channel="phone", outcome="answered")
    contacts.insert(0, "contact_id", [f"k{i}" for i in range(len(contacts))])
    cases = contacts[["queued_at", "product", "channel"]].rename(columns={"queued_at": "created_at"})
    cases.insert(0, "case_id", [f"c{i}" for i in range(len(cases))])
    contacts.drop(columns="product").to_csv(folder / "contacts.csv", index=False)
    cases.to_csv(folder / "cases.csv", index=False)
    columns = ["agent_id", "team", "start", "end", "state"]
    pd.DataFrame(time, columns=columns).to_csv(folder / "time.csv", index=False)
    (folder / "deskcast.toml").write_text(CONFIG)
    return contacts


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    folder = tmp_path_factory.mktemp("review")
    contacts = write_desk(folder)
    project = open_project(folder / "deskcast.toml")
    return project, contacts, review_stage(project)


def test_the_cause_of_the_miss_comes_first_with_the_figures_of_the_log(desk):
    _, contacts, stage = desk
    local = contacts["queued_at"].dt.tz_convert("Europe/Berlin").dt.tz_localize(None)
    week = contacts[(local >= MONDAY) & (local < NEXT)]
    late = (week["answered_at"] - week["queued_at"]).dt.total_seconds() > 20
    causes = stage.tables["review_causes"]
    assert causes["part"].sum() == pytest.approx((1 - late.mean()) - _planned(stage), abs=1e-9)
    assert set(causes["cause"]) == {"volume", "handle time", "agents present", "chance"}
    assert causes.set_index("cause").loc["volume", "part"] < -0.1
    review = stage.tables["review"]
    assert review["calls"].sum() == len(week)
    assert (review["agents"] == 5).all()
    assert "missed in the week of Mon 4 Mar 2024" in stage.findings[0]
    assert "plan as of that Monday" in stage.findings[0]


def _planned(stage):
    table = stage.tables["review_figures"].set_index("kind")["value"]
    return table["service level, planned"]


def test_what_moved_the_volume_is_named_where_the_data_tell_it(desk):
    stage = desk[2]
    table = stage.tables["review_volume"].set_index("cause")
    assert table.loc["product", "subject"] == "Mobile"
    assert table.loc["event", "subject"] == "billing run"
    assert "region" not in table.index
    assert any("product Mobile moved the volume" in text for text in stage.findings)


def test_contacts_of_days_without_an_issued_plan_are_said_to_be_left_out(desk, monkeypatch):
    project, _, whole = desk
    table = whole.tables["review"]
    later = table[table["ds"] >= MONDAY + pd.Timedelta("1D")]
    plan = later[["ds", "calls_planned", "aht_planned", "agents_planned"]].reset_index(drop=True)
    monkeypatch.setattr(review, "read_week_plan", lambda *_: (plan, "monday"))
    stage = review_stage(project)
    left_out = table["calls"].sum() - later["calls"].sum()
    assert (
        f"Phone: {left_out:.0f} contacts more in intervals without an issued plan, not counted here." in stage.findings
    )
    assert contradictions(stage) == []
    assert not any("without an issued plan" in text for text in whole.findings)


def test_sentences_hold_the_figures_of_the_tables_and_columns_have_labels(desk):
    stage = desk[2]
    assert contradictions(stage) == []
    for text in stage.findings:
        assert undeclared_numbers(text, text.facts, text.names) == [], text
    assert [(n, c) for n, t in stage.tables.items() for c in t if find_column(n, str(c)) is None] == []


def test_an_issued_plan_is_reviewed_with_its_track_record_and_its_adjustments(desk):
    project, _, before = desk
    mailing = Change("mailing", f"{MONDAY:%Y-%m-%d}", "2024-03-08", factor=1.3, series="phone")
    with change_state(project.config.state_place) as state:
        add_adjustment(state, mailing, reason="letters", by="ann")
    night = replace(view_as_of(project, f"{MONDAY:%Y-%m-%d} 00:00"), is_look_back=False)
    plan = staff_stage(night)
    with change_state(night.config.state_place) as state:
        issue_stages(state, night, [plan], Instants.now(night.data_until, night.as_of))
    stage = review_stage(project)
    assert "plan as of that Monday" not in stage.findings[0]
    planned, base = (t.tables["review"]["calls_planned"].to_numpy() for t in (stage, before))
    assert planned == pytest.approx(1.3 * base, rel=1e-6)  # packed as 4-byte numbers
    assert plan.tables["staffing"]["baseline"].sum() < plan.tables["staffing"]["calls"].sum()
    assert "Adjusted by ann" in " ".join(plan.findings)
    judged = stage.tables["review_adjustments"].iloc[0]
    assert judged[["base", "adjusted", "actual"]].tolist() == pytest.approx(
        [base.sum(), planned.sum(), stage.tables["review"]["calls"].sum()], rel=1e-6
    )
    assert judged["helped"]
    assert any("the adjustment 'mailing' helped" in text for text in stage.findings)
    assert contradictions(stage) == []
    early = view_as_of(project, f"{MONDAY:%Y-%m-%d} 00:00")  # was not written down by then
    assert "baseline" not in staff_stage(early).tables["staffing"]
    record = stage.tables["review_accuracy"]
    assert record["calls"].sum() == stage.tables["review"]["calls"].sum()
    assert find_column("review_accuracy", "calls") is not None


def test_a_forecast_tells_base_and_adjusted_and_issues_both(desk):
    project = desk[0]
    spec = replace(project.config.forecast, horizon=7, windows=2, kpi="contacts_offered")
    there = replace(project, config=replace(project.config, forecast=spec))
    with change_state(project.config.state_place) as state:
        add_adjustment(state, Change("sale", "2024-03-13", "2024-03-13", factor=2.0), reason="sale", by="ann")
    stage = forecast_stage(there)
    table = stage.tables["forecast"]
    touched = table[table["adjustment"] == "sale"]
    assert touched["ds"].tolist() == [pd.Timestamp("2024-03-13")]
    assert touched["deskcast"].tolist() == pytest.approx(2 * touched["baseline"])
    assert any(text.startswith("The adjustments add up to") for text in stage.findings)
    assert adjusted_rows(table, ["unique_id", "ds"], "deskcast")[0][-1] == "sale"
    assert contradictions(stage) == []


@pytest.mark.slow
def test_a_plan_over_the_day_rests_on_joint_paths_and_needs_a_confidence(desk, monkeypatch):
    project = desk[0]
    spec = replace(project.config.staffing["phone"], confidence=0.8, horizon_days=1, target_over="day")
    plans = {}
    for over in ("interval", "day"):
        config = replace(project.config, staffing={"phone": replace(spec, target_over=over)})
        plans[over] = staff_stage(replace(project, config=config)).tables["staffing"]
    assert plans["day"]["agents"].tolist() == plans["interval"]["agents"].tolist()
    assert 0 < plans["day"]["agents_sure"].sum() <= plans["interval"]["agents_sure"].sum()
    monkeypatch.setattr(PlannedQueue, "handle_time_variation", HandleTimeVariation(0.3))
    unsure = staff_stage(replace(project, config=config)).tables["staffing"]
    assert unsure["agents_sure"].sum() > plans["day"]["agents_sure"].sum()
    with pytest.raises(ValueError, match="needs a confidence"):
        replace(spec, confidence=None)


def test_only_a_week_that_is_over_is_reviewed(desk):
    project, _, stage = desk
    assert stage.params["week"] == "2024-03-04"
    assert find_week(project, pd.Timestamp("2024-02-29")) == pd.Timestamp("2024-02-26")
    with pytest.raises(InputError, match="the week is not over"):
        find_week(project, NEXT)
    assert "No queue" in review_stage(replace(project, config=replace(project.config, staffing={}))).skipped
