"""Labels from what happens to a case: whether it was escalated, and whether it came back."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import ibis
import numpy as np
import pandas as pd

from ..calendars.business_calendar import to_index, to_micros
from ..calendars.instants import seconds_between
from ..calendars.open_intervals import MISSING_INSTANT, US_PER_S
from ..case_log.cache import compute_once
from ..case_log.events import MAX_CLOCK_SKEW_S, add_missing_event_columns, select_event_time
from ..case_log.fetch import fetch
from ..case_log.log import CaseLog
from ..errors import InputError

NEVER_US = int(np.iinfo(np.int64).max)
WEEK_S = 7 * 86400.0
#: Among teams that take escalations: every other team does.
ANY_TEAM = "*"


def escalation_labels(
    log: CaseLog, horizon_s: float | None = None, *, to: Collection[str] | None = None
) -> pd.DataFrame:
    """Label each case: was it escalated before it first ended?

    Whichever comes first decides, once and for all: the escalation (true), the first resolution or closing or the
    horizon (false). A merged case is never decided, nor one whose end is dated more than a minute before it began.
    That none came is only known once the log holds its first escalation, because nothing shows before that the source
    records them.

    Parameters
    ----------
    log
        A log with ``cases`` and ``events``.
    horizon_s
        Seconds after creation within which it must come; without it until the case ends.
    to
        Teams that take escalations: a case is escalated too when one of them takes it over from another team. With
        ``"*"`` among them every hand-over to another team counts. Without it only events of the kind ``escalated`` do.

    Returns
    -------
    DataFrame
        One row a case, by case_id: ``case_id``, ``label`` (missing = undecided) and ``known_at`` (missing where
        undecided). The labels of ``log.as_of(t)`` are those of ``log`` that were known at ``t``.

    Raises
    ------
    InputError
        If the log has no events, or the horizon is not above 0.

    Examples
    --------
    >>> cases = pd.DataFrame({"case_id": ["1", "2", "3"], "created_at": ["2024-03-01T09:00Z"] * 3})
    >>> events = pd.DataFrame({"case_id": ["1", "2"], "kind": ["escalated", "resolved"],
    ...                        "at": ["2024-03-01T10:00Z", "2024-03-01T11:00Z"]})
    >>> escalation_labels(CaseLog.from_frames(cases=cases, events=events))["label"].tolist()
    [True, False, <NA>]
    """
    _check_span(horizon_s, "horizon_s")
    facts = _firsts(log, "escalated", to=to)
    end = np.minimum(facts["ended"], NEVER_US if horizon_s is None else facts["created"] + round(horizon_s * US_PER_S))
    yes = facts["sought"] <= np.minimum(end, facts["merged"])
    no = ~yes & (end < NEVER_US) & (end <= facts["merged"])
    return _decided(log, facts, yes, no, np.where(yes, facts["sought"], np.maximum(end, facts["begun"])))


def reopen_labels(log: CaseLog, within_s: float = WEEK_S) -> pd.DataFrame:
    """Label each case: was it reopened soon after it first ended?

    Parameters
    ----------
    log
        A log with ``cases`` and ``events``.
    within_s
        Seconds after the first resolution or closing within which a re-opening counts.

    Returns
    -------
    DataFrame
        As of :func:`escalation_labels`: true from the re-opening on, false when the time has passed (and the log has
        shown that it records re-openings), undecided before; a merged case is never decided, nor one whose end is
        dated more than a minute before it began.

    Raises
    ------
    InputError
        If the log has no events, or the time is not above 0.

    Examples
    --------
    >>> cases = pd.DataFrame({"case_id": ["1"], "created_at": ["2024-03-01T09:00Z"]})
    >>> events = pd.DataFrame({"case_id": ["1", "1"], "kind": ["resolved", "reopened"],
    ...                        "at": ["2024-03-01T10:00Z", "2024-03-02T11:00Z"]})
    >>> reopen_labels(CaseLog.from_frames(cases=cases, events=events))[["case_id", "label"]].values.tolist()
    [['1', True]]
    """
    _check_span(within_s, "within_s")
    facts = _firsts(log, "reopened", after_end=True)
    ended = facts["ended"] < NEVER_US
    limit = np.where(ended, facts["ended"], 0) + round(within_s * US_PER_S)
    yes = ended & (facts["sought"] <= np.minimum(limit, facts["merged"]))
    no = ended & ~yes & (limit <= facts["merged"])
    return _decided(log, facts, yes, no, np.where(yes, facts["sought"], np.maximum(limit, facts["begun"])))


def _check_span(seconds: float | None, name: str) -> None:
    if seconds is not None and not 0 < seconds < np.inf:
        raise InputError("a time span must be above 0", column=name, got=seconds, wanted="seconds", code="value.range")


def _is_taken_over(events: Any, to: Collection[str]) -> Any:
    """Tell which events are the first of a team that took a case over from another one."""
    there = ibis.window(group_by=["case_id", events.team.notnull()], order_by=[events.seen, events.seq])
    moved = events.team.notnull() & (events.team != events.team.lag().over(there))
    return (moved if ANY_TEAM in to else moved & events.team.isin(tuple(to))).fill_null(False)


def _firsts(log: CaseLog, kind: str, *, after_end: bool = False, to: Collection[str] | None = None) -> dict[str, Any]:
    """Return for each case when it was created, ended, merged and met an event of the kind, as recorded.

    Where teams are named, so does their taking over.
    """
    teams = None if to is None else tuple(sorted(to))
    name = ("firsts", kind, after_end, teams)
    return compute_once(log, name, lambda: _as_micros(_fetch_facts(log, kind, after_end, teams)))


def _as_micros(frame: pd.DataFrame) -> dict[str, Any]:
    out: dict[str, Any] = {"case_id": frame["case_id"], "created": to_micros(frame["created_at"], "created_at")}
    for name in ("ended", "merged", "sought"):
        micros = to_micros(frame[name], name)
        out[name] = np.where(micros == MISSING_INSTANT, NEVER_US, micros)
    out["early"] = frame["early"].fillna(False).to_numpy(dtype=bool)
    first = to_micros(frame["kinds"], "kinds")  # of all cases: from then on the source records it
    out["begun"] = first[first != MISSING_INSTANT].min() if (first != MISSING_INSTANT).any() else NEVER_US
    return out


def _fetch_facts(log: CaseLog, kind: str, after_end: bool, to: Collection[str] | None) -> pd.DataFrame:
    cases = log.table("cases").filter(lambda t: t.created_at <= log.until).select("case_id", "created_at")
    events = add_missing_event_columns(log)
    more = ("team", "seq") if to else ()
    events = events.select("case_id", "kind", *more, seen=select_event_time(events, as_recorded=True))
    events = events.filter(events.seen <= log.until).inner_join(cases, "case_id")
    ends = events.kind.isin(("resolved", "closed"))
    early = ends & (seconds_between(events.created_at, events.seen) < -MAX_CLOCK_SKEW_S)
    events = events.mutate(seen=ibis.greatest(events.seen, events.created_at), early=early)
    ends = events.kind.isin(("resolved", "closed"))
    events = events.mutate(ended=ibis.ifelse(ends, events.seen, None).min().over(ibis.window(group_by="case_id")))
    named = events.kind == kind
    if to:
        events = events.mutate(named=named | _is_taken_over(events, to))
        named = events.named
    sought = named
    if after_end:
        sought = sought & (events.seen >= events.ended)
    facts = events.group_by("case_id").agg(
        ended=events.ended.min(),
        early=events.early.any(),
        merged=ibis.ifelse(events.kind == "merged", events.seen, None).min(),
        sought=ibis.ifelse(sought, events.seen, None).min(),
        kinds=ibis.ifelse(named, events.seen, None).min(),
    )
    joined = cases.left_join(facts, "case_id").select(
        "case_id", "created_at", "ended", "merged", "sought", "kinds", "early"
    )
    return fetch(joined.order_by("case_id"))


def _decided(log: CaseLog, facts: dict[str, Any], yes: Any, no: Any, known: Any) -> pd.DataFrame:
    told = (yes | no) & ~facts["early"] & (known <= int(to_micros(log.until, "until")[0]))
    return pd.DataFrame(
        {
            "case_id": facts["case_id"],
            "label": pd.Series(yes, dtype="boolean").where(told),
            "known_at": to_index(np.where(told, known, MISSING_INSTANT)),
        }
    )
