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
        connection.execute("DROP TABLE IF EXISTS orders")
        connection.execute("CREATE TABLE orders (id int, placed timestamp)")
    with pytest.raises(InputError, match=r"unknown system of the database.*orders.*zammad"):
        look_at([postgres_uri])
