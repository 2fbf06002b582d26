"""Play a staffing plan many times, and hold what happens against what the formula said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import special

from ...features.arrays import Floats
from ...features.errors import InputError
from ..arguments import Numbers, check_number
from ..queueing.chat import chat_performance
from ..queueing.erlang import queue_performance
from ..queueing.patience import Patience
from ..queueing.transient import queue_over_day
from .plan_run import (
    COUNTED_MEASURES,
    Queue,
    QueueOptions,
    Setting,
    count_run,
    draw_replication,
    read_plan,
    simulate_replication,
    values_by_queue,
)
from .queue import Agent


def check_plan(
    plan: pd.DataFrame,
    *,
    interval: float = 1800,
    service_level: Setting = 0.8,
    threshold: Setting = 20,
    patience: Setting = None,
    concurrency: Setting = 1,
    slowdown: Setting = 0.0,
    day_spread: float = 0.0,
    slot_spread: float = 0.0,
    handle_times: Numbers | Mapping[str, Numbers] | None = None,
    crew: Sequence[Agent] | None = None,
    replications: int = 100,
    seed: int = 0,
    level: float = 0.99,
) -> pd.DataFrame:
    """Simulate a staffing plan and say per interval and per day how it does, with how sure that is.

    Parameters
    ----------
    plan
        One row an interval of a queue: ``ds``, ``calls`` (expected), ``aht_s``, ``agents`` (at work), and ``queue`` if
        there are several; what :func:`staffing_plan` returns will do. Intervals may be missing: nobody comes and
        nobody works there, and who still waits goes on waiting.
    interval
        Length of an interval in seconds.
    service_level, threshold, patience, concurrency, slowdown
        As in :func:`required_agents` and :func:`simulate_chats`; ``patience`` is a mean in seconds (exponential), a
        :class:`Patience`, or ``None``. One value, or a mapping of queue to value.
    day_spread, slot_spread
        How much the rate of arrivals differs from the expected one, as a coefficient of variation: a gamma factor
        that the intervals of a day and all queues share, and one of each interval. 0: the plan knows the rate.
    handle_times
        Handle times that were seen, whose distribution (scaled to ``aht_s``) takes the place of the exponential.
    crew
        Who works, instead of ``agents``: skills are the positions of the queues in alphabetical order, shifts are
        seconds since the first ``ds``. Not for chats with concurrency.
    replications
        How often the plan is played, from 2.
    seed
        Same seed, same result.
    level
        Of the confidence intervals.

    Returns
    -------
    DataFrame
        ``period`` ("interval", "day" or "all"), ``queue``, ``ds``, ``calls`` (came, per replication), ``agents``
        (mean), then ``service_level``, ``abandonment``, ``mean_wait_s`` and ``occupancy``, each with ``_lo`` and
        ``_hi`` and with ``formula_`` (the interval alone, in balance); ``over_day_service_level`` (the formula that
        carries the queue from interval to interval, each unbroken stretch of them beginning empty; missing for chats
        with concurrency, for a crew, and for patience that is not exponential) and ``target_met`` (share of
        replications that reach the service level in the period; those without calls do not count).

        ``overtime_h`` is how long, per replication, agents were kept after their shift by what they had begun.

        Who still waits at the end counts as not answered in time, and has waited until then. ``occupancy`` is work
        over presence; of an agent with several chats, open chats over places. It is missing for a crew.

    Raises
    ------
    InputError
        Names the argument or column.

    Notes
    -----
    An agent finishes what was begun when an interval with fewer agents begins. Who waits, abandons or is served is
    counted to the interval of the arrival.

    Examples
    --------
    >>> ds = pd.date_range("2024-03-01 09:00", periods=4, freq="30min")
    >>> plan = pd.DataFrame({"ds": ds, "calls": 100.0, "aht_s": 180.0, "agents": 14})
    >>> found = check_plan(plan, replications=200, seed=1).query("period == 'day'")
    >>> found.filter(regex="service_level").round(3).to_dict("records")
    [{'service_level': 0.898, 'service_level_lo': 0.882, 'service_level_hi': 0.912,
      'formula_service_level': 0.888, 'over_day_service_level': 0.897}]
    """
    queues = read_plan(plan, check_number("interval", interval, above=0))
    options = QueueOptions.read(queues, threshold, patience, concurrency, slowdown, handle_times, crew)
    check_number("level", level, above=0, below=1)
    if check_number("replications", replications, least=2) % 1:
        raise InputError(
            "part of a run cannot be simulated", where="argument 'replications'", got=replications, code="value.range"
        )
    replications = int(replications)
    spreads = [check_number(n, v, least=0) for n, v in (("day_spread", day_spread), ("slot_spread", slot_spread))]
    tallies = {
        name: {t: np.zeros((replications, len(q.start))) for t in COUNTED_MEASURES} for name, q in queues.items()
    }
    for run_number in range(replications):
        drawn = draw_replication(queues, options, spreads, (seed, run_number))
        for name, run in simulate_replication(queues, options, drawn, crew).items():
            count_run(tallies[name], run_number, queues[name], run, options[name].threshold, crew)
    promises = values_by_queue(service_level, queues)
    parts = []
    for name, queue in queues.items():
        kept = check_number("service_level", promises[name], least=0, below=1)
        formula = _formula(queue, options[name], crew is not None)
        for period, groups, ds in _periods(queue):
            parts.append(_summary(tallies[name], queue, groups, formula, kept, level, crew, options[name]))
            parts[-1].insert(0, "ds", ds)
            parts[-1].insert(0, "queue", name)
            parts[-1].insert(0, "period", period)
    return pd.concat(parts, ignore_index=True).astype({"period": "str", "queue": "str"})


def _periods(queue: Queue) -> list[tuple[str, npt.NDArray[np.int64], npt.NDArray[Any]]]:
    """Return for each kind of period: its name, the period of each interval, and when each begins."""
    days, day = np.unique(queue.ds.astype("datetime64[D]"), return_inverse=True)
    slots = np.arange(len(queue.ds))
    whole = np.zeros(len(slots), dtype=np.int64)
    return [("interval", slots, queue.ds), ("day", day, days.astype(queue.ds.dtype)), ("all", whole, queue.ds[:1])]


def _formula(queue: Queue, own: QueueOptions, crew: bool) -> pd.DataFrame:
    """Return what the formulas say of each interval, with the columns of the simulation's figures."""
    common = (queue.calls, queue.aht, queue.agents)
    if own.concurrency > 1:
        common_chat = (*common, own.concurrency, own.slowdown, queue.length, own.threshold, own.patience)
        found = chat_performance(*common_chat).drop(columns="occupancy").rename(columns={"slot_occupancy": "occupancy"})
    else:
        found = queue_performance(*common, queue.length, own.threshold, own.patience)
    renamed = found.rename(columns={"mean_wait": "mean_wait_s"})
    figures = renamed[["service_level", "abandonment", "mean_wait_s", "occupancy"]].add_prefix("formula_")
    carried = np.full(len(figures), np.nan)
    if not crew and own.concurrency == 1 and not isinstance(own.patience, Patience):
        apart = np.flatnonzero(np.diff(queue.start) > queue.length * (1 + 1e-9)) + 1
        for rows in np.split(np.arange(len(figures)), apart):
            calls, aht, agents = (values[rows] for values in common)
            over = queue_over_day(calls, aht, agents, queue.length, own.threshold, own.patience)
            carried[rows] = over["service_level"].to_numpy()
    return figures.assign(over_day_service_level=carried)


