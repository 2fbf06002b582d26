"""KPIs: the catalogue by group, each by week with target and interval, by segment, and the cases behind a value."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd
from fastapi import APIRouter
from fastapi.responses import HTMLResponse, Response
from starlette.exceptions import HTTPException

from .....features.kpis.catalogue import find_kpi_unit
from ....words.columns import column_label
from ....words.words import format_date, format_kpi, format_number, format_points, format_range, format_value
from ..frame.export import export_frame
from ..frame.frame_rows import list_rows
from ..frame.line_chart import Line, LineChart, make_line_chart
from ..frame.view import PageRoute, PageView, View
from .kpi_data import (
    GROUPS,
    WEEKS_SHOWN,
    entry_of,
    group_of,
    last_periods,
    list_kpis,
    list_unavailable,
    period_of,
    read_history,
    read_segments,
    segment_columns,
    target_of,
    weeks_of,
)
from .kpi_paths import cases_path, kpi_path

router = APIRouter(route_class=PageRoute)
_PERIODS = {"h": "hour", "D": "day", "W": "week", "MS": "month", "QS": "quarter"}


@router.get("/kpis", response_class=HTMLResponse)
def kpis(view: PageView) -> Response:
    """Show all KPIs by group with their last week; a search looks into names and definitions."""
    missing = view.missing("history", "history")
    if missing:
        return view.page("kpis.html", missing=missing)
    words = view.request.query_params.get("q", "").lower().split()[:10]
    groups: dict[str, list[list[str]]] = {name: [] for name in GROUPS}
    for one in list_kpis(view.snapshot):
        entry = one["entry"]
        text = f"{format_kpi(one['kpi'])} {one['kpi']} {entry.definition if entry else ''}".lower()
        if all(word in text for word in words):
            groups.setdefault(group_of(entry) if entry else "Your own", []).append(_row(view, one))
    stage = view.snapshot.stage("history")
    return view.page(
        "kpis.html",
        missing=None,
        groups={name: rows for name, rows in groups.items() if rows},
        findings=[] if stage is None else list(stage.findings),
        q=" ".join(words),
        unavailable=list_unavailable(view.snapshot),
    )


def _row(view: View, one: dict[str, Any]) -> list[str]:
    """Return the cells of a KPI in the catalogue; the last is its address."""
    kpi, now, before = one["kpi"], one["now"], one["before"]
    unit = find_kpi_unit(kpi) or "score"
    cells = [format_kpi(kpi)]
    cells.append("–" if now is None else format_value(now.value, unit, one["target"]))
    cells.append("–" if now is None or before is None else _change(now.value, before.value, unit))
    cells.append("–" if one["target"] is None else format_value(one["target"], unit))
    cells.append("–" if now is None else _sample(kpi, now.n))
    cells.append("–" if now is None else format_date(now.ds, view.year))
    return [*cells, kpi_path(kpi)]


def _change(now: float, before: float, unit: str) -> str:
    """Write the change from one period to the next: of shares in points, of the rest in its unit.

    >>> _change(0.75, 0.8, "share"), _change(12, 10, "count"), _change(3600, 7200, "s")
    ('-5 points', '+2', '-1 h')
    """
    gap = now - before
    if math.isnan(gap):
        return "–"
    shown = format_points(abs(gap)) if unit == "share" else format_value(abs(gap), unit)
    return shown if not gap else f"{'+' if gap > 0 else '-'}{shown}"


def _sample(kpi: str, n: float) -> str:
    """Write of how many cases a value is; what is divided by time or money has no sample of cases."""
    entry = entry_of(kpi)
    timed = entry is not None and "agent_time" in entry.needs
    return "–" if timed or math.isnan(n) else format_number(n)


@router.get("/kpis/{kpi}.{ending}")
def kpi_file(view: PageView, kpi: str, ending: str) -> Response:
    """Give the series of a KPI as CSV, Excel workbook or Parquet."""
    weeks = _weeks(view, kpi, read_segment(view))
    return export_frame(weeks.drop(columns="series").assign(kpi=kpi), f"kpi-{kpi}", ending)


@router.get("/kpis/{kpi}", response_class=HTMLResponse)
def kpi(view: PageView, kpi: str) -> Response:
    """Show one KPI by week, by segment, and how it is computed."""
    segment = read_segment(view)
    weeks = _weeks(view, kpi, segment)
    freq, target, entry = period_of(weeks), target_of(view.snapshot, kpi), entry_of(kpi)
    now, before = last_periods(weeks)
    unit = find_kpi_unit(kpi) or "score"
    return view.page(
        "kpi.html",
        kpi=kpi,
        title=format_kpi(kpi),
        segment=segment,
        where=", ".join(f"{column} {value}" for column, value in segment.items()),
        total=kpi_path(kpi),
        chart=draw_weeks(view, kpi, weeks, target if not segment else None, freq),
        period=_PERIODS.get(freq, "period"),
        rows=describe_weeks(view, kpi, weeks, segment, freq),
        now=None if now is None else format_value(now.value, unit, target),
        now_at=None if now is None else format_date(now.ds, view.year),
        change="" if now is None or before is None else _change(now.value, before.value, unit),
        target=None if target is None else format_value(target, unit),
        entry=entry,
        unit=unit,
        segments=_segments(view, kpi, unit, freq),
        alerts=_alerts(view, kpi),
        query=view.request.url.query,
    )


def read_segment(view: View) -> dict[str, str]:
    """Return the segment that an address names, by the columns that the history has."""
    asked = view.request.query_params
    columns = segment_columns(view.snapshot) if view.results is not None and view.snapshot.has("history") else []
    return {column: asked[column] for column in columns if asked.get(column)}


def _weeks(view: View, kpi: str, segment: dict[str, str]) -> pd.DataFrame:
    """Return the series of a KPI.

    Raises
    ------
    HTTPException
        404 where the history has none.
    """
    if view.results is None or not view.snapshot.has("history"):
        raise HTTPException(404, "There is no KPI history yet. Run 'deskcast run' first.")
    rows = read_history(view.snapshot, kpi, segment)
    if rows.empty:
        where = f" of {', '.join(segment.values())}" if segment else ""
        raise HTTPException(404, f"The history has no KPI of this name{where}.")
    return weeks_of(rows, kpi).tail(WEEKS_SHOWN).reset_index(drop=True)


def draw_weeks(view: View, kpi: str, weeks: pd.DataFrame, target: float | None, freq: str) -> LineChart:
    """Return the picture of a KPI: complete periods, those that are not, and the target."""
    whole = weeks["value"].where(~weeks["cut"])
    lines = [Line("Actual", whole.tolist())]
    if weeks["lo"].notna().any():
        lines += [
            Line("95% interval, low", weeks["lo"].where(~weeks["cut"]).tolist(), dashed=True),
            Line("95% interval, high", weeks["hi"].where(~weeks["cut"]).tolist(), dashed=True),
        ]
    if target is not None:
        lines.append(Line("Target", [target] * len(weeks), dashed=True))
    unit = find_kpi_unit(kpi) or "score"
    title = f"{format_kpi(kpi)} by {_PERIODS.get(freq, 'period')}"
    return make_line_chart("kpi", title, weeks["ds"], lines, unit, year=view.year)


def describe_weeks(
    view: View, kpi: str, weeks: pd.DataFrame, segment: dict[str, str], freq: str
) -> list[dict[str, Any]]:
    """Return the last periods, the latest first, each with a bar and the address of its cases."""
    unit, shown = find_kpi_unit(kpi) or "score", weeks.tail(13).iloc[::-1]
    most = 1.0 if unit == "share" else float(shown["value"].abs().max() or 0.0)
    rows = []
    for row in list_rows(shown):
        empty = math.isnan(row.value)
        rows.append(
            {
                "period": format_date(row.ds, view.year),
                "value": "–" if empty else format_value(row.value, unit),
                "share": 0.0 if empty or not most else abs(row.value) / most,
                "n": _sample(kpi, row.n),
                "interval": format_range(row.lo, row.hi, "share") if row.lo == row.lo else "",
                "note": "incomplete" if row.cut else "few" if row.few else "",
                "cases": cases_path(kpi, f"{row.ds:%Y-%m-%d}", freq, segment),
            }
        )
    return rows


def _segments(view: View, kpi: str, unit: str, freq: str) -> list[dict[str, Any]]:
    """Return the tables by segment: value, change, sample, and the addresses of the segment and its cases."""
    tables = []
    for column, parts in read_segments(view.snapshot, kpi).items():
        rows = []
        for name, now, before in parts:
            rows.append(
                {
                    "name": name,
                    "path": kpi_path(kpi, f"{column} {name}"),
                    "value": format_value(now.value, unit),
                    "change": "–" if before is None else _change(now.value, before.value, unit),
                    "n": _sample(kpi, now.n),
                    "cases": cases_path(kpi, f"{now.ds:%Y-%m-%d}", freq, {column: name}),
                }
            )
        if rows:
            tables.append({"title": column_label("history", column), "rows": rows[:50]})
    return tables


def _alerts(view: View, kpi: str) -> list[tuple[str, str]]:
    """Return the alerts of a KPI: address and words."""
    from .alert_data import alert_path, alert_title

    if not view.snapshot.has("kpi_alerts"):
        return []
    rows = view.snapshot.query("SELECT * FROM {kpi_alerts} WHERE kpi = ? ORDER BY last_at DESC LIMIT 8", [kpi])
    return [
        (alert_path(row.alert_id), f"{alert_title(row)}, since {format_date(pd.Timestamp(row.started_at), view.year)}")
        for row in list_rows(rows)
    ]
