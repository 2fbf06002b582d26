"""From a number to its cases: what the rows add up to is the number, for every KPI."""

import numpy as np
import pandas as pd
import pytest
from deskcast.features.case_log.log import CaseLog
from deskcast.features.cases.history import case_history
from deskcast.features.errors import InputError
from deskcast.features.kpis.case_details import describe_cases
from deskcast.features.kpis.cases_behind import find_cases_behind, find_rows_behind
from deskcast.features.kpis.catalogue import find_kpi
from deskcast.features.kpis.kpi_history import kpi_history
from deskcast.features.kpis.named_periods import parse_period
from deskcast.features.statistics.kaplan_meier import kaplan_meier
from full_logs import OFFICE, full_log

#: One KPI of each way in which rows are found.
SOME = (
    *("cases_opened", "backlog_age", "backlog_over_7d", "resolution_rate", "response_time", "sla_attainment"),
    *("csat", "views_per_case", "cost_per_success", "occupancy"),
)


def make_log(seed=1):
    return CaseLog.from_frames(**full_log(seed, 30, 40), timezone="Europe/Lisbon", calendars={"office": OFFICE})


@pytest.fixture(scope="module")
def log():
    return make_log()


def check_sums(log, kpis, by, freq, periods):
    history = kpi_history(log, kpis, by, freq, open_period=True)
    seen = 0
    for row in history[history["ds"].isin(sorted(history["ds"].unique())[-periods:])].itertuples():
        segment = {name: getattr(row, name) for name in by}
        table = find_cases_behind(log, row.kpi, f"{row.ds:%Y-%m-%d}", segment, freq=freq, details=False)
        assert table["n"].sum() == pytest.approx(row.n), (row.kpi, segment)
        assert table["numerator"].sum() == pytest.approx(np.nan_to_num(row.numerator)), (row.kpi, segment)
        assert not table["case_id"].dropna().duplicated().any()
        seen += len(table)
        if find_kpi(row.kpi).horizon_s and row.n:
            rows = find_rows_behind(log, row.kpi, f"{row.ds:%Y-%m-%d}", segment, freq=freq)
            curve = kaplan_meier(rows["amount"].to_numpy(), (rows["state"] == "ended").to_numpy(), np.zeros(len(rows)))
            assert curve["q50"].iloc[0] == pytest.approx(row.value, nan_ok=True), row.kpi
    assert seen > len(kpis or "")


def test_rows_and_cases_sum_to_the_number_for_one_kpi_of_each_way(log):
    check_sums(log, list(SOME), (), "MS", 1)


@pytest.mark.slow
@pytest.mark.parametrize(("seed", "by", "freq"), [(1, (), "MS"), (2, ("channel",), "MS"), (3, ("priority",), "W")])
def test_rows_and_cases_sum_to_the_number_over_the_whole_catalogue(seed, by, freq):
    check_sums(make_log(seed), None, by, freq, 2)


def test_an_sla_that_was_cancelled_or_is_unknown_is_not_open():
    at, ends = "2024-03-01T09:00Z", {"met": 10, "late": 13, "merged": 10, "before": 8}
    cases = pd.DataFrame({"case_id": [*ends, "waits"], "created_at": pd.Timestamp(at)})
    events = pd.DataFrame({"case_id": list(ends), "at": [f"2024-03-01T{h:02}:00Z" for h in ends.values()]})
    events["kind"] = ["resolved", "resolved", "merged", "resolved"]
    policies = pd.DataFrame({"policy": ["all"], "metric": ["resolution"], "target_s": [7200], "clock": "calendar"})
    tables = {"cases": cases, "events": events, "sla_policies": policies}
    log = CaseLog.from_frames(**tables, until="2024-03-01T10:30Z")
    states = describe_cases(log, cases["case_id"]).set_index("case_id")["sla"]
    assert states.dropna().to_dict() == {"met": "met", "late": "open", "waits": "open"}
    late = describe_cases(CaseLog.from_frames(**tables, until="2024-03-02T10:00Z"), ["late", "waits"])
    assert late["sla"].tolist() == ["breached", "breached"]


def test_the_whole_side_is_a_row_of_its_own_and_only_where_no_case_has_a_part(log):
    table = find_cases_behind(log, "cost_per_case", "2024-03", details=False)
    cases = table["case_id"].notna()
    assert (table.loc[cases, "n"] == 1).all()
    assert cases.sum() > 5
    assert table.loc[~cases, ["other_row", "n"]].values.tolist() == [["costs of the period", 0.0]]
    assert table.loc[cases, "numerator"].sum() == 0


