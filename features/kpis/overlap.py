"""Stretches of time cut at the bounds of periods."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from ..arrays import Floats
from ..case_log.fetch import fetch
from .cells import SegmentedRows


def sum_overlap(source: SegmentedRows, rows: Any, of: Any, amount: str | None = None) -> Floats:
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

    Returns
    -------
    array, one value a cell
    """
    chosen = rows if of is None else rows.filter(of)
    columns = [*source.by, "start", "end", *([amount] if amount else [])]
    stretches = fetch(chosen.select(*columns))
    stretches["end"] = stretches["end"].fillna(source.clock.until)
    stretches = stretches[stretches["end"] > stretches["start"]].reset_index(drop=True)
    periods = source.periods
    total = np.zeros(source.size)
    if stretches.empty or periods.empty:
        return total
    start, end = _seconds(stretches["start"]), _seconds(stretches["end"])
    opens, closes = _seconds(periods["starts_at"]), _seconds(periods["ends_at"])
    first = np.maximum(np.searchsorted(closes, start, side="right"), 0)
    last = np.searchsorted(opens, end, side="left")
    pieces = np.maximum(last - first, 0)
    stretch = np.repeat(np.arange(len(stretches)), pieces)
    period = np.arange(pieces.sum()) - np.repeat(np.cumsum(pieces) - pieces, pieces) + np.repeat(first, pieces)
    inside = np.minimum(end[stretch], closes[period]) - np.maximum(start[stretch], opens[period])
    if amount:
        inside *= (stretches[amount].fillna(0.0).to_numpy(dtype=float) / (end - start))[stretch]
    cell = source.cells(
        stretches[list(source.by)].iloc[stretch].assign(ds=periods["ds"].to_numpy()[period])
        if source.by
        else pd.DataFrame({"ds": periods["ds"].to_numpy()[period]})
    )
    return np.asarray(np.bincount(cell, np.maximum(inside, 0.0), minlength=source.size), dtype=float)


def _seconds(at: pd.Series[Any]) -> Floats:
    return np.asarray((at - pd.Timestamp(0, tz="UTC")).dt.total_seconds(), dtype=float)
