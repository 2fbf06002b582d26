"""Waiting, ping-pong, duplicates, what the desk begins, articles and denominators: by hand, and as of an instant."""

import numpy as np
import pandas as pd
import pytest
from deskcast.features.case_log.log import CaseLog
from deskcast.features.cases.stays import stays_expr
from deskcast.features.errors import InputError
from deskcast.features.kpis.article_table import measure_articles
from deskcast.features.kpis.cases_behind import find_cases_behind
from deskcast.features.kpis.denominator_kpis import check_denominators
from deskcast.features.kpis.kpi_history import kpi_history
from deskcast.features.kpis.waiting_table import measure_waiting, measure_waiting_between
from deskcast.features.sources.contacts import read_contacts
from deskcast.features.sources.months import read_months
from deskcast.features.sources.spec import SourceSpec
from full_logs import full_log

DAY = pd.Timestamp("2024-03-01T00:00Z")
NEW = ("team_time", "status_time", "ping_pong_rate", "duplicate_rate", "proactive_rate", "outbound_share",
       "failed_search_rate", "article_contacts", "deflection_rate", "cost", "cases_per_customer")  # fmt: skip


def make_events(rows):
    events = pd.DataFrame(rows, columns=["case_id", "hour", "kind", "team"])
    events["at"] = DAY + pd.to_timedelta(events.pop("hour"), unit="h")
    return events


def make_log(rows, until="2024-04-02T00:00Z", **more):
    events = make_events(rows)
    cases = events.groupby("case_id", as_index=False).agg(created_at=("at", "min")).assign(customer_id="u")
    return CaseLog.from_frames(cases=cases, events=events, until=until, **more)


def test_a_clock_per_team_stops_at_the_end_and_goes_on_after_a_re_opening():
    log = make_log([("1", 0, "assigned", "a"), ("1", 2, "assigned", "b"), ("1", 3, "assigned", "a"),
                    ("1", 5, "resolved", "a"), ("1", 50, "reopened", None), ("1", 51, "closed", None)])  # fmt: skip
    stays = stays_expr(log, "team").execute().sort_values("begun_at")
    assert (stays["spent_s"] / 3600).tolist() == [2, 1, 2, 1]
    assert stays["team"].tolist() == ["a", "b", "a", "a"]
    assert stays["given_by"].isna().tolist() == [True, False, False, True]
    table = measure_waiting(log, "team").set_index("name")
    assert table.loc["a", "open_hours"] == 5
    assert table.loc["b", "share"] == pytest.approx(1 / 6)
    pairs = measure_waiting_between(log)
    assert pairs[["given_by", "team", "came_back"]].values.tolist() == [["b", "a", 0], ["a", "b", 1]]


@pytest.mark.parametrize(("path", "back"), [("ab", 0), ("aba", 1), ("abca", 1), ("aab", 0), ("abab", 1), ("abc", 0)])
def test_a_case_that_comes_back_to_a_team_is_ping_pong(path, back):
    rows = [("1", hour, "assigned", team) for hour, team in enumerate(path)]
    log = make_log([*rows, ("1", 20, "resolved", path[-1])])
    table = find_cases_behind(log, "ping_pong_rate", "2024-03", state="yes", details=False)
    assert len(table) == back


@pytest.mark.parametrize(("path", "back"), [("ba", 1), ("bca", 1), ("ab", 0), ("aba", 1), ("bc", 0), ("", 0)])
def test_the_team_that_a_case_was_created_with_is_the_first_of_its_path(path, back):
    events = make_events([*(("1", 1 + hour, "assigned", team) for hour, team in enumerate(path)),
                          ("0", 1, "assigned", "b"), ("1", 20, "resolved", None)])  # fmt: skip
    cases = pd.DataFrame({"case_id": ["0", "1"], "created_at": DAY, "team": "a", "customer_id": "u"})
    log = CaseLog.from_frames(cases=cases, events=events, until="2024-04-02T00:00Z")
    assert len(find_cases_behind(log, "ping_pong_rate", "2024-03", state="yes", details=False)) == back
    stays = stays_expr(log, "team").filter(lambda rows: rows.case_id == "1").execute().sort_values("begun_at")
    assert "".join(stays["team"]) == "a" + path.removeprefix("a")
    assert stays["spent_s"].sum() == 20 * 3600