def test_one_row_a_case_with_all_its_kpis_and_the_worst_cases_first(log):
    table = find_cases_behind(log, "sla_attainment", "2024-04")
    own = case_history(log).set_index("case_id").loc[table["case_id"]]
    for column in ("resolution_s", "reopens", "agents", "next_case_s", "resolution_business_s"):
        pd.testing.assert_series_equal(
            table[column], own[column].reset_index(drop=True), check_names=False, check_dtype=False
        )
    assert (table["n"] - table["numerator"]).is_monotonic_decreasing
    assert set(table["sla"].dropna()) <= {"met", "breached", "open"}
    assert "breached" in set(table["state"])
    broken = find_cases_behind(log, "sla_attainment", "2024-04", state="breached")
    assert broken["numerator"].sum() == 0
    assert broken["n"].sum() == table["n"].sum() - table["numerator"].sum() > 0
    assert (broken["sla"] == "breached").all()
    calls = log.frame("contacts").dropna(subset=["case_id", "answered_at", "ended_at"])
    spent = (calls["ended_at"] - calls["answered_at"]).dt.total_seconds() + calls["wrap_s"].fillna(0)
    expected = spent[spent >= 0].groupby(calls["case_id"]).sum().reindex(table["case_id"])
    np.testing.assert_allclose(table["handle_s"], expected)


def test_first_contact_is_the_flag_of_the_kpi_and_missing_while_undecided(log):
    opened = pd.concat([find_cases_behind(log, "cases_opened", month) for month in ("2024-03", "2024-04")])
    history = kpi_history(log, "first_contact_resolution", freq="MS", open_period=True)
    assert opened["first_contact"].sum() == history["numerator"].sum() > 0
    assert opened["first_contact"].notna().sum() == history["n"].sum() < len(opened)


@pytest.mark.parametrize("day", [27, 34])
def test_nothing_later_than_the_log_is_behind_a_number(day):
    frames = full_log(4, 20, 40)
    log = CaseLog.from_frames(**frames)
    then = log.as_of(log.until - pd.Timedelta(days=40 - day))
    for kpi in ("cases_resolved", "reopen_rate"):
        value = kpi_history(then, kpi, freq="QS", open_period=True)["n"].iloc[-1]
        rows = find_rows_behind(then, kpi, f"{then.until:%Y-%m-%d}", freq="QS")
        assert rows["n"].sum() == value
    assert find_cases_behind(then, "cases_resolved", "2024-Q2")["resolved_at"].max() <= then.until


@pytest.mark.parametrize(
    ("call", "problem"),
    [
        ({"period": "soon"}, "column 'period': not a valid period; got 'soon'"),
        ({"period": "2024-13"}, "column 'period': not a valid period; got '2024-13'"),
        ({"period": "2019-01"}, "cases_resolved has no value in this period; got '2019-01-01', expected 2024-03-01"),
        ({"by": {"channel": "phome"}}, "unknown value of the segment; got 'phome' (did you mean 'phone'?)"),
        ({"by": {"chanel": "phone"}}, "unknown column of the cases; got 'chanel' (did you mean 'channel'?)"),
        ({"state": "broken", "kpi": "sla_attainment"}, "unknown state; got 'broken'"),
        ({"kpi": "cases_resolvd"}, "unknown KPI; got 'cases_resolvd' (did you mean 'cases_resolved'?)"),
    ],
)
def test_what_cannot_be_found_is_named(log, call, problem):
    with pytest.raises(InputError) as told:
        find_cases_behind(log, **{"kpi": "cases_resolved", "period": "2024-03"} | call)
    assert problem in str(told.value)


@pytest.mark.parametrize(
    ("text", "freq", "start", "length"),
    [
        ("2026-H2", None, "2026-07-01", "6MS"),
        ("2026-Q3", None, "2026-07-01", "QS"),
        ("2020-W53", None, "2020-12-28", "W"),
        ("2024-02-29", None, "2024-02-29", "D"),
        ("2024-02-29 10:40", "30min", "2024-02-29 10:30", "30min"),
    ],
)
def test_periods_are_read_as_people_write_them(text, freq, start, length):
    assert parse_period(text, freq) == (pd.Timestamp(start), length)
