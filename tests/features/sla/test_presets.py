"""Golden cases worked out by hand from what the systems document; each names the page that the fact comes from.

Zendesk
    support.zendesk.com/hc/en-us/articles/4408829459866 "Defining SLA policies"
    support.zendesk.com/hc/en-us/articles/4408834848154 on native duration metrics
    developer.zendesk.com/documentation/ticketing/reference-guides/ticket-metric-event-types-reference
    "Ticket metric event types reference"
Salesforce
    help.salesforce.com/s/articleView?id=service.entitlements_milestone_sequential_recurrence.htm "Milestone Recurrence Types"
    help.salesforce.com/s/articleView?id=service.entitlements_milestone_adding_sla.htm "Add a Milestone to an Entitlement Process"
ServiceNow
    servicenow.com/docs/r/yokohama/it-service-management/service-level-management/t_UseSLARetroactiveStartAndPause.html
    "Configure SLA retroactive start and pause"
    servicenow.com/docs/r/yokohama/it-service-management/service-level-management/c_SLAConditions.html "SLA conditions"
Jira
    docs.atlassian.com/jira-servicedesk/10.3.2/com/atlassian/servicedesk/api/sla/info/SlaInformationCompletedCycle.html
    confluence.atlassian.com/jirakb/understanding-why-an-sla-is-paused-in-a-jira-service-management-ticket-1271267987.html
"""  # noqa: E501

import pandas as pd
import pytest
from deskcast.features.calendars.business_calendar import BusinessCalendar
from deskcast.features.case_log.log import CaseLog
from deskcast.features.cases.history import case_history
from deskcast.features.sla.milestones import milestones

H = 3600.0
NINE_TO_FIVE = BusinessCalendar.from_hours("UTC", {"mon-fri": ["09:00-17:00"]})


def day(text: str) -> pd.Timestamp:
    """Read '10:00' as a time of Monday, 4 March 2024, and 'tue 10:00' as one of the days after it."""
    name, clock = text.split() if " " in text else ("mon", text)
    return pd.Timestamp(f"2024-03-{4 + ['mon', 'tue', 'wed', 'thu', 'fri'].index(name):02d} {clock}", tz="UTC")


def follow(preset: str, events: list[tuple], *rows: dict, priority: str = "P3", until: str = "fri 00:00", **case: str):
    """Return the milestones of one case that was created on Monday at 09:00; 'ask' and 'reply' are messages."""
    said = {"ask": "customer", "reply": "agent"}
    told = [
        {"case_id": "1", "seq": i, "at": day(at), "kind": "message" if kind in said else kind,
         "new": new[0] if new else None, "actor_role": said.get(kind, "agent"), "public": True}
        for i, (at, kind, *new) in enumerate(events)
    ]  # fmt: skip
    base = {"policy": "p", "metric": "resolution", "target_s": 4 * H, "clock": "calendar", "preset": preset}
    log = CaseLog.from_frames(
        cases=pd.DataFrame([{"case_id": "1", "created_at": day("09:00"), "priority": priority} | case]),
        events=pd.DataFrame(told),
        sla_policies=pd.DataFrame([base | row for row in rows]),
        calendars={"office": NINE_TO_FIVE},
        until=day(until),
    )
    return milestones(log)


def told(found: pd.DataFrame, *columns: str) -> list[tuple]:
    return [tuple(row) for row in found[list(columns)].itertuples(index=False)]


# --- Zendesk -------------------------------------------------------------------------------------------------------


def test_zendesk_first_reply_runs_from_creation_to_the_first_public_reply_and_pending_does_not_pause_it():
    # Defining SLA policies; article 4408834848154, "First reply time"
    events = [("10:00", "status", "pending"), ("11:00", "status", "open"), ("12:30", "reply"), ("13:00", "reply")]
    found = follow("zendesk", events, {"metric": "first_response", "target_s": 3 * H})
    assert told(found, "elapsed_s", "status", "due_at") == [(3.5 * H, "breached", day("12:00"))]


def test_zendesk_next_reply_runs_from_the_oldest_unanswered_comment_of_a_customer():
    # Defining SLA policies (article 4408829459866): the next reply metric begins with the oldest unanswered comment
    events = [("09:30", "ask"), ("10:00", "reply"), ("11:00", "ask"), ("11:45", "ask"), ("12:30", "reply"),
              ("13:00", "reply"), ("tue 09:00", "ask"), ("tue 09:20", "reply")]  # fmt: skip
    found = follow("zendesk", events, {"metric": "next_response", "target_s": 1 * H})
    assert told(found, "cycle", "started_at", "elapsed_s", "status") == [
        (1, day("11:00"), 1.5 * H, "breached"),
        (2, day("tue 09:00"), H / 3, "met"),
    ]


