"""Shifts from the configuration: round the clock, breaks, days off, who is still on, and rules that contradict."""

import tomllib
from pathlib import Path
from types import SimpleNamespace

import deskcast
import numpy as np
import pandas as pd
import pytest
from deskcast.features.case_log.log import CaseLog
from deskcast.features.errors import InputError
from deskcast.pipelines.project.config import parse_config
from deskcast.pipelines.stages.accuracy_plans import scheduled_by_interval
from deskcast.pipelines.stages.planned_time import read_still_on
from deskcast.pipelines.stages.shifts import build_shift_patterns, cover_by_shifts

DS = pd.date_range("2024-03-04", periods=168, freq="h")
ZONE = "Europe/Berlin"
NIGHTS = {
    "queue": "phone",
    "lengths": ["8h"],
    "starts": ["06:00", "14:00", "22:00"],
    "days_per_week": 7,
    "break": "0min",
}


def configured(tmp_path, **keys):
    sections = {"source": {"cases": {"path": "x.csv"}}, "staffing": {"phone": {"interval": "1h", "shrinkage": 0}}}
    return parse_config(sections | {"shifts": {"full-time": NIGHTS | keys}}, folder=tmp_path)


def planned(tmp_path, schedules=None, **keys):
    config = configured(tmp_path, **keys)
    cases = pd.DataFrame({"case_id": ["1"], "created_at": [pd.Timestamp("2024-03-03 12:00", tz=ZONE)]})
    tables = {"cases": cases} if schedules is None else {"cases": cases, "schedules": schedules}
    log = CaseLog.from_frames(**tables, timezone=ZONE)
    return SimpleNamespace(
        project=SimpleNamespace(log=log), spec=config.staffing["phone"], shifts=config.shifts, name="phone",
        calendar=None, total_shrinkage=0.0, where={},
    )  # fmt: skip


def on_duty(*rows):
    table = pd.DataFrame(rows, columns=["agent_id", "activity", "start", "end"])
    return table.assign(**{k: pd.to_datetime("2024-03-" + table[k]).dt.tz_localize(ZONE) for k in ("start", "end")})


def test_the_week_repeats_where_nobody_is_known_to_be_on(tmp_path):
    plan = pd.DataFrame({"ds": DS, "agents": 2})
    found, said = cover_by_shifts(planned(tmp_path), plan)
    assert found.coverage["scheduled"].tolist() == [2.0] * 168
    assert (found.hours, found.carried_hours) == (336, 12)
    assert "Phone: 12 agent hours by shifts of the night before, as the week repeats." in said
    assert not [text for text in said if "break a rule" in text]
    there = scheduled_by_interval(found.table, plan["ds"], 3600)  # as an issued plan is read again
    assert there.tolist() == found.coverage["scheduled"].tolist()
    assert scheduled_by_interval(found.table, plan["ds"][24:48], 3600).tolist() == [2.0] * 24


def test_who_is_still_on_comes_from_the_schedules_in_one_piece(tmp_path):
    """Agent a is on from 22 to 06 with a break, b begins at midnight and is not from before, c has gone at 23."""
    rows = on_duty(
        ("a", "contacts", "03 22:00", "04 02:00"),
        ("a", "break", "04 02:00", "04 03:00"),
        ("a", "contacts", "04 03:00", "04 06:00"),
        ("a", "contacts", "04 22:00", "05 06:00"),
        ("b", "contacts", "04 00:00", "04 08:00"),
        ("c", "contacts", "03 15:00", "03 23:00"),
    )
    queue = planned(tmp_path, rows)
    assert read_still_on(queue, pd.Series(DS)).tolist() == [1, 1, 0, 1, 1, 1] + [0] * 162
    found, said = cover_by_shifts(queue, pd.DataFrame({"ds": DS, "agents": 1}))
    assert found.coverage["understaffed"].tolist() == [0, 0, 1] + [0] * 165
    assert "Phone: 5 agent hours by shifts of the night before, as scheduled." in said
    later = planned(tmp_path, rows[rows["agent_id"] == "b"])
    assert read_still_on(later, pd.Series(DS)) is None  # nothing is known of the night before
    gone = planned(tmp_path, rows[rows["agent_id"] == "c"])
    assert read_still_on(gone, pd.Series(DS)).tolist() == [0] * 168  # it is known that nobody is


