"""The report: one HTML file that opens with the findings in words, and asks nothing of any network."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from ..charts.charts import plot_stage
from ..charts.vega import Chart
from ..stage import Stage
from ..store.atomic_replace import replace_file
from ..words.instants import Instants, format_data_age, format_instants
from ..words.tables import FormattedTable, format_table, sort_latest_first

#: Stage -> title of its section, and what its tables tell.
SECTION_TITLES = {
    "forecast": "What comes",
    "staff": "Whom it takes",
    "risk": "Which cases are at risk",
    "watch": "What shifted",
    "history": "How the desk did",
    "train": "Can the probabilities be trusted",
    "accuracy": "Track record",
    "check": "What was read, and what was refused",
}
TABLE_CAPTIONS = {
    "forecast": "Expected volume with bands",
    "totals": "Sums of the segments: they add up exactly",
    "leaderboard": "How sure is it: methods on past origins, the naive ones too",
    "forecast_by_lead": "How errors grow with the lead time",
    "forecast_by_time": "Errors by slot of the week",
    "forecast_coverage": "How often the intervals held",
    "forecast_by_series": "Errors by series, the largest first",
    "forecast_notes": "What to know about the data behind the forecast",
    "actuals": "What came",
    "staffing": "Agents and people by interval",
    "casework": "Case work by slot: people, backlog, and the risk of breaking a promise",
    "schedule": "Shifts that cover the need",
    "coverage": "Need against people there",
    "risk": "Open cases: those to work on first, then by what work on them can still save",
    "open_cases": "Open cases by due time: nothing tells them apart, so they are not ranked",
    "past_saving": "Too late to be saved: the time left is shorter than the work",
    "dropped_cases": "Cases of the last list that are not on this one, and why",
    "reasons": "Why: exact parts of the log-odds of the cases at the top",
    "breached_cases": "Open cases that have broken their promise already",
    "awaiting_closure": "Resolved, waiting to be closed: nothing is left to do",
    "dissatisfaction": "Open cases whose customers will probably be dissatisfied, if asked",
    "recently_closed": "Cases just closed: whom to call before a bad answer comes",
    "escalation": "Open cases that will probably be escalated",
    "outcome_evaluation": "Dissatisfaction and escalation: models on cases later than those they learnt from",
    "kpi_alerts": "Incidents: what is new first, then what is open",
    "goals": "Goals: where each stands, and how likely it is to be met",
    "counter_metrics": "Speed bought with quality: pairs of KPIs of which one got better while the other got worse",
    "detections": "Single alarms, with the incident that each belongs to",
    "drivers": "What moved: parts of each change",
    "history": "KPIs by period, the latest first",
    "evaluation": "How sure is it: models on cases later than those they learnt from",
    "calibration": "Predicted against observed",
    "breach_backtest": "At several cut-offs in time: models on later cases that training never saw",
    "breach_backtest_calibration": "Predicted against observed over all cut-offs",
    "precision_at_capacity": "Alerts a day: how many were right, how many bad cases they found",
    "recall_by_share": "How many bad cases are found when only the riskiest are looked at",
    "warning_time": "How long before the end the first alert came",
    "by_prefix": "By how much of a case was seen",
    "by_team": "By team",
    "by_channel": "By channel",
    "drift": "By week: what was said and what came",
    "accuracy_risk": "Issued risks against outcomes",
    "accuracy_risk_by_night": "Expected and observed breaches by night",
    "accuracy_calibration": "Calibration of issued risks",
    "accuracy_forecast_by_lead": "Error of issued forecasts by time steps ahead",
    "accuracy_forecast": "Error of issued forecasts by series",
    "accuracy_staffing": "Issued staffing against actual contacts",
    "accuracy_goals": "Issued chances of goals against results",
    "accuracy_alerts": "Reported KPI alerts and their answers",
    "accuracy_actions": "Suggested actions and what followed",
    "checks": "What was understood",
    "rejected_rows": "Rows that were refused, and why",
    "availability": "Which KPIs can be had",
    "ours_against_theirs": "Our figures beside the system's own",
}
_HIDDEN_TABLES = {"actuals", "expected_ranges"}
_LATEST_FIRST_TABLES = {"history", "detections"}
MAX_TABLE_ROWS, MAX_TOP_CASES = 60, 10
#: Columns that the page shows, where a table has more than fit; the tables themselves have them all.
PAGE_COLUMNS = {
    "kpi_alerts": (
        *(
            "alert_id",
            "news",
            "state",
            "kpi",
            "members",
            "direction",
            "started_at",
            "detected_at",
            "before",
            "after",
        ),
        *(
            "impact",
            "impact_unit",
            "other_kpis",
            "drivers",
            "causes",
            "explained",
            "acknowledged_by",
            "note",
            "silenced_until",
        ),
    ),
    "goals": ("name", "kpi", "target", "so_far", "forecast", "low", "high", "probability", "start", "end"),
}
_TOP_COLUMNS = (
    *("case_id", "probability", "due_at", "left_s", "team", "owner", "priority", "reason_1", "reason_2", "action"),
    *("work_first", "first_flagged_at"),
)


@dataclass(frozen=True)
class Exhibit:
    """A table with the pictures beside it."""

    caption: str
    table: FormattedTable
    charts: list[Chart] = field(default_factory=list)


@dataclass(frozen=True)
class Section:
    """One stage on the page."""

    name: str
    title: str
    stage: Stage
    exhibits: list[Exhibit]


def write_report(
    stages: Sequence[Stage],
    path: str | Path,
    *,
    title: str,
    made_at: datetime,
    version: str,
    timezone: str = "UTC",
    instants: Instants | None = None,
) -> None:
    """Write the report as one self-contained HTML file, whole or not at all.

    Parameters
    ----------
    stages
        Outcomes of a run. Stages that are missing are left out; those that were skipped say why.
    path
        The HTML file.
    title
        Whose report it is.
    made_at, version
        When and by which version the run was made.
    timezone
        Clock on which instants are told.
    instants
        To which instant the data reach, which was looked at, and when it was computed.

    Raises
    ------
    InputError
        If the file cannot be written.
    """
    page = render_report(stages, title=title, made_at=made_at, version=version, timezone=timezone, instants=instants)
    with replace_file(Path(path)) as aside:
        aside.write_text(page, encoding="utf-8")


def render_report(
    stages: Sequence[Stage],
    *,
    title: str,
    made_at: datetime,
    version: str,
    timezone: str = "UTC",
    served: bool = False,
    instants: Instants | None = None,
) -> str:
    """Return the report as HTML.

    Parameters
    ----------
    served
        True where a server gives scripts and whole tables under addresses of its own; the page is small then.
    """
    sections = _sections(stages, timezone)
    page: str = template("report.html").render(
        title=title,
        made_at=f"{made_at:%A, %d %B %Y, %H:%M} {made_at.tzname() or ''}".strip(),
        instants="" if instants is None else format_instants(instants, timezone),
        ended="" if instants is None else format_data_age(instants, timezone),
        version=version,
        timezone=timezone,
        opening=_opening({s.name: s for s in stages}),
        top=_top_cases(stages, timezone),
        sections=sections,
        skipped=[(SECTION_TITLES.get(s.name, s.name), s.skipped) for s in stages if s.skipped],
        drawn=any(e.charts for section in sections for e in section.exhibits),
        served=served,
        bundle="" if served else bundle(),
        draw=asset("draw.js"),
        style=asset("style.css"),
        script_json=script_json,
    )
    return page


def _sections(stages: Sequence[Stage], timezone: str) -> list[Section]:
    order = {name: place for place, name in enumerate(SECTION_TITLES)}
    found = []
    for stage in sorted(stages, key=lambda s: order.get(s.name, len(order))):
        drawn = {} if stage.skipped else plot_stage(stage, stages)
        names = [n for n in TABLE_CAPTIONS if n in stage.tables] + [n for n in stage.tables if n not in TABLE_CAPTIONS]
        exhibits = [
            Exhibit(TABLE_CAPTIONS.get(n, n), _shown(n, stage, timezone), drawn.get(n, []))
            for n in names
            if n not in _HIDDEN_TABLES
        ]
        found.append(Section(stage.name, SECTION_TITLES.get(stage.name, stage.name.capitalize()), stage, exhibits))
    return found


def _shown(name: str, stage: Stage, timezone: str) -> FormattedTable:
    frame = sort_latest_first(stage.tables[name]) if name in _LATEST_FIRST_TABLES else stage.tables[name]
    if name in ("staffing", "casework") and (frame["agents_to_schedule"] > 0).any():
        frame = frame[frame["agents_to_schedule"] > 0]  # closed intervals need nobody
    if name in PAGE_COLUMNS:
        frame = frame[[c for c in PAGE_COLUMNS[name] if c in frame.columns]]
    return format_table(name, frame, MAX_TABLE_ROWS, timezone)


def _opening(stages: Mapping[str, Stage]) -> list[tuple[str, list[str]]]:
    """Return what a reader asks first, with the answers in words."""
    asked = (("Next week", ("forecast", "staff")), ("Cases at risk", ("risk",)), ("What shifted", ("watch",)))
    return [(question, list(_words(stages[n] for n in names if n in stages))) for question, names in asked]


def _words(stages: Iterable[Stage]) -> Iterable[str]:
    for stage in stages:
        yield from ((f"Not done: {stage.skipped}",) if stage.skipped else stage.findings)


def _top_cases(stages: Sequence[Stage], timezone: str) -> FormattedTable | None:
    frame = next((s.tables["risk"] for s in stages if "risk" in s.tables and not s.tables_made_at), None)
    if frame is None or frame.empty:
        return None
    columns = [c for c in _TOP_COLUMNS if c in frame.columns]
    ordered = frame.sort_values("rank") if "rank" in frame.columns else frame
    if "work_first" not in frame.columns:
        return format_table("risk", ordered[columns].head(MAX_TOP_CASES), MAX_TOP_CASES, timezone)
    picked = ordered[ordered["work_first"].astype(bool)]
    return format_table("risk", picked[columns], MAX_TABLE_ROWS, timezone) if len(picked) else None


def script_json(value: Any) -> str:
    """Write JSON that cannot end the script element around it.

    >>> print(script_json({"name": "</script><b>"}))
    {"name":"\\u003c/script\\u003e\\u003cb\\u003e"}
    """
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)
    signs = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}
    for sign, escaped in signs.items():
        text = text.replace(sign, escaped)
    return text


@cache
def bundle() -> str:
    """Return the scripts of Vega, Vega-Lite and Vega-Embed as one text: it is on this machine already."""
    import altair
    import vl_convert

    version = altair.SCHEMA_VERSION.removeprefix("v").rsplit(".", 1)[0]
    known = vl_convert.get_vegalite_versions()
    text: str = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;", version if version in known else None)
    return text.replace("</script", "<\\/script").replace("<!--", "<\\!--")


@cache
def asset(name: str) -> str:
    """Return the text of a file beside the templates."""
    from importlib.resources import files

    return (files(__package__) / "templates" / name).read_text(encoding="utf-8")


@cache
def template(name: str) -> Any:
    """Return a template; every value in it is escaped."""
    from jinja2 import Environment, FunctionLoader, StrictUndefined

    room = Environment(
        autoescape=True, loader=FunctionLoader(asset), undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return room.get_template(name)
