import numpy as np
import pytest
from deskcast.features.errors import InputError
from deskcast.forecasting.volume.error_sizes import compute_error_scale
from deskcast.forecasting.volume.intervals import (
    apply_intervals,
    assign_zero_tiers,
    calibrate_intervals,
    check_levels,
    conformal_quantiles,
    effective_sample_size,
)
from deskcast.forecasting.volume.losses import coverage, mase_scale, pinball, wape, wql
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sklearn.metrics import mean_pinball_loss


@settings(max_examples=30, deadline=None)
@example(1, 1, [11, 12])
@given(st.integers(0, 10_000), st.integers(0, 6), st.lists(st.integers(1, 99), min_size=1, max_size=4))
def test_quantiles_never_cross_and_are_never_negative(seed, origins, levels):
    rng = np.random.default_rng(seed)
    n, horizon = 4, 5
    errors = rng.standard_t(2, (origins, n, horizon))
    errors[rng.random(errors.shape) < 0.3] = np.nan
    days = np.arange(origins)[:, None] * 3 + np.arange(horizon)
    bands = calibrate_intervals(errors, rng.integers(0, 3, n), days, np.ones(n), check_levels(levels))
    point = rng.poisson(2.0, (n, horizon)).astype(float)
    quiet = rng.random(point.shape) < 0.2
    point[quiet] = 0
    edges = apply_intervals(point, compute_error_scale(point, point.mean(axis=1), np.ones(n)), bands, quiet)
    k = edges.shape[2] // 2
    assert (np.diff(edges, axis=2) >= 0).all()
    assert (edges >= 0).all()
    assert (edges[:, :, k - 1] <= point).all()
    assert (edges[:, :, k] >= point).all()
    assert (edges[quiet] == 0).all()


def test_the_finite_sample_rank_covers_the_next_of_few():
    # of n free errors, the interval from the rank (n + 1) p covers the next one with at least p on average
    rng = np.random.default_rng(0)
    p = np.array([0.1, 0.9])
    draws = rng.normal(size=(4000, 20))
    edges = np.array([conformal_quantiles(row[:-1], 19, p) for row in draws])
    covered = ((draws[:, -1] >= edges[:, 0]) & (draws[:, -1] <= edges[:, 1])).mean()
    assert 0.79 < covered < 0.84


def test_errors_of_one_day_are_worth_one_where_they_are_wrong_together():
    rng = np.random.default_rng(1)
    days = np.repeat(np.arange(60), 24)[None, :]
    together = np.repeat(rng.normal(size=60), 24)[None, None, :]
    apart = rng.normal(size=(1, 1, 60 * 24))
    assert effective_sample_size(together, days) == pytest.approx(60)
    assert effective_sample_size(apart, days) > 700
    assert 60 < effective_sample_size(together + apart, days) < 300


def test_series_of_the_same_kind_lend_spread_to_a_young_one():
    rng = np.random.default_rng(2)
    errors = rng.normal(size=(12, 5, 7))
    errors[:, 4] = np.nan
    errors[-1, 4, 0] = 30.0
    days = np.arange(12)[:, None] * 7 + np.arange(7)
    bands = calibrate_intervals(errors, np.zeros(5, dtype=int), days, np.ones(5), (80,))
    usual = np.abs(errors[:, :4]).mean()
    assert 1.5 * usual < bands.sigma[4] < 6.0  # one day's error of 30 moves it, but does not make it


def test_a_wild_series_leaves_the_others_as_they_are():
    rng = np.random.default_rng(3)
    errors = rng.normal(size=(12, 6, 7))
    days = np.arange(12)[:, None] * 7 + np.arange(7)
    calm = calibrate_intervals(errors, np.zeros(6, dtype=int), days, np.ones(6), (80, 95))
    errors[3, 5, 2] = 1e8
    wild = calibrate_intervals(errors, np.zeros(6, dtype=int), days, np.ones(6), (80, 95))
    ratio = (wild.sigma[:5, None] * wild.quantiles[:5]) / (calm.sigma[:5, None] * calm.quantiles[:5])
    assert (np.abs(ratio - 1) < 0.15).all()


def test_tiers_and_spread_do_not_depend_on_units():
    point, level, unit = np.array([[0.0, 4.0, 100.0]]), np.array([20.0]), np.array([1.0])
    np.testing.assert_allclose(
        compute_error_scale(point * 9, level * 9, unit * 9), 3 * compute_error_scale(point, level, unit)
    )
    assert assign_zero_tiers(np.array([0.0, 0.049, 0.05, 0.5, 1.0])).tolist() == [0, 0, 1, 2, 2]


@pytest.mark.parametrize("levels", [(), (0,), (100,), ("80",), (True,), (80, -5)])
def test_a_level_is_a_percentage(levels):
    with pytest.raises(InputError, match="level"):
        check_levels(levels)


def test_quantile_loss_agrees_with_scikit_learn():
    rng = np.random.default_rng(4)
    y, q = rng.gamma(2, 10, 200), rng.gamma(2, 10, 200)
    for p in (0.025, 0.5, 0.9):
        assert pinball(y - q, p).mean() == pytest.approx(mean_pinball_loss(y, q, alpha=p))
    assert wql(y, q[:, None], np.array([0.5])) == pytest.approx(wape(y, q))


def test_scores_where_nothing_can_be_said():
    nothing = np.zeros(3)
    assert np.isnan(wape(nothing, nothing))
    assert np.isnan(coverage(nothing, nothing, nothing))
    assert np.isnan(mase_scale(np.ones((1, 9)), 2)).all()
    # what came in a slot that was certain to be empty is a miss
    assert coverage(np.array([1.0, 0.0]), np.zeros(2), np.zeros(2)) == 0.0
