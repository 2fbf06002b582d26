"""Work that changed hands: a stop is found, a holiday and a small share are none, and nothing later is looked at."""

import numpy as np
import pandas as pd
import pytest
from deskcast.models.comparison.handovers import find_handovers
from hypothesis import given, settings
from hypothesis import strategies as st

BEGIN = pd.Timestamp("2025-01-06")


def make_work(seed, stop, weeks=40, shares=(0.5, 0.3, 0.2), a_week=20, group="A2", pause=None):
    """Return pieces of work of three owners; the first stops in a week, or pauses for two."""
    dice = np.random.default_rng(seed)
    at = BEGIN + pd.to_timedelta(np.sort(dice.integers(0, weeks * 7 * 24, weeks * a_week)), unit="h")
    owner = dice.choice(["Ana", "Ben", "Cid"], len(at), p=shares)
    week = (at - BEGIN).days // 7
    away = (week >= stop) if pause is None else (week >= stop) & (week < stop + pause)
    owner = np.where((owner == "Ana") & away, "Ben", owner)
    return pd.DataFrame({"at": at, "owner": owner, "group": group})


@given(st.integers(0, 500), st.integers(14, 34))
@settings(max_examples=12)
def test_a_stop_is_found_to_the_week_with_share_and_heir(seed, stop):
    rows = make_work(seed, stop)
    found = find_handovers(rows, BEGIN + pd.Timedelta(weeks=40))
    assert found[["owner", "heir", "scope"]].values.tolist() == [["Ana", "Ben", "everywhere"]]
    assert found["share"].iloc[0] == pytest.approx(0.5, abs=0.12)
    assert found["last_at"].iloc[0] == rows.loc[rows["owner"] == "Ana", "at"].max()


def test_a_holiday_a_small_share_and_a_single_piece_of_work_are_no_hand_over():
    end = BEGIN + pd.Timedelta(weeks=40)
    assert find_handovers(make_work(1, 20, pause=3), end).empty
    assert find_handovers(make_work(2, 20, shares=(0.02, 0.5, 0.48)), end).empty
    once = pd.DataFrame({"at": [BEGIN], "owner": ["Dan"], "group": ["A2"]})
    assert find_handovers(pd.concat([once, make_work(3, 50)]), end).empty


def test_only_the_group_that_was_given_up_is_named():
    rows = pd.concat([make_work(4, 20), make_work(5, 99, group="A3")])
    found = find_handovers(rows, BEGIN + pd.Timedelta(weeks=40))
    assert found[["group", "owner", "scope"]].values.tolist() == [["A2", "Ana", "this group"]]


def test_what_comes_later_changes_nothing():
    rows = make_work(6, 25)
    then = BEGIN + pd.Timedelta(weeks=32)
    pd.testing.assert_frame_equal(find_handovers(rows, then), find_handovers(rows[rows["at"] <= then], then))
    assert find_handovers(rows, BEGIN + pd.Timedelta(weeks=24)).empty
