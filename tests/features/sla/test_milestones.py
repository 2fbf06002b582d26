"""Milestones: golden cases worked out by hand, against a slow twin, and what bad policies say."""

import clock_twin
import numpy as np
import pandas as pd
import pytest
from deskcast.features.calendars.business_calendar import BusinessCalendar
from deskcast.features.case_log.log import CaseLog
from deskcast.features.errors import InputError
from deskcast.features.labels.breach import breach_labels
from deskcast.features.sla.milestones import milestones
from deskcast.features.snapshots.snapshots import snapshots
from pandas.testing import assert_frame_equal
from promises import CALENDARS, policies, promised_log

H = 3600.0
LISBON = "Europe/Lisbon"
OFFICE = BusinessCalendar.from_hours(LISBON, {"mon-fri": ["09:00-18:00"]}, holidays=["2024-03-29"])


def local(text: str) -> pd.Timestamp:
    return pd.Timestamp(text, tz=LISBON).tz_convert("UTC")


def desk(created: str, events: list[tuple], until: str, *rows: dict, priority: str = "3") -> CaseLog:
    """Return a log of one case; events are (local time, kind[, new]); a reply is ('reply')."""
    base = {"policy": "p", "metric": "resolution", "priority": None, "target_s": 8 * H, "clock": "business",
            "calendar": "office", "pause_on": None, "valid_from": None}  # fmt: skip
    told = [
        {
            "case_id": "1",
            "seq": i,
            "at": local(at),
            "kind": "message" if kind == "reply" else kind,
            "new": new[0] if new else None,
            "field": "made_sla" if kind == "field" else None,
            "actor_role": "agent",
            "public": True,
        }
        for i, (at, kind, *new) in enumerate(events)
    ]
    empty = {c: pd.Series(dtype="str") for c in ("case_id", "kind", "new", "field", "actor_role")}
    frame = pd.DataFrame(told) if told else pd.DataFrame(empty | {"at": pd.Series(dtype="datetime64[us, UTC]")})
    return CaseLog.from_frames(
        cases=pd.DataFrame({"case_id": ["1"], "created_at": [local(created)], "priority": [priority]}),
        events=frame,
        sla_policies=pd.DataFrame([base | row for row in (rows or ({},))]),
        calendars={"office": OFFICE},
        until=local(until),
        timezone=LISBON,
    )


def only(log: CaseLog) -> pd.Series:
    found = milestones(log)
    assert len(found) == 1
    return found.iloc[0]


# --- by hand -------------------------------------------------------------------------------------------------------


def test_a_business_clock_over_a_weekend():
    one = only(desk("2024-03-01 16:00", [("2024-03-04 15:00", "resolved")], "2024-03-05 12:00"))
    assert one["elapsed_s"] == 8 * H  # two hours on Friday, six on Monday
    assert one["due_at"] == local("2024-03-04 15:00")
    assert (one["status"], one["decided_at"]) == ("met", local("2024-03-04 15:00"))  # met at the very instant


def test_a_business_clock_over_a_holiday_and_the_change_to_summer_time():
    one = only(desk("2024-03-28 16:00", [("2024-04-01 15:30", "resolved")], "2024-04-02 12:00"))
    assert one["due_at"] == local("2024-04-01 15:00") == pd.Timestamp("2024-04-01T14:00Z")
    assert one["elapsed_s"] == 8.5 * H
    assert (one["status"], one["decided_at"]) == ("breached", one["due_at"])


def test_a_calendar_clock_over_the_change_to_summer_time_counts_real_hours():
    spring = {"clock": "calendar", "calendar": None, "target_s": 24 * H}
    one = only(desk("2024-03-30 12:00", [("2024-03-31 12:30", "resolved")], "2024-04-02 12:00", spring))
    assert one["elapsed_s"] == 23.5 * H
    assert one["due_at"] == local("2024-03-31 13:00")
    assert one["status"] == "met"