@pytest.mark.parametrize("kind", ["team", "status"])
def test_events_without_teams_or_statuses_are_refused_by_name(kind):
    events = make_events([("1", 0, "created", None), ("1", 2, "resolved", None)]).drop(columns="team")
    log = CaseLog.from_frames(cases=pd.DataFrame({"case_id": ["1"], "created_at": DAY}), events=events)
    column = {"team": "team", "status": "new"}[kind]
    with pytest.raises(InputError, match=f"events: column '{column}': stays by {kind} cannot be followed"):
        measure_waiting(log, kind)


def test_a_duplicate_is_judged_when_it_comes_and_not_by_what_is_opened_again_later():
    rows = [("1", 0, "created", None), ("2", 1, "created", None), ("1", 2, "resolved", None), ("3", 2, "created", None)]
    rows += [("2", 3, "resolved", None), ("4", 5, "created", None), ("1", 9, "reopened", None)]
    log = make_log(rows)
    table = find_cases_behind(log, "duplicate_rate", "2024-03", details=False).set_index("case_id")
    assert table["numerator"].to_dict() == {"1": 0, "2": 1, "3": 1, "4": 1}  # 3 is open when 4 comes, 1 is not
    then = kpi_history(log.as_of(DAY + pd.Timedelta(hours=4)), "duplicate_rate", freq="MS", open_period=True)
    assert then[["numerator", "n"]].values.tolist() == [[2, 3]]


def test_proactive_is_what_the_desk_opened_and_said_first_and_nobody_spoke_is_undecided():
    cases = pd.DataFrame({"case_id": list("abcd"), "created_at": DAY})
    events = pd.DataFrame({"case_id": list("abcd"), "kind": "created", "at": DAY,
                           "actor_role": ["agent", "customer", "agent", "system"]})  # fmt: skip
    said = pd.DataFrame({"case_id": list("abc"), "kind": "message", "public": True, "at": DAY + pd.Timedelta("1h")})
    said["actor_role"] = ["agent", "agent", "customer"]
    log = CaseLog.from_frames(cases=cases, events=pd.concat([events, said]), until="2024-04-02T00:00Z")
    table = find_cases_behind(log, "proactive_rate", "2024-03", details=False).set_index("case_id")
    assert table["numerator"].to_dict() == {"a": 1, "b": 0, "c": 0}


@pytest.mark.parametrize(("seed", "days"), [pytest.param(1, 24, marks=pytest.mark.slow), (2, 31.5)])
def test_nothing_that_comes_later_changes_a_period(seed, days):
    frames = full_log(seed, 30, 40)
    log = CaseLog.from_frames(**frames)
    then = pd.Timestamp("2024-03-10T00:00Z") + pd.Timedelta(days=days)
    seen, whole = (kpi_history(one, list(NEW), freq="W") for one in (log.as_of(then), log))
    assert set(seen["kpi"]) == set(NEW)
    cut = {n: t[t["at"] <= then] if n == "events" else t for n, t in frames.items() if n in ("cases", "events")}
    cut["cases"] = cut["cases"][cut["cases"]["created_at"] <= then]
    names = ["team_time", "status_time", "ping_pong_rate", "duplicate_rate"]
    alone = kpi_history(CaseLog.from_frames(**cut, until=then), names, freq="W")
    pd.testing.assert_frame_equal(seen[seen["kpi"].isin(names)].reset_index(drop=True), alone)
    known = whole.merge(seen, on=["kpi", "ds"], suffixes=("", "_then"))
    known = known[known["kpi"].isin(["duplicate_rate", "article_contacts"])]  # decided at once, and for ever
    np.testing.assert_array_equal(known["numerator"], known["numerator_then"])


def test_segments_sum_to_totals_where_they_can():
    log = CaseLog.from_frames(**full_log(3, 30, 40))
    splits = {"team_time": "team", "status_time": "status", "article_views": "article_id", "cost": "cost_category"}
    for kpi, by in (splits | {"duplicate_rate": "channel", "cases_per_customer": "product"}).items():
        parts = kpi_history(log, kpi, by, "MS").groupby("ds")[["n", "numerator"]].sum()
        whole = kpi_history(log, kpi, (), "MS").set_index("ds")[["n", "numerator"]]
        assert whole["n"].sum() > 0, kpi
        pd.testing.assert_frame_equal(parts, whole, check_exact=False)


