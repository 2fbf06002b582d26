"""Today against its plan: what came is that of the log, the plan that of the morning or as issued, and no later row."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from deskcast.features.case_log.log import CaseLog
from deskcast.features.errors import InputError
from deskcast.pipelines.project.project import open_project, view_as_of
from deskcast.pipelines.project.specs import StaffingSpec
from deskcast.pipelines.stages import day_plan
from deskcast.pipelines.stages.issuing import issue_stages
from deskcast.pipelines.stages.planned_time import read_present
from deskcast.pipelines.stages.queue import PlannedQueue
from deskcast.pipelines.stages.staff import staff_stage
from deskcast.pipelines.stages.today import today_stage
from deskcast.pipelines.state.database import change_state
from deskcast.pipelines.words.columns import find_column
from deskcast.pipelines.words.contradictions import contradictions, undeclared_numbers
from deskcast.pipelines.words.instants import Instants

CONFIG = """
timezone = "Europe/Berlin"
[source.contacts]
path = "contacts.csv"
[calendar.office]
timezone = "Europe/Berlin"
open = { mon-fri = ["08:00-18:00"] }
[staffing.phone]
where = { channel = "phone" }
within = "20s"
calendar = "office"
interval = "1h"
shrinkage = 0
max_occupancy = 1.0
[shifts.early]
queue = "phone"
lengths = ["5h"]
first_start = "08:00"
last_end = "18:00"
break = "30min"
days = ["mon-fri"]
"""
DAY = pd.Timestamp("2024-03-05")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A desk of nine weeks of calls of five minutes, whose last day is busier by 60% and slower to answer."""
    folder = tmp_path_factory.mktemp("today")
    dice = np.random.default_rng(2)
    days = pd.bdate_range("2024-01-01", DAY, tz="Europe/Berlin")
    parts = []
    for day in days:
        last = day.tz_localize(None) == DAY
        minutes = np.sort(dice.uniform(8 * 60, 18 * 60, dice.poisson(640 if last else 400)).round(2))
        queued = day.tz_convert("UTC") + pd.to_timedelta(minutes, unit="min")
        wait = pd.to_timedelta(dice.choice([5, 90], len(minutes), p=[0.5, 0.5] if last else [0.9, 0.1]), unit="s")
        talk = pd.to_timedelta(dice.exponential(360 if last else 300, len(minutes)).round() + 1, unit="s")
        parts.append(
            pd.DataFrame({"queued_at": queued, "answered_at": queued + wait, "ended_at": queued + wait + talk})
        )
    contacts = pd.concat(parts, ignore_index=True).assign(channel="phone", outcome="answered")
    contacts.insert(0, "contact_id", [f"k{i}" for i in range(len(contacts))])
    contacts.to_csv(folder / "contacts.csv", index=False)
    (folder / "deskcast.toml").write_text(CONFIG)
    return folder


@pytest.fixture(scope="module")
def few_days():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(day_plan, "MAX_PAST_DAYS", 10)
        yield


@pytest.fixture(scope="module")
def stage(folder, few_days):
    return today_stage(view_as_of(open_project(folder / "deskcast.toml"), f"{DAY:%Y-%m-%d} 12:20"))


def test_a_busy_morning_is_told_with_its_figures_and_carries_on(folder, stage):
    contacts = pd.read_csv(folder / "contacts.csv", parse_dates=["queued_at"])
    local = contacts["queued_at"].dt.tz_convert("Europe/Berlin").dt.tz_localize(None).dt.floor("h")
    table = stage.tables["today"]
    over = table[table["y"].notna()]
    assert over["ds"].dt.hour.tolist() == [8, 9, 10, 11]  # the hour that runs does not count yet
    assert over["y"].tolist() == [(local == ds).sum() for ds in over["ds"]]
    rest = table[table["y"].isna()]
    assert rest["ds"].dt.hour.tolist() == [12, 13, 14, 15, 16, 17]
    assert rest["reforecast"].sum() > 1.1 * rest["planned"].sum()
    assert stage.findings[0] == f"Phone: {over['y'].sum():.0f} contacts by 12:00, the morning's plan has about " + (
        f"{over['planned'].sum():.0f}."
    )
    assert any("AHT" in text and "planned 5 min" in text for text in stage.findings)
    assert any("understaffed by up to" in text for text in stage.findings)
    assert any("service level by the evening" in text and "under 1%" in text for text in stage.findings)
    moves = stage.tables["today_moves"]
    assert moves["move"].iloc[0] == "overtime"
    record = stage.tables["today_accuracy"].set_index("method")
    assert record["days"].tolist() == [2, 2, 2]
    assert set(record.index) == {"reforecast", "morning", "scaled"}


def test_handle_times_wait_until_the_long_contacts_have_ended_too(folder):
    project, hours = open_project(folder / "deskcast.toml"), {}
    for at in ("12:01", "12:20"):
        then = view_as_of(project, f"{DAY:%Y-%m-%d} {at}")
        work = day_plan.read_handle_times(PlannedQueue(then, "phone", then.config.staffing["phone"]), DAY)
        hours[at] = dict(zip(work["ds"].dt.hour, work["n"], strict=True))
    assert list(hours["12:01"]) == [8, 9, 10]  # of calls at 11:59 only the shortest are over
    assert list(hours["12:20"]) == [8, 9, 10, 11]
    assert hours["12:01"][10] == hours["12:20"][10]


