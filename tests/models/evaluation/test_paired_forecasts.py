"""Two issued forecasts side by side: the better one is found, and no difference is made of noise."""

import numpy as np
import pandas as pd
import pytest
from deskcast.models.evaluation.paired_forecasts import Quantiles, compare_forecasts, compute_losses
from hypothesis import given, settings
from hypothesis import strategies as st

FIRST, Z80 = pd.Timestamp("2024-03-04"), 1.2816


def played(seed, days=35, horizon=7, series=("a", "b"), drift=0.0):
    """Return outcomes of nightly windows, and their keys; by ``drift`` the level is off for days on end."""
    dice = np.random.default_rng(seed)
    level = np.full(days + horizon, 100.0)
    for day in range(1, days + horizon):
        level[day] = 100.0 + 0.8 * (level[day - 1] - 100.0) + dice.normal(0.0, drift)
    came = {name: level + dice.normal(0.0, 5.0, days + horizon) for name in series}
    rows = [(name, night, night + lead) for name in series for night in range(days) for lead in range(horizon)]
    rows = [row for row in rows if row[2] < days]
    keys = pd.DataFrame(rows, columns=["unique_id", "night", "step"])
    keys["y"] = [came[name][step] for name, step in zip(keys["unique_id"], keys["step"], strict=True)]
    return keys.assign(ds=FIRST + pd.to_timedelta(keys["step"], unit="D"))


def said(keys, point, width=Z80 * 5.0):
    point = np.broadcast_to(np.asarray(point, dtype=float), len(keys)).copy()
    return Quantiles(point, {80.0: (point - width, point + width)})


def compare(keys, old, new, **more):
    return compare_forecasts(keys["y"].to_numpy(), old, new, keys["night"], keys["ds"], **more)


def test_the_figures_are_those_of_a_table_made_by_hand():
    keys = played(1)
    old, new = said(keys, 112.0), said(keys, 100.0)
    verdict = compare(keys, old, new)

    def loss(point):
        total = 0.0
        for y in keys["y"]:
            for bound, p in ((point, 0.5), (point - Z80 * 5, 0.1), (point + Z80 * 5, 0.9)):
                total += 2 * max(p * (y - bound), (p - 1) * (y - bound)) / 3
        return total / keys["y"].sum()

    assert verdict.champion_loss == pytest.approx(loss(112.0), rel=1e-9)
    assert verdict.challenger_loss == pytest.approx(loss(100.0), rel=1e-9)
    assert verdict.gain.mean == pytest.approx(loss(112.0) - loss(100.0), rel=1e-9)
    inside = ((keys["y"] >= 100 - Z80 * 5) & (keys["y"] <= 100 + Z80 * 5)).mean()
    assert verdict.coverage == {80.0: pytest.approx(inside)}
    assert (verdict.windows, verdict.weeks, verdict.is_promoted) == (35, 5, True)
    assert str(verdict.reason).startswith("The new version is used: the quantile loss is ")
    assert verdict.figures()["gain"] == verdict.gain.mean


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000))
def test_the_same_forecast_and_a_worse_one_are_never_promoted(seed):
    keys = played(seed, drift=1.0)
    assert not compare(keys, said(keys, 100.0), said(keys, 100.0), replicates=100).is_promoted
    worse = compare(keys, said(keys, keys["y"]), said(keys, keys["y"] + 1.0), replicates=100)
    assert not worse.is_promoted
    assert worse.gain.hi < 0
    assert "not beyond noise" in worse.reason


def test_two_forecasts_that_are_alike_on_average_stay_apart_by_chance_only():
    promoted = 0
    for seed in range(30):
        keys = played(seed, drift=3.0)  # one of them is favoured for days on end
        promoted += compare(keys, said(keys, 103.0), said(keys, 97.0), replicates=100).is_promoted
    assert promoted <= 4


def test_narrow_intervals_are_not_used_however_good_the_point_is():
    keys = played(2)
    old = said(keys, 120.0, width=Z80 * 5 + 15)
    narrow = compare(keys, old, said(keys, 100.0, width=2.0))
    assert not narrow.is_promoted
    assert narrow.gain.is_significant
    assert "of outcomes are inside the 80% interval" in narrow.reason
    assert compare(keys, said(keys, 120.0, width=2.0), said(keys, 100.0, width=2.5)).is_promoted  # no further off


def test_a_group_that_gets_much_worse_keeps_the_version_in_use():
    keys = played(3, series=("phone", "web"))
    groups = keys[["unique_id"]].rename(columns={"unique_id": "channel"})
    off = np.where(keys["unique_id"] == "web", 125.0, 100.0)
    better_for_most = said(keys, np.where(keys["unique_id"] == "web", 106.0, 100.0))
    verdict = compare(keys, said(keys, np.where(off > 100, 100.0, 125.0)), better_for_most, groups=groups)
    assert not verdict.is_promoted
    assert "for channel web the new one loses" in verdict.reason
    assert list(verdict.groups["group"]) == ["phone", "web"]
    assert compare(keys, said(keys, 125.0), better_for_most, groups=groups).is_promoted


@pytest.mark.parametrize(("days", "ready"), [(13, False), (20, False), (35, True)])
def test_too_few_windows_or_weeks_decide_nothing(days, ready):
    keys = played(4, days=days)
    verdict = compare(keys, said(keys, 120.0), said(keys, 100.0))
    assert verdict.is_decided == ready
    assert verdict.is_promoted == ready
    assert ready or "are over, so the version in use stays" in verdict.reason


def test_nothing_at_all_and_nothing_that_came_decide_nothing():
    keys = played(5)
    empty = keys.head(0)
    assert not compare(empty, said(empty, 1.0), said(empty, 1.0)).is_decided
    assert not compare(keys.assign(y=0.0), said(keys, 1.0), said(keys, 0.0)).is_decided


def test_weeks_in_which_nothing_came_do_not_make_up_for_too_few():
    keys = played(6)
    weeks = keys["step"] // 7
    short = keys.assign(y=keys["y"].where(weeks >= 2, 0.0))
    assert not compare(short, said(keys, 120.0), said(keys, 100.0)).is_decided
    assert compare(keys, said(keys, 120.0), said(keys, 100.0)).is_decided


def test_series_without_a_group_are_in_none_of_them():
    keys = played(3, series=("phone", "web"))
    groups = pd.DataFrame({"channel": keys["unique_id"].where(keys["unique_id"] == "web")})
    assert compare(keys, said(keys, 125.0), said(keys, 100.0), groups=groups).groups["group"].tolist() == ["web"]


def test_the_loss_of_a_forecast_without_intervals_is_its_absolute_error():
    y = np.array([10.0, 3.0])
    assert compute_losses(y, Quantiles(np.array([12.0, 3.0]), {})).tolist() == [2.0, 0.0]