def test_pauses_stop_the_clock_and_move_the_due_time():
    events = [("2024-03-04 11:00", "paused"), ("2024-03-05 10:00", "resumed"), ("2024-03-05 17:00", "resolved")]
    one = only(desk("2024-03-04 09:00", events, "2024-03-06 12:00"))
    assert one["due_at"] == local("2024-03-05 16:00")  # two hours used on Monday, six left from 10:00
    assert one["elapsed_s"] == 9 * H
    assert one["paused_s"] == (7 + 1) * H  # on the business clock: 11-18 on Monday, 9-10 on Tuesday
    assert one["status"] == "breached"


def test_while_paused_the_due_time_is_as_if_the_case_resumed_now():
    events = [("2024-03-04 11:00", "paused")]
    one = only(desk("2024-03-04 09:00", events, "2024-03-06 12:00"))
    assert one["status"] == "paused"
    assert one["due_at"] == local("2024-03-06 18:00")
    assert one["elapsed_s"] == 2 * H
    later = only(desk("2024-03-04 09:00", events, "2024-03-06 13:00"))
    assert later["due_at"] == local("2024-03-07 10:00")


def test_statuses_of_the_policy_pause_the_clock_and_then_events_do_not():
    events = [("2024-03-04 10:00", "paused"), ("2024-03-04 11:00", "status", "Pending"),
              ("2024-03-04 15:00", "status", "open"), ("2024-03-04 17:00", "resolved")]  # fmt: skip
    by_status = only(desk("2024-03-04 09:00", events, "2024-03-05 12:00", {"pause_on": "pending, on hold"}))
    assert by_status["elapsed_s"] == 4 * H
    by_event = only(desk("2024-03-04 09:00", events, "2024-03-05 12:00"))
    assert by_event["elapsed_s"] == 1 * H


def test_reopening_starts_a_new_cycle_on_the_same_clock():
    events = [("2024-03-04 14:00", "resolved"), ("2024-03-06 09:00", "reopened"), ("2024-03-06 13:00", "resolved")]
    found = milestones(desk("2024-03-04 09:00", events, "2024-03-07 12:00"))
    assert found["cycle"].tolist() == [1, 2]
    assert found["status"].tolist() == ["met", "breached"]
    assert found["elapsed_s"].tolist() == [5 * H, 9 * H]
    assert found["due_at"].tolist() == [local("2024-03-04 17:00"), local("2024-03-06 12:00")]
    assert found["paused_s"].tolist() == [0, (4 + 9) * H]


def test_a_raised_priority_tightens_the_target_and_keeps_the_time_that_has_run():
    rows = {"priority": "1", "target_s": 4 * H}, {"priority": "3", "target_s": 8 * H}
    before = only(desk("2024-03-04 09:00", [], "2024-03-04 14:59", *rows))
    assert (before["status"], before["due_at"]) == ("running", local("2024-03-04 17:00"))
    raised = [("2024-03-04 15:00", "priority", "1")]
    after = only(desk("2024-03-04 09:00", raised, "2024-03-04 15:00", *rows))
    # the new target had passed at 13:00, which was known at 15:00
    assert (after["status"], after["due_at"]) == ("breached", local("2024-03-04 13:00"))
    assert (after["target_s"], after["decided_at"]) == (4 * H, local("2024-03-04 15:00"))


def test_a_raise_at_the_instant_of_the_resolution_breaks_nothing():
    rows = {"priority": "1", "target_s": 4 * H}, {"priority": "3", "target_s": 8 * H}
    events = [("2024-03-04 15:00", "priority", "1"), ("2024-03-04 15:00", "resolved")]
    assert only(desk("2024-03-04 09:00", events, "2024-03-05 12:00", *rows))["status"] == "met"


