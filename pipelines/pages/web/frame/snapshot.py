"""The last whole results in an embedded database: each table is loaded once, when it is first asked for."""

from __future__ import annotations

import re
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any
from weakref import finalize

import duckdb
import pandas as pd

from .....features.errors import InputError, did_you_mean
from .....features.renamed import new_columns
from ....stage import Stage
from ....store.atomic_replace import MARKER_FILE, find_current_folder
from ....store.results import Results, read_result_table, read_results

#: Large tables of which a page reads a few rows: they stay on disk.
ON_DISK = (
    *("case_events", "past_cases", "reasons", "case_clocks"),
    *("risk", "open_cases", "past_saving", "breached_cases", "awaiting_closure"),
)
#: Those of them in which no case is looked for.
_LONG = ("case_events", "past_cases")
#: Tables whose ``team`` is not that of the case.
MANY_TEAMS = ("case_events",)
#: What DuckDB may hold in memory.
MEMORY_LIMIT = "128MB"
_SETTINGS = {"memory_limit": MEMORY_LIMIT, "threads": 2, "temp_directory": tempfile.gettempdir()}
_NAMED_TABLE = re.compile(r"\{([a-z][a-z0-9_]*)\}")


class ResultsChangedError(Exception):
    """A new run took the place of the results while a request read them; the request is answered anew."""


