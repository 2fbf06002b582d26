"""The time of the agents of the simulated desk, and what it costs."""

from __future__ import annotations

import numpy as np
import pandas as pd

from .columns import text_column, time_column
from .contacts import Contacts
from .staff import LUNCH, Member, repeat_plan
from .work import TEAM_NAMES, Touches
from .world import END_DAY, END_S, FIRST_DAY, TIMEZONE, Array

#: Handling goes before the rest; of the two breaks, the second is lunch, which is not paid.
_STATES = ("handling", "available", "break", "break", "training", "absent", "leave")
_HANDLING, _AVAILABLE, _BREAK, _LUNCH = range(4)
_KINDS = ("present", "breaks", "lunches", "training", "absent", "leave")
_WORDS = ("phone", "chat", "cases", "break", "training", "leave")


def agent_time_frame(crew: list[Member], contacts: Contacts, touches: Touches) -> pd.DataFrame:
    """Return each agent's time in stretches without overlap; handling goes before a break that it runs into."""
    agent, at, state, step = _boundaries(crew, contacts, touches)
    order = np.lexsort((at, agent))
    agent, at, state, step = agent[order], at[order], state[order], step[order]
    on = np.empty((len(_STATES), len(order)), dtype=bool)
    for code in range(len(_STATES)):  # every stretch is closed again, so one running sum serves all agents
        on[code] = np.cumsum(np.where(state == code, step, 0)) > 0
    now: Array = np.where(on.any(axis=0), on.argmax(axis=0), -1)
    length = np.diff(at, append=0)
    same = np.r_[agent[1:] == agent[:-1], False]
    real = np.flatnonzero(same & (length > 0))
    agent, begin, end, now = agent[real], at[real], at[real + 1], now[real]
    fresh = np.r_[True, (agent[1:] != agent[:-1]) | (now[1:] != now[:-1]) | (begin[1:] != end[:-1])]
    first: Array = np.flatnonzero(fresh)
    last = np.r_[first[1:] - 1, len(agent) - 1]
    agent, begin, end, now = agent[first], begin[first], end[last], now[first]
    kept = np.flatnonzero((now >= 0) & (begin < END_S))
    team = np.array([m.team for m in crew])
    columns = {
        "agent_id": text_column(agent[kept], [m.name for m in crew]),
        "team": text_column(team[agent[kept]], TEAM_NAMES),
        "start": time_column(begin[kept]),
        "end": time_column(np.where(end[kept] <= END_S, end[kept], -1)),
        "state": text_column(np.where(now == _LUNCH, _BREAK, now)[kept], _STATES),
        "paid": pd.Series(now[kept] != _LUNCH, dtype="boolean"),
    }
    return pd.DataFrame(columns, copy=False)


def schedules_frame(crew: list[Member]) -> pd.DataFrame:
    """Return each agent's planned time, with that of the two weeks ahead."""
    rows = [(i, *row) for i, member in enumerate(crew) for row in repeat_plan(member.plan, END_S)]
    agent, begin, end, activity = np.array(sorted(rows), dtype=np.int64).reshape(-1, 4).T
    team = np.minimum(np.array([m.team for m in crew]), 2)[agent]
    word = np.choose(activity, [team, 3, 3, 4, 5])
    columns = {
        "agent_id": text_column(agent, [m.name for m in crew]),
        "start": time_column(begin),
        "end": time_column(end),
        "activity": text_column(word, _WORDS),
        "paid": pd.Series(activity != LUNCH, dtype="boolean"),
    }
    return pd.DataFrame(columns, copy=False)


def _boundaries(crew: list[Member], contacts: Contacts, touches: Touches) -> tuple[Array, Array, Array, Array]:
    parts = []
    talked, worked = np.flatnonzero(contacts.agent >= 0), np.flatnonzero(touches.agent >= 0)
    for rows, source, end in ((talked, contacts, contacts.free), (worked, touches, touches.end)):
        parts.append((source.agent[rows], source.start[rows], end[rows], _HANDLING))
    for code, kind in enumerate(_KINDS, start=_AVAILABLE):
        flat = [(i, *stretch) for i, m in enumerate(crew) for stretch in getattr(m, kind)]
        table = np.array(flat, dtype=np.int64).reshape(-1, 3)
        parts.append((table[:, 0], table[:, 1], table[:, 2], code))
    agent = np.concatenate([p[0] for p in parts] * 2)
    at = np.concatenate([p[1] for p in parts] + [p[2] for p in parts])
    state = np.concatenate([np.full(len(p[0]), p[3]) for p in parts] * 2)
    step = np.repeat([1, -1], len(agent) // 2)
    return agent, at, state, step


def costs_frame(time: pd.DataFrame, contacts: Contacts) -> pd.DataFrame:
    """Return the costs of each whole month: pay by the hour, telephony by the minute, licences and rooms."""
    edges = pd.date_range(FIRST_DAY, END_DAY, freq="MS").tz_localize(TIMEZONE).tz_convert("UTC").as_unit("us")
    paid = time[time["paid"].astype(bool) & time["end"].notna()]
    hours = (paid["end"] - paid["start"]).dt.total_seconds().to_numpy() / 3600
    month = np.searchsorted(edges, paid["start"].array, side="right") - 1
    talk = np.where((contacts.outcome == 0) & (contacts.channel == 0), contacts.ended - contacts.start, 0) / 60
    call_month = np.searchsorted(edges, time_column(contacts.at).array, side="right") - 1
    count = len(edges) - 1
    inside, called = (month >= 0) & (month < count), (call_month >= 0) & (call_month < count)
    pay = np.bincount(month[inside], hours[inside], minlength=count) * 31.0
    phone = np.bincount(call_month[called], talk[called], minlength=count) * 0.035
    agents = [paid["agent_id"][month == m].nunique() for m in range(count)]
    amounts = {"pay": pay, "telephony": phone, "licences": np.array(agents) * 95.0, "rooms": np.array(agents) * 210.0}
    rows = [
        (edges[m], edges[m + 1], category, round(float(values[m]), 2), "EUR")
        for m in range(count)
        for category, values in amounts.items()
    ]
    return pd.DataFrame(rows, columns=["start", "end", "category", "amount", "currency"])
