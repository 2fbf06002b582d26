"""KPIs by agent: each credits who did the work, as slow loops over the events say."""

import numpy as np
import pandas as pd
import pytest
from deskcast.features.case_log.log import CaseLog
from deskcast.features.cases.history import case_history
from deskcast.features.errors import InputError
from deskcast.features.kpis.agent_credits import find_credit
from deskcast.features.kpis.cases_behind import find_rows_behind
from deskcast.features.kpis.kpi_history import find_unsplit_kpis, kpi_history
from full_logs import full_log

SEED = 11


def make_log(frames, **more):
    return CaseLog.from_frames(**frames, timezone="Europe/Lisbon", **more)


@pytest.fixture(scope="module")
def frames():
    frames = full_log(SEED, 40, 40)
    calls = frames["contacts"]
    calls["agent_id"] = np.where(calls["answered_at"].notna(), [f"a{i % 7}" for i in range(len(calls))], None)
    frames["agent_time"]["agent_id"] = [f"a{i % 7}" for i in range(len(frames["agent_time"]))]
    events = frames["events"]
    given = events.index[events["kind"] == "assigned"][::2]
    events["field"] = None
    events.loc[given, ["field", "new"]] = [["agent_id", f"a{i % 4}"] for i in range(len(given))]
    return frames


@pytest.fixture(scope="module")
def log(frames):
    return make_log(frames)


def slow_credit(log, credit):
    """Walk through the events of each case and note whose work it was."""
    events, out = log.frame("events").sort_values(["case_id", "at", "seq"]), {}
    events["public"] = events["public"].fillna(False).astype(bool)
    for case in case_history(log).itertuples():
        end = case.first_resolved_at if credit == "first" else case.resolved_at
        end, acted, given, replied = log.until if pd.isna(end) else end, None, None, None
        for event in events[events["case_id"] == case.case_id].itertuples():
            human = event.actor_role == "agent" and isinstance(event.actor_id, str)
            if human and event.at <= end:
                acted = event.actor_id
            if event.kind == "assigned" and event.field == "agent_id" and event.at <= end:
                given = event.new
            if human and event.kind == "message" and event.public and replied is None:
                replied = event.actor_id
        out[case.case_id] = replied if credit == "responder" else (given or acted) if credit == "owner" else acted
    return out


@pytest.mark.parametrize(
    ("credit", "kpis"),
    [
        ("owner", ["cases_resolved", "resolution_time", "sla_attainment", "csat", "transfer_rate"]),
        ("first", ["first_resolution_time", "first_contact_resolution", "reopen_rate"]),
        ("responder", ["first_response_time", "responded_within_24h"]),
    ],
)
def test_a_kpi_credits_the_agent_whom_slow_loops_name(log, frames, credit, kpis):
    assert {find_credit(kpi) for kpi in kpis} == {credit}
    named = log.frame("cases").assign(agent=lambda c: c["case_id"].map(slow_credit(log, credit)))
    other = make_log(frames | {"cases": named})
    assert named["agent"].nunique() > 3
    found, expected = (kpi_history(one, kpis, "agent", "MS", open_period=True) for one in (log, other))
    keys = ["kpi", "agent", "ds"]
    found, expected = (one[one["n"] > 0].set_index(keys).sort_index() for one in (found, expected))
    wanted = [k for k in expected.index if not k[0].startswith("sla_attainment_") or find_credit(k[0]) == credit]
    pd.testing.assert_frame_equal(found.loc[wanted], expected.loc[wanted])
    assert len(wanted) > 10


def test_what_several_agents_did_counts_for_each_of_them(log):
    history = kpi_history(log, ["agents_per_case", "agent_messages_per_case", "requests_per_agent"], "agent", "QS",
                          open_period=True)  # fmt: skip
    found = history.groupby(["kpi", "agent"])[["numerator", "n"]].sum()
    cases = case_history(log).set_index("case_id")
    done = cases.index[cases["resolved_at"].notna()]
    events = log.frame("events")
    events = events[(events["actor_role"] == "agent") & events["actor_id"].notna()]
    wrote = events[(events["kind"] == "message") & events["public"].fillna(False) & events["case_id"].isin(done)]
    for agent, mine in events.groupby("actor_id"):
        touched = [case for case in mine["case_id"].unique() if case in done]
        assert found.loc[("agents_per_case", agent), "numerator"] == cases.loc[touched, "agents"].sum()
        assert found.loc[("agents_per_case", agent), "n"] == len(touched)
        own = wrote[wrote["actor_id"] == agent]
        if len(own):
            assert found.loc[("agent_messages_per_case", agent), "numerator"] == len(own)
        quarter = mine["at"].dt.tz_convert(log.timezone).dt.quarter
        pairs = mine.groupby(quarter)["case_id"].nunique().sum()
        assert found.loc[("requests_per_agent", agent), "numerator"] == pairs


