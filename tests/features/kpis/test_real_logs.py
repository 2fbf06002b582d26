"""Case and KPI histories of real logs, against figures counted directly on the files with plain pandas."""

import numpy as np
import pandas as pd
import pytest
from deskcast.features.case_log.log import CaseLog
from deskcast.features.cases.history import case_history
from deskcast.features.kpis.case_flow import compute_case_flow
from deskcast.features.kpis.kpi_history import kpi_history, series


def utc(times: pd.Series, timezone: str) -> pd.Series:
    return (
        times.dt.tz_localize(timezone, ambiguous=False, nonexistent="shift_forward")
        .dt.tz_convert("UTC")
        .dt.as_unit("us")
    )


@pytest.fixture(scope="module")
def helpdesk(shared_data):
    rows = pd.read_csv(shared_data("helpdesk_italy/helpdesk.csv.gz"), dtype=str)
    rows["at"] = utc(pd.to_datetime(rows["timestamp"].str[:19]), "Europe/Rome")
    kinds = {"Resolve ticket": "resolved", "Closed": "closed", "Wait": "paused", "Take in charge ticket": "resumed"}
    kinds |= {"Create SW anomaly": "status", "Insert ticket": "created"}
    rows["kind"] = rows["activity"].map(kinds).fillna("status")
    events = rows[["case_id", "at", "kind"]].assign(new=rows["activity"], actor_id=rows["resource"])
    cases = rows.groupby("case_id", as_index=False)["at"].min().rename(columns={"at": "created_at"})
    return rows, CaseLog.from_frames(cases=cases, events=events, timezone="Europe/Rome")


@pytest.fixture(scope="module")
def servicenow(shared_data):
    path = shared_data("servicenow_incidents/incident_event_log_opened_before_2016-05.csv.gz")
    wanted = ["number", "incident_state", "sys_updated_at", "opened_at", "reopen_count", "assignment_group", "priority"]
    rows = pd.read_csv(path, dtype=str, na_values="?", usecols=wanted)
    for column in ("sys_updated_at", "opened_at"):
        rows[column] = utc(pd.to_datetime(rows[column], format="%d/%m/%Y %H:%M"), "UTC")
    rows = rows.sort_values(["number", "sys_updated_at"], kind="stable", ignore_index=True)
    rows["is_done"] = rows["incident_state"].isin(["Resolved", "Closed"])
    before = rows.groupby("number")["is_done"].shift(fill_value=False)
    rows["kind"] = np.select(
        [rows["is_done"] & ~before, ~rows["is_done"] & before, rows["incident_state"] == "Closed"],
        ["resolved", "reopened", "closed"],
        "status",
    )
    events = rows[["number", "sys_updated_at", "kind", "incident_state"]]
    events = events.set_axis(["case_id", "at", "kind", "new"], axis=1)
    first = rows.drop_duplicates("number")
    cases = first[["number", "opened_at", "priority"]].set_axis(["case_id", "created_at", "priority"], axis=1)
    return rows, CaseLog.from_frames(cases=cases, events=events)


def test_help_desk_of_an_italian_company(helpdesk):
    rows, log = helpdesk
    history = case_history(log).set_index("case_id")
    ends = rows[rows["kind"].isin(["resolved", "closed"])].groupby("case_id")["at"].min()
    born = rows.groupby("case_id")["at"].min()
    spent = (ends - born).dt.total_seconds().reindex(history.index)
    assert len(history) == 4580
    np.testing.assert_allclose(history["resolution_s"].to_numpy(), spent.to_numpy())
    monthly = kpi_history(log, ["cases_opened", "cases_resolved"], freq="MS").set_index(["kpi", "ds"])["value"]
    local = born.dt.tz_convert("Europe/Rome").dt.tz_localize(None).dt.to_period("M").dt.to_timestamp()
    counted = local.value_counts().sort_index()
    assert monthly["cases_opened"].equals(counted.reindex(monthly["cases_opened"].index, fill_value=0).astype(float))


