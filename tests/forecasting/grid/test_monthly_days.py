"""Days of the month that are different month by month and stand on no list."""

import numpy as np
import pandas as pd
import pytest
from deskcast.forecasting import forecast
from deskcast.forecasting.grid.grid import make_grid
from deskcast.forecasting.grid.monthly_days import find_monthly_days
from deskcast.forecasting.grid.special_days import mark_special_days
from deskcast.forecasting.grid.yearly_days import add_yearly_days
from hypothesis import given, settings
from hypothesis import strategies as st

WEEK = np.array([1.2, 1.1, 1.05, 1.0, 0.95, 0.5, 0.4])


def desk(seed, days, factor=1.0, is_it=None, week=WEEK, start="2021-03-01"):
    """Days of a desk with a level that wanders, and days that hold more or less."""
    rng = np.random.default_rng(seed)
    stamps = pd.date_range(start, periods=days)
    drift = np.zeros(days)
    for i in range(1, days):
        drift[i] = 0.7 * drift[i - 1] + rng.normal(0, 0.03)
    usual = 900.0 * week[stamps.day_of_week] * np.exp(drift + rng.normal(0, 0.03, days))
    of_day = 1.0 if is_it is None else np.where(is_it(stamps), factor, 1.0)
    return pd.DataFrame({"unique_id": "calls", "ds": stamps, "y": rng.poisson(usual * of_day).astype(float)})


def found(history, origin=None, holidays=None):
    grid = make_grid(history, 28, "D", holidays=holidays)
    special, _ = mark_special_days(grid, holidays)
    return add_yearly_days(grid, special, origin or grid.length, 28)


def first_working_day(stamps):
    works = pd.Series(stamps.day_of_week < 5, index=stamps)
    return (works & (works.groupby([stamps.year, stamps.month]).cumsum() == 1)).to_numpy()


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 28), st.sampled_from([0.6, 1.4, 2.0]), st.integers(250, 900))
def test_the_day_of_the_bills_is_found(seed, day, factor, days):
    special = found(desk(seed, days, factor, lambda stamps: stamps.day == day))
    assert special.names[: special.monthly] == (f"day {day} of the month",)
    assert special.factors(10**6)[0] == pytest.approx(factor, rel=0.15)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10_000), st.integers(0, 6), st.integers(1, 4), st.sampled_from([0.6, 1.6]))
def test_the_nth_weekday_of_the_month_is_found(seed, weekday, nth, factor):
    def is_it(stamps):
        return (stamps.day_of_week == weekday) & ((stamps.day - 1) // 7 + 1 == nth)

    special = found(desk(seed, 700, factor, is_it))
    assert special.monthly == 1
    kind = special.kind[: 700 + 28]
    np.testing.assert_array_equal(kind == 0, is_it(pd.date_range("2021-03-01", periods=728)))


def test_a_working_day_of_the_month_is_found_without_a_calendar():
    history = desk(1, 600, 1.5, first_working_day, week=np.array([1.2, 1.1, 1.05, 1.0, 0.95, 0.0, 0.0]))
    assert found(history).names == ("first working day of the month",)


def test_working_days_are_left_to_the_calendar_where_there_is_one():
    history = desk(1, 600, 1.5, first_working_day)
    assert found(history, holidays=["2021-12-25"]).monthly == 0


def test_chance_finds_nearly_nothing():
    assert sum(found(desk(seed, days)).monthly for seed in range(10) for days in (250, 800)) == 0


def test_nothing_after_the_origin_is_looked_at():
    history = desk(3, 600, 2.0, lambda stamps: stamps.day == 5)
    other = history.assign(y=history["y"].where(history.index < 400, 7.0))
    one, two = found(history, 400), found(other, 400)
    assert one.monthly == two.monthly == 1
    np.testing.assert_array_equal(one.kind, two.kind)


def test_the_day_of_the_bills_is_forecast_and_named_with_its_effect():
    history = desk(5, 700, 1.8, lambda stamps: stamps.day == 5)
    cut = history["ds"] < "2023-01-01"
    ahead = forecast(history[cut], 14, "D").set_index("ds")
    for model in ("deskcast", "same_slot"):
        assert ahead[model]["2023-01-05"] / history.set_index("ds")["y"]["2023-01-05"] == pytest.approx(1.0, abs=0.2)
    assert any("'day 5 of the month' (7" in n and "more) was different every month" in n for n in ahead.attrs["notes"])


def test_of_no_days_there_are_no_kinds():
    none = np.array([], dtype="datetime64[D]")
    kind, names = find_monthly_days(none, np.array([]), np.ones(7, dtype=bool), np.array([], dtype=bool), dated=False)
    assert (len(kind), names) == (0, ())
