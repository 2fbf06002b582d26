"""KPI histories: what must hold between them."""

import numpy as np
import pandas as pd
import pytest
from deskcast.features.calendars.business_calendar import BusinessCalendar
from deskcast.features.case_log.log import CaseLog
from deskcast.features.errors import InputError
from deskcast.features.kpis.availability import KPI_CATALOGUE, availability
from deskcast.features.kpis.case_flow import compute_case_flow
from deskcast.features.kpis.formulas import KPI_FORMULAS
from deskcast.features.kpis.kpi_history import kpi_history, series
from deskcast.features.kpis.view import Limits
from hypothesis import given, settings
from hypothesis import strategies as st
from logs import random_log


def opened(times, **more):
    cases = pd.DataFrame({"case_id": [str(i) for i in range(len(times))], "created_at": times})
    return CaseLog.from_frames(cases=cases, **more)


def test_milestones_decide_the_period_of_attainment():
    cases = pd.DataFrame({"case_id": ["a", "b", "c"], "created_at": ["2024-03-01T00:00Z"] * 3, "priority": "1"})
    events = pd.DataFrame({"case_id": ["a", "c"], "kind": "resolved", "at": ["2024-03-01T10:00Z", "2024-03-05T00:00Z"]})
    policies = pd.DataFrame(
        {"policy": ["p"], "metric": ["resolution"], "priority": [None], "target_s": [86400.0], "clock": ["calendar"]}
    )
    log = CaseLog.from_frames(cases=cases, events=events, sla_policies=policies, until="2024-03-06T00:00Z")
    history = kpi_history(log, "sla_attainment")
    assert set(history["kpi"]) == {"sla_attainment"}  # that of the only metric would be the same figures again
    one = history.set_index("ds")
    # a is met on the first day; b (open) and c (late) are both broken when they fall due, on the second
    assert one["numerator"].tolist() == [1, 0, 0, 0, 0]
    assert one["n"].tolist() == [1, 2, 0, 0, 0]
    assert one["value"].isna().tolist() == [False, False, True, True, True]
    assert kpi_history(log, "sla_attainment_resolution")["n"].tolist() == one["n"].tolist()


@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 9999), freq=st.sampled_from(["D", "W", "6h", "h"]))
def test_backlog_is_the_backlog_before_plus_what_came_minus_what_went(seed, freq):
    log = CaseLog.from_frames(**random_log(seed, 30))
    table = compute_case_flow(log, freq="360min" if freq == "6h" else freq)
    before = table["backlog"].shift(fill_value=0)
    assert (
        table["backlog"] == before + table["opened"] + table["reopened"] - table["resolved"] - table["merged"]
    ).all()
    assert (table["backlog"] >= 0).all()


def test_segments_sum_to_the_total():
    log = CaseLog.from_frames(**random_log(5, 120), timezone="Europe/Amsterdam")
    kpis = ["cases_opened", "cases_resolved", "backlog", "transfer_rate", "sla_attainment", "csat", "resolution_time"]
    whole = kpi_history(log, kpis)
    for by in (["channel"], ["team", "priority"]):
        parts = kpi_history(log, kpis, by=by)
        assert "(missing)" in set(parts[by[0]])
        for column in ("n", "numerator"):
            sums = parts.groupby(["kpi", "ds"])[column].sum()
            pd.testing.assert_series_equal(sums, whole.set_index(["kpi", "ds"])[column].sort_index(), check_names=False)


@settings(max_examples=3, deadline=None)
@given(seed=st.integers(0, 9999))
def test_the_order_of_rows_does_not_matter(seed):
    frames = random_log(seed, 40)
    mixed = {name: frame.sample(frac=1, random_state=seed) for name, frame in frames.items()}
    kpis = ["cases_resolved", "backlog", "resolution_time", "first_contact_resolution", "sla_attainment", "occupancy"]
    a, b = (kpi_history(CaseLog.from_frames(**f), kpis, freq="W") for f in (frames, mixed))
    pd.testing.assert_frame_equal(a, b, rtol=1e-9)


