"""Which pictures belong to which table: those that everybody sees, and those of the full report."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import pandas as pd

from ..stage import Stage
from .accuracy import plot_drift, plot_issued_calibration, plot_issued_forecasts
from .alerts import plot_alert_days, plot_alerts
from .forecast import plot_errors_by_lead, plot_errors_by_slot, plot_forecast, plot_interval_coverage
from .kpis import plot_kpis
from .review import plot_breach_causes, plot_causes, plot_day
from .risk import plot_breaches_found, plot_calibration, plot_weekly_rates
from .staffing import plot_casework, plot_shift_coverage, plot_staffing
from .svg import Chart

_Draw = Callable[[Mapping[str, pd.DataFrame]], list[Chart]]
#: Stage -> table that stands beside the pictures, tables that they need, what draws them, and whether only in full.
_STAGE_CHARTS: dict[str, tuple[tuple[str, tuple[str, ...], _Draw, bool], ...]] = {
    "forecast": (
        ("forecast", ("actuals", "forecast"), plot_forecast, False),
        ("forecast_by_lead", ("forecast_by_lead",), plot_errors_by_lead, False),
        ("forecast_coverage", ("forecast_coverage",), plot_interval_coverage, True),
        ("forecast_by_time", ("forecast_by_time",), plot_errors_by_slot, True),
    ),
    "staff": (
        ("staffing", ("staffing",), plot_staffing, False),
        ("coverage", ("coverage",), plot_shift_coverage, False),
        ("casework", ("casework",), plot_casework, False),
    ),
    "review": (
        ("review_causes", ("review_causes",), plot_causes, False),
        ("review_work_causes", ("review_work_causes",), plot_breach_causes, False),
    ),
    "today": (("today", ("today",), plot_day, False),),
    "watch": (
        ("kpi_alerts", ("kpi_alerts", "expected_ranges"), plot_alerts, False),
        ("expected_ranges", ("kpi_alerts", "expected_ranges"), plot_alert_days, True),
    ),
    "train": (
        ("calibration", ("calibration",), plot_calibration, False),
        ("recall_by_share", ("recall_by_share",), plot_breaches_found, True),
        ("drift", ("drift",), plot_weekly_rates, True),
    ),
    "drift": (("drift_by_morning", ("drift_by_morning",), plot_drift, False),),
    "accuracy": (
        ("accuracy_forecast_next", ("accuracy_forecast_next",), plot_issued_forecasts, False),
        ("accuracy_calibration", ("accuracy_calibration",), plot_issued_calibration, False),
    ),
    "history": (("history", ("history",), plot_kpis, True),),
}


def plot_stage(stage: Stage, stages: Sequence[Stage] = (), *, full: bool = False) -> dict[str, list[Chart]]:
    """Return the pictures of a stage by the table that belongs beside them; tables that are missing or empty give none.

    Parameters
    ----------
    stage
        The stage to be shown.
    stages
        All stages of the run: changes and targets are drawn into the pictures of the history.
    full
        Whether the pictures of the full report are drawn too.
    """
    have = {name: frame for other in (*stages, stage) for name, frame in other.tables.items() if len(frame)}
    noun = str(stage.params.get("noun", "case"))
    drawn: dict[str, list[Chart]] = {}
    for table, needs, draw, rare in _STAGE_CHARTS.get(stage.name, ()):
        if table in stage.tables and all(name in have for name in needs) and (full or not rare):
            drawn[table] = plot_forecast(have, noun) if draw is plot_forecast else draw(have)
    return {table: found for table, found in drawn.items() if found}
