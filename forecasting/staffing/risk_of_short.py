"""How sure a staffing is: the service level to expect, the risk to miss the target, and who makes it surer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import special

from ...features.arrays import Floats
from ...features.errors import InputError
from ..arguments import Numbers, check_number, check_numbers
from ..queueing.patience import Patience
from .demand import Demand
from .search import TARGET_TOLERANCE
from .target import QueueTarget


def risk_of_short(
    demand: Demand,
    agents: Numbers,
    interval: float = 1800,
    service_level: float | None = 0.8,
    threshold: float = 20,
    patience: float | Patience | None = None,
    *,
    days: npt.ArrayLike | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Estimate the service of a staffing under uncertain demand, by interval and by day.

    Parameters
    ----------
    demand
        Scenarios of volume and handle time.
    agents
        Agents in each slot (one number, or one for each).
    interval
        Length of a slot in seconds.
    service_level, threshold, patience
        The promise and the callers, as in :func:`required_agents`.
    days
        Label of the day of each slot; without it all slots are one day, labelled 0.

    Returns
    -------
    slots, days : DataFrame
        By slot: ``agents``, ``calls`` (mean), ``expected_service_level`` (share of all calls over all scenarios that
        are answered in time: busy scenarios count more, as callers see it), ``miss_probability`` (that the slot's
        service level is below the target), ``late_calls`` (mean number not answered in time). By day: ``day``,
        ``calls``, ``expected_service_level``, ``miss_probability`` (that the day's service level, weighted by calls,
        is below the target), ``late_calls``.

    Raises
    ------
    InputError
        Names the argument and the first bad position.

    Notes
    -----
    Each scenario is taken to be in balance within a slot. Gamma mixtures of Poisson arrivals: Jongbloed and Koole,
    "Managing uncertainty in call centres using Poisson mixtures" (2001).

    Examples
    --------
    57 agents for 50 Erlangs keep 80/20 with room to spare, unless the rate varies by a tenth:

    >>> for spread in (0.0, 0.1):
    ...     slots, _ = risk_of_short(Demand.varying(300, 300, spread=spread), agents=57)
    ...     print(slots[["expected_service_level", "miss_probability"]].round(3).values.tolist())
    [[0.845, 0.0]]
    [[0.693, 0.421]]
    """
    return risk_for_target(
        demand, agents, QueueTarget(interval, service_level, threshold, patience=patience), days=days
    )


