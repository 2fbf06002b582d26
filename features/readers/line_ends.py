"""Line ends of every system made one, and values of any length let through, before a text is read as a table."""

from __future__ import annotations

import csv
import re

_LONE_RETURN = re.compile(r"\r(?!\n)")


def unify_line_ends(text: str, where: str) -> tuple[str, tuple[str, ...]]:
    r"""Return a text in which each line ends as the readers expect, with a note where carriage returns ended some.

    A lone carriage return ends a line, as on old systems. Where it stood inside an unquoted value the record falls
    into two, and the reader refuses both by their width.

    Parameters
    ----------
    text
        A whole file, decoded.
    where
        Name of the file, for the note.

    Examples
    --------
    >>> unify_line_ends("id,opened\r1,2024-03-01\r", "old.csv")
    ('id,opened\n1,2024-03-01\n', ('old.csv: 2 lines end with a lone carriage return',))
    >>> unify_line_ends("id\r\n1\r\n", "new.csv")
    ('id\r\n1\r\n', ())
    """
    _allow_long_values(len(text))
    lone = len(_LONE_RETURN.findall(text)) if "\r" in text else 0
    if not lone:
        return text, ()
    lines = f"{lone:,} lines end" if lone > 1 else "1 line ends"
    return text.replace("\r\n", "\n").replace("\r", "\n"), (f"{where}: {lines} with a lone carriage return",)


def _allow_long_values(size: int) -> None:
    """Let a value be as long as its file: the usual limit of 131,072 characters is met by mails with pictures."""
    if csv.field_size_limit() < size:
        csv.field_size_limit(min(size, 2**31 - 1))
