"""Tables of HTML and of XML workbooks, which some systems save under the name of an Excel file."""

from __future__ import annotations

from html.parser import HTMLParser
from xml.etree import ElementTree

import pandas as pd

from ..errors import InputError
from .grids import frame_from_rows

_OFFICE = "urn:schemas-microsoft-com:office:spreadsheet"


def is_markup(text: str) -> bool:
    """Return whether a text is a table of HTML, or a workbook of XML.

    >>> is_markup("<html><table><tr><td>1</td></tr></table>"), is_markup("<id>,opened")
    (True, False)
    """
    head = text.lstrip("\ufeff \t\r\n")[:200_000].lower()
    return head.startswith("<") and ("<table" in head or _OFFICE in head)


def read_markup(
    text: str, where: str, header: bool | None = None
) -> tuple[dict[str, pd.DataFrame], dict[str, list[str]]]:
    """Return the tables of a text of markup by name, and what a reader should know of each.

    Raises
    ------
    InputError
        If it cannot be read, or holds no table.

    Examples
    --------
    >>> page = "<table><tr><th>Id</th><th>Opened</th></tr><tr><td>7</td><td>2024-03-01</td></tr></table>"
    >>> read_markup(page, "t.xls")[0]["table 1"].to_dict("records")
    [{'Id': '7', 'Opened': '2024-03-01'}]
    """
    grids = _office_sheets(text, where) if _OFFICE in text[:200_000] else _html_tables(text)
    frames: dict[str, pd.DataFrame] = {}
    notes: dict[str, list[str]] = {}
    for name, rows in grids.items():
        try:
            frames[name], notes[name] = frame_from_rows(rows, f"{where}, {name}", header)
        except InputError:
            continue
    if not frames:
        raise InputError("the file has no table with rows", where=where, code="file.empty")
    return frames, notes


class _Tables(HTMLParser):
    """Collect the cells of each table; a table within a cell is one of its own."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.done: list[list[list[str]]] = []
        self._open: list[list[list[str]]] = []
        self._cell: list[str] | None = None
        self._span = 1

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "table":
            self._open.append([])
        elif tag == "tr" and self._open:
            self._close_cell()
            self._open[-1].append([])
        elif tag in ("td", "th") and self._open:
            self._close_cell()
            if not self._open[-1]:
                self._open[-1].append([])
            self._cell, span = [], dict(attrs).get("colspan") or "1"
            self._span = int(span) if span.isdigit() else 1
        elif tag == "br" and self._cell is not None:
            self._cell.append(" ")

    def handle_data(self, data: str) -> None:
        if self._cell is not None:
            self._cell.append(data)

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th", "tr"):
            self._close_cell()
        elif tag == "table" and self._open:
            self._close_cell()
            self.done.append(self._open.pop())

    def _close_cell(self) -> None:
        if self._cell is not None and self._open and self._open[-1]:
            self._open[-1][-1] += [" ".join("".join(self._cell).split()), *[""] * (self._span - 1)]
        self._cell = None


def _html_tables(text: str) -> dict[str, list[list[str]]]:
    parser = _Tables()
    parser.feed(text)
    parser.close()
    tables = parser.done + [t for t in parser._open if t]
    return {f"table {i}": t for i, t in enumerate(tables, 1) if len(t) > 1}


def _office_sheets(text: str, where: str) -> dict[str, list[list[str]]]:
    try:
        root = ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        raise InputError(f"the XML workbook is damaged: {error}", where=where, code="file.damaged") from error
    space = {"ss": _OFFICE}
    sheets: dict[str, list[list[str]]] = {}
    for number, sheet in enumerate(root.findall("ss:Worksheet", space), 1):
        rows: list[list[str]] = []
        for row in sheet.findall("ss:Table/ss:Row", space):
            cells: list[str] = []
            for cell in row.findall("ss:Cell", space):
                place = int(cell.get(f"{{{_OFFICE}}}Index", len(cells) + 1))
                cells += [""] * (place - 1 - len(cells))
                data = cell.find("ss:Data", space)
                cells.append("".join(data.itertext()).strip() if data is not None else "")
            rows.append(cells)
        sheets[sheet.get(f"{{{_OFFICE}}}Name", f"table {number}")] = rows
    return sheets