def test_reopenings_of_the_incident_log(servicenow):
    rows, log = servicenow
    history = case_history(log).set_index("case_id")
    expected = (rows["kind"] == "reopened").groupby(rows["number"]).sum()
    assert history["reopens"].astype(int).equals(expected.reindex(history.index).astype(int))
    last_open = rows[~rows["is_done"]].groupby("number")["sys_updated_at"].max().reindex(history.index)
    done = history["resolved_at"].notna()
    assert (history.loc[done, "resolved_at"] >= last_open[done].fillna(pd.Timestamp(0, tz="UTC"))).all()
    final = rows.groupby("number")["is_done"].last().reindex(history.index)
    assert (history["is_open"].astype(bool) == ~final).all()


def test_the_flow_of_the_incident_log_ends_with_its_open_cases(servicenow):
    rows, log = servicenow
    table = compute_case_flow(log)
    end = table["ds"].iloc[-1] + pd.Timedelta(days=1)
    seen = rows[rows["sys_updated_at"].dt.tz_localize(None) < end]
    still = (~seen.groupby("number")["is_done"].last()).sum()
    unseen = log.frame("cases")["created_at"].dt.tz_localize(None).lt(end).sum() - seen["number"].nunique()
    assert table["backlog"].iloc[-1] == still + unseen
    assert table["opened"].sum() == log.frame("cases")["created_at"].dt.tz_localize(None).lt(end).sum()


def test_open_incidents_lengthen_the_resolution_time(servicenow):
    _, log = servicenow
    early = log.as_of("2016-04-01T00:00Z")
    month = kpi_history(early, "resolution_time", freq="MS").set_index("ds").loc[pd.Timestamp("2016-03-01")]
    cases = case_history(early)
    march = cases[cases["created_at"] >= pd.Timestamp("2016-03-01T00:00Z")]
    assert march["resolution_s"].isna().mean() > 0.05
    assert month["n"] == len(march)
    assert month["value"] > march["resolution_s"].median()


def test_volumes_of_a_bank(shared_data):
    rows = pd.read_csv(shared_data("bank_calls_5min/bank_calls.csv.gz"), parse_dates=["datetime"])
    zone = "America/New_York"
    volumes = pd.DataFrame({"ds": utc(rows["datetime"], zone), "slot_s": 300.0, "y": rows["calls"].astype(float)})
    log = CaseLog.from_frames(volumes=volumes, timezone=zone)
    for freq in ("15min", "h", "D"):
        table = series(kpi_history(log, freq=freq), "cases_opened").set_index("ds")["y"]
        expected = rows.set_index("datetime")["calls"].resample(freq).sum()
        expected = expected.reindex(table.index, fill_value=0).astype(float)
        np.testing.assert_array_equal(table.to_numpy(), expected.to_numpy())


def test_cases_of_council_offices(shared_data):
    rows = pd.read_csv(shared_data("nyc_council_cases/council_cases.csv.gz"), dtype=str).drop_duplicates("unique_key")
    rows["created_at"] = utc(pd.to_datetime(rows["opendate"]), "America/New_York")
    rows["at"] = utc(pd.to_datetime(rows["closedate"]), "America/New_York")
    rows = rows[~(rows["at"] < rows["created_at"])].rename(columns={"unique_key": "case_id", "borough": "region"})
    events = rows.loc[rows["at"].notna(), ["case_id", "at"]].assign(kind="closed")
    log = CaseLog.from_frames(cases=rows[["case_id", "created_at", "region"]], events=events,
                              timezone="America/New_York")  # fmt: skip
    history = kpi_history(log, ["cases_opened", "backlog", "resolution_time"], by="region", freq="QS")
    opened = history[history["kpi"] == "cases_opened"]
    month = pd.to_datetime(rows["opendate"]).dt.to_period("Q").dt.to_timestamp()
    expected = rows.groupby([rows["region"].fillna("(missing)"), month]).size()
    got = opened.set_index(["region", "ds"])["value"]
    expected = expected.reindex(got.index, fill_value=0)
    np.testing.assert_array_equal(got.to_numpy(), expected.to_numpy(dtype=float))
    spent = history[history["kpi"] == "resolution_time"]
    assert (spent["numerator"] <= spent["n"]).all()
    assert spent["n"].sum() == opened["value"].sum()
