"""Due times of promises in Zendesk, Jira, Salesforce and ServiceNow: which, since when, and never too early."""

import pandas as pd
import pytest
from deskcast.features import CaseLog
from deskcast.features.sla.due_times import due_time_table
from deskcast.features.sla.milestones import milestones
from deskcast.features.sources.promises import classify_promise
from deskcast.features.sources.zendesk_due_times import follow_clock
from export_stories import read
from hypothesis import given, settings
from hypothesis import strategies as st

DAY = "2024-03-"


def at(text):
    """Return an instant of March 2024, such as ``04 09:00``."""
    return f"{DAY}{text.replace(' ', 'T')}:00Z"


def millis(text):
    return {"epochMillis": int(pd.Timestamp(at(text)).timestamp() * 1000)}


def said(loaded):
    """Tell the due times of a source: case, metric, due, and since when it stood."""
    clock = lambda t: f"{t:%d %H:%M}" if pd.notna(t) else None  # noqa: E731
    rows = loaded.tables["due_times"].itertuples(index=False)
    return [(r.case_id, r.metric, clock(r.due_at), clock(r.set_at)) for r in rows]


def make_log(loaded, until="2024-03-08T00:00Z"):
    return CaseLog.from_frames(until=until, attributes=loaded.attributes, **loaded.tables)


def statuses(loaded):
    found = milestones(make_log(loaded))
    return dict(zip(found["case_id"] + " " + found["metric"], found["status"], strict=True))


def zendesk_events(*rows):
    names = ("ticket_id", "metric", "instance_id", "type", "time")
    out = []
    for number, (case, metric, instance, kind, clock, *sla) in enumerate(rows):
        one = dict(zip(names, (case, metric, instance, kind, at(clock)), strict=True), id=number)
        out.append(one | ({"sla": sla[0]} if sla else {}))
    return out


TICKETS = [
    {"id": n, "created_at": at("04 09:00"), "updated_at": at("05 17:00"), "status": "solved", "requester_id": 9,
     "group_id": 1, "metric_set": {"solved_at": at("05 16:00")}}
    for n in (1, 2, 3)
]  # fmt: skip
CALENDAR, BUSINESS = {"target": 120, "business_hours": False}, {"target": 60, "business_hours": True}


def test_zendesk_targets_are_added_to_the_time_that_their_clocks_ran(tmp_path):
    events = zendesk_events(
        (1, "reply_time", 1, "activate", "04 09:00"), (1, "reply_time", 1, "apply_sla", "04 09:00", CALENDAR),
        (1, "reply_time", 1, "fulfill", "04 10:00"),
        (1, "reply_time", 2, "activate", "04 12:00"), (1, "reply_time", 2, "apply_sla", "04 12:00", CALENDAR),
        (1, "requester_wait_time", 1, "activate", "04 09:00"),
        (1, "requester_wait_time", 1, "apply_sla", "04 09:00", {"target_in_seconds": 28800, "business_hours": False}),
        (1, "requester_wait_time", 1, "pause", "04 10:00"), (1, "requester_wait_time", 1, "activate", "04 12:00"),
        (1, "requester_wait_time", 1, "apply_sla", "04 13:00", {"target": 240, "business_hours": False}),
        (1, "agent_work_time", 1, "activate", "04 09:00"), (1, "agent_work_time", 1, "apply_sla", "04 09:00", CALENDAR),
        (2, "reply_time", 1, "activate", "04 09:00"), (2, "reply_time", 1, "apply_sla", "04 09:00", BUSINESS),
        (2, "reply_time", 1, "breach", "04 11:00"), (2, "group_ownership_time", 1, "activate", "04 09:00"),
    )  # fmt: skip
    loaded = read(tmp_path, "zendesk", {"tickets": TICKETS, "ticket_metric_events": events})
    assert said(loaded) == [
        ("1", "first_response", "04 11:00", "04 09:00"),
        ("1", "first_response", None, "04 10:00"),  # answered
        ("1", "next_response", "04 14:00", "04 12:00"),
        ("1", "resolution", "04 17:00", "04 09:00"),  # the customer's wait, and no second promise on the same end
        ("1", "resolution", None, "04 10:00"),
        ("1", "resolution", "04 19:00", "04 12:00"),
        ("1", "resolution", "04 15:00", "04 13:00"),  # another policy
    ]
    assert any("1 targets count business hours" in n for n in loaded.notes)
    log = make_log(loaded)
    early = due_time_table(log.as_of(pd.Timestamp("2024-03-04T11:00Z")))
    assert early["set_at"].max() <= pd.Timestamp("2024-03-04T11:00Z")
    assert "next_response" not in set(early["metric"])


