"""Lists: filters, search, sorting and paging as a query of which only known columns become part."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlencode

import pandas as pd

from .snapshot import Snapshot

ROWS_PER_PAGE = 50
#: What a value of a filter that names rows without one reads as in an address.
NO_VALUE = "(none)"
#: Values of a facet that a page offers.
MAX_FACET_VALUES = 12


@dataclass(frozen=True)
class ListSpec:
    """What a list shows, and by which columns it can be cut.

    Attributes
    ----------
    source
        The table as ``{name}``, or a query in brackets of which it is made.
    columns
        Columns that are shown, in their order; also those that it can be sorted by.
    facets, search
        Columns with counts of their values, and those that a search looks into.
    sort
        The usual order: a column, with ``-`` before it for the largest first.
    ties
        Column that puts rows of one value into one order.
    """

    source: str
    columns: tuple[str, ...]
    facets: tuple[str, ...] = ()
    search: tuple[str, ...] = ()
    sort: str = ""
    ties: str = ""


@dataclass(frozen=True)
class Listing:
    """One page of a list, as its address asks for it.

    Attributes
    ----------
    spec
        The list.
    q, filters, sort, page, size
        Words that a row has to hold, values by facet, order, number of the page from 1, and its rows.
    fixed, fixed_values
        A condition that no address changes, with its parameters.

    Examples
    --------
    >>> spec = ListSpec("{risk}", ("case_id", "team"), facets=("team",), search=("case_id",), sort="-case_id")
    >>> listing = read_listing(spec, [("q", "c1"), ("team", "A"), ("team", "B"), ("nonsense", "x"), ("sort", "team")])
    >>> listing.filters, listing.sort, listing.link(page=2)
    ({'team': ('A', 'B')}, 'team', '?q=c1&team=A&team=B&sort=team&page=2')
    >>> listing.where()
    ('(strpos(lower(CAST("case_id" AS VARCHAR)), ?) > 0) AND (CAST("team" AS VARCHAR) IN (?, ?))', ['c1', 'A', 'B'])
    """

    spec: ListSpec
    q: str = ""
    filters: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    sort: str = ""
    page: int = 1
    size: int = ROWS_PER_PAGE
    fixed: str = ""
    fixed_values: tuple[Any, ...] = ()

    def where(self, without: str = "") -> tuple[str, list[Any]]:
        """Return the condition and its parameters; ``without`` leaves the filter of one facet out."""
        parts, values = ([self.fixed], list(self.fixed_values)) if self.fixed else ([], [])
        for word in self.q.lower().split():
            looked = [f"strpos({_lower(c)}, ?) > 0" for c in self.spec.search]
            parts.append(f"({' OR '.join(looked)})")
            values += [word] * len(looked)
        for column, chosen in self.filters.items():
            if column == without:
                continue
            named = [value for value in chosen if value != NO_VALUE]
            text = f"CAST({quote_name(column)} AS VARCHAR)"
            some = [f"{text} IN ({', '.join('?' * len(named))})"] if named else []
            some += [f"{text} IS NULL OR {text} = ''"] if len(named) < len(chosen) else []
            parts.append(f"({' OR '.join(some)})")
            values += named
        return " AND ".join(parts) or "true", values

    def order(self) -> str:
        """Return the order; rows without a value are last."""
        column = self.sort.removeprefix("-")
        ties = [quote_name(self.spec.ties)] if self.spec.ties and self.spec.ties != column else []
        first = [f"{quote_name(column)} {'DESC' if self.sort.startswith('-') else 'ASC'} NULLS LAST"] if column else []
        return ", ".join([*first, *ties])

    def rows(self, results: Snapshot, columns: Sequence[str] = ()) -> pd.DataFrame:
        """Return the rows of this page."""
        return self._select(results, columns, f"LIMIT {int(self.size)} OFFSET {int((self.page - 1) * self.size)}")

    def every(self, results: Snapshot, columns: Sequence[str] = ()) -> pd.DataFrame:
        """Return all rows that the filters leave, for an export."""
        return self._select(results, columns, "")

    def _select(self, results: Snapshot, columns: Sequence[str], limit: str) -> pd.DataFrame:
        condition, values = self.where()
        names = ", ".join(map(quote_name, columns)) or "*"
        order = f"ORDER BY {self.order()}" if self.order() else ""
        return results.query(f"SELECT {names} FROM {self.spec.source} WHERE {condition} {order} {limit}", values)

    def total(self, results: Snapshot) -> int:
        """Return how many rows the filters leave."""
        condition, values = self.where()
        return int(results.value(f"SELECT count(*) FROM {self.spec.source} WHERE {condition}", values))

    def facets(self, results: Snapshot) -> dict[str, list[tuple[str, int, bool]]]:
        """Return the values of each facet with their counts under all other filters, and whether each is chosen."""
        counts = self._count(results, [c for c in self.spec.facets if c not in self.filters], *self.where())
        for column in self.filters:
            counts |= self._count(results, [column], *self.where(without=column))
        found = {}
        for column in self.spec.facets:
            counted, chosen = counts[column], self.filters.get(column, ())
            shown = [pair for i, pair in enumerate(counted) if i < MAX_FACET_VALUES or pair[0] in chosen]
            shown += [(value, 0) for value in chosen if value not in dict(counted)]
            found[column] = [(value, n, value in chosen) for value, n in shown]
        return found

    def _count(
        self, results: Snapshot, columns: Sequence[str], condition: str, values: Sequence[Any]
    ) -> dict[str, list[tuple[str, int]]]:
        """Return the values of facets with their counts, the most frequent first, of all facets in one query."""
        if not columns:
            return {}
        names = [
            f"coalesce(nullif(CAST({quote_name(c)} AS VARCHAR), ''), '{NO_VALUE}') AS f{i}"
            for i, c in enumerate(columns)
        ]
        sets = ", ".join(f"(f{i})" for i in range(len(columns)))
        facets = ", ".join(f"f{i}" for i in range(len(columns)))
        inner = f"SELECT {', '.join(names)} FROM {self.spec.source} WHERE {condition}"
        query = f"SELECT {facets}, count(*) AS n FROM ({inner}) GROUP BY GROUPING SETS ({sets})"
        found: dict[str, list[tuple[str, int]]] = {column: [] for column in columns}
        for *row, n in results.rows(query, values):
            place = next(i for i, value in enumerate(row) if value is not None)
            found[columns[place]].append((str(row[place]), int(n)))
        return {column: sorted(pairs, key=lambda pair: (-pair[1], pair[0])) for column, pairs in found.items()}

    def link(self, **changes: Any) -> str:
        """Return the address of this list with other values of ``sort``, ``page``, ``q`` or ``filters``."""
        new = replace(self, **{k: v for k, v in changes.items() if k in ("sort", "page", "q", "filters")})
        pairs = [("q", new.q)] if new.q else []
        pairs += [(column, value) for column, chosen in new.filters.items() for value in chosen]
        pairs += [("sort", new.sort)] if new.sort and new.sort != self.spec.sort else []
        pairs += [("page", str(new.page))] if new.page > 1 else []
        return f"?{urlencode(pairs)}"

    def sort_link(self, column: str) -> str:
        """Return the address that sorts by a column, and the other way round where it is sorted by it."""
        return self.link(sort=f"-{column}" if self.sort == column else column, page=1)


def read_listing(spec: ListSpec, parameters: Sequence[tuple[str, str]]) -> Listing:
    """Read a list from the pairs of an address; what it does not know is left out.

    Parameters
    ----------
    spec
        The list.
    parameters
        ``request.query_params.multi_items()``.
    """
    given = dict(parameters)
    filters = {c: tuple(dict.fromkeys(v for k, v in parameters if k == c and v)) for c in spec.facets}
    sort = given.get("sort", "")
    return Listing(
        spec,
        q=given.get("q", "").strip()[:200],
        filters={column: chosen for column, chosen in filters.items() if chosen},
        sort=sort if sort.removeprefix("-") in spec.columns else spec.sort,
        page=read_page_number(given.get("page", ""), 1_000_000),
    )


def read_page_number(text: str, last: int) -> int:
    """Return the page that an address asks for, from 1 to the last; the first where that is no number.

    >>> [read_page_number(text, 9) for text in ("3", "99", "0", "-1", "x", "", "1" * 5000)]
    [3, 9, 1, 1, 1, 1, 1]
    """
    return min(max(int(text), 1), last) if text.isdecimal() and len(text) < 8 else 1


def _lower(column: str) -> str:
    """Return a column in small letters; one that holds all texts of a row is in small letters already."""
    return quote_name(column) if column == "search_text" else f"lower(CAST({quote_name(column)} AS VARCHAR))"


def quote_name(column: str) -> str:
    """Return a column as SQL names it.

    >>> quote_name('a"b')
    '"a""b"'
    """
    return '"' + column.replace('"', '""') + '"'
