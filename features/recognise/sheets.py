"""The sheets of a workbook: which are one table, a month or a queue each, and which only sum the others up."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from ..readers.numbers import parse_numbers
from ..readers.read import join_sheets
from ..sources.export import normalise_name

#: Sums of a sheet that are those of the others may differ by so much, by rounding.
MAX_SUM_ERROR = 1e-6


def header_of(frame: pd.DataFrame) -> tuple[str, ...]:
    """Return the names of the columns as they are compared: without case, signs and order."""
    return tuple(sorted(normalise_name(str(c)) or str(c) for c in frame.columns))


def group_sheets(sheets: Mapping[str, pd.DataFrame]) -> list[tuple[tuple[str, ...], pd.DataFrame]]:
    """Put the sheets of one header together; one that sums the others up, or has all their rows, stands alone.

    Examples
    --------
    >>> sales = pd.DataFrame({"Date": ["2024-03-01", "2024-03-02"], "Offered": ["5", "7"]})
    >>> whole = sales.assign(Offered=["10", "14"])
    >>> [names for names, _ in group_sheets({"All": whole, "Sales": sales, "Service": sales})]
    [('Sales', 'Service'), ('All',)]
    """
    groups: dict[tuple[str, ...], list[str]] = {}
    for name, frame in sheets.items():
        groups.setdefault(header_of(frame), []).append(name)
    out: list[tuple[tuple[str, ...], pd.DataFrame]] = []
    for names in groups.values():
        whole = [n for n in names if len(names) > 2 and _is_whole(n, [m for m in names if m != n], sheets)]
        parts = [n for n in names if n not in whole[:1]]
        same = {
            n: sheets[n].set_axis(sheets[parts[0]].columns, axis=1) if _in_order(n, parts, sheets) else sheets[n]
            for n in parts
        }
        out.append((tuple(parts), join_sheets(same)))
        out += [((n,), sheets[n]) for n in whole[:1]]
    return out


def _in_order(name: str, parts: list[str], sheets: Mapping[str, pd.DataFrame]) -> bool:
    """Return whether a sheet has the columns of the first one in the same order, perhaps spelt a little otherwise."""
    mine, first = sheets[name].columns, sheets[parts[0]].columns
    return [normalise_name(str(c)) for c in mine] == [normalise_name(str(c)) for c in first]


def _is_whole(name: str, others: list[str], sheets: Mapping[str, pd.DataFrame]) -> bool:
    """Return whether a sheet is all the others together: every row of theirs, or the sums of their numbers."""
    mine = sheets[name]
    rest = pd.concat([sheets[n] for n in others], ignore_index=True)
    if len(mine) == len(rest) and set(mine.columns) == set(rest.columns) and _rows(mine) == _rows(rest[mine.columns]):
        return True
    if len(mine) >= len(rest):
        return False
    sums = []
    for column in mine.columns:
        if column in rest and (numbers := parse_numbers(mine[column])).notna().mean() > 0.9:
            sums.append((float(numbers.sum()), float(parse_numbers(rest[column]).sum())))
    equal = [abs(a - b) <= MAX_SUM_ERROR * max(1.0, abs(b)) for a, b in sums if b]
    return bool(equal) and sum(equal) >= 0.5 * len(equal)


def _rows(frame: pd.DataFrame) -> set[tuple[str, ...]]:
    return set(map(tuple, frame.astype("str").to_numpy()))
