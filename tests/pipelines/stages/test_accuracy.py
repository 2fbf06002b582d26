"""The track record: only what was issued counts, what is not ripe is undecided, and a table by hand says the same."""

import shutil

import numpy as np
import pandas as pd
import pytest
from deskcast.models.evaluation.issued import calibrate_issued, count_by_list, join_outcomes, score_issued_risks
from deskcast.pipelines.commands.cli import app
from deskcast.pipelines.project.project import open_project, view_as_of
from deskcast.pipelines.stages.accuracy import accuracy_stage
from deskcast.pipelines.stages.accuracy_people import actions_accuracy, alerts_accuracy
from deskcast.pipelines.stages.accuracy_volumes import judge_forecasts, score_issued_forecasts
from deskcast.pipelines.state.database import change_state, read_state
from deskcast.pipelines.state.issue import Issue, issue_rows
from deskcast.pipelines.state.issued import read_issued
from deskcast.pipelines.state.records import read_records
from deskcast.pipelines.words.contradictions import contradictions, undeclared_numbers
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

CONFIG = """
timezone = "Europe/Berlin"
[source.cases]
path = "cases.csv"
[source.events]
path = "events.csv"
[source.contacts]
path = "contacts.csv"
[[sla]]
metric = "resolution"
target = "48h"
[history]
kpis = ["cases_opened"]
[forecast]
horizon = 5
windows = 3
models = ["seasonal_naive", "same_slot"]
[staffing.phone]
where = { channel = "phone" }
service_level = 0.8
within = "20s"
horizon_days = 2
max_occupancy = 1.0
[risk]
train_days = 10
[watch]
kpis = ["cases_opened"]
[[goal]]
name = "few cases"
kpi = "cases_opened"
target = 84
better = "lower"
period = "W"
"""
FIRST, LAST = pd.Timestamp("2024-02-12"), pd.Timestamp("2024-02-21")
NIGHT = pd.Timestamp("2024-03-04T00:00Z")


def write_desk(folder, days=60, a_day=12):
    """Write a desk whose cases take 2 to 100 hours, and a telephone on which most calls are answered in time."""
    dice = np.random.default_rng(3)
    start = pd.Timestamp("2024-01-01T06:00Z")
    end, n = start + pd.Timedelta(days=days), days * a_day
    opened = start + pd.to_timedelta(np.sort(dice.uniform(0, days * 24, n)).round(3), unit="h")
    case = [f"c{i:04}" for i in range(n)]
    done = opened + pd.to_timedelta(dice.choice([4.0, 20.0, 70.0], n) * dice.uniform(0.5, 1.4, n), unit="h")
    cases = pd.DataFrame({"case_id": case, "created_at": opened, "priority": dice.choice(["1", "2"], n)})
    events = pd.DataFrame({"case_id": case, "at": done, "kind": "resolved"})
    queued = start + pd.to_timedelta(np.sort(dice.uniform(0, days * 24, 40 * days)).round(3), unit="h")
    wait = pd.to_timedelta(dice.choice([2, 9, 60], len(queued), p=[0.6, 0.2, 0.2]), unit="s")
    contacts = pd.DataFrame({"contact_id": [f"k{i}" for i in range(len(queued))], "channel": "phone"})
    contacts = contacts.assign(queued_at=queued, answered_at=queued + wait, outcome="answered")
    contacts["ended_at"] = contacts["answered_at"] + pd.Timedelta("5min")
    cases.to_csv(folder / "cases.csv", index=False)
    events[events["at"] <= end].to_csv(folder / "events.csv", index=False)
    contacts.to_csv(folder / "contacts.csv", index=False)
    (folder / "deskcast.toml").write_text(CONFIG)
    return folder


def read_csv(path, *times):
    frame = pd.read_csv(path)
    for name in times:
        frame[name] = pd.to_datetime(frame[name], format="ISO8601", utc=True)
    return frame


