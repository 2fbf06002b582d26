"""Sections of the report: what each shows at first, what it folds away, and what only the full report has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pandas as pd

from ..charts.charts import plot_stage
from ..charts.forecast import sum_weeks
from ..charts.svg import Chart
from ..stage import Stage
from ..words.columns import choose_main_columns, table_title
from ..words.facts import audience_of
from ..words.forecast import find_next_week
from ..words.tables import FormattedTable, drop_idle_intervals, format_table, sort_latest_first
from ..words.words import format_date, format_number

#: Stage -> title of its section.
SECTION_TITLES = {
    "forecast": "Forecast",
    "staff": "Staffing",
    "today": "Rest of today",
    "review": "Review of the week",
    "watch": "KPI alerts",
    "train": "Model quality",
    "drift": "Model drift",
    "compare": "Comparison",
    "accuracy": "Track record",
    "risk": "Cases at risk",
    "history": "KPIs",
    "check": "Data",
}
#: Stage -> address of its section within the page, where that is not its name: the first page is "today".
_ANCHORS = {"today": "rest-of-today"}
_FOLDED_SECTIONS = ("risk", "drift", "compare", "accuracy", "history", "check")
#: What the report shows of each stage; the other tables are in the results folder, and in the full report.
_SHOWN_TABLES = {
    "forecast": (),
    "staff": ("schedule",),
    "today": ("today_moves", "today", "today_work"),
    "review": ("review_causes", "review_work_causes", "review_volume", "review_adjustments"),
    "watch": ("kpi_alerts", "goals"),
    "train": ("leaderboard", "evaluation"),
    "drift": (),
    "compare": ("change_effects",),
    "accuracy": ("accuracy_forecast_by_lead", "accuracy_risk"),
    "risk": ("breached_cases", "past_saving", "risk", "open_cases", "recently_closed"),
    "history": (),
    "check": ("rejected_rows",),
}
#: Tables and pictures that stand in the section of another stage: how good the forecast was.
_FORECAST_QUALITY = ("leaderboard", "forecast_by_lead", "forecast_by_time", "forecast_by_series", "forecast_coverage")
_MOVED = dict.fromkeys(_FORECAST_QUALITY, "train")
_HIDDEN_TABLES = {"actuals", "expected_ranges", "backtest", "paths"}
_LATEST_FIRST_TABLES = {"history", "detections"}
MAX_TABLE_ROWS, MAX_ROWS_SHOWN, MAX_FINDINGS_SHOWN, MAX_SERIES_SHOWN = 60, 8, 4, 6
#: Pictures of a section, the first of each table before the second of any; the full report has all.
MAX_CHARTS_SHOWN = {"watch": 2, "train": 2, "staff": 6, "review": 2, "today": 2}
#: Tables that a picture shows too: folded.
_FOLDED_TABLES = ("review_causes", "review_work_causes", "today", "today_work")
DEFAULT_CHARTS_SHOWN = 4


@dataclass(frozen=True)
class Exhibit:
    """A table with its caption."""

    caption: str
    table: FormattedTable
    folded: bool = False


@dataclass(frozen=True)
class Section:
    """One part of the page."""

    name: str
    title: str
    findings: list[str] = field(default_factory=list)
    more: list[str] = field(default_factory=list)
    failed: str = ""
    charts: list[Chart] = field(default_factory=list)
    exhibits: list[Exhibit] = field(default_factory=list)
    folded: bool = False


def build_sections(
    stages: Sequence[Stage], used: frozenset[str], timezone: str, year: int | None, full: bool
) -> list[Section]:
    """Return the sections of a report.

    Parameters
    ----------
    stages
        Outcomes of a run; those that were skipped have no section.
    used
        Findings that stand on the first page: each is shown once.
    timezone, year
        Clock of instants, and the year that dates do not repeat.
    full
        Whether all tables and pictures are shown.
    """
    done = {stage.name: stage for stage in stages if not stage.skipped}
    drawn: dict[str, list[list[Chart]]] = {name: [] for name in (*SECTION_TITLES, *done)}
    tables: dict[str, list[Exhibit]] = {name: [] for name in drawn}
    for stage in done.values():
        for table, charts in plot_stage(stage, stages, full=full).items():
            drawn[_MOVED.get(table, stage.name)].append(charts)
        weeks = _weeks_exhibit(stage, year)
        tables[stage.name] += [weeks] if weeks else []
        for table in _ordered(stage, full):
            exhibit = _exhibit(table, stage, timezone, year, full)
            if exhibit.table.total or full:
                tables[_MOVED.get(table, stage.name)].append(exhibit)
    order = [*SECTION_TITLES, *(name for name in done if name not in SECTION_TITLES)]
    found = [_section(name, done, used, _choose(name, drawn[name], full), tables[name], full) for name in order]
    return [one for one in found if one.findings or one.more or one.charts or one.exhibits or one.failed]


def _choose(section: str, drawn: list[list[Chart]], full: bool) -> list[Chart]:
    """Return the pictures that a section has room for, in the order of their tables."""
    if full:
        return [chart for charts in drawn for chart in charts]
    ranked = sorted((place, table) for table, charts in enumerate(drawn) for place in range(len(charts)))
    kept = sorted((t, p) for p, t in ranked[: MAX_CHARTS_SHOWN.get(section, DEFAULT_CHARTS_SHOWN)])
    return [drawn[table][place] for table, place in kept]


def _section(
    name: str, done: Mapping[str, Stage], used: frozenset[str], charts: list[Chart], tables: list[Exhibit], full: bool
) -> Section:
    stage = done.get(name, Stage(name))
    said = [f for f in dict.fromkeys(stage.findings) if f and f not in used]
    quality = {"analyst"} if name == "forecast" else set()
    if name == "train":  # how good the forecast was stands beside how good the risks were
        said = [f for f in done.get("forecast", Stage("forecast")).findings if audience_of(f) == "analyst"] + said
        said = [f for f in dict.fromkeys(said) if f not in used]
    said = [f for f in said if audience_of(f) not in quality]
    shown = len(said) if full else MAX_FINDINGS_SHOWN
    failed = "" if stage.tables_made_at else stage.failed
    folded = name in _FOLDED_SECTIONS and not full
    title = SECTION_TITLES.get(name, name.capitalize())
    return Section(_ANCHORS.get(name, name), title, said[:shown], said[shown:], failed, charts, tables, folded)


def _ordered(stage: Stage, full: bool) -> list[str]:
    """Return the tables of a stage that are shown; those of a stage that is not ours are all shown."""
    first = _SHOWN_TABLES.get(stage.name)
    kept = [n for n in stage.tables if n not in _HIDDEN_TABLES and not n.endswith("_figures")]
    if first is None:
        return kept
    shown = [n for n in (*first, "leaderboard") if n in kept and len(stage.tables[n])]
    return [*shown, *[n for n in kept if n not in shown]] if full else shown


def _exhibit(name: str, stage: Stage, timezone: str, year: int | None, full: bool) -> Exhibit:
    frame = sort_latest_first(stage.tables[name]) if name in _LATEST_FIRST_TABLES else stage.tables[name]
    if name == "kpi_alerts" and {"state", "news"} <= set(frame.columns) and not full:
        frame = frame[frame["state"].isin(["new", "continuing"]) | (frame["news"] != "")]
    frame = drop_idle_intervals(name, frame)
    main = choose_main_columns(name, frame)
    frame = frame[[*main, *(c for c in frame.columns if full and c not in main)]]
    if not full and len(frame):
        frame = frame.dropna(axis="columns", how="all")
    long = len(frame) > MAX_ROWS_SHOWN and name not in ("schedule", "evaluation")
    made = "" if stage.tables_made_at is None else f" (of {stage.tables_made_at:%d %b %Y %H:%M} UTC)"
    table = format_table(name, frame, MAX_TABLE_ROWS, timezone, year)
    return Exhibit(table_title(name, frame) + made, table, folded=(long or name in _FOLDED_TABLES) and not full)


def _weeks_exhibit(stage: Stage, year: int | None) -> Exhibit | None:
    """Return the forecast by whole week and series: what a planner needs of a forecast by day."""
    ahead = stage.tables.get("forecast")
    counts = "n" not in stage.tables.get("actuals", pd.DataFrame()).columns
    if stage.name != "forecast" or ahead is None or not counts or ahead.empty or ahead["ds"].nunique() < 2:
        return None
    step = ahead["ds"].drop_duplicates().sort_values().diff().min()
    if step > pd.Timedelta(days=1):
        return None
    first = find_next_week(ahead["ds"])[0].day_of_week
    total = sum_weeks(ahead, "deskcast", first).query("whole").set_index("ds")["deskcast"]
    if total.empty:
        return None
    largest = ahead.groupby("unique_id")["deskcast"].sum().nlargest(MAX_SERIES_SHOWN).index
    parts = {str(name): ahead[ahead["unique_id"] == name] for name in largest}
    weeks = {name: sum_weeks(part, "deskcast", first).set_index("ds")["deskcast"] for name, part in parts.items()}
    sums = pd.DataFrame({**weeks, "All series": total} if len(weeks) > 1 else {"Volume": total}).loc[total.index]
    names = [str(c) for c in sums.columns]
    rows = [
        [format_date(pd.Timestamp(monday), year), *[format_number(round(v)) for v in row]]
        for monday, row in zip(sums.index, sums.to_numpy(), strict=True)
    ]
    columns = [("Week of", False), *[(name, True) for name in names]]
    return Exhibit("Forecast by week", FormattedTable("forecast", columns, rows, len(rows)))
