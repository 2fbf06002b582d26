"""A small desk with two teams, made in a moment: results and state for tests of the page."""

import pandas as pd
from deskcast.pipelines.stage import Stage
from deskcast.pipelines.state.database import change_state
from deskcast.pipelines.state.issue import Issue, issue_rows
from deskcast.pipelines.store.results import replace_folder, write_stages
from deskcast.pipelines.words.facts import Fact, Finding
from deskcast.pipelines.words.instants import Instants

AS_OF = pd.Timestamp("2024-04-01T07:00Z")
NASTY = "<script>alert(1)</script>'\"=1+1"


def risk(n=60):
    number = pd.Series(range(n))
    return pd.DataFrame(
        {
            "rank": number + 1,
            "case_id": [NASTY, "A/7 b", *[f"C{i:03d}" for i in range(2, n)]],
            "metric": "resolution",
            "probability": 1 - number / n,
            "risk_level": (number > n / 2).map({True: "low", False: "high"}),
            "due_at": AS_OF + pd.to_timedelta(number + 1, unit="h"),
            "left_wall_s": (number + 1) * 3600.0,
            "left_business_s": (number + 1) * 3600.0,
            "owner": [f"agent {i % 7}" if i % 3 else None for i in number],
            "team": [("north", "south")[i % 2] for i in number],
            "priority": [str(1 + i % 4) for i in number],
            "reason_1": "90% of the SLA time is used",
            "action": "call the customer",
            "work_first": number < 5,
        }
    )


def make_stages(n=60):
    cases = risk(n)
    breached = pd.DataFrame(
        {"case_id": ["B1", "B2"], "metric": "resolution", "due_at": AS_OF, "overdue_s": [60.0, 7200.0],
         "team": ["north", "south"], "priority": "1", "owner": None}
    )  # fmt: skip
    clocks = cases[["case_id", "left_business_s", "priority", "team"]].assign(
        target_used=0.9, paused=False, metric="resolution", product="P", channel="web"
    )
    events = pd.DataFrame(
        {"case_id": ["C002", "C002", "C003"], "seq": [1, 2, 1], "at": AS_OF, "kind": ["created", "assigned", "created"],
         "new": [None, "north", None], "team": [None, "north", None]}
    )  # fmt: skip
    past = pd.DataFrame(
        {"case_id": [f"P{i}" for i in range(20)], "resolved_at": AS_OF, "resolution_s": 3600.0 * pd.Series(range(20)),
         "priority": "1", "team": "north", "product": "P", "channel": "web", "breached": [True] * 5 + [False] * 15}
    )  # fmt: skip
    reasons = pd.DataFrame(
        {"case_id": ["C002", "C003"], "place": 1, "contribution": [1.0, -1.0], "reason": ["age", "owner"], "rank": 1}
    )
    tables = {"risk": cases, "breached_cases": breached, "reasons": reasons, "case_clocks": clocks,
              "case_events": events, "past_cases": past}  # fmt: skip
    said = Finding("Case C003: breach risk 95%.", Fact("breach_risk", "C003", 0.95, "probability"))
    history = pd.DataFrame(
        {"kpi": "csat", "channel": ["web", "phone"], "ds": pd.to_datetime(["2024-03-01", "2024-03-02"]),
         "value": [0.8, 0.7], "n": [10.0, 12.0]}
    )  # fmt: skip
    return [
        Stage("check", {"checks": pd.DataFrame({"check": ["Rows"], "result": ["60"]})}, ("60 cases were read.",)),
        Stage("history", {"history": history}, ("Two days.",)),
        Stage("risk", tables, ("2 cases have breached.", said)),
    ]


def write_desk(folder, n=60, stages=None):
    """Write results and a state with two mornings of risks; return the results folder."""
    place = folder / "results"
    with replace_folder(place) as staging:
        write_stages(
            make_stages(n) if stages is None else stages, staging, version="0.1.0", instants=Instants.now(AS_OF, AS_OF)
        )
    for day in (1, 0):
        at = AS_OF - pd.Timedelta(days=day)
        rows = risk(n)[["case_id", "probability", "work_first", "action"]].assign(expected_benefit=1.0, left_s=60.0)
        with change_state(place) as state:
            issue_rows(state, Issue("risk", "resolution", at, at, at, "mean", {}), rows)
    return place