def test_each_article_gets_its_deflection_and_a_session_counts_for_each_that_it_read():
    at = DAY + pd.to_timedelta([0, 1, 2, 30], unit="h")
    cases = pd.DataFrame({"case_id": ["1"], "created_at": DAY + pd.Timedelta("3h")})
    views = pd.DataFrame({"session_id": ["s", "s", "t", "u"], "article_id": ["a", "b", "b", "a"], "viewed_at": at,
                          "read_s": [5.0, 60, 90, 4], "case_id": [None, "1", None, None]})  # fmt: skip
    searches = pd.DataFrame({"session_id": ["s", "x"], "searched_at": DAY, "found": [False, False]})
    table = measure_articles(
        CaseLog.from_frames(cases=cases, article_views=views, searches=searches, until="2024-04-02T00:00Z")
    )
    rows = table.set_index("article_id")
    assert rows["cases"].to_dict() == {"a": 1, "b": 1}
    assert rows["deflection_rate"].tolist() == [0.5, 0.5]
    assert rows["left_within_10s"].tolist() == [1, 0]
    assert rows["failed_searches"].tolist() == [1, 1]
    assert rows["contacts"].isna().all()  # the log cannot tell
    with pytest.raises(InputError, match="needs article_views"):
        measure_articles(CaseLog.from_frames(cases=cases))


def test_outbound_calls_of_a_file_are_no_demand_and_count_for_their_share():
    rows = {"id": ["1", "2", "3"], "start": "2024-03-01 09:00:00", "talk": ["60", "50", "40"],
            "way": ["inbound", "outbound", "inbound"], "case": ["a", "a", None]}  # fmt: skip
    columns = {"contact_id": "id", "queued_at": "start", "talk_s": "talk", "direction": "way", "case_id": "case"}
    tables = read_contacts(SourceSpec("contacts", "calls.csv", columns=columns), pd.DataFrame(rows)).tables
    assert tables["outbound_contacts"]["contact_id"].tolist() == ["2"]
    log = CaseLog.from_frames(**tables, until="2024-04-02T00:00Z")
    found = kpi_history(log, ["contacts_offered", "outbound_share"], freq="MS").set_index("kpi")
    assert found["numerator"].to_dict() == {"contacts_offered": 2, "outbound_share": 1}
    assert found.loc["outbound_share", "n"] == 3


def test_windows_are_part_of_the_name():
    log = make_log([("1", 0, "created", None), ("1", 1, "resolved", None), ("1", 1 + 24 * 12, "reopened", None)])
    found = kpi_history(log, ["reopen_rate", "reopen_rate_30d"], freq="MS", open_period=True)
    march = found[found["ds"] == "2024-03-01"].set_index("kpi")["numerator"]
    assert march.to_dict() == {"reopen_rate": 0, "reopen_rate_30d": 1}


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ({"period": ["2024-01"], "customers": ["5"]}, "column 'month': missing column of months"),
        ({"month": ["2024-01", "2024-03"], "customers": ["5", "6"]}, "missing month; got '2024-02'"),
        ({"month": ["2024-01", "2024-01"], "customers": ["5", "6"]}, "duplicate month; got '2024-01'"),
        ({"month": ["2024-01"], "people": ["5"]}, "nothing is counted"),
        ({"month": ["soon"], "units": ["5"]}, "row 1: not a valid month; got 'soon'"),
        ({"month": ["2024-01"], "units": ["-5"]}, "row 1: not a valid count; got '-5'"),
    ],
)
def test_what_is_wrong_with_a_file_of_denominators_is_named(rows, said):
    with pytest.raises(InputError) as error:
        read_months(SourceSpec("denominators", "customers.csv"), pd.DataFrame(rows))
    assert said in str(error.value)