@settings(max_examples=4, deadline=None)
@given(seed=st.integers(0, 9999), cut=st.integers(20, 38))
def test_a_period_that_is_over_counts_the_same_in_a_longer_log(seed, cut):
    """What is decided by the end of its period does not change with what comes later.

    That is so for what is dated by its own event: arrivals, the flow, contacts and survey answers. It is not so for
    durations by creation, which later events fill in, nor for final resolutions, which a re-opening moves.
    """
    log = CaseLog.from_frames(**random_log(seed, 60))
    at = pd.Timestamp("2024-03-10T00:00Z") + pd.Timedelta(days=cut)
    steady = ["cases_opened", "backlog", "contacts_offered", "csat", "article_views"]
    early, late = kpi_history(log.as_of(at), steady), kpi_history(log, steady)
    both = early.merge(late, on=["kpi", "ds"], suffixes=("", "_late"))
    assert len(both) == len(early) > 0
    np.testing.assert_allclose(both["value"], both["value_late"])
    np.testing.assert_allclose(both["n"], both["n_late"])


@pytest.mark.slow
@settings(max_examples=2, deadline=None)
@given(seed=st.integers(0, 9999), days=st.integers(1, 60))
def test_an_end_without_news_changes_no_period_that_had_ripened(seed, days):
    frames = random_log(seed, 40)
    last = max(
        frames["events"]["at"].max(), frames["contacts"]["ended_at"].max(), frames["surveys"]["responded_at"].max()
    )
    last = (last + pd.Timedelta(days=8)).floor("D")  # all has ripened
    ripe = [k for k in KPI_FORMULAS if k not in ("backlog", "resolution_rate") and "time" not in k and "sla" not in k]
    ripe = [k for k in ripe if KPI_CATALOGUE[k].unit != "ratio" and k != "cost_per_case"]
    have = availability(CaseLog.from_frames(**frames)).set_index("kpi")["available"]
    ripe = [k for k in ripe if have[k]]
    a, b = (kpi_history(CaseLog.from_frames(**frames, until=last + pd.Timedelta(days=d)), ripe) for d in (0, days))
    b = b[b["ds"] < last.tz_localize(None)]
    pd.testing.assert_frame_equal(a, b.reset_index(drop=True))


def test_open_cases_are_not_left_out_of_the_resolution_time():
    born = pd.Timestamp("2024-03-01T00:00Z")
    cases = pd.DataFrame({"case_id": list("abcdef"), "created_at": born})
    events = pd.DataFrame(
        {"case_id": list("abc"), "kind": "resolved", "at": [born + pd.Timedelta(hours=h) for h in (1, 2, 3)]}
    )
    log = CaseLog.from_frames(cases=cases, events=events, until="2024-03-09T00:00Z")
    row = kpi_history(log, "resolution_time").iloc[0]
    assert (row["n"], row["numerator"], row["value"]) == (6, 3, 3 * 3600)  # of the resolved alone: 2 hours
    assert np.isnan(row["p90"])


def test_a_day_of_23_and_one_of_25_hours():
    times = pd.date_range("2024-03-30T00:00Z", "2024-04-02T00:00Z", freq="h")
    log = opened(times, timezone="Europe/Amsterdam")
    assert series(kpi_history(log, "cases_opened"), "cases_opened")["y"].tolist() == [23, 23, 24]
    times = pd.date_range("2024-10-26T00:00Z", "2024-10-29T00:00Z", freq="h")
    daily = kpi_history(opened(times, timezone="Europe/Amsterdam"), "cases_opened")
    assert daily["value"].tolist() == [22, 25, 24]
    hourly = kpi_history(opened(times, timezone="Europe/Amsterdam"), "cases_opened", freq="h").set_index("ds")["value"]
    assert hourly[pd.Timestamp("2024-10-27 02:00")] == 2
    assert hourly.drop(pd.Timestamp("2024-10-27 02:00")).eq(1).all()


