"""A change is not dated before the cause that is named, unless it clearly began before."""

import numpy as np
import pandas as pd
import pytest
from deskcast.models.shifts.confirm import date_from_cause
from deskcast.models.shifts.detect import detect_watched_shifts, watch_history
from hypothesis import given, settings
from hypothesis import strategies as st

DAYS = pd.date_range("2025-01-06", periods=150)


def shift(rates):
    """Return one watched share of 40 cases a day, and its first shift up."""
    rates = np.concatenate([np.full(150 - len(rates), 0.10), rates])
    hits = np.random.default_rng(2).binomial(40, rates)
    frame = pd.DataFrame({"kpi": "escalation_rate", "ds": DAYS, "value": hits / 40, "n": 40.0, "numerator": hits})
    parts = watch_history(frame)
    found = detect_watched_shifts(parts)
    return parts[0], next(found[found["direction"] == "up"].sort_values("started_at").itertuples())


@pytest.mark.parametrize("early", [0.10, 0.16])
def test_a_start_that_the_values_leave_open_is_that_of_the_cause(early):
    part, row = shift([early] * 5 + [0.30] * 20)  # some days by chance a little higher, then the change
    told = date_from_cause(part, row, DAYS[130]) or {"changed_at": row.changed_at}
    assert abs((told["changed_at"] - DAYS[130]).days) <= 2
    if "after" in told:
        seen = part.panel.columns["value"][part.panel.stamps >= told["changed_at"], 0]
        assert told["after"] == pytest.approx(seen.mean())  # the figures are of the days from then on
        assert told["before"] < told["after"]


@settings(max_examples=10)
@given(st.integers(3, 12))
def test_a_cause_long_after_the_start_or_before_it_dates_nothing(late):
    part, row = shift([0.35] * 25)
    assert date_from_cause(part, row, row.changed_at + pd.Timedelta(days=late)) is None
    assert date_from_cause(part, row, row.changed_at - pd.Timedelta(days=late)) is None
    assert date_from_cause(part, row._replace(kind="spike"), DAYS[149]) is None
