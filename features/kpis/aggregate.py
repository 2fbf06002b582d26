"""From rows in the engine to one value for each period and segment: counts, shares, means and durations."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Any

import ibis
import numpy as np
import numpy.typing as npt
import pandas as pd

from ..calendars.periods import period_start, periods
from ..case_log.fetch import fetch
from ..statistics.intervals import mean_interval, wilson
from .queries import Counted, Timed

#: What a segment is called where its column has no value.
MISSING = "(missing)"
#: The columns of a history after kpi, segments and ds.
MEASURES = ("value", "n", "numerator", "lo", "hi", "median", "p90", "mean")

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Clock:
    """The periods of a history: their length, the zone in which they begin, and the end of the log."""

    freq: str
    timezone: str
    until: pd.Timestamp


@dataclass(frozen=True)
class Source:
    """Rows of one kind (cases, contacts, surveys ...) with the segments and periods that they span.

    Attributes
    ----------
    rows
        Ibis table; the columns in ``by`` are text without missing values (see :func:`labelled`).
    by
        Names of the segment columns.
    first
        Instant of the first row: the history begins with its period. ``None`` where there are no rows.
    clock
        Periods.
    like
        A source with the same segments, which need not be looked for again.
    """

    rows: Any
    by: tuple[str, ...]
    first: pd.Timestamp | None
    clock: Clock
    like: Source | None = None

    @cached_property
    def periods(self) -> pd.DataFrame:
        """The whole periods, as :func:`periods` gives them."""
        end = self.clock.until
        return _whole_periods(end if self.first is None else self.first, self.clock)

    @cached_property
    def _found(self) -> pd.DataFrame:
        """The combinations of segment values that occur, sorted, with the number of their rows."""
        rows = self.rows.group_by(list(self.by)) if self.by else self.rows
        found = fetch(rows.agg(_rows=self.rows.count()))
        return found.sort_values(list(self.by), ignore_index=True) if self.by else found

    @cached_property
    def segments(self) -> pd.DataFrame:
        """The combinations of segment values that occur, sorted; one row without columns if there are none."""
        if self.like is not None:
            return self.like.segments
        return self._found[list(self.by)] if self.by else pd.DataFrame(index=range(1))

    @property
    def length(self) -> int:
        """Number of rows; of a source that is like another, the number of that one."""
        return self.like.length if self.like is not None else int(self._found["_rows"].sum())

    def over(self, rows: Any) -> Source:
        """Return a source of other rows with the same segments and periods, such as the same ones with more columns."""
        return replace(self, rows=rows, like=self)

    @property
    def size(self) -> int:
        """Number of cells: segments times periods."""
        return len(self.segments) * len(self.periods)

    def period_of(self, at: Any) -> Any:
        """Give the start of the period of an Ibis column of instants."""
        first = self.clock.until if self.first is None else self.first
        return period_start(at, self.clock.freq, self.clock.timezone, first, self.clock.until)

    def cells(self, frame: pd.DataFrame) -> npt.NDArray[np.int64]:
        """Number the cell of each row of a frame with ``ds`` and the segment columns; -1 outside whole periods."""
        period = pd.Index(self.periods["ds"]).get_indexer(pd.Index(frame["ds"].astype("datetime64[us]")))
        if not self.by:
            return np.asarray(period, dtype=np.int64)
        segment = self._segment_of(frame)
        return np.where(period < 0, -1, segment * len(self.periods) + period).astype(np.int64)

    def _segment_of(self, frame: pd.DataFrame) -> npt.NDArray[np.int64]:
        """Number the segment of each row: codes of the values first, so that text is compared once a value."""
        code, known = np.zeros(len(frame), dtype=np.int64), np.zeros(len(self.segments), dtype=np.int64)
        for name in self.by:
            found, values = pd.factorize(frame[name])
            code = code * (len(values) + 1) + found
            known = known * (len(values) + 1) + pd.Index(values).get_indexer(pd.Index(self.segments[name]))
        return np.asarray(pd.Index(known).get_indexer(pd.Index(code)), dtype=np.int64)

    def spread(self, frame: pd.DataFrame, *columns: str) -> list[Floats]:
        """Sum columns of a grouped frame into all cells, 0 where nothing came."""
        cell = self.cells(frame)
        inside = cell >= 0
        weights = [frame[column].astype("float64").fillna(0.0).to_numpy()[inside] for column in columns]
        return [np.asarray(np.bincount(cell[inside], w, minlength=self.size), dtype=float) for w in weights]

    def frame(self, **measures: npt.ArrayLike) -> pd.DataFrame:
        """Lay measures, one value a cell, beside the segments and periods; missing measures are NaN."""
        n_segments, n_periods = len(self.segments), len(self.periods)
        out = {name: np.repeat(self.segments[name].array, n_periods) for name in self.by}
        table = pd.DataFrame(out, index=range(self.size))
        table["ds"] = np.tile(self.periods["ds"].to_numpy(), n_segments)
        for name in MEASURES:
            table[name] = np.asarray(measures.get(name, np.nan), dtype=float)
        return table


@lru_cache(maxsize=16)
def _whole_periods(first: pd.Timestamp, clock: Clock) -> pd.DataFrame:
    return periods(first, clock.until, clock.freq, clock.timezone)


def labelled(rows: Any, by: tuple[str, ...]) -> Any:
    """Turn the segment columns of an Ibis table into text without missing values."""
    return rows.mutate(**{name: rows[name].cast("string").fill_null(MISSING) for name in by}) if by else rows


def count(source: Source, at: str, amount: str | None = None, rows: Any = None) -> Counted:
    """Count rows, or sum an amount, by the period of an instant."""
    rows = source.rows if rows is None else rows
    sums = {"k": rows.count() if amount is None else rows[amount].sum()}
    return Counted(source, rows, at, sums, lambda k: source.frame(value=k, n=k, numerator=k))


def share(source: Source, at: str, hit: Any, of: Any = None) -> Counted:
    """Give the share of rows with ``hit`` among those with ``of`` (all by default), with Wilson's interval."""
    rows = source.rows
    counted, all_of = (hit, rows.count()) if of is None else (hit & of, of.sum())
    return Counted(source, rows, at, {"k": counted.sum(), "n": all_of}, lambda k, n: share_of(source, k, n))


