"""Each command answers within one screen of 24 lines and 80 columns, whatever it has to show."""

import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest
from deskcast.pipelines.commands.screen import (
    SCREEN_LINES,
    SCREEN_WIDTH,
    choose_columns,
    count_rows,
    lay_out,
    lay_out_within,
)
from deskcast.pipelines.commands.terminal import output_stage
from deskcast.pipelines.stage import Stage
from deskcast.pipelines.store.results import read_results
from deskcast.pipelines.words.facts import Fact, Finding
from deskcast.pipelines.words.instants import Instants
from deskcast.pipelines.words.tables import FormattedTable
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

AT = pd.Timestamp("2026-03-01T23:00Z")
ANSWER = {"zone": "Europe/Berlin", "instants": Instants(AT, AT, datetime(2026, 11, 30, tzinfo=UTC))}
#: Stage -> the tables that its command shows.
TABLES = {
    "check": ("checks", "rejected_rows", "availability"),
    "history": ("history",),
    "forecast": ("forecast", "totals", "leaderboard", "forecast_by_lead"),
    "staff": ("staffing", "casework", "schedule"),
    "train": ("evaluation",),
    "risk": ("risk", "breached_cases", "outcome_evaluation"),
    "watch": ("kpi_alerts", "goals"),
}


@pytest.fixture(scope="module")
def stages(demo_home):
    return {stage.name: stage for stage in read_results(demo_home / "desk" / "results").stages}


def fits(text):
    lines = text.splitlines()
    return len(lines) <= SCREEN_LINES and max(map(cell_len, lines)) <= SCREEN_WIDTH


@pytest.mark.parametrize("name", TABLES)
def test_the_answer_of_each_command_is_one_screen(stages, name, capsys):
    for first in TABLES[name]:
        output_stage(stages[name], TABLES[name][0], None, False, *TABLES[name][1:], **ANSWER, first=first, reserve=1)
        said = capsys.readouterr().out
        assert len(said.splitlines()) < SCREEN_LINES
        assert fits(said), said
        assert said.startswith("Data until Mon 2 Mar 2026 00:00 (Europe/Berlin), 273 days old.\n- ")
        assert "more: --all or --out" in said or "..." not in said


def test_all_prints_every_finding_and_every_row(stages, capsys):
    output_stage(stages["risk"], "risk", None, False, "breached_cases", **ANSWER, show_all=True)
    said = capsys.readouterr().out
    for case in [*stages["risk"].tables["risk"]["case_id"], *stages["risk"].tables["breached_cases"]["case_id"]]:
        assert case in said
    assert " ".join(said.split()).count(" ".join(str(stages["risk"].findings[-1]).split())) == 1


def test_the_demo_ends_with_one_screen(demo_home):
    said = [line for line in (demo_home / "said.txt").read_text().splitlines() if "/" not in line]
    assert len(said) <= SCREEN_LINES
    assert max(map(cell_len, said)) <= SCREEN_WIDTH


def test_findings_leave_room_for_the_table_and_what_is_hidden_is_counted(capsys):
    findings = tuple(Finding(f"Finding {n} " + "has many words " * 8) for n in range(9))
    table = pd.DataFrame({"case_id": [f"C{n}" for n in range(50)], "probability": 0.5})
    output_stage(Stage("risk", {"risk": table}, findings), "risk", None, False, **ANSWER)
    said = capsys.readouterr().out
    assert fits(said)
    assert "C5" in said
    assert said.splitlines()[-1] == "... 3 findings, 44 rows more: --all or --out"


@settings(max_examples=15)
@given(st.lists(st.integers(1, 60), min_size=1, max_size=9), st.integers(1, 40))
def test_cells_are_cut_only_where_a_row_would_be_lost_otherwise(words, lines):
    rows = [[f"q{i}", " ".join(f"w{i}x{j}" for j in range(n))] for i, n in enumerate(words)]
    table = FormattedTable("checks", [("Question", False), ("Answer", False)], rows, len(rows))
    short, chosen, whole = (
        lay_out(table, ""),
        lay_out_within(table, "", SCREEN_WIDTH, lines),
        lay_out(table, "", cell_lines=None),
    )
    assert count_rows(chosen, lines) == count_rows(short, lines) == min(lines, len(rows))
    assert "…" not in str(whole.rows)
    if count_rows(whole, lines) == len(rows):
        assert chosen == whole


