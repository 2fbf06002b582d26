import logging

import numpy as np
import pandas as pd
import pytest
from deskcast.features.calendars.business_calendar import BusinessCalendar
from deskcast.forecasting import backtest, forecast, leaderboard
from deskcast.forecasting.grid.grid import make_grid
from deskcast.forecasting.grid.special_days import mark_special_days
from deskcast.forecasting.methods.registry import (
    CHALLENGERS,
    DAILY_METHODS,
    DEFAULT_METHODS,
    FORECAST_METHODS,
    INTRADAY_METHODS,
    LONG_METHODS,
    SPARSE_METHODS,
    check_models,
    select_auto_methods,
)
from deskcast.forecasting.methods.scene import build_scene
from deskcast.forecasting.methods.smoothing import seasonal_level
from deskcast.forecasting.volume.method_forecasts import forecast_all_methods

OFFICE = BusinessCalendar.from_hours("Europe/Lisbon", {"mon-fri": ["09:00-17:00"]}, holidays=["2024-02-13"])
HEAVY = ("ets", "arima_errors", "boosting")


def daily(days=200, series=2, start="2023-09-04"):
    stamps = pd.date_range(start, periods=days)
    parts = []
    for number in range(series):
        rng = np.random.default_rng(number)
        level = (
            60 * (number + 1) * (1 + 0.3 * np.sin(np.arange(days) / 30)) * np.where(stamps.day_of_week < 5, 1.0, 0.4)
        )
        parts.append(pd.DataFrame({"unique_id": f"s{number}", "ds": stamps, "y": rng.poisson(level).astype(float)}))
    return pd.concat(parts, ignore_index=True)


def hourly(days=49, start="2024-01-01"):
    stamps = pd.date_range(start, periods=24 * days, freq="h")
    rng = np.random.default_rng(0)
    mean = 20 + 15 * np.exp(-((stamps.hour - 12) ** 2) / 12)
    opened = (stamps.day_of_week < 5) & (stamps.hour >= 9) & (stamps.hour < 17)
    return pd.DataFrame({"unique_id": "all", "ds": stamps, "y": rng.poisson(mean * opened).astype(float)})


@pytest.mark.parametrize("names", [tuple(n for n in FORECAST_METHODS if n != "prophet")])
@pytest.mark.parametrize(
    ("history", "freq", "horizon", "kw"),
    [
        (daily(150), "D", 7, {"holidays": "PT"}),
        (hourly(), "h", 24, {"calendar": OFFICE}),
    ],
)
def test_no_method_sees_what_came_after_the_origin(names, history, freq, horizon, kw):
    calendar = kw.get("calendar")
    whole = make_grid(history, horizon, freq, calendar, holidays=kw.get("holidays"))
    origin = whole.length - 3 * horizon
    cut = make_grid(
        history[history["ds"] < whole.stamps(origin, origin + 1)[0]],
        horizon,
        freq,
        calendar,
        holidays=kw.get("holidays"),
    )
    assert cut.length == origin
    other = history.assign(y=np.where(history["ds"] < whole.stamps(origin, origin + 1)[0], history["y"], 999.0))
    spoilt = make_grid(other, horizon, freq, calendar, holidays=kw.get("holidays"))
    seen = [
        forecast_all_methods(g, mark_special_days(g, kw.get("holidays"))[0], origin, horizon, names).points
        for g in (whole, cut, spoilt)
    ]
    for name in names:
        for other in seen[1:]:
            np.testing.assert_allclose(seen[0][name], other[name], rtol=1e-6, atol=1e-7, err_msg=name)


@pytest.mark.parametrize("name", [*HEAVY, *INTRADAY_METHODS])
def test_closed_hours_are_0_and_open_ones_come_near_the_usual(name):
    history = hourly()
    if name in HEAVY:
        made = forecast(history, 7 * 24, "h", calendar=OFFICE, models=name, windows=3)
    else:
        made = forecast(history, 7 * 24, "h", calendar=OFFICE, models=[name])
    opened = (made["ds"].dt.day_of_week < 5) & (made["ds"].dt.hour >= 9) & (made["ds"].dt.hour < 17)
    assert (made.loc[~opened, "deskcast"] == 0).all()
    usual = 20 + 15 * np.exp(-((made["ds"].dt.hour - 12) ** 2) / 12)
    assert (made["deskcast"] / usual)[opened].mean() == pytest.approx(1.0, abs=0.1)
    assert made.attrs["model"] == name


