"""From an export to canonical tables: adapters rename and cast, nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from .errors import InputError, did_you_mean
from .schema import Known

if TYPE_CHECKING:
    import pandas as pd


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
    since, until
        Keep only what was created in this span of local time (``until`` excluded). The log then ends at ``until``,
        also where it is the midnight after the last row.
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


@dataclass(frozen=True)
class Loaded:
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
    """

    tables: dict[str, pd.DataFrame]
    refused: pd.DataFrame
    notes: tuple[str, ...] = ()
    attributes: dict[str, Known] = field(default_factory=dict)
    derived: tuple[str, ...] = ()
    until: pd.Timestamp | None = None


def load_source(spec: SourceSpec, folder: str | Path = ".") -> Loaded:
    """Read one source into canonical tables.

    Parameters
    ----------
    spec
        Where the data is and what its columns mean.
    folder
        Folder against which a relative path is resolved.

    Raises
    ------
    InputError
        If the file cannot be read as a table, a mapped or needed column is missing, or no row can be used.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> folder = Path(tempfile.mkdtemp())
    >>> _ = (folder / "t.csv").write_text("key,opened,closed\\n1,2024-03-01,2024-03-04\\n2,soon,\\n")
    >>> spec = SourceSpec("cases", "t.csv", columns={"case_id": "key", "created_at": "opened", "closed_at": "closed"})
    >>> loaded = load_source(spec, folder)
    >>> loaded.tables["events"]["kind"].tolist(), loaded.refused["reason"].tolist()
    (['created', 'closed'], ['the time cannot be read'])
    """
    from .adapters import ADAPTERS
    from .reading import read_raw

    if spec.kind not in ADAPTERS:
        hint = did_you_mean(spec.kind, tuple(ADAPTERS))
        raise InputError("there is no such kind of source", where=spec.path, column="kind", got=spec.kind, hint=hint)
    raw = read_raw(Path(folder) / spec.path, spec.encoding, spec.delimiter)
    loaded = ADAPTERS[spec.kind](spec, raw.frame)
    return replace(loaded, notes=(*raw.notes, *loaded.notes))
