"""Measured shrinkage, adherence and chats at once beside what is configured: warned of only where it is off."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from deskcast.features.case_log.log import CaseLog
from deskcast.pipelines.project.config import load_config
from deskcast.pipelines.project.specs import StaffingSpec
from deskcast.pipelines.stage import Stage
from deskcast.pipelines.stages.measured import is_concurrency_off, measure_agents
from deskcast.pipelines.stages.queue import FIGURES, PlannedQueue
from deskcast.pipelines.words.columns import find_column
from deskcast.pipelines.words.contradictions import contradictions
from deskcast.pipelines.words.figures import figures_table

DAYS = pd.date_range("2024-01-01", periods=60, tz="UTC")


def make_log(share, at_once=2, absences=True, schedules=True):
    """Return a log of four agents on a queue of chats, and one elsewhere who never rests."""
    time, chats, plan = [], [], []
    dice = np.random.default_rng(5)
    for agent in "abcde":
        for day in DAYS:
            start, off = day + pd.Timedelta("8h"), 0 if agent == "e" else max(0.0, share + dice.normal(0, 0.01)) * 8
            turn = start + pd.Timedelta(hours=off)
            time += [(agent, "x", start, turn, "absent" if absences else "break")] if off else []
            time.append((agent, "x", turn, start + pd.Timedelta("8h"), "handling"))
            plan.append((agent, start, start + pd.Timedelta("8h"), "phone", True))
            channel = "phone" if agent == "e" else "chat"
            chats += [(agent, channel, turn, turn + pd.Timedelta("1h")) for _ in range(1 if agent == "e" else at_once)]
    frame = pd.DataFrame(chats, columns=["agent_id", "channel", "answered_at", "ended_at"])
    frame = frame.assign(contact_id=[f"k{i}" for i in range(len(frame))], queued_at=frame["answered_at"])
    tables = {
        "agent_time": pd.DataFrame(time, columns=["agent_id", "team", "start", "end", "state"]).assign(paid=True),
        "contacts": frame.assign(outcome="answered"),
    }
    if schedules:
        tables["schedules"] = pd.DataFrame(plan, columns=["agent_id", "start", "end", "activity", "paid"])
    return CaseLog.from_frames(**tables)


def measure(log, **spec):
    queue = PlannedQueue(SimpleNamespace(log=log), "chat", StaffingSpec(kind="chat", **spec))
    return measure_agents(SimpleNamespace(log=log), {"chat": queue})


def test_a_configured_figure_is_warned_of_only_beyond_its_interval():
    tables, said = measure(make_log(0.2), shrinkage=0.1, concurrency=2)
    whole = tables["shrinkage"].query("kind == 'all' and period == 'all'").iloc[0]
    assert whole["lo"] < 0.2 < whole["hi"]
    assert whole["agent_days"] == 4 * len(DAYS)  # the agent of another queue is not among them
    assert "schedules too few agents: set the measured figure" in said[0]
    assert "The plan" not in measure(make_log(0.2), shrinkage=float(whole["share"]), concurrency=2)[1][0]
    assert "too many agents" in measure(make_log(0.2), shrinkage=0.3, concurrency=2)[1][0]
    assert "Absences are not recorded" in measure(make_log(0.2, absences=False), shrinkage=0.3, concurrency=2)[1][0]
    held = Stage("staff", tables | figures_table(FIGURES, said), tuple(said))
    assert contradictions(held) == []
    assert all(find_column(name, c) for name, table in tables.items() for c in table)


def test_chats_at_once_are_warned_of_where_agents_hold_more_than_configured_or_never_as_many():
    said = {n: measure(make_log(0.2, at_once=2), shrinkage=0.2, concurrency=n)[1][-1] for n in (1, 2, 3)}
    assert [("Configured are" in said[n]) for n in (1, 2, 3)] == [True, False, True]
    assert "hold 2.00 chats at once on average" in said[2]


def test_adherence_needs_schedules_and_without_agents_time_nothing_is_said():
    tables, said = measure(make_log(0.25), shrinkage=0.25, concurrency=2)
    adherence = (4 * 0.75 + 1) / 5
    assert tables["team_time"]["adherence"].iloc[0] == pytest.approx(adherence, abs=0.005)
    assert any(text.startswith("Adherence of x: 80%") for text in said)  # of one team nothing is lowest
    log = make_log(0.25)
    time = log.frame("agent_time")
    for team, start in ((time["agent_id"].map({"a": "y", "b": None}), "Team y has the lowest adherence: 75%"),
                        (None, "Adherence of all agents: 80%")):  # fmt: skip
        if team is not None:
            frame = time.assign(team=team.where(time["agent_id"].isin(["a", "b"]), "x"))
        else:
            frame = time.drop(columns="team")
        others = {name: log.frame(name) for name in ("contacts", "schedules")}
        told = measure(CaseLog.from_frames(agent_time=frame, **others), shrinkage=0.25, concurrency=2)[1]
        assert any(text.startswith(start) for text in told)
    assert "adherence" not in measure(make_log(0.25, schedules=False), shrinkage=0.25)[0]["team_time"]
    abandoned = {"contact_id": ["k"], "channel": ["chat"], "queued_at": [DAYS[0]], "outcome": ["abandoned"]}
    assert measure(CaseLog.from_frames(contacts=pd.DataFrame(abandoned))) == ({}, [])


def test_the_demo_is_planned_for_as_many_chats_as_its_agents_hold(demo_home):
    held = pd.read_parquet(demo_home / "desk" / "results" / "concurrency.parquet")
    chat = load_config(demo_home / "desk" / "deskcast.toml").staffing["chat"]
    assert not is_concurrency_off(held[held["queue"] == "chat"], chat.concurrency)
    assert is_concurrency_off(held[held["queue"] == "chat"], chat.concurrency + 1)