@pytest.mark.slow
def test_over_ten_played_nights_the_tables_equal_those_made_by_hand_from_the_log(tmp_path, monkeypatch):
    monkeypatch.chdir(write_desk(tmp_path))
    monkeypatch.setattr("deskcast.pipelines.pages.report.write_report", lambda _, path, **__: path.write_text("page"))
    nights = pd.date_range(FIRST, LAST, tz="Europe/Berlin")
    told = {}
    for night in nights:
        done = CliRunner().invoke(app, ["run", "--night", f"{night:%Y-%m-%d %H:%M}", "--no-record"])
        assert done.exit_code == 0, done.output + str(done.exception)
        told[night] = {p.stem: pd.read_parquet(p) for p in (tmp_path / "results").glob("*.parquet")}
    end = pd.Timestamp("2024-02-26", tz="Europe/Berlin")
    project = view_as_of(open_project(tmp_path / "deskcast.toml"), "2024-02-26 00:00")
    stage = accuracy_stage(project)
    assert contradictions(stage) == []
    assert not [said for said in stage.findings if undeclared_numbers(said, said.facts, said.names)]
    assert any("10 nights" in words for words in stage.findings)
    check_forecasts(stage.tables, told, read_csv(tmp_path / "cases.csv", "created_at"), end)
    check_risks(stage.tables, told, tmp_path, end)
    check_staffing(stage.tables, told, read_csv(tmp_path / "contacts.csv", "queued_at", "answered_at"), end)
    check_goals(stage.tables, told, read_csv(tmp_path / "cases.csv", "created_at"))

    with read_state(project.config.state_place) as state:
        before = read_issued(state, "risk")
    assert CliRunner().invoke(app, ["run", "--as-of", "2024-02-22 00:00", "--no-record"]).exit_code == 0
    with read_state(project.config.state_place) as state:  # a look back issues nothing
        pd.testing.assert_frame_equal(read_issued(state, "risk"), before)
    shutil.rmtree(tmp_path / "results")  # killed after the results, before they were issued: the night is done again
    again = CliRunner().invoke(app, ["run", "--night", f"{LAST:%Y-%m-%d %H:%M}", "--no-record"])
    assert "a later night was issued already" in str(again.exception)
    done = CliRunner().invoke(app, ["accuracy", "--as-of", "2024-02-26", "--table", "accuracy_risk", "--out", "r.csv"])
    assert done.exit_code == 0, done.output
    assert len(pd.read_csv("r.csv")) == 2
    assert "of the volume" in done.output


def check_forecasts(tables, told, cases, end):
    """By hand: cases by local day against what each night's table said of them."""
    days = cases["created_at"].dt.tz_convert("Europe/Berlin").dt.date.value_counts()
    sums = {}
    for found in told.values():
        for lead, row in enumerate(found["forecast"].sort_values("ds").itertuples(index=False), 1):
            if pd.Timestamp(row.ds) + pd.Timedelta("1D") > end.tz_localize(None):
                continue
            y, (_, _, point, low, high, *_) = days.get(row.ds.date(), 0), row
            sums.setdefault(lead, []).append((y, abs(y - point), point - y, low <= y <= high))
    table = tables["accuracy_forecast_by_lead"]
    ours = table[table["model"] == "deskcast"].set_index("lead")
    assert sorted(sums) == ours.index.tolist() == [1, 2, 3, 4, 5]
    for lead, rows in sums.items():
        y, error, more, inside = map(np.array, zip(*rows, strict=True))
        wanted = [error.sum() / y.sum(), more.sum() / y.sum(), inside.mean(), len(rows)]
        assert ours.loc[lead, ["wape", "bias", "coverage_80", "n"]].tolist() == pytest.approx(wanted, rel=1e-5)


