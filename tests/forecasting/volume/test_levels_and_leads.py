"""Intervals: levels are nested and differ, a lead has one interval whatever the horizon, and odd days move little."""

import numpy as np
import pandas as pd
import pytest
from deskcast.forecasting import forecast
from deskcast.forecasting.volume.error_sizes import fit_error_growth
from deskcast.forecasting.volume.intervals import conformal_quantiles
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats


def history(y, freq="D", start="2022-01-03"):
    return pd.DataFrame({"unique_id": "q", "ds": pd.date_range(start, periods=len(y), freq=freq), "y": y})


@settings(max_examples=6, deadline=None)
@given(
    seed=st.integers(0, 999),
    level=st.floats(15, 2000),
    spread=st.floats(0.02, 0.3),
    slots=st.integers(60, 400),
    horizons=st.tuples(st.integers(1, 6), st.integers(7, 28)),
)
def test_the_first_days_have_one_interval_whatever_the_horizon(seed, level, spread, slots, horizons):
    rng = np.random.default_rng(seed)
    y = rng.poisson(level * np.exp(rng.normal(0, spread, slots))).astype(float)
    short, long = (forecast(history(y), h, "D") for h in horizons)
    both = short.merge(long, on="ds", suffixes=("", "_long"))
    assert len(both) == horizons[0]
    for percent in (80, 95):
        width = [both[f"deskcast-hi-{percent}{s}"] - both[f"deskcast-lo-{percent}{s}"] for s in ("", "_long")]
        np.testing.assert_allclose(width[0], width[1], rtol=0.12, atol=0.02 * level)


@settings(max_examples=6, deadline=None)
@given(
    seed=st.integers(0, 999),
    grain=st.sampled_from([("D", 40, 300), ("W", 30, 150), ("MS", 16, 60), ("h", 24 * 20, 24 * 40)]),
    level=st.floats(20, 500),
    horizon=st.integers(1, 3),
    share=st.floats(0, 1),
)
def test_levels_are_nested_and_never_the_same(seed, grain, level, horizon, share):
    freq, fewest, most = grain
    y = np.random.default_rng(seed).poisson(level, round(fewest + share * (most - fewest))).astype(float)
    ahead = forecast(history(y, {"W": "W-MON"}.get(freq, freq), "2015-01-01"), horizon, freq, levels=(50, 80, 95, 99))
    for inner, outer in ((50, 80), (80, 95), (95, 99)):
        low, high = ahead[f"deskcast-lo-{outer}"], ahead[f"deskcast-hi-{outer}"]
        assert (high > ahead[f"deskcast-hi-{inner}"] + 1e-9).all()
        assert ((low < ahead[f"deskcast-lo-{inner}"] - 1e-9) | (low == 0)).all()


@pytest.mark.parametrize(
    ("freq", "slots", "rate"), [("D", 200, 20), pytest.param("W", 104, 100, marks=pytest.mark.slow), ("MS", 36, 400)]
)
def test_the_next_value_is_held_as_often_as_said(freq, slots, rate):
    held = 0
    for seed in range(12):
        y = np.random.default_rng(seed).poisson(rate, slots + 1).astype(float)
        ahead = forecast(history(y[:slots], {"W": "W-MON"}.get(freq, freq), "2015-01-01"), 1, freq).iloc[0]
        held += ahead["deskcast-lo-95"] <= y[slots] <= ahead["deskcast-hi-95"]
    assert held >= 10


@settings(max_examples=20, deadline=None)
@given(n=st.integers(4, 400), seed=st.integers(0, 999))
def test_a_short_pool_has_the_tails_of_a_prediction_interval(n, seed):
    """Quantiles rise with the probability, and those of few normal errors are near Student's."""
    pool = np.random.default_rng(seed).normal(size=n)
    p = np.array([0.005, 0.025, 0.1, 0.9, 0.975, 0.995])
    found = conformal_quantiles(pool, n, p)
    assert (np.diff(found) > 0).all()
    if n >= 12:
        wanted = stats.t.ppf(0.975, n - 1) * np.sqrt(1 + 1 / n)
        assert found[4] == pytest.approx(wanted, rel=0.75)


def test_errors_that_grow_are_seen_and_those_that_do_not_are_not():
    noise = np.random.default_rng(1).normal(size=(12, 3, 28))
    growth = fit_error_growth(noise * np.sqrt(np.arange(1, 29)))
    assert growth[-1] / growth[0] > 2
    assert (np.diff(growth) >= 0).all()
    assert np.abs(fit_error_growth(noise) - 1).max() < 0.15
    assert fit_error_growth(noise[:2]).tolist() == [1.0] * 28


DAYS = pd.date_range("2022-01-03", periods=7 * 156, freq="D")
USUAL = np.where(DAYS.day_of_week < 5, 3000.0, np.where(DAYS.day_of_week == 5, 1100.0, 600.0))


def drifting(seed):
    rng = np.random.default_rng(seed)
    level, e = np.zeros(len(DAYS)), rng.normal(0, 0.05, len(DAYS))
    for i in range(1, len(DAYS)):
        level[i] = 0.9 * level[i - 1] + e[i]
    level[-2:] = level[-3]  # the weekend before the forecast tells nothing new
    return USUAL * np.exp(level + rng.normal(0, 0.03, len(DAYS)))


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (1, 2))])
@pytest.mark.parametrize("odd", [(2.1, 3.3), pytest.param((1.0, 3.3), marks=pytest.mark.slow), (0.3, 0.3)])
def test_one_odd_last_weekend_hardly_moves_four_weeks(seed, odd):
    """A weekend of a tenth of the week is a tenth of the evidence."""
    plain = drifting(seed)
    spoilt = plain.copy()
    spoilt[-2:] *= odd
    both = [forecast(history(y), 28, "D")["deskcast"].sum() for y in (plain, spoilt)]
    assert abs(both[1] / both[0] - 1) <= 0.04
