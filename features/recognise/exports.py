"""Which of the files that were given belong together: the tables that one system exports side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pandas as pd

from ..errors import InputError, Listed, NoRowsError
from ..readers.databases import list_column_names, list_table_names, read_relation
from ..readers.many_files import list_table_files
from ..readers.postgres import describe_database
from ..readers.read import RawFile, read_raw
from ..readers.timestamps import detect_time_format
from ..readers.zones import guess_zone
from ..sources.export import ExportTable, SourceSystem, identify_table, normalise_name, strip_file_endings
from ..sources.load import SYSTEMS
from ..sources.servicenow_log import is_incident_table
from ..sources.spec import SourceSpec
from .recognise import Recognised
from .vocabulary import normalise_column_name, score_role_match

_SERVER_CLOCK = "the database keeps the clock of its server, or of the application, and does not say which"
_UTC = "the database keeps its times in UTC, and they are read so whatever stands here"


def group_exports(files: Sequence[Path], raws: Mapping[Path, RawFile]) -> tuple[list[Recognised], list[Path]]:
    """Put files that are tables of one system together.

    Returns
    -------
    tuple
        The exports of systems, and the files that are none.
    """
    found: list[Recognised] = []
    left = list(files)
    for system in SYSTEMS.values():
        parts = {f: p for f in left if (p := _match_tables(system, f, raws[f]))}
        if parts and not any(system.parts[0].name in p for p in parts.values()):
            parts |= _spare_main(system, [f for f in left if f not in parts], raws)
        mains = [f for f, p in parts.items() if system.parts[0].name in p]
        if not mains:
            continue
        taken = [f for f in left if f in parts]
        found.append(_export(system, taken, {f: raws[f] for f in taken}, parts, mains[0]))
        left = [f for f in left if f not in taken]
    return found, left


def _match_tables(system: SourceSystem, file: Path, raw: RawFile) -> dict[str, pd.DataFrame]:
    """Return the parts of a system that a file has."""
    out: dict[str, pd.DataFrame] = {}
    for name, frame in (raw.lists or {"": raw.frame}).items():
        part = identify_table(system.parts, name or strip_file_endings(file), frame)
        if part is None or (part is system.parts[0] and not _is_main_table(system, part, frame)):
            continue
        out[part.name] = frame
    return out


def _spare_main(
    system: SourceSystem, files: Sequence[Path], raws: Mapping[Path, RawFile]
) -> dict[Path, dict[str, pd.DataFrame]]:
    """Return a table of cases with few columns, known by its name because other tables of the system lie beside it."""
    main = system.parts[0]
    if main.named_only:
        return {}  # a table of a database has all of its columns
    names = {normalise_name(n) for n in (main.name, *main.aliases)}
    for file in files:
        if normalise_name(strip_file_endings(file)) in names and set(main.required_roles) <= set(
            main.found(raws[file].frame)
        ):
            return {file: {main.name: raws[file].frame}}
    return {}


def set_database_tables_apart(
    found: Sequence[Recognised], left: Sequence[Path], raws: Mapping[Path, RawFile]
) -> tuple[list[Path], list[tuple[str, str]]]:
    """Take the other tables of a dumped database out of what is looked at by itself: none of them is a log of its own.

    They lie in the folder of the tables that are read, and have the key and the stamps that its framework gives each,
    or the word before their names that the installation gives each, such as ``glpi_``.
    """
    homes = {p.parent: s for s in found if s.kind in SYSTEMS and SYSTEMS[s.kind].parts[0].named_only
             for p in ([*s.parts.values()] or [s.path])}  # fmt: skip
    kept: list[Path] = []
    passed: list[tuple[str, str]] = []
    for file in left:
        names = {normalise_name(str(c)) for c in raws[file].frame.columns}
        if file.parent in homes and ({"id", "createdat"} <= names or _has_prefix_of(homes[file.parent], file)):
            passed.append(
                (file.name, f"another table of the database of {homes[file.parent].kind}; nothing is read of it")
            )
        else:
            kept.append(file)
    return kept, passed


def _has_prefix_of(export: Recognised, file: Path) -> bool:
    """Return whether the name of a table begins with the word that all tables of an export begin with."""
    words = {strip_file_endings(Path(p)).partition("_")[0::2] for p in export.parts.values()}
    first = {word for word, rest in words if rest}
    return len(words) > 1 and len(first) == 1 and strip_file_endings(file).startswith(f"{first.pop()}_")


def recognise_database(uri: str) -> Recognised:
    """Describe which system's database an address means, by the names of its tables and their columns.

    Raises
    ------
    InputError
        If the database cannot be read, or is of no system that is known.
    """
    there = list_table_names(uri)
    for system in SYSTEMS.values():
        main = system.parts[0]
        name = main.find_name(there)
        if name is None:
            continue
        head = pd.DataFrame(columns=list_column_names(uri, name))
        if not main.count_roles(head) or not _is_main_table(system, main, head):
            continue
        parts = [p.name for p in system.parts if p.find_name(there)]
        columns = [str(c) for c in main.keep_roles(head).columns] if main.named_only else None
        frame = read_relation(uri, name, columns=columns)
        why = {"kind": f"it has the tables of {system.name}: {', '.join(parts)}"}
        if main.named_only:
            why["timezone"] = _UTC if system.utc else _SERVER_CLOCK
        return Recognised(
            Path(name), f"export of {system.name}", "cases", kind=system.name, why=why, database=uri,
            raw=RawFile(frame, container="database"),
        )  # fmt: skip
    known = ", ".join(SYSTEMS)
    raise InputError(
        "unknown system of the database", where=describe_database(uri),
        got=Listed(sorted(there)),
        wanted=f"the tables of one of {known}", hint="name a table: [source.cases] with database and table",
        code="reading.unclear",
    )  # fmt: skip


#: Tables of a database of no known system that are looked at: those whose columns are named most like those of cases.
MAX_TABLES_EXAMINED = 12
_ROLES = ("case_id", "created_at", "at", "closed_at", "resolved_at", "updated_at", "activity", "priority", "team", "y")
_WORDS_OF_TIMES = frozenset({"at", "on", "date", "time", "datetime", "timestamp", "day"})


def read_likely_tables(uri: str) -> dict[str, pd.DataFrame]:
    """Read the tables of a database of no known system that may hold cases, events or counts, by their columns' names.

    Those without any name of a time or of a case's columns, and empty ones, are left out.
    """
    likely: list[tuple[int, str]] = []
    for name in list_table_names(uri):
        columns = list_column_names(uri, name)
        known = sum(any(score_role_match(c, role) > 0 for role in _ROLES) for c in columns)
        timed = any(_WORDS_OF_TIMES & set(normalise_column_name(c).split()) for c in columns)
        if timed or known:
            likely.append((-known, name))
    frames: dict[str, pd.DataFrame] = {}
    for _, name in sorted(likely)[:MAX_TABLES_EXAMINED]:
        with suppress(NoRowsError):
            frames[name] = read_relation(uri, name)
    return frames


def _is_main_table(system: SourceSystem, part: ExportTable, frame: pd.DataFrame) -> bool:
    """Return whether a table has enough of the system's own columns to be its table of cases and no other one."""
    if system.name == "servicenow" and not is_incident_table(SourceSpec("cases"), frame):
        return False
    return part.count_roles(frame) >= 5


