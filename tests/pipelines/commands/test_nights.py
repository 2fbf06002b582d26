"""A night: how it ends, what is required of it, exports that cannot be right, and who is told."""

import json
from pathlib import Path

import pandas as pd
import pytest
import typer
from deskcast.features.errors import BusyError, InputError
from deskcast.pipelines.commands import demo, nights
from deskcast.pipelines.commands.alarms import alarms
from deskcast.pipelines.commands.exit_codes import end_run
from deskcast.pipelines.commands.nights import run_night
from deskcast.pipelines.commands.run import STAGES
from deskcast.pipelines.project.config import load_config
from deskcast.pipelines.stage import Stage
from deskcast.pipelines.stages import volume_challenger
from deskcast.pipelines.stages.stage_run import StageRun
from deskcast.pipelines.state import database
from deskcast.pipelines.store.export_memory import compare_exports, forget_last_export
from hypothesis import given, settings
from hypothesis import strategies as st


@pytest.fixture
def desk(tmp_path, monkeypatch):
    """Return a function that runs a night over cases.csv, whose stages are made up, and gives its outcome."""
    ends = {}
    nothing = {name: Stage(name, skipped="nothing to do") for name in STAGES if name not in ("check", "history")}
    usual = {name: Stage(name, findings=(f"{name} is done.",)) for name in STAGES} | nothing
    monkeypatch.setattr(StageRun, "compute", lambda self, name: ends.get(name) or usual[name])
    monkeypatch.setattr("deskcast.pipelines.pages.report.write_report", lambda _, path, **__: path.write_text("page"))
    (tmp_path / "cases.csv").write_text(cases(40))

    def go(text="", *, rows=None, night=None, **more):
        if rows is not None:
            (tmp_path / "cases.csv").write_text(rows)
        head = 'timezone = "Europe/Lisbon"\n[source.cases]\npath = "cases.csv"\n'
        (tmp_path / "deskcast.toml").write_text(head + text)
        ends.clear()
        ends.update(more.pop("ends", {}))
        return run_night(tmp_path / "deskcast.toml", night=night, record_runs=False, **more)

    go.folder = tmp_path
    return go


def cases(count, columns=("channel",), start="2024-03-01"):
    times = pd.date_range(start, periods=count, freq="h")
    lines = [",".join(["case_id", "created_at", *columns])]
    lines += [",".join([str(k), f"{t:%Y-%m-%d %H:%M}", *["web"] * len(columns)]) for k, t in enumerate(times)]
    return "\n".join(lines) + "\n"


def code_of(outcome):
    try:
        end_run(outcome)
    except typer.Exit as ended:
        return ended.exit_code
    return 0


def test_the_version_on_trial_forecasts_before_the_state_is_held(desk, monkeypatch):
    held = []

    def forecast_trial(project):
        held.append(database._WRITING.get())

    monkeypatch.setattr(volume_challenger, "forecast_trial", forecast_trial)
    desk()
    assert held == []  # no forecast, no trial
    actual = pd.DataFrame({"unique_id": ["all"], "ds": [pd.Timestamp("2024-03-02")], "deskcast": [1.0]})
    desk(ends={"forecast": Stage("forecast", {"forecast": actual}, ("About 1 case.",))})
    assert held == [None]


def test_what_is_required_and_not_there_fails_the_night_by_name(desk):
    outcome = desk(
        '[run]\nrequired = ["history", "cases", "contacts"]\n', ends={"history": Stage("history", skipped="no KPI")}
    )
    assert [name for name, _ in outcome.failures] == ["history", "contacts"]
    assert code_of(outcome) == 4
    assert code_of(desk('[run]\nrequired = ["history", "cases"]\n')) == 0
    with pytest.raises(InputError, match="neither a stage nor a table"):
        desk('[run]\nrequired = ["histori"]\n')


@pytest.mark.parametrize(
    ("rows", "fault"),
    [(cases(25), "cases has 25 rows, the last export had 40"), (cases(41, ()), "cases has lost channel"),
     (cases(60, start="2199-01-01"), "end in the future"), (cases(45, start="2024-02-01"), "earlier than"),
     (cases(36), "earlier than"), (cases(41), "")],
)  # fmt: skip
def test_an_export_that_cannot_be_right_is_named_once_and_its_results_stand(desk, rows, fault):
    assert code_of(desk()) == 0
    outcome = desk(rows=rows)
    assert code_of(outcome) == (4 if fault else 0)
    assert fault in "; ".join(reason for name, reason in outcome.failures if name == "export")
    assert (outcome.results / "findings.json").exists()
    if "future" not in fault:
        assert code_of(desk()) == 0  # that export is the last one now


def test_a_desk_that_is_made_anew_in_its_folder_is_not_held_against_the_last_one(desk):
    outcome = desk()
    place = load_config(desk.folder / "deskcast.toml").state_place
    forget_last_export(place)
    forget_last_export(place)  # nothing is left to forget
    assert code_of(desk(rows=cases(20))) == 0
    assert outcome.export.faults == ()


