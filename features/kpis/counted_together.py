"""One query for all that is counted from the same rows: by whichever instant, in however many splits.

The rows are fetched once, each with its segments, its periods and what it adds to every KPI, and are summed here. An
engine that is asked for each sum reads the rows as often, and to put a question together takes longer than to answer it
where a log has some ten thousand rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import ibis.expr.operations as ops
import numpy as np
import pandas as pd

from ..arrays import Floats, Ints
from ..calendars.instants import find_engine
from ..case_log.as_number import as_float
from ..case_log.fetch import fetch

if TYPE_CHECKING:
    from .cells import SegmentedRows

#: Rows that are fetched for several histories; more are summed where they are.
MAX_ROWS_TOGETHER = 500_000
#: So many values are held at once.
MAX_VALUES_PER_FETCH = 16_000_000


class RowQuery(Protocol):
    """A history that can be counted from what each of its rows adds."""

    @property
    def source(self) -> SegmentedRows:
        """Segments and periods."""

    @property
    def rows(self) -> Any:
        """Ibis table with the segment columns."""

    @property
    def at(self) -> str:
        """The instant by whose period its rows are grouped."""

    @property
    def key(self) -> int:
        """What its splits have in common."""

    @property
    def by_row(self) -> bool:
        """Whether it is made of its rows one by one."""

    def each_row(self) -> dict[str, Any]:
        """Return Ibis columns of what each row adds, by name; ``None`` for 1."""

    def count(self, values: Mapping[str, Floats], cell: Ints) -> pd.DataFrame:
        """Return the history."""


def is_sum_of_rows(aggregate: Any) -> bool:
    """Return whether an Ibis aggregate is made of its rows one by one.

    >>> import ibis
    >>> rows = ibis.table({"a": "int64"}, name="rows")
    >>> is_sum_of_rows(rows.a.sum()), is_sum_of_rows(rows.a.nunique())
    (True, False)
    """
    op = aggregate.op()
    return isinstance(op, ops.CountStar | ops.Count | ops.Sum) and op.where is None


def take_row_value(aggregate: Any) -> Any:
    """Return what each row adds to a sum or a count; ``None`` for 1."""
    op = aggregate.op()
    if isinstance(op, ops.CountStar):
        return None
    return op.arg.to_expr().notnull() if isinstance(op, ops.Count) else op.arg.to_expr()


def can_count_together(queries: Sequence[RowQuery]) -> bool:
    """Return whether histories over the same rows are better counted from one fetch than from a query each."""
    if len(queries) < 2 or find_engine(queries[0].rows) != "duckdb" or not all(one.by_row for one in queries):
        return False
    return queries[0].source.widest.length <= MAX_ROWS_TOGETHER


def count_together(queries: Sequence[RowQuery]) -> list[pd.DataFrame]:
    """Count histories over the same rows, which may be splits of one another.

    Parameters
    ----------
    queries
        All have the same rows and the same widest source.

    Returns
    -------
    list of DataFrame
        One history a query, in their order.
    """
    asked = {key: one.each_row() for key, one in {one.key: one for one in queries}.items()}
    made: dict[int, pd.DataFrame] = {}
    for keys in _batches(asked, queries[0].source.widest.length):
        batch = [one for one in queries if one.key in keys]
        fetched = _Fetched(batch, asked)
        made |= {id(one): fetched.count(one) for one in batch}
    return [made[id(one)] for one in queries]


class _Fetched:
    """Rows with what they add to several histories."""

    def __init__(self, queries: Sequence[RowQuery], asked: Mapping[int, Mapping[str, Any]]) -> None:
        rows, wide = queries[0].rows, queries[0].source.widest
        self.asked = asked
        self.names: dict[Any, str] = {}
        for key in dict.fromkeys(one.key for one in queries):
            for value in asked[key].values():
                if value is not None:
                    self.names.setdefault(value.op(), f"_v{len(self.names)}")
        self.periods = {at: f"_ds{number}" for number, at in enumerate(dict.fromkeys(one.at for one in queries))}
        columns = {name: as_float(op.to_expr()) for op, name in self.names.items()}
        columns |= {name: wide.period_of(rows[at]) for at, name in self.periods.items()}
        self.frame = fetch(rows.select(*wide.by, **columns))
        self.values = {name: self.frame[name].to_numpy(dtype=float, na_value=np.nan) for name in self.names.values()}
        self._segments: dict[int, Ints] = {}
        self._cells: dict[tuple[int, str], Ints] = {}

    def count(self, query: RowQuery) -> pd.DataFrame:
        """Return one history."""
        values = {name: self._of(value) for name, value in self.asked[query.key].items()}
        return query.count(values, self._cell_of(query.source, query.at))

    def _of(self, value: Any) -> Floats:
        return np.ones(len(self.frame)) if value is None else self.values[self.names[value.op()]]

    def _cell_of(self, source: SegmentedRows, at: str) -> Ints:
        """Number the cell of each row; sources with the same segments differ in nothing else."""
        key = id(source if source.like is None else source.like)
        if key not in self._segments:
            self._segments[key] = source.segment_of(self.frame)
        if (key, at) not in self._cells:
            self._cells[key, at] = source.cells_of(self._segments[key], self.frame[self.periods[at]])
        return self._cells[key, at]


def _batches(asked: Mapping[int, Mapping[str, Any]], n_rows: int) -> Iterator[set[int]]:
    """Cut the histories into batches whose values fit into memory."""
    room = max(MAX_VALUES_PER_FETCH // max(n_rows, 1), 8)
    batch: set[int] = set()
    held: set[Any] = set()
    for key, values in asked.items():
        more = {value.op() for value in values.values() if value is not None}
        if batch and len(held | more) > room:
            yield batch
            batch, held = set(), set()
        batch.add(key)
        held |= more
    yield batch
