"""The tables that a system exports side by side: which file, list or database table is which of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from ..errors import InputError, NoRowsError, did_you_mean
from ..readers.databases import find_database_file, list_column_names, list_table_names, read_relation
from ..readers.json_files import join_json_object
from ..readers.many_files import expand_path
from ..readers.postgres import describe_database
from ..readers.read import RawFile, read_raw
from .columns import ImportReport, cast_columns
from .spec import LoadedSource, SourceSpec

_NUMBERED = re.compile(r"[-_. ]?\d+$")
_PREFIX = re.compile(r"^[A-Za-z][A-Za-z0-9]*_(?=.)")


@dataclass(frozen=True)
class ExportTable:
    """One table of a system: what it is called, and the names of its columns.

    Attributes
    ----------
    name
        Its name in ``parts`` of a configuration.
    called
        Further names of the list, file or database table.
    columns
        Role -> column names in the export, the first that is there counts; capitals, dots and underscores do not.
    needed
        Roles without which a row is refused.
    marks
        Roles by which a table is recognised, besides those that are needed.
    kinds
        Role -> kind, where it is not text: ``id``, ``instant``, ``flag``, ``number``.
    named_only
        A table of a database: it is known by its name alone, as many have the same columns, and no column is kept
        but those that are named here, as the others hold what people are called and write.
    prefixed
        Its name may begin with a word that the installation has chosen, such as ``ost_``.
    """

    name: str
    aliases: tuple[str, ...]
    columns: Mapping[str, tuple[str, ...]]
    required_roles: tuple[str, ...]
    marker_roles: tuple[str, ...] = ()
    kinds: Mapping[str, str] = field(default_factory=dict)
    named_only: bool = False
    prefixed: bool = False

    def is_called(self, name: str) -> bool:
        """Return whether a list, file or database table has the name of this one."""
        known = {normalise_name(n) for n in (self.name, *self.aliases)}
        if not name or normalise_name(name) in known:
            return bool(name)
        return self.prefixed and normalise_name(_PREFIX.sub("", name)) in known

    def find_name(self, names: Iterable[str]) -> str | None:
        """Return which of the tables of a database is this one: by its first name that is there, then with a prefix.

        >>> ExportTable("events", ("event",), {}, (), prefixed=True).find_name(["ost_thread_event", "ost_event"])
        'ost_event'
        >>> ExportTable("incidents", ("incident", "task"), {}, ()).find_name(["task", "incident"])
        'incident'
        """
        there = {normalise_name(n): n for n in names}
        plain = [there[k] for n in (self.name, *self.aliases) if (k := normalise_name(n)) in there]
        return next(iter([*plain, *sorted(n for n in there.values() if self.is_called(n))]), None)

    def keep_roles(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return the frame, of a table of a database without the columns that are not named here."""
        if not self.named_only:
            return frame
        names = [n for several in self.columns.values() for n in several]
        known = {normalise_name(n) for n in names}
        kept = frame[[c for c in frame.columns if normalise_name(str(c)) in known]]
        joined = {n: text for n in names if n not in frame and (text := join_json_object(frame, n)) is not None}
        return kept.assign(**joined) if joined else kept

    def found(self, frame: pd.DataFrame) -> dict[str, str]:
        """Return role -> column of the frame, for the roles that are there."""
        there = {normalise_name(str(c)): str(c) for c in reversed(list(frame.columns))}
        if self.named_only:  # an object that JSON took apart; keep_roles puts it together again
            there = {normalise_name(h): h for c in frame.columns for h in [str(c).partition(".")[0]]} | there
        return {
            role: there[b]
            for role, names in self.columns.items()
            for n in names[::-1]
            if (b := normalise_name(n)) in there
        }

    def count_roles(self, frame: pd.DataFrame) -> int:
        """Return how many roles a frame has, or 0 where one that is needed is missing."""
        found = self.found(frame)
        return len(found) if {*self.required_roles, *self.marker_roles} <= set(found) else 0


@dataclass(frozen=True)
class SourceSystem:
    """A system that exports several tables: its name, its parts, what reads them, and whether it keeps UTC."""

    name: str
    parts: tuple[ExportTable, ...]
    load: Callable[[SourceSpec, Path], LoadedSource]
    utc: bool = False


@dataclass
class ExportRows:
    """A part that was read: its rows by role, and the account of what was refused."""

    rows: pd.DataFrame
    ledger: ImportReport
    raw: pd.DataFrame

    def accepted_rows(self) -> pd.DataFrame:
        """Return the rows that are not refused."""
        return self.rows[self.ledger.accepted]

    def by_key(self) -> pd.DataFrame:
        """Return the rows by the id that other tables name; of two of one id the last counts."""
        return self.rows.dropna(subset=["key"]).drop_duplicates("key", keep="last").set_index("key")


def normalise_name(name: str) -> str:
    """Return a column name without capitals, dots, blanks and underscores.

    >>> normalise_name("Via.Channel"), normalise_name("via_channel"), normalise_name("CREATEDDATE")
    ('viachannel', 'viachannel', 'createddate')
    """
    return re.sub(r"[^a-z0-9]", "", name.lower())


