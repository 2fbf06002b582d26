"""How surprising a value is by the past of its own series alone: ranks, tails, and what was never seen before."""

from __future__ import annotations

from collections import deque
from typing import Any

import numpy as np
import pandas as pd

from ...features.arrays import Floats

#: Values before the first evidence.
WARM_UP_VALUES = 50
#: How far back "never seen before" looks, and the window of what is usual of late, in values.
MEMORY_VALUES, RECENT_VALUES = 10_000, 400
#: The share of the past above which a tail is fitted, and how much the fit believes before it has seen one.
TAIL_SHARE, PRIOR_WEIGHT, PRIOR_EXCESS = 0.02, 3.0, 0.3
#: Beyond this many of its own spreads one deviation is as good as another.
MAX_SURPRISE = 1e9
#: 10 and 90 % quantiles of a normal variable lie so many standard deviations apart.
NORMAL_DECILE_SPAN = 2.563


def measure_novelty(values: Floats, dust: Floats | float = 0.0) -> Floats:
    """Return how far each value lies outside of all values before it, in spans of the past; 0 inside.

    Parameters
    ----------
    values
        In order of time, none missing, shape (n,).
    dust
        Differences up to this are rounding and no change, shape (n,) or one number.

    Notes
    -----
    The idea of "seen before in this context" of the contextual anomaly detector of M. Smirnov, one of the best of
    the Numenta benchmark, on numbers instead of bits.

    Examples
    --------
    >>> measure_novelty(np.array([1.0] * 30 + [1.0, 2.0, 2.0])).tolist()[-3:]
    [0.0, 1000000000.0, 0.0]
    """
    s = pd.Series(values)
    high = s.rolling(MEMORY_VALUES, min_periods=1).max().shift().to_numpy()
    low = s.rolling(MEMORY_VALUES, min_periods=1).min().shift().to_numpy()
    span = np.fmax(_span(s.expanding(20)).shift().to_numpy(), 0.05 * (high - low))
    out = np.fmax(values - high, low - values)
    return _ratio(np.where(out > dust, out, 0.0), span)


def measure_recent_deviation(values: Floats, lag: int, dust: Floats | float = 0.0) -> Floats:
    """Return how far each value lies from the median of recent ones, in their spread.

    Parameters
    ----------
    values
        In order of time, none missing, shape (n,).
    lag
        How many values to leave out before each one: as many as a smoothed value is made of.
    dust
        As in :func:`measure_novelty`.

    Examples
    --------
    >>> measure_recent_deviation(np.array([1.0, 2, 3] * 20 + [8.0]), 1)[-1].round(1).item()
    7.7
    """
    s = pd.Series(values)
    past = s.shift(lag)
    window = past.rolling(RECENT_VALUES, min_periods=20)
    spread = np.fmax(_span(window).to_numpy(), 0.3 * _span(past.expanding(20)).to_numpy()) / NORMAL_DECILE_SPAN
    off = np.abs(values - window.median().to_numpy())
    return _ratio(np.where(off > dust, off, 0.0), spread)


def rank_evidence(surprise: Floats) -> Floats:
    """Return minus the decimal logarithm of the share of the past that was as surprising: 3 is once in a thousand.

    >>> rank_evidence(np.r_[np.zeros(98), 1.0, 1.0]).round(2)[-2:].tolist()
    [2.0, 1.7]
    """
    n = np.arange(1, len(surprise) + 1)
    rank = pd.Series(surprise).expanding().rank(method="min").to_numpy()
    out: Floats = np.maximum(-np.log10((n - rank + 1) / n), 0.0)
    out[:WARM_UP_VALUES] = 0.0
    return out


def tail_evidence(surprise: Floats) -> Floats:
    """Return the same evidence, with a Pareto tail fitted to the largest 2 % of the past (Hill 1975).

    >>> s = np.r_[np.arange(1000) % 10, 100.0]
    >>> bool(tail_evidence(s)[-1] > rank_evidence(s)[-1])
    True
    """
    s = pd.Series(surprise)
    limit = s.expanding(WARM_UP_VALUES).quantile(1 - TAIL_SHARE).shift().to_numpy()
    above = surprise > limit  # false while there is no limit
    ratio = np.maximum(surprise, 1e-9) / np.maximum(np.nan_to_num(limit, nan=np.inf), 1e-9)
    excess = np.where(above, np.minimum(np.log(np.maximum(ratio, 1.0)), 5.0), 0.0)
    seen: Floats = (np.cumsum(above) - above).astype(float)
    total = np.cumsum(excess) - excess
    shape = (total + PRIOR_WEIGHT * PRIOR_EXCESS) / (seen + PRIOR_WEIGHT)
    out: Floats = np.where(above, -np.log10(TAIL_SHARE) + excess / shape / np.log(10), rank_evidence(surprise))
    return out


def suppress_repeats(evidence: Floats, seconds: Floats, merge_s: float, least: int) -> Floats:
    """Keep evidence that is larger than all of a while before it, and set the rest to 0.

    Parameters
    ----------
    evidence
        In order of time, shape (n,).
    seconds
        Time of each, shape (n,).
    merge_s, least
        The while: so many seconds, or so many values if these reach farther back.

    Examples
    --------
    >>> suppress_repeats(np.array([1.0, 3.0, 2.0, 2.0]), np.arange(4.0), 1.0, 1).tolist()
    [1.0, 3.0, 0.0, 0.0]
    """
    start = np.minimum(np.searchsorted(seconds, seconds - merge_s), np.maximum(np.arange(len(evidence)) - least, 0))
    out = np.zeros_like(evidence)
    largest: deque[int] = deque()  # places of falling evidence inside the while
    for t in range(len(evidence)):
        while largest and largest[0] < start[t]:
            largest.popleft()
        if not largest or evidence[t] > evidence[largest[0]]:
            out[t] = evidence[t]
        while largest and evidence[largest[-1]] <= evidence[t]:
            largest.pop()
        largest.append(t)
    return out


def _span(window: Any) -> pd.Series:
    spread: pd.Series = window.quantile(0.9) - window.quantile(0.1)
    return spread


def _ratio(off: Floats, scale: Floats) -> Floats:
    """Divide; against a past without any spread a change is far, and no change is none."""
    ready = ~np.isnan(scale)
    out = np.where((off > 0) & ready, MAX_SURPRISE, 0.0)
    np.divide(off, scale, out=out, where=ready & (scale > 0) & (off > 0))
    return np.asarray(np.minimum(out, MAX_SURPRISE), dtype=float).round(6)  # so that rounding breaks no tie
