"""Data: what was read, what was rejected and why, and when each part of the results was made."""

from __future__ import annotations

from typing import Any

import pandas as pd
from fastapi import APIRouter
from fastapi.responses import HTMLResponse, Response

from ....words.columns import choose_main_columns, column_label, table_title
from ....words.facts import audience_of
from ....words.tables import format_table
from ....words.words import format_count, format_instant
from ..frame.export import export_frame
from ..frame.listing import ListSpec, read_listing
from ..frame.view import PageRoute, PageView, View
from ..kpis.kpi_data import list_unavailable

router = APIRouter(route_class=PageRoute)
_REJECTED = ListSpec(
    "{rejected_rows}",
    ("source", "table", "row", "column", "value", "reason"),
    facets=("table", "column", "code"),
    search=("source", "table", "column", "value", "reason"),
    sort="table",
    ties="row",
)
#: Tables of the check that are shown whole where they have rows.
_MORE = ("ours_against_theirs", "replaced_rows")
_STAGE_TITLES = {
    "check": "Data",
    "history": "KPIs",
    "forecast": "Forecast",
    "staff": "Staffing",
    "today": "Rest of today",
    "review": "Review of the week",
    "train": "Models",
    "risk": "Cases",
    "drift": "Model drift",
    "watch": "KPI alerts",
    "compare": "Comparison",
    "accuracy": "Track record",
}


@router.get("/data", response_class=HTMLResponse)
def data(view: PageView) -> Response:
    """Show what the last run read and made."""
    missing = view.missing()
    if missing:
        return view.page("data.html", missing=missing)
    results = view.snapshot
    stage = results.stage("check")
    said = [] if stage is None else list(stage.findings)
    checks = results.rows('SELECT "check", result FROM {checks}') if results.has("checks") else []
    return view.page(
        "data.html",
        missing=None,
        no_check=None if checks else view.missing("check", "checks"),
        findings=[f for f in said if audience_of(f) != "analyst"] or said,
        more=[f for f in said if audience_of(f) == "analyst"],
        instants=list_instants(view),
        checks=[(str(name), str(text)) for name, text in checks if str(text) != "None."],
        nothing=[str(name) for name, text in checks if str(text) == "None."],
        stages=list_stages(view),
        rejected=_rejected(view),
        tables=[(table_title(t), t, shown) for t in _MORE if (shown := _table(view, t)) is not None],
        unavailable=list_unavailable(view.snapshot),
        every=[(table_title(t), t) for t in _table_names(view)],
    )


@router.get("/data/rejected.{ending}")
def rejected_file(view: PageView, ending: str) -> Response:
    """Give the rejected rows that the filters leave as CSV, Excel workbook or Parquet."""
    listing = read_listing(_REJECTED, view.request.query_params.multi_items())
    return export_frame(listing.every(view.snapshot), "rejected-rows", ending)


def list_instants(view: View) -> list[tuple[str, str]]:
    """Return which instants the results are of."""
    instants, zone = view.snapshot.results.instants, view.desk.timezone
    if instants is None:
        return [("Computed", str(view.snapshot.results.made_at))]
    made = pd.Timestamp(instants.made_at).tz_convert(zone)
    found = [("Data until", instants.data_until.tz_convert(zone)), ("Results as of", instants.as_of.tz_convert(zone))]
    return [
        *((name, format_instant(at, view.year)) for name, at in found),
        ("Computed", format_instant(made, view.year)),
    ]


def list_stages(view: View) -> list[list[str]]:
    """Return the parts of the run: what became of each, its rows, its seconds and when its tables were made."""
    rows = []
    for stage in view.snapshot.results.stages:
        state = f"Not done: {stage.skipped}" if stage.skipped else f"Failed: {stage.failed}" if stage.failed else "Done"
        made = "of this run"
        if stage.tables_made_at is not None:
            made = format_instant(pd.Timestamp(stage.tables_made_at).tz_convert(view.desk.timezone), view.year)
        title = _STAGE_TITLES.get(stage.name, stage.name.capitalize())
        rows.append([title, state, made, f"{stage.seconds:,.1f} s"])
    return rows


def _rejected(view: View) -> dict[str, Any] | None:
    """Return the list of rejected rows with its filters; nothing where no row was rejected."""
    results = view.snapshot
    if not results.count("rejected_rows"):
        return None
    listing = read_listing(_REJECTED, view.request.query_params.multi_items())
    frame = listing.rows(results, _REJECTED.columns)
    reasons = results.rows(
        'SELECT "table", "column", reason, count(*) AS n FROM {rejected_rows} GROUP BY ALL ORDER BY n DESC LIMIT 20'
    )
    return {
        "count": format_count(results.count("rejected_rows"), "row"),
        "listing": listing,
        "total": listing.total(results),
        "table": format_table("rejected_rows", frame, listing.size, view.desk.timezone, view.year),
        "sorts": {column: listing.sort_link(column) for column in _REJECTED.columns},
        "labels": {column: column_label("rejected_rows", column) for column in _REJECTED.facets},
        "facets": listing.facets(results),
        "reasons": [[str(t), str(c or "–"), str(why), f"{n:,}"] for t, c, why, n in reasons],
        "query": listing.link(page=1).lstrip("?"),
    }


def _table(view: View, name: str) -> Any:
    if not view.snapshot.count(name):
        return None
    rows = view.snapshot.query(f"SELECT * FROM {{{name}}} LIMIT 50")
    return format_table(name, rows[choose_main_columns(name, rows)], 50, view.desk.timezone, view.year)


def _table_names(view: View) -> list[str]:
    names = [t for stage in view.snapshot.results.stages if (s := view.snapshot.stage(stage.name)) for t in s.tables]
    return [name for name in names if not name.endswith("_figures")]
