"""The state of every case between its events, and the open cases at given instants.

One Ibis expression: each event gets the running counts of its case, and an instant belongs to the event that was
the last one known then. So a state can hold nothing that came later.
"""

from __future__ import annotations

from typing import Any

import ibis
import pandas as pd

from ..case_log.events import add_missing_event_columns, find_public_since, is_public, select_event_time
from ..case_log.fetch import fetch
from ..case_log.log import CaseLog

#: Columns of ``cases`` that describe a case; missing where the source has none.
DESCRIPTION_COLUMNS = ("channel", "product", "region", "case_type", "priority", "team")
END_EVENT_KINDS = ("resolved", "closed", "merged")
_RANK_DIGITS = 9
_SHARE_DIGITS = 7

#: Feature -> the kind of event from which it is counted: before the first of that kind in a log, nothing shows
#: that the source records it at all, and the feature is missing.
COUNTED_FEATURE_KINDS = {
    "customer_messages": "message",
    "agent_messages": "message",
    "unanswered_s": "message",
    "unanswered_messages": "message",
    "notes": "message",
    "reopens": "reopened",
    "transfers": "team",
    "assignments": "assigned",
    "priority_changes": "priority",
    "escalations": "escalated",
    "agents": "actor",
}


def select_cases_as_of(steps: Any, looks: pd.DataFrame) -> pd.DataFrame:
    """Return cases at instants, as they stood then.

    Parameters
    ----------
    steps
        From :func:`case_steps`.
    looks
        Distinct instants in UTC in the column ``at``: all cases that are open or not yet closed then; or pairs of
        ``case_id`` and ``at``: those cases. With ``share`` only that share of the cases of an instant, chosen by their
        names.

    Returns
    -------
    DataFrame
        One row for each case and instant, by case_id and at: the descriptions of the case with the ``priority``,
        ``team`` and ``status`` in force, ``created_at``, ``last_at`` (last event), ``waiting_since`` (oldest customer
        message without a reply), since when status and team are as they are, running counts, whether it ``is_open``
        and, if not, whether it waits to be closed (``is_resolved``).
    """
    pairs = "case_id" in looks.columns
    asked = looks[["case_id", "at"] if pairs else ["at"]].rename(columns={"at": "look_at", "case_id": "look_case"})
    kinds = {**({"look_case": "string"} if pairs else {}), "look_at": "timestamp('UTC', 6)"}
    if sampled := "share" in looks.columns:
        asked, kinds = asked.assign(look_limit=limits_of_share(looks["share"])), kinds | {"look_limit": "string"}
    table = ibis.memtable(asked, schema=kinds)
    stretches = steps.filter((steps.rank > 0) if pairs else (steps.is_open | steps.is_resolved))
    holds = [stretches["at"] <= table.look_at, stretches.then_at.isnull() | (stretches.then_at > table.look_at)]
    found = stretches.join(table, [*([stretches.case_id == table.look_case] if pairs else []), *holds])
    if sampled:
        name = found.case_id + ibis.literal(" ") + (found.look_at.epoch_seconds()).cast("string")
        found = found.filter(name.hexdigest("md5").substr(0, _SHARE_DIGITS) < found.look_limit).drop("look_limit")
    found = found.drop("then_at", "rank", "kind", "actor_id", "is_backwards", *(["look_case"] if pairs else []))
    return fetch(found.rename(last_at="at", at="look_at").order_by(["case_id", "at"]))


def limits_of_share(share: pd.Series[Any]) -> pd.Series[Any]:
    """Return below which text the digest of a name has to be so that a share of all names is chosen.

    >>> limits_of_share(pd.Series([0.0, 0.5, 1.0])).tolist()
    ['0000000', '8000000', 'g']
    """
    width = 16**_SHARE_DIGITS
    return pd.Series(["g" if s >= 1 else f"{int(s * width):0{_SHARE_DIGITS}x}" for s in share], index=share.index)


