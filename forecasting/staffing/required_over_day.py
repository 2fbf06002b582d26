"""The fewest agents over a day whose intervals depend on each other."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from ...features.arrays import Floats
from ...features.errors import InputError
from ..arguments import Numbers, check_numbers, index_of
from ..integer_search import ceiling, find_smallest
from ..queueing.erlang import PERFORMANCE_COLUMNS
from ..queueing.offered_load import offered_load
from ..queueing.transient import QueueInterval, advance_queue, describe, start_state
from .search import TARGET_TOLERANCE
from .target import QueueTarget

REQUIREMENT_METHODS = ("offered_load", "interval", "exact")


def required_agents_over_day(
    calls: Numbers,
    aht: Numbers,
    interval: float = 1800,
    service_level: float | None = 0.8,
    threshold: float = 20,
    max_occupancy: float | None = 0.85,
    patience: float | None = None,
    *,
    is_open: Any = None,
    handle_times: Numbers | None = None,
    load_before: float = 0.0,
    method: str = "offered_load",
) -> pd.DataFrame:
    """Return the fewest agents in each interval of a day, where work outlasts the interval in which it comes.

    Parameters
    ----------
    calls
        Calls offered in each interval, in order of time, shape (n,), from 0.
    aht
        Mean handle time in seconds: shape (n,), or one number.
    interval
        Length of each interval in seconds.
    service_level, threshold, max_occupancy, patience
        As in :func:`required_agents`.
    is_open
        Shape (n,): whether the doors are open. Nobody arrives while they are closed; there are then as
        many agents as items in work when the interval begins, without a promise. Open all the time by default.
    handle_times, load_before
        As in :func:`offered_load`.
    method
        ``"offered_load"``: each interval gets the agents for the load that is in work in it, whenever it came.
        ``"interval"``: for its own calls alone, which is right where handle times are short. ``"exact"``: besides,
        the queue is followed through the day, and each interval gets the fewest agents that keep its promise with
        the backlog that the one before has left; handle times exponential, no ``handle_times``.

    Returns
    -------
    DataFrame
        One row an interval: ``agents`` (int), ``binding`` ("service_level", "occupancy", "stability", "no calls", and
        "carried over" for work that is finished behind closed doors), ``load`` (in work, Erlangs), ``own_load`` and
        then the columns of :func:`queue_performance` but ``load``: by the balance of that load, or by
        :func:`queue_over_day` for ``"exact"``. Figures of arrivals are missing while the doors are closed.

    Raises
    ------
    InputError
        Names the argument and the first bad position; calls behind closed doors are named too.

    Notes
    -----
    Jennings, Mandelbaum, Massey and Whitt, "Server staffing to meet time-varying demand" (1996); Green, Kolesar and
    Whitt, "Coping with time-varying demand when setting staffing requirements for a service system" (2007).

    Examples
    --------
    >>> day = dict(calls=[20, 40, 40, 0, 0], aht=1800, is_open=[True, True, True, False, False])
    >>> required_agents_over_day(**day)[["agents", "binding"]].to_dict("list")["agents"]
    [11, 28, 40, 37, 14]
    >>> required_agents_over_day(**day, method="interval")["agents"].tolist()
    [25, 48, 48, 0, 0]
    """
    if method not in REQUIREMENT_METHODS:
        raise InputError(
            "unknown method",
            where="argument 'method'",
            got=method,
            wanted=", ".join(REQUIREMENT_METHODS),
            code="model.unknown",
        )
    if method == "exact" and handle_times is not None:
        raise InputError(
            "the exact method takes exponential handle times only", where="argument 'handle_times'", code="value.range"
        )
    work = offered_load(calls, aht, interval, handle_times=handle_times, load_before=load_before)
    doors = _read_open(is_open, work["calls"].to_numpy())
    load = work["own_load"].to_numpy() if method == "interval" else work["load"].to_numpy()
    means = np.broadcast_to(check_numbers("aht", aht, above=0), load.shape)
    target = QueueTarget(interval, service_level, threshold, max_occupancy, patience)
    need = target.require(load * interval / means, means)
    left = 0 * load if method == "interval" else work["load_start"].to_numpy()
    agents = np.where(doors, need["agents"].to_numpy(), ceiling(left))
    words = np.where(doors | (agents == 0), need["binding"].to_numpy(object), "carried over")
    out = pd.DataFrame({"agents": agents, "binding": words, "load": load, "own_load": work["own_load"]})
    figures = need[[c for c in PERFORMANCE_COLUMNS if c != "load"]].reset_index(drop=True)
    if method == "exact":
        slots = [
            QueueInterval(rate / interval, 1 / mean, 1 / patience if patience else 0.0, int(n), float(interval))
            for rate, mean, n in zip(work["calls"], means, agents, strict=True)
        ]
        cap = 1.0 if max_occupancy is None else max_occupancy
        promised = doors & (work["calls"].to_numpy() > 0)
        slots, rows = _forward(slots, promised, service_level or 0.0, threshold, cap, round(load_before))
        exact = pd.DataFrame(rows, columns=list(figures.columns))
        changed = np.array([slot.agents for slot in slots]) != agents
        out["agents"] = [slot.agents for slot in slots]
        out["binding"] = np.where(promised & changed, _bound(exact, service_level or 0.0), out["binding"])
        figures = exact
    figures.loc[~doors, [c for c in figures.columns if c not in ("occupancy", "mean_queue")]] = np.nan
    out = pd.concat([out.reset_index(drop=True), figures], axis=1)
    return out.set_axis(index_of(len(out), calls, aht)).astype({"binding": "str", "agents": "int64"})


def _read_open(is_open: Any, calls: Floats) -> Any:
    if is_open is None:
        return np.ones(len(calls), dtype=bool)
    doors = np.asarray(is_open, dtype=bool)
    if doors.shape != calls.shape:
        raise InputError(
            "there must be one value for each interval",
            where="argument 'is_open'",
            got=doors.shape,
            wanted=f"{calls.shape}",
            code="value.length",
        )
    wrong = np.flatnonzero(~doors & (calls > 0))
    if len(wrong):
        raise InputError(
            "calls arrive outside the opening hours",
            where=f"argument 'calls', position {wrong[0]}",
            got=calls[wrong[0]],
            code="plan.impossible",
        )
    return doors


def _forward(
    slots: list[QueueInterval], promised: Any, target: float, threshold: float, cap: float, begin: int
) -> tuple[list[QueueInterval], list[dict[str, float]]]:
    """Go through the day and give each interval the fewest agents that keep its promise from the state it meets."""
    state, rows = start_state(slots, begin), []
    for k, slot in enumerate(slots):
        if promised[k]:

            def meets(_: Any, n: Floats, slot: QueueInterval = slot, state: Floats = state) -> Any:
                tried = replace(slot, agents=int(n[0]))
                found = describe(advance_queue(state, tried)[0], tried, threshold)
                return np.array(
                    [
                        found["service_level"] >= target - TARGET_TOLERANCE
                        and found["occupancy"] <= cap + TARGET_TOLERANCE
                    ]
                )

            least = find_smallest(meets, np.array([1]), np.array([max(slot.agents, 1)]))
            slots[k] = replace(slot, agents=int(least[0]))
        mean, state = advance_queue(state, slots[k])
        rows.append(describe(mean, slots[k], threshold))
    return slots, rows


def _bound(exact: pd.DataFrame, target: float) -> Any:
    """Describe which promise is nearer to its bound where an agent was added or taken."""
    room = 1 - exact["service_level"].to_numpy()
    return np.where(room >= 0.5 * (1 - target), "service_level", "occupancy")
