"""The solver: linear programmes, with or without whole numbers, by HiGHS through scipy."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import optimize, sparse

from ..features.arrays import Bools, Floats
from ..features.reuse import Arrays, ReuseStore, are_same, find_store, name_slot

#: A sparse array of scipy, whose types say more than a reader wants to know.
Matrix = Any

_milp: Any = optimize.milp
_linprog: Any = optimize.linprog
_csc: Any = sparse.csc_array


@dataclass(frozen=True)
class Solution:
    """What came out: ``x`` is ``None`` where nothing was found; ``bound`` is a proven lower bound of the cost."""

    x: Floats | None
    cost: float
    bound: float
    message: str


def triplets(values: Any, rows: Any, columns: Any, shape: tuple[int, int]) -> Matrix:
    """Return a sparse matrix from its entries.

    >>> triplets([1.0, 2.0], [0, 1], [1, 0], (2, 2)).toarray().tolist()
    [[0.0, 1.0], [2.0, 0.0]]
    """
    return _csc(
        (np.asarray(values, dtype=float), (np.asarray(rows, np.int64), np.asarray(columns, np.int64))), shape=shape
    )


def stack_columns(*parts: Any) -> Matrix:
    """Return matrices side by side."""
    return sparse.csc_array(sparse.hstack(list(parts)))


def solve(
    cost: Floats,
    rows: Sequence[tuple[Matrix, Any, Any]],
    low: Floats,
    high: Floats,
    *,
    whole: Bools | None = None,
    nodes: int | None = None,
    gap: float | None = None,
) -> Solution:
    """Find the cheapest ``x`` within bounds, with ``low <= matrix @ x <= high`` for each block of rows.

    Parameters
    ----------
    cost, low, high
        Cost and bounds of each variable.
    rows
        Blocks of constraints: matrix, least, most.
    whole
        Which variables are whole numbers.
    nodes, gap
        Limits of the search for whole numbers: branches looked at, and the share that a better solution may save. There
        is no limit of time, so that the answer is the same on a slow and on a fast machine.

    Examples
    --------
    >>> best = solve(np.array([1.0]), [(np.array([[2.0]]), 3.0, np.inf)], np.zeros(1), np.full(1, 9.0), whole=np.array([True]))
    >>> best.x.tolist(), best.cost, best.bound
    ([2.0], 2.0, 2.0)
    """  # noqa: E501 - the example is one line
    options = {k: v for k, v in {"node_limit": nodes, "mip_rel_gap": gap}.items() if v is not None}
    store = find_store()
    if whole is None or store is None:
        return _search(cost, rows, low, high, whole, options)
    slot = name_slot("programme", _digest(cost, rows, low, high, whole), sorted(options.items()))
    kept = None if (arrays := store.read(slot)) is None else _unpack(arrays)
    if kept is not None and not store.compares:
        return kept
    found = _search(cost, rows, low, high, whole, options)
    _keep(store, slot, kept, found)
    return found


def _search(
    cost: Floats,
    rows: Sequence[tuple[Matrix, Any, Any]],
    low: Floats,
    high: Floats,
    whole: Bools | None,
    options: dict[str, Any],
) -> Solution:
    found = _milp(
        cost,
        constraints=[optimize.LinearConstraint(*block) for block in rows if block[0].shape[0]],
        bounds=optimize.Bounds(low, high),
        integrality=None if whole is None else whole.astype(np.int64),
        options=options,
    )
    if found.x is None:
        bound = -np.inf if found.mip_dual_bound is None else float(found.mip_dual_bound)
        return Solution(None, np.inf, bound, str(found.message))
    bound = float(found.fun if whole is None or found.mip_dual_bound is None else found.mip_dual_bound)
    return Solution(np.asarray(found.x, dtype=float), float(found.fun), bound, str(found.message))


def _digest(cost: Floats, rows: Sequence[tuple[Matrix, Any, Any]], low: Floats, high: Floats, whole: Bools) -> str:
    """Return a digest of all that a search rests on, to the bit."""
    seen = hashlib.sha256()
    for matrix, least, most in rows:
        entries = sparse.coo_array(matrix)
        for part in (*entries.coords, entries.data, np.asarray(entries.shape), least, most):
            seen.update(np.ascontiguousarray(part).tobytes())
    for part in (cost, low, high, whole):
        seen.update(np.ascontiguousarray(part).tobytes())
    return seen.hexdigest()


def _keep(store: ReuseStore, slot: str, kept: Solution | None, found: Solution) -> None:
    """Leave what a search found for the next run, and say so where it is not what an earlier one had found."""
    arrays = {"x": np.empty(0) if found.x is None else found.x, "cost": np.array([found.cost, found.bound])}
    before = None if kept is None else {"x": np.empty(0) if kept.x is None else kept.x}
    if before is not None and not are_same(before["x"], arrays["x"]):
        store.report_difference(slot)
    store.write(slot, arrays | {"message": np.array([found.message])})


def _unpack(arrays: Arrays) -> Solution | None:
    """Return what an earlier run found; ``None`` where the slot does not hold that."""
    try:
        x, (cost, bound), message = arrays["x"], arrays["cost"].tolist(), str(arrays["message"][0])
    except (KeyError, ValueError, IndexError):
        return None
    return Solution(x if len(x) else None, cost, bound, message)


def relax(cost: Floats, matrix: Matrix, need: Floats, low: Floats, high: Floats) -> tuple[Floats, Floats, float] | None:
    """Find the cheapest ``x`` in fractions with ``matrix @ x >= need``: x, the price of each row, and the cost.

    ``None`` where no x does.

    >>> x, price, cost = relax(np.array([3.0]), np.array([[2.0]]), np.array([5.0]), np.zeros(1), np.full(1, np.inf))
    >>> x.tolist(), price.tolist(), cost
    ([2.5], [1.5], 7.5)
    """
    found = _linprog(cost, A_ub=-matrix, b_ub=-need, bounds=np.column_stack([low, high]), method="highs-ds")
    if found.x is None:
        return None
    return np.asarray(found.x), -np.asarray(found.ineqlin.marginals), float(found.fun)
