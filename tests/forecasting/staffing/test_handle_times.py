"""Handle time as a forecast of its own: by interval and weekday, and how much days differ, which staffing carries."""

import numpy as np
import pandas as pd
import pytest
from deskcast.forecasting import required_agents, staffing_plan
from deskcast.forecasting.staffing.handle_times import (
    estimate_handle_time_spread,
    estimate_handle_times,
    widen_quantiles,
)
from hypothesis import given, settings
from hypothesis import strategies as st


def report(spread, seed=0, days=56, contacts=40):
    """Return totals by half hour of exponential contacts, whose mean differs by ``spread`` from day to day."""
    rng = np.random.default_rng(seed)
    slots = pd.DataFrame({"ds": pd.date_range("2024-01-01", periods=days * 48, freq="30min")})
    slots = slots[slots["ds"].dt.hour.between(8, 17)].reset_index(drop=True)
    day = slots["ds"].dt.normalize()
    factor = dict(zip(day.unique(), rng.lognormal(-(spread**2) / 2, spread, day.nunique()), strict=True))
    usual = 200.0 + 60.0 * (slots["ds"].dt.hour >= 14) + 30.0 * (slots["ds"].dt.day_of_week == 0)
    n = rng.poisson(contacts, len(slots))
    seconds = rng.gamma(np.maximum(n, 1)) * usual * day.map(factor).to_numpy()
    return slots.assign(n=n.astype(float), handle_s=np.where(n > 0, seconds, 0.0), usual=usual)


@settings(max_examples=12, deadline=None)
@given(spread=st.floats(0.05, 0.25), seed=st.integers(0, 999), contacts=st.integers(10, 120))
def test_the_spread_of_days_is_found_beyond_that_of_contacts(spread, seed, contacts):
    found = estimate_handle_time_spread(report(spread, seed, contacts=contacts))
    assert 0.6 * spread < found < 1.5 * spread


def test_days_that_differ_by_chance_alone_have_no_spread():
    found = [estimate_handle_time_spread(report(0.0, seed, contacts=6)) for seed in range(8)]
    assert np.mean(found) < 0.02
    assert estimate_handle_time_spread(report(0.2, days=9)) == 0.0  # too few days to tell


def test_an_interval_of_a_weekday_has_its_own_mean():
    seen = report(0.0, contacts=5000)
    ahead = pd.Series(pd.to_datetime(["2024-06-03 09:00", "2024-06-04 09:00", "2024-06-04 15:00"]))
    assert estimate_handle_times(seen, ahead) == pytest.approx([230, 200, 260], rel=0.04)


def test_staffing_carries_the_spread_of_the_handle_time():
    """Agents that are sure are those of the quantile of the load, with rate and handle time off independently."""
    z, rate = 1.2815515655446004, 0.06
    quantile = {
        f"deskcast-{side}-80": [300 * np.exp(sign * z * np.hypot(rate, 1 / np.sqrt(300)))]
        for side, sign in (("lo", -1), ("hi", 1))
    }
    ahead = pd.DataFrame(
        {"unique_id": "q", "ds": pd.to_datetime(["2024-03-01 09:00"]), "deskcast": [300.0], **quantile}
    )
    plans = [staffing_plan(ahead, aht=300, levels=(80,), aht_spread=s).iloc[0] for s in (0.0, 0.05, 0.15)]
    assert plans[0]["agents"] == plans[2]["agents"]
    assert plans[0]["agents_hi"] < plans[1]["agents_hi"] < plans[2]["agents_hi"]
    assert plans[0]["miss_probability"] < plans[2]["miss_probability"]
    rng = np.random.default_rng(0)
    load = 300 * np.exp(rng.normal(0, rate, 200_000)) * np.exp(rng.normal(0, 0.15, 200_000))
    wanted = required_agents(float(np.quantile(load, 0.8)), 300)["agents"].iloc[0]
    assert abs(plans[2]["agents_hi"] - wanted) <= 1


@settings(max_examples=20, deadline=None)
@given(middle=st.floats(0, 500), spread=st.floats(0, 0.5))
def test_widened_quantiles_stay_in_order_around_the_middle(middle, spread):
    rates = {0.1: np.array([0.8 * middle]), 0.5: np.array([middle]), 0.9: np.array([1.3 * middle])}
    wide = widen_quantiles(rates, spread)
    assert wide[0.5][0] == middle
    assert wide[0.1][0] <= rates[0.1][0] + 1e-9 <= middle + 1e-6
    assert wide[0.9][0] >= rates[0.9][0] - 1e-9
