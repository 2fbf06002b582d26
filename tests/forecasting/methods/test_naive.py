import numpy as np
import pandas as pd
import pytest
from deskcast.forecasting.grid.grid import make_grid
from deskcast.forecasting.grid.profile import build_profile
from deskcast.forecasting.methods.naive import forecast_level_adjusted_week
from hypothesis import given, settings
from hypothesis import strategies as st
from volumes import panel, slow_recent_week


def week_of(history, ordinary=None):
    grid = make_grid(history, 7, "D")
    usual = np.ones(grid.length + 7, dtype=bool) if ordinary is None else ordinary
    return forecast_level_adjusted_week(build_profile(grid, usual, grid.length), 1)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 999), st.integers(15, 250), st.sampled_from([0.5, 30.0]))
def test_it_agrees_with_its_slow_twin(seed, days, level):
    history = panel(seed, series=1, days=days, level=level)
    if history["y"].max() == 0:
        return
    np.testing.assert_allclose(week_of(history)[0], slow_recent_week(history["y"].tolist()), rtol=1e-10)


def test_a_new_level_is_followed_half_of_the_way_within_two_weeks():
    days = pd.date_range("2024-01-01", periods=154)
    history = pd.DataFrame({"unique_id": "all", "ds": days, "y": np.where(np.arange(154) < 140, 100.0, 200.0)})
    assert 150 < week_of(history).mean() < 200


def test_one_wild_value_moves_little():
    history = panel(1, series=1, days=140)
    wild = history.assign(y=history["y"].where(history.index != 138, 1e9))
    ratio = week_of(wild)[0] / week_of(history)[0]
    assert ((ratio > 0.8) & (ratio < 1.25)).all()


def test_a_sparse_series_does_not_jump_at_one_arrival():
    days = pd.date_range("2024-01-01", periods=140)
    y = np.zeros(140)
    y[::20] = 1.0
    calm = pd.DataFrame({"unique_id": "rare", "ds": days, "y": y})
    y2 = y.copy()
    y2[137:] = 1.0
    assert week_of(calm.assign(y=y2)).sum() < 3 * week_of(calm).sum()


@pytest.mark.parametrize("origin", [80, 133])
def test_it_looks_at_nothing_from_the_origin_on(origin):
    history = panel(2, series=2, days=140)
    grid = make_grid(history, 7, "D")
    other = make_grid(history.assign(y=history["y"].where(history["ds"] < history["ds"][origin], 4e4)), 7, "D")
    usual = np.ones(147, dtype=bool)
    weeks = [forecast_level_adjusted_week(build_profile(g, usual, origin), 1) for g in (grid, other)]
    np.testing.assert_array_equal(*weeks)
