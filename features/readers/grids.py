"""Rows of cells, of a sheet or a table of markup, to a frame of text: header, empty rows, lines below."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from ..errors import InputError, Listed, NoRowsError
from .table_shape import classify_first_cells, find_table
from .text_tables import (
    describe_footers,
    describe_shape,
    drop_footers,
    drop_repeated_headers,
    name_columns,
)


def frame_from_rows(
    rows: Sequence[Sequence[str]], where: str, header: bool | None = None
) -> tuple[pd.DataFrame, list[str]]:
    """Return the table in rows of cells, and what a reader should know.

    Raises
    ------
    InputError
        If there is no table in them.

    Examples
    --------
    >>> rows = [["Desk report", "", ""], ["Id", "Opened", "By"], ["7", "2024-03-01", "a"], ["8", "2024-03-02", ""]]
    >>> frame, notes = frame_from_rows(rows, "Sheet1")
    >>> frame.to_dict("records")
    [{'Id': '7', 'Opened': '2024-03-01', 'By': 'a'}, {'Id': '8', 'Opened': '2024-03-02', 'By': ''}]
    """
    rows = [[" ".join(c.split()) if "\n" not in c else c.strip() for c in r] for r in rows]
    if not any(any(r) for r in rows):
        raise InputError("the sheet is empty", where=where, wanted="a table with a header row", code="file.empty")
    shape = find_table(rows, header)
    body = [r for r in rows[shape.first :] if any(r)]
    if not body:
        raise NoRowsError(
            "the sheet has a header but no rows",
            where=where,
            got=Listed(filter(None, shape.names)),
            code="file.empty",
        )
    width = max(len(shape.names), max(map(len, body)))
    used = [
        i for i in range(width) if (i < len(shape.names) and shape.names[i]) or any(i < len(r) and r[i] for r in body)
    ]
    names, said = name_columns([shape.names[i] if i < len(shape.names) else "" for i in used], where)
    data = {n: [r[i] if i < len(r) else "" for r in body] for n, i in zip(names, used, strict=True)}
    frame = pd.DataFrame(data, dtype="str")
    frame, below = drop_footers(frame, classify_first_cells(frame.iloc[:50, 0]))
    frame, again = drop_repeated_headers(frame, names if shape.has_header else (), where)
    notes = [*describe_shape(shape, list(body[0]), where), *said, *describe_footers(below, where), *again]
    return frame.reset_index(drop=True), notes
