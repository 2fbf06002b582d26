"""The stage on today: volume and handle time so far, the rest of the day re-forecast, and which moves help."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ...features.arrays import Floats
from ...features.errors import InputError
from ...forecasting.intraday.moves import Evening, Load, expect_evening, expected_levels, find_moves
from ...forecasting.intraday.reforecast import MIN_PAST_DAYS, backtest_reforecast, reforecast_day
from ..project.project import Project
from ..stage import Stage
from ..words.facts import Finding
from ..words.figures import figures_table
from ..words.today import FIGURES, today_findings
from ..words.today_work import work_day_findings
from ..words.words import format_list
from .day_plan import find_day_contacts, find_past_mornings, read_day_plan, read_handle_times
from .planned_load import is_lagged, staffed_calls
from .planned_time import read_present
from .queue import PlannedQueue
from .today_work import WorkDay, find_work_days

#: Methods that the track record of re-forecasts compares, by the columns of a backtest.
METHODS = ("reforecast", "morning", "scaled")


@dataclass(frozen=True)
class QueueDay:
    """One queue today.

    Attributes
    ----------
    queue, source
        The queue, and whether its plan was issued or is that of the morning.
    rows
        ``ds, planned, y, reforecast`` and bounds, ``aht_s, agents, required`` of each interval, and ``on_break``
        where it is known.
    attrs
        What :func:`~deskcast.forecasting.intraday.reforecast.reforecast_day` tells of the rest.
    past, plan_aht, aht
        Past mornings; handle time planned, and so far.
    in_time, decided
        Contacts of today that were answered in time, of those that are decided.
    """

    queue: PlannedQueue
    source: str
    rows: pd.DataFrame
    attrs: Mapping[str, object]
    past: pd.DataFrame
    plan_aht: float
    aht: float
    in_time: float
    decided: float

    @property
    def rest(self) -> pd.DataFrame:
        """The intervals that are left, as the queueing functions take them."""
        return self.rows[self.rows["y"].isna()].assign(calls=lambda t: t["reforecast"]).reset_index(drop=True)

    @property
    def load(self) -> Load | None:
        """What the intervals that are left are staffed for, where contacts last long; else ``None``."""
        if not is_lagged(self.queue, self.rows["aht_s"].to_numpy(dtype=float)):
            return None
        left = self.rows["y"].isna().to_numpy()

        def work(calls: Floats) -> Floats:
            came = self.rows["y"].to_numpy(dtype=float, copy=True)
            came[left] = calls
            return staffed_calls(self.queue, self.rows.assign(calls=came), "calls")[left]

        return work


def today_stage(project: Project, plan_anew: bool = True) -> Stage:
    """Compare today so far with its plan, re-forecast the rest, and say what helps.

    Parameters
    ----------
    project
        Opened as of an instant within the day; its end is now.
    plan_anew
        Whether deferred work is planned where no plan was issued or its day has not begun, which takes as long as a
        plan of the days ahead.

    Returns
    -------
    Stage
        Tables ``today`` (by queue and interval), ``today_moves``, ``today_accuracy`` (how such re-forecasts did on past
        days at this time of the day, beside the morning's forecast and scaling by the share so far),
        ``today_work`` (deferred work by queue and interval) and ``today_figures``.
    """
    queues = {name: PlannedQueue(project, name, spec) for name, spec in project.config.staffing.items()}
    if not queues:
        return Stage("today", skipped="No queue is configured: add a [staffing.NAME] section.")
    # what the log does not reach is not known: its contacts are missing, not none
    now = min(project.as_of, project.data_until).tz_convert(project.log.timezone).tz_localize(None)
    deferred = {name: queue for name, queue in queues.items() if queue.spec.kind == "cases"}
    days, problems = _read_days({name: queue for name, queue in queues.items() if name not in deferred}, now)
    work, lacking = find_work_days(deferred, now, plan_anew)
    problems += lacking
    if not days and not work:
        return Stage("today", skipped="; ".join(problems))
    tables = _tables(days, work, now)
    findings = [text for day in days.values() for text in today_findings(day, _expect(day), tables)]
    findings += [text for day in work.values() for text in work_day_findings(day, tables)]
    findings += [Finding(f"Not shown: {text}", names=[text], audience="planner") for text in problems]
    return Stage("today", tables | figures_table(FIGURES, findings), tuple(findings), {"queues": len(days) + len(work)})


def _tables(days: Mapping[str, QueueDay], work: Mapping[str, WorkDay], now: pd.Timestamp) -> dict[str, pd.DataFrame]:
    """Return the tables of a day that have rows."""
    parts = {
        "today": [_show(day) for day in days.values()],
        "today_moves": [_moves(day, days) for day in days.values() if len(day.rest)],
        "today_accuracy": [_judge(days, now)],
        "today_work": [day.rows.assign(queue=name) for name, day in work.items()],
    }
    joined = {name: pd.concat(frames, ignore_index=True) for name, frames in parts.items() if frames}
    if "today_work" in joined:
        joined["today_work"] = joined["today_work"][["queue", *(c for c in joined["today_work"] if c != "queue")]]
    return {name: table for name, table in joined.items() if len(table)}


def _read_days(queues: Mapping[str, PlannedQueue], now: pd.Timestamp) -> tuple[dict[str, QueueDay], list[str]]:
    """Return the day of each queue that has one, and why others have none: once where several lack the same."""
    frames, lacking = {}, dict[str, list[str]]()
    for name, queue in queues.items():
        try:
            frames[name] = _gather(queue, now)
        except InputError as error:
            lacking.setdefault(str(error), []).append(name)
    days = {}
    for name, (source, today, past, came) in frames.items():
        others = {n: (f[2], f[1]) for n, f in frames.items() if n != name and _same_times(f[1], today)}
        days[name] = _build(queues[name], source, today, past, came, others)
    return days, [f"{format_list(names)}: {problem}" for problem, names in lacking.items()]


Gathered = tuple[str, pd.DataFrame, pd.DataFrame, pd.DataFrame]


def _gather(queue: PlannedQueue, now: pd.Timestamp) -> Gathered:
    """Return source of the plan, today's rows, past mornings, and what came by interval."""
    day = now.normalize()
    plan = read_day_plan(queue, day)
    rows = plan.rows[plan.rows["calls"] > 0].reset_index(drop=True)
    if rows.empty:
        raise InputError("no contacts are planned today", got=f"{day:%Y-%m-%d}", code="queue.empty")
    came = find_day_contacts(queue, day)
    today = rows.rename(columns={"calls": "forecast"}).merge(came[["ds", "y"]], on="ds", how="left")
    over = today["ds"] + pd.Timedelta(seconds=queue.spec.interval_s) <= now
    if not over.any():
        raise InputError(
            "no interval of the day is over yet", got=f"{now:%Y-%m-%d %H:%M}",
            hint="name a later instant by --as-of, up to the end of the log", code="time.order",
        )  # fmt: skip
    today["y"] = today["y"].fillna(0.0).where(over)
    return plan.source, today, find_past_mornings(queue, day), came


def _same_times(one: pd.DataFrame, other: pd.DataFrame) -> bool:
    """Tell whether two queues are known up to the same interval."""
    first, second = (t.loc[t["y"].isna(), "ds"].min() for t in (one, other))
    return bool(first == second)


def _build(
    queue: PlannedQueue,
    source: str,
    today: pd.DataFrame,
    past: pd.DataFrame,
    came: pd.DataFrame,
    others: Mapping[str, tuple[pd.DataFrame, pd.DataFrame]],
) -> QueueDay:
    rows = today.rename(columns={"forecast": "planned", "agents": "required_planned"})
    attrs: dict[str, object] = {}
    if today["y"].isna().any():
        ahead = reforecast_day(past, today, others)
        attrs = {str(name): value for name, value in ahead.attrs.items()}
        rows = rows.merge(ahead.drop(columns="forecast"), on="ds", how="left")
    else:
        rows = rows.assign(**dict.fromkeys(("reforecast", "reforecast-lo-80", "reforecast-hi-80"), np.nan))
    planned, so_far, factor = _handle_time(queue, today)
    rows["aht_s"] = rows["aht_s"] * np.where(rows["y"].isna(), factor, 1.0)
    present = read_present(queue, rows["ds"])
    if present is not None:
        rows = rows.drop(columns=["scheduled", "on_break"], errors="ignore").merge(present, on="ds")
    rows["agents"] = rows["scheduled"] if "scheduled" in rows else rows["required_planned"].astype(float)
    volume = staffed_calls(queue, rows.assign(calls=rows["y"].fillna(rows["reforecast"])), "calls")
    rows["required"] = queue.target.require(volume, rows["aht_s"].to_numpy())["agents"].to_numpy()
    sums = [float(came[name].sum()) for name in ("in_time", "decided")]
    return QueueDay(queue, source, rows, attrs, past, planned, so_far, *sums)


def _handle_time(queue: PlannedQueue, today: pd.DataFrame) -> tuple[float, float, float]:
    """Return the planned AHT, that so far (missing where nothing was handled), and the factor for the rest of the day.

    How much of a handle time that is off carries on is learned as it is for volumes: seconds of handling beside those
    that the contacts would have taken by the AHT of the days before.
    """
    day = today["ds"].min().normalize()
    planned = float(np.average(today["aht_s"], weights=today["forecast"]))
    work = read_handle_times(queue, day - pd.Timedelta(days=90))
    mine, before = work[work["ds"] >= day], work[work["ds"] < day]
    so_far = float(mine["handle_s"].sum() / mine["n"].sum()) if len(mine) else float("nan")
    daily = before.groupby(before["ds"].dt.normalize())[["n", "handle_s"]].sum()
    usual = (daily["handle_s"].cumsum() / daily["n"].cumsum()).shift()
    mean = before["ds"].dt.normalize().map(usual)
    past = pd.DataFrame({"ds": before["ds"], "forecast": before["n"], "y": before["handle_s"] / mean}).dropna()
    left = today["y"].isna()
    if past["ds"].dt.normalize().nunique() < 2 * MIN_PAST_DAYS or mine.empty or not left.any():
        return planned, so_far, 1.0
    now = today[["ds"]].merge(mine, on="ds", how="left")
    rows = today[["ds"]].assign(
        forecast=np.where(left, today["forecast"], now["n"].fillna(0.0)),
        y=np.where(left, np.nan, now["handle_s"].fillna(0.0) / planned),
    )
    ahead = reforecast_day(past, rows)
    return planned, so_far, float(ahead["reforecast"].sum() / ahead["forecast"].sum())


def _expect(day: QueueDay) -> Evening | None:
    if not len(day.rest):
        return None
    spread = day.attrs.get("spread", 0.0)
    goal = float(day.queue.spec.service_level)
    came = (day.in_time, day.decided)
    return expect_evening(day.rest, day.queue.target, goal, float(spread), *came, day.load)  # type: ignore[arg-type]


def _show(day: QueueDay) -> pd.DataFrame:
    """Return the rows of the table of today."""
    rows = day.rows
    calls = staffed_calls(day.queue, rows.assign(calls=rows["y"].fillna(rows["reforecast"])), "calls")
    agents = rows["agents"].to_numpy(dtype=float)
    level = expected_levels(day.queue.target, calls, rows["aht_s"].to_numpy(dtype=float), agents)
    columns = [
        "ds",
        "planned",
        "y",
        "reforecast",
        "reforecast-lo-80",
        "reforecast-hi-80",
        "aht_s",
        "agents",
        "required",
    ]
    out = rows[columns].copy()
    out.insert(0, "queue", day.queue.name)
    out["net"] = np.floor(agents + 1e-6) - rows["required"]
    out["service_level"] = np.where(rows["y"].isna(), level, np.nan)
    return out


def _moves(day: QueueDay, days: Mapping[str, QueueDay]) -> pd.DataFrame:
    """Return the moves that help the rest of the day of a queue; other queues lend what they have over."""
    spare = {
        name: other.rest.set_index("ds")["agents"] - other.rest.set_index("ds")["required"]
        for name, other in days.items()
        if name != day.queue.name and len(other.rest)
    }
    found = find_moves(day.rest, day.queue.target, spare, day.load)
    found.insert(0, "queue", day.queue.name)
    return found


def _judge(days: Mapping[str, QueueDay], now: pd.Timestamp) -> pd.DataFrame:
    """Return how re-forecasts at this time of the day did on past days: errors by interval over the volume."""
    rows = []
    for name, day in days.items():
        hour = pd.Timestamp(day.rows.loc[day.rows["y"].isna(), "ds"].min()) if len(day.rest) else now
        if day.past.empty:
            continue
        errors = backtest_reforecast(day.past, hour.hour + hour.minute / 60, MIN_PAST_DAYS)
        for method in METHODS if len(errors) else ():
            whole = float(errors["volume"].sum())
            totals = float(errors[f"{method}-total"].sum()) / whole if whole > 0 else np.nan
            rows.append(
                (name, method, float(errors[method].sum()) / whole if whole > 0 else np.nan, totals, len(errors))
            )
    return pd.DataFrame(rows, columns=["queue", "method", "wape", "total_error", "days"])
