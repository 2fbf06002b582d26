"""Contacts in time over the intervals of a day that begins with an empty queue, for many paths of rates at once.

A queue without balance does not fail at once: waits build up over an interval, and the next one begins with them. The
formulas of a queue in balance take such an interval for lost, which over a day of chats is off by many points.
"""

from __future__ import annotations

import numpy as np

from ...features.arrays import Floats
from .service_spread import QueueRules, read_chain

#: Steps of an interval in which the chain is moved on, each solved backwards in time, so that none can be too long.
STEPS = 4

#: Contacts in the queue above which another one finds no room: the wait is lost long before.
MAX_WAITING = 120


def expected_in_time(calls: Floats, aht: Floats, agents: Floats, rules: QueueRules) -> Floats:
    """Return the contacts that are expected to be answered in time, by path and interval.

    Parameters
    ----------
    calls, aht, agents
        One row a path and one column an interval, which follow one another: rate in contacts an interval, mean handle
        time in seconds, agents at work.
    rules
        How the queue works.

    Notes
    -----
    The exact chain of exponential handle times and patience, moved on by backward Euler steps; a contact waits by the
    agents of its own interval, and agents who go finish what they have.

    Examples
    --------
    Of a quarter too much work some is answered in time while the queue builds up; in balance none would be:

    >>> rules = QueueRules(1800, 0.8, 20)
    >>> many = (np.full((1, 3), x) for x in (125.0, 180.0, 10.0))
    >>> (expected_in_time(*many, rules) / 125).round(2).tolist()
    [[0.24, 0.02, 0.0]]
    """
    paths, slots = calls.shape
    if not calls.size:
        return np.zeros(calls.shape)
    leave = rules.leave
    over = np.maximum(calls - agents * rules.full_pace / aht * rules.interval, 0.0)
    waiting = over.sum(axis=1).max(initial=0.0) if np.isinf(rules.patience) else (over / rules.interval / leave).max()
    places = np.floor(agents * rules.concurrency)
    states = int(places.max() + min(waiting + 6 * np.sqrt((calls / rules.interval / leave).max()) + 20, MAX_WAITING))
    state = np.zeros((states + 1, paths))
    state[0] = 1.0
    out, step = np.zeros(calls.shape), rules.interval / STEPS
    for k in range(slots):
        if k and (agents[:, k] < agents[:, k - 1]).any():
            state = _leave_with_own(
                state, places[:, k - 1], 1 - np.minimum(agents[:, k] / agents[:, k - 1].clip(1e-9), 1)
            )
        arrive = calls[:, k] / rules.interval
        end, in_time = (x.T for x in read_chain(aht[:, k], agents[:, k], states, rules))
        up = np.broadcast_to(step * arrive, (states, paths))
        down = step * end[1:]
        middle = np.ones((states + 1, paths))
        middle[:-1] += up
        middle[1:] += down
        ratio = np.empty((states, paths))
        ratio[0] = down[0] / middle[0]
        for i in range(1, states + 1):
            middle[i] -= up[i - 1] * ratio[i - 1]
            if i < states:
                ratio[i] = down[i] / middle[i]
        for _ in range(STEPS):
            state[0] /= middle[0]
            for i in range(1, states + 1):
                state[i] = (state[i] + up[i - 1] * state[i - 1]) / middle[i]
            for i in range(states - 1, -1, -1):
                state[i] += ratio[i] * state[i + 1]
            out[:, k] += step * arrive * (state * in_time).sum(axis=0)
    return out


def _leave_with_own(state: Floats, places: Floats, share: Floats) -> Floats:
    """Take out what the share of agents who go have open: they finish it beside the others.

    >>> _leave_with_own(np.array([[0.0], [0.0], [1.0]]), np.array([2.0]), np.array([0.5])).ravel().tolist()
    [0.0, 1.0, 0.0]
    """
    out, every = np.zeros_like(state), np.arange(state.shape[1])
    for i, weight in enumerate(state):
        left = i - np.minimum(i, places) * share
        low = left.astype(np.int64)
        part = left - low
        out[low, every] += weight * (1 - part)
        out[np.minimum(low + 1, len(state) - 1), every] += weight * part
    return out