def test_zendesk_requester_wait_pauses_in_pending_and_agent_work_in_pending_and_on_hold():
    # Ticket metric event types reference: requester_wait_time pauses in pending, agent_work_time in pending or on-hold
    events = [("10:00", "status", "pending"), ("12:00", "status", "hold"), ("13:00", "status", "open"),
              ("14:00", "resolved")]  # fmt: skip
    found = follow("zendesk", events, {"metric": "requester_wait"}, {"metric": "agent_work"}).set_index("metric")
    assert found["elapsed_s"].to_dict() == {"agent_work": 2 * H, "requester_wait": 3 * H}
    assert found["paused_s"].to_dict() == {"agent_work": 3 * H, "requester_wait": 2 * H}


def test_zendesk_wait_and_work_go_on_when_a_solved_ticket_is_opened_again():
    # Ticket metric event types reference: an activate event also says that a metric is no longer fulfilled
    events = [("11:00", "resolved"), ("tue 09:00", "reopened"), ("tue 12:00", "resolved")]
    found = follow("zendesk", events, {"metric": "agent_work", "target_s": 4 * H})
    assert told(found, "cycle", "elapsed_s", "status") == [(1, 2 * H, "met"), (2, 5 * H, "breached")]


def test_zendesk_updates_run_between_public_replies_and_only_the_pausable_one_stops_in_pending():
    # Defining SLA policies: periodic update, and pausable update, which pauses in pending
    events = [("10:00", "reply"), ("11:00", "status", "pending"), ("14:00", "status", "open"), ("14:30", "reply"),
              ("15:00", "resolved")]  # fmt: skip
    rows = {"metric": "periodic_update", "target_s": 2 * H}, {"metric": "pausable_update", "target_s": 2 * H}
    found = follow("zendesk", events, *rows)
    assert told(found, "metric", "cycle", "elapsed_s", "status") == [
        ("pausable_update", 1, 1.5 * H, "met"),
        ("pausable_update", 2, 0.5 * H, "cancelled"),
        ("periodic_update", 1, 4.5 * H, "breached"),
        ("periodic_update", 2, 0.5 * H, "cancelled"),
    ]


def test_zendesk_applies_the_first_policy_whose_conditions_fit_even_if_it_has_no_such_target():
    # Defining and using SLA policies (article 204770038): from the top of the list, the first policy that fits
    rows = (
        {"policy": "phone", "metric": "first_response", "when": "channel = phone|chat"},
        {"policy": "all", "metric": "first_response", "target_s": 9 * H},
        {"policy": "all", "metric": "resolution", "target_s": 9 * H},
    )
    events = [("10:00", "reply"), ("11:00", "resolved")]
    by_phone = follow("zendesk", events, *rows, channel="phone")
    assert told(by_phone, "metric", "policy") == [("first_response", "phone")]
    by_mail = follow("zendesk", events, *rows, channel="email")
    assert told(by_mail, "metric", "policy") == [("first_response", "all"), ("resolution", "all")]


def test_zendesk_target_follows_the_priority_and_keeps_the_time_that_has_run():
    # Ticket Metric Events: apply_sla events mark that the policy or the target on a ticket changed
    rows = {"priority": "urgent", "target_s": 2 * H}, {"priority": "low", "target_s": 8 * H}
    events = [("10:00", "priority", "urgent"), ("12:00", "resolved")]
    found = follow("zendesk", events, *rows, priority="low")
    assert told(found, "target_s", "elapsed_s", "status", "due_at") == [(2 * H, 3 * H, "breached", day("11:00"))]


# --- Salesforce ----------------------------------------------------------------------------------------------------


def test_salesforce_resolution_within_four_hours_of_the_creation():
    # Milestone Recurrence Types, example of "No Recurrence": four hours to resolve, done after three
    found = follow("salesforce", [("12:00", "resolved")], {"target_s": 4 * H})
    assert told(found, "started_at", "due_at", "elapsed_s", "status") == [(day("09:00"), day("13:00"), 3 * H, "met")]