def test_zendesk_tickets_with_their_policies_state_today_s_times(tmp_path):
    metrics = [
        {"metric": "first_reply_time", "stage": "achieved", "breach_at": at("04 11:00")},
        {"metric": "requester_wait_time", "stage": "active", "breach_at": at("06 09:00")},
        {"metric": "agent_work_time", "stage": "paused", "breach_at": None},
    ]
    tickets = [TICKETS[0] | {"slas": {"policy_metrics": metrics}}, TICKETS[1] | {"slas": {"policy_metrics": []}}]
    tickets.append(TICKETS[2] | {"type": "task", "due_at": at("09 12:00")})
    loaded = read(tmp_path, "zendesk", {"tickets": tickets})
    assert said(loaded) == [("1", "first_response", "04 11:00", None), ("1", "resolution", "06 09:00", None)]
    seen = due_time_table(make_log(loaded).as_of(pd.Timestamp("2024-03-05T12:00Z")))
    assert len(seen) == 0  # an outcome of the finished case
    (tmp_path / "task").mkdir()
    alone = read(tmp_path / "task", "zendesk", {"tickets": tickets[2:]})
    assert said(alone) == [("3", "resolution", "09 12:00", None)]  # the date of a task, where nothing else is promised


@settings(max_examples=15, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["activate", "pause"]), st.integers(1, 90)), min_size=1, max_size=8))
def test_the_due_time_in_force_is_what_is_left_of_the_target(steps):
    now, line = pd.Timestamp("2024-03-04T09:00Z"), [(pd.Timestamp("2024-03-04T09:00Z"), "apply_sla", 7200.0)]
    used, running = 0, False
    for kind, minutes in steps:
        line.append((now, kind, None))
        running = kind == "activate"
        used += minutes * running
        now += pd.Timedelta(minutes=minutes)
    last = follow_clock(line)[-1:]
    due = last[0][0] if last else None
    assert (due is not None) == running
    if running:
        assert due - now == pd.Timedelta("120min") - pd.Timedelta(minutes=used)


def issue(key, *fields, done=None):
    names = {f"customfield_{10030 + i}": f for i, f in enumerate(fields)}
    status = {"name": "Done" if done else "Open", "statusCategory": {"key": "done" if done else "new"}}
    fixed = {"created": at("04 09:00"), "updated": at("05 09:00"), "status": status, "project": {"key": "H"},
             "issuetype": {"name": "Incident"}, "resolutiondate": done and at(done)}  # fmt: skip
    return {"id": key, "key": key, "fields": fixed | names}


def cycle(start, due, stop=None, breached=False):
    return {"startTime": millis(start), "breachTime": millis(due), "breached": breached,
            **({"stopTime": millis(stop)} if stop else {})}  # fmt: skip