def test_an_export_that_repeats_the_last_one_is_noted_and_no_failure(desk, capsys):
    assert desk().notes == ()
    outcome = desk()
    assert outcome.notes == ("the export is the same as the last one",)
    assert code_of(outcome) == 0
    assert "note: the export is the same" in capsys.readouterr().err


@settings(max_examples=25)
@given(before=st.integers(0, 500), now=st.integers(0, 500), shrink=st.floats(0, 1))
def test_only_a_loss_beyond_the_share_and_ten_rows_is_a_fault(before, now, shrink):
    def export(rows):
        held = {"cases": {"rows": rows, "columns": ["case_id"]}}
        return {"tables": held, "fingerprint": str(rows), "until": "2024-03-01T00:00Z"}

    faults = compare_exports(export(before), export(now), shrink=shrink).faults
    assert bool(faults) == (before - now >= 10 and before - now > shrink * before)


def test_the_log_has_one_line_of_json_a_stage_and_the_summary_how_it_ended(desk, capsys):
    outcome = desk(log="json", summary=desk.folder / "night.json", as_json=True)
    said = capsys.readouterr()
    lines = [json.loads(line) for line in said.err.splitlines()]
    assert [line["stage"] for line in lines] == [*STAGES, "report"]
    assert all(line["peak_memory_mb"] > 0 and {"time", "rows", "seconds", "state"} <= set(line) for line in lines)
    body = json.loads((desk.folder / "night.json").read_text())
    assert (body["exit_code"], body["failures"], len(body["stages"])) == (0, [], len(STAGES))
    assert json.loads(said.out)["report"] == str(outcome.report)
    (desk.folder / "cases.csv").unlink()
    with pytest.raises(InputError, match="missing file"):
        desk(summary=desk.folder / "night.json")
    refused = json.loads((desk.folder / "night.json").read_text())
    assert (refused["exit_code"], refused["refusal"]["code"]) == (2, "file.missing")


@pytest.mark.parametrize(("wait", "ends_well"), [("1h", True), ("", False)])
def test_a_run_waits_for_another_one_as_long_as_it_is_told(desk, monkeypatch, wait, ends_well):
    tries, real = [], demo.run_and_print
    monkeypatch.setattr(nights.time, "sleep", tries.append)

    def busy_first(*args, **more):
        if not tries:
            raise BusyError("another run is writing here")
        return real(*args, **more)

    monkeypatch.setattr(demo, "run_and_print", busy_first)
    if not ends_well:
        with pytest.raises(BusyError):
            desk(wait=wait)
        return
    assert code_of(desk(wait=wait)) == 0
    assert len(tries) == 1


ALARM = '[[alarm]]\non = "{on}"\nfile = "told.jsonl"\n'


def told(desk):
    path = desk.folder / "told.jsonl"
    return [json.loads(line)["subject"] for line in path.read_text().splitlines()] if path.exists() else []


def test_people_are_told_of_a_failure_once_and_of_a_run_that_could_not_begin(desk):
    text = '[run]\nrequired = ["contacts"]\n' + ALARM.format(on="failed")
    for _ in range(2):
        assert code_of(desk(text)) == 4
    assert told(desk) == ["Run failed: contacts"]
    (desk.folder / "cases.csv").unlink()
    with pytest.raises(InputError):
        desk(text)
    assert told(desk) == ["Run failed: contacts", "Run failed: run"]


def test_stale_data_and_a_digest_are_told(desk):
    outcome = desk('[run]\nfresh = "2d"\n' + ALARM.format(on="stale") + ALARM.format(on="digest"))
    assert code_of(outcome) == 4
    assert sorted(told(desk)) == ["Service desk on 2024-03-02", "The data are stale"]


def test_an_alarm_that_does_not_arrive_ends_with_5_and_is_listed(desk, capsys):
    text = '[[alarm]]\non = "digest"\ncommand = "false"\n'
    outcome = desk(text)
    assert code_of(outcome) == 5
    assert "alarm not delivered: command false" in capsys.readouterr().err
    alarms(desk.folder / "deskcast.toml")
    assert "1 waiting, 0 sent." in capsys.readouterr().out
    with pytest.raises(typer.Exit) as ended:
        alarms(desk.folder / "deskcast.toml", send=True)
    assert ended.value.exit_code == 5
    place = desk.folder / "deskcast.toml"
    place.write_text(place.read_text().replace('"false"', '"true"'))
    alarms(place, test=True)
    assert "sent: command true" in capsys.readouterr().out


def test_a_look_back_tells_nobody(desk):
    desk(ALARM.format(on="digest"), as_of="2024-03-02 00:00")
    assert told(desk) == []


def test_without_a_section_nothing_is_sent_and_no_file_is_there(desk):
    outcome = desk()
    assert outcome.deliveries == ()
    assert sorted(p.name for p in Path(desk.folder).iterdir()) == [
        "cases.csv",
        "deskcast.toml",
        "results",
        "results-state",
    ]
