"""Shapes of intervals: by volume where series are many, wider where past errors were wrong together."""

import numpy as np
import pytest
from deskcast.forecasting.volume.intervals import calibrate_intervals, conformal_quantiles
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import ndtr

LEVELS = (80, 95)
DAYS = np.arange(12)[:, None] * 7 + np.arange(28)


def width(bands):
    """Return the width of the 80 % interval of each series, in units of the errors."""
    return bands.sigma * (bands.quantiles[:, -2] - bands.quantiles[:, 1])


@pytest.mark.parametrize("seed", [0, 1])
def test_small_and_large_queues_of_many_have_shapes_of_their_own(seed):
    rng = np.random.default_rng(seed)
    volume = np.repeat([1, 3], 20)
    calm, missed = rng.normal(size=(12, 20, 28)), rng.standard_t(2.5, (12, 20, 28))
    errors = np.concatenate([calm, missed], axis=1)
    common = calibrate_intervals(errors, np.zeros(40, int), DAYS, np.ones(40), LEVELS)
    parted = calibrate_intervals(errors, np.zeros(40, int), DAYS, np.ones(40), LEVELS, volume)
    assert (common.quantiles[0] == common.quantiles[-1]).all()
    # heavy tails: relative to the mean error the 80 % interval is narrower and the 95 % interval wider
    assert parted.quantiles[-1, -2] < parted.quantiles[0, -2]
    assert parted.quantiles[-1, -1] > parted.quantiles[0, -1]
    for rows, truth in ((slice(0, 20), calm), (slice(20, 40), missed)):
        edge = parted.sigma[rows, None] * parted.quantiles[rows][:, [1, -2]]
        held = ((truth >= edge[:, 0, None]) & (truth <= edge[:, 1, None])).mean()
        assert abs(held - 0.8) < 0.025


def test_a_few_series_are_not_parted_by_volume():
    errors = np.random.default_rng(0).normal(size=(12, 6, 28))
    found = [
        calibrate_intervals(errors, np.zeros(6, int), DAYS, np.ones(6), LEVELS, v) for v in (None, np.arange(6) % 4)
    ]
    assert (found[0].quantiles == found[1].quantiles).all()
    assert (found[0].sigma == found[1].sigma).all()


def test_errors_that_are_wrong_together_for_weeks_earn_wider_intervals():
    rng = np.random.default_rng(0)
    apart = rng.normal(size=(105, 1))
    level = np.repeat(rng.normal(size=15), 7)[:, None] + 0.3 * rng.normal(size=(105, 1))
    ratio = []
    for by_day in (apart, level):
        errors = np.moveaxis(by_day[DAYS], 2, 1)
        bands = calibrate_intervals(errors, np.zeros(1, int), DAYS, np.ones(1), LEVELS)
        ratio.append(float(width(bands)[0] / np.subtract(*np.quantile(errors, [0.9, 0.1]))))
    assert ratio[1] > 1.03 * ratio[0]


@pytest.mark.parametrize("size", [99, 990, 9_900])
def test_a_large_pool_that_is_worth_few_errors_has_the_rank_of_few(size):
    # values of rank k of n stand for (k - 1/2) / n: the 90th of 99 is the one that the next lies below in 9 of 10
    pool = (np.arange(size) + 0.5) / size
    assert conformal_quantiles(pool, 99, np.array([0.1, 0.9])) == pytest.approx([9.5 / 99, 89.5 / 99])


def test_the_next_day_is_held_as_often_as_said_where_errors_are_few_and_days_are_alike():
    rng, held = np.random.default_rng(0), []
    for _ in range(60):
        by_day = rng.normal(size=12 * 7 + 28)
        errors = by_day[DAYS][:, None, :]
        bands = calibrate_intervals(errors, np.zeros(1, int), DAYS, np.ones(1), LEVELS)
        below = ndtr(bands.sigma[0] * bands.quantiles[0])
        held.append([below[2] - below[1], below[3] - below[0]])
    eighty, ninety_five = np.mean(held, axis=0)
    assert 0.79 < eighty < 0.825
    assert 0.945 < ninety_five < 0.97


@settings(max_examples=20, deadline=None)
@given(st.integers(3, 12), st.integers(1, 8), st.integers(1, 14), st.integers(0, 100))
def test_levels_are_nested_and_distinct_however_few_the_errors(origins, series, leads, seed):
    rng = np.random.default_rng(seed)
    errors = rng.standard_t(3, (origins, series, leads))
    days = np.arange(origins)[:, None] * 7 + np.arange(leads)
    volume = rng.integers(0, 4, series)
    found = calibrate_intervals(errors, np.zeros(series, int), days, np.ones(series), (50, 80, 90, 95), volume)
    assert (np.diff(found.quantiles, axis=1) > 0).all()
