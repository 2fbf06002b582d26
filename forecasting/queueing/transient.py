"""A queue over a day, exactly: the state at the end of an interval is the state in which the next one begins.

The usual formulas treat each interval as if it had gone on for ever. Here the backlog of an overloaded interval is
there in the next one, the day begins empty, and a short peak is over before its queue has grown to its balance.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import special

from ...features.arrays import Floats
from ...features.errors import InputError
from ..arguments import Numbers, broadcast, check_number, check_numbers, index_of
from .erlang import read_mean_patience

#: Probability that may lie in the last state that is looked at; more, and more states are taken.
_MAX_LAST_STATE_PROBABILITY = 1e-10
_MAX_STATES = 200_000


def queue_over_day(
    calls: Numbers,
    aht: Numbers,
    agents: Numbers,
    interval: float = 1800,
    threshold: float = 20,
    patience: Numbers | None = None,
    *,
    in_system: int = 0,
) -> pd.DataFrame:
    """Compute the performance of a queue by interval, with the backlog carried to the next.

    Parameters
    ----------
    calls
        Calls that arrive in each interval, in order of time, shape (n,), from 0, at random (Poisson).
    aht
        Mean handle time in seconds of calls in service in the interval (exponential): shape (n,), or one number.
    agents
        Agents at work in each interval, whole numbers: shape (n,), or one number. Who goes off duty hands an
        unfinished call to the queue.
    interval
        Length of each interval in seconds.
    threshold
        Seconds within which an answer counts.
    patience
        Mean seconds after which a waiting caller gives up (exponential); ``None``: nobody does.
    in_system
        Calls in service or waiting at the beginning.

    Returns
    -------
    DataFrame
        One row an interval: ``load`` (own, Erlangs), ``occupancy``, ``wait_probability``, ``service_level`` (answered
        within the threshold over offered), ``mean_wait`` (s), ``mean_queue`` (calls), ``abandonment`` (share of
        offered calls; 0 without calls), all means over the interval, and ``queue_end`` (calls that wait at its end).
        Where no calls come, the first ones are those of a call that would.

    Raises
    ------
    InputError
        Names the argument and the first bad position.

    Notes
    -----
    The forward equations of the birth-death chain by uniformization (Jensen 1953; Grassmann 1977), which adds
    nothing but positive terms: exact but for rounding, at a cost that grows with the events in an interval (0.2 s for
    a day of 50 Erlangs, seconds for one of 5,000). An answer is expected with the agents of the interval of the
    arrival. Where people give up, the wait behind k others is minus the logarithm of a beta variable.

    Examples
    --------
    >>> day = queue_over_day([100, 200, 100], aht=180, agents=14)
    >>> day[["service_level", "mean_wait", "queue_end"]].round(2).to_dict("list")
    {'service_level': [0.92, 0.09, 0.06], 'mean_wait': [5.1, 380.77, 517.09], 'queue_end': [0.43, 58.62, 21.57]}
    """
    rows, index = _rows(calls, aht, agents, interval, patience)
    limit = check_number("threshold", threshold, least=0)
    begin = _whole("in_system", in_system)
    state, out = start_state(rows, begin), []
    for row in rows:
        mean, state = advance_queue(state, row)
        out.append(describe(mean, row, limit) | {"queue_end": _waiting(state, row.agents)})
    return pd.DataFrame(out, index=index, columns=[*_COLUMNS])


_COLUMNS = (
    "load",
    "occupancy",
    "wait_probability",
    "service_level",
    "mean_wait",
    "mean_queue",
    "abandonment",
    "queue_end",
)


@dataclass(frozen=True)
class QueueInterval:
    """An interval with its rates per second: of arrivals, of service of one agent, of giving up of one caller."""

    arrive: float
    serve: float
    leave: float
    agents: int
    length: float


def start_state(slots: list[QueueInterval], begin: int) -> Floats:
    """Return the certainty of ``begin`` calls, with room for as many as the day is likely to bring at once.

    >>> start_state([], 1)[:3].tolist()
    [0.0, 1.0, 0.0]
    """
    state = np.zeros(_states(slots, begin))
    state[begin] = 1.0
    return state


def advance_queue(state: Floats, slot: QueueInterval) -> tuple[Floats, Floats]:
    """Return what :func:`advance_states` does, with more room for the queue where there is too little.

    Raises
    ------
    InputError
        If more calls would wait than can be followed.
    """
    mean, end = advance_states(state, slot)
    while max(mean[-1], end[-1]) > _MAX_LAST_STATE_PROBABILITY:
        if len(state) > _MAX_STATES:
            raise InputError(
                "the queue grows too long to be computed",
                where="argument 'calls'",
                hint="fewer calls, more agents",
                code="plan.too_large",
            )
        state = np.concatenate([state, np.zeros(len(state))])
        mean, end = advance_states(state, slot)
    return mean, end


def advance_states(state: Floats, slot: QueueInterval) -> tuple[Floats, Floats]:
    """Return the distribution of calls in the system: on the mean over the interval, and at its end.

    >>> mean, end = advance_states(np.array([1.0, 0.0]), QueueInterval(1.0, 1.0, 0.0, 1, 1e3))
    >>> end.round(6).tolist()  # one line and no room to wait: half of the time it is taken
    [0.5, 0.5]
    """
    n = np.arange(len(state))
    up = np.where(n < len(state) - 1, slot.arrive, 0.0) * slot.length
    down = (np.minimum(n, slot.agents) * slot.serve + np.maximum(n - slot.agents, 0) * slot.leave) * slot.length
    events = float((up + down).max())
    if events == 0:
        return state, state
    stay, rise, fall = 1 - (up + down) / events, up[:-1] / events, down[1:] / events
    count = int(events + 9 * np.sqrt(events) + 30)
    k = np.arange(count)
    at_end = np.exp(special.xlogy(k, events) - events - special.gammaln(k + 1))
    later = special.pdtrc(k, events)  # the chance of more than k events
    mean, end, now = np.zeros(len(state)), np.zeros(len(state)), state
    for i in range(count):
        mean += later[i] * now
        if at_end[i] > 1e-20:
            end += at_end[i] * now
        after = stay * now
        after[1:] += rise * now[:-1]
        after[:-1] += fall * now[1:]
        if i % 64 == 0 and np.abs(after - now).max() < 1e-16:  # in balance: nothing changes any more
            mean += later[i + 1 :].sum() * after
            end += at_end[i + 1 :].sum() * after
            break
        now = after
    return mean / mean.sum(), end / end.sum()


def describe(mean: Floats, slot: QueueInterval, threshold: float) -> dict[str, float]:
    """Return the figures of an interval from the mean distribution of calls in the system."""
    n = np.arange(len(mean))
    free, behind = mean[: slot.agents].sum(), mean[slot.agents :]
    ahead = np.arange(len(behind), dtype=float)
    answered, wait = _wait(ahead, slot, threshold)
    queue, there = _waiting(mean, slot.agents), behind > 0
    busy = float(np.minimum(n, slot.agents) @ mean)
    return {
        "load": slot.arrive / slot.serve,
        "occupancy": busy / slot.agents if slot.agents else 1.0,
        "wait_probability": float(behind.sum()),
        "service_level": float(free + behind @ answered),
        "mean_wait": float(behind[there] @ wait[there]),
        "mean_queue": queue,
        "abandonment": slot.leave * queue / slot.arrive if slot.arrive > 0 else 0.0,
    }


def _wait(ahead: Floats, slot: QueueInterval, threshold: float) -> tuple[Floats, Floats]:
    """Return for each number of callers ahead: the chance of an answer in time, and the mean seconds in the queue."""
    serve = slot.agents * slot.serve
    if slot.leave > 0:
        if serve == 0:
            return np.zeros(len(ahead)), np.full(len(ahead), 1 / slot.leave)
        # exp(-leave x wait) is a product of uniform powers: beta-distributed
        beta = serve / slot.leave
        stays = beta / (beta + ahead + 1)
        in_time = special.betainc(ahead + 1, beta + 1, -np.expm1(-slot.leave * threshold))
        return np.asarray(stays * in_time), np.asarray((1 - stays) / slot.leave)
    if serve == 0:
        return np.zeros(len(ahead)), np.full(len(ahead), np.inf)
    return np.asarray(special.gammainc(ahead + 1.0, serve * threshold)), np.asarray((ahead + 1) / serve)


def _waiting(state: Floats, agents: int) -> float:
    return float(np.maximum(np.arange(len(state)) - agents, 0) @ state)


def _rows(
    calls: Numbers, aht: Numbers, agents: Numbers, interval: float, patience: Numbers | None
) -> tuple[list[QueueInterval], pd.Index]:
    given = {
        "calls": check_numbers("calls", calls, least=0),
        "aht": check_numbers("aht", aht, above=0),
        "agents": check_numbers("agents", agents, least=0),
        "patience": read_mean_patience(patience),
    }
    slot = check_number("interval", interval, above=0)
    flat = broadcast(given)
    if flat["calls"].ndim != 1:
        raise InputError(
            "intervals must be one row",
            where="argument 'calls'",
            got=flat["calls"].shape,
            wanted="(n,)",
            code="time.order",
        )
    parts = zip(flat["calls"] / slot, 1 / flat["aht"], 1 / flat["patience"], flat["agents"], strict=True)
    rows = [QueueInterval(float(a), float(s), float(g), _whole("agents", n), slot) for a, s, g, n in parts]
    return rows, index_of(len(rows), calls, aht, agents)


def _whole(name: str, value: float) -> int:
    found = check_number(name, value, least=0)
    if found != round(found):
        raise InputError(
            "agents and calls must be whole numbers", where=f"argument '{name}'", got=found, code="value.range"
        )
    return int(found)


def _states(rows: list[QueueInterval], begin: int) -> int:
    """Return how many states to look at: the fluid backlog, and many standard deviations above it."""
    backlog, most, came = float(begin), float(begin), 0.0
    for row in rows:
        growth = backlog + (row.arrive - row.agents * row.serve) * row.length
        settled = max(row.arrive / row.leave, 0.0) if row.leave else np.inf
        backlog = min(max(growth, 0.0), max(settled, backlog))
        came += min(row.arrive * row.length, settled)
        most = max(most, backlog + row.agents)
    return int(most + 6 * np.sqrt(2 * came + most) + 40)
