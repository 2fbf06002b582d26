"""The rest of a day: what carries on is learned, what does not is left, and the bounds cover what comes."""

import numpy as np
import pandas as pd
import pytest
from deskcast.features.errors import InputError
from deskcast.forecasting.intraday.reforecast import backtest_reforecast, reforecast_day
from hypothesis import given, settings
from hypothesis import strategies as st

HOURS = pd.timedelta_range("8h", periods=20, freq="30min")
PROFILE = 60 * (1 + np.sin(np.linspace(0, np.pi, 20)))


def make_days(count, carries, seed=1, spread=0.15, common=None):
    """Return days whose first ten intervals have a surprise, and whose last ten have a share of it."""
    dice = np.random.default_rng(seed)
    shock = spread * (dice.standard_normal(count) if common is None else common)
    factor = np.exp(np.where(np.arange(20) < 10, 1.0, carries) * shock[:, None])
    y = dice.poisson(PROFILE * factor)
    days = pd.date_range("2024-01-01", periods=count)
    ds = [day + hour for day in days for hour in HOURS]
    return pd.DataFrame({"ds": ds, "forecast": np.tile(PROFILE, count), "y": y.ravel().astype(float)}), shock


def split(rows, day=-1):
    days = rows["ds"].dt.normalize()
    last = sorted(days.unique())[day]
    today = rows[days == last].copy()
    today.loc[today["ds"] >= last + pd.Timedelta("13h"), "y"] = np.nan
    return rows[days < last], today


@pytest.mark.parametrize(("carries", "least", "most"), [(1.0, 0.75, 1.1), (0.5, 0.3, 0.65), (0.0, -0.15, 0.15)])
def test_the_share_that_carries_on_is_learned_and_drawn_towards_none(carries, least, most):
    rows, shock = make_days(60, carries, seed=4)
    shock[-1] = 0.3
    past, today = split(rows)
    today["y"] = today["y"].where(today["y"].isna(), PROFILE * np.exp(0.3))
    found = reforecast_day(past, today)
    assert least < found.attrs["carried"] < most
    assert found.attrs["surprise"] == pytest.approx(np.exp(0.3), abs=0.01)
    assert found["reforecast"].sum() == pytest.approx(found["forecast"].sum() * np.exp(carries * 0.3), rel=0.06)
    assert found.attrs["total"][0] == pytest.approx(found["reforecast"].sum())


def test_it_beats_the_morning_where_surprises_last_and_scaling_where_they_do_not():
    lasting, passing = (backtest_reforecast(make_days(90, carries, seed=2)[0], 13) for carries in (1.0, 0.0))
    assert lasting["reforecast"].sum() < 0.8 * lasting["morning"].sum()
    assert passing["reforecast"].sum() < 0.7 * passing["scaled"].sum()
    assert lasting["reforecast"].sum() < 1.03 * lasting["scaled"].sum()
    assert passing["reforecast"].sum() < 1.03 * passing["morning"].sum()


def test_a_backtest_of_a_day_is_what_was_reforecast_on_that_day():
    rows, _ = make_days(40, 0.8)
    past, today = split(rows)
    found = reforecast_day(past, today)
    last = backtest_reforecast(rows, 13).iloc[-1]
    came = rows["y"].to_numpy()[-10:]
    assert last["reforecast"] == pytest.approx(np.abs(found["reforecast"] - came).sum())
    assert last["volume"] == came.sum()


def test_the_likely_range_holds_on_eight_of_ten_days():
    rows, _ = make_days(100, 0.7, seed=6)
    inside, intervals = [], []
    for day in range(-40, 0):
        past, today = split(rows, day)
        found = reforecast_day(past, today)
        came = rows.set_index("ds").loc[found["ds"], "y"].to_numpy()
        _, low, high = found.attrs["total"]
        inside.append(low <= came.sum() <= high)
        intervals.append(np.mean((found["reforecast-lo-80"] <= came) & (came <= found["reforecast-hi-80"])))
    assert 0.68 < np.mean(inside) < 0.95
    assert 0.74 < np.mean(intervals) < 0.92


def test_another_queue_is_used_where_it_is_the_first_to_tell_and_not_otherwise():
    common = np.random.default_rng(8).standard_normal(80)
    late = make_days(80, 1.0, seed=9, common=common)[0]
    early = make_days(80, 1.0, seed=10, common=common)[0]
    # of this queue little comes in the morning
    thin = late.assign(**{c: np.where(late["ds"].dt.hour < 13, late[c] // 30, late[c]) for c in ("forecast", "y")})
    own, other, apart = split(thin), split(early), split(make_days(80, 1.0, seed=11)[0])
    assert reforecast_day(*own, {"chat": other}).attrs["used"] == ["chat"]
    assert reforecast_day(*own, {"chat": apart}).attrs["used"] == []


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 12), st.integers(0, 10_000), st.floats(0, 3))
def test_few_days_closed_times_and_later_days_change_nothing(count, seed, factor):
    rows, _ = make_days(count + 1, 1.0, seed=seed)
    past, today = split(rows)
    today["y"] = today["y"] * factor
    found = reforecast_day(past, today)
    assert (found["reforecast"] >= 0).all()
    if count < 8:  # the morning's forecast stands
        assert found["reforecast"].tolist() == found["forecast"].tolist()
    later = past.assign(ds=past["ds"] + pd.Timedelta(days=100), y=0.0)
    assert reforecast_day(pd.concat([past, later]), today).equals(found)


def test_a_day_that_is_over_has_no_rest():
    rows, _ = make_days(3, 1.0)
    with pytest.raises(InputError, match="the day is over"):
        reforecast_day(rows, rows.tail(20))
