"""Deferred work today: new cases so far, the backlog now, and what will breach by the evening with the agents on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from ...features.arrays import Floats
from ...features.errors import InputError
from ...features.kpis.kpi_history import series
from ...forecasting.backlog.outlook import backlog_outlook
from ...forecasting.backlog.plan import backlog_plan
from ...forecasting.intraday.reforecast import reforecast_day
from ..project.project import view_as_of
from .casework import CaseWork, gather_case_work
from .day_plan import find_past_mornings
from .queue import PlannedQueue
from .review_work import read_work_plan

#: Columns of an outlook that the table of today has, with the names that they have there.
_OUTLOOK = {"backlog": "backlog", "backlog_lo": "backlog_lo", "backlog_hi": "backlog_hi", "breaches": "breaches"}
#: Columns of what is ahead of a day.
_AHEAD = ("reforecast", "reforecast-lo-80", "reforecast-hi-80", "required", "net", *_OUTLOOK.values())
#: Why a run does not tell of the day of deferred work: no plan was issued, or nobody has worked yet.
_NOT_YET = ("plan.missing", "time.order")


@dataclass(frozen=True)
class WorkDay:
    """One queue of deferred work today.

    Attributes
    ----------
    queue, source
        The queue, and whether its plan was issued or is that of the morning.
    rows
        ``ds, planned, y, reforecast`` and bounds, ``agents`` (of the plan), ``required``, ``net`` (of those that are
        over they are missing), and ``backlog`` with its bounds and ``breaches`` expected at the end of each interval.
    backlog, overdue
        Open cases now, and those whose SLA has broken.
    due
        Cases that are expected to fall due by the evening; missing where nobody works any more today.
    chance
        Probability that no SLA breaks by the evening; missing as ``due`` is.
    """

    queue: PlannedQueue
    source: str
    rows: pd.DataFrame
    backlog: int
    overdue: int
    due: float = np.nan
    chance: float = np.nan


def find_work_days(
    queues: Mapping[str, PlannedQueue], now: pd.Timestamp, plan_anew: bool = True
) -> tuple[dict[str, WorkDay], list[str]]:
    """Return the day of each queue of deferred work, and why others have none."""
    days, lacking = {}, []
    for name, queue in queues.items():
        try:
            days[name] = find_work_day(queue, now, plan_anew)
        except InputError as error:
            if plan_anew or error.code not in _NOT_YET:
                lacking.append(f"{name}: {error}")
    return days, lacking


def find_work_day(queue: PlannedQueue, now: pd.Timestamp, plan_anew: bool = True) -> WorkDay:
    """Return the day of a queue of deferred work up to its evening.

    Without ``plan_anew`` a plan must have been issued, and somebody have worked by now.

    Raises
    ------
    InputError
        If nobody works on it today, or it cannot be planned.
    """
    day = now.normalize()
    evening, step = day + pd.Timedelta(days=1), pd.Timedelta(seconds=queue.spec.interval_s)
    if now < day + step:  # before any work: a night ends here
        raise InputError(
            "no interval of the day is over yet", got=f"{now:%Y-%m-%d %H:%M}",
            hint="name a later instant by --as-of, up to the end of the log", code="time.order",
        )  # fmt: skip
    plan = read_work_plan(queue, day, evening, plan_anew)
    rows = plan.rows[["ds", "agents"]].sort_values("ds", ignore_index=True)
    if not plan_anew and not ((rows["agents"] > 0) & (rows["ds"] + step <= now)).any():
        raise InputError("nobody has worked on these cases today yet", got=f"{now:%Y-%m-%d %H:%M}", code="time.order")
    rows = rows.merge(_sum_arrivals(plan.work.arrivals), on="ds")
    came = _count_cases(queue, day)
    rows["y"] = rows["ds"].map(came).fillna(0.0).where(rows["ds"] + step <= now)
    left = rows["y"].isna()
    if not (rows["agents"] > 0).any():
        raise InputError("nobody works on these cases today", got=f"{now:%Y-%m-%d %H:%M}", code="time.order")
    source = "issued" if plan.is_issued else "morning"
    if not (left & (rows["agents"] > 0)).any():  # work is over: its new cases and backlog stand
        work = gather_case_work(replace(queue, project=view_as_of(queue.project, f"{now:%Y-%m-%d %H:%M}")))
        return WorkDay(queue, source, rows.assign(**dict.fromkeys(_AHEAD, np.nan)), *_count_open(work, now, queue))
    rows = _reforecast(queue, rows, day)
    work = gather_case_work(replace(queue, project=view_as_of(queue.project, f"{now:%Y-%m-%d %H:%M}")))
    ahead = _move_today(work.arrivals, rows[left])
    ahead = ahead[ahead["ds"] >= rows.loc[left, "ds"].min()]
    best = backlog_plan(ahead, work.calendar, confidence=queue.spec.confidence, **work.rules)
    on = best["ds"].map(rows.set_index("ds")["agents"])
    agents = on.fillna(best["agents"]).to_numpy(dtype=float)
    outlook = backlog_outlook(ahead, work.calendar, agents, **work.rules)
    rows = rows.merge(best[["ds", "agents"]].rename(columns={"agents": "required"}), on="ds", how="left")
    rows["net"] = rows["agents"] - rows["required"]
    today = outlook[outlook["ds"] < evening]
    rows = rows.merge(today[["ds", *_OUTLOOK]].rename(columns=_OUTLOOK), on="ds", how="left")
    return WorkDay(queue, source, rows, *_count_open(work, now, queue), *_judge_evening(today))


def _judge_evening(today: pd.DataFrame) -> tuple[float, float]:
    """Return the cases due by the evening, and the chance that none of them breaches."""
    return float(today["due"].sum()), float(1 - today["breach_risk_to_date"].iloc[-1])


def _count_open(work: CaseWork, now: pd.Timestamp, queue: PlannedQueue) -> tuple[int, int]:
    """Return the open cases, and those of them that are overdue."""
    if work.backlog is None:
        return 0, 0
    due = work.backlog["due_at"].dt.tz_convert(queue.project.log.timezone).dt.tz_localize(None)
    return len(work.backlog), int((due < now).sum())


def _sum_arrivals(arrivals: pd.DataFrame) -> pd.DataFrame:
    """Return ``ds`` and ``planned``, the cases expected in each interval over all classes."""
    whole = arrivals.groupby("ds")["deskcast"].sum()
    return pd.DataFrame({"ds": whole.index, "planned": whole.to_numpy(dtype=float)})


def _count_cases(queue: PlannedQueue, day: pd.Timestamp) -> pd.Series:
    found = series(queue.arrivals("cases_opened"), "cases_opened").groupby("ds")["y"].sum()
    return found[found.index >= day]


def _reforecast(queue: PlannedQueue, rows: pd.DataFrame, day: pd.Timestamp) -> pd.DataFrame:
    """Add the re-forecast of the intervals that are left and its likely range; the plan's, before the day has begun."""
    busy = rows[rows["planned"] > 0].rename(columns={"planned": "forecast"})[["ds", "forecast", "y"]]
    names = ["reforecast", "reforecast-lo-80", "reforecast-hi-80"]
    if busy["y"].isna().all() or busy["y"].notna().all():
        return rows.assign(**dict.fromkeys(names, np.nan)).assign(reforecast=rows["planned"].where(rows["y"].isna()))
    ahead = reforecast_day(find_past_mornings(queue, day), busy.reset_index(drop=True))
    found = rows.merge(ahead[["ds", *names]], on="ds", how="left")
    return found.assign(reforecast=found["reforecast"].fillna(0.0).where(found["y"].isna()))


