"""Text to a frame: the delimiter, the header, the lines above and below the table, and what is wrong with a line."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pandas as pd

from ..errors import InputError, Listed, NoRowsError
from .table_shape import TableShape, classify_cell, classify_first_cells, find_table, is_footer

#: Delimiters that are tried, the most usual first, and those that are tried where none of them fits.
DELIMITERS = (",", ";", "\t", "|")
RARE_DELIMITERS = ("^", "~", "\x1f", "\x01", "¦", "¬", "§", ":", "#", "!")
DELIMITER_NAMES = {
    ",": "comma", ";": "semicolon", "\t": "tab", "|": "bar", "^": "caret", "~": "tilde", ":": "colon", "#": "hash sign",
}  # fmt: skip
_SAMPLE_CHARACTERS = 1 << 18
#: Texts in a cell may be long: a whole mail with its history.
_MAX_CELL_CHARACTERS = 1 << 30


def parse_text(
    text: str, delimiter: str | None, where: str, header: bool | None = None
) -> tuple[pd.DataFrame, str, list[str]]:
    """Return the table in a text, its delimiter, and what a reader should know.

    Raises
    ------
    InputError
        If there is no row, or a line has more or fewer values than the header.

    Examples
    --------
    >>> frame, mark, notes = parse_text("Report\\n\\nTicket;Opened\\n7;2024-03-01\\n8;2024-03-02\\n", None, "t.csv")
    >>> frame.to_dict("records"), mark
    ([{'Ticket': '7', 'Opened': '2024-03-01'}, {'Ticket': '8', 'Opened': '2024-03-02'}], ';')
    """
    text, notes = _with_line_feeds(text, where)
    mark = _delimiter(text, delimiter, where)
    if mark != ",":
        notes.append(f"{where}: the columns are divided by a {DELIMITER_NAMES.get(mark, repr(mark))}")
    head, ends = _head(text, mark)
    shape = find_table(head, header)
    names, said = name_columns(_widened(shape, head), where)
    if len(head) <= shape.first:
        raise NoRowsError("the file has a header but no rows", where=where, got=Listed(names), code="file.empty")
    said += describe_shape(shape, head[shape.first], where)
    frame, more = _read(text, mark, names, ends[shape.first - 1] if shape.first else 0, head[shape.first :], where)
    if frame.empty:
        raise NoRowsError("the file has a header but no rows", where=where, got=Listed(names), code="file.empty")
    frame, dropped = drop_repeated_headers(frame, names if shape.has_header else (), where)
    return frame, mark, [*notes, *said, *more, *dropped]


def describe_shape(shape: TableShape, first: list[str], where: str) -> list[str]:
    """Describe what stands above the table, and whether it has no header."""
    said = []
    if shape.above:
        n = len(shape.above)
        said.append(
            f"{where}: {n} line{'s' * (n > 1)} above the header {'are' if n > 1 else 'is'} left out: "
            f"{'; '.join(a[:40] for a in shape.above[:4])}"
        )
    if not shape.has_header:
        data = next((c.strip() for c in first if classify_cell(c) == "time"), first[0].strip() if first else "")
        said.append(
            f"{where}: the first line looks like data ({data!r}): it is read as data, and the columns are called "
            "'column 1', 'column 2' and so on (set header = true if it is the header)"
        )
    return said


def name_columns(found: list[str], where: str) -> tuple[list[str], list[str]]:
    """Return a name of its own for each column, and what was done for that."""
    blank = [i for i, name in enumerate(found, 1) if not name]
    names, twice = number_repeated_names([name or f"column {i}" for i, name in enumerate(found, 1)])
    said = [f"{where}: column {i} has no name and is called 'column {i}'" for i in blank]
    said += [
        f"{where}: several columns are called {n!r}; the first keeps the name, the others get a number" for n in twice
    ]
    return names, said


def number_repeated_names(names: list[str]) -> tuple[list[str], list[str]]:
    """Number the repeats of a column name, as exports with one column a label or comment have them.

    >>> number_repeated_names(["key", "labels", "labels", "labels"])
    (['key', 'labels', 'labels 2', 'labels 3'], ['labels'])
    """
    own: list[str] = []
    for name in names:
        number, free = 2, name
        while free in own or (free != name and free in names):
            free, number = f"{name} {number}", number + 1
        own.append(free)
    return own, sorted({n for n in names if names.count(n) > 1})


def drop_repeated_headers(
    frame: pd.DataFrame, names: list[str] | tuple[str, ...], where: str
) -> tuple[pd.DataFrame, list[str]]:
    """Leave out rows that repeat the header, as where files were put together, and say how many."""
    names = [n for n in names if n in frame]  # empty columns without a name are left out already
    if not names:
        return frame, []
    again = (frame[names[0]] == names[0]).to_numpy(dtype=bool).copy()
    if again.any():
        again &= (frame.loc[:, names] == pd.Series(names, index=names)).all(axis=1).to_numpy(dtype=bool)
    if not again.any():
        return frame, []
    rows = f"{int(again.sum()):,} row{'s repeat' if again.sum() > 1 else ' repeats'}"
    return frame[~again].reset_index(drop=True), [f"{where}: {rows} the header and are left out"]


def _with_line_feeds(text: str, where: str) -> tuple[str, list[str]]:
    """Return the text with line feeds alone, whatever ends its lines."""
    if "\r" not in text:
        return text, []
    if "\n" not in text:
        return text.replace("\r", "\n"), []
    text = text.replace("\r\n", "\n")
    lone = text.count("\r")
    if not lone:
        return text, []
    said = (
        f"{where}: {lone:,} carriage return{'s' * (lone > 1)} within a line {'are' if lone > 1 else 'is'} read as blank"
    )
    return text.replace("\r", " "), [said]


def _records(text: str, delimiter: str) -> Any:
    csv.field_size_limit(_MAX_CELL_CHARACTERS)
    return csv.reader(io.StringIO(text), delimiter=delimiter)


def _head(text: str, delimiter: str) -> tuple[list[list[str]], list[int]]:
    """Return the first records, and the line of the text at which each ends."""
    rows, ends = [], []
    reader = _records(text, delimiter)
    for row in reader:
        rows.append(row)
        ends.append(reader.line_num)
        if len(rows) >= 250:
            break
    return rows, ends


def _widened(shape: TableShape, head: list[list[str]]) -> list[str]:
    """Give rows that end in a delimiter the empty column that their header lacks."""
    below = [r for r in head[shape.first :] if any(c.strip() for c in r)]
    one_more = [r for r in below if len(r) == len(shape.names) + 1 and not r[-1].strip()]
    return [*shape.names, ""] if below and len(one_more) >= 0.9 * len(below) else list(shape.names)


def _delimiter(text: str, stated: str | None, where: str) -> str:
    found = _sniffed(text, DELIMITERS)
    if stated is None:
        return found or _sniffed(text, RARE_DELIMITERS, sure=True) or ","
    if len(stated) != 1:
        raise InputError("a delimiter is one character", where=where, column="delimiter", got=stated, code="text.shape")
    first: list[str] = next(_records(text[:_SAMPLE_CHARACTERS], stated), [])
    if len(first) == 1 and found:
        name = DELIMITER_NAMES[found]
        raise InputError(
            "the configured delimiter leaves a single column",
            where=where,
            column="delimiter",
            got=stated,
            hint=f"the header is divided by a {name}; leave the delimiter out, it is recognised",
            code="text.shape",
        )
    return stated


def _sniffed(text: str, marks: tuple[str, ...], sure: bool = False) -> str:
    """Return the delimiter by which most of the first records agree, or nothing for one column.

    The header tells the width, unless lines stand above it: then the commonest width does. With ``sure`` all records
    must agree.
    """
    sample = text[:_SAMPLE_CHARACTERS]
    if len(text) > _SAMPLE_CHARACTERS:
        sample = sample[: sample.rfind("\n") + 1] or sample
    best: tuple[float, int, bool, str] = (0.0, 1, False, "")
    for mark in marks:
        try:
            rows = [r for _, r in zip(range(200), _records(sample, mark), strict=False) if r]
        except csv.Error:
            continue
        widths = Counter(map(len, rows))
        width = len(rows[0]) if rows else 1
        usual = widths.most_common(1)[0][0] if widths else 1
        if width == 1 or (usual > width and widths[usual] >= 0.6 * len(rows)):
            width = usual if usual > 1 and widths[usual] >= 0.6 * len(rows) and len(rows) > 3 else 1
        if width > 1:
            agree = widths[width] / len(rows)
            if not sure or (agree == 1 and len(rows) > 2):
                # where each value has decimals, their comma divides rows as the semicolon does, but not the header
                best = max(best, (round(agree, 1), width, len(rows[0]) == width, mark), key=lambda b: b[:3])
    return best[3]


def _read(
    text: str, delimiter: str, names: list[str], skipped: int, head: list[list[str]], where: str
) -> tuple[pd.DataFrame, list[str]]:
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.csv as pacsv

    footers = _Footers(delimiter, len(names), classify_first_cells(r[0] for r in head[:50] if r))
    try:
        table = pacsv.read_csv(
            pa.BufferReader(text.encode()),
            read_options=pacsv.ReadOptions(column_names=names, skip_rows=skipped, block_size=1 << 24),
            parse_options=pacsv.ParseOptions(
                delimiter=delimiter, newlines_in_values='"' in text, invalid_row_handler=footers
            ),
            convert_options=pacsv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False
            ),
        )
    except (pa.ArrowInvalid, pa.ArrowCapacityError) as error:
        raise _ragged(text, delimiter, len(names), skipped, where, error) from error
    trimmed = pa.table({n: pc.utf8_trim_whitespace(table[n]) for n in names})
    frame = trimmed.to_pandas().astype("str")
    frame = _without_empty(frame)
    frame, below = drop_footers(frame, footers.first_kind)
    return frame, describe_footers([*below, *footers.lines], where)


def _without_empty(frame: pd.DataFrame) -> pd.DataFrame:
    """Leave out columns that have neither a name nor a value, as a doubled or trailing delimiter makes them."""
    bare = [c for c in frame.columns if re.fullmatch(r"column \d+", str(c))]
    empty = [c for c in bare if bool(frame[c].eq("").all())]
    return frame.drop(columns=empty) if empty and len(empty) < len(frame.columns) else frame


class _Footers:
    """Collect the lines below a table; a line that is cut or too long stops the reading."""

    def __init__(self, delimiter: str, width: int, first_kind: str) -> None:
        self.delimiter, self.width, self.first_kind = delimiter, width, first_kind
        self.lines: list[str] = []

    def __call__(self, row: Any) -> str:
        record: list[str] = next(_records(row.text, self.delimiter), [])
        if row.actual_columns > self.width or not is_footer(record, self.first_kind, self.width):
            return "error"
        self.lines.append(next((c.strip() for c in record if c.strip()), ""))
        return "skip"


def drop_footers(frame: pd.DataFrame, first_kind: str) -> tuple[pd.DataFrame, list[str]]:
    """Leave out the last rows that are lines below the table, and return what they say."""
    if len(frame.columns) < 3 or len(frame) < 2:
        return frame, []
    last, lines = len(frame), []
    while last > 1:
        row = frame.iloc[last - 1].astype("str").tolist()
        if not is_footer(row, first_kind, len(row)):
            break
        lines.append(next((c for c in row if c), ""))
        last -= 1
    return (frame.iloc[:last], lines[::-1]) if lines else (frame, [])


def describe_footers(lines: list[str], where: str) -> list[str]:
    """Describe which lines below the table were left out."""
    said = [line for line in lines if line]
    if not said:
        return []
    n = len(said)
    shown = "; ".join(line[:40] for line in said[:3]) + (" and others" if n > 3 else "")
    return [f"{where}: {n} line{'s' * (n > 1)} of one value {'are' if n > 1 else 'is'} no row and left out: {shown}"]


def _ragged(text: str, delimiter: str, width: int, skipped: int, where: str, error: Any) -> InputError:
    """Find the first record of another width, and say on which line of the file it stands."""
    for number, line, record in _numbered_records(text, delimiter, skipped):
        if len(record) != width:
            return InputError(
                f"line {line:,} has {len(record)} values and the header has {width}",
                where=where,
                row=number,
                got=delimiter.join(record)[:80],
                hint="quote values that hold the delimiter, or mend the line",
                code="text.shape",
            )
    return InputError(
        f"the rows cannot be told apart: {error}",
        where=where,
        hint="look for an open quotation mark",
        code="text.shape",
    )


def _numbered_records(text: str, delimiter: str, skipped: int) -> Iterator[tuple[int, int, list[str]]]:
    reader, number = _records(text, delimiter), 0
    for record in reader:
        if record and reader.line_num > skipped:
            number += 1
            yield number, reader.line_num, record
