"""Intervals hold at the peak of the day as at night, on busy days as on quiet ones."""

import numpy as np
import pandas as pd
import pytest
from deskcast.forecasting import backtest
from deskcast.forecasting.volume.error_sizes import compute_error_scale, fit_error_exponent
from hypothesis import given, settings
from hypothesis import strategies as st

WEEK = np.array([1.2, 1.1, 1.0, 1.0, 0.95, 0.5, 0.35])


def half_hours(seed, spread, days=112, level=60.0):
    """A desk whose whole days are off by a share: the busier the half hour, the more arrivals that is."""
    rng = np.random.default_rng(seed)
    hour = np.arange(48) / 2
    profile = np.where((hour >= 7) & (hour < 21), np.exp(-(((hour - 12) / 5) ** 2)), 0.0)
    of_day = WEEK[np.arange(days) % 7] * np.exp(rng.normal(0, spread, days))
    y = rng.poisson(level * of_day[:, None] * profile).ravel().astype(float)
    return pd.DataFrame(
        {"unique_id": "calls", "ds": pd.date_range("2024-01-01", periods=48 * days, freq="30min"), "y": y}
    )


def coverage_by_third(folds):
    told = folds[folds["deskcast"] > 0]
    inside = told["y"].between(told["deskcast-lo-80"], told["deskcast-hi-80"])
    third = pd.qcut(told["deskcast"].rank(method="first"), 3, labels=False)
    return inside.groupby(third).mean().to_numpy()


@pytest.mark.parametrize("spread", [0.03, 0.15])
def test_intervals_hold_in_each_third_of_the_volumes(spread):
    held = np.mean(
        [coverage_by_third(backtest(half_hours(s, spread), 336, "30min", windows=4)) for s in range(4)], axis=0
    )
    assert (held > 0.72).all(), held
    assert (held < 0.92).all(), held


@settings(max_examples=20)
@given(st.integers(0, 10_000), st.sampled_from([0.0, 0.2, 0.4]))
def test_the_power_is_that_by_which_the_errors_were_made(seed, power):
    rng = np.random.default_rng(seed)
    relative = rng.lognormal(0.0, 1.0, (12, 2, 60))
    errors = rng.normal(size=relative.shape) * relative**power
    found = fit_error_exponent(errors, relative, np.zeros(2, dtype=int))
    assert found == pytest.approx(power, abs=0.15)


def test_few_errors_change_nothing():
    few = np.full((2, 1, 7), 1.0)
    assert fit_error_exponent(few, few, np.zeros(1, dtype=int)).tolist() == [0.0]
    nothing = np.full((12, 1, 7), np.nan)
    assert fit_error_exponent(nothing, nothing, np.zeros(1, dtype=int)).tolist() == [0.0]


@given(st.floats(0.01, 1e6))
def test_the_unit_of_a_series_does_not_matter(unit):
    point, level, one = np.array([[4.0, 100.0]]), np.array([50.0]), np.array([1.0])
    plain = compute_error_scale(point, level, one, np.array([0.3]))
    other = compute_error_scale(point * unit, level * unit, one * unit, np.array([0.3]))
    assert other == pytest.approx(plain * np.sqrt(unit))
