import numpy as np
import pandas as pd
import pytest
from deskcast.features.calendars.business_calendar import BusinessCalendar
from deskcast.forecasting import forecast
from deskcast.forecasting.grid.grid import make_grid
from deskcast.forecasting.grid.special_days import mark_special_days
from deskcast.forecasting.methods.decomposition import decomposition
from deskcast.forecasting.methods.scene import build_scene
from hypothesis import given, settings
from hypothesis import strategies as st
from volumes import panel


def ahead(history, horizon, freq, origin=None, **more):
    """Forecast with the core alone, N x H."""
    calendar, holidays, events = (more.get(k) for k in ("calendar", "holidays", "events"))
    grid = make_grid(history, horizon, freq, calendar, holidays=holidays, events=events)
    special, _ = mark_special_days(grid, holidays, events)
    return decomposition(build_scene(grid, special, grid.length if origin is None else origin, horizon))


def days(y, start="2022-01-03", name="all"):
    return pd.DataFrame({"unique_id": name, "ds": pd.date_range(start, periods=len(y)), "y": y})


def test_a_week_that_repeats_is_forecast_exactly():
    week = np.array([130.0, 110, 100, 100, 90, 40, 0])
    np.testing.assert_allclose(ahead(days(np.tile(week, 20)), 14, "D")[0], np.tile(week, 2), rtol=1e-6)


def test_a_profile_that_repeats_is_forecast_exactly_on_every_weekday():
    rng = np.random.default_rng(0)
    shape = rng.uniform(20, 200, (7, 24))
    stamps = pd.date_range("2024-01-01", periods=12 * 168, freq="h")
    history = pd.DataFrame({"unique_id": "all", "ds": stamps, "y": np.tile(shape.ravel(), 12)})
    np.testing.assert_allclose(ahead(history, 168, "h")[0], shape.ravel(), atol=5)


def test_the_first_business_days_of_a_month_are_learnt_where_the_dates_are_real():
    stamps = pd.date_range("2022-01-03", periods=500)
    calendar = BusinessCalendar.from_hours("UTC", {"mon-fri": ["08:00-18:00"]})
    first = stamps.isin(pd.bdate_range("2022-01-01", "2023-12-31", freq="BMS"))
    y = np.where(stamps.day_of_week < 5, 400.0, 0.0) * np.where(first, 1.3, 1.0)
    history = pd.DataFrame({"unique_id": "all", "ds": stamps, "y": np.random.default_rng(1).poisson(y)})
    found = pd.Series(ahead(history, 28, "D", calendar=calendar)[0], pd.date_range("2023-05-18", periods=28))
    assert 480 < found["2023-06-01"] < 540
    assert 380 < found["2023-06-08"] < 420


def test_the_day_after_a_closed_day_is_learnt():
    stamps = pd.date_range("2022-01-03", periods=400)
    closed = stamps[[30, 71, 115, 163, 205, 240, 281, 323, 360, 395]]
    calendar = BusinessCalendar.from_hours("UTC", {"mon-fri": ["08:00-18:00"]}, [str(d.date()) for d in closed])
    is_open = (stamps.day_of_week < 5) & ~stamps.isin(closed)
    order = np.flatnonzero(is_open)
    after = np.zeros(400, dtype=bool)
    for day in np.flatnonzero(stamps.isin(closed) & (stamps.day_of_week < 5)):
        after[order[order > day][0]] = True
    y = np.random.default_rng(2).poisson(np.where(is_open, 300.0, 0.0) * np.where(after, 1.4, 1.0))
    known = 395
    history = pd.DataFrame({"unique_id": "all", "ds": stamps[:known], "y": y[:known]})
    found = ahead(history, 5, "D", calendar=calendar)[0]
    assert found[0] == pytest.approx(0.0) or stamps[395] in closed
    place = int(order[order > 395][0]) - known
    assert 360 < found[place] < 450


def test_a_trend_is_carried_on_and_dies_out():
    y = 500 + 2.0 * np.arange(200)
    found = ahead(days(y), 28, "D")[0]
    assert found[0] > y[-1] - 5
    assert found[6] > y[-1]
    assert found[-1] < y[-1] + 2.0 * 28


def test_a_sudden_change_of_level_is_found_followed_and_said():
    rng = np.random.default_rng(3)
    y = rng.poisson(np.where(np.arange(400) < 370, 200.0, 90.0)).astype(float)
    table = forecast(days(y), 14, "D")
    assert any("level shift" in note and "'all': down" in note for note in table.attrs["notes"])
    assert 80 < ahead(days(y), 14, "D")[0].mean() < 100
    calm = forecast(days(rng.poisson(200.0, 400).astype(float)), 14, "D")
    assert not any("level shift" in note for note in calm.attrs["notes"])


