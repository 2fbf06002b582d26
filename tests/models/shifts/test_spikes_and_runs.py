"""A single value that is followed by a run: it stays a spike unless the run is of its size."""

import numpy as np
import pandas as pd
import pytest
from deskcast.models.shifts.detect import detect_shifts
from hypothesis import given, settings
from hypothesis import strategies as st

DAYS = pd.date_range("2025-01-06", periods=200, unit="us")
DAY = 140


def cases(level, spike, seed, since=DAY + 1, until=None, base=30.0):
    """Return daily cases that run at ``level`` times their usual number after a day with ``spike`` times it."""
    mean = np.full(len(DAYS), base)
    mean[since:until] *= level
    value = np.random.default_rng(seed).poisson(mean).astype(float)
    value[DAY] = round(base * spike)
    return pd.DataFrame({"kpi": "cases_opened", "ds": DAYS, "value": value})


def found_about(history, first=DAY, last=DAY):
    found = detect_shifts(history)
    return found[found["started_at"].between(DAYS[first], DAYS[last])]


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 40), st.sampled_from([1.0, 1.1, 1.2]), st.sampled_from([0, -12]), st.sampled_from([4.0, 5.0]))
def test_a_day_of_many_cases_stays_a_day_whatever_little_follows(seed, level, before, spike):
    history = cases(level, spike, seed, since=DAY + 1 + before)
    day = found_about(history)
    assert day[["kind", "direction", "state"]].to_numpy().tolist() == [["spike", "up", "back to normal"]]
    assert day["after"].iloc[0] == round(30 * spike)
    assert day["before"].iloc[0] < 45
    shifts = found_about(history, DAY - 25, DAY + 40)
    shifts = shifts[(shifts["kind"] == "level_shift") & (shifts["direction"] == "up")]
    assert (shifts["after"] < 45).all()  # no figure of what followed, or went before, holds the day
    assert (shifts["changed_at"] != DAYS[DAY]).all()


@pytest.mark.parametrize("seed", range(3))
def test_a_run_that_stands_by_itself_is_a_level_shift_after_the_spike(seed):
    after = found_about(cases(1.6, 6.0, seed), DAY + 1, DAY + 3)
    assert after[["kind", "direction"]].to_numpy().tolist() == [["level_shift", "up"]]
    assert after["after"].iloc[0] == pytest.approx(48, rel=0.1)
    assert found_about(cases(1.6, 6.0, seed))["kind"].tolist() == ["spike"]


@pytest.mark.parametrize("level", [2.5, 4.0])
def test_a_first_day_of_the_size_of_the_rest_is_no_change_of_its_own(level):
    found = found_about(cases(level, level, 1, since=DAY), DAY - 3, DAY + 3)
    assert found[["kind", "direction"]].to_numpy().tolist() == [["level_shift", "up"]]


@pytest.mark.parametrize("seed", [1, 6, 8, 10])
def test_a_new_level_goes_on_and_is_learnt_without_the_one_day_that_stood_out(seed):
    """Four weeks after a rise its level is taken as usual: a day of an outage in them must not make it look higher."""
    found = found_about(cases(1.35, 5.0, seed, since=DAY - 19), DAY - 21, DAY + 30)
    assert "down" not in set(found["direction"])
    states = found.groupby("kind")["state"].agg(list).to_dict()
    assert states == {"spike": ["back to changed level"], "level_shift": ["become usual"]}
