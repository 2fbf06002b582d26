"""A source that tells nobody's role records no reply: no first response is promised, and none is late."""

import pytest
from deskcast.features.sla.milestones import milestones
from deskcast.pipelines.project.project import open_project
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

SLA = '[[sla]]\nmetric = "first_response"\ntarget = "4h"\n'
CASES = "1,2024-03-04 09:00,{}\n2,2024-03-04 22:00,{}\n"
EVENTS = "1,2024-03-04 09:00,{0}\n1,2024-03-04 10:00,{1}\n2,2024-03-04 22:00,{0}\n"


def statuses(folder, table, columns, rows):
    lines = "".join(f'{ours} = "{theirs}"\n' for ours, theirs in columns.items())
    (folder / "t.csv").write_text(",".join(columns.values()) + "\n" + rows)
    head = f'timezone = "UTC"\n[source.{table}]\npath = "t.csv"\nuntil = "2024-03-05"\n'
    (folder / "deskcast.toml").write_text(f"{head}[source.{table}.columns]\n{lines}{SLA}")
    return milestones(open_project(folder / "deskcast.toml").log)["status"].tolist()


@pytest.mark.parametrize(
    ("table", "columns", "rows", "expected"),
    [
        ("cases", {"closed_at": "c"}, CASES.format("", "2024-03-04 23:00"), []),
        ("cases", {"resolved_at": "r"}, CASES.format("2024-03-04 10:00", ""), []),
        ("cases", {"first_response_at": "f"}, CASES.format("", ""), ["breached", "running"]),
        ("cases", {"first_response_at": "f"}, CASES.format("", "2024-03-04 23:00"), ["breached", "met"]),
        ("events", {"kind": "k"}, EVENTS.format("created", "assigned"), []),
        ("events", {"activity": "k"}, EVENTS.format("New", "Assigned"), []),
        ("events", {"kind": "k", "actor_role": "w"}, EVENTS.format("created,", "assigned,"), ["breached", "running"]),
    ],
)
def test_only_a_source_of_replies_has_first_responses(tmp_path, table, columns, rows, expected):
    first = {"case_id": "id", "created_at": "o"} if table == "cases" else {"case_id": "id", "at": "t"}
    assert statuses(tmp_path, table, first | columns, rows) == expected


@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(replies=st.lists(st.integers(0, 12) | st.none(), min_size=1, max_size=5))
def test_each_case_is_late_by_its_own_reply_alone(tmp_path, replies):
    rows = "".join(
        f"{i},2024-03-04 09:00,{'' if hour is None else f'2024-03-04 {9 + hour:02d}:00'}\n"
        for i, hour in enumerate(replies)
    )
    columns = {"case_id": "id", "created_at": "o", "first_response_at": "f"}
    expected = ["met" if hour is not None and hour <= 4 else "breached" for hour in replies]
    assert statuses(tmp_path, "cases", columns, rows) == expected