def test_salesforce_a_milestone_without_recurrence_occurs_only_once():
    # Milestone Recurrence Types: "No Recurrence" occurs once on a record, also when its case is opened again
    events = [("12:00", "resolved"), ("tue 09:00", "reopened"), ("tue 20:00", "resolved")]
    assert told(follow("salesforce", events, {}), "cycle", "status") == [(1, "met")]


def test_salesforce_an_independent_milestone_starts_again_whenever_its_criteria_match():
    # Milestone Recurrence Types: "Independent", such as a response time; its start does not ask for the one before
    events = [("09:30", "reply"), ("10:00", "ask"), ("10:15", "reply"), ("10:20", "ask"), ("12:00", "reply")]
    found = follow("salesforce", events, {"metric": "next_response", "target_s": 1 * H})
    assert told(found, "started_at", "due_at", "status") == [
        (day("10:00"), day("11:00"), "met"),
        (day("10:20"), day("11:20"), "breached"),
    ]


def test_salesforce_counts_from_the_start_of_the_process_or_from_when_the_criteria_match():
    # Add a Milestone to an Entitlement Process: the target date counts from the process, or from the criteria
    rows = {"priority": "High", "target_s": 2 * H}, {"priority": "Low", "target_s": 8 * H}
    events = [("10:00", "priority", "High"), ("11:30", "resolved")]
    process = follow("salesforce", events, *rows, priority="Low")
    assert told(process, "target_s", "started_at", "status") == [(2 * H, day("09:00"), "breached")]
    criteria = [row | {"on_change": "reset"} for row in rows]
    found = follow("salesforce", events, *criteria, priority="Low")
    assert told(found, "target_s", "started_at", "elapsed_s", "status") == [
        (8 * H, day("09:00"), 1 * H, "cancelled"),  # its criteria no longer match: left, not completed
        (2 * H, day("10:00"), 1.5 * H, "met"),
    ]


def test_salesforce_time_on_a_stopped_case_does_not_count_and_the_hours_are_those_of_the_milestone():
    # Add a Milestone to an Entitlement Process: business hours of the milestone; elapsed time less stopped time
    events = [("16:00", "paused"), ("tue 10:00", "resumed"), ("tue 12:00", "resolved")]
    row = {"clock": "business", "calendar": "office", "target_s": 10 * H}
    found = follow("salesforce", events, row)
    assert told(found, "elapsed_s", "paused_s", "status") == [(9 * H, 2 * H, "met")]


# --- ServiceNow ----------------------------------------------------------------------------------------------------

PRIORITIES = {"priority": "1", "target_s": 4 * H}, {"priority": "3", "target_s": 8 * H}
RAISED = [("12:00", "priority", "1"), ("15:00", "resolved")]


def test_servicenow_attaches_a_new_sla_with_new_timing_when_the_priority_changes():
    # Configure SLA retroactive start and pause: usually a new SLA with its own timing; from 3 to 1 after three hours
    # SLA conditions: the old one is cancelled, because its start condition no longer matches
    found = follow("servicenow", RAISED, *PRIORITIES, priority="3")
    assert told(found, "target_s", "started_at", "elapsed_s", "status") == [
        (8 * H, day("09:00"), 3 * H, "cancelled"),
        (4 * H, day("12:00"), 3 * H, "met"),
    ]


def test_servicenow_retroactive_start_counts_from_the_creation():
    # Configure SLA retroactive start and pause: the priority 1 SLA counts from when the incident was created
    rows = [row | {"on_change": "keep", "cycles": "continue"} for row in PRIORITIES]
    found = follow("servicenow", RAISED, *rows, priority="3")
    assert told(found, "target_s", "started_at", "elapsed_s", "status", "decided_at") == [
        (4 * H, day("09:00"), 6 * H, "breached", day("13:00"))
    ]


def test_servicenow_retroactive_pause_takes_the_earlier_pauses_over():
    # Configure SLA retroactive start and pause: pauses since the retroactive start move the breach time
    rows = [row | {"on_change": "keep", "cycles": "continue", "pause_on": "on hold"} for row in PRIORITIES]
    events = [("10:00", "status", "On Hold"), ("11:30", "status", "in progress"), *RAISED[:1], ("14:00", "resolved")]
    found = follow("servicenow", events, *rows, priority="3")
    assert told(found, "elapsed_s", "due_at", "status") == [(3.5 * H, day("14:30"), "met")]


