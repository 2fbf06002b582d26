"""Names that were changed: every old one is taken, with a note, and none is taken for two things."""

import importlib
import inspect
import re
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from deskcast import __version__
from deskcast.features.errors import InputError
from deskcast.features.renamed import (
    OLD_NAMES_UNTIL,
    RenamedWarning,
    new_columns,
    new_keys,
    new_names,
    renamed,
    renamed_arguments,
    with_old_attributes,
)
from deskcast.forecasting import forecast, shift_patterns, shift_schedule
from deskcast.models import build_alerts, detect_shifts, explain_change, gaming_guard, update_alerts
from deskcast.models.shifts.ledger import LEDGER_COLUMNS

ROOT = Path(__file__).parents[2]
#: Names that users meet in tables, files and options; the others are files and Python names.
PYTHON = {"file", "function", "class", "constant"}
MACHINE = [row for row in renamed() if row.kind not in PYTHON]
TABLES = sorted({r.where for r in MACHINE if r.kind == "column"})
HOMES = {
    "acknowledge_alert": "models.shifts.ledger",
    "mute_alert": "models.shifts.ledger",
    "detect_shifts": "models.shifts.detect",
    "detect_watched_shifts": "models.shifts.detect",
    "gaming_guard": "models.shifts.gaming",
    "guard_watched": "models.shifts.gaming",
    "recall_at_workload": "models.evaluation.backtest",
    "risk_stage": "pipelines.stages.risk",
    "shift_schedule": "forecasting.scheduling.schedule",
}


@pytest.fixture(scope="module")
def listed():
    return [row._asdict() for row in renamed()]


def test_no_row_stands_twice(listed):
    assert len({tuple(row.values()) for row in listed}) == len(listed) > 1000


def test_the_new_files_and_python_names_are_there(listed):
    moved = [row for row in listed if row["kind"] == "file"]
    assert len(moved) > 250
    assert [row["new"] for row in moved if not (ROOT / row["new"]).is_file()] == []
    named = [row for row in listed if row["kind"] in ("function", "class", "constant")]
    assert len(named) > 600
    texts = {}
    for place in {row["where"] for row in named}:
        texts[place] = (ROOT / (place.removeprefix("deskcast.").replace(".", "/") + ".py")).read_text(encoding="utf-8")
    assert [r for r in named if not re.search(rf"\b{r['new']}\b", texts[r["where"]])] == []


def test_no_new_name_is_an_old_one_of_the_same_place():
    old = {(r.kind, r.where, r.old) for r in MACHINE}
    assert len(old) == len(MACHINE)
    assert not {(r.kind, r.where, r.new) for r in MACHINE} & old
    assert len({(r.kind, r.where, r.new) for r in MACHINE}) == len(MACHINE)


def test_old_names_end_with_their_release():
    def number(text):
        return tuple(int(part) for part in re.findall(r"\d+", text)[:2])

    assert number(__version__) < number(OLD_NAMES_UNTIL), "take the old names out: features/renamed.py"


@pytest.mark.parametrize("table", TABLES)
def test_old_columns_become_the_new_ones_and_nothing_else_changes(table):
    names = new_names("column", table)
    frame = pd.DataFrame({name: [i, i + 1] for i, name in enumerate([*names, "kpi"])})
    with pytest.warns(RenamedWarning, match=re.escape(f"table '{table}': '")):
        found = new_columns(frame, table)
    assert found.columns.tolist() == [*names.values(), "kpi"]
    assert (found.to_numpy() == frame.to_numpy()).all()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        pd.testing.assert_frame_equal(new_columns(found, table), found)
        new_columns(frame, table, note=False)
    old, new = next(iter(names.items()))
    with pytest.raises(InputError, match=f"'{old}' and '{new}' are the same"):
        new_columns(frame.assign(**{new: 0}), table)


@pytest.mark.parametrize("row", [r for r in MACHINE if r.kind == "value"], ids=lambda r: f"{r.where}-{r.old}")
def test_old_values_become_the_new_ones(row):
    table, column = row.where.split(".")
    given = float(row.old) if column == "better" else row.old
    frame = pd.DataFrame({column: pd.Series([given, None, given])})
    found = new_columns(frame, table, note=False)[column]
    assert found.dropna().tolist() == [row.new, row.new]
    assert found.isna().tolist() == [False, True, False]
    again = new_columns(found.to_frame(), table)[column]
    assert again.equals(found)


@pytest.mark.parametrize("section", sorted({r.where for r in MACHINE if r.kind == "key"}))
def test_old_keys_become_the_new_ones(section):
    names = new_names("key", section)
    with pytest.warns(RenamedWarning, match="here: .* is now .*works until"):
        found = new_keys({**dict.fromkeys(names, 1), "top": 2}, section, "here")
    assert found == {**dict.fromkeys(names.values(), 1), "top": 2}
    for old, new in names.items():
        with pytest.raises(InputError, match=f"'{old}' and '{new}' are the same"):
            new_keys({new: 1, old: 2}, section, "here")


@pytest.mark.parametrize("name", sorted({r.where for r in MACHINE if r.kind == "argument"}))
def test_functions_take_their_old_arguments(name):
    function = getattr(importlib.import_module(f"deskcast.{HOMES[name]}"), name)
    for old, new in new_names("argument", name).items():
        assert new in inspect.signature(function).parameters
        with pytest.raises(InputError, match=f"'{old}' and '{new}' are the same"):
            function(**{old: 1, new: 2})

    def same(**given):
        return given

    same.__name__ = name
    with pytest.warns(RenamedWarning, match=re.escape(f"{name}(): '{old}' is now '{new}'")):
        assert renamed_arguments(same)(**{old: 3}) == {new: 3}