def identify_table(parts: tuple[ExportTable, ...], name: str, frame: pd.DataFrame) -> ExportTable | None:
    """Return which part a frame is, by the name of its list or file if that tells, else by its columns."""
    fitting = [(part.count_roles(frame), -i, part) for i, part in enumerate(parts)]
    fitting = [f for f in fitting if f[0]]
    named = [p for _, _, p in fitting if p.is_called(name)]
    if named:
        return named[0]
    fitting = [f for f in fitting if not f[2].named_only]
    return max(fitting, key=lambda f: f[:2])[2] if fitting else None


def read_export_tables(
    parts: tuple[ExportTable, ...], spec: SourceSpec, folder: Path
) -> tuple[dict[str, tuple[str, pd.DataFrame]], list[str]]:
    """Read what a source names: a file, a folder of files, files by part, or the tables of a database.

    Returns
    -------
    tuple
        Name of the part -> where it is from and its rows, and notes.

    Raises
    ------
    InputError
        If nothing is recognised, or what ``parts`` names is unknown or not what it says.
    """
    known = tuple(p.name for p in parts)
    for name in spec.parts:
        if name not in known:
            hint = did_you_mean(name, known)
            raise InputError(
                f"'{spec.kind}' has no such part",
                where=spec.path or "parts",
                column=name,
                hint=hint,
                code="source.incomplete",
            )
    notes: list[str] = []
    found: dict[str, list[tuple[str, pd.DataFrame]]] = {}
    file = find_database_file(spec.database or "")
    if file:
        _from_file(parts, folder / file, spec, found, notes, alone=True)
    elif spec.database:
        _from_database(parts, spec, found, notes)
    for name, path in () if spec.database else spec.parts.items():
        raw = read_raw(folder / path, spec.encoding, spec.delimiter)
        part = next(p for p in parts if p.name == name)
        found.setdefault(name, []).append((Path(path).name, part.keep_roles(_list_of(part, raw, Path(path).name))))
        notes.extend(n for n in raw.notes if "it also has" not in n)
    if spec.path:
        files = expand_path(folder / spec.path)
        for one in files:
            _from_file(parts, one, spec, found, notes, alone=len(files) == 1)
    if not found:
        has = f"the tables {', '.join(known)}"
        raise InputError(
            f"unknown files: none is recognised as an export of {spec.kind}",
            where=spec.place or None,
            wanted=has,
            code="reading.none",
        )
    return {name: _joined(name, frames, notes) for name, frames in found.items()}, notes


def require_table(found: Mapping[str, Any], name: str, spec: SourceSpec) -> None:
    """Refuse an export without the part that all others hang on."""
    if name not in found:
        has = f"only {', '.join(found)} was recognised"
        raise InputError(
            f"the export has no table of {name}",
            where=spec.place,
            hint=f"{has}; name its file in parts",
            code="source.incomplete",
        )


def cast_table(
    part: ExportTable,
    spec: SourceSpec,
    where: str,
    frame: pd.DataFrame,
    own: Mapping[str, str] | None = None,
    numbers: Any = None,
) -> ExportRows:
    """Cast the columns of a part by their roles.

    Parameters
    ----------
    own
        Role -> column that the owner of the source names instead.
    numbers
        The file's row of each row, where they differ.
    """
    found = {**part.found(frame), **_own(part, own or {}, frame, where)}
    frame, gone = _drop_deleted_rows(frame)
    ledger = ImportReport(part.name, where, len(frame))
    ledger.numbers = numbers
    if gone:
        ledger.add_note(f"{gone:,} rows are marked as deleted in the source and left out")
    kinds = {role: part.kinds.get(role, "id" if role.endswith("_id") else "text") for role in found}
    frame = _without_fractions(frame)
    rows = cast_columns(spec, frame, found, kinds, part.required_roles, ledger)
    for role in part.columns:
        if role not in rows:
            kind = part.kinds.get(role, "text")
            dtype = {"instant": "datetime64[us, UTC]", "flag": "boolean", "number": "float64"}.get(kind, "str")
            rows[role] = pd.Series(None, index=frame.index, dtype=dtype)
    return ExportRows(rows, ledger, frame)


def _without_fractions(frame: pd.DataFrame) -> pd.DataFrame:
    """Write whole numbers as such, where a writer made fractions of them because some were missing (``4.0``)."""
    out = {}
    for name in frame.columns:
        if str(frame[name].dtype) != "str":
            continue
        there = frame[name].dropna()
        there = there[there != ""]
        if len(there) and there.str.endswith(".0").any() and there.str.fullmatch(r"-?\d+(\.0)?").all():
            out[name] = frame[name].str.removesuffix(".0")
    return frame.assign(**out) if out else frame


