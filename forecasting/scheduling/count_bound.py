"""A lower bound from what can be counted: 30.7 people are 31, and 2.2 intervals that lack an agent are 3."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import Any

import numpy as np
from scipy import sparse

from ...features.arrays import Floats
from ..solver import Matrix, solve, stack_columns

_WHOLE = 1e-6


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
