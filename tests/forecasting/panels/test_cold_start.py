import numpy as np
import pandas as pd
import pytest
from deskcast.features.errors import InputError
from deskcast.forecasting import forecast
from deskcast.forecasting.panels.cold_start import forecast_cold_start, level_share
from hypothesis import given, settings
from hypothesis import strategies as st

BY = ["channel", "region"]
WEEK = np.array([1.3, 1.1, 1.0, 1.0, 0.9, 0.4, 0.3])
LADDER = ["deskcast-lo-95", "deskcast-lo-80", "deskcast", "deskcast-hi-80", "deskcast-hi-95"]


def family(seed, days=240, sizes=(40, 60, 90, 130, 50, 75)):
    """Return series that share a week and a drift, each with some of its own."""
    rng = np.random.default_rng(seed)
    stamps = pd.date_range("2024-01-01", periods=days)
    common = np.exp(np.cumsum(rng.normal(0, 0.015, days)))
    frames = []
    for i, size in enumerate(sizes):
        week = (WEEK * np.exp(rng.normal(0, 0.05, 7)))[stamps.day_of_week]
        mean = size * week * common * np.exp(np.cumsum(rng.normal(0, 0.008, days)))
        frames.append(pd.DataFrame({"unique_id": f"phone/r{i}", "ds": stamps, "y": rng.poisson(mean).astype(float)}))
    return pd.concat(frames, ignore_index=True)


def born(history, age, name="phone/r2", horizon=14):
    """Return the history with a series that began so many days before the cut, and what came after."""
    cut = history["ds"].max() - pd.Timedelta(days=horizon)
    known = history["ds"] <= cut
    early = (history["unique_id"] == name) & (history["ds"] <= cut - pd.Timedelta(days=age))
    truth = history[(history["unique_id"] == name) & ~known].set_index("ds")["y"]
    return history[known & ~early], truth


@pytest.mark.parametrize("age", [5, 14, 30])
def test_a_young_series_errs_less_with_its_relatives_and_knows_how_sure_it_is(age):
    ours, alone, covered = [], [], []
    for seed in range(8):
        history, truth = born(family(seed), age)
        ahead = forecast_cold_start(history, 14, "D", by=BY)
        mine = ahead[ahead["unique_id"] == "phone/r2"].set_index("ds")
        assert mine["tier"].unique().tolist() == ["blended"]
        own = forecast(history[history["unique_id"] == "phone/r2"], 14, "D").set_index("ds")
        ours.append((mine["deskcast"] - truth).abs().mean())
        alone.append((own["deskcast"] - truth).abs().mean())
        covered.append(truth.between(mine["deskcast-lo-80"], mine["deskcast-hi-80"]).mean())
    assert np.mean(ours) < np.mean(alone)
    assert 0.68 < np.mean(covered) < 0.92


def test_a_series_without_a_row_is_as_its_relatives_are():
    history, truth = born(family(1), 0)
    ahead = forecast_cold_start(history, 14, "D", by=BY, new=["phone/r2"])
    mine = ahead[ahead["unique_id"] == "phone/r2"].set_index("ds")
    assert mine["tier"].unique().tolist() == ["relatives"]
    assert (mine["relatives"] == 5).all()
    assert truth.between(mine["deskcast-lo-95"], mine["deskcast-hi-95"]).mean() > 0.9
    assert mine["deskcast"].corr(truth) > 0.9
    assert any("has no usable days" in note for note in ahead.attrs["notes"])


def test_the_output_says_which_tier_was_used_and_grown_series_stay_as_they_were():
    history, _ = born(family(2), 14)
    ahead, plain = forecast_cold_start(history, 14, "D", by=BY), forecast(history, 14, "D")
    tiers = ahead.groupby("unique_id")["tier"].first()
    assert tiers.drop("phone/r2").eq("own").all()
    grown = ahead["unique_id"] != "phone/r2"
    left, right = ahead.loc[grown, plain.columns], plain[plain["unique_id"] != "phone/r2"]
    pd.testing.assert_frame_equal(left.reset_index(drop=True), right.reset_index(drop=True), check_exact=False)
    assert (np.diff(ahead[LADDER].to_numpy(), axis=1) >= 0).all()
    assert ahead.loc[~grown, "own_days"].eq(14).all()
    assert any("14 days of history: 33% of its forecast is its own" in note for note in ahead.attrs["notes"])


def test_relatives_may_be_named():
    history, _ = born(family(3), 5)
    small = forecast_cold_start(history, 7, "D", relatives={"phone/r2": ["phone/r0"]})
    assert small.loc[small["unique_id"] == "phone/r2", "relatives"].eq(1).all()
    with pytest.raises(InputError, match="unknown series"):
        forecast_cold_start(history, 7, "D", relatives={"phone/r2": ["phone/r9"]})
    with pytest.raises(InputError, match="series is not new: it has rows"):
        forecast_cold_start(history, 7, "D", by=BY, new=["phone/r1"])
    with pytest.raises(InputError, match="column 'k'"):
        forecast_cold_start(history, 7, "D", by=BY, k=0)


@pytest.mark.parametrize("days", [3, 20, 50])
def test_where_all_are_young_each_stands_for_itself(days):
    history = family(0, days)
    ahead = forecast_cold_start(history, 7, "D", by=BY)
    assert ahead["tier"].eq("own").all()
    assert np.isfinite(ahead[LADDER]).all(axis=None)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 99), st.floats(0.01, 100), st.integers(1, 60))
def test_the_level_goes_from_the_relatives_to_the_own_with_the_days(seed, ratio, days):
    rng = np.random.default_rng(seed)
    others = rng.gamma(20, 5, (4, 60))
    own = np.full(60, np.nan)
    own[-days:] = ratio * others.sum(axis=0)[-days:]
    prior = level_share(np.full(60, np.nan), others)
    found = level_share(own, others)
    assert min(prior, ratio) * (1 - 1e-9) <= found <= max(prior, ratio) * (1 + 1e-9)
