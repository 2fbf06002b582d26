"""The list of the morning: who comes first, why and what to do, and what is broken already."""

import numpy as np
import pandas as pd
import pytest
from deskcast.features.errors import InputError
from deskcast.models.risk.breach import BreachRisk
from deskcast.models.worklist.ranking import (
    ANY_NAME,
    BREACHED_COLUMNS,
    RISK_COLUMNS,
    RISK_LEVELS,
    SUGGESTED_ACTIONS,
    action_for,
    assign_risk_levels,
    rank_cases,
)
from risk_frames import risk_frames


def last(snapshots):
    return snapshots[snapshots["at"] == snapshots["at"].max()].reset_index(drop=True)


@pytest.fixture(scope="module")
def desk():
    snapshots, labels, _ = risk_frames(cases=3000)
    return last(snapshots), BreachRisk().fit(snapshots, labels)


def test_every_open_case_is_in_exactly_one_of_the_lists(desk):
    now, risk = desk
    at_risk, broken = rank_cases(now, risk)
    assert list(at_risk.columns) == list(RISK_COLUMNS)
    assert list(broken.columns) == list(BREACHED_COLUMNS)
    assert sorted([*at_risk["case_id"], *broken["case_id"]]) == sorted(now["case_id"])
    assert set(broken["case_id"]) == set(now.loc[now["already_breached"].astype(bool), "case_id"])


def test_the_list_is_ordered_and_its_probabilities_are_those_of_the_model(desk):
    now, risk = desk
    at_risk, broken = rank_cases(now, risk)
    assert at_risk["rank"].tolist() == list(range(1, len(at_risk) + 1))
    assert at_risk["probability"].is_monotonic_decreasing
    mine = pd.Series(risk.risk(now), index=now["case_id"])
    assert np.array_equal(at_risk["probability"], mine[at_risk["case_id"]])
    assert broken["overdue_s"].is_monotonic_decreasing
    assert (broken["overdue_s"] >= 0).all()


def test_the_order_of_the_input_changes_nothing(desk):
    now, risk = desk
    for one, two in zip(rank_cases(now, risk), rank_cases(now.sample(frac=1, random_state=0), risk), strict=True):
        pd.testing.assert_frame_equal(one, two)


def test_top_keeps_the_head_of_the_list_and_all_that_is_broken(desk):
    now, risk = desk
    whole, broken = rank_cases(now, risk)
    head, also_broken = rank_cases(now, risk, top=3)
    pd.testing.assert_frame_equal(head, whole.head(3))
    pd.testing.assert_frame_equal(also_broken, broken)
    assert rank_cases(now, risk, top=0)[0].empty


def test_ties_are_broken_by_due_time_then_by_age_and_then_by_case():
    snapshots, labels, _ = risk_frames(cases=50)
    now = last(snapshots).drop(columns=["already_breached"])
    now["due_at"] = now["due_at"].max()
    now["age_s"], now["target_used"], now["left_s"] = 60.0, 0.5, 100.0
    now.loc[len(now) - 1, "due_at"] -= pd.Timedelta(days=1)
    at_risk, broken = rank_cases(now, BreachRisk().fit(snapshots, labels))
    assert broken.empty
    assert at_risk["case_id"].tolist() == [now["case_id"].iloc[-1], *sorted(now["case_id"].iloc[:-1])]
    assert at_risk["probability"].nunique() == 1
    assert (at_risk["reason_2"] == "").all()
    bare = now.assign(age_s=np.arange(len(now)), due_at=now["due_at"].mask(now["age_s"] > 0))
    aged, _ = rank_cases(bare, BreachRisk().fit(snapshots, labels))
    assert aged["age_s"].is_monotonic_decreasing


@pytest.mark.parametrize(
    ("p", "band"),
    [(0, "low"), (0.199, "low"), (0.2, "medium"), (0.5, "high"), (0.8, "very high"), (1, "very high")],
)
def test_bands(p, band):
    assert assign_risk_levels([p]).tolist() == [band]


def test_the_action_follows_the_leading_reason_and_can_be_set(desk):
    now, risk = desk
    at_risk, _ = rank_cases(now, risk)
    assert (at_risk["action"] != "").all()
    assert (at_risk.loc[at_risk["risk_level"] == "low", "action"] == "none").all()
    mine, _ = rank_cases(now, risk, actions={"team": {"any": "call the team lead"}})
    led = mine["reason_1"].str.match(r"team \w+$")
    assert led.any()
    assert (mine.loc[led, "action"] == "call the team lead").all()
    assert mine.loc[~led, "action"].tolist() == at_risk.loc[~led, "action"].tolist()


def test_every_band_of_every_group_has_an_action():
    for group in (*SUGGESTED_ACTIONS, "region"):
        for band in RISK_LEVELS:
            assert action_for(SUGGESTED_ACTIONS, group, band) != "none" or band == "low"
    assert action_for({}, "team", "high") == "none"
    assert action_for({ANY_NAME: {"any": "look"}}, "team", "high") == "look"
    assert action_for(SUGGESTED_ACTIONS, "reply", "very high") == "reply to the customer now"


def test_a_promise_without_a_due_time_is_ranked_with_what_is_not_known_missing():
    snapshots, labels, _ = risk_frames(cases=1500, due=False)
    bare = snapshots.drop(columns=["due_at", "left_s", "target_used", "already_breached", "paused"])
    at_risk, broken = rank_cases(last(bare), BreachRisk().fit(bare, labels), top=5)
    assert len(at_risk) == 5
    assert broken.empty
    assert at_risk[["due_at", "left_s", "paused"]].isna().all(axis=None)
    assert str(at_risk["due_at"].dtype) == "datetime64[us, UTC]"


def test_a_case_without_a_promise_is_in_neither_list(desk):
    now, risk = desk
    none = now["case_id"].isin(now["case_id"].head(2))
    at_risk, broken = rank_cases(now.assign(already_breached=now["already_breached"].mask(none)), risk)
    assert len(at_risk) + len(broken) == len(now) - 2


def test_no_open_case_gives_two_empty_lists(desk):
    now, risk = desk
    at_risk, broken = rank_cases(now.iloc[:0], risk)
    assert list(at_risk.columns) == list(RISK_COLUMNS)
    assert at_risk.empty
    assert broken.empty


def test_misuse_is_named(desk):
    now, risk = desk
    with pytest.raises(InputError, match="the list is for one instant; got '2 instants'"):
        rank_cases(pd.concat([now, now.assign(at=now["at"] - pd.Timedelta(days=1))]), risk)
    with pytest.raises(InputError, match="duplicate case"):
        rank_cases(pd.concat([now, now]), risk)
    with pytest.raises(InputError, match=r"unknown group of reasons.*did you mean 'team'"):
        rank_cases(now, risk, actions={"teem": {"high": "x"}})
    with pytest.raises(InputError, match=r"unknown risk level.*did you mean 'high'"):
        rank_cases(now, risk, actions={"team": {"hihg": "x"}})
    with pytest.raises(InputError, match="column 'top'"):
        rank_cases(now, risk, top=-1)
    with pytest.raises(InputError, match="snapshots: column 'at'"):
        rank_cases(now.drop(columns="at"), risk)
