"""A row of the milestones never contradicts itself: figures, status and instants, over whole kinds of cases."""

from importlib import import_module

import numpy as np
import pandas as pd
import pytest
from deskcast.features.calendars.business_calendar import BusinessCalendar
from deskcast.features.case_log.log import CaseLog
from deskcast.features.cases.history import case_history
from deskcast.features.kpis.kpi_history import kpi_history
from deskcast.features.labels.breach import breach_labels
from deskcast.features.labels.events import escalation_labels, reopen_labels
from deskcast.features.sla.milestones import milestones
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

H = 3600.0
DAY = pd.Timestamp("2024-03-04T00:00Z")  # a Monday
OFFICE = BusinessCalendar.from_hours("UTC", {"mon-fri": ["09:00-17:00"]})
FEW = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
#: Metric -> the event that meets it.
STOPS = {"first_response": "message", "resolution": "resolved", "closing": "closed"}


def at(hours: float) -> pd.Timestamp:
    return DAY + pd.Timedelta(seconds=round(hours * H))


def log_of(created: float, events: list[tuple], *policies: dict, until: float = 200, priority: str = "3") -> CaseLog:
    """Return a log of one case; events are (hours, kind[, new])."""
    base = {"policy": "p", "metric": "resolution", "priority": None, "target_s": 8 * H, "clock": "business",
            "calendar": "office"}  # fmt: skip
    rows = [
        {"case_id": "1", "at": at(h), "kind": kind, "new": new[0] if new else None, "actor_role": "agent",
         "public": True}
        for h, kind, *new in [*events, (until, "field", "x")]
    ]  # fmt: skip
    return CaseLog.from_frames(
        cases=pd.DataFrame({"case_id": ["1"], "created_at": [at(created)], "priority": [priority]}),
        events=pd.DataFrame(rows),
        sla_policies=pd.DataFrame([base | p for p in policies or ({},)]),
        calendars={"office": OFFICE},
        until=at(until),
    )


def assert_agrees(found: pd.DataFrame) -> None:
    """Status and figures of each row say the same."""
    for row in found.to_dict("records"):
        if row["status"] == "breached":
            assert row["elapsed_s"] >= row["target_s"], row
        if row["status"] in ("met", "running", "paused"):
            assert row["elapsed_s"] <= row["target_s"], row
        assert pd.isna(row["decided_at"]) == (row["status"] not in ("met", "breached")), row
        assert pd.isna(row["elapsed_s"]) == (row["status"] == "unknown"), row


# --- ties on business clocks ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("reply", [17, 17 + 1 / 60, 32 + 59 / 60, 33])
def test_what_comes_while_the_desk_is_closed_is_in_time(reply):
    one = milestones(log_of(2, [(reply, "resolved")])).iloc[0]
    assert (one["elapsed_s"], one["target_s"], one["status"]) == (8 * H, 8 * H, "met")
    assert (one["due_at"], one["decided_at"]) == (at(17), at(reply))


def test_one_second_of_opening_more_is_too_late():
    one = milestones(log_of(2, [(33 + 1 / 3600, "resolved")])).iloc[0]
    assert (one["elapsed_s"], one["status"], one["due_at"]) == (8 * H + 1, "breached", at(17))
    assert one["decided_at"] == at(33)


def test_a_case_that_waits_for_the_next_opening_is_not_yet_broken():
    log = log_of(2, [])
    for hour, status in ((16, "running"), (20, "running"), (32, "running"), (34, "breached")):
        assert milestones(log.as_of(at(hour)))["status"].tolist() == [status], hour
    assert breach_labels(log)["known_at"].tolist() == [at(33)]


def test_a_target_used_up_just_when_the_case_is_paused_is_not_broken_until_time_runs_again():
    events = [(17, "paused"), (35, "resumed"), (40, "resolved")]
    log = log_of(2, events, {"clock": "calendar", "calendar": None, "target_s": 15 * H})
    assert milestones(log.as_of(at(20)))["status"].tolist() == ["paused"]
    one = milestones(log).iloc[0]
    assert (one["status"], one["decided_at"], one["elapsed_s"]) == ("breached", at(35), 20 * H)


