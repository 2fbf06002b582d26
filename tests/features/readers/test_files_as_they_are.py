"""Files as they are: titles, footers, no header, odd line ends, archives, workbooks; and what is refused by name."""

import datetime as dt
import gzip
import io
import struct
import zipfile

import pandas as pd
import pytest
import xlsxwriter
from deskcast.features import InputError
from deskcast.features.readers.many_files import read_files, shorten_to_pattern
from deskcast.features.readers.read import read_raw
from hypothesis import given, settings
from hypothesis import strategies as st

BODY = "".join(f"{i},2024-03-{1 + i % 28:02d} 09:00,2024-03-{1 + i % 28:02d} 17:00\n" for i in range(60))
TABLE = "id,opened,closed\n" + BODY


def write(folder, data, name="export.csv"):
    (folder / name).write_bytes(data if isinstance(data, bytes) else data.encode())
    return folder / name


def zipped(*, flag=0, method=None):
    """Return a ZIP whose entry says that it is locked, or packed by a method of that number."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a.csv", TABLE)
    raw = bytearray(buffer.getvalue())
    central = raw.rfind(b"PK\x01\x02")
    raw[6] |= flag
    raw[central + 8] |= flag
    if method is not None:
        struct.pack_into("<H", raw, 8, method)
        struct.pack_into("<H", raw, central + 10, method)
    return bytes(raw)


@settings(max_examples=20)
@given(
    titles=st.lists(st.sampled_from(["Report", "Made by:,an analyst", "Period,2024-03-01", ""]), max_size=5),
    footers=st.lists(st.sampled_from(["All cases", "Copyright (c) 2024 A Desk", "Printed 1 April"]), max_size=3),
    padded=st.booleans(),
)
def test_lines_above_and_below_are_no_rows(tmp_path_factory, titles, footers, padded):
    pad = (lambda line: line + "," * (2 - line.count(","))) if padded else (lambda line: line)
    text = "".join(pad(t) + "\n" for t in titles) + TABLE + "".join(pad(t) + "\n" for t in footers)
    raw = read_raw(write(tmp_path_factory.mktemp("t"), text))
    assert list(raw.frame.columns) == ["id", "opened", "closed"]
    assert raw.frame["id"].tolist() == [str(i) for i in range(60)]
    said = " ".join(raw.notes)
    assert all(f[:30] in said for f in footers)


@pytest.mark.parametrize("padded", [False, True])
def test_a_single_word_below_rows_named_by_codes_is_a_footer_and_a_cut_code_is_none(tmp_path, padded):
    coded = "\n".join("INC" + line if line[:1].isdigit() else line for line in TABLE.splitlines()) + "\n"
    raw = read_raw(write(tmp_path, coded + "\nLiczba rekordów: 60\nPoufne" + ",," * padded + "\n"))
    assert len(raw.frame) == 60
    assert "Poufne" in " ".join(raw.notes)
    with pytest.raises(InputError, match="line 61 has"):
        read_raw(write(tmp_path, coded.replace("INC59,2024-03-04 09:00,2024-03-04 17:00\n", "INC59\n")))


@pytest.mark.parametrize("case", ["1007", "1,007"])
def test_a_line_that_is_cut_is_no_footer(tmp_path, case):
    with pytest.raises(InputError, match="line 61 has"):
        read_raw(write(tmp_path, TABLE.replace("59,2024-03-04 09:00,2024-03-04 17:00\n", f"{case}\n")))


def test_a_file_without_a_header_keeps_its_first_row(tmp_path):
    raw = read_raw(write(tmp_path, BODY))
    assert raw.frame.shape == (60, 3)
    assert raw.frame.iloc[0, 0] == "0"
    assert read_raw(write(tmp_path, BODY), header=True).frame.shape == (59, 3)
    assert read_raw(write(tmp_path, TABLE), header=False).frame.iloc[0, 0] == "id"


def test_numbers_in_a_header_are_a_header(tmp_path):
    hours = "date," + ",".join(str(h) for h in range(24)) + "\n"
    rows = "".join(f"2024-03-{d:02d}," + ",".join(str(d * h) for h in range(24)) + "\n" for d in range(1, 20))
    assert list(read_raw(write(tmp_path, hours + rows)).frame.columns)[:3] == ["date", "0", "1"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda t: t.replace("\n", "\r"), ""),
        (lambda t: t.replace("\n", "\r\n"), ""),
        (lambda t: t.replace("id,opened,closed\n", "id,opened,closed\n" * 2), "repeats the header"),
        (lambda t: t.replace(",", "||"), "divided by a bar"),
        (lambda t: t.replace(",", "\x1f"), "divided by"),
        (lambda t: t.replace("\n", ",\n"), "column 4 has no name"),
    ],
)
def test_odd_texts_are_read(tmp_path, change, said):
    raw = read_raw(write(tmp_path, change(TABLE)))
    assert raw.frame.shape == (60, 3)
    assert said in " ".join(raw.notes)


def test_a_cell_may_be_long(tmp_path):
    text = "id,opened,text\n1,2024-03-01," + "x" * 200_000 + "\n2,2024-03-02,b\n"
    assert read_raw(write(tmp_path, text)).frame["text"].str.len().tolist() == [200_000, 1]


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le"])
@pytest.mark.parametrize("end", [b"", b"\n"])
def test_wide_encodings_need_no_mark(tmp_path, encoding, end):
    raw = read_raw(write(tmp_path, TABLE.encode(encoding) + end))
    assert (raw.encoding, raw.frame.shape) == (encoding, (60, 3))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (zipped(flag=1), "needs a password"),
        (zipped(method=99), "packed by a method that cannot be read"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"id": 1}\n' + b"[" * 100_000, "nested too deeply"),
        (b"%PDF-1.4\n\x00", "a PDF"),
        (b"\xff\xd8\xff\xe0" + bytes(99), "a picture"),
        (bytes(range(256)) * 40, "tried utf-16-le"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "the spreadsheet cannot be read"),
        (b"SQLite format 3\x00" + bytes(200), "database file cannot be read"),
    ],
)
def test_what_cannot_be_read_is_said_in_one_line(tmp_path, data, words):
    with pytest.raises(InputError, match=words) as caught:
        read_raw(write(tmp_path, data))
    assert "\n" not in str(caught.value)


def test_cells_of_a_workbook_are_what_they_show(tmp_path):
    book = xlsxwriter.Workbook(str(tmp_path / "t.xlsx"))
    sheet = book.add_worksheet("One")
    form = {n: book.add_format({"num_format": f}) for n, f in (("d", "yyyy-mm-dd hh:mm"), ("t", "[h]:mm:ss"))}
    sheet.write_row(0, 0, ["Id", "Opened", "Took", "Share", "Late"])
    for row in (1, 2):
        sheet.write(row, 0, 41 + row)
        sheet.write_datetime(row, 1, dt.datetime(2024, 3, row, 9, 20), form["d"])
        sheet.write_number(row, 2, 1.5, form["t"])
        sheet.write(row, 3, 0.8)
        sheet.write(row, 4, row == 1)
    other = book.add_worksheet("Two")
    other.write_row(0, 0, ["a", "b"])
    other.write_row(1, 0, ["x", 1])
    book.close()
    raw = read_raw(tmp_path / "t.xlsx")
    assert raw.frame.iloc[0].tolist() == ["42", "2024-03-01 09:20:00", "36:00:00", "0.8", "true"]
    assert read_raw(tmp_path / "t.xlsx", sheet="Two").frame.to_dict("records") == [{"a": "x", "b": "1"}]
    with pytest.raises(InputError, match=r"unknown sheet.*did you mean 'Two'"):
        read_raw(tmp_path / "t.xlsx", sheet="Tow")


def test_files_of_one_form_are_one_table_and_others_are_named(tmp_path):
    for name in ("t_1.csv", "t_2.csv"):
        write(tmp_path, TABLE, name)
    write(tmp_path, "x,y\n1,2\n", "other.csv")
    files = sorted(tmp_path.glob("t_*.csv"))
    raw = read_files(files)
    assert raw.frame.attrs["files"] == (("t_1.csv", 60), ("t_2.csv", 60))
    assert shorten_to_pattern(files).endswith("t_*.csv")
    assert shorten_to_pattern([files[0], tmp_path / "other.csv"]) is None  # no pattern leaves t_2.csv out
    with pytest.raises(InputError, match=r"other\.csv: the files have no column in common"):
        read_files([files[0], tmp_path / "other.csv"])


def test_packed_files_and_types_stay(tmp_path):
    pd.DataFrame({"a": pd.array([1, None], "Int64")}).to_parquet(tmp_path / "t.parquet")
    assert str(read_raw(tmp_path / "t.parquet").frame["a"].dtype) == "Int64"
    assert read_raw(write(tmp_path, gzip.compress(TABLE.encode()))).frame.shape == (60, 3)
