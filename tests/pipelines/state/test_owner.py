"""Two desks in one database: the name of the desk is in its state, and another one is refused and changes nothing."""

from dataclasses import replace

import pytest
from deskcast.features.errors import InputError
from deskcast.pipelines.project.config import parse_config
from deskcast.pipelines.project.state_place import StatePlace
from deskcast.pipelines.state.database import change_state, read_state
from deskcast.pipelines.state.diagnosis import examine_state
from deskcast.pipelines.state.records import add_record, read_records

RAW = {"source": {"cases": {"path": "cases.csv"}}}


@pytest.fixture(params=["sqlite", "postgres"])
def north(request, tmp_path):
    """A desk in a file, and in a schema of its own on a real PostgreSQL server."""
    if request.param == "sqlite":
        return StatePlace(tmp_path / "results", desk="north")
    uri = request.getfixturevalue("postgres_uri")
    import psycopg

    name = f"owner_{abs(hash(tmp_path)) % 10**9}"
    with psycopg.connect(uri, autocommit=True) as connection:
        connection.execute(f"CREATE SCHEMA {name}")
    address = f"{uri}{'&' if '?' in uri else '?'}options=-csearch_path%3D{name}"
    return StatePlace(tmp_path / "results", address, desk="north")


def test_the_state_of_another_desk_is_refused_by_name_and_stays_as_it_was(north, tmp_path):
    with change_state(north) as state:
        add_record(state, "notes", by="ann", kind="", subject="", text="ours")
    south = replace(north, desk="south")
    (south.folder).mkdir(exist_ok=True)
    for use in (change_state, read_state):
        refused = pytest.raises(InputError, match="belongs to another desk; got 'south', expected 'north'")
        with refused as told, use(south):
            pytest.fail("was opened")
        assert 'set desk = "north"' in str(told.value)
    found = examine_state(south)
    assert (found[-1].condition, "another desk" in found[-1].said) == ("broken", True)
    assert examine_state(north)[-1].condition == "whole"
    with read_state(north) as state:
        assert read_records(state, "notes")["text"].tolist() == ["ours"]
    with change_state(replace(north, desk="")) as state:  # a results folder alone names no desk
        add_record(state, "notes", by="ann", kind="", subject="", text="more")
    with read_state(north) as state:
        assert len(read_records(state, "notes")) == 2


def test_the_name_is_that_of_the_configuration_else_of_the_folder_where_a_database_is_shared(tmp_path):
    address = {"database": "postgresql://desk"}
    names = [
        parse_config(RAW | {"state": state}, folder=tmp_path / "here").state_place.desk
        for state in ({}, address, address | {"desk": "north"}, {"desk": "north"})
    ]
    assert names == ["", "here", "north", "north"]


def test_a_state_without_a_name_is_taken_over_by_the_first_desk_that_writes(north):
    nobody = replace(north, desk="")
    with change_state(nobody) as state:
        add_record(state, "notes", by="ann", kind="", subject="", text="before names")
    with read_state(north) as state:  # reading claims nothing
        assert len(read_records(state, "notes")) == 1
    with read_state(replace(north, desk="south")):
        pass
    with change_state(north):
        pass
    with pytest.raises(InputError, match="another desk"), read_state(replace(north, desk="south")):
        pass