def test_jira_cycles_are_known_when_they_stopped(tmp_path):
    ended = {"name": "Time to resolution", "completedCycles": [cycle("04 09:00", "05 12:00", "05 11:00")]}
    late = {"name": "Time to resolution", "completedCycles": [cycle("04 09:00", "04 12:00", "05 11:00", True)]}
    again = {"name": "Time to resolution", "completedCycles": [cycle("04 09:00", "04 17:00", "04 12:00")],
             "ongoingCycle": cycle("04 13:00", "06 12:00")}  # fmt: skip
    other = {"name": "Time to close after resolution", "completedCycles": [cycle("04 09:00", "04 10:00", "04 11:00")]}
    first = {
        "name": "Zeit bis zur ersten Antwort",
        "ongoingCycle": cycle("04 09:00", "04 10:00"),
        "completedCycles": [],
    }
    paused = {"name": "Time to resolution", "completedCycles": [], "ongoingCycle": {"startTime": millis("04 09:00")}}
    issues = [issue("H-1", ended, other, done="05 11:00"), issue("H-2", late, done="05 11:00"), issue("H-3", again),
              issue("H-4", first), issue("H-5", paused)]  # fmt: skip
    loaded = read(tmp_path, "jira", {"issues": issues})
    assert said(loaded) == [
        ("H-1", "resolution", "05 12:00", "05 11:00"),
        ("H-2", "resolution", "04 12:00", "05 11:00"),
        ("H-3", "resolution", "04 17:00", "04 12:00"),
        ("H-3", "resolution", "06 12:00", None),
        ("H-4", "first_response", "04 10:00", None),
    ]
    assert any("'Time to close after resolution'" in n for n in loaded.notes)
    found = statuses(loaded)
    assert (found["H-1 resolution"], found["H-2 resolution"], found["H-3 resolution"]) == (
        "met",
        "breached",
        "breached",
    )
    assert due_time_table(make_log(loaded).as_of(pd.Timestamp("2024-03-05T10:00Z")))["case_id"].tolist() == ["H-3"]


def test_salesforce_milestones_are_known_when_they_were_completed(tmp_path):
    cases = [{"Id": n, "CreatedDate": at("04 09:00"), "Status": s, "Priority": "High", "Origin": "Web", "IsClosed": c,
              "ClosedDate": e, "OwnerId": "005"} for n, s, c, e in
             (("1", "Closed", True, at("05 10:00")), ("2", "New", False, None))]  # fmt: skip
    stone = ("CaseId", "MilestoneType.Name", "StartDate", "TargetDate", "CompletionDate", "IsViolated")
    rows = [
        ("1", "First Response", at("04 09:00"), at("04 10:00"), at("04 09:30"), False),
        ("1", "Resolution Time", at("04 09:00"), at("04 18:00"), at("05 10:00"), True),
        ("2", "Resolution Time", at("04 09:00"), at("05 09:00"), None, False),
        ("2", "Callback", at("04 09:00"), at("04 10:00"), None, False),
    ]
    stones = [dict(zip(stone, row, strict=True)) for row in rows]
    loaded = read(tmp_path, "salesforce", {"Case": cases, "CaseMilestone": stones})
    assert said(loaded) == [
        ("1", "first_response", "04 10:00", "04 09:30"),
        ("1", "resolution", "04 18:00", "05 10:00"),
        ("2", "resolution", "05 09:00", None),
    ]
    assert statuses(loaded)["1 resolution"] == "breached"
    assert (loaded.tables["events"]["field"] == "resolution_time").sum() == 4  # its own flags stay: two begun, ...
    assert len(due_time_table(make_log(loaded).as_of(pd.Timestamp("2024-03-04T12:00Z")))) == 1


def incidents(**more):
    base = {"sys_id": "x1", "number": "INC1", "opened_at": "2024-03-04 09:00:00", "state": "6", "priority": "1",
            "sys_updated_on": "2024-03-05 09:00:00", "resolved_at": "2024-03-04 16:00:00", "contact_type": "email",
            "assignment_group": "g"}  # fmt: skip
    return [base | more, base | {"sys_id": "x2", "number": "INC2", "state": "2", "resolved_at": "", **more}]


