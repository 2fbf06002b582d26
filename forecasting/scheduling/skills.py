"""Several queues and groups of agents who can serve some of them: how many of each, and who does what.

An agent with two skills is one agent: each hour is used once. How much the sharing saves lies between two exact
numbers, agents by Erlang for all queues pooled and for each queue apart; where in between is found by simulation.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations

import numpy as np
import numpy.typing as npt
import pandas as pd

from ...features.arrays import Floats
from ...features.errors import InputError
from ..arguments import Numbers, check_number
from ..simulation.skills import simulate_skills
from ..solver import solve, triplets
from ..staffing.staffing_plan import required_agents
from .skill_queues import Skills, read_by_group, read_interval, read_queues


def skill_bounds(
    queues: pd.DataFrame,
    *,
    interval: float = 1800,
    service_level: float = 0.8,
    threshold: float = 20,
    max_occupancy: float | None = 0.85,
    patience: float | None = None,
) -> pd.DataFrame:
    """Return the agents that all queues take when everybody can do everything, and when nobody can do two things.

    Parameters
    ----------
    queues
        ``queue``, ``calls`` (in the interval), ``aht_s`` (seconds); optional ``ds`` for many intervals.
    interval, service_level, threshold, max_occupancy, patience
        As in :func:`required_agents`; the same promise for all queues.

    Returns
    -------
    DataFrame
        One row an interval (one in all without ``ds``): ``ds`` (where there), ``load`` (Erlangs), ``pooled``,
        ``separate`` (agents). What skills can do lies in between.

    Raises
    ------
    InputError
        Names the argument or column and the first bad row.

    Examples
    --------
    >>> two = pd.DataFrame({"queue": ["de", "fr"], "calls": [100, 100], "aht_s": [180, 180]})
    >>> skill_bounds(two)[["load", "pooled", "separate"]].to_dict("records")
    [{'load': 20.0, 'pooled': 24, 'separate': 28}]
    """
    frame = read_queues(queues)
    rules = _rules(interval, service_level, threshold, max_occupancy, patience)
    single = required_agents(frame["calls"], frame["aht_s"], **rules)["agents"]  # type: ignore[arg-type]
    frame = frame.assign(seconds=frame["calls"] * frame["aht_s"], separate=single.to_numpy())
    total = frame.groupby("ds", dropna=False)[["calls", "seconds", "separate"]].sum()
    aht = np.where(total["calls"] > 0, total["seconds"] / total["calls"].where(total["calls"] > 0, 1), 1.0)
    pooled = required_agents(total["calls"].to_numpy(), aht, **rules)  # type: ignore[arg-type]
    out = pd.DataFrame(
        {
            "ds": total.index,
            "load": total["seconds"].to_numpy() / interval,
            "pooled": np.minimum(pooled["agents"].to_numpy(), total["separate"].to_numpy()),
            "separate": total["separate"].to_numpy(),
        }
    )
    return out if "ds" in queues.columns else out.drop(columns="ds")


def skill_plan(
    queues: pd.DataFrame,
    groups: Skills,
    *,
    cost: Mapping[str, float] | None = None,
    limits: Mapping[str, float] | None = None,
    interval: float = 1800,
    service_level: float = 0.8,
    threshold: float = 20,
    max_occupancy: float | None = 0.85,
    patience: float | None = None,
    simulate: bool = True,
    calls: int = 60_000,
    seed: int = 0,
) -> pd.DataFrame:
    """Return how many people of each group keep the promise of every queue at least cost.

    Parameters
    ----------
    queues
        One interval: ``queue``, ``calls``, ``aht_s``.
    groups
        Group -> the queues that its people can serve.
    cost
        Cost of a person of each group; 1 by default.
    limits
        Most people of a group; no limit by default.
    interval, service_level, threshold, max_occupancy, patience
        As in :func:`required_agents`; the same promise for all queues.
    simulate
        Look for the answer between the bounds by simulation; otherwise ``agents`` is ``most``.
    calls, seed
        Calls in each simulation, and its seed: same seed, same answer.

    Returns
    -------
    DataFrame
        One row a group: ``group``, ``skills``, ``least`` (fewest with which it is possible at all: every set of queues has
        at least the agents of its pooled queue among those who can serve any of it), ``agents`` (kept every promise in the
        simulation), ``most`` (enough without any sharing: each agent serves one queue).

    Raises
    ------
    InputError
        If a queue has no group, or the limits are too low for what is asked.

    Notes
    -----
    The bound on sets of queues is Hall's condition with Erlang's numbers; people are added where the simulation misses
    the promise by most (greedy, after Wallace and Whitt, "A staffing algorithm for call centers with skill-based
    routing", 2005).

    Examples
    --------
    >>> two = pd.DataFrame({"queue": ["de", "fr"], "calls": [100, 100], "aht_s": [180, 180]})
    >>> plan = skill_plan(two, {"de": ["de"], "fr": ["fr"], "both": ["de", "fr"]}, cost={"de": 1, "fr": 1, "both": 1.1})
    >>> plan[["least", "most"]].sum().tolist(), bool((plan["agents"].sum() >= 24) & (plan["agents"].sum() <= 28))
    ([24, 28], True)
    """  # noqa: E501 - the example reads better in one line
    frame, skills, names = read_interval(queues, groups)
    rules = _rules(interval, service_level, threshold, max_occupancy, patience)
    price = read_by_group("cost", cost, names, 1.0, above=0)
    high = read_by_group("limits", limits, names, np.inf, least=0)
    separate = required_agents(frame["calls"], frame["aht_s"], **rules)["agents"].to_numpy()  # type: ignore[arg-type]
    least = _fewest_by_sets(frame, skills, price, high, rules)
    most = cover_queues_apart(separate.astype(float), skills, price, high)
    people = most
    if simulate and not np.array_equal(least, most):
        people = _search_by_simulation(frame, groups, skills, least, most, price, high, rules, calls, seed)
    return pd.DataFrame(
        {
            "group": pd.Series(names, dtype="str"),
            "skills": pd.Series([", ".join(groups[g]) for g in names], dtype="str"),
            "least": least,
            "agents": people,
            "most": most,
        }
    )


def allocate_skills(need: Mapping[str, float], groups: Skills, people: Mapping[str, float]) -> pd.DataFrame:
    """Share the time of groups among queues so that each hour is used once and as little as can be is missing.

    Parameters
    ----------
    need
        Agents that each queue needs (offered load and safety), from 0.
    groups
        Group -> the queues that its people can serve.
    people
        People of each group, from 0.

    Returns
    -------
    DataFrame
        ``group``, ``queue``, ``agents``: one row for each pair that is used; rows with group "missing" say what a queue
        lacks, rows with queue "spare" who is left over. Sorted. Everything missing is spread in proportion to the need
        as evenly as skills allow.

    Raises
    ------
    InputError
        If a name is unknown or a number is out of range.

    Notes
    -----
    A maximum flow, written as two small linear programmes: first the least total shortfall, then the smallest largest
    share that a queue is short of.

    Examples
    --------
    >>> shared = allocate_skills({"de": 10, "fr": 6}, {"de": ["de"], "both": ["de", "fr"]}, {"de": 8, "both": 7})
    >>> shared["agents"].tolist()  # both-de, both-fr, de-de, missing-de, missing-fr
    [1.375, 5.625, 8.0, 0.625, 0.375]
    """
    frame = pd.DataFrame({"queue": list(need), "calls": 1.0, "aht_s": 1.0})
    _, skills, names = read_interval(frame, groups, all_served=False)
    queues = list(need)
    wanted = np.array([check_number(f"need[{q!r}]", need[q], least=0) for q in queues])
    have = read_by_group("people", people, names, None, least=0)
    g, q = np.nonzero(skills)
    pairs, nq = len(g), len(queues)
    k, each = np.arange(pairs), np.arange(nq)
    # variables: time of each pair, shortfall of each queue, the largest share that a queue is short of
    size = pairs + nq + 1
    use = (triplets(np.ones(pairs), g, k, (len(names), size)), -np.inf, have)
    served = np.concatenate([q, each])
    get = (triplets(np.ones(pairs + nq), served, np.arange(pairs + nq), (nq, size)), wanted, wanted)
    entries = np.concatenate([np.ones(nq), -wanted])
    columns = np.concatenate([pairs + each, np.full(nq, size - 1)])
    even = (triplets(entries, np.tile(each, 2), columns, (nq, size)), -np.inf, 0.0)
    short = np.concatenate([np.zeros(pairs), np.ones(nq), [0.0]])
    low, high = np.zeros(size), np.full(size, np.inf)
    first = solve(short, [use, get], low, high)
    total = (short[None, :], -np.inf, first.cost + 1e-9)
    second = solve((np.arange(size) == size - 1).astype(float), [use, get, even, total], low, high)
    x = second.x if second.x is not None else first.x
    if x is None:
        raise InputError(
            "no plan found for the time of the groups",
            where="allocate_skills",
            got=first.message,
            code="plan.impossible",
        )
    left = have - np.bincount(g, x[:pairs], minlength=len(names))
    rows = [(names[a], queues[b], float(v)) for a, b, v in zip(g, q, x[:pairs], strict=True)]
    rows += [("missing", queues[b], float(v)) for b, v in enumerate(x[pairs : pairs + nq])]
    rows += [(names[a], "spare", float(v)) for a, v in enumerate(left)]
    out = pd.DataFrame(rows, columns=["group", "queue", "agents"]).astype({"group": "str", "queue": "str"})
    out["agents"] = out["agents"].round(9)
    return out[out["agents"] > 1e-7].sort_values(["group", "queue"], ignore_index=True)


def _rules(
    interval: float, service_level: float, threshold: float, max_occupancy: float | None, patience: float | None
) -> dict[str, Numbers | None]:
    return {
        "interval": interval,
        "service_level": service_level,
        "threshold": threshold,
        "max_occupancy": max_occupancy,
        "patience": patience,
    }


def _fewest_by_sets(
    frame: pd.DataFrame, skills: npt.NDArray[np.bool_], price: Floats, high: Floats, rules: dict[str, Numbers | None]
) -> npt.NDArray[np.int64]:
    """Return the cheapest people with which each set of queues has its pooled requirement among its servers."""
    queues = np.arange(len(frame))
    sets = [list(s) for k in range(1, len(queues) + 1) for s in combinations(queues, k)]
    member = np.zeros((len(sets), len(queues)))
    for i, s in enumerate(sets):
        member[i, s] = 1
    calls, seconds = member @ frame["calls"], member @ (frame["calls"] * frame["aht_s"])
    aht = np.where(calls > 0, seconds / np.where(calls > 0, calls, 1), 1.0)
    need = required_agents(calls, aht, **rules)["agents"].to_numpy(float)  # type: ignore[arg-type]
    # a pooled queue of unequal handle times may need more than its parts: the lower bound is no more than their sum
    single = need[: len(queues)]
    need = np.minimum(need, member @ single)
    serves = (member @ skills.T > 0).astype(float)
    return cover_sets(price, serves, need, high)


def cover_queues_apart(
    need: Floats, skills: npt.NDArray[np.bool_], price: Floats, high: Floats
) -> npt.NDArray[np.int64]:
    """Return the cheapest people of whom each serves one queue and each queue has its own requirement."""
    g, q = np.nonzero(skills)
    get = np.zeros((len(need), len(g)))
    get[q, np.arange(len(g))] = 1
    use = np.zeros((len(price), len(g)))
    use[g, np.arange(len(g))] = 1
    rows = [(get, need, np.inf), (use, -np.inf, np.floor(high))]
    pairs = np.ones(len(g), dtype=bool)
    found = solve(price[g], rows, np.zeros(len(g)), np.full(len(g), np.inf), whole=pairs)
    if found.x is None:
        raise InputError(
            "limits are too low for queues without common agents", where="argument 'limits'", code="plan.impossible"
        )
    return np.bincount(g, np.rint(found.x), minlength=len(price)).astype(np.int64)


def cover_sets(price: Floats, rows: Floats, need: Floats, high: Floats) -> npt.NDArray[np.int64]:
    """Return the cheapest people with which each row has at least its need among those who can serve it."""
    every = np.ones(len(price), dtype=bool)
    found = solve(price, [(rows, need, np.inf)], np.zeros(len(price)), np.floor(high), whole=every)
    if found.x is None:
        raise InputError("the limits are too low", where="argument 'limits'", got=high.tolist(), code="plan.impossible")
    return np.rint(found.x).astype(np.int64)


def _search_by_simulation(
    frame: pd.DataFrame,
    groups: Skills,
    skills: npt.NDArray[np.bool_],
    least: npt.NDArray[np.int64],
    most: npt.NDArray[np.int64],
    price: Floats,
    high: Floats,
    rules: dict[str, Numbers | None],
    calls: int,
    seed: int,
) -> npt.NDArray[np.int64]:
    """Add the person who helps the worst queue most until every promise is kept, then send home who is not needed."""
    names, plain = list(groups), {name: float(np.asarray(v)) for name, v in rules.items() if v is not None}
    options = {k: plain[k] for k in ("interval", "threshold", "patience") if k in plain}
    load = float((frame["calls"] * frame["aht_s"]).sum()) / plain["interval"]

    def missed(people: npt.NDArray[np.int64]) -> Floats:
        if load > plain.get("max_occupancy", 1.0) * people.sum() + 1e-9:
            return np.ones(len(frame))
        crew = dict(zip(names, people.tolist(), strict=True))
        seen = simulate_skills(frame, groups, crew, calls=calls, seed=seed, **options)  # type: ignore[arg-type]
        return np.where(frame["calls"] > 0, plain["service_level"] - seen["service_level"].to_numpy(), -1.0)

    people = least.copy()
    while (short := missed(people)).max() > 1e-12:
        worth = np.where(people < np.floor(high), (skills @ np.maximum(short, 0.0) + 1e-6) / price, -1.0)
        if worth.max() <= 0 or price @ people >= price @ most:
            return most
        people[int(worth.argmax())] += 1
    for k in sorted(range(len(names)), key=lambda k: -price[k]):
        while people[k] > 0:
            people[k] -= 1
            if missed(people).max() > 1e-12:
                people[k] += 1
                break
    return people if price @ people < price @ most else most
