"""Pictures of plans compile, stay small, and say in words what they show."""

import numpy as np
import pandas as pd
import pytest
from deskcast.features.calendars.business_calendar import BusinessCalendar
from deskcast.forecasting.backlog.outlook import backlog_outlook
from deskcast.forecasting.backlog.plan import backlog_plan
from deskcast.forecasting.scheduling.schedule import Schedule, shift_schedule
from deskcast.forecasting.scheduling.shift_patterns import shift_patterns
from deskcast.pipelines.charts.plans import plot_backlog, plot_schedule

OFFICE = BusinessCalendar.from_hours("UTC", {"mon-fri": ["09:00-17:00"]})


def drawn(picture):
    import vl_convert

    svg = vl_convert.vegalite_to_svg({**picture.spec, "width": 500})
    assert "NaN" not in svg
    assert sum(len(rows) for rows in picture.spec.get("datasets", {}).values()) < 5_000
    assert picture.alt.endswith(".")
    return svg


@pytest.fixture(scope="module")
def schedule() -> Schedule:
    ds = pd.date_range("2024-03-04", periods=672, freq="15min")
    hour = (ds.hour + ds.minute / 60).to_numpy()
    need = np.where((hour >= 7) & (hour < 23), np.ceil(9 * np.exp(-(((hour - 12) / 4) ** 2)) + 1), 0)
    patterns = shift_patterns(lengths_s=[8.5 * 3600], step_s=3600)
    return shift_schedule(pd.DataFrame({"ds": ds, "required": need}), patterns, limits={"full-time": 12}, seconds=2)


def test_a_schedule_is_drawn_with_its_shortfall(schedule):
    covered, shifts = plot_schedule(schedule.coverage, schedule.table)
    assert "red: missing" in covered.title
    assert f"{(schedule.coverage['understaffed'] > 0).sum():,} of 672 intervals" in covered.alt
    assert drawn(covered).count("<path") > 5
    first = schedule.table.iloc[0]
    assert first["start"] in drawn(shifts)
    assert "12 of 12 people" in shifts.alt


def test_a_schedule_of_nobody_has_no_picture_of_shifts(schedule):
    nobody = Schedule(schedule.table.iloc[:0], schedule.coverage.assign(understaffed=0.0), 0.0, 0.0, 0.0, 0.0)
    (only,) = plot_schedule(nobody.coverage, nobody.table)
    assert "every interval is covered" in only.alt


def test_a_backlog_is_drawn_with_its_risk():
    ds = pd.date_range("2024-03-04", periods=120, freq="h")
    ahead = pd.DataFrame({"ds": ds, "deskcast": 5.0, "deskcast-lo-80": 3.0, "deskcast-hi-80": 7.0})
    plan = backlog_plan(ahead, OFFICE, sla_s=8 * 3600, handle_s=900)
    people, waiting = plot_backlog(plan)
    assert f"at most {plan['agents'].max():,.1f}" in people.alt
    assert drawn(people).count("<path") > 2
    assert drawn(waiting).count("<path") > 5
    seen = backlog_outlook(ahead, OFFICE, plan["agents"], sla_s=8 * 3600, handle_s=900)
    *_, risk = plot_backlog(seen)
    assert f"{seen['breach_risk_to_date'].iloc[-1]:.0%} by the end" in risk.alt
    assert drawn(risk).count("<path") > 5
    assert plot_backlog(plan.iloc[:0]) == []
