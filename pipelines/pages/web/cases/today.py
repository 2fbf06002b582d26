"""Today: what a manager asks first, and what to do about it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pandas as pd
from fastapi import APIRouter, Depends
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from ....words.columns import column_label
from ....words.tables import FormattedTable, format_table
from ....words.words import format_kpi
from ...today import TOP_COLUMNS, Today, summarise_today
from ..frame.forms import read_form
from ..frame.listing import quote_name
from ..frame.snapshot import LazyTables, Snapshot
from ..frame.view import PageRoute, PageView, View
from ..frame.writes import save
from ..kpis.alert_data import alert_path, draw_alert, read_current
from .case_records import read_snoozes
from .cases import case_path
from .changes import MAX_NAMED, find_changes
from .today_parts import build_tiles, draw_agents, list_day

router = APIRouter(route_class=PageRoute)
#: Cases of the list, and new alerts that are drawn.
MAX_CASES, MAX_ALERTS = 10, 4
_ALERT_COLUMNS = ("kpi", "series", "started_at", "before", "after", "direction", "drivers")


@router.get("/", response_class=HTMLResponse)
def today(view: PageView, full: bool | None = None) -> Response:
    """Show the four answers, what changed, the cases to work on first, new alerts and today's agents."""
    if full is not None:  # the report was here, and took this option
        return RedirectResponse(f"/report?full={'true' if full else 'false'}", 307)
    missing = view.missing()
    if missing:
        return view.page("today.html", missing=missing)
    summary = load_summary(view.snapshot, view.desk.timezone, view.year)
    changes = find_changes(view)
    return view.page(
        "today.html",
        missing=None,
        summary=summary,
        tiles=build_tiles(view, summary, changes),
        changes=changes,
        most=MAX_NAMED,
        case_path=case_path,
        cases=list_cases(view),
        cases_missing=view.missing("risk", "risk", "open_cases", "breached_cases"),
        alerts=list_alerts(view),
        agents=draw_agents(view),
        day=list_day(view),
        yesterday=judge_yesterday(view),
    )


@router.post("/look", dependencies=[Depends(read_form("read"))])
def look(view: PageView) -> Response:
    """Remember that the user has seen these results: from now on, changes are those after them."""
    instants = view.snapshot.results.instants
    if instants is not None:
        save(view, "look", view.user.name, {"as_of": instants.as_of.isoformat()})
    return view.redirect("/", "seen")


def list_cases(view: View) -> dict[str, Any] | None:
    """Return the cases to work on first that are not set aside, as the report orders them, and how many there are.

    Where the run selected none by capacity, all cases that can still be saved count.
    """
    if not view.snapshot.has("risk"):
        return None
    columns = view.snapshot.columns("risk")
    shown = [c for c in TOP_COLUMNS if c in columns]
    away = sorted(read_snoozes(view))
    kept = f"case_id NOT IN ({', '.join('?' * len(away))})" if away else "true"
    kept += " AND work_first" if "work_first" in columns else ""
    order = "rank" if "rank" in columns else "probability DESC"
    names = ", ".join(map(quote_name, shown))
    frame = view.snapshot.query(f"SELECT {names} FROM {{risk}} WHERE {kept} ORDER BY {order} LIMIT {MAX_CASES}", away)
    frame = frame[[c for c in shown if frame[c].replace("", None).notna().any()]]
    table = format_table("risk", frame, MAX_CASES, view.desk.timezone, view.year)
    total = int(view.snapshot.value(f"SELECT count(*) FROM {{risk}} WHERE {kept}", away))
    return {"table": table, "links": [case_path(i) for i in frame["case_id"]], "total": total} if len(frame) else None


def list_alerts(view: View) -> dict[str, Any] | None:
    """Return the alerts that are new in this run: a table with links, and pictures of the last eight weeks."""
    if not view.snapshot.has("kpi_alerts"):
        return None
    rows = read_current(view, "news = 'opened'").sort_values("started_at", ascending=False, kind="stable").head(20)
    if rows.empty:
        return None
    frame = rows[[c for c in _ALERT_COLUMNS if c in rows]]
    shown = format_table("kpi_alerts", frame, 20, view.desk.timezone, view.year)
    drawn: list[Any] = []
    for row in rows.itertuples(index=False):
        if len(drawn) < MAX_ALERTS:
            drawn += draw_alert(view.snapshot, row, both=False)
    return {"table": shown, "links": [alert_path(i) for i in rows["alert_id"]], "pictures": drawn}


def judge_yesterday(view: View) -> tuple[str, FormattedTable] | None:
    """Return the forecasts of the last day that is over beside what came; none before the second night."""
    if not view.snapshot.count("accuracy_forecast_next"):
        return None
    query = "SELECT * FROM {accuracy_forecast_next} WHERE ds = (SELECT max(ds) FROM {accuracy_forecast_next})"
    frame = view.snapshot.query(query)
    frame["scope"] = [_name_scope(scope) for scope in frame["scope"]]
    table = format_table("accuracy_forecast_next", frame, 12, view.desk.timezone, view.year)
    return column_label("accuracy_forecast_next", "deskcast"), table


def _name_scope(scope: str) -> str:
    """Write what a forecast is of: its KPI, and whether it is of totals.

    >>> _name_scope("cases_opened D"), _name_scope("cases_opened D totals")
    ('Cases opened', 'Cases opened, totals')
    """
    kpi, _, more = scope.partition(" ")
    return f"{format_kpi(kpi)}{', totals' if more.endswith('totals') else ''}"


class _RiskTables(LazyTables):
    """The tables of risk, of the longest only what a summary reads."""

    def __getitem__(self, name: str) -> pd.DataFrame:
        if name not in ("risk", "open_cases", "breached_cases"):
            return super().__getitem__(name)
        there = self.results.columns(name)
        columns = ", ".join(quote_name(c) for c in (*TOP_COLUMNS, "rank", "work_first", "metric") if c in there)
        return self.results.query(f"SELECT {columns} FROM {{{name}}}")


def load_summary(results: Snapshot, timezone: str, year: int | None) -> Today:
    """Return the tiles and findings of the report, made once of each results."""
    names = [stage.name for stage in results.results.stages]

    def make() -> Today:
        stages = {name: stage for name in names if (stage := results.stage(name)) is not None}
        if "risk" in stages:
            stages["risk"] = replace(stages["risk"], tables=_RiskTables(results, list(stages["risk"].tables)))
        return summarise_today(stages, timezone, year)

    found: Today = results.remember(("today", timezone), make)
    return found
