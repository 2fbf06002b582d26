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
from .words import number, plural

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
    kpi = _arrivals(project)
    actuals = series(kpi_history(project.log, [kpi], spec.by, spec.freq), kpi)
    ahead = forecast(actuals, spec.horizon, spec.freq, levels=spec.levels, windows=spec.windows, **context)
    folds = backtest(
        actuals, spec.horizon, spec.freq, windows=spec.windows, levels=spec.levels, progress=progress, **context
    )
    table = leaderboard(folds)
    tables = {"actuals": actuals, "forecast": ahead, "leaderboard": table}
    best = table.set_index("model").loc["deskcast"]
    findings = [*_week_sentences(project, spec.freq, ahead), accuracy_sentence(table)]
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


def _arrivals(project: Project) -> str:
    """Return the KPI that counts what comes: a telephone log has contacts and no cases."""
    bare = project.log.has("contacts") and not (project.log.has("cases") or project.log.has("volumes"))
    return "contacts_offered" if bare else "cases_opened"


def _week_sentences(project: Project, freq: str, slots: pd.DataFrame) -> list[str]:
    """Say what the next full week brings, from a weekly series: daily quantiles do not add up to a weekly one."""
    if freq in ("W", "MS", "QS", "6MS"):
        return []
    noun = "case" if project.log.has("cases") else "arrival"
    kpi = _arrivals(project)
    weekly = series(kpi_history(project.log, [kpi], (), "W"), kpi)
    if len(weekly) < 8:
        return [sum_sentence(slots, noun, len(weekly))]
    today = project.log.until.tz_convert(project.log.timezone).tz_localize(None)
    ahead = forecast(weekly, 2, "W", levels=(80,))
    row = ahead[ahead["ds"] >= today.normalize()].iloc[0]
    past = weekly["y"].iloc[-4:].mean()
    change = row["deskcast"] / past - 1 if past > 0 else 0.0
    trend = f", {abs(change):.0%} {'more' if change > 0 else 'fewer'} than the mean of the last four weeks"
    return [
        f"Week of {row['ds']:%a %d %b %Y}: {_expected(row['deskcast'], noun)}"
        f"{trend if abs(change) >= 0.02 else ''}; 80 % sure: {number(round(row['deskcast-lo-80']))} to "
        f"{number(round(row['deskcast-hi-80']))}."
    ]


def sum_sentence(slots: pd.DataFrame, noun: str, weeks: int) -> str:
    """Say what the next seven days bring where the log is too short for a weekly series and its interval.

    >>> ahead = pd.DataFrame({"ds": pd.date_range("2024-03-04", periods=9), "deskcast": 2.0})
    >>> sum_sentence(ahead, "case", 3)
    'Mon 04 Mar 2024 to Sun 10 Mar 2024: 14 cases are expected; how sure that is, 3 weeks of history cannot tell.'
    """
    days = slots["ds"].dt.normalize()
    first = days.min()
    last = min(days.max(), first + pd.Timedelta(days=6))
    each = slots[days <= last]
    return (
        f"{first:%a %d %b %Y} to {last:%a %d %b %Y}: {_expected(float(each['deskcast'].sum()), noun)}; how sure that "
        f"is, {plural(weeks, 'week')} of history cannot tell."
    )


def _expected(value: float, noun: str) -> str:
    count = round(value)
    return f"{plural(count, noun)} {'is' if count == 1 else 'are'} expected"


def accuracy_sentence(table: pd.DataFrame) -> str:
    """Say how far off the forecast was on past origins, or that nothing came there to judge it by.

    >>> nothing = pd.DataFrame({"model": ["deskcast", "seasonal_naive"], "wape": float("nan"), "wql": float("nan")})
    >>> accuracy_sentence(nothing)
    'Nothing came in the spans that the forecast is judged on, so how good it is stays open.'
    """
    scores = table.set_index("model").to_dict("index")
    ours, naive = scores["deskcast"], scores["seasonal_naive"]
    if not np.isfinite(ours["wape"]):
        return "Nothing came in the spans that the forecast is judged on, so how good it is stays open."
    gain = 1 - ours["wql"] / naive["wql"] if naive["wql"] > 0 else 0.0
    better = f"{gain:.0%} better than" if gain > 0.005 else f"{-gain:.0%} worse than" if gain < -0.005 else "level with"
    held = ours.get("coverage_80", np.nan)
    cover = f"; its 80 % interval held {held:.0%}" if np.isfinite(held) else ""
    off = f"{ours['wape']:.1%} of" if ours["wape"] < 3 else f"{number(round(ours['wape']))} times"
    return (
        f"On past origins the forecast was off by {off} the volume and {better} the seasonal naive by quantile "
        f"loss{cover}."
    )
