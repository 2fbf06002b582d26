import numpy as np
import pandas as pd
import pytest
from deskcast.forecasting import backtest, forecast, leaderboard
from deskcast.forecasting.grid.grid import make_grid
from deskcast.forecasting.methods.intermittent import adida_rate, croston_sba, tsb_rate, week_shape
from deskcast.forecasting.methods.registry import select_auto_methods
from hypothesis import given, settings
from hypothesis import strategies as st


def demand(seed, length=60, chance=0.3):
    rng = np.random.default_rng(seed)
    return (rng.random(length) < chance) * rng.poisson(3.0, length).astype(float)


def slow_croston(y, known):
    """Croston's method as it is told: one demand after the other."""
    sizes, gaps, gap = [], [], 0
    for value, there in zip(y, known, strict=True):
        if there:
            gap += 1
            if value > 0:
                sizes.append(value)
                gaps.append(gap)
                gap = 0
    if not sizes:
        return 0.0
    size, interval = sizes[0], gaps[0]
    for value, wait in zip(sizes[1:], gaps[1:], strict=True):
        size += 0.1 * (value - size)
        interval += 0.1 * (wait - interval)
    return 0.95 * size / interval


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000))
def test_croston_equals_its_slow_twin_and_missing_slots_count_in_no_interval(seed):
    rng = np.random.default_rng(seed)
    y = np.stack([demand(seed + i, chance=c) for i, c in enumerate((0.0, 0.1, 0.5, 0.9))])
    known = rng.random(y.shape) < 0.8
    expected = [slow_croston(row, there) for row, there in zip(y, known, strict=True)]
    assert croston_sba(y, known) == pytest.approx(expected)


def test_rates_are_those_of_an_independent_library():
    rng = np.random.default_rng(5)
    y = ((rng.random(40) < 0.25) * rng.poisson(3, 40)).astype(float)[None]
    known = np.ones(y.shape, dtype=bool)
    # statsforecast 2.1.1: CrostonSBA(), TSB(0.1, 0.1)
    assert croston_sba(y, known) == pytest.approx([0.74792849])
    assert tsb_rate(y, known) == pytest.approx([0.84710814])


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.01, 1000.0))
def test_rates_scale_with_the_demand_and_are_exact_for_a_regular_one(seed, factor):
    y = np.stack([demand(seed), demand(seed + 1, chance=0.05)])
    known = np.ones(y.shape, dtype=bool)
    for method in (croston_sba, tsb_rate, adida_rate):
        assert method(factor * y, known) == pytest.approx(factor * method(y, known))
        assert (method(np.full((1, 50), 7.0), np.ones((1, 50), dtype=bool)) <= 7.0 + 1e-9).all()
    assert adida_rate(np.tile([0.0, 0.0, 6.0], 20)[None], np.ones((1, 60), dtype=bool)) == pytest.approx([2.0])


def test_tsb_falls_once_a_queue_has_died_and_croston_does_not():
    y = np.concatenate([demand(3, 60), np.zeros(60)])[None]
    known = np.ones(y.shape, dtype=bool)
    assert tsb_rate(y, known)[0] < 0.01
    assert croston_sba(y, known)[0] == croston_sba(y[:, :60], known[:, :60])[0] > 0.3


def test_a_series_that_held_nothing_has_the_rate_0():
    y, known = np.zeros((1, 20)), np.ones((1, 20), dtype=bool)
    assert [method(y, known).tolist() for method in (croston_sba, tsb_rate, adida_rate)] == [[0.0]] * 3
    assert week_shape(np.full((1, 7), np.nan), np.zeros((1, 4, 7), dtype=bool), np.array([np.nan])).tolist() == [
        [1.0] * 7
    ]


def test_sparse_queues_are_offered_methods_of_their_own_and_busy_ones_are_not():
    days = pd.date_range("2023-01-01", periods=240)
    sparse = [pd.DataFrame({"unique_id": f"s{i}", "ds": days, "y": demand(i, 240, 0.08)}) for i in range(6)]
    busy = pd.DataFrame({"unique_id": "busy", "ds": days, "y": np.random.default_rng(0).poisson(80, 240).astype(float)})
    folds = backtest(pd.concat([*sparse, busy]), 7, "D", windows=4, models=["core", "tsb", "adida", "croston"])
    table = leaderboard(folds[folds["unique_id"] != "busy"]).set_index("model")["wql"]
    assert table["tsb"] < table["seasonal_naive"]
    ahead = forecast(pd.concat([*sparse, busy]), 7, "D")
    assert {"tsb", "adida"} <= set(select_auto_methods(make_grid(pd.concat([*sparse, busy]), 7, "D")))
    assert not {"tsb", "adida"} & set(select_auto_methods(make_grid(busy, 7, "D")))
    assert ahead["deskcast"].notna().all()
