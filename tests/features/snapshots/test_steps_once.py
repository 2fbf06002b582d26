"""Steps of cases are made once a log, and what they tell at an instant is the same whatever comes later."""

import pandas as pd
from deskcast.features.case_log.log import CaseLog
from deskcast.features.snapshots import case_steps as making
from deskcast.features.snapshots.case_steps import case_steps
from deskcast.features.snapshots.snapshots import snapshots


def test_before_the_first_act_of_an_agent_nobody_is_counted_whatever_comes_later():
    created = ["2024-03-01T08:00Z", "2024-03-01T08:30Z"]
    cases = pd.DataFrame({"case_id": ["1", "2"], "created_at": created, "team": "a"})
    events = pd.DataFrame(
        {"case_id": ["2", "1"], "at": ["2024-03-01T10:00Z", "2024-03-01T12:00Z"], "kind": ["message", "resolved"],
         "actor_id": ["ann", "ann"], "actor_role": "agent", "team": "a"}
    )  # fmt: skip
    policies = pd.DataFrame({"policy": ["all"], "metric": ["resolution"], "target_s": [86400], "clock": "calendar"})
    log = CaseLog.from_frames(cases=cases, events=events, sla_policies=policies)
    early, late = "2024-03-01T09:00Z", "2024-03-01T11:00Z"
    both = snapshots(log, [early, late]).set_index(["at", "case_id"])["agents_in_team_7d"].unstack("case_id")
    alone = snapshots(log.as_of(early), [early])["agents_in_team_7d"]
    assert both.iloc[0].isna().all()
    assert alone.isna().all()
    assert both.iloc[1].tolist() == [1.0, 1.0]


def test_the_steps_of_the_cases_are_made_once_a_log(monkeypatch):
    made = []
    monkeypatch.setattr(making, "case_steps", lambda log: made.append(log) or case_steps(log))
    cases = pd.DataFrame({"case_id": ["1"], "created_at": ["2024-03-01T08:00Z"]})
    events = pd.DataFrame({"case_id": ["1"], "at": ["2024-03-01T10:00Z"], "kind": ["resolved"]})
    policies = pd.DataFrame({"policy": ["all"], "metric": ["resolution"], "target_s": [86400], "clock": "calendar"})
    log = CaseLog.from_frames(cases=cases, events=events, sla_policies=policies)
    for at in (["2024-03-01T09:00Z"], "creation", "updates"):
        snapshots(log, at)
    assert made == [log]
