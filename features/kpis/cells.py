"""What a cell of a KPI history is made of: its source, its measures, its label."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import cached_property, lru_cache
from numbers import Number
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import pandas as pd
from pandas.api.types import is_bool_dtype, is_string_dtype

from ..arrays import Floats
from ..calendars.periods import list_periods, period_start
from ..case_log.fetch import fetch

T = TypeVar("T")
#: What a segment is called where its column has no value.
MISSING_SEGMENT = "(missing)"


#: The columns of a history after kpi, segments and ds.
KPI_MEASURES = ("value", "n", "numerator", "lo", "hi", "median", "p90", "mean")


#: The column behind them: whether the log begins or ends in the midst of the period.
CUT_COLUMN = "cut"
#: Numbers, dates and times, and spans of time.
_MEASURE_TYPES = (Number, date, timedelta)


def find_segments(history: pd.DataFrame) -> list[str]:
    """Return the columns of a KPI history that split it into series: names, never numbers or times.

    A further measure (a denominator, say) or an instant differs from row to row, so that each row would be a series of
    its own. True and false are names.

    Examples
    --------
    >>> find_segments(pd.DataFrame({"kpi": ["a"], "channel": ["web"], "vip": [True], "value": [1.0], "asked": [2]}))
    ['channel', 'vip']
    """
    return [str(c) for c in history.columns if c not in ("kpi", "ds", *KPI_MEASURES, CUT_COLUMN) and _names(history[c])]


def _names(values: pd.Series) -> bool:
    if values.dtype == object:  # where nothing is known it is a segment of totals
        known = values.dropna()
        return known.empty or not known.map(lambda v: isinstance(v, _MEASURE_TYPES) and not isinstance(v, bool)).all()
    return isinstance(values.dtype, pd.CategoricalDtype) or is_bool_dtype(values.dtype) or is_string_dtype(values.dtype)


@dataclass(frozen=True)
class PeriodSpec:
    """The periods of a history: their length, the zone in which they begin, and the end of the log.

    With ``open_end`` the last one may be cut by it.
    """

    freq: str
    timezone: str
    until: pd.Timestamp
    open_end: bool = False


@dataclass(frozen=True)
class SegmentedRows:
    """Rows of one kind (cases, contacts, surveys ...) with the segments and periods that they span.

    Attributes
    ----------
    rows
        Ibis table; the columns in ``by`` are text without missing values (see :func:`label_segments`).
    by
        Names of the segment columns.
    first
        Instant of the first row: the history begins with its period. ``None`` where there are no rows.
    clock
        Periods.
    like
        A source with the same segments, which need not be looked for again.
    wide
        The source with further segment columns of which this one has a few; both have the same rows.
    """

    rows: Any
    by: tuple[str, ...]
    first: pd.Timestamp | None
    clock: PeriodSpec
    like: SegmentedRows | None = None
    wide: SegmentedRows | None = None

    @cached_property
    def periods(self) -> pd.DataFrame:
        """The whole periods, as :func:`list_periods` gives them."""
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
        if self.wide is not None and self.by:
            finer = self.wide.segments[list(self.by)].drop_duplicates()
            return finer.sort_values(list(self.by), ignore_index=True)
        return self._found[list(self.by)] if self.by else pd.DataFrame(index=range(1))

    @property
    def length(self) -> int:
        """Number of rows; of a source that is like another, the number of that one."""
        if self.wide is not None:
            return self.wide.length
        return self.like.length if self.like is not None else int(self._found["_rows"].sum())

    def over(self, rows: Any) -> SegmentedRows:
        """Return a source of other rows with the same segments and periods, such as the same ones with more columns."""
        return replace(self, rows=rows, like=self, wide=None)

    @property
    def widest(self) -> SegmentedRows:
        """The source with all segment columns that the rows have."""
        return self if self.wide is None else self.wide

    @cached_property
    def _kept(self) -> dict[object, Any]:
        return {}

    def keep(self, name: object, make: Callable[[], T]) -> T:
        """Return what ``make`` gives of this source, and make it only once."""
        if name not in self._kept:
            self._kept[name] = make()
        found: T = self._kept[name]
        return found

    def narrow(self, by: tuple[str, ...]) -> SegmentedRows:
        """Return the source of the same rows with a few of the segment columns, always the same one."""
        if by == self.by:
            return self
        like = None if self.like is None else self.like.narrow(by)
        return self.keep(("narrow", by), lambda: replace(self, by=by, like=like, wide=self))

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
        return self.cells_of(self.segment_of(frame), frame["ds"])

    def cells_of(self, segment: npt.NDArray[np.int64], ds: pd.Series[Any]) -> npt.NDArray[np.int64]:
        """Number the cell of each row of which the segment and the start of the period are known; -1 outside."""
        period = pd.Index(self.periods["ds"]).get_indexer(pd.Index(ds.astype("datetime64[us]")))
        return np.where(period < 0, -1, segment * len(self.periods) + period).astype(np.int64)

    def segment_of(self, frame: pd.DataFrame) -> npt.NDArray[np.int64]:
        """Number the segment of each row: codes of the values first, so that text is compared once a value."""
        if not self.by:
            return np.zeros(len(frame), dtype=np.int64)
        code, known = np.zeros(len(frame), dtype=np.int64), np.zeros(len(self.segments), dtype=np.int64)
        absent = np.zeros(len(known), dtype=bool)
        for name in self.by:
            found, values = pd.factorize(frame[name])
            code = code * (len(values) + 1) + found
            there = pd.Index(values).get_indexer(pd.Index(self.segments[name]))
            absent |= there < 0
            known = known * (len(values) + 1) + there
        known = np.where(absent, -1 - np.arange(len(known)), known)  # no row has these; codes are unique
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
        for name in KPI_MEASURES:
            table[name] = np.asarray(measures.get(name, np.nan), dtype=float)
        return table


@lru_cache(maxsize=16)
def _whole_periods(first: pd.Timestamp, clock: PeriodSpec) -> pd.DataFrame:
    return list_periods(first, clock.until, clock.freq, clock.timezone, open_end=clock.open_end)


def label_segments(rows: Any, by: tuple[str, ...]) -> Any:
    """Turn the segment columns of an Ibis table into text without missing values."""
    return rows.mutate(**{name: rows[name].cast("string").fill_null(MISSING_SEGMENT) for name in by}) if by else rows
