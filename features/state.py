"""The state of every case between its events, and the open cases at given instants.

One Ibis expression: each event gets the running counts of its case, and an instant belongs to the event that was
the last one known then. So a state can hold nothing that came later.
"""

from __future__ import annotations

from typing import Any

import ibis
import pandas as pd

from .clocks import full_events, is_public, seen_at
from .engine import CaseLog
from .fetch import fetch

#: Columns of ``cases`` that describe a case; missing where the source has none.
DESCRIPTIONS = ("channel", "product", "region", "case_type", "priority", "team")
ENDS = ("resolved", "closed", "merged")
_DIGITS = 9

#: Feature -> the kind of event from which it is counted: before the first of that kind in a log, nothing shows
#: that the source records it at all, and the feature is missing.
COUNTED = {
    "customer_messages": "message",
    "agent_messages": "message",
    "unanswered_s": "message",
    "reopens": "reopened",
    "transfers": "assigned",
    "priority_changes": "priority",
    "escalations": "escalated",
}


def open_cases(log: CaseLog, instants: pd.DatetimeIndex) -> pd.DataFrame:
    """Return the cases that are open at each instant, as they stood then.

    Parameters
    ----------
    log
        A log with ``cases`` and ``events``.
    instants
        Distinct instants in UTC.

    Returns
    -------
    DataFrame
        One row for each instant and case open at it, by case_id and at: the descriptions of the case with the
        ``priority``, ``team`` and ``status`` in force, ``created_at``, ``last_at`` (last event), ``waiting_since``
        (oldest customer message without a reply), running counts, and ``open_in_team``.
    """
    if not len(instants):
        instants = pd.DatetimeIndex([], dtype="datetime64[us, UTC]")
    steps = case_steps(log, instants.min(), instants.max())
    stretches = steps.filter(steps.is_open)
    looks = ibis.memtable(pd.DataFrame({"look_at": instants}))
    looks = looks.mutate(look_at=looks.look_at.cast("timestamp('UTC', 6)"))
    ends = stretches.then_at.isnull() | (stretches.then_at > looks.look_at)
    found = stretches.join(looks, [stretches["at"] <= looks.look_at, ends])
    found = found.mutate(open_in_team=found.count().over(ibis.window(group_by=["look_at", "team"])))
    found = found.mutate(open_in_team=found.team.notnull().ifelse(found.open_in_team, None))
    found = found.drop("then_at", "is_open").rename(last_at="at", at="look_at")
    return fetch(found.order_by(["case_id", "at"]))


def case_steps(log: CaseLog, first: Any = pd.NaT, last: Any = pd.NaT) -> Any:
    """Return each creation and event with the state of its case after it, until ``then_at`` (missing: to the end).

    With ``first`` and ``last`` only what is needed to look at that span: nothing after it, and no case that had ended
    before it.
    """
    end = log.until if pd.isna(last) else last
    cases = log.table("cases").filter(lambda t: t.created_at <= end)
    if not pd.isna(first):
        cases = cases.anti_join(_over_before(log, first), "case_id")
    absent = {c: ibis.null("string") for c in DESCRIPTIONS if c not in cases.columns}
    cases = (cases.mutate(**absent) if absent else cases).select("case_id", "created_at", *DESCRIPTIONS)
    rows = _rows(log, cases, end)
    order = [rows["at"], rows.seq, rows.kind]
    rows = rows.mutate(rank=ibis.row_number().over(ibis.window(group_by="case_id", order_by=order)))
    so_far = ibis.window(group_by="case_id", order_by="rank", preceding=None, following=0)
    ahead = ibis.window(group_by="case_id", order_by="rank")
    steps = rows.mutate(
        then_at=rows["at"].lead().over(ahead),
        is_open=(_last_rank(rows, "start", "reopened") > _last_rank(rows, *ENDS)),
        **{name: rows[flag].sum().over(so_far) for name, flag in _SUMS.items()},
        **{name: _last_value(rows, kind).over(so_far).substr(_DIGITS) for name, kind in _VALUES.items()},
    )
    answered = ibis.window(group_by=["case_id", "agent_messages"], order_by="rank", preceding=None, following=0)
    steps = steps.mutate(
        waiting_since=ibis.ifelse(steps.is_customer, steps["at"], None).min().over(answered),
        moved=((steps.kind == "assigned") & (steps.now_team != steps.now_team.lag().over(ahead))).fill_null(False),
    )
    steps = steps.mutate(transfers=steps.moved.cast("int64").sum().over(so_far))
    known = steps.select(
        "case_id",
        "at",
        "then_at",
        "is_open",
        "waiting_since",
        "status",
        "now_priority",
        "now_team",
        "transfers",
        *_SUMS,
    )
    of = cases.rename(_of="case_id")
    joined = known.inner_join(of, known.case_id == of["_of"]).drop("_of")
    return joined.mutate(
        priority=ibis.coalesce(joined.now_priority, joined.priority),
        team=ibis.coalesce(joined.now_team, joined.team),
    ).drop("now_priority", "now_team")


