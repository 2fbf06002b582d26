"""Models: in words first, then champion and challenger, live accuracy, coverage, drift, and what people said."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, Response

from .....features.errors import InputError, mask_passwords
from ....charts.charts import plot_stage
from ....state.database import read_state
from ....state.records import read_records
from ....words.columns import choose_main_columns, format_cell, table_title
from ....words.facts import audience_of
from ....words.tables import format_table
from ....words.words import format_count, format_instant
from ..frame.frame_rows import list_rows
from ..frame.view import PageRoute, PageView, View
from .model_words import calibration_sentences, choose_model, judge_calibration

router = APIRouter(route_class=PageRoute)
#: Part of the page -> its tables, in the order in which they are shown.
PARTS = {
    "Track record": (
        *("accuracy_risk", "accuracy_calibration", "accuracy_forecast_by_lead", "accuracy_staffing"),
        *("accuracy_casework", "accuracy_goals", "accuracy_alerts", "accuracy_advice", "accuracy_actions"),
    ),
    "Coverage": ("forecast_coverage", "leaderboard", "forecast_by_lead"),
    "Drift": ("drift_checks",),
}
#: Part -> stages whose sentences stand above it.
_STAGES = {"Track record": "accuracy", "Coverage": "forecast", "Drift": "drift"}
MAX_ROWS = 30


@router.get("/models", response_class=HTMLResponse)
def models(view: PageView) -> Response:
    """Show what the models are worth."""
    missing = view.missing()
    if missing:
        return view.page("models.html", missing=missing)
    words, tested = describe_risks(view)
    return view.page(
        "models.html",
        missing=None,
        words=words,
        tested=tested,
        not_trained=view.missing("train", "evaluation", "calibration"),
        findings=[*_findings(view, "train"), *(f for f in _findings(view, "risk") if _is_on_models(f))],
        evaluation=_table(view, "evaluation"),
        others=_table(view, "outcome_evaluation"),
        decisions=read_decisions(view),
        charts=_charts(view, "train", "accuracy", "forecast", "drift"),
        parts=[_part(view, title) for title in PARTS],
        feedback=count_feedback(view),
        tracking=find_tracking(view),
    )


def describe_risks(view: View) -> tuple[list[str], str]:
    """Return what the breach risk is worth in words, and what that rests on: issued risks where any are known."""
    results = view.snapshot
    for table, key, basis in (
        ("accuracy_calibration", "metric", "Risks that were issued, and what became of the cases."),
        ("calibration", "model", "Tests on the newest closed cases, which the model had not seen."),
    ):
        if not results.has(table):
            continue
        rows = results.frame(table)
        if key == "model":
            stage = results.stage("train")
            used = "" if stage is None else str(stage.params.get("used", ""))
            name = choose_model(results.frame("evaluation"), used, list(rows["model"].unique()))
            rows = rows[rows["model"] == name]
        said = calibration_sentences(rows)
        if len(said) > 1 or (said and key == "model"):
            return [*said, *filter(None, [judge_calibration(rows)])], basis
    return [], ""


def _findings(view: View, name: str) -> list[str]:
    stage = view.snapshot.stage(name)
    return [] if stage is None else list(dict.fromkeys(stage.findings))


def _is_on_models(finding: Any) -> bool:
    """Tell whether a sentence of the list of cases is on what its models are worth, and on no other page."""
    return audience_of(finding) == "analyst" or str(finding).startswith(("Dissatisfaction risk", "Escalation risk"))


def _part(view: View, title: str) -> dict[str, Any]:
    """Return a part of the page: its sentences and tables; ``missing`` says why there are none."""
    name = _STAGES[title]
    said = _findings(view, name)
    if name == "forecast":
        said = [f for f in said if audience_of(f) == "analyst" or "likely range" in f]
    tables = [(table_title(table), shown) for table in PARTS[title] if (shown := _table(view, table)) is not None]
    stage = view.snapshot.stage(name)
    why = "The last run did not include this part." if stage is None else stage.skipped or stage.failed
    return {"title": title, "findings": said, "tables": tables, "why": "" if said or tables else why}


def _table(view: View, name: str) -> Any:
    """Return a table as people read it; nothing where it has no rows."""
    if not view.snapshot.count(name):
        return None
    rows = view.snapshot.frame(name)
    if name == "drift_checks":
        rows = rows.sort_values(["moved", "strength"], ascending=[False, False])
    main = choose_main_columns(name, rows)
    return format_table(name, rows[main].head(MAX_ROWS), MAX_ROWS, view.desk.timezone, view.year)


def _charts(view: View, *names: str) -> list[Any]:
    """Return the pictures of the report that show how good the models are."""

    def make() -> list[Any]:
        wanted = (
            "calibration",
            "accuracy_calibration",
            "accuracy_forecast_next",
            "forecast_coverage",
            "drift_by_morning",
        )
        found = []
        for name in names:
            stage = view.snapshot.stage(name)
            if stage is not None and not stage.skipped:
                drawn = plot_stage(stage, full=True)
                found += [chart for table in wanted for chart in drawn.get(table, [])]
        return found

    found: list[Any] = view.snapshot.remember(("model charts", view.year), make)
    return found


def read_decisions(view: View) -> list[list[str]]:
    """Return what was decided on models, the latest first: when, model, version, decision, reason and by whom."""
    with read_state(view.desk.place) as state:
        rows = read_records(state, "decisions")
    zone, year = view.desk.timezone, view.year
    return [
        [
            format_instant(row.at.tz_convert(zone), year),
            format_cell("decisions", "model", row.model),
            row.version or "–",
            row.decision,
            row.reason,
            row.by,
        ]
        for row in list_rows(rows.iloc[::-1].head(20))
    ]


def count_feedback(view: View) -> list[str]:
    """Return how often people gave each answer, by what it was given on."""
    with read_state(view.desk.place) as state:
        rows = read_records(state, "feedback")
    if rows.empty:
        return []
    names = {"case": "Breach risk of a case", "action": "Suggested action", "alert": "KPI alert"}
    said = []
    for kind, own in rows.groupby("kind"):
        latest = own.drop_duplicates(["subject", "by"], keep="last")
        counts = latest["verdict"].value_counts()
        answers = ", ".join(f"{verdict} {count}" for verdict, count in counts.items())
        said.append(f"{names.get(str(kind), str(kind))}: {format_count(len(latest), 'answer')} ({answers}).")
    return said


def find_tracking(view: View) -> dict[str, str]:
    """Return where MLflow keeps runs and models: its address where it is a server, else how to look at it."""
    from ....project.config import load_config

    if view.desk.config is None or not view.desk.config.is_file():
        return {}
    try:
        spec = load_config(view.desk.config)
    except InputError:
        return {}
    shown = mask_passwords(spec.tracking_uri)
    server = urlsplit(spec.tracking_uri).scheme in ("http", "https") and shown == spec.tracking_uri
    return {"uri": shown, "experiment": spec.experiment, "link": spec.tracking_uri if server else ""}
