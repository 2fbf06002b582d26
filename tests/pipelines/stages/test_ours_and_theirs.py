"""Ours beside the system's own figures: how many agree, by how much the others differ, and the reason found by test."""

import pandas as pd
import pytest
from deskcast.features.calendars.business_calendar import BusinessCalendar
from deskcast.features.case_log.log import CaseLog
from deskcast.pipelines.stages.ours_and_theirs import compare_with_system, sentences_of_comparison

N = 20
#: Fridays at 16:00, some weeks: the clock on the wall and that of the office go apart over the weekend.
OPENED = pd.date_range("2024-03-01T16:00Z", periods=N, freq="7D")
TOOK_H = pd.Series([3.0 + 24 * (i % 4) + i % 3 for i in range(N)])
OFFICE = BusinessCalendar.from_hours("UTC", {"mon-fri": ["09:00-17:00"]})


def ends_of(hours):
    return OPENED + pd.to_timedelta(hours, unit="h")


def log_of(events, calendars=None, **theirs):
    ids = [str(i) for i in range(N)]
    cases = pd.DataFrame({"case_id": ids, "created_at": OPENED, **theirs})
    told = pd.concat([pd.DataFrame({"case_id": ids, **e}) for e in events])
    return CaseLog.from_frames(cases=cases, events=told, calendars=calendars or {})


RESOLVED = {"at": ends_of(TOOK_H), "kind": "resolved"}


def only(log):
    table = compare_with_system(log)
    assert len(table) == 1, table
    return table.iloc[0]


def test_figures_that_agree_are_said_to_agree():
    row = only(log_of([RESOLVED], their_resolution_s=TOOK_H.to_numpy() * 3600 + 20))
    assert (row["compared"], row["agree"], row["likely_reason"]) == (N, N, "")
    assert row["median_difference"] == pytest.approx(-20)


@pytest.mark.parametrize("configured", [True, False])
def test_business_hours_are_found(configured):
    worked = OFFICE.seconds_between(OPENED, ends_of(TOOK_H))
    calendars = {"office": OFFICE} if configured else None
    row = only(log_of([RESOLVED], calendars, their_resolution_s=worked))
    assert row["agree"] < N
    assert row["explained"] == N - row["agree"]
    assert row["likely_reason"].startswith("business hours")
    assert ("'office'" in row["likely_reason"]) == configured
    assert row["median_of_differing"] > 0
    assert row["examples"].count("case ") == 3


def test_the_first_resolution_and_pauses_and_units_are_found():
    again = {"at": ends_of(TOOK_H + 10), "kind": "reopened"}
    last = {"at": ends_of(TOOK_H + 40), "kind": "resolved"}
    row = only(log_of([RESOLVED, again, last], their_resolution_s=TOOK_H.to_numpy() * 3600))
    assert (row["likely_reason"], row["explained"]) == ("the first resolution", N)
    pause = {"at": ends_of(1.0), "kind": "paused"}
    resume = {"at": ends_of(2.5), "kind": "resumed"}
    row = only(log_of([pause, resume, RESOLVED], their_resolution_s=(TOOK_H.to_numpy() - 1.5) * 3600))
    assert (row["likely_reason"], row["explained"]) == ("time pending on the customer taken out", N)
    row = only(log_of([RESOLVED], their_resolution_s=TOOK_H.to_numpy() * 60))
    assert row["likely_reason"].startswith("another unit")
    assert row["explained"] == N
    assert "longer at the median" in sentences_of_comparison(pd.DataFrame([row]))[0]


def test_what_nothing_explains_has_no_reason():
    odd = TOOK_H.to_numpy() * 3600 + 777 * (1 + pd.Series(range(N)).to_numpy())
    row = only(log_of([RESOLVED], their_resolution_s=odd))
    assert row["likely_reason"] == ""
    assert "no reason found" in row["examples"]


def test_counts_that_take_the_first_assignment_for_one_are_found():
    to_team = {"kind": "assigned", "field": "team"}
    given = [to_team | {"at": ends_of(h), "new": team, "team": team} for h, team in ((0.1, "a"), (0.5, "b"))]
    row = only(log_of([*given, RESOLVED], their_transfers=2.0))
    assert (row["agree"], row["likely_reason"]) == (0, "the first assignment counts too")
    row = only(log_of([*given, RESOLVED], their_transfers=1.0))
    assert row["agree"] == N


def test_a_flag_of_the_cases_is_held_against_the_targets():
    policies = pd.DataFrame(
        {"policy": ["p"], "metric": ["resolution"], "target_s": [30 * 3600.0], "clock": ["calendar"]}
    )
    ids = [str(i) for i in range(N)]
    cases = pd.DataFrame({"case_id": ids, "created_at": OPENED, "their_sla_met": TOOK_H <= 30})
    events = pd.DataFrame({"case_id": ids, **RESOLVED})
    row = only(CaseLog.from_frames(cases=cases, events=events, sla_policies=policies))
    assert (row["figure"], row["compared"], row["agree"]) == ("sla_met (resolution)", N, N)


def test_due_times_are_held_against_targets_of_the_same_metric():
    policies = pd.DataFrame(
        {"policy": ["p"], "metric": ["resolution"], "target_s": [30 * 3600.0], "clock": ["calendar"]}
    )
    ids = [str(i) for i in range(N)]
    frames = {"cases": pd.DataFrame({"case_id": ids, "created_at": OPENED}), "sla_policies": policies}
    frames["events"] = pd.DataFrame({"case_id": ids, **RESOLVED})
    frames["due_times"] = pd.DataFrame({"case_id": ids, "metric": "resolution", "due_at": ends_of(60.0)})
    row = only(CaseLog.from_frames(**frames))
    late = int(((TOOK_H > 30) != (TOOK_H > 60)).sum())
    assert (row["figure"], row["agree"]) == ("due time (resolution)", N - late)
    assert row["median_difference"] == -30 * 3600.0


@pytest.mark.parametrize("figure", ["agent_messages", "reopens", "transfers", "pending_s"])
def test_what_a_table_of_cases_cannot_tell_is_not_held_against_the_system(figure):
    theirs = {f"their_{figure}": [float(i % 4) for i in range(N)]}
    reply = {"at": ends_of(1.0), "kind": "message", "actor_role": "agent"}
    assert compare_with_system(log_of([RESOLVED, reply], **theirs)).empty
