"""Steps of cases against a twin that walks through each case, event by event."""

import numpy as np
import pandas as pd
from deskcast.features.case_log.log import CaseLog
from deskcast.features.snapshots.case_state import select_cases_as_of
from deskcast.features.snapshots.case_steps import END_EVENT_KINDS, case_steps
from hypothesis import given, settings
from hypothesis import strategies as st

START = pd.Timestamp("2024-03-01T00:00Z")
KINDS = (
    "created",
    "assigned",
    "status",
    "priority",
    "message",
    "resolved",
    "reopened",
    "closed",
    "merged",
    "escalated",
)
EVENT = st.tuples(
    st.integers(0, 3),  # case
    st.integers(0, 60),  # minute
    st.integers(0, 5),  # minutes until it is known
    st.sampled_from(KINDS),
    st.sampled_from(["x", "y", None]),  # new value
    st.sampled_from(["a", "b", None]),  # team
    st.sampled_from(["ann", "bob", None]),
    st.sampled_from(["agent", "customer", None]),
    st.booleans(),
)


def build_log(events, created):
    cases = pd.DataFrame(
        {"case_id": [f"c{i}" for i in range(4)], "created_at": [START + pd.Timedelta(minutes=m) for m in created],
         "team": ["a", None, "c", None], "priority": ["high", None, None, "low"]}
    )  # fmt: skip
    names = ["case_id", "at", "recorded_at", "kind", "new", "team", "actor_id", "actor_role", "public"]
    rows = pd.DataFrame(events, columns=names)
    rows["case_id"] = "c" + rows["case_id"].astype(str)
    minutes = pd.to_timedelta(rows["at"], "min")
    rows["at"], rows["recorded_at"] = START + minutes, START + minutes + pd.to_timedelta(rows["recorded_at"], "min")
    rows["seq"] = np.arange(len(rows))
    text = ["new", "team", "actor_id", "actor_role"]
    rows[text] = rows[text].astype("str")
    return CaseLog.from_frames(cases=cases, events=rows, until=START + pd.Timedelta(minutes=90))


def walk(case, events, at):
    """Return the state of a case at an instant."""
    known = sorted((max(e["recorded_at"], case["created_at"]), e["seq"], i) for i, e in events.iterrows())
    here = {"is_open": True, "is_closed": False, "status": None, "priority": case["priority"], "team": case["team"]}
    here |= {"updates": 0, "reopens": 0, "transfers": 0, "waiting_since": None, "unanswered_messages": 0}
    handed, agents = None, set()
    for when, _, i in known:
        event = events.loc[i]
        if when > at:
            break
        kind, was_open = event["kind"], here["is_open"]
        here["updates"] += kind != "created"
        if kind in END_EVENT_KINDS:
            here["is_open"] = False
            here["is_closed"] |= kind != "resolved"
        if kind == "reopened":
            here["reopens"] += not was_open
            here |= {"is_open": True, "is_closed": False}
        if kind in ("status", "priority") and isinstance(event["new"], str):
            here[kind] = event["new"]
        if isinstance(event["team"], str):
            here["transfers"] += handed is not None and event["team"] != handed
            here["team"] = handed = event["team"]
        role = event["actor_role"]
        if isinstance(event["actor_id"], str) and role != "customer" and kind != "created":
            agents.add(event["actor_id"])
        if kind == "message" and event["public"] and role == "agent":
            here |= {"waiting_since": None, "unanswered_messages": 0}
        if kind == "message" and event["public"] and role == "customer":
            here["waiting_since"] = here["waiting_since"] or when
            here["unanswered_messages"] += 1
    return here | {"agents": len(agents)}


@settings(max_examples=40, deadline=None)
@given(st.lists(EVENT, min_size=1, max_size=25), st.lists(st.integers(0, 40), min_size=4, max_size=4))
def test_the_state_at_an_instant_is_that_of_walking_through_the_case(events, created):
    log = build_log(events, created)
    cases, rows = log.frame("cases"), log.frame("events")
    at = START + pd.Timedelta(minutes=40)
    asked = pd.DataFrame({"case_id": cases["case_id"], "at": at})
    found = select_cases_as_of(case_steps(log), asked).set_index("case_id")
    for case in cases.to_dict("records"):
        wanted = walk(case, rows[rows["case_id"] == case["case_id"]], at)
        state = found.loc[case["case_id"]]
        is_closed = wanted.pop("is_closed")
        assert bool(state["is_resolved"]) == (not wanted["is_open"] and not is_closed)
        for name, value in wanted.items():
            assert (pd.isna(state[name]) and pd.isna(value)) or state[name] == value, name


def test_a_share_of_the_cases_is_the_same_in_any_order():
    events = [(i, 5, 0, "message", None, None, None, "customer", True) for i in range(4)]
    steps = case_steps(build_log(events, [0, 0, 0, 0]))
    ats = pd.date_range(START + pd.Timedelta(minutes=10), periods=40, freq="1min").as_unit("us")
    looks = pd.DataFrame({"at": ats, "share": np.where(np.arange(40) % 2, 0.5, 1.0)})
    seen = select_cases_as_of(steps, looks)
    again = select_cases_as_of(steps, looks.sample(frac=1, random_state=1))
    pd.testing.assert_frame_equal(seen, again)
    taken = seen["at"].value_counts().reindex(ats, fill_value=0).to_numpy()
    assert (taken[::2] == 4).all()
    assert 20 < taken[1::2].sum() < 60
