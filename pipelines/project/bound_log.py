"""The log of a project whose tables stay in files or in a database: read where they lie by ``[engine]``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import ibis
import pandas as pd

from ...features.calendars.business_calendar import BusinessCalendar
from ...features.case_log.bounded_engine import find_folder
from ...features.case_log.conform import conform_frame, rename_clashing_columns
from ...features.case_log.engines import connect_engine, digest_rows, load_frame
from ...features.case_log.fetch import fetch
from ...features.case_log.log import CaseLog
from ...features.case_log.log_end import (
    LOG_END_COLUMNS,
    TABLE_TIMES,
    describe_strays,
    find_first_instant,
    find_first_time,
)
from ...features.case_log.schema import AttributeTiming
from ...features.sources.large_exports import bind_pieces, read_in_pieces
from ...features.sources.spec import SourceSpec
from ...features.sources.table import CASE_TIMES, SATISFACTION
from ...features.sources.tables_in_place import TableInPlace, read_in_place
from .engine_specs import EngineSpec
from .specs import Config

#: Tables whose rows make or check those of the others: all of them lie in place, or none.
_TOGETHER = ("cases", "events", "surveys")
#: Tables of a log that has days and no times of day.
_DAY_TABLES = {"cases", "events", "sla_policies", "due_times"}


@dataclass(frozen=True)
class SourcesInPlace:
    """The sources of a configuration that are read where they lie, and the engine that reads them.

    ``connection`` is ``None`` where the configuration asks for no engine: then no source is.
    """

    connection: Any = None
    tables: Mapping[str, TableInPlace] = field(default_factory=dict)
    specs: tuple[SourceSpec, ...] = ()
    rejected: tuple[pd.DataFrame, ...] = ()  # with their source

    @property
    def notes(self) -> list[str]:
        """What was left out."""
        return [note for table in self.tables.values() for note in table.notes]

    @property
    def cuts(self) -> list[pd.Timestamp | None]:
        """Where each table ends the log."""
        return [table.until for table in self.tables.values()]

    @property
    def attributes(self) -> dict[str, AttributeTiming]:
        """Columns of ``cases`` beyond the canonical ones -> when each becomes known."""
        return {c: known for table in self.tables.values() for c, known in table.attributes.items()}


def place_sources(config: Config) -> SourcesInPlace:
    """Find the sources that can be read where they lie, or in pieces: one a table, and none that another adds rows to.

    A log that is in place in part only would have rows of its other part checked against none: then nothing is.
    """
    engine: EngineSpec = config.engine
    if not engine.is_set:
        return SourcesInPlace()
    temp = None if engine.temp is None else config.path(engine.temp)
    connection = connect_engine(engine.kind or "duckdb", engine.address, engine.memory, temp, engine.backend)
    if any(spec.kind != "table" for spec in config.sources if spec.table != "denominators"):
        return SourcesInPlace(connection)  # an export of a system fills several tables
    placed: list[tuple[SourceSpec, Mapping[str, TableInPlace]]] = []
    refused: list[pd.DataFrame] = []
    for spec in config.sources:
        if sum(other.table == spec.table for other in config.sources) == 1:
            tables, lost = _place(connection, spec, config)
            placed += [(spec, tables)] if tables else []
            refused += lost
    there = {name for _, tables in placed for name in tables}
    asked = {spec.table for spec in config.sources} & set(_TOGETHER)
    if "cases" not in there or not asked <= there:
        placed = [(spec, tables) for spec, tables in placed if not set(tables) & set(_TOGETHER)]
        refused = [part for part in refused if not set(part["table"]) & set(_TOGETHER)]
    found = {name: table for _, tables in placed for name, table in tables.items()}
    if "surveys" in asked & set(found) and "case_id" in found["surveys"].rows.columns:
        found["surveys"], lost = _without_unknown_cases(found["surveys"], found["cases"].rows)
        refused += lost
    return SourcesInPlace(connection, found, tuple(spec for spec, _ in placed), tuple(refused))


def _place(connection: Any, spec: SourceSpec, config: Config) -> tuple[dict[str, TableInPlace], list[pd.DataFrame]]:
    """Return the tables of a source where they lie or in pieces, with the rows refused; none where it is read whole."""
    table = read_in_place(connection, spec, config.folder, config.engine.address)
    if table is not None:
        return {spec.table: table}, []
    if connection.name != "duckdb":
        return {}, []
    others = {other.table for other in config.sources} - {spec.table}
    if spec.table == "cases" and set(spec.columns) & {*CASE_TIMES, SATISFACTION} and others & set(_TOGETHER):
        return {}, []  # the events and answers that it makes go together with those of another source
    pieces = read_in_pieces(spec, config.folder, find_folder(connection) / spec.table)
    tables = None if pieces is None else bind_pieces(connection, spec, pieces)
    if pieces is None or tables is None:
        return {}, []
    return tables, [part.assign(source=spec.place) for part in pieces.rejected if len(part)]


def _without_unknown_cases(surveys: TableInPlace, cases: Any) -> tuple[TableInPlace, list[pd.DataFrame]]:
    """Refuse surveys for cases that no source has."""
    rows = surveys.rows
    known = cases.select("case_id")
    lost = fetch(rows.filter(rows.case_id.notnull()).anti_join(known, "case_id").select(value="case_id"))
    if lost.empty:
        return surveys, []
    part = lost.assign(table="surveys", row=0, column="case_id", reason="its case is in no source", code="row.orphan")
    part = part.assign(source="several sources")
    kept = rows.filter(rows.case_id.isnull()).union(rows.semi_join(known, "case_id"))
    return TableInPlace(kept, surveys.attributes, surveys.until, surveys.notes), [part]


def bind_in_place(
    config: Config,
    placed: SourcesInPlace,
    frames: Mapping[str, pd.DataFrame],
    until: pd.Timestamp | None,
    attributes: Mapping[str, AttributeTiming],
    calendars: Mapping[str, BusinessCalendar],
) -> CaseLog:
    """Bind the tables in place and the frames of the other sources to one engine.

    Raises
    ------
    InputError
        If a frame is no canonical table.
    """
    connection, tables = placed.connection, {name: table.rows for name, table in placed.tables.items()}
    for name, frame in frames.items():
        rows = conform_frame(name, frame)
        if name == "cases" and (own := rename_clashing_columns(rows.columns)):
            rows, attributes = rows.rename(columns=own), {own.get(c, c): k for c, k in attributes.items()}
        tables[name] = load_frame(connection, name, rows)
    order = [spec.table for spec in config.sources]
    tables = {name: tables[name] for name in sorted(tables, key=lambda n: order.index(n) if n in order else len(order))}
    return CaseLog.from_connection(
        connection, tables=tables, until=until, timezone=config.timezone, attributes=attributes, calendars=calendars
    )


def digest_in_place(placed: SourcesInPlace) -> list[str]:
    """Return a text for each table in a database that changes when any of its values does; files have their bytes."""
    names = [spec.table for spec in placed.specs if spec.database]
    return [f"{name} {digest_rows(placed.connection, placed.tables[name].rows)}" for name in sorted(names)]


def find_whole_day_end(placed: SourcesInPlace, others: Sequence[str], timezone: str) -> pd.Timestamp | None:
    """Return the end of the last day where every time of cases and events in place is a date.

    >>> find_whole_day_end(SourcesInPlace(), (), "UTC") is None
    True
    """
    times = {"cases": "created_at", "events": "at"}
    if "cases" not in placed.tables or {*placed.tables, *others} - _DAY_TABLES:
        return None
    last = []
    for name in placed.tables:
        rows = placed.tables[name].rows
        days = rows.select(day=rows[times[name]]).distinct()
        if len(fetch(days.limit(_MAX_DAYS))) >= _MAX_DAYS:
            return None
        local = fetch(days)["day"].dropna().dt.tz_convert(timezone)
        if local.empty or bool((local != local.dt.normalize()).any()):
            return None
        last.append(local.max())
    end = max(last).normalize() + pd.DateOffset(days=1)
    return pd.Timestamp(end).tz_convert("UTC")


#: More dates than this no log has.
_MAX_DAYS = 100_000


def describe_strays_in_place(
    placed: SourcesInPlace, frames: Mapping[str, pd.DataFrame], until: pd.Timestamp | None
) -> list[str]:
    """Name the times that the log does not begin or end with, as
    :func:`~deskcast.features.case_log.log_end.describe_stray_times` does.

    Parameters
    ----------
    placed, frames
        The tables of the log.
    until
        The end of the log; none where it was asked for.
    """
    outermost: dict[str, pd.DataFrame] = dict(frames)
    firsts = {t: find_first_time(frames[t][c]) for t, c in TABLE_TIMES.items() if t in frames and c in frames[t]}
    end = until
    for name, table in placed.tables.items():
        rows, column = table.rows, TABLE_TIMES.get(name)
        far = []
        if column is not None and column in rows.columns:
            first = firsts[name] = find_first_instant(rows, column)
            if first is not None:
                far.append(rows[column] < ibis.literal(first.to_pydatetime(), _UTC))
        if until is not None:
            limit = ibis.literal(until.to_pydatetime(), _UTC)
            far += [rows[c] > limit for of, c in LOG_END_COLUMNS if of == name and c in rows.columns]
        outermost[name] = fetch(rows.filter(ibis.or_(*far))) if far else pd.DataFrame()
    ordered = {t: firsts[t] for t in TABLE_TIMES if t in firsts}
    later = end is not None and any(
        bool((outermost[t][c] > end).any()) for t, c in (*LOG_END_COLUMNS, ("volumes", "ds"))
        if t in outermost and c in outermost[t]
    )  # fmt: skip
    return describe_strays(outermost, ordered, end if later else None)


_UTC = "timestamp('UTC', 6)"