def risk_for_target(
    demand: Demand, agents: Numbers, asked: QueueTarget, *, days: npt.ArrayLike | None = None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the tables of :func:`risk_of_short` for one target, of calls or of chats."""
    level = asked.service_level
    target = 0.0 if level is None else check_number("service_level", level, least=0, below=1)
    n = _per_slot("agents", agents, demand.slots)
    labels = _labels(days, demand.slots)
    found = asked.perform(demand.calls, demand.aht, n[None, :])
    met = np.asarray(found["service_level"].to_numpy().reshape(demand.calls.shape))
    weight, calls = demand.weight, demand.calls
    mean = weight @ calls
    in_time = weight @ (calls * met)
    names, code = np.unique(labels, return_inverse=True)
    member = (code[:, None] == np.arange(len(names))).astype(float)
    day_calls, day_met = calls @ member, (calls * met) @ member
    with np.errstate(invalid="ignore", divide="ignore"):
        day_level = np.where(day_calls > 0, day_met / day_calls, 1.0)
        by_slot = {
            "agents": n,
            "calls": mean,
            "expected_service_level": np.where(mean > 0, in_time / mean, 1.0),
            "miss_probability": _probability_below(demand, met, target),
            "late_calls": weight @ (calls * (1 - met)),
        }
        total = weight @ day_calls
        by_day = {
            "day": names,
            "calls": total,
            "expected_service_level": np.where(total > 0, weight @ day_met / total, 1.0),
            "miss_probability": _probability_below(demand, day_level, target),
            "late_calls": weight @ (day_calls - day_met),
        }
    return pd.DataFrame(by_slot), pd.DataFrame(by_day)


def agents_for_confidence(
    demand: Demand,
    confidence: float = 0.9,
    interval: float = 1800,
    service_level: float | None = 0.8,
    threshold: float = 20,
    max_occupancy: float | None = None,
    patience: float | Patience | None = None,
    *,
    days: npt.ArrayLike | None = None,
    **bounds: Any,
) -> npt.NDArray[np.int64]:
    """Return the agents of each slot that keep the promise with a chosen probability.

    Parameters
    ----------
    demand
        Scenarios of volume and handle time.
    confidence
        Probability with which the promise is to be kept, above 0 and below 1.
    interval, service_level, threshold, max_occupancy, patience
        As in :func:`required_agents`.
    days
        Without it each slot by itself keeps every bound with that probability. With a label of the day of each slot,
        each day keeps its service level (weighted by calls) with that probability: all slots of a day are staffed for
        one quantile of their need, as low as it may be; where slots have luck of their own that takes fewer agents.
    **bounds
        ``max_wait``, ``max_abandonment``, ``min_agents`` of :func:`required_agents`.

    Returns
    -------
    array of int
        One number for each slot.

    Raises
    ------
    InputError
        Names the argument at fault.

    Examples
    --------
    >>> demand = Demand.varying([300, 150], aht=300, spread=0.1)
    >>> agents_for_confidence(demand, 0.5).tolist(), agents_for_confidence(demand, 0.9).tolist()
    ([56, 30], [63, 34])
    """
    sure = check_number("confidence", confidence, above=0, below=1)
    target = QueueTarget(interval, service_level, threshold, max_occupancy, patience, **bounds)
    return agents_for_target(demand, target, sure, days)


def agents_for_target(
    demand: Demand, target: QueueTarget, sure: float, days: npt.ArrayLike | None = None
) -> npt.NDArray[np.int64]:
    """Return the agents of :func:`agents_for_confidence` for one target, of calls or of chats.

    ``days`` may be labels of any periods, such as weeks.
    """
    at = _requirement_at(demand, target)
    if days is None:
        return at(np.full(demand.slots, sure))
    labels, code = np.unique(_labels(days, demand.slots), return_inverse=True)
    low, high = np.zeros(len(labels)), np.ones(len(labels))
    for _ in range(12):
        middle = (low + high) / 2
        _, by_day = risk_for_target(demand, at(middle[code]), target, days=code)
        good = by_day["miss_probability"].to_numpy() <= 1 - sure + 1e-9
        low, high = np.where(good, low, middle), np.where(good, middle, high)
    return at(high[code])


def _requirement_at(demand: Demand, target: QueueTarget) -> Callable[[Floats], npt.NDArray[np.int64]]:
    """Return a function from one probability a slot to the agents that are enough with it."""
    every = np.arange(demand.slots)
    if demand.ordered:  # the busier the more agents: the quantile of the need is the need of the quantile
        scores = special.ndtri(np.cumsum(demand.weight) - demand.weight / 2)

        def read(share: Floats) -> npt.NDArray[np.int64]:
            place = np.interp(special.ndtri(share), scores, np.arange(len(scores)))
            low = np.minimum(place.astype(np.int64), len(scores) - 2)
            part = place - low
            calls, aht = (x[low, every] * (1 - part) + x[low + 1, every] * part for x in (demand.calls, demand.aht))
            return np.asarray(target.require(calls, aht)["agents"].to_numpy())

        return read
    found = target.require(demand.calls.ravel(), demand.aht.ravel())
    need = found["agents"].to_numpy().reshape(demand.calls.shape)
    order = np.argsort(need, axis=0, kind="stable")
    ranked = np.take_along_axis(need, order, axis=0)
    reached = np.cumsum(demand.weight[order], axis=0)

    def pick(share: Floats) -> npt.NDArray[np.int64]:
        place = np.minimum((reached < share - 1e-9).sum(axis=0), len(reached) - 1)
        return np.asarray(ranked[place, every])

    return pick


def _probability_below(demand: Demand, levels: Floats, target: float) -> Floats:
    """Return the probability of a level below the target, and for the target 0 of a queue without balance.

    Between the points of a curve it is interpolated.
    """
    # a queue in balance answers some in time; without balance it answers nobody
    room = levels - (target - TARGET_TOLERANCE if target > 0 else 1e-300)
    if not demand.ordered:
        return np.asarray(demand.weight @ (room < 0))
    share = (demand.weight[1:] + demand.weight[:-1]) / 2
    first, second = room[:-1], room[1:]
    with np.errstate(divide="ignore", invalid="ignore"):
        part = np.where(first < 0, first / (first - second), second / (second - first))
    missed = np.where((first < 0) & (second < 0), 1.0, np.where((first >= 0) & (second >= 0), 0.0, part))
    return np.asarray(share @ missed / share.sum())


def _per_slot(name: str, values: Numbers, slots: int) -> Floats:
    array = check_numbers(name, values, least=0)
    if array.shape not in ((), (1,), (slots,)):
        raise InputError(
            "there must be one number for each time step",
            where=f"argument '{name}'",
            got=array.shape,
            wanted=f"{slots} numbers, or one",
            code="value.length",
        )
    return np.array(np.broadcast_to(array, (slots,)))


def _labels(days: npt.ArrayLike | None, slots: int) -> npt.NDArray[Any]:
    labels = np.zeros(slots, dtype=np.int64) if days is None else np.asarray(days)
    if labels.shape != (slots,):
        raise InputError(
            "there must be one label for each time step",
            where="argument 'days'",
            got=labels.shape,
            wanted=f"({slots},)",
            code="value.length",
        )
    return labels
