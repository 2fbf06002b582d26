"""The required agents of each interval, the agents to schedule for them, and how sure that is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from scipy import special

from ...features.arrays import Floats
from ...features.errors import InputError, did_you_mean
from ..arguments import Numbers, broadcast, check_number, check_numbers
from ..queueing.erlang import compute_performance
from ..queueing.patience import Patience, read_patience_shape
from ..scenarios.quantiles import probability_above, quantile_at, rate_quantiles
from .demand import Demand
from .handle_times import widen_quantiles
from .required_agents import required_agents, required_chat_agents
from .risk_of_short import risk_for_target
from .search import TARGET_TOLERANCE
from .shrinkage import Shrinkage, agents_to_schedule, scheduled_agents
from .target import QueueTarget

__all__ = [
    "TARGET_TOLERANCE",
    "find_max_calls",
    "required_agents",
    "required_chat_agents",
    "scheduled_agents",
    "staffing_plan",
]

_DISTRIBUTION_POINTS = 61  # points of the forecast's distribution at which the service level is taken

#: Probability of "sure" where none is given: what ``confidence=0.8`` gives.
USUAL_CONFIDENCE = 0.8


def staffing_plan(
    ahead: pd.DataFrame,
    *,
    aht: Numbers,
    interval: float = 1800,
    service_level: float | None = 0.8,
    threshold: float = 20,
    max_occupancy: float | None = 0.85,
    patience: float | Patience | None = None,
    shrinkage: Shrinkage = 0.0,
    shrinkage_parts: str = "multiply",
    levels: tuple[int, ...] = (80, 95),
    queue: str = "all",
    confidence: float | None = None,
    aht_spread: float = 0.0,
) -> pd.DataFrame:
    """Turn a volume forecast into required agents and agents to schedule, with the risk that they are too few.

    The quantiles of a forecast are those of counts, and the formulas of queues have the chance of Poisson arrivals in
    them already. So that chance is taken out of the quantiles first, and counts once: what is left is how far the rate
    of arrivals may be off.

    Parameters
    ----------
    ahead
        What :func:`forecast` returns: ``unique_id``, ``ds``, ``deskcast`` and the bounds ``deskcast-lo-80``,
        ``deskcast-hi-80`` and so on for each level.
    aht
        Mean handle time in seconds: one number, or one for each row.
    interval
        Length of a slot in seconds.
    service_level, threshold, max_occupancy, patience
        As in :func:`required_agents`.
    shrinkage, shrinkage_parts
        As ``shrinkage`` and ``parts`` in :func:`scheduled_agents`.
    levels
        Levels of the intervals in ``ahead``, in per cent; the first one gives ``calls_hi``.
    queue
        Name of the queue where ``ahead`` holds one series; several series are named by ``unique_id``.
    confidence
        Probability with which each slot is to keep its bounds, above 0 and below 1: adds the agents, required and to
        schedule, that are sure to that degree.
    aht_spread
        Standard deviation of the mean handle time of a day, as a share of it, see
        :func:`deskcast.forecasting.staffing.handle_times.estimate_handle_time_spread`: it adds to how far the load may
        be off, and so to the agents that are sure and to the risks.

    Returns
    -------
    DataFrame
        ``queue``, ``ds``, ``calls`` (forecast), ``calls_hi`` (upper end of the likely range), ``aht_s``, ``load``
        (Erlangs), ``agents`` (required for ``calls``), ``agents_to_schedule`` (agents to schedule for those: with
        shrinkage, not rounded, as shrinkage is a matter of the shift), ``agents_hi`` (required to be 80% sure of the
        bounds: the same as with ``confidence=0.8``), ``service_level``, ``occupancy`` and ``mean_wait_s`` if ``calls``
        come, ``miss_probability`` (probability that the rate of calls is so high that ``agents`` miss the service
        level), ``binding``, ``expected_service_level`` (share of all calls that the forecast holds possible that
        ``agents`` answer in time; what ``service_level`` becomes when the forecast may be wrong),
        ``day_miss_probability`` (probability that the day of the slot misses the service level over all its calls, with
        slots that are off together). With ``confidence`` also ``agents_sure`` and ``agents_to_schedule_sure``.

    Raises
    ------
    InputError
        If a column is missing or a number is out of range.

    Examples
    --------
    >>> ahead = pd.DataFrame({"unique_id": "phone", "ds": pd.to_datetime(["2024-03-01 09:00"]), "deskcast": [100.0],
    ...                       "deskcast-lo-80": [90.0], "deskcast-hi-80": [110.0]})
    >>> plan = staffing_plan(ahead, aht=180, shrinkage=0.3, levels=(80,))
    >>> plan[["agents", "agents_to_schedule", "agents_hi", "miss_probability"]].round(3).to_dict("records")
    [{'agents': 14, 'agents_to_schedule': 20.0, 'agents_hi': 14, 'miss_probability': 0.0}]
    """
    target = QueueTarget(interval, service_level, threshold, max_occupancy, patience)
    off: dict[str, Any] = {"shrinkage": shrinkage, "parts": shrinkage_parts}
    return plan_for_target(ahead, aht, target, off, levels, queue, confidence, aht_spread)


def plan_for_target(
    ahead: pd.DataFrame,
    aht: Numbers,
    target: QueueTarget,
    shrinkage: Mapping[str, Any],
    levels: tuple[int, ...] = (80, 95),
    queue: str = "all",
    confidence: float | None = None,
    aht_spread: float = 0.0,
    aht_with_volume: float = 0.0,
) -> pd.DataFrame:
    """Return the plan of :func:`staffing_plan` for one target, of calls or of chats.

    ``shrinkage`` holds the arguments of :func:`scheduled_agents`; ``aht_spread`` and ``aht_with_volume`` are those of a
    :class:`~.handle_time_days.HandleTimeVariation`.
    """
    spread = check_number("aht_spread", aht_spread, least=0, most=1)
    rates = widen_quantiles(rate_quantiles(forecast_quantiles(ahead, levels)), spread, aht_with_volume)
    calls, calls_hi = ahead["deskcast"].to_numpy(float), ahead[f"deskcast-hi-{levels[0]}"].to_numpy(float)

    def require_sure(sure: float) -> Floats:
        rate = np.maximum(quantile_at(rates, np.array([special.ndtri(sure)])), calls)
        return np.asarray(target.require(rate, aht)["agents"].to_numpy())

    need = target.require(calls, aht)
    several = ahead["unique_id"].nunique() > 1
    plan = pd.DataFrame(
        {
            "queue": ahead["unique_id"].astype("str").to_numpy() if several else queue,
            "ds": ahead["ds"].to_numpy(),
            "calls": calls,
            "calls_hi": calls_hi,
            "aht_s": np.broadcast_to(check_numbers("aht", aht, above=0), calls.shape),
            "load": need["load"].to_numpy(),
            "agents": need["agents"].to_numpy(),
            "agents_to_schedule": agents_to_schedule(need["agents"], **shrinkage),
            "agents_hi": require_sure(USUAL_CONFIDENCE),
            "service_level": need["service_level"].to_numpy(),
            "occupancy": need["occupancy"].to_numpy(),
            "mean_wait_s": need["mean_wait"].to_numpy(),
            "miss_probability": np.nan,
            "binding": need["binding"].to_numpy(),
        }
    )
    _add_risk(plan, rates, target)
    if confidence is not None:
        plan["agents_sure"] = require_sure(check_number("confidence", confidence, above=0, below=1))
        plan["agents_to_schedule_sure"] = agents_to_schedule(plan["agents_sure"], **shrinkage)
    return plan


def _add_risk(plan: pd.DataFrame, rates: Mapping[float, Floats], target: QueueTarget) -> None:
    """Estimate the risk that the agents of a plan are too few, by interval and by day."""
    aht, n, level, threshold = plan["aht_s"].to_numpy(), plan["agents"], target.service_level, target.threshold
    demand = Demand.from_quantiles(rates, aht, points=_DISTRIBUTION_POINTS, counts=False)
    # each day of each queue by itself
    day = plan["queue"].astype("str") + " " + plan["ds"].dt.strftime("%Y-%m-%d")
    slots, days = risk_for_target(demand, n, target, days=day)
    plan["miss_probability"] = slots["miss_probability"].to_numpy()
    if target.concurrency is None:  # a call's bound is found exactly
        most = find_max_calls(n.to_numpy(), aht, target.interval, level, threshold, target.patience)
        plan["miss_probability"] = probability_above(rates, most)
    plan["expected_service_level"] = slots["expected_service_level"].to_numpy()
    plan["day_miss_probability"] = day.map(days.set_index("day")["miss_probability"]).to_numpy(dtype=float)


def find_max_calls(
    agents: Numbers,
    aht: Numbers,
    interval: Numbers = 1800,
    service_level: Numbers | None = 0.8,
    threshold: Numbers = 20,
    patience: Numbers | Patience | None = None,
) -> Floats:
    """Return the largest number of calls with which the agents still keep the service level.

    Parameters
    ----------
    agents, aht, interval, service_level, threshold, patience
        As in :func:`required_agents`.

    Returns
    -------
    array
        Calls in the interval; infinite where nothing is asked (service level 0) and waiting callers give up.

    Examples
    --------
    >>> find_max_calls([0, 14], aht=180).round(2).tolist()
    [0.0, 108.68]
    """
    scale, shape = read_patience_shape(patience)
    given = {
        "agents": check_numbers("agents", agents, least=0),
        "aht": check_numbers("aht", aht, above=0),
        "interval": check_numbers("interval", interval, above=0),
        "service_level": check_numbers(
            "service_level", 0.0 if service_level is None else service_level, least=0, below=1
        ),
        "threshold": check_numbers("threshold", threshold, least=0),
        "patience": scale,
    }
    flat = {name: np.array(array) for name, array in broadcast({k: v.ravel() for k, v in given.items()}).items()}
    target = flat.pop("service_level")
    full = flat["agents"] * flat["interval"] / flat["aht"]
    bounded = np.isinf(flat["patience"])
    with np.errstate(divide="ignore", invalid="ignore"):
        high = np.where(bounded, full, full / target)  # not more are answered than the agents can handle
    low = np.where(target > 0, 0.0, high)
    high = np.where(full > 0, high, 0.0)
    for _ in range(60):
        middle = (low + high) / 2
        rows = np.flatnonzero((high - low > 1e-12 * high) & np.isfinite(high))
        if not len(rows):
            break
        own: dict[str, Any] = {name: x[rows] for name, x in flat.items()}
        found = compute_performance(calls=middle[rows], **own, shape=shape)["service_level"]
        good = found - target[rows] >= -TARGET_TOLERANCE
        low[rows], high[rows] = np.where(good, middle[rows], low[rows]), np.where(good, high[rows], middle[rows])
    return np.where(full > 0, low, 0.0)


def forecast_quantiles(ahead: pd.DataFrame, levels: tuple[int, ...]) -> dict[float, Floats]:
    """Return the forecast's quantiles by probability."""
    if not levels:
        raise InputError(
            "at least one level is needed", where="argument 'levels'", wanted="such as (80, 95)", code="value.range"
        )
    columns = {0.5: "deskcast"}
    for level in levels:
        columns |= {0.5 - level / 200: f"deskcast-lo-{level}", 0.5 + level / 200: f"deskcast-hi-{level}"}
    for column in ("unique_id", "ds", *columns.values()):
        if column not in ahead.columns:
            near = did_you_mean(column, [str(c) for c in ahead.columns])
            raise InputError(
                "missing column", where="argument 'ahead'", column=column, hint=near, code="column.missing"
            )
    return {p: check_numbers(columns[p], ahead[columns[p]]) for p in sorted(columns)}
