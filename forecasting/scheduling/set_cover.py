"""Cover a requirement at least cost with whole people, and prove how far from the best that is.

The programme: people of each pattern, whole; for each interval, those who are there plus the priced shortfall are
not below the need. Three things make it quick. Intervals that the same patterns cover become one row with a convex
price for what is missing. Parts that share no pattern are solved apart. And patterns whose reduced cost is above the
distance between a rounded solution and the bound of the relaxation cannot be in a better solution, so they are left
out. All limits are limits of work and none is one of time: the same problem has the same answer on any machine.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from ...features.arrays import Floats, Places
from ...features.errors import InputError
from ..solver import Matrix, Solution, relax, solve, stack_columns, triplets
from .count_bound import CountedProgramme, count_by_cost, find_parts, is_whole, raise_bound

_WHOLE = 1e-6

#: How often the relaxation is solved again while it is rounded; after that the rest is rounded at once.
MAX_DIVE_ROUNDS = 60

#: Work of the search for whole numbers: branches times entries of the matrix, and the most branches.
MAX_SEARCH_WORK, MAX_BRANCHES = 20_000_000, 5_000

#: Entries above which the root of a search alone takes minutes and seldom finds more than the rounding has.
MAX_SEARCH_ENTRIES = 200_000


@dataclass(frozen=True)
class SetCover:
    """People of each pattern, the cost of that, and a proven lower bound on the cost of any."""

    agents: Floats
    cost: float
    bound: float

    @property
    def gap(self) -> float:
        """Share of the cost that a better solution could save at most."""
        return max(self.cost - self.bound, 0.0) / self.cost if self.cost > 0 else 0.0


@dataclass(frozen=True)
class _Problem:
    """One row for each set of intervals that the same patterns cover; ``band`` are the steps of the shortfall."""

    matrix: Matrix
    need: Floats
    cost: Floats
    most: Floats
    band_row: Places
    band_size: Floats
    band_price: Floats
    limits: Matrix
    low: Floats
    high: Floats


def solve_set_cover(
    matrix: Matrix,
    need: Floats,
    cost: Floats,
    short_price: Floats,
    *,
    limits: Matrix | None = None,
    low: Floats | None = None,
    high: Floats | None = None,
    gap: float = 0.01,
    effort: float = 1.0,
) -> SetCover:
    """Choose whole people for each pattern so that cost plus priced shortfall is least.

    Parameters
    ----------
    matrix
        Share of interval i covered by a person of pattern j, shape (m, n).
    need
        People needed in each interval, shape (m,).
    cost
        Cost of a person of each pattern, above 0, shape (n,).
    short_price
        Cost of one person missing in each interval, shape (m,).
    limits, low, high
        Further constraints ``low <= limits @ people <= high``.
    gap
        Stop when no solution can be better by more than this share.
    effort
        How much work the search for whole people may take, 1 for the usual; then the best so far is taken.

    Examples
    --------
    >>> shifts = sparse.csc_array(np.array([[1.0, 0, 0], [1, 1, 0], [0, 1, 1]]))
    >>> best = solve_set_cover(shifts, np.array([2.0, 3, 1]), np.array([2.0, 2, 1]), np.full(3, 50.0))
    >>> best.agents.tolist(), best.cost, round(best.gap, 6)
    ([2.0, 1.0, 0.0], 6.0, 0.0)
    """
    n = matrix.shape[1]
    problem = _merged(matrix, need, cost, short_price, limits, low, high)
    people, total, bound = np.zeros(n), 0.0, 0.0
    parts = _parts(problem)
    # rows that no pattern covers are short by all of their need, whatever is done
    bare = sorted(set(range(len(problem.need))) - {int(i) for found, _ in parts for i in found})
    for row in bare:
        mine = problem.band_row == row
        total += float(problem.band_size[mine] @ problem.band_price[mine])
    bound = total
    for covered, columns in parts:
        own = _part(problem, covered, columns) if len(parts) > 1 or len(bare) else problem
        x, value, least = _best(own, gap, effort)
        people[columns if own is not problem else slice(None)] = x
        total, bound = total + value, bound + least
    return SetCover(people, float(total), float(bound))


def search_cover(
    matrix: Matrix,
    need: Floats,
    cost: Floats,
    short_price: Floats,
    limits: Matrix,
    low: Floats,
    high: Floats,
    gap: float,
    effort: float,
    counts: Matrix | None = None,
) -> SetCover:
    """Do as :func:`solve_set_cover` by the search alone: limits that are equations leave nothing to be rounded.

    ``counts`` are rows of sums that are whole in any solution: they make the bound tighter before the search.

    >>> shifts, both = sparse.csc_array(np.array([[1.0, 0], [0, 1]])), sparse.csr_array(np.array([[1.0, -1]]))
    >>> equal = (both, np.zeros(1), np.zeros(1))
    >>> search_cover(shifts, np.array([2.0, 3]), np.ones(2), np.full(2, 50.0), *equal, 0.0, 1.0).agents.tolist()
    [3.0, 3.0]
    """
    problem = _merged(matrix, need, cost, short_price, limits, low, high)
    entries = max(int(problem.matrix.nnz) + int(limits.nnz), 1)
    branches = int(np.clip(MAX_SEARCH_WORK * effort / entries, 1, MAX_BRANCHES))
    least, row = raise_bound(_relaxation(problem, counts), entries, effort, gap)
    found = _search(problem, nodes=branches, gap=gap * 0.999, least=row)
    agents = _feasible(problem) if found.x is None else np.rint(found.x[: len(cost)])
    total = _cost(problem, agents)
    return SetCover(agents, total, float(np.clip(max(found.bound, least), 0.0, total)))


def _merged(
    matrix: Matrix,
    need: Floats,
    cost: Floats,
    short_price: Floats,
    limits: Matrix | None,
    low: Floats | None,
    high: Floats | None,
) -> _Problem:
    rows = sparse.csr_array(matrix)
    rows.sort_indices()
    groups: dict[tuple[bytes, bytes], list[int]] = {}
    for i in np.flatnonzero(need > 0):
        span = slice(rows.indptr[i], rows.indptr[i + 1])
        groups.setdefault((rows.indices[span].tobytes(), rows.data[span].tobytes()), []).append(int(i))
    kept, top, band_row, band_size, band_price = [], [], [], [], []
    for g, members in enumerate(groups.values()):
        order = sorted(members, key=lambda i: -need[i])
        kept.append(order[0])
        top.append(need[order[0]])
        price = 0.0
        for k, at in enumerate(order):
            price += short_price[at]
            below = need[order[k + 1]] if k + 1 < len(order) else 0.0
            if need[at] > below:
                band_row.append(g)
                band_size.append(need[at] - below)
                band_price.append(price)
    n = matrix.shape[1]
    return _Problem(
        sparse.csc_array(rows[kept]) if kept else sparse.csc_array((0, n)),
        np.array(top),
        cost,
        np.full(n, np.inf),
        np.array(band_row, dtype=np.int64),
        np.array(band_size),
        np.array(band_price),
        sparse.csr_array((0, n)) if limits is None else limits,
        np.zeros(0) if low is None else low,
        np.zeros(0) if high is None else high,
    )


def _parts(problem: _Problem) -> list[tuple[Places, Places]]:
    """Return rows and columns of the parts that share nothing; patterns that cover nothing needed are in none."""
    m, n = problem.matrix.shape
    links = sparse.vstack([problem.matrix, problem.limits]) if problem.limits.shape[0] else problem.matrix
    size = links.shape[0]
    graph = (
        sparse.block_array([[None, links], [links.T, None]]) if links.nnz else sparse.csr_array((size + n, size + n))
    )
    _, label = connected_components(graph, directed=False)
    found = []
    for part in np.unique(label[size:]):
        rows, columns = np.flatnonzero(label[:m] == part), np.flatnonzero(label[size:] == part)
        limited = (label[m:size] == part).any()
        if len(rows) or limited:
            found.append((rows, columns))
    return found


def _part(problem: _Problem, rows: Places, columns: Places) -> _Problem:
    place = np.full(len(problem.need), -1)
    place[rows] = np.arange(len(rows))
    mine = place[problem.band_row] >= 0
    limits = sparse.csr_array(problem.limits[:, columns])
    touched = np.flatnonzero(np.diff(np.asarray(limits.indptr)))
    return _Problem(
        problem.matrix[rows][:, columns],
        problem.need[rows],
        problem.cost[columns],
        problem.most[columns],
        place[problem.band_row[mine]],
        problem.band_size[mine],
        problem.band_price[mine],
        limits[touched],
        problem.low[touched],
        problem.high[touched],
    )


def _best(p: _Problem, gap: float, effort: float) -> tuple[Floats, float, float]:
    """Return people, cost and bound of one part."""
    n = len(p.cost)
    loose = _relaxed(p, np.zeros(n), p.most)
    if loose is None:
        raise InputError("the limits contradict each other", where="argument 'limits'", code="plan.impossible")
    relaxed, reduced, bound = loose
    x = _dive(p, relaxed)
    if x is None:
        x = _feasible(p)
    value = _cost(p, x)
    if value - bound <= gap * value:
        return x, value, bound
    least, row = raise_bound(_relaxation(p, count_by_cost(p.cost)), int(p.matrix.nnz), effort, gap)
    bound = max(bound, least)
    if value - bound <= gap * value:
        return x, value, float(min(value, bound))
    use = np.flatnonzero(reduced <= value - bound + 1e-6 * max(value, 1.0))
    small = p if len(use) == n else _part(p, np.arange(len(p.need)), use)
    entries = max(int(small.matrix.nnz), 1)
    if entries > MAX_SEARCH_ENTRIES * effort:
        return x, value, float(min(value, bound))
    branches = int(np.clip(MAX_SEARCH_WORK * effort / entries, 1, MAX_BRANCHES))
    found = _search(small, nodes=branches, gap=gap * 0.999, least=row)
    if found.x is not None:
        tried = np.zeros(n)
        tried[use] = np.rint(found.x[: len(use)])
        if _cost(p, tried) < value:
            x, value = tried, _cost(p, tried)
    return x, value, float(min(value, max(bound, found.bound)))


def _search(p: _Problem, nodes: int | None = None, gap: float | None = None, least: float = 0.0) -> Solution:
    n, b, rows = len(p.cost), len(p.band_row), _rows(p)
    cost, high = np.concatenate([p.cost, p.band_price]), np.concatenate([p.most, p.band_size])
    if least > 0:  # a little less, for what the solver rounds
        rows.append((sparse.csr_array(cost[None]), least * (1 - 1e-9), np.inf))
    return solve(cost, rows, np.zeros(n + b), high, whole=np.arange(n + b) < n, nodes=nodes, gap=gap)


def _relaxation(p: _Problem, counts: Matrix | None) -> CountedProgramme:
    """Return the programme in fractions, with the sums that are whole in any solution: counts, and what is missing."""
    n, b = len(p.cost), len(p.band_row)
    sums = [] if counts is None else [sparse.hstack([counts, sparse.csr_array((counts.shape[0], b))])]
    parts = find_parts(np.concatenate([p.matrix.data, p.need, p.band_size]))
    if b and parts and is_whole(p.band_price / p.band_price.min()):  # in parts of an agent and interval
        units = parts * p.band_price / p.band_price.min()
        sums.append(triplets(units, np.zeros(b), n + np.arange(b), (1, n + b)))
    whole = sparse.csr_array(sparse.vstack(sums)) if sums else sparse.csr_array((0, n + b))
    cost, high = np.concatenate([p.cost, p.band_price]), np.concatenate([p.most, p.band_size])
    return CountedProgramme(cost, _rows(p), high, whole)


def _rows(p: _Problem) -> list[tuple[Matrix, Any, Any]]:
    missing = sparse.csc_array((len(p.low), len(p.band_row)))
    limits = [(stack_columns(p.limits, missing), p.low, p.high)] if len(p.low) else []
    return [(_with_missing(p), p.need, np.inf), *limits]


def _with_missing(p: _Problem) -> Matrix:
    m, b = len(p.need), len(p.band_row)
    return stack_columns(p.matrix, triplets(np.ones(b), p.band_row, np.arange(b), (m, b)))


def _relaxed(p: _Problem, least: Floats, most: Floats) -> tuple[Floats, Floats, float] | None:
    """Return the relaxation: people in fractions, reduced costs, and the bound that it proves."""
    n, b, none = len(p.cost), len(p.band_row), sparse.csr_array((len(p.low), len(p.band_row)))
    rows, need = [_with_missing(p)], [p.need]
    for sign, side in ((1.0, p.low), (-1.0, p.high)):
        mine = np.flatnonzero(np.isfinite(side))
        if len(mine):
            rows.append(stack_columns(sign * p.limits, none)[mine])
            need.append(sign * side[mine])
    matrix = sparse.csc_array(sparse.vstack(rows))
    low, high = np.concatenate([least, np.zeros(b)]), np.concatenate([most, p.band_size])
    found = relax(np.concatenate([p.cost, p.band_price]), matrix, np.concatenate(need), low, high)
    if found is None:
        return None
    x, price, cost = found
    return x[:n], p.cost - matrix[:, :n].T @ price, cost


def _dive(p: _Problem, relaxed: Floats) -> Floats | None:
    """Round the relaxation a few people at a time, solving it again in between; ``None`` if limits stop that."""
    x, fixed, most, rounds = relaxed, np.zeros(len(p.cost)), p.most.copy(), 0
    while True:
        fixed = np.maximum(fixed, np.floor(x + _WHOLE))
        part = np.where(x - np.floor(x + _WHOLE) > _WHOLE, x - np.floor(x + _WHOLE), 0.0)
        loose = np.flatnonzero(part)
        if not len(loose):
            break
        rounds += 1
        late = rounds > MAX_DIVE_ROUNDS
        order = loose[np.argsort(-part[loose], kind="stable")]
        for j in order[: int((part[loose] > 0.5).sum()) if late else max(1, len(loose) // 20)]:
            fixed[j] += 1
            if len(p.low) and (p.limits @ fixed > p.high + _WHOLE).any():
                fixed[j] -= 1
                most[j] = fixed[j]
        if late:
            break
        again = _relaxed(p, fixed, most)
        if again is None:
            return None
        x = again[0]
    if len(p.low) and (p.limits @ fixed < p.low - _WHOLE).any():
        return None
    return _trimmed(p, _mended(p, fixed))


def _mended(p: _Problem, x: Floats) -> Floats:
    """Add the person who saves most shortfall for the cost, as long as one saves more than that."""
    x, cost = x.copy(), _cost(p, x)
    first = np.searchsorted(p.band_row, np.arange(len(p.need)))  # the cheapest step of the shortfall of each row
    while True:
        short = p.need - p.matrix @ x
        saved = p.matrix.T @ (np.where(short > _WHOLE, p.band_price[first], 0.0) * np.minimum(np.maximum(short, 0), 1))
        free = np.ones(len(x), dtype=bool)
        if len(p.low):
            free = ~((p.limits @ x + 1 > p.high + _WHOLE) @ (p.limits != 0))
        worth = np.where(free, saved / p.cost, 0.0)
        j = int(worth.argmax())
        if worth[j] <= 1.0:
            return x
        x[j] += 1
        less = _cost(p, x)
        if less >= cost:
            x[j] -= 1
            return x
        cost = less


def _trimmed(p: _Problem, x: Floats) -> Floats:
    """Take away people whose shift costs more than what it covers, the dearest first."""
    x, cost = x.copy(), _cost(p, x)
    for j in sorted(np.flatnonzero(x > 0), key=lambda j: (-p.cost[j], j)):
        while x[j] > 0:
            x[j] -= 1
            less = _cost(p, x)
            if less >= cost - 1e-9 or (len(p.low) and (p.limits @ x < p.low - _WHOLE).any()):
                x[j] += 1
                break
            cost = less
    return x


def _cost(p: _Problem, x: Floats) -> float:
    short = np.maximum(p.need - p.matrix @ x, 0.0)
    total = float(p.cost @ x)
    before = np.zeros(len(p.need))
    for row, size, price in zip(p.band_row, p.band_size, p.band_price, strict=True):
        part = min(max(short[row] - before[row], 0.0), size)
        before[row] += size
        total += part * price
    return total


def _feasible(p: _Problem) -> Floats:
    """Return the fewest people that the limits allow, without regard to cost: the start when time is too short."""
    nothing = (p.band_row[:0], p.band_size[:0], p.band_price[:0])
    bare = _Problem(p.matrix[:0], p.need[:0], p.cost, p.most, *nothing, p.limits, p.low, p.high)
    found = _search(bare)
    if found.x is None:
        raise InputError(
            "the limits contradict each other", where="argument 'limits'", got=found.message, code="plan.impossible"
        )
    return np.rint(found.x)
