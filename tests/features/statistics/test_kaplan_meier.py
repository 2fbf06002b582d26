"""Kaplan-Meier: textbook values, a slow twin, and another package."""

import numpy as np
import pandas as pd
import pytest
from deskcast.features.errors import InputError
from deskcast.features.statistics.kaplan_meier import kaplan_meier
from hypothesis import given, settings
from hypothesis import strategies as st

# Weeks of remission of children with acute leukaemia: E. J. Freireich et al., Blood 21 (1963), 699-716, as given by
# D. R. Cox and D. Oakes, Analysis of Survival Data (1984), table 1.1. A negative number is a censored one.
TREATED = [6, 6, 6, -6, 7, -9, 10, -10, -11, 13, 16, -17, -19, -20, 22, 23, -25, -32, -32, -34, -35]
CONTROL = [1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15, 17, 22, 23]


def slow(durations, observed, share):
    """The curve step by step; the time at which it passes 1 - share (half-way where it is flat there), and itself."""
    survival, curve = 1.0, []
    for time in sorted(set(durations)):
        at_risk = sum(d >= time for d in durations)
        ended = sum(d == time and o for d, o in zip(durations, observed, strict=True))
        survival *= 1 - ended / at_risk
        curve.append((time, survival))
    at = next((t for t, s in curve if s <= 1 - share + 1e-9), np.nan)
    below = next((t for t, s in curve if s < 1 - share - 1e-9), np.nan)
    return (at if np.isnan(below) else (at + below) / 2), curve


def slow_mean(curve, horizon):
    area, before, height = 0.0, 0.0, 1.0
    for time, survival in curve:
        area += height * (min(time, horizon) - min(before, horizon))
        before, height = time, survival
    return area if height == 0 or before >= horizon else np.nan


def test_remission_times_of_freireich():
    weeks = np.array(TREATED + CONTROL, dtype=float)
    table = kaplan_meier(np.abs(weeks), weeks > 0, np.repeat([0, 1], 21), horizon=35.0, quantiles=(0.25, 0.5))
    assert table["n"].tolist() == [21, 21]
    assert table["ended"].tolist() == [9, 21]
    # medians 23 and 8 weeks, curve: J. P. Klein and M. L. Moeschberger, Survival Analysis, 2nd ed. (2003), chapter 4
    assert table["q50"].tolist() == [23.0, 8.0]
    assert table["q25"].tolist() == [13.0, 4.0]
    assert table["mean"].iloc[1] == pytest.approx(np.mean(CONTROL))
    # the curve of the treated at 6, 7, 10, 13, 16, 22, 23: .857 .807 .753 .690 .627 .538 .448
    steps = [6, 1, 3, 3, 3, 6, 1, 12]
    heights = [1, 0.8571, 0.8067, 0.7529, 0.6902, 0.6275, 0.5378, 0.4482]
    assert table["mean"].iloc[0] == pytest.approx(np.dot(steps, heights), abs=0.01)


def test_interval_of_the_median_agrees_with_statsmodels():
    from statsmodels.duration.survfunc import SurvfuncRight

    for sample in (TREATED, CONTROL):
        weeks = np.array(sample, dtype=float)
        peer = SurvfuncRight(np.abs(weeks), weeks > 0)
        row = kaplan_meier(np.abs(weeks), weeks > 0).iloc[0]
        lo, hi = peer.quantile_ci(0.5, method="cloglog")
        assert row["q50"] == peer.quantile(0.5)
        assert row["lo"] == lo
        assert row["hi"] == hi or (np.isnan(row["hi"]) and not np.isfinite(hi))


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(st.tuples(st.integers(0, 12), st.booleans(), st.integers(0, 3)), min_size=1, max_size=60),
    share=st.sampled_from([0.1, 0.25, 0.5, 0.75, 0.9]),
    horizon=st.integers(1, 15),
)
def test_agrees_with_the_slow_twin_in_every_group(rows, share, horizon):
    t, seen, g = (np.array(x) for x in zip(*rows, strict=True))
    table = kaplan_meier(t, seen, g, n_groups=5, quantiles=(share,), horizon=float(horizon))
    assert len(table) == 5
    for group in range(5):
        mine = g == group
        if not mine.any():
            assert table.iloc[group, 2:].isna().all()
            continue
        quantile, curve = slow(t[mine].tolist(), seen[mine].tolist(), share)
        np.testing.assert_equal(table.iloc[group, 2], quantile)
        np.testing.assert_allclose(table["mean"].iloc[group], slow_mean(curve, horizon), rtol=1e-9, atol=1e-9)