def test_the_period_that_is_cut_is_left_out():
    history = kpi_history(opened(["2024-03-01T09:00Z", "2024-03-04T17:00Z"]), "cases_opened")
    assert history["value"].tolist() == [1, 0, 0]
    assert kpi_history(opened(["2024-03-01T09:00Z"]), "cases_opened").empty


def test_a_log_of_volumes_gives_arrivals_and_nothing_else():
    ds = pd.date_range("2003-03-03T12:00Z", periods=24, freq="5min")
    volumes = pd.DataFrame({"unique_id": "calls", "ds": ds, "slot_s": 300.0, "y": np.arange(24.0)})
    log = CaseLog.from_frames(volumes=volumes, timezone="America/New_York")
    history = kpi_history(log, freq="15min")
    assert set(history["kpi"]) == {"cases_opened"}
    table = series(history, "cases_opened")
    assert table["y"].tolist() == [3, 12, 21, 30, 39, 48, 57, 66]
    assert table["ds"].iloc[0] == pd.Timestamp("2003-03-03 07:00")
    assert series(kpi_history(log, by="unique_id", freq="h"), "cases_opened")["unique_id"].unique().tolist() == [
        "calls"
    ]
    with pytest.raises(InputError, match="must not be shorter than the intervals"):
        kpi_history(CaseLog.from_frames(volumes=volumes.assign(slot_s=3600.0)), freq="15min")


def test_bare_arrivals_have_no_other_kpi():
    log = opened(["2024-03-01T09:00Z", "2024-03-03T17:00Z"])
    assert set(kpi_history(log)["kpi"]) == {"cases_opened"}
    with pytest.raises(InputError, match="it needs events"):
        kpi_history(log, "backlog")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"kpis": "first_response"}, "did you mean 'first_response_time'"),
        ({"kpis": "mttr"}, "it needs repairs"),
        ({"by": "chanel"}, "did you mean 'channel'"),
        ({"by": ["channel", "channel"]}, "duplicate column"),
        ({"freq": "7min"}, "must divide a day"),
        ({"freq": "fortnight"}, "not a valid frequency"),
        ({"kpis": "cost_per_case", "by": "channel"}, "cannot be split"),
        ({"kpis": "value_settled"}, "it needs column amount"),
        ({"kpis": "resolution_time_business"}, "it needs a calendar"),
        ({"kpis": "responded_within_4x"}, "unknown KPI"),
        ({"kpis": "sla_attainment_lunch"}, "unknown KPI"),
    ],
)
def test_faults_are_named(arguments, words):
    log = CaseLog.from_frames(**random_log(1, 20))
    with pytest.raises(InputError, match=words):
        kpi_history(log, **arguments)


def test_a_kpi_that_is_not_in_the_history():
    history = kpi_history(opened(["2024-03-01T09:00Z", "2024-03-03T17:00Z"]))
    with pytest.raises(InputError, match="did you mean 'cases_opened'"):
        series(history, "case_opened")


def test_shares_and_intervals_are_in_order():
    history = kpi_history(CaseLog.from_frames(**random_log(9, 150)), freq="W")
    for kpi, table in history.groupby("kpi"):
        name = "sla_attainment" if kpi.startswith("sla_attainment") else kpi
        if KPI_CATALOGUE[name].unit == "share":
            assert table["value"].dropna().between(0, 1).all()
        known = table.dropna(subset=["value", "lo"])
        assert (known["lo"] <= known["value"] + 1e-9).all(), kpi
        known = table.dropna(subset=["value", "hi"])
        assert (known["value"] <= known["hi"] + 1e-9).all(), kpi
        assert (table.loc[table["n"] == 0, "value"].isna().all()) or KPI_CATALOGUE[name].unit == "count", kpi


