"""Whether the first period of a history is cut, because its table begins in the midst of it."""

from __future__ import annotations

from functools import partial

import numpy as np
import pandas as pd

from ..arrays import Floats
from ..calendars.periods import list_periods, local_time, parse_period_frequency, period_start
from ..case_log.cache import compute_once
from ..case_log.fetch import fetch
from ..case_log.log import CaseLog
from .catalogue import find_kpi

#: The instant by which the rows of each table come into a period.
TABLE_TIMES = {
    "cases": "created_at",
    "contacts": "queued_at",
    "surveys": "offered_at",
    "article_views": "viewed_at",
    "tasks": "started_at",
    "agent_time": "start",
    "costs": "start",
    "repairs": "failed_at",
    "volumes": "ds",
}
#: A period is cut if its first row comes so many times later than that of any other; few other periods say little.
MIN_OTHER_PERIODS, MANY_PERIODS = 3, 10
GAP_FACTOR, GAP_FACTOR_OF_MANY = 3.0, 2.0
#: What is missing must matter.
MIN_CUT_SHARE = 0.02
HOURS_PER_WEEK = 168
MONDAY = pd.Timestamp("1970-01-05")


def find_cut_start(log: CaseLog, kpi: str, freq: str) -> pd.Timestamp | None:
    """Return the start of the first period of a KPI's history where it is cut, else nothing.

    Examples
    --------
    >>> days = pd.date_range("2024-01-27", periods=150, freq="D", tz="UTC")
    >>> log = CaseLog.from_frames(cases=pd.DataFrame({"case_id": days.astype(str), "created_at": days}))
    >>> find_cut_start(log, "cases_opened", "MS"), find_cut_start(log, "cases_opened", "D")
    (Timestamp('2024-01-01 00:00:00'), None)
    """
    entry = find_kpi(kpi)
    needs = [name for need in (entry.needs if entry else ()) for name in need.split("|") if log.has(name)]
    of_desk = [name for name in needs if name not in ("cases", "events", "sla_policies")]
    table = next((name for name in (*of_desk, *needs) if name in TABLE_TIMES), None)
    minutes = parse_period_frequency(freq).minutes
    if table is None or (minutes is not None and minutes < 1440):
        return None
    return compute_once(log, f"cut start {table} {freq}", partial(_find_cut_start, log, table, freq))


def _find_cut_start(log: CaseLog, table: str, freq: str) -> pd.Timestamp | None:
    rows, column = log.table(table), TABLE_TIMES[table]
    first = fetch(rows.agg(first=rows[column].min()))["first"].iloc[0]
    if pd.isna(first):
        return None
    span = (log.timezone, first, log.until)
    found = fetch(rows.group_by(ds=period_start(rows[column], freq, *span)).agg(first=rows[column].min()))
    found["ds"] = found["ds"].astype("datetime64[us]")
    found = found.sort_values("ds", ignore_index=True)
    periods = list_periods(first, log.until, freq, log.timezone)
    told = periods.merge(found, on="ds", how="inner")
    if len(told) < 2 or told["ds"].iloc[0] != found["ds"].iloc[0]:
        return None
    local = local_time(rows[column], *span)
    hours = fetch(rows.group_by(day=local.day_of_week.index(), hour=local.hour()).agg(n=rows.count()))
    weights = np.zeros(HOURS_PER_WEEK)
    weights[hours["day"].to_numpy(dtype=int) * 24 + hours["hour"].to_numpy(dtype=int)] = hours["n"]
    ds = told["ds"].iloc[0]
    seen = told["first"].dt.tz_convert(log.timezone).dt.tz_localize(None)
    gaps = _count_usual_rows(seen, weights) - _count_usual_rows(told["ds"], weights)
    bounds = pd.Series([ds, ds + pd.tseries.frequencies.to_offset(parse_period_frequency(freq).pandas_name)])
    whole = float(np.diff(_count_usual_rows(bounds, weights))[0])
    return pd.Timestamp(ds) if _is_late(gaps, whole) else None


def _count_usual_rows(local: pd.Series[pd.Timestamp], weights: Floats) -> Floats:
    """Return how many rows usually come from a Monday long ago to each local time, in the hours of a week as they are.

    So neither nights nor weekends, in which nothing comes, make a first row late.
    """
    hours = ((local - MONDAY) / pd.Timedelta(hours=1)).to_numpy(dtype=float)
    week, hour = np.divmod(hours, HOURS_PER_WEEK)
    before = np.append(0.0, np.cumsum(weights))
    return np.asarray(week * before[-1] + np.interp(hour, np.arange(HOURS_PER_WEEK + 1), before), dtype=float)


def _is_late(gaps: Floats, whole: float) -> bool:
    """Tell whether the first row of the first period comes unusually late, beside when those of the others come.

    Of rows that come at random, the first would be taken for late in fewer than one log of twenty.
    """
    others = gaps[1:]
    if len(others) < MIN_OTHER_PERIODS:
        return False
    factor = GAP_FACTOR_OF_MANY if len(others) >= MANY_PERIODS else GAP_FACTOR
    return bool(gaps[0] > factor * np.max(others) and gaps[0] > MIN_CUT_SHARE * whole)