@pytest.mark.parametrize("stage", ["cancelled", "Storniert", "Annulé"])
def test_servicenow_promises_and_the_due_time_of_an_incident(tmp_path, stage):
    name = ("task", "sla", "stage", "start_time", "planned_end_time", "end_time", "has_breached")
    rows = [
        (
            "x1",
            "Priority 1 resolution",
            "completed",
            "2024-03-04 09:00:00",
            "2024-03-04 17:00:00",
            "2024-03-04 16:00:00",
        ),
        ("x1", "Priority 3 resolution", stage, "2024-03-04 09:00:00", "2024-03-04 12:00:00", "2024-03-04 10:00:00"),
        (
            "x1",
            "OLA network resolution",
            "completed",
            "2024-03-04 09:00:00",
            "2024-03-04 11:00:00",
            "2024-03-04 10:00:00",
        ),
        ("x2", "Priority 1 response", "in_progress", "2024-03-04 09:00:00", "2024-03-04 09:15:00", ""),
        ("x2", "Priority 1 resolution", "in_progress", "2024-03-04 09:00:00", "2024-03-06 09:00:00", ""),
        ("x2", "Vendor fix", "in_progress", "2024-03-04 09:00:00", "2024-03-05 09:00:00", ""),
    ]
    slas = [dict(zip(name, (*row, "false"), strict=True)) for row in rows]
    loaded = read(tmp_path, "servicenow", {"incident": incidents(sla_due="UNKNOWN"), "task_sla": slas})
    assert said(loaded) == [
        ("INC1", "resolution", "04 17:00", "04 16:00"),
        ("INC2", "first_response", "04 09:15", None),
        ("INC2", "resolution", "05 09:00", None),  # of two that run the one that is due first
    ]
    assert statuses(loaded)["INC1 resolution"] == "met"


def test_servicenow_without_promises_reads_the_due_time_of_the_row_and_loses_no_case(tmp_path):
    rows = incidents(sla_due="2024-03-04 17:00:00")
    rows.append(rows[1] | {"sys_id": "x3", "number": "INC3", "sla_due": "UNKNOWN"})
    rows.append(rows[1] | {"sys_id": "x4", "number": "INC4", "sla_due": "soon"})
    loaded = read(tmp_path, "servicenow", {"incident": rows}, timezone="Europe/Lisbon")
    assert said(loaded) == [("INC1", "resolution", "04 17:00", None), ("INC2", "resolution", "04 17:00", None)]
    assert len(loaded.tables["cases"]) == 4
    assert any("'sla_due' is when the resolution" in n and "1 cannot be read" in n for n in loaded.notes)
    (tmp_path / "named").mkdir()
    named = read(tmp_path / "named", "servicenow", {"incident": [r | {"u_due": r["sla_due"]} for r in rows]},
                 columns={"due": "u_due"})  # fmt: skip
    assert len(said(named)) == 2
    whole = make_log(loaded)
    assert due_time_table(whole)["set_at"].tolist() == [pd.Timestamp("2024-03-04T16:00Z"), whole.until]


@pytest.mark.parametrize(
    ("name", "metric"),
    [
        ("P1 - Initial Response (15 min)", "first_response"), ("Erstreaktion", "first_response"),
        ("Reaktionszeit P2", "first_response"), ("First Response By KPI", "first_response"),
        ("Tiempo de primera respuesta", "first_response"), ("Prossima risposta", "next_response"),
        ("Temps de résolution", "resolution"), ("Prazo da solução", "resolution"), ("Resolve by KPI", "resolution"),
        ("UC vendor resolution", ""), ("Response and resolution", ""), ("Time to approve normal change", ""),
        ("Time to done", ""), ("Prefix", ""),
    ],
)  # fmt: skip
def test_what_a_promise_is_about_is_told_by_its_name_or_not_guessed(name, metric):
    assert classify_promise(name) == metric
