"""The case log: the canonical tables bound to an engine, and the log as it stood at an instant."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ibis
import pandas as pd

from ..calendars.instants import parse_instant
from ..calendars.periods import parse_zone
from ..errors import InputError, did_you_mean
from ..summary import format_summary, format_summary_html
from .carry import Opening, carry_log
from .conform import PANDAS_DTYPES, conform_frame, rename_clashing_columns
from .due_times import settle_due_times
from .engine_lock import connect_duckdb, serialise_calls
from .fetch import fetch
from .log_end import find_end_of_frames
from .schema import SETTLEMENT, TABLES, AttributeTiming, Column, Table

if TYPE_CHECKING:
    from ..calendars.business_calendar import BusinessCalendar

__all__ = ["PANDAS_DTYPES", "CaseLog", "conform_frame", "parse_instant"]


@dataclass(frozen=True)
class CaseLog:
    """Bind the tables of a service desk to an engine, so that one log answers for every instant.

    Make one with :meth:`from_frames`, :meth:`from_parquet` or :meth:`from_connection`. A log is a value: it is never
    changed, and :meth:`as_of` gives another one. Many threads may ask it at once, and it can be pickled: files and
    addresses are opened again, the rows of frames come along.

    Attributes
    ----------
    tables
        Canonical tables by name, as Ibis expressions. Instants are UTC, durations seconds.
    until
        The instant at which the log ends: nothing in it is later, and open cases are censored here.
    timezone
        IANA zone of the desk's own clock, in which days and weeks begin.
    attributes
        Columns of ``cases`` beyond the canonical ones, with when each becomes known. An ``outcome`` can never
        become a feature.
    calendars
        Business calendars by name.
    """

    tables: Mapping[str, Any]
    until: pd.Timestamp
    timezone: str = "UTC"
    attributes: Mapping[str, AttributeTiming] = field(default_factory=dict)
    calendars: Mapping[str, BusinessCalendar] = field(default_factory=dict)
    _opening: Opening | None = field(default=None, repr=False, compare=False)

    @classmethod
    def from_frames(
        cls,
        *,
        until: object = None,
        timezone: str = "UTC",
        attributes: Mapping[str, AttributeTiming] | None = None,
        calendars: Mapping[str, BusinessCalendar] | None = None,
        **frames: pd.DataFrame,
    ) -> CaseLog:
        """Make a log from canonical frames, on embedded DuckDB.

        Parameters
        ----------
        until
            End of the log; the last instant found in ``cases``, ``events``, ``contacts``, ``surveys`` or ``volumes`` by
            default, without strays: very few times that lie a year or more after all others. What is later is left
            out, as :meth:`as_of` does.
        timezone
            IANA zone of the desk's clock.
        attributes
            For each further column of ``cases``: ``creation``, ``event`` or ``outcome``. A column that is not named
            counts as ``outcome``, the careful choice. One that differs from another name only in its capitals, such
            as ``Status``, becomes ``Status (export)``: the engine does not tell capitals apart.
        calendars
            Business calendars by name, as the policies name them.
        **frames
            Canonical tables by name: ``cases=``, ``events=``, ``contacts=`` and so on.

        Raises
        ------
        InputError
            If a table or a required column is unknown or missing, or a column has a wrong type.

        Examples
        --------
        >>> import pandas as pd
        >>> cases = pd.DataFrame({"case_id": ["1"], "created_at": ["2024-03-01T09:00Z"], "channel": ["phone"]})
        >>> log = CaseLog.from_frames(cases=cases)
        >>> log.frame("cases")[["case_id", "channel"]].to_dict("records")
        [{'case_id': '1', 'channel': 'phone'}]
        """
        parse_zone(timezone)
        own = rename_clashing_columns(frames.get("cases", pd.DataFrame()).columns)
        known = {own.get(c, c): k for c, k in (attributes or {}).items()}
        conformed = {name: conform_frame(name, frame) for name, frame in frames.items()}
        if own:
            conformed["cases"] = conformed["cases"].rename(columns=own)
        extras = [c for c in conformed.get("cases", pd.DataFrame()).columns if c not in TABLES["cases"].names]
        end, last = _find_frames_end(conformed)
        wanted = end if until is None else parse_instant(until, timezone)
        connection = connect_duckdb()
        tables = {name: connection.create_table(name, frame) for name, frame in conformed.items()}
        tables = settle_due_times(tables, max(last, wanted))
        known_of = {c: known.get(c, "outcome") for c in extras}
        log = cls(tables, max(last, wanted), timezone, known_of, dict(calendars or {}))
        return log.as_of(wanted) if wanted < last else log

    @classmethod
    def from_connection(
        cls,
        connection: Any,
        *,
        tables: Mapping[str, Any] | None = None,
        until: object = None,
        timezone: str = "UTC",
        attributes: Mapping[str, AttributeTiming] | None = None,
        calendars: Mapping[str, BusinessCalendar] | None = None,
    ) -> CaseLog:
        """Bind a log to tables that lie in PostgreSQL, Spark or DuckDB; the histories are derived there.

        Parameters
        ----------
        connection
            An address such as ``postgresql://user@host/database`` (extra ``postgres``), a ``SparkSession`` (extra
            ``spark``), or an Ibis connection to one of these or to DuckDB. Its session is set to UTC.
        tables
            Canonical name to the name in the database, with its schema where it needs one: ``{"cases":
            "desk.tickets"}``; or an Ibis table of the connection. By default all tables that bear canonical names.
            Columns bear canonical names and are cast, never copied; instants must have a zone.
        until, timezone, attributes, calendars
            As for :meth:`from_frames`.

        Raises
        ------
        InputError
            If an extra, a table or a column is missing, times have no zone, or a required value is missing.

        Examples
        --------
        >>> import ibis
        >>> base = ibis.duckdb.connect()
        >>> made = base.raw_sql("CREATE TABLE tickets AS SELECT 7 AS case_id, TIMESTAMPTZ '2024-03-01 09:00Z' AS created_at")
        >>> log = CaseLog.from_connection(base, tables={"cases": "tickets"})
        >>> log.frame("cases")["case_id"].tolist(), str(log.until)
        (['7'], '2024-03-01 09:00:00+00:00')
        """  # noqa: E501 - one statement
        from .backends import bind_tables, connect

        bound = bind_tables(serialise_calls(connect(connection)), tables)
        log = cls._bound(bound, until, timezone, attributes, calendars)
        if not isinstance(connection, str):  # nobody else can open it again
            return log
        return log._opened_by(cls.from_connection, {"connection": connection, "tables": tables})

    @classmethod
    def from_parquet(
        cls,
        files: str | Path | Mapping[str, str | Path],
        *,
        memory_limit: str | None = None,
        temp_directory: str | Path | None = None,
        threads: int | None = None,
        until: object = None,
        timezone: str = "UTC",
        attributes: Mapping[str, AttributeTiming] | None = None,
        calendars: Mapping[str, BusinessCalendar] | None = None,
    ) -> CaseLog:
        """Bind a log to Parquet files, which may be larger than memory, on embedded DuckDB.

        Parameters
        ----------
        files
            A folder with ``<table>.parquet`` or ``<table>/*.parquet``, or the path of each canonical table.
        memory_limit
            Memory of the engine, such as ``"2GB"``; what does not fit goes to ``temp_directory``.
        temp_directory
            Folder for what does not fit; DuckDB chooses one by default.
        threads
            Threads of the engine; all cores by default. Fewer need less memory.
        until, timezone, attributes, calendars
            As for :meth:`from_frames`.

        Raises
        ------
        InputError
            If a file, a table or a column is missing, times have no zone, or a required value is missing.
        """
        from .backends import conform_expr, find_parquet_files

        connection = connect_duckdb()
        settings = {"memory_limit": memory_limit, "temp_directory": temp_directory, "threads": threads}
        for name, value in settings.items():
            if value is not None:
                quoted = str(value).replace("'", "''")
                connection.raw_sql(f"SET {name} = '{quoted}'")
        if memory_limit is not None:
            connection.raw_sql("SET preserve_insertion_order = false")  # results are sorted by key anyway
        found = find_parquet_files(files)
        bound = {name: conform_expr(name, connection.read_parquet(path)) for name, path in found.items()}
        log = cls._bound(bound, until, timezone, attributes, calendars)
        # another process may stand in another folder
        places = {name: str(Path(path).absolute()) for name, path in found.items()}
        return log._opened_by(cls.from_parquet, {"files": places, **settings})

    @classmethod
    def _bound(
        cls,
        tables: Mapping[str, Any],
        until: object,
        timezone: str,
        attributes: Mapping[str, AttributeTiming] | None,
        calendars: Mapping[str, BusinessCalendar] | None,
    ) -> CaseLog:
        from .backends import find_log_end

        parse_zone(timezone)
        tables = dict(tables)
        own = rename_clashing_columns(tables["cases"].columns) if "cases" in tables else {}
        if own:
            tables["cases"] = tables["cases"].rename({new: old for old, new in own.items()})
        known = {own.get(c, c): k for c, k in (attributes or {}).items()}
        extras = [c for c in tables["cases"].columns if c not in TABLES["cases"].names] if "cases" in tables else []
        end, last = find_log_end(tables)
        wanted = end if until is None else parse_instant(until, timezone)
        known_of = {c: known.get(c, "outcome") for c in extras}
        tables = settle_due_times(tables, max(last, wanted))
        log = cls(tables, max(last, wanted), timezone, known_of, dict(calendars or {}))
        return log.as_of(wanted) if wanted < last else log

    def _opened_by(self, opener: Callable[..., CaseLog], source: Mapping[str, Any]) -> CaseLog:
        """Remember how to open this log again, with the end that it has now."""
        known: dict[str, Any] = {"until": self.until, "timezone": self.timezone}
        known |= {"attributes": self.attributes, "calendars": self.calendars}
        return replace(self, _opening=Opening(opener, {**source, **known}, self.tables))

    def __reduce__(self) -> tuple[Any, ...]:
        return carry_log(self, self._opening)

    def __copy__(self) -> CaseLog:
        return self

    def __deepcopy__(self, memo: object) -> CaseLog:
        return self

    def __repr__(self) -> str:
        return format_summary("CaseLog", self._facts())

    def _repr_html_(self) -> str:
        return format_summary_html("CaseLog", self._facts())

    def _facts(self) -> dict[str, str]:
        """Return what a reader wants to see; no query is run."""
        tables = [f"{name} ({len(table.columns)} columns)" for name, table in self.tables.items()]
        known = [f"{name} ({kind})" for name, kind in self.attributes.items()]
        more = [f"and {len(known) - 8} more"] if len(known) > 8 else []
        return {
            "until": f"{self.until}",
            "timezone": self.timezone,
            "tables": ", ".join(tables),
            "attributes": ", ".join([*known[:8], *more]),
            "calendars": ", ".join(self.calendars),
        }

    def has(self, table: str, *columns: str) -> bool:
        """Return whether the table is there with all of those columns.

        >>> import pandas as pd
        >>> log = CaseLog.from_frames(cases=pd.DataFrame({"case_id": ["1"], "created_at": ["2024-03-01T09:00Z"]}))
        >>> log.has("cases", "case_id"), log.has("cases", "channel"), log.has("events")
        (True, False, False)
        """
        return table in self.tables and set(columns) <= set(self.tables[table].columns)

    def table(self, name: str) -> Any:
        """Return a table as an Ibis expression, or say which tables there are."""
        if name not in self.tables:
            raise InputError(
                f"this log has no table '{name}'",
                hint=did_you_mean(name, tuple(self.tables)) or None,
                code="table.unknown",
            )
        return self.tables[name]

    def frame(self, expression: Any) -> pd.DataFrame:
        """Run an Ibis expression, or fetch the table of that name, as a pandas frame."""
        found = self.table(expression) if isinstance(expression, str) else expression
        return fetch(found)

    def as_of(self, t: object) -> CaseLog:
        """Return the log as it stood at ``t``: no later row, and no value that was learnt later.

        Rows are visible from the instant at which they were known (``recorded_at`` of an event, where it is
        given); values that a row gets later, such as the answer to a survey, are missing until then. Attributes
        of a case that are not known at its creation appear once the case has closed.

        Parameters
        ----------
        t
            An instant: a ``Timestamp`` or text with a zone; without one it is read on the desk's own clock.

        Examples
        --------
        >>> import pandas as pd
        >>> cases = pd.DataFrame({"case_id": ["1", "2"], "created_at": ["2024-03-01T09:00Z", "2024-03-02T09:00Z"]})
        >>> CaseLog.from_frames(cases=cases).as_of("2024-03-01T12:00Z").frame("cases")["case_id"].tolist()
        ['1']
        """
        instant = parse_instant(t, self.timezone)
        cut = {name: _visible(TABLES[name], table, instant) for name, table in self.tables.items()}
        if "cases" in cut:
            cut["cases"] = self._hide_outcomes(cut["cases"], cut.get("events"))
        if "article_views" in cut and "cases" in cut and "case_id" in cut["article_views"].columns:
            cut["article_views"] = _hide_later_cases(cut["article_views"], cut["cases"])
        opening = self._opening and self._opening.cut(self.tables, cut, instant)
        return replace(self, tables=cut, until=min(instant, self.until), _opening=opening)

    def _hide_outcomes(self, cases: Any, events: Any) -> Any:
        late = [c for c, known in self.attributes.items() if known != "creation" and c in cases.columns]
        settled = [c.name for c in TABLES["cases"].columns if c.known_by == SETTLEMENT and c.name in cases.columns]
        if events is None:
            return cases.mutate(**{c: ibis.null(cases[c].type()) for c in (*late, *settled)})
        cases = _hide_before(cases, events, ("closed",), late)
        return _hide_before(cases, events, ("resolved", "closed"), settled)


def _hide_before(cases: Any, events: Any, kinds: tuple[str, ...], late: list[str]) -> Any:
    """Hide columns of the cases that had no event of these kinds."""
    if not late:
        return cases
    ended = events.filter(events.kind.isin(kinds)).select("case_id").distinct()
    over = cases.left_join(ended.mutate(_over=True), "case_id")
    over = over.select(*[cases[c] for c in cases.columns], over["_over"])
    return over.mutate(**{c: over["_over"].fill_null(False).ifelse(over[c], None) for c in late}).drop("_over")


def _find_frames_end(frames: Mapping[str, pd.DataFrame]) -> tuple[pd.Timestamp, pd.Timestamp]:
    """Return the end of the log, and the last time of its rows, which is later where there are strays."""
    found = find_end_of_frames(frames)
    if found is None:
        raise InputError(
            "the log has no rows", hint="pass at least cases=, events=, contacts= or volumes=", code="file.empty"
        )
    return found


def _visible(table: Table, rows: Any, t: pd.Timestamp) -> Any:
    """Keep the rows that were known at ``t`` and blank the values that were not."""
    if table.instant is None:
        return rows
    known = _known_at(rows, table.instant, table.after)
    if table.name == "events" and "recorded_at" in rows.columns:
        known = ibis.coalesce(rows.recorded_at, known)
    seen = rows.filter(known <= t)
    late: Iterable[Column] = (c for c in table.columns if c.known_by and c.name in rows.columns)
    hidden = {}
    for column in late:
        if column.known_by not in rows.columns:
            continue
        learnt = _known_at(seen, str(column.known_by), column.after)
        hidden[column.name] = (learnt <= t).fill_null(False).ifelse(seen[column.name], None)
    return seen.mutate(**hidden) if hidden else seen


def _known_at(rows: Any, instant: str, after: str | None) -> Any:
    if after is None:
        return rows[instant]
    # engines round a half in different ways
    return rows[instant] + (rows[after].fill_null(0) + 0.5).floor().cast("int64").as_interval("s")


def _hide_later_cases(views: Any, cases: Any) -> Any:
    born = cases.select(_born="case_id")
    joined = views.left_join(born, views.case_id == born["_born"])
    return joined.select(*[views[c] for c in views.columns if c != "case_id"], case_id=joined["_born"])
