"""Tables of MySQL and MariaDB: types, zones, dates of nothing, strange passwords, and what is said when one is missing.

What needs no server runs everywhere; the rest on a real MariaDB where there is one.
"""

import builtins

import pandas as pd
import pytest
from deskcast.features import InputError
from deskcast.features.readers.databases import list_column_names, list_table_names, read_relation
from deskcast.features.readers.mysql import parse_mysql_address
from deskcast.features.sources.load import load_source
from deskcast.features.sources.spec import SourceSpec
from hypothesis import given, settings
from hypothesis import strategies as st

PASSWORD = "p@ss:w/rd?#1"


@pytest.fixture(scope="module")
def desk(mariadb_uri):
    """Give the address of a database for a user that may only read it, and whose password is strange."""
    import pymysql

    socket = mariadb_uri.partition("unix_socket=")[2]
    with pymysql.connect(user="root", unix_socket=socket, autocommit=True) as connection:
        run = connection.cursor().execute
        run("DROP DATABASE IF EXISTS desk")
        run("CREATE DATABASE desk CHARACTER SET utf8mb4")
        run("SET time_zone = '+00:00'")
        run("CREATE OR REPLACE USER reader@localhost IDENTIFIED BY %s", (PASSWORD,))
        run("GRANT SELECT, INSERT ON desk.* TO reader@localhost")
        run(
            "CREATE TABLE desk.tickets (id bigint, opened datetime(3), changed timestamp NULL, vip tinyint(1), "
            "cost decimal(8,2), share double, note longtext, raw blob, due date, more json, `odd ``name` int)"
        )
        run(
            "INSERT INTO desk.tickets VALUES"
            " (1, '2024-03-31 02:30:00.250', '2024-03-31 00:30:00', 1, 1.50, 0.25, 'zwei\nZeilen \u00e4 \U0001f600',"
            " x'ff00', '2024-03-31', '{\"a\": 1}', 7),"
            " (2, '0000-00-00 00:00:00', NULL, NULL, NULL, NULL, '', 'text', '0000-00-00', NULL, NULL),"
            " (3, '2024-00-00 00:00:00', '0000-00-00 00:00:00', 0, 2, 1, NULL, NULL, NULL, NULL, 8)"
        )
        run("CREATE TABLE desk.empty (id int)")
    return f"mysql://reader:{PASSWORD}@localhost/desk?unix_socket={socket}"


def test_types_zones_and_dates_of_nothing(desk):
    frame = read_relation(desk, "tickets")
    first = frame.iloc[0]
    assert first["opened"] == pd.Timestamp("2024-03-31 02:30:00.25")  # no zone: that of the source counts
    assert first["changed"] == pd.Timestamp("2024-03-31T00:30Z")  # an instant, whatever zone the server keeps
    assert (first["id"], first["vip"], first["cost"], first["share"], first["odd `name"]) == (1, 1, 1.5, 0.25, 7)
    assert (first["note"], first["more"], first["due"]) == ("zwei\nZeilen \u00e4 \U0001f600", '{"a": 1}', "2024-03-31")
    assert pd.isna(first["raw"])
    assert frame["opened"].isna().tolist() == [False, True, True]
    assert frame["changed"].isna().tolist() == [False, True, True]
    assert frame["due"].isna().tolist() == [False, True, True]
    assert frame.loc[1, "note"] == ""


def test_many_rows_are_streamed_in_order(desk):
    frame = read_relation(desk, query="SELECT seq AS i, REPEAT('x', 100) AS pad FROM seq_1_to_45000 ORDER BY seq;")
    assert frame["i"].tolist() == list(range(1, 45001))


def test_names_columns_and_tables(desk):
    assert list_table_names(desk) == ["empty", "tickets"]
    assert list_column_names(desk, "desk.tickets")[:2] == ["id", "opened"]
    assert read_relation(desk, "tickets", columns=["vip", "id"]).columns.tolist() == ["vip", "id"]
    with pytest.raises(InputError, match="did you mean 'tickets'"):
        read_relation(desk, "ticket")
    with pytest.raises(InputError, match="the table has columns but no rows"):
        read_relation(desk, "empty")
    with pytest.raises(InputError, match=r"duplicate column in the query.*AS"):
        read_relation(desk, query="SELECT 1 AS a, 2 AS a")


def test_nothing_can_be_written(desk):
    with pytest.raises(InputError, match="READ ONLY"):
        read_relation(desk, query="INSERT INTO tickets (id) VALUES (9)")
    assert len(read_relation(desk, "tickets")) == 3


def test_a_wrong_password_is_never_shown(desk):
    with pytest.raises(InputError, match="no connection") as caught:
        read_relation(desk.replace("p@ss", "s3cr@t"), "tickets")
    assert not any(part in str(caught.value) for part in ("s3cr", "w/rd", PASSWORD))


def test_a_log_is_read_from_it(desk):
    spec = SourceSpec("cases", database=desk, relation="tickets", timezone="Europe/Berlin",
                      columns={"case_id": "id", "created_at": "opened"})  # fmt: skip
    loaded = load_source(spec)
    # the local hour that the clock skips is the first instant after it
    assert loaded.tables["cases"]["created_at"].tolist() == [pd.Timestamp("2024-03-31T01:00Z")]
    assert loaded.rejected["reason"].tolist() == ["missing time"] * 2


@settings(max_examples=25)
@given(st.text(st.characters(codec="ascii", min_codepoint=33, max_codepoint=126, exclude_characters="%"), min_size=1))
def test_any_password_is_read_from_the_address(password):
    told = parse_mysql_address(f"mysql://ann:{password}@desk.example:3307/tickets")
    assert (told["user"], told["password"], told["host"], told["port"]) == ("ann", password, "desk.example", 3307)


def test_the_extra_is_named_where_the_driver_is_missing(monkeypatch):
    real = builtins.__import__

    def without(name, *rest, **more):
        if name == "pymysql":
            raise ImportError(name)
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(InputError, match=r"driver for MySQL and MariaDB is not installed.*deskcast\[mysql\]") as caught:
        read_relation("mariadb://ann:secret@desk/tickets", "tickets")
    assert "secret" not in str(caught.value)


def test_a_server_that_is_away_and_an_address_that_is_none():
    pytest.importorskip("pymysql", reason="needs the extra 'mysql'")
    with pytest.raises(InputError, match="no connection") as caught:
        read_relation("mysql://ann:secret@127.0.0.1:1/tickets", "tickets")
    assert "secret" not in str(caught.value)
    with pytest.raises(InputError, match="the port in the address is not a number"):
        read_relation("mysql://ann@desk:abc/tickets", "tickets")
    with pytest.raises(InputError, match=r"unknown setting; got 'sokket'"):
        read_relation("mysql://ann@desk/tickets?sokket=x", "tickets")
