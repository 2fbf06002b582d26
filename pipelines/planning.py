"""The stage on volumes: the forecast of what comes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from ..features.kpis import kpi_history, series
from ..forecasting.evaluation import backtest, leaderboard
from ..forecasting.volume import forecast
from .opening import Project
from .specs import Config
from .stage import Stage
from .words import number

Progress = Callable[[int, int], None] | None


def forecast_stage(project: Project, progress: Progress = None) -> Stage:
    """Forecast the volumes of the configuration, and score the method on rolling origins.

    Returns
    -------
    Stage
        Tables ``actuals``, ``forecast`` and ``leaderboard``; the leaderboard is measured on origins that the
        forecasts in it have not seen.
    """
    spec = project.config.forecast
    context = forecast_context(project.config, project)
    actuals = series(kpi_history(project.log, ["cases_opened"], spec.by, spec.freq), "cases_opened")
    ahead = forecast(actuals, spec.horizon, spec.freq, levels=spec.levels, windows=spec.windows, **context)
    folds = backtest(
        actuals, spec.horizon, spec.freq, windows=spec.windows, levels=spec.levels, progress=progress, **context
    )
    table = leaderboard(folds)
    tables = {"actuals": actuals, "forecast": ahead, "leaderboard": table}
    best = table.set_index("model").loc["deskcast"]
    findings = [*_week_sentences(project, spec.freq), _accuracy_sentence(table)]
    metrics = {str(k): float(v) for k, v in best.items() if isinstance(v, (int, float, np.number))}
    params = {"freq": spec.freq, "horizon": spec.horizon, "by": ",".join(spec.by) or "-", "windows": spec.windows}
    return Stage("forecast", tables, tuple(findings), params, metrics)


def forecast_context(config: Config, project: Project, calendar: str | None = None) -> dict[str, Any]:
    """Return what every forecast is told of the desk: opening hours, holidays and known events."""
    name = calendar or config.forecast.calendar
    known = pd.DataFrame([(e.name, e.start, e.end) for e in config.events], columns=["name", "start", "end"])
    return {
        "calendar": project.log.calendars.get(name) if name else None,
        "holidays": config.forecast.holidays or None,
        "events": known if len(known) else None,
    }


def _week_sentences(project: Project, freq: str) -> list[str]:
    """Say what the next full week brings, from a weekly series: daily quantiles do not add up to a weekly one."""
    weekly = series(kpi_history(project.log, ["cases_opened"], (), "W"), "cases_opened")
    if freq in ("W", "MS", "QS", "6MS") or len(weekly) < 8:
        return []
    today = project.log.until.tz_convert(project.log.timezone).tz_localize(None)
    ahead = forecast(weekly, 2, "W", levels=(80,))
    row = ahead[ahead["ds"] >= today.normalize()].iloc[0]
    past = weekly["y"].iloc[-4:].mean()
    change = row["deskcast"] / past - 1 if past > 0 else 0.0
    trend = f", {abs(change):.0%} {'more' if change > 0 else 'fewer'} than the mean of the last four weeks"
    noun = "cases" if project.log.has("cases") else "arrivals"
    return [
        f"Week of {row['ds']:%a %d %b %Y}: {number(round(row['deskcast']))} {noun} are expected"
        f"{trend if abs(change) >= 0.02 else ''}; 80 % sure: {number(round(row['deskcast-lo-80']))} to "
        f"{number(round(row['deskcast-hi-80']))}."
    ]


def _accuracy_sentence(table: pd.DataFrame) -> str:
    scores = table.set_index("model")
    ours, naive = scores.loc["deskcast"], scores.loc["seasonal_naive"]
    gain = 1 - ours["wql"] / naive["wql"] if naive["wql"] > 0 else 0.0
    better = f"{gain:.0%} better than" if gain > 0.005 else f"{-gain:.0%} worse than" if gain < -0.005 else "level with"
    cover = next((f"; its 80 % interval held {ours[c]:.0%}" for c in scores.columns if c == "coverage_80"), "")
    return (
        f"On past origins the forecast was off by {ours['wape']:.1%} of the volume and {better} "
        f"the seasonal naive by quantile loss{cover}."
    )
