"""Cost against risk: what planning to be surer of the target costs in agent hours, and what it takes off the risk."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy import special

from ..arguments import Numbers, check_number, check_numbers
from ..scenarios.quantiles import quantile_at, rate_quantiles
from .demand import Demand
from .handle_times import widen_quantiles
from .risk_of_short import risk_for_target
from .shrinkage import agents_to_schedule
from .staffing_plan import forecast_quantiles
from .target import QueueTarget

#: Probabilities that are compared where none are named.
DEFAULT_CONFIDENCES = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
_DISTRIBUTION_POINTS = 61


def confidence_curve(
    ahead: pd.DataFrame,
    aht: Numbers,
    target: QueueTarget,
    shrinkage: Mapping[str, Any],
    confidences: Sequence[float] = DEFAULT_CONFIDENCES,
    levels: tuple[int, ...] = (80, 95),
    aht_spread: float = 0.0,
    aht_with_volume: float = 0.0,
) -> pd.DataFrame:
    """Compute agent hours and risk for several confidences.

    Parameters
    ----------
    ahead, aht, target, shrinkage, levels, aht_spread, aht_with_volume
        As in :func:`deskcast.forecasting.staffing.staffing_plan.plan_for_target`.
    confidences
        Probabilities with which each interval is to keep its bounds, above 0 and below 1.

    Returns
    -------
    DataFrame
        ``confidence``, ``hours`` (agent hours to schedule), ``peak`` (agents to schedule at a time, rounded up),
        ``expected_service_level`` (share of all contacts that are answered in time, forecast error included) and
        ``days_below`` (expected number of days that miss the service level).

    Examples
    --------
    >>> ahead = pd.DataFrame({"ds": pd.date_range("2024-03-01 09:00", periods=2, freq="30min"), "unique_id": "phone",
    ...                       "deskcast": 100.0, "deskcast-lo-80": 60.0, "deskcast-hi-80": 140.0})
    >>> curve = confidence_curve(ahead, 180, QueueTarget(), {"shrinkage": 0.0}, (0.5, 0.9), (80,))
    >>> curve.round(2).to_dict("records")
    [{'confidence': 0.5, 'hours': 14.0, 'peak': 14, 'expected_service_level': 0.66, 'days_below': 0.39}, {'confidence': 0.9, 'hours': 18.0, 'peak': 18, 'expected_service_level': 0.93, 'days_below': 0.06}]
    """  # noqa: E501 - one row a confidence
    bounds = forecast_quantiles(ahead, levels)
    used = np.max(list(bounds.values()), axis=0) > 0
    calls = ahead["deskcast"].to_numpy(float)[used]
    spread = check_number("aht_spread", aht_spread, least=0, most=1)
    counts = {p: values[used] for p, values in bounds.items()}
    rates = widen_quantiles(rate_quantiles(counts), spread, aht_with_volume)
    times = np.broadcast_to(check_numbers("aht", aht, above=0), used.shape)[used]
    demand = Demand.from_quantiles(rates, times, points=_DISTRIBUTION_POINTS, counts=False)
    days = ahead["ds"].dt.strftime("%Y-%m-%d").to_numpy()[used]
    rows = []
    for confidence in confidences:
        sure = check_number("confidence", confidence, above=0, below=1)
        rate = np.maximum(quantile_at(rates, np.array([special.ndtri(sure)])), calls)
        agents = target.require(rate, times)["agents"].to_numpy()
        slots, by_day = risk_for_target(demand, agents, target, days=days)
        crew = agents_to_schedule(pd.Series(agents), **shrinkage)
        weight = slots["calls"].to_numpy(float)
        met = slots["expected_service_level"].to_numpy(float)
        rows.append(
            {
                "confidence": sure,
                "hours": float(crew.sum()) * float(np.asarray(target.interval)) / 3600,
                "peak": int(np.ceil(crew.max() - 1e-9)) if len(crew) else 0,
                "expected_service_level": float(weight @ met / weight.sum()) if weight.sum() > 0 else np.nan,
                "days_below": float(by_day["miss_probability"].sum()),
            }
        )
    return pd.DataFrame(rows)