def first_seen(log: CaseLog) -> dict[str, pd.Timestamp]:
    """Return the instant of the first event of each kind in :data:`COUNTED`; ``NaT`` where there is none."""
    events = full_events(log)
    when = seen_at(events, as_recorded=True)
    tells = {
        "message": (events.kind == "message") & events.actor_role.notnull(),
        "assigned": (events.kind == "assigned") & events.team.notnull(),
    }
    kinds = sorted(set(COUNTED.values()))
    firsts = {k: ibis.ifelse(tells.get(k, events.kind == k), when, None).min() for k in kinds}
    row = fetch(events.agg(**firsts)).iloc[0]
    return {kind: pd.Timestamp(row[kind]) for kind in kinds}


_SUMS = {
    "customer_messages": "is_customer",
    "agent_messages": "is_reply",
    "reopens": "is_reopened",
    "priority_changes": "is_priority",
    "escalations": "is_escalated",
}
_VALUES = {"status": "status", "now_priority": "priority", "now_team": "assigned"}


def _over_before(log: CaseLog, first: Any) -> Any:
    """Return cases that had surely ended by then: they have an end, no re-opening, and no event later."""
    events = full_events(log)
    seen = seen_at(events, as_recorded=True)
    facts = events.group_by("case_id").agg(
        last=seen.max(), ends=events.kind.isin(ENDS).sum(), reopens=(events.kind == "reopened").sum()
    )
    return facts.filter((facts["last"] < first) & (facts.ends > 0) & (facts.reopens == 0)).select("case_id")


def _rows(log: CaseLog, cases: Any, end: Any) -> Any:
    """Return one row for each creation and each event, with what it says."""
    events = full_events(log)
    events = events.mutate(_seen=seen_at(events, as_recorded=True))
    events = events.filter(events["_seen"] <= log.until)
    public = (events.kind == "message") & is_public(events, events["_seen"])
    events = events.mutate(_public=public)
    events = events.filter(events["_seen"] <= end)
    public = events["_public"]
    told = events.select(
        "case_id",
        "kind",
        seq=events.seq.cast("int64"),
        seen="_seen",
        value=ibis.ifelse(events.kind == "assigned", events.team, events.new),
        is_customer=(public & (events.actor_role == "customer")).fill_null(False),
        is_reply=(public & (events.actor_role == "agent")).fill_null(False),
        is_reopened=events.kind == "reopened",
        is_priority=events.kind == "priority",
        is_escalated=events.kind == "escalated",
    )
    born = cases.select("case_id", "created_at")
    told = told.inner_join(born, "case_id")
    told = told.mutate(at=ibis.greatest(told.seen, told.created_at)).drop("seen", "created_at")
    nothing = {name: ibis.literal(False) for name in told.columns if name.startswith("is_")}
    start = born.select(
        "case_id", at="created_at", kind=ibis.literal("start"), seq=ibis.literal(-1, "int64"), value=ibis.null("string")
    ).mutate(**nothing)
    return told.select(*sorted(told.columns)).union(start.select(*sorted(told.columns)))


def _last_rank(rows: Any, *kinds: str) -> Any:
    so_far = ibis.window(group_by="case_id", order_by="rank", preceding=None, following=0)
    return ibis.ifelse(rows.kind.isin(kinds), rows["rank"], -1).max().over(so_far)


def _last_value(rows: Any, kind: str) -> Any:
    """Aggregate to the value of the last row of a kind that has one.

    The rank goes before the value as text, so that the greatest text is the last value: Ibis' own last value over
    a window does not pass over missing ones.
    """
    tagged = rows["rank"].cast("string").lpad(_DIGITS, "0") + rows.value
    return ibis.ifelse((rows.kind == kind) & rows.value.notnull(), tagged, None).max()
