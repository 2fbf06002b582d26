"""What the rest of a day comes to with the agents who are there, and which moves help."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from ...features.arrays import Floats
from ..staffing.staffing_plan import find_max_calls
from ..staffing.target import QueueTarget

#: Points of the distribution of the rate of the rest of the day.
RATE_POINTS = 21
#: A move that lifts the service level of the rest by less than this is none.
MIN_GAIN = 0.002
_WHOLE = 1e-6
#: Contacts of the intervals that are left -> the contacts that these are staffed for, where contacts last long.
Load = Callable[[Floats], Floats]


def expected_levels(target: QueueTarget, calls: Floats, aht: Floats, agents: Floats) -> Floats:
    """Return the service level of each interval; 0 where calls come and nobody is there.

    >>> calls, agents = np.array([100.0, 5.0]), np.array([14.0, 0.0])
    >>> expected_levels(QueueTarget(), calls, np.full(2, 180.0), agents).round(2).tolist()
    [0.89, 0.0]
    """
    level, there = np.zeros(len(calls)), (agents >= 1) & (calls > 0)
    if there.any():
        level[there] = target.perform(calls[there], aht[there], np.floor(agents[there] + _WHOLE))["service_level"]
    return np.where(calls > 0, level, 1.0)


@dataclass(frozen=True)
class Evening:
    """What a day comes to by its evening.

    Attributes
    ----------
    level
        Expected service level of the whole day.
    rest
        That of the rest of the day.
    chance
        Probability that the whole day meets the target.
    low, high
        Likely range of the level of the whole day.
    """

    level: float
    rest: float
    chance: float
    low: float
    high: float


def expect_evening(
    rest: pd.DataFrame,
    target: QueueTarget,
    goal: float,
    spread: float,
    in_time: float = 0.0,
    decided: float = 0.0,
    load: Load | None = None,
) -> Evening:
    """Return what a day comes to, over what the rest of it may bring.

    Parameters
    ----------
    rest
        ``calls``, ``aht_s`` and ``agents`` of each interval that is left.
    target, goal
        How the queue works, and the service level that the day is to reach.
    spread
        How far the rate of the rest may be off, as a share of it.
    in_time, decided
        Contacts of today that were answered in time, of those that are decided.
    load
        Gives the contacts that intervals are staffed for; by default their own.
    """
    calls, aht, agents = (rest[name].to_numpy(dtype=float) for name in ("calls", "aht_s", "agents"))
    shape = 1 / max(spread, 1e-3) ** 2
    factors = stats.gamma.ppf((np.arange(RATE_POINTS) + 0.5) / RATE_POINTS, shape, scale=1 / shape)
    levels, rests, weights = [], [], []
    for factor in factors:
        rate = calls * factor
        met = float((rate * expected_levels(target, rate if load is None else load(rate), aht, agents)).sum())
        whole = decided + float(rate.sum())
        levels.append((in_time + met) / whole if whole > 0 else np.nan)
        rests.append(met)
        weights.append(float(rate.sum()))
    done, total = float(np.sum(rests)), float(np.sum(weights))
    level = np.asarray(levels)
    expected = (in_time + done / RATE_POINTS) / (decided + total / RATE_POINTS) if decided + total > 0 else np.nan
    low, high = (float(np.quantile(level, p)) for p in (0.1, 0.9))
    chance = float((level >= goal).mean()) if not np.isnan(level).any() else np.nan
    return Evening(float(expected), done / total if total > 0 else np.nan, chance, low, high)


def find_moves(
    rest: pd.DataFrame,
    target: QueueTarget,
    others: Mapping[str, pd.Series] | None = None,
    load: Load | None = None,
) -> pd.DataFrame:
    """Return which moves help the rest of a day, each by itself, the one that helps most first.

    Parameters
    ----------
    rest
        ``ds``, ``calls``, ``aht_s``, ``agents`` (there, on contacts) and ``required`` of each interval that is left;
        optionally ``on_break`` (agents on a break that could be moved).
    target
        How the queue works, and what it is to reach.
    others
        Agents over what is required, by ``ds``, of other queues by name.
    load
        Gives the contacts that intervals are staffed for; by default their own.

    Returns
    -------
    ``move`` (``breaks``, ``overtime``, ``agents of NAME``, ``callbacks``), ``start`` and ``end`` of the intervals that
    it helps, ``agents`` (at most at a time; of callbacks the contacts), ``hours`` (of agents), ``service_level`` of the
    rest of the day with it, and ``gain`` over the one without.

    Examples
    --------
    >>> rest = pd.DataFrame({"ds": pd.date_range("2024-03-04 12:00", periods=3, freq="30min"), "aht_s": 180.0,
    ...     "calls": [100.0, 100.0, 60.0], "agents": [11.0, 14.0, 14.0], "required": [14, 14, 9]})
    >>> find_moves(rest, QueueTarget(max_occupancy=None))[["move", "agents", "hours"]].values.tolist()
    [['overtime', 3.0, 1.5], ['callbacks', 18.0, 0.0]]
    """
    frame = rest.sort_values("ds", ignore_index=True)
    calls, aht, agents = (frame[name].to_numpy(dtype=float) for name in ("calls", "aht_s", "agents"))
    short = np.maximum(frame["required"].to_numpy(dtype=float) - np.floor(agents + _WHOLE), 0.0)
    columns = ["move", "start", "end", "agents", "hours", "service_level", "gain"]
    if not (short > 0).any():
        return pd.DataFrame(columns=columns)
    before = _level(target, calls, aht, agents, load)
    hours, rows = float(np.asarray(target.interval)) / 3600, []
    for name, more_calls, more_agents in _list_moves(frame, target, short, others or {}):
        after = _level(target, more_calls, aht, more_agents, load)
        moved = np.abs(more_calls - calls) if name == "callbacks" else np.maximum(more_agents - agents, 0.0)
        touched = np.flatnonzero((moved > 0) & (short > 0))
        if after - before < MIN_GAIN or not len(touched):
            continue
        first, last = frame["ds"].iloc[touched[0]], frame["ds"].iloc[touched[-1]] + pd.Timedelta(hours=hours)
        is_call = name == "callbacks"
        count = float(moved[touched].sum() if is_call else moved.max())
        work = 0.0 if is_call else float(moved.sum()) * hours
        rows.append((name, first, last, round(count) if is_call else count, work, after, after - before))
    found = pd.DataFrame(rows, columns=columns).sort_values("gain", ascending=False, kind="stable", ignore_index=True)
    return found.astype({"agents": "float64", "hours": "float64"})


def _level(target: QueueTarget, calls: Floats, aht: Floats, agents: Floats, load: Load | None) -> float:
    whole, work = float(calls.sum()), calls if load is None else load(calls)
    return float((calls * expected_levels(target, work, aht, agents)).sum()) / whole if whole > 0 else 1.0


def _list_moves(
    rest: pd.DataFrame, target: QueueTarget, short: Floats, others: Mapping[str, pd.Series]
) -> Iterator[tuple[str, Floats, Floats]]:
    """Yield each move with the calls and agents that it leads to."""
    calls, agents = rest["calls"].to_numpy(dtype=float), rest["agents"].to_numpy(dtype=float)
    spare = np.maximum(np.floor(agents + _WHOLE) - rest["required"].to_numpy(dtype=float), 0.0)
    if "on_break" in rest:
        resting = np.minimum(np.floor(rest["on_break"].to_numpy(dtype=float) + _WHOLE), short)
        yield "breaks", calls, agents + resting - _spread(resting.sum(), spare)
    yield "overtime", calls, agents + short
    for name, surplus in others.items():
        free = np.floor(surplus.reindex(rest["ds"]).fillna(0.0).to_numpy(dtype=float) + _WHOLE)
        yield f"agents of {name}", calls, agents + np.minimum(np.maximum(free, 0.0), short)
    if target.concurrency is None and target.service_level is not None:
        yield "callbacks", _call_back(rest, target, calls, agents), agents


def _spread(amount: float, room: Floats) -> Floats:
    """Return an amount laid into the first places that have room for it."""
    before = np.cumsum(room) - room
    return np.clip(amount - before, 0.0, room)


def _call_back(rest: pd.DataFrame, target: QueueTarget, calls: Floats, agents: Floats) -> Floats:
    """Return the calls with those that are too many called back in later intervals that have room."""
    scale = (rest["aht_s"].to_numpy(dtype=float), target.interval, target.service_level, target.threshold)
    patience = target.patience if target.patience is None or np.isscalar(target.patience) else None
    most = find_max_calls(np.floor(agents + _WHOLE), *scale, patience)
    out = calls.copy()
    # nobody is called back tomorrow: as many as later intervals have room for
    for place in range(len(out) - 2, -1, -1):
        room = np.maximum(most[place + 1 :] - out[place + 1 :], 0.0)
        moved = min(max(float(out[place] - most[place]), 0.0), float(room.sum()))
        out[place] -= moved
        out[place + 1 :] += _spread(moved, room)
    return np.asarray(out)
