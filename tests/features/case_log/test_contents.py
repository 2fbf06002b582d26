"""What one look at a table tells."""

import pandas as pd
from deskcast.features.case_log.contents import inspect_table
from deskcast.features.case_log.log import CaseLog
from hypothesis import given, settings
from hypothesis import strategies as st

HOURS = st.lists(st.none() | st.integers(0, 5000), min_size=1, max_size=6)


@settings(max_examples=10)
@given(answered=HOURS)
def test_rows_values_and_ends_are_those_of_the_frame(answered):
    begin = pd.Timestamp("2024-03-01T00:00Z")
    times = pd.Series(
        [pd.NaT if h is None else begin + pd.Timedelta(hours=h) for h in answered], dtype="datetime64[us, UTC]"
    )
    calls = pd.DataFrame(
        {"contact_id": [str(i) for i in range(len(answered))], "queued_at": begin, "answered_at": times}
    )
    found = inspect_table(CaseLog.from_frames(contacts=calls, until="2025-03-01T00:00Z"), "contacts")
    assert (found.rows, found.known["answered_at"]) == (len(answered), int(times.notna().sum()))
    assert found.first.get("answered_at", pd.NaT) is times.min() or found.first["answered_at"] == times.min()
    assert found.last.get("answered_at", pd.NaT) is times.max() or found.last["answered_at"] == times.max()


def test_an_empty_table_has_no_first_instant():
    cases = pd.DataFrame({"case_id": ["1"], "created_at": ["2024-03-01T09:00Z"]})
    events = pd.DataFrame({"case_id": ["1"], "at": ["2024-03-01T10:00Z"], "kind": ["closed"]}).iloc[:0]
    found = inspect_table(CaseLog.from_frames(cases=cases, events=events), "events")
    assert (found.rows, found.first, found.last) == (0, {}, {})
