"""The contacts that a queue is staffed for: its forecast, or the work in each interval where contacts last long."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from ...features.arrays import Floats
from ...forecasting.staffing.confidence_curve import confidence_curve
from ...forecasting.staffing.lagged_load import (
    finish_behind_doors,
    lag_calls,
    lag_forecast,
    lag_matrix,
    lag_rows,
    lags_behind,
)
from ...forecasting.staffing.shrinkage import agents_to_schedule
from .queue import PlannedQueue


def is_lagged(queue: PlannedQueue, aht: Floats) -> bool:
    """Tell whether an interval of a queue is staffed for the work in it and not for its own contacts."""
    return queue.spec.kind == "calls" and lags_behind(queue.spec.load, aht, queue.spec.interval_s)


def planned_forecast(queue: PlannedQueue) -> pd.DataFrame:
    """Return the forecast that a queue is staffed for."""
    aht = slot_aht(queue)
    return lag_forecast(queue.ahead, aht, queue.spec.interval_s) if is_lagged(queue, aht) else queue.ahead


def planned_rates(queue: PlannedQueue, rates: Floats) -> Floats:
    """Return the rates of paths that a queue is staffed for, one row a path."""
    aht = slot_aht(queue)
    return lag_calls(rates, lag_matrix(aht, queue.spec.interval_s)) if is_lagged(queue, aht) else rates


def staffed_calls(queue: PlannedQueue, rows: pd.DataFrame, calls: str, aht: str = "aht_s") -> Floats:
    """Return the contacts that intervals are staffed for, by the rule of the plan, from those that came in each.

    Parameters
    ----------
    queue
        Says how its load is taken.
    rows
        ``ds``, in order of time, and the columns ``calls`` (contacts) and ``aht`` (handle time) by their names.
    """
    came, times = (rows[name].to_numpy(dtype=float) for name in (calls, aht))
    return lag_rows(rows["ds"], came, times, queue.spec.interval_s) if is_lagged(queue, times) else came


def staffed_calls_by(queue: PlannedQueue, rows: pd.DataFrame, issue: str, calls: str) -> pd.Series:
    """Return the contacts that intervals are staffed for, as :func:`staffed_calls` does, of each issue by itself."""
    parts = [
        pd.Series(staffed_calls(queue, own, calls), index=own.index)
        for _, own in rows.sort_values("ds", kind="stable").groupby(issue)
    ]
    return pd.concat(parts).reindex(rows.index)


def slot_aht(queue: PlannedQueue) -> Floats:
    """Return the mean handle time of each interval ahead."""
    aht = np.asarray(queue.handle_times(queue.ahead["ds"]), dtype=float)
    return np.array(np.broadcast_to(aht, (len(queue.ahead),)))


def close_doors(queue: PlannedQueue, plan: pd.DataFrame) -> pd.DataFrame:
    """Return the plan of a lagged queue with its own contacts, and behind closed doors those who finish the work."""
    if not is_lagged(queue, slot_aht(queue)):
        return plan
    ahead = queue.ahead
    bounds = [c for c in ahead.columns if str(c).startswith("deskcast")]
    closed = np.asarray((ahead[bounds].to_numpy() <= 0).all(axis=1))
    out = finish_behind_doors(plan, closed, [c for c in ("agents", "agents_hi", "agents_sure") if c in plan])
    for required, scheduled in (("agents", "agents_to_schedule"), ("agents_sure", "agents_to_schedule_sure")):
        if scheduled in out:
            out[scheduled] = agents_to_schedule(out[required], **queue.shrinkage)
    high = next((c for c in bounds if str(c).startswith("deskcast-hi-80")), "deskcast")
    return out.assign(calls=ahead["deskcast"].to_numpy(dtype=float), calls_hi=ahead[high].to_numpy(dtype=float))


def weigh_choices(queue: PlannedQueue) -> pd.DataFrame:
    """Return agent hours and risk of a queue by how sure of its target each interval is planned to be."""
    times, days = slot_aht(queue), queue.handle_time_variation
    how: dict[str, Any] = {"aht_spread": days.spread, "aht_with_volume": days.with_volume}
    return confidence_curve(planned_forecast(queue), times, queue.target, queue.shrinkage, **how)
