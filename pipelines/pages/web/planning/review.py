"""Review: a week's plan against what came, why targets were missed or met, and whether adjustments helped."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd
from fastapi import APIRouter
from fastapi.responses import HTMLResponse, Response
from starlette.exceptions import HTTPException

from ....charts.charts import plot_stage
from ....charts.svg import Chart
from ....stage import Stage
from ....words.columns import choose_main_columns, table_title
from ....words.facts import audience_of
from ....words.tables import FormattedTable, format_table
from ....words.words import format_date, format_queue
from ..frame.export import export_frame
from ..frame.view import PageRoute, PageView, View
from .week_search import WeekSearches

router = APIRouter(route_class=PageRoute)
#: Seconds that a first request for an earlier week waits; weeks back that can be asked for; rows by interval.
WAIT_S, MAX_WEEKS_BACK, MAX_ROWS = 2.0, 26, 400
#: Tables of a queue in the order of the page; those by interval are folded.
_SHORT = ("review_causes", "review_work_causes", "review_volume", "review_adjustments", "review_accuracy")
_BY_INTERVAL = ("review", "review_work")
_WEEK = pd.Timedelta(days=7)


@dataclass(frozen=True)
class QueueReview:
    """What the page shows of one queue."""

    name: str
    title: str
    findings: list[str]
    charts: list[Chart]
    tables: list[tuple[str, FormattedTable]]
    intervals: list[tuple[str, FormattedTable]]


@router.get("/review", response_class=HTMLResponse)
def review(view: PageView) -> Response:
    """Show the review of a week; one of an earlier week is made from the log, and the page loads itself again."""
    missing = view.missing("review", *_BY_INTERVAL)
    if missing:
        return view.page("review.html", missing=missing)
    last = _last_week(view)
    week = read_week(view.request.query_params.get("week", ""), last)
    shared: dict[str, Any] = {
        "missing": None,
        "week": f"{format_date(week, view.year)} to {format_date(week + pd.Timedelta(days=6), view.year)}",
        "before": f"{week - _WEEK:%Y-%m-%d}" if last - week < MAX_WEEKS_BACK * _WEEK else "",
        "after": f"{week + _WEEK:%Y-%m-%d}" if week < last else "",
    }
    stage, state, problem = find_review(view, week, last)
    if stage is None:
        answer = view.page("review.html", 202 if state == "working" else 200, **shared, state=state, problem=problem)
        if state == "working":
            answer.headers["Refresh"] = "3"
        return answer
    others = [f for f in stage.findings if str(f).startswith("Not reviewed")]
    shared |= {"queues": list_queues(stage, view.year), "others": others, "files": _list_files(stage, week)}
    return view.page("review.html", **shared, state="done", problem="")


@router.get("/review.{ending}")
def review_file(view: PageView, ending: str) -> Response:
    """Give the week by interval as CSV, Excel workbook or Parquet; deferred work by ``table=review_work``.

    Without a ``table`` it is that of contacts; of a desk that has deferred work alone, that one.
    """
    last = _last_week(view)
    week = read_week(view.request.query_params.get("week", ""), last)
    stage = find_review(view, week, last)[0]
    usual = [] if stage is None else [name for name in _BY_INTERVAL if name in stage.tables]
    table = view.request.query_params.get("table", next(iter(usual), ""))
    if stage is None or table not in (*_SHORT, *_BY_INTERVAL) or table not in stage.tables:
        raise HTTPException(404, "This review is not known. Open its page first.")
    return export_frame(stage.tables[table], f"{table}-{week:%Y-%m-%d}", ending)


def _list_files(stage: Stage, week: pd.Timestamp) -> list[tuple[str, str]]:
    """Return title and address of what can be downloaded: each table by interval in each form."""
    known = [name for name in _BY_INTERVAL if name in stage.tables]
    return [
        (
            f"{table_title(name)}: {form}" if len(known) > 1 else form,
            f"/review.{ending}?week={week:%Y-%m-%d}&table={name}",
        )
        for name in known
        for form, ending in (("CSV", "csv"), ("Excel", "xlsx"), ("Parquet", "parquet"))
    ]


def find_review(view: View, week: pd.Timestamp, last: pd.Timestamp) -> tuple[Stage | None, str, str]:
    """Return the review of a week; without one, whether it is being made (``working``), or why there is none."""
    own = view.snapshot.stage("review")
    if week == last and own is not None:
        return own, "done", ""
    config = view.desk.config
    if config is None or not config.is_file():
        return None, "unknown", "The page does not know the case log: 'deskcast review --week' shows earlier weeks."
    instants = view.snapshot.results.instants
    searches: WeekSearches = view.snapshot.remember("reviews", WeekSearches)
    as_of = instants.as_of.isoformat() if instants else ""
    search = searches.find(config, f"{week:%Y-%m-%d}", as_of)
    if not search.done.wait(WAIT_S):
        return None, "working", ""
    return (None, "failed", search.problem) if search.problem else (search.stage, "done", "")


def _last_week(view: View) -> pd.Timestamp:
    """Return the Monday of the week that the last run reviewed.

    Raises
    ------
    HTTPException
        404 where it reviewed none.
    """
    stage = view.snapshot.stage("review")
    if stage is None or "week" not in stage.params:
        raise HTTPException(404, "The last run reviewed no week.")
    return pd.Timestamp(str(stage.params["week"]))


def read_week(text: str, last: pd.Timestamp) -> pd.Timestamp:
    """Return the Monday of the week that an address asks for; the last one by default.

    Raises
    ------
    HTTPException
        422 where it is no day, or of a week that is not over or too long ago.

    Examples
    --------
    >>> read_week("2024-03-07", pd.Timestamp("2024-03-11")).day
    4
    """
    if not text:
        return last
    day = pd.to_datetime(text, format="%Y-%m-%d", errors="coerce")
    if pd.isna(day):
        raise HTTPException(422, "The week must be a day such as 2026-03-02.")
    monday = day - pd.Timedelta(days=day.day_of_week)
    if monday > last or last - monday > MAX_WEEKS_BACK * _WEEK:
        raise HTTPException(422, f"Choose a week of the {MAX_WEEKS_BACK} before {last:%Y-%m-%d}, or that one.")
    return monday


def list_queues(stage: Stage, year: int | None) -> list[QueueReview]:
    """Return what is shown of each queue of a review, as the terminal has it."""
    names = list(dict.fromkeys(q for t in _BY_INTERVAL if t in stage.tables for q in stage.tables[t]["queue"]))
    charts = [chart for drawn in plot_stage(stage).values() for chart in drawn]
    found = []
    for name in map(str, names):
        title = format_queue(name)
        said = [f for f in stage.findings if str(f).startswith(f"{title}:") and audience_of(f) != "analyst"]
        short, long = ([(table_title(t), _table(stage, t, name, year)) for t in g] for g in (_SHORT, _BY_INTERVAL))
        drawn = [chart for chart in charts if chart.title.endswith(f", {title}")]
        kept = [[(caption, table) for caption, table in group if table is not None] for group in (short, long)]
        found.append(QueueReview(name, title, said, drawn, *kept))
    return found


def _table(stage: Stage, name: str, queue: str, year: int | None) -> FormattedTable | None:
    """Return a table of one queue without its name; nothing where it has no rows."""
    if name not in stage.tables:
        return None
    rows = stage.tables[name]
    rows = rows[rows["queue"] == queue]
    if rows.empty:
        return None
    shown = rows[[c for c in choose_main_columns(name, rows) if c != "queue"]].dropna(axis="columns", how="all")
    return format_table(name, shown, MAX_ROWS, year=year)
