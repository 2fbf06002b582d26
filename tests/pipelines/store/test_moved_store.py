"""A project that is moved or copied keeps its record beside it, and leaves the old place alone."""

import shutil
import sqlite3
from contextlib import closing

import pandas as pd
import pytest
from deskcast.features.errors import InputError
from deskcast.pipelines.stage import Stage
from deskcast.pipelines.store.moved_store import follow_moved_folder
from deskcast.pipelines.store.tracking import record_run

URI = "sqlite:///mlflow.db"


def record(folder, experiment="desk"):
    stage = Stage("risk", {"risk": pd.DataFrame({"case_id": ["1"]})}, (), {}, {"auc": 0.8})
    return record_run([stage], uri=URI, experiment=experiment, folder=folder)[1]


def tables_of(folder, run):
    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{str(folder / 'mlflow.db').replace('%', '%25')}")
    assert client.get_run(run).info.artifact_uri.startswith((folder / "mlruns").as_uri())
    return [item.path for item in client.list_artifacts(run, "tables")]


def files(folder):
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


@pytest.fixture(scope="module")
def origin(tmp_path_factory):
    """A folder with one recorded run, and that run; copy or move it."""
    folder = tmp_path_factory.mktemp("origin") / "old desk %41 ä"
    folder.mkdir()
    return folder, record(folder)


@pytest.fixture
def old(origin, tmp_path):
    """A fresh copy of it that was never anywhere else, as far as the database knows."""
    folder = tmp_path / origin[0].name
    shutil.copytree(origin[0], folder)
    assert follow_moved_folder(folder / "mlflow.db") > 0
    return folder, origin[1]


@pytest.mark.parametrize("name", ["new", "deeper/new desk ü", "mlruns/desk"])
def test_after_a_move_all_artifacts_lie_in_the_new_place(old, tmp_path, name):
    folder, first = old
    new = tmp_path / name
    new.parent.mkdir(parents=True, exist_ok=True)
    shutil.move(folder, new)
    second = record(new)
    assert not folder.exists()
    for run in (first, second):
        assert tables_of(new, run) == ["tables/risk.parquet"]


def test_a_copy_leaves_the_original_alone_and_works_without_it(old, tmp_path):
    folder, first = old
    before = files(folder)
    shutil.copytree(folder, tmp_path / "copy")
    second = record(tmp_path / "copy")
    assert files(folder) == before
    shutil.rmtree(folder)
    folder.write_text("a file where nobody can make a folder")
    third = record(tmp_path / "copy")
    for run in (first, second, third):
        assert tables_of(tmp_path / "copy", run) == ["tables/risk.parquet"]
    assert folder.is_file()


def test_a_second_experiment_of_a_moved_store_moves_too(old, tmp_path):
    folder, _ = old
    other = record(folder, "a/b: c")
    shutil.move(folder, tmp_path / "new")
    record(tmp_path / "new", "desk")
    assert tables_of(tmp_path / "new", other) == ["tables/risk.parquet"]


def test_a_place_that_was_chosen_stays_and_a_store_at_home_is_not_touched(old):
    folder, _ = old
    database = folder / "mlflow.db"
    assert follow_moved_folder(database) == 0
    chosen = ["s3://bucket/mlruns/desk", "/data/artifacts/desk", "file:///data/mlruns/another", "mlflow-artifacts:/1"]
    for place in chosen:
        with closing(sqlite3.connect(database)) as open_one, open_one:
            open_one.execute("UPDATE experiments SET artifact_location = ? WHERE name = 'desk'", (place,))
        follow_moved_folder(database)
        with closing(sqlite3.connect(database)) as open_one:
            found = open_one.execute("SELECT artifact_location FROM experiments WHERE name = 'desk'").fetchone()
        assert found == (place,)


def test_a_file_that_is_no_database_is_named(tmp_path):
    (tmp_path / "mlflow.db").write_text("not a database, whatever its name says" * 40)
    with pytest.raises(InputError, match="the tracking store cannot be opened"):
        follow_moved_folder(tmp_path / "mlflow.db")
    (tmp_path / "empty.db").write_bytes(b"")
    assert follow_moved_folder(tmp_path / "empty.db") == 0


def test_artifacts_that_cannot_be_written_are_named_in_one_line(old):
    folder, _ = old
    shutil.rmtree(folder / "mlruns")
    (folder / "mlruns").write_text("a file")
    with pytest.raises(InputError, match="the run cannot be recorded") as caught:
        record(folder)
    assert "\n" not in str(caught.value)
