"""The search for the fewest agents within all bounds, and which bound asked for them; the same for calls and chats."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import special

from ...features.arrays import Bools, Floats, Ints, Places
from ..arguments import Numbers, check_numbers
from ..integer_search import ceiling, find_smallest

#: A service level of 0.8 is met by 0.7999999999999.
TARGET_TOLERANCE = 1e-12

#: Column, rule, and whether the column must be at most the rule (else at least).
_MEASURES = (
    ("occupancy", "max_occupancy", True),
    ("service_level", "service_level", False),
    ("mean_wait", "max_wait", True),
    ("abandonment", "max_abandonment", True),
)
_FREE = {"max_occupancy": 1.0, "service_level": 0.0, "max_wait": np.inf, "max_abandonment": 1.0}

#: The bounds, in the order of :func:`read_rules`.
STAFFING_RULES = ("service_level", "max_occupancy", "max_wait", "max_abandonment", "min_agents")

#: What a number of agents does, for the rows of the given positions.
Evaluate = Callable[[Places, Floats], dict[str, Floats]]


@dataclass(frozen=True)
class AgentSearch:
    """One search: what the rows offer, what can be known before, and how to try a number.

    ``cap_known`` marks the rows in which everybody is served, so that the occupancy is ``load / agents``.
    """

    load: Floats
    stable: Ints
    cap_known: Bools
    guess: Ints
    evaluate: Evaluate


def read_rules(
    service_level: Numbers | None,
    max_occupancy: Numbers | None,
    max_wait: Numbers | None,
    max_abandonment: Numbers | None,
    min_agents: Numbers,
) -> dict[str, Floats]:
    """Check the bounds; what is ``None`` does not bind.

    >>> {name: float(x) for name, x in read_rules(0.8, None, 30, None, 0).items()}
    {'service_level': 0.8, 'max_occupancy': 1.0, 'max_wait': 30.0, 'max_abandonment': 1.0, 'min_agents': 0.0}
    """
    target, cap, wait, lost = (
        _FREE[name] if value is None else value
        for name, value in (
            ("service_level", service_level),
            ("max_occupancy", max_occupancy),
            ("max_wait", max_wait),
            ("max_abandonment", max_abandonment),
        )
    )
    return {
        "service_level": check_numbers("service_level", target, least=0, below=1),
        "max_occupancy": check_numbers("max_occupancy", cap, above=0, most=1),
        "max_wait": check_numbers("max_wait", wait, above=0, infinite=True),
        "max_abandonment": check_numbers("max_abandonment", lost, above=0, most=1),
        "min_agents": check_numbers("min_agents", min_agents, least=0),
    }


def find_fewest_agents(task: AgentSearch, rules: dict[str, Floats]) -> tuple[Ints, npt.NDArray[np.object_]]:
    """Return agents and the bound that asked for them, for flat arrays of one length."""
    least = ceiling(rules["min_agents"])
    calling = task.load > 0
    cap = rules["max_occupancy"]
    busy = np.where(task.cap_known, np.maximum(ceiling(task.load / cap), task.stable), task.stable)
    floor = np.maximum(busy, least)
    agents = floor.copy()
    measured = {
        rule: calling & (rules[rule] != _FREE[rule]) & (~task.cap_known if rule == "max_occupancy" else True)
        for _, rule, _ in _MEASURES
    }
    rows = np.flatnonzero(np.logical_or.reduce(list(measured.values())))
    if len(rows):
        agents[rows] = find_smallest(
            lambda at, n: np.asarray(~_misses(task, rules, measured, rows[at], n).any(axis=0)),
            floor[rows],
            task.guess[rows],
        )
    words = [floor == task.stable, floor == least, np.ones_like(calling)]
    binding = np.select(words, ["stability", "min_agents", "occupancy"], "").astype(object)
    binding[agents > floor] = _find_binding_rule(task, rules, measured, np.flatnonzero(agents > floor), agents)
    binding[~calling] = np.where(least > 0, "min_agents", "no calls")[~calling]
    return np.where(calling, agents, least), binding


def _misses(
    task: AgentSearch, rules: dict[str, Floats], measured: dict[str, Bools], rows: Places, agents: Floats
) -> npt.NDArray[np.bool_]:
    """Return which measured rule is missed: one line for each rule."""
    found = task.evaluate(rows, agents)
    out = np.zeros((len(_MEASURES), len(rows)), dtype=bool)
    for line, (column, rule, most) in enumerate(_MEASURES):
        ours, bound = measured[rule][rows], rules[rule][rows]
        if ours.any():
            slack = TARGET_TOLERANCE * np.maximum(np.where(np.isinf(bound), 1.0, bound), 1.0)
            over = found[column] > bound + slack if most else found[column] < bound - slack
            out[line] = ours & over
    return out


def _find_binding_rule(
    task: AgentSearch, rules: dict[str, Floats], measured: dict[str, Bools], rows: Places, agents: Ints
) -> npt.NDArray[np.object_]:
    """Return the first rule that one agent fewer would miss."""
    names = np.array([column for column, _, _ in _MEASURES], dtype=object)
    active = np.stack([measured[rule][rows] for _, rule, _ in _MEASURES])
    several = active.sum(axis=0) > 1
    missed = active.copy()
    if several.any():
        at = rows[several]
        missed[:, several] = _misses(task, rules, measured, at, agents[at].astype(float) - 1)
    return np.asarray(names[missed.argmax(axis=0)])


def guess_agents(load: Floats, target: Floats, wait_limit: Floats, patience: Floats) -> Ints:
    """Return a start for the search: the square-root rule of Halfin and Whitt (1981), or a fluid where people leave.

    Parameters
    ----------
    load
        Erlangs.
    target
        Service level.
    wait_limit, patience
        In handle times.
    """
    root = np.sqrt(load)
    low, high = np.zeros_like(load), np.full_like(load, 8.0)
    for _ in range(10):
        beta = (low + high) / 2
        waits = 1 / (1 + beta * special.ndtr(beta) * np.sqrt(2 * np.pi) * np.exp(beta * beta / 2))
        good = 1 - waits * np.exp(-beta * root * wait_limit) >= target
        low, high = np.where(good, low, beta), np.where(good, beta, high)
    fluid = load * np.maximum(target, np.exp(-wait_limit / patience)) + root
    agents: Ints = np.ceil(np.where(np.isinf(patience), load + high * root, fluid)).astype(np.int64)
    return agents


def build_requirement_frame(
    agents: Ints,
    binding: npt.NDArray[np.object_],
    evaluate: Evaluate,
    columns: tuple[str, ...],
    index: pd.Index,
    below: bool,
) -> pd.DataFrame:
    """Return the table of a requirement, with the performance at the number and, if wanted, at one below."""
    rows = np.arange(len(agents))
    found = evaluate(rows, agents.astype(float))
    out = {"agents": agents, "binding": binding} | {name: found[name] for name in columns}
    if below:
        fewer = evaluate(rows, np.maximum(agents - 1.0, 0))
        out |= {f"{name}_below": np.where(agents > 0, fewer[name], np.nan) for name in columns if name != "load"}
    return pd.DataFrame(out, index=index).astype({"binding": "str"})