def test_all_cuts_no_cell(capsys):
    answer = " ".join(f"reason{n}" for n in range(90))
    checks = pd.DataFrame({"check": ["Rejected rows"], "result": [answer]})
    output_stage(Stage("check", {"checks": checks}), "checks", None, False, **ANSWER, show_all=True)
    said = capsys.readouterr().out
    assert "…" not in said
    assert all(word in said for word in answer.split())


def test_what_the_table_says_is_no_finding_and_analysts_wait(capsys):
    single = Finding("Case C1: breach risk 50%.", Fact("breach_risk", "C1", 0.5))
    findings = (Finding("2 open cases."), single, Finding("The logistic regression is used.", audience="analyst"))
    cases = pd.DataFrame({"case_id": ["C1", "C2"], "probability": 0.5})
    output_stage(Stage("risk", {"risk": cases}, findings), "risk", None, False, **ANSWER)
    said = capsys.readouterr().out
    assert "2 open cases." in said
    assert "Case C1: " not in said
    assert "logistic" not in said
    assert said.splitlines()[-1] == "... 1 finding more: --all or --out"
    output_stage(Stage("risk", {"risk": cases.tail(1)}, findings), "risk", None, False, **ANSWER)
    assert "Case C1: " in capsys.readouterr().out
    models = pd.DataFrame({"model": ["logistic"], "auc": 0.8})
    output_stage(Stage("train", {"evaluation": models}, findings[2:]), "evaluation", None, False, **ANSWER)
    assert "logistic regression is used" in capsys.readouterr().out


def test_the_most_useful_columns_come_first_and_empty_ones_last():
    frame = pd.DataFrame({"team": ["a"], "owner": [None], "case_id": ["1"], "left_s": [1.0], "probability": [0.5]})
    assert choose_columns("risk", frame) == ["case_id", "probability", "team", "owner"]


@settings(max_examples=25)
@given(st.lists(st.tuples(st.text("abc _-é日", max_size=60), st.booleans()), min_size=1, max_size=9), st.data())
def test_any_table_is_laid_out_within_the_width(columns, data):
    texts = st.lists(st.text("ab c日", max_size=90), min_size=len(columns), max_size=len(columns))
    rows = data.draw(st.lists(texts, max_size=4))
    block = lay_out(FormattedTable("risk", columns, rows, len(rows)), "Title")
    lines = [*block.header, *[line for row in block.rows for line in row]]
    assert max(map(cell_len, lines)) <= SCREEN_WIDTH
    assert count_rows(block, 99) == len(rows)
    assert 0 <= block.hidden_columns < len(columns)


@pytest.mark.slow
@pytest.mark.parametrize("command", ["check", "history", "forecast", "staff", "train", "risk", "watch"])
def test_each_command_of_the_demo_prints_one_screen(demo_home, command, tmp_path):
    """What a person sees who types it, the last line too."""
    config = demo_home / "desk" / "deskcast.toml"
    done = subprocess.run(
        [Path(sys.executable).parent / "deskcast", command, "--config", config, "--as-of", "2026-02-20 08:00"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "COLUMNS": str(SCREEN_WIDTH)},
    )
    assert done.returncode == 0, done.stderr
    assert fits(done.stdout), done.stdout


@pytest.mark.parametrize("column", ["team", "channel", "site"])  # known by name, or one's own
def test_a_history_by_segment_shows_the_segments_of_the_latest_period_and_names_them(column, capsys):
    days = pd.date_range("2024-03-04", periods=40, freq="D")
    total = pd.DataFrame({"kpi": "first_response_time", "ds": days, "value": 60.0, "n": 9, "median": 60.0, "p90": 70.0})
    parts = pd.concat([total.assign(**{column: name}) for name in ("North desk", "South desk")])
    history = pd.concat([total, parts], ignore_index=True).assign(numerator=9, lo=50.0, hi=70.0)
    output_stage(Stage("history", {"history": history}), "history", None, False, **ANSWER)
    rows = [line for line in capsys.readouterr().out.splitlines() if line.startswith("First response")]
    assert ["North desk" in row or "South desk" in row for row in rows[:6]] == [False, True, True] * 2