def check_risks(tables, told, folder, end):
    """By hand: a case breaches 48 hours after it was created if it was not resolved by then; before, none counts."""
    cases, events = read_csv(folder / "cases.csv", "created_at"), read_csv(folder / "events.csv", "at")
    due = cases.set_index("case_id")["created_at"] + pd.Timedelta("48h")
    done = events.set_index("case_id")["at"].reindex(due.index)
    label = pd.Series(np.where(due > end, np.nan, np.where(done <= due, 0.0, 1.0)), index=due.index)
    rows = []
    for night, found in told.items():
        for name in ("risk", "past_saving", "awaiting_closure"):
            for row in found.get(name, pd.DataFrame()).itertuples():
                picked = bool(getattr(row, "work_first", False))
                rows.append((night, row.case_id, row.probability, picked, label[row.case_id], due[row.case_id]))
    every = pd.DataFrame(rows, columns=["night", "case_id", "p", "picked", "y", "due"])
    assert len(every) > 100
    known = every[every["y"].notna()]
    first = known.drop_duplicates("case_id")
    ours = tables["accuracy_risk"].set_index("model").loc["issued"]
    wanted = {"n": len(known), "cases": len(first)}
    wanted |= {"expected_count": first["p"].sum(), "observed_count": first["y"].sum()}
    wanted |= {"brier": ((known["p"] - known["y"]) ** 2).mean()}
    picks = every[every["picked"]].drop_duplicates("case_id")
    picks = picks[picks["y"].notna()]
    hit = picks[picks["y"] == 1]
    wanted |= {"selected": len(picks), "precision": picks["y"].mean()}
    wanted |= {"lead_h": ((hit["due"] - hit["night"]).dt.total_seconds() / 3600).median()}
    better = known[known["y"] == 1]["p"].to_numpy()[:, None] - known[known["y"] == 0]["p"].to_numpy()[None, :]
    wanted |= {"auc": ((better > 0) + 0.5 * (better == 0)).mean()}
    assert ours[list(wanted)].astype(float).to_dict() == pytest.approx(wanted, rel=1e-6)
    by_night = tables["accuracy_risk_by_night"].set_index("as_of")
    for night, part in every.groupby("night"):
        found = by_night.loc[night.tz_convert("UTC")]
        decided = part[part["y"].notna()]
        assert (found["open"], found["undecided"]) == (len(part), len(part) - len(decided))
        assert (found["expected_count"], found["observed_count"]) == pytest.approx(
            (decided["p"].sum(), decided["y"].sum())
        )
    counts = tables["accuracy_calibration"]["n"].sum()
    assert counts == len(known)


def check_staffing(tables, told, contacts, end):
    """By hand: contacts by half hour, and how many of them were answered within 20 seconds."""
    slot = contacts["queued_at"].dt.tz_convert("Europe/Berlin").dt.tz_localize(None).dt.floor("30min")
    came = slot.value_counts()
    fast = (contacts["answered_at"] - contacts["queued_at"]).dt.total_seconds().le(20).groupby(slot).sum()
    ours = tables["accuracy_staffing"].set_index("lead")
    for lead in (1, 2):
        shift = pd.Timedelta(days=lead - 1)
        parts = [
            found["staffing"][found["staffing"]["ds"].dt.normalize() == night.tz_localize(None) + shift]
            for night, found in told.items()
        ]
        rows = pd.concat(parts)
        y = rows["ds"].map(came).fillna(0).to_numpy()
        hours = rows["agents"].sum() / 2
        wanted = [len(rows), y.sum(), np.abs(y - rows["calls"]).sum() / y.sum(), hours]
        wanted += [rows["ds"].map(fast).fillna(0).sum() / y.sum()]
        columns = ["n", "calls", "wape", "agent_hours", "service_level_actual"]
        assert ours.loc[lead, columns].astype(float).tolist() == pytest.approx(wanted, rel=1e-5)
        assert 0 < ours.loc[lead, "agent_hours_required"] < 10 * hours


def check_goals(tables, told, cases):
    """By hand: cases of the weeks that are over."""
    day = cases["created_at"].dt.tz_convert("Europe/Berlin").dt.tz_localize(None)
    for row in tables["accuracy_goals"].itertuples():
        value = ((day >= row.start) & (day < row.end.normalize() + pd.Timedelta("1D"))).sum()
        chances = [
            found["goals"]["probability"].iloc[0] for found in told.values() if found["goals"]["end"].iloc[0] == row.end
        ]
        assert (row.value, row.met, row.n) == (value, value <= 84, len(chances))
        assert (row.first_probability, row.last_probability) == pytest.approx((chances[0], chances[-1]))
        assert row.brier == pytest.approx(np.mean((np.array(chances) - row.met) ** 2))
    assert len(tables["accuracy_goals"]) == 2


