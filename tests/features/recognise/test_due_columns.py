"""Due times in exports: recognised by name in six languages and by their values, written as a promise."""

import pandas as pd
import pytest
from deskcast.features.recognise.collection import recognise
from deskcast.features.recognise.due_columns import due_role
from deskcast.features.sources.load import load_source
from deskcast.features.sources.spec import SourceSpec
from deskcast.pipelines.init.init import write_config
from deskcast.pipelines.project.project import open_project


@pytest.mark.parametrize(
    ("name", "role"),
    [
        *[(n, "due_at") for n in ("DueDate", "Due date", "due_by", "Due by Time", "Resolution due", "SLA Due Date")],
        *[(n, "due_at") for n in ("target_dt", "sla_target_dt", "resolveby", "planned_end_time", "expected_datetime")],
        *[
            (n, "due_at")
            for n in ("Fällig am", "Lösungsfrist", "Échéance", "Date limite de résolution", "Fecha límite")
        ],
        *[(n, "due_at") for n in ("Prazo de solução", "Data prevista", "Scadenza", "Time to resolve + Progress")],
        *[(n, "first_response_due_at") for n in ("fr_due_by", "First response due by time", "responseDueDate")],
        *[(n, "first_response_due_at") for n in ("Frist Erstreaktion", "Échéance première réponse", "Time to own")],
        *[(n, "next_response_due_at") for n in ("nr_due_by", "Next reply due", "update_escalation_at")],
        *[(n, "") for n in ("Closed at", "Created", "Resolution time", "Duration", "Priority", "Updated", "Residue")],
    ],
)
def test_a_name_says_which_due_time_it_is(name, role):
    assert due_role(name) == role


def export(tmp_path, due, **more):
    n = 40
    opened = pd.date_range("2024-03-04 09:00", periods=n, freq="7h")
    rows = {
        "Ticket ID": range(100, 100 + n),
        "Created": opened,
        "Closed": opened + pd.Timedelta("5h"),
        "Due date": due(opened),
    }
    path = tmp_path / "tickets.csv"
    pd.DataFrame(rows | more).to_csv(path, index=False)
    return path


def test_init_maps_a_due_column_writes_the_promise_and_counts_the_late(tmp_path):
    path = export(tmp_path, lambda opened: opened + pd.to_timedelta([4 + i % 4 for i in range(len(opened))], unit="h"))
    assert recognise(path).columns["due_at"] == "Due date"
    written = write_config([path], tmp_path)
    text = (tmp_path / "deskcast.toml").read_text(encoding="utf-8")
    assert 'clock = "due"' in text, written
    assert "10 of 40 that ended came later (25.0%)" in text
    log = open_project(tmp_path / "deskcast.toml").log
    assert log.frame("sla_policies")[["metric", "clock"]].values.tolist() == [["resolution", "due"]]


def test_a_column_of_that_name_before_the_opening_is_no_due_time(tmp_path):
    found = recognise(export(tmp_path, lambda opened: opened - pd.Timedelta("30D")))
    assert "due_at" not in found.columns
    assert any("100% of its times lie before the opening" in note for note in found.notes)


def read(tmp_path, text, **more):
    (tmp_path / "t.csv").write_text(text, encoding="utf-8")
    columns = {"case_id": "id", "created_at": "opened", "closed_at": "closed", "due_at": "due"}
    return load_source(SourceSpec("cases", "t.csv", columns=columns, timezone="Europe/Lisbon", **more), tmp_path)


def test_days_end_marks_of_nothing_are_missing_and_what_cannot_be_read_is_counted(tmp_path):
    rows = ["1,2024-07-01 09:00,2024-07-02 09:00,2024-07-03", "2,2024-07-01 09:00,,1970-01-01 00:00:00"]
    rows += ["3,2024-07-01 09:00,,0000-00-00", "4,2024-07-01 09:00,,soon", "5,2024-07-01 09:00,,2024-07-05"]
    loaded = read(tmp_path, "id,opened,closed,due\n" + "\n".join(rows) + "\n")
    dues = loaded.tables["due_times"].set_index("case_id")["due_at"]
    assert dues["1"] == pd.Timestamp("2024-07-03T22:59:59.999999Z")
    assert dues[["2", "3", "4"]].isna().all() if {"2", "3", "4"} <= set(dues.index) else set(dues.index) == {"1", "5"}
    assert len(loaded.tables["cases"]) == 5
    [note] = [n for n in loaded.notes if "due" in n]
    assert "2 rows of 5 have one" in note
    assert "2 are days" in note
    assert "1 cannot be read" in note
    assert "'soon'" in note


def test_an_earlier_row_of_a_case_proves_since_when_it_was_due(tmp_path):
    text = "id,opened,closed,due,changed\n1,2024-07-01 09:00,,2024-07-03 09:00,2024-07-01 10:00\n"
    text += "1,2024-07-01 09:00,2024-07-04 09:00,2024-07-05 09:00,2024-07-04 09:00\n"
    (tmp_path / "t.csv").write_text(text, encoding="utf-8")
    columns = {"case_id": "id", "created_at": "opened", "closed_at": "closed", "due_at": "due", "updated_at": "changed"}
    dues = load_source(SourceSpec("cases", "t.csv", columns=columns), tmp_path).tables["due_times"]
    assert dues["due_at"].dt.day.tolist() == [3, 5]
    assert dues["set_at"].dt.day.tolist() == [1, 4]


def test_an_attribute_says_that_the_due_time_stands_from_the_opening_on(tmp_path):
    text = "id,opened,closed,due\n1,2024-07-01 09:00,2024-07-04 09:00,2024-07-03 09:00\n"
    dues = read(tmp_path, text, attributes={"due": "creation"}).tables["due_times"]
    assert dues["set_at"].tolist() == [pd.Timestamp("2024-07-01T08:00Z")]


def test_the_late_share_of_the_real_city_is_that_of_a_plain_count(shared_data):
    from deskcast.features.case_log.log import CaseLog
    from deskcast.features.sla.milestones import milestones

    path = shared_data("baltimore_311/service_requests.csv.gz")
    found = recognise(path)
    loaded = load_source(found.spec())
    rows = milestones(CaseLog.from_frames(**loaded.tables))
    done = rows[rows["stopped_at"].notna()]
    raw = pd.read_csv(path)
    closed, due = (pd.to_datetime(raw[c], format="%m/%d/%Y %I:%M:%S %p") for c in ("CloseDate", "DueDate"))
    both = closed.notna() & due.notna()
    assert (len(done), int(done["status"].eq("breached").sum())) == (int(both.sum()), int((closed > due)[both].sum()))
    assert done["status"].eq("breached").mean() == pytest.approx(0.164, abs=0.0005)
