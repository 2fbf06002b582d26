"""What is left when the list is read: due time and time left are of one instant, also while a clock stands still."""

import numpy as np
import pandas as pd
import pytest
from deskcast.features.calendars.business_calendar import BusinessCalendar
from deskcast.models.worklist.time_left import move_time_left
from hypothesis import given, settings
from hypothesis import strategies as st

OFFICE = BusinessCalendar.from_hours("UTC", {"mon-fri": ["08:00-18:00"]})
NIGHT = pd.Timestamp("2024-03-04T00:00Z")  # a Monday


def paused(left_s: float, calendar: BusinessCalendar | None) -> pd.DataFrame:
    due = NIGHT + pd.Timedelta(seconds=left_s) if calendar is None else calendar.add(NIGHT, left_s)[0]
    wall = (due - NIGHT).total_seconds()
    rows = {"at": NIGHT, "due_at": due, "left_s": left_s, "left_wall_s": wall, "paused": True}
    rows["left_business_s"] = np.nan if calendar is None else left_s
    return pd.DataFrame([rows, rows | {"paused": False}])


@pytest.mark.parametrize(("calendar", "read", "due"), [(OFFICE, 9, "11:00"), (OFFICE, 8, "10:00"), (None, 5, "07:00")])
def test_a_paused_case_is_due_as_if_it_resumed_when_the_list_is_read(calendar, read, due):
    moved = move_time_left(paused(2 * 3600.0, calendar), NIGHT + pd.Timedelta(hours=read), calendar)
    assert f"{moved['due_at'].iloc[0]:%H:%M}" == due
    assert moved["left_wall_s"].iloc[0] == 2 * 3600
    assert moved["left_s"].iloc[0] == 2 * 3600


@settings(max_examples=25, deadline=None)
@given(st.integers(-40 * 3600, 40 * 3600), st.integers(1, 60), st.booleans())
def test_due_time_and_calendar_time_left_are_of_one_instant(left, hours, office):
    calendar = OFFICE if office else None
    moved = move_time_left(paused(float(left), calendar), at := NIGHT + pd.Timedelta(hours=hours), calendar)
    assert np.allclose((moved["due_at"] - at).dt.total_seconds(), moved["left_wall_s"])
    assert moved["left_s"].iloc[0] == left
