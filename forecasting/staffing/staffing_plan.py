"""The fewest agents that keep a promise, the people that it takes to have them there, and how sure that is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import special

from ...features.arrays import Floats
from ...features.errors import InputError, did_you_mean
from ..arguments import Numbers, broadcast, check_number, check_numbers
from ..integer_search import ceiling
from ..queueing.erlang import compute_performance
from ..queueing.patience import Patience, read_patience_shape
from ..scenarios.quantiles import probability_above, quantile_at
from .demand import Demand
from .required_agents import required_agents, required_chat_agents
from .risk_of_short import risk_of_short
from .search import TARGET_TOLERANCE

__all__ = [
    "TARGET_TOLERANCE",
    "find_max_calls",
    "required_agents",
    "required_chat_agents",
    "scheduled_agents",
    "staffing_plan",
]

_DISTRIBUTION_POINTS = 61  # points of the forecast's distribution at which the service level is taken


def scheduled_agents(
    agents: Numbers, shrinkage: Numbers | Mapping[str, Numbers] | tuple[Numbers, ...]
) -> npt.NDArray[np.int64] | int:
    """Return the people to schedule so that enough of them are there.

    Parameters
    ----------
    agents
        Agents needed at work, from 0.
    shrinkage
        Share of paid time in which people are not available, from 0 and below 1: a number or an array (list, Series)
        that broadcasts with ``agents``. A mapping of names to numbers, or a tuple, holds components (leave,
        illness, training, breaks): each takes its share of what the others leave, so that they multiply:
        0.2 and 0.1 leave 0.8 x 0.9 = 0.72 and not 0.7.

    Returns
    -------
    int or array of int
        ``agents / (1 - shrinkage)``, rounded up but not for the sake of rounding errors; shapes broadcast.

    Raises
    ------
    InputError
        Names the argument and the first bad position.

    Examples
    --------
    >>> scheduled_agents([14, 21, 0], shrinkage=0.30).tolist()
    [20, 30, 0]
    >>> scheduled_agents(72, {"leave": 0.2, "training": 0.1}), scheduled_agents(72, (0.2, 0.1))
    (100, 100)
    """
    parts: Mapping[str, Numbers] = {"shrinkage": shrinkage}  # type: ignore[dict-item]
    if isinstance(shrinkage, Mapping):
        parts = {f"shrinkage[{name!r}]": part for name, part in shrinkage.items()}
    elif isinstance(shrinkage, tuple):
        parts = {f"shrinkage[{i}]": part for i, part in enumerate(shrinkage)}
    given = {"agents": check_numbers("agents", agents, least=0)}
    both = broadcast(given | {name: check_numbers(name, part, least=0, below=1) for name, part in parts.items()})
    people = both.pop("agents")
    for part in both.values():
        people = people / (1 - part)
    whole = ceiling(people)
    return whole if whole.ndim else int(whole)


def staffing_plan(
    ahead: pd.DataFrame,
    *,
    aht: Numbers,
    interval: float = 1800,
    service_level: float = 0.8,
    threshold: float = 20,
    max_occupancy: float | None = 0.85,
    patience: float | Patience | None = None,
    shrinkage: Numbers | Mapping[str, Numbers] | tuple[Numbers, ...] = 0.0,
    levels: tuple[int, ...] = (80, 95),
    queue: str = "all",
    confidence: float | None = None,
) -> pd.DataFrame:
    """Turn a volume forecast into agents and people per slot, with the risk that they are too few.

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
    shrinkage
        As in :func:`scheduled_agents`.
    levels
        Levels of the intervals in ``ahead``, in per cent; the first one gives ``calls_hi``.
    queue
        Name of the queue where ``ahead`` holds one series; several series are named by ``unique_id``.
    confidence
        Probability with which each slot is to keep its bounds, above 0 and below 1: adds the agents and people that
        are sure to that degree.

    Returns
    -------
    DataFrame
        ``queue``, ``ds``, ``calls`` (forecast), ``calls_hi`` (upper bound), ``aht_s``, ``load`` (Erlangs), ``agents``
        (for ``calls``), ``agents_to_schedule`` (to schedule for those), ``agents_hi`` (for ``calls_hi``),
        ``service_level``, ``occupancy`` and ``mean_wait_s`` if ``calls`` come, ``miss_probability`` (probability that
        so many calls come that ``agents`` miss the service level), ``binding``, ``expected_service_level`` (share of
        all calls that the forecast holds possible that ``agents`` answer in time; what ``service_level`` becomes when
        the forecast may be wrong). With ``confidence`` also ``agents_sure`` and ``agents_to_schedule_sure``.

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
    [{'agents': 14, 'agents_to_schedule': 20, 'agents_hi': 15, 'miss_probability': 0.133}]
    """
    quantiles = _quantiles(ahead, levels)
    calls, calls_hi = ahead["deskcast"].to_numpy(float), ahead[f"deskcast-hi-{levels[0]}"].to_numpy(float)
    rules = {"service_level": service_level, "threshold": threshold, "max_occupancy": max_occupancy}
    need = required_agents(calls, aht, interval, patience=patience, **rules)  # type: ignore[arg-type]
    high = required_agents(np.maximum(calls_hi, 0), aht, interval, patience=patience, **rules)  # type: ignore[arg-type]
    most = find_max_calls(need["agents"].to_numpy(), aht, interval, service_level, threshold, patience)
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
            "agents_to_schedule": scheduled_agents(need["agents"], shrinkage),
            "agents_hi": high["agents"].to_numpy(),
            "service_level": need["service_level"].to_numpy(),
            "occupancy": need["occupancy"].to_numpy(),
            "mean_wait_s": need["mean_wait"].to_numpy(),
            "miss_probability": probability_above(quantiles, most),
            "binding": need["binding"].to_numpy(),
        }
    )
    demand = Demand.from_quantiles(quantiles, plan["aht_s"].to_numpy(), points=_DISTRIBUTION_POINTS)
    risk, _ = risk_of_short(demand, plan["agents"], interval, service_level, threshold, patience)
    plan["expected_service_level"] = risk["expected_service_level"].to_numpy()
    if confidence is not None:
        sure = np.array([special.ndtri(check_number("confidence", confidence, above=0, below=1))])
        busy = required_agents(quantile_at(quantiles, sure), aht, interval, patience=patience, **rules)  # type: ignore[arg-type]
        plan["agents_sure"] = busy["agents"].to_numpy()
        plan["agents_to_schedule_sure"] = scheduled_agents(busy["agents"], shrinkage)
    return plan


def find_max_calls(
    agents: Numbers,
    aht: Numbers,
    interval: Numbers = 1800,
    service_level: Numbers = 0.8,
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
        "service_level": check_numbers("service_level", service_level, least=0, below=1),
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


def _quantiles(ahead: pd.DataFrame, levels: tuple[int, ...]) -> dict[float, Floats]:
    """Return the forecast's quantiles by probability."""
    if not levels:
        raise InputError("at least one level is needed", where="argument 'levels'", wanted="such as (80, 95)")
    columns = {0.5: "deskcast"}
    for level in levels:
        columns |= {0.5 - level / 200: f"deskcast-lo-{level}", 0.5 + level / 200: f"deskcast-hi-{level}"}
    for column in ("unique_id", "ds", *columns.values()):
        if column not in ahead.columns:
            near = did_you_mean(column, [str(c) for c in ahead.columns])
            raise InputError("the column is missing", where="argument 'ahead'", column=column, hint=near)
    return {p: check_numbers(columns[p], ahead[columns[p]]) for p in sorted(columns)}