def test_what_is_not_ripe_is_undecided_and_what_was_known_before_is_no_forecast():
    at = [NIGHT, NIGHT, NIGHT, NIGHT]
    issued = pd.DataFrame(
        {"case_id": list("abcd"), "as_of": at, "probability": [0.5, 0.25, 0.25, 0.75], "work_first": False}
    )
    hours = pd.to_timedelta([5, -1, 50, 5], unit="h")
    outcomes = pd.DataFrame({"case_id": list("abcd"), "label": [True, True, False, False], "known_at": NIGHT + hours})
    joined = join_outcomes(issued, outcomes, NIGHT + pd.Timedelta("1D"))
    assert joined.set_index("case_id")["label"].to_dict() == pytest.approx({"a": 1, "c": np.nan, "d": 0}, nan_ok=True)
    table = score_issued_risks(joined).set_index("model").loc["issued"]
    assert (table["cases"], table["undecided"], table["expected_count"], table["observed_count"]) == (2, 1, 1.25, 1)
    assert score_issued_risks(joined.head(0)).loc[0, "cases"] == 0


@settings(max_examples=20)
@given(st.lists(st.integers(1, 96), min_size=2, max_size=30), st.integers(1, 60))
def test_of_a_list_half_of_which_breaches_half_is_observed_however_soon_after_it_is_looked_at(left, hours):
    """Twins of one due time, one of which is done early and one never: who is done early counts no sooner."""
    due = NIGHT + pd.to_timedelta([h for h in left for _ in "ab"], unit="h")
    early = np.tile([True, False], len(left))
    case = [f"c{i}" for i in range(len(due))]
    issued = pd.DataFrame({"case_id": case, "as_of": NIGHT, "probability": 0.5, "work_first": False})
    known_at = due.where(~early, NIGHT + pd.Timedelta("30min"))
    outcomes = pd.DataFrame({"case_id": case, "label": ~early, "known_at": known_at, "due_at": due})
    row = score_issued_risks(join_outcomes(issued, outcomes, NIGHT + pd.Timedelta(hours=hours))).iloc[0]
    assert row["observed_count"] == row["expected_count"] == sum(h <= hours for h in left)
    assert row["undecided"] == 2 * sum(h > hours for h in left)


LISTED = st.tuples(
    st.integers(0, 5), st.integers(0, 3), st.integers(0, 4), st.booleans(), st.sampled_from([0.0, 1.0, None])
)


@settings(max_examples=20)
@given(st.lists(LISTED, max_size=20))
def test_scores_of_lists_are_those_of_a_loop(rows):
    keys = {(case, night): (p / 4, picked) for case, night, p, picked, _ in rows}
    came = {case: label for case, _, _, _, label in rows}
    listed = [(f"c{c}", NIGHT + pd.Timedelta(days=n), p, w) for (c, n), (p, w) in keys.items()]
    issued = pd.DataFrame(listed, columns=["case_id", "as_of", "probability", "work_first"])
    kinds = {"case_id": "str", "as_of": "datetime64[us, UTC]", "probability": "float64", "work_first": "bool"}
    issued, known = issued.astype(kinds), NIGHT + pd.Timedelta("10D")
    told = [(f"c{c}", label, pd.NaT if label is None else known) for c, label in came.items()]
    outcomes = pd.DataFrame(told, columns=["case_id", "label", "known_at"])
    outcomes = outcomes.assign(known_at=pd.to_datetime(outcomes["known_at"], utc=True))
    outcomes = outcomes.astype({"case_id": "str", "label": "Float64"})
    joined = join_outcomes(issued, outcomes, known)
    table = score_issued_risks(joined).iloc[0]
    decided = {key: one for key, one in keys.items() if came[key[0]] is not None}
    first = {case: min(n for c, n in decided if c == case) for case, _ in decided}
    assert table["n"] == len(decided)
    assert table["expected_count"] == pytest.approx(sum(decided[key][0] for key in first.items()))
    assert table["observed_count"] == sum(came[case] for case in first)
    picked = {case for (case, _), (_, w) in decided.items() if w}
    assert table["selected"] == len(picked)
    assert count_by_list(joined)["selected"].sum() == sum(w for _, w in keys.values())
    assert calibrate_issued(joined)["n"].sum() == len(decided)


