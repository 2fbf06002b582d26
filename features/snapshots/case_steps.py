"""The state of every case after each of its events: running counts, and what was stated last.

An instant belongs to the step of a case that was the last one known then. So a state can hold nothing that came later.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import ibis
import numpy as np
import pandas as pd

from ..arrays import Bools, Ints
from ..calendars.business_calendar import to_micros
from ..calendars.open_intervals import MISSING_INSTANT
from ..case_log.cache import compute_once
from ..case_log.events import add_missing_event_columns, find_public_since, is_public, select_event_time
from ..case_log.fetch import fetch
from ..case_log.log import CaseLog

#: Columns of ``cases`` that describe a case; missing where the source has none.
DESCRIPTION_COLUMNS = ("channel", "product", "region", "case_type", "priority", "team")
END_EVENT_KINDS = ("resolved", "closed", "merged")
#: The events that state a value of their own name.
_STATED = ("status", "priority")
_FLAGS = ["is_customer", "is_reply", "is_note"]


@dataclass(frozen=True)
class CaseSteps:
    """The steps of the cases of a log.

    Attributes
    ----------
    cases
        One row a case, by case_id: ``case_id``, ``created_at`` and its descriptions as created.
    rows
        One row for each creation and event, by case and time: ``case`` (its row in ``cases``), ``at`` and ``then_at``
        (microseconds; until when the state holds, missing: to the end), ``kind``, ``actor_id`` (a human agent),
        ``is_backwards`` (known before the creation), and the state after it: ``is_open``, ``is_resolved`` (and not yet
        closed), ``resolved_at``, ``status``, ``priority`` and ``team`` in force with ``status_since`` and
        ``team_since``, ``waiting_since`` (oldest customer message without a reply) and running counts.
    """

    cases: pd.DataFrame
    rows: pd.DataFrame


def find_case_steps(log: CaseLog) -> CaseSteps:
    """Return :func:`case_steps` of a log, and make them once."""
    return compute_once(log, "case steps", lambda: case_steps(log))


def case_steps(log: CaseLog) -> CaseSteps:
    """Return each creation and event of the cases of a log with the state of its case after it."""
    cases, told = _fetch_cases(log)
    born, n = to_micros(cases["created_at"], "created_at"), len(cases)
    case = np.concatenate([np.arange(n), told["case"].to_numpy(dtype=np.int64)])
    seen = np.concatenate([born, to_micros(told["seen"], "seen")])
    seq = np.concatenate([np.full(n, -1), told["seq"].fillna(np.iinfo(np.int64).max).to_numpy(dtype=np.int64)])
    kind = pd.Categorical(told["kind"], sorted({"start", *told["kind"].unique()}))  # by the alphabet
    kinds = np.concatenate([np.full(n, kind.categories.get_loc("start")), kind.codes])
    at = np.maximum(seen, born[case])
    order = np.lexsort((kinds, seq, np.arange(len(case)) >= n, at, case))
    rows = pd.DataFrame({"case": case, "at": at, "is_backwards": seen < born[case]})
    for name in _FLAGS:
        rows[name] = np.concatenate([np.zeros(n, dtype=bool), told[name].fillna(False).to_numpy(dtype=bool)])
    rows = rows.iloc[order].reset_index(drop=True)
    rows["kind"] = pd.Categorical.from_codes(kinds[order], kind.categories)
    for name in ("actor_id", "value", "team"):
        code, names = pd.factorize(told[name])
        rows[name] = pd.Categorical.from_codes(np.append(np.full(n, -1), code)[order], names)
    return CaseSteps(cases, _follow(rows, cases))


def _fetch_cases(log: CaseLog) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Fetch the cases, and what their events say with ``seen``, when each was known."""
    cases = log.table("cases").filter(lambda t: t.created_at <= log.until)
    absent = {c: ibis.null("string") for c in DESCRIPTION_COLUMNS if c not in cases.columns}
    cases = (cases.mutate(**absent) if absent else cases).select("case_id", "created_at", *DESCRIPTION_COLUMNS)
    numbered = cases.mutate(case=ibis.row_number().over(ibis.window(order_by="case_id")))
    events = add_missing_event_columns(log)
    events = events.mutate(_seen=select_event_time(events, as_recorded=True))
    events = events.filter(events["_seen"] <= log.until)
    public = (events.kind == "message") & is_public(events, events["_seen"], find_public_since(log, as_recorded=True))
    told = events.select(
        "case_id",
        "kind",
        "team",
        seq=events.seq.cast("int64"),
        seen="_seen",
        value=ibis.ifelse(events.kind.isin(list(_STATED)), events.new, None),
        actor_id=ibis.ifelse(is_human_agent(events), events.actor_id, None),
        is_customer=(public & (events.actor_role == "customer")).fill_null(False),
        is_reply=(public & (events.actor_role == "agent")).fill_null(False),
        is_note=((events.kind == "message") & ~public).fill_null(False),
    )
    told = fetch(told.inner_join(numbered.select("case_id", "case"), "case_id").drop("case_id"))
    return fetch(numbered.order_by("case")).drop(columns="case"), told


def is_human_agent(events: Any) -> Any:
    """Mark the events of a named person who is an agent, or of whom nothing else is said."""
    agent = (events.actor_role == "agent") | events.actor_role.isnull()
    return (events.actor_id.notnull() & agent & (events.kind != "created")).fill_null(False)


