"""Sparse queues: right in the mean at any grain and in sums, and the total is the same however it is split."""

import numpy as np
import pandas as pd
import pytest
from deskcast.forecasting import forecast, forecast_hierarchy, sample_paths, total_over
from deskcast.forecasting.methods.registry import FORECAST_METHODS
from deskcast.forecasting.volume.combination import poisson_deviance
from hypothesis import given, settings
from hypothesis import strategies as st


def queues(rate, count, slots, freq="D", seed=0, start="2022-01-03"):
    """Return ``count`` queues of Poisson arrivals, ``rate`` a slot."""
    ds = pd.date_range(start, periods=slots, freq=freq)
    y = np.random.default_rng(seed).poisson(rate, (count, slots)).astype(float)
    return pd.concat([pd.DataFrame({"unique_id": f"q{i:03d}", "ds": ds, "y": row}) for i, row in enumerate(y)])


@settings(max_examples=10, deadline=None)
@given(
    rate=st.floats(0.05, 1.5),
    grain=st.sampled_from([("D", 28), ("h", 168), ("W-MON", 8)]),
    step=st.sampled_from([1.0, 0.25]),
    seed=st.integers(0, 999),
)
def test_forecasts_of_sparse_queues_add_up_to_what_comes(rate, grain, step, seed):
    """Whatever the rate, the grain and the unit, the sum of the forecasts is the mean of what came lately."""
    freq, horizon = grain
    slots = {"D": 300, "h": 24 * 63, "W-MON": 150}[freq]
    count = max(2, round((400 if freq != "W-MON" else 60) / (rate * (168 if freq == "h" else 56))))
    history = queues(rate, min(count, 60), slots, freq, seed)
    history["y"] *= step
    ahead = forecast(history, horizon, "W" if freq == "W-MON" else freq)
    recent = history[history["ds"] >= history["ds"].max() - (history["ds"].max() - history["ds"].min()) / 2]
    lately, truth = recent["y"].mean(), rate * step
    expected = sorted([lately, truth])
    noise = 2.5 * truth / np.sqrt(rate * history["unique_id"].nunique() * {"D": 60, "h": 700, "W-MON": 20}[freq])
    mean = ahead["deskcast"].mean()
    assert expected[0] * 0.92 - noise <= mean <= expected[1] * 1.08 + noise
    for level in (80, 95):
        assert (ahead[f"deskcast-lo-{level}"] <= ahead["deskcast"]).all()
        assert (ahead["deskcast"] <= ahead[f"deskcast-hi-{level}"]).all()


@pytest.mark.parametrize("name", ["core", "same_slot", "recent_level", "tsb", "adida"])
def test_every_method_for_sparse_queues_is_right_in_the_mean(name):
    assert name in FORECAST_METHODS
    ahead = forecast(queues(0.1, 100, 365), 28, "D", models=[name])
    assert ahead["deskcast"].sum() == pytest.approx(280, rel=0.12)


def test_segments_and_their_total_say_the_same():
    """A desk of twelve products with 0.15 cases a day each: one number, whatever is split and however it adds up."""
    history = queues(0.15, 12, 420, seed=3)
    whole = history.groupby("ds", as_index=False)["y"].sum().assign(unique_id="all")
    week = slice(0, 7)
    alone = forecast(whole, 28, "D")["deskcast"].to_numpy()[week].sum()
    said = {"alone": alone}
    for method in ("wls", "bottom_up"):
        nodes = forecast_hierarchy(history, 28, "D", by=["product"], method=method)
        said[method] = nodes[nodes["level"] == "total"]["deskcast"].to_numpy()[week].sum()
    parts = forecast(history, 28, "D")
    said["parts"] = parts[parts["ds"] < parts["ds"].min() + pd.Timedelta(days=7)]["deskcast"].sum()
    assert max(said.values()) / min(said.values()) < 1.1, said
    assert 10 < alone < 15.5  # 12.6 in truth


@pytest.mark.slow
@settings(max_examples=5, deadline=None)
@given(rate=st.floats(0.1, 0.4), count=st.integers(15, 40), seed=st.integers(0, 999))
def test_sums_of_sparse_queues_spread_as_counts_do(rate, count, seed):
    """The likely range of the sum of many independent queues is not that of one queue times their number."""
    paths = sample_paths(queues(rate, count, 240, seed=seed), 14, "D", n=300, seed=1)
    sums = paths.groupby("path")["y"].sum()
    mean = forecast(queues(rate, count, 240, seed=seed), 14, "D")["deskcast"].sum()
    assert sums.mean() == pytest.approx(mean, rel=0.08, abs=0.6)
    one = paths.assign(ds=paths["ds"].min())
    total = total_over(one, None, by=None).iloc[0]
    assert total["deskcast-lo-80"] <= total["deskcast"] <= total["deskcast-hi-80"]
    assert total["deskcast"] == pytest.approx(total["mean"], abs=2.0 + 0.2 * mean)
    sd = np.sqrt(mean)
    assert 1.2 * sd < total["deskcast-hi-80"] - total["deskcast-lo-80"] < 6 * sd + 2


@settings(max_examples=20, deadline=None)
@given(st.floats(0.02, 5), st.floats(0.3, 3).filter(lambda r: abs(r - 1) > 0.15))
def test_the_deviance_is_least_for_the_mean(rate, ratio):
    came = np.random.default_rng(0).poisson(rate, (20, 1, 400)).astype(float)
    right = poisson_deviance(came, np.full(came.shape, came.mean())).sum()
    wrong = poisson_deviance(came, np.full(came.shape, came.mean() * ratio)).sum()
    assert right < wrong


@pytest.mark.parametrize(("rate", "freq"), [(0.05, "W-MON"), (0.3, "W-MON"), (1.0, "h"), (0.03, "D")])
def test_many_sparse_queues_add_up_at_the_grains_that_were_wrong(rate, freq):
    """Weeks lost a third to a limit of ratios and to falls that were none, hours a 14th to means of roots."""
    slots, horizon, count = {"W-MON": (110, 8, 250), "h": (24 * 63, 96, 12), "D": (180, 28, 250)}[freq]
    history = queues(rate, count, slots, freq, seed=11)
    ahead = forecast(history, horizon, "W" if freq == "W-MON" else freq, windows=3)
    assert ahead["deskcast"].mean() == pytest.approx(history["y"].mean(), rel=0.06 if freq == "h" else 0.12)


def test_paths_of_few_counts_have_the_mean_and_the_spread_of_their_sum():
    """A queue of one or two arrivals a day: quantiles cut at 0 made the mean of its paths 6% too high."""
    history = queues(1.2, 20, 150, seed=5)
    paths = sample_paths(history, 14, "D", n=300, seed=1, windows=6)
    totals, mean = paths.groupby("path")["y"].sum(), 1.2 * 20 * 14
    assert totals.mean() == pytest.approx(mean, rel=0.06)
    assert 0.8 * np.sqrt(mean) < totals.std() < 2.2 * np.sqrt(mean)
    assert (paths["y"] % 1 == 0).all()
