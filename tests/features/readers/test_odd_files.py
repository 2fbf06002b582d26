"""Files that other programs leave: old line ends, very long values, locked archives, JSON without a floor."""

import io
import zipfile

import pytest
from deskcast.features import InputError
from deskcast.features.readers.json_files import parse_json_list
from deskcast.features.readers.read import read_raw
from hypothesis import given, settings
from hypothesis import strategies as st

ROWS = [["key", "town"], ["1", "Évora"], ["2", "Köln; am Rhein"], ["3", "Lyon"]]


def write(tmp_path_factory, text, name="odd.csv"):
    file = tmp_path_factory.mktemp("odd") / name
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return file


@settings(max_examples=25)
@given(
    ends=st.lists(st.sampled_from(["\n", "\r\n", "\r", "\r\r\n"]), min_size=4, max_size=4), mark=st.sampled_from(",\t|")
)
def test_lines_may_end_in_any_way_and_in_several(tmp_path_factory, ends, mark):
    text = "".join(mark.join(row) + end for row, end in zip(ROWS, ends, strict=True))
    raw = read_raw(write(tmp_path_factory, text))
    assert raw.frame.to_numpy().tolist() == ROWS[1:]
    lone = any(end in ("\r", "\r\r\n") for end in ends)
    assert any("carriage return" in note for note in raw.notes) == lone


def test_a_carriage_return_inside_a_value_is_named_by_its_line_unless_it_is_quoted(tmp_path_factory):
    with pytest.raises(InputError, match="line 3 has 1 values and the header has 2"):
        read_raw(write(tmp_path_factory, "key,town\n1,Évora\n2\r,Köln\n3,a\r,b\n".replace("2\r,", "2\r2,")))
    raw = read_raw(write(tmp_path_factory, 'key,town\n1,"two\rlines"\n2,Köln\n'))
    assert raw.frame["town"].tolist() == ["two\nlines", "Köln"]


@settings(max_examples=6)
@given(size=st.sampled_from([131_071, 131_073, 300_000, 2_000_000]), place=st.integers(0, 2))
def test_a_value_may_be_as_long_as_its_file(tmp_path_factory, size, place):
    rows = [["key", "text", "town"], ["1", "a", "b"], ["2", "c", "d"]]
    rows[1][place] = "x" * size
    raw = read_raw(write(tmp_path_factory, "\n".join(",".join(row) for row in rows)))
    assert raw.frame.to_numpy().tolist() == rows[1:]


def locked(flag=0, method=0):
    """A ZIP with the mark of a password, or a method of packing that nobody knows, set in both of its headers."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("inside.csv", "key,town\n1,Lyon\n")
    data = bytearray(buffer.getvalue())
    for mark, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        start = data.index(mark) + at
        data[start] |= flag
        data[start + 2] = method or data[start + 2]
    return bytes(data)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (locked(flag=1), "needs a password"),
        (locked(method=99), "method that cannot be read; got 'method 99'"),
        (locked(method=9), "method that cannot be read; got 'method 9'"),
        (locked(method=255), "method that cannot be read; got 'method 255'"),
    ],
)
def test_an_archive_that_cannot_be_unpacked_says_why(tmp_path_factory, data, said):
    with pytest.raises(InputError, match=said) as caught:
        read_raw(write(tmp_path_factory, data, "locked.zip"))
    assert "\n" not in str(caught.value)


DEEP = 100_000


@pytest.mark.parametrize(
    "text",
    [
        "[" * DEEP + "]" * DEEP,
        '{"a":' * DEEP + "1" + "}" * DEEP,
        '[{"id": 1, "x": ' + "[" * DEEP + "]" * DEEP + "}]",
        '{"id": 1}\n{"id": ' + "[" * DEEP + "]" * DEEP + "}\n",
        '[{"id": ' + '{"a":' * 5_000 + "1" + "}" * 5_000 + "}]",
    ],
    ids=["lists", "objects", "in a value", "in a line", "flattened"],
)
def test_json_without_a_floor_is_refused_in_one_line(tmp_path_factory, text):
    with pytest.raises(InputError, match="nested too deep") as caught:
        read_raw(write(tmp_path_factory, text, "deep.json"))
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 200


def test_a_value_of_deep_json_holds_no_list():
    assert parse_json_list("[" * DEEP + "]" * DEEP) == []
