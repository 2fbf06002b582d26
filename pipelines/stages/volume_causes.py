"""What moved the volume of a week: a segment of the cases, a known event, the season, or nothing that can be told."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ...features.kpis.kpi_history import kpi_history, series
from ..words.review import MIN_DEVIATIONS, is_volume_off
from .queue import PlannedQueue, interval_freq, queue_arrivals

#: Columns of cases by which more cases than usual are looked for.
SEGMENTS = ("product", "case_type", "region")
#: Weeks that are the usual; a cause is named where it explains this share of the excess.
USUAL_WEEKS, MIN_EXPLAINED = 8, 0.3
_WEEK = pd.Timedelta(days=7)
_COLUMNS = ["cause", "subject", "actual", "usual"]


def find_volume_causes(queue: PlannedQueue, begin: pd.Timestamp, rows: pd.DataFrame) -> pd.DataFrame:
    """Return what may have moved the volume of a week away from its plan.

    Parameters
    ----------
    queue
        Its log tells the cases behind its contacts, and the configuration known events.
    begin
        Monday of the week.
    rows
        ``calls_planned`` and ``calls`` of the week.

    Returns
    -------
    ``cause`` (``event``, ``season``, or a column of the cases), ``subject`` (its name or value), ``actual`` and
    ``usual`` (volume of the week); empty where the volume was as planned, or nothing can be told.
    """
    planned, came = float(rows["calls_planned"].sum()), float(rows["calls"].sum())
    if not is_volume_off(planned, came):
        return pd.DataFrame(columns=_COLUMNS)
    found = [("event", name, came, planned) for name in _events(queue, begin)]
    found += _segments(queue, begin, came - planned)
    found += _season(queue, begin, came, planned)
    return pd.DataFrame(found, columns=_COLUMNS)


def _events(queue: PlannedQueue, begin: pd.Timestamp) -> list[str]:
    """Return the known events of a week."""
    events = queue.project.config.events
    last = begin + pd.Timedelta(days=6)
    return [e.name for e in events if pd.Timestamp(e.start) <= last and pd.Timestamp(e.end) >= begin]


def _segments(queue: PlannedQueue, begin: pd.Timestamp, excess: float) -> list[tuple[str, str, float, float]]:
    """Return the segment of each column whose cases differ most from their usual week, in the excess's direction."""
    log = queue.project.log
    found = []
    for column in SEGMENTS:
        if not log.has("cases", column) or column in queue.where:
            continue
        history = kpi_history(log, ["cases_opened"], (column,), "D")
        weeks = series(history, "cases_opened")
        weeks = weeks.assign(week=(weeks["ds"] - begin) // _WEEK)
        weeks = weeks[weeks["week"].between(-USUAL_WEEKS, 0)]
        table = weeks.pivot_table(index="unique_id", columns="week", values="y", aggfunc="sum", fill_value=0.0)
        if 0 not in table or table.shape[1] < USUAL_WEEKS // 2 + 1:
            continue
        past = table.drop(columns=0)
        usual, actual = past.mean(axis=1), table[0]
        spread = np.sqrt(np.maximum(past.var(axis=1, ddof=1), usual.clip(lower=1.0)) * (1 + 1 / past.shape[1]))
        change = (actual - usual) * np.sign(excess)
        best = change.idxmax()
        whole = float((actual - usual).sum() * np.sign(excess))
        if change[best] >= MIN_DEVIATIONS * spread[best] and change[best] >= MIN_EXPLAINED * max(whole, 1e-9):
            found.append((column, str(best), float(actual[best]), float(usual[best])))
    return found


def _season(
    queue: PlannedQueue, begin: pd.Timestamp, came: float, planned: float
) -> list[tuple[str, str, float, float]]:
    """Return the season, where this week was as far off its weeks before a year ago as it is now."""
    arrivals = queue_arrivals(queue.project.log, queue.where, interval_freq(queue.spec.interval_s))
    totals = arrivals.groupby((arrivals["ds"] - begin) // _WEEK)["y"].sum()
    year, now = (totals.reindex(range(w - USUAL_WEEKS, w + 1)) for w in (-52, 0))
    if year.isna().any() or now.isna().any() or year.iloc[:-1].mean() <= 0:
        return []
    expected = float(now.iloc[:-1].mean() * year.iloc[-1] / year.iloc[:-1].mean())
    explained = (expected - planned) / (came - planned)
    return [("season", "same week a year ago", came, expected)] if 0.5 <= explained <= 1.5 else []