def _summary(
    tally: dict[str, Floats],
    queue: Queue,
    groups: npt.NDArray[np.int64],
    formula: pd.DataFrame,
    kept: float,
    level: float,
    crew: Any,
    own: QueueOptions,
) -> pd.DataFrame:
    merge = (groups[:, None] == np.arange(groups.max() + 1)).astype(float)
    sums = {name: values @ merge for name, values in tally.items()}
    slots = merge.sum(axis=0)
    places = np.where(crew is None, own.concurrency, np.nan) * queue.agents * queue.length
    present = np.broadcast_to(places @ merge, sums["busy_s"].shape)
    out = {"calls": sums["offered"].mean(axis=0), "agents": queue.agents @ merge / slots}
    for name, bounds in (
        ("service_level", share_interval(sums["in_time"], sums["offered"], level)),
        ("abandonment", share_interval(sums["given_up"], sums["offered"], level)),
        ("mean_wait_s", estimate_mean_interval(sums["waited_s"], sums["offered"], level)),
        ("occupancy", estimate_mean_interval(sums["busy_s"], present, level)),
    ):
        out |= dict(zip((name, f"{name}_lo", f"{name}_hi"), bounds, strict=True))
    for column in formula.columns:
        weight = places if "occupancy" in column else queue.calls
        part = np.where(weight > 0, formula[column] * weight, 0.0)
        total = np.bincount(groups, weights=weight)
        with np.errstate(invalid="ignore", divide="ignore"):
            out[column] = np.where(total > 0, np.bincount(groups, weights=part) / total, np.nan)
    came = sums["offered"] > 0
    with np.errstate(invalid="ignore", divide="ignore"):
        met = came & (sums["in_time"] / sums["offered"] >= kept)
        out["target_met"] = np.where(came.any(axis=0), met.sum(axis=0) / came.sum(axis=0), np.nan)
    out["overtime_h"] = sums["overtime_s"].mean(axis=0) / 3600
    return pd.DataFrame(out)


