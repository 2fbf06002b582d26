"""From an export to canonical tables: adapters rename and cast, nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from .schema import Known


@dataclass(frozen=True)
class SourceSpec:
    """Say where a table comes from and how to read it.

    Attributes
    ----------
    table
        The canonical table that it fills (or ``cases`` for an adapter that fills several).
    kind
        ``table`` for a free column map, or the name of an adapter such as ``servicenow``.
    path
        A CSV file (also compressed) or a Parquet file.
    timezone
        IANA zone of the times that are written without one.
    columns
        Canonical column -> column of the file. Empty: the names of the file are the canonical ones.
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
    since, until
        Keep only what was created in this span of local time (``until`` excluded).
    """

    table: str
    path: str
    kind: str = "table"
    timezone: str = "UTC"
    columns: Mapping[str, str] = field(default_factory=dict)
    kinds: Mapping[str, str] = field(default_factory=dict)
    attributes: Mapping[str, Known] = field(default_factory=dict)
    date_format: str | None = None
    encoding: str | None = None
    delimiter: str | None = None
    missing: tuple[str, ...] = ("", "?", "NA", "N/A", "NULL", "null", "None", "nan", "NaN")
    ignore_offset: bool = False
    slot_s: float | None = None
    since: str | None = None
    until: str | None = None
