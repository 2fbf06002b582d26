"""Issued shift schedules and plans of deferred work: a table made by hand from the log and the plans says the same."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from deskcast.pipelines.project.project import open_project, view_as_of
from deskcast.pipelines.stages.accuracy import accuracy_stage
from deskcast.pipelines.stages.accuracy_plans import scheduled_by_interval
from deskcast.pipelines.stages.accuracy_volumes import list_next_steps
from deskcast.pipelines.stages.issuing import issue_stages
from deskcast.pipelines.stages.staff import staff_stage
from deskcast.pipelines.state.database import change_state
from deskcast.pipelines.words.columns import find_column
from deskcast.pipelines.words.contradictions import contradictions
from deskcast.pipelines.words.instants import Instants

CONFIG = """
timezone = "Europe/Berlin"
[source.cases]
path = "cases.csv"
[source.events]
path = "events.csv"
[source.contacts]
path = "contacts.csv"
[calendar.office]
timezone = "Europe/Berlin"
open = { mon-fri = ["08:00-18:00"] }
[[sla]]
metric = "resolution"
target = "24h"
[staffing.phone]
where = { channel = "phone" }
service_level = 0.8
within = "20s"
horizon_days = 7
max_occupancy = 1.0
calendar = "office"
shrinkage = 0
interval = "1h"
[staffing.email]
kind = "cases"
where = { channel = "email" }
aht = "30min"
calendar = "office"
horizon_days = 3
max_occupancy = 0.8
interval = "1h"
[shifts.early]
queue = "phone"
lengths = ["6h"]
first_start = "08:00"
last_end = "18:00"
break = "30min"
"""
NIGHTS = ("2024-02-12", "2024-02-13")
END = pd.Timestamp("2024-02-15", tz="Europe/Berlin")


def write_desk(folder):
    """Write a desk of 50 days: calls of five minutes in office hours, and emails that take 2 to 60 hours."""
    dice = np.random.default_rng(4)
    days = pd.date_range("2024-01-01", periods=50, tz="Europe/Berlin")
    days = days[days.day_of_week < 5]
    queued = pd.DatetimeIndex(np.sort(np.concatenate([_within(dice, day, 60) for day in days]))).tz_localize("UTC")
    wait = pd.to_timedelta(dice.choice([2, 9, 60], len(queued), p=[0.6, 0.2, 0.2]), unit="s")
    contacts = pd.DataFrame({"contact_id": [f"k{i}" for i in range(len(queued))], "channel": "phone"})
    contacts = contacts.assign(queued_at=queued, answered_at=queued + wait, outcome="answered")
    contacts["ended_at"] = contacts["answered_at"] + pd.Timedelta("5min")
    opened = pd.DatetimeIndex(np.sort(np.concatenate([_within(dice, day, 8) for day in days]))).tz_localize("UTC")
    cases = pd.DataFrame({"case_id": [f"c{i:04}" for i in range(len(opened))], "created_at": opened})
    cases["channel"] = dice.choice(["email", "web"], len(cases), p=[0.8, 0.2])
    done = opened + pd.to_timedelta(dice.uniform(2, 40, len(cases)), unit="h")
    events = pd.DataFrame({"case_id": cases["case_id"], "at": done, "kind": "resolved"})
    for name, frame in (("cases", cases), ("events", events), ("contacts", contacts)):
        frame.to_csv(folder / f"{name}.csv", index=False)
    (folder / "deskcast.toml").write_text(CONFIG)
    return cases, events, contacts


def _within(dice, day, count):
    minutes = dice.uniform(8 * 60, 18 * 60, dice.poisson(count)).round(2)
    return (day.tz_convert("UTC") + pd.to_timedelta(minutes, unit="min")).tz_localize(None).to_numpy()


@pytest.fixture(scope="module")
def played(tmp_path_factory):
    """Two nights of plans, judged two days later."""
    folder = tmp_path_factory.mktemp("played")
    log = write_desk(folder)
    project, told = open_project(folder / "deskcast.toml"), {}
    for night in NIGHTS:
        then = replace(view_as_of(project, night), is_look_back=False)
        stage = staff_stage(then)
        with change_state(then.config.state_place) as state:
            written = issue_stages(state, then, [stage], Instants.now(then.data_until, then.as_of))
        assert written.keys() == {"staffing", "casework", "plan"}, stage.findings
        told[night] = stage.tables
    return accuracy_stage(view_as_of(project, END.strftime("%Y-%m-%d"))), told, log, project


def local(times, step="h"):
    return times.dt.tz_convert("Europe/Berlin").dt.tz_localize(None).dt.floor(step)


def planned(told, name, queue):
    """Return what was planned of intervals that are over, with the days ahead of each."""
    parts = []
    for night, tables in told.items():
        rows = tables[name][tables[name]["queue"] == queue]
        parts.append(rows.assign(lead=(rows["ds"].dt.normalize() - pd.Timestamp(night)).dt.days + 1, night=night))
    every = pd.concat(parts, ignore_index=True)
    return every[every["ds"] + pd.Timedelta("1h") <= END.tz_localize(None)]


def test_schedules_are_held_against_the_contacts_that_came(played):
    stage, told, (_, _, contacts), _ = played
    table = stage.tables["accuracy_schedule"].set_index("lead")
    rows = planned(told, "coverage", "phone")
    slot = local(contacts["queued_at"])
    fast = (contacts["answered_at"] - contacts["queued_at"]).dt.total_seconds().le(20).groupby(slot).sum()
    assert table.index.tolist() == [1, 2, 3]
    for lead, part in rows.groupby("lead"):
        came, found = part["ds"].map(slot.value_counts()).fillna(0), table.loc[lead]
        assert (found["n"], found["agent_hours"]) == (len(part), part["scheduled"].sum())
        assert found["service_level_actual"] == pytest.approx(part["ds"].map(fast).fillna(0).sum() / came.sum())
        assert found["agent_hours_required"] >= came.sum() * 300 / 3600  # more than the work alone
        assert found["bias"] == pytest.approx(found["agent_hours"] / found["agent_hours_required"] - 1)
        assert 0.5 < found["service_level"] <= 1
        assert 0 <= found["understaffed_share"] + found["overstaffed_share"] <= 1


def test_deferred_work_is_held_against_the_cases_that_came(played):
    stage, told, (cases, events, _), _ = played
    table = stage.tables["accuracy_casework"].set_index("lead")
    mine = cases[cases["channel"] == "email"].merge(events.rename(columns={"at": "done"}), on="case_id")
    due = mine["created_at"] + pd.Timedelta("24h")
    late = local(due[(mine["done"] > due) & (due <= END)]).value_counts()
    for lead, part in planned(told, "casework", "email").groupby("lead"):
        came = part["ds"].map(local(mine["created_at"]).value_counts()).fillna(0)
        ends = [(at + pd.Timedelta("1h")).tz_localize("Europe/Berlin") for at in part["ds"]]
        waiting = [((mine["created_at"] < at) & (mine["done"] >= at)).sum() for at in ends]
        wanted = {
            "n": len(part),
            "arrived_forecast": part["arrived"].sum(),
            "arrived": came.sum(),
            "agent_hours": part["agents"].sum(),
            "agent_hours_required": came.sum() * 0.5 / 0.8,
            "backlog": part["backlog"].mean(),
            "backlog_actual": np.mean(waiting),
            "breaches": part["breaches"].sum(),
            "breaches_actual": part["ds"].map(late).fillna(0).sum(),
        }
        if came.sum():
            wanted["wape"] = (part["arrived"] - came).abs().sum() / came.sum()
        assert table.loc[lead, list(wanted)].astype(float).to_dict() == pytest.approx(wanted, rel=1e-5, abs=1e-5)
    assert table["breaches_actual"].sum() > 0


def test_sentences_state_what_the_tables_hold(played):
    stage = played[0]
    assert contradictions(stage) == []
    said = " ".join(stage.findings)
    assert "Phone shifts: " in said
    assert "Email: " in said
    for name, table in stage.tables.items():
        assert [c for c in table.columns if find_column(name, c) is None] == []


def test_shifts_of_a_schedule_are_those_of_its_coverage_also_past_midnight(played):
    project = played[3]
    for tables in played[1].values():
        shifts, cover = tables["schedule"], tables["coverage"].reset_index(drop=True)
        office = project.log.calendars["office"]
        assert scheduled_by_interval(shifts, cover["ds"], 3600, office).tolist() == cover["scheduled"].tolist()
    night = {"kind": "night", "agents": [2], "days": ["fri"], "start": ["22:00"], "end": ["06:00"]}
    night = pd.DataFrame(night | {"breaks": ["01:00-01:30, 03:00-04:00"]})
    at = pd.Series(pd.date_range("2024-03-08 21:00", periods=10, freq="h"))
    assert scheduled_by_interval(night, at, 3600).tolist() == [0, 2, 2, 2, 1, 2, 0, 2, 2, 0]


def test_of_a_scope_with_totals_the_total_of_the_next_step_is_listed_with_its_range():
    days = pd.to_datetime(["2024-03-04", "2024-03-05"])
    parts = pd.DataFrame({"scope": "cases_opened D", "unique_id": ["a", "b"] * 2, "ds": days.repeat(2), "lead": 1})
    parts = parts.assign(deskcast=[1.0, 2.0, 3.0, 4.0], y=[2.0, 2.0, 2.0, 2.0])
    bounds = {"deskcast-lo-80": 1.0, "deskcast-hi-80": 9.0}
    total = pd.DataFrame({"scope": "cases_opened D totals", "unique_id": "total", "ds": days, "lead": [1, 2]})
    total = total.assign(deskcast=[3.5, 7.5], y=4.0, **bounds)
    alone = pd.DataFrame({"scope": "csat D", "unique_id": "all", "ds": days[:1], "lead": 1, "deskcast": 0.8, "y": 0.7})
    listed = list_next_steps(pd.concat([parts, total, alone.assign(**bounds)]))
    assert listed.values.tolist() == [
        ["cases_opened D", days[0], 3.5, 4.0, 1.0, 9.0],
        ["csat D", days[0], 0.8, 0.7, 1.0, 9.0],
    ]
    summed = list_next_steps(parts)
    assert summed[["deskcast", "y"]].values.tolist() == [[3.0, 4.0], [7.0, 4.0]]
    assert "deskcast-lo-80" not in summed.columns  # ranges of segments do not add up
    assert list_next_steps(parts.assign(lead=2)).empty
