"""Workbooks (XLSX, XLSM, XLSB, XLS, ODS) to frames of text, a sheet each, through python-calamine.

Typed dates come out as ISO text, durations as ``h:mm:ss``, shares as fractions; both calendars of Excel (from 1900 and
from 1904) are handled by the reader. Hidden rows are data all the same.
"""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Sequence
from typing import Any

import pandas as pd

from ..errors import InputError, Listed
from .grids import frame_from_rows


def read_workbook(
    content: bytes, where: str, header: bool | None = None
) -> tuple[dict[str, pd.DataFrame], dict[str, list[str]]]:
    """Return the sheets of a workbook that hold a table, and what a reader should know of each.

    Raises
    ------
    InputError
        If the reader is not installed, the workbook is damaged or locked, or no sheet holds a table.
    """
    try:
        from python_calamine import CalamineError, PasswordError, load_workbook
    except ImportError as error:
        raise InputError(
            "the reader of workbooks is not installed",
            where=where,
            hint="pip install python-calamine",
            code="package.missing",
        ) from error
    frames: dict[str, pd.DataFrame] = {}
    notes: dict[str, list[str]] = {}
    lost: list[str] = []
    try:
        book = load_workbook(io.BytesIO(content))
        for name in book.sheet_names:
            try:
                sheet = book.get_sheet_by_name(name)
                rows = _filled_down([[cell_text(c) for c in r] for r in sheet.to_python(skip_empty_area=False)], sheet)
                frames[name], notes[name] = frame_from_rows(rows, f"{where}, sheet '{name}'", header)
            except InputError as error:
                lost.append(f"'{name}': {error.problem}")
    except PasswordError as error:
        raise InputError(
            "the workbook has a password", where=where, hint="save it without one", code="file.locked"
        ) from error
    except (CalamineError, OSError, ValueError) as error:
        raise InputError(
            f"the spreadsheet cannot be read: {error}", where=where, hint="save it again as XLSX", code="file.damaged"
        ) from error
    if not frames:
        raise InputError(
            "missing table: no sheet of the workbook has one", where=where, got=Listed(lost), code="file.empty"
        )
    return frames, notes


def cell_text(value: Any) -> str:
    """Return the value of a cell as text.

    >>> cell_text(dt.datetime(2024, 3, 1, 9)), cell_text(dt.timedelta(hours=26)), cell_text(12.0), cell_text(True)
    ('2024-03-01 09:00:00', '26:00:00', '12', 'true')
    """
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(round(value, 9))
    if isinstance(value, dt.datetime):
        whole = (value + dt.timedelta(milliseconds=500)).replace(microsecond=0)  # a day's fraction is never exact
        near = abs(whole - value) < dt.timedelta(milliseconds=2)
        return (whole if near else value).isoformat(sep=" ")
    if isinstance(value, dt.timedelta):
        seconds = round(value.total_seconds())
        sign, seconds = ("-", -seconds) if seconds < 0 else ("", seconds)
        return f"{sign}{seconds // 3600}:{seconds % 3600 // 60:02d}:{seconds % 60:02d}"
    if isinstance(value, dt.time):
        return value.strftime("%H:%M:%S")
    return "" if value is None else str(value)


def _filled_down(rows: list[list[str]], sheet: Any) -> list[list[str]]:
    """Give each row of a cell that was merged over several rows its value; merged columns are labels of a group."""
    spans: Sequence[Any] = sheet.merged_cell_ranges or ()
    for (top, left), (bottom, right) in spans:
        if left != right or bottom <= top:
            continue
        for row in range(top + 1, min(bottom + 1, len(rows))):
            if left < len(rows[row]) and top < len(rows) and not rows[row][left]:
                rows[row][left] = rows[top][left]
    return rows
