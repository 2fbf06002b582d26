"""Incidents from run to run: told once, kept whole, answered by people; and what shifted named right."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from deskcast.features.errors import InputError
from deskcast.pipelines.commands.watch import apply_alert_actions
from deskcast.pipelines.project.config import load_config
from deskcast.pipelines.project.project import open_project, view_as_of
from deskcast.pipelines.project.state_place import StatePlace
from deskcast.pipelines.stages.watch import local_log_end, save_watch_stage, watch_stage, watched_history
from deskcast.pipelines.stages.watch_groups import group_into_alerts
from deskcast.pipelines.state import alerts as alert_rows
from deskcast.pipelines.store import incidents as incident_state
from deskcast.pipelines.store.incidents import (
    read_alert_state,
    save_acknowledgement,
    save_alerts,
    save_mute,
)
from deskcast.pipelines.words.contradictions import contradictions
from deskcast.pipelines.words.facts import facts_of

TOML = """[source.cases]
path = "cases.csv"
[history]
by = ["channel", "product"]
[watch]
kpis = ["cases_opened"]
[[goal]]
name = "few cases"
kpi = "cases_opened"
target = 5000
better = "lower"
"""
START, END = pd.Timestamp("2024-05-13"), pd.Timestamp("2024-06-01")


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    """Twelve weeks of two channels and two products; from 13 May on one product comes twice as often by phone."""
    folder = tmp_path_factory.mktemp("desk")
    dice = np.random.default_rng(5)
    rows = []
    for day in pd.date_range("2024-02-01", END, inclusive="left"):
        for channel in ("phone", "mail"):
            for product in ("router", "phone line"):
                struck = day >= START and channel == "phone" and product == "router"
                rows += [
                    (day + pd.Timedelta(minutes=600 + i), channel, product)
                    for i in range(dice.poisson(30 if struck else 12))
                ]
    frame = pd.DataFrame(rows, columns=["created_at", "channel", "product"])
    frame.insert(0, "case_id", [f"c{i}" for i in range(len(frame))])
    frame.to_csv(folder / "cases.csv", index=False)
    (folder / "deskcast.toml").write_text(TOML)
    return folder


@pytest.fixture(scope="module")
def project(desk):
    return open_project(desk / "deskcast.toml")


@pytest.fixture(scope="module")
def looks(project):
    """Return the project and its history as they stood after two weeks, and a week later."""
    found = {}
    for day in ("2024-05-25", "2024-05-31"):
        then = view_as_of(project, day)
        found[day] = (then, watched_history(then))
    return found


@pytest.fixture
def at(looks, tmp_path):
    """Return a function that watches and remembers on a day, in results of this test alone."""

    def look(day):
        then, history = looks[day]
        then = replace(then, config=replace(then.config, results=str(tmp_path / "results")))
        stage = watch_stage(then, history)
        return stage, save_watch_stage(then, stage)

    look.results = tmp_path / "results"
    return look


def file_of(look):
    return StatePlace(look.results).file.read_bytes()


def test_one_incident_that_names_both_columns(at):
    incidents = at("2024-05-25")[0].tables["kpi_alerts"]
    news = incidents[incidents["news"] == "opened"]
    assert len(news) == 1
    row = news.iloc[0]
    assert row["series"] == "channel phone, product router"
    assert row["drivers"] == ""  # there is no narrower part to name
    assert abs(row["changed_at"] - START) <= pd.Timedelta(days=3)
    assert row["impact"] > 50
    assert row["impact_unit"] == "cases"


def test_the_same_data_again_are_no_news_and_change_nothing(at):
    first, _ = at("2024-05-25")
    before, touched = file_of(at), StatePlace(at.results).file.stat().st_mtime_ns
    again, _ = at("2024-05-25")
    assert (file_of(at), StatePlace(at.results).file.stat().st_mtime_ns) == (before, touched)
    assert any(words.startswith("New: ") for words in first.findings)
    assert not any("New: " in words for words in again.findings)
    assert again.findings == tuple(words.removeprefix("New: ") for words in first.findings)
    for name, frame in first.tables.items():
        if name == "kpi_alerts":
            assert set(frame["state"]) >= {"new"}
            assert (again.tables[name]["news"] == "").all()
            frame = frame.assign(news="", state=frame["state"].replace("new", "continuing"))
        if name != "expected_ranges":
            both = [f.sort_values(list(f.columns[:2])).reset_index(drop=True) for f in (again.tables[name], frame)]
            pd.testing.assert_frame_equal(*both)


def test_the_sentences_state_what_the_tables_hold(at):
    stage, _ = at("2024-05-25")
    assert contradictions(stage) == []
    kinds = {fact.kind for fact in facts_of(stage.findings)}
    assert {"kpi_alert", "kpi_alert_expected", "kpi_alert_impact", "goal"} <= kinds
    row = stage.tables["kpi_alerts"].iloc[0]
    fact = next(fact for fact in facts_of(stage.findings) if fact.kind == "kpi_alert")
    assert (fact.value, fact.expected, fact.since) == (row["after"], row["before"], row["started_at"])
    wrong = replace(stage, tables={**stage.tables, "kpi_alerts": stage.tables["kpi_alerts"].assign(after=1.0)})
    assert len(contradictions(wrong)) > 0


def test_an_alert_has_the_name_and_figures_of_the_combination_that_moved(at):
    row = at("2024-05-25")[0].tables["kpi_alerts"].iloc[0]
    assert row["series"] == "channel phone, product router"
    assert row["before"] == pytest.approx(12, abs=2)
    assert row["after"] == pytest.approx(30, abs=4)


def test_a_later_run_keeps_ids_and_tells_only_what_is_new(at):
    first = at("2024-05-25")[0].tables["kpi_alerts"]
    later = at("2024-05-31")[0].tables["kpi_alerts"]
    name = first.loc[first["news"] == "opened", "alert_id"].iloc[0]
    row = later.set_index("alert_id").loc[name]
    assert row["news"] in ("", "updated")
    assert row["reported_at"] == pd.Timestamp("2024-05-25")
    assert row["state"] == "continuing"
    assert row["series"] == first.set_index("alert_id").loc[name, "series"]


def test_an_earlier_look_leaves_the_newer_state_alone(at):
    at("2024-05-31")
    before = file_of(at)
    stage, kept = at("2024-05-25")
    assert not kept
    assert file_of(at) == before
    assert (stage.tables["kpi_alerts"]["news"] == "opened").sum() == 1


def test_seen_and_silenced(at):
    name = at("2024-05-25")[0].tables["kpi_alerts"]["alert_id"].iloc[0]
    save_acknowledgement(at.results, name, "Ann", pd.Timestamp("2024-05-25 09:00"), "router fault")
    stage, _ = at("2024-05-25")
    row = stage.tables["kpi_alerts"].set_index("alert_id").loc[name]
    assert (row["news"], row["acknowledged_by"], row["note"]) == ("", "Ann", "router fault")
    assert "1 KPI alert acknowledged" in " ".join(stage.findings)
    assert save_mute(at.results, "cases_opened", pd.Timestamp("2024-07-01")) == "KPI"
    assert save_mute(at.results, "channel phone", pd.Timestamp("2024-07-01")) == "segment"
    assert save_mute(at.results, name, pd.Timestamp("2024-07-01")) == "incident"
    assert (at("2024-05-31")[0].tables["kpi_alerts"]["news"] == "").all()


def test_names_that_nothing_has_are_refused_with_a_suggestion(at):
    with pytest.raises(InputError, match="run 'deskcast watch' first"):
        save_acknowledgement(at.results, "x", "Ann", pd.Timestamp("2024-05-25"))
    name = at("2024-05-25")[0].tables["kpi_alerts"]["alert_id"].iloc[0]
    with pytest.raises(InputError, match=f"did you mean '{name}'"):
        save_acknowledgement(at.results, name[:-1] + "x", "Ann", pd.Timestamp("2024-05-25"))
    with pytest.raises(InputError, match=r"unknown name.*did you mean 'cases_opened'"):
        save_mute(at.results, "cases_openned", pd.Timestamp("2024-07-01"))
    with pytest.raises(InputError, match="over already"):
        save_mute(at.results, "cases_opened", pd.Timestamp("2024-05-01"))


def test_killed_before_it_is_remembered_tells_again(at, monkeypatch):
    monkeypatch.setattr(
        "deskcast.pipelines.stages.watch.save_alerts", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt)
    )
    with pytest.raises(KeyboardInterrupt):
        at("2024-05-25")
    assert read_alert_state(at.results).ledger is None
    monkeypatch.undo()
    assert (at("2024-05-25")[0].tables["kpi_alerts"]["news"] == "opened").sum() == 1


def test_a_killed_write_leaves_the_last_state_whole(at, monkeypatch):
    at("2024-05-25")
    before = file_of(at)

    def killed(*_args, **_more):
        raise KeyboardInterrupt

    monkeypatch.setattr(alert_rows, "_row", killed)  # the rows of the last state are deleted by then
    with pytest.raises(KeyboardInterrupt):
        at("2024-05-31")
    monkeypatch.undo()
    assert file_of(at) == before
    assert [p.name for p in StatePlace(at.results).folder.iterdir()] == ["state.db"]


def test_a_place_that_cannot_be_written_or_read_is_named(at):
    room = StatePlace(at.results).folder
    room.write_text("a file in the way")
    with pytest.raises(InputError, match="nothing can be saved here"):
        incident_state.check_alert_state(at.results)
    room.unlink()
    room.mkdir()
    for text in ("{", "[]", '{"format": "deskcast incidents 1"}'):
        (room / "alerts.json").write_text(text)
        with pytest.raises(InputError, match=r"begin anew"):
            read_alert_state(at.results)


def test_two_processes_at_once(at):
    stage, _ = at("2024-05-25")
    names = stage.tables["kpi_alerts"]["alert_id"].tolist()
    code = (
        "import sys, pandas as pd; from pathlib import Path;"
        "from deskcast.pipelines.store.incidents import save_mute;"
        "[save_mute(Path(sys.argv[1]), n, pd.Timestamp('2024-07-01')) for n in sys.argv[2:]]"
    )
    halves = [["cases_opened", names[0]], ["channel phone", "product router"]]
    jobs = [subprocess.Popen([sys.executable, "-c", code, str(at.results), *half]) for half in halves]
    assert [job.wait() for job in jobs] == [0, 0]
    state = read_alert_state(at.results)
    assert {s.what for s in state.mutes} == {"cases_opened", "channel phone", "product router"}
    assert state.ledger.set_index("alert_id").loc[names[0], "silenced_until"] == pd.Timestamp("2024-07-01")


def test_goals_are_judged(at):
    stage, _ = at("2024-05-25")
    goal = stage.tables["goals"].iloc[0]
    assert goal["name"] == "few cases"
    assert goal["better"] == "lower"
    assert goal["end"].normalize() == pd.Timestamp("2024-05-31")
    assert goal["low"] <= goal["forecast"] <= goal["high"]
    assert goal["probability"] > 0.99
    assert any(words.startswith("Cases opened goal for May (at most") for words in stage.findings)


def look(path):
    project = open_project(path)
    return watch_stage(project, watched_history(project), incident_state.AlertState())


def test_options_are_checked(desk):
    text = (desk / "deskcast.toml").read_text()
    for more, message in (
        ('by = ["chanel"]\n', "unknown column.*'chanel'"),
        ("min_efect = 0.2\n", "did you mean 'min_effect'"),
        ("false_alerts_per_week = 0\n", "out of range"),
        ("min_volume = -1\n", "out of range"),
    ):
        path = desk / "other.toml"
        path.write_text(text.replace('kpis = ["cases_opened"]\n', f'kpis = ["cases_opened"]\n{more}'))
        with pytest.raises(InputError, match=message):
            look(path)
    path.write_text(text.replace('"lower"', '"small"'))
    with pytest.raises(InputError, match="higher, lower"):
        load_config(path)


def deskcast(*words, cwd):
    return subprocess.run(
        [str(Path(sys.executable).with_name("deskcast")), *words],
        cwd=cwd,
        env=os.environ | {"COLUMNS": "160"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.slow
def test_the_command(desk):
    first = deskcast("watch", "--json", "--out", "incidents.csv", cwd=desk)
    assert first.returncode == 0, first.stderr
    body = json.loads(first.stdout)
    name = body["tables"]["kpi_alerts"][0]["alert_id"]
    assert pd.read_csv(desk / "incidents.csv")["alert_id"].iloc[0] == name
    seen = deskcast(
        "watch",
        "--acknowledge",
        name,
        "--note",
        "known",
        "--silence",
        "channel mail",
        "--until",
        "2024-09-01",
        cwd=desk,
    )
    assert seen.returncode == 0, seen.stderr
    assert "is acknowledged" in seen.stdout
    assert "segment channel mail" in seen.stdout
    refused = deskcast("watch", "--acknowledge", "nobody", cwd=desk)
    assert (refused.returncode, refused.stderr.count("\n")) == (2, 1)
    assert "unknown KPI alert" in refused.stderr
    for words, message in (
        ((None, "x", None, None), "--acknowledge"),
        ((None, "", name, None), "--until"),
        ((None, "", None, "2024-09-01"), "--silence"),
        ((None, "", name, "someday"), "not a valid date"),
    ):
        with pytest.raises(InputError, match=message):
            apply_alert_actions(desk / "deskcast.toml", *words, False)


def test_remember_needs_no_ledger(tmp_path, project):
    empty = look(project.config.folder / "deskcast.toml")
    nothing = empty.tables["kpi_alerts"].head(0)
    assert save_alerts(tmp_path / "results", nothing, empty.tables["detections"].head(0), local_log_end(project))
    assert len(read_alert_state(tmp_path / "results").ledger) == 0


def test_alarms_of_any_time_are_joined_over_the_kpis_of_one_segment():
    day = pd.Timestamp("2023-03-01")
    rows = [
        ("cases_opened", "channel web", "up", "level_shift", 0),
        ("sla_attainment", "channel web", "down", "level_shift", 6),  # what came in led to it
        ("sla_attainment", "channel chat", "down", "level_shift", 6),  # of another channel
        ("handle_time", "all", "up", "spike", 6),  # of everything, on the day on which chat moved
    ]
    alarms = pd.DataFrame(rows, columns=["kpi", "series", "direction", "kind", "late"])
    at = day + pd.to_timedelta(alarms["late"], unit="D")
    alarms = alarms.assign(started_at=at, changed_at=at, detected_at=at + pd.Timedelta(days=2), z=5.0)
    groups, _ = group_into_alerts(alarms, {}, {}, ["channel"])
    assert (groups[0] == groups[1], groups[2] == groups[3], groups.nunique()) == (True, True, 2)
