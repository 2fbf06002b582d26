import numpy as np
import pandas as pd
import pytest
from deskcast.features.errors import InputError
from deskcast.forecasting import forecast
from deskcast.forecasting.grid.grid import make_grid
from deskcast.forecasting.panels.temporal import forecast_over_time, sum_to_weeks

LADDER = ["deskcast-lo-95", "deskcast-lo-80", "deskcast", "deskcast-hi-80", "deskcast-hi-95"]
WEEK = np.array([1.2, 1.1, 1.0, 1.0, 0.9, 0.6, 0.5])


def made(seed=0, series=6, days=385, level=60.0):
    rng = np.random.default_rng(seed)
    stamps = pd.date_range("2023-01-02", periods=days)
    frames = []
    for i in range(series):
        state = np.cumsum(rng.normal(0, 0.02, days))
        y = rng.poisson(level * (i + 1) * WEEK[stamps.day_of_week] * np.exp(state)).astype(float)
        frames.append(pd.DataFrame({"unique_id": f"s{i}", "ds": stamps, "y": y}))
    return pd.concat(frames, ignore_index=True)


@pytest.mark.parametrize("method", ["wls", "bottom_up"])
@pytest.mark.parametrize("days", [385, 388])  # the origin is a Monday, and a Thursday
def test_weeks_are_the_sums_of_their_days(method, days):
    ahead = forecast_over_time(made(days=days), 18, "D", method)
    slots, weeks = (ahead[ahead["level"] == level] for level in ("slot", "week"))
    assert weeks["ds"].dt.day_of_week.eq(0).all()
    assert weeks.groupby("unique_id").size().eq(2).all()
    start = slots["ds"] - pd.to_timedelta(slots["ds"].dt.day_of_week, unit="D")
    total = slots.assign(ds=start).groupby(["unique_id", "ds"])["deskcast"].sum()
    found = weeks.set_index(["unique_id", "ds"])["deskcast"]
    np.testing.assert_allclose(total.loc[found.index], found, rtol=1e-12)
    assert (np.diff(ahead[LADDER].to_numpy(), axis=1) >= 0).all()
    assert (ahead[LADDER] >= 0).all(axis=None)
    plain = forecast(made(days=days), 18, "D")
    np.testing.assert_allclose(slots["base"], plain["deskcast"])
    outside = (start != start.groupby(slots["unique_id"]).transform("min")) & ~start.isin(weeks["ds"])
    np.testing.assert_allclose(slots.loc[outside, "deskcast"], slots.loc[outside, "base"])


def test_intervals_of_days_and_of_weeks_cover():
    covered = {"slot": [], "week": []}
    for seed in range(5):
        both = made(seed, 8, 385 + 14)
        history, future = both[both["ds"] < "2024-01-22"], both[both["ds"] >= "2024-01-22"]
        ahead = forecast_over_time(history, 14, "D")
        start = future["ds"] - pd.to_timedelta(future["ds"].dt.day_of_week, unit="D")
        weeks = future.assign(ds=start).groupby(["unique_id", "ds"], as_index=False)["y"].sum()
        for level, truth in (("slot", future), ("week", weeks)):
            mine = ahead[ahead["level"] == level].merge(truth, on=["unique_id", "ds"])
            covered[level].append(mine["y"].between(mine["deskcast-lo-80"], mine["deskcast-hi-80"]).mean())
    assert 0.70 < np.mean(covered["slot"]) < 0.90
    assert 0.65 < np.mean(covered["week"]) < 0.95


def test_a_week_with_a_missing_day_has_no_value():
    history = made(series=2, days=28)
    frame, mondays = sum_to_weeks(make_grid(history[history["ds"] != "2023-01-10"], 7, "D"))
    assert len(mondays) == 4
    assert frame["y"].isna().sum() == 2 or frame["y"].isna().tolist()[1]
    np.testing.assert_allclose(frame["y"].iloc[0], history["y"].iloc[:7].sum())


@pytest.mark.parametrize("days", [3, 10, 24])
def test_a_short_history_is_forecast(days):
    ahead = forecast_over_time(made(days=days), 14, "D")
    assert np.isfinite(ahead[LADDER]).all(axis=None)


def test_faults_are_named():
    with pytest.raises(InputError, match="no whole week"):
        forecast_over_time(made(series=1, days=60), 5, "D")
    with pytest.raises(InputError, match="a day or less"):
        forecast_over_time(made(series=1, days=60).iloc[::7], 5, "W")
