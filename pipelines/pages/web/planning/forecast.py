"""Forecast: any segment and time step, earlier forecasts beside what was observed, and scenarios as is and assumed."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import urlencode

import pandas as pd
from fastapi import APIRouter, Depends
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.exceptions import HTTPException

from ....words.columns import choose_main_columns
from ....words.facts import audience_of, facts_of
from ....words.forecast import planner_notes
from ....words.tables import format_table
from ....words.words import format_date, format_expected_count, format_instant, format_number
from ..frame.export import export_frame
from ..frame.forms import Form, read_form
from ..frame.line_chart import Line, LineChart, make_line_chart
from ..frame.view import PageRoute, PageView, View
from ..frame.writes import save_scenario
from .adjustments import add, list_adjustments, withdraw
from .forecast_data import (
    GRAINS,
    MAX_AHEAD_STEPS,
    MAX_PAST_STEPS,
    PAST_STEPS,
    ForecastData,
    choose_lead,
    join_columns,
    read_actuals,
    read_backtest,
    read_earlier,
    read_forecast,
    select_ahead,
    sum_known_steps,
    sum_steps,
)
from .forecast_plan import (
    Scenario,
    apply_scenario,
    describe_change,
    list_scenarios,
    read_form_changes,
    read_new_change,
    read_scenario,
    scenario_body,
)

router = APIRouter(route_class=PageRoute)
_RANGE = ("deskcast-lo-80", "deskcast-hi-80")
#: What the column ``baseline`` and the forecast are called where they differ: by a scenario, or by adjustments.
_SCENARIO, _ADJUSTED = ("As is", "Assumed"), ("Before adjustment", "Adjusted")


@router.get("/forecast", response_class=HTMLResponse)
def forecast(view: PageView) -> Response:
    """Show the forecast of a series, as is and as assumed."""
    missing = view.missing("forecast", "forecast", "totals")
    if missing:
        return view.page("forecast.html", missing=missing)
    series, scenario = read_forecast(view), read_scenario(view)
    asked = view.request.query_params
    leaves = _times(view.snapshot.frame("forecast"))
    if asked.get("add"):
        kind, text = read_new_change(asked, leaves, [n for n in series.names if n in set(leaves["unique_id"])])
        return RedirectResponse(f"/forecast?{_query(series, [*scenario.texts, (kind, text)])}", 303)
    rows, overlaps, problem, compared = _ahead(view, series, scenario, leaves)
    chart, earlier = draw_series(view, series, rows, compared)
    stage = view.snapshot.stage("forecast")
    said = [] if stage is None else list(stage.findings)
    texts = scenario.texts
    return view.page(
        "forecast.html",
        missing=None,
        series=series,
        grains=GRAINS,
        chart=chart,
        earlier=earlier,
        ahead=describe_ahead(view, series, rows, compared),
        compared=compared,
        adjustments=list_adjustments(view),
        scenario=scenario,
        changes=[
            (describe_change(change, view.year), _query(series, [*texts[:i], *texts[i + 1 :]]) if texts else "")
            for i, change in enumerate(scenario.changes)
        ],
        overlaps=overlaps,
        problem=problem,
        command=_command(texts),
        scenarios=[(one, [describe_change(c, view.year) for c in one.changes]) for one in list_scenarios(view)],
        headlines=[f for f in said if audience_of(f) != "analyst"],
        quality=[*_track_record(view), *(f for f in said if audience_of(f) == "analyst")],
        by_series=_by_series(view),
        notes=_notes(view, said),
        days=(leaves["ds"].min(), leaves["ds"].max()),
        segments=list(dict.fromkeys(leaves["unique_id"])),
        query=_query(series, texts, scenario.name),
        plain=_query(series, ()),
    )


@router.get("/forecast.{ending}")
def forecast_file(view: PageView, ending: str) -> Response:
    """Give what the page shows as CSV, Excel workbook or Parquet."""
    series, scenario = read_forecast(view), read_scenario(view)
    rows, _, problem, _ = _ahead(view, series, scenario, _times(view.snapshot.frame("forecast")))
    if problem:
        raise HTTPException(422, f"The scenario cannot be used: {problem}")
    frame = rows.assign(series=series.name)
    more = ("baseline", "adjustment")
    kept = ["series", "ds", *(c for c in frame.columns if c in more or str(c).startswith("deskcast"))]
    return export_frame(frame[kept], f"forecast-{series.name}", ending)


def _ahead(
    view: View, series: ForecastData, scenario: Scenario, leaves: pd.DataFrame
) -> tuple[pd.DataFrame, list[str], str, tuple[str, ...]]:
    """Return the forecast of a series by the time step that is shown, and what it and its ``baseline`` are called."""
    stage = view.snapshot.stage("forecast")
    totals = _times(view.snapshot.frame("totals"))
    by = "-" if stage is None else str(stage.params.get("by", "-"))
    changed, sums, overlaps, problem = apply_scenario(scenario, leaves, totals, by)
    rows = select_ahead(series, changed, sums)
    compared: tuple[str, ...] = ()
    if "baseline" in rows:
        differ = (rows["baseline"] - rows["deskcast"]).abs().max() > 0
        compared = _SCENARIO if scenario.changes and not problem else _ADJUSTED if differ else ()
    columns = ["deskcast", *(["baseline"] if compared else [])]
    return sum_steps(rows, series, columns), overlaps, problem, compared


def draw_series(
    view: View, series: ForecastData, ahead: pd.DataFrame, compared: tuple[str, ...]
) -> tuple[LineChart, dict[str, Any]]:
    """Return the picture of a series, and its earlier forecasts beside what was observed."""
    actuals = read_actuals(view.snapshot, series)
    past = sum_steps(actuals, series, ["y"])
    past = past[past["whole"]].tail(min(PAST_STEPS.get(series.grain, MAX_PAST_STEPS), MAX_PAST_STEPS))
    ahead = ahead[ahead["whole"]].head(MAX_AHEAD_STEPS)
    issued, leads = read_earlier(view, series)
    lead = choose_lead(view.request.query_params.get("lead", ""), leads)
    source, label = issued[issued["step"] == lead], "Earlier forecast"
    if not leads:
        source, label = read_backtest(view.snapshot, series), "Test on the past"
    before = sum_known_steps(source, actuals["ds"], series, "deskcast")
    before = before[before["ds"].isin(past["ds"])]
    when = pd.Series(sorted({*past["ds"], *ahead["ds"]}))
    parts = {"Actual": past[["ds", "y"]], label: before[["ds", "deskcast"]]}
    names = [f"Forecast, {name.lower()}" for name in compared] or ["Forecast"]
    parts |= {names[0]: ahead[["ds", "baseline"]]} if compared else {}
    parts |= {names[-1]: ahead[["ds", "deskcast"]]}
    parts |= {end: ahead[["ds", end]] for end in _RANGE if end in ahead and series.grain == series.step}
    values = join_columns(when, parts)
    ends = [values.pop(end, None) for end in _RANGE]
    last = list(values)[-1]
    lines = [
        Line(
            name,
            found,
            low=ends[0] if name == last else None,
            high=ends[1] if name == last else None,
            dashed=name in (label, *names[:-1]),
        )
        for name, found in values.items()
        if any(v == v for v in found)
    ]
    noun = _noun(view)
    what = f"{noun.capitalize()}s per {GRAINS.get(series.grain, series.grain)}" if series.additive else "Value"
    chart = make_line_chart("volume", f"{what}, {series.name}", when, lines, _unit(view), year=view.year)
    table = _compare(view, source, series, past)
    return chart, {"table": table, "lead": lead, "leads": leads, "issued": bool(leads)}


def _compare(view: View, source: pd.DataFrame, series: ForecastData, past: pd.DataFrame) -> dict[str, Any] | None:
    """Return earlier forecasts beside what was observed, by the time step of the forecast, the latest first."""
    if series.grain != series.step:
        return None
    both = source.merge(past[["ds", "y"]], on="ds").sort_values("ds", ascending=False).head(28)
    rows = []
    for row in both.to_dict("records"):
        low, high = (row.get(end, float("nan")) for end in _RANGE)
        ranged, known = low <= high, pd.notna(row["y"])
        inside = "–" if not (ranged and known) else "inside" if low <= row["y"] <= high else "outside"
        span = f"{format_number(low)} to {format_number(high)}" if ranged else "–"
        said = [format_number(row["deskcast"]), format_number(row["y"]) if known else "–", span, inside]
        rows.append([_step_name(row["ds"], series.grain, view.year), *said])
    columns = [("Date", False), ("Forecast", True), ("Actual", True), ("Likely range", True), ("Actual is", False)]
    if all(row[-2] == "–" for row in rows):  # tests on the past keep no ranges
        columns, rows = columns[:3], [row[:3] for row in rows]
    return {"columns": columns, "rows": rows} if rows else None


def describe_ahead(view: View, series: ForecastData, rows: pd.DataFrame, compared: tuple[str, ...]) -> dict[str, Any]:
    """Return the forecast as a table: as is beside assumed, or before adjustment beside adjusted."""
    head = [("Week of" if series.grain == "W" else "Date", False)]
    head += [(name, True) for name in (*compared, "Difference")] if compared else [("Forecast", True)]
    with_range = _RANGE[0] in rows and series.grain == series.step
    head += [("Likely range", True)] if with_range else []
    head += [] if rows["whole"].all() else [("Hours" if series.grain == "D" else "Days", False)]
    write = format_expected_count if series.additive and series.grain in ("W", "MS") else format_number
    table = []
    for row in rows.head(MAX_AHEAD_STEPS).to_dict("records"):
        cells = [_step_name(row["ds"], series.grain, view.year)]
        if compared:
            gap = row["deskcast"] - row["baseline"]
            shown = "0" if abs(gap) < 0.05 else f"{'+' if gap > 0 else ''}{format_number(gap)}"
            cells += [write(row["baseline"]), write(row["deskcast"]), shown]
        else:
            cells.append(write(row["deskcast"]))
        cells += [f"{format_number(row[_RANGE[0]])} to {format_number(row[_RANGE[1]])}"] if with_range else []
        cells += [] if rows["whole"].all() else ["all" if row["whole"] else "a part"]
        table.append(cells)
    return {"columns": head, "rows": table, "left": max(0, len(rows) - MAX_AHEAD_STEPS), "ranges": with_range}


def _step_name(at: Any, grain: str, year: int | None) -> str:
    when = pd.Timestamp(at)
    if grain == "MS":
        return f"{when:%B %Y}"
    return format_date(when, year) if grain in ("D", "W") else format_instant(when, year)


def _track_record(view: View) -> list[str]:
    """Return what the track record says of issued forecasts."""
    stage = view.snapshot.stage("accuracy")
    found = [] if stage is None else stage.findings
    return [f for f in found if any(x.cell and x.cell.table.startswith("accuracy_forecast") for x in facts_of([f]))]


def _by_series(view: View) -> Any:
    frame = view.snapshot.frame("forecast_by_series")
    if frame.empty:
        return None
    frame = frame.sort_values("volume", ascending=False)
    return format_table("forecast_by_series", frame[choose_main_columns("forecast_by_series", frame)], 50)


def _notes(view: View, said: list[str]) -> list[str]:
    """Return what a planner should know of the data, as far as no sentence above says it."""
    frame = view.snapshot.frame("forecast_notes")
    return [note for note in planner_notes(frame["note"].tolist()) if note not in said] if len(frame) else []


def _noun(view: View) -> str:
    stage = view.snapshot.stage("forecast")
    return "case" if stage is None else str(stage.params.get("noun", "case"))


def _unit(view: View) -> str:
    from .....features.kpis.catalogue import find_kpi_unit

    stage = view.snapshot.stage("forecast")
    kpi = "" if stage is None else str(stage.params.get("kpi", ""))
    return (find_kpi_unit(kpi) or "score") if kpi else "count"


def _times(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(ds=pd.to_datetime(frame["ds"])) if len(frame) else frame


def _query(series: ForecastData, texts: Any, name: str = "") -> str:
    pairs = [("series", series.name), ("grain", series.grain), *texts]
    return urlencode([*pairs, *([("scenario", name)] if name and not texts else [])])


def _command(texts: Any) -> str:
    """Return the same question to the command line."""
    return "deskcast forecast " + " ".join(f'--{kind} "{text}"' for kind, text in texts) if texts else ""


@router.post("/forecast/scenarios")
def keep_scenario(view: PageView, form: Annotated[Form, Depends(read_form("plan"))]) -> Response:
    """Keep assumptions under a name with the reason, or delete a scenario."""
    name = form.text("name", "The name", 80)
    if form.get("delete"):
        save_scenario(view, name, {"changes": [], "reason": "deleted"})
        return view.redirect("/forecast", "scenario-deleted")
    reason = form.text("reason", "The reason", 500)
    save_scenario(view, name, scenario_body(read_form_changes(form), reason))
    return view.redirect("/forecast", "scenario", scenario=name, series=form.get("series", ""))


@router.post("/forecast/adjustments")
def adjust(view: PageView, form: Annotated[Form, Depends(read_form("plan"))]) -> Response:
    """Adjust the forecasts from the next run on, or take an adjustment back."""
    name = form.text("name", "The name", 80)
    if form.get("withdraw"):
        withdraw(view, name, form.get("reason", "")[:500])
        return view.redirect("/forecast", "withdrawn")
    reason, changes = form.text("reason", "The reason", 500), read_form_changes(form)
    leaves = _times(view.snapshot.frame("forecast"))
    _, _, _, problem = apply_scenario(Scenario(changes), leaves, leaves.head(0), "-")
    if problem:
        raise HTTPException(422, f"The adjustment cannot be used: {problem}")
    add(view, name, changes, reason)
    return view.redirect("/forecast", "adjusted", series=form.get("series", ""))
