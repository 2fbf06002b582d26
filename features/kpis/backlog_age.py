"""How old the open cases are at the end of each period."""

from __future__ import annotations

from typing import Any

import ibis
import numpy as np
import pandas as pd

from ..arrays import Floats, Ints
from ..case_log.fetch import fetch
from .aggregate import compute_share
from .cells import SegmentedRows


def compute_backlog_age(source: SegmentedRows, opened: Any) -> pd.DataFrame:
    """Give median, 90th percentile and mean age of the cases open at the end of each period.

    Parameters
    ----------
    source
        Transitions (see :func:`~deskcast.features.cases.transitions.transitions_expr`) with segments and periods.
    opened
        Ibis table of cases with ``created_at``: age counts from there, also after a re-opening.

    Returns
    -------
    DataFrame
        A history; ``n`` is the backlog.
    """
    spans = find_open_spans(source, opened)
    periods, n_periods = source.periods, len(source.periods)
    out = {name: np.full(source.size, np.nan) for name in ("value", "p90", "mean")} | {"n": np.zeros(source.size)}
    if spans.empty or not n_periods:
        return source.frame(**out, median=out["value"], numerator=out["n"])
    ends = _seconds(periods["ends_at"])
    born, start, stop = (_seconds(spans[name]) for name in ("created_at", "at", "until"))
    first, last = np.searchsorted(ends, start, side="right"), np.searchsorted(ends, stop, side="right")
    segment = source.cells(spans.assign(ds=periods["ds"].iloc[0])) // n_periods
    for number in range(len(source.segments)):
        mine, cells = segment == number, slice(number * n_periods, (number + 1) * n_periods)
        total, middle = _count_open_by_period(born[mine], first[mine], last[mine], n_periods)
        out["n"][cells] = total
        with np.errstate(divide="ignore", invalid="ignore"):
            out["mean"][cells] = np.where(total > 0, ends - middle, np.nan)
        out["value"][cells] = ends - _find_creation_quantile(born[mine], first[mine], last[mine], n_periods, 0.5)
        out["p90"][cells] = ends - _find_creation_quantile(born[mine], first[mine], last[mine], n_periods, 0.9)
    return source.frame(**out, median=out["value"], numerator=out["n"])


def compute_backlog_share_over(source: SegmentedRows, opened: Any, limit: float) -> pd.DataFrame:
    """Give the share of the cases open at the end of each period that were created more than ``limit`` seconds before.

    Returns
    -------
    DataFrame
        A history; ``n`` is the backlog, ``numerator`` those that are older.
    """
    spans = find_open_spans(source, opened)
    n_periods = len(source.periods)
    old, total = np.zeros(source.size), np.zeros(source.size)
    if len(spans) and n_periods:
        ends = _seconds(source.periods["ends_at"])
        born, start, stop = (_seconds(spans[name]) for name in ("created_at", "at", "until"))
        first, last = np.searchsorted(ends, start, side="right"), np.searchsorted(ends, stop, side="right")
        aged = np.minimum(np.maximum(first, np.searchsorted(ends, born + limit, side="right")), last)
        segment = source.cells(spans.assign(ds=source.periods["ds"].iloc[0])) // n_periods
        total, old = (
            _count_open_by_cell(segment, begin, last, len(source.segments), n_periods) for begin in (first, aged)
        )
    return compute_share(source, old, total)


def _count_open_by_cell(segment: Ints, first: Ints, last: Ints, n_segments: int, n_periods: int) -> Floats:
    """Count the spans that hold at each cell."""
    width = n_periods + 1
    came, went = (np.bincount(segment * width + place, minlength=n_segments * width) for place in (first, last))
    return np.asarray((came - went).reshape(n_segments, width).cumsum(axis=1)[:, :n_periods].ravel(), dtype=float)