def _own(part: ExportTable, own: Mapping[str, str], frame: pd.DataFrame, where: str) -> dict[str, str]:
    """Check what the owner of a source says of its columns."""
    there = [str(c) for c in frame.columns]
    for role, column in own.items():
        if role not in part.columns:
            hint = did_you_mean(role, tuple(part.columns))
            raise InputError(
                f"the table of {part.name} has no such column",
                where=f"columns of {where}",
                column=role,
                hint=hint,
                code="column.unknown",
            )
        if column not in there:
            hint = did_you_mean(column, there)
            raise InputError(
                f"the file has no column '{column}' for '{role}'", where=where, hint=hint, code="column.unknown"
            )
    return dict(own)


def _drop_deleted_rows(frame: pd.DataFrame) -> tuple[pd.DataFrame, int]:
    """Leave out what a replication marks as deleted in the source."""
    mark = next((c for c in frame.columns if normalise_name(str(c)) == "fivetrandeleted"), None)
    if mark is None:
        return frame.reset_index(drop=True), 0
    gone = frame[mark].astype("str").str.lower().isin(["true", "t", "1"]).to_numpy()
    return frame[~gone].reset_index(drop=True), int(gone.sum())


def _from_file(
    parts: tuple[ExportTable, ...],
    file: Path,
    spec: SourceSpec,
    found: dict[str, list[tuple[str, pd.DataFrame]]],
    notes: list[str],
    *,
    alone: bool,
) -> None:
    try:
        raw = read_raw(file, spec.encoding, spec.delimiter)
    except NoRowsError:
        if alone:
            raise
        notes.append(f"{file.name}: the table has no rows")
        return
    lists = raw.lists or {"": raw.frame}
    seen = 0
    for name, frame in lists.items():
        own = name or strip_file_endings(file)
        part = identify_table(parts, own, frame)
        if part is None:
            _check_named(parts, own, frame, file.name)
            continue
        seen += 1
        found.setdefault(part.name, []).append((file.name, part.keep_roles(frame)))
    if not seen:
        notes.append(f"{file.name}: no part of {spec.kind} has these columns; left aside")
    notes.extend(n for n in raw.notes if "it also has" not in n)  # all of its tables are looked at


def _check_named(parts: tuple[ExportTable, ...], name: str, frame: pd.DataFrame, where: str) -> None:
    """Refuse a table of a database that has the right name and lacks a column."""
    part = next((p for p in parts if p.named_only and p.is_called(name)), None)
    if part is not None:
        _list_of(part, RawFile(frame), where)


def _list_of(part: ExportTable, raw: RawFile, where: str) -> pd.DataFrame:
    for name, frame in raw.lists.items():
        if part.is_called(name):
            return frame
    needed = (*part.required_roles, *part.marker_roles) if part.named_only else part.required_roles
    lost = [role for role in needed if role not in part.found(raw.frame)]
    if lost:
        names = " or ".join(part.columns[lost[0]])
        has = ", ".join(str(c) for c in list(raw.frame.columns)[:10])
        raise InputError(
            f"not a table of {part.name}: it has no column {names}", where=where, got=has, code="source.incomplete"
        )
    return raw.frame


def _from_database(
    parts: tuple[ExportTable, ...], spec: SourceSpec, found: dict[str, list[tuple[str, pd.DataFrame]]], notes: list[str]
) -> None:
    uri = str(spec.database)
    there = list_table_names(uri, spec.schema)
    for part in parts:
        table = spec.parts.get(part.name) or part.find_name(there)
        if table is None:
            continue
        frame = _read_columns(part, uri, table, spec.schema, notes)
        if frame is None:
            continue
        if not part.count_roles(frame) and (part.name in spec.parts or part.named_only):
            _list_of(part, RawFile(frame), f"{describe_database(uri)} {table}")
        if part.count_roles(frame):
            found.setdefault(part.name, []).append((table, frame))


def _read_columns(part: ExportTable, uri: str, table: str, schema: str | None, notes: list[str]) -> pd.DataFrame | None:
    """Read of a table the columns that are named; nothing where it has no rows."""
    columns = None
    if part.named_only:
        every = pd.DataFrame(columns=list_column_names(uri, table, schema))
        if not part.count_roles(every):
            return every  # a column that is missing is named before anything is read
        columns = [str(c) for c in part.keep_roles(every).columns]
    try:
        return read_relation(uri, table, schema, columns=columns)
    except NoRowsError:
        notes.append(f"{table}: the table has no rows")
        return None


def _joined(name: str, frames: list[tuple[str, pd.DataFrame]], notes: list[str]) -> tuple[str, pd.DataFrame]:
    if len(frames) == 1:
        return frames[0]
    notes.append(f"{name}: {len(frames)} files or pages were put together: {', '.join(w for w, _ in frames[:6])}")
    return frames[0][0], pd.concat([f for _, f in frames], ignore_index=True)


def strip_file_endings(file: Path) -> str:
    """Return a file name without its endings and running numbers.

    >>> strip_file_endings(Path("tickets_002.json.gz"))
    'tickets'
    """
    return _NUMBERED.sub("", file.name.split(".")[0])
