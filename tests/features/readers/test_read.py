"""A file as it stands: packings, encodings, delimiters, and what is no table."""

import bz2
import csv
import gzip
import io
import lzma
import zipfile

import pandas as pd
import pyarrow as pa
import pytest
from deskcast.features import InputError
from deskcast.features.readers.read import read_raw
from hypothesis import given, settings
from hypothesis import strategies as st

TEXT = "key,town\n1,Évora\n2,Köln\n"


def zipped(data):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("inside.csv", data)
    return buffer.getvalue()


PACKINGS = {
    "": bytes,
    "gzip": gzip.compress,
    "bz2": bz2.compress,
    "xz": lzma.compress,
    "zip": zipped,
    "zst": lambda d: pa.Codec("zstd").compress(d, asbytes=True),
}


@pytest.mark.parametrize("packing", PACKINGS)
def test_packings_are_recognised_by_their_bytes_not_their_names(tmp_path, packing):
    file = tmp_path / "export.csv"
    file.write_bytes(PACKINGS[packing](TEXT.encode()))
    raw = read_raw(file)
    assert raw.compression == packing
    assert raw.frame["town"].tolist() == ["Évora", "Köln"]


@pytest.mark.parametrize(
    ("written", "found"),
    [
        ("utf-8", "utf-8"),
        ("utf-8-sig", "utf-8-sig"),
        ("utf-16", "utf-16"),
        ("utf-16-le", "utf-16-le"),
        ("utf-16-be", "utf-16-be"),
        ("cp1252", "cp1252"),
    ],
)
def test_encodings_are_recognised_and_said(tmp_path, written, found):
    file = tmp_path / "export.csv"
    file.write_bytes(TEXT.encode(written))
    raw = read_raw(file)
    assert raw.encoding == found
    assert list(raw.frame.columns) == ["key", "town"]
    assert raw.frame["town"].tolist() == ["Évora", "Köln"]
    assert any(found in note for note in raw.notes) == (not found.startswith("utf-8"))


def test_bytes_that_cp1252_lacks_are_read_as_latin_1(tmp_path):
    file = tmp_path / "export.csv"
    file.write_bytes(b"key,town\n1,\x81\xe9\n")
    assert read_raw(file).encoding == "latin-1"


cells = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Zl", "Zp", "Zs")), min_size=1, max_size=8)


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(st.lists(cells, min_size=3, max_size=3), min_size=1, max_size=12),
    delimiter=st.sampled_from(",;\t|"),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
)
def test_what_is_written_is_read(tmp_path_factory, rows, delimiter, encoding):
    file = tmp_path_factory.mktemp("written") / "t.csv"
    with file.open("w", encoding=encoding, newline="") as stream:
        writer = csv.writer(stream, delimiter=delimiter, quoting=csv.QUOTE_ALL)
        writer.writerows([["one", "two", "three"], *rows])
    raw = read_raw(file)
    assert raw.delimiter == delimiter
    assert raw.frame.to_numpy().tolist() == rows


def test_quoted_values_may_hold_delimiters_and_line_breaks(tmp_path):
    file = tmp_path / "t.csv"
    file.write_text('id,what\n1,"a, b\nand c"\n2,""\n', encoding="utf-8")
    assert read_raw(file).frame["what"].tolist() == ["a, b\nand c", ""]


def test_a_single_column_is_a_table(tmp_path):
    file = tmp_path / "t.csv"
    file.write_text("at\n2024-03-01 09:00\n2024-03-01 09:01\n")
    assert read_raw(file).frame.shape == (2, 1)


def test_a_column_without_a_name_gets_one(tmp_path):
    file = tmp_path / "t.csv"
    file.write_text(",a\n0,x\n")
    raw = read_raw(file)
    assert list(raw.frame.columns) == ["column 1", "a"]
    assert any("column 1" in n for n in raw.notes)


def test_columns_of_one_name_are_numbered(tmp_path):
    file = tmp_path / "jira.csv"
    file.write_text("key,Labels,Labels,Labels 2\n1,a,b,c\n")
    raw = read_raw(file)
    assert raw.frame.to_dict("records") == [{"key": "1", "Labels": "a", "Labels 3": "b", "Labels 2": "c"}]
    assert any("several columns are called 'Labels'" in n for n in raw.notes)


