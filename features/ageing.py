"""How old the open cases are at the end of each period."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import ibis
import numpy as np
import numpy.typing as npt
import pandas as pd

from .aggregate import Floats, Source
from .fetch import fetch
from .survival import kaplan_meier

_BLOCK = 4_000_000  # open cases times periods that are held in memory at once


def backlog_ages(source: Source, opened: Any) -> pd.DataFrame:
    """Give median, 90th percentile and mean age of the cases open at the end of each period.

    Parameters
    ----------
    source
        Transitions (see :func:`~deskcast.features.flow.transitions_expr`) with segments and periods.
    opened
        Ibis table of cases with ``created_at``: age counts from there, also after a re-opening.

    Returns
    -------
    DataFrame
        A history; ``n`` is the backlog.
    """
    spans = _open_spans(source, opened)
    periods, n_periods = source.periods, len(source.periods)
    out = {name: np.full(source.size, np.nan) for name in ("value", "p90", "mean")} | {"n": np.zeros(source.size)}
    if spans.empty or not n_periods:
        return source.frame(**out, median=out["value"], numerator=out["n"])
    ends = _seconds(periods["ends_at"])
    born, start, stop = (_seconds(spans[name]) for name in ("created_at", "at", "until"))
    first, last = np.searchsorted(ends, start, side="right"), np.searchsorted(ends, stop, side="right")
    segment = source.cells(spans.assign(ds=periods["ds"].iloc[0])) // n_periods
    open_at = np.cumsum(np.bincount(first, minlength=n_periods + 1) - np.bincount(last, minlength=n_periods + 1))
    for low, high in _blocks(open_at[:n_periods]):
        begin, end = np.clip(first, low, high), np.clip(last, low, high)
        span, period = _expand(begin, end)
        cell = segment[span] * n_periods + period
        table = kaplan_meier(ends[period] - born[span], np.ones(len(span), bool), cell, n_groups=source.size)
        here = table["n"].to_numpy() > 0
        for name, column in (("value", "q50"), ("p90", "q90"), ("mean", "mean"), ("n", "n")):
            out[name][here] = table[column].to_numpy()[here]
    return source.frame(**out, median=out["value"], numerator=out["n"])


def _open_spans(source: Source, opened: Any) -> pd.DataFrame:
    ordered = ibis.window(group_by="case_id", order_by=["at", "seq"])
    rows = source.rows
    rows = rows.mutate(until=rows.at.lead().over(ordered))
    rows = rows.filter(rows.change.isin(("opened", "reopened")))
    cases = opened.select(_of="case_id", created_at="created_at")
    joined = rows.inner_join(cases, rows.case_id == cases["_of"])
    spans = fetch(joined.select(*source.by, "created_at", "at", "until"))
    spans["until"] = spans["until"].fillna(source.clock.until + pd.Timedelta(days=1))
    return spans[spans["until"] > spans["at"]].reset_index(drop=True)


def _blocks(sizes: npt.NDArray[np.int64]) -> list[tuple[int, int]]:
    """Cut the periods into runs that hold at most so many open cases."""
    block = (np.cumsum(sizes) - 1) // _BLOCK
    bounds = np.flatnonzero(np.r_[True, block[1:] != block[:-1], True])
    return [(int(a), int(b)) for a, b in pairwise(bounds)]


def _expand(
    begin: npt.NDArray[np.int64], end: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Number pairs of span and period for all periods from begin to end (excluded) of each span."""
    length = np.maximum(end - begin, 0)
    span = np.repeat(np.arange(len(begin)), length)
    place = np.arange(length.sum()) - np.repeat(np.cumsum(length) - length, length)
    return span, place + np.repeat(begin, length)


def _seconds(at: pd.Series[Any]) -> Floats:
    return np.asarray((at - pd.Timestamp(0, tz="UTC")).dt.total_seconds(), dtype=float)
