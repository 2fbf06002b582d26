"""Jira Service Management: issues with their changes, comments and SLA cycles."""

from __future__ import annotations

import json

import pandas as pd
from deskcast.features import CaseLog, case_history
from deskcast.features.sources.load import load_source
from deskcast.features.sources.spec import SourceSpec
from export_stories import FIXTURES, load, refused, story


def test_jira_tells_the_story_of_an_issue():
    loaded = load("jira", "jira/issues.json")
    assert story(loaded, "HELP-1") == [
        "04 08:00 status state: - > Waiting for support",
        "04 08:00 field time_to_first_response: - > true",
        "04 08:00 field time_to_resolution: - > true",
        "04 08:10 priority priority: Medium > High",
        "04 08:10 assigned agent: - > a1",
        "04 08:30 field time_to_first_response: - > decided",
        "04 08:30 message agent public",
        "04 08:30 status state: Waiting for support > Waiting for customer",
        "04 08:30 paused",
        "04 09:30 message customer public",
        "04 09:30 status state: Waiting for customer > Waiting for support",
        "04 09:30 resumed",
        "04 09:45 message agent internal",
        "05 08:00 field time_to_resolution: - > false",
        "05 08:00 field time_to_resolution: - > decided",
        "05 11:00 status state: Waiting for support > Resolved",
        "05 11:00 resolved",
    ]
    assert refused(loaded) == [
        ("histories", 2, "the time cannot be read"),
        ("issues", 3, "the case has ended, but nothing says when"),
        ("items", 1, "duplicate event; the first is kept"),
        ("items", 2, "dated before its case was created"),
    ]
    assert any("clock ran backwards" in n for n in loaded.notes)
    assert any("'Odd'" in n and "count as open" in n for n in loaded.notes)
    assert any("1 changes of state do not start where" in n for n in loaded.notes)


def test_a_csv_of_jira_has_openings_and_resolutions():
    loaded = load("jira", "jira_csv/export.csv", timezone="Europe/Berlin")
    kinds = loaded.tables["events"].query("kind != 'status'")[["case_id", "kind"]].to_numpy().tolist()
    early = loaded.tables["events"].set_index("case_id").loc["HELP-3"]  # resolved before it was created
    assert early["kind"].tolist()[0] == "resolved"
    kinds = [k for k in kinds if k[0] != "HELP-3"]
    assert kinds == [["HELP-1", "created"], ["HELP-1", "resolved"], ["HELP-2", "created"]]
    assert loaded.tables["cases"]["created_at"].iloc[0] == pd.Timestamp("2024-03-04T08:00Z")
    assert refused(loaded) == []
    assert any("1 cases ended before they were created" in note for note in loaded.notes)
    history = case_history(CaseLog.from_frames(**loaded.tables)).set_index("case_id").loc["HELP-3"]
    assert pd.isna(history["resolution_s"])
    assert not history["is_open"]


def test_comments_and_slas_of_jira_in_files_of_their_own(tmp_path):
    issues = json.loads((FIXTURES / "jira" / "issues.json").read_text())["issues"][:1]
    issues[0]["fields"] = {k: v for k, v in issues[0]["fields"].items() if k != "comment" and "customfield" not in k}
    when = {"iso8601": "2024-03-04T09:30:00+0100", "epochMillis": 1709541000000}
    comments = [
        {"id": "1", "issueKey": "HELP-1", "created": when, "author": {"accountId": "a1"}, "public": True},
        {"id": "2", "issueKey": "HELP-1", "created": when, "author": {"accountId": "c1"}, "public": False},
        {"id": "3", "issueKey": "HELP-9", "created": when, "author": {"accountId": "c1"}, "public": False},
    ]
    ongoing = {
        "startTime": {"epochMillis": 1709539200000},
        "breachTime": {"epochMillis": 1709542800000},
        "breached": True,
    }
    slas = [{"issueKey": "HELP-1", "id": "1", "name": "Time to close", "completedCycles": [], "ongoingCycle": ongoing}]
    for name, rows in (("issues", issues), ("comments", comments), ("slas", slas)):
        (tmp_path / f"{name}.jsonl").write_text("\n".join(json.dumps(r) for r in rows))
    loaded = load_source(SourceSpec("cases", str(tmp_path), kind="jira"))
    told = story(loaded, "HELP-1")
    assert [s for s in told if "message" in s] == [
        "04 08:30 message agent public",
        "04 08:30 message customer internal",
    ]
    assert [s for s in told if "time_to_close" in s] == [
        "04 08:00 field time_to_close: - > true",
        "04 09:00 field time_to_close: - > false",
        "04 09:00 field time_to_close: - > decided",
    ]
    assert ("comments", 3, "its case is not in the export") in refused(loaded)
