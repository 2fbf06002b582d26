"""Parts of the first page: its four tiles with change and target, and today's agents."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from .....features.kpis.catalogue import find_kpi_unit
from ....words.columns import choose_main_columns, table_title
from ....words.facts import Fact, audience_of
from ....words.tables import FormattedTable, format_table
from ....words.words import format_date, format_instant, format_kpi, format_probability, format_queue, format_value
from ...today import Tile, Today
from ..frame.line_chart import Line, LineChart, make_line_chart
from ..frame.view import View
from .changes import Changes


def build_tiles(view: View, summary: Today, changes: Changes | None) -> list[dict[str, str]]:
    """Return late now, will be late, next week, and the goal nearest to failing, each with change and target.

    Figures are those of the report: the same facts of the same tables.
    """
    by_title = {tile.title.split(",")[0]: tile for tile in summary.tiles}
    tiles = _case_tiles(view, by_title.get("Cases late"), changes)
    volume = next((t for title, t in by_title.items() if title in ("Volume", "Forecast")), None)
    tiles += [_plain(volume, "/forecast")] if volume is not None else []
    goal = by_title.get("Goal nearest to failing")
    tiles += [_goal_tile(view, goal, changes)] if goal is not None else []
    return tiles


def _case_tiles(view: View, tile: Tile | None, changes: Changes | None) -> list[dict[str, str]]:
    results = view.snapshot
    ranked = results.has("risk")
    if tile is None or not (ranked or results.has("breached_cases")):
        return [] if tile is None else [_plain(tile, "/cases")]
    own = view.user.team is not None
    since = "" if changes is None else _day(view, changes.since)
    late = results.count("breached_cases")
    more = "" if changes is None else f"{len(changes.breached) or 'None'} of them since {since}. "
    target = _sla_target(view)
    tiles = [
        {
            "title": "Late now",
            "figure": f"{late:,}",
            "finding": "" if own else tile.finding,
            "note": f"{more}{target}".strip(),
            "href": "/cases?situation=Breached",
        }
    ]
    if ranked:
        soon = Fact("expected_breaches", "risk", float(results.value("SELECT sum(probability) FROM {risk}") or 0.0))
        note = f"Breaches expected among {results.count('risk'):,} open cases within their SLA. "
        if changes is not None and not math.isnan(changes.expected):
            note += f"On {since}: {Fact('expected_breaches', 'risk', changes.expected):about}. "
        note = f"{note}{target}".strip()
        tiles.append(
            {
                "title": "Will be late",
                "figure": f"{soon:about}",
                "finding": "",
                "note": note,
                "href": "/cases?situation=Within+SLA",
            }
        )
    return tiles


def _sla_target(view: View) -> str:
    """Return the target of the goal on SLA attainment, in words."""
    if not view.snapshot.has("goals"):
        return "No target is configured."
    goals = view.snapshot.query("SELECT kpi, target FROM {goals} WHERE kpi LIKE 'sla_attainment%' LIMIT 1")
    if goals.empty:
        return "No target is configured."
    kpi, target = str(goals["kpi"].iloc[0]), float(goals["target"].iloc[0])
    return f"Target: {format_kpi(kpi)} {format_value(target, find_kpi_unit(kpi) or 'share')}."


def _goal_tile(view: View, tile: Tile, changes: Changes | None) -> dict[str, str]:
    shown = _plain(tile, "/kpis")
    if changes is None or not view.snapshot.has("goals"):
        return shown
    query = "SELECT name FROM {goals} WHERE probability IS NOT NULL ORDER BY probability LIMIT 1"
    then = changes.chances.get(str(view.snapshot.value(query)))
    if then is not None:
        shown["note"] = f"{shown['note']} On {_day(view, changes.since)}: {format_probability(then)} chance.".strip()
    return shown


def _plain(tile: Tile, href: str) -> dict[str, str]:
    return {"title": tile.title, "figure": tile.figure, "finding": tile.finding, "note": tile.note, "href": href}


def _day(view: View, at: pd.Timestamp) -> str:
    local = at.tz_convert(view.desk.timezone)
    return format_date(local, view.year) if local == local.normalize() else format_instant(local, view.year)


#: Tables of the rest of the day, and the columns that are left to downloads.
_DAY_TABLES = ("today_moves", "today", "today_work")
MAX_DAY_ROWS = 200


@dataclass(frozen=True)
class DayTables:
    """The rest of the day: sentences, and tables of each kind."""

    findings: list[str]
    tables: list[tuple[str, FormattedTable]]


def list_day(view: View) -> DayTables | None:
    """Return what the run tells of the rest of its day, as the terminal has it; nothing of a day that has not begun.

    Tables by interval have the intervals that are left.
    """
    stage = view.snapshot.stage("today")
    if stage is None or not any(view.snapshot.count(name) for name in _DAY_TABLES):
        return None
    tables = []
    for name in _DAY_TABLES:
        if not view.snapshot.count(name):
            continue
        rows = view.snapshot.frame(name)
        rows = rows[rows["y"].isna()] if "y" in rows else rows
        shown = rows[choose_main_columns(name, rows)].dropna(axis="columns", how="all")
        if len(shown):
            tables.append((table_title(name), format_table(name, shown, MAX_DAY_ROWS, year=view.year)))
    return DayTables([f for f in stage.findings if audience_of(f) != "analyst"], tables)


def draw_agents(view: View) -> list[LineChart]:
    """Return today's agents of each queue: required with shrinkage, and scheduled where there is a schedule."""
    charts: list[LineChart] = []
    scheduled = view.snapshot.has("coverage")
    if not scheduled and not view.snapshot.has("staffing"):
        return charts
    table, need = ("coverage", "required") if scheduled else ("staffing", "agents_to_schedule")
    columns = f"queue, ds, {need} AS need{', scheduled' if scheduled else ''}"
    today = view.now.tz_convert(view.desk.timezone).tz_localize(None).normalize()
    query = f"SELECT {columns} FROM {{{table}}} WHERE ds >= ? AND ds < ? ORDER BY queue, ds"
    rows = view.snapshot.query(query, [today.to_pydatetime(), (today + pd.Timedelta("1D")).to_pydatetime()])
    for i, (queue, own) in enumerate(rows.groupby("queue")):
        busy = own[(own[[c for c in ("need", "scheduled") if c in own]] > 0).any(axis="columns")]
        if busy.empty:
            continue
        need_by_interval = np.ceil(busy["need"] - 1e-9)  # whole agents, as in the table of the page on staffing
        lines = [Line("To schedule" if not scheduled else "Required", need_by_interval.tolist())]
        lines += [Line("Scheduled", busy["scheduled"].tolist())] if scheduled else []
        title = f"Agents today, {format_queue(str(queue))}"
        charts.append(make_line_chart(f"agents-{i}", title, busy["ds"], lines, year=view.year))
    return charts
