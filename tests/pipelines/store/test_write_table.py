"""Tables for ``--out``: whole or not at all, and a clear word where they cannot be written."""

import errno
import os
import subprocess
import sys

import pandas as pd
import pytest
from deskcast.features.errors import InputError
from deskcast.pipelines.store.results import write_table


def alone(path):
    return [p.name for p in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("ending", [".csv", ".parquet"])
def test_a_table_for_out_is_written_whole(tmp_path, ending):
    path = tmp_path / f"out{ending}"
    path.write_text("old")
    write_table(pd.DataFrame({"a": [1, 2]}), path)
    read = pd.read_csv if ending == ".csv" else pd.read_parquet
    assert read(path)["a"].tolist() == [1, 2]
    assert alone(path)


def test_what_a_killed_process_left_of_a_table_is_swept(tmp_path):
    child = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True)
    (tmp_path / f".out.csv.{int(child.stdout)}.part").write_text("half")
    living = tmp_path / f".out.csv.{os.getppid()}.part"
    living.write_text("of another")
    write_table(pd.DataFrame({"a": [1, 2]}), tmp_path / "out.csv")
    assert sorted(p.name for p in tmp_path.iterdir()) == [living.name, "out.csv"]


def test_places_for_out_that_cannot_be_written(tmp_path):
    frame = pd.DataFrame({"a": [1]})
    with pytest.raises(InputError, match="no such folder"):
        write_table(frame, tmp_path / "no" / "a.csv")
    (tmp_path / "a.csv").mkdir()
    with pytest.raises(InputError, match="this is a folder"):
        write_table(frame, tmp_path / "a.csv")
    with pytest.raises(InputError, match=r"wanted \.parquet or \.csv"):
        write_table(frame, tmp_path / "a")
    with pytest.raises(InputError, match="cannot be written"):
        write_table(frame, "/proc/a.csv")


def test_a_full_disk_leaves_the_old_table(tmp_path, monkeypatch):
    def full(*args, **kwargs):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    path = tmp_path / "out.csv"
    path.write_text("old")
    monkeypatch.setattr(pd.DataFrame, "to_csv", full)
    with pytest.raises(InputError, match="the disk is full"):
        write_table(pd.DataFrame({"a": [1]}), path)
    assert path.read_text() == "old"
    assert alone(path)
