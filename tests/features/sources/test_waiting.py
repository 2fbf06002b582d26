"""Waiting for the customer and waiting for others are two things, in every source that has states."""

import pandas as pd
import pytest
from deskcast.features.case_log.log import CaseLog
from deskcast.features.cases.history import case_history
from deskcast.features.kpis.kpi_history import kpi_history
from deskcast.features.sla.milestones import milestones
from deskcast.features.sources.load import load_source
from deskcast.features.sources.spec import SourceSpec
from deskcast.features.sources.status import build_state_events, classify_state
from hypothesis import given, settings
from hypothesis import strategies as st

H = 3600.0


def zendesk(folder, steps: list[tuple[str, str]]) -> dict[str, pd.DataFrame]:
    """Return the tables of a Zendesk export of one ticket and its history of states."""
    last = steps[-1][1]
    (folder / "ticket.csv").write_text(
        f"id,created_at,status,requester_id,group_id\n7,2024-03-01T09:00:00Z,{last},901,11\n"
    )
    lines = "".join(f"7,status,{at},{state},701\n" for at, state in steps)
    (folder / "ticket_field_history.csv").write_text("ticket_id,field_name,updated,value,user_id\n" + lines)
    return dict(load_source(SourceSpec("cases", str(folder), kind="zendesk"), folder).tables)


STEPS = [("2024-03-01T09:00:00Z", "new"), ("2024-03-01T10:00:00Z", "hold"), ("2024-03-03T10:00:00Z", "open"),
         ("2024-03-03T11:00:00Z", "solved")]  # fmt: skip


@pytest.mark.parametrize(
    ("state", "pending", "held", "active"), [("hold", 0, 172_800, 180_000), ("pending", 172_800, 0, 7_200)]
)
def test_on_hold_is_not_pending_on_the_customer(tmp_path, state, pending, held, active):
    tables = zendesk(tmp_path, [(at, state if word == "hold" else word) for at, word in STEPS])
    log = CaseLog.from_frames(**tables, until="2024-03-05T00:00Z")
    one = case_history(log).iloc[0]
    assert (one["pending_s"], one["on_hold_s"], one["active_resolution_s"]) == (pending, held, active)
    assert kpi_history(log, "active_resolution_time")["value"].dropna().tolist() == [active]


@pytest.mark.parametrize("preset", ["zendesk", "salesforce", "servicenow", "jira"])
@pytest.mark.parametrize(("state", "requester", "agent"), [("hold", 50, 2), ("pending", 2, 2), ("open", 50, 50)])
def test_each_preset_pauses_by_whom_a_case_waits_for(tmp_path, preset, state, requester, agent):
    tables = zendesk(tmp_path, [(at, state if word == "hold" else word) for at, word in STEPS])
    rows = {"policy": "p", "metric": ["requester_wait", "agent_work"], "target_s": 99 * H, "clock": "calendar",
            "preset": preset}  # fmt: skip
    found = milestones(CaseLog.from_frames(**tables, sla_policies=pd.DataFrame(rows))).set_index("metric")["elapsed_s"]
    assert found.to_dict() == {"requester_wait": requester * H, "agent_work": agent * H}


@pytest.mark.parametrize(
    ("words", "meaning"),
    [
        ("Waiting for customer", "paused"),
        ("Awaiting User Info", "paused"),
        ("Pending", "paused"),
        ("Waiting for approval", "on_hold"),
        ("Awaiting Vendor", "on_hold"),
        ("Pending vendor", "on_hold"),
        ("Waiting on third party", "on_hold"),
        ("On hold", "on_hold"),
        ("Blocked", "on_hold"),
    ],
)
def test_the_words_of_a_state_say_whom_it_waits_for(words, meaning):
    assert classify_state(words) == meaning


@pytest.mark.slow
@settings(max_examples=20, deadline=None)
@given(states=st.lists(st.sampled_from(["open", "pending", "hold", "solved"]), min_size=1, max_size=8))
def test_the_hours_of_a_case_are_split_by_whom_it_waits_for(states):
    """One state an hour; what follows an end until it is opened again counts nowhere."""
    at = pd.date_range("2024-03-01T09:00Z", periods=len(states) + 1, freq="h", unit="us")
    line = ["open", *states]
    changes = pd.DataFrame({"case_id": "1", "at": at, "old": [None, *line[:-1]], "new": line, "field": "state"})
    meaning = {"open": "open", "pending": "paused", "hold": "on_hold", "solved": "resolved"}
    events = build_state_events(changes, meaning).assign(seq=lambda t: range(len(t)))
    cases = pd.DataFrame({"case_id": ["1"], "created_at": at[:1]})
    one = case_history(CaseLog.from_frames(cases=cases, events=events, until=at[-1] + pd.Timedelta("1h"))).iloc[0]
    if {"pending", "hold"} & set(line):
        assert one["pending_s"] == H * line.count("pending")
        assert one["on_hold_s"] == H * line.count("hold")
