"""How cases flow: opened, re-opened, resolved, merged, and the backlog that remains."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import ibis

from ..case_log.log import CaseLog
from .facts import END_EVENT_KINDS, case_history_table, inspect_events

if TYPE_CHECKING:
    pass

#: The ways in which a case enters or leaves the backlog.
TRANSITION_KINDS = ("opened", "reopened", "resolved", "merged")


def transitions_expr(log: CaseLog) -> Any:
    """List every change between open and not open, as an Ibis expression.

    A ``resolved`` that is followed by a ``closed`` is one change, and a ``reopened`` of a case that is open is none.

    Returns
    -------
    Ibis table
        case_id, at, seq, change (``opened``, ``reopened``, ``resolved`` - or closed -, ``merged``). ``seq`` orders
        the changes of a case at one instant.
    """
    events, rows = log.table("events"), case_history_table(log)
    opened = rows.select("case_id", at=rows.created_at, seq=ibis.literal(-1, "int64"), change=ibis.literal("opened"))
    once = rows.filter(rows.ended_at.notnull() & (rows.reopens.fill_null(0) == 0))
    way = once.merged_at.notnull().ifelse("merged", "resolved")
    ended = once.select(
        "case_id", at=ibis.greatest(once.ended_at, once.created_at), seq=ibis.literal(0, "int64"), change=way
    )
    changes = opened.union(ended)
    if "reopened" not in inspect_events(log).kinds:
        return changes
    course = events.filter(events.kind.isin((*END_EVENT_KINDS, "reopened")))
    course = course.inner_join(rows.filter(rows.reopens > 0).select("case_id", "created_at"), "case_id")
    course = course.mutate(at=ibis.greatest(course["at"], course.created_at))  # nothing leaves before it came
    ordered = ibis.window(group_by="case_id", order_by=["at", "seq"])
    course = course.select("case_id", "at", "seq", "kind", opens=course.kind == "reopened")
    course = course.mutate(was_open=course.opens.lag().over(ordered).fill_null(True))
    changed = course.filter(course.opens != course.was_open)
    change = changed.kind.cases(("reopened", "reopened"), ("merged", "merged"), else_="resolved")
    return changes.union(changed.select("case_id", "at", "seq", change=change))
