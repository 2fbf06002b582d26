"""Days that are different every year and stand on no list."""

import numpy as np
import pandas as pd
import pytest
from dateutil.easter import easter
from deskcast.forecasting import forecast
from deskcast.forecasting.grid.grid import make_grid
from deskcast.forecasting.grid.special_days import mark_special_days
from deskcast.forecasting.grid.yearly_days import add_yearly_days
from hypothesis import given, settings
from hypothesis import strategies as st

WEEK = np.array([1.2, 1.1, 1.05, 1.0, 0.95, 0.5, 0.4])


def desk(seed, days, factor=None, level=900.0, start="2019-01-01"):
    """Days of a desk with a level that wanders; `factor` gives what a day holds, of its stamp."""
    rng = np.random.default_rng(seed)
    stamps = pd.date_range(start, periods=days)
    drift = np.zeros(days)
    for i in range(1, days):
        drift[i] = 0.7 * drift[i - 1] + rng.normal(0, 0.03)
    usual = level * WEEK[stamps.day_of_week] * np.exp(drift + rng.normal(0, 0.03, days))
    of_day = np.array([1.0 if factor is None else factor(day) for day in stamps])
    return pd.DataFrame({"unique_id": "calls", "ds": stamps, "y": rng.poisson(usual * of_day).astype(float)})


def found(history, origin=None, horizon=28, holidays=None):
    grid = make_grid(history, horizon, "D", holidays=holidays)
    special, _ = mark_special_days(grid, holidays)
    return add_yearly_days(grid, special, origin or grid.length, horizon)


def turn_of_the_year(day):
    return {"12-24": 0.4, "12-25": 0.2, "12-31": 0.5, "01-01": 0.2}.get(day.strftime("%m-%d"), 1.0)


@pytest.mark.parametrize("holidays", [None, ["2019-12-25", "2020-12-25", "2021-12-25"]])
def test_the_eve_of_christmas_is_forecast_as_it_was(holidays):
    history = desk(1, 3 * 365 + 30, turn_of_the_year)
    cut = history["ds"] < "2021-12-15"
    ahead = forecast(history[cut], 21, "D", holidays=holidays).set_index("ds")
    came = history.set_index("ds")["y"]
    for day in ("2021-12-24", "2021-12-31"):
        assert ahead.loc[day, "deskcast"] == pytest.approx(came[day], rel=0.2)
        assert ahead.loc[day, "same_slot"] == pytest.approx(came[day], rel=0.35)
    assert ahead.loc["2021-12-22", "deskcast"] == pytest.approx(came["2021-12-22"], rel=0.15)  # an ordinary day
    assert any("24 December" in note and "every year" in note for note in ahead.attrs["notes"])


def test_an_hour_of_a_day_that_comes_again_is_forecast_so():
    daily = desk(2, 2 * 365 + 400, turn_of_the_year, level=2400.0)
    hours = daily.loc[daily.index.repeat(12)].reset_index(drop=True)
    hours["ds"] += pd.to_timedelta(np.tile(np.arange(8, 20), len(daily)), unit="h")
    hours["y"] = np.floor(hours["y"] / 12)
    cut = hours["ds"] < "2020-12-20"
    ahead = forecast(hours[cut], 24 * 6, "h").set_index("ds")["deskcast"]
    assert 0.25 < ahead["2020-12-24"].sum() / ahead["2020-12-22"].sum() < 0.55


@settings(max_examples=15)
@given(st.integers(0, 10_000), st.integers(-50, 60), st.floats(0.2, 0.6), st.booleans())
def test_a_feast_is_found_by_its_distance_from_easter(seed, gap, factor, many_years):
    def feast(day):
        return factor if (day.date() - easter(day.year)).days == gap else 1.0

    special = found(desk(seed, (4 if many_years else 3) * 365, feast))
    past = special.past[:, 0].astype(int)
    assert special.found >= 1
    own = [k for k in np.unique(past) if abs(special.factors(10**6)[k] - factor) < 0.25]
    assert own, special.names


@settings(max_examples=15)
@given(st.integers(0, 10_000), st.integers(2, 11), st.integers(1, 4), st.integers(0, 4), st.floats(0.2, 0.5))
def test_a_weekday_of_a_month_is_found(seed, month, nth, weekday, factor):
    def is_it(day):
        return day.month == month and day.day_of_week == weekday and (day.day - 1) // 7 + 1 == nth

    special = found(desk(seed, 4 * 365, lambda day: factor if is_it(day) else 1.0))
    days = pd.date_range("2019-01-01", periods=4 * 365)
    assert min(special.kind[i] for i, day in enumerate(days) if is_it(day)) >= 0  # whatever its name


def test_chance_finds_nearly_nothing():
    counts = [found(desk(seed, 3 * 365, level=level)).found for seed in range(12) for level in (15.0, 900.0)]
    assert sum(counts) <= 4


def test_a_day_of_more_needs_three_years():
    campaign = {"11-25": 2.5}
    two, three = (desk(5, days, lambda day: campaign.get(day.strftime("%m-%d"), 1.0)) for days in (2 * 365, 3 * 365))
    assert "25 November" not in found(two).names
    assert "25 November" in found(three).names


@settings(max_examples=10)
@given(st.integers(0, 10_000), st.integers(400, 1000))
def test_nothing_after_the_origin_is_looked_at(seed, origin):
    history = desk(seed, 1100, turn_of_the_year)
    other = history.assign(y=history["y"].where(history.index < origin, 7.0))
    one, two = found(history, origin), found(other, origin)
    assert one.names == two.names
    np.testing.assert_array_equal(one.kind, two.kind)
    np.testing.assert_array_equal(one.past, two.past)


def test_an_event_that_was_named_once_comes_again_with_its_size():
    fair = pd.date_range("2020-05-11", periods=5)
    history = desk(3, 2 * 365 + 100, lambda day: 1.8 if day in fair else 1.0)
    cut = history["ds"] < "2021-03-01"
    events = [("fair", "2020-05-11", "2020-05-15"), ("fair", "2021-03-08", "2021-03-12")]
    ahead = forecast(history[cut], 14, "D", events=events).set_index("ds")["deskcast"]
    plain = forecast(history[cut], 14, "D").set_index("ds")["deskcast"]
    assert (ahead / plain)["2021-03-08":"2021-03-12"].mean() == pytest.approx(1.8, abs=0.25)


@settings(max_examples=10)
@given(st.integers(0, 10_000), st.integers(2, 11), st.integers(1, 28), st.sampled_from([0.5, 1.7]))
def test_a_week_that_holds_a_date_comes_again(seed, month, day, factor):
    daily = desk(seed, 7 * 52 * 6, level=60.0, start="2018-01-01")
    week = daily["ds"] - pd.to_timedelta(daily["ds"].dt.day_of_week, unit="D")
    weeks = daily.assign(ds=week).groupby(["unique_id", "ds"], as_index=False)["y"].sum()
    own = [
        any((s + pd.Timedelta(days=d)).strftime("%m%d") == f"{month:02d}{day:02d}" for d in range(7))
        for s in weeks["ds"]
    ]
    weeks["y"] = np.round(weeks["y"] * np.where(own, factor, 1.0))
    grid = make_grid(weeks, 8, "W")
    special = add_yearly_days(grid, mark_special_days(grid)[0], grid.length, 8)
    assert special.found
    marked = special.kind[: grid.length] >= 0
    assert (marked & own).sum() >= sum(own) - 1
    assert marked.sum() <= 4 * sum(own)
    kinds = special.kind[: grid.length][marked & own]
    assert special.factors(grid.length)[kinds].mean() == pytest.approx(factor, rel=0.2)