def test_a_broken_promise_stays_broken_when_the_priority_is_lowered():
    rows = {"priority": "1", "target_s": 4 * H}, {"priority": "3", "target_s": 8 * H}
    events = [("2024-03-04 14:00", "priority", "3"), ("2024-03-04 15:00", "resolved")]
    one = only(desk("2024-03-04 09:00", events, "2024-03-05 12:00", *rows, priority="1"))
    assert (one["status"], one["decided_at"]) == ("breached", local("2024-03-04 13:00"))
    in_time = [("2024-03-04 12:00", "priority", "3"), ("2024-03-04 15:00", "resolved")]
    assert only(desk("2024-03-04 09:00", in_time, "2024-03-05 12:00", *rows, priority="1"))["status"] == "met"


def test_the_version_in_force_at_creation_holds_and_an_exact_priority_goes_before_any():
    rows = (
        {"policy": "any", "target_s": 1 * H},
        {"policy": "three", "priority": "3", "target_s": 6 * H},
        {"policy": "three", "priority": "3", "target_s": 7 * H, "valid_from": local("2024-03-04 00:00")},
        {"policy": "three", "priority": "3", "target_s": 2 * H, "valid_from": local("2024-03-04 09:01")},
    )
    one = only(desk("2024-03-04 09:00", [], "2024-03-04 10:00", *rows))
    assert (one["policy"], one["target_s"]) == ("three", 7 * H)
    assert only(desk("2024-03-01 09:00", [], "2024-03-01 10:00", *rows))["target_s"] == 6 * H
    assert only(desk("2024-03-04 09:00", [], "2024-03-04 10:00", *rows, priority="2"))["policy"] == "any"


def test_a_version_holds_from_its_very_instant_on():
    rows = {"target_s": 6 * H}, {"target_s": 7 * H, "valid_from": local("2024-03-04 09:00")}
    assert only(desk("2024-03-04 09:00", [], "2024-03-04 10:00", *rows))["target_s"] == 7 * H
    assert only(desk("2024-03-04 08:59", [], "2024-03-04 10:00", *rows))["target_s"] == 6 * H


def test_a_case_that_was_resolved_when_due_breaks_only_when_it_is_reopened():
    events = [("2024-03-04 17:00", "resolved"), ("2024-03-05 10:00", "reopened"), ("2024-03-05 11:00", "resolved")]
    found = milestones(desk("2024-03-04 09:00", events, "2024-03-07 12:00"))
    assert found["status"].tolist() == ["met", "breached"]
    assert found["decided_at"].tolist() == [local("2024-03-04 17:00"), local("2024-03-05 10:00")]


def test_a_case_that_loses_its_policy_is_cancelled():
    raised = [("2024-03-04 10:00", "priority", "2")]
    one = only(desk("2024-03-04 09:00", raised, "2024-03-07 12:00", {"priority": "3"}))
    assert (one["status"], one["target_s"]) == ("cancelled", 8 * H)
    assert len(milestones(desk("2024-03-04 09:00", [], "2024-03-07 12:00", {"priority": "1"}))) == 0


def test_a_merge_cancels_and_does_not_complete():
    one = only(desk("2024-03-04 09:00", [("2024-03-04 10:00", "merged")], "2024-03-07 12:00"))
    assert (one["status"], one["elapsed_s"]) == ("cancelled", 1 * H)
    assert pd.isna(one["stopped_at"])
    assert pd.isna(one["decided_at"])


def test_closing_runs_on_between_resolution_and_closing():
    events = [("2024-03-04 11:00", "resolved"), ("2024-03-05 11:00", "closed")]
    rows = {"metric": "closing", "target_s": 10 * H}, {"metric": "resolution"}
    found = milestones(desk("2024-03-04 09:00", events, "2024-03-07 12:00", *rows)).set_index("metric")
    assert found["elapsed_s"].to_dict() == {"closing": 11 * H, "resolution": 2 * H}
    assert found["status"].to_dict() == {"closing": "breached", "resolution": "met"}
    assert found.loc["closing", "due_at"] == local("2024-03-05 10:00")


