"""Why a service level was missed or met: the parts of volume, handle time, agents, schedule and chance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import factorial

import numpy as np
import pandas as pd

from ...features.arrays import Floats, Ints
from ...features.errors import InputError
from ...features.frames import require_columns
from ..staffing.lagged_load import lag_rows
from ..staffing.target import QueueTarget
from .moves import expected_levels

#: What can move a service level away from its plan, in the order in which equal parts are told; chance is the rest.
CAUSES = ("volume", "handle time", "agents present", "adherence", "shrinkage", "schedule", "chance")
_AGENT_CAUSES = ("schedule", "agents present", "adherence", "shrinkage")
#: Draws of days that intervals rest on.
DRAWS = 400
#: A part of less than this, 0.05 points, reads as none: its sign is that of rounding.
MIN_PART = 0.0005
_COLUMNS = ("ds", "calls_planned", "calls", "aht_planned", "n", "handle_s", "agents_planned", "in_time", "decided")


@dataclass(frozen=True)
class Inputs:
    """What is exchanged: planned and actual value of each interval, by cause."""

    planned: Mapping[str, Floats]
    actual: Mapping[str, Floats]

    def mix(self, causes: Sequence[str]) -> dict[str, Floats]:
        """Return the values with those of some causes as they were, all others as planned."""
        return {name: (self.actual if name in causes else self.planned)[name] for name in self.planned}


def explain_target(
    rows: pd.DataFrame, target: QueueTarget, level: float = 80, seed: int = 0, is_lagged: bool = False
) -> pd.DataFrame:
    """Split the difference between the observed and the planned service level into parts that add up to it.

    The service level of the plan is recomputed with volume, handle time, agents and schedule exchanged for what they
    were, in every order; the part of a cause is the mean of what its exchange changes (Shapley). What is left between
    the recomputed and the observed level is chance, and whatever the queueing formula does not know.

    Parameters
    ----------
    rows
        One row an interval that is over: ``ds``, ``calls_planned``, ``calls``, ``aht_planned``, ``n`` and ``handle_s``
        (handled contacts and their handle time), ``agents_planned`` (required by the plan), ``in_time``, ``decided``,
        and where they are known ``agents_scheduled`` (of the shifts), ``agents`` (who were there) and ``agents_off``
        (scheduled on contacts, and recorded as absent, in training or the like). With the last, what is missing of the
        agents scheduled is told apart: ``shrinkage`` is those, ``adherence`` the rest.
    target
        How the queue works.
    level, seed
        Of the intervals, which draw days anew (intervals of the day, where there are fewer than four days).
    is_lagged
        Whether contacts last so long that an interval is staffed for the work in it, whenever it came.

    Returns
    -------
    One row a cause, the largest part in the direction of the difference first: ``cause``, ``part``, ``part-lo``,
    ``part-hi``, ``share`` (of the difference; missing where parts raise and lower the service level, since their shares
    would be above the whole). ``attrs``: ``planned`` (service level of the plan), ``recomputed`` (with everything as it
    was) and ``observed``; ``observed - planned`` is the sum of the parts.

    Raises
    ------
    InputError
        If a column is missing or no contact is decided.

    Notes
    -----
    Counts are taken as rates once the chance of Poisson counts is out of them, since formulas have it in them already;
    handle times once the chance of their means is. L. S. Shapley, A value for n-person games (1953).

    Examples
    --------
    >>> rows = pd.DataFrame({"ds": pd.date_range("2024-03-04 08:00", periods=8, freq="30min"), "calls_planned": 100.0,
    ...     "calls": 120.0, "aht_planned": 180.0, "n": 120.0, "handle_s": 120 * 180.0, "agents_planned": 14.0,
    ...     "in_time": 86.0, "decided": 120.0})
    >>> found = explain_target(rows, QueueTarget(patience=120))
    >>> found["cause"].tolist(), round(found.attrs["planned"], 2), round(found.attrs["observed"], 2)
    (['volume', 'chance', 'handle time'], 0.93, 0.72)
    >>> bool(np.isclose(found["part"].sum(), found.attrs["observed"] - found.attrs["planned"]))
    True
    """
    require_columns(rows, list(_COLUMNS), "rows")
    rows = rows[rows["calls_planned"] + rows["calls"] > 0].sort_values("ds", ignore_index=True)
    if not rows["decided"].sum() > 0:
        raise InputError("no contact was decided in this period", where="rows", column="decided", code="rows.none")
    day = pd.factorize(rows["ds"].dt.normalize())[0]
    inputs = _read_inputs(rows, day)
    causes = [c for c in inputs.planned if c != "required"]
    met, calls = _coalitions(inputs, target, rows["ds"] if is_lagged else None)
    cluster = day if len(np.unique(day)) >= 4 else np.arange(len(rows))
    weights = np.concatenate([np.ones((1, len(rows))), _draw_weights(cluster, seed)])
    values = {key: (weights @ met[key]) / np.maximum(weights @ calls[key], 1e-12) for key in met}
    observed = (weights @ rows["in_time"].to_numpy(float)) / np.maximum(
        weights @ rows["decided"].to_numpy(float), 1e-12
    )
    parts = {cause: find_part(values, cause, causes) for cause in causes}
    parts["chance"] = observed - values[frozenset(causes)]
    tail = 50 - level / 2
    whole = float(observed[0] - values[frozenset()][0])
    found = pd.DataFrame(
        [(cause, part[0], *np.percentile(part[1:], [tail, 100 - tail])) for cause, part in parts.items()],
        columns=["cause", "part", "part-lo", "part-hi"],
    )
    found["share"] = share_out(found["part"].to_numpy())
    direction = -1.0 if whole < 0 else 1.0
    found = found.iloc[np.argsort(-direction * found["part"].to_numpy(), kind="stable")].reset_index(drop=True)
    found.attrs |= {"planned": float(values[frozenset()][0]), "observed": float(observed[0])}
    found.attrs["recomputed"] = float(values[frozenset(causes)][0])
    return found


def share_out(parts: Floats, least: float = MIN_PART) -> Floats:
    """Return the share of each part in their sum; missing where they have both signs, or are nothing.

    >>> share_out(np.array([-0.03, -0.01, 0.0])).tolist(), share_out(np.array([-0.03, 0.02])).tolist()
    ([0.75, 0.25, -0.0], [nan, nan])
    """
    seen = parts[np.abs(parts) >= least]
    if not len(seen) or (np.sign(seen) != np.sign(seen[0])).any():
        return np.full(len(parts), np.nan)
    return np.asarray(parts / parts.sum())


def _read_inputs(rows: pd.DataFrame, day: Ints) -> Inputs:
    """Return planned and actual values: rates, handle times, and the agents of plan, shifts and day as differences."""
    planned_calls, planned_aht = (rows[c].to_numpy(dtype=float) for c in ("calls_planned", "aht_planned"))
    required = rows["agents_planned"].to_numpy(dtype=float)
    nothing = np.zeros(len(rows))
    planned = {"volume": planned_calls, "handle time": planned_aht}
    actual = {"volume": estimate_rates(planned_calls, rows["calls"].to_numpy(dtype=float), day)}
    spent = rows["n"].to_numpy(dtype=float), rows["handle_s"].to_numpy(dtype=float)
    actual["handle time"] = estimate_day_times(planned_aht, *spent, day)
    base = required
    if "agents_scheduled" in rows:
        base = rows["agents_scheduled"].fillna(rows["agents_planned"]).to_numpy(dtype=float)
        planned["schedule"], actual["schedule"] = nothing, base - required
    if "agents" in rows:
        there = rows["agents"].to_numpy(dtype=float)
        missing = np.where(np.isnan(there), 0.0, there - base)
        parts = {"agents present": missing}
        if "agents_off" in rows:
            off = np.where(np.isnan(there), 0.0, rows["agents_off"].fillna(0.0).to_numpy(dtype=float))
            parts = {"adherence": missing + off, "shrinkage": -off}
        for name, part in parts.items():
            planned[name], actual[name] = nothing, part
    fixed = {"required": required}
    return Inputs(planned | fixed, actual | fixed)


def estimate_rates(planned: Floats, y: Floats, group: Ints) -> Floats:
    """Return the rates behind counts: the plan, moved as the whole and each day were, and each interval beyond chance.

    >>> y = np.array([110.0, 130.0, 115.0, 125.0])
    >>> estimate_rates(np.full(4, 100.0), y, np.zeros(4, dtype=int)).round(1).tolist()
    [120.0, 120.0, 120.0, 120.0]
    """
    unplanned = planned <= 0
    level = y.sum() / planned.sum() if planned.sum() > 0 else 1.0
    mean = planned * level
    days = np.arange(group.max() + 1)
    by_day = (np.asarray(np.bincount(group, v, minlength=len(days)), dtype=float) for v in (mean, y))
    mean = mean * _shrink(*by_day)[group]
    rate = mean * _shrink(mean, y)
    return np.asarray(np.where(unplanned, y, rate))


def _shrink(mean: Floats, y: Floats) -> Floats:
    """Return the gamma-Poisson factors of counts over their means, drawn towards 1 by how much is chance."""
    excess = float(np.sum((y - mean) ** 2 - mean)) / max(float(np.sum(mean**2)), 1e-12)
    if excess <= 0:
        return np.ones(len(mean))
    strength = 1 / excess
    return np.asarray((y + strength) / (mean + strength))


def estimate_day_times(planned: Floats, n: Floats, handle_s: Floats, group: Ints) -> Floats:
    """Return handle times: the plan, moved as the whole was, and as each day was beyond the chance of its mean."""
    expected = planned * n
    if not expected.sum() > 0:
        return planned
    level = handle_s.sum() / expected.sum()
    count = int(group.max()) + 1
    work, seen, handled = (np.bincount(group, v, minlength=count) for v in (expected * level, handle_s, n))
    with np.errstate(divide="ignore", invalid="ignore"):
        off = np.where(work > 0, seen / work - 1, 0.0)
        error = np.where(handled > 0, 1 / np.maximum(handled, 1), np.inf)  # of exponential times, as the formulas take
    between = max(float(np.mean(off**2 - np.where(np.isfinite(error), error, 0.0))), 0.0)
    kept = np.where(np.isfinite(error), between / (between + error) if between > 0 else 0.0, 0.0)
    return np.asarray(planned * level * (1 + kept * off)[group])


def _coalitions(
    inputs: Inputs, target: QueueTarget, lagged: pd.Series | None = None
) -> tuple[dict[frozenset[str], Floats], dict[frozenset[str], Floats]]:
    """Return contacts in time and contacts of each interval, for each set of causes as they were."""
    causes = [c for c in inputs.planned if c != "required"]
    met, calls = {}, {}
    for size in range(len(causes) + 1):
        for chosen in combinations(causes, size):
            values = inputs.mix(chosen)
            agents = values["required"] + sum(values[name] for name in _AGENT_CAUSES if name in values)
            key = frozenset(chosen)
            calls[key], aht = values["volume"], values["handle time"]
            work = calls[key]
            if lagged is not None:
                work = lag_rows(lagged, work, aht, float(np.asarray(target.interval)))
            met[key] = calls[key] * _level_of(target, work, aht, agents)
    return met, calls


def _level_of(target: QueueTarget, calls: Floats, aht: Floats, agents: Floats) -> Floats:
    """Return the service level of agents that need not be whole: between those of the whole numbers around."""
    there = np.maximum(agents, 0.0)
    low = np.floor(there + 1e-9)
    part = np.clip(there - low, 0.0, 1.0)
    below = expected_levels(target, calls, aht, low)
    if not (part > 1e-9).any():
        return below
    return np.asarray((1 - part) * below + part * expected_levels(target, calls, aht, low + 1))


def find_part(values: Mapping[frozenset[str], Floats], cause: str, causes: Sequence[str]) -> Floats:
    """Return the mean of what the exchange of a cause changes over all orders of exchange."""
    others, count = [c for c in causes if c != cause], len(causes)
    total = np.zeros_like(values[frozenset()])
    for size in range(count):
        weight = factorial(size) * factorial(count - size - 1) / factorial(count)
        for before in combinations(others, size):
            total += weight * (values[frozenset((*before, cause))] - values[frozenset(before)])
    return total


def _draw_weights(cluster: Ints, seed: int) -> Floats:
    """Return how often each interval counts in each draw of clusters with replacement."""
    count = int(cluster.max()) + 1
    draws = np.random.default_rng(seed).multinomial(count, np.full(count, 1 / count), size=DRAWS)
    return np.asarray(draws[:, cluster], dtype=float)
