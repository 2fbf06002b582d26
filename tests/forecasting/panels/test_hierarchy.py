import numpy as np
import pandas as pd
import pytest
from deskcast.features.calendars.business_calendar import BusinessCalendar
from deskcast.features.errors import InputError
from deskcast.forecasting import backtest_hierarchy, forecast, forecast_hierarchy, leaderboard

BY = ["channel", "region"]
LADDER = ["deskcast-lo-95", "deskcast-lo-80", "deskcast", "deskcast-hi-80", "deskcast-hi-95"]


def leaves(seed=0, days=200, low=2.0):
    rng = np.random.default_rng(seed)
    stamps = pd.date_range("2024-01-01", periods=days)
    luck = rng.normal(0, 0.1, days)
    frames = []
    for i, name in enumerate(["chat/north", "chat/south", "mail/north", "phone/north", "phone/south"]):
        mean = low * 3**i * np.array([1.2, 1.1, 1, 1, 0.9, 0.5, 0.4])[stamps.day_of_week] * np.exp(luck)
        frames.append(pd.DataFrame({"unique_id": name, "ds": stamps, "y": rng.poisson(mean).astype(float)}))
    return pd.concat(frames, ignore_index=True)


@pytest.mark.parametrize("method", ["wls", "variance", "bottom_up"])
def test_totals_are_the_sums_of_their_leaves_and_nothing_is_below_zero(method):
    ahead = forecast_hierarchy(leaves(), 14, "D", BY, method=method)
    wide = ahead.pivot(index="node", columns="ds", values="deskcast")
    leaf = wide[wide.index.str.contains("/")]
    assert len(wide) == 1 + 3 + 2 + 5
    np.testing.assert_allclose(leaf.sum(), wide.loc["total"], rtol=1e-12)
    for node in ("channel=chat", "channel=mail", "channel=phone", "region=north", "region=south"):
        mine = leaf[[node in name.split("/") for name in leaf.index]]
        np.testing.assert_allclose(mine.sum(), wide.loc[node], rtol=1e-12)
    assert (np.diff(ahead[LADDER].to_numpy(), axis=1) >= 0).all()
    assert (ahead[LADDER] >= 0).all(axis=None)
    if method == "bottom_up":
        alone = forecast(leaves(), 14, "D")
        np.testing.assert_allclose(leaf.to_numpy().ravel(), _renamed(alone)["deskcast"], rtol=1e-9)


def _renamed(ahead):
    parts = ahead["unique_id"].str.split("/", expand=True)
    return ahead.assign(node="channel=" + parts[0] + "/region=" + parts[1]).sort_values(["node", "ds"])


@pytest.mark.slow
def test_intervals_cover_at_every_level_after_adding_up():
    folds = pd.concat([backtest_hierarchy(leaves(s, 330), 14, "D", BY, folds=6) for s in range(3)])
    table = leaderboard(folds, by="level")
    ours = table[table["model"] == "wls"].set_index("level")
    assert ours["coverage_80"].between(0.70, 0.90).all()
    assert ours["coverage_95"].between(0.88, 1.0).all()
    whole = leaderboard(folds).set_index("model")["wql"]
    assert whole["wls"] < whole["base"] * 1.05


def test_a_fold_is_the_forecast_that_would_have_been_made_then():
    history = leaves(1, 160)
    folds = backtest_hierarchy(history, 7, "D", BY, folds=3, windows=4)
    for cutoff, fold in folds.groupby("cutoff"):
        then = forecast_hierarchy(history[history["ds"] <= cutoff], 7, "D", BY, windows=4)
        both = fold.merge(then, left_on=["unique_id", "ds"], right_on=["node", "ds"])
        assert len(both) == len(fold)
        np.testing.assert_allclose(both["wls"], both["deskcast"], rtol=1e-9)
        np.testing.assert_allclose(both["wls-hi-80"], both["deskcast-hi-80"], rtol=1e-9)
        np.testing.assert_allclose(both["base_x"], both["base_y"], rtol=1e-9)


def test_a_leaf_that_is_missing_makes_its_sums_missing_and_one_that_has_ended_does_not():
    history = leaves()
    hole = (history["unique_id"] == "chat/north") & history["ds"].between("2024-06-01", "2024-06-10")
    over = (history["unique_id"] == "mail/north") & (history["ds"] > "2024-04-01")
    folds = backtest_hierarchy(history[~hole], 14, "D", BY, folds=8)
    inside = folds["ds"].between("2024-06-01", "2024-06-10")
    assert inside.any()
    assert set(folds.loc[inside, "unique_id"]) == {
        "channel=mail", "channel=phone", "region=south", "channel=chat/region=south", "channel=mail/region=north",
        "channel=phone/region=north", "channel=phone/region=south",
    }  # fmt: skip
    ahead = forecast_hierarchy(history[~over], 14, "D", BY)
    assert any("'mail/north' has ended" in note for note in ahead.attrs["notes"])
    assert ahead["deskcast"].notna().all()


def test_closed_days_are_zero_at_every_node():
    calendar = BusinessCalendar.from_hours("UTC", {"mon-fri": ["00:00-24:00"]})
    ahead = forecast_hierarchy(leaves(), 14, "D", BY, calendar=calendar)
    weekend = ahead["ds"].dt.day_of_week >= 5
    assert (ahead.loc[weekend, LADDER] == 0).all(axis=None)
    assert (ahead.loc[~weekend, "deskcast"] > 0).all()


def test_levels_can_be_chosen_and_faults_are_named():
    ahead = forecast_hierarchy(leaves(days=60), 7, "D", BY, groups=[["channel"]])
    assert ahead["level"].unique().tolist() == ["total", "channel", "channel/region"]
    with pytest.raises(InputError, match="does not fit the columns"):
        forecast_hierarchy(leaves(days=60), 7, "D", ["channel"])
    with pytest.raises(InputError, match="unknown method"):
        forecast_hierarchy(leaves(days=60), 7, "D", BY, method="ols")
    with pytest.raises(InputError, match="too short for one fold"):
        backtest_hierarchy(leaves(days=4), 7, "D", BY)


def test_a_single_short_panel_is_forecast():
    ahead = forecast_hierarchy(leaves(days=3), 7, "D", BY)
    assert ahead[LADDER].notna().all(axis=None)
