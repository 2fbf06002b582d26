"""One row a case: what happened to it, as known at the end of the log."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import ibis
import pandas as pd

from .engine import CaseLog
from .fetch import fetch
from .schema import TABLES

#: Events that end a case while it is open. A merge ends it without a resolution.
ENDS = ("resolved", "closed", "merged")
_CONTROL = (*ENDS, "reopened", "paused", "resumed")

#: What is derived from events, with its type; missing for all cases where the log cannot know it.
DERIVED: Mapping[str, str] = {
    "current_priority": "string",
    "current_team": "string",
    "status": "string",
    "first_response_at": "timestamp('UTC', 6)",
    "first_response_s": "float64",
    "first_resolved_at": "timestamp('UTC', 6)",
    "resolved_at": "timestamp('UTC', 6)",
    "first_reopened_at": "timestamp('UTC', 6)",
    "closed_at": "timestamp('UTC', 6)",
    "merged_at": "timestamp('UTC', 6)",
    "ended_at": "timestamp('UTC', 6)",
    "is_open": "boolean",
    "resolution_s": "float64",
    "age_s": "float64",
    "pending_s": "float64",
    "reopens": "int64",
    "transfers": "int64",
    "escalations": "int64",
    "priority_changes": "int64",
    "customer_messages": "int64",
    "agent_messages": "int64",
    "agents": "int64",
}
_DTYPES = {"string": "str", "timestamp('UTC', 6)": "datetime64[us, UTC]", "int64": "Int64", "boolean": "boolean"}


@dataclass(frozen=True)
class EventFacts:
    """What the events of a log can tell at all.

    ``kinds`` are the kinds that occur; ``public``, ``role``, ``actor`` and ``team`` say whether any event states
    who may read it, what its actor is, who acted, and to which team a case was assigned.
    """

    kinds: frozenset[str]
    public: bool
    role: bool
    actor: bool
    team: bool


def event_facts(log: CaseLog) -> EventFacts:
    """Look once over the events and say what can be known from them.

    >>> import pandas as pd
    >>> log = CaseLog.from_frames(cases=pd.DataFrame({"case_id": ["1"], "created_at": ["2024-03-01T09:00Z"]}))
    >>> event_facts(log).kinds
    frozenset()
    """
    if not log.has("events"):
        return EventFacts(frozenset(), False, False, False, False)
    events = log.table("events")
    asked = {
        "public": events.public.notnull() if "public" in events.columns else None,
        "role": events.actor_role.notnull() if "actor_role" in events.columns else None,
        "actor": events.actor_id.notnull() if "actor_id" in events.columns else None,
        "team": events.team.notnull() & (events.kind == "assigned") if "team" in events.columns else None,
    }
    sums = {name: told.any() for name, told in asked.items() if told is not None}
    seen = log.frame(events.group_by("kind").agg(**sums) if sums else events.select("kind").distinct())
    told = {name: bool(seen[name].fillna(False).astype(bool).any()) if name in seen else False for name in asked}
    return EventFacts(frozenset(seen["kind"].dropna()), **told)


def case_history_expr(log: CaseLog) -> Any:
    """Return :func:`case_history` as one Ibis expression over cases and events, for further work in the engine."""
    cases = log.table("cases")
    facts = event_facts(log)
    if not facts.kinds:
        base = cases
        for name in ("priority", "team"):
            if name in cases.columns:
                base = base.mutate(**{f"current_{name}": cases[name]})
        return _finish(base, cases.columns)
    events = _own_events(log)
    parts = [_course(events, log.until), _talk(events, facts)]
    parts += [_assignments(events)] if facts.team else []
    joined = cases
    for part in parts:
        right = part.rename(_of="case_id")
        joined = joined.left_join(right, joined.case_id == right["_of"]).drop("_of")
    return _finish(_measures(joined, facts, log.until), cases.columns)


def case_history(log: CaseLog) -> pd.DataFrame:
    """Say for every case what happened to it, as known at the end of the log.

    A case is open from its creation, and again from each re-opening, until it is resolved, closed or merged. Its
    resolution is the first ``resolved`` or ``closed`` after the last ``reopened``; a merge while it is open ends it
    without one, and what comes after the merge is housekeeping.

    Parameters
    ----------
    log
        A log with ``cases``; ``events`` where there are any.

    Returns
    -------
    DataFrame
        One row a case, by case_id: the columns of ``cases`` that the log has, then

        * ``current_priority``, ``current_team``, ``status``: the last that events state, else as created
        * ``first_response_at``, ``first_response_s``: first public message by a human agent
        * ``first_resolved_at``, ``resolved_at`` (final), ``first_reopened_at`` (the first after an end), ``closed_at``
          (last), ``merged_at``, ``ended_at`` (resolution or merge, missing while open), ``is_open``
        * ``resolution_s``: creation to final resolution, missing without one; ``age_s``: creation to the end of the
          case or of the log; ``pending_s``: of it, the time paused
        * ``reopens``, ``transfers`` (changes of team after the first assignment), ``escalations``,
          ``priority_changes``, ``customer_messages``, ``agent_messages`` (public ones), ``agents`` (distinct human
          agents who acted)

        A count whose kind of event never occurs in the log is missing, not 0: the log cannot know it. Messages
        count as public where no event of the log says which are.

    Examples
    --------
    >>> import pandas as pd
    >>> cases = pd.DataFrame({"case_id": ["1", "2"], "created_at": ["2024-03-01T09:00Z", "2024-03-01T10:00Z"]})
    >>> events = pd.DataFrame({"case_id": ["1", "1", "1"], "kind": ["resolved", "reopened", "closed"],
    ...                        "at": ["2024-03-01T11:00Z", "2024-03-02T09:00Z", "2024-03-02T10:00Z"]})
    >>> log = CaseLog.from_frames(cases=cases, events=events)
    >>> case_history(log)[["case_id", "resolution_s", "age_s", "reopens", "is_open"]].to_dict("records")
    [{'case_id': '1', 'resolution_s': 90000.0, 'age_s': 90000.0, 'reopens': 1, 'is_open': False},
     {'case_id': '2', 'resolution_s': nan, 'age_s': 86400.0, 'reopens': 0, 'is_open': True}]
    """
    frame = fetch(case_history_expr(log).order_by("case_id"))
    return frame.astype({name: _DTYPES.get(kind, kind) for name, kind in DERIVED.items()})


def _own_events(log: CaseLog) -> Any:
    """Give events all canonical columns, missing where the source has none."""
    events = log.table("events")
    types = {"flag": "boolean", "text": "string", "id": "string"}
    absent = {
        c.name: ibis.null(types[c.kind])
        for c in TABLES["events"].columns
        if c.kind in types and c.name not in events.columns
    }
    return events.mutate(**absent) if absent else events


def _course(events: Any, until: pd.Timestamp) -> Any:
    """Follow each case through its openings, ends and pauses; one row a case that has any."""
    control = events.filter(events.kind.isin(_CONTROL)).select("case_id", "at", "seq", "kind")
    ordered = ibis.window(group_by="case_id", order_by=["at", "seq"])
    before = ibis.window(group_by="case_id", order_by=["at", "seq"], preceding=None, following=0)
    step = control.mutate(rank=ibis.row_number().over(ordered), next_at=control.at.lead().over(ordered))
    step = step.mutate(
        ended_rank=ibis.ifelse(step.kind.isin(ENDS), step.rank, -1).max().over(before),
        opened_rank=ibis.ifelse(step.kind == "reopened", step.rank, -1).max().over(before),
        last_opened=ibis.ifelse(step.kind == "reopened", step.rank, -1).max().over(ibis.window(group_by="case_id")),
    )
    final = step.rank > step.last_opened
    step = step.mutate(
        end_kind=(final & step.kind.isin(ENDS)).ifelse(step.kind, None),
        paused_s=_paused(step, until),
    )
    ended = step.filter(step.end_kind.notnull())
    first_end = ended.mutate(place=ibis.row_number().over(ordered)).filter(ibis._.place == 0)
    first_end = first_end.select(_of="case_id", ended_at="at", end_kind="end_kind")
    done = step.kind.isin(("resolved", "closed"))
    summary = step.group_by("case_id").agg(
        first_resolved_at=step.at.min(where=done),
        closed_at=step.at.max(where=(step.kind == "closed") & final),
        first_reopened_at=step.at.min(where=(step.kind == "reopened") & (step.ended_rank >= 0)),
        reopens=(step.kind == "reopened").sum(),
        paused_s=step.paused_s.sum(),
    )
    joined = summary.left_join(first_end, summary.case_id == first_end["_of"]).drop("_of")
    return joined.mutate(
        resolved_at=joined.end_kind.isin(("resolved", "closed")).ifelse(joined.ended_at, None),
        merged_at=(joined.end_kind == "merged").ifelse(joined.ended_at, None),
    ).drop("end_kind")


def _paused(step: Any, until: pd.Timestamp) -> Any:
    """Seconds from a pause to the next control event, where the case was open when it was paused."""
    open_then = step.opened_rank >= step.ended_rank
    stop = ibis.coalesce(step.next_at, ibis.literal(until))
    return ((step.kind == "paused") & open_then).ifelse(seconds_between(step.at, stop), 0.0)


def _talk(events: Any, facts: EventFacts) -> Any:
    """Count messages, people and changes; one row a case."""
    public = events.public.fill_null(False) if facts.public else ibis.literal(True)
    message = (events.kind == "message") & public
    agent, customer = events.actor_role == "agent", events.actor_role == "customer"
    order = [events.at, events.seq]
    return events.group_by("case_id").agg(
        first_response_at=events.at.min(where=message & agent),
        customer_messages=(message & customer).fill_null(False).sum(),
        agent_messages=(message & agent).fill_null(False).sum(),
        agents=events.actor_id.nunique(where=agent),
        escalations=(events.kind == "escalated").sum(),
        priority_changes=(events.kind == "priority").sum(),
        last_status=events.new.last(where=(events.kind == "status") & events.new.notnull(), order_by=order),
        last_priority=events.new.last(where=(events.kind == "priority") & events.new.notnull(), order_by=order),
    )


def _assignments(events: Any) -> Any:
    """Count changes of team after the first assignment; one row a case that was ever assigned to a team."""
    assigned = events.filter((events.kind == "assigned") & events.team.notnull()).select("case_id", "at", "seq", "team")
    ordered = ibis.window(group_by="case_id", order_by=["at", "seq"])
    moved = assigned.mutate(before=assigned.team.lag().over(ordered))
    return moved.group_by("case_id").agg(
        transfers=(moved.before != moved.team).fill_null(False).sum(),
        last_team=moved.team.last(order_by=[moved.at, moved.seq]),
    )


def _measures(joined: Any, facts: EventFacts, until: pd.Timestamp) -> Any:
    """Turn what was joined to the cases into the derived columns."""
    counts = {"reopens": "reopened", "escalations": "escalated", "priority_changes": "priority"}
    known = {name: kind in facts.kinds for name, kind in counts.items()}
    talked = "message" in facts.kinds and facts.role
    known |= {"customer_messages": talked, "agent_messages": talked, "agents": facts.role and facts.actor}
    known |= {"transfers": facts.team}
    out = {name: joined[name].fill_null(0) for name, can_be in known.items() if can_be}
    gone = [name for name, can_be in known.items() if not can_be and name in joined.columns]
    end = ibis.coalesce(joined.ended_at, ibis.literal(until))
    out["current_priority"] = _last(joined, "last_priority", "priority")
    out["current_team"] = _last(joined, "last_team", "team")
    out["status"] = joined.last_status
    out["is_open"] = joined.ended_at.isnull()
    out["first_response_s"] = seconds_between(joined.created_at, joined.first_response_at)
    out["resolution_s"] = seconds_between(joined.created_at, joined.resolved_at)
    out["age_s"] = seconds_between(joined.created_at, end)
    if {"paused", "resumed"} & facts.kinds:
        out["pending_s"] = joined.paused_s.fill_null(0.0)
    return joined.drop(*gone).mutate(**out)


def _last(joined: Any, stated: str, created: str) -> Any:
    options = [joined[name] for name in (stated, created) if name in joined.columns]
    return ibis.coalesce(*options) if options else ibis.null("string")


def _finish(rows: Any, columns: tuple[str, ...]) -> Any:
    """Put the columns into their order, missing where they could not be derived."""
    kept = [name for name in columns if name not in DERIVED]
    derived = {
        name: (rows[name].cast(kind) if name in rows.columns else ibis.null(kind)) for name, kind in DERIVED.items()
    }
    return rows.select(*kept, **derived)


def seconds_between(start: Any, stop: Any) -> Any:
    """Seconds from one Ibis column of instants to another, to the microsecond.

    >>> import ibis, pandas as pd
    >>> day = [ibis.literal(pd.Timestamp(t)) for t in ("2024-03-01T09:00Z", "2024-03-01T09:00:01.5Z")]
    >>> seconds_between(*day).execute()
    1.5
    """
    return stop.delta(start, unit="microsecond").cast("float64") / 1e6
