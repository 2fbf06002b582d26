"""Tables of a PostgreSQL database: types, schemas, queries, and what is said when something is missing."""

import builtins

import pandas as pd
import psycopg
import pytest
from deskcast.features import InputError
from deskcast.features.readers.postgres import describe_database, list_table_names, read_relation


@pytest.fixture(scope="module")
def desk(postgres_uri):
    with psycopg.connect(postgres_uri, autocommit=True) as connection:
        connection.execute("DROP SCHEMA IF EXISTS helpdesk CASCADE")
        connection.execute("CREATE SCHEMA helpdesk")
        connection.execute(
            "CREATE TABLE helpdesk.tickets (id bigint, opened timestamptz, closed timestamp, vip boolean, cost numeric,"
            " note text, more jsonb, mark uuid)"
        )
        connection.execute(
            "INSERT INTO helpdesk.tickets VALUES"
            " (1, '2024-03-31 00:30:00.25+00', '2024-04-01 10:00', true, 1.5, E'two\\nlines, \"quoted\"',"
            " '{\"a\": 1}', null),"
            " (2, null, null, null, null, '', null, '00000000-0000-0000-0000-000000000001')"
        )
        connection.execute("CREATE TABLE visible_one (id int)")
    return postgres_uri


def test_types_nulls_and_empty_texts_survive(desk):
    frame = read_relation(desk, "tickets", "helpdesk")
    first, second = frame.to_dict("records")
    assert (first["id"], first["vip"], first["cost"]) == (1, True, 1.5)
    assert first["opened"] == pd.Timestamp("2024-03-31 00:30:00.25", tz="UTC")
    assert first["closed"] == pd.Timestamp("2024-04-01 10:00")
    assert first["note"] == 'two\nlines, "quoted"'
    assert first["more"] == '{"a": 1}'
    assert second["note"] == ""
    assert pd.isna(frame.loc[1, ["opened", "closed", "vip", "cost", "more"]]).all()
    assert second["mark"].endswith("0001")


def test_times_of_infinity_are_missing_and_no_row_is_lost(desk):
    values = "('2024-03-01 09:00Z'::timestamptz, 'infinity'::timestamptz, '-infinity'::date), (null, null, null)"
    frame = read_relation(desk, query=f"SELECT * FROM (VALUES {values}) AS t(opened, closed, due)")
    assert frame["opened"].iloc[0] == pd.Timestamp("2024-03-01T09:00Z")
    assert frame[["closed", "due"]].isna().all(axis=None)
    alone = read_relation(desk, query="SELECT i FROM (VALUES (1), (null), (2), (null)) AS t(i)")
    assert alone["i"].isna().tolist() == [False, True, False, True]


def test_the_blanks_of_a_fixed_width_are_no_part_of_a_text(desk):
    frame = read_relation(desk, query="SELECT 'a'::char(8) AS code, ' b '::text AS own, null::char(3) AS none")
    assert frame[["code", "own"]].iloc[0].tolist() == ["a", " b "]
    assert frame["none"].isna().all()


def test_a_time_that_no_calendar_holds_is_said(desk):
    with pytest.raises(InputError, match=r"a value cannot be read.*20000-01-01"):
        read_relation(desk, query="SELECT '20000-01-01 00:00Z'::timestamptz AS opened")


def test_a_dotted_name_and_a_query(desk):
    assert len(read_relation(desk, "helpdesk.tickets")) == 2
    frame = read_relation(desk, query="SELECT id + 1 AS next FROM helpdesk.tickets WHERE id > 1;")
    assert frame["next"].tolist() == [3]
    assert list_table_names(desk, "helpdesk") == ["tickets"]
    assert "visible_one" in list_table_names(desk)
    assert "tickets" not in list_table_names(desk)


def test_many_rows_come_in_chunks_and_in_order(desk):
    frame = read_relation(
        desk, query="SELECT i, repeat('x', 100) AS pad FROM generate_series(1, 120000) AS i ORDER BY i"
    )
    assert frame["i"].tolist() == list(range(1, 120001))


def test_an_unknown_table_is_named_with_the_nearest(desk):
    with pytest.raises(InputError, match="did you mean 'tickets'"):
        read_relation(desk, "ticket", "helpdesk")
    with pytest.raises(InputError, match="no table that this user may read"):
        read_relation(desk, "tickets", "nowhere")


def test_nothing_can_be_written(desk):
    with pytest.raises(InputError, match="refuses"):
        read_relation(desk, query="DELETE FROM helpdesk.tickets RETURNING id")
    assert len(read_relation(desk, "tickets", "helpdesk")) == 2


def test_a_query_that_fails_is_said_in_one_line(desk):
    with pytest.raises(InputError, match='column "nothing" does not exist') as caught:
        read_relation(desk, query="SELECT nothing FROM helpdesk.tickets")
    assert "\n" not in str(caught.value)


def test_two_columns_of_one_name_and_an_empty_table_are_refused(desk):
    with pytest.raises(InputError, match="duplicate column in the query"):
        read_relation(desk, query="SELECT id, id FROM helpdesk.tickets")
    with pytest.raises(InputError, match="no rows"):
        read_relation(desk, "visible_one")


@pytest.mark.parametrize("secret", ["s3cret!", "with:colon", "p%40ss"])
def test_a_password_is_never_said(secret):
    uri = f"postgresql://ann:{secret}@127.0.0.1:1/desk"
    with pytest.raises(InputError, match="no connection") as caught:
        read_relation(uri, "tickets")
    assert secret not in str(caught.value)
    assert caught.value.__cause__ is None
    assert secret not in describe_database(uri)


def test_other_databases_are_refused_without_their_password():
    with pytest.raises(InputError, match="unknown kind of database") as caught:
        read_relation("mysql://ann:secret@host/desk", "tickets")
    assert "secret" not in str(caught.value)


def test_a_missing_driver_is_said_with_what_to_install(monkeypatch):
    real = builtins.__import__

    def without(name, *args, **kwargs):
        if name.split(".")[0] == "psycopg":
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(InputError, match=r"deskcast\[postgres\]"):
        read_relation("postgresql://ann@host/desk", "tickets")
