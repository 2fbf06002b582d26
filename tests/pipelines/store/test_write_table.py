"""Tables for ``--out``: whole or not at all, and a clear word where they cannot be written."""

import csv
import errno
import os
import re
import subprocess
import sys

import pandas as pd
import pytest
from deskcast.features.errors import InputError
from deskcast.pipelines.store.table_files import quote_formulas, write_table
from hypothesis import given, settings
from hypothesis import strategies as st


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


@pytest.mark.parametrize("name", ["out.csv", "risk [1].csv", "a*b?.parquet"])
def test_what_a_killed_process_left_of_a_table_is_swept(tmp_path, name):
    child = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True)
    (tmp_path / f".{name}.{int(child.stdout)}.part").write_text("half")
    living = tmp_path / f".{name}.{os.getppid()}.part"
    living.write_text("of another")
    write_table(pd.DataFrame({"a": [1, 2]}), tmp_path / name)
    assert sorted(p.name for p in tmp_path.iterdir()) == [living.name, name]


def test_places_for_out_that_cannot_be_written(tmp_path):
    frame = pd.DataFrame({"a": [1]})
    with pytest.raises(InputError, match="missing folder"):
        write_table(frame, tmp_path / "no" / "a.csv")
    (tmp_path / "a.csv").mkdir()
    with pytest.raises(InputError, match="not a file but a folder"):
        write_table(frame, tmp_path / "a.csv")
    with pytest.raises(InputError, match=r"expected \.parquet or \.csv"):
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


LIVE = ["=cmd|' /C calc'!A0", "+SUM(1)", "-2+3+cmd|' /C calc'!A0", "@SUM(1)", "\t=1", "\r=1", " =1", "\uff1d1"]
DEAD = ["C-1", "-5", "+351 912 345", "-", "a=b", "", "1e5", "'quoted"]


@settings(max_examples=25)
@given(
    texts=st.lists(st.sampled_from(LIVE + DEAD) | st.text(max_size=8), min_size=1, max_size=6),
    kind=st.sampled_from(["str", "object", "category", "string"]),
    head=st.sampled_from(["case_id", "=head"]),
)
def test_no_text_of_a_csv_begins_a_formula_and_every_text_can_be_had_back(tmp_path_factory, texts, kind, head):
    frame = pd.DataFrame({head: pd.Series([*texts, None], dtype=kind), "n": -1.5})
    path = tmp_path_factory.mktemp("out") / "out.csv"
    write_table(frame, path)
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    assert len(rows) == len(texts) + 2
    assert rows[0][0] in ("case_id", "'=head")
    for text, (cell, number) in zip(texts, rows[1:], strict=False):
        assert number == "-1.5"
        assert cell.removeprefix("'") == text.removeprefix("'").replace("\r\n", "\n").replace("\r", "\n")
        assert not re.match(r"\s*[=@]|[\t\r\n]|[+-][^\d]", cell)


def test_parquet_keeps_texts_as_they_are(tmp_path):
    frame = pd.DataFrame({"case_id": [*LIVE, *DEAD], "n": 1})
    write_table(frame, tmp_path / "out.parquet")
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "out.parquet"), frame)


def test_a_formula_is_quoted_and_nothing_else_changes():
    frame = pd.DataFrame(
        {
            "case_id": ["=1+1", "C-1", None],
            "at": pd.to_datetime(["2024-03-01", None, "2024-03-02"], utc=True),
            "ok": [True, False, True],
            "left_s": [-1.0, None, 2.0],
        }
    )
    quoted = quote_formulas(frame)
    assert quoted["case_id"].tolist()[:2] == ["'=1+1", "C-1"]
    assert quoted["case_id"].isna().tolist() == [False, False, True]
    pd.testing.assert_frame_equal(quoted.drop(columns="case_id"), frame.drop(columns="case_id"))
    pd.testing.assert_frame_equal(quote_formulas(frame[1:]), frame[1:])


def test_a_table_goes_to_no_address(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="s3 addresses are not supported"):
        write_table(pd.DataFrame({"a": [1]}), "s3://bucket/out.csv")
    assert not list(tmp_path.iterdir())
