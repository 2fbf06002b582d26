import numpy as np
import pandas as pd
import pytest
from deskcast.features.calendars.business_calendar import BusinessCalendar
from deskcast.features.errors import InputError
from deskcast.forecasting import backtest, forecast, leaderboard
from deskcast.forecasting.volume.kinds import from_error_scale, to_error_scale
from hypothesis import given, settings
from hypothesis import strategies as st

LADDER = ["deskcast-lo-95", "deskcast-lo-80", "deskcast", "deskcast-hi-80", "deskcast-hi-95"]
KINDS = ("rate", "duration", "stock")


def made(kind, seed=0, series=4, days=260, cases=40.0):
    """Return series of a kind with a week and a slow drift in them."""
    rng = np.random.default_rng(seed)
    stamps = pd.date_range("2024-01-01", periods=days)
    week = np.array([0.1, 0.05, 0, 0, -0.05, -0.2, -0.3])[stamps.day_of_week]
    frames = []
    for i in range(series):
        drift = np.cumsum(rng.normal(0, 0.02, days))
        n = rng.poisson(cases * np.exp(2 * week)).astype(float)
        if kind == "rate":
            p = 1 / (1 + np.exp(-(1.5 + 0.5 * i + week + drift)))
            y = np.where(n > 0, rng.binomial(n.astype(int), p) / np.maximum(n, 1), np.nan)
        elif kind == "duration":
            y = 300 * np.exp(0.3 * i + week + drift + rng.normal(0, 0.15, days))
        else:
            y = np.round(np.maximum(400 + 300 * np.cumsum(rng.normal(0, 0.03, days)) + 100 * week, 0))
        frames.append(pd.DataFrame({"unique_id": f"s{i}", "ds": stamps, "y": y, "n": n}))
    return pd.concat(frames, ignore_index=True)


@pytest.mark.parametrize("kind", KINDS)
def test_quantiles_do_not_cross_and_stay_where_such_values_can_be(kind):
    ahead = forecast(made(kind), 28, "D", kind=kind)
    assert (np.diff(ahead[LADDER].to_numpy(), axis=1) >= -1e-12).all()
    assert (ahead[LADDER] >= 0).all(axis=None)
    if kind == "rate":
        assert (ahead[LADDER] <= 1).all(axis=None)
    if kind == "duration":
        assert (ahead[LADDER] > 0).all(axis=None)
    assert list(ahead.columns)[:3] == ["unique_id", "ds", "deskcast"]
    assert len(ahead) == 4 * 28


@pytest.mark.parametrize("kind", KINDS)
def test_intervals_cover_and_the_naive_methods_are_not_better(kind):
    folds = pd.concat([backtest(made(kind, seed, 8, 330), 14, "D", kind=kind, windows=8) for seed in range(2)])
    table = leaderboard(folds).set_index("model")
    assert 0.70 < table.loc["deskcast", "coverage_80"] < 0.90
    assert 0.88 < table.loc["deskcast", "coverage_95"] <= 1
    assert table.loc["deskcast", "wql"] <= table["wql"].min() * 1.03


def test_a_share_of_few_cases_is_less_sure():
    rng = np.random.default_rng(0)
    stamps = pd.date_range("2024-01-01", periods=200)
    n = np.where(stamps.day_of_week < 5, 400, 10)
    history = pd.DataFrame({"unique_id": "all", "ds": stamps, "y": rng.binomial(n, 0.8) / n, "n": n})
    ahead = forecast(history, 7, "D", kind="rate")
    width = ahead["deskcast-hi-80"] - ahead["deskcast-lo-80"]
    weekend = ahead["ds"].dt.day_of_week >= 5
    assert width[weekend].min() > 2 * width[~weekend].max()
    assert ahead["deskcast"].between(0.75, 0.85).all()


