"""From rows in the engine to one value for each period and segment: counts, shares, means and durations."""

from __future__ import annotations

from typing import Any

import ibis
import numpy as np
import pandas as pd

from ..arrays import Floats
from ..statistics.intervals import mean_interval, wilson_interval
from .cells import SegmentedRows
from .queries import DurationQuery, SumQuery


def aggregate_count(source: SegmentedRows, at: str, amount: str | None = None, rows: Any = None) -> SumQuery:
    """Count rows, or sum an amount, by the period of an instant."""
    rows = source.rows if rows is None else rows
    sums = {"k": rows.count() if amount is None else rows[amount].sum()}
    each = ibis.literal(1.0) if amount is None else rows[amount].fill_null(0.0)
    return SumQuery(source, rows, at, sums, _count_of, each, each)


def aggregate_share(source: SegmentedRows, at: str, hit: Any, of: Any = None) -> SumQuery:
    """Give the share of rows with ``hit`` among those with ``of`` (all by default), with Wilson's interval."""
    rows = source.rows
    counted, all_of = (hit, rows.count()) if of is None else (hit & of, of.sum())
    each = ibis.literal(True) if of is None else of
    return SumQuery(source, rows, at, {"k": counted.sum(), "n": all_of}, compute_share, each, counted)


def _count_of(source: SegmentedRows, k: Floats) -> pd.DataFrame:
    return source.frame(value=k, n=k, numerator=k)


def compute_share(source: SegmentedRows, hits: Floats, n: Floats) -> pd.DataFrame:
    """Give the share of two counts that stand in the cells of a source."""
    with np.errstate(divide="ignore", invalid="ignore"):
        value = np.where(n > 0, hits / n, np.nan)
    lo, hi = wilson_interval(hits, n)
    return source.frame(value=value, n=n, numerator=hits, lo=lo, hi=hi)


def compute_ratio(source: SegmentedRows, amount: Floats, n: Floats) -> pd.DataFrame:
    """Give an amount for each one of a count; no interval is known."""
    with np.errstate(divide="ignore", invalid="ignore"):
        value = np.where(n > 0, amount / n, np.nan)
    return source.frame(value=value, n=n, numerator=amount)


def aggregate_mean(source: SegmentedRows, at: str, amount: Any, of: Any = None) -> SumQuery:
    """Give the mean of an amount over the rows where it is known, with the normal interval."""
    known = amount.cast("float64") if of is None else of.ifelse(amount.cast("float64"), None)
    sums = {"n": known.count(), "s": known.sum(), "q": (known * known).sum()}
    return SumQuery(source, source.rows, at, sums, _mean_of, known.notnull(), known.fill_null(0.0))


def _mean_of(source: SegmentedRows, n: Floats, total: Floats, squares: Floats) -> pd.DataFrame:
    with np.errstate(divide="ignore", invalid="ignore"):
        value = np.where(n > 0, total / n, np.nan)
    lo, hi = mean_interval(total, squares, n)
    return source.frame(value=value, n=n, numerator=total, lo=lo, hi=hi, mean=value)


def aggregate_duration(
    source: SegmentedRows, at: str, seconds: Any, ended: Any = None, *, of: Any = None, horizon: float | None = None
) -> DurationQuery:
    """Give median, 90th percentile and mean of durations, of which those not ``ended`` are censored.

    ``n`` is the number of rows, ``numerator`` that of the ended ones; ``value`` is the median, ``lo`` and ``hi`` its
    interval, ``mean`` counts each duration up to ``horizon``. Negative durations cannot be and are left out.
    """
    rows = source.rows
    spent = seconds.cast("float64") if of is None else of.ifelse(seconds.cast("float64"), None)
    over = ibis.literal(True) if ended is None else ended
    return DurationQuery(source, rows, at, spent, over, horizon)
