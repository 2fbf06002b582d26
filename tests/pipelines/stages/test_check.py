"""The check says in plain words what was understood, refused and odd."""

import pandas as pd
import pytest
from deskcast.features import CaseLog
from deskcast.pipelines.init.guesses import Arrivals
from deskcast.pipelines.init.init import write_config
from deskcast.pipelines.project.project import open_project
from deskcast.pipelines.stages.check import (
    check_stage,
    find_bulk_closures,
    find_future_times,
    find_gaps,
    find_impossible_times,
    find_placeholder_customer,
)


def opened(tmp_path, text):
    (tmp_path / "cases.csv").write_text(text)
    (tmp_path / "deskcast.toml").write_text('[source.cases]\npath = "cases.csv"\n')
    return open_project(tmp_path / "deskcast.toml")


def test_the_stage_counts_and_shows_refused_rows(tmp_path):
    rows = "".join(f"{i},2024-03-{1 + i % 28:02d} 09:00,{'never' if i < 4 else ''}\n" for i in range(60))
    stage = check_stage(opened(tmp_path, "case_id,created_at,closed_at\n" + rows + "59,2024-03-01,2024-03-02\n"))
    assert stage.name == "check"
    assert set(stage.tables) == {"checks", "rejected_rows", "availability", "check_figures"}
    assert list(stage.tables["checks"].columns) == ["check", "result"]
    assert len(stage.tables["rejected_rows"]) == 5
    said = " ".join(stage.findings)
    assert "5 rows rejected, 4 of them because the time cannot be read (cases.csv)." in said
    whole = dict(stage.tables["checks"].itertuples(index=False))["Rejected rows"]
    assert "cases.csv: 4 rows, the time cannot be read, such as row 1 (closed_at: 'never')" in whole
    assert "56 rows of cases" in said
    assert stage.metrics["rows_cases"] == 56
    assert stage.metrics["rejected_rows"] == 5
    available = stage.tables["availability"].set_index("kpi")["available"]
    assert available["cases_opened"]
    assert not available["csat"]


def log_of(created, events=None, **columns):
    ids = [str(i) for i in range(len(created))]
    frames = {"cases": pd.DataFrame({"case_id": ids, "created_at": pd.to_datetime(created, utc=True), **columns})}
    if events is not None:
        frames["events"] = pd.DataFrame(events)
        frames["events"]["at"] = pd.to_datetime(frames["events"]["at"], utc=True)
    return CaseLog.from_frames(**frames)


def test_resolutions_before_the_first_reply_are_said():
    events = []
    for i in range(10):
        events.append(
            {"case_id": str(i), "at": "2024-03-01T12:00Z", "kind": "message", "actor_role": "agent", "public": True}
        )
        at = "2024-03-01T11:00Z" if i < 5 else "2024-03-01T13:00Z"
        events.append({"case_id": str(i), "at": at, "kind": "resolved", "actor_role": None, "public": None})
    said = find_impossible_times(log_of(["2024-03-01T10:00Z"] * 10, events))
    assert said == ["5 of 10 answered and resolved cases (50%) are resolved before their first response."]


def test_events_of_unknown_cases_and_before_creation_are_said():
    events = [
        {"case_id": "0", "at": "2024-02-01", "kind": "message"},
        {"case_id": "99", "at": "2024-03-05", "kind": "closed"},
    ]
    said = find_impossible_times(log_of(["2024-03-01", "2024-03-01"], events))
    assert said == [
        "1 of 2 cases (50%) have events before their creation.",
        "1 case with events has no row in the table of cases.",
    ]


def test_calls_that_end_before_they_are_answered_are_said():
    stamps = {"queued_at": "2024-03-01T10:00Z", "answered_at": "2024-03-01T10:05Z", "ended_at": "2024-03-01T10:04Z"}
    contacts = pd.DataFrame([{"contact_id": "a", **{k: pd.Timestamp(v) for k, v in stamps.items()}}])
    assert "1 of 1 contacts (100%)" in find_impossible_times(CaseLog.from_frames(contacts=contacts))[0]


def arrivals(days, per_day=20):
    local = pd.Series([d + pd.Timedelta(minutes=i) for d in days for i in range(per_day)])
    return Arrivals(local, pd.Series(1.0, index=local.index))