def test_sentences_hold_the_figures_of_the_tables_and_columns_have_labels(stage):
    assert contradictions(stage) == []
    for text in stage.findings:
        assert undeclared_numbers(text, text.facts, text.names) == [], text
    missing = [(n, c) for n, t in stage.tables.items() for c in t if find_column(n, str(c)) is None]
    assert missing == []


@pytest.mark.parametrize(
    ("zone", "day"), [("Europe/Berlin", "2024-03-05"), ("Africa/Cairo", "2024-04-26")], ids=["usual", "no midnight"]
)
def test_a_break_within_a_shift_is_no_agent_on_contacts(zone, day):
    at = {h: pd.Timestamp(f"{day} {h:02}:00").tz_localize(zone) for h in (8, 10, 12, 16)}
    half = pd.Timedelta("30min")
    rows = [("a", "contacts", at[8], at[16]), ("a", "break", at[10], at[10] + half), ("b", "phone", at[8], at[12]),
            ("b", "lunch", at[10], at[10] + half), ("b", "contacts", at[8], at[12])]  # fmt: skip
    cases = pd.DataFrame({"case_id": ["1"], "created_at": [at[8]]})
    plan = pd.DataFrame(rows, columns=["agent_id", "activity", "start", "end"])
    log = CaseLog.from_frames(cases=cases, schedules=plan, timezone=zone)
    queue = SimpleNamespace(project=SimpleNamespace(log=log), spec=StaffingSpec(interval_s=3600.0), where={})
    ds = pd.Series(pd.date_range(day, periods=24, freq="h"))
    found = read_present(queue, ds).set_index(ds.dt.hour)
    assert found.loc[[0, 9, 10, 12, 16], "scheduled"].tolist() == [0, 2, 1, 1, 0]
    assert found.loc[[9, 10], "on_break"].tolist() == [0, 0.5]


@pytest.mark.slow
def test_what_comes_later_changes_nothing_and_an_issued_plan_is_used(folder, stage, few_days):
    project = open_project(folder / "deskcast.toml")
    contacts = pd.read_csv(folder / "contacts.csv", parse_dates=["queued_at"])
    short = folder / "short"
    short.mkdir()
    early = contacts[contacts["queued_at"] < pd.Timestamp(f"{DAY:%Y-%m-%d} 12:20", tz="Europe/Berlin")]
    early.to_csv(short / "contacts.csv", index=False)
    (short / "deskcast.toml").write_text(
        CONFIG.replace('path = "contacts.csv"', f'path = "contacts.csv"\nuntil = "{DAY:%Y-%m-%d} 12:20"')
    )
    alone = today_stage(open_project(short / "deskcast.toml"))
    columns = ["ds", "planned", "y", "reforecast", "agents"]
    pd.testing.assert_frame_equal(alone.tables["today"][columns], stage.tables["today"][columns])
    night = replace(view_as_of(project, f"{DAY:%Y-%m-%d} 00:00"), is_look_back=False)
    issued = staff_stage(night)
    with change_state(night.config.state_place) as state:
        issue_stages(state, night, [issued], Instants.now(night.data_until, night.as_of))
    now = today_stage(view_as_of(project, f"{DAY:%Y-%m-%d} 12:20"))
    assert "the issued plan has" in now.findings[0]
    table, plan = now.tables["today"].set_index("ds"), issued.tables["staffing"].set_index("ds")
    assert table["planned"].tolist() == pytest.approx(plan.loc[table.index, "calls"].tolist(), rel=1e-6)
    coverage = issued.tables["coverage"].set_index("ds")
    assert table["agents"].tolist() == pytest.approx(coverage.loc[table.index, "scheduled"].tolist())


@pytest.mark.slow
def test_days_without_a_plan_and_mornings_are_refused_by_name(folder, few_days):
    project = open_project(folder / "deskcast.toml")
    assert "no contacts are planned today" in today_stage(view_as_of(project, "2024-03-03 12:00")).skipped
    assert "no interval of the day is over yet" in today_stage(view_as_of(project, f"{DAY:%Y-%m-%d} 08:30")).skipped
    phone = project.config.staffing["phone"]
    twice = replace(project.config, staffing={"phone": phone, "hotline": replace(phone, where={"channel": "phone"})})
    said = today_stage(view_as_of(replace(project, config=twice), f"{DAY:%Y-%m-%d} 08:30")).skipped
    assert said.startswith("phone and hotline: no interval of the day is over yet; got")
    assert said.count("no interval") == 1
    nothing = replace(project, config=replace(project.config, staffing={}))
    assert "No queue is configured" in today_stage(nothing).skipped
    with pytest.raises(InputError):
        view_as_of(project, "2020-01-01")


def test_what_the_log_does_not_reach_is_missing_and_not_zero(folder, few_days, tmp_path):
    contacts = pd.read_csv(folder / "contacts.csv")
    queued = pd.to_datetime(contacts["queued_at"])
    contacts[queued <= pd.Timestamp("2024-03-05 12:10", tz="Europe/Berlin")].to_csv(tmp_path / "contacts.csv")
    (tmp_path / "deskcast.toml").write_text(CONFIG)
    project = open_project(tmp_path / "deskcast.toml")
    later = today_stage(view_as_of(project, "2024-03-05 15:00")).tables["today"]
    assert later.loc[later["y"].notna(), "ds"].dt.hour.tolist() == [8, 9, 10, 11]
    assert later.loc[later["y"].isna(), "reforecast"].notna().all()