@pytest.mark.parametrize("by", [(), ("channel",)])
def test_durations_fetched_piece_by_piece_are_the_same(monkeypatch, by):
    log = CaseLog.from_frames(**random_log(7, 150), timezone="Europe/Lisbon")
    kpis = ["resolution_time", "first_response_time", "response_time"]
    whole = kpi_history(log, kpis, by=by)
    monkeypatch.setattr("deskcast.features.kpis.queries.MAX_DURATIONS_PER_FETCH", 20)
    pd.testing.assert_frame_equal(kpi_history(log, kpis, by=by), whole)
    assert whole["n"].sum() > 150


def test_kpis_asked_for_together_are_those_asked_for_alone():
    log = CaseLog.from_frames(**random_log(8, 80))
    kpis = [
        "cases_resolved",
        "reopen_rate",
        "transfer_rate",
        "csat",
        "resolution_time",
        "active_resolution_time",
        "nps",
    ]
    together = kpi_history(log, kpis, by="channel")
    for kpi in kpis:
        alone = kpi_history(log, kpi, by="channel")
        pd.testing.assert_frame_equal(together[together["kpi"] == kpi].reset_index(drop=True), alone)


def test_a_name_may_state_its_own_limit():
    log = CaseLog.from_frames(**random_log(3, 60))
    named = ["responded_within_24h", "responded_within_1440min", "responded_within_72h", "backlog_over_12h"]
    found = kpi_history(log, [*named, "service_level", "service_level_20s", "service_level_5s"]).groupby("kpi")
    hits = found["numerator"].sum()
    assert hits["responded_within_72h"] > hits["responded_within_24h"] == hits["responded_within_1440min"] > 0
    assert hits["service_level"] == hits["service_level_20s"] > hits["service_level_5s"] > 0
    assert found["n"].sum()["backlog_over_12h"] == kpi_history(log, "backlog")["n"].sum() > hits["backlog_over_12h"] > 0
    assert kpi_history(log, "service_level", limits=Limits(answer_s=5.0))["numerator"].sum() == hits["service_level_5s"]
    with pytest.raises(InputError, match="above 0"):
        Limits(repeat_days=0.0)


def test_which_calendar_counts_is_named_where_there_are_several():
    cases = pd.DataFrame({"case_id": ["1", "2"], "created_at": ["2024-03-01T16:00Z", "2024-03-01T08:00Z"]})
    events = pd.DataFrame({"case_id": ["1"], "at": ["2024-03-04T10:00Z"], "kind": ["resolved"]})
    office = BusinessCalendar.from_hours("UTC", {"mon-fri": ["09:00-17:00"]})
    two = {"office": office, "all": BusinessCalendar.always()}
    kpi = "resolution_time_business"

    def first(calendars, **limits):
        log = CaseLog.from_frames(cases=cases, events=events, calendars=calendars)
        return kpi_history(log, kpi, limits=Limits(**limits)).iloc[0][["n", "numerator", "value"]].tolist()

    assert first({"office": office}) == [2, 1, 2 * 3600]
    assert first(two, calendar="all") == [2, 1, 66 * 3600]
    with pytest.raises(InputError, match="needs the name of the calendar that counts: office or all"):
        first(two)
    with pytest.raises(InputError, match="unknown calendar"):
        first(two, calendar="ofice")


def test_amounts_settled_are_summed_and_hidden_until_the_case_ends():
    cases = pd.DataFrame({"case_id": list("abc"), "created_at": ["2024-03-01T08:00Z"] * 3, "amount": [10, "2.5", None]})
    ends = ["2024-03-01T10:00Z", "2024-03-02T10:00Z", "2024-03-02T11:00Z"]
    events = pd.DataFrame({"case_id": list("abc"), "at": ends, "kind": "resolved"})
    log = CaseLog.from_frames(cases=cases, events=events, until="2024-03-04T00:00Z")
    told = kpi_history(log, "value_settled").set_index("ds")
    assert told["value"].tolist() == [10, 2.5, 0]
    assert told["n"].tolist() == [1, 1, 0]
    seen = log.as_of("2024-03-02T00:00Z").frame("cases").set_index("case_id")["amount"]
    assert seen["a"] == 10
    assert seen[["b", "c"]].isna().all()