def test_a_stock_is_less_sure_the_farther_ahead():
    ahead = forecast(made("stock", 1, 6), 28, "D", kind="stock")
    width = (ahead["deskcast-hi-80"] - ahead["deskcast-lo-80"]).groupby(ahead["ds"]).mean()
    assert width.iloc[-7:].mean() > 1.3 * width.iloc[:7].mean()
    assert ahead.attrs["model"] != "same_slot"


def test_scores_have_bounds_of_their_own():
    share = made("rate")
    score = share.assign(y=1 + 4 * share["y"])
    ahead, other = forecast(score, 14, "D", kind="rate", bounds=(1, 5)), forecast(share, 14, "D", kind="rate")
    np.testing.assert_allclose(ahead[LADDER], 1 + 4 * other[LADDER])


def test_missing_is_not_zero():
    history = made("duration")
    gone = history["ds"].dt.day_of_week == 2
    ahead = forecast(history[~gone], 14, "D", kind="duration")
    np.testing.assert_allclose(
        ahead[LADDER], forecast(history.assign(y=history["y"].mask(gone)), 14, "D", kind="duration")[LADDER]
    )
    assert (ahead["deskcast"] > 100).all()
    calendar = BusinessCalendar.from_hours("UTC", {"mon-fri": ["00:00-24:00"]})
    shut = forecast(history, 14, "D", kind="duration", calendar=calendar)
    assert (shut["deskcast"].isna() == (shut["ds"].dt.day_of_week >= 5)).all()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("days", [1, 3, 9, 20])
def test_a_short_history_is_forecast_within_bounds(kind, days):
    ahead = forecast(made(kind, days=days), 7, "D", kind=kind)
    assert np.isfinite(ahead[LADDER]).all(axis=None)
    assert (np.diff(ahead[LADDER].to_numpy(), axis=1) >= -1e-12).all()


@settings(max_examples=50, deadline=None)
@given(st.sampled_from(KINDS), st.lists(st.floats(1e-6, 1.0), min_size=1, max_size=9))
def test_the_scale_of_errors_has_an_inverse(kind, values):
    np.testing.assert_allclose(from_error_scale(kind, to_error_scale(kind, np.array(values))), values, rtol=1e-9)


def test_series_with_impossible_values_are_named_and_leave_the_others_alone():
    history = made("rate")
    bad = history.assign(y=history["y"].where((history["unique_id"] != "s1") | (history["ds"] != "2024-02-01"), 1.5))
    ahead = forecast(bad, 7, "D", kind="rate")
    assert set(ahead["unique_id"]) == {"s0", "s2", "s3"}
    assert ahead.attrs["rejected"][0]["unique_id"] == "s1"
    assert "expected from 0 to 1" in ahead.attrs["notes"][0]
    with pytest.raises(InputError, match="a duration cannot have this value"):
        forecast(history.assign(y=0.0), 7, "D", kind="duration")
    with pytest.raises(InputError, match="did you mean 'rate'"):
        forecast(history, 7, "D", kind="rates")
    with pytest.raises(InputError, match="bounds"):
        forecast(history, 7, "D", kind="rate", bounds=(1, 0))


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_the_same_call_as_for_counts(kind):
    history = made(kind, days=120)
    pd.testing.assert_frame_equal(forecast(history, 7, "D", kind=kind), forecast(history, 7, "D", kind=kind))
    folds = backtest(history, 7, "D", windows=3, kind=kind)
    assert {"deskcast", "same_slot", "seasonal_naive"} == set(leaderboard(folds)["model"])
    with pytest.raises(InputError, match="unknown kind"):
        forecast(history, 7, "D", kind="shares")


def test_a_bad_day_of_a_share_is_learnt_and_no_outage():
    days = pd.date_range("2024-01-01", periods=120, freq="D")
    y = np.where(np.isin(np.arange(120), [100, 101, 110]), 0.0, 0.9)
    ahead = forecast(pd.DataFrame({"unique_id": "csat", "ds": days, "y": y, "n": 2.0}), 7, "D", kind="rate")
    assert not any("outage" in note for note in ahead.attrs["notes"])
    assert ahead["deskcast-lo-95"].min() < 0.5