@dataclass(frozen=True)
class Course:
    """Rows by case and time: what came so far in the same case."""

    first: Bools

    @property
    def place(self) -> Ints:
        """Number the rows."""
        return np.arange(len(self.first))

    def last(self, mask: Bools) -> tuple[Ints, Bools]:
        """Return for each row the place of the last marked one of its case so far, and whether there is one."""
        place = np.maximum.accumulate(np.where(mask | self.first, self.place, 0))
        return place, mask[place]

    def count(self, mask: Bools) -> Ints:
        """Count the marked rows of the case so far."""
        total = np.cumsum(mask)
        start = np.maximum.accumulate(np.where(self.first, self.place, 0))
        return np.asarray(total - total[start] + mask[start])

    def before(self, values: Any, absent: Any) -> Any:
        """Return what held at the row before in the case."""
        return np.where(self.first, absent, np.roll(values, 1))


def _follow(rows: pd.DataFrame, cases: pd.DataFrame) -> pd.DataFrame:
    """Follow the cases along their rows."""
    case, at = (rows[name].to_numpy(dtype=np.int64) for name in ("case", "at"))
    start = np.append(True, case[1:] != case[:-1])[: len(case)]
    course = Course(start)
    begun = course.last(start | _is_kind(rows, "reopened"))[0]
    is_open = begun > np.maximum.accumulate(np.where(_is_kind(rows, *END_EVENT_KINDS), course.place, -1))
    is_closed = np.maximum.accumulate(np.where(_is_kind(rows, "closed", "merged"), course.place, -1)) > begun
    customer, reply, note = (rows[name].to_numpy(dtype=bool) for name in _FLAGS)
    counted = {
        "updates": ~start & ~_is_kind(rows, "created"),
        "customer_messages": customer,
        "agent_messages": reply,
        "notes": note,
        "assignments": _is_kind(rows, "assigned"),
        "agents": _is_new_agent(rows),
        "reopens": _is_kind(rows, "reopened") & ~course.before(is_open, True),
        "priority_changes": _is_kind(rows, "priority"),
        "escalations": _is_kind(rows, "escalated"),
    }
    answered = Course(start | reply)
    unanswered = answered.count(customer)
    last = np.append(start[1:], True)[: len(at)]
    state = {
        "case": case,
        "at": at,
        "then_at": np.where(last, MISSING_INSTANT, np.roll(at, -1)),
        "kind": rows["kind"].array,
        "actor_id": rows["actor_id"].array,
        "is_backwards": rows["is_backwards"].to_numpy(dtype=bool),
        "is_open": is_open,
        "is_resolved": ~is_open & ~is_closed,
        "resolved_at": _at_last(course, at, _is_kind(rows, "resolved")),
        "waiting_since": _at_last(answered, at, customer & (unanswered == 1)),
        "unanswered_messages": unanswered,
        **{name: course.count(mask) for name, mask in counted.items()},
    }
    return pd.DataFrame(state | _follow_values(rows, cases, course))


def _follow_values(rows: pd.DataFrame, cases: pd.DataFrame, course: Course) -> dict[str, Any]:
    """Return status, priority and team in force, since when, and how often a team handed the case over."""
    case, at = (rows[name].to_numpy(dtype=np.int64) for name in ("case", "at"))
    unsaid = pd.Series(np.nan, index=cases.index, dtype="category")
    out: dict[str, Any] = {}
    for name in (*_STATED, "team"):
        told: Any = rows["team" if name == "team" else "value"].array
        created: Any = cases[name].astype("category").array if name in cases.columns else unsaid.array
        names = told.categories.union(created.categories)
        code = _recode(told, names)
        if name != "team":
            code = np.where(_is_kind(rows, name), code, -1)
        place, known = course.last(code >= 0)
        stated = np.where(known, code[place], -1)
        held = np.where(known, stated, _recode(created, names)[case])
        out[name] = pd.Categorical.from_codes(held, names)
        if name == "priority":
            continue
        new = (held >= 0) & (held != course.before(held, -1))
        out[f"{name}_since"] = _at_last(course, at, new)
        if name == "team":
            was = course.before(stated, -1)
            out["transfers"] = course.count((was >= 0) & (stated != was))
    return out


def _recode(values: Any, names: pd.Index) -> Ints:
    """Return the places of the values among some names; -1 where there is none."""
    places = np.append(names.get_indexer(values.categories), -1)
    return np.asarray(places[values.codes], dtype=np.int64)


def _at_last(course: Course, at: Ints, mask: Bools) -> Ints:
    """Return when the last marked row of the case was; missing before the first."""
    place, known = course.last(mask)
    return np.where(known, at[place], MISSING_INSTANT)


def _is_new_agent(rows: pd.DataFrame) -> Bools:
    """Mark the first act of each agent on a case."""
    agent = np.asarray(rows["actor_id"].cat.codes, dtype=np.int64)
    acts = np.flatnonzero(agent >= 0)
    pair = rows["case"].to_numpy()[acts] * (agent.max(initial=0) + 1) + agent[acts]
    new = np.zeros(len(rows), dtype=bool)
    new[acts] = ~pd.Series(pair).duplicated().to_numpy()
    return new


def _is_kind(rows: pd.DataFrame, *names: str) -> Bools:
    kind = rows["kind"].cat
    wanted = np.append(kind.categories.isin(names), False)
    return np.asarray(wanted[kind.codes], dtype=bool)
