"""The forecast from the command line: what if, paths, other KPIs, sums that add up, and what a user can get wrong."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest
from deskcast.pipelines.commands.cli import app
from deskcast.pipelines.simulated_desk.desk import simulate_desk, write_desk
from deskcast.pipelines.words.words import format_date
from typer.testing import CliRunner

TABLES = {
    "actuals",
    "backtest",
    "forecast",
    "forecast_by_lead",
    "forecast_by_series",
    "forecast_by_time",
    "forecast_figures",
    "forecast_coverage",
    "forecast_notes",
    "leaderboard",
    "totals",
}


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    folder = tmp_path_factory.mktemp("desk")
    write_desk(simulate_desk(2500, 7), folder)
    return folder


def forecast(folder, *words):
    """Run the command; an error that the user can mend is raised as it is."""
    done = CliRunner().invoke(app, ["forecast", "--config", str(folder / "deskcast.toml"), *map(str, words)])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done


@pytest.fixture(scope="module")
def answer(desk):
    return json.loads(forecast(desk, "--json", "--horizon", 14).stdout)


def test_the_answer_in_json_keeps_its_shape(answer):
    assert set(answer) == {"stage", "findings", "metrics", "tables", "as_of", "data_until", "made_at"}
    assert set(answer["tables"]) == TABLES
    columns = ["unique_id", "ds", "deskcast", "deskcast-lo-80", "deskcast-hi-80", "deskcast-lo-95", "deskcast-hi-95"]
    assert list(answer["tables"]["forecast"][0]) == [*columns, "seasonal_naive", "same_slot"]
    assert {"wape", "wql", "coverage_80"} <= set(answer["metrics"])


def test_segments_add_up_and_the_headline_is_their_sum(answer):
    ahead, totals = (pd.DataFrame(answer["tables"][name]) for name in ("forecast", "totals"))
    sums = ahead.groupby("ds")["deskcast"].sum()
    whole = totals[totals["node"] == "total"].set_index("ds")["deskcast"]
    np.testing.assert_allclose(whole[sums.index], sums, rtol=1e-9)
    ds = pd.to_datetime(ahead["ds"])
    monday = ds.min() + pd.Timedelta(days=-ds.min().day_of_week % 7)
    week = ahead.loc[(ds >= monday) & (ds < monday + pd.Timedelta(days=7)), "deskcast"].sum()
    assert answer["findings"][0].startswith(f"Week of {format_date(monday, monday.year)}: about {round(week):,} case")


@pytest.mark.slow
def test_what_is_assumed_moves_the_days_it_names_and_nothing_else(desk, answer):
    ds = sorted({row["ds"] for row in answer["tables"]["forecast"]})
    fair, strike = ds[7][:10], ds[8][:10]
    words = ["--event", f"fair {fair} +50% phone", "--close", strike, "--json", "--horizon", 14]
    told = json.loads(forecast(desk, *words).stdout)
    frame = pd.DataFrame(told["tables"]["forecast"])
    day = frame["ds"].str[:10]
    ratio = frame["deskcast"] / frame["baseline"].where(frame["baseline"] > 0)
    touched = (day == fair) & (frame["unique_id"] == "phone")
    np.testing.assert_allclose(ratio[touched], 1.5)
    assert (frame.loc[day == strike, [c for c in frame.columns if c.startswith("deskcast")]] == 0).all(axis=None)
    np.testing.assert_allclose(ratio[~touched & (day != strike)].dropna(), 1.0)
    totals = pd.DataFrame(told["tables"]["totals"])
    np.testing.assert_allclose(totals["deskcast"], frame.groupby("ds")["deskcast"].sum()[totals["ds"]])
    assert any(f.startswith("Scenario: fair: 50% more") for f in told["findings"])
    assert not any("overlap" in f for f in told["findings"])


@pytest.mark.slow
def test_assumptions_from_a_file_and_those_that_overlap(desk, answer, tmp_path):
    ds = sorted({row["ds"][:10] for row in answer["tables"]["forecast"]})
    rows = f"name,start,end,factor,closed,series\nfair,{ds[2]},{ds[4]},1.2,,\nstrike,{ds[4]},{ds[5]},,true,phone\n"
    (tmp_path / "plan.csv").write_text(rows)
    sections = f'[[change]]\nname = "fair"\nstart = "{ds[2]}"\nend = "{ds[4]}"\nfactor = 1.2\n'
    sections += f'[[change]]\nname = "strike"\nstart = "{ds[4]}"\nend = "{ds[5]}"\nclosed = true\nseries = "phone"\n'
    (tmp_path / "plan.toml").write_text(sections)
    told = [json.loads(forecast(desk, "--json", "--what-if", tmp_path / f"plan.{k}").stdout) for k in ("csv", "toml")]
    assert told[0]["tables"]["forecast"] == told[1]["tables"]["forecast"]
    assert "'fair' and 'strike' overlap: the volume of those days is 0." in told[0]["findings"]


@pytest.mark.slow
def test_paths_have_the_forecast_in_their_middle(desk, answer, tmp_path):
    forecast(desk, "--paths", 60, "--horizon", 14, "--out", tmp_path / "paths.parquet")
    paths = pd.read_parquet(tmp_path / "paths.parquet")
    assert paths["path"].nunique() == 60
    middle = paths.groupby(["unique_id", "ds"])["y"].median()
    ahead = pd.DataFrame(answer["tables"]["forecast"])
    ahead = ahead.assign(ds=pd.to_datetime(ahead["ds"])).set_index(["unique_id", "ds"])["deskcast"]
    some = middle[middle > 0].index
    np.testing.assert_allclose(middle[some], ahead[some], rtol=1e-6)


@pytest.mark.parametrize(
    ("kpi", "low", "high"), [("csat", 0, 1), ("backlog", 0, np.inf), ("resolution_time", 0, np.inf)]
)
def test_any_kpi_stays_where_it_can_be(desk, kpi, low, high):
    told = json.loads(forecast(desk, "--kpi", kpi, "--horizon", 7, "--json").stdout)
    values = pd.DataFrame(told["tables"]["forecast"]).filter(regex="^deskcast").stack()
    assert len(values)
    assert values.between(low, high).all()
    assert "totals" not in told["tables"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--kpi", "csatt"], "did you mean 'csat'"),
        (["--models", "corr"], "did you mean 'core'"),
        (["--levels", "80,abc"], "not valid levels"),
        (["--levels", "0"], "unknown level"),
        (["--reconcile", "wsl"], "did you mean 'wls'"),
        (["--event", "fair next week"], "such as 'campaign"),
        (["--event", "fair 2026-03-09 -130%"], "must not exceed 100%"),
        (["--event", "fair 2026-03-09..2026-03-01 +30%"], "ends before it starts"),
        (["--event", "fair 2026-03-09 +30% fone"], "did you mean 'phone'"),
        (["--close", "2031-01-01"], "touches no day of the forecast"),
        (["--growth", "fast"], "not a valid growth"),
        (["--picture", "x.gif"], ".png, .svg or .html"),
        (["--kpi", "csat", "--paths", "10"], "simulated paths need counts"),
    ],
)
def test_what_a_user_can_mend_is_named(desk, words, message):
    with pytest.raises(ValueError, match=message):
        forecast(desk, *words)


@pytest.mark.parametrize(("word", "value"), [("--horizon", 0), ("--paths", -1)])
def test_numbers_out_of_range_end_with_two(desk, word, value):
    assert forecast(desk, word, value).exit_code == 2


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ('model = "core"', "key 'model': unknown key .did you mean 'models'"),
        ('reconcile = "sum"', "unknown way to add up"),
        ('kpi = "backlogg"', "did you mean 'backlog'"),
    ],
)
def test_the_section_is_checked(desk, tmp_path, lines, message):
    text = (desk / "deskcast.toml").read_text().replace("[forecast]\n", f"[forecast]\n{lines}\n")
    (tmp_path / "deskcast.toml").write_text(text)
    with pytest.raises(ValueError, match=message):
        forecast(tmp_path)


@pytest.mark.slow
def test_pictures_go_into_a_file(desk, tmp_path):
    forecast(desk, "--horizon", 7, "--picture", tmp_path / "ahead.svg")
    assert (tmp_path / "ahead.svg").read_text().startswith("<svg")
    forecast(desk, "--horizon", 7, "--picture", tmp_path / "ahead.html")
    page = (tmp_path / "ahead.html").read_text()
    assert page.count('role="img"') >= 6
    assert len(page) < 2_000_000


def test_a_young_channel_borrows_from_the_others(desk, tmp_path):
    shutil.copytree(desk / "data", tmp_path / "data")
    shutil.copy(desk / "deskcast.toml", tmp_path)
    path = tmp_path / "data" / "cases.parquet"
    cases = pd.read_parquet(path)
    late = (cases["created_at"] > cases["created_at"].max() - pd.Timedelta(days=30)) & (cases["channel"] == "email")
    cases.loc[late, "channel"] = "social"
    cases.to_parquet(path)
    told = json.loads(forecast(tmp_path, "--json", "--horizon", 7).stdout)
    ahead = pd.DataFrame(told["tables"]["forecast"])
    tier = ahead.groupby("unique_id")["tier"].first()
    assert tier["social"] == "blended"
    assert (tier.drop("social") == "own").all()
    assert any("'social'" in finding and "similar series" in finding for finding in told["findings"])


def test_boroughs_of_a_council(shared_data, tmp_path):
    """Real cases by borough: sums hold, a holiday ahead is told, the naive method is beaten."""
    cases = pd.read_csv(shared_data("nyc_council_cases/council_cases.csv.gz"), dtype="str")
    cases = cases[["unique_key", "opendate", "borough"]].drop_duplicates("unique_key").dropna()
    cases["opendate"] = pd.to_datetime(cases["opendate"]).dt.strftime("%Y-%m-%d")
    cases = cases[cases["opendate"].between("2021-01-01", "2022-12-18")]
    cases.to_csv(tmp_path / "cases.csv", index=False)
    (tmp_path / "deskcast.toml").write_text(
        'timezone = "America/New_York"\n[source.cases]\npath = "cases.csv"\n'
        '[source.cases.columns]\ncase_id = "unique_key"\ncreated_at = "opendate"\nregion = "borough"\n'
        '[forecast]\nby = ["region"]\nhorizon = 14\nwindows = 6\nholidays = "US"\n'
    )
    told = json.loads(forecast(tmp_path, "--json").stdout)
    board = pd.DataFrame(told["tables"]["leaderboard"]).set_index("model")
    assert board.loc["deskcast", "wql"] < board.loc["seasonal_naive", "wql"]
    ahead, totals = (pd.DataFrame(told["tables"][name]) for name in ("forecast", "totals"))
    assert ahead["unique_id"].nunique() >= 5
    np.testing.assert_allclose(ahead.groupby("ds")["deskcast"].sum()[totals["ds"]], totals["deskcast"])
    assert any("Mon 26 Dec is Christmas Day (observed)" in finding for finding in told["findings"])
