"""What a source is, and what comes out of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ..case_log.schema import AttributeTiming

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class SourceSpec:
    """Describe where a table comes from and how to read it.

    Attributes
    ----------
    table
        The canonical table that it fills (or ``cases`` for an adapter that fills several).
    kind
        ``table`` for a free column map, or the name of an adapter such as ``servicenow``.
    path
        A CSV file or JSON file (also compressed), a workbook, a Parquet file, a SQLite or DuckDB file, or several of
        one form: a folder, or a pattern such as ``exports/*.csv``. For a system that exports several tables, their
        folder.
    files
        Several files of one form by name; a configuration writes ``path = ["a.csv", "b.csv"]``.
    sheet
        Of a workbook or a database file: the sheet or table; of a workbook also several of one form, which are one
        table with a further column ``sheet``.
    header
        Whether the first full row names the columns; recognised where it is not given.
    parts
        For a system that exports several tables: name of the table, such as ``comments`` -> its file; with
        ``database``, its table there.
    database
        Address of a database instead of a path: ``postgresql://user@host/name``, ``mysql://user@host/name``, or
        ``sqlite:///FILE`` and ``duckdb:///FILE`` (four strokes for a path from the root).
    schema, relation, query
        Where in the database: a schema, the table or view, or a ``SELECT`` instead. A configuration calls the
        relation ``table``.
    timezone
        IANA zone of the times that are written without one.
    columns
        Canonical column -> column of the file. Empty: the names of the file are the canonical ones. Two columns
        that belong together, such as a date and a time of day, are joined by a plus: ``"date + time"``.
    kinds
        For an event log: value of the file's activity or state -> event kind.
    attributes
        Further column of the file -> when it becomes known: ``creation``, ``event`` or ``outcome``.
    date_format
        ``strptime`` format of the times; recognised where it is not given.
    ignore_offset
        Cut a written offset off and read the clock time in ``timezone``.
    slot_s
        Length of a slot in seconds, for ``volumes``.
    labels
        For ``volumes``: whether the times are the ``start`` (usual) or the ``end`` of their interval, or an ``index``
        of the intervals of a day that counts from 1.
    across
        For ``volumes`` whose intervals (or dates, or series) are columns: ``"08:00 .. 17:30"``, the first and the last.
    first
        For rows that are numbered and have no date: the date of row 1.
    target_s
        For ``volumes``: within how many seconds is "in target".
    units
        Column of durations -> its unit, ``ms``, ``s`` (usual), ``min``, ``h`` or ``d``; a clock (4:25) needs none.
        A time may be an opening plus such a duration: ``"Created + Hours taken"``.
    figures
        The system's own figure of a case, such as ``first_response_s`` -> the column that has it: compared with ours,
        known as an outcome only (:data:`deskcast.features.sources.figures.FIGURES`).
    since, until
        Keep only what was created in this span of local time (``until`` excluded). The log then ends at ``until``,
        also where it is the midnight after the last row.
    """

    table: str
    path: str = ""
    kind: str = "table"
    timezone: str = "UTC"
    columns: Mapping[str, str] = field(default_factory=dict)
    kinds: Mapping[str, str] = field(default_factory=dict)
    attributes: Mapping[str, AttributeTiming] = field(default_factory=dict)
    date_format: str | None = None
    encoding: str | None = None
    delimiter: str | None = None
    missing: tuple[str, ...] = ("", "?", "NA", "N/A", "NULL", "null", "None", "nan", "NaN")
    ignore_offset: bool = False
    slot_s: float | None = None
    labels: str | None = None
    across: str | None = None
    first: str | None = None
    target_s: float | None = None
    units: Mapping[str, str] = field(default_factory=dict)
    figures: Mapping[str, str] = field(default_factory=dict)
    since: str | None = None
    until: str | None = None
    parts: Mapping[str, str] = field(default_factory=dict)
    database: str | None = field(default=None, repr=False)
    schema: str | None = None
    relation: str | None = None
    query: str | None = None
    files: tuple[str, ...] = ()
    sheet: tuple[str, ...] | str | None = None
    header: bool | None = None

    @property
    def place(self) -> str:
        """Describe in a word or two where the data is, without a password."""
        if self.database:
            from ..readers.postgres import describe_database

            return describe_database(self.database) + (f" {self.relation}" if self.relation else "")
        several = self.files or tuple(self.parts.values())
        return Path(self.path).name or ", ".join(Path(p).name for p in several)

    def list_paths(self) -> tuple[str, ...]:
        """Return the files, folders and patterns that the source reads."""
        parts = () if self.database else tuple(self.parts.values())
        return (*((self.path,) if self.path else ()), *self.files, *parts)


@dataclass(frozen=True)
class LoadedSource:
    """What one source gave.

    Attributes
    ----------
    tables
        Canonical tables by name, with instants in UTC.
    refused
        Rows that could not be used: ``table``, ``row`` (data row of the file, from 1), ``column``, ``value`` and
        ``reason``.
    notes
        What was recognised or decided on the way, in plain sentences.
    attributes
        Columns of ``cases`` beyond the canonical ones -> when each becomes known.
    derived
        Tables that were made from another one, such as the cases of an event log; a source of their own wins.
    until
        The instant at which ``SourceSpec.until`` ends the log.
    stated
        Lines of a configuration that the system's own settings would be: opening hours and promises.
    """

    tables: dict[str, pd.DataFrame]
    rejected: pd.DataFrame
    notes: tuple[str, ...] = ()
    attributes: dict[str, AttributeTiming] = field(default_factory=dict)
    derived: tuple[str, ...] = ()
    until: pd.Timestamp | None = None
    stated: tuple[str, ...] = ()
