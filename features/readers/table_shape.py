"""Where the table lies in a sheet or text: titles above the header, a header of two rows or none, lines below."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

Record = Sequence[str]

#: Rows that are looked at to find the header.
MAX_ROWS_EXAMINED = 200
#: A header fills at least this share of the columns that the rows below it fill.
MIN_HEADER_FILL = 0.6
#: Names of rows are codes where at least this share of them hold a digit.
MIN_CODED = 0.95
_NUMBER = re.compile(r"^[-+(]?[\d.,'\s\u00a0\u202f]*\d[\d.,'\s\u00a0\u202f]*%?\)?$")
_TIME = re.compile(r"^\D{0,12}\d{1,4}[-/.]\s?\d{1,2}[-/.]\s?\d{1,4}|^\d{1,2}[:h]\d{2}")
_TOTAL = re.compile(
    r"^(grand |sub)?-?(total\w*|sum|summe|gesamt\w*|summary|somme|celkem|suma|insgesamt|totale|razem)\b", re.IGNORECASE
)


@dataclass(frozen=True)
class TableShape:
    """Where a table lies: its first data row, its column names, and what stands above.

    ``header`` is the record of the names, -1 where there is none; ``first`` is the first record of data.
    """

    header: int
    first: int
    names: tuple[str, ...]
    above: tuple[str, ...] = ()

    @property
    def has_header(self) -> bool:
        """Return whether a record names the columns."""
        return self.header >= 0


def classify_cell(cell: str) -> str:
    """Return what a cell looks like: ``time``, ``number``, ``text``, or nothing for an empty one.

    >>> [classify_cell(c) for c in ("1,204", "01/03/2023 09:00", "Opened", "")]
    ['number', 'time', 'text', '']
    """
    cell = cell.strip()
    if not cell:
        return ""
    if _TIME.match(cell):
        return "time"
    return "number" if _NUMBER.match(cell) else "text"


def is_total(cell: str) -> bool:
    """Return whether a cell is the label of a row of totals.

    >>> is_total("Grand Total"), is_total("Gesamt"), is_total("Total Care Inc. x")
    (True, True, True)
    """
    return bool(_TOTAL.match(cell.strip()))


def find_table(records: Sequence[Record], header: bool | None = None) -> TableShape:
    """Find the header of a table, or that it has none.

    Parameters
    ----------
    records
        The first records as text, blank ones included.
    header
        What the owner says; ``None`` decides by the values.

    Examples
    --------
    >>> rows = [["Report", ""], ["", ""], ["Ticket", "Opened"], ["7", "2024-03-01"], ["8", "2024-03-02"]]
    >>> shape = find_table(rows)
    >>> shape.names, shape.first, shape.above
    (('Ticket', 'Opened'), 3, ('Report',))
    >>> find_table([["7", "2024-03-01"], ["8", "2024-03-02"]]).has_header
    False
    """
    rows = [[cell.strip() for cell in r] for r in records[:MAX_ROWS_EXAMINED]]
    fills = [sum(map(bool, r)) for r in rows]
    start = _first_full(rows, fills)
    place = start if header is False else _header_below(rows, fills, start)
    if header is False or (header is None and _is_data(rows, place)):
        width = max((len(r) for r in rows[place:]), default=0)
        return TableShape(-1, place, tuple(f"column {i}" for i in range(1, width + 1)), _above(rows[:place]))
    names = _join_group_labels(rows, place)
    return TableShape(place, place + 1, tuple(names), _above(rows[:place]))


def _first_full(rows: list[list[str]], fills: list[int]) -> int:
    """Return the first row that fills most of the columns that a usual row fills."""
    there = sorted(f for f in fills if f)
    if not there:
        return 0
    usual = there[int(0.75 * (len(there) - 1) + 0.5)]
    first = next(i for i, f in enumerate(fills) if f)
    raw = sorted(len(r) for r, f in zip(rows, fills, strict=True) if f)
    if len(rows[first]) == raw[len(raw) // 2] and fills[first] >= max(1, usual - 1):
        return first
    return next(i for i, f in enumerate(fills) if f >= MIN_HEADER_FILL * usual and f >= min(2, usual))


def _header_below(rows: list[list[str]], fills: list[int], start: int) -> int:
    """Return a later row that is the header by its values: all text over columns of numbers or times."""
    best = start
    for j in range(start + 1, min(start + 16, len(rows) - 1)):
        kinds = {classify_cell(c) for c in rows[j]} - {""}
        if kinds != {"text"} or fills[j] < 2 or len(set(filter(None, rows[j]))) < fills[j] * 0.5:
            continue
        contrast, fuller = _contrast(rows, j), fills[j] > fills[best]
        told = any(classify_cell(c) in ("time", "number") for c in rows[best])
        if contrast > 0 and (fuller or (told and contrast > _contrast(rows, best))):
            best = j
    return best


def _kinds_below(rows: list[list[str]], place: int) -> dict[int, str]:
    """Return column -> number or time, for the columns whose next values are nearly all of that kind."""
    below = [r for r in rows[place + 1 : place + 51] if any(r)]
    found: dict[int, str] = {}
    for column in range(max((len(r) for r in below), default=0)):
        kinds = [k for r in below if column < len(r) and (k := classify_cell(r[column]))]
        for kind in ("time", "number"):
            if len(kinds) >= min(2, len(below)) and kinds.count(kind) >= 0.8 * len(kinds) > 0:
                found[column] = kind
    return found


def _contrast(rows: list[list[str]], place: int) -> int:
    """Count the columns in which a row has text and the rows below have numbers or times."""
    row = rows[place]
    return sum(c < len(row) and classify_cell(row[c]) == "text" for c in _kinds_below(rows, place))


def _is_data(rows: list[list[str]], place: int) -> bool:
    """Return whether a row looks like those below it in every column of numbers or times, a time among them."""
    if place >= len(rows):
        return False
    row, kinds = rows[place], _kinds_below(rows, place)
    same = [kind for c, kind in kinds.items() if c < len(row) and classify_cell(row[c]) == kind]
    other = [c for c, kind in kinds.items() if c < len(row) and classify_cell(row[c]) not in ("", kind)]
    return bool(same) and "time" in same and not other


def _join_group_labels(rows: list[list[str]], place: int) -> list[str]:
    """Put the labels of merged cells above the header before its names, where the names alone repeat."""
    names = [" ".join(n.split()) for n in rows[place]]
    if place == 0 or len(set(filter(None, names))) == sum(map(bool, names)):
        return names
    above = rows[place - 1]
    if sum(map(bool, above)) < 2 or any(classify_cell(c) in ("time", "number") for c in above):
        return names
    label, joined = "", []
    for i, name in enumerate(names):
        label = above[i] if i < len(above) and above[i] else label
        joined.append(f"{label} {name}".strip() if names.count(name) > 1 else name)
    return joined


def _above(rows: list[list[str]]) -> tuple[str, ...]:
    return tuple(" ".join(filter(None, r)) for r in rows if any(r))


def classify_first_cells(cells: Iterable[str]) -> str:
    """Return what the first cells of most rows are: ``time``, ``number``, ``code`` (words with digits) or ``text``.

    >>> classify_first_cells(["INC0001", "INC0002", "INC0003"]), classify_first_cells(["Ann", "Bob", ""])
    ('code', 'text')
    """
    there = [c for c in cells if c.strip()]
    kinds = Counter(map(classify_cell, there))
    kind = kinds.most_common(1)[0][0] if kinds else "text"
    coded = sum(any(map(str.isdigit, c)) for c in there)
    return "code" if kind == "text" and coded >= MIN_CODED * len(there) > 0 else kind


def is_footer(record: Record, first_kind: str, width: int) -> bool:
    """Return whether a record is a line below a table: one cell alone, of another kind than the first column has.

    >>> is_footer(["Copyright (c) 2026", "", ""], "number", 3), is_footer(["1007", "", ""], "number", 3)
    (True, False)
    >>> is_footer(["Confidential", "", ""], "code", 3), is_footer(["Smith", "", ""], "text", 3)
    (True, False)
    """
    there = [c.strip() for c in record if c.strip()]
    if len(there) > 1 or width < 2:
        return False
    if not there:
        return True
    if first_kind in ("text", "code"):
        return len(there[0].split()) > 1 or (first_kind == "code" and not any(map(str.isdigit, there[0])))
    return classify_cell(there[0]) != first_kind
