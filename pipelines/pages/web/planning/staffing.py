"""Staffing: required agents, schedule and difference by interval, targets as sliders, cost against risk, backlog."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Annotated, Any
from urllib.parse import urlencode

import numpy as np
import pandas as pd
from fastapi import APIRouter, Depends
from fastapi.responses import HTMLResponse, Response
from starlette.exceptions import HTTPException

from .....features.durations import format_duration
from ....state.database import read_state
from ....state.records import read_saved
from ....words.columns import choose_main_columns
from ....words.facts import audience_of
from ....words.tables import format_table
from ....words.words import (
    format_count,
    format_date,
    format_number,
    format_probability,
    format_queue,
    format_share,
)
from ..frame.export import export_frame
from ..frame.forms import Form, read_form
from ..frame.frame_rows import list_rows
from ..frame.heat_map import HeatMap, make_heat_map
from ..frame.listing import read_page_number
from ..frame.view import PageRoute, PageView, View
from ..frame.writes import save
from .staffing_plan import QueueSettings, draw_curve, make_plan, move_sliders, read_settings, summarise_plan

router = APIRouter(route_class=PageRoute)
#: Days of a heat map; longer plans are shown a week at a time.
DAYS_SHOWN = 7


@router.get("/staffing", response_class=HTMLResponse)
def staffing(view: PageView) -> Response:
    """Show the plan of a queue for the targets of the address."""
    missing = view.missing("staff", "staffing", "casework")
    if missing:
        return view.page("staffing.html", missing=missing)
    queues = list_queues(view)
    queue = view.request.query_params.get("queue", "")
    queue = queue if queue in queues else queues[0]
    stage = view.snapshot.stage("staff")
    said = [] if stage is None else [f for f in stage.findings if audience_of(f) != "analyst"]
    mine = [f for f in said if str(f).startswith(f"{format_queue(queue)}:")]
    shared: dict[str, Any] = {
        "missing": None,
        "queue": queue,
        "queues": [(name, format_queue(name)) for name in queues],
        "findings": mine,
        "others": [
            f for f in dict.fromkeys(said) if not str(f).startswith(tuple(f"{format_queue(q)}:" for q in queues))
        ],
        "plans": read_plans(view),
        "shifts": _table(view, "schedule", queue),
    }
    if queue in {name for (name,) in _names(view, "casework")}:
        return view.page("staffing.html", **shared, work=describe_work(view, queue), plan=None, settings=None)
    own = read_settings(view.snapshot).get(queue)
    return view.page("staffing.html", **shared, work=None, **_plan_values(view, queue, own))


def list_queues(view: View) -> list[str]:
    """Return the queues that were planned, the largest first."""
    found: list[str] = []
    for table in ("staffing", "casework"):
        if view.snapshot.count(table):
            sums = view.snapshot.rows(f"SELECT queue FROM {{{table}}} GROUP BY queue ORDER BY sum(agents) DESC, queue")
            found += [str(name) for (name,) in sums]
    return list(dict.fromkeys(found))


def _names(view: View, table: str) -> list[tuple[Any, ...]]:
    return view.snapshot.rows(f"SELECT DISTINCT queue FROM {{{table}}}") if view.snapshot.count(table) else []


def _plan_values(view: View, queue: str, own: QueueSettings | None) -> dict[str, Any]:
    """Return what the page shows of a plan of calls or chats."""
    asked = view.request.query_params
    if own is None:  # results of an earlier version: no sliders
        rows = view.snapshot.query("SELECT * FROM {staffing} WHERE queue = ? ORDER BY ds", [queue])
        rows = rows.assign(ds=pd.to_datetime(rows["ds"]))
        sure = "agents_sure" in rows and rows["agents_sure"].notna().any()
        step = rows["ds"].diff().min().total_seconds() if len(rows) > 1 else 1800.0
        own = moved = QueueSettings(queue, "calls", step, 0.8, 20, None, None, 0.0, 0.8 if sure else None, None, None)
        plan, sliders = rows, False
    else:
        moved = move_sliders(own, asked)
        plan, sliders = make_plan(view.snapshot, own, moved), True
    before = summarise_plan(make_plan(view.snapshot, own, own), own) if moved != own else None
    weeks = count_weeks(plan)
    week = read_page_number(asked.get("week", ""), weeks)
    return {
        "settings": moved,
        "sliders": sliders,
        "moved": moved != own,
        "joint": describe_joint_target(own, moved),
        "plan": describe_plan(summarise_plan(plan, moved), before, moved),
        "maps": draw_maps(view, queue, plan, own, moved, week),
        "week": week,
        "weeks": weeks,
        "curve": _curve(view, moved) if sliders and "curve" in asked else None,
        "cost": asked.get("cost", ""),
        "query": plan_query(moved) if sliders else urlencode({"queue": queue}),
        "table": _intervals(plan, week, view.year),
    }


def describe_joint_target(own: QueueSettings, moved: QueueSettings) -> str:
    """Say what a target over whole days or weeks means for the plan that is shown; empty where it is by interval.

    >>> own = QueueSettings("phone", "calls", 1800, 0.8, 20, None, None, 0.3, 0.8, None, None, None, "day")
    >>> describe_joint_target(own, own)
    'The configured plan meets its target over each day, not in each interval.'
    """
    if own.target_over in (None, "interval"):
        return ""
    said = f"The configured plan meets its target over each {own.target_over}, not in each interval."
    if moved == own:
        return said
    return f"{said} The plan for your targets meets them in each interval, so that its agents cannot be compared."


def plan_query(settings: QueueSettings) -> str:
    """Return the address of a plan: its queue and where its sliders stand."""
    return urlencode({"queue": settings.queue, **settings.values})


def describe_plan(
    now: dict[str, float], before: dict[str, float] | None, settings: QueueSettings
) -> list[dict[str, str]]:
    """Return the tiles of a plan, beside those of the configured targets where a slider was moved."""
    within = format_duration(settings.within_s)
    tiles: list[tuple[str, str, Callable[[float], str], str]] = [
        ("Agents to schedule", "peak", lambda v: f"up to {v:,.0f}", "at the busiest time, shrinkage included"),
        ("Agent hours", "hours", lambda v: f"{v:,.0f}", "to schedule over the plan, shrinkage included"),
        ("Expected service level", "service_level", format_probability, f"within {within}, forecast error included"),
        ("Chance of a day below target", "day_risk", format_probability, "average, forecast error included"),
    ]
    return [
        {
            "title": title,
            "figure": write(now[key]),
            "note": note + (f". Configured targets: {write(before[key])}" if before else ""),
        }
        for title, key, write, note in tiles
    ]


def draw_maps(
    view: View, queue: str, plan: pd.DataFrame, own: QueueSettings, moved: QueueSettings, week: int
) -> list[tuple[HeatMap, str]]:
    """Return the heat maps of a week: to schedule, and where shifts are planned the schedule and the difference."""
    rows = _cut_week(plan, week, count_weeks(plan))
    name = format_queue(queue)

    def draw(title: str, values: pd.Series, write: Any, signed: bool = False) -> HeatMap:
        return make_heat_map(f"{title}, {name}", rows["ds"], values, write, signed=signed, year=view.year)

    def whole(value: float) -> str:
        return f"{math.ceil(value - 1e-9):,}"

    maps = [(draw("Agents to schedule", rows[moved.scheduled], whole), "With shrinkage, rounded up.")]
    if not view.snapshot.has("coverage"):
        return maps
    cover = view.snapshot.query("SELECT ds, scheduled FROM {coverage} WHERE queue = ?", [queue])
    if cover.empty:
        return maps
    at = pd.to_datetime(cover["ds"])
    there = rows["ds"].map(pd.Series(cover["scheduled"].to_numpy(float), index=at))
    there = there * (1 - moved.shrinkage) / (1 - own.shrinkage)
    gap = there - rows[moved.required].astype(float)
    maps.append(
        (
            draw("Scheduled agents on contacts", there.round(6), _one_decimal),
            "What is left of the shifts after shrinkage.",
        )
    )
    note = "Below 0: understaffed. Above 0: overstaffed. Scheduled less required agents on contacts."
    maps.append((draw("Difference", gap.round(6), _one_decimal, signed=True), note))
    return maps


def count_weeks(plan: pd.DataFrame) -> int:
    """Return the weeks in which a plan is shown; a plan that begins during a day ends on one more, which is none.

    >>> days = [pd.DataFrame({"ds": pd.date_range("2026-03-02", periods=n)}) for n in (0, 7, 8, 9, 28, 29)]
    >>> [count_weeks(plan) for plan in days]
    [1, 1, 1, 2, 4, 4]
    """
    return max(1, -(-int(_number_days(plan).max()) // DAYS_SHOWN)) if len(plan) else 1


def _number_days(plan: pd.DataFrame) -> pd.Series[int]:
    number: pd.Series[int] = (plan["ds"].dt.normalize() - plan["ds"].min().normalize()).dt.days
    return number


def _cut_week(plan: pd.DataFrame, week: int, weeks: int) -> pd.DataFrame:
    """Return the days of one of the weeks of a plan; a day that is left over at its end goes with the last week."""
    there: pd.DataFrame = plan[(_number_days(plan) // DAYS_SHOWN + 1).clip(upper=weeks) == week]
    return there


def _one_decimal(value: float) -> str:
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.1f}"


def _intervals(plan: pd.DataFrame, week: int, year: int | None) -> Any:
    """Return the intervals of a week that have contacts, as the table of the report."""
    there = _cut_week(plan, week, count_weeks(plan))
    rows = there[there["agents"] > 0].drop(columns="queue")
    main = [c for c in choose_main_columns("staffing", rows) if c not in ("queue", "agents_hi", "aht_s", "occupancy")]
    return format_table("staffing", rows[main], 120, year=year)


def _curve(view: View, moved: QueueSettings) -> dict[str, Any]:
    """Return cost against risk as a table; with a cost of an hour also in money."""
    frame = draw_curve(view.snapshot, moved)
    text = view.request.query_params.get("cost", "").replace(",", ".")
    try:
        cost = float(text) if text else math.nan
    except ValueError:
        cost = math.nan
    priced = 0 < cost < 1e6
    head = [("Confidence", True), ("Agent hours", True), ("Peak", True), ("Expected service level", True)]
    head += [("Days below target", True)] + ([("Cost", True), ("Cost of one more step", True)] if priced else [])
    rows, last = [], None
    for row in frame.to_dict("records"):
        cells = [format_share(row["confidence"]), f"{row['hours']:,.0f}", f"{row['peak']:,}"]
        cells += [format_share(row["expected_service_level"]), format_number(round(row["days_below"], 1))]
        if priced:
            step = "–" if last is None else f"{(row['hours'] - last) * cost:,.0f}"
            cells += [f"{row['hours'] * cost:,.0f}", step]
        rows.append(cells)
        last = row["hours"]
    return {"columns": head, "rows": rows}


def describe_work(view: View, queue: str) -> dict[str, Any]:
    """Return the plan of deferred work: agents by interval, and backlog and breaches by day."""
    rows = view.snapshot.query("SELECT * FROM {casework} WHERE queue = ? ORDER BY ds", [queue])
    rows = rows.assign(ds=pd.to_datetime(rows["ds"]))
    title = f"Agents to schedule, {format_queue(queue)}"
    heat = make_heat_map(
        title, rows["ds"], rows["agents_to_schedule"], lambda v: f"{math.ceil(v - 1e-9):,}", year=view.year
    )
    table = []
    for day, own in rows.groupby(rows["ds"].dt.normalize()):
        last = own.iloc[-1]
        low, high = last.get("backlog_lo", np.nan), last.get("backlog_hi", np.nan)
        table.append(
            [
                format_date(pd.Timestamp(str(day)), view.year),
                format_number(own["arrived"].sum()),
                format_number(own["worked"].sum()),
                format_number(last["backlog"]),
                f"{format_number(low)} to {format_number(high)}" if low <= high else "–",
                format_number(last["overdue_open"]),
                format_number(own.get("expected_breaches", pd.Series([np.nan])).sum()),
            ]
        )
    head = ["Date", "New", "Worked on", "Backlog", "Likely range", "Overdue, open", "Expected breaches"]
    columns = [(label, place > 0) for place, label in enumerate(head)]
    return {"heat": heat, "days": {"columns": columns, "rows": table}}


def _table(view: View, name: str, queue: str) -> Any:
    if not view.snapshot.has(name):
        return None
    rows = view.snapshot.query(f"SELECT * FROM {{{name}}} WHERE queue = ?", [queue])
    main = [c for c in choose_main_columns(name, rows) if c != "queue"]
    return format_table(name, rows[main], 60) if len(rows) else None


@router.get("/staffing.{ending}")
def staffing_file(view: PageView, ending: str) -> Response:
    """Give the plan for the targets of the address as CSV, Excel workbook or Parquet; ``plan`` names a saved one."""
    asked = view.request.query_params
    if asked.get("plan"):
        found = next((p for p in read_plans(view) if p["name"] == asked["plan"]), None)
        if found is None:
            raise HTTPException(404, "No plan has this name.")
        frame = pd.DataFrame(found["rows"], columns=["ds", "calls", "required", "to_schedule"])
        return export_frame(frame.assign(ds=pd.to_datetime(frame["ds"])), f"plan-{found['name']}", ending)
    queues = list_queues(view)
    queue = asked.get("queue", "") or next(iter(queues), "")
    if queue not in queues:
        raise HTTPException(404, "No queue of this name is planned.")
    if queue in {name for (name,) in _names(view, "casework")}:
        return export_frame(
            view.snapshot.query("SELECT * FROM {casework} WHERE queue = ? ORDER BY ds", [queue]),
            f"staffing-{queue}",
            ending,
        )
    own = read_settings(view.snapshot).get(queue)
    if own is None:
        rows = view.snapshot.query("SELECT * FROM {staffing} WHERE queue = ? ORDER BY ds", [queue])
        return export_frame(rows, f"staffing-{queue}", ending)
    return export_frame(make_plan(view.snapshot, own, move_sliders(own, asked)), f"staffing-{queue}", ending)


@router.post("/staffing/plans")
def keep_plan(view: PageView, form: Annotated[Form, Depends(read_form("plan"))]) -> Response:
    """Keep the plan for some targets under a name with the reason, or delete one."""
    name = form.text("name", "The name", 80)
    if form.get("delete"):
        save(view, "plan", name, None)
        return view.redirect("/staffing", "plan-deleted")
    reason = form.text("reason", "The reason", 500)
    own = read_settings(view.snapshot).get(form.get("queue", ""))
    if own is None:
        raise HTTPException(422, "Only plans of calls and chats are kept. Choose such a queue.")
    moved = move_sliders(own, form)
    plan = make_plan(view.snapshot, own, moved)
    rows = [
        [f"{row.ds:%Y-%m-%d %H:%M}", round(float(row.calls), 3), int(need), round(float(crew), 3)]
        for row, need, crew in zip(
            list_rows(plan), plan[moved.required], plan[moved.scheduled].astype(float), strict=True
        )
        if need > 0
    ]
    now = summarise_plan(plan, moved)
    body = {"queue": own.queue, "targets": moved.values, "reason": reason, "rows": rows}
    save(view, "plan", name, body | {"peak": now["peak"], "hours": round(now["hours"], 2), "as_of": str(view.now)})
    return view.redirect("/staffing", "plan", **{"queue": own.queue, **{k: str(v) for k, v in moved.values.items()}})


def read_plans(view: View) -> list[dict[str, Any]]:
    """Return the plans that are kept."""
    with read_state(view.desk.place) as state:
        saved = read_saved(state, "plan")
    found = []
    for row in list_rows(saved):
        body = json.loads(row.body)
        query = urlencode({"queue": body["queue"], **body["targets"]})
        words = (
            f"{format_queue(body['queue'])}, up to {format_count(body['peak'], 'agent')}, {body['hours']:,.0f} hours"
        )
        found.append({**body, "name": row.name, "by": row.by, "at": row.at, "query": query, "words": words})
    return found
