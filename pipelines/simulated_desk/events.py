"""The events of the simulated desk: what the agents and customers did, told case by case."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from ...features.case_log.schema import ACTOR_ROLES, EVENT_KINDS
from .arrivals import Cases
from .columns import boolean_column, text_column, time_column
from .contacts import Contacts
from .work import (
    ASK,
    DAY_S,
    ESCALATE,
    EXPIRE,
    FIRST,
    MERGE,
    PASS_ON,
    RAISE,
    REOPEN,
    REPLY,
    RESOLVE,
    TEAM_NAMES,
    Touches,
    case_line,
)
from .world import END_S, Array

#: Days after the last resolution on which the system closes a case.
AUTO_CLOSE_AFTER_S = 5 * DAY_S
#: Days after which the system resolves a case whose customer does not answer.
AUTO_RESOLVE_AFTER_S = 7 * DAY_S
STATES = ("new", "open", "pending", "resolved", "closed")
NEW, OPEN, PENDING, RESOLVED, CLOSED = range(5)
_FIELDS = ("status", "team", "priority", "tier")
_STATUS, _TEAM, _PRIORITY, _TIER = range(4)
_TEAM_WORD = len(STATES)
_PRIORITY_WORD = _TEAM_WORD + len(TEAM_NAMES)
_WORDS = (*STATES, *TEAM_NAMES, "1", "2", "3", "4")
_CASE_WORD = len(_WORDS)
_BOT, _FIRST_CUSTOMER = 0, 1


@dataclass
class EventBuilder:
    """Events as they are told, in columns of codes; :meth:`frame` puts them in order."""

    columns: dict[str, list[Array]] = field(default_factory=dict)

    def add_event(self, kind: str, order: int, case: Array, at: Array, role: str, **facts: Any) -> None:
        """Add one event a case; ``order`` ranks events of a case at the same second."""
        size = len(case)
        values: dict[str, Any] = {
            "case": case,
            "at": at,
            "order": order,
            "kind": EVENT_KINDS.index(kind),
            "role": ACTOR_ROLES.index(role),
            "field": -1,
            "old": -1,
            "new": -1,
            "actor": -1,
            "public": -1,
            "team": -1,
        }
        values.update(facts)
        for name, value in values.items():
            dtype = np.int32 if name in ("case", "at", "new", "actor") else np.int8
            self.columns.setdefault(name, []).append(np.broadcast_to(value, size).astype(dtype))

    def state(self, kind: str, order: int, case: Array, at: Array, role: str, **facts: Any) -> None:
        """Add an event that changes the state, and the change itself right after it."""
        change = {"field": _STATUS, "old": facts.pop("old"), "new": facts.pop("new")}
        if kind != "status":
            self.add_event(kind, order, case, at, role, **facts)
        self.add_event("status", order + 1, case, at, role, **facts, **change)

    def codes(self) -> dict[str, Array]:
        """Return the events up to the end of the log, by case and time."""
        told = {}
        for name in list(self.columns):
            told[name] = np.concatenate(self.columns.pop(name))
        key = (told["case"].astype(np.int64) << 31) | (told["at"].astype(np.int64) << 4) | told.pop("order")
        kept = np.flatnonzero((told["at"] <= END_S) & (told["at"] >= 0))
        order = kept[np.argsort(key[kept])]
        return {name: values[order] for name, values in told.items()}


def build_events(cases: Cases, contacts: Contacts, settled: Array, bot: Array, touches: Touches) -> dict[str, Array]:
    """Return the codes of all events, by case and time."""
    story = EventBuilder()
    everyone = np.arange(len(cases))
    team = 2 + 3 * cases.site + case_line(cases)
    customer = _FIRST_CUSTOMER + cases.customer
    story.add_event("created", 0, everyone, cases.at, "customer", actor=customer)
    story.add_event("assigned", 1, everyone, cases.at, "system", field=_TEAM, new=_TEAM_WORD + team, team=team)
    first_agent = _FIRST_CUSTOMER + int(cases.customer.max(initial=0)) + 1
    _add_contact_events(story, contacts, settled, first_agent)
    robot = np.flatnonzero(bot >= 0)
    story.add_event("message", 7, robot, bot[robot], "bot", actor=_BOT, public=1)
    story.state("resolved", 11, robot, bot[robot], "bot", actor=_BOT, old=NEW, new=RESOLVED)
    _add_touch_events(story, cases, contacts, touches, first_agent)
    _add_closing_events(story, cases, contacts, settled, bot, touches)
    return story.codes()


def _add_contact_events(story: EventBuilder, contacts: Contacts, settled: Array, first_agent: int) -> None:
    talks = np.flatnonzero((contacts.case >= 0) & (contacts.outcome == 0))
    case, agent = contacts.case[talks], first_agent + contacts.agent[talks]
    team = contacts.channel[talks]
    story.state("status", 5, case, contacts.start[talks], "agent", actor=agent, old=NEW, new=OPEN, team=team)
    story.add_event("message", 7, case, contacts.start[talks], "agent", actor=agent, public=1, team=team)
    done = np.flatnonzero(settled)
    agent, team = first_agent + contacts.agent[done], contacts.channel[done]
    facts = {"actor": agent, "old": OPEN, "new": RESOLVED, "team": team}
    story.state("resolved", 11, contacts.case[done], contacts.free[done], "agent", **facts)


def _add_touch_events(
    story: EventBuilder, cases: Cases, contacts: Contacts, touches: Touches, first_agent: int
) -> None:
    team = 2 + 3 * cases.site[touches.case] + touches.line
    agent = first_agent + touches.agent
    customer = _FIRST_CUSTOMER + cases.customer[touches.case]

    def told(rows: Array) -> tuple[Array, Array]:
        where = np.flatnonzero(rows)
        return where, touches.case[where]

    back, case = told((touches.reason == REPLY) & (touches.arrived >= 0))
    at = touches.arrived[back]
    story.add_event("message", 2, case, at, "customer", actor=customer[back], public=1, team=team[back])
    story.state("resumed", 3, case, at, "system", old=PENDING, new=OPEN, team=team[back])

    back, case = told((touches.reason == REOPEN) & (touches.arrived >= 0))
    at = touches.arrived[back]
    story.add_event("message", 2, case, at, "customer", actor=customer[back], public=1, team=team[back])
    story.state("reopened", 3, case, at, "customer", actor=customer[back], old=RESOLVED, new=OPEN, team=team[back])

    begun, fresh = touches.start >= 0, _unopened(cases, contacts, touches)
    new, case = told(begun & fresh)
    facts = {"actor": agent[new], "old": NEW, "new": OPEN, "team": team[new]}
    story.state("status", 5, case, touches.start[new], "agent", **facts)

    _add_priority_events(story, touches, agent, team)
    ends = np.where(begun, touches.end, -1)
    spoken, case = told(begun)
    public = np.isin(touches.result[spoken], [RESOLVE, ASK, EXPIRE]) | (touches.handle[spoken] % 2 == 0)
    facts = {"actor": agent[spoken], "public": public, "team": team[spoken]}
    story.add_event("message", 7, case, ends[spoken], "agent", **facts)
    asked, case = told(begun & np.isin(touches.result, [ASK, EXPIRE]))
    facts = {"actor": agent[asked], "old": OPEN, "new": PENDING, "team": team[asked]}
    story.state("paused", 8, case, ends[asked], "agent", **facts)
    _add_transfer_events(story, cases, touches, agent, team, ends)
    over, case = told(begun & (touches.result == RESOLVE))
    facts = {"actor": agent[over], "old": OPEN, "new": RESOLVED, "team": team[over]}
    story.state("resolved", 11, case, ends[over], "agent", **facts)
    joined, case = told(begun & (touches.result == MERGE))
    facts = {"actor": agent[joined], "new": _CASE_WORD + cases.before[case], "team": team[joined]}
    story.add_event("merged", 11, case, ends[joined], "agent", **facts)


def _unopened(cases: Cases, contacts: Contacts, touches: Touches) -> Array:
    """Return which touches find the case new: it was written, or nobody answered the call."""
    talked = np.zeros(len(cases), dtype=bool)
    talked[contacts.case[(contacts.case >= 0) & (contacts.outcome == 0)]] = True
    return np.asarray((touches.reason == FIRST) & ~talked[touches.case])


def _add_priority_events(story: EventBuilder, touches: Touches, agent: Array, team: Array) -> None:
    """An escalation raises the priority of what is not urgent yet, as the specialists begin."""
    raised = np.flatnonzero((touches.reason == ESCALATE) & (touches.start >= 0))
    before = touches.priority[touches.after[raised]]
    after = touches.priority[raised]
    raised, before, after = (x[before != after] for x in (raised, before, after))
    facts = {"field": _PRIORITY, "old": _PRIORITY_WORD + before - 1, "new": _PRIORITY_WORD + after - 1}
    facts |= {"actor": agent[raised], "team": team[raised]}
    story.add_event("priority", 6, touches.case[raised], touches.start[raised], "agent", **facts)


def _add_transfer_events(
    story: EventBuilder, cases: Cases, touches: Touches, agent: Array, team: Array, ends: Array
) -> None:
    moved = np.flatnonzero((touches.start >= 0) & np.isin(touches.result, [PASS_ON, RAISE]))
    base = 2 + 3 * cases.site[touches.case[moved]]
    up = touches.result[moved] == RAISE
    new = np.where(up, base + 2, base + 1 - touches.line[moved])
    facts = {"field": _TEAM, "old": _TEAM_WORD + team[moved], "new": _TEAM_WORD + new}
    facts |= {"actor": agent[moved], "team": new}
    story.add_event("assigned", 10, touches.case[moved], ends[moved], "agent", **facts)
    high = moved[up]
    facts = {"field": _TIER, "old": _PRIORITY_WORD, "new": _PRIORITY_WORD + 1, "actor": agent[high], "team": team[high]}
    story.add_event("escalated", 9, touches.case[high], ends[high], "agent", **facts)


def _add_closing_events(
    story: EventBuilder, cases: Cases, contacts: Contacts, settled: Array, bot: Array, touches: Touches
) -> None:
    """The system resolves what stays unanswered, and closes what stays resolved."""
    silent = np.flatnonzero((touches.result == EXPIRE) & (touches.start >= 0))
    story.state(
        "resolved",
        11,
        touches.case[silent],
        touches.end[silent] + AUTO_RESOLVE_AFTER_S,
        "system",
        old=PENDING,
        new=RESOLVED,
    )
    resolved = final_resolution(cases, contacts, settled, bot, touches)
    over = np.flatnonzero(resolved >= 0)
    story.state("closed", 13, over, resolved[over] + AUTO_CLOSE_AFTER_S, "system", old=RESOLVED, new=CLOSED)


def final_resolution(cases: Cases, contacts: Contacts, settled: Array, bot: Array, touches: Touches) -> Array:
    """Return when each case is resolved for good, also after the end of the log; -1 where the queue left it open."""
    resolved = np.full(len(cases), -1, dtype=np.int64)
    resolved[contacts.case[settled]] = contacts.free[settled]
    resolved = np.where(bot >= 0, bot, resolved)
    last = np.ones(len(touches), dtype=bool)
    last[touches.after[touches.after >= 0]] = False
    resolved[touches.case] = -1
    done = np.flatnonzero(last & (touches.start >= 0) & np.isin(touches.result, [RESOLVE, EXPIRE]))
    resolved[touches.case[done]] = touches.end[done] + AUTO_RESOLVE_AFTER_S * (touches.result[done] == EXPIRE)
    return resolved


def events_frame(codes: dict[str, Array], case_ids: Any, customer_ids: Any, agent_ids: list[str]) -> pd.DataFrame:
    """Turn the codes into the canonical table."""
    import pyarrow as pa

    case = codes["case"]
    begins = np.flatnonzero(np.r_[True, case[1:] != case[:-1]])
    seq = np.arange(len(case)) - np.repeat(begins, np.diff(np.r_[begins, len(case)]))
    people = pa.concat_arrays(
        [pa.array(["bot"], pa.large_string()), customer_ids, pa.array(agent_ids, pa.large_string())]
    )
    told = pa.concat_arrays([pa.array(_WORDS, pa.large_string()), case_ids])
    columns = {
        "case_id": text_column(case, case_ids),
        "seq": pd.Series(seq, dtype="Int64"),
        "at": time_column(codes["at"]),
        "kind": text_column(codes["kind"], EVENT_KINDS),
        "field": text_column(codes["field"], _FIELDS),
        "old": text_column(codes["old"], _WORDS),
        "new": text_column(codes["new"], told),
        "actor_id": text_column(codes["actor"], people),
        "actor_role": text_column(codes["role"], ACTOR_ROLES),
        "public": boolean_column(codes["public"]),
        "team": text_column(codes["team"], TEAM_NAMES),
    }
    return pd.DataFrame(columns, copy=False)