def _count_open_by_period(born: Floats, first: Ints, last: Ints, n_periods: int) -> tuple[Floats, Floats]:
    """Count the open cases at the end of each period, and average the instants of their birth."""
    origin = born.min(initial=np.inf)
    if not len(born):
        return np.zeros(n_periods), np.full(n_periods, np.nan)

    def running(weights: Floats) -> Floats:
        came, went = (np.bincount(place, weights, minlength=n_periods + 1) for place in (first, last))
        return np.asarray(np.cumsum(came - went)[:n_periods], dtype=float)

    total, births = np.rint(running(np.ones(len(born)))), running(born - origin)
    with np.errstate(divide="ignore", invalid="ignore"):
        return total, origin + births / total


def _find_creation_quantile(born: Floats, first: Ints, last: Ints, n_periods: int, share: float) -> Floats:
    """Find the birth of the case that is older than that share of the open ones, at the end of each period.

    Where two cases stand in the middle, it is the instant half-way between their births.

    Cases are sorted by birth and cut into about sqrt(n) runs. Counting the open ones of each run finds the run that
    holds the case; only its members are looked at one by one. So the work does not grow with the backlog.
    """
    out = np.full(n_periods, np.nan)
    n = len(born)
    if not n:
        return out
    order = np.argsort(born, kind="stable")
    born, first, last = born[order], first[order], last[order]
    size = int(np.ceil(np.sqrt(n)))
    runs = (n - 1) // size + 1
    run = np.arange(n) // size
    width = n_periods + 1
    change = np.bincount(run * width + first, minlength=runs * width) - np.bincount(
        run * width + last, minlength=runs * width
    )
    older = np.cumsum(np.cumsum(change.reshape(runs, width), axis=1), axis=0)[:, :n_periods]
    total = older[-1]
    # ranks run from the oldest, ages from the youngest
    rank = total - np.ceil(share * total - 1e-9).astype(np.int64)
    even = (rank > 0) & (np.abs(share * total - np.round(share * total)) < 1e-9)  # two cases in the middle
    picked = [_find_by_rank(born, first, last, older, size, r) for r in (rank, rank - even)]
    found = total > 0
    out[found] = (picked[0][found] + picked[1][found]) / 2
    return out


def _find_by_rank(born: Floats, first: Ints, last: Ints, older: Ints, size: int, rank: Ints) -> Floats:
    """Return the birth of the open case of that rank in each period; cases are sorted by birth, in runs of a size."""
    n, runs, n_periods = len(born), len(older), older.shape[1]
    there = np.minimum((older <= rank).sum(axis=0), runs - 1)
    period = np.arange(n_periods)
    rest = rank - np.where(there > 0, older[np.maximum(there - 1, 0), period], 0)
    member = np.minimum(there * size + np.arange(size)[:, None], n - 1)
    is_open = (first[member] <= period) & (period < last[member]) & (there * size + np.arange(size)[:, None] < n)
    picked = np.argmax(is_open & (np.cumsum(is_open, axis=0) == rest + 1), axis=0)
    return np.asarray(born[member[picked, period]], dtype=float)


def find_open_spans(source: SegmentedRows, opened: Any) -> pd.DataFrame:
    """Return the stretches in which cases were open: case_id, segments, created_at, at (from), until."""
    ordered = ibis.window(group_by="case_id", order_by=["at", "seq"])
    rows = source.rows
    rows = rows.mutate(until=rows.at.lead().over(ordered))
    rows = rows.filter(rows.change.isin(("opened", "reopened")))
    cases = opened.select(_of="case_id", created_at="created_at")
    joined = rows.inner_join(cases, rows.case_id == cases["_of"])
    spans = fetch(joined.select("case_id", *source.by, "created_at", "at", "until"))
    spans["until"] = spans["until"].fillna(source.clock.until + pd.Timedelta(days=1))
    return spans[spans["until"] > spans["at"]].reset_index(drop=True)


def _seconds(at: pd.Series[Any]) -> Floats:
    return np.asarray((at - pd.Timestamp(0, tz="UTC")).dt.total_seconds(), dtype=float)
