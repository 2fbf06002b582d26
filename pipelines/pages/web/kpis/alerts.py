"""KPI alerts: what changed, how far from what was expected, why, which cases are behind it, and what to do about it."""

from __future__ import annotations

from typing import Annotated, Any

import pandas as pd
from fastapi import APIRouter, Depends
from fastapi.responses import HTMLResponse, Response
from starlette.exceptions import HTTPException

from ....state.records import ALERT_VERDICTS, VERDICTS, join_advice_note
from ....words.columns import choose_main_columns, column_label, format_cell
from ....words.facts import facts_of
from ....words.tables import format_table
from ..cases.case_records import local_day
from ..frame.export import export_frame
from ..frame.forms import Form, read_form
from ..frame.listing import read_listing
from ..frame.view import PageRoute, PageView, View
from ..frame.writes import acknowledge, silence, write_feedback, write_note
from .alert_data import (
    LIST_COLUMNS,
    alert_path,
    alert_title,
    describe_alert,
    draw_alert,
    list_spec,
    open_alerts,
    read_advice,
    read_current,
    read_entries,
)
from .kpi_paths import kpi_path, week_cases_path

router = APIRouter(route_class=PageRoute)
#: Cards with a picture: those that are reported first.
MAX_PICTURES = 4
MAX_MUTE_DAYS = 366


@router.get("/alerts", response_class=HTMLResponse)
def alerts(view: PageView) -> Response:
    """Show what is reported as cards, and all alerts as a list."""
    missing = view.missing("watch", "kpi_alerts")
    stage = None if view.results is None else view.snapshot.stage("watch")
    said = [] if stage is None else list(stage.findings)
    goals = _read_goals(view)
    if missing:
        return view.page("alerts.html", missing=missing, findings=said, goals=goals)
    rows = open_alerts(view)
    cards = []
    for place, row in enumerate(rows.itertuples(index=False)):
        drawn = draw_alert(view.snapshot, row, both=False) if place < MAX_PICTURES else []
        cards.append(describe_alert(view, row) | {"chart": drawn[0] if drawn else None})
    told = {str(card["sentence"]) for card in cards}
    listing = read_listing(list_spec(), view.request.query_params.multi_items())
    frame = listing.rows(view.snapshot, LIST_COLUMNS)
    shown = [c for c in LIST_COLUMNS if c != "alert_id"]
    return view.page(
        "alerts.html",
        missing=None,
        cards=cards,
        findings=[f for f in said if f not in told and not _is_of(f, rows) and f not in (goals or {}).get("said", ())],
        goals=goals,
        listing=listing,
        total=listing.total(view.snapshot),
        table=format_table("kpi_alerts", frame[shown], listing.size, view.desk.timezone, view.year),
        names=shown,
        links=[alert_path(name) for name in frame["alert_id"]],
        sorts={column: listing.sort_link(column) for column in shown},
        labels={column: column_label("kpi_alerts", column) for column in listing.spec.facets},
        facets=listing.facets(view.snapshot),
        query=listing.link(page=1).lstrip("?"),
    )


def _read_goals(view: View) -> dict[str, Any] | None:
    """Return where the goals stand, with the sentences on them; nothing where none is configured."""
    if view.results is None or not view.snapshot.count("goals"):
        return None
    frame = view.snapshot.frame("goals")
    stage = view.snapshot.stage("watch")
    said = [f for f in (stage.findings if stage else ()) if any(fact.kind == "goal" for fact in facts_of([f]))]
    main = choose_main_columns("goals", frame)
    return {"table": format_table("goals", frame[main], 50, view.desk.timezone, view.year), "said": said}


def _is_of(finding: Any, rows: pd.DataFrame) -> bool:
    """Tell whether a finding of the run is about an alert that has a card, whatever was decided on it since."""
    ids = {fact.cell.keys.get("alert_id") for fact in getattr(finding, "facts", ()) if fact.cell and fact.cell.keys}
    return bool(ids & set(rows["alert_id"]))


@router.get("/alerts.{ending}")
def alerts_file(view: PageView, ending: str) -> Response:
    """Give the alerts that the filters leave as CSV, Excel workbook or Parquet."""
    listing = read_listing(list_spec(), view.request.query_params.multi_items())
    return export_frame(listing.every(view.snapshot), "kpi-alerts", ending)


@router.get("/alerts/{alert_id:path}", response_class=HTMLResponse)
def alert(view: PageView, alert_id: str) -> Response:
    """Show one alert: its picture with the expected range, drivers, members, causes, and what people wrote."""
    row = find_alert(view, alert_id)
    details = _read_details(view, alert_id, row)
    return view.page(
        "alert.html",
        alert=describe_alert(view, row),
        title=alert_title(row),
        charts=draw_alert(view.snapshot, row),
        members=_split(row.members),
        others=_split(row.other_kpis),
        causes=_split(row.causes),
        drivers_words=row.drivers,
        explained=row.explained,
        tables=details,
        kpi=kpi_path(row.kpi, row.series),
        behind=week_cases_path(row.kpi, pd.Timestamp(row.last_at), row.series),
        entries=read_entries(view, alert_id),
        verdicts=ALERT_VERDICTS,
        advice=_list_advice(view, alert_id),
        followed=VERDICTS,
        mutes=_mutable(row),
        days={"first": local_day(view) + pd.Timedelta("1D"), "usual": local_day(view) + pd.Timedelta(days=14)},
    )


