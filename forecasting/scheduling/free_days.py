"""Contracts whose days off may lie apart: how many people, how many of them on each day, and who has which days.

All choices of five days out of seven make 21 patterns of each shift. They need not be told apart: people of one shift
of whom each works ``n`` days can be found for any number of people a day, as long as no day has more than there are and
the days add up to ``n`` each. So there is one variable for each shift and day and one for the people of the shift, and
the answer is the same as over all patterns. Who has which days is dealt out afterwards.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import sparse

from ...features.arrays import Floats, Places
from ..solver import Matrix, triplets
from .set_cover import SetCover, search_cover
from .shift_patterns import ShiftPattern


@dataclass(frozen=True)
class DayColumns:
    """Patterns as they are solved: a fixed one as it is, one with free days as one pattern for each of its days.

    Attributes
    ----------
    patterns
        Patterns with fixed days.
    owner
        Position of the pattern that each comes from.
    """

    patterns: list[ShiftPattern]
    owner: Places


def split_free_days(patterns: Sequence[ShiftPattern]) -> DayColumns:
    """Return each pattern with free days as its single days.

    >>> split_free_days([ShiftPattern("any", (0, 1, 2), 8 * 3600, 4 * 3600, days_worked=2)]).owner.tolist()
    [0, 0, 0]
    """
    parts = [
        (replace(p, days=(day,), days_worked=None) if p.days_worked else p, j)
        for j, p in enumerate(patterns)
        for day in (p.days if p.days_worked else p.days[:1])
    ]
    return DayColumns([p for p, _ in parts], np.array([j for _, j in parts], dtype=np.int64))


def solve_free_days(
    patterns: Sequence[ShiftPattern],
    columns: DayColumns,
    usable: Places,
    matrix: Matrix,
    need: Floats,
    paid: Floats,
    price: Floats,
    rules: tuple[Matrix, Floats, Floats],
    gap: float,
    effort: float,
) -> tuple[list[ShiftPattern], Floats, SetCover]:
    """Choose people and their days so that paid hours and priced shortfall are least.

    Parameters
    ----------
    patterns, columns
        Patterns, and their days by :func:`split_free_days`.
    usable
        The columns that may be worked.
    matrix, paid
        Coverage and paid hours of a person of each column.
    need, price
        People needed in each interval, and the cost of one who is missing.
    rules
        Limits on people by pattern: rows, least, most.
    gap, effort
        As in :func:`~.schedule.shift_schedule`.

    Returns
    -------
    patterns with fixed days, the people of each, and the solution with its bound.
    """
    owner, n = columns.owner[usable], len(patterns)
    free = np.array([p.days_worked or 0 for p in patterns])
    heads = np.flatnonzero(free)
    is_day = free[owner] > 0
    days, k, h = np.flatnonzero(is_day), len(usable), len(heads)
    place = np.zeros(n, dtype=np.int64)
    place[heads] = k + np.arange(h)
    # people of a pattern: its head where days are free, else its column
    people = np.where(free > 0, place, -1)
    people[owner[~is_day]] = np.flatnonzero(~is_day)
    at, size = np.arange(len(days)), k + h
    # the people of each length of shift in one number: a search that settles it first proves its bound sooner
    group = {
        key: i for i, key in enumerate(dict.fromkeys((patterns[int(j)].kind, patterns[int(j)].paid_h) for j in heads))
    }
    member = np.array([group[patterns[int(j)].kind, patterns[int(j)].paid_h] for j in heads])
    g = len(group)
    on_day = triplets(
        np.concatenate([np.ones(len(days)), -np.ones(len(days))]), np.concatenate([at, at]),
        np.concatenate([days, place[owner[days]]]), (len(days), size + g),
    )  # fmt: skip
    each = triplets(
        np.concatenate([np.ones(len(days)), -free[heads].astype(float)]),
        np.concatenate([place[owner[days]] - k, np.arange(h)]), np.concatenate([days, place[heads]]), (h, size + g),
    )  # fmt: skip
    total = triplets(
        np.concatenate([np.ones(h), -np.ones(g)]), np.concatenate([member, np.arange(g)]),
        np.concatenate([place[heads], size + np.arange(g)]), (g, size + g),
    )  # fmt: skip
    held = np.flatnonzero(people >= 0)
    limits = sparse.csr_array(rules[0][:, held]) @ triplets(
        np.ones(len(held)), np.arange(len(held)), people[held], (len(held), size + g)
    )
    found = search_cover(
        sparse.csc_array(sparse.hstack([matrix[:, usable], sparse.csc_array((len(need), h + g))])),
        need,
        np.concatenate([paid[usable], np.zeros(h + g)]),
        price,
        sparse.csr_array(sparse.vstack([limits, on_day, each, total])),
        np.concatenate([rules[1], np.full(len(days), -np.inf), np.zeros(h + g)]),
        np.concatenate([rules[2], np.zeros(len(days)), np.zeros(h + g)]),
        gap,
        effort,
        triplets(np.ones(g), np.arange(g), size + np.arange(g), (g, size + g)),
    )
    chosen: Counter[ShiftPattern] = Counter()
    for column in np.flatnonzero(~is_day):
        chosen[columns.patterns[int(usable[column])]] += round(found.agents[column])
    for head in heads:
        mine = np.flatnonzero(is_day & (owner == head))
        on = {columns.patterns[int(usable[c])].days[0]: round(found.agents[c]) for c in mine}
        for dealt, count in deal_days(on, round(found.agents[place[head]])).items():
            chosen[replace(patterns[int(head)], days=dealt, days_worked=None)] += count
    worked = [p for p, count in chosen.items() if count > 0]
    return worked, np.array([chosen[p] for p in worked], dtype=float), found


def deal_days(on: dict[int, int], people: int) -> Counter[tuple[int, ...]]:
    """Return who works on which days: how many people have each set of days.

    People are taken in turn, day after day, so that each has as many days as the others.

    Examples
    --------
    >>> deal_days({0: 2, 1: 1, 2: 1}, 2)
    Counter({(0, 1): 1, (0, 2): 1})
    """
    days: list[list[int]] = [[] for _ in range(people)]
    turn = 0
    for day, count in sorted(on.items()):
        for _ in range(count):
            days[turn % people].append(day)
            turn += 1
    return Counter(tuple(own) for own in days)
