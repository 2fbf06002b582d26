"""The fewest agents for calls or chats that keep every bound."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ...features.arrays import Floats
from ..arguments import Numbers, check_numbers, flat_queue, index_of
from ..integer_search import Places
from ..queueing.balance import EXTRA_PERFORMANCE_COLUMNS, PERFORMANCE_COLUMNS, check_definition
from ..queueing.chat import EXTRA_CHAT_COLUMNS, agent_pace, compute_chat_performance
from ..queueing.erlang import compute_performance
from ..queueing.patience import DiscretePatience, Patience, read_patience_shape
from .search import STAFFING_RULES, AgentSearch, build_requirement_frame, find_fewest_agents, guess_agents, read_rules


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
    scale, shape = read_patience_shape(patience)
    check_definition(definition)
    given = {
        "calls": check_numbers("calls", calls, least=0),
        "aht": check_numbers("aht", aht, above=0),
        "interval": check_numbers("interval", interval, above=0),
        "threshold": check_numbers("threshold", threshold, least=0),
        "patience": scale,
        **read_rules(service_level, max_occupancy, max_wait, max_abandonment, min_agents),
    }
    flat = flat_queue("calls", given)
    each = (calls, aht, interval, service_level, threshold, max_occupancy, patience)
    index = index_of(flat["calls"].size, *each, max_wait, max_abandonment, min_agents)
    rules = {name: flat.pop(name) for name in STAFFING_RULES}

    def evaluate(rows: Places, n: Floats) -> dict[str, Floats]:
        return compute_performance(
            agents=n, **{k: x[rows] for k, x in flat.items()}, shape=shape, definition=definition
        )

    load = flat["calls"] * flat["aht"] / flat["interval"]
    patient = np.isinf(flat["patience"])
    never = shape.never_share if isinstance(shape, DiscretePatience) else 0.0
    stays = np.where(patient, 1.0, never) * load  # load of those who never leave: without room for them no balance
    stable = np.where(stays > 0, np.floor(stays * (1 + 1e-12)) + 1, 1).astype(np.int64)
    guess = guess_agents(load, rules["service_level"], flat["threshold"] / flat["aht"], flat["patience"] / flat["aht"])
    agents, binding = find_fewest_agents(AgentSearch(load, stable, patient, guess, evaluate), rules)
    return build_requirement_frame(
        agents, binding, evaluate, (*PERFORMANCE_COLUMNS, *EXTRA_PERFORMANCE_COLUMNS), index, below
    )


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
    scale, shape = read_patience_shape(patience)
    check_definition(definition)
    given = {
        "chats": check_numbers("chats", chats, least=0),
        "aht": check_numbers("aht", aht, above=0),
        "concurrency": check_numbers("concurrency", concurrency, least=1),
        "slowdown": check_numbers("slowdown", slowdown, least=0),
        "interval": check_numbers("interval", interval, above=0),
        "threshold": check_numbers("threshold", threshold, least=0),
        "patience": scale,
        **read_rules(service_level, max_occupancy, max_wait, max_abandonment, min_agents),
    }
    flat = flat_queue("chats", given)
    each = (chats, aht, concurrency, slowdown, interval, service_level, threshold, max_occupancy, patience)
    index = index_of(flat["chats"].size, *each, max_wait, max_abandonment, min_agents)
    rules = {name: flat.pop(name) for name in STAFFING_RULES}

    def evaluate(rows: Places, n: Floats) -> dict[str, Floats]:
        return compute_chat_performance(
            agents=n, **{k: x[rows] for k, x in flat.items()}, shape=shape, definition=definition
        )

    load = flat["chats"] * flat["aht"] / flat["interval"]
    pace = agent_pace(flat["concurrency"], flat["slowdown"])
    patient = np.isinf(flat["patience"])
    never = shape.never_share if isinstance(shape, DiscretePatience) else 0.0
    stays = np.where(patient, 1.0, never) * load / pace
    stable = np.where(stays > 0, np.floor(stays * (1 + 1e-12)) + 1, 1).astype(np.int64)
    times = flat["threshold"] / flat["aht"], flat["patience"] / flat["aht"]
    guess = np.ceil(guess_agents(load, rules["service_level"], *times) / pace).astype(np.int64)
    agents, binding = find_fewest_agents(AgentSearch(load, stable, np.zeros_like(patient), guess, evaluate), rules)
    return build_requirement_frame(agents, binding, evaluate, (*PERFORMANCE_COLUMNS, *EXTRA_CHAT_COLUMNS), index, below)
