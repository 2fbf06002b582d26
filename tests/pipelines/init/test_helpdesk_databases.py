"""What init makes of the database of a helpdesk, and of its dumped tables."""

import chatwoot_desk
import psycopg
import pytest
import zammad_desk
from deskcast.features import InputError
from deskcast.features.recognise.collection import look_at
from deskcast.pipelines.init.init import write_config
from deskcast.pipelines.project.project import open_log
from helpdesk_dumps import create, dump_csv, dump_sqlite

DESKS = {"zammad": (zammad_desk, 10), "chatwoot": (chatwoot_desk, 9)}


@pytest.fixture(scope="module", params=list(DESKS))
def desk(request, postgres_uri, tmp_path_factory):
    """Give a system, the address of a database of its own, the folder of its dumped tables, and its cases."""
    kind = request.param
    module, cases = DESKS[kind]
    name = f"init_{kind}"
    home = tmp_path_factory.mktemp(kind)
    with psycopg.connect(postgres_uri, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {name}".encode())
        connection.execute(f"CREATE DATABASE {name}".encode())
    uri = postgres_uri.replace("/postgres?", f"/{name}?")
    with psycopg.connect(uri, autocommit=True) as connection:
        create(connection, "public", module.DDL, module.make_rows())
        dump_csv(connection, "public", module.DDL, home / "dump")
        dump_sqlite(connection, "public", module.DDL, home / "dump.db")
    return kind, uri, home, cases


@pytest.mark.parametrize("form", ["dump", "dump.db", "sqlite"])
def test_dumped_tables_are_one_source_and_the_others_are_named(desk, form):
    kind, _, home, _ = desk
    found = look_at([f"sqlite:///{home / 'dump.db'}" if form == "sqlite" else home / form])
    assert [(s.kind, s.shape) for s in found.seen] == [(kind, f"export of {kind}")]
    assert "in UTC" in found.seen[0].why["timezone"]
    if form == "dump":
        said = dict(found.passed_over)
        assert f"another table of the database of {kind}" in said["users.csv"]


def test_a_configuration_from_the_address_runs_and_holds_no_password(desk, tmp_path):
    kind, uri, _, cases = desk
    secret = uri.replace("deskcast@", "deskcast:s3cret@")
    text = write_config(secret, tmp_path).read_text()
    assert f'kind = "{kind}"' in text
    assert "PGPASSWORD or ~/.pgpass" in text
    assert "s3cret" not in text
    assert "database = " in text
    log = open_log(tmp_path / "deskcast.toml")
    assert len(log.frame(log.table("cases"))) == cases


def test_a_configuration_from_the_folder_runs(desk, tmp_path):
    kind, _, home, cases = desk
    text = write_config(home / "dump", tmp_path).read_text()
    assert f'kind = "{kind}"' in text
    assert "another table of the database" in text
    log = open_log(tmp_path / "deskcast.toml")
    assert len(log.frame(log.table("cases"))) == cases


def test_a_database_of_no_known_system_is_refused_with_its_tables(postgres_uri):
    with psycopg.connect(postgres_uri, autocommit=True) as connection:
        connection.execute("DROP DATABASE IF EXISTS shop")
        connection.execute("CREATE DATABASE shop")
    uri = postgres_uri.replace("/postgres?", "/shop?")
    with psycopg.connect(uri, autocommit=True) as connection:
        connection.execute("CREATE TABLE orders (id int, placed timestamp)")
    with pytest.raises(InputError, match=r"unknown system of the database.*orders.*zammad"):
        look_at([uri])


def test_the_tables_of_a_home_grown_database_are_proposed_and_read_from_the_server(postgres_uri, tmp_path):
    with psycopg.connect(postgres_uri, autocommit=True) as connection:
        connection.execute("DROP DATABASE IF EXISTS home_grown")
        connection.execute("CREATE DATABASE home_grown")
    uri = postgres_uri.replace("/postgres?", "/home_grown?")
    with psycopg.connect(uri, autocommit=True) as connection:
        connection.execute(
            "CREATE TABLE requests (request_no int, opened_at timestamp, closed_at timestamp, topic text)"
        )
        connection.execute("CREATE TABLE request_changes (request_no int, changed_at timestamp, status text)")
        connection.execute("CREATE TABLE topics (name text, colour text)")
        connection.execute("INSERT INTO topics VALUES ('a', 'red')")
        connection.execute(
            "INSERT INTO requests SELECT i, ts, ts + interval '5 hours', 'topic ' || i % 3"
            " FROM generate_series(1, 300) i,"
            " LATERAL (SELECT timestamp '2024-03-04 09:00' + i * interval '3 hours' AS ts) t"
        )
        connection.execute(
            "INSERT INTO request_changes SELECT request_no, opened_at + k * interval '1 hour', 'step ' || k"
            " FROM requests, generate_series(1, 3) k"
        )
    text = write_config(uri, tmp_path).read_text()
    assert 'table = "requests"' in text
    assert "request_changes: its 'request_no' names cases" in text  # named, as nothing says what changed
    assert "topics" not in text.split("[source.cases]")[1]
    log = open_log(tmp_path / "deskcast.toml")
    assert log.frame("cases")["case_id"].nunique() == len(log.frame("cases")) == 300
