"""Days whose calls are many and long, or many and short: measured from the past, and planned with."""

import numpy as np
import pandas as pd
import pytest
from deskcast.forecasting.staffing.handle_time_days import (
    HandleTimeVariation,
    estimate_handle_time_variation,
    handle_time_paths,
)
from deskcast.forecasting.staffing.path_plan import agents_over_period
from deskcast.forecasting.staffing.target import QueueTarget
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special

VOLUME, TIME = 0.15, 0.1
HOURS = pd.Series(pd.date_range("2024-03-04 08:00", periods=8, freq="h"))


def factors(days, correlation, dice, by_week=0.0):
    """Return what volume and handle time of days are multiplied by."""
    busy, own, week = dice.standard_normal((3, days))
    own = np.sqrt(by_week) * week[np.arange(days) // 7] + np.sqrt(1 - by_week) * own
    return np.exp(VOLUME * busy), np.exp(TIME * (correlation * busy + np.sqrt(1 - correlation**2) * own))


def past(correlation, seed, days=56, calls=60.0, by_week=0.0):
    """Return what contacts of some weeks took, by hour; Mondays have more calls, and longer ones."""
    dice = np.random.default_rng(seed)
    more, longer = factors(days, correlation, dice, by_week)
    ds = pd.date_range("2024-01-01", periods=days)
    monday = 1 + 0.3 * (ds.day_of_week == 0)
    n = dice.poisson((calls * more * monday)[:, None] * np.ones(8))
    seconds = dice.gamma(np.maximum(n, 1)) * (300 * longer * monday)[:, None] * (n > 0)
    hours = np.add.outer(ds.to_numpy(), pd.to_timedelta(np.arange(8, 16), unit="h").to_numpy())
    return pd.DataFrame({"ds": hours.ravel(), "handle_s": seconds.ravel(), "n": n.ravel().astype(float)})


@pytest.mark.parametrize("correlation", [-0.5, 0.0, 0.5])
def test_how_handle_time_goes_with_volume_is_found(correlation):
    found = [estimate_handle_time_variation(past(correlation, seed)) for seed in range(16)]
    true = correlation * TIME / VOLUME
    assert np.mean([one.with_volume for one in found]) == pytest.approx(true, abs=0.1)  # 56 days are believed in part
    own = TIME * np.sqrt(1 - correlation**2)
    assert np.mean([one.spread for one in found]) == pytest.approx(own, rel=0.2)


def test_weeks_that_differ_are_told_from_days_that_do():
    found = [
        np.mean([estimate_handle_time_variation(past(0.0, seed, 112, 100.0, share)).by_week for seed in range(6)])
        for share in (0.0, 0.6)
    ]
    assert found[0] < 0.15
    assert 0.3 < found[1] < 0.8


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 999), st.integers(1, 9), st.floats(0.0, 400.0))
def test_few_days_or_few_calls_show_nothing_and_no_number_is_missing(seed, days, calls):
    assert estimate_handle_time_variation(past(0.5, seed, days, calls)) == HandleTimeVariation()
    few = estimate_handle_time_variation(past(0.5, seed, 30, calls / 100))
    assert few.spread >= 0
    assert abs(few.with_volume) <= 0.9
    assert 0 <= few.by_week <= 1


def test_calls_that_were_lost_count_as_volume():
    totals = past(0.0, 3)
    offered = totals[["ds"]].assign(y=totals["n"])
    day = totals["ds"].dt.normalize()
    lost = day.map(dict(zip(day.unique(), np.random.default_rng(1).uniform(0.6, 1.0, 56), strict=True)))
    totals = totals.assign(n=totals["n"] * lost, handle_s=totals["handle_s"] * lost * (2 - lost))
    assert estimate_handle_time_variation(totals).with_volume < -0.1  # of the answered alone: fewer and longer
    assert estimate_handle_time_variation(totals, offered).with_volume == pytest.approx(0.0, abs=0.15)


@pytest.mark.parametrize("correlation", [-0.5, 0.0, 0.5])
def test_the_work_of_a_day_and_its_target_are_as_sure_as_stated(correlation):
    even = special.ndtri((np.arange(300) + 0.5) / 300)[:, None]
    days = HandleTimeVariation(TIME * np.sqrt(1 - correlation**2), correlation * TIME / VOLUME)
    rates = 100 * np.exp(VOLUME * even) * np.ones(8)
    times = 300 * handle_time_paths(rates, days, HOURS)
    more, longer = factors(4000, correlation, np.random.default_rng(8))
    work = 800 * 300 * more * longer
    for level in (0.1, 0.5, 0.9):
        bound = np.quantile((rates * times).sum(axis=1), level)
        assert np.mean(work <= bound) == pytest.approx(level, abs=0.02)


def test_longer_calls_on_busy_days_take_more_agents_and_shorter_ones_fewer():
    rates = 100 * np.exp(VOLUME * np.linspace(-2, 2, 60))[:, None] * np.ones(2)
    target, sums = QueueTarget(3600, 0.8, 20, None, 180), []
    for with_volume in (-0.5, 0.0, 0.5):
        times = 300 * handle_time_paths(rates, HandleTimeVariation(0.05, with_volume), HOURS.head(2))
        sums.append(agents_over_period(rates, times, target, HOURS.head(2), 0.8, "day").sum())
    assert sums[0] < sums[1] < sums[2]


def test_days_of_a_week_go_together_as_measured():
    ds = pd.Series(pd.date_range("2024-03-04", periods=14))
    rates = np.full((400, 14), 100.0)
    paths = np.log(handle_time_paths(rates, HandleTimeVariation(0.1, 0.0, 0.6), ds))
    shared = np.corrcoef(paths.T)
    assert shared[0, 1] == pytest.approx(0.6, abs=0.12)
    assert abs(shared[0, 7]) < 0.15
    assert paths.std() == pytest.approx(0.1, rel=0.05)


@given(st.sampled_from([0.0, 0.01, 0.2]), st.sampled_from([-0.8, 0.5]))
@settings(max_examples=6, deadline=None)
def test_a_nearly_empty_day_carries_no_effect_beyond_what_was_learned(share, with_volume):
    ds = pd.Series(pd.date_range("2024-03-04 08:00", periods=2, freq="h"))
    rates = np.array([[share], [1.0], [1.0], [1.2], [9.0]]) * np.full((1, 2), 50.0)
    factor = handle_time_paths(rates, HandleTimeVariation(with_volume=with_volume), ds)
    assert factor[:, 0] == pytest.approx(np.array([0.2, 1.0, 1.0, 1.2, 9.0]) ** with_volume)
