"""``/api/v1``: cases, forecasts, staffing, alerts, KPIs, models and findings for programs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date
from typing import Annotated, Any, Literal

import pandas as pd
from fastapi import APIRouter, Query, Request
from fastapi.openapi.utils import get_openapi
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field, create_model

from ....words.facts import audience_of, fact_record
from ..cases.case_list import COLUMNS, EXPORTED, SITUATIONS, cases_source
from ..frame.listing import ListSpec, read_listing
from ..frame.view import PageRoute, PageView, View
from ..kpis.alert_data import add_decisions
from .api_form import ERRORS, JSON, Paging, Rows, answer_bytes, answer_records, answer_rows

router = APIRouter(route_class=PageRoute, prefix="/api/v1", responses=ERRORS)
description = APIRouter(route_class=PageRoute)
_KINDS: dict[str, Any] = {"VARCHAR": str, "DOUBLE": float, "BOOLEAN": bool, "BIGINT": int, "TIMESTAMPTZ": str}
Text = Annotated[str | None, Field(max_length=200)]


class Row(BaseModel):
    """A row of a result table; a table may have more columns than these."""

    model_config = ConfigDict(extra="allow")


def _row(name: str, **kinds: Any) -> Any:
    """Return the type of a page of rows with these columns, each of which may be missing."""
    fields: dict[str, Any] = {column: (kind | None, None) for column, kind in kinds.items()}
    row = create_model(f"{name}Row", __base__=Row, **fields)
    rows: Any = (list[row], ...)  # type: ignore[valid-type]
    return create_model(f"{name}Rows", __base__=Rows, rows=rows)


CaseRows = _row("Case", situation=str, **{column: _KINDS[kind] for column, kind in COLUMNS.items()})
ForecastRows = _row("Forecast", unique_id=str, node=str, ds=str, deskcast=float, seasonal_naive=float)
StaffingRows = _row("Staffing", queue=str, ds=str, agents=float, agents_to_schedule=float, backlog=float)
AlertRows = _row("Alert", alert_id=str, kpi=str, series=str, state=str, before=float, after=float, note=str)
KpiRows = _row("Kpi", kpi=str, ds=str, value=float, n=float, median=float, p90=float)
ModelRows = _row("Model", part=str, model=str, n=float, brier=float, ece=float, wape=float, coverage_80=float)
FindingRows = _row("Finding", stage=str, text=str, audience=str, facts=list)


class CaseQuery(Paging):
    """Which cases."""

    q: Text = None
    situation: Literal["Within SLA", "Too little time left", "Breached", "Awaiting closure"] | None = None
    team: Text = None
    owner: Text = None
    priority: Text = None
    metric: Text = None
    case_id: Text = None
    sort: Literal["rank", "probability", "-probability", "due_at", "-due_at", "case_id", "-case_id"] = "rank"


class SpanQuery(Paging):
    """Rows from a first to a last day, both included."""

    start: date | None = None
    end: date | None = None


class ForecastQuery(SpanQuery):
    """Which forecasts: of segments or of totals."""

    level: Literal["segments", "totals"] = "segments"
    series: Text = None


class StaffingQuery(SpanQuery):
    """Which intervals: of contacts or of deferred work."""

    work: Literal["contacts", "cases"] = "contacts"
    queue: Text = None


class AlertQuery(Paging):
    """Which KPI alerts."""

    kpi: Text = None
    state: Text = None
    alert_id: Text = None


class KpiQuery(SpanQuery):
    """Which KPI values."""

    kpi: Text = None


class ModelQuery(Paging):
    """Which models."""

    part: Literal["breach_risk", "forecast"] | None = None


class FindingQuery(Paging):
    """Which findings."""

    stage: Text = None
    audience: Literal["everyone", "planner", "analyst"] | None = None


@router.get("/cases", response_model=CaseRows)
def cases(view: PageView, wanted: Annotated[CaseQuery, Query()]) -> Response:
    """List open cases, each by each of its SLAs, with breach risk and suggested action."""
    results = view.snapshot
    if not any(results.has(table) for table in SITUATIONS):
        return answer_rows(view, pd.DataFrame(), 0, wanted)
    facets = ("situation", "team", "owner", "priority", "metric", "case_id")
    spec = ListSpec(cases_source(results), tuple(COLUMNS), facets, ("search_text",), "rank", "case_id")
    pairs = [(name, str(value)) for name in ("q", "sort", *facets) if (value := getattr(wanted, name)) is not None]
    listing = read_listing(spec, pairs)
    condition, values = listing.where()
    query = f"FROM {spec.source} WHERE {condition}"
    return _select(view, query, values, listing.order(), wanted, columns=EXPORTED)


@router.get("/forecasts", response_model=ForecastRows)
def forecasts(view: PageView, wanted: Annotated[ForecastQuery, Query()]) -> Response:
    """List forecasts with their intervals, by series and day."""
    table, column = ("totals", "node") if wanted.level == "totals" else ("forecast", "unique_id")
    return _table(view, table, {column: wanted.series}, wanted, f"{column}, ds")


@router.get("/staffing", response_model=StaffingRows)
def staffing(view: PageView, wanted: Annotated[StaffingQuery, Query()]) -> Response:
    """List required agents by interval and queue."""
    table = "casework" if wanted.work == "cases" else "staffing"
    return _table(view, table, {"queue": wanted.queue}, wanted, "queue, ds")


@router.get("/alerts", response_model=AlertRows)
def alerts(view: PageView, wanted: Annotated[AlertQuery, Query()]) -> Response:
    """List KPI alerts, the latest first; what people decided since the run is in them."""
    if not view.snapshot.has("kpi_alerts"):
        return answer_rows(view, pd.DataFrame(), 0, wanted)
    rows = add_decisions(view, view.snapshot.query("SELECT * FROM {kpi_alerts} ORDER BY started_at DESC, alert_id"))
    for column in ("kpi", "state", "alert_id"):
        value = getattr(wanted, column)
        rows = rows if value is None else rows[rows[column] == value]
    return answer_rows(view, rows.iloc[wanted.offset : wanted.offset + wanted.limit], len(rows), wanted)


@router.get("/kpis", response_model=KpiRows)
def kpis(view: PageView, wanted: Annotated[KpiQuery, Query()]) -> Response:
    """List KPI values by period and segment."""
    return _table(view, "history", {"kpi": wanted.kpi}, wanted, "kpi, ds")


@router.get("/models", response_model=ModelRows)
def models(view: PageView, wanted: Annotated[ModelQuery, Query()]) -> Response:
    """List how good the models were in tests: of breach risk on held-out cases, of the forecast in backtests."""
    parts = {"breach_risk": "evaluation", "forecast": "leaderboard"}
    chosen = [p for p, t in parts.items() if view.snapshot.has(t) and wanted.part in (None, p)]
    if not chosen:
        return answer_rows(view, pd.DataFrame(), 0, wanted)
    union = " UNION ALL BY NAME ".join(f"SELECT '{part}' AS part, * FROM {{{parts[part]}}}" for part in chosen)
    return _select(view, f"FROM ({union})", [], "part, model", wanted)


@router.get("/findings", response_model=FindingRows)
def findings(view: PageView, wanted: Annotated[FindingQuery, Query()]) -> Response:
    """List what the run found, in sentences, each with the facts that it states."""
    records = [
        {
            "stage": stage.name,
            "text": str(text),
            "audience": audience_of(text),
            "facts": [fact_record(fact) for fact in getattr(text, "facts", ())],
        }
        for stage in view.snapshot.results.stages
        for text in stage.findings
        if wanted.stage in (None, stage.name) and wanted.audience in (None, audience_of(text))
    ]
    return answer_records(view, records, wanted)


@description.get("/api/openapi.json", include_in_schema=False)
def openapi(request: Request) -> Response:
    """Describe the API."""
    about = "Results of deskcast. Rows are paged by limit and offset; CSV by Accept: text/csv. An ETag saves transfers."
    schema = get_openapi(title="deskcast", version="1", description=about, routes=router.routes)
    return answer_bytes(request, json.dumps(schema).encode(), JSON, {})


def _table(view: View, table: str, keys: dict[str, str | None], wanted: Paging, order: str) -> Response:
    """Return the rows of one table that have the given values, between two days."""
    if not view.snapshot.has(table):
        return answer_rows(view, pd.DataFrame(), 0, wanted)
    parts = [f'"{column}" = ?' for column, value in keys.items() if value is not None]
    values: list[Any] = [value for value in keys.values() if value is not None]
    for name, sign in (("start", "ds >= ?::DATE"), ("end", "ds < ?::DATE + 1")):
        day = getattr(wanted, name, None)
        if day is not None:
            parts.append(sign)
            values.append(day)
    condition = " AND ".join(parts) or "true"
    return _select(view, f"FROM {{{table}}} WHERE {condition}", values, order, wanted)


def _select(
    view: View, query: str, values: list[Any], order: str, wanted: Paging, columns: Sequence[str] = ()
) -> Response:
    total = int(view.snapshot.value(f"SELECT count(*) {query}", values))
    names = ", ".join(columns) or "*"
    limits = f"LIMIT {wanted.limit} OFFSET {wanted.offset}"
    frame = view.snapshot.query(f"SELECT {names} {query} ORDER BY {order} {limits}", values)
    return answer_rows(view, frame, total, wanted)
