"""Printed sheets: the plan of a week, and the review of one, each queue on one page of A4."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from ...features.durations import format_duration
from ..charts.charts import plot_stage
from ..charts.svg import Chart
from ..stage import Stage
from ..words.columns import choose_main_columns, table_title
from ..words.facts import ROUNDING, audience_of
from ..words.tables import FormattedTable, format_table
from ..words.words import format_count, format_date, format_number, format_probability, format_queue, format_share

#: Days of a sheet, and minutes of its rows.
SHEET_DAYS, ROW_MINUTES = 7, 30
#: What one page has room for: findings, rows of a table, millimetres of the grid and of its rows at most.
MAX_FINDINGS, MIN_ROWS, MAX_ROWS, GRID_MM, MAX_ROW_MM = 7, 3, 24, 132.0, 4.6
#: Lines of findings on a page, rows of the grid of a review before they become hours, and its millimetres.
MAX_LINES, MAX_REVIEW_ROWS, REVIEW_MM = 10, 30, 84.0
#: Millimetres of a page, of its head, a line of text, a row of a table, the head of one, pictures, and a row below.
_PAGE_MM, _HEAD_MM, _LINE_MM, _ROW_MM, _CAPTION_MM, _CHARTS_MM, _FOOT_MM = 277.0, 13.0, 4.1, 5.1, 15.0, 52.0, 5.2
_LINE_CHARACTERS = 105
_CAUSES, _BELOW = ("review_causes", "review_work_causes"), ("review_volume", "review_adjustments")
MAX_CAUSES = 8

Write = Callable[[float], str]


@dataclass(frozen=True)
class Cell:
    """One field of a grid: its text, and from 0 to 1 how dark it is."""

    text: str
    shade: float = 0.0


@dataclass(frozen=True)
class Grid:
    """A table of times by days, with sums or means of each day below."""

    caption: str
    days: list[str]
    rows: list[tuple[str, list[Cell]]]
    foot: list[tuple[str, list[str]]]
    room_mm: float = GRID_MM

    @property
    def row_mm(self) -> float:
        """Height of a row, so that all are on the page."""
        return round(min(MAX_ROW_MM, self.room_mm / max(len(self.rows), 1)), 2)


@dataclass(frozen=True)
class Sheet:
    """One printed page."""

    title: str
    span: str
    findings: list[str]
    grid: Grid | None = None
    charts: list[Chart] = field(default_factory=list)
    tables: list[tuple[str, FormattedTable]] = field(default_factory=list)


def build_plan_sheets(stage: Stage) -> list[Sheet]:
    """Return a sheet of the first week of each planned queue: agents by half hour and day, shifts, target and risk.

    Parameters
    ----------
    stage
        Outcome of ``deskcast staff``.
    """
    sheets = []
    for table in ("staffing", "casework"):
        for name, plan in stage.tables.get(table, pd.DataFrame({"queue": []})).groupby("queue", sort=False):
            first = plan["ds"].min().normalize()
            week = plan[plan["ds"] < first + pd.Timedelta(days=SHEET_DAYS)]
            column = _scheduled_column(stage, str(name), week)
            foot = _work_foot() if table == "casework" else _contact_foot(week, column)
            grid = make_grid("Agents to schedule, shrinkage included", week, column, "max", _ceil, foot)
            said = [*_target(stage, str(name)), *_findings(stage, str(name))]
            shifts = _table(stage, "schedule", str(name), _room(said, grid))
            sheets.append(Sheet(f"Plan, {format_queue(str(name))}", _span(week["ds"]), said, grid, [], shifts))
    return sheets


def build_review_sheets(stage: Stage) -> list[Sheet]:
    """Return a sheet of each reviewed queue: findings, the parts of the difference, and the week by half hour and day.

    Parameters
    ----------
    stage
        Outcome of ``deskcast review``.
    """
    charts = [chart for drawn in plot_stage(stage).values() for chart in drawn]
    sheets = []
    for table in ("review", "review_work"):
        for name, rows in stage.tables.get(table, pd.DataFrame({"queue": []})).groupby("queue", sort=False):
            title = format_queue(str(name))
            drawn = [chart for chart in charts if chart.title.endswith(f", {title}")]
            kept: dict[str, Any] = {"most_rows": MAX_REVIEW_ROWS, "room_mm": REVIEW_MM}
            if table == "review":
                grid = make_grid(
                    "Service level, observed", rows, "service_level", "mean",
                    format_share, _review_foot(rows), inverse=True, weights="calls", **kept,
                )  # fmt: skip
            else:
                foot = _work_review_foot()
                grid = make_grid("Breaches of the SLA", rows, "breaches", "sum", format_number, foot, **kept)
            said = _findings(stage, str(name))
            room = max(_room(said, grid, _CHARTS_MM, 2) // 2, MIN_ROWS)  # two tables stand below the grid
            rooms = {kind: MAX_CAUSES if kind in _CAUSES else room for kind in (*_CAUSES, *_BELOW)}
            tables = [one for kind, most in rooms.items() for one in _table(stage, kind, str(name), most)]
            sheets.append(Sheet(f"Review, {title}", _span(rows["ds"]), said, grid, drawn, tables))
    return sheets


def make_grid(
    caption: str,
    rows: pd.DataFrame,
    column: str,
    take: str,
    write: Write,
    foot: Mapping[str, tuple[Callable[[pd.DataFrame], float], Write]],
    inverse: bool = False,
    weights: str = "",
    most_rows: int = 48,
    room_mm: float = GRID_MM,
) -> Grid:
    """Return values by time of day and day; times without any are left out, and days without that have an empty foot.

    Parameters
    ----------
    caption, rows, column
        What is shown: ``ds`` and a column of numbers.
    take
        How intervals shorter than half an hour become one row: ``max``, ``sum`` or ``mean``.
    write
        How a value is written.
    foot
        Label -> value of a day's rows, and how it is written.
    inverse
        Whether small values are the dark ones.
    weights
        Column that a mean is weighted by.
    most_rows, room_mm
        Half hours become hours where there are more; height of all rows.

    Examples
    --------
    >>> ds = pd.to_datetime(["2024-03-04 08:00", "2024-03-04 08:15", "2024-03-05 08:30"])
    >>> week = pd.DataFrame({"ds": ds, "agents": [2.0, 3.2, 1.0]})
    >>> grid = make_grid("Agents", week, "agents", "max", _ceil, {"Most": (lambda day: day["agents"].max(), _ceil)})
    >>> grid.days, [(time, [cell.text for cell in cells]) for time, cells in grid.rows], grid.foot
    (['Mon 4', 'Tue 5'], [('08:00', ['4', '']), ('08:30', ['', '1'])], [('Most', ['4', '1'])])
    """
    known = rows[rows[column].notna() & ((rows[column] != 0) | bool(weights))]
    times = known["ds"].dt.floor(f"{ROW_MINUTES}min").dt.strftime("%H:%M")
    times = times if times.nunique() <= most_rows else known["ds"].dt.strftime("%H:00")
    values = known.assign(day=known["ds"].dt.normalize(), time=times)
    if weights:
        parts = values.assign(part=values[column] * values[weights]).groupby(["time", "day"])[["part", weights]].sum()
        cells = (parts["part"] / parts[weights].where(parts[weights] > 0)).unstack()
    else:
        cells = values.groupby(["time", "day"])[column].agg(take).unstack()
    by_day = dict(list(rows.groupby(rows["ds"].dt.normalize())))
    sums = {day: [find(own) for find, _ in foot.values()] for day, own in by_day.items()}
    days = [day for day, found in sums.items() if day in cells.columns or np.nan_to_num(found).any()]
    cells = cells.reindex(columns=days)
    most = float(np.nan_to_num(cells.to_numpy(dtype=float)).max(initial=0.0)) or 1.0
    shown = [(str(time), [_cell(line[day], most, write, inverse) for day in days]) for time, line in cells.iterrows()]
    below = [(label, [_written(sums[day][k], foot[label][1]) for day in days]) for k, label in enumerate(foot)]
    return Grid(caption, [f"{pd.Timestamp(day):%a} {pd.Timestamp(day).day}" for day in days], shown, below, room_mm)


def _cell(value: float, most: float, write: Write, inverse: bool) -> Cell:
    if not np.isfinite(value):
        return Cell("")
    share = min(max(value / most, 0.0), 1.0) if most > 0 else 0.0
    return Cell(write(value), round(1 - share if inverse else share, 2))


def _written(value: float, write: Write) -> str:
    return write(value) if np.isfinite(value) else "–"


def _ceil(value: float) -> str:
    return f"{math.ceil(value - ROUNDING):,}"


def _whole(value: float) -> str:
    return f"{value:,.0f}"


def _scheduled_column(stage: Stage, queue: str, plan: pd.DataFrame) -> str:
    """Return the column that a queue is planned by: that of sure agents where a confidence is set."""
    settings = stage.tables.get("staffing_settings", pd.DataFrame({"queue": [], "confidence": []}))
    own = settings[settings["queue"] == queue]
    sure = "agents_to_schedule_sure"
    is_sure = len(own) and pd.notna(own["confidence"].iloc[0]) and sure in plan and plan[sure].notna().any()
    return sure if is_sure else "agents_to_schedule"


def _hours(rows: pd.DataFrame) -> float:
    return float(rows["ds"].diff().min() / pd.Timedelta(hours=1)) if len(rows) > 1 else 1.0


Foot = dict[str, tuple[Callable[[pd.DataFrame], float], Write]]


def _contact_foot(week: pd.DataFrame, column: str) -> Foot:
    hours = _hours(week)
    foot: Foot = {
        "Contacts": (lambda day: float(day["calls"].sum()), _whole),
        "Agent hours": (lambda day: float(day[column].sum()) * hours, _whole),
    }
    level = "expected_service_level" if "expected_service_level" in week else "service_level"
    foot["Service level"] = (lambda day: _weighted(day, level, "calls"), format_share)
    if "day_miss_probability" in week:
        foot["Risk of a day"] = (lambda day: _weighted(day, "day_miss_probability", "calls"), format_probability)
    return foot


def _work_foot() -> Foot:
    return {
        "New cases": (lambda day: float(day["arrived"].sum()), _whole),
        "Agent hours": (lambda day: float((day["agents_to_schedule"] * day["open_h"]).sum()), _whole),
        "Backlog, evening": (lambda day: float(day["backlog"].iloc[-1]), _whole),
        "Expected breaches": (lambda day: float(day["expected_breaches"].sum()), format_number),
    }


def _review_foot(rows: pd.DataFrame) -> Foot:
    hours = _hours(rows)
    foot: Foot = {
        "Contacts, forecast": (lambda day: float(day["calls_planned"].sum()), _whole),
        "Contacts": (lambda day: float(day["calls"].sum()), _whole),
        "Hours required": (lambda day: float(day["agents_planned"].sum()) * hours, _whole),
    }
    names = {"agents_scheduled": "Hours scheduled", "agents": "Hours on contacts"}
    for column, label in names.items():
        if column in rows:
            foot[label] = (lambda day, c=column: float(day[c].sum()) * hours, _whole)  # type: ignore[misc]
    foot["Service level"] = (lambda day: _weighted(day, "service_level", "calls"), format_share)
    return foot


def _work_review_foot() -> Foot:
    return {
        "New cases, forecast": (lambda day: float(day["arrived_planned"].sum()), _whole),
        "New cases": (lambda day: float(day["arrived"].sum()), _whole),
        "Backlog, planned": (lambda day: float(day["backlog_planned"].iloc[-1]), _whole),
        "Backlog, evening": (lambda day: float(day["backlog"].iloc[-1]), _whole),
        "Breaches": (lambda day: float(day["breaches"].sum()), _whole),
    }


def _weighted(rows: pd.DataFrame, column: str, weight: str) -> float:
    known = rows[rows[column].notna() & (rows[weight] > 0)]
    return float(np.average(known[column], weights=known[weight])) if len(known) else float("nan")


def _target(stage: Stage, queue: str) -> list[str]:
    """Return the target that a queue was planned for as a sentence; nothing of deferred work."""
    settings = stage.tables.get("staffing_settings", pd.DataFrame({"queue": []}))
    own = settings[settings["queue"] == queue]
    if own.empty or stage.tables["staffing"]["queue"].ne(queue).all():
        return []
    goal, within = own["service_level"].iloc[0], own["within_s"].iloc[0]
    return [f"Target: {format_share(goal)} of contacts answered within {format_duration(within)}."]


def _room(findings: Sequence[str], grid: Grid, charts_mm: float = 0.0, tables: int = 1) -> int:
    """Return the rows that a page has room for below its findings and its grid, in as many tables."""
    lines = sum(-(-len(text) // _LINE_CHARACTERS) for text in findings)
    taken = _HEAD_MM + lines * _LINE_MM + charts_mm + tables * _CAPTION_MM
    taken += len(grid.rows) * grid.row_mm + len(grid.foot) * _FOOT_MM
    return int(min(max((_PAGE_MM - taken) // _ROW_MM, MIN_ROWS), MAX_ROWS))


def _findings(stage: Stage, queue: str) -> list[str]:
    """Return the sentences on a queue that a planner reads, what was adjusted first; as many as there is room for."""
    title = format_queue(queue)
    own = sorted((f for f in stage.findings if _is_of(f, title, queue)), key=lambda f: not f.startswith("Adjusted"))
    said = [str(f).removeprefix(f"{title}: ") for f in own]
    found, lines = list[str](), 0
    for text in said[:MAX_FINDINGS]:
        lines += -(-len(text) // _LINE_CHARACTERS)
        if lines <= MAX_LINES:
            found.append(text[:1].upper() + text[1:])
    return found


def _is_of(finding: str, title: str, queue: str) -> bool:
    if audience_of(finding) == "analyst":
        return False
    is_adjusted = finding.startswith("Adjusted by") and queue in getattr(finding, "names", ())
    return finding.startswith(f"{title}:") or is_adjusted


def _table(stage: Stage, name: str, queue: str, room: int) -> list[tuple[str, FormattedTable]]:
    """Return a table of one queue with its caption; nothing where it has no rows."""
    rows = stage.tables.get(name, pd.DataFrame({"queue": []}))
    rows = rows[rows["queue"] == queue]
    if rows.empty:
        return []
    shown = rows[[c for c in choose_main_columns(name, rows) if c != "queue"]].dropna(axis="columns", how="all")
    left = len(shown) - room
    more = f" (and {format_count(left, 'more row')})" if left > 0 else ""
    return [(table_title(name) + more, format_table(name, shown, room))]


def _span(ds: pd.Series) -> str:
    first, last = ds.min(), ds.max()
    return f"{format_date(first, last.year)} to {format_date(last)}"


def split_sheets(sheets: Sequence[Sheet]) -> str:
    """Say how many pages there are.

    >>> split_sheets([Sheet("Plan, Phone", "", [])]), split_sheets([Sheet("", "", [])] * 3)
    ('1 page', '3 pages, one a queue')
    """
    return "1 page" if len(sheets) == 1 else f"{len(sheets)} pages, one a queue"
