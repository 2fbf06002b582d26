"""Pictures of staffing: agents by hour, required against scheduled, and the backlog."""

import re

import numpy as np
import pandas as pd
import pytest
from deskcast.features.calendars.business_calendar import BusinessCalendar
from deskcast.forecasting.backlog.outlook import backlog_outlook
from deskcast.forecasting.backlog.plan import backlog_plan
from deskcast.forecasting.scheduling.schedule import shift_schedule
from deskcast.forecasting.scheduling.shift_patterns import shift_patterns
from deskcast.pipelines.charts.staffing import plot_agents, plot_backlog, plot_schedule
from hypothesis import given, settings
from hypothesis import strategies as st

OFFICE = BusinessCalendar.from_hours("UTC", {"mon-fri": ["09:00-17:00"]})


def test_a_schedule_is_drawn_with_what_is_understaffed():
    ds = pd.date_range("2024-03-04", periods=672, freq="15min")
    hour = (ds.hour + ds.minute / 60).to_numpy()
    need = np.where((hour >= 7) & (hour < 23), np.ceil(9 * np.exp(-(((hour - 12) / 4) ** 2)) + 1), 0)
    patterns = shift_patterns(lengths_s=[8.5 * 3600], step_s=3600)
    found = shift_schedule(pd.DataFrame({"ds": ds, "required": need}), patterns, limits={"full-time": 12}, seconds=2)
    chart = plot_schedule(found.coverage, "phone")
    assert ">Understaffed</text>" in chart.svg
    assert f"{(found.coverage['understaffed'] > 0).sum():,} of 672 intervals are understaffed" in chart.alt
    covered = plot_schedule(found.coverage.assign(understaffed=0.0))
    assert "no interval is understaffed" in covered.alt
    assert ">Understaffed</text>" not in covered.svg


def test_a_backlog_is_drawn_with_its_likely_range():
    ds = pd.date_range("2024-03-04", periods=120, freq="h")
    ahead = pd.DataFrame({"ds": ds, "deskcast": 5.0, "deskcast-lo-80": 3.0, "deskcast-hi-80": 7.0})
    plan = backlog_plan(ahead, OFFICE, sla_s=8 * 3600, handle_s=900)
    first = plot_backlog(plan)[0]
    assert f"{plan['backlog'].max():,.0f} at most" in first.alt
    assert ">Likely range</text>" not in first.svg
    seen = backlog_outlook(ahead, OFFICE, plan["agents"], sla_s=8 * 3600, handle_s=900)
    assert ">Likely range</text>" in plot_backlog(seen, "email")[0].svg
    assert plot_backlog(plan.iloc[:0]) == []


@given(
    minutes=st.sampled_from([15, 30, 60]),
    agents=st.lists(st.floats(0, 30), min_size=1, max_size=60),
    start=st.integers(0, 23),
)
@settings(max_examples=15, deadline=None)
def test_each_cell_holds_the_most_agents_of_its_hour_as_whole_people(minutes, agents, start):
    ds = pd.date_range(f"2024-03-04 {start:02d}:00", periods=len(agents), freq=f"{minutes}min")
    plan = pd.DataFrame({"ds": ds, "agents_to_schedule": agents})
    chart = plot_agents("phone", plan)
    inside = plan[(plan["ds"] < ds[0].normalize() + pd.Timedelta(days=7)) & (plan["agents_to_schedule"] > 0)]
    if inside.empty:
        assert chart is None
        return
    most = np.ceil(inside["agents_to_schedule"] - 1e-9).groupby(inside["ds"].dt.floor("h")).max()
    cells = re.findall(r'fill="#1c2430" text-anchor="middle">(\d+)</text>', chart.svg)
    assert sorted(map(int, cells)) == sorted(most.astype(int))


@pytest.mark.parametrize("queue", ["phone", "<b>&"])
def test_the_name_of_a_queue_is_no_markup(queue):
    plan = pd.DataFrame({"ds": pd.date_range("2024-03-04", periods=2, freq="h"), "agents_to_schedule": [1, 2]})
    assert "<b>" not in plot_agents(queue, plan).svg
