"""Sums and durations by segment and period: those over the same rows are asked for in one query.

So are those of several splits of them: :mod:`deskcast.features.kpis.counted_together`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import ibis
import numpy as np
import pandas as pd

from ..arrays import Bools, Floats, Ints
from ..case_log.fetch import fetch
from ..statistics.kaplan_meier import kaplan_meier
from .counted_together import can_count_together, count_together, is_sum_of_rows, take_row_value

if TYPE_CHECKING:
    from .cells import SegmentedRows

#: So many durations are fetched at once; where there are more, a stretch of periods after the other.
MAX_DURATIONS_PER_FETCH = 2_000_000
_DURATION = {
    "value": "q50",
    "median": "q50",
    "p90": "q90",
    "mean": "mean",
    "n": "n",
    "numerator": "ended",
    "lo": "lo",
    "hi": "hi",
}


@dataclass(frozen=True)
class SumQuery:
    """A history that waits for its sums.

    Attributes
    ----------
    source
        Gives segments and periods.
    rows, at
        Ibis table with the segment columns, and the instant by whose period its rows are grouped.
    sums
        Ibis aggregates over the rows, by name.
    finish
        Makes the history from the source and the sums, each an array with one value a cell, in the order of ``sums``.
    counted, amount
        Ibis columns: what each row adds to ``n`` and to ``numerator`` of the history; ``None`` where the rows of a log
        are counts of their own.
    """

    source: SegmentedRows
    rows: Any
    at: str
    sums: Mapping[str, Any]
    finish: Callable[..., pd.DataFrame]
    counted: Any = None
    amount: Any = None

    def frame(self) -> pd.DataFrame:
        """Ask the engine for these sums alone, and return the history."""
        return run_queries([self])[0]

    def narrow(self, by: tuple[str, ...]) -> SumQuery:
        """Return the same history with a few of its segment columns."""
        return replace(self, source=self.source.narrow(by))

    @property
    def key(self) -> int:
        """What all narrowed ones have in common."""
        return id(self.sums)

    @property
    def by_row(self) -> bool:
        """Whether each sum is made of its rows one by one."""
        return all(is_sum_of_rows(aggregate) for aggregate in self.sums.values())

    def each_row(self) -> dict[str, Any]:
        """Return what each row adds, by name; ``None`` for 1."""
        return {name: take_row_value(aggregate) for name, aggregate in self.sums.items()}

    def count(self, values: Mapping[str, Floats], cell: Ints) -> pd.DataFrame:
        """Return the history from what each row adds, and the cell that it falls into."""
        inside, size = cell >= 0, self.source.size
        told = [np.nan_to_num(values[name][inside], nan=0.0) for name in self.sums]
        sums = [np.asarray(np.bincount(cell[inside], weights, minlength=size), dtype=float) for weights in told]
        return self.finish(self.source, *sums)


@dataclass(frozen=True)
class DurationQuery:
    """A history that waits for its durations.

    Attributes
    ----------
    source, rows, at
        As of :class:`SumQuery`.
    spent, over
        Ibis columns of the rows: seconds, and whether that was the end (else it is censored).
    horizon
        The mean counts each duration up to here.
    """

    source: SegmentedRows
    rows: Any
    at: str
    spent: Any
    over: Any
    horizon: float | None

    def frame(self) -> pd.DataFrame:
        """Ask the engine for these durations alone, and return the history."""
        return run_queries([self])[0]

    def narrow(self, by: tuple[str, ...]) -> DurationQuery:
        """Return the same history with a few of its segment columns."""
        return replace(self, source=self.source.narrow(by))

    @property
    def key(self) -> int:
        """What all narrowed ones have in common."""
        return id(self.spent)

    @property
    def by_row(self) -> bool:
        """Whether it is made of its rows one by one."""
        return True

    def each_row(self) -> dict[str, Any]:
        """Return the seconds of each row, and whether they are over."""
        return {"spent": self.spent, "over": self.over}

    def count(self, values: Mapping[str, Floats], cell: Ints) -> pd.DataFrame:
        """Return the history from what each row adds, and the cell that it falls into."""
        own = _no_durations(self.source)
        _follow_durations(own, values["spent"], values["over"] > 0, cell, self.horizon)
        return self.source.frame(**own)


@dataclass(frozen=True)
class CombinedQuery:
    """A history that is made from others, once they are there.

    Attributes
    ----------
    source
        Gives segments and periods.
    parts
        Histories that wait.
    finish
        Makes the history from the source and those of the parts.
    """

    source: SegmentedRows
    parts: tuple[SumQuery | DurationQuery, ...]
    finish: Callable[..., pd.DataFrame]

    def narrow(self, by: tuple[str, ...]) -> CombinedQuery:
        """Return the same history with a few of its segment columns."""
        return replace(self, source=self.source.narrow(by), parts=tuple(part.narrow(by) for part in self.parts))


HistoryOrQuery = SumQuery | DurationQuery | CombinedQuery | pd.DataFrame


def run_queries(histories: Sequence[HistoryOrQuery]) -> list[pd.DataFrame]:
    """Return the histories in their order, with one query for all that count the same rows."""
    waiting = [part for one in histories for part in _parts_of(one)]
    made: dict[int, pd.DataFrame] = {}
    for together in _group(waiting, lambda one: (one.rows.op(), one.source.widest.by, one.source.first)):
        if can_count_together(together):
            made |= zip(map(id, together), count_together(together), strict=True)
            continue
        for alike in _group(together, lambda one: (type(one), one.at, one.source.by)):
            run: Any = _run_duration_queries if isinstance(alike[0], DurationQuery) else _run_sum_queries
            made |= zip(map(id, alike), run(alike), strict=True)
    return [_finish(one, made) for one in histories]


def _parts_of(one: HistoryOrQuery) -> tuple[SumQuery | DurationQuery, ...]:
    """Return what the engine is asked for."""
    if isinstance(one, pd.DataFrame):
        return ()
    return one.parts if isinstance(one, CombinedQuery) else (one,)


def _finish(one: HistoryOrQuery, made: Mapping[int, pd.DataFrame]) -> pd.DataFrame:
    if isinstance(one, CombinedQuery):
        return one.finish(one.source, *(made[id(part)] for part in one.parts))
    return one if isinstance(one, pd.DataFrame) else made[id(one)]


def _group(queries: Sequence[Any], key: Callable[[Any], Any]) -> list[list[Any]]:
    groups: dict[Any, list[Any]] = {}
    for one in queries:
        groups.setdefault(key(one), []).append(one)
    return list(groups.values())


def _run_sum_queries(together: Sequence[SumQuery]) -> list[pd.DataFrame]:
    """Sum by segment and period in the engine, and lay the sums of each history into its cells."""
    first = together[0]
    names = [[f"_{number}{name}" for name in one.sums] for number, one in enumerate(together)]
    sums = {n: s for own, one in zip(names, together, strict=True) for n, s in zip(own, one.sums.values(), strict=True)}
    grouped = first.rows.group_by(*first.source.by, ds=first.source.period_of(first.rows[first.at])).agg(**sums)
    frame = fetch(grouped)
    return [one.finish(one.source, *one.source.spread(frame, *own)) for own, one in zip(names, together, strict=True)]


def _run_duration_queries(together: Sequence[DurationQuery]) -> list[pd.DataFrame]:
    """Fetch the durations of all histories at once, and follow those of each cell."""
    source, rows = together[0].source, together[0].rows
    columns = {f"_s{number}": one.spent for number, one in enumerate(together)}
    columns |= {f"_over{number}": one.over for number, one in enumerate(together)}
    asked = rows.select(*source.by, ds=source.period_of(rows[together[0].at]), **columns)
    measures = [_no_durations(source) for _ in together]
    for piece in _pieces(source, asked):
        frame = fetch(piece)
        cell = source.cells(frame)
        for number, (one, own) in enumerate(zip(together, measures, strict=True)):
            spent = frame[f"_s{number}"].to_numpy(dtype=float, na_value=np.nan)
            over = frame[f"_over{number}"].fillna(False).to_numpy(dtype=bool)
            _follow_durations(own, spent, over, cell, horizon=one.horizon)
    return [one.source.frame(**own) for one, own in zip(together, measures, strict=True)]


def _no_durations(source: SegmentedRows) -> dict[str, Floats]:
    """Return the measures of cells into which nothing fell."""
    unknown = {name: np.full(source.size, np.nan) for name in _DURATION}
    return unknown | {"n": np.zeros(source.size), "numerator": np.zeros(source.size)}


def _follow_durations(own: Mapping[str, Floats], spent: Floats, over: Bools, cell: Ints, horizon: float | None) -> None:
    """Follow the durations of each cell, and put their measures beside those that are there."""
    inside = (cell >= 0) & (spent >= 0)
    table = kaplan_meier(spent[inside], over[inside], cell[inside], n_groups=len(own["n"]), horizon=horizon)
    there = table["n"].to_numpy() > 0
    for name, column in _DURATION.items():
        own[name][there] = table[column].to_numpy()[there]


def _pieces(source: SegmentedRows, asked: Any) -> list[Any]:
    """Cut rows that are too many to be fetched at once by periods; the durations of a period belong together."""
    pieces = min(-(-source.length // MAX_DURATIONS_PER_FETCH), len(source.periods))
    if pieces < 2:
        return [asked]
    starts = source.periods["ds"].iloc[:: -(-len(source.periods) // pieces)].tolist()
    return [
        asked.filter((asked.ds >= ibis.literal(start)) & (asked.ds < ibis.literal(end)))
        for start, end in pairwise([*starts, source.periods["ds"].iloc[-1] + pd.Timedelta(microseconds=1)])
    ]
