"""Many files together: which are one export, which are one table in parts, which belong to another, which are none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ..errors import InputError, Listed
from ..readers.databases import find_database_file, is_database_address
from ..readers.many_files import expand_path, is_pattern, join_files, read_with, settle_encodings
from ..readers.postgres import describe_database
from ..readers.read import RawFile, read_raw
from ..sources.spec import SourceSpec
from .children import find_child, read_as_child
from .exports import (
    group_exports,
    read_export_folder,
    read_likely_tables,
    recognise_database,
    set_database_tables_apart,
)
from .readings import Ask
from .recognise import Recognised, add_times, recognise_table
from .roles import profile_columns
from .sheets import group_sheets, header_of
from .vocabulary import score_role_match


@dataclass(frozen=True)
class Collection:
    """What a set of files was found to be: the sources, and each file that is none with the reason."""

    seen: tuple[Recognised, ...]
    passed_over: tuple[tuple[str, str], ...] = ()


def look_at(paths: Sequence[str | Path], ask: Ask | None = None) -> Collection:
    """Look at files, folders and patterns together, take what can be used and name the rest.

    Parameters
    ----------
    paths
        What a user names, also addresses of databases. A single file must be usable; of several, and of those in a
        folder, what cannot be used is named with its reason.
    ask
        Puts a question with its answers to a user where the values do not decide, and returns the number of the answer;
        without it such a file is refused with the question.

    Raises
    ------
    InputError
        If nothing can be used, or the only file cannot.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> _ = (folder / "a.csv").write_text("Ticket ID,Opened\\n1,2024-03-01 09:00\\n2,2024-03-02 09:00\\n")
    >>> _ = (folder / "b.csv").write_text("Ticket ID,Opened\\n3,2024-04-01 09:00\\n4,2024-04-02 09:00\\n")
    >>> _ = (folder / "teams.csv").write_text("id,name\\n1,First line\\n2,Second line\\n")
    >>> found = look_at([folder])
    >>> [len(s.raw.frame) for s in found.seen], found.passed_over
    ([4], (('teams.csv', 'missing column of times'),))
    """
    bases = [str(p) for p in paths if is_database_address(str(p))]
    bases, held = [b for b in bases if not find_database_file(b)], [find_database_file(b) for b in bases]
    given = [Path(p) for p in (*(p for p in paths if not is_database_address(str(p))), *filter(None, held))]
    named = [f for f in given if not f.is_dir() and not is_pattern(f)]
    whole = [r for f in given if f.is_dir() and (r := read_export_folder(f)) is not None]
    taken = {r.path for r in whole}
    files = [f for p in given if p not in taken for f in _files_of(p)]
    files = list(dict.fromkeys(files))
    passed: list[tuple[str, str]] = _others(given, files, taken)
    raws: dict[Path, RawFile] = {}
    for file in files:
        try:
            raws[file] = read_raw(file)
        except InputError as error:
            if file in named and len(files) == 1:
                raise
            passed.append((file.name, _reason(error)))
    raws = _settle_doubts(raws, ask)
    groups, left = group_exports([f for f in files if f in raws], raws)
    left, apart = set_database_tables_apart(groups, left, raws)
    passed += apart
    tables = [t for f in left for t in _members(f, raws[f])]
    systems, places, unknown = _look_at_servers(bases)
    whole += systems
    tables += [t for place, uri in places.items() for t in _tables_of_server(place, uri)]
    if unknown is not None and len(tables) + len(whole) + len(groups) == 0:
        raise unknown
    seen, unused = _tables(_join_alike(tables), alone=len(tables) == 1 and not whole and not passed, ask=ask)
    seen, unused = _one_of_each_file(seen, unused)
    every = [*whole, *groups, *seen]
    every, more = _with_children(every, unused)
    every = [replace(one, database=places.get(one.path, one.database)) for one in every]
    if not every:
        raise InputError(
            "none of the files can be used",
            where=", ".join(p.name for p in given[:4]),
            got=Listed(f"{n}: {why}" for n, why in (*passed, *more)),
            code="reading.none",
        )
    return Collection(tuple(every), (*passed, *more))


def _settle_doubts(raws: Mapping[Path, RawFile], ask: Ask | None) -> dict[Path, RawFile]:
    """Settle which encoding doubtful files are in: by the files beside them, else by asking, once for all alike.

    Where nobody can be asked, the best is taken; the file that is written names it as a guess.
    """
    settled = settle_encodings(raws)
    answers: list[str] = []
    for file, raw in raws.items() if ask is not None else ():
        if not raw.doubt or settled[file] is not raw:
            continue
        known = next((a for a in answers if a in dict(raw.doubt)), None)
        if known is None and ask is not None:
            options = [f"{encoding}, which reads {words}" for encoding, words in raw.doubt]
            known = raw.doubt[ask(f"{file.name}: its words fit several encodings; which is it?", options)][0]
            answers.append(known)
        settled[file] = read_with(file, raw, str(known))
    return settled


def _look_at_servers(
    uris: Sequence[str],
) -> tuple[list[Recognised], dict[Path, str], InputError | None]:
    """Return the databases of known systems, and of the others the address by a short name and why they are none."""
    systems: list[Recognised] = []
    places: dict[Path, str] = {}
    unknown: InputError | None = None
    for uri in uris:
        try:
            systems.append(recognise_database(uri))
        except InputError as error:
            if error.code != "reading.unclear":
                raise
            places[Path(describe_database(uri))], unknown = uri, error
    return systems, places, unknown


def _tables_of_server(place: Path, uri: str) -> list[_Table]:
    """Return the tables of a server that may hold cases; what they are is found as for the tables of a file."""
    frames = read_likely_tables(uri)
    return [_Table((place,), RawFile(frame, container="database"), name) for name, frame in frames.items()]


def _files_of(path: Path) -> list[Path]:
    return expand_path(path)


def _others(given: Sequence[Path], files: Sequence[Path], taken: set[Path]) -> list[tuple[str, str]]:
    """Name the files of the folders that cannot be tables."""
    passed = []
    for folder in given:
        if folder.is_dir() and folder not in taken:
            for file in sorted(folder.iterdir()):
                if (
                    file.is_file()
                    and file not in files
                    and not file.name.startswith(".")
                    and file.name != "deskcast.toml"
                ):
                    passed.append((file.name, "no table by its name"))
    return passed


def _reason(error: InputError | None) -> str:
    return error.problem if error is not None else "nothing is recognised"


@dataclass(frozen=True)
class _Table:
    """One table to look at: the files that it is in, its sheet where they have several, and what was read."""

    files: tuple[Path, ...]
    raw: RawFile
    sheet: str = ""
    sheets: tuple[str, ...] = ()
    error: InputError | None = None

    def passed_over(self, reason: str) -> list[tuple[str, str]]:
        """Name each of its files with the reason why it is not used."""
        return [(f.name + (f", {self.sheet}" if self.sheet else ""), reason) for f in self.files]


def _members(file: Path, raw: RawFile) -> list[_Table]:
    """Return the sheets, lists or tables of a file, each as a table."""
    if len(raw.lists) < 2:
        return [_Table((file,), raw)]
    out = []
    for names, frame in (
        group_sheets(raw.lists) if raw.container == "workbook" else [((n,), f) for n, f in raw.lists.items()]
    ):
        notes = tuple(note for n in names for note in raw.list_notes.get(n, ()))
        one = replace(raw, frame=frame, notes=notes, lists={})
        out.append(_Table((file,), one, ", ".join(names), names if len(names) > 1 else ()))
    return out


def _join_alike(tables: Sequence[_Table]) -> list[_Table]:
    """Put files of one header together."""
    groups: dict[tuple[str, ...], list[_Table]] = {}
    for table in tables:
        header = header_of(table.raw.frame)
        groups.setdefault((table.sheet, *table.sheets, *header), []).append(table)
    joined = []
    for group in groups.values():
        files = [t.files[0] for t in group]
        joined.append(replace(group[0], files=tuple(files), raw=join_files(files, [t.raw for t in group])))
    return joined


def _tables(tables: Sequence[_Table], *, alone: bool, ask: Ask | None) -> tuple[list[Recognised], list[_Table]]:
    """Recognise each table; of several, one that is nothing by itself is kept with the reason."""
    seen: list[Recognised] = []
    unused: list[_Table] = []
    for table in tables:
        try:
            one = recognise_table(table.files[0], table.raw, ask)
        except InputError as error:
            if alone:
                raise
            unused.append(replace(table, error=error))
            continue
        files = table.files if len(table.files) > 1 else ()
        seen.append(replace(one, files=files, sheet=table.sheet, sheets=table.sheets))
    return seen, unused


def _one_of_each_file(seen: Sequence[Recognised], unused: Sequence[_Table]) -> tuple[list[Recognised], list[_Table]]:
    """Take of the sheets of one file the one that is most like a log of cases; the others may be its children.

    A sheet of sums over the cases beside it is no source of its own.
    """
    kept: list[Recognised] = []
    others = list(unused)
    best: dict[Path, Recognised] = {}
    for one in seen:
        if one.sheet and (one.path not in best or _worth(one) > _worth(best[one.path])):
            best[one.path] = one
    for one in seen:
        if not one.sheet or best[one.path] is one:
            kept.append(one)
        else:
            said = f"the sheet '{best[one.path].sheet}' of this file was taken; name this one by sheet = '{one.sheet}'"
            others.append(
                _Table(
                    one.files or (one.path,), one.raw, one.sheet, one.sheets, InputError(said, code="reading.unclear")
                )
            )
    return kept, others


def _worth(one: Recognised) -> tuple[int, int, int]:
    """Rank the sheets of one file: cases with an id, then events, calls and counts; then by columns and rows."""
    order = ("arrivals", "volume series", "survey file", "call log", "event log", "audit log", "case table")
    place = order.index(one.shape) if one.shape in order else len(order)
    return place, len(one.columns), len(one.raw.frame)


def _with_children(
    seen: Sequence[Recognised], unused: Sequence[_Table]
) -> tuple[list[Recognised], list[tuple[str, str]]]:
    """Let tables whose rows belong to the cases of another be its events, or name them; they are never cases."""
    parent = _table_of_cases(seen)
    out: list[Recognised] = []
    passed: list[tuple[str, str]] = []
    for one in seen:
        free = one.table not in ("cases", "events") or one.kind != "table" or one.shape == "canonical table"
        if one is parent or parent is None or free:
            out.append(one)
            continue
        table = _Table(one.files or (one.path,), one.raw, one.sheet, one.sheets)
        bare = one.shape == "arrivals"
        said = "its rows have neither an id nor an end, and cases with ids stand beside it; name it alone to use it"
        table = replace(table, error=InputError(said, code="reading.none")) if bare else table
        out, passed, parent = _add_child(table, None if bare else one, parent, out, passed)
    for table in unused:
        if parent is None:
            passed += table.passed_over(_reason(table.error))
        else:
            out, passed, parent = _add_child(table, None, parent, out, passed)
    return out, passed


def _add_child(
    table: _Table,
    own: Recognised | None,
    parent: Recognised,
    out: list[Recognised],
    passed: list[tuple[str, str]],
) -> tuple[list[Recognised], list[tuple[str, str]], Recognised]:
    """Add a table as events of a table of cases, as what it is by itself, or to those that are passed over."""
    columns = profile_columns(table.raw.frame.head(500_000), SourceSpec("cases", "").missing)
    child = find_child(columns, table.raw.frame, parent.raw.frame, _ids(parent))
    if child is None:
        if own is not None:
            return [*out, own], passed, parent
        return out, [*passed, *table.passed_over(_reason(table.error))], parent
    found = read_as_child(columns, table.raw.frame, child)
    if found is None:
        said = (
            f"its '{child.column}' names cases of {parent.path.name}: rows of them, no cases of their own, and nothing "
            "says who wrote them or what changed"
        )
        return out, [*passed, *table.passed_over(said)], parent
    if child.parent != parent.columns["case_id"]:
        better = replace(parent, columns={**parent.columns, "case_id": child.parent})
        out = [better if o is parent else o for o in out]
        parent = better
    events = add_times(Recognised(table.files[0], raw=table.raw, **found), columns)
    files = table.files if len(table.files) > 1 else ()
    return [*out, replace(events, files=files, sheet=table.sheet, sheets=table.sheets)], passed, parent


def _table_of_cases(seen: Sequence[Recognised]) -> Recognised | None:
    """Return the table whose ids the others may point at: cases with ids, the most of their names fitting."""
    cases = [s for s in seen if s.table == "cases" and s.kind == "table" and "case_id" in s.columns]
    ends = ("closed_at", "resolved_at", "first_response_at")
    return max(cases, key=lambda s: (sum(e in s.columns for e in ends), len(s.columns), len(s.raw.frame)), default=None)


def _ids(parent: Recognised) -> list[str]:
    """Return the columns of a table that tell its rows apart, the one of case ids first."""
    frame, own = parent.raw.frame, parent.columns["case_id"]
    others = [
        str(c) for c in frame.columns
        if str(c) != own and score_role_match(str(c), "case_id") > 0 and frame[c].nunique() > 0.95 * len(frame)
    ]  # fmt: skip
    return [own, *others]


def recognise_all(paths: Sequence[str | Path]) -> list[Recognised]:
    """Look at several files or folders together: the tables that one system exports side by side are one source."""
    return list(look_at(paths).seen)


def recognise(path: str | Path) -> Recognised:
    """Look at a file and say what it is.

    Parameters
    ----------
    path
        A CSV, JSON, Excel or Parquet file, or the folder of an export.

    Returns
    -------
    Recognised
        Its shape and everything that a source needs, each guess with its reason.

    Raises
    ------
    InputError
        If the file cannot be read, has no column of times, or can be read in two ways.

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
    return look_at([path]).seen[0]