def test_servicenow_may_be_breached_as_soon_as_it_attaches_with_a_retroactive_start():
    # Configure SLA retroactive start and pause, "What to do next"
    rows = [row | {"on_change": "keep", "cycles": "continue"} for row in PRIORITIES]
    late = [("14:00", "priority", "1"), ("14:30", "resolved")]
    found = follow("servicenow", late, *rows, priority="3")
    assert told(found, "status", "due_at", "decided_at") == [("breached", day("13:00"), day("14:00"))]


def test_servicenow_completes_at_the_stop_whether_or_not_it_was_breached_and_attaches_anew_after_it():
    # SLA conditions: stop completes regardless of breach; attach where start matches and neither stop nor cancel does
    events = [("15:00", "resolved"), ("tue 09:00", "reopened"), ("tue 10:00", "resolved")]
    found = follow("servicenow", events, {"target_s": 4 * H})
    assert told(found, "cycle", "started_at", "elapsed_s", "stopped_at", "status") == [
        (1, day("09:00"), 6 * H, day("15:00"), "breached"),
        (2, day("tue 09:00"), 1 * H, day("tue 10:00"), "met"),
    ]


# --- Jira ----------------------------------------------------------------------------------------------------------


def test_jira_every_start_opens_a_new_cycle_with_times_of_its_own():
    # SlaInformationCompletedCycle: each completed cycle has its start, stop, breach and elapsed time
    events = [("12:00", "resolved"), ("tue 09:00", "reopened"), ("tue 14:00", "resolved")]
    found = follow("jira", events, {"target_s": 4 * H})
    assert told(found, "cycle", "started_at", "stopped_at", "elapsed_s", "status") == [
        (1, day("09:00"), day("12:00"), 3 * H, "met"),
        (2, day("tue 09:00"), day("tue 14:00"), 5 * H, "breached"),
    ]


def test_jira_has_finished_cycles_and_at_most_one_that_is_ongoing():
    # REST reference of SLA information: zero or more completed cycles, and zero or one ongoing
    events = [("12:00", "resolved"), ("tue 09:00", "reopened")]
    found = follow("jira", events, {"target_s": 4 * H}, until="tue 10:00")
    assert told(found, "cycle", "status", "elapsed_s", "due_at") == [
        (1, "met", 3 * H, day("13:00")),
        (2, "running", 1 * H, day("tue 13:00")),
    ]


def test_jira_pauses_while_the_pause_condition_holds():
    # Understanding why an SLA is paused, scenario 1: "Pause on", time is not counted
    row = {"pause_on": "waiting for customer", "target_s": 4 * H}
    events = [("10:00", "status", "Waiting for customer"), ("tue 09:00", "status", "In progress")]
    waiting = follow("jira", events, row, until="12:00")
    assert told(waiting, "status", "elapsed_s") == [("paused", 1 * H)]
    again = follow("jira", events, row, until="tue 10:00")
    assert told(again, "status", "elapsed_s", "due_at") == [("running", 2 * H, day("tue 12:00"))]


def test_jira_time_outside_the_calendar_of_the_goal_does_not_count():
    # Understanding why an SLA is paused, scenario 2: the calendar that belongs to the goal
    row = {"clock": "business", "calendar": "office", "target_s": 10 * H}
    found = follow("jira", [("tue 11:00", "resolved")], row)
    assert told(found, "elapsed_s", "due_at", "status") == [(10 * H, day("tue 11:00"), "met")]


def test_jira_takes_the_first_goal_that_fits():
    rows = {"policy": "any", "target_s": 9 * H}, {"policy": "urgent", "priority": "P3", "target_s": 1 * H}
    assert told(follow("jira", [("12:00", "resolved")], *rows), "policy", "status") == [("any", "met")]
    assert told(follow("", [("12:00", "resolved")], *rows), "policy", "status") == [("urgent", "breached")]


# --- what other counters of promises get wrong ---------------------------------------------------------------------


def test_only_the_hours_of_the_calendar_in_force_are_counted_and_not_those_of_all_calendars():
    rows = (
        {"priority": "P1", "clock": "calendar", "target_s": 50 * H},
        {"priority": "P3", "clock": "business", "calendar": "office", "target_s": 50 * H},
    )
    found = follow("", [("tue 11:00", "resolved")], *rows)
    assert told(found, "elapsed_s") == [(10 * H,)]