def test_a_level_that_was_not_issued_does_not_count_against_coverage():
    judged = pd.DataFrame(
        {"unique_id": "a", "y": [10.0, 20.0], "deskcast": [12.0, 18.0], "seasonal_naive": [np.nan] * 2}
    )
    judged = judged.assign(**{"deskcast-lo-80": [8.0, np.nan], "deskcast-hi-80": [14.0, np.nan]})
    judged = judged.assign(**{"deskcast-lo-90": [np.nan, 19.0], "deskcast-hi-90": [np.nan, 30.0]})
    table = score_issued_forecasts(judged, ["unique_id"])
    assert table["model"].tolist() == ["deskcast"]  # nothing naive was issued
    row = table.iloc[0]
    assert (row["coverage_80"], row["coverage_90"], row["n"]) == (1.0, 1.0, 2)
    # quantile loss by hand: each row over the quantiles that it was issued with
    first = (2 + 2 * 0.1 * 2 + 2 * 0.1 * 4) / 3
    second = (2 + 2 * 0.05 * 1 + 2 * 0.05 * 10) / 3
    assert row["wql"] == pytest.approx((first + second) / 30)


def test_a_time_step_counts_when_it_is_over():
    day = pd.Timestamp("2024-03-01")
    for freq, ends in (("D", "2024-03-02"), ("W", "2024-03-08"), ("MS", "2024-04-01"), ("30min", "2024-03-01 00:30")):
        issued = pd.DataFrame({"unique_id": "all", "ds": [day], "deskcast": [1.0]})
        actuals = pd.DataFrame({"unique_id": "all", "ds": [day], "y": [2.0]})
        over = pd.Timestamp(ends)
        if freq != "W":
            assert len(judge_forecasts(issued, actuals, over - pd.Timedelta("1s"), freq)) == 0
            assert len(judge_forecasts(issued, actuals, over, freq)) == 1


