"""The stages on volumes: the forecast of what comes, and the agents that it takes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from ..features.engine import CaseLog
from ..features.errors import InputError
from ..features.kpis import kpi_history, series
from ..forecasting.evaluation import backtest, leaderboard
from ..forecasting.staffing import staffing_plan
from ..forecasting.volume import forecast
from .config import Config, StaffingSpec
from .opening import Project
from .stage import Stage
from .words import number, plural, say_list

Progress = Callable[[int, int], None] | None

#: Handle times are averaged over this many last days, so that they follow the desk.
HANDLE_DAYS = 56
#: Fewer handled contacts than this do not give a mean that can be planned with.
MIN_HANDLED = 30


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


def staff_stage(project: Project) -> Stage:
    """Turn the arrivals of each configured queue into agents per interval, with the risk of being short."""
    config = project.config
    if not config.staffing:
        return Stage("staff", skipped="No queue is configured: add a [staffing.NAME] section.")
    plans, findings, skipped = [], [], []
    for name, spec in config.staffing.items():
        try:
            plan, words = plan_queue(project, name, spec)
        except InputError as error:
            skipped.append(f"{name}: {error}")
            continue
        plans.append(plan)
        findings += words
    if not plans:
        return Stage("staff", skipped="; ".join(skipped))
    table = pd.concat(plans, ignore_index=True)
    metrics = {
        "agent_hours": float((table["agents"] * table["interval_h"]).sum()),
        "peak": float(table["agents"].max()),
    }
    notes = tuple(f"Not planned: {s}" for s in skipped)
    return Stage(
        "staff", {"staffing": table.drop(columns="interval_h")}, (*findings, *notes), {"queues": len(plans)}, metrics
    )


def plan_queue(project: Project, name: str, spec: StaffingSpec) -> tuple[pd.DataFrame, list[str]]:
    """Plan one queue: forecast its arrivals by interval and find the agents that keep its promise.

    Raises
    ------
    InputError
        If the arrivals carry no time of day, or no handle time is known.
    """
    minutes = round(spec.interval_s / 60)
    freq = "h" if minutes == 60 else f"{minutes}min"
    where = queue_segments(project.log, name, spec)
    arrivals = queue_arrivals(project.log, where, freq)
    aht, basis = handle_time(project.log, where, spec, name)
    context = forecast_context(project.config, project, spec.calendar)
    slots = round(spec.horizon_days * 86400 / spec.interval_s)
    ahead = forecast(arrivals, slots, freq, levels=(80, 95), windows=6, **context)
    plan = staffing_plan(
        ahead,
        aht=aht,
        interval=spec.interval_s,
        service_level=spec.service_level,
        threshold=spec.within_s,
        max_occupancy=spec.max_occupancy,
        patience=spec.patience_s,
        shrinkage=spec.shrinkage,
        queue=name,
    )
    return plan.assign(interval_h=spec.interval_s / 3600), _queue_sentences(name, plan, spec, basis)


def queue_segments(log: CaseLog, name: str, spec: StaffingSpec) -> dict[str, str]:
    """Return the segment of a queue: as configured, else the channel of its name, else everything."""
    if spec.where:
        return dict(spec.where)
    table = next((t for t in ("contacts", "cases") if log.has(t, "channel")), None)
    if table is None:
        return {}
    channels = log.table(table).filter(log.table(table).channel == name)
    return {"channel": name} if int(channels.count().execute()) else {}


def queue_arrivals(log: CaseLog, where: dict[str, str], freq: str) -> pd.DataFrame:
    """Return the arrivals of one queue by interval: its contacts where they are recorded, else its cases."""
    contacts = log.has("contacts", *where) and int(log.table("contacts").count().execute()) > 0
    kpi = "contacts_offered" if contacts else "cases_opened"
    history = kpi_history(log, [kpi], tuple(where), freq)
    for column, value in where.items():
        history = history[history[column] == value]
    if history.empty or history["value"].sum() == 0:
        raise InputError("nothing arrived in this queue", column=say_list(list(where)) if where else None, got=where)
    clock = history.loc[history["value"] > 0, "ds"]
    if ((clock.dt.hour == 0) & (clock.dt.minute == 0)).mean() > 0.9:
        raise InputError("the arrivals have no time of day", hint="agents per interval need the time of each arrival")
    return series(history, kpi)


def handle_time(log: CaseLog, where: dict[str, str], spec: StaffingSpec, name: str) -> tuple[float, str]:
    """Return the mean handle time of a queue in seconds, and where it comes from, in words."""
    if spec.aht_s is not None:
        return spec.aht_s, "as configured"
    if log.has("contacts", "answered_at", "ended_at"):
        contacts = log.table("contacts")
        recent = contacts.filter(contacts.queued_at > log.until - pd.Timedelta(days=HANDLE_DAYS))
        for column, value in where.items():
            if column in contacts.columns:
                recent = recent.filter(recent[column] == value)
        rows = log.frame(recent.filter(recent.answered_at.notnull() & recent.ended_at.notnull()))
        seconds = (rows["ended_at"] - rows["answered_at"]).dt.total_seconds()
        if "wrap_s" in rows:
            seconds = seconds + rows["wrap_s"].fillna(0.0)
        if len(seconds) >= MIN_HANDLED:
            return float(seconds.mean()), f"from {plural(len(seconds), 'contact')} of the last {HANDLE_DAYS} days"
    raise InputError(
        "no handle time is known", where=f"[staffing.{name}]", column="aht", hint="add a line such as aht = '4min'"
    )


def _queue_sentences(name: str, plan: pd.DataFrame, spec: StaffingSpec, basis: str) -> list[str]:
    busiest = plan.iloc[int(plan["agents"].to_numpy().argmax())]
    open_slots = plan[plan["calls"] > 0]
    share = np.average(open_slots["service_level"], weights=open_slots["calls"]) if len(open_slots) else float("nan")
    risk = np.average(open_slots["short_risk"], weights=open_slots["calls"]) if len(open_slots) else float("nan")
    hours = (plan["agents"] * spec.interval_s / 3600).sum()
    return [
        f"{name}: at most {plural(int(busiest['agents']), 'agent')} at once ({busiest['ds']:%a %d %b %H:%M}), "
        f"{plural(int(busiest['people']), 'person').replace('persons', 'people')} with shrinkage "
        f"{spec.shrinkage:.0%}, {number(round(hours))} agent hours in {plural(spec.horizon_days, 'day')}; "
        f"handle time {number(round(busiest['aht_s']))} s ({basis}).",
        f"{name}: with these agents {share:.0%} are answered within {number(spec.within_s)} s if the forecast is "
        f"right; as it may be wrong, an arrival meets an interval that misses its target with probability {risk:.0%}, "
        f"and the peak needs {plural(int(plan['agents_hi'].max()), 'agent')} to be 80 % sure.",
    ]
