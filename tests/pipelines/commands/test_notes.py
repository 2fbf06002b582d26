"""Notes and feedback: what people write down comes back in one list, and what they say of alerts is counted."""

import json

import pandas as pd
import pytest
from deskcast.pipelines.commands.cli import app
from deskcast.pipelines.commands.notes import list_records
from deskcast.pipelines.project.config import load_config
from deskcast.pipelines.stages.accuracy_people import alerts_accuracy
from deskcast.pipelines.state.alerts import write_alerts
from deskcast.pipelines.state.database import change_state, read_state
from deskcast.pipelines.state.records import add_record, read_records
from deskcast.pipelines.words.accuracy import accuracy_findings
from typer.testing import CliRunner

ALERT = {"alert_id": "a-1", "kpi": "csat", "series": "all", "state": "new", "started_at": "2024-03-01T00:00:00"}


@pytest.fixture
def desk(tmp_path, monkeypatch):
    """A desk with one case, on which one KPI alert is remembered."""
    (tmp_path / "cases.csv").write_text("case_id,created_at\nc1,2024-03-01 09:00\nc2,2024-03-02 10:00\n")
    (tmp_path / "deskcast.toml").write_text('timezone = "Europe/Berlin"\n[source.cases]\npath = "cases.csv"\n')
    monkeypatch.chdir(tmp_path)
    place = load_config(tmp_path / "deskcast.toml").state_place
    with change_state(place) as state:
        content = {"as_of": "2024-03-04T00:00:00", "alerts": [ALERT], "silences": [], "detections": {}}
        write_alerts(state, content)
    return place


def go(*words):
    done = CliRunner().invoke(app, list(words))
    return done.output if done.exit_code == 0 else str(done.exception)


def test_a_note_stands_on_a_kpi_a_case_an_alert_or_the_desk_and_on_nothing_that_is_unknown(desk):
    for name, kind in (("csat", "KPI"), ("c2", "case"), ("a-1", "KPI alert")):
        assert go("note", f"on {name}", "--on", name, "--by", "ann") == (
            f"Noted on the {kind} {name}; deskcast notes lists all notes.\n"
        )
    assert go("note", " new phone system ").startswith("Noted; ")
    assert "no KPI, case or KPI alert has this name; got 'cast'" in go("note", "x", "--on", "cast")
    assert "the note is empty" in go("note", "  ")
    with read_state(desk) as state:
        found = read_records(state, "notes")
    assert found["kind"].tolist() == ["KPI", "case", "KPI alert", ""]
    assert found["text"].tolist()[-1] == "new phone system"
    assert set(found["by"][:3]) == {"ann"}


def test_an_adjustment_is_listed_as_one_and_so_is_that_it_was_withdrawn(desk):
    go("adjust", "--event", "fair 2030-03-09 +30%", "--reason", "mailing", "--by", "ann")
    go("adjust", "--withdraw", "fair", "--reason", "cancelled", "--by", "bob")
    with change_state(desk) as state:
        add_record(state, "scenarios", by="eve", name="what if", body='{"reason": "a guess"}')
        for body in ('{"reason": "summer"}', ""):
            add_record(state, "saved", by="eve", kind="plan", name="July", body=body)
    with read_state(desk) as state:
        listed = list_records(state, None).sort_values("at", kind="stable")[["by", "kind", "subject", "text"]]
    assert sorted(listed.values.tolist()) == [
        ["ann", "adjustment", "fair", "mailing"], ["bob", "adjustment", "fair", "withdrawn: cancelled"],
        ["eve", "plan", "July", "deleted"], ["eve", "plan", "July", "summer"],
        ["eve", "scenario", "what if", "a guess"],
    ]  # fmt: skip


def test_the_list_holds_all_that_people_wrote_the_newest_first(desk, tmp_path):
    assert "Nothing is written down yet." in go("notes")
    go("note", "busy week")
    assert "is acknowledged" in go("watch", "--acknowledge", "a-1", "--note", "known")
    assert "is muted" in go("watch", "--silence", "a-1", "--until", "2024-04-01")
    assert "'was noise' is noted" in go("watch", "--feedback", "a-1", "--verdict", "was noise", "--note", "holiday")
    with change_state(desk) as state:
        add_record(state, "decisions", by="run", model="breach", decision="kept", reason="no better")
    assert go("notes", "--out", "notes.csv")
    table = pd.read_csv(tmp_path / "notes.csv")
    assert table[["kind", "text"]].values.tolist() == [
        ["decision", "kept: no better"],
        ["feedback", "was noise: holiday"],
        ["muted", "until 2024-04-01"],
        ["acknowledged", "known"],
        ["note", "busy week"],
    ]
    shown = json.loads(go("notes", "--on", "a-1", "--json"))
    assert shown["findings"] == ["3 entries."]
    assert "busy week" in go("notes")


def test_feedback_on_an_alert_is_refused_where_it_is_unknown(desk):
    assert "unknown KPI alert" in go("watch", "--feedback", "a-9")
    said = go("watch", "--feedback", "a-1", "--verdict", "maybe")
    assert "unknown verdict" in said
    assert "was real, was noise" in said
    assert "unknown verdict" in go("watch", "--feedback", "a-1")  # which of the two is not guessed
    assert json.loads(go("watch", "--feedback", "a-1", "--verdict", "was real", "--json"))["verdict"] == "was real"


def test_what_people_said_of_alerts_is_their_outcome_and_the_last_word_counts():
    at = pd.Timestamp("2024-03-04T00:00Z")
    issued = pd.DataFrame({"alert_id": list("abc"), "kpi": "csat", "series": "all", "direction": "down"})
    issued = issued.assign(as_of=at, state="new", news="opened")
    ledger = pd.DataFrame({"alert_id": list("abc"), "state": ["continuing", "cancelled", "continuing"]})
    ledger["acknowledged_by"] = ["ann", "", "ann"]
    said = pd.DataFrame({"subject": ["a", "b", "a"], "verdict": ["was real", "was real", "was noise"]})
    table = alerts_accuracy(issued, ledger, said)
    assert table["outcome"].tolist() == ["was noise", "was real", "acknowledged"]
    found = accuracy_findings({"accuracy_alerts": table}, "accuracy_figures", 1)
    assert "Of the KPI alerts, people called 1 real and 1 noise." in found
