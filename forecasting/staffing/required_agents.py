"""The fewest agents for calls or chats that keep every bound."""

from __future__ import annotations

import pandas as pd

from ..arguments import Numbers
from ..queueing.patience import Patience
from .target import QueueTarget


def required_agents(
    calls: Numbers,
    aht: Numbers,
    interval: Numbers = 1800,
    service_level: Numbers | None = 0.8,
    threshold: Numbers = 20,
    max_occupancy: Numbers | None = 0.85,
    patience: Numbers | Patience | None = None,
    *,
    max_wait: Numbers | None = None,
    max_abandonment: Numbers | None = None,
    min_agents: Numbers = 0,
    definition: str = "offered",
    below: bool = False,
) -> pd.DataFrame:
    """Return the fewest agents with whom everything that is asked is within its bound.

    Parameters
    ----------
    calls
        Calls offered in the interval, from 0.
    aht
        Mean handle time in seconds, above 0.
    interval
        Length of the interval in seconds.
    service_level
        Least service level, from 0 and below 1; ``None``, like 0, sets no such target.
    threshold
        Seconds within which an answer counts.
    max_occupancy
        Largest share of their time that agents may spend handling, above 0 and up to 1; ``None`` is 1.
    patience
        Mean seconds after which a waiting caller gives up, or a :class:`Patience`; ``None``: nobody does.
    max_wait
        Longest mean wait over all offered calls in seconds; ``None`` does not bind.
    max_abandonment
        Largest share of offered calls that may be given up; ``None`` does not bind.
    min_agents
        Agents who are there in any case, also where nobody calls.
    definition
        What the service level is, as in :func:`queue_performance`.
    below
        Whether to add the performance with one agent fewer.

    Returns
    -------
    DataFrame
        One row for each element of the broadcast arguments: ``agents`` (int), ``binding`` (the bound that
        asked for that many, the first of "stability", "min_agents", "occupancy", "service_level", "mean_wait",
        "abandonment" that one agent fewer would break; "no calls" where there are none), then the columns of
        :func:`queue_performance` at that number. With ``below`` these again with the suffix ``_below`` for one agent
        fewer; missing where there is none to take away.

    Raises
    ------
    InputError
        Names the argument and the first bad position, counted from 0.

    Examples
    --------
    >>> need = required_agents([100, 300, 0], aht=[180, 300, 300], max_occupancy=[0.85, 1, 0.85], below=True)
    >>> need[["agents", "binding"]].to_dict("list")
    {'agents': [14, 57, 0], 'binding': ['service_level', 'service_level', 'no calls']}
    >>> need[["service_level", "service_level_below"]].round(4).values.tolist()
    [[0.8884, 0.7956], [0.8454, 0.7926], [1.0, nan]]
    >>> lost = required_agents(300, 300, max_occupancy=1, patience=120, max_abandonment=0.02)
    >>> lost[["agents", "binding"]].values.tolist()
    [[57, 'abandonment']]
    >>> required_agents(300, 300, service_level=None, patience=120, max_abandonment=0.01)["binding"].tolist()
    ['abandonment']
    """
    bounds = (max_wait, max_abandonment, min_agents, definition)
    target = QueueTarget(interval, service_level, threshold, max_occupancy, patience, *bounds)
    return target.require(calls, aht, below)


def required_chat_agents(
    chats: Numbers,
    aht: Numbers,
    concurrency: Numbers,
    slowdown: Numbers,
    interval: Numbers = 1800,
    service_level: Numbers | None = 0.8,
    threshold: Numbers = 20,
    max_occupancy: Numbers | None = None,
    patience: Numbers | Patience | None = None,
    *,
    max_wait: Numbers | None = None,
    max_abandonment: Numbers | None = None,
    min_agents: Numbers = 0,
    definition: str = "offered",
    below: bool = False,
) -> pd.DataFrame:
    """Return the fewest agents for chats with whom everything that is asked is within its bound.

    Parameters
    ----------
    chats, aht, concurrency, slowdown
        As in :func:`chat_performance`.
    interval, service_level, threshold, patience, max_wait, max_abandonment, min_agents, definition, below
        As in :func:`required_agents`.
    max_occupancy
        Largest share of their time in which agents may have a chat open; the default does not bind, since agents who
        hold several chats are seldom without one.

    Returns
    -------
    DataFrame
        As that of :func:`required_agents`, with the columns of :func:`chat_performance`.

    Raises
    ------
    InputError
        Names the argument and the first bad position, counted from 0.

    Examples
    --------
    >>> need = required_chat_agents([100, 0], aht=360, concurrency=[1, 3], slowdown=0.1)
    >>> need["agents"].tolist(), required_chat_agents(100, 360, 3, 0.1)["agents"].tolist()
    ([25, 0], [10])
    """
    bounds = (max_wait, max_abandonment, min_agents, definition)
    held = (concurrency, slowdown)
    target = QueueTarget(interval, service_level, threshold, max_occupancy, patience, *bounds, *held)
    return target.require(chats, aht, below)
