"""One row a case: what happened to it, as known at the end of the log."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ibis
import pandas as pd

from ..calendars.instants import seconds_between
from ..case_log.backends import materialise
from ..case_log.cache import compute_once
from ..case_log.events import MAX_CLOCK_SKEW_S
from ..case_log.log import CaseLog
from ..case_log.schema import DERIVED_COLUMNS, ON_HOLD_FIELD, TABLES

#: Events that end a case while it is open. A merge ends it without a resolution.
END_EVENT_KINDS = ("resolved", "closed", "merged")
_CONTROL_KINDS = (*END_EVENT_KINDS, "reopened", "paused", "resumed")
_SEQUENCE_KINDS = frozenset({"merged", "reopened", "paused"})


@dataclass(frozen=True)
class EventFacts:
    """What the events of a log can tell at all.

    ``kinds`` are the kinds that occur; ``public``, ``role``, ``actor`` and ``team`` say whether any event states
    who may read it, what its actor is, who acted, and with which team a case was.
    """

    kinds: frozenset[str]
    public: bool
    role: bool
    actor: bool
    team: bool


def inspect_events(log: CaseLog) -> EventFacts:
    """Look once over the events and say what can be known from them.

    >>> import pandas as pd
    >>> log = CaseLog.from_frames(cases=pd.DataFrame({"case_id": ["1"], "created_at": ["2024-03-01T09:00Z"]}))
    >>> inspect_events(log).kinds
    frozenset()
    """
    found: EventFacts = compute_once(log, "event facts", lambda: _inspect(log))
    return found


def _inspect(log: CaseLog) -> EventFacts:
    if not log.has("events"):
        return EventFacts(frozenset(), False, False, False, False)
    events = log.table("events")
    asked = {
        "public": events.public.notnull() if "public" in events.columns else None,
        "role": events.actor_role.notnull() if "actor_role" in events.columns else None,
        "actor": events.actor_id.notnull() if "actor_id" in events.columns else None,
        "team": events.team.notnull() if "team" in events.columns else None,
    }
    sums = {name: told.any() for name, told in asked.items() if told is not None}
    seen = log.frame(events.group_by("kind").agg(**sums) if sums else events.select("kind").distinct())
    told = {name: bool(seen[name].fillna(False).astype(bool).any()) if name in seen else False for name in asked}
    return EventFacts(frozenset(seen["kind"].dropna()), **told)


def case_history_expr(log: CaseLog, *, keep: bool = False) -> Any:
    """Return :func:`case_history` as one Ibis expression over cases and events, for further work in the engine.

    With ``keep`` the totals of each case, which several parts of the expression read, are computed at once.
    """
    cases = log.table("cases")
    facts = inspect_events(log)
    if not facts.kinds:
        base = cases
        for name in ("priority", "team"):
            if name in cases.columns:
                base = base.mutate(**{f"current_{name}": cases[name]})
        return _finish(base, cases.columns)
    events = _add_missing_event_columns(log)
    totals = _totals(events, facts)
    if keep:
        totals = materialise(totals)
    parts = [totals.drop("_turns", "_varies", "_hands")]
    if facts.kinds & _SEQUENCE_KINDS:
        parts += [_trace_sequences(events, totals, cases, log.until)]
    if facts.team or facts.kinds & {"status", "priority"}:
        parts += [_latest(events, totals)]
    if facts.role and facts.actor:
        parts += [_several_agents(events, totals)]
    joined = cases
    for part in parts:
        right = part.rename(_of="case_id")
        joined = joined.left_join(right, joined.case_id == right["_of"]).drop("_of")
    return _finish(_measures(_prefer_traced_values(joined), facts, log.until), cases.columns)


def case_history_table(log: CaseLog) -> Any:
    """Return :func:`case_history` as a table that is computed once and stays in the engine as long as the log lives."""
    return compute_once(log, "case history", lambda: materialise(case_history_expr(log, keep=True)))


def write_case_history(log: CaseLog, path: str | Path) -> None:
    """Write :func:`case_history` to a Parquet file without fetching it, so it may be larger than memory.

    Parameters
    ----------
    log
        Any log with ``cases``.
    path
        Of the file; on Spark a folder. The rows come in no order.

    Examples
    --------
    >>> import pandas as pd, tempfile
    >>> log = CaseLog.from_frames(cases=pd.DataFrame({"case_id": ["1"], "created_at": ["2024-03-01T09:00Z"]}))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_case_history(log, f"{folder}/cases.parquet")
    ...     pd.read_parquet(f"{folder}/cases.parquet")["is_open"].tolist()
    [None]
    """
    case_history_table(log).to_parquet(path)


def _add_missing_event_columns(log: CaseLog) -> Any:
    """Give events all canonical columns, missing where the source has none."""
    events = log.table("events")
    types = {"flag": "boolean", "text": "string", "id": "string"}
    absent = {
        c.name: ibis.null(types[c.kind])
        for c in TABLES["events"].columns
        if c.kind in types and c.name not in events.columns
    }
    return events.mutate(**absent) if absent else events


def _totals(events: Any, facts: EventFacts) -> Any:
    """Sum up each case in one pass over its events; one row a case.

    Most cases need no more: what depends on the order of events is looked at for those alone that were re-opened,
    paused or merged (``_turns``), or of whom more than one status, priority or team (``_varies``) or agent
    (``_hands``) is known.
    """
    kind, at, new = events.kind, events["at"], events.new
    public = events.public.fill_null(False) if facts.public else ibis.literal(True)
    message = (kind == "message") & public
    agent, customer = events.actor_role == "agent", events.actor_role == "customer"
    stated = {name: (kind == name) & new.notnull() for name in ("status", "priority")}
    valued = {name: (new, told) for name, told in stated.items()}
    valued["team"] = (events.team, events.team.notnull())  # whatever the row says beside it
    sums = events.group_by("case_id").agg(
        first_resolved_at=at.min(where=kind.isin(("resolved", "closed"))),
        closed_at=at.max(where=kind == "closed"),
        first_response_at=at.min(where=message & agent),
        customer_messages=(message & customer).fill_null(False).sum(),
        agent_messages=(message & agent).fill_null(False).sum(),
        escalations=(kind == "escalated").sum(),
        priority_changes=(kind == "priority").sum(),
        _turns=kind.isin(tuple(sorted(_SEQUENCE_KINDS))).sum(),
        _agent=events.actor_id.max(where=agent),
        _other=events.actor_id.min(where=agent),
        **{f"last_{name}": value.max(where=told) for name, (value, told) in valued.items()},
        **{f"_low_{name}": value.min(where=told) for name, (value, told) in valued.items()},
    )
    varies = ibis.or_(*[(sums[f"_low_{name}"] != sums[f"last_{name}"]).fill_null(False) for name in valued])
    return sums.mutate(
        _varies=varies,
        _hands=(sums["_agent"] != sums["_other"]).fill_null(False),
        agents=sums["_agent"].notnull().ifelse(1, 0),
    ).drop("_agent", "_other", *[f"_low_{name}" for name in valued])


def _trace_sequences(events: Any, totals: Any, cases: Any, until: pd.Timestamp) -> Any:
    """Follow the cases that were re-opened, paused or merged through their openings, ends and pauses."""
    control = events.filter(events.kind.isin(_CONTROL_KINDS)).select("case_id", "at", "seq", "kind", "field")
    control = control.semi_join(totals.filter(totals["_turns"] > 0), "case_id")
    control = control.inner_join(cases.select("case_id", "created_at"), "case_id")
    ordered = ibis.window(group_by="case_id", order_by=["at", "seq"])
    before = ibis.window(group_by="case_id", order_by="rank", preceding=None, following=0)
    step = control.mutate(rank=ibis.row_number().over(ordered), next_at=control["at"].lead().over(ordered))
    ends, opens = step.kind.isin(END_EVENT_KINDS), step.kind == "reopened"
    step = step.mutate(
        ended_rank=ibis.ifelse(ends, step.rank, -1).max().over(before),
        opened_rank=ibis.ifelse(opens, step.rank, -1).max().over(before),
        last_opened=ibis.ifelse(opens, step.rank, -1).max().over(ibis.window(group_by="case_id")),
    )
    opened_before = step.opened_rank.lag().over(ordered).fill_null(-1)
    others = (step.kind == "paused") & (step["field"] == ON_HOLD_FIELD).fill_null(False)
    spent = _paused(step, until)
    step = step.mutate(pending=others.ifelse(0.0, spent), on_hold=others.ifelse(spent, 0.0))
    step = step.mutate(again=opens & (step.ended_rank > opened_before))
    final = step.rank > step.last_opened
    ending = final & step.kind.isin(END_EVENT_KINDS)
    return step.group_by("case_id").agg(
        _closed_at=step["at"].max(where=(step.kind == "closed") & final),
        _ended_at=step["at"].argmin(step.rank, where=ending),
        _end_kind=step.kind.argmin(step.rank, where=ending),
        reopens=step.again.sum(),  # of a case that is open it is none
        first_reopened_at=step["at"].min(where=step.again),
        pending_s=step.pending.sum(),
        on_hold_s=step.on_hold.sum(),
        _followed=step.rank.count(),
    )


def _paused(step: Any, until: pd.Timestamp) -> Any:
    """Seconds from a pause to the next control event, where the case was open when it was paused.

    What is dated before the case counts from its creation on, as on the clocks of the targets.
    """
    open_then = step.opened_rank >= step.ended_rank
    start = ibis.greatest(step.at, step.created_at)
    stop = ibis.greatest(ibis.coalesce(step.next_at, ibis.literal(until)), step.created_at)
    return ((step.kind == "paused") & open_then).ifelse(seconds_between(start, stop), 0.0)


def _latest(events: Any, totals: Any) -> Any:
    """Find the last status, priority and team of the cases that had several, and count the changes of team."""
    events = events.semi_join(totals.filter(totals["_varies"]), "case_id")
    says = events.filter(events.kind.isin(("status", "priority")) & events.new.notnull())
    says = says.select("case_id", "at", "seq", what="kind", value="new")
    teams = events.filter(events.team.notnull()).select("case_id", "at", "seq", what=ibis.literal("team"), value="team")
    told = says.union(teams)
    ordered = ibis.window(group_by=["case_id", "what"], order_by=["at", "seq"])
    told = told.mutate(rank=ibis.row_number().over(ordered), before=told.value.lag().over(ordered))
    moved = (told.what == "team") & (told.before != told.value)
    last = {f"_last_{n}": told.value.argmax(told.rank, where=told.what == n) for n in ("status", "priority", "team")}
    return told.group_by("case_id").agg(transfers=moved.fill_null(False).sum(), **last)


def _several_agents(events: Any, totals: Any) -> Any:
    """Count the human agents of the cases in which more than one acted."""
    acted = events.filter(events.actor_role == "agent").semi_join(totals.filter(totals["_hands"]), "case_id")
    return acted.group_by("case_id").agg(_agents=acted.actor_id.nunique())


def _prefer_traced_values(joined: Any) -> Any:
    """Let what was found by following a case stand before what its totals say."""
    out: dict[str, Any] = {"ended_at": joined.first_resolved_at, "merged_at": ibis.null("timestamp('UTC', 6)")}
    out["resolved_at"] = out["ended_at"]
    if "_followed" in joined.columns:
        followed, merged = joined["_followed"].notnull(), joined["_end_kind"] == "merged"
        out["closed_at"] = followed.ifelse(joined["_closed_at"], joined.closed_at)
        out["ended_at"] = followed.ifelse(joined["_ended_at"], joined.first_resolved_at)
        out["resolved_at"] = (followed & merged.fill_null(True)).ifelse(None, out["ended_at"])
        out["merged_at"] = merged.ifelse(joined["_ended_at"], None)
    for name in ("last_status", "last_priority", "last_team", "agents"):
        if f"_{name}" in joined.columns:
            out[name] = ibis.coalesce(joined[f"_{name}"], joined[name])
    return joined.mutate(**out)


def _measures(joined: Any, facts: EventFacts, until: pd.Timestamp) -> Any:
    """Turn what was joined to the cases into the derived columns."""
    counts = {"reopens": "reopened", "escalations": "escalated", "priority_changes": "priority"}
    known = {name: kind in facts.kinds for name, kind in counts.items()}
    talked = "message" in facts.kinds and facts.role
    known |= {"customer_messages": talked, "agent_messages": talked, "agents": facts.role and facts.actor}
    known |= {"transfers": facts.team}
    if "reopens" not in joined.columns:
        joined = joined.mutate(reopens=ibis.null("int64"))
    out = {name: joined[name].fill_null(0) for name, can_be in known.items() if can_be}
    gone = [name for name, can_be in known.items() if not can_be and name in joined.columns]
    end = ibis.coalesce(joined.ended_at, ibis.literal(until))
    out["current_priority"] = _last(joined, "last_priority", "priority")
    out["current_team"] = _last(joined, "last_team", "team")
    out["status"] = joined.last_status
    out["is_open"] = joined.ended_at.isnull()
    out["first_response_s"] = measure_elapsed_s(joined.created_at, joined.first_response_at)
    out["resolution_s"] = measure_elapsed_s(joined.created_at, joined.resolved_at)
    out["age_s"] = measure_elapsed_s(joined.created_at, end)
    if {"paused", "resumed"} & facts.kinds:
        for name in ("pending_s", "on_hold_s"):
            out[name] = joined[name].fill_null(0.0) if name in joined.columns else ibis.literal(0.0)
    return joined.drop(*gone).mutate(**out)


def measure_elapsed_s(start: Any, end: Any) -> Any:
    """Return seconds; 0 where a clock that ran backwards took up to a minute, missing where it took more."""
    spent = seconds_between(start, end)
    return ibis.cases((spent >= 0, spent), (spent >= -MAX_CLOCK_SKEW_S, 0.0), else_=None)


def _last(joined: Any, stated: str, created: str) -> Any:
    options = [joined[name] for name in (stated, created) if name in joined.columns]
    return ibis.coalesce(*options) if options else ibis.null("string")


def _finish(rows: Any, columns: tuple[str, ...]) -> Any:
    """Put the columns into their order, missing where they could not be derived."""
    kept = [name for name in columns if name not in DERIVED_COLUMNS]
    derived = {
        name: (rows[name].cast(kind) if name in rows.columns else ibis.null(kind))
        for name, kind in DERIVED_COLUMNS.items()
    }
    return rows.select(*kept, **derived)