def find_alert(view: View, alert_id: str) -> Any:
    """Return an alert of the results.

    Raises
    ------
    HTTPException
        404 where the last run has none of the id.
    """
    if view.results is not None and view.snapshot.has("kpi_alerts"):
        rows = read_current(view, "alert_id = ?", (alert_id,))
        if len(rows):
            return next(rows.itertuples(index=False))
    raise HTTPException(404, "The last run has no KPI alert of this name. It may be of an earlier run.")


def _read_details(view: View, alert_id: str, row: Any) -> list[tuple[str, Any]]:
    """Return the tables behind an alert: drivers, the changes of single series, and the days of its picture."""
    results, zone, year = view.snapshot, view.desk.timezone, view.year
    wanted = (
        ("Drivers", "drivers", "kpi = ? AND series = ? ORDER BY abs(contribution) DESC", [row.kpi, row.series]),
        ("Changes of single series", "detections", "alert_id = ? ORDER BY abs(z) DESC", [alert_id]),
        ("Days with the expected range", "expected_ranges", "alert_id = ? ORDER BY ds DESC", [alert_id]),
    )
    found = []
    for title, table, condition, values in wanted:
        if not results.has(table):
            continue
        rows = results.query(f"SELECT * FROM {{{table}}} WHERE {condition} LIMIT 60", values)
        rows = rows.drop(columns=[c for c in ("alert_id", "drivers") if c in rows])
        if len(rows):
            found.append((title, format_table(table, rows, 60, zone, year)))
    return found


def _split(words: str) -> list[str]:
    return [part for part in words.split("; ") if part]


def _mutable(row: Any) -> dict[str, str]:
    """Return what can be muted about an alert: its id, its KPI, and its segment where it is of one."""
    more = {} if row.series == "all" else {row.series: f"Everything of {row.series}"}
    return {row.alert_id: "This alert", row.kpi: "All alerts of this KPI"} | more


@router.post("/alerts/{alert_id:path}/acknowledge")
def add_acknowledgement(view: PageView, alert_id: str, form: Annotated[Form, Depends(read_form("plan"))]) -> Response:
    """Note that somebody handles an alert."""
    find_alert(view, alert_id)
    acknowledge(view, alert_id, form.get("note", "")[:2000])
    return view.redirect(alert_path(alert_id), "acknowledged")


@router.post("/alerts/{alert_id:path}/silence")
def mute(view: PageView, alert_id: str, form: Annotated[Form, Depends(read_form("plan"))]) -> Response:
    """Mute an alert, its KPI or its segment until a day."""
    row = find_alert(view, alert_id)
    what = form.choice("what", "What to mute", _mutable(row))
    silence(view, what, form.day("until", "The day", local_day(view), MAX_MUTE_DAYS))
    return view.redirect(alert_path(alert_id), "silenced")


@router.post("/alerts/{alert_id:path}/feedback")
def add_feedback(view: PageView, alert_id: str, form: Annotated[Form, Depends(read_form("note"))]) -> Response:
    """Say whether an alert was real or noise."""
    find_alert(view, alert_id)
    verdict = form.choice("verdict", "Your answer", ALERT_VERDICTS)
    write_feedback(view, "alert", alert_id, verdict, form.get("note", "")[:2000])
    return view.redirect(alert_path(alert_id), "feedback")


@router.post("/alerts/{alert_id:path}/advice")
def add_answer(view: PageView, alert_id: str, form: Annotated[Form, Depends(read_form("note"))]) -> Response:
    """Say what became of a piece of advice: the track record follows up whether the KPI came back."""
    find_alert(view, alert_id)
    told = {one["place"]: one["do"] for one in _list_advice(view, alert_id)}
    place = form.choice("place", "The advice", tuple(told))
    verdict = form.choice("verdict", "Your answer", VERDICTS)
    note = form.get("note", "")[:2000]
    write_feedback(view, "advice", alert_id, verdict, join_advice_note(told[place], note))
    return view.redirect(alert_path(alert_id), "feedback")


def _list_advice(view: View, alert_id: str) -> list[dict[str, str]]:
    """Return what to try about an alert: what, who, and the work that it takes."""
    found = read_advice(view, alert_id)
    rows: list[Any] = [] if found is None else list(found.itertuples(index=False))
    return [
        {
            "place": str(int(row.place)),
            "do": str(row.do),
            "who": str(row.who),
            "effort": "" if pd.isna(row.effort_s) else format_cell("advice", "effort_s", float(row.effort_s)),
        }
        for row in rows
    ]


@router.post("/alerts/{alert_id:path}/note")
def add_note(view: PageView, alert_id: str, form: Annotated[Form, Depends(read_form("note"))]) -> Response:
    """Write a note on an alert."""
    find_alert(view, alert_id)
    write_note(view, "KPI alert", alert_id, form.text("text", "The note"))
    return view.redirect(alert_path(alert_id), "noted")