def test_parquet_keeps_its_types(tmp_path):
    file = tmp_path / "t.parquet"
    frame = pd.DataFrame({"at": pd.to_datetime(["2024-03-01T09:00Z"]), "n": pd.array([None], "Int64"), "c": ["x"]})
    frame["c"] = frame["c"].astype("category")
    frame.to_parquet(file)
    raw = read_raw(file)
    assert str(raw.frame["at"].dtype).startswith("datetime64")
    assert str(raw.frame["n"].dtype) == "Int64"
    assert str(raw.frame["c"].dtype) == "str"


BAD = {
    "empty": (b"", "the file is empty"),
    "blank": (b"\n \n", "the file is empty"),
    "header only": (b"a,b\n", "has a header but no rows"),
    "binary": (bytes(range(256)) * 40, "binary file"),
    "picture": (b"\x89PNG\r\n\x1a\n" + b"abc" * 50, "binary file"),
    "ragged": (b"a,b\n1,2\n3,4,5\n", "line 3 has 3 values and the header has 2"),
    "short row": (b"a,b\n1,2\n\n3\n", "line 4 has 1 values"),
    "cut gzip": (gzip.compress(TEXT.encode() * 99)[:-9], "damaged or cut short"),
    "spreadsheet": (None, "spreadsheet"),
    "broken parquet": (b"PAR1nonsense", "Parquet file is damaged"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_is_no_table_is_refused_by_name(tmp_path, case):
    data, words = BAD[case]
    file = tmp_path / "export.csv"
    if data is None:
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            archive.writestr("xl/workbook.xml", "x")
        data = buffer.getvalue()
    file.write_bytes(data)
    with pytest.raises(InputError, match=words) as caught:
        read_raw(file)
    assert "export.csv" in str(caught.value)


def test_missing_file_and_folder(tmp_path):
    (tmp_path / "near.csv").write_text("a\n1\n")
    with pytest.raises(InputError, match=r"missing file.*near\.csv"):
        read_raw(tmp_path / "far.csv")
    with pytest.raises(InputError, match="this is a folder"):
        read_raw(tmp_path)


@pytest.mark.parametrize("columns", [2, 3, 5])
def test_the_comma_of_decimals_in_every_value_divides_nothing(tmp_path, columns):
    file = tmp_path / "serial.csv"
    rows = [";".join([str(i), *["45292,3"] * (columns - 1)]) for i in range(30)]
    file.write_text("\n".join([";".join(f"column {c}" for c in range(columns)), *rows]))
    raw = read_raw(file)
    assert (raw.delimiter, len(raw.frame.columns), len(raw.frame)) == (";", columns, 30)


def test_stated_encoding_and_delimiter_win_and_wrong_ones_are_named(tmp_path):
    file = tmp_path / "t.csv"
    file.write_bytes("a;b\n1;é\n".encode("latin-1"))
    assert read_raw(file, encoding="latin-1", delimiter=";").frame["b"].tolist() == ["é"]
    with pytest.raises(InputError, match="the text is not utf-8"):
        read_raw(file, encoding="utf-8")
    with pytest.raises(InputError, match="unknown encoding"):
        read_raw(file, encoding="klingon")
    with pytest.raises(InputError, match=r"single column.*semicolon"):
        read_raw(file, delimiter=",")
    with pytest.raises(InputError, match="one character"):
        read_raw(file, delimiter="::")


def test_a_file_without_a_header_is_pointed_out(tmp_path):
    file = tmp_path / "t.csv"
    file.write_text("2024-03-01 09:00,17\n2024-03-01 09:05,18\n")
    assert any("looks like data ('2024-03-01 09:00')" in n for n in read_raw(file).notes)


def test_the_index_that_pandas_leaves_in_parquet_is_no_column(tmp_path):
    pd.DataFrame({"a": ["x", "y"]}, index=[5, 7]).to_parquet(tmp_path / "t.parquet")
    assert list(read_raw(tmp_path / "t.parquet").frame.columns) == ["a"]
