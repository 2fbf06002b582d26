"""Changes of level that are days old."""

import numpy as np
import pytest
from deskcast.forecasting.methods.fresh_shifts import find_fresh_shifts
from hypothesis import given, settings
from hypothesis import strategies as st

WEEK = np.array([1.6, 1.5, 1.4, 1.3, 1.2])  # with a small weekend, a mean of 1.14 of a day


def roots(seed, days=400):
    """Roots of the ratio to the usual, with a level that wanders, and what each day says."""
    rng = np.random.default_rng(seed)
    level = np.zeros(days)
    for day in range(1, days):
        level[day] = 0.8 * level[day - 1] + rng.normal(0, 0.015)
    evidence = np.append(WEEK, [0.3, 0.2])[np.arange(days) % 7]
    return 1.0 + level + rng.normal(0, 0.03, days), evidence


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000), st.integers(5, 10), st.sampled_from([0.6, 0.75, 1.3]), st.integers(380, 400))
def test_a_change_is_found_within_days(seed, since, ratio, days):
    z, evidence = roots(seed, days)
    z[-since:] *= ratio
    found = find_fresh_shifts(z[None, :], evidence[None, :])
    assert [row for row, _, _ in found] == [0]
    # what is only days old is not believed in full
    assert min(1.0, ratio) < found[0][2] < max(1.0, ratio) or found[0][2] == pytest.approx(ratio, rel=0.08)
    assert abs(found[0][1] - (days - since)) <= 3


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([0.5, 1.4, 1.7]), st.integers(0, 6), st.integers(1, 2))
def test_one_odd_day_or_weekend_is_no_change(seed, ratio, weekday, odd):
    z, evidence = roots(seed, 393 + weekday)
    z[-odd:] *= ratio
    assert find_fresh_shifts(z[None, :], evidence[None, :]) == []


def test_chance_finds_nearly_nothing():
    rows = [roots(seed) for seed in range(200)]
    assert len(find_fresh_shifts(np.stack([z for z, _ in rows]), np.stack([e for _, e in rows]))) <= 4


def test_a_batch_of_some_days_and_days_that_tell_nothing_are_no_change():
    z, evidence = roots(1)
    batch = z.copy()
    batch[-6:] *= 2.5
    assert find_fresh_shifts(batch[None, :], evidence[None, :]) == []
    fall = z.copy()
    fall[-6:] *= 0.5
    assert find_fresh_shifts(fall[None, :], np.where(np.arange(400) < 394, evidence, 0.0)[None, :]) == []


def test_what_came_a_year_ago_is_the_season():
    z, evidence = roots(2, 800)
    z[-6:] *= 0.6
    z[-6 - 364 : -364] *= 0.6
    assert find_fresh_shifts(z[None, :], evidence[None, :]) == []


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000))
def test_each_series_is_judged_alone(seed):
    rng = np.random.default_rng(seed)
    z, evidence = (np.stack(each) for each in zip(*[roots(seed + i) for i in range(12)], strict=True))
    for row, since in enumerate(rng.integers(0, 15, 12)):
        z[row, len(z[row]) - since :] *= rng.uniform(0.4, 1.4)
    z[rng.uniform(size=z.shape) < 0.05] = np.nan
    z[3], evidence[4] = np.nan, 0.0
    together = find_fresh_shifts(z, evidence)
    alone = [(i, *found[1:]) for i in range(12) for found in find_fresh_shifts(z[i : i + 1], evidence[i : i + 1])]
    assert together == alone
