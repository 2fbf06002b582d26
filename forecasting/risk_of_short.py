"""How sure a staffing is: the service level to expect, the risk to miss the target, and what one more agent buys."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ..features.errors import InputError
from .arguments import Floats, Numbers, numbers
from .demand import Demand
from .erlang import queue_performance
from .need import required_agents
from .patience import Patience
from .requirement import SLACK

_SPAN = 4000  # agents a slot that a curve may have


def risk_of_short(
    demand: Demand,
    agents: Numbers,
    interval: float = 1800,
    service_level: float = 0.8,
    threshold: float = 20,
    patience: float | Patience | None = None,
    *,
    days: npt.ArrayLike | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Say what a staffing will do when the demand is not known: by slot and by day.

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
    target = float(numbers("service_level", service_level, least=0, below=1))
    n = _per_slot("agents", agents, demand.slots)
    labels = _labels(days, demand.slots)
    met = _levels(demand, n, interval, threshold, patience)
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
            "miss_probability": _chance_below(demand, met, target),
            "late_calls": weight @ (calls * (1 - met)),
        }
        total = weight @ day_calls
        by_day = {
            "day": names,
            "calls": total,
            "expected_service_level": np.where(total > 0, weight @ day_met / total, 1.0),
            "miss_probability": _chance_below(demand, day_level, target),
            "late_calls": weight @ (day_calls - day_met),
        }
    return pd.DataFrame(by_slot), pd.DataFrame(by_day)


def agents_for_confidence(
    demand: Demand,
    confidence: float = 0.9,
    interval: float = 1800,
    service_level: float = 0.8,
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
    ([56, 30], [64, 34])
    """
    sure = float(numbers("confidence", confidence, above=0, below=1))
    options = {"max_occupancy": max_occupancy, "patience": patience, **bounds}
    rows = demand.calls.ravel(), demand.aht.ravel()
    found = required_agents(*rows, interval, service_level, threshold, **options)
    need = found["agents"].to_numpy().reshape(demand.calls.shape)
    order = np.argsort(need, axis=0, kind="stable")
    ranked = np.take_along_axis(need, order, axis=0)
    reached = np.cumsum(demand.weight[order], axis=0)
    if demand.ordered:  # each point stands for the middle of its share
        reached -= demand.weight[order] / 2
    every = np.arange(demand.slots)

    def at(share: Floats) -> npt.NDArray[np.int64]:
        place = np.minimum((reached < share - 1e-9).sum(axis=0), len(reached) - 1)
        return np.asarray(ranked[place, every])

    if days is None:
        return at(np.full(demand.slots, sure))
    labels, code = np.unique(_labels(days, demand.slots), return_inverse=True)
    low, high = np.zeros(len(labels)), np.ones(len(labels))
    for _ in range(12):
        middle = (low + high) / 2
        _, by_day = risk_of_short(demand, at(middle[code]), interval, service_level, threshold, patience, days=code)
        good = by_day["miss_probability"].to_numpy() <= 1 - sure + 1e-9
        low, high = np.where(good, low, middle), np.where(good, middle, high)
    return at(high[code])


def risk_curve(
    demand: Demand,
    interval: float = 1800,
    service_level: float = 0.8,
    threshold: float = 20,
    patience: float | Patience | None = None,
    *,
    agent_cost: float = 1.0,
    miss_cost: float = 0.0,
    late_cost: float = 0.0,
) -> pd.DataFrame:
    """Say what each further agent costs and saves, slot by slot.

    Parameters
    ----------
    demand
        Scenarios of volume and handle time.
    interval, service_level, threshold, patience
        As in :func:`required_agents`.
    agent_cost
        Cost of one agent in one slot.
    miss_cost
        Cost of a slot that misses its service level.
    late_cost
        Cost of a call that is not answered in time.

    Returns
    -------
    DataFrame
        One row a slot and a number of agents, from where the risk is nearly 1 to where it is nearly 0 and the costs
        rise: ``slot``, ``agents``, ``expected_service_level``, ``miss_probability``, ``late_calls``, ``cost`` (of the
        agents), ``penalty`` (expected), ``total``, ``risk_saved`` and ``penalty_saved`` (what one agent more
        takes off the risk and the penalty), ``best`` (lowest total of the slot; needs a cost of missing).

    Raises
    ------
    InputError
        Names the argument at fault.

    Examples
    --------
    >>> curve = risk_curve(Demand.varying(300, 300), agent_cost=10, miss_cost=2000)
    >>> curve.loc[curve["best"], ["agents", "miss_probability", "total"]].round(3).values.tolist()
    [[69.0, 0.01, 710.002]]
    """
    costs = {"agent_cost": agent_cost, "miss_cost": miss_cost, "late_cost": late_cost}
    each, miss, late = (float(numbers(name, x, least=0)) for name, x in costs.items())
    rules = {"interval": interval, "service_level": service_level, "threshold": threshold, "patience": patience}
    need = required_agents(demand.calls.ravel(), demand.aht.ravel(), max_occupancy=None, **rules)  # type: ignore[arg-type]
    enough = need["agents"].to_numpy().reshape(demand.calls.shape)
    parts = []
    for slot in range(demand.slots):
        own = Demand(demand.calls[:, [slot]], demand.aht[:, [slot]], demand.weight, demand.ordered)
        low, high = int(enough[:, slot].min()) - 1, int(enough[:, slot].max()) + 1
        part = _curve(own, max(low, 0), high, rules, each, miss, late)
        while miss + late > 0 and each > 0 and part["best"].iloc[-1] and high - low < _SPAN:
            high += max(high - low, 4)
            part = _curve(own, max(low, 0), high, rules, each, miss, late)
        nobody = own.weight @ (miss * (own.calls > 0) + late * own.calls)
        if miss + late > 0 and low > 0 and float(nobody[0]) < part["total"].min():
            part = _curve(own, 0, high, rules, each, miss, late)  # it is cheapest to miss
        parts.append(part.assign(slot=slot))
    out = pd.concat(parts, ignore_index=True)
    return out[["slot", *(c for c in out.columns if c != "slot")]]


