"""Result tables as people read them: labels, units and formats of the registry of columns, times on one clock."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from .columns import column_label, format_column, is_shown, kpis_of
from .words import MISSING_TEXT

#: Plan -> its columns of agents.
_AGENT_COLUMNS = {
    "staffing": ("agents_to_schedule",),
    "casework": ("agents_to_schedule",),
    "coverage": ("required", "scheduled"),
}
__all__ = ["MISSING_TEXT", "FormattedTable", "drop_idle_intervals", "format_table", "json_records", "sort_latest_first"]


@dataclass(frozen=True)
class FormattedTable:
    """A table ready for the page.

    Attributes
    ----------
    name
        Its name among the results.
    columns
        Header of each column, and whether it holds numbers.
    rows
        Cells as text.
    total
        Number of rows of the whole table.
    """

    name: str
    columns: list[tuple[str, bool]]
    rows: list[list[str]]
    total: int


def format_table(
    name: str, frame: pd.DataFrame, limit: int = 50, timezone: str = "UTC", year: int | None = None
) -> FormattedTable:
    """Turn the first rows of a table into text for the page.

    Parameters
    ----------
    name, frame
        The table.
    limit
        Most rows to show.
    timezone
        Clock of instants.
    year
        Year that dates do not repeat.

    Examples
    --------
    >>> frame = pd.DataFrame({"case_id": ["7"], "probability": [0.834], "left_wall_s": [5400.0]})
    >>> format_table("risk", frame)
    FormattedTable(name='risk', columns=[('Case', False), ('Breach risk', True), ('Time left (calendar)', True)],
                   rows=[['7', '83%', '1 h 30 min']], total=1)
    """
    rows = frame.head(limit)
    shown = [str(c) for c in rows.columns if is_shown(name, str(c))]
    cells = [format_column(name, c, rows[c], kpis=kpis_of(name, c, rows), timezone=timezone, year=year) for c in shown]
    columns = [(column_label(name, c), _numeric(rows[c])) for c in shown]
    return FormattedTable(name, columns, [list(row) for row in zip(*cells, strict=True)], len(frame))


def sort_latest_first(frame: pd.DataFrame) -> pd.DataFrame:
    """Put the latest periods on top, and drop columns that hold nothing."""
    clock = next((c for c in ("ds", "started_at") if c in frame.columns), None)
    ordered = frame.sort_values(clock, ascending=False, kind="stable") if clock else frame
    return ordered.dropna(axis="columns", how="all")


def drop_idle_intervals(name: str, frame: pd.DataFrame) -> pd.DataFrame:
    """Leave out intervals of a plan without agents, as those in which the desk is closed; a plan without any stays.

    >>> drop_idle_intervals("coverage", pd.DataFrame({"required": [0, 2, 0], "scheduled": [0, 2, 1]})).index.tolist()
    [1, 2]
    """
    names = [column for column in _AGENT_COLUMNS.get(name, ()) if column in frame]
    busy = (frame[names] > 0).any(axis="columns")
    return frame[busy] if busy.any() else frame


def _numeric(values: pd.Series[Any]) -> bool:
    return bool(pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values))


def json_records(frame: pd.DataFrame) -> list[Mapping[str, Any]]:
    """Return rows as plain values: instants in ISO 8601, missing values as None.

    >>> json_records(pd.DataFrame({"at": pd.to_datetime(["2024-03-01T09:00Z", None]), "n": [1.5, None]}))
    [{'at': '2024-03-01T09:00:00+00:00', 'n': 1.5}, {'at': None, 'n': None}]
    """
    return [{str(k): _value(v) for k, v in row.items()} for row in frame.to_dict("records")]


def _value(value: Any) -> Any:
    if isinstance(value, (list, dict)):
        return value
    if pd.isna(value) or (isinstance(value, float) and not math.isfinite(value)):
        return None
    if isinstance(value, pd.Timestamp):
        return value.isoformat()
    return value.item() if hasattr(value, "item") else value
