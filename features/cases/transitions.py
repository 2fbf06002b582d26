"""How cases flow: opened, re-opened, resolved, merged, and the backlog that remains."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import ibis
import numpy as np
import pandas as pd

from ..case_log.fetch import fetch
from ..case_log.log import CaseLog
from ..kpis.aggregate import Source
from .facts import ENDS, case_history_table, event_facts

if TYPE_CHECKING:
    from ..kpis.aggregate import Floats

#: The ways in which a case enters or leaves the backlog.
CHANGES = ("opened", "reopened", "resolved", "merged")


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
    if "reopened" not in event_facts(log).kinds:
        return changes
    course = events.filter(events.kind.isin((*ENDS, "reopened")))
    course = course.inner_join(rows.filter(rows.reopens > 0).select("case_id", "created_at"), "case_id")
    course = course.mutate(at=ibis.greatest(course["at"], course.created_at))  # nothing leaves before it came
    ordered = ibis.window(group_by="case_id", order_by=["at", "seq"])
    course = course.select("case_id", "at", "seq", "kind", opens=course.kind == "reopened")
    course = course.mutate(was_open=course.opens.lag().over(ordered).fill_null(True))
    changed = course.filter(course.opens != course.was_open)
    change = changed.kind.cases(("reopened", "reopened"), ("merged", "merged"), else_="resolved")
    return changes.union(changed.select("case_id", "at", "seq", change=change))


def flow_counts(source: Source) -> dict[str, Floats]:
    """Count the changes in every cell of a source whose rows are transitions, and the backlog at its end."""
    rows = source.rows
    sums = {change: (rows.change == change).sum() for change in CHANGES}
    frame = fetch(rows.group_by(*source.by, ds=source.period_of(rows.at)).agg(**sums))
    counts = dict(zip(CHANGES, source.spread(frame, *CHANGES), strict=True))
    net = counts["opened"] + counts["reopened"] - counts["resolved"] - counts["merged"]
    counts["backlog"] = net.reshape(len(source.segments), -1).cumsum(axis=1).ravel()
    return counts


def flow(log: CaseLog, by: tuple[str, ...] | list[str] | str = (), freq: str = "D") -> pd.DataFrame:
    """Give the flow of cases by period: backlog = backlog before + opened + reopened - resolved - merged.

    Parameters
    ----------
    log
        A log with ``cases`` and ``events``.
    by, freq
        As for :func:`~deskcast.features.kpis.kpi_history.kpi_history`.

    Returns
    -------
    DataFrame
        The segments, ds, opened, reopened, resolved, merged, backlog (at the end of the period). A case that is
        resolved twice counts twice under ``resolved`` here; the KPI ``cases_resolved`` counts final resolutions.

    Examples
    --------
    >>> import pandas as pd
    >>> cases = pd.DataFrame({"case_id": ["1", "2"], "created_at": ["2024-03-01T09:00Z", "2024-03-02T10:00Z"]})
    >>> events = pd.DataFrame({"case_id": ["1"], "kind": ["resolved"], "at": ["2024-03-02T11:00Z"]})
    >>> log = CaseLog.from_frames(cases=cases, events=events, until="2024-03-03T00:00Z")
    >>> flow(log)[["opened", "resolved", "backlog"]].to_dict("list")
    {'opened': [1, 1], 'resolved': [0, 1], 'backlog': [1, 1]}
    """
    from ..kpis.view import Desk

    source = Desk.of(log, by, freq).transitions
    counts = flow_counts(source)
    keys = source.frame()[[*source.by, "ds"]]
    return keys.assign(**{name: values.astype(np.int64) for name, values in counts.items()})
