"""What happened to a case so far, and how cases like it ended."""

from __future__ import annotations

from typing import Any

import pandas as pd

from ....words.columns import column_label, format_cell
from ....words.tables import FormattedTable, format_table
from ....words.words import format_count, format_instant
from ..frame.listing import quote_name
from ..frame.view import View

#: Columns in which a past case can be like an open one, the first counts most.
ALIKE = ("case_type", "product", "channel", "priority", "team", "region")
#: Past cases that are listed, and those that the summary is of.
MAX_LISTED, MAX_SUMMED = 8, 200
_WORDS = {
    "created": "Created",
    "message": "Message",
    "assigned": "Assigned",
    "escalated": "Escalated",
    "paused": "Paused",
    "resumed": "Resumed",
    "resolved": "Resolved",
    "reopened": "Reopened",
    "closed": "Closed",
    "merged": "Merged",
    "status": "Status",
    "priority": "Priority",
    "field": "Changed",
}


def read_events(view: View, case_id: str) -> list[dict[str, Any]]:
    """Return the events of a case, the newest first."""
    if not view.snapshot.has("case_events"):
        return []
    query = "SELECT * FROM {case_events} WHERE case_id = ? ORDER BY seq DESC"
    found: Any = view.snapshot.query(query, [case_id]).to_dict("records")
    return list(found)


def describe_event(view: View, event: dict[str, Any]) -> tuple[str, str]:
    """Return when something happened, and what in words."""
    given = {name: value for name, value in event.items() if isinstance(value, str) and value}
    words = _WORDS.get(given.get("kind", ""), given.get("kind", "").capitalize())
    if given.get("kind") == "field" and "field" in given:
        words = f"{given['field'].replace('_', ' ').capitalize()} changed"
    if "new" in given:
        words += f": {given['old']} to {given['new']}" if "old" in given else f": {given['new']}"
    if "actor_role" in given:
        words += f" (by {given['actor_role']})"
    return format_instant(event["at"].tz_convert(view.desk.timezone), view.year), words


def find_similar(view: View, case_id: str) -> dict[str, Any] | None:
    """Return cases of the past that were like one, and how they ended; ``None`` where none is alike.

    Returns
    -------
    ``alike`` (the columns that are compared), ``words`` (how they ended) and ``table``.
    """
    results = view.snapshot
    if not (results.has("past_cases") and results.has("case_clocks")):
        return None
    own, past = results.columns("case_clocks"), results.columns("past_cases")
    shared = [column for column in ALIKE if column in own and column in past]
    mine = results.query("SELECT * FROM {case_clocks} WHERE case_id = ? LIMIT 1", [case_id])
    known = [column for column in shared if len(mine) and isinstance(mine[column].iloc[0], str)]
    if not known:
        return None
    points = " + ".join(f"{len(known) - i} * coalesce(({quote_name(c)} = ?)::INT, 0)" for i, c in enumerate(known))
    values = [mine[column].iloc[0] for column in known]
    query = f"SELECT *, {points} AS alike FROM {{past_cases}} ORDER BY alike DESC, resolved_at DESC LIMIT {MAX_SUMMED}"
    found = results.query(query, values)
    found = found[(found["alike"] > 0) & (found["alike"] >= (found["alike"].max() + 1) // 2)]
    return _describe(view, found, known) if len(found) else None


def _describe(view: View, found: pd.DataFrame, known: list[str]) -> dict[str, Any]:
    best = found[found["alike"] == found["alike"].max()]
    late, median = best["breached"].dropna().astype(bool), best["resolution_s"].median()
    words = f"{late.sum():,.0f} of the {format_count(len(late), 'most alike case')} breached." if len(late) else ""
    if pd.notna(median):
        words += f" Half were resolved within {format_cell('past_cases', 'resolution_s', float(median))}."
    columns = ["case_id", "resolved_at", "resolution_s", "breached", *known]
    shown = format_table("past_cases", found[columns], MAX_LISTED, view.desk.timezone, view.year)
    names: list[str] = [column_label("past_cases", column).lower() for column in known]
    table: FormattedTable = shown
    return {"alike": ", ".join(names), "words": words.strip(), "table": table}
