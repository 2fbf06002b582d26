import numpy as np
import pandas as pd
import pytest
from deskcast.features.calendars.business_calendar import BusinessCalendar
from deskcast.features.errors import InputError
from deskcast.forecasting import forecast
from deskcast.forecasting.scenarios.path_totals import path_matrix, total_over
from deskcast.forecasting.scenarios.sample_paths import sample_paths
from deskcast.forecasting.staffing.demand import Demand

WEEK = np.array([1.2, 1.1, 1.0, 1.0, 0.9, 0.6, 0.5])


def linked(series, days, seed, phi, own, common):
    """Return counts whose days go on as they were (AR(1)), and whose series share each day's luck."""
    rng = np.random.default_rng(seed)
    state = np.zeros((series, days))
    state[:, 0] = rng.normal(0, own, series)
    for t in range(1, days):
        state[:, t] = phi * state[:, t - 1] + rng.normal(0, own * np.sqrt(1 - phi**2), series)
    y = rng.poisson(200 * WEEK[np.arange(days) % 7] * np.exp(state + rng.normal(0, common, days)))
    names = np.repeat([f"s{i:02d}" for i in range(series)], days)
    stamps = np.tile(pd.date_range("2023-01-02", periods=days), series)
    return pd.DataFrame({"unique_id": names, "ds": stamps, "y": y.ravel().astype(float)})


def covered(totals, truth):
    both = totals.merge(truth, on=["unique_id", "ds"])
    assert len(both) == len(totals)
    return [both["y"].between(both[f"deskcast-lo-{level}"], both[f"deskcast-hi-{level}"]).mean() for level in (80, 95)]


def shuffled(paths):
    """Return the same slots with nothing between them."""
    rng = np.random.default_rng(0)
    y = paths.groupby(["unique_id", "ds"])["y"].transform(lambda v: rng.permutation(v.to_numpy()))
    return paths.assign(y=y)


@pytest.mark.slow
def test_week_totals_are_as_sure_as_they_say_where_days_go_on_as_they_were():
    ours, apart = [], []
    for seed in range(3):
        both = linked(25, 371 + 14, seed, 0.8, 0.08, 0.0)
        history, future = both[both["ds"] < "2024-01-08"], both[both["ds"] >= "2024-01-08"]
        paths = sample_paths(history, 14, "D", n=400)
        weeks = future["ds"] - pd.to_timedelta(future["ds"].dt.day_of_week, unit="D")
        truth = future.assign(ds=weeks).groupby(["unique_id", "ds"], as_index=False)["y"].sum()
        ours.append(covered(total_over(paths, "W"), truth))
        apart.append(covered(total_over(shuffled(paths), "W"), truth))
    eighty, ninety_five = np.mean(ours, axis=0)
    assert 0.70 < eighty < 0.90
    assert 0.89 < ninety_five <= 1.0
    assert np.mean(apart, axis=0)[0] < eighty - 0.1


@pytest.mark.slow
def test_totals_over_series_are_as_sure_as_they_say_where_series_share_a_days_luck():
    ours, apart = [], []
    for seed in range(6):
        both = linked(10, 301 + 14, 100 + seed, 0.5, 0.03, 0.08)
        cut = both["ds"].min() + pd.Timedelta(days=301)
        paths = sample_paths(both[both["ds"] < cut], 14, "D", n=400)
        truth = both[both["ds"] >= cut].groupby("ds", as_index=False)["y"].sum().assign(unique_id="all")
        ours.append(covered(total_over(paths, None, by=None), truth))
        apart.append(covered(total_over(shuffled(paths), None, by=None), truth))
    eighty, ninety_five = np.mean(ours, axis=0)
    assert 0.68 < eighty < 0.92
    assert 0.88 < ninety_five <= 1.0
    assert np.mean(apart, axis=0)[0] < eighty - 0.15


def test_slot_by_slot_the_paths_have_the_quantiles_that_are_issued():
    history, known = linked(3, 200, 0, 0.5, 0.1, 0.1), {"holidays": "PT"}
    paths, ahead = sample_paths(history, 10, "D", n=1000, **known), forecast(history, 10, "D", **known)
    assert paths.attrs["model"] == ahead.attrs["model"]
    found = paths.groupby(["unique_id", "ds"])["y"].quantile([0.025, 0.1, 0.5, 0.9, 0.975]).unstack().to_numpy()
    names = ["deskcast-lo-95", "deskcast-lo-80", "deskcast", "deskcast-hi-80", "deskcast-hi-95"]
    np.testing.assert_allclose(found, ahead[names].to_numpy(), rtol=0.01)
    assert (paths["y"] >= 0).all()


def test_the_same_seed_gives_the_same_paths_whatever_the_order_of_rows():
    history = linked(2, 100, 1, 0.5, 0.1, 0.0)
    one = sample_paths(history, 5, "D", n=50, seed=3)
    pd.testing.assert_frame_equal(one, sample_paths(history.sample(frac=1, random_state=0), 5, "D", n=50, seed=3))
    assert not one["y"].equals(sample_paths(history, 5, "D", n=50, seed=4)["y"])
    assert list(one.columns) == ["unique_id", "ds", "path", "y"]
    assert len(one) == 2 * 5 * 50


def test_closed_slots_stay_closed_on_every_path():
    calendar = BusinessCalendar.from_hours("UTC", {"mon-fri": ["00:00-24:00"]})
    history = linked(2, 120, 2, 0.5, 0.1, 0.0)
    paths = sample_paths(history, 14, "D", n=60, calendar=calendar)
    weekend = paths["ds"].dt.day_of_week >= 5
    assert (paths.loc[weekend, "y"] == 0).all()
    assert (paths.loc[~weekend, "y"] > 0).all()


@pytest.mark.parametrize("days", [1, 3, 10, 16])
def test_a_short_history_gives_paths_too(days):
    paths = sample_paths(linked(2, days, 0, 0.5, 0.1, 0.0), 7, "D", n=30)
    assert paths["y"].notna().all()
    assert any("drawn apart" in note for note in paths.attrs["notes"]) or days > 8


def test_paths_are_a_demand_for_staffing():
    paths = sample_paths(linked(2, 60, 0, 0.5, 0.1, 0.0), 7, "D", n=40)
    demand = Demand.from_paths(path_matrix(paths), aht=180)
    assert demand.calls.shape == (40, 7)
    assert path_matrix(paths, "s00").sum() + path_matrix(paths, "s01").sum() == pytest.approx(demand.calls.sum())
    with pytest.raises(InputError, match="did you mean 's01'"):
        path_matrix(paths, "s0")


def test_totals_say_which_periods_are_whole():
    paths = sample_paths(linked(2, 60, 0, 0.5, 0.1, 0.0), 12, "D", n=40)  # from a Friday
    weeks = total_over(paths, "W", by={"s00": "both", "s01": "both"})
    assert weeks["whole"].tolist() == [False, True, False]
    assert weeks["unique_id"].unique().tolist() == ["both"]
    assert weeks["mean"].sum() == pytest.approx(paths["y"].sum() / 40)
    with pytest.raises(InputError, match="missing group"):
        total_over(paths, "W", by={"s00": "a"})
    with pytest.raises(InputError, match="unknown period"):
        total_over(paths, "fortnight")
