"""Look at exports and write a commented ``deskcast.toml`` that runs as it is."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd

from ...features.errors import InputError
from ...features.readers.databases import is_database_address
from ...features.readers.postgres import describe_database
from ...features.recognise.collection import look_at
from ...features.recognise.readings import Ask
from ...features.recognise.recognise import Recognised
from ...features.sources.load import ADAPTERS, SYSTEMS
from ...features.sources.spec import LoadedSource, SourceSpec
from ...features.sources.table import CASE_TIMES
from ..project.config import CONFIG_FILE, parse_config
from ..project.duplicates import merge_sources
from .guesses import (
    find_arrivals,
    find_complete_span,
    has_enough_endings,
    infer_opening_hours,
)
from .sections import (
    Facts,
    calendar_lines,
    forecast_lines,
    history_lines,
    last_lines,
    passed_over_lines,
    sla_lines,
    source_lines,
    stated_lines,
    timezone_lines,
)
from .staffing_section import staffing_lines


def write_config(
    exports: Sequence[str | Path] | str | Path, folder: str | Path, *, force: bool = False, ask: Ask | None = None
) -> Path:
    """Look at exports and write a commented ``deskcast.toml`` for them.

    Parameters
    ----------
    exports
        One or more CSV, JSON or Parquet files, folders with the tables of a system side by side, or addresses of
        databases, such as ``postgresql://reader@desk/zammad``.
    folder
        Where the file is written; paths in it are relative to this folder where that is possible.
    force
        Replace a file that is there.
    ask
        Puts a question with its answers to a user where the values of a file do not decide, and returns the number of
        the answer; without it the file is refused with the question.

    Returns
    -------
    Path
        The file; it loads and runs as it is, and each guess says what it was based on.

    Raises
    ------
    InputError
        If an export cannot be used, the folder cannot be written, or the file exists already.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> folder = Path(tempfile.mkdtemp())
    >>> _ = (folder / "t.csv").write_text("Ticket,Opened,Closed\\n7,2024-03-01 09:00,2024-03-02\\n8,2024-03-02,\\n")
    >>> write_config([folder / "t.csv"], folder).name
    'deskcast.toml'
    """
    several = [exports] if isinstance(exports, str | Path) else list(exports)
    files = [e if is_database_address(str(e)) else Path(e) for e in several]
    if not files:
        raise InputError(
            "missing export",
            hint="name one or more CSV, JSON or Parquet files, or a folder of them",
            code="setting.missing",
        )
    home = Path(folder)
    target = home / CONFIG_FILE
    if target.exists() and not force:
        raise InputError("file exists already", where=str(target), hint="use --force to replace it", code="file.exists")
    text = format_config(files, home, ask)
    parse_config(tomllib.loads(text), folder=home)  # what is written must load
    try:
        home.mkdir(parents=True, exist_ok=True)
        aside = target.with_suffix(".toml.new")
        aside.write_text(text, encoding="utf-8")
        aside.replace(target)
    except OSError as error:
        raise InputError(
            f"the file cannot be written: {error.strerror or error}", where=str(target), code="file.unreadable"
        ) from error
    return target


def format_config(files: Sequence[str | Path], folder: Path, ask: Ask | None = None) -> str:
    """Return the text of a ``deskcast.toml`` for the exports."""
    found = look_at(files, ask)
    facts = _facts(list(found.seen))
    names = _source_names(facts.seen)
    head = [
        "# Made by 'deskcast init' from "
        + ", ".join(f.name if isinstance(f, Path) else describe_database(f) for f in files)
        + ".",
        "# A comment states what a line is based on. Change what is wrong; 'deskcast check' shows what was detected.",
        *passed_over_lines(found.passed_over),
        "",
        *timezone_lines(facts),
    ]
    sources = [
        line for name, seen in zip(names, facts.seen, strict=True) for line in source_lines(name, seen, facts, folder)
    ]
    sections = (calendar_lines, history_lines, forecast_lines, sla_lines, stated_lines, staffing_lines)
    rest = [line for section in sections for line in section(facts)] + last_lines()
    return "\n".join([*head, *sources, *rest]) + "\n"


def list_head_comments(text: str) -> list[str]:
    """Return from a configuration what was decided and passed over, for showing.

    >>> list_head_comments("# Passed over:\\n#   x.csv: empty\\n\\n[source.cases]\\n# Read as cases.\\n")
    ['Passed over:', '  x.csv: empty', 'source.cases: Read as cases.']
    """
    said: list[str] = []
    section, passed = "", False
    for line in text.splitlines():
        if line.startswith("["):
            section, passed = line.strip("[]"), False
        elif line == "# Passed over:":
            passed = True
            said.append("Passed over:")
        elif passed and line.startswith("#   "):
            said.append(line[2:])
        elif line.startswith("# Read as ") and section.startswith("source."):
            said.append(f"{section}: {line[2:]}")
        else:
            passed = passed and bool(line)
    return said


def _facts(seen: list[Recognised]) -> Facts:
    zone = next((s.timezone for s in seen if s.timezone), "UTC")
    pairs = [_load_plainly(s, zone) for s in seen]
    seen = [s for s, _ in pairs]
    tables, _, _ = merge_sources([loaded for _, loaded in pairs])
    arrivals = find_arrivals(tables, zone)
    since, until = find_complete_span(arrivals) if arrivals else (None, None)
    if any(_is_cut_off(loaded, since, until, zone) for _, loaded in pairs):
        since = until = None  # a file that was given is no leftover at the edge of another
    if not has_enough_endings(tables, until, zone):
        until = None  # the cases end after the last of them was opened: the opening time is likely another one
    if arrivals and (since or until):
        arrivals = arrivals.between(since, until)
        tables["cases"] = _between(tables["cases"], since, until, zone)
    hours = infer_opening_hours(arrivals) if arrivals else None
    stated = tuple(line for _, loaded in pairs for line in loaded.stated)
    return Facts(tuple(seen), zone, tables, arrivals, since, until, hours, stated)


def _load_plainly(seen: Recognised, zone: str) -> tuple[Recognised, LoadedSource]:
    """Read what was recognised; where a guess beyond the needed columns is in the way, read it without such guesses."""
    try:
        return seen, _load(seen.spec(timezone=zone), seen)
    except InputError:
        if not seen.attributes and not seen.segments:
            raise
        needed = ("case_id", "created_at", "at", "activity", "ds", "y", "unique_id", *CASE_TIMES)
        columns = {ours: theirs for ours, theirs in seen.columns.items() if ours in needed}
        bare = replace(seen, attributes={}, segments={}, columns=columns)
        return bare, _load(bare.spec(timezone=zone), bare)


def _load(spec: SourceSpec, seen: Recognised) -> LoadedSource:
    """Read what was recognised; a file that was read already is not read again."""
    if seen.shape.startswith("export of"):
        return SYSTEMS[spec.kind].load(spec, Path())
    return ADAPTERS[spec.kind](spec, seen.raw.frame)


def _is_cut_off(loaded: LoadedSource, since: str | None, until: str | None, zone: str) -> bool:
    """Return whether a span leaves less than half of the cases of a source."""
    cases = loaded.tables.get("cases")
    return cases is not None and len(_between(cases, since, until, zone)) < 0.5 * len(cases)


def _between(cases: pd.DataFrame, since: str | None, until: str | None, zone: str) -> pd.DataFrame:
    """Return the cases of a span; what the sections say of cases is said of these."""
    if since:
        cases = cases[cases["created_at"] >= pd.Timestamp(since, tz=zone)]
    return cases[cases["created_at"] < pd.Timestamp(until, tz=zone)] if until else cases


def _source_names(seen: Sequence[Recognised]) -> list[str]:
    names: list[str] = []
    for one in seen:
        again = sum(n == one.table or n.startswith(f"{one.table}_") for n in names)
        names.append(one.table if not again else f"{one.table}_{again + 1}")
    return names