def test_cases_per_customer_by_hand():
    months = read_months(
        SourceSpec("denominators", "c.csv", columns={"customers": "Active"}, timezone="Europe/Lisbon"),
        pd.DataFrame({"month": ["2024-03", "2024-04"], "Active": ["1,000", "2,000"], "units": ["10", ""]}),
    ).tables["denominators"]
    at = pd.to_datetime(["2024-03-05T09:00Z", "2024-03-31T22:30Z", "2024-03-31T23:30Z"])
    cases = pd.DataFrame({"case_id": ["1", "2", "3"], "created_at": at})
    log = CaseLog.from_frames(cases=cases, denominators=months, timezone="Europe/Lisbon", until="2024-06-03T00:00Z")
    found = kpi_history(log, ["cases_per_customer", "cases_per_unit"], freq="MS").set_index(["kpi", "ds"])["value"]
    assert found.loc["cases_per_customer"].tolist()[:2] == [2 / 1000, 1 / 2000]
    assert found.loc["cases_per_unit"].isna().tolist() == [False, True, True]
    assert np.isnan(found.loc["cases_per_customer"].iloc[2])  # a month that is not in the file is not 0


def test_a_segment_without_denominators_is_not_shown_and_one_that_no_case_has_is_named():
    months = pd.DataFrame({"month": ["2024-03"], "customers": ["10"], "product": ["a"]})
    months = read_months(SourceSpec("denominators", "c.csv"), months).tables["denominators"]
    cases = pd.DataFrame({"case_id": ["1", "2"], "product": ["a", "b"], "created_at": "2024-03-05T09:00Z"})
    log = CaseLog.from_frames(cases=cases, denominators=months, until="2024-04-03T00:00Z")
    found = kpi_history(log, "cases_per_customer", "product", "MS")
    assert found[["product", "value"]].values.tolist() == [["a", 0.1]]
    rows = find_cases_behind(log, "cases_per_customer", "2024-03", {"product": "a"}, details=False)
    assert [rows["numerator"].sum(), rows["n"].sum()] == [1, 10]
    with pytest.raises(InputError, match="no case has any of these values"):
        check_denominators(CaseLog.from_frames(cases=cases, denominators=months.assign(product="A")))


def test_a_month_without_the_customers_of_one_segment_has_no_total():
    rows = {
        "month": ["2024-02", "2024-02", "2024-03", "2024-03"],
        "region": list("NSNS"),
        "customers": ["9", "", "9", "1"],
    }
    months = read_months(SourceSpec("denominators", "c.csv"), pd.DataFrame(rows)).tables["denominators"]
    cases = pd.DataFrame({"case_id": list("123"), "region": list("NNS")})
    cases = cases.assign(created_at=["2024-02-05T09:00Z", "2024-03-05T09:00Z", "2024-03-06T09:00Z"])
    log = CaseLog.from_frames(cases=cases, denominators=months, until="2024-04-03T00:00Z")
    found = kpi_history(log, "cases_per_customer", freq="MS").set_index("ds")["value"]
    assert pd.isna(found["2024-02-01"])
    assert found["2024-03-01"] == pytest.approx(0.2)
    north = kpi_history(log, "cases_per_customer", "region", freq="MS")
    assert north.loc[north["region"] == "N", "value"].tolist() == pytest.approx([1 / 9, 1 / 9])


def test_a_segment_whose_denominators_end_earlier_leaves_the_total_undecided_from_there_on():
    rows = {"month": ["2024-01", "2024-02", "2024-02", "2024-03"], "region": list("NNSN"), "customers": list("8828")}
    months = read_months(SourceSpec("denominators", "c.csv"), pd.DataFrame(rows)).tables["denominators"]
    cases = pd.DataFrame({"case_id": list("1234"), "region": list("NNSN")})
    cases = cases.assign(
        created_at=["2024-01-05T09:00Z", "2024-02-05T09:00Z", "2024-02-06T09:00Z", "2024-03-06T09:00Z"]
    )
    log = CaseLog.from_frames(cases=cases, denominators=months, until="2024-04-03T00:00Z")
    total = kpi_history(log, "cases_per_customer", freq="MS")["value"].tolist()
    assert total[:2] == pytest.approx([1 / 8, 0.2])  # the one that begins later was not there before
    assert pd.isna(total[2])
    apart = kpi_history(log, "cases_per_customer", "region", freq="MS").set_index(["region", "ds"])["value"]
    assert apart["N"].tolist()[:3] == pytest.approx([1 / 8] * 3)
    assert pd.isna(apart["S"].iloc[-1])