def case_steps(log: CaseLog) -> Any:
    """Return each creation and event with the state of its case after it, until ``then_at`` (missing: to the end)."""
    cases = log.table("cases").filter(lambda t: t.created_at <= log.until)
    absent = {c: ibis.null("string") for c in DESCRIPTION_COLUMNS if c not in cases.columns}
    cases = (cases.mutate(**absent) if absent else cases).select("case_id", "created_at", *DESCRIPTION_COLUMNS)
    rows = _rows(log, cases)
    order = [rows["at"], rows.seq, rows.kind]
    rows = rows.mutate(rank=ibis.row_number().over(ibis.window(group_by="case_id", order_by=order)) + 1)
    first_by = ibis.row_number().over(ibis.window(group_by=["case_id", "actor_id"], order_by="rank"))
    rows = rows.mutate(is_new_agent=rows.actor_id.notnull() & (first_by == 0))
    so_far = ibis.window(group_by="case_id", order_by="rank", preceding=None, following=0)
    ahead = ibis.window(group_by="case_id", order_by="rank")
    begun = _last_rank(rows, "start", "reopened")
    rows = rows.mutate(is_open=begun > _last_rank(rows, *END_EVENT_KINDS))
    rows = rows.mutate(is_reopened=(rows.kind == "reopened") & ~rows.is_open.lag().over(ahead).fill_null(True))
    begun = _last_rank(rows, "start", "reopened")
    steps = rows.mutate(
        then_at=rows["at"].lead().over(ahead),
        is_closed=_last_rank(rows, "closed", "merged") > begun,
        resolved_at=ibis.ifelse(rows.kind == "resolved", rows["at"], None).max().over(so_far),
        **{name: rows[flag].sum().over(so_far) for name, flag in _COUNT_FLAGS.items()},
        **{name: found.over(so_far).substr(_RANK_DIGITS) for name, found in _last_values(rows).items()},
    )
    answered = ibis.window(group_by=["case_id", "agent_messages"], order_by="rank", preceding=None, following=0)
    known = steps.select(
        *("case_id", "at", "then_at", "rank", "kind", "actor_id", "is_open", "is_backwards", "resolved_at", "status"),
        *("now_priority", "now_team", *_COUNT_FLAGS),
        is_resolved=~steps.is_open & ~steps.is_closed,
        waiting_since=ibis.ifelse(steps.is_customer, steps["at"], None).min().over(answered),
        unanswered_messages=steps.is_customer.sum().over(answered),
    )
    of = cases.rename(_of="case_id")
    joined = known.inner_join(of, known.case_id == of["_of"]).drop("_of")
    joined = joined.mutate(
        priority=ibis.coalesce(joined.now_priority, joined.priority), team=ibis.coalesce(joined.now_team, joined.team)
    ).drop("now_priority")
    new = {c: ~joined[c].identical_to(joined[c].lag().over(ahead)) & joined[c].notnull() for c in ("status", "team")}
    moved = joined.now_team != joined.now_team.lag().over(ahead)
    marked = joined.mutate(new_status=new["status"], new_team=new["team"], moved=moved.fill_null(False))
    since = {f"{c}_since": ibis.ifelse(marked[f"new_{c}"], marked["at"], None).max().over(so_far) for c in new}
    marked = marked.mutate(**since, transfers=marked.moved.ifelse(1, 0).sum().over(so_far))
    return marked.drop("new_status", "new_team", "moved", "now_team")


def find_first_recorded(log: CaseLog) -> dict[str, pd.Timestamp]:
    """Return the instant of the first event of each kind that is counted; ``NaT`` where there is none."""
    events = add_missing_event_columns(log)
    when = select_event_time(events, as_recorded=True)
    tells = {
        "message": (events.kind == "message") & events.actor_role.notnull(),
        "assigned": (events.kind == "assigned") & events.team.notnull(),
        "team": events.team.notnull(),
        "actor": is_human_agent(events),
    }
    kinds = sorted(set(COUNTED_FEATURE_KINDS.values()))
    firsts = {k: ibis.ifelse(tells.get(k, events.kind == k), when, None).min() for k in kinds}
    row = fetch(events.agg(**firsts)).iloc[0]
    return {kind: pd.Timestamp(row[kind]) for kind in kinds}


