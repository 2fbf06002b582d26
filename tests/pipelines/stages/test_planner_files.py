"""A planner's report through the whole job: history, staffing, watch and the import for scheduling, by hand sums."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from deskcast.features import CaseLog, InputError, kpi_history
from deskcast.features.recognise.collection import recognise
from deskcast.features.sources.load import load_source
from deskcast.forecasting.staffing.handle_times import estimate_handle_times
from deskcast.pipelines.init.init import write_config
from deskcast.pipelines.project.project import open_project
from deskcast.pipelines.project.specs import ForecastSpec
from deskcast.pipelines.stage import Stage
from deskcast.pipelines.stages.history import _latest_sentences, history_stage
from deskcast.pipelines.stages.queue import describe_aht, read_handle_totals, slot_handle_times
from deskcast.pipelines.stages.scheduling_import import check_import_form, format_import
from deskcast.pipelines.stages.staff import staff_stage
from deskcast.pipelines.stages.watch import watched_history


def report(days=28):
    """Half hours from 08:00 to 12:00 of two queues; the contacts of the second hour take twice as long."""
    rng = np.random.default_rng(2)
    rows = pd.DataFrame(
        [
            (q, d + t)
            for d in pd.date_range("2024-03-04", periods=days)
            for t in pd.timedelta_range("8h", "11h30min", freq="30min")
            for q in ("Sales", "Support")
        ],
        columns=["Queue", "Interval Start"],
    )
    rows["Offered"] = rng.integers(20, 60, len(rows))
    rows["Abandoned"] = rng.integers(0, 5, len(rows))
    rows["Answered"] = rows["Offered"] - rows["Abandoned"]
    rows["AHT"] = np.where(rows["Interval Start"].dt.hour < 9, 200, 400)
    rows["ASA"] = rng.integers(5, 40, len(rows))
    rows["Service level 20 seconds"] = 100 * (rows["Answered"] - 1) / rows["Offered"]
    return rows


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    report().to_csv(folder / "report.csv", index=False)
    write_config([folder / "report.csv"], folder)
    return open_project(folder / "deskcast.toml")


def test_the_history_is_that_of_the_sums(project):
    t = report()
    table = history_stage(project).tables["history"]
    whole = table[table["unique_id"].isna()].groupby("kpi")
    n, hits = whole["n"].sum(), whole["numerator"].sum()
    assert whole["value"].sum()["cases_opened"] == t["Offered"].sum()
    assert hits["abandonment_rate"] == t["Abandoned"].sum()
    assert n["abandonment_rate"] == t["Offered"].sum()
    assert hits["service_level"] == pytest.approx((t["Answered"] - 1).sum())
    handle = table[(table["kpi"] == "handle_time") & table["unique_id"].isna()]
    assert (handle["value"] * handle["n"]).sum() == pytest.approx((t["AHT"] * t["Answered"]).sum())
    wait = table[(table["kpi"] == "answer_time") & (table["unique_id"] == "Sales")]
    sales = t[t["Queue"] == "Sales"]
    assert (wait["value"] * wait["n"]).sum() == pytest.approx((sales["ASA"] * sales["Answered"]).sum())


def test_a_mean_over_a_week_is_no_mean_of_means(project):
    t = report()
    week = t[t["Interval Start"] < "2024-03-11"]
    row = kpi_history(project.log, "handle_time", freq="W").iloc[0]
    assert row["value"] == pytest.approx((week["AHT"] * week["Answered"]).sum() / week["Answered"].sum())
    assert row["n"] == week["Answered"].sum()


def test_the_limit_of_the_report_is_the_only_one(project):
    assert kpi_history(project.log, "service_level_20s")["value"].notna().all()
    with pytest.raises(InputError, match="service_level_20s"):
        kpi_history(project.log, "service_level_60s")


def test_contacts_offered_is_there_and_counted_once_in_the_whole(project):
    named = kpi_history(project.log, "contacts_offered")["value"].sum()
    assert named == report()["Offered"].sum()
    assert "contacts_offered" not in set(kpi_history(project.log)["kpi"])
    watched = set(watched_history(project)["kpi"])
    assert {"cases_opened", "service_level", "abandonment_rate", "handle_time"} <= watched
    assert "contacts_offered" not in watched


def test_staffing_takes_the_handle_time_of_each_interval(project):
    name, spec = next(iter(project.config.staffing.items()))
    assert spec.aht_s is None
    plan = staff_stage(project).tables["staffing"]
    plan = plan[plan["calls"] > 1]
    early = plan[plan["ds"].dt.hour == 8]["aht_s"]
    late = plan[plan["ds"].dt.hour > 8]["aht_s"]
    assert early.between(200, 215).all()
    assert late.between(385, 400).all()
    t = report()
    mean, basis = describe_aht(read_handle_totals(project.log, {}, spec), spec, name)
    assert mean == pytest.approx((t["AHT"] * t["Answered"]).sum() / t["Answered"].sum())
    assert "by interval and weekday" in basis
    fixed = slot_handle_times(read_handle_totals(project.log, {}, replace(spec, aht_s=90.0)), plan["ds"], 90.0)
    assert fixed == 90.0


def test_weekdays_have_handle_times_of_their_own():
    days = pd.date_range("2024-01-01", periods=280)
    past = pd.DataFrame({"ds": days + pd.Timedelta("9h"), "n": 1000.0})
    past["handle_s"] = past["n"] * np.where(days.dayofweek == 0, 300.0, 200.0)
    ahead = pd.Series(pd.to_datetime(["2024-12-02 09:00", "2024-12-03 09:00"]))
    monday, tuesday = estimate_handle_times(past, ahead)
    assert monday == pytest.approx(300, rel=0.01)
    assert tuesday == pytest.approx(200, rel=0.01)


def test_a_forecast_is_written_and_read_again_as_an_import(project, tmp_path):
    slots = pd.date_range("2024-04-01 08:00", periods=8, freq="30min")
    ahead = pd.concat([pd.DataFrame({"unique_id": q, "ds": slots, "deskcast": 30.0}) for q in ("Sales", "Support")])
    spec = ForecastSpec(by=("unique_id",), freq="30min")
    rows = format_import(project, Stage("forecast", {"forecast": ahead.reset_index(drop=True)}), spec)
    assert len(rows) == 32
    assert rows["Offered"].sum() == pytest.approx(2 * 8 * 30)
    assert rows["Interval Start UTC Date"].iloc[0] == "2024-04-01T08:00:00Z"
    t = report()
    shares = t.groupby("Queue")["Answered"].sum() / t.groupby("Queue")["Offered"].sum()
    handled = rows.groupby("Queue")["Interactions Handled"].sum()
    assert handled.to_numpy() == pytest.approx((240 * shares).to_numpy(), rel=0.01)
    per = rows["Total Handle Time (Seconds)"] / rows["Interactions Handled"]
    assert per.iloc[0] == pytest.approx(200, rel=0.1)
    assert per.iloc[15] == pytest.approx(400, rel=0.1)
    rows.to_csv(tmp_path / "import.csv", index=False)
    again = load_source(recognise(tmp_path / "import.csv").spec()).tables["volumes"]
    assert again["y"].sum() == pytest.approx(480)
    assert again["slot_s"].eq(900).all()


def test_what_cannot_be_imported_is_refused(project):
    ahead = pd.DataFrame({"unique_id": ["all"], "ds": [pd.Timestamp("2024-04-01")], "deskcast": [3.0]})
    with pytest.raises(InputError, match="--by unique_id"):
        format_import(project, Stage("forecast", {"forecast": ahead}), ForecastSpec(freq="15min"))
    daily = ForecastSpec(freq="D", by=("unique_id",))
    with pytest.raises(InputError, match="quarters of an hour"):
        format_import(project, Stage("forecast", {"forecast": ahead.assign(unique_id="Sales")}), daily)
    with pytest.raises(InputError, match="did you mean 'genesys'"):
        check_import_form("genesis")


def test_cut_periods_at_both_ends_are_marked_and_said(tmp_path):
    days = pd.date_range("2023-03-05", "2023-03-25")
    at = [d + pd.Timedelta(hours=8 + k % 10) for d in days for k in range(20)]
    cases = pd.DataFrame({"Ticket ID": range(len(at)), "Created": at})
    (tmp_path / "t.csv").write_text(cases.to_csv(index=False))
    write_config([tmp_path / "t.csv"], tmp_path)
    project = open_project(tmp_path / "deskcast.toml")
    weekly = replace(project.config.history, freq="W", kpis=("cases_opened",), by=())
    stage = history_stage(replace(project, config=replace(project.config, history=weekly)))
    assert stage.tables["history"]["value"].tolist() == [20.0, 140.0, 140.0, 120.0]
    assert stage.tables["history"]["cut"].tolist() == [True, False, False, True]
    assert any("Mon 27 Feb 2023" in f and "is incomplete" in f for f in stage.findings)
    assert any("Since Mon 6 Mar 2023: 280 cases opened" in f for f in stage.findings)
    assert any("Mon 20 Mar 2023" in f and "120 cases or contacts so far" in f for f in stage.findings)


@pytest.mark.parametrize("first", ["2023-03-06 08:00", "2023-03-06 00:00"])
def test_a_first_week_that_begins_on_its_monday_is_whole(first):
    from deskcast.features import CaseLog

    begin = pd.Timestamp(first, tz="UTC")
    days = pd.date_range(begin, periods=28)
    cases = pd.DataFrame({"created_at": [d + pd.Timedelta(minutes=7 * k) for d in days for k in range(20)]})
    log = CaseLog.from_frames(cases=cases.assign(case_id=[str(i) for i in range(len(cases))]))
    assert kpi_history(log, "cases_opened", freq="W")["value"].iloc[0] == 140.0
    assert kpi_history(log, "cases_opened", freq="D")["value"].iloc[0] == 20.0


def test_calls_with_durations_give_the_figures_of_the_calls(tmp_path):
    at = pd.date_range("2023-03-01 09:00", periods=120, freq="421min")
    gone = np.arange(120) % 9 == 0
    wait = np.arange(120) * 37 % 87
    talk = np.where(gone, 0, 60 + np.arange(120) * 53 % 400)
    text = io.StringIO()
    pd.DataFrame(
        {
            "Call ID": [f"C{i}" for i in range(120)],
            "Start Time": at,
            "Queue": "Sales",
            "Agent": "a",
            "Wait Time (s)": wait,
            "Talk Time (s)": talk,
            "Disposition": np.where(gone, "ABANDONED", "ANSWERED"),
        }
    ).to_csv(text, index=False)
    (tmp_path / "calls.csv").write_text(text.getvalue())
    write_config([tmp_path / "calls.csv"], tmp_path)
    text = (tmp_path / "deskcast.toml").read_text()
    (tmp_path / "deskcast.toml").write_text(text.replace("kind = ", 'until = "2023-07-01"\nkind = ', 1))
    log = open_project(tmp_path / "deskcast.toml").log.as_of("2023-07-01T00:00Z")
    history = kpi_history(log, ["contacts_offered", "abandonment_rate", "service_level", "handle_time"], freq="D")
    sums = history.groupby("kpi")[["n", "numerator"]].sum()
    last = at.max().normalize()
    kept = at < last
    assert sums.loc["contacts_offered", "n"] == kept.sum()
    assert sums.loc["abandonment_rate", "numerator"] == (gone & kept).sum()
    assert sums.loc["service_level", "numerator"] == (~gone & (wait <= 20) & kept).sum()
    means = history[history["kpi"] == "handle_time"]
    assert (means["mean"] * means["n"]).sum() == pytest.approx(talk[kept].sum())


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("volumes", "Last 4 weeks: 140 arrivals."),
        ("contacts", "Last 4 weeks: 28 contacts offered, Abandonment rate 50% of 28 contacts."),
        ("cases", "Last 4 weeks: 28 cases opened"),
    ],
)
def test_the_first_sentence_counts_what_the_log_has(table, said):
    at = pd.date_range("2024-03-01 09:00", periods=60, tz="UTC")
    frames = {
        "volumes": pd.DataFrame({"unique_id": "a", "ds": at.normalize(), "slot_s": 86400.0, "y": 5.0}),
        "contacts": pd.DataFrame(
            {
                "contact_id": [str(i) for i in range(60)],
                "channel": "phone",
                "queued_at": at,
                "ended_at": at + pd.Timedelta("5min"),
                "outcome": ["answered", "abandoned"] * 30,
            }
        ),
        "cases": pd.DataFrame({"case_id": [str(i) for i in range(60)], "created_at": at}),
    }
    log = CaseLog.from_frames(**{table: frames[table]}, until="2024-04-30T00:00Z")
    frame = kpi_history(log)
    assert any(str(one).startswith(said) for one in _latest_sentences(frame, (), "D", log.has("cases")))
