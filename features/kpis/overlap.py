"""Stretches of time cut at the bounds of periods."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from ..arrays import Floats, Ints
from ..calendars.periods import parse_period_frequency, zone_offsets
from ..case_log.fetch import fetch
from .cells import PeriodSpec, SegmentedRows


def sum_overlap(
    source: SegmentedRows, rows: Any, of: Any, amount: str | None = None, *, instants: bool = False
) -> Floats:
    """Sum the seconds of stretches, or their amounts in proportion, that fall into each cell.

    Parameters
    ----------
    source
        Gives segments and periods.
    rows
        Ibis table with ``start`` and ``end``; a stretch that still runs ends with the log.
    of
        Ibis condition on the rows, or ``None``.
    amount
        Column to spread evenly over the stretch; seconds by default.
    instants
        Whether a stretch that ends when it starts stands in the second of its start, and so in one cell: money that is
        booked on a date has no span. By default it lasts no time and counts for nothing.

    Returns
    -------
    array, one value a cell
    """
    chosen = rows if of is None else rows.filter(of)
    columns = [*source.by, "start", "end", *([amount] if amount else [])]
    return sum_stretches(source, fetch(chosen.select(*columns)), amount, instants=instants)


def sum_stretches(
    source: SegmentedRows, stretches: pd.DataFrame, amount: str | None = None, *, instants: bool = False
) -> Floats:
    """Sum stretches that were fetched; see :func:`sum_overlap`."""
    stretches = stretches.assign(end=stretches["end"].fillna(source.clock.until))
    if instants:
        at_once = stretches["end"] == stretches["start"]
        stretches["start"] = stretches["start"].mask(at_once, stretches["start"].dt.floor("s"))
        stretches["end"] = stretches["end"].mask(at_once, stretches["start"] + pd.Timedelta(seconds=1))
    stretches = stretches[stretches["end"] > stretches["start"]].reset_index(drop=True)
    total = np.zeros(source.size)
    if stretches.empty or source.periods.empty:
        return total
    start, end = _seconds(stretches["start"]), _seconds(stretches["end"])
    weight = np.ones(len(stretches))
    if amount:
        weight = stretches[amount].fillna(0.0).to_numpy(dtype=float) / (end - start)
    for low, high, offset in _stretches_of_offset(source.clock, start.min(), end.max()):
        there = np.flatnonzero((start < high) & (end > low))
        local = np.maximum(start[there], low) + offset, np.minimum(end[there], high) + offset
        stretch, period, inside = _cut_by_period(source, *local)
        keys = stretches[list(source.by)].iloc[there[stretch]] if source.by else pd.DataFrame(index=range(len(stretch)))
        cell = source.cells(keys.assign(ds=source.periods["ds"].to_numpy()[period]))
        total += np.bincount(cell, inside * weight[there[stretch]], minlength=source.size)
    return total


def _stretches_of_offset(clock: PeriodSpec, low: float, high: float) -> list[tuple[float, float, float]]:
    """Return the stretches of time (seconds since 1970) in which the zone keeps one offset: from, to, offset.

    So each instant belongs to one reading of the local clock: an hour that the clock repeats is counted once a pass.
    """
    span = (pd.Timestamp(low, unit="s", tz="UTC").floor("D"), pd.Timestamp(high, unit="s", tz="UTC").ceil("D"))
    offsets = zone_offsets(clock.timezone, *span)
    bounds = [-np.inf, *(at.timestamp() for at, _ in offsets[1:]), np.inf]
    return [(a, b, float(seconds)) for a, b, (_, seconds) in zip(bounds, bounds[1:], offsets, strict=False)]


def _cut_by_period(source: SegmentedRows, start: Floats, end: Floats) -> tuple[Ints, Ints, Floats]:
    """Cut stretches of the local clock at the bounds of periods: number of the stretch, of the period, and seconds."""
    ds = pd.DatetimeIndex(source.periods["ds"])
    step = pd.tseries.frequencies.to_offset(parse_period_frequency(source.clock.freq).pandas_name)
    following = pd.DatetimeIndex(ds + step)
    if source.clock.open_end:  # what lies beyond the end of the log is not there yet
        until = source.clock.until.tz_convert(source.clock.timezone).tz_localize(None)
        following = following.where((following <= until) | (ds >= until), until)
    opens, closes = (_seconds(pd.Series(at.tz_localize("UTC"))) for at in (ds, following))
    first = np.searchsorted(closes, start, side="right")
    pieces = np.maximum(np.searchsorted(opens, end, side="left") - first, 0)
    stretch = np.repeat(np.arange(len(start)), pieces)
    period = np.arange(pieces.sum()) - np.repeat(np.cumsum(pieces) - pieces, pieces) + np.repeat(first, pieces)
    inside = np.minimum(end[stretch], closes[period]) - np.maximum(start[stretch], opens[period])
    return stretch, period, np.maximum(inside, 0.0)


def _seconds(at: pd.Series[Any]) -> Floats:
    return np.asarray((at - pd.Timestamp(0, tz="UTC")).dt.total_seconds(), dtype=float)
