"""Changes of level: empty weeks are on neither side of one, and true falls are still found."""

import numpy as np
import pandas as pd
from deskcast.forecasting import forecast
from deskcast.forecasting.methods.level_shifts import detect_level_shifts
from hypothesis import given, settings
from hypothesis import strategies as st


def roots(rate, seed, slots=104, rows=40):
    y = np.random.default_rng(seed).poisson(np.broadcast_to(rate, (rows, slots)))
    return np.sqrt(y / np.mean(rate))


@settings(max_examples=10, deadline=None)
@given(rate=st.floats(0.02, 0.6), seed=st.integers(0, 9999))
def test_sparse_counts_that_do_not_change_have_no_change(rate, seed):
    """A week of nothing is not below another: two of three series with an arrival in three weeks had fallen so."""
    z = roots(rate, seed)
    _, found = detect_level_shifts(z, np.ones(z.shape), 1)
    assert len(found) <= 4  # of 40 series


def test_a_fall_of_a_queue_that_is_not_sparse_is_found():
    rate = np.where(np.arange(104) < 80, 60.0, 15.0)
    z = roots(rate, 0, rows=20)
    _, found = detect_level_shifts(z, np.ones(z.shape), 1)
    assert {shift.row for shift in found} == set(range(20))
    assert all(abs(shift.day - 80) <= 1 and 0.15 < shift.ratio < 0.4 for shift in found)


@settings(max_examples=10, deadline=None)
@given(rate=st.floats(0.02, 0.3), seed=st.integers(0, 9999))
def test_a_few_arrivals_of_a_daily_queue_are_no_change(rate, seed):
    """The median of steps between mostly empty weeks is 0, so that any arrival was far beyond the noise."""
    z = np.minimum(roots(rate, seed, slots=182, rows=60), 4.0)
    _, found = detect_level_shifts(z, np.ones(z.shape), 7)
    assert len({one.row for one in found}) <= 3  # of 60 series


@settings(max_examples=15, deadline=None)
@given(pause=st.integers(20, 50), rate=st.floats(5.0, 60.0), seed=st.integers(0, 9999))
def test_a_queue_that_opens_again_is_forecast_at_what_comes_now(pause, rate, seed):
    """The same change was found four times, and what came before the pause was moved up by 9 each time."""
    rng = np.random.default_rng(seed)
    y = np.concatenate([rng.poisson(5.0, 60), np.zeros(pause), rng.poisson(rate, 60)]).astype(float)
    z = np.sqrt(y / rate)[None, :]
    factor, _ = detect_level_shifts(z, np.ones(z.shape), 1)
    assert factor.min() >= 1 / 3 - 1e-9
    assert factor.max() <= 3 + 1e-9
    weeks = pd.date_range("2020-01-06", periods=len(y), freq="7D")
    ahead = forecast(pd.DataFrame({"unique_id": "a", "ds": weeks, "y": y}), 4, "W", models="core", windows=1)
    assert ahead["deskcast"].mean() < 2 * rate
