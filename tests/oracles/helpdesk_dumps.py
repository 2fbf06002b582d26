"""A helpdesk's database for the tests: created on a real server, and dumped as its owner would dump it."""

from __future__ import annotations

import json
import shutil
import sqlite3
from pathlib import Path

import pandas as pd

DAY = "2024-03-"


def at(text):
    """Return an instant of March 2024 from day and clock, such as ``04 09:00``; seconds may follow."""
    day, clock = text.split()
    return f"{DAY}{day} {clock}" + (":00" if clock.count(":") == 1 else "")


def columns_of(ddl):
    """Return table -> names of its columns, from lines of ``name: column type, column type``."""
    return {
        head.strip(): [part.strip() for part in body.split(",")]
        for head, _, body in (line.partition(":") for line in ddl.strip().splitlines())
    }


def create(connection, schema, ddl, rows):
    """Create the tables of a schema and fill them; what a row does not name is null."""
    from psycopg import sql

    connection.execute(sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(sql.Identifier(schema)))
    connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(schema)))
    for table, columns in columns_of(ddl).items():
        connection.execute(f"CREATE TABLE {schema}.{table} ({', '.join(columns)})".encode())
        for row in rows.get(table, []):
            names = ", ".join(f'"{n}"' for n in row)
            marks = ", ".join(["%s"] * len(row))
            values = [json.dumps(v) if isinstance(v, dict) else v for v in row.values()]
            connection.execute(f"INSERT INTO {schema}.{table} ({names}) VALUES ({marks})".encode(), values)


def dump_csv(connection, schema, ddl, folder):
    """Write each table as ``psql`` writes it, by COPY with a header."""
    folder.mkdir(parents=True, exist_ok=True)
    for table in columns_of(ddl):
        statement = f"COPY (SELECT * FROM {schema}.{table}) TO STDOUT (FORMAT csv, HEADER)".encode()
        with connection.cursor() as cursor, cursor.copy(statement) as copy:
            (folder / f"{table}.csv").write_bytes(b"".join(bytes(part) for part in copy))
    return folder


def dump_json(connection, schema, ddl, file):
    """Write all tables as one JSON object of lists, by PostgreSQL's own ``row_to_json``."""
    lists = {}
    for table in columns_of(ddl):
        statement = f"SELECT coalesce(json_agg(row_to_json(t)), '[]') FROM {schema}.{table} t".encode()
        lists[table] = connection.execute(statement).fetchone()[0]
    Path(file).write_text(json.dumps(lists))
    return file


def dump_sqlite(connection, schema, ddl, file):
    """Copy all tables into one SQLite file, values as PostgreSQL writes them; flags as 0 and 1."""
    with sqlite3.connect(file) as copy:
        for table, columns in columns_of(ddl).items():
            names = [c.split()[0].strip('"') for c in columns]
            copy.execute(f"CREATE TABLE {table} ({', '.join(chr(34) + n + chr(34) for n in names)})")
            chosen = ", ".join(
                f'"{n}"::int' if c.endswith("boolean") else f'"{n}"::text' for n, c in zip(names, columns, strict=True)
            )
            rows = connection.execute(f"SELECT {chosen} FROM {schema}.{table}".encode()).fetchall()
            copy.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * len(names))})", rows)
    return file


def write_dumps(ddl, rows, folder, *, csv="csv"):
    """Write all tables without a server: a folder of CSV files, one JSON object of lists, and a SQLite file."""
    (folder / csv).mkdir(parents=True, exist_ok=True)
    names = {t: [c.split()[0].strip('"`') for c in columns] for t, columns in columns_of(ddl).items()}
    whole = {t: [{c: row.get(c) for c in columns} for row in rows.get(t, [])] for t, columns in names.items()}
    for table, lines in whole.items():
        pd.DataFrame(lines, columns=names[table], dtype=object).to_csv(folder / csv / f"{table}.csv", index=False)
    (folder / "dump.json").write_text(json.dumps(whole))
    with sqlite3.connect(folder / "dump.db") as copy:
        for table, lines in whole.items():
            copy.execute(f"CREATE TABLE {table} ({', '.join(chr(34) + n + chr(34) for n in names[table])})")
            values = [[json.dumps(v) if isinstance(v, dict) else v for v in line.values()] for line in lines]
            copy.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * len(names[table]))})", values)
    return folder


def create_in_mariadb(uri, database, ddl, rows):
    """Create the tables in a database of a MariaDB server and fill them; what a row does not name is its default."""
    import pymysql

    with pymysql.connect(
        user="root", unix_socket=uri.partition("unix_socket=")[2], autocommit=True, charset="utf8mb4"
    ) as connection:
        run = connection.cursor().execute
        run(f"DROP DATABASE IF EXISTS {database}")
        run(f"CREATE DATABASE {database} CHARACTER SET utf8mb4")
        run(f"USE {database}")
        run("SET time_zone = '+00:00'")
        for table, columns in columns_of(ddl).items():
            run(f"CREATE TABLE {table} ({', '.join(columns)})")
            for row in rows.get(table, []):
                names, marks = ", ".join(f"`{n}`" for n in row), ", ".join(["%s"] * len(row))
                values = [json.dumps(v) if isinstance(v, dict) else v for v in row.values()]
                run(f"INSERT INTO {table} ({names}) VALUES ({marks})", values)
    return uri.replace("/mysql?", f"/{database}?")


def change(home, tmp_path, table, edit):
    """Return a copy of the dump in which one table was edited, or taken out."""
    folder = shutil.copytree(home / "csv", tmp_path / "csv")
    file = folder / f"{table}.csv"
    frame = edit(pd.read_csv(file, dtype="str"))
    file.unlink() if frame is None else frame.to_csv(file, index=False)
    return folder
