"""The history of a case: against a slow twin, against hand-made cases, and without peeking."""

import numpy as np
import pandas as pd
import pytest
from case_twin import slow_history
from deskcast.features.case_log.log import CaseLog
from deskcast.features.case_log.schema import DERIVED_COLUMNS
from deskcast.features.cases.facts import case_history_expr
from deskcast.features.cases.history import case_history
from hypothesis import given, settings
from hypothesis import strategies as st
from logs import random_log

AT = "2024-03-01T{:02d}:00Z"


def told(*events, **case):
    """One case, created at 0 h, and its events as (hour, kind, further columns)."""
    rows = [{"case_id": "1", "at": AT.format(h), "kind": kind} | (more[0] if more else {}) for h, kind, *more in events]
    cases = pd.DataFrame([{"case_id": "1", "created_at": AT.format(0)} | case])
    log = CaseLog.from_frames(cases=cases, events=pd.DataFrame(rows), until=AT.format(23))
    return case_history(log).iloc[0]


def agree(fast: pd.DataFrame, slow: pd.DataFrame) -> None:
    for column in slow.columns:
        a, b = fast[column], slow[column]
        if str(a.dtype).startswith("datetime"):
            pd.testing.assert_series_equal(a, pd.to_datetime(b, utc=True).astype(a.dtype), check_names=False)
        elif a.dtype == "float64":
            np.testing.assert_allclose(a.to_numpy(), b.to_numpy(dtype=float), atol=1e-6, err_msg=column)
        else:
            assert [None if pd.isna(x) else x for x in a] == [None if pd.isna(x) else x for x in b], column


@pytest.mark.parametrize("seed", range(4))
def test_agrees_with_the_slow_twin(seed):
    frames = random_log(seed, 80)
    log = CaseLog.from_frames(**frames)
    agree(case_history(log), slow_history(frames, log.until))


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 10_000), cut=st.integers(1, 39))
def test_the_log_as_of_an_instant_is_the_log_cut_there(seed, cut):
    frames = random_log(seed, 25)
    at = pd.Timestamp("2024-03-10T00:00Z") + pd.Timedelta(days=cut)
    then = CaseLog.from_frames(**frames).as_of(at)
    cut_frames = {
        "cases": frames["cases"][frames["cases"]["created_at"] <= at],
        "events": frames["events"][frames["events"]["at"] <= at],
    }
    fast = case_history(then)
    assert len(fast) == len(cut_frames["cases"])
    if fast.empty:
        return
    slow = slow_history(cut_frames, then.until)
    counts = [c for c in DERIVED_COLUMNS if c in slow and fast[c].dtype == "Int64"]
    slow[counts] = slow[counts].where(fast[counts].notna())  # a kind that had not yet occurred is not known
    waits = ["pending_s", "on_hold_s"]
    agree(fast, slow.drop(columns=[] if fast["pending_s"].notna().any() else waits))


@pytest.mark.slow
@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_the_order_of_rows_does_not_matter(seed):
    frames = random_log(seed, 25)
    mixed = {name: frame.sample(frac=1, random_state=seed) for name, frame in frames.items()}
    a, b = case_history(CaseLog.from_frames(**frames)), case_history(CaseLog.from_frames(**mixed))
    pd.testing.assert_frame_equal(a, b)


def test_resolution_is_the_first_end_after_the_last_reopening():
    case = told((1, "resolved"), (2, "closed"), (3, "reopened"), (5, "resolved"), (9, "closed"))
    assert case["resolution_s"] == 5 * 3600
    assert case["first_resolved_at"] == pd.Timestamp(AT.format(1))
    assert case["closed_at"] == pd.Timestamp(AT.format(9))
    assert (case["reopens"], case["is_open"]) == (1, False)


def test_a_case_closed_without_being_resolved_is_resolved_then():
    assert told((4, "closed"))["resolution_s"] == 4 * 3600


def test_a_merge_ends_a_case_without_a_resolution():
    case = told((4, "merged"), (5, "closed"))
    assert pd.isna(case["resolved_at"])
    assert pd.isna(case["resolution_s"])
    assert (case["age_s"], case["is_open"]) == (4 * 3600, False)


def test_a_merge_after_the_resolution_changes_nothing():
    case = told((4, "resolved"), (5, "merged"))
    assert (case["resolution_s"], case["age_s"]) == (4 * 3600, 4 * 3600)
    assert pd.isna(case["merged_at"])


def test_an_open_case_has_an_age_and_no_resolution():
    case = told((4, "resolved"), (5, "reopened"))
    assert pd.isna(case["resolution_s"])
    assert (case["age_s"], case["is_open"]) == (23 * 3600, True)