def share_interval(hits: Floats, offered: Floats, level: float = 0.99) -> tuple[Floats, Floats, Floats]:
    """Return shares over all replications with their confidence intervals.

    Parameters
    ----------
    hits, offered
        Counts, shape (replications, periods); each replication is independent of the others.
    level
        Of the interval.

    Returns
    -------
    share, lo, hi
        Each of shape (periods,); NaN where nothing was offered.

    Notes
    -----
    A ratio over clusters (Cochran, *Sampling Techniques*, chapter 6) in the interval of Wilson (1927) with as many
    independent draws as give the same standard error, so it stays within 0 and 1 and is not empty at them.

    Examples
    --------
    >>> share, lo, hi = share_interval(np.array([[8.0], [9.0], [7.0]]), np.full((3, 1), 10.0), level=0.95)
    >>> share.tolist(), lo.round(2).tolist(), hi.round(2).tolist()
    ([0.8], [0.49], [0.94])
    """
    share, error, t = _ratio(hits, offered, level)
    with np.errstate(divide="ignore", invalid="ignore"):
        draws = share * (1 - share) / error**2
        draws = np.where(error > 0, draws, offered.sum(axis=0))
        middle = (share + t**2 / (2 * draws)) / (1 + t**2 / draws)
        half = t / (1 + t**2 / draws) * np.sqrt(share * (1 - share) / draws + t**2 / (4 * draws**2))
    return share, np.maximum(middle - half, 0.0), np.minimum(middle + half, 1.0)


def estimate_mean_interval(sums: Floats, counts: Floats, level: float = 0.99) -> tuple[Floats, Floats, Floats]:
    """Return means over all replications with their confidence intervals; shapes as in :func:`share_interval`.

    >>> mean, lo, hi = estimate_mean_interval(np.array([[20.0], [40.0]]), np.array([[10.0], [10.0]]), level=0.8)
    >>> mean.tolist(), lo.round(2).tolist(), hi.round(2).tolist()
    ([3.0], [-0.08], [6.08])
    """
    mean, error, t = _ratio(sums, counts, level)
    return mean, mean - t * error, mean + t * error


def _ratio(sums: Floats, counts: Floats, level: float) -> tuple[Floats, Floats, float]:
    times = len(sums)
    total = counts.sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(total > 0, sums.sum(axis=0) / total, np.nan)
        rest = np.where(total > 0, sums - ratio * counts, 0.0)
        error = np.sqrt((rest**2).sum(axis=0) * times / (times - 1)) / total
    return ratio, error, float(special.stdtrit(times - 1, 0.5 + level / 2))


def batch_sums(values: npt.ArrayLike, batches: int = 40, warm_up: float = 0.1) -> tuple[Floats, Floats]:
    """Cut one long run into batches that count as replications: their sums and sizes, shape (batches, 1).

    Parameters
    ----------
    values
        One value an item, in order of arrival.
    batches
        How many.
    warm_up
        Share at the beginning that is left out, as the run begins empty.

    Examples
    --------
    >>> sums, sizes = batch_sums(np.arange(10.0), batches=3, warm_up=0.1)
    >>> sums.ravel().tolist(), sizes.ravel().tolist()
    ([6.0, 15.0, 24.0], [3.0, 3.0, 3.0])
    """
    kept = np.asarray(values, dtype=float)
    kept = kept[int(len(kept) * warm_up) :]
    parts: list[Any] = np.array_split(kept, batches)
    return np.array([[p.sum()] for p in parts]), np.array([[float(len(p))] for p in parts])
