"""What stands at the top of the check: decisions, three cases in words, sums, losses; and flags beside targets."""

import datetime as dt

import pandas as pd
import pytest
from deskcast.features import CaseLog, InputError
from deskcast.pipelines.commands import terminal
from deskcast.pipelines.project.config import parse_config
from deskcast.pipelines.project.project import open_project
from deskcast.pipelines.stages.check import check_stage
from deskcast.pipelines.stages.flags_against_targets import compare_flags
from deskcast.pipelines.stages.understood import describe_examples

COLUMNS = '[source.cases.columns]\ncase_id = "Nr"\ncreated_at = "Opened"\nclosed_at = "Closed"\npriority = "Prio"\n'


def project(folder, more="", bad=0):
    rows = ["Nr,Opened,Closed,Prio"]
    for i in range(40):
        opened = dt.datetime(2024, 3, 1, 9) + dt.timedelta(days=i)
        closed = opened + dt.timedelta(hours=5) if i % 4 else ""
        rows.append(f"{100 + i},{'soon' if i < bad else opened},{closed},{'high' if i % 2 else 'low'}")
    (folder / "t.csv").write_text("\n".join(rows) + "\n")
    (folder / "deskcast.toml").write_text(f'[source.cases]\npath = "t.csv"\n{more}{COLUMNS}')
    return open_project(folder / "deskcast.toml")


def answers(stage):
    return dict(stage.tables["checks"].itertuples(index=False))


def test_the_check_begins_with_what_was_decided(tmp_path):
    stage = check_stage(project(tmp_path))
    table = stage.tables["checks"]
    assert table["check"].tolist()[:4] == [
        "Reading of the files", "Example cases", "Sums to compare with the system",
        "Rows excluded",
    ]  # fmt: skip
    said = answers(stage)
    assert "one row is a case, numbered by 'Nr', opened at 'Opened', closed at 'Closed'" in said["Reading of the files"]
    told = said["Example cases"]
    assert told.count("Case ") == 3
    assert "Case 100: opened Fri 1 Mar 2024 09:00, open, priority low." in told
    assert "Case 139: opened Tue 9 Apr 2024 09:00, closed Tue 9 Apr 2024 14:00, priority high." in told
    sums = said["Sums to compare with the system"]
    assert sums == "40 cases opened from Fri 1 Mar 2024 to Tue 9 Apr 2024; 30 of them with an end."
    assert said["Rows excluded"].startswith("Nothing")


@pytest.mark.parametrize(("bad", "much"), [(1, False), (5, True)])
def test_refusals_of_more_than_a_twentieth_head_the_check(tmp_path, bad, much):
    stage = check_stage(project(tmp_path, bad=bad))
    said = answers(stage)["Rows excluded"]
    assert (f"{bad} rows" in said) == much
    assert any("are rejected: the time cannot be read" in f for f in stage.findings) == much


def test_a_span_that_leaves_out_much_heads_the_check(tmp_path):
    said = answers(check_stage(project(tmp_path, 'until = "2024-03-21"\n')))["Rows excluded"]
    assert "The configured period (until 2024-03-21) excludes 20 cases (50%)." in said


def test_an_end_of_the_log_that_leaves_out_many_events_heads_the_check(tmp_path):
    rows = [f"{k},2024-03-{k:02d} 09:00,2024-04-{k:02d} 09:00,low" for k in range(1, 21)]
    (tmp_path / "t.csv").write_text("\n".join(["Nr,Opened,Closed,Prio", *rows]) + "\n")
    (tmp_path / "deskcast.toml").write_text(f'[source.cases]\npath = "t.csv"\nuntil = "2024-03-21"\n{COLUMNS}')
    said = answers(check_stage(open_project(tmp_path / "deskcast.toml")))["Rows excluded"]
    assert said == "The log is read as it was on 2024-03-21: 20 events (50%) from then on are excluded."


def test_the_one_case_there_is_is_told_once():
    cases = pd.DataFrame({"case_id": ["7"], "created_at": ["2024-03-01T09:00Z"]})
    assert describe_examples(CaseLog.from_frames(cases=cases)) == "Case 7: opened Fri 1 Mar 2024 09:00, open."


def test_an_attribute_of_no_known_time_is_refused_with_a_suggestion(tmp_path):
    raw = {"source": {"cases": {"path": "t.csv", "attributes": {"account": "creaton"}}}}
    with pytest.raises(InputError, match=r"key 'account'.*got 'creaton'.*did you mean 'creation'"):
        parse_config(raw, folder=tmp_path)


def log_with_flags(*, flag_counts_pauses):
    """Return 40 cases that took four hours, of which three were a pause; the target is two hours."""
    created = pd.Timestamp("2024-03-01T09:00Z")
    rows = []
    for i in range(40):
        at = [created + pd.Timedelta(hours=h) for h in (0, 0.5, 3.5, 4)]
        pause = i % 2 == 0
        kinds = ["field", *(["paused", "resumed"] if pause else []), "closed"]
        times = [at[0], *(at[1:3] if pause else []), at[3]]
        kept = pause and not flag_counts_pauses
        for when, kind in zip(times, kinds, strict=True):
            rows.append((str(i), when, kind, "made_sla" if kind == "field" else None, None))
        rows[-len(kinds)] = (str(i), at[0], "field", "made_sla", "true")
        if not kept:
            rows.append((str(i), at[3], "field", "made_sla", "false"))
    events = pd.DataFrame(rows, columns=["case_id", "at", "kind", "field", "new"]).sort_values(["case_id", "at"])
    cases = pd.DataFrame({"case_id": [str(i) for i in range(40)], "created_at": created})
    policy = {"policy": ["all"], "metric": ["resolution"], "target_s": [7200.0], "clock": ["calendar"]}
    return CaseLog.from_frames(cases=cases, events=events, sla_policies=pd.DataFrame(policy))


def test_a_flag_beside_the_targets_with_and_without_pauses():
    said = compare_flags(log_with_flags(flag_counts_pauses=True))[0]
    assert "agree in 20 of 40 finished cases (50%). If pauses counted as work, 40 would agree (100%)" in said
    assert "pause_on = ['never']" in said
    said = compare_flags(log_with_flags(flag_counts_pauses=False))[0]
    assert "agree in 40 of 40 finished cases (100%). If pauses counted as work, 20 would agree (50%)" in said
    assert "keep pause_on" in said


def test_a_question_takes_only_a_number_that_is_offered(monkeypatch, capsys):
    import io

    monkeypatch.setattr("sys.stdin", io.StringIO("x\n9\n2\n"))
    assert terminal.ask_choice("Which?", ["the one", "the other"]) == 1
    assert capsys.readouterr().out.count("Which (1 to 2)?") == 3
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    with pytest.raises(InputError, match="was not answered"):
        terminal.ask_choice("Which?", ["the one"])
    assert not terminal.can_ask()
