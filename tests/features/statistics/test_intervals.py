"""Intervals of shares and means, against another package and by coverage."""

import numpy as np
import pytest
from deskcast.features.statistics.intervals import mean_interval, wilson_interval
from statsmodels.stats.proportion import proportion_confint


def test_wilson_agrees_with_statsmodels():
    n = np.array([1, 2, 10, 50, 1000])
    for share in (0.0, 0.1, 0.5, 1.0):
        hits = np.round(n * share)
        lo, hi = wilson_interval(hits, n)
        peer_lo, peer_hi = proportion_confint(hits, n, method="wilson")
        np.testing.assert_allclose(lo, peer_lo, atol=1e-12)
        np.testing.assert_allclose(hi, peer_hi, atol=1e-12)


def test_nothing_has_no_interval():
    lo, hi = wilson_interval([0], [0])
    assert np.isnan([lo[0], hi[0]]).all()
    lo, hi = mean_interval([3.0], [9.0], [1])
    assert np.isnan([lo[0], hi[0]]).all()


@pytest.mark.parametrize("share", [0.05, 0.5, 0.9])
def test_wilson_covers(share):
    hits = np.random.default_rng(1).binomial(40, share, 20_000)
    lo, hi = wilson_interval(hits, np.full(20_000, 40))
    assert ((lo <= share) & (share <= hi)).mean() == pytest.approx(0.95, abs=0.03)


def test_interval_of_a_mean_covers():
    x = np.random.default_rng(2).normal(5, 2, (20_000, 50))
    lo, hi = mean_interval(x.sum(1), (x**2).sum(1), np.full(20_000, 50))
    assert ((lo <= 5) & (hi >= 5)).mean() == pytest.approx(0.945, abs=0.01)
