"""The fewest agents that keep a promise, the people that it takes to have them there, and how sure that is."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import special

from ..features.errors import InputError, did_you_mean
from .arguments import Floats, Numbers, broadcast, index_of, numbers
from .chance import chance_above
from .erlang import COLUMNS, performance, read_patience
from .search import Flags, Ints, Meets, Rows, ceiling, fewest

#: A service level of 0.8 is met by 0.7999999999999.
SLACK = 1e-12


def required_agents(
    calls: Numbers,
    aht: Numbers,
    interval: Numbers = 1800,
    service_level: Numbers = 0.8,
    threshold: Numbers = 20,
    max_occupancy: Numbers | None = 0.85,
    patience: Numbers | None = None,
) -> pd.DataFrame:
    """Return the fewest agents with whom the service level and the occupancy are within their bounds.

    Parameters
    ----------
    calls
        Calls offered in the interval, from 0.
    aht
        Mean handle time in seconds, above 0.
    interval
        Length of the interval in seconds.
    service_level
        Least share of offered calls to be answered within ``threshold`` seconds, from 0 and below 1; 0 asks for a
        stable queue only.
    threshold
        Seconds within which an answer counts.
    max_occupancy
        Largest share of their time that agents may spend handling, above 0 and up to 1; ``None`` is 1.
    patience
        Mean seconds after which a waiting caller gives up; ``None``: nobody does.

    Returns
    -------
    DataFrame
        One row for each element of the broadcast arguments: ``agents`` (int), ``binding`` (the constraint that
        asked for that many: "service_level", "occupancy", "stability" or "no calls"; the first of stability,
        occupancy, service level that is enough), then the columns of :func:`queue_performance` at that number.

    Raises
    ------
    InputError
        Names the argument and the first bad position, counted from 0.

    Examples
    --------
    >>> need = required_agents([100, 300, 0], aht=[180, 300, 300], max_occupancy=[0.85, 1, 0.85])
    >>> need[["agents", "binding"]].to_dict("list")
    {'agents': [14, 57, 0], 'binding': ['service_level', 'service_level', 'no calls']}
    >>> need["service_level"].round(4).tolist()
    [0.8884, 0.8454, 1.0]
    """
    cap = 1.0 if max_occupancy is None else max_occupancy
    given = {
        "calls": numbers("calls", calls, least=0),
        "aht": numbers("aht", aht, above=0),
        "interval": numbers("interval", interval, above=0),
        "service_level": numbers("service_level", service_level, least=0, below=1),
        "threshold": numbers("threshold", threshold, least=0),
        "max_occupancy": numbers("max_occupancy", cap, above=0, most=1),
        "patience": read_patience(patience),
    }
    flat = {name: array.ravel() for name, array in broadcast(given).items()}
    index = index_of(flat["calls"].size, calls, aht, interval, service_level, threshold, max_occupancy, patience)
    target, cap_ = flat.pop("service_level"), flat.pop("max_occupancy")
    agents, binding = _fewest(flat, target, cap_)
    found = performance(agents=agents.astype(float), **flat)
    columns = {"agents": agents, "binding": binding} | {name: found[name] for name in COLUMNS}
    return pd.DataFrame(columns, index=index).astype({"binding": "str"})


def scheduled_agents(agents: Numbers, shrinkage: Numbers) -> npt.NDArray[np.int64] | int:
    """Return the people to schedule so that enough of them are there.

    Parameters
    ----------
    agents
        Agents needed at work, from 0.
    shrinkage
        Share of paid time in which people are not available (leave, illness, training, breaks), from 0 and below 1.

    Returns
    -------
    int or array of int
        ``agents / (1 - shrinkage)``, rounded up; shapes broadcast.

    Raises
    ------
    InputError
        Names the argument and the first bad position.

    Examples
    --------
    >>> scheduled_agents([14, 21, 0], shrinkage=0.30).tolist()
    [20, 30, 0]
    """
    given = {
        "agents": numbers("agents", agents, least=0),
        "shrinkage": numbers("shrinkage", shrinkage, least=0, below=1),
    }
    both = broadcast(given)
    people = ceiling(both["agents"] / (1 - both["shrinkage"]))
    return people if people.ndim else int(people)


def staffing_plan(
    ahead: pd.DataFrame,
    *,
    aht: Numbers,
    interval: float = 1800,
    service_level: float = 0.8,
    threshold: float = 20,
    max_occupancy: float | None = 0.85,
    patience: float | None = None,
    shrinkage: float = 0.0,
    levels: tuple[int, ...] = (80, 95),
    queue: str = "all",
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

    Returns
    -------
    DataFrame
        ``queue``, ``ds``, ``calls`` (forecast), ``calls_hi`` (upper bound), ``aht_s``, ``load`` (Erlangs), ``agents``
        (for ``calls``), ``people`` (to schedule for those), ``agents_hi`` (for ``calls_hi``), ``service_level``,
        ``occupancy`` and ``mean_wait_s`` if ``calls`` come, ``short_risk`` (probability that so many calls come that
        ``agents`` miss the service level), ``binding``.

    Raises
    ------
    InputError
        If a column is missing or a number is out of range.

    Examples
    --------
    >>> ahead = pd.DataFrame({"unique_id": "phone", "ds": pd.to_datetime(["2024-03-01 09:00"]), "deskcast": [100.0],
    ...                       "deskcast-lo-80": [90.0], "deskcast-hi-80": [110.0]})
    >>> plan = staffing_plan(ahead, aht=180, shrinkage=0.3, levels=(80,))
    >>> plan[["agents", "people", "agents_hi", "short_risk"]].round(3).to_dict("records")
    [{'agents': 14, 'people': 20, 'agents_hi': 15, 'short_risk': 0.133}]
    """
    quantiles = _quantiles(ahead, levels)
    calls, calls_hi = ahead["deskcast"].to_numpy(float), ahead[f"deskcast-hi-{levels[0]}"].to_numpy(float)
    rules = {"service_level": service_level, "threshold": threshold, "max_occupancy": max_occupancy}
    need = required_agents(calls, aht, interval, patience=patience, **rules)  # type: ignore[arg-type]
    high = required_agents(np.maximum(calls_hi, 0), aht, interval, patience=patience, **rules)  # type: ignore[arg-type]
    most = most_calls(need["agents"].to_numpy(), aht, interval, service_level, threshold, patience)
    several = ahead["unique_id"].nunique() > 1
    return pd.DataFrame(
        {
            "queue": ahead["unique_id"].astype("str").to_numpy() if several else queue,
            "ds": ahead["ds"].to_numpy(),
            "calls": calls,
            "calls_hi": calls_hi,
            "aht_s": np.broadcast_to(numbers("aht", aht, above=0), calls.shape),
            "load": need["load"].to_numpy(),
            "agents": need["agents"].to_numpy(),
            "people": scheduled_agents(need["agents"], shrinkage),
            "agents_hi": high["agents"].to_numpy(),
            "service_level": need["service_level"].to_numpy(),
            "occupancy": need["occupancy"].to_numpy(),
            "mean_wait_s": need["mean_wait"].to_numpy(),
            "short_risk": chance_above(quantiles, most),
            "binding": need["binding"].to_numpy(),
        }
    )