def test_the_first_reply_stops_the_first_response_and_an_end_without_one_does_not():
    row = {"metric": "first_response", "target_s": 2 * H}
    answered = [("2024-03-04 10:00", "reply"), ("2024-03-05 10:00", "reply")]
    one = only(desk("2024-03-04 09:00", answered, "2024-03-07 12:00", row))
    assert (one["status"], one["elapsed_s"], one["stopped_at"]) == ("met", 1 * H, local("2024-03-04 10:00"))
    silent = desk(
        "2024-03-04 09:00", [("2024-03-04 10:00", "resolved"), ("2024-03-06 10:00", "reply")], "2024-03-07", row
    )
    # the clock stands once the case has ended; the late reply then stops it within its target
    assert (only(silent)["status"], only(silent)["elapsed_s"]) == ("met", 1 * H)
    ended = silent.as_of(local("2024-03-05 00:00"))
    assert only(ended)["status"] == "cancelled"  # ended without the reply that was due


def test_the_flag_of_the_exporting_system_decides_at_the_closing():
    row = {"metric": "made_sla", "clock": "source", "target_s": None, "calendar": None}
    false_at_closing = [("2024-03-04 11:00", "closed"), ("2024-03-04 11:00", "field", "false")]
    one = only(desk("2024-03-04 09:00", false_at_closing, "2024-03-07 12:00", row))
    assert (one["status"], one["decided_at"]) == ("breached", local("2024-03-04 11:00"))
    assert np.isnan(one["target_s"])
    assert pd.isna(one["due_at"])
    repaired = [
        ("2024-03-04 10:00", "field", "false"),
        ("2024-03-04 10:30", "field", "true"),
        ("2024-03-04 11:00", "closed"),
        ("2024-03-05 11:00", "field", "false"),
    ]
    assert only(desk("2024-03-04 09:00", repaired, "2024-03-07 12:00", row))["status"] == "met"
    undecided = [("2024-03-04 10:00", "field", "false"), ("2024-03-04 11:00", "resolved")]
    assert only(desk("2024-03-04 09:00", undecided, "2024-03-07 12:00", row))["status"] == "running"


# --- against the twin, and what always holds -----------------------------------------------------------------------


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (1, 2))])
def test_milestones_are_those_of_the_slow_twin(seed):
    log = promised_log(seed, 25)
    mine = milestones(log)
    mine = mine[mine["metric"] != "made_sla"].reset_index(drop=True)
    book = policies()
    twin = pd.DataFrame(
        clock_twin.milestones(
            log.frame("cases"),
            log.frame("events").assign(public=lambda e: e["public"].astype(object).eq(True)),
            book[book["clock"] != "source"],
            CALENDARS,
            log.until,
            BusinessCalendar.always(),
        )
    ).sort_values(["case_id", "metric", "cycle"], ignore_index=True)
    for column in ("due_at", "stopped_at", "decided_at"):
        twin[column] = pd.to_datetime(twin[column], utc=True).astype("datetime64[us, UTC]")
    columns = [c for c in mine.columns if c in twin]
    assert set(mine.columns) - set(columns) == {"started_at"}
    assert seed or set(mine["status"]) == {"met", "breached", "running", "paused", "cancelled"}
    assert_frame_equal(mine[columns], twin[columns], check_dtype=False, rtol=0, atol=1e-5)


def test_the_order_of_the_rows_and_the_other_cases_do_not_matter():
    log = promised_log(3, 30)
    frames = {name: log.frame(name) for name in ("cases", "events", "sla_policies")}
    shuffled = {name: frames[name].sample(frac=1, random_state=1) for name in ("cases", "events")}
    rest = {"calendars": log.calendars, "timezone": log.timezone, "until": log.until}
    whole = milestones(log)
    again = CaseLog.from_frames(**shuffled, sla_policies=frames["sla_policies"], **rest)
    assert_frame_equal(whole, milestones(again))
    half = {n: frames[n][frames[n]["case_id"] < "c0015"] for n in ("cases", "events")}
    part = milestones(CaseLog.from_frames(**half, sla_policies=frames["sla_policies"], **rest))
    expected = whole[whole["case_id"] < "c0015"].reset_index(drop=True)
    assert_frame_equal(part, expected)


