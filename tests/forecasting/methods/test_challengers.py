"""Boosting and exponential smoothing of days: what they learn, and what they do not follow."""

import warnings

import numpy as np
import pandas as pd
import pytest
from deskcast.forecasting.grid.grid import make_grid
from deskcast.forecasting.grid.special_days import mark_special_days
from deskcast.forecasting.methods.daily_level import calm_volumes
from deskcast.forecasting.methods.exponential import exponential_level, smooth_ratio
from deskcast.forecasting.methods.registry import LONG_METHODS, MAX_BOOSTED_SERIES, run_method, select_auto_methods
from deskcast.forecasting.methods.scene import build_scene
from hypothesis import given, settings
from hypothesis import strategies as st

WEEK = np.array([30.0, 28.0, 27.0, 26.0, 25.0, 9.0, 5.0]) * 20


def days_of(y, start="2020-01-06", name="a"):
    return pd.DataFrame({"unique_id": name, "ds": pd.date_range(start, periods=len(y)), "y": y})


def forecast_of(history, name, horizon=28):
    grid = make_grid(history, horizon, "D")
    return run_method(name, build_scene(grid, mark_special_days(grid)[0], grid.length, horizon))


def test_boosting_learns_a_sharp_season_from_the_years_before():
    """A peak of two weeks is too sharp for a few waves a year."""
    days = pd.date_range("2020-01-06", "2023-04-02")
    peak = 1 + 0.6 * np.exp(-0.5 * ((days.day_of_year.to_numpy() - 103) / 7) ** 2)
    mean = WEEK[days.day_of_week] * peak
    history = days_of(np.random.default_rng(0).poisson(mean).astype(float))
    later = pd.date_range("2023-04-03", periods=28)
    wanted = WEEK[later.day_of_week] * (1 + 0.6 * np.exp(-0.5 * ((later.day_of_year.to_numpy() - 103) / 7) ** 2))
    made = forecast_of(history, "boosting")[0]
    assert np.abs(made - wanted).sum() / wanted.sum() < 0.1
    assert np.abs(forecast_of(history, "same_slot")[0] - wanted).sum() / wanted.sum() > 0.15


@pytest.mark.parametrize("name", ["boosting", "exponential_level", "recent_level"])
def test_an_odd_weekend_is_not_followed(name):
    """A weekend holds a tenth of the week: twice as much of it says little of the four weeks after."""
    rng = np.random.default_rng(1)
    y = np.tile(WEEK, 110) * np.exp(rng.normal(0, 0.03, 770))
    odd = y.copy()
    odd[-2:] *= 2.2
    usual, moved = (forecast_of(days_of(each), name).sum() for each in (y, odd))
    assert moved / usual == pytest.approx(1, abs=0.04)


@settings(max_examples=15, deadline=None)
@given(level=st.floats(0.2, 5.0), ahead=st.integers(1, 10), way=st.sampled_from(["level", "damped", "theta"]))
def test_smoothing_finds_a_level_that_stays(level, ahead, way):
    heard = np.full((2, 90), 10.0)
    heard[1, 30:40] = 0.0  # nothing is known of these
    made = smooth_ratio(level * heard, heard, ahead, way)
    assert made == pytest.approx(np.full((2, ahead), level))


def test_theta_and_the_damped_slope_go_on_where_a_level_stands():
    came = (10.0 + 0.1 * np.arange(120))[None, :]
    heard = np.ones((1, 120))
    level, damped, theta = (smooth_ratio(came, heard, 10, way)[0, -1] for way in ("level", "damped", "theta"))
    assert level < theta < came[0, -1] + 1.0
    assert level < damped


def test_a_new_level_of_weeks_is_met():
    weeks = pd.date_range("2020-01-06", periods=80, freq="7D")
    y = np.random.default_rng(3).poisson(np.where(np.arange(80) < 70, 10.0, 25.0)).astype(float)
    grid = make_grid(pd.DataFrame({"unique_id": "a", "ds": weeks, "y": y}), 4, "W")
    scene = build_scene(grid, mark_special_days(grid)[0], grid.length, 4)
    assert exponential_level(scene).mean() == pytest.approx(25, rel=0.2)


@settings(max_examples=4, deadline=None)
@given(closed=st.sampled_from([(6,), (5, 6)]), first=st.integers(0, 600), seed=st.integers(0, 9))
def test_unknown_weekdays_and_weeks_warn_of_nothing_and_do_not_move_boosting(closed, first, seed):
    """Weekdays without a row, and a series that begins late beside one that does not: the rest is as usual."""
    rng = np.random.default_rng(seed)
    y = rng.poisson(np.tile(WEEK, 110)).astype(float)
    whole, late = days_of(y), days_of(y, name="b").iloc[first:]
    late = late[~late["ds"].dt.day_of_week.isin(closed)]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        made = forecast_of(pd.concat([whole, late]), "boosting", 14)
    known = ~np.isin(np.arange(14) % 7, closed)
    assert made[:, known] == pytest.approx(np.tile(np.tile(WEEK, 2)[known], (2, 1)), rel=0.25)


@pytest.mark.parametrize("unknown", [0, 60, 77, 91])
def test_days_of_which_nothing_is_known_do_not_say_what_is_usual(unknown):
    usual = np.tile(WEEK, 20)[None, :]
    came = usual * np.exp(np.random.default_rng(0).normal(0, 0.1, usual.shape))
    usual[0, :unknown] = came[0, :unknown] = 0.0
    odd = came.copy()
    odd[0, -1] *= 4
    assert calm_volumes(odd, usual)[0, -1] < 1.6 * usual[0, -1]
    assert np.abs(calm_volumes(came, usual) - came).sum() < 0.001 * came.sum()


def test_boosting_and_smoothing_are_tried_unasked_where_they_are_cheap_and_earn():
    few = make_grid(days_of(np.tile(WEEK, 110)), 7, "D")
    assert {"boosting", *LONG_METHODS} <= set(select_auto_methods(few))
    young = make_grid(days_of(np.tile(WEEK, 60)), 7, "D")
    assert "boosting" not in select_auto_methods(young)
    many = pd.concat([days_of(np.tile(WEEK, 110), name=f"s{i}") for i in range(MAX_BOOSTED_SERIES + 1)])
    assert "boosting" not in select_auto_methods(make_grid(many, 7, "D"))