def test_alerts_are_confirmed_by_people_or_not_and_actions_are_held_against_their_breaches():
    issued = pd.DataFrame({"alert_id": ["a", "b", "c", "a"], "kpi": "csat", "series": "all", "direction": "down"})
    issued = issued.assign(
        as_of=NIGHT, state=["new", "new", "continuing", "continuing"], news=["opened", "opened", "", ""]
    )
    ledger = pd.DataFrame(
        {
            "alert_id": ["a", "b", "c"],
            "state": ["continuing", "cancelled", "continuing"],
            "acknowledged_by": ["ann", "", "ann"],
        }
    )
    table = alerts_accuracy(issued, ledger)
    assert table[["alert_id", "outcome"]].values.tolist() == [["a", "acknowledged"], ["b", "cancelled"]]
    joined = pd.DataFrame({"case_id": list("abc"), "as_of": NIGHT, "action": "call", "work_first": True})
    joined = joined.assign(probability=[0.75, 0.5, 0.5], label=[0.0, 1.0, np.nan], expected_benefit=[0.25, 0.5, 0.5])
    said = pd.DataFrame({"subject": ["a", "a", "c"], "verdict": ["not needed", "done", "done"]})
    found = actions_accuracy(joined, said).set_index("verdict")
    columns = ["cases", "undecided", "expected_count", "observed_count", "prevented"]
    assert found.loc["done", columns].tolist() == [2, 1, 0.75, 0, 0.75]
    assert found.loc["no answer", "observed_count"] == 1


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A desk of which one list and one forecast were issued long before the log ends."""
    folder = write_desk(tmp_path_factory.mktemp("small"), days=20)
    project = open_project(folder / "deskcast.toml")
    at = pd.Timestamp("2024-01-10T23:00Z")
    with change_state(project.config.state_place) as state:
        risks = pd.DataFrame({"case_id": ["c0115", "c0116"], "probability": [0.75, 0.25], "work_first": [True, False]})
        issue_rows(state, Issue("risk", "resolution", at, at, at, "mean"), risks.assign(action="call"))
        ahead = pd.DataFrame({"unique_id": "all", "ds": pd.date_range("2024-01-11", periods=30), "deskcast": 12.0})
        known = {"kpi": "cases_opened", "freq": "D", "by": []}
        issue_rows(
            state, Issue("forecast", "cases_opened D", at, at, at, "m", known), ahead.assign(seasonal_naive=10.0)
        )
        issue_rows(state, Issue("forecast", "backlog D", at, at, at, "m", known | {"kpi": "nps"}), ahead)
    return project


@pytest.fixture(scope="module")
def answered(small):
    """Somebody has done what was suggested for one of the cases."""
    path = str(small.config.folder / "deskcast.toml")
    for words, message in {"c9999": "on no list", "c0115 --verdict perhaps": "unknown verdict"}.items():
        command = ["risk", "--config", path, "--feedback", *words.split()]
        assert message in str(CliRunner().invoke(app, command).exception)
    done = CliRunner().invoke(app, ["risk", "--config", path, "--feedback", "c0115", "--note", "called"])
    assert done.exit_code == 0, done.output
    assert "Case c0115: 'done' is noted" in done.output
    with read_state(small.config.state_place) as state:
        noted = read_records(state, "feedback")[["subject", "verdict", "note"]]
        assert noted.values.tolist() == [["c0115", "done", "called"]]
        assert read_records(state, "audit")["action"].tolist() == ["feedback"]
    return small


def test_the_stage_says_what_it_found_and_leaves_out_what_the_log_no_longer_tells(answered):
    small, stage = answered, accuracy_stage(answered)
    assert contradictions(stage) == []
    table = stage.tables["accuracy_forecast"]
    assert set(table["scope"]) == {"cases_opened D"}
    assert table.loc[0, "n"] == 10  # days from 11 to 20 January are over by the end of the log
    assert stage.tables["accuracy_actions"]["verdict"].tolist() == ["done"]
    assert stage.metrics["risk_expected_count"] == 1.0
    said = " ".join(stage.findings)
    assert "Volume: issued forecasts for the next day were off by" in said
    assert "Action 'call' (done)" in said
    before = accuracy_stage(view_as_of(small, "2024-01-10 12:00"))
    assert before.findings == ("No track record yet: it begins with the first run.",)
    at_once = accuracy_stage(view_as_of(small, "2024-01-11 00:00"))
    assert at_once.findings[0] == "No track record yet: no outcome is known of what was issued in 1 night."


def test_the_commands_answer(small, monkeypatch, tmp_path):
    monkeypatch.chdir(small.config.folder)
    run = CliRunner()
    done = run.invoke(app, ["accuracy"])
    assert done.exit_code == 0, done.output
    assert "Issued breach risk and outcomes" in done.output
    assert '"stage": "accuracy"' in run.invoke(app, ["accuracy", "--json"]).output
    assert "unknown table 'accuracy_risks'" in str(run.invoke(app, ["accuracy", "--table", "accuracy_risks"]).exception)
    out = tmp_path / "issued.csv"
    assert run.invoke(app, ["accuracy", "--issued", "forecast", "--out", str(out)]).exit_code == 0
    assert len(pd.read_csv(out)) == 60
    then = ["--as-of", "2024-01-10 12:00"]  # before the first night
    assert run.invoke(app, ["accuracy", "--issued", "forecast", "--out", str(out), *then]).exit_code == 0
    assert len(pd.read_csv(out)) == 0
    assert "unknown kind" in str(run.invoke(app, ["accuracy", "--issued", "risks"]).exception)
    both = run.invoke(app, ["accuracy", "--issued", "risk", "--table", "accuracy_risk"])
    assert both.exit_code == 2
    assert "exclude each other" in both.output