def cheapest_agents(
    demand: Demand,
    interval: float = 1800,
    service_level: float = 0.8,
    threshold: float = 20,
    patience: float | Patience | None = None,
    *,
    agent_cost: float,
    miss_cost: float = 0.0,
    late_cost: float = 0.0,
) -> pd.DataFrame:
    """Return the agents of least expected cost: the newsvendor's choice between too many and too few.

    Parameters
    ----------
    demand, interval, service_level, threshold, patience, agent_cost, miss_cost, late_cost
        As in :func:`risk_curve`; one of the last two above 0.

    Returns
    -------
    DataFrame
        The rows of :func:`risk_curve` with the lowest ``total``, one a slot.

    Raises
    ------
    InputError
        If missing costs nothing, or agents cost nothing.

    Notes
    -----
    With a cost of a missed slot only, it is the smallest number at which one more agent takes less than
    ``agent_cost / miss_cost`` off the risk.

    Examples
    --------
    >>> cheapest_agents(Demand.varying([300, 0], 300), agent_cost=10, late_cost=5)["agents"].tolist()
    [68, 0]
    """
    numbers("agent_cost", agent_cost, above=0)
    numbers("miss_cost", miss_cost, least=0)
    numbers("late_cost", late_cost, least=0)
    if miss_cost + late_cost <= 0:
        raise InputError("missing costs nothing", where="argument 'miss_cost'", wanted="miss_cost or late_cost above 0")
    costs = {"agent_cost": agent_cost, "miss_cost": miss_cost, "late_cost": late_cost}
    curve = risk_curve(demand, interval, service_level, threshold, patience, **costs)
    return curve[curve["best"]].drop(columns="best").reset_index(drop=True)


def _curve(
    own: Demand, low: int, high: int, rules: dict[str, Any], each: float, miss: float, late: float
) -> pd.DataFrame:
    agents = np.arange(low, high + 1)
    size = (len(own.calls), len(agents))
    spread = Demand(np.broadcast_to(own.calls, size), np.broadcast_to(own.aht, size), own.weight, own.ordered)
    table, _ = risk_of_short(spread, agents, **rules)
    table = table.drop(columns="calls").astype({"agents": int})
    table["cost"] = each * agents
    table["penalty"] = miss * table["miss_probability"] + late * table["late_calls"]
    table["total"] = table["cost"] + table["penalty"]
    table["risk_saved"] = -table["miss_probability"].diff().shift(-1)
    table["penalty_saved"] = -table["penalty"].diff().shift(-1)
    table["best"] = np.arange(len(table)) == int(table["total"].to_numpy().argmin()) if miss + late > 0 else False
    return table


def _levels(
    demand: Demand, agents: Floats, interval: float, threshold: float, patience: float | Patience | None
) -> Floats:
    found = queue_performance(demand.calls, demand.aht, agents[None, :], interval, threshold, patience)
    return np.asarray(found["service_level"].to_numpy().reshape(demand.calls.shape))


def _chance_below(demand: Demand, levels: Floats, target: float) -> Floats:
    """Return the probability of a level below the target; between the points of a curve it is interpolated."""
    room = levels - target + SLACK
    if not demand.ordered:
        return np.asarray(demand.weight @ (room < 0))
    share = (demand.weight[1:] + demand.weight[:-1]) / 2
    first, second = room[:-1], room[1:]
    with np.errstate(divide="ignore", invalid="ignore"):
        part = np.where(first < 0, first / (first - second), second / (second - first))
    missed = np.where((first < 0) & (second < 0), 1.0, np.where((first >= 0) & (second >= 0), 0.0, part))
    return np.asarray(share @ missed / share.sum())


def _per_slot(name: str, values: Numbers, slots: int) -> Floats:
    array = numbers(name, values, least=0)
    if array.shape not in ((), (1,), (slots,)):
        raise InputError(
            "one number for each slot", where=f"argument '{name}'", got=array.shape, wanted=f"{slots} numbers, or one"
        )
    return np.array(np.broadcast_to(array, (slots,)))


def _labels(days: npt.ArrayLike | None, slots: int) -> npt.NDArray[Any]:
    labels = np.zeros(slots, dtype=np.int64) if days is None else np.asarray(days)
    if labels.shape != (slots,):
        raise InputError("one label for each slot", where="argument 'days'", got=labels.shape, wanted=f"({slots},)")
    return labels