def most_calls(
    agents: Numbers,
    aht: Numbers,
    interval: Numbers = 1800,
    service_level: Numbers = 0.8,
    threshold: Numbers = 20,
    patience: Numbers | None = None,
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
    >>> most_calls([0, 14], aht=180).round(2).tolist()
    [0.0, 108.68]
    """
    given = {
        "agents": numbers("agents", agents, least=0),
        "aht": numbers("aht", aht, above=0),
        "interval": numbers("interval", interval, above=0),
        "service_level": numbers("service_level", service_level, least=0, below=1),
        "threshold": numbers("threshold", threshold, least=0),
        "patience": read_patience(patience),
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
        found = performance(calls=middle[rows], **{name: x[rows] for name, x in flat.items()})["service_level"]
        good = found - target[rows] >= -SLACK
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
    return {p: numbers(columns[p], ahead[columns[p]]) for p in sorted(columns)}


def _fewest(flat: dict[str, Floats], target: Floats, cap: Floats) -> tuple[Ints, npt.NDArray[np.object_]]:
    """Return agents and the constraint that bound, for checked flat arrays."""
    load = flat["calls"] * flat["aht"] / flat["interval"]
    patient = np.isinf(flat["patience"])
    stable = np.where(patient, np.floor(load * (1 + 1e-12)) + 1, 1).astype(np.int64)
    busy = np.where(patient, np.maximum(ceiling(load / cap), stable), stable)
    calling = load > 0

    def holds(column: str, bound: Floats, sign: int) -> Meets:
        def meets(rows: Rows, n: Floats) -> Flags:
            found = performance(agents=n, **{name: x[rows] for name, x in flat.items()})[column]
            return np.asarray(sign * (found - bound[rows]) >= -SLACK)

        return meets

    leaving = np.flatnonzero(calling & ~patient & (cap < 1))  # who gives up lowers the occupancy below load / agents
    if len(leaving):
        occupied = holds("occupancy", cap, -1)
        busy[leaving] = fewest(
            lambda rows, n: occupied(leaving[rows], n), stable[leaving], ceiling(load[leaving] / cap[leaving])
        )
    promised = np.flatnonzero(calling & (target > 0))
    agents = busy.copy()
    if len(promised):
        answered = holds("service_level", target, 1)
        agents[promised] = fewest(
            lambda rows, n: answered(promised[rows], n),
            busy[promised],
            _guess(load, target, flat)[promised],
        )
    words = [~calling, agents > busy, busy > stable]
    binding = np.select(words, ["no calls", "service_level", "occupancy"], "stability").astype(object)
    return np.where(calling, agents, 0), binding


def _guess(load: Floats, target: Floats, flat: dict[str, Floats]) -> Ints:
    """Return a start for the search: the square-root rule of Halfin and Whitt (1981), or a fluid where people leave."""
    root, t, patience = np.sqrt(load), flat["threshold"] / flat["aht"], flat["patience"]
    low, high = np.zeros_like(load), np.full_like(load, 8.0)
    for _ in range(10):
        beta = (low + high) / 2
        waits = 1 / (1 + beta * special.ndtr(beta) * np.sqrt(2 * np.pi) * np.exp(beta * beta / 2))
        good = 1 - waits * np.exp(-beta * root * t) >= target
        low, high = np.where(good, low, beta), np.where(good, beta, high)
    fluid = load * np.maximum(target, np.exp(-flat["threshold"] / patience)) + root
    agents: Ints = np.ceil(np.where(np.isinf(patience), load + high * root, fluid)).astype(np.int64)
    return agents