def test_calls_and_time_are_those_of_the_agent_of_the_row(log, frames):
    history = kpi_history(log, ["handle_time", "contact_effort_per_case", "availability"], "agent", "QS",
                          open_period=True)  # fmt: skip
    calls = frames["contacts"].dropna(subset=["answered_at"])
    handled = history[history["kpi"] == "handle_time"].groupby("agent")["n"].sum()
    assert handled[handled > 0].to_dict() == calls.groupby("agent_id").size().to_dict()
    done = case_history(log).set_index("case_id")["resolved_at"].notna()
    calls = calls[calls["case_id"].map(done).fillna(False) & calls["ended_at"].notna()]
    spent = (calls["ended_at"] - calls["answered_at"]).dt.total_seconds() + calls["wrap_s"].fillna(0)
    effort = history[history["kpi"] == "contact_effort_per_case"].groupby("agent")["numerator"].sum()
    assert effort[effort > 0].to_dict() == pytest.approx(spent.groupby(calls["agent_id"]).sum().to_dict())
    time = history[history["kpi"] == "availability"]
    assert set(time["agent"]) == set(frames["agent_time"]["agent_id"])


def test_parts_of_agents_sum_to_the_total_and_lead_to_their_cases(log):
    kpis = ["cases_resolved", "response_time", "reopen_rate", "handle_time", "sla_attainment"]
    parts = kpi_history(log, kpis, "agent", "QS", open_period=True).groupby("kpi")["n"].sum()
    whole = kpi_history(log, kpis, (), "QS", open_period=True).groupby("kpi")["n"].sum()
    names = [kpi for kpi in whole.index if not kpi.startswith("sla_attainment_")]
    pd.testing.assert_series_equal(parts[names], whole[names])
    rows = find_rows_behind(log, "requests_per_agent", "2024-03", {"agent": "a1"})
    one = kpi_history(log, "requests_per_agent", "agent", "MS", open_period=True)
    one = one[(one["agent"] == "a1") & (one["ds"] == "2024-03-01")].iloc[0]
    assert [rows["n"].sum(), rows["numerator"].sum()] == [one["n"], one["numerator"]]


def test_the_credit_is_the_same_whatever_happens_later(frames, log):
    then = log.until - pd.Timedelta(days=12)
    cut = {name: table.copy() for name, table in frames.items()}
    cut["cases"] = cut["cases"][cut["cases"]["created_at"] <= then]
    cut["events"] = cut["events"][cut["events"]["at"] <= then]
    short = make_log({"cases": cut["cases"], "events": cut["events"]}, until=then)
    kpis = ["cases_resolved", "response_time", "reopen_rate", "requests_per_agent"]
    seen, alone = (kpi_history(one, kpis, "agent", "W", open_period=True) for one in (log.as_of(then), short))
    pd.testing.assert_frame_equal(seen, alone)
    assert seen["n"].sum() > 5


def test_what_no_agent_did_is_not_split_by_agents(log):
    assert find_unsplit_kpis(log, ["backlog", "cases_opened", "cost_per_case", "reopen_rate"], "agent") == [
        *("backlog", "cases_opened", "cost_per_case")
    ]
    with pytest.raises(InputError, match="backlog cannot be split by these columns"):
        kpi_history(log, "backlog", "agent")


def test_a_log_that_names_no_agents_says_what_it_lacks():
    cases = pd.DataFrame({"case_id": ["1"], "created_at": ["2024-03-01T09:00Z"]})
    ends = pd.DataFrame({"case_id": ["1"], "kind": ["resolved"], "at": ["2024-03-02T11:00Z"]})
    with pytest.raises(InputError, match="nothing in this log tells which agent acted; got 'agent'"):
        kpi_history(CaseLog.from_frames(cases=cases, events=ends), "cases_resolved", "agent")


def test_a_reply_is_that_of_who_wrote_it_and_one_without_a_name_not_that_of_the_next_agent():
    cases = pd.DataFrame({"case_id": ["1", "2"], "created_at": pd.Timestamp("2024-03-01T09:00Z")})
    rows = [("1", "customer", "kim", 9), ("1", "agent", None, 10), ("1", "agent", "ann", 11)]
    rows += [("2", "customer", "kim", 9), ("2", "agent", "bob", 12), ("2", "customer", "kim", 13)]
    events = pd.DataFrame(rows, columns=["case_id", "actor_role", "actor_id", "hour"])
    events = events.assign(kind="message", public=True)
    events["at"] = pd.Timestamp("2024-03-01T00:00Z") + pd.to_timedelta(events.pop("hour"), unit="h")
    log = make_log({"cases": cases, "events": events}, until="2024-03-03T00:00Z")
    found = kpi_history(log, ["response_time"], "agent", "D")
    found = found[(found["kpi"] == "response_time") & (found["n"] > 0)].set_index("agent")
    assert found["n"].to_dict() == {"(missing)": 2, "bob": 1}  # one has no reply yet
    assert found.loc["bob", "value"] == 10800.0