def spiky(old=()):
    days = pd.date_range("2024-01-01", periods=120)
    value = [40.0 + (i * 7919 % 13) for i in range(120)]
    value[100] = 150.0
    return pd.DataFrame({"kpi": "cases_opened", "ds": days, "value": value})


@pytest.mark.parametrize("function", [detect_shifts, gaming_guard])
def test_the_old_rate_of_alarms_does_the_same(function):
    with pytest.warns(RenamedWarning, match="false_alerts_per_week"):
        found = function(spiky(), alarms_per_week=0.5)
    pd.testing.assert_frame_equal(found, function(spiky(), false_alerts_per_week=0.5))


def test_a_ledger_that_was_kept_under_old_names_goes_on():
    early = update_alerts(None, build_alerts(detect_shifts(spiky()[:101])), "2024-04-11")
    names = {new: old for old, new in new_names("column", "kpi_alerts").items()}
    kept = early.rename(columns=names)
    assert "incident_id" in kept
    current = build_alerts(detect_shifts(spiky()))
    with pytest.warns(RenamedWarning, match="alert_id"):
        late = update_alerts(kept, current, "2024-04-30")
    pd.testing.assert_frame_equal(late, update_alerts(early, current, "2024-04-30"))
    assert late.columns.tolist() == list(LEDGER_COLUMNS)
    with pytest.warns(RenamedWarning, match="impact"):
        again = build_alerts(detect_shifts(spiky()).rename(columns=names))
    pd.testing.assert_frame_equal(again, current)


def test_a_schedule_takes_the_old_columns_and_the_old_limit():
    hours = pd.date_range("2024-03-04 08:00", periods=8, freq="h")
    day = pd.DataFrame({"ds": hours, "required": [1.0, 2, 2, 3, 3, 2, 1, 1]})
    patterns = shift_patterns(lengths_s=[4 * 3600], first_start_s=28800, days_per_week=1, no_break_up_to_s=4 * 3600)
    wanted = shift_schedule(day, patterns, max_agents=4)
    for column, more in (("need", {}), ("people", {"column": "people"})):
        given = day.rename(columns={"required": column if column == "need" else "agents_to_schedule"})
        with pytest.warns(RenamedWarning):
            found = shift_schedule(given, patterns, max_people=4, **more)
        pd.testing.assert_frame_equal(found.coverage, wanted.coverage)
    assert wanted.table["scheduled_agents"].sum() > 0


def test_notes_of_frames_have_their_old_keys_too():
    days = pd.date_range("2024-01-01", periods=60, freq="D")
    y = 100.0 + np.arange(60) % 7
    ahead = forecast(pd.DataFrame({"unique_id": "all", "ds": days, "y": y}), horizon=3, freq="D")
    assert ahead.attrs["rejected"] == ahead.attrs["refused"] == []
    assert with_old_attributes({"change": 1.0, "summary": "a"}, "explain_change")["words"] == "a"
    assert callable(explain_change)


@pytest.mark.parametrize(
    ("room", "old", "new"),
    [
        ("models", "incident_frame", "build_alerts"),
        ("models", "update_incidents", "update_alerts"),
        ("forecasting", "forecast_young", "forecast_cold_start"),
    ],
)
def test_old_names_of_a_room_are_still_found(room, old, new):
    door = importlib.import_module(f"deskcast.{room}")
    with pytest.warns(RenamedWarning, match=f"'{old}' is now '{new}'"):
        assert getattr(door, old) is getattr(door, new)
    assert new in dir(door)
    assert old not in dir(door)


def test_digests_are_compared_under_new_names(tmp_path):
    frames = {
        "old": ("shifts", {"incident_id": ["a"], "kind": ["shift"], "n": [1.5]}),
        "new": ("detections", {"alert_id": ["a"], "kind": ["level_shift"], "n": [1.5]}),
        "off": ("detections", {"alert_id": ["a"], "kind": ["level_shift"], "n": [1.6]}),
    }
    script, names = ROOT / "benchmarks" / "digests.py", ROOT / "docs" / "renamed.csv"

    def call(*words):
        return subprocess.run([sys.executable, script, *map(str, words)], capture_output=True, text=True, check=False)

    for name, (table, columns) in frames.items():
        (tmp_path / name).mkdir()
        pd.DataFrame(columns).to_parquet(tmp_path / name / f"{table}.parquet")
        (tmp_path / name / "findings.json").write_text('{"stages": []}')
        call("take", tmp_path / f"{name}.json", tmp_path / name, "--renamed", names)
    assert call("compare", tmp_path / "old.json", tmp_path / "new.json").returncode == 0
    call("take", tmp_path / "plain.json", tmp_path / "old")  # without the table the value differs, the names do not
    plain = call("compare", tmp_path / "plain.json", tmp_path / "new.json", "--renamed", names)
    assert re.findall(r"table detections, (\w+):", plain.stdout) == ["kind"]
    differs = call("compare", tmp_path / "old.json", tmp_path / "off.json")
    assert (differs.returncode, re.findall(r"detections, (\w+):", differs.stdout)) == (1, ["n"])
