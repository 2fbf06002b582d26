"""How far the service level of an interval is from its mean by chance alone, where the rate of contacts is known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

from ...features.arrays import Floats
from .chat import agent_pace

#: Intervals after which nobody waits any more: without it a queue without balance would have no variance.
LONGEST_WAIT = 3
#: States of a queue worked on at once.
_CELLS = 1_000_000


@dataclass(frozen=True)
class QueueRules:
    """How a queue works: interval and threshold in seconds, and the service level that it is to reach.

    ``patience`` is a mean, infinite where nobody gives up; ``concurrency`` and ``slowdown`` are of chats, as in
    :func:`deskcast.forecasting.chat_performance`.
    """

    interval: float
    goal: float
    threshold: float
    patience: float = np.inf
    concurrency: float = 1.0
    slowdown: float = 0.0

    @property
    def leave(self) -> float:
        """The rate at which a contact in the queue leaves it without an answer."""
        return max(1 / self.patience, 1 / (LONGEST_WAIT * self.interval))

    @property
    def full_pace(self) -> float:
        """Contacts that an agent with all places taken ends in a handle time."""
        return float(agent_pace(np.array([self.concurrency]), np.array([self.slowdown]))[0])


def in_time_variance(calls: Floats, aht: Floats, agents: Floats, rules: QueueRules) -> Floats:
    """Return the variance of contacts in time less the goal's share of those offered, for each interval.

    Waits of neighbours are alike, so it is more than each contact by itself would have. It is exact for a long
    interval: each event changes what has been counted and what is to be expected from then on, and the variance is that
    of these steps (a martingale by the Poisson equation of the birth-death chain).

    Parameters
    ----------
    calls, aht, agents
        Arrays of one length: contacts expected in the interval, mean handle time in seconds, agents from 1; of what is
        not known (NaN) the variance is not known.
    rules
        How the queue works.

    Examples
    --------
    Contacts that all find a free agent vary only by their number, which the service level sees little of:

    >>> few, many = (np.array([x]) for x in (10.0, 110.0))
    >>> queue = (np.array([180.0]), np.array([14.0]), QueueRules(1800, 0.8, 20))
    >>> [in_time_variance(x, *queue).round(1).item() for x in (few, many)]
    [0.4, 639.4]
    """
    unknown = np.isnan(calls) | np.isnan(aht) | np.isnan(agents)
    places = np.floor(agents * rules.concurrency)
    arrive = calls / rules.interval
    backlog = np.maximum(arrive - agents * rules.full_pace / aht, 0.0) / rules.leave
    states = np.where(unknown, 0, places + backlog + 6 * np.sqrt(arrive / rules.leave) + 20).astype(np.int64)
    out = np.where(unknown, np.nan, 0.0)
    order = np.argsort(states, kind="stable")
    order = order[(calls[order] > 0) & ~unknown[order]]
    at = 0
    while at < len(order):
        size = max(_CELLS // int(states[order[min(at + 255, len(order) - 1)]]), 1)
        rows = order[at : at + min(size, 256)]
        chain = read_chain(aht[rows], agents[rows], int(states[rows[-1]]), rules)
        out[rows] = rules.interval * _rate(arrive[rows], *chain, rules.goal)
        at += len(rows)
    return out


def read_chain(aht: Floats, agents: Floats, states: int, rules: QueueRules) -> tuple[Floats, Floats]:
    """Return for each number of contacts in the queue, by row, the rate at which one ends, and the chance of the next.

    That is the chance that a contact which finds so many is answered in time.

    >>> end, in_time = read_chain(np.array([180.0]), np.array([2.0]), 3, QueueRules(1800, 0.8, 20))
    >>> (180 * end).round(2).tolist(), in_time.round(2).tolist()
    ([[0.0, 1.0, 2.0, 2.03]], [[1.0, 1.0, 0.2, 0.02]])
    """
    places, i = np.floor(agents * rules.concurrency)[:, None], np.arange(states + 1.0)
    ahead, some = np.maximum(i - places, 0.0), np.maximum(agents, 1e-9)[:, None]
    each = np.minimum(i, places) / some
    # below its places a chain ends contacts at the pace of those open; above, waiting ones leave too
    full = agents[:, None] * rules.full_pace / aht[:, None]
    room = agents[:, None] * agent_pace(each, np.full_like(each, rules.slowdown)) / aht[:, None]
    end = np.where(i >= places, full, room) + ahead * rules.leave
    beta = full / rules.leave
    soon = special.betainc(ahead + 1, beta + 1, -np.expm1(-rules.leave * rules.threshold))
    return end, np.where(i < places, 1.0, beta / (beta + ahead + 1) * soon)


def _rate(arrive: Floats, end: Floats, in_time: Floats, goal: float) -> Floats:
    """Return the variance a second, for rows of chains that are worked on together."""
    nothing = np.zeros((len(arrive), 1))
    with np.errstate(divide="ignore"):
        logs = np.cumsum(np.log(arrive)[:, None] - np.log(end[:, 1:]), axis=1)
    logs = np.concatenate([nothing, logs], axis=1)
    share = np.exp(logs - logs.max(axis=1, keepdims=True))
    share /= share.sum(axis=1, keepdims=True)
    gain = arrive[:, None] * (in_time - goal)
    gain -= (share * gain).sum(axis=1, keepdims=True)
    # what one more contact in the queue is worth from then on; of rare states, from the other side
    below = np.cumsum(share * gain, axis=1)
    above = np.cumsum((share * gain)[:, ::-1], axis=1)[:, ::-1]
    sums = np.where(np.cumsum(share, axis=1) < 0.5, below, np.concatenate([-above[:, 1:], nothing], axis=1))
    with np.errstate(divide="ignore", invalid="ignore"):
        step = np.where(share > 1e-250, -sums / (arrive[:, None] * share), 0.0)
    rise = in_time * (1 - goal + step) ** 2 + (1 - in_time) * (step - goal) ** 2
    fall = np.concatenate([nothing, step[:, :-1] ** 2], axis=1)
    return np.asarray((share * (arrive[:, None] * rise + end * fall)).sum(axis=1))
