"""The engine that a configuration names: embedded DuckDB, a PostgreSQL server, or Spark."""

from __future__ import annotations

import os
import re
import shutil
import sys
import tempfile
import weakref
from pathlib import Path
from typing import Any

import ibis
import pandas as pd

from ..errors import InputError
from .backends import connect, read_parquet_files
from .bounded_engine import connect_bounded, mark_parts
from .engine_lock import serialise_calls

#: Kinds of engines that a log can lie on.
ENGINE_KINDS = ("duckdb", "postgres", "spark")


def connect_engine(
    kind: str, address: str | None = None, memory: str | None = None, temp: Path | None = None, backend: str = "loop"
) -> Any:
    """Return a connection to the engine of a log, whose work on single cases is done in parts.

    Parameters
    ----------
    kind
        One of :data:`ENGINE_KINDS`.
    address
        Of the PostgreSQL server and database; or the master of Spark, this machine by default. DuckDB has none.
    memory
        Of DuckDB, or of the driver of Spark, such as ``"2GB"``.
    temp
        Folder for what does not fit into memory and for what is loaded; that of the system by default.
    backend
        Where parts are worked on; on Spark they are where the rows lie.

    Raises
    ------
    InputError
        If the engine cannot be reached or started, or its extra is not installed.

    Examples
    --------
    >>> connect_engine("duckdb", memory="200MB").name
    'duckdb'
    """
    if kind == "postgres":
        return mark_parts(serialise_calls(connect(str(address))), backend)
    if kind == "spark":
        return mark_parts(serialise_calls(connect(_start_spark(address, memory, temp))), backend)
    return connect_bounded(memory, temp, backend)


def load_frame(connection: Any, name: str, rows: pd.DataFrame) -> Any:
    """Return a frame as a table of the engine that goes with the connection."""
    if connection.name == "duckdb":
        return connection.create_table(name, rows)
    if connection.name == "postgres":
        return _copy_rows(connection, name, rows)
    folder = Path(connection._session.conf.get("spark.sql.warehouse.dir").removeprefix("file:"))
    folder.mkdir(parents=True, exist_ok=True)
    file = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=folder)) / "rows.parquet"
    rows.to_parquet(file, index=False, coerce_timestamps="us", allow_truncated_timestamps=True)
    return read_parquet_files(connection, [file])


def _copy_rows(connection: Any, name: str, rows: pd.DataFrame) -> Any:
    """Copy a frame into a table that shadows one of that name in this session alone."""
    table = connection.create_table(name, schema=ibis.memtable(rows).schema(), temp=True)
    values = rows.astype(object).where(rows.notna(), None)
    columns = ", ".join('"' + c.replace('"', '""') + '"' for c in rows.columns)
    asked = f'COPY "{name}" ({columns}) FROM STDIN'
    with connection.con.transaction(), connection.con.cursor() as cursor, cursor.copy(asked) as copy:
        for row in values.itertuples(index=False, name=None):
            copy.write_row(row)
    return table


def digest_rows(connection: Any, rows: Any) -> str:
    """Return a text that changes when any value of an Ibis table does: the number of rows and a sum of their hashes."""
    query = connection.compile(rows)
    if connection.name == "postgres":
        asked = f"SELECT count(*), sum(hashtextextended(t::text, 0)::numeric) FROM ({query}) t"
        with connection.raw_sql(asked) as cursor:
            return " ".join(str(value) for value in cursor.fetchone())
    if connection.name == "pyspark":
        names = ", ".join(f"`{c}`" for c in rows.columns)
        asked = f"SELECT count(*), sum(cast(xxhash64({names}) AS decimal(38, 0))) FROM ({query}) t"
        return " ".join(str(value) for value in connection._session.sql(asked).collect()[0])
    found = connection.raw_sql(f"SELECT count(*), sum(hash(t)::HUGEINT) FROM ({query}) t").fetchone()
    return " ".join(str(value) for value in found)


def _start_spark(master: str | None, memory: str | None, temp: Path | None) -> Any:
    """Start Spark on this machine, or reach the cluster of that name; a session that runs already is taken."""
    try:
        from pyspark.errors import PySparkException
        from pyspark.sql import SparkSession
    except ImportError as error:
        hint = "pip install 'deskcast[spark]'"
        raise InputError("Spark needs an extra that is not installed", hint=hint, code="package.missing") from error
    folder = Path(tempfile.mkdtemp(prefix="deskcast-spark-", dir=temp))
    wanted = master or "local[*]"
    settings = {
        "spark.sql.session.timeZone": "UTC",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.log.level": "ERROR",
        "spark.local.dir": str(folder),
        "spark.sql.warehouse.dir": str(folder / "tables"),
        "spark.sql.execution.arrow.pyspark.enabled": "true",
        **({"spark.sql.shuffle.partitions": "4"} if wanted.startswith("local") else {}),
        **({} if memory is None else {"spark.driver.memory": re.sub(r" |i?B$", "", memory)}),
    }
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)  # its workers would take any python3
    builder = SparkSession.builder.master(wanted).appName("deskcast")
    for name, value in settings.items():
        builder = builder.config(name, value)
    try:
        session = builder.getOrCreate()
    except (PySparkException, RuntimeError) as error:
        shutil.rmtree(folder, ignore_errors=True)
        hint = "install Java 17 or later, and check [engine] address"
        raise InputError("Spark cannot be started", got=wanted, hint=hint, code="database.unreachable") from error
    weakref.finalize(session, shutil.rmtree, folder, ignore_errors=True)
    return session