@settings(max_examples=30, deadline=None)
@given(values=st.lists(st.floats(0, 1e6), min_size=1, max_size=40), seed=st.integers(0, 99))
def test_without_censoring_it_is_the_plain_sample(values, seed):
    t = np.random.default_rng(seed).permutation(values)
    row = kaplan_meier(t, np.ones(len(t), bool)).iloc[0]
    assert row["mean"] == pytest.approx(np.mean(t), rel=1e-6, abs=1e-6)
    assert row["q50"] == pytest.approx(np.median(t), rel=1e-12)


def test_the_median_of_an_even_number_lies_half_way():
    assert kaplan_meier([1.0, 9.0], [True, True])["q50"].iloc[0] == 5.0
    # flat at one half between 2 and 4, though one was lost sight of at 3 (survfit of R gives 3 as well)
    assert kaplan_meier([1.0, 2.0, 3.0, 4.0], [True, True, False, True])["q50"].iloc[0] == 3.0
    # nothing falls below one half any more: the first time at which it is reached
    assert kaplan_meier([1.0, 9.0], [True, False])["q50"].iloc[0] == 1.0
    assert kaplan_meier(np.arange(1.0, 11.0), np.ones(10, bool))["q90"].iloc[0] == 9.5


def test_a_curve_that_does_not_come_down_has_no_quantile_and_no_mean():
    row = kaplan_meier([1.0, 5.0, 5.0], [True, False, False]).iloc[0]
    assert row[["q50", "q90", "mean", "hi"]].isna().all()
    assert kaplan_meier([1.0, 5.0, 5.0], [True, False, False], horizon=4.0)["mean"].iloc[0] == pytest.approx(3.0)


def test_open_cases_make_the_median_longer_than_that_of_the_finished():
    t, seen = np.array([1.0, 2, 3, 9, 9, 9]), np.array([1, 1, 1, 0, 0, 1], bool)
    assert kaplan_meier(t, seen)["q50"].iloc[0] > kaplan_meier(t[seen], seen[seen])["q50"].iloc[0]


def test_nothing_and_missing_durations():
    assert kaplan_meier([], [], n_groups=2)["n"].tolist() == [0, 0]
    assert kaplan_meier([np.nan, 2.0], [True, True])["n"].tolist() == [1]


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (([1.0, -2.0], [True, True]), "row 2"),
        (([1.0], [True, False]), "equally long"),
        (([1.0], [True], [3]), None),
    ],
)
def test_faults_are_named(arguments, word):
    if word is None:
        with pytest.raises(InputError, match="group"):
            kaplan_meier(*arguments, n_groups=2)
        return
    with pytest.raises(InputError, match=word):
        kaplan_meier(*arguments)


def test_many_groups_in_one_call_are_the_groups_one_by_one():
    rng = np.random.default_rng(1)
    t, seen, g = rng.exponential(10, 4000), rng.random(4000) < 0.7, rng.integers(0, 90, 4000)
    table = kaplan_meier(t, seen, g, horizon=20.0)
    single = pd.concat([kaplan_meier(t[g == k], seen[g == k], horizon=20.0) for k in range(90)], ignore_index=True)
    pd.testing.assert_frame_equal(table, single, rtol=1e-9)