def _move_today(arrivals: pd.DataFrame, rest: pd.DataFrame) -> pd.DataFrame:
    """Return a forecast of cases by class whose rest of today is as it was re-forecast.

    >>> ds = pd.to_datetime(["2024-03-04 15:00", "2024-03-04 15:00", "2024-03-05 15:00"])
    >>> ahead = pd.DataFrame({"unique_id": ["1", "2", "1"], "ds": ds, "deskcast": [3.0, 1.0, 5.0]})
    >>> _move_today(ahead, pd.DataFrame({"ds": ds[:1], "reforecast": [8.0]}))["deskcast"].tolist()
    [6.0, 2.0, 5.0]
    """
    wanted = arrivals["ds"].map(rest.set_index("ds")["reforecast"])
    whole = arrivals.groupby("ds")["deskcast"].transform("sum")
    factor = _divide(wanted.to_numpy(dtype=float), whole.to_numpy(dtype=float))
    columns = [c for c in arrivals if str(c).startswith("deskcast")]
    return arrivals.assign(**{str(c): arrivals[c].to_numpy(dtype=float) * factor for c in columns})


def _divide(wanted: Floats, whole: Floats) -> Floats:
    known = np.isfinite(wanted) & (whole > 0)
    return np.where(known, np.where(known, wanted, 1.0) / np.where(known, whole, 1.0), 1.0)