def busy_days(seed, n, factor):
    """Return quarter hours of a desk whose days are busy or slack as a whole, cut at noon of the last day."""
    rng = np.random.default_rng(seed)
    shape = np.concatenate([np.zeros(32), np.full(40, 40.0), np.zeros(24)])
    level = rng.choice([0.6, 1.0, 1.4], n)
    level[-1] = factor
    y = rng.poisson(level[:, None] * shape).astype(float).ravel()
    stamps = pd.date_range("2024-01-01", periods=n * 96, freq="15min")
    return pd.DataFrame({"unique_id": "all", "ds": stamps, "y": y})[: (n - 1) * 96 + 48]


def test_the_rest_of_a_day_follows_its_morning():
    busy, slack = (ahead(busy_days(4, 80, factor), 48, "15min")[0][:24].mean() for factor in (1.4, 0.6))
    assert 46 < busy < 62
    assert 20 < slack < 34


def test_a_desk_whose_afternoons_do_not_follow_is_left_alone():
    rng = np.random.default_rng(5)
    stamps = pd.date_range("2024-01-01", periods=80 * 24, freq="h")
    hours = stamps.hour.to_numpy()
    noise = rng.choice([0.5, 1.5], (80, 1)) * np.ones((80, 12))
    noise = np.concatenate([noise, np.ones((80, 12))], axis=1).ravel()
    y = np.where((hours >= 6) & (hours < 20), 200.0, 0.0) * noise
    y[-24:-12] = y[-24:-12] / noise[-24:-12] * 1.5
    history = pd.DataFrame({"unique_id": "all", "ds": stamps, "y": y})[:-12]
    assert 185 < ahead(history, 12, "h")[0][:8].mean() < 225


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 99), st.floats(1e-3, 1e6))
def test_scaling_scales_it_by_the_hour_too(seed, factor):
    history = panel(seed, series=2, days=40, freq="h", level=20.0)
    one = ahead(history, 30, "h")
    two = ahead(history.assign(y=history["y"] * factor), 30, "h")
    np.testing.assert_allclose(two, one * factor, rtol=1e-7, atol=1e-7 * factor)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 99), st.integers(50, 120), st.sampled_from(["D", "h"]))
def test_it_looks_at_nothing_from_the_origin_on(seed, cut, freq):
    size = 24 if freq == "h" else 1
    history = panel(seed, series=2, days=140 if freq == "D" else 128, freq=freq)
    start, horizon = history["ds"].min(), 7 * size
    stop = start + pd.Timedelta(days=cut, hours=7 if freq == "h" else 0)
    changed = history.assign(y=history["y"].where(history["ds"] < stop, 7e5))
    origin = cut * size + (7 if freq == "h" else 0)
    np.testing.assert_array_equal(ahead(history, horizon, freq, origin), ahead(changed, horizon, freq, origin))
    alone = ahead(history[history["ds"] < stop], horizon, freq)
    np.testing.assert_allclose(ahead(history, horizon, freq, origin), alone, rtol=1e-9)


def test_years_repeat_once_two_are_known():
    stamps = pd.date_range("2020-01-01", periods=1400)
    wave = 300 * (1 + 0.4 * np.sin(2 * np.pi * np.arange(1400) / 365.25))
    history = pd.DataFrame({"unique_id": "all", "ds": stamps, "y": np.random.default_rng(6).poisson(wave)})
    found, true = ahead(history[:1340], 60, "D")[0], wave[1340:]
    assert np.abs(found - true).mean() / true.mean() < 0.07


def test_months_know_the_time_of_the_year():
    rng = np.random.default_rng(7)
    season = np.array([1.5, 1.0, 1.0, 1.0, 1.0, 1.0, 0.6, 0.6, 1.0, 1.0, 1.0, 1.3])
    y = rng.poisson(1000 * np.tile(season, 5)).astype(float)
    history = pd.DataFrame({"unique_id": "all", "ds": pd.date_range("2019-01-01", periods=60, freq="MS"), "y": y})
    found = ahead(history, 12, "MS")[0]
    assert np.abs(found / (1000 * season) - 1).max() < 0.2


def test_a_sparse_series_keeps_its_mean():
    y = np.random.default_rng(8).poisson(0.3, 400).astype(float)
    assert ahead(days(y), 28, "D")[0].mean() == pytest.approx(y[-180:].mean(), rel=0.35)