@pytest.mark.parametrize("name", HEAVY)
def test_models_are_fitted_to_short_constant_and_empty_series_alike(name):
    days = pd.date_range("2024-01-01", periods=100)
    parts = {
        "constant": np.full(100, 7.0),
        "empty": np.zeros(100),
        "young": np.where(np.arange(100) < 90, np.nan, 5.0),
        "busy": np.random.default_rng(1).poisson(40, 100).astype(float),
    }
    history = pd.concat([pd.DataFrame({"unique_id": k, "ds": days, "y": y}) for k, y in parts.items()])
    made = forecast(history, 7, "D", models=name, windows=3).groupby("unique_id")["deskcast"].mean()
    assert np.isfinite(made).all()
    assert made["constant"] == pytest.approx(7, abs=0.5)
    assert made["empty"] == 0
    assert made["young"] == pytest.approx(5, abs=1)
    assert made["busy"] == pytest.approx(40, abs=6)


def test_prophet_knows_the_calendar_and_says_nothing_in_the_log(caplog):
    history = daily(119, 1)
    history.loc[history["ds"].isin(pd.to_datetime(["2023-10-05", "2023-12-08"])), "y"] = 3.0
    with caplog.at_level(logging.DEBUG):
        made = forecast(history, 7, "D", holidays="PT", models=["core", "prophet"], windows=1)
    assert not [r for r in caplog.records if r.name.startswith(("prophet", "cmdstanpy"))]
    grid = make_grid(history, 7, "D", holidays="PT")
    points = forecast_all_methods(grid, mark_special_days(grid, "PT")[0], grid.length, 7, ["prophet"]).points[
        "prophet"
    ][0]
    # the first of January lies ahead: a holiday, and holidays were nearly empty
    ahead = grid.stamps(grid.length, grid.length + 7).astype("datetime64[D]")
    assert points[ahead == np.datetime64("2024-01-01")][0] < 0.85 * np.median(points)
    assert made["deskcast"].notna().all()


def test_a_level_that_wanders_is_followed_and_the_next_hour_is_like_the_last():
    rng = np.random.default_rng(2)
    walk = 100 + rng.normal(0, 1, (5, 24 * 30)).cumsum(axis=1)
    season = 5 * np.sin(np.arange(24 * 30) * np.pi / 12)
    y = walk + season
    known = np.ones(y.shape, dtype=bool)
    made = seasonal_level(y, known, 24, 24, 0.85, 24)
    assert np.abs(made[:, 0] - (walk[:, -1] + 5 * np.sin(720 * np.pi / 12))).max() < 2.5
    shifted = seasonal_level(y + 50, known, 24, 24, 0.85, 24)
    assert shifted == pytest.approx(made + 50)
    assert seasonal_level(3 * y, known, 24, 24, 0.85, 24) == pytest.approx(3 * made)


def test_the_cheap_set_depends_on_the_panel():
    grid = make_grid(daily(60), 7, "D")
    assert select_auto_methods(grid) == (*DEFAULT_METHODS, *DAILY_METHODS, *LONG_METHODS)
    assert select_auto_methods(make_grid(hourly(21), 24, "h", OFFICE)) == (*DEFAULT_METHODS, *INTRADAY_METHODS)
    empty = daily(60).assign(y=lambda f: np.where(f["ds"].dt.day % 5 == 0, 1.0, 0.0))
    assert select_auto_methods(make_grid(empty, 7, "D")) == (
        *DEFAULT_METHODS,
        *DAILY_METHODS,
        *LONG_METHODS,
        *SPARSE_METHODS,
    )
    assert check_models("all") == tuple(FORECAST_METHODS)
    assert set(CHALLENGERS) < set(FORECAST_METHODS)


def test_a_method_is_one_function_and_one_line(monkeypatch):
    def fives(scene):
        return np.full((len(scene.grid.ids), scene.horizon), 5.0)

    monkeypatch.setitem(FORECAST_METHODS, "fives", fives)
    history = daily(100)
    table = leaderboard(backtest(history, 7, "D", models=["core", "fives"], windows=4)).set_index("model")
    assert {"deskcast", "core", "fives", "same_slot", "seasonal_naive"} == set(table.index)
    assert table.loc["fives", "wape"] > 0.8
    assert table.loc["deskcast", "wql"] < 1.05 * table.loc["core", "wql"]
    assert (
        build_scene(make_grid(history, 7, "D"), mark_special_days(make_grid(history, 7, "D"))[0], 100, 7).horizon == 7
    )
