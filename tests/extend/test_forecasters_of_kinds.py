"""A user's forecaster competes for shares, durations and stocks too, on the values as they were given."""

import numpy as np
import pandas as pd
import pytest
from deskcast.extend import PluginWarning, register_forecaster
from deskcast.features.errors import InputError
from deskcast.forecasting import backtest, forecast, leaderboard

RULES = {"horizon": 7, "freq": "D", "windows": 6}
KINDS = {
    "share": {"kind": "rate"},
    "score": {"kind": "rate", "bounds": (1, 5)},
    "promoters": {"kind": "rate", "bounds": (-100, 100)},
    "time": {"kind": "duration"},
    "backlog": {"kind": "stock"},
}
#: Low and high weeks by turns: the weekly methods of the house cannot know them, a function of 14 days can.
LEVELS = {"share": (0.7, 0.9), "score": (2.0, 4.5), "promoters": (-40, 30), "time": (200, 500), "backlog": (40, 90)}


def history(name, days=168):
    low, high = LEVELS[name]
    stamps = pd.date_range("2024-01-01", periods=days).as_unit("us")
    y = np.where(np.arange(days) // 7 % 2, high, low) * (1 + np.random.default_rng(0).normal(0, 0.005, days))
    return pd.DataFrame({"unique_id": "all", "ds": stamps, "y": y})


def two_weeks_ago(scene):
    back = scene.grid.y[:, scene.origin - 14 : scene.origin]
    return np.stack([back[:, h % 14] for h in range(scene.horizon)], axis=1)


@pytest.mark.parametrize("name", KINDS)
def test_one_that_is_better_is_chosen_and_stands_in_the_leaderboard(name):
    rows, asked = history(name), {**RULES, **KINDS[name]}
    plain = forecast(rows, **asked)
    register_forecaster("two_weeks_ago", two_weeks_ago)
    ahead = forecast(rows, **asked)
    assert ahead.attrs["model"] == "two_weeks_ago"
    np.testing.assert_allclose(ahead["deskcast"], rows["y"].iloc[-14:-7], rtol=1e-9)
    assert (ahead["deskcast-lo-80"] <= ahead["deskcast"]).all()
    pd.testing.assert_series_equal(ahead["same_slot"], plain["same_slot"])
    table = leaderboard(backtest(rows, **asked)).set_index("model")
    assert set(table.index) == {"deskcast", "same_slot", "seasonal_naive", "two_weeks_ago"}
    assert table.loc["two_weeks_ago", "mase"] < 0.2 < table.loc["same_slot", "mase"]


def test_one_that_is_given_stands_alone_and_sees_what_the_values_are():
    seen = []

    def middle(scene):
        seen.append((scene.kind, float(np.nanmax(scene.grid.y)), np.isnan(scene.grid.y[:, scene.origin :]).all()))
        return np.full((len(scene.grid.ids), scene.horizon), 3.0)

    ahead = forecast(history("score"), models=[middle], **RULES, **KINDS["score"])
    assert ahead["deskcast"].eq(3.0).all()
    assert ahead.attrs["model"] == "middle"
    assert {kind for kind, _, _ in seen} == {"rate"}
    assert all(4 < top < 5 and blind for _, top, blind in seen)
    worse = history("score").assign(y=4.9)
    assert forecast(worse, models=["core", middle], **RULES, **KINDS["score"]).attrs["model"] == "core"


BAD = {
    "raises": lambda scene: 1 / 0,
    "wrong_shape": lambda scene: np.ones(scene.horizon),
    "infinite": lambda scene: np.full((1, scene.horizon), np.inf),
    "unsaid": lambda scene: np.full((1, scene.horizon), np.nan),
    "fails_early": lambda scene: two_weeks_ago(scene) if scene.origin > 150 else 1 / 0,
}


@pytest.mark.parametrize("name", BAD)
def test_one_that_fails_is_named_and_changes_nothing(name):
    rows, asked = history("share"), {**RULES, **KINDS["share"]}
    plain = forecast(rows, **asked)
    register_forecaster(name, BAD[name])
    with pytest.warns(PluginWarning, match=f"left out of the forecast: forecaster '{name}' of"):
        ahead = forecast(rows, **asked)
    pd.testing.assert_frame_equal(ahead, plain)
    assert any(f"forecaster '{name}'" in note for note in ahead.attrs["notes"])
    with pytest.warns(PluginWarning):
        folds = backtest(rows, **asked)
    assert name not in set(leaderboard(folds)["model"])
    with pytest.raises(InputError, match=f"forecaster '{name}' of"):
        forecast(rows, models=[name], **asked)


def test_who_says_nothing_at_an_earlier_origin_gains_nothing_there():
    def late_and_bad(scene):
        return two_weeks_ago(scene) * (np.nan if scene.origin < 155 else 0.7)

    register_forecaster("late_and_bad", late_and_bad)
    assert forecast(history("time"), **RULES, **KINDS["time"]).attrs["model"] != "late_and_bad"


def test_methods_for_counts_are_left_out_by_name_and_refused_alone():
    asked = {**RULES, **KINDS["time"]}
    ahead = forecast(history("time"), models=["core", "ets"], **asked)
    assert ahead.attrs["model"] == "core"
    assert "left out, as they forecast counts only: ets" in ahead.attrs["notes"]
    assert forecast(history("time"), models="all", **asked).attrs["notes"] == []
    with pytest.raises(InputError, match=r"column 'models': this forecasts counts only, not a duration; got 'ets'"):
        forecast(history("time"), models="ets", **asked)
    table = leaderboard(backtest(history("time"), models=["core", "same_slot"], **asked))
    assert set(table["model"]) == {"deskcast", "core", "same_slot", "seasonal_naive"}
