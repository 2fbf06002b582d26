"""When a ticket of Zammad was due, and whether Zammad says that it was late.

Escalation times already follow the calendar of the SLA. Zammad empties them once they are met and while a ticket waits,
and writes every change into the history; what it says of the end is a margin in working minutes, negative where late.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from .export import ExportRows
from .pieces import Piece, build_due_times, build_sla_flag_events, look_up_by_case

#: Attribute of the history -> metric.
DUE_FIELDS: Mapping[str, str] = {
    "first_response_escalation_at": "first_response",
    "update_escalation_at": "next_response",
    "close_escalation_at": "resolution",
}
_TODAY = {"first_response": "first_response_due", "next_response": "update_due", "resolution": "close_due"}
#: Metric -> the margin that the ticket has of it, and when it was done.
_MARGINS = {
    "first_response": ("first_response_margin", "first_response_at"),
    "resolution": ("close_margin", "close_at"),
}


def read_due_times(tickets: ExportRows, changes: pd.DataFrame, notes: list[str]) -> pd.DataFrame:
    """Return the due times that the history tells, and those of today that it does not tell.

    One that was met, or was taken away while the ticket waited, is missing from then on.

    Parameters
    ----------
    tickets
        With today's escalation times.
    changes
        Changes of tickets in their order, with ``case_id``, ``at``, ``name`` of the attribute and its ``new`` value.
    """
    set_ones = changes[changes["name"].isin(list(DUE_FIELDS))]
    due = _parse(set_ones["new"])
    if lost := int((due.isna() & set_ones["new"].notna()).sum()):
        notes.append(f"zammad: {lost:,} due times of the history cannot be read, and count as taken away")
    told = build_due_times(
        set_ones["case_id"].astype("str"), set_ones["name"].map(dict(DUE_FIELDS)), due,
        pd.to_datetime(set_ones["at"], utc=True).dt.as_unit("us"), with_emptied=True,
    )  # fmt: skip
    rows = tickets.accepted_rows().drop_duplicates("case_id", keep="last")
    today = [build_due_times(rows["case_id"], metric, rows[role]) for metric, role in _TODAY.items()]
    now = pd.concat(today, ignore_index=True)
    # the history writes whole seconds
    keys = [frame["case_id"] + frame["metric"] + frame["due_at"].dt.floor("s").astype("str") for frame in (now, told)]
    every: pd.DataFrame = pd.concat([told, now[~keys[0].isin(keys[1])]], ignore_index=True)
    return every


def _parse(values: pd.Series[Any]) -> pd.Series[Any]:
    """Return times as Ruby writes them, such as ``2024-03-01 10:00:00 UTC``."""
    plain = values.astype("str").str.replace(r" UTC$", "+00:00", regex=True)
    return pd.Series(pd.to_datetime(plain, utc=True, errors="coerce", format="ISO8601")).dt.as_unit("us")


def read_own_sla(tickets: ExportRows, due_times: pd.DataFrame) -> list[Piece]:
    """Return Zammad's own judgement on first response and solution, as flags of the metric's name.

    A ticket that was late was so from the last due time before it was done; where that is lost, it is known at the end.
    """
    rows = tickets.rows
    known = due_times.dropna(subset=["due_at"]).sort_values("set_at", kind="stable", na_position="first")
    pieces = []
    for metric, (margin, done) in _MARGINS.items():
        of_metric = known[known["metric"] == metric].drop_duplicates("case_id", keep="last").set_index("case_id")
        due = look_up_by_case(rows["case_id"], of_metric["due_at"])
        judged = rows[margin].notna() & rows[done].notna()
        late = judged & (rows[margin] < 0)
        broken = due.where(due.notna() & (due <= rows[done]), rows[done]).where(late)
        started = rows["created_at"].where(judged | due.notna())
        name = pd.Series(metric, index=rows.index)
        pieces += build_sla_flag_events(tickets, rows["case_id"], name, started, broken, rows[done].where(judged))
    return pieces