@FEW
@given(
    created=st.integers(0, 72),
    stop=st.integers(0, 150),
    target=st.integers(1, 24),
    pause=st.one_of(st.none(), st.tuples(st.integers(0, 80), st.integers(1, 40))),
    metric=st.sampled_from(sorted(STOPS)),
)
def test_status_and_time_used_agree_on_the_hour(created, stop, target, pause, metric):
    """Targets, openings and events in whole hours, so that ties are frequent."""
    events = [(created + stop, STOPS[metric])]
    if pause is not None:
        events += [(created + pause[0], "paused"), (created + sum(pause), "resumed")]
    log = log_of(created, sorted(events), {"metric": metric, "target_s": target * H}, until=400)
    whole = milestones(log)
    assert_agrees(whole)
    for hour in (created + stop // 2, created + stop):
        assert_agrees(milestones(log.as_of(at(hour))))


# --- clocks that run backwards -------------------------------------------------------------------------------------


@pytest.mark.slow
@FEW
@given(metric=st.sampled_from(sorted(STOPS)), early_s=st.integers(1, 10 * 86400), business=st.booleans())
def test_what_is_dated_before_its_case_is_neither_met_nor_broken(metric, early_s, business):
    clock = {"clock": "business" if business else "calendar", "calendar": "office" if business else None}
    log = log_of(300, [(300 - early_s / H, STOPS[metric])], {"metric": metric, **clock}, until=700)
    found, history = milestones(log), case_history(log).iloc[0]
    names = {"message": "first_response_s", "resolved": "resolution_s", "closed": "resolution_s"}
    duration = history[names[STOPS[metric]]]
    attained = kpi_history(log, "sla_attainment")["n"].sum()
    if early_s <= 60:  # servers stamp one action at several times
        assert (duration, found["elapsed_s"].tolist(), found["status"].tolist()) == (0, [0], ["met"])
        assert attained == 1
        return
    assert np.isnan(duration)
    assert found["status"].tolist() == ["unknown"]
    assert found[["elapsed_s", "paused_s", "stopped_at", "decided_at"]].isna().all(axis=None)
    assert attained == 0
    assert breach_labels(log)["label"].isna().all()


@pytest.mark.parametrize("kind", ["message", "resolved"])
def test_kpis_and_labels_leave_out_a_duration_that_is_not_known(kind):
    second = {"case_id": ["1", "2"], "created_at": [at(9), at(9)]}
    role = {"actor_role": "agent", "public": True}
    rows = [("1", 7, kind), ("2", 10, kind), ("2", 11, "escalated"), ("2", 12, "reopened"), ("2", 100, "field")]
    events = pd.DataFrame([{"case_id": c, "at": at(h), "kind": k, **role} for c, h, k in rows])
    log = CaseLog.from_frames(cases=pd.DataFrame(second), events=events, calendars={"office": OFFICE}, until=at(400))
    names = {
        "message": ["first_response_time", "first_response_time_business", "responded_within_24h"],
        "resolved": ["resolution_time", "first_resolution_time", "resolution_time_business", "resolved_within_2d"],
    }[kind]
    for name, rows in kpi_history(log, names).groupby("kpi"):
        assert rows["n"].sum() == 1, name
    if kind == "resolved":
        for labels in (escalation_labels(log), reopen_labels(log)):
            assert labels["label"].isna().tolist() == [True, False]


@pytest.mark.slow
@FEW
@given(
    stop=st.integers(1, 60),
    target=st.integers(1, 40),
    early=st.integers(1, 200),
    metric=st.sampled_from(["resolution", "closing"]),
)
def test_what_stops_after_an_end_before_its_case_is_breached_or_unknown(stop, target, early, metric):
    """How long the case was ended is not known: the time from its re-opening on is the least that was used."""
    events = [(300 - early, STOPS[metric]), (310, "reopened"), (310 + stop, STOPS[metric])]
    rows = milestones(log_of(300, events, {"metric": metric, "target_s": target * H} | CALENDAR_CLOCK, until=700))
    assert rows["status"].tolist() == ["unknown", "breached" if stop > target else "unknown"]
    assert (rows["elapsed_s"].isna() == (rows["status"] == "unknown")).all()
    assert rows["stopped_at"].iloc[1] == at(310 + stop)
    assert case_history(log_of(300, events, until=700))["resolution_s"].tolist() == [(10 + stop) * H]


@pytest.mark.parametrize("metric", ["first_response", "periodic_update", "pausable_update"])
def test_a_reply_after_an_end_or_a_reply_before_the_case_is_not_met_in_no_time(metric):
    first = "closed" if metric == "first_response" else "message"
    log = log_of(9, [(7, first), (12, "message")], {"metric": metric} | CALENDAR_CLOCK)
    assert milestones(log)["status"].iloc[0] == "unknown"
    assert kpi_history(log, "sla_attainment")["n"].sum() == (metric != "first_response")  # the next update is late


@pytest.mark.slow
@FEW
@given(before=st.integers(1, 50), after=st.integers(1, 50), rest=st.integers(1, 50))
def test_a_pause_that_began_before_its_case_counts_from_the_creation_on(before, after, rest):
    log = log_of(100, [(100 - before, "paused"), (100 + after, "resumed"), (100 + after + rest, "resolved")])
    case = case_history(log).iloc[0]
    assert (case["pending_s"], case["active_resolution_s"]) == (after * H, rest * H)
    shares = kpi_history(log, "active_resolution_time")
    assert shares["value"].dropna().tolist() == [rest * H]


@pytest.mark.parametrize(("wrote_s", "started"), [(0, 57), (3, 57), (90, 9)])
def test_a_note_within_seconds_of_the_creation_is_its_opening(wrote_s, started):
    rows = [("agent", False, 9 + wrote_s / H), ("customer", True, 57), ("agent", True, 57.5)]
    events = pd.DataFrame(
        [{"case_id": "1", "kind": "message", "actor_role": w, "public": p, "at": at(h)} for w, p, h in rows]
    )
    policy = {"policy": "p", "metric": "first_response", "target_s": H, "clock": "calendar", "preset": "zendesk"}
    cases = pd.DataFrame({"case_id": ["1"], "created_at": [at(9)]})
    log = CaseLog.from_frames(cases=cases, events=events, sla_policies=pd.DataFrame([policy]), until=at(100))
    one = milestones(log).iloc[0]
    assert (one["started_at"], one["status"]) == (
        at(started if started == 57 else 9),
        "met" if started == 57 else "breached",
    )


# --- one row, one policy; and what stands still --------------------------------------------------------------------

PRIORITIES = {"priority": "1", "target_s": 4 * H}, {"priority": "3", "target_s": 30 * H}
CALENDAR_CLOCK = {"clock": "calendar", "calendar": None}


@pytest.mark.parametrize("preset", ["", "zendesk", "salesforce"])
def test_a_promise_that_was_broken_shows_the_figures_of_what_was_broken(preset):
    rows = [p | CALENDAR_CLOCK | {"preset": preset or None, "pause_on": "never"} for p in PRIORITIES]
    events = [(11, "priority", "1"), (15, "priority", "3"), (20, "resolved")]
    one = milestones(log_of(9, events, *rows)).iloc[0]
    assert (one["status"], one["decided_at"]) == ("breached", at(13))
    assert (one["target_s"], one["elapsed_s"], one["due_at"]) == (4 * H, 11 * H, at(13))


def test_a_cancelled_milestone_stands_still():
    rows = [PRIORITIES[1] | CALENDAR_CLOCK]
    log = log_of(9, [(12, "priority", "2")], *rows)
    for hour in (13, 30, 190):
        one = milestones(log.as_of(at(hour))).iloc[0]
        assert (one["status"], one["elapsed_s"], one["due_at"], one["paused_s"]) == ("cancelled", 3 * H, at(39), 0)
    back = milestones(log_of(9, [(12, "priority", "2"), (15, "priority", "3")], *rows, until=20)).iloc[0]
    assert (back["status"], back["elapsed_s"]) == ("running", 11 * H)  # a retroactive start keeps the time


@FEW
@given(
    moves=st.lists(st.tuples(st.integers(1, 60), st.sampled_from("123")), max_size=4),
    end=st.integers(1, 70),
    preset=st.sampled_from(["", "zendesk", "salesforce", "servicenow", "jira"]),
)
def test_figures_and_status_agree_whatever_the_priority_does(moves, end, preset):
    rows = [p | CALENDAR_CLOCK | {"preset": preset or None} for p in PRIORITIES]
    events = [(9 + h, "priority", p) for h, p in sorted(moves, key=lambda move: move[0])]
    log = log_of(9, sorted([*events, (9 + end, "resolved")], key=lambda e: e[0]), *rows)
    whole = milestones(log)
    assert_agrees(whole)
    later = milestones(log.as_of(at(150)))
    done = later["status"].isin(["cancelled", "met", "breached"])
    assert done.all()
    pd.testing.assert_frame_equal(whole, later)  # nothing moves once it is over


# --- a target exists from the creation of its case -----------------------------------------------------------------


def test_a_first_response_is_promised_before_the_first_reply_of_the_log():
    cases = pd.DataFrame({"case_id": ["1", "2"], "created_at": [at(9), at(50)]})
    events = pd.DataFrame({"case_id": ["2"], "at": [at(51)], "kind": "message", "actor_role": "agent", "public": True})
    policy = pd.DataFrame({"policy": ["p"], "metric": "first_response", "target_s": [4 * H], "clock": "calendar"})
    log = CaseLog.from_frames(cases=cases, events=events, sla_policies=policy)
    assert milestones(log.as_of(at(10)))["status"].tolist() == ["running"]
    assert milestones(log.as_of(at(20)))[["status", "decided_at"]].to_numpy().tolist() == [["breached", at(13)]]
    assert milestones(log)[["status", "decided_at"]].to_numpy().tolist() == [["breached", at(13)], ["met", at(51)]]


def test_without_a_column_of_roles_nobody_can_reply_and_nothing_is_promised():
    cases = pd.DataFrame({"case_id": ["1"], "created_at": [at(9)]})
    events = pd.DataFrame({"case_id": ["1"], "at": [at(51)], "kind": "resolved"})
    rows = {"policy": "p", "metric": ["first_response", "resolution"], "target_s": [4 * H] * 2, "clock": "calendar"}
    log = CaseLog.from_frames(cases=cases, events=events, sla_policies=pd.DataFrame(rows))
    assert milestones(log)["metric"].tolist() == ["resolution"]


@FEW
@given(hours=st.lists(st.one_of(st.none(), st.integers(0, 60)), min_size=1, max_size=6), look=st.integers(0, 80))
def test_a_first_response_is_decided_when_due_whatever_other_cases_do(hours, look):
    """The row of a case does not depend on when the log holds its first reply."""
    ids = [str(i) for i in range(len(hours))]
    cases = pd.DataFrame({"case_id": ids, "created_at": [at(3 * i) for i in range(len(hours))]})
    said = [(i, 3 * n + h) for n, (i, h) in enumerate(zip(ids, hours, strict=True)) if h is not None]
    rows = [{"case_id": i, "at": at(h), "kind": "message", "actor_role": "agent", "public": True} for i, h in said]
    events = pd.DataFrame([*rows, {"case_id": "0", "at": at(100), "kind": "field", "actor_role": "agent"}])
    policy = pd.DataFrame({"policy": ["p"], "metric": "first_response", "target_s": [8 * H], "clock": "calendar"})
    log = CaseLog.from_frames(cases=cases, events=events, sla_policies=policy)
    found = milestones(log.as_of(at(look))).set_index("case_id")
    for n, (i, h) in enumerate(zip(ids, hours, strict=True)):
        if 3 * n > look:
            assert i not in found.index
            continue
        replied = h is not None and 3 * n + h <= look
        late = look - 3 * n >= 8 if not replied else h > 8
        assert found.loc[i, "status"] == ("breached" if late else "met" if replied else "running")


def test_both_readings_are_one_where_nothing_is_recorded_later(monkeypatch):
    built = []
    room = import_module("deskcast.features.sla.milestones")  # the package gives the function of that name
    build = room._build_milestones
    monkeypatch.setattr(room, "_build_milestones", lambda *given: built.append(given[1]) or build(*given))
    plain = log_of(9, [(10, "message"), (15, "resolved")])
    pd.testing.assert_frame_equal(milestones(plain), milestones(plain, as_recorded=True))
    assert built == [False]
    events = plain.frame("events").assign(recorded_at=at(20))
    late = CaseLog.from_frames(
        cases=plain.frame("cases"),
        events=events,
        sla_policies=plain.frame("sla_policies"),
        calendars={"office": OFFICE},
    )
    assert milestones(late)["decided_at"].tolist() == [at(15)]
    assert milestones(late, as_recorded=True)["decided_at"].tolist() != [at(15)]
    assert built == [False, False, True]
