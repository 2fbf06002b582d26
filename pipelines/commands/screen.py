"""One screen an answer: findings, the columns of a table that fit, and a line on what is not shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.cells import cell_len, chop_cells, set_cell_size

if TYPE_CHECKING:
    import pandas as pd

    from ..words.tables import FormattedTable

#: Size of a screen, which every terminal has.
SCREEN_LINES, SCREEN_WIDTH = 24, 80
#: Columns of ``--all``, where the answer goes into a file or a pipe.
PIPED_WIDTH = 160
#: Rows of a table that findings leave room for, lines of a cell, the width from which a text may be wrapped, and that
#: of the longest word that is not broken.
MIN_ROWS, MAX_CELL_LINES, FLEXIBLE_WIDTH, MAX_WORD_WIDTH = 6, 2, 20, 32
#: Tables of which a row is one line, where a screen has no room for more.
ONE_LINE_TABLES = ("checks",)
_GAP, _ELLIPSIS = "  ", "…"


@dataclass(frozen=True)
class Block:
    """A table as lines: a title, a header of one or two lines, and the lines of each row."""

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    hidden_columns: int


def wrap_finding(text: str, width: int = SCREEN_WIDTH) -> list[str]:
    """Wrap a finding at words, with a mark before its first line.

    >>> wrap_finding("Work on these 20 cases first.", 20)
    ['- Work on these 20', '  cases first.']
    """
    lines = wrap_cells(text, width - 2)
    return [f"- {lines[0]}", *[f"  {line}" for line in lines[1:]]]


def wrap_cells(text: str, width: int) -> list[str]:
    """Wrap a text at its spaces, by the cells that its characters take; a word wider than a line is cut.

    >>> wrap_cells("two words and averylongword", 9)
    ['two words', 'and', 'averylong', 'word']
    """
    lines, line = [], ""
    for word in text.split():
        for piece in chop_cells(word, max(width, 2)):
            joined = f"{line} {piece}" if line else piece
            if cell_len(joined) <= width:
                line = joined
            else:
                lines += [line] if line else []
                line = piece
    return [*lines, line]


def choose_columns(name: str, frame: pd.DataFrame) -> list[str]:
    """Return the columns that people see, the most useful first; a column of which nothing is known comes last.

    >>> import pandas as pd
    >>> choose_columns("goals", pd.DataFrame({"name": ["a"], "target": [0.8], "kpi": ["csat"], "summary": [""]}))
    ['kpi', 'target', 'name']
    """
    from ..words.columns import choose_main_columns, is_shown

    first = choose_main_columns(name, frame)
    there = [str(column) for column in frame.columns if is_shown(name, str(column))]
    ordered = [*first, *[column for column in there if column not in first]]
    return sorted(ordered, key=lambda column: bool(frame[column].isna().all()))


def lay_out(shown: FormattedTable, title: str, width: int = SCREEN_WIDTH, cell_lines: int | None = 0) -> Block:
    """Lay out a table in a width: columns that fit as a whole, long texts wrapped at words.

    Parameters
    ----------
    shown, title, width
        The table, what stands above it, and the cells of a line.
    cell_lines
        Lines of a cell before it is cut: None for as many as it takes, 0 for what the table has on a small screen.

    Examples
    --------
    >>> from deskcast.pipelines.words.tables import FormattedTable
    >>> rows = [["C1", "over 99%", "88% of the SLA time is used"], ["C2", "7%", "priority 4"]]
    >>> table = FormattedTable("risk", [("Case", False), ("Breach risk", True), ("Main reason", False)], rows, 2)
    >>> block = lay_out(table, "Open cases", 36)
    >>> print("\\n".join([*block.header, *[line for row in block.rows for line in row]]))
    Case    Breach  Main reason
              risk
    C1    over 99%  88% of the SLA time
                    is used
    C2          7%  priority 4
    """
    chosen = _fit(shown, width)
    align = [shown.columns[place][1] for place, _ in chosen]
    header = _join_cells([_wrap(shown.columns[i][0], size, MAX_CELL_LINES) for i, size in chosen], chosen, align)
    lines = (1 if shown.name in ONE_LINE_TABLES else MAX_CELL_LINES) if cell_lines == 0 else cell_lines
    rows = [tuple(_join_cells([_wrap(row[i], size, lines) for i, size in chosen], chosen, align)) for row in shown.rows]
    return Block(title, tuple(header), tuple(rows), len(shown.columns) - len(chosen))


def _fit(shown: FormattedTable, width: int) -> list[tuple[int, int]]:
    """Return place and width of each column that fits; what is left is given to the texts."""
    least, most = [], []
    for place, (label, _) in enumerate(shown.columns):
        cells = [row[place] for row in shown.rows]
        head, natural = _header_width(label), max((cell_len(cell) for cell in cells), default=0)
        words = max((cell_len(word) for cell in cells for word in cell.split()), default=0)
        least.append(max(head, min(natural, max(FLEXIBLE_WIDTH, min(words, MAX_WORD_WIDTH)))))
        most.append(max(head, natural))
    chosen: list[int] = []
    used = 0
    for place, size in enumerate(least):
        more = size + len(_GAP) * bool(chosen)
        if used + more <= width:
            chosen.append(place)
            used += more
    if not chosen:  # even the first is wider than the screen: it is cut
        return [(0, width)]
    sizes = {place: least[place] for place in chosen}
    for place in chosen:
        grow = min(most[place] - least[place], width - used)
        sizes[place] += grow
        used += grow
    return list(sizes.items())


def _header_width(label: str) -> int:
    """Return the least width in which a label takes two lines at most, without a broken word."""
    least = max((cell_len(word) for word in label.split()), default=1)
    return next(w for w in range(least, cell_len(label) + 2) if len(wrap_cells(label, w)) <= MAX_CELL_LINES)


def _wrap(text: str, width: int, lines: int | None) -> list[str]:
    wrapped = wrap_cells(text, width)
    if lines is None or len(wrapped) <= lines:
        return wrapped
    last = wrapped[lines - 1]
    while cell_len(last) >= width and " " in last:
        last = last.rsplit(" ", 1)[0]
    return [*wrapped[: lines - 1], set_cell_size(last, min(cell_len(last), width - 1)).rstrip() + _ELLIPSIS]


def _join_cells(cells: list[list[str]], chosen: Sequence[tuple[int, int]], right: Sequence[bool]) -> list[str]:
    """Return the lines of one row."""
    lines = []
    for number in range(max(len(cell) for cell in cells)):
        parts = []
        for cell, (_, size), is_number in zip(cells, chosen, right, strict=True):
            text = cell[number] if number < len(cell) else ""
            space = " " * (size - cell_len(text))
            parts.append(space + text if is_number else text + space)
        lines.append(_GAP.join(parts).rstrip())
    return lines


def count_findings(texts: Sequence[str], lines: int, width: int = SCREEN_WIDTH) -> int:
    """Return how many of the first findings fit into so many lines, one at least.

    >>> count_findings(["One.", "Two.", "Three."], 2), count_findings(["x " * 90], 1)
    (2, 1)
    """
    used = 0
    for number, text in enumerate(texts):
        used += len(wrap_finding(text, width))
        if used > lines:
            return max(number, 1)
    return len(texts)


def count_rows(block: Block, lines: int) -> int:
    """Return how many rows of a table fit into so many lines."""
    used = 0
    for number, row in enumerate(block.rows):
        used += len(row)
        if used > lines:
            return number
    return len(block.rows)


def lay_out_within(shown: FormattedTable, title: str, width: int, lines: int) -> Block:
    """Lay out a table of which so many lines of rows are shown: cells are cut only where a row would be lost by more.

    Examples
    --------
    >>> from deskcast.pipelines.words.tables import FormattedTable
    >>> rows = [["Rows", "one two three four five six"]]
    >>> table = FormattedTable("checks", [("Question", False), ("Answer", False)], rows, 1)
    >>> [lay_out_within(table, "", 30, lines).rows for lines in (1, 2)]
    [(('Rows      one two three four…',),), (('Rows      one two three four', '          five six'),)]
    """
    best = lay_out(shown, title, width)
    for cell_lines in range(2, lines + 1):
        block = lay_out(shown, title, width, cell_lines)
        if count_rows(block, lines) < count_rows(best, lines):
            break
        best = block
    return best


def describe_rest(findings: int, rows: int, columns: int, tables: int) -> str:
    """Write what a screen does not show, and how to see it.

    >>> describe_rest(0, 406, 1, 2)
    '... 406 rows, 1 column, 2 tables more: --all or --out'
    >>> describe_rest(0, 0, 0, 0)
    ''
    """
    from ..words.words import format_count

    counts = ((findings, "finding"), (rows, "row"), (columns, "column"), (tables, "table"))
    parts = [format_count(count, noun) for count, noun in counts if count > 0]
    return f"... {', '.join(parts)} more: --all or --out" if parts else ""