def test_only_a_public_message_of_a_human_agent_is_a_response():
    case = told(
        (1, "message", {"actor_role": "bot", "public": True}),
        (2, "message", {"actor_role": "agent", "public": False}),
        (3, "message", {"actor_role": "agent"}),
        (4, "message", {"actor_role": "customer", "public": True}),
        (6, "message", {"actor_role": "agent", "public": True}),
    )
    assert case["first_response_s"] == 6 * 3600
    assert (case["agent_messages"], case["customer_messages"]) == (1, 1)


def test_messages_count_as_public_where_no_event_says_so():
    case = told((3, "message", {"actor_role": "agent"}), (6, "message", {"actor_role": "agent"}))
    assert (case["first_response_s"], case["agent_messages"]) == (3 * 3600, 2)


def test_pauses_count_until_the_end_of_the_case():
    assert told((1, "paused"), (3, "resumed"), (5, "paused"), (8, "resolved"))["pending_s"] == 5 * 3600
    assert told((1, "paused"), (2, "paused"))["pending_s"] == 22 * 3600
    assert told((1, "resolved"), (2, "paused"), (4, "resumed"))["pending_s"] == 0


def test_the_first_assignment_is_no_transfer_and_the_same_team_is_none():
    case = told(
        (1, "assigned", {"team": "a"}),
        (2, "assigned", {"team": "a"}),
        (3, "assigned", {"team": None}),
        (4, "assigned", {"team": "b"}),
        team="z",
    )
    assert (case["transfers"], case["current_team"], case["team"]) == (1, "b", "z")


def test_what_a_log_cannot_know_is_missing_and_not_nought():
    case = told((4, "closed"))
    unknown = ["first_response_s", "customer_messages", "agent_messages", "transfers", "escalations", "agents"]
    unknown += ["reopens", "pending_s", "on_hold_s", "priority_changes"]
    assert case[unknown].isna().all()


@pytest.mark.parametrize("events", [None, pd.DataFrame({"case_id": [], "at": [], "kind": []}, dtype="str")])
def test_cases_without_events_have_no_history(events):
    cases = pd.DataFrame({"case_id": ["1"], "created_at": [AT.format(0)], "priority": ["2"]})
    tables = {"cases": cases} | ({} if events is None else {"events": events})
    frame = case_history(CaseLog.from_frames(**tables))
    assert frame.loc[0, "current_priority"] == "2"
    assert frame[["is_open", "resolved_at", "age_s", "reopens"]].isna().all(axis=None)
    assert [c for c in frame.columns if c in DERIVED_COLUMNS] == list(DERIVED_COLUMNS)


def test_the_expression_can_be_used_further():
    log = CaseLog.from_frames(**random_log(3, 30))
    expression = case_history_expr(log)
    counted = log.frame(expression.filter(expression.is_open).count().as_table()).iloc[0, 0]
    assert counted == case_history(log)["is_open"].sum() > 0


def test_a_hand_over_is_a_change_of_team_whatever_its_row_says():
    rows = [(1, "created", "A"), (2, "field", "B"), (3, "message", "B"), (4, "resolved", "C"), (5, "field", None)]
    one = told(*[(h, kind, {"team": team}) for h, kind, team in rows], team="A")
    assert (one["transfers"], one["current_team"]) == (2, "C")


def test_a_reopening_of_a_case_that_is_open_is_none():
    one = told((1, "reopened"), (2, "resolved"), (3, "reopened"), (4, "reopened"), (5, "closed"))
    assert (one["reopens"], one["resolution_s"], one["first_reopened_at"].hour) == (1, 5 * 3600, 3)
    assert told((1, "reopened"), (2, "resolved"))["reopens"] == 0


@pytest.mark.slow
@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000), share=st.floats(0.1, 1.0))
def test_teams_on_any_row_and_odd_reopenings_agree_with_the_slow_twin(seed, share):
    frames = random_log(seed, 15)
    events, rng = frames["events"], np.random.default_rng(seed)
    on = rng.random(len(events)) < share
    events["team"] = np.where(on, rng.choice(["A", "B", "C"], len(events)), None)
    events["kind"] = np.where(
        (rng.random(len(events)) < 0.2) & (events["kind"] == "status"), "reopened", events["kind"]
    )
    log = CaseLog.from_frames(**frames)
    fast, slow = case_history(log), slow_history(frames, log.until)
    known = [c for c in slow if not fast[c].isna().all()]
    agree(fast[known], slow[known])