_COUNT_FLAGS = {
    "updates": "is_update",
    "customer_messages": "is_customer",
    "agent_messages": "is_reply",
    "notes": "is_note",
    "assignments": "is_assigned",
    "agents": "is_new_agent",
    "reopens": "is_reopened",
    "priority_changes": "is_priority",
    "escalations": "is_escalated",
}


def is_human_agent(events: Any) -> Any:
    """Mark the events of a named person who is an agent, or of whom nothing else is said."""
    agent = (events.actor_role == "agent") | events.actor_role.isnull()
    return (events.actor_id.notnull() & agent & (events.kind != "created")).fill_null(False)


def _rows(log: CaseLog, cases: Any) -> Any:
    """Return one row for each creation and each event, with what it says."""
    events = add_missing_event_columns(log)
    events = events.mutate(_seen=select_event_time(events, as_recorded=True))
    events = events.filter(events["_seen"] <= log.until)
    public = (events.kind == "message") & is_public(events, events["_seen"], find_public_since(log, as_recorded=True))
    told = events.select(
        "case_id",
        "kind",
        seq=events.seq.cast("int64"),
        seen="_seen",
        value="new",
        with_team="team",
        actor_id=ibis.ifelse(is_human_agent(events), events.actor_id, None),
        is_update=events.kind != "created",
        is_customer=(public & (events.actor_role == "customer")).fill_null(False),
        is_reply=(public & (events.actor_role == "agent")).fill_null(False),
        is_note=((events.kind == "message") & ~public).fill_null(False),
        is_assigned=events.kind == "assigned",
        is_priority=events.kind == "priority",
        is_escalated=events.kind == "escalated",
    )
    born = cases.select("case_id", "created_at")
    told = told.inner_join(born, "case_id")
    told = told.mutate(at=ibis.greatest(told.seen, told.created_at), is_backwards=told.seen < told.created_at)
    told = told.drop("seen", "created_at")
    nothing = {name: ibis.literal(False) for name in told.columns if name.startswith("is_")}
    start = born.select(
        "case_id",
        at="created_at",
        kind=ibis.literal("start"),
        seq=ibis.literal(-1, "int64"),
        value=ibis.null("string"),
        with_team=ibis.null("string"),
        actor_id=ibis.null("string"),
    ).mutate(**nothing)
    return told.select(*sorted(told.columns)).union(start.select(*sorted(told.columns)))


def _last_rank(rows: Any, *kinds: str) -> Any:
    so_far = ibis.window(group_by="case_id", order_by="rank", preceding=None, following=0)
    return ibis.ifelse(rows.kind.isin(kinds), rows["rank"], -1).max().over(so_far)


def _last_values(rows: Any) -> dict[str, Any]:
    """Aggregate to the last status and priority that were stated, and the last team, whatever its row says."""
    stated = {"status": rows.kind == "status", "now_priority": rows.kind == "priority"}
    found = {name: _last_value(rows, rows.value, mask) for name, mask in stated.items()}
    return found | {"now_team": _last_value(rows, rows.with_team, ibis.literal(True))}


def _last_value(rows: Any, value: Any, mask: Any) -> Any:
    """Aggregate to the value of the last of some rows that has one.

    The rank goes before the value as text, so that the greatest text is the last value: Ibis' own last value over
    a window does not pass over missing ones.
    """
    tagged = rows["rank"].cast("string").lpad(_RANK_DIGITS, "0") + value
    return ibis.ifelse(mask & value.notnull(), tagged, None).max()