def test_what_is_open_is_not_met_and_what_is_not_known_is_not_zero():
    row = {"metric": "first_response", "target_s": 100 * H}, {"target_s": 100 * H}
    found = follow("", [("10:00", "ask")], *row)  # nobody has replied: the promise holds from the creation on
    assert told(found, "metric", "status") == [("first_response", "running"), ("resolution", "running")]
    assert found["stopped_at"].isna().all()
    flag = follow("", [("10:00", "resolved")], {"metric": "made_sla", "clock": "source", "target_s": None})
    assert told(flag, "status") == [("running",)]
    assert flag[["target_s", "due_at", "paused_s"]].isna().all(axis=None)


def test_a_second_assignment_to_the_same_team_is_no_hand_off():
    cases = pd.DataFrame({"case_id": ["1"], "created_at": [day("09:00")]})
    events = pd.DataFrame({"case_id": "1", "at": [day("10:00"), day("11:00"), day("12:00")], "kind": "assigned",
                           "new": ["ann", "ben", "cy"], "team": ["first line", "first line", "network"]})  # fmt: skip
    assert case_history(CaseLog.from_frames(cases=cases, events=events))["transfers"].tolist() == [1]


def test_a_business_day_is_neither_doubled_nor_lost_when_the_clock_changes():
    lisbon = BusinessCalendar.from_hours("Europe/Lisbon", {"mon-sun": ["00:00-24:00"]})
    for noon, hours in (("2024-03-30T12:00Z", 24), ("2024-10-26T11:00Z", 24)):
        start = pd.Timestamp(noon)
        assert lisbon.seconds_between([start], [start + pd.Timedelta(hours=hours)])[0] == hours * H
    night = BusinessCalendar.from_hours("Europe/Lisbon", {"mon-sun": ["00:30-02:30"]})
    spring, autumn = pd.Timestamp("2024-03-31T00:00Z"), pd.Timestamp("2024-10-26T23:00Z")
    both = night.seconds_between([spring, autumn], [spring + pd.Timedelta("12h"), autumn + pd.Timedelta("12h")])
    assert both.tolist() == [1 * H, 3 * H]


# --- who opened a case, and for whom -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("preset", "starts", "started", "elapsed", "status"),
    [
        ("zendesk", None, 48, 0.5, "met"),  # the promise is made to the customer, who has not written yet
        ("zendesk", "creation", 0, 48.5, "breached"),
        ("", None, 0, 48.5, "breached"),
        ("", "asked", 48, 0.5, "met"),
    ],
)
def test_a_case_that_an_agent_opened_with_a_note_waits_for_its_customer(preset, starts, started, elapsed, status):
    born = day("09:00")
    rows = [(0, "agent", False), (1, "agent", True), (48, "customer", True), (48.5, "agent", True)]
    events = pd.DataFrame(
        {"case_id": "1", "kind": "message", "at": [born + pd.Timedelta(hours=h) for h, *_ in rows],
         "actor_role": [r for _, r, _ in rows], "public": [p for *_, p in rows]}
    )  # fmt: skip
    if started == 0:
        events = events.drop(index=1)
    policy = {
        "policy": ["p"],
        "metric": "first_response",
        "target_s": [H],
        "clock": "calendar",
        "preset": preset or None,
    }
    log = CaseLog.from_frames(
        cases=pd.DataFrame({"case_id": ["1"], "created_at": [born]}),
        events=events,
        sla_policies=pd.DataFrame(policy | {"starts": starts}),
    )
    one = milestones(log)
    assert told(one, "started_at", "elapsed_s", "status") == [(born + pd.Timedelta(hours=started), elapsed * H, status)]
    assert one["paused_s"].tolist() == [0]
    before = milestones(log.as_of(born + pd.Timedelta(hours=30)))
    assert len(before) == (0 if started else 1)  # nothing is promised before the customer writes


@pytest.mark.parametrize("role", ["customer", "agent"])
def test_a_case_that_its_customer_or_a_public_message_opened_is_promised_from_its_creation(role):
    born = day("09:00")
    events = pd.DataFrame(
        {"case_id": "1", "kind": "message", "at": [born, born + pd.Timedelta(hours=2)], "actor_role": [role, "agent"],
         "public": True}
    )  # fmt: skip
    policy = {"policy": ["p"], "metric": "first_response", "target_s": [H], "clock": "calendar", "preset": "zendesk"}
    cases = pd.DataFrame({"case_id": ["1"], "created_at": [born]})
    log = CaseLog.from_frames(cases=cases, events=events, sla_policies=pd.DataFrame(policy))
    assert milestones(log)["started_at"].tolist() == [born]
