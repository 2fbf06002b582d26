"""JSON as systems export it: lists, envelopes, lines, and what is said of broken ones."""

import gzip
import json

import pytest
from deskcast.features import InputError
from deskcast.features.readers.json_files import read_json
from deskcast.features.readers.read import read_raw
from deskcast.features.recognise.collection import recognise
from deskcast.features.sources.load import load_source
from deskcast.features.sources.spec import SourceSpec
from hypothesis import given
from hypothesis import strategies as st

ROWS = [
    {"ticket": 7, "opened": "2024-03-01T09:00:00Z", "closed": None, "vip": True, "via": {"channel": "web"}},
    {"ticket": 8, "opened": "2024-03-02T09:00:00Z", "closed": "2024-04-04T09:00:00Z", "via": {"channel": "phone"}},
]
COLUMNS = {"case_id": "ticket", "created_at": "opened", "closed_at": "closed", "channel": "via.channel"}


def lines(rows):
    return "\n".join(json.dumps(r) for r in rows) + "\n"


FORMS = {
    "list": json.dumps(ROWS),
    "lines": lines(ROWS),
    "envelope": json.dumps({"tickets": ROWS, "count": 2}, indent=1),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("packed", [False, True])
def test_every_form_is_read_by_the_free_column_map(tmp_path, form, packed):
    data = FORMS[form].encode()
    (tmp_path / "export").write_bytes(gzip.compress(data) if packed else data)
    loaded = load_source(SourceSpec("cases", "export", columns=COLUMNS), tmp_path)
    assert loaded.tables["cases"][["case_id", "channel"]].to_numpy().tolist() == [["7", "web"], ["8", "phone"]]
    assert loaded.tables["events"]["kind"].tolist() == ["created", "created", "closed"]


def test_json_is_recognised_as_a_case_table(tmp_path):
    rows = [{**r, "ticket": i, "opened": f"2024-03-{i % 28 + 1:02d}T09:00:00Z"} for i, r in enumerate(ROWS * 30)]
    (tmp_path / "export.jsonl").write_text(lines(rows))
    seen = recognise(tmp_path / "export.jsonl")
    assert (seen.shape, seen.columns["created_at"], seen.columns["case_id"]) == ("case table", "opened", "ticket")


def test_pages_and_side_loads_are_told_apart(tmp_path):
    pages = [{"tickets": [{"id": 1}], "users": [{"id": 5, "role": "agent"}]}, {"tickets": [{"id": 2}], "users": []}]
    (tmp_path / "t.jsonl").write_text(lines(pages))
    raw = read_raw(tmp_path / "t.jsonl")
    assert raw.frame["id"].tolist() == ["1", "2"]
    assert set(raw.lists) == {"tickets", "users"}
    assert "also has users" in raw.notes[0]


def test_a_record_with_lists_is_no_envelope():
    found = read_json('{"id": 1, "events": [{"type": "Comment"}]}', "audit.json")
    assert found[""]["events"].tolist() == ['[{"type": "Comment"}]']


@given(
    st.lists(st.dictionaries(st.sampled_from("abc"), st.integers() | st.text() | st.booleans() | st.none()), min_size=1)
)
def test_lines_and_lists_read_alike(rows):
    if not any(rows):
        return
    whole, by_line = read_json(json.dumps(rows), "x"), read_json(lines(rows), "x")
    assert whole[""].equals(by_line[""])
    assert len(whole[""]) == len(rows)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"a": 1}\n{"a": \n', "line 2 is not JSON"),
        ('{"a": 1', "not valid JSON"),
        ("[1, 2]", "a record is not an object; got '1'"),
        ('{"tickets": [], "count": 0}', "no records"),
    ],
)
def test_what_is_wrong_with_a_file_is_named(tmp_path, text, message):
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(InputError, match=message):
        read_raw(tmp_path / "x.json")
