import numpy as np
import pandas as pd
import pytest
from deskcast.features.calendars.business_calendar import BusinessCalendar
from deskcast.forecasting import forecast
from deskcast.forecasting.grid.grid import make_grid
from deskcast.forecasting.grid.profile import build_profile
from hypothesis import given, settings
from hypothesis import strategies as st
from volumes import panel, slow_same_slot


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000), st.sampled_from([0.0, 0.2, 0.5]), st.integers(15, 250), st.integers(1, 20))
def test_the_same_slot_average_agrees_with_its_slow_twin(seed, missing, days, horizon):
    history = panel(seed, series=2, days=days)
    rng = np.random.default_rng(seed)
    history.loc[rng.random(len(history)) < missing, "y"] = np.nan
    history = history[rng.random(len(history)) > missing / 2]
    if history["y"].isna().all():
        return
    ahead = forecast(history, horizon, "D")
    origin = history["ds"].max() + pd.Timedelta(days=1)
    for name, part in ahead.groupby("unique_id"):
        twin = slow_same_slot(history[history["unique_id"] == name], part["ds"], origin)
        found = ~np.isnan(twin)
        np.testing.assert_allclose(part["same_slot"].to_numpy()[found], twin[found], rtol=1e-12)


def test_the_twin_agrees_with_closed_hours_and_special_days():
    history = panel(4, series=1, days=80, freq="h")
    calendar = BusinessCalendar.from_hours("Europe/Lisbon", {"mon-sat": ["08:00-20:00"]}, holidays=["2024-03-13"])
    special = [pd.Timestamp("2024-02-13"), pd.Timestamp("2024-03-01")]
    ahead = forecast(history, 168, "h", calendar=calendar, holidays=special)
    closed = pd.Timestamp("2024-03-13")
    twin = slow_same_slot(
        history,
        ahead["ds"],
        history["ds"].max() + pd.Timedelta(hours=1),
        ordinary=lambda s: s.normalize() not in special,
        is_open=lambda s: s.day_of_week < 6 and 8 <= s.hour < 20 and s.normalize() != closed,
    )
    np.testing.assert_allclose(ahead["same_slot"], twin, rtol=1e-12)


def test_night_hours_in_which_nothing_comes_are_forecast_zero_without_doubt():
    history = panel(1, series=2, days=63, freq="h")
    night = history["ds"].dt.hour < 6
    history.loc[night, "y"] = 0.0
    for frame in (history, history[~night]):
        ahead = forecast(frame, 48, "h")
        assert "24 of 96 slots ahead" in ahead.attrs["notes"][0]
        assert not any("no value" in note for note in ahead.attrs["notes"])  # hours never reported are no gaps
        dark = ahead["ds"].dt.hour < 6
        assert (ahead.loc[dark, ["deskcast", "deskcast-lo-95", "deskcast-hi-95"]] == 0).all(axis=None)
        assert (ahead.loc[~dark & (ahead["ds"].dt.hour > 8), "deskcast-hi-95"] > 0).all()


def test_a_sparse_series_is_not_taken_for_quiet():
    rng = np.random.default_rng(0)
    days = pd.date_range("2024-01-01", periods=182)
    history = pd.DataFrame({"unique_id": "rare", "ds": days, "y": (rng.random(182) < 0.1).astype(float)})
    assert not build_profile(make_grid(history, 7, "D"), np.ones(189, dtype=bool), 182).quiet.any()
    assert (forecast(history, 7, "D")["deskcast-hi-95"] > 0).all()


def test_a_slot_without_a_past_takes_the_time_of_day_then_the_series():
    hours = pd.date_range("2024-03-04", periods=48, freq="h")
    history = pd.DataFrame({"unique_id": "new", "ds": hours, "y": np.tile(np.arange(24.0), 2)})
    ahead = forecast(history, 24, "h")
    assert ahead["same_slot"].tolist() == list(range(24))
    three = forecast(history.iloc[9:12].assign(y=[1.0, 2.0, 6.0]), 24, "h")
    assert three["same_slot"].iloc[0] == pytest.approx(3.0)


@pytest.mark.parametrize("zone", ["Europe/Lisbon", "America/New_York"])
def test_a_change_of_clock_does_not_shift_the_profile(zone):
    instants = pd.date_range("2024-01-01", "2024-03-29 23:00", freq="h", tz=zone)
    shape = 10.0 + instants.hour
    history = pd.DataFrame({"unique_id": "all", "ds": instants.tz_convert("UTC"), "y": shape})
    calendar = BusinessCalendar.always(zone)
    ahead = forecast(history, 72, "h", calendar=calendar)
    skipped = (ahead["ds"] == "2024-03-31 01:00") & (zone == "Europe/Lisbon")
    np.testing.assert_allclose(ahead.loc[~skipped, "deskcast"], 10.0 + ahead.loc[~skipped, "ds"].dt.hour)
    assert (ahead.loc[skipped, "deskcast"] == 0).all()


def test_the_hour_that_comes_twice_is_forecast_twice():
    instants = pd.date_range("2024-08-01", "2024-10-25 23:00", freq="h", tz="Europe/Lisbon")
    history = pd.DataFrame({"unique_id": "all", "ds": instants.tz_localize(None), "y": 10.0 + instants.hour})
    ahead = forecast(history, 72, "h", calendar=BusinessCalendar.always("Europe/Lisbon")).set_index("ds")
    assert ahead.loc["2024-10-27 01:00", "deskcast"] == pytest.approx(22.0)
    assert ahead.loc["2024-10-28 01:00", "deskcast"] == pytest.approx(11.0)


@pytest.mark.parametrize(("rate", "ended"), [(0.03, False), (1.0, True)])
def test_a_half_year_of_nothing_ends_a_series_only_where_much_was_to_come(rate, ended):
    """Half a year without an arrival is usual at 0.03 a week, and the end of a queue that had one a week."""
    weeks = pd.date_range("2022-01-03", periods=130, freq="7D")
    y = np.zeros(130)
    y[: 104 : round(1 / rate)] = 1.0
    y[104:] = 0.0
    rows = pd.DataFrame({"unique_id": "q", "ds": weeks, "y": y})
    other = rows.assign(unique_id="other", y=5.0 + np.arange(130) % 2)
    grid = make_grid(pd.concat([rows, other]), 4, "W")
    profile = build_profile(grid, np.ones(grid.length + 4, dtype=bool), grid.length)
    row = grid.ids.index("q")
    assert bool(profile.quiet[row].all()) is ended
    if not ended:
        assert profile.level[row] == pytest.approx(y.mean())
