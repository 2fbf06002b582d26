"""Which of the files that were given belong together: the tables that one system exports side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from ..errors import InputError
from ..readers.read import RawFile, read_raw
from ..readers.timestamps import detect_time_format
from ..readers.zones import guess_zone
from ..sources.export import ExportTable, SourceSystem, identify_table, normalise_name, strip_file_endings
from ..sources.load import SYSTEMS
from ..sources.servicenow_log import is_incident_table
from ..sources.spec import SourceSpec
from .recognise import Recognised, _recognised


def group_exports(files: Sequence[Path], raws: Mapping[Path, RawFile]) -> tuple[list[Recognised], list[Path]]:
    """Put files that are tables of one system together, and folders of such files.

    Returns
    -------
    tuple
        The exports of systems, and the files that are none.

    Raises
    ------
    InputError
        If a folder holds no export of a known system.
    """
    found = [_folder(f) for f in files if f.is_dir()]
    left = [f for f in files if not f.is_dir()]
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
    names = {normalise_name(n) for n in (main.name, *main.aliases)}
    for file in files:
        if normalise_name(strip_file_endings(file)) in names and set(main.required_roles) <= set(
            main.found(raws[file].frame)
        ):
            return {file: {main.name: raws[file].frame}}
    return {}


def _is_main_table(system: SourceSystem, part: ExportTable, frame: pd.DataFrame) -> bool:
    """Tell whether a table has enough of the system's own columns to be its table of cases and no other one."""
    if system.name == "servicenow" and not is_incident_table(SourceSpec("cases"), frame):
        return False
    return part.count_roles(frame) >= 5


def _folder(folder: Path) -> Recognised:
    from ..sources.export import list_export_files

    files = list_export_files(folder)
    raws = {f: read_raw(f) for f in files}
    best: tuple[int, Recognised] | None = None
    for system in SYSTEMS.values():
        parts = {f: p for f in files if (p := _match_tables(system, f, raws[f]))}
        mains = [f for f, p in parts.items() if system.parts[0].name in p]
        if mains and (best is None or len(parts) > best[0]):
            best = len(parts), _export(system, [folder], raws, parts, mains[0])
    if best is None:
        known = ", ".join(SYSTEMS)
        raise InputError(
            "the folder holds no export of a system that is known",
            where=str(folder),
            wanted=known,
            hint="name its files",
        )
    return best[1]


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
    if form is not None and form.offset:
        zone, why["timezone"] = guess_zone(created)
    segments: dict[str, int] = {}
    for role in ("channel", "product", "region", "case_type", "priority", "team"):
        if role in roles:
            segments[role] = int(frame[roles[role]].nunique())
    raw = RawFile(frame, raws[main].encoding, raws[main].delimiter)
    return Recognised(
        files[0], f"export of {system.name}", "cases", kind=system.name, timezone=zone, segments=segments, why=why,
        parts=several, raw=raw,
    )  # fmt: skip


def recognise_all(paths: Sequence[str | Path]) -> list[Recognised]:
    """Look at several files or folders together: the tables that one system exports side by side are one source."""

    files = [Path(p) for p in paths]
    raws = {f: read_raw(f) for f in files if not f.is_dir()}
    groups, left = group_exports(files, raws)
    seen = {g.path if not g.parts else next(iter(g.parts.values())): g for g in groups}
    return [seen.get(f) or _recognised(f, raws[f]) for f in files if f in seen or f in left]


def recognise(path: str | Path) -> Recognised:
    """Look at a file and say what it is.

    Parameters
    ----------
    path
        A CSV, JSON or Parquet file, or the folder of an export.

    Returns
    -------
    Recognised
        Its shape and everything that a source needs, each guess with its reason.

    Raises
    ------
    InputError
        If the file cannot be read, or has no column of times.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> file = Path(tempfile.mkdtemp()) / "t.csv"
    >>> _ = file.write_text("Ticket ID,Opened,Closed,Channel\\n7,1/3/2024,15/3/2024,web\\n8,2/3/2024,,phone\\n")
    >>> seen = recognise(file)
    >>> seen.shape, seen.columns["closed_at"], seen.date_format
    ('case table', 'Closed', '%d/%m/%Y')
    """
    return recognise_all([path])[0]
