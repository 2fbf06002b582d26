"""A lower bound from what can be counted: 30.7 people are 31, and 2.2 intervals that lack an agent are 3."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import Any

import numpy as np
from scipy import sparse

from ...features.arrays import Floats
from ..solver import Matrix, solve, stack_columns, triplets

_WHOLE = 1e-6

#: Work of the bound: programmes that are solved times entries of the matrix, and the most programmes.
MAX_COUNT_WORK, MAX_COUNT_LPS = 1_000_000, 16
#: People are counted by what their shift costs where that has no more values than this.
MAX_COUNTED_COSTS = 6
#: Parts of an interval that a shift may cover, in which what is missing is counted.
WHOLE_PARTS = (1, 2, 3, 4, 6, 12)


@dataclass(frozen=True)
class CountedProgramme:
    """A linear programme from 0, rows as :func:`~forecasting.solver.solve` takes them, and sums that must be whole."""

    cost: Floats
    rows: Sequence[tuple[Matrix, Any, Any]]
    high: Floats
    sums: Matrix


def is_whole(values: Floats) -> bool:
    """Tell whether all numbers are whole.

    >>> is_whole(np.array([2.0, 3.0])), is_whole(np.array([0.5]))
    (True, False)
    """
    return bool((np.abs(values - np.rint(values)) < _WHOLE).all())


def find_parts(values: Floats) -> int | None:
    """Return the fewest parts of which all numbers are multiples; none where they are of no common size.

    >>> find_parts(np.array([2.0, 0.75])), find_parts(np.array([0.1]))
    (4, None)
    """
    return next((k for k in WHOLE_PARTS if is_whole(k * values)), None)


def bound_by_counts(programme: CountedProgramme, most: int) -> float:
    """Return a lower bound of the cost where only the sums are whole: a search over a few numbers, the lowest first.

    A search over all variables branches on single ones of many that are alike, and never comes to these sums.

    Parameters
    ----------
    programme
        The programme.
    most
        Programmes that may be solved: a limit of work, so that the bound is the same on any machine.

    Examples
    --------
    Two shifts that cover half of 3 each take 2 people, or one and something missing:

    >>> rows = [(np.array([[1.0, 1.0, 1.0]]), 2.5, np.inf)]
    >>> cost, high = np.array([3.0, 3.0, 50.0]), np.full(3, np.inf)
    >>> bound_by_counts(CountedProgramme(cost, rows, high, sparse.csr_array(np.array([[1.0, 1.0, 0.0]]))), 9)
    9.0
    """
    k, n = programme.sums.shape
    rows = [
        (stack_columns(matrix, sparse.csc_array((matrix.shape[0], k))), low, high)
        for matrix, low, high in programme.rows
    ]
    rows.append((stack_columns(programme.sums, -sparse.eye_array(k)), np.zeros(k), np.zeros(k)))
    cost, solved, found = np.concatenate([programme.cost, np.zeros(k)]), 0, list[tuple[float, int, Any, Any, Any]]()

    def look(low: Floats, high: Floats) -> None:
        nonlocal solved
        solved += 1
        at = solve(cost, rows, np.concatenate([np.zeros(n), low]), np.concatenate([programme.high, high]))
        if at.x is not None:
            heappush(found, (at.cost, solved, low, high, at.x[n:]))

    look(np.zeros(k), np.full(k, np.inf))
    while found:
        least, _, low, high, sums = found[0]
        away = np.flatnonzero(np.abs(sums - np.rint(sums)) > _WHOLE)
        if not len(away) or solved + 2 > most:
            return least
        heappop(found)
        place = int(away[0])
        for side, bound, value in ((0, high, np.floor(sums[place])), (1, low, np.ceil(sums[place]))):
            moved = bound.copy()
            moved[place] = value
            look(*((low, moved) if side == 0 else (moved, high)))
    return 0.0


def count_by_cost(cost: Floats) -> Matrix | None:
    """Return rows that count people by what their shift costs; none where these are many.

    >>> count_by_cost(np.array([8.0, 4.0, 8.0])).toarray().tolist()
    [[0.0, 1.0, 0.0], [1.0, 0.0, 1.0]]
    """
    kinds, place = np.unique(cost, return_inverse=True)
    if len(kinds) > MAX_COUNTED_COSTS:
        return None
    return triplets(np.ones(len(place)), place, np.arange(len(place)), (len(kinds), len(place)))


def raise_bound(programme: CountedProgramme, entries: int, effort: float, gap: float) -> tuple[float, float]:
    """Return a bound by counts, and the one that a search is told as a row: 0 where it takes little of the gap.

    A row of costs makes each step of a search slower.

    Parameters
    ----------
    programme
        The programme.
    entries, effort
        Entries of its matrix, and how much work it may take, 1 for the usual.
    gap
        The gap that is good enough.

    Examples
    --------
    >>> rows = [(np.array([[1.0, 1.0]]), 2.5, np.inf)]
    >>> pair = CountedProgramme(np.full(2, 3.0), rows, np.full(2, np.inf), sparse.csr_array(np.ones((1, 2))))
    >>> raise_bound(pair, 2, 1.0, 0.01), raise_bound(pair, 2, 1.0, 0.5)
    ((9.0, 9.0), (9.0, 0.0))
    """
    most = int(np.clip(MAX_COUNT_WORK * effort / max(entries, 1), 2, MAX_COUNT_LPS))
    loose, bound = bound_by_counts(programme, 1), bound_by_counts(programme, most)
    return bound, bound if bound - loose > gap / 2 * bound else 0.0