def test_gaps_are_open_weekdays_without_arrivals():
    days = pd.bdate_range("2024-01-01", "2024-03-29")
    assert find_gaps(arrivals(days)) == []  # weekends are no gaps
    lost = days[(days >= "2024-02-05") & (days <= "2024-02-13")]
    said = find_gaps(arrivals(days.difference(lost)))
    assert "7 days" in said[0]
    assert "Mon 5 Feb 2024 to Tue 13 Feb 2024" in said[0]
    one = find_gaps(arrivals(days.difference(days[10:11])))
    assert "Mon 15 Jan 2024" in one[0]
    assert find_gaps(arrivals(days[::2], per_day=1)) == []  # few arrivals leave days empty by chance


def test_a_clean_up_day_is_named():
    ends = [f"2024-03-{1 + i % 28:02d}T10:00Z" for i in range(280)] + ["2024-04-02T10:00Z"] * 200
    events = [{"case_id": str(i), "at": at, "kind": "closed"} for i, at in enumerate(ends)]
    said = find_bulk_closures(log_of(["2024-02-01"] * len(ends), events))
    assert "Bulk closures on 1 day: 200 on Tue 2 Apr 2024" in said[0]
    assert find_bulk_closures(log_of(["2024-02-01"] * 280, events[:280])) == []


def test_a_customer_that_stands_for_unknown_is_named():
    ids = ["0"] * 60 + [str(i) for i in range(1, 141)]
    assert "'0'" in find_placeholder_customer(log_of(["2024-03-01"] * 200, customer_id=ids))[0]
    assert find_placeholder_customer(log_of(["2024-03-01"] * 200, customer_id=[str(i) for i in range(200)])) == []


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("nyc_council_cases/council_cases.csv.gz", ["4,224 on Tue 16 Jul 2019", "105 rows rejected"]),
        (
            "anonymous_bank_calls_feb1999/calls_1999_02.csv.gz",
            ["278 of them because a phantom call"],
        ),
        ("bank_calls_5min/bank_calls.csv.gz", ["no arrivals on 6 days"]),
    ],
)
def test_known_oddities_of_real_exports_are_found(shared_data, tmp_path, name, words):
    said = " ".join(check_stage(open_project(write_config([shared_data(name)], tmp_path))).findings)
    for phrase in words:
        assert phrase in said


def test_resolutions_before_the_first_response_are_said(shared_data, tmp_path):
    file = shared_data("synthetic_support_tickets/customer_support_tickets.csv.gz")
    columns = {"case_id": "Ticket ID", "created_at": "Date of Purchase", "first_response_at": "First Response Time"}
    lines = [f'{ours} = "{theirs}"' for ours, theirs in (columns | {"resolved_at": "Time to Resolution"}).items()]
    head = f'[source.cases]\npath = "{file}"\n[source.cases.columns]\n'
    (tmp_path / "deskcast.toml").write_text(head + "\n".join(lines) + "\n")
    said = " ".join(check_stage(open_project(tmp_path / "deskcast.toml")).findings)
    assert "are resolved before their first response" in said


def test_an_export_of_some_days_only_is_said():
    days = pd.to_datetime(["2024-03-01 09:00", "2024-03-14 10:00", "2024-03-20 11:00"] * 40)
    arrivals = Arrivals(pd.Series(days), pd.Series(1.0, index=range(120)))
    assert "Only 3 of 20 days" in find_gaps(arrivals)[0]


def test_rows_that_are_written_twice_are_said(tmp_path):
    line = "7,2024-03-01 09:00,Open\n7,2024-03-01 11:00,Closed\n"
    (tmp_path / "log.csv").write_text("case_id,at,activity\n" + line + line)
    (tmp_path / "deskcast.toml").write_text('[source.events]\npath = "log.csv"\n')
    notes = open_project(tmp_path / "deskcast.toml").notes
    assert any("2 rows are the same as an earlier row in every column" in n for n in notes)


def test_a_time_to_come_is_said_and_a_mark_for_never_is_refused(tmp_path):
    rows = "1,2024-03-01 09:00,2150-01-01\n2,2024-03-01 10:00,9999-12-31\n3,0001-01-01,\n"
    project = opened(tmp_path, "case_id,created_at,closed_at\n" + rows)
    assert project.rejected[["row", "column"]].to_numpy().tolist() == [[2, "closed_at"], [3, "created_at"]]
    [late, early] = project.rejected["reason"]
    assert "the time is not in 1900 to 2199" in late
    assert "missing time" in early  # a mark for no time
    said = find_future_times(project.log, pd.Timestamp("2024-04-01T00:00Z"))
    assert said[0].startswith("The log ends in the future, on Thu 1 Jan 2150: 1 row of events.")
    assert find_future_times(project.log, pd.Timestamp("2150-01-01T00:00Z")) == []
