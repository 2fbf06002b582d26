"""A user's forecaster competes, is shown nothing of the future, and is named where it fails."""

import re
import sys

import numpy as np
import pandas as pd
import pytest
from deskcast.extend import PluginWarning, load_plugins, register_forecaster, registered, unregister
from deskcast.features.errors import InputError
from deskcast.forecasting import backtest, forecast, forecast_panel, leaderboard
from hypothesis import given, settings
from hypothesis import strategies as st


def volume(days=126, series=("a",), seed=0):
    stamps = pd.date_range("2024-01-01", periods=days).as_unit("us")
    rng = np.random.default_rng(seed)
    level = np.where(stamps.day_of_week < 5, 100.0, 20.0)
    return pd.concat(
        [pd.DataFrame({"unique_id": name, "ds": stamps, "y": rng.poisson(level).astype(float)}) for name in series],
        ignore_index=True,
    )


def fortnight(days=168):
    """A series that comes in fortnights: the weekly methods of the house cannot know it, a function of 14 days can."""
    stamps = pd.date_range("2024-01-01", periods=days).as_unit("us")
    y = np.where(np.arange(days) // 7 % 2, 200.0, 40.0) + np.random.default_rng(0).integers(0, 5, days)
    return pd.DataFrame({"unique_id": "all", "ds": stamps, "y": y})


def two_weeks_ago(scene):
    back = scene.grid.y[:, scene.origin - 14 : scene.origin]
    return np.stack([back[:, h % 14] for h in range(scene.horizon)], axis=1)


def flat(scene):
    mean = np.nanmean(scene.grid.y[:, : scene.origin], axis=1)
    return np.repeat(mean[:, None], scene.horizon, axis=1)


RULES = {"horizon": 7, "freq": "D", "windows": 6}


def test_a_function_is_taken_directly_alone_or_beside_others():
    history = volume()
    alone = forecast(history, models=[flat], **RULES)
    assert alone.attrs["model"] == "flat"
    assert alone["deskcast"].to_numpy() == pytest.approx(history["y"].mean())
    pd.testing.assert_frame_equal(alone, forecast(history, models=flat, **RULES))
    table = leaderboard(backtest(history, models=["core", flat], **RULES)).set_index("model")
    assert set(table.index) == {"deskcast", "core", "flat", "same_slot", "seasonal_naive"}
    assert table.loc["core", "wql"] < table.loc["flat", "wql"]
    beside = forecast(history, models=["auto", flat], **RULES)
    pd.testing.assert_series_equal(beside["deskcast"], forecast(history, **RULES)["deskcast"])


def test_a_registered_one_stands_in_the_leaderboard_and_is_chosen_where_it_earns_it():
    plain = forecast(volume(), **RULES)
    register_forecaster("two_weeks_ago", two_weeks_ago)
    register_forecaster("flat", flat)
    won = forecast(fortnight(), **RULES)
    assert "two_weeks_ago" in won.attrs["model"]
    table = leaderboard(backtest(fortnight(), **RULES)).set_index("model")
    assert table.loc["two_weeks_ago", "wape"] < 0.1 < table.loc["same_slot", "wape"]
    lost = forecast(volume(), **RULES)  # here the house is better, and nothing changes
    pd.testing.assert_frame_equal(lost, plain)
    assert lost.attrs == plain.attrs


def test_nothing_is_shown_of_the_future():
    seen = []

    def peeking(scene):
        ahead = scene.grid.y[:, scene.origin : scene.origin + scene.horizon]
        seen.append(bool(np.isnan(ahead).all()))
        return np.nan_to_num(np.pad(ahead, ((0, 0), (0, scene.horizon - ahead.shape[1])), constant_values=1), nan=1)

    folds = backtest(volume(), models=["core", peeking], **RULES)
    assert len(seen) > 6
    assert all(seen)
    assert set(folds["peeking"]) == {1.0}


def test_what_it_changes_in_its_scene_changes_nothing_else():
    def spoiling(scene):
        scene.grid.y[:] = 0.0
        return flat(scene)

    history = volume()
    ahead = forecast(history, models=["core", spoiling], **RULES)
    pd.testing.assert_series_equal(ahead["same_slot"], forecast(history, **RULES)["same_slot"])


BAD = {
    "raises": lambda scene: 1 / 0,
    "wrong_shape": lambda scene: np.ones(scene.horizon),
    "infinite": lambda scene: np.full((len(scene.grid.ids), scene.horizon), np.inf),
    "unsaid": lambda scene: np.full((len(scene.grid.ids), scene.horizon), np.nan),
    "words": lambda scene: [["many"] * scene.horizon] * len(scene.grid.ids),
}


@pytest.mark.parametrize("name", BAD)
def test_one_that_fails_is_named_and_the_forecast_goes_on_without_it(name):
    history = volume()
    plain = forecast(history, **RULES)
    register_forecaster(name, BAD[name])
    with pytest.warns(PluginWarning, match=f"left out of the forecast: forecaster '{name}' of"):
        ahead = forecast(history, **RULES)
    pd.testing.assert_frame_equal(ahead, plain)
    assert any(f"forecaster '{name}'" in note for note in ahead.attrs["notes"])
    with pytest.warns(PluginWarning):
        folds = backtest(history, **RULES)
    assert name not in set(leaderboard(folds)["model"])
    with pytest.raises(InputError, match=f"forecaster '{name}' of"):
        forecast(history, models=[name], **RULES)


def test_one_that_is_slow_is_named_once(monkeypatch):
    monkeypatch.setattr("deskcast.features.plugins.SLOW_PLUGIN_S", 1e-12)
    register_forecaster("flat", flat)
    with pytest.warns(PluginWarning, match=r"forecaster 'flat' of .* is slow: it has taken 0 s so far") as said:
        forecast(volume(), **RULES)
    assert len([w for w in said if "slow" in str(w.message)]) == 1


@settings(max_examples=20, deadline=None)
@given(st.text(max_size=60) | st.sampled_from(["core", "auto", "all", "deskcast", "ets"]))
def test_only_names_that_are_names_and_free_are_registered(name):
    taken = name in ("core", "auto", "all", "deskcast", "ets")
    if taken or not re.fullmatch(r"[a-z][a-z0-9_]{0,49}", name):
        with pytest.raises(InputError, match="duplicate name" if taken else "not a name for a plug-in"):
            register_forecaster(name, flat)
        return
    register_forecaster(name, flat)
    assert list(registered("forecaster")) == [name]
    with pytest.raises(InputError, match="registered already"):
        register_forecaster(name, flat)
    unregister("forecaster", name)


def test_names_of_functions_clash_with_nothing():
    def core(scene):
        return flat(scene)

    with pytest.raises(InputError, match="duplicate name; got 'core'"):
        forecast(volume(), models=[core], **RULES)
    with pytest.raises(InputError, match="not a name for a plug-in; got '<lambda>'"):
        forecast(volume(), models=[lambda scene: flat(scene)], **RULES)
    with pytest.raises(InputError, match="duplicate name; got 'flat'"):
        forecast(volume(), models=[flat, BAD["raises"] and _other_flat()], **RULES)


def _other_flat():
    def flat(scene):
        return np.ones((1, scene.horizon))

    return flat


MODULE = """
import desk_plugins_help
from deskcast.extend import register_forecaster

@register_forecaster("two_weeks_ago")
def two_weeks_ago(scene):
    return desk_plugins_help.back(scene, 14)

def flat(scene):
    return 0 * desk_plugins_help.back(scene, 7) + 5
"""
HELP = """
import numpy as np

def back(scene, n):
    past = scene.grid.y[:, scene.origin - n : scene.origin]
    return np.stack([past[:, h % n] for h in range(scene.horizon)], axis=1)
"""


def test_workers_see_what_is_registered_and_functions_that_are_given(tmp_path):
    history = volume(series=("a", "b", "c"))
    forecast_panel(history, 7, "D", chunk=1, jobs=2, windows=3)  # the workers live, and know no plug-ins
    (tmp_path / "desk_plugins.py").write_text(MODULE)
    (tmp_path / "desk_plugins_help.py").write_text(HELP)
    load_plugins(["desk_plugins"], tmp_path)
    flat = sys.modules["desk_plugins"].flat
    rules = {"horizon": 7, "freq": "D", "chunk": 1, "windows": 6}
    for models in ("auto", ["two_weeks_ago"], [flat]):
        one = forecast_panel(history, models=models, jobs=1, **rules)
        pd.testing.assert_frame_equal(one, forecast_panel(history, models=models, jobs=2, **rules))
    unregister("forecaster", "two_weeks_ago")
    with pytest.raises(InputError, match="unknown model; got 'two_weeks_ago'"):
        forecast_panel(history, models=["two_weeks_ago"], jobs=2, **rules)
