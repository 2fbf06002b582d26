"""What one more agent costs, what it takes off the risk, and where the two meet: the newsvendor's choice."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ...features.errors import InputError
from ..arguments import check_number
from ..queueing.patience import Patience
from .demand import Demand
from .risk_of_short import risk_for_target
from .target import QueueTarget

_MAX_CURVE_AGENTS = 4000  # most agents on a curve


def risk_curve(
    demand: Demand,
    interval: float = 1800,
    service_level: float | None = 0.8,
    threshold: float = 20,
    patience: float | Patience | None = None,
    *,
    agent_cost: float = 1.0,
    miss_cost: float = 0.0,
    late_cost: float = 0.0,
) -> pd.DataFrame:
    """Compute what each further agent costs and saves, by interval.

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
    each, miss, late = (check_number(name, x, least=0) for name, x in costs.items())
    target = QueueTarget(interval, service_level, threshold, None, patience)
    need = target.require(demand.calls.ravel(), demand.aht.ravel())
    enough = need["agents"].to_numpy().reshape(demand.calls.shape)
    parts = []
    for slot in range(demand.slots):
        own = Demand(demand.calls[:, [slot]], demand.aht[:, [slot]], demand.weight, demand.ordered)
        low, high = int(enough[:, slot].min()) - 1, int(enough[:, slot].max()) + 1
        part = _curve(own, max(low, 0), high, target, each, miss, late)
        while miss + late > 0 and each > 0 and part["best"].iloc[-1] and high - low < _MAX_CURVE_AGENTS:
            high += max(high - low, 4)
            part = _curve(own, max(low, 0), high, target, each, miss, late)
        nobody = own.weight @ (miss * (own.calls > 0) + late * own.calls)
        if miss + late > 0 and low > 0 and float(nobody[0]) < part["total"].min():
            part = _curve(own, 0, high, target, each, miss, late)  # it is cheapest to miss
        parts.append(part.assign(slot=slot))
    out = pd.concat(parts, ignore_index=True)
    return out[["slot", *(c for c in out.columns if c != "slot")]]


def cheapest_agents(
    demand: Demand,
    interval: float = 1800,
    service_level: float | None = 0.8,
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
    check_number("agent_cost", agent_cost, above=0)
    if check_number("miss_cost", miss_cost, least=0) + check_number("late_cost", late_cost, least=0) <= 0:
        raise InputError(
            "a missed target must cost something",
            where="argument 'miss_cost'",
            wanted="miss_cost or late_cost above 0",
            code="value.missing",
        )
    costs = {"agent_cost": agent_cost, "miss_cost": miss_cost, "late_cost": late_cost}
    curve = risk_curve(demand, interval, service_level, threshold, patience, **costs)
    return curve[curve["best"]].drop(columns="best").reset_index(drop=True)


def _curve(
    own: Demand, low: int, high: int, target: QueueTarget, each: float, miss: float, late: float
) -> pd.DataFrame:
    agents = np.arange(low, high + 1)
    size = (len(own.calls), len(agents))
    spread = Demand(np.broadcast_to(own.calls, size), np.broadcast_to(own.aht, size), own.weight, own.ordered)
    table, _ = risk_for_target(spread, agents, target)
    table = table.drop(columns="calls").astype({"agents": int})
    table["cost"] = each * agents
    table["penalty"] = miss * table["miss_probability"] + late * table["late_calls"]
    table["total"] = table["cost"] + table["penalty"]
    table["risk_saved"] = -table["miss_probability"].diff().shift(-1)
    table["penalty_saved"] = -table["penalty"].diff().shift(-1)
    table["best"] = np.arange(len(table)) == int(table["total"].to_numpy().argmin()) if miss + late > 0 else False
    return table