class ResultsStore:
    """The results of a desk, read again when a run has replaced them.

    Parameters
    ----------
    folder
        The results folder; it need not be there yet.

    Examples
    --------
    >>> import tempfile
    >>> from ....store.results import replace_folder, write_stages
    >>> place = Path(tempfile.mkdtemp()) / "results"
    >>> with replace_folder(place) as staging:
    ...     write_stages([Stage("risk", {"risk": pd.DataFrame({"case_id": ["a", "b"]})})], staging, version="1")
    >>> ResultsStore(place).snapshot().query("SELECT * FROM {risk} WHERE case_id = ?", ["b"])["case_id"].tolist()
    ['b']
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = threading.Lock()
        self._database = duckdb.connect(config=_SETTINGS)
        self._current: _Loaded | None = None
        self._count = 0

    def stamp(self) -> tuple[int, int]:
        """Identify a set of results.

        Raises
        ------
        InputError
            If there are none yet.
        """
        try:
            found = (find_current_folder(self.folder) / MARKER_FILE).stat()
        except OSError as error:
            raise InputError("no results yet", hint="run 'deskcast run' first", code="results.missing") from error
        return found.st_ino, found.st_mtime_ns

    def snapshot(self, team: str | None = None) -> Snapshot:
        """Return the results as they are now; of tables with teams, only the rows of one where it is named.

        Raises
        ------
        InputError
            If there are no results yet, or they are damaged.
        """
        stamp = self.stamp()
        with self._lock:
            if self._current is None or self._current.stamp != stamp:
                results = read_results(self.folder, tables=False)
                if self.stamp() != stamp:
                    raise ResultsChangedError
                self._count += 1
                self._current = _Loaded(self, stamp, f"results_{self._count}", results)
            return Snapshot(self._current, team)

    def cursor(self) -> Any:
        """Return a cursor of its own for one query; connections are not shared between threads."""
        return self._database.cursor()


class _Loaded:
    """One set of results: a schema of the database that goes when nobody reads it any more."""

    def __init__(self, store: ResultsStore, stamp: tuple[int, int], schema: str, results: Results) -> None:
        self.store, self.stamp, self.schema, self.results = store, stamp, schema, results
        self.lock = threading.RLock()
        self.columns: dict[str, dict[str, str]] = {}
        self.made: dict[Any, Any] = {}
        cursor = store.cursor()
        cursor.execute(f"CREATE SCHEMA {schema}")
        finalize(self, _drop_schema, cursor, schema)

    @cached_property
    def names(self) -> dict[str, str]:
        """Table -> its stage, from the record of the run."""
        from ....store.results import read_findings

        return {table: body["name"] for body in read_findings(self.store.folder)["stages"] for table in body["tables"]}

    def load(self, table: str) -> dict[str, str]:
        """Return the columns of a table and their types, after it was loaded."""
        with self.lock:
            if table not in self.columns:
                self.columns[table] = self._load(table)
            return self.columns[table]

    def derive(self, name: str, sql: str) -> None:
        """Make a table of others, once."""
        with self.lock:
            if name in self.columns:
                return
            cursor, target = self.store.cursor(), f'{self.schema}."{name}"'
            cursor.execute(f"CREATE OR REPLACE TABLE {target} AS {sql}")
            if self.store.stamp() != self.stamp:
                raise ResultsChangedError
            self.columns[name] = {row[0]: row[1] for row in cursor.execute(f"DESCRIBE {target}").fetchall()}

    def _load(self, table: str) -> dict[str, str]:
        cursor = self.store.cursor()
        path = find_current_folder(self.store.folder) / f"{table}.parquet"
        target = f'{self.schema}."{table}"'
        try:
            cursor.execute("SELECT * FROM read_parquet(?) LIMIT 0", [str(path)])
            found = pd.DataFrame(columns=[column[0] for column in cursor.description])
            same = list(new_columns(found, table, note=False).columns) == list(found.columns)
        except duckdb.Error:
            same = False
        if same and table in ON_DISK:
            place = str(path).replace("'", "''")
            cursor.execute(f"CREATE OR REPLACE VIEW {target} AS SELECT * FROM read_parquet('{place}')")
        elif same:
            cursor.execute(f"CREATE OR REPLACE TABLE {target} AS SELECT * FROM read_parquet(?)", [str(path)])
        if self.store.stamp() != self.stamp:
            raise ResultsChangedError
        if not same:  # of an earlier version, or damaged: read with its names, and its errors
            cursor.register("frame", read_result_table(self.store.folder, table))
            cursor.execute(f"CREATE OR REPLACE TABLE {target} AS SELECT * FROM frame")
            cursor.unregister("frame")
        return {row[0]: row[1] for row in cursor.execute(f"DESCRIBE {target}").fetchall()}


def _drop_schema(cursor: Any, schema: str) -> None:
    try:
        cursor.execute(f"DROP SCHEMA {schema} CASCADE")
    except duckdb.ConnectionException:
        return  # the server ends


class Snapshot:
    """Results as one request sees them; all of its queries are on the same run.

    Attributes
    ----------
    results
        What was found, without tables: stages with their findings, instants, version.
    team
        The team whose rows alone are seen; ``None`` for all.
    """

    def __init__(self, loaded: _Loaded, team: str | None = None) -> None:
        self._loaded, self.team = loaded, team
        self.results: Results = loaded.results
        if team is not None:
            self.results = self.remember("results", lambda: self._without_others(loaded.results))

    @property
    def stamp(self) -> tuple[int, int]:
        """Identify the results, as in an ETag."""
        return self._loaded.stamp

    def has(self, table: str) -> bool:
        """Return whether the results have a table."""
        return table in self._loaded.names or table in self._loaded.columns

    def columns(self, table: str) -> Mapping[str, str]:
        """Return the columns of a table with their types; none where there is no such table."""
        return self._loaded.load(table) if self.has(table) else {}

    def count(self, table: str) -> int:
        """Return the number of rows; 0 where there is no such table."""
        return int(self.value(f"SELECT count(*) FROM {{{table}}}") or 0) if self.has(table) else 0

    def query(self, sql: str, parameters: Sequence[Any] | Mapping[str, Any] = ()) -> pd.DataFrame:
        """Return what a query finds: ``{table}`` names a result table, and every value is a parameter (``?``).

        Raises
        ------
        InputError
            If a table is not there.
        """
        cursor, text = self._prepare(sql)
        found: pd.DataFrame = cursor.sql(text, params=parameters or None).to_arrow_table().to_pandas()
        self._check(sql)
        zoned: dict[Any, Any] = {
            c: found[c].dt.tz_convert("UTC") for c in found if isinstance(found[c].dtype, pd.DatetimeTZDtype)
        }
        return found.assign(**zoned)

    def rows(self, sql: str, parameters: Sequence[Any] | Mapping[str, Any] = ()) -> list[tuple[Any, ...]]:
        """Return what a query finds as tuples; for texts and numbers (instants need :meth:`query`)."""
        cursor, text = self._prepare(sql)
        found: list[tuple[Any, ...]] = cursor.execute(text, parameters).fetchall()
        self._check(sql)
        return found

    def value(self, sql: str, parameters: Sequence[Any] | Mapping[str, Any] = ()) -> Any:
        """Return the first value that a query finds; ``None`` where it finds nothing."""
        found = self.rows(sql, parameters)
        return found[0][0] if found else None

    def frame(self, table: str) -> pd.DataFrame:
        """Return a whole table; an empty frame where there is none."""
        return self.query(f"SELECT * FROM {{{table}}}") if self.has(table) else pd.DataFrame()

    def table(self, name: str) -> pd.DataFrame:
        """Return a whole table by a name that a user gave.

        Raises
        ------
        InputError
            If there is none of the name; the message lists what there is.
        """
        if not self.has(name):
            raise self._unknown(name)
        return self.frame(name)

    def _unknown(self, name: str) -> InputError:
        hint = did_you_mean(name, list(self._loaded.names)) or "run 'deskcast run' first"
        where = str(self._loaded.store.folder)
        return InputError(f"unknown result table '{name}'", where=where, hint=hint, code="table.unknown")

    def derive(self, name: str, sql: str) -> None:
        """Make a table of others once for these results; from then on it is one of them, as ``{name}``.

        Parameters
        ----------
        name
            A name that no result table has.
        sql
            A query of result tables.
        """
        self._loaded.derive(name, Snapshot(self._loaded)._prepare(sql)[1])

    def stage(self, name: str) -> Stage | None:
        """Return a stage of the run; its tables are loaded when they are asked for."""
        found = next((s for s in self.results.stages if s.name == name), None)
        if found is None:
            return None
        return replace(found, tables=LazyTables(self, [t for t, s in self._loaded.names.items() if s == name]))

    def remember(self, key: Any, make: Any) -> Any:
        """Return what was made once of these results: it is kept as long as they are."""
        full = (key, self.team)
        if full not in self._loaded.made:
            self._loaded.made[full] = make()
        return self._loaded.made[full]

    def _own_cases(self) -> str:
        """Return the query of the cases of the team."""
        parts = ["SELECT NULL::VARCHAR AS case_id WHERE false"]
        for table in self._loaded.names:
            if table in MANY_TEAMS or not {"team", "case_id"} <= set(self._loaded.load(table)):
                continue
            parts.append(f"SELECT case_id FROM {self._loaded.schema}.\"{table}\" WHERE team = getvariable('team')")
        return " UNION ALL ".join(parts)

    def _without_others(self, results: Results) -> Results:
        """Return what was found without the sentences on cases of other teams."""
        whole = Snapshot(self._loaded)
        listed = [t for t in self._loaded.names if "case_id" in self._loaded.load(t) and t not in _LONG]
        words = sorted({w.strip(".,:;()") for s in results.stages for text in s.findings for w in text.split()})
        marks = ", ".join("?" * len(words))
        query = " UNION ".join(f"SELECT case_id FROM {{{t}}} WHERE case_id IN ({marks})" for t in listed)
        named = {row[0] for row in whole.rows(query, words * len(listed))} if listed and words else set()
        named -= {row[0] for row in self.rows(query, words * len(listed))} if named else set()
        stages = []
        for stage in results.stages:
            kept = tuple(f for f in stage.findings if not named & {w.strip(".,:;()") for w in f.split()})
            stages.append(replace(stage, findings=kept))
        return replace(results, stages=tuple(stages))

    def _check(self, sql: str) -> None:
        """Notice that a table that stays on disk may have been that of another run."""
        on_disk = any(f"{{{table}}}" in sql for table in ON_DISK)
        if on_disk and self._loaded.store.stamp() != self.stamp:
            raise ResultsChangedError

    def _prepare(self, sql: str) -> tuple[Any, str]:
        """Return a cursor and the query with the tables of this run, of one team where the user sees no other."""
        teams: list[str] = []

        def place(match: re.Match[str]) -> str:
            table = match[1]
            if not self.has(table):
                raise self._unknown(table)
            columns, name = self._loaded.load(table), f'{self._loaded.schema}."{table}"'
            if self.team is None or not ({"team", "case_id"} & set(columns)):
                return name
            teams.append(table)
            if "team" in columns and table not in MANY_TEAMS:
                whole = "" if "case_id" in columns else " OR team IS NULL"  # sums of the whole desk
                return f"(SELECT * FROM {name} WHERE team = getvariable('team'){whole})"
            return f"(SELECT * FROM {name} WHERE case_id IN ({self._own_cases()}))"

        text = _NAMED_TABLE.sub(place, sql)
        cursor = self._loaded.store.cursor()
        if teams:
            cursor.execute("SET VARIABLE team = ?", [self.team])
        return cursor, text


class LazyTables(Mapping[str, pd.DataFrame]):
    """The tables of a stage, each loaded when it is asked for."""

    def __init__(self, snapshot: Snapshot, names: Sequence[str]) -> None:
        self.results, self._names = snapshot, list(names)

    def __getitem__(self, name: str) -> pd.DataFrame:
        if name not in self._names:
            raise KeyError(name)
        return self.results.frame(name)

    def __contains__(self, name: object) -> bool:
        return name in self._names

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)