def test_a_log_without_policies_has_no_milestones_and_one_without_events_says_so():
    cases = pd.DataFrame({"case_id": ["1"], "created_at": ["2024-03-01T09:00Z"]})
    none = milestones(CaseLog.from_frames(cases=cases))
    assert len(none) == 0
    assert str(none["due_at"].dtype) == "datetime64[us, UTC]"
    row = {"policy": ["p"], "metric": ["resolution"], "target_s": [60], "clock": ["calendar"]}
    with pytest.raises(InputError, match="no table 'events'"):
        milestones(CaseLog.from_frames(cases=cases, sla_policies=pd.DataFrame(row)))


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"clock": "busines"}, "row 1: unknown clock.*'busines'.*did you mean 'business'"),
        ({"metric": "resolutoin"}, "row 1: unknown metric.*did you mean 'resolution'"),
        ({"calendar": "offce"}, "needs a calendar of the log.*'offce'.*did you mean 'office'"),
        ({"calendar": None}, "needs a calendar of the log"),
        ({"target_s": None}, "target must be above 0"),
        ({"target_s": -5.0}, "target must be above 0; got -5.0"),
    ],
)
def test_a_policy_that_cannot_be_used_is_named(row, words):
    with pytest.raises(InputError, match=words):
        milestones(desk("2024-03-04 09:00", [], "2024-03-04 10:00", row))


def test_a_metric_cannot_be_both_measured_and_a_flag():
    rows = {}, {"clock": "source"}
    with pytest.raises(InputError, match="not both"):
        milestones(desk("2024-03-04 09:00", [], "2024-03-04 10:00", *rows))


@pytest.mark.parametrize("metric", ["reply", "first_response"])
def test_the_system_may_decide_before_the_closing(metric):
    """Systems whose workflow ends in ``resolved`` never close a case: their own word decides their promises."""
    at = "2024-03-0{}T09:00Z"
    cases = pd.DataFrame({"case_id": list("abcde"), "created_at": at.format(1)})
    rows = [
        *[("a", 1, "field", "true"), ("a", 2, "field", "decided"), ("a", 4, "resolved", None)],  # kept
        *[("b", 1, "field", "true"), ("b", 3, "field", "false"), ("b", 3, "field", "decided")],  # broken, still open
        *[("c", 1, "field", "true"), ("c", 4, "resolved", None)],  # resolved, not decided
        *[
            ("d", 1, "field", "true"),
            ("d", 2, "field", "decided"),
            ("d", 3, "field", "false"),
            ("d", 4, "closed", None),
        ],
        *[("a", 4, "closed", None), ("a", 5, "reopened", None)],  # a kept promise stays kept
        *[("e", 1, "field", "true"), ("e", 3, "field", "false"), ("e", 4, "closed", None)],  # decided by its closing
    ]
    events = pd.DataFrame(rows, columns=["case_id", "at", "kind", "new"])
    events["field"] = pd.Series(metric, index=events.index).where(events["kind"] == "field")
    events["at"] = events["at"].map(at.format)
    policies = pd.DataFrame({"policy": ["own"], "metric": [metric], "clock": ["source"], "target_s": [None]})
    log = CaseLog.from_frames(cases=cases, events=events, sla_policies=policies, until="2024-03-06T00:00Z")
    told = milestones(log).set_index("case_id")
    assert told["status"].to_dict() == {"a": "met", "b": "breached", "c": "running", "d": "met", "e": "breached"}
    assert told["decided_at"].dt.day.dropna().to_dict() == {"a": 2, "b": 3, "d": 2, "e": 4}
    for day in (2, 3, 4, 5):  # what is known is never taken back
        early = breach_labels(log.as_of(at.format(day))).set_index("case_id")
        late = breach_labels(log).set_index("case_id")
        known = late["known_at"] <= pd.Timestamp(at.format(day))
        assert early["label"].notna().equals(known)
        assert early.loc[known, "label"].equals(late.loc[known, "label"])
        shown = set(snapshots(log, [at.format(day)], metric)["case_id"])
        assert shown == set("abcde") - set(known[known].index)