def test_breaks_days_off_and_numbers_of_agents_are_those_of_the_contract(tmp_path):
    keys = {"lengths": ["8h30min"], "breaks": ["15min paid from 1h to 2h", "30min from 3h to 4h"], "days_off": "apart",
            "days_per_week": 5, "min_agents": 9, "max_agents": 12, "min_rest": "11h"}  # fmt: skip
    found, said = cover_by_shifts(planned(tmp_path, **keys), pd.DataFrame({"ds": DS, "agents": 1}))
    assert 9 <= found.table["scheduled_agents"].sum() <= 12
    assert found.hours == 40 * found.table["scheduled_agents"].sum()
    assert found.table["breaks"].str.fullmatch(r"\d\d:\d\d-\d\d:(15|45), \d\d:\d\d-\d\d:\d\d").all()
    assert not [text for text in said if "break a rule" in text]


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"lengths": ["14h"], "min_rest": "11h"}, "key 'min_rest': shifts are too long for the rest .* got '11 h'"),
        ({"breaks": ["1h from 8h to 9h"]}, "shifts.full-time.: key 'breaks': the break does not fit into the shift"),
        ({"breaks": ["1h from 3h", "1h from 3h"]}, "the breaks overlap however they are placed"),
        (
            {"days": ["mon-fri"], "days_per_week": 6},
            "shifts.full-time.: key 'days_per_week': the number is out of range",
        ),
        (
            {"starts": ["25:30"]},
            "shifts.full-time.: key 'starts': not a valid time; got '25:30', expected HH:MM before",
        ),
        (
            {"lengths": ["8h", "25h"]},
            "'lengths': not a valid length of a shift; got '25h', expected above 0, up to 24h",
        ),
        ({"break": "9h"}, "shifts.full-time.: key 'break': the break does not fit into the shift; got '9 h'"),
    ],
)
def test_rules_that_contradict_each_other_are_refused_by_name(tmp_path, keys, message):
    spec = configured(tmp_path, **keys).shifts["full-time"]
    with pytest.raises(InputError, match=message):
        build_shift_patterns("full-time", spec)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"min_agents": 3, "max_agents": 2}, "'min_agents': minimum must not exceed maximum; got 3"),
        ({"breaks": ["at noon"]}, "'breaks': not a valid break; got 'at noon'"),
        ({"breaks": ["30min from 5h to 3h"]}, "'breaks': not a valid break"),
        ({"breaks": ["30 from 5h"]}, "'breaks': not a valid duration"),
        ({"days_off": "apartt"}, "'days_off': unknown way to lay days off; got 'apartt' .did you mean 'apart'"),
        ({"lengths": []}, "'lengths': missing lengths of shifts"),
        ({"min_rest": "0h"}, "'min_rest': the time is out of range"),
    ],
)
def test_keys_that_say_nothing_are_refused_when_they_are_read(tmp_path, keys, message):
    with pytest.raises(InputError, match=message):
        configured(tmp_path, **keys)


def test_the_contract_of_the_guide_covers_a_week(tmp_path):
    text = (Path(deskcast.__file__).parent / "docs/howto/planner.md").read_text()
    keys = tomllib.loads(text.split("```toml\n")[3].split("```")[0])["shifts"]["full-time"]
    queue = planned(tmp_path, **{k: v for k, v in keys.items() if k != "queue"})
    found, said = cover_by_shifts(queue, pd.DataFrame({"ds": DS[:72], "agents": np.where(DS.hour < 6, 1, 4)[:72]}))
    assert found.gap <= 0.05
    assert 4 <= found.table["scheduled_agents"].sum() <= 30
    assert not [line for line in said if "break a rule" in line]
