"""Intervals of sums: whole numbers hold their level, sparse levels go with those of busy series."""

import numpy as np
import pandas as pd
from deskcast.forecasting import total_over
from deskcast.forecasting.scenarios.count_paths import CountSpread, draw_counts, estimate_count_spread


def frame(cube):
    """Lay out paths, n x N: one slot of each series."""
    n, count = cube.shape
    names = np.repeat([f"s{i:03d}" for i in range(count)], n)
    ds = pd.Timestamp("2024-03-04")
    return pd.DataFrame({"unique_id": names, "ds": ds, "path": np.tile(np.arange(n), count), "y": cube.T.ravel()})


def test_intervals_of_few_whole_numbers_hold_what_they_say():
    rng = np.random.default_rng(0)
    rate = rng.uniform(1.0, 12.0, 500)
    drawn, came = rng.poisson(rate, (400, 500)).astype(float), rng.poisson(rate)
    found = total_over(frame(drawn))
    held = [((found[f"deskcast-lo-{lv}"] <= came) & (came <= found[f"deskcast-hi-{lv}"])).mean() for lv in (80, 95)]
    between_whole = ((np.quantile(drawn, 0.1, axis=0) <= came) & (came <= np.quantile(drawn, 0.9, axis=0))).mean()
    assert abs(held[0] - 0.8) < 0.04
    assert abs(held[1] - 0.95) < 0.03
    assert between_whole > held[0] + 0.04
    assert (found["deskcast-lo-95"] >= 0).all()


def test_sums_that_are_no_whole_numbers_keep_their_quantiles():
    drawn = np.random.default_rng(0).normal(100.0, 5.0, (400, 3))
    found = total_over(frame(drawn))
    expected = np.quantile(drawn, 401 * 0.9 / 400, axis=0, method="inverted_cdf")
    assert np.allclose(found["deskcast-hi-80"], expected)


def test_a_sum_that_is_the_same_on_all_paths_has_no_width():
    drawn = np.stack([np.zeros(200), np.full(200, 7.0), np.arange(200) % 5.0], axis=1)
    found = total_over(frame(drawn))
    assert found["deskcast-hi-95"][:2].tolist() == found["deskcast-lo-95"][:2].tolist() == [0, 7]
    assert found["deskcast-hi-95"][2] > 4


def test_narrow_intervals_hold_the_middle_of_few_whole_numbers():
    found = total_over(frame(np.repeat([3.0, 4.0, 5.0], [98, 62, 40])[:, None]), levels=(10, 30))
    assert found["deskcast"].item() == 4
    assert found["deskcast-lo-30"].item() < found["deskcast-lo-10"].item() <= 4 <= found["deskcast-hi-10"].item()
    assert found["deskcast-hi-10"].item() <= found["deskcast-hi-30"].item()


def test_levels_of_sparse_series_go_in_the_order_of_the_common_scores():
    spread = CountSpread(np.ones(40), np.ones(40), together=0.09, apart=0.0)
    scores = np.random.default_rng(1).normal(size=500)
    mean = np.full((40, 28), 0.5)
    totals = draw_counts(mean, spread, 500, np.random.default_rng(0), scores).sum(axis=(1, 2))
    alone = draw_counts(mean, spread, 500, np.random.default_rng(0)).sum(axis=(1, 2))
    assert np.corrcoef(totals, scores)[0, 1] > 0.8
    assert abs(np.corrcoef(alone, scores)[0, 1]) < 0.2
    assert abs(totals.std() / alone.std() - 1) < 0.15


def test_levels_that_are_off_count_in_full_and_chance_counts_nothing():
    rng = np.random.default_rng(0)
    past = np.full((12, 30, 28), 0.5)
    level = rng.gamma(1 / 0.25, 0.25, (12, 1, 1))
    together = [estimate_count_spread(rng.poisson(past * by) - past, past, np.ones(30)).together for by in (1.0, level)]
    assert together[0] == 0
    assert 0.06 < together[1] < 0.8