def read_export_folder(folder: Path) -> Recognised | None:
    """Return the export of a system that a folder is, where all its tables are of that system; else nothing.

    Also where a table comes in several pages, which only a folder can name.
    """
    files = list_table_files(folder)
    try:
        raws = {f: read_raw(f) for f in files}
    except InputError:
        return None  # some file is none: each is looked at by itself
    best: tuple[int, Recognised] | None = None
    for system in SYSTEMS.values():
        parts = {f: p for f in files if (p := _match_tables(system, f, raws[f]))}
        mains = [f for f, p in parts.items() if system.parts[0].name in p]
        pages = len({n for p in parts.values() for n in p}) < sum(map(len, parts.values()))
        if mains and (len(parts) == len(files) or pages) and (best is None or len(parts) > best[0]):
            best = len(parts), _export(system, [folder], raws, parts, mains[0])
    return best[1] if best else None


def _export(
    system: SourceSystem,
    files: Sequence[Path],
    raws: Mapping[Path, RawFile],
    parts: Mapping[Path, Mapping[str, pd.DataFrame]],
    main: Path,
) -> Recognised:
    first = system.parts[0]
    frame = parts[main][first.name]
    roles = first.found(frame)
    names = list(dict.fromkeys(n for p in parts.values() for n in p))
    several = {next(iter(p)): f for f, p in parts.items()} if len(files) > 1 else {}
    why = {"kind": f"it has the columns of {system.name}: {', '.join(names)}"}
    zone, created = "", frame[roles["created_at"]]
    form = detect_time_format(created.head(5000))
    if first.named_only:
        why["timezone"] = _UTC if system.utc else _SERVER_CLOCK
    elif form is not None and form.offset:
        zone, why["timezone"] = guess_zone(created)
    segments: dict[str, int] = {}
    for role in ("channel", "product", "region", "case_type", "priority", "team"):
        if role in roles:
            segments[role] = int(frame[roles[role]].nunique())
    raw = replace(raws[main], frame=frame, lists={})
    return Recognised(
        files[0], f"export of {system.name}", "cases", kind=system.name, timezone=zone, segments=segments, why=why,
        parts=several, raw=raw,
    )  # fmt: skip
