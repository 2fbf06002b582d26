"""Codes of rejected rows: each kind of refusal has one that is known, whichever adapter or stage refuses."""

import ast
from pathlib import Path

import pandas as pd
import pytest
from deskcast.features.refusals import REFUSALS
from deskcast.features.sources.columns import REJECTED_COLUMNS, ImportReport
from deskcast.features.sources.load import load_source
from deskcast.features.sources.spec import SourceSpec
from deskcast.pipelines.commands.cli import app
from deskcast.pipelines.project.project import open_project
from deskcast.pipelines.stages.check import check_stage
from typer.testing import CliRunner

ROOT = Path(__file__).parents[3]
CASES = """key,opened,closed,kind
1,2024-03-01 09:00,2024-03-04 09:00,Incident
1,2024-03-01 10:00,2024-03-04 09:00,Incident
2,soon,2024-03-04 09:00,Incident
3,,2024-03-04 09:00,Incident
,2024-03-02 09:00,2024-03-04 09:00,Incident
4,0027-03-02 09:00,2024-03-04 09:00,Incident
5,2024-03-02 09:00,2024-03-04 09:00,Sub-task
"""
SOURCE = """timezone = "UTC"
[source.cases]
path = "cases.csv"
columns = { case_id = "key", created_at = "opened", closed_at = "closed", case_type = "kind" }
"""


def refusals_in_the_code():
    """Return (file, line, codes) of each call that refuses rows; a code that is computed gives the words in it."""
    for path in sorted([*(ROOT / "features").rglob("*.py"), *(ROOT / "pipelines").rglob("*.py")]):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "reject":
                value = next((k.value for k in node.keywords if k.arg == "code"), None)
                words = [n.value for n in ast.walk(value) if isinstance(n, ast.Constant)] if value is not None else []
                yield str(path.relative_to(ROOT)), node.lineno, words, isinstance(value, ast.Name)


def test_every_call_that_refuses_rows_names_a_known_code():
    calls = list(refusals_in_the_code())
    assert len(calls) > 50
    assert [
        (p, n) for p, n, words, computed in calls if not computed and not (words and set(words) <= {*REFUSALS})
    ] == []


@pytest.fixture
def project(tmp_path):
    (tmp_path / "cases.csv").write_text(CASES)
    (tmp_path / "deskcast.toml").write_text(SOURCE)
    return open_project(tmp_path / "deskcast.toml")


def test_each_rejected_row_carries_the_code_of_its_kind(project):
    assert list(project.rejected.columns) == ["source", *REJECTED_COLUMNS]
    assert project.rejected.set_index("row")["code"].to_dict() == {
        2: "row.doubled", 3: "time.unreadable", 4: "time.missing", 5: "value.missing", 6: "value.range", 7: "row.other",
    }  # fmt: skip


def test_check_groups_by_code_and_writes_it_into_the_file(project):
    stage = check_stage(project)
    said = stage.tables["checks"].set_index("check")["result"]
    assert said["Rejected rows by code"].startswith("row.doubled: 1 row; row.other: 1 row; time.missing: 1 row; ")
    assert said["Duplicates"].startswith("1 row;")
    folder = project.config.folder
    done = CliRunner().invoke(app, ["check", "--config", str(folder / "deskcast.toml")])
    assert done.exit_code == 0, done.output
    written = pd.read_csv(folder / "rejected_rows.csv")
    assert written.loc[written["code"] == "time.unreadable", "value"].tolist() == ["soon"]


def test_rows_that_a_newer_source_has_are_replaced_and_orphans_are_named(tmp_path):
    (tmp_path / "cases.csv").write_text("case_id,created_at\n1,2024-03-01\n2,2024-03-02\n")
    (tmp_path / "more.csv").write_text("case_id,created_at\n2,2024-03-02\n3,2024-03-03\n")
    rows = "survey_id,kind,case_id,offered_at,score\na,csat,9,2024-03-05,4\nb,csat,1,2024-03-05,7\n"
    (tmp_path / "surveys.csv").write_text(rows)
    text = '[source.cases]\npath = "cases.csv"\n[source.more]\npath = "more.csv"\ntable = "cases"\n'
    (tmp_path / "deskcast.toml").write_text(text + '[source.surveys]\npath = "surveys.csv"\n')
    found = open_project(tmp_path / "deskcast.toml").rejected
    assert found.groupby("table")["code"].apply(list).to_dict()["cases"] == ["row.replaced"]
    assert "row.orphan" in set(found["code"])


def test_no_rejected_row_is_an_empty_frame_with_all_columns():
    assert tuple(ImportReport("cases", "x.csv", 0).rejected().columns) == REJECTED_COLUMNS


def test_events_before_their_case_and_of_unknown_cases(tmp_path):
    (tmp_path / "ticket.csv").write_text(
        "id,created_at,status,requester_id,group_id\n7,2024-03-02T09:00:00Z,open,9,1\n"
    )
    lines = "7,status,2024-03-01T09:00:00Z,new,9\n8,status,2024-03-03T09:00:00Z,open,9\n"
    (tmp_path / "ticket_field_history.csv").write_text("ticket_id,field_name,updated,value,user_id\n" + lines)
    found = load_source(SourceSpec("cases", str(tmp_path), kind="zendesk")).rejected
    assert found.set_index("row")["code"].to_dict() == {1: "time.order", 2: "row.orphan"}