def share_of(source: Source, hits: Floats, n: Floats) -> pd.DataFrame:
    """Give the share of two counts that stand in the cells of a source."""
    with np.errstate(divide="ignore", invalid="ignore"):
        value = np.where(n > 0, hits / n, np.nan)
    lo, hi = wilson(hits, n)
    return source.frame(value=value, n=n, numerator=hits, lo=lo, hi=hi)


def ratio_of(source: Source, amount: Floats, n: Floats) -> pd.DataFrame:
    """Give an amount for each one of a count; no interval is known."""
    with np.errstate(divide="ignore", invalid="ignore"):
        value = np.where(n > 0, amount / n, np.nan)
    return source.frame(value=value, n=n, numerator=amount)


def mean(source: Source, at: str, amount: Any, of: Any = None) -> Counted:
    """Give the mean of an amount over the rows where it is known, with the normal interval."""
    known = amount.cast("float64") if of is None else of.ifelse(amount.cast("float64"), None)
    sums = {"n": known.count(), "s": known.sum(), "q": (known * known).sum()}
    return Counted(source, source.rows, at, sums, lambda n, s, q: _mean_of(source, n, s, q))


def _mean_of(source: Source, n: Floats, total: Floats, squares: Floats) -> pd.DataFrame:
    with np.errstate(divide="ignore", invalid="ignore"):
        value = np.where(n > 0, total / n, np.nan)
    lo, hi = mean_interval(total, squares, n)
    return source.frame(value=value, n=n, numerator=total, lo=lo, hi=hi, mean=value)


def duration(
    source: Source, at: str, seconds: Any, ended: Any = None, *, of: Any = None, horizon: float | None = None
) -> Timed:
    """Give median, 90th percentile and mean of durations, of which those not ``ended`` are censored.

    ``n`` is the number of rows, ``numerator`` that of the ended ones; ``value`` is the median, ``lo`` and ``hi`` its
    interval, ``mean`` counts each duration up to ``horizon``. Negative durations cannot be and are left out.
    """
    rows = source.rows
    spent = seconds.cast("float64") if of is None else of.ifelse(seconds.cast("float64"), None)
    over = ibis.literal(True) if ended is None else ended
    return Timed(source, rows, at, spent, over, horizon)
