"""Goals looked at again: which one was in force, and what many periods say of it."""

import numpy as np
import pandas as pd
import pytest
from deskcast.features.kpis.availability import KPI_CATALOGUE
from deskcast.features.kpis.purposes import PURPOSES, find_purposes
from deskcast.models.goal_review import MIN_PERIODS, GoalVersion, find_goal_of_period, is_met, review_goal
from hypothesis import given, settings
from hypothesis import strategies as st

NAN = float("nan")
DAY = pd.Timestamp("2026-01-01")


def periods(values, target=0.8, before=NAN, better="higher"):
    return pd.DataFrame({"value": values, "target": target, "before": before, "better": better})


@pytest.mark.parametrize(
    ("values", "more", "verdict"),
    [
        ([0.81] * 5, {}, "always met"),
        ([0.81] * 4, {}, "too few periods"),
        ([0.79] * 5, {}, "never met"),
        ([0.5, 0.9, 0.79, 0.79, 0.79, 0.79, 0.79], {}, "never met"),  # the last five count
        ([0.79, 0.81, 0.79, 0.79, 0.79], {}, "fits"),
        ([0.79] * 5, {"better": "lower"}, "always met"),
        ([0.79, 0.81, 0.79, 0.79, 0.81], {"before": 0.85}, "met by a move of the goal"),
        ([0.79, 0.81, 0.79, 0.79, 0.81], {"before": 0.75}, "fits"),  # moved the hard way
        ([NAN] * 6, {}, "too few periods"),  # what is not known was neither met nor missed
    ],
)
def test_verdicts(values, more, verdict):
    assert review_goal(periods(values, **more))[0] == verdict


def test_a_goal_bought_with_another_kpi_is_said_whatever_else_it_is():
    assert review_goal(periods([0.9] * 6), ["csat"]) == ("bought with another KPI", 0.9)


def test_a_goal_met_every_second_time_is_seldom_called_always_or_never_met():
    dice = np.random.default_rng(1)
    found = [review_goal(periods(np.where(dice.random(MIN_PERIODS) < 0.5, 0.9, 0.7)))[0] for _ in range(400)]
    assert sum(verdict != "fits" for verdict in found) / 400 < 0.1  # 2 x 3 %


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 300), st.floats(0, 1)), min_size=1, max_size=5, unique_by=lambda one: one[0]),
    st.integers(0, 330),
)
def test_the_goal_of_a_period_is_the_newest_that_held_when_it_began(given_versions, start):
    versions = [GoalVersion(target, DAY + pd.Timedelta(days=since)) for since, target in given_versions]
    begin, end = DAY + pd.Timedelta(days=start), DAY + pd.Timedelta(days=start + 30)
    found = find_goal_of_period(versions, begin, end)
    held = [(since, target) for since, target in given_versions if since <= start]
    later = [(since, target) for since, target in given_versions if start < since <= start + 30]
    wanted = max(held)[1] if held else min(later)[1] if later else None
    assert (None if found is None else found.target) == wanted
    if found is not None and not np.isnan(found.before):
        assert found.before != found.target
        assert found.moved_on <= begin


def test_met_is_by_direction_and_holds_at_the_target():
    assert [is_met(v, 0.8, b) for v in (0.79, 0.8, 0.81) for b in ("higher", "lower")] == [
        *(False, True, True, True, True, False),
    ]


def test_every_kpi_that_serves_a_purpose_is_in_the_catalogue_once_a_purpose():
    for kpis in PURPOSES.values():
        assert set(kpis) <= set(KPI_CATALOGUE)
        assert len(set(kpis)) == len(kpis)
    assert {find_purposes(kpi) for kpi in ("cases_opened", "contacts_offered", "no such KPI")} == {()}
