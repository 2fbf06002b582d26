"""Confidence intervals of replications cover as often as they say."""

import numpy as np
from deskcast.forecasting.simulation.check_plan import batch_sums, estimate_mean_interval, share_interval


def covered(low, high, truth):
    return ((low <= truth) & (truth <= high)).mean()


def test_shares_of_clusters_are_covered():
    rng = np.random.default_rng(1)
    rate = rng.beta(8, 2, (40, 3000))  # each replication has its own chance: draws within it hang together
    offered = rng.poisson(30, rate.shape).astype(float)
    hits = rng.binomial(offered.astype(int), rate).astype(float)
    share, low, high = share_interval(hits, offered, level=0.95)
    assert 0.93 <= covered(low, high, 0.8) <= 0.975
    assert ((low >= 0) & (low <= share) & (share <= high) & (high <= 1)).all()


def test_means_are_covered():
    rng = np.random.default_rng(2)
    counts = rng.poisson(20, (30, 3000)).astype(float)
    sums = rng.gamma(counts, 5.0)
    mean, low, high = estimate_mean_interval(sums, counts, level=0.99)
    assert 0.98 <= covered(low, high, 5.0) <= 0.998
    np.testing.assert_allclose(mean, sums.sum(axis=0) / counts.sum(axis=0))


def test_certain_shares_are_not_certain():
    _, low, high = share_interval(np.full((10, 1), 20.0), np.full((10, 1), 20.0))
    assert 0.9 < low[0] < 1
    assert high[0] == 1


def test_nothing_offered_is_missing():
    share, low, high = share_interval(np.zeros((5, 1)), np.zeros((5, 1)))
    assert np.isnan([share[0], low[0], high[0]]).all()
    assert np.isnan(estimate_mean_interval(np.zeros((5, 1)), np.zeros((5, 1)))[0][0])


def test_batches_hold_everything_after_the_warm_up():
    sums, sizes = batch_sums(np.arange(1000.0), batches=7, warm_up=0.2)
    assert sizes.sum() == 800
    assert sums.sum() == np.arange(200, 1000).sum()
