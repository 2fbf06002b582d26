"""What is not known yet is marked: answers of a young survey, a period that is not over, unbooked costs."""

import numpy as np
import pandas as pd
import pytest
from deskcast.features.case_log.log import CaseLog
from deskcast.features.errors import InputError
from deskcast.features.kpis.kpi_history import kpi_history, series
from deskcast.features.kpis.maturity import find_ripe_start
from deskcast.features.sources.spec import SourceSpec
from deskcast.features.sources.table import read_mapped_table
from hypothesis import given, settings
from hypothesis import strategies as st

START = pd.Timestamp("2024-03-04T00:00Z")  # a Monday


def surveyed(days: int, delay_h: float, kind: str = "csat", zone: str = "UTC") -> CaseLog:
    """Return a survey an hour, each answered after the same time if the log has lasted so long."""
    offered = pd.Series(pd.date_range(START, periods=24 * days, freq="h"))
    until = START + pd.Timedelta(days=days)
    answered = offered + pd.Timedelta(hours=delay_h)
    answered = answered.where(answered <= until)
    score = np.where(answered.notna(), 4.0, np.nan)
    frame = pd.DataFrame({"survey_id": range(len(offered)), "kind": kind, "offered_at": offered})
    return CaseLog.from_frames(surveys=frame.assign(responded_at=answered, score=score), until=until, timezone=zone)


@pytest.mark.parametrize("kind", ["csat", "nps", "ces", "agent_satisfaction"])
def test_a_young_log_knows_no_survey_kpi(kind):
    """In five days nothing shows how long answers take: all that is in came quickly."""
    history = kpi_history(surveyed(5, 20, kind), kind)
    assert history["n"].sum() > 0
    assert history["cut"].all()
    assert series(history, kind).empty


@settings(max_examples=15, deadline=None)
@given(days=st.integers(9, 30), delay=st.integers(1, 150), zone=st.sampled_from(["UTC", "Asia/Kolkata"]))
def test_surveys_are_held_back_for_the_usual_time_to_answer(days, delay, zone):
    history = kpi_history(surveyed(days, delay, zone=zone), "csat")
    ripe = (days - 7) * 24 + 1 >= 20 and delay <= 7 * 24
    first = (START + pd.Timedelta(hours=delay if ripe else 7 * 24)).tz_convert(zone).tz_localize(None)
    held = history[(history["ds"] < first)]
    assert held["cut"].all()
    assert not history.loc[history["ds"] >= first, "cut"].any()


def test_answers_that_date_their_own_offers_wait_for_nothing():
    log = surveyed(5, 0)
    assert not kpi_history(log, ["csat", "survey_response_rate"])["cut"].any()


@pytest.mark.parametrize("kpi", ["csat", "sla_attainment_resolution", "sla_attainment"])
def test_a_stray_time_long_before_all_others_makes_no_young_log_old(kpi):
    begun = []
    for first in (START, pd.Timestamp("1970-01-01T00:00Z")):
        at = pd.Series([first, *pd.date_range(START, periods=24 * 5, freq="h")[1:]])
        ids = [str(i) for i in range(len(at))]
        surveys = pd.DataFrame({"survey_id": ids, "kind": "csat", "offered_at": at, "score": 4.0})
        log = CaseLog.from_frames(
            cases=pd.DataFrame({"case_id": ids, "created_at": at}),
            events=pd.DataFrame({"case_id": ids, "at": at + pd.Timedelta("1h"), "kind": "resolved"}),
            sla_policies=pd.DataFrame(
                {"policy": ["all"], "metric": ["resolution"], "target_s": [3 * 86400.0], "clock": "calendar"}
            ),
            surveys=surveys.assign(responded_at=at + pd.Timedelta("20h")),
            until=START + pd.Timedelta("6D"),
        )
        begun.append(find_ripe_start(log, kpi))
    wait = pd.Timedelta("7D") if kpi == "csat" else pd.Timedelta("3D")
    assert begun == [START.tz_localize(None) + wait, START.tz_localize(None) + wait + pd.Timedelta("1h")]


def desk(until: str) -> CaseLog:
    at = pd.date_range("2024-01-01", periods=80 * 24, freq="h", tz="UTC")
    ids = [str(i) for i in range(len(at))]
    months = pd.date_range("2024-01-01", periods=2, freq="MS", tz="UTC")
    costs = pd.DataFrame({"start": months, "end": months + pd.offsets.MonthBegin(1), "amount": 3000.0})
    return CaseLog.from_frames(
        cases=pd.DataFrame({"case_id": ids, "created_at": at}),
        events=pd.DataFrame({"case_id": ids, "at": at + pd.Timedelta("3h"), "kind": "resolved"}),
        costs=costs.assign(category="people", currency="EUR"),
        until=until,
    )


@pytest.mark.parametrize("freq", ["W", "MS", "QS"])
def test_the_period_that_is_not_over_is_there_on_request_and_marked(freq):
    log, kpis = desk("2024-03-20T12:30Z"), ["cases_opened", "cases_resolved", "backlog", "backlog_age"]
    whole, more = (kpi_history(log, kpis, freq=freq, open_period=way) for way in (False, True))
    assert not whole["cut"].any()
    assert more["cut"].sum() == len(kpis)
    pd.testing.assert_frame_equal(more[~more["cut"]].reset_index(drop=True), whole)
    now = more[more["cut"]].set_index("kpi")["value"]
    begun = {"W": "2024-03-18", "MS": "2024-03-01", "QS": "2024-01-01"}[freq]
    hours = (pd.Timestamp("2024-03-20T12:30") - pd.Timestamp(begun)) // pd.Timedelta("1h")
    assert now["cases_opened"] == hours + 1
    assert now["cases_resolved"] == (hours + 1 if freq != "QS" else hours - 2)
    assert now["backlog"] == 3
    assert now["backlog_age"] == pytest.approx(1.5 * 3600, abs=0.1)
    assert series(more, "cases_opened")["ds"].max() < pd.Timestamp(begun) or freq == "QS"


def test_a_month_without_booked_costs_is_not_free():
    history = kpi_history(desk("2024-03-20T12:30Z"), "cost_per_case", freq="MS", open_period=True)
    assert history["value"].notna().tolist() == [True, True, False]
    weeks = kpi_history(desk("2024-03-20T12:30Z"), "cost_per_case", freq="W")
    assert weeks["value"].isna().tolist() == [str(d) >= "2024-03-01" for d in weeks["ds"]]


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 45 * 86400), st.sampled_from(["D", "W", "MS"]))
def test_money_of_one_instant_counts_as_a_whole_in_its_period(second, freq):
    at = pd.Timestamp("2024-01-01T00:00Z") + pd.Timedelta(seconds=second)
    when = pd.date_range("2024-01-01", "2024-02-29T23:00", freq="h", tz="UTC")
    ids = [str(i) for i in range(len(when))]
    log = CaseLog.from_frames(
        cases=pd.DataFrame({"case_id": ids, "created_at": when}),
        events=pd.DataFrame({"case_id": ids, "at": when, "kind": "resolved"}),
        costs=pd.DataFrame({"start": [at], "end": at, "amount": 900.0, "category": "licences", "currency": "EUR"}),
        until="2024-03-10T00:00Z",
    )
    history = kpi_history(log, "cost_per_case", freq=freq)
    booked = history[history["value"].notna()]
    assert booked["numerator"].tolist() == [pytest.approx(900.0)]
    assert booked["ds"].iloc[0] == max(day for day in history["ds"] if day <= at.tz_localize(None))


@pytest.mark.parametrize(
    ("table", "columns"),
    [
        ("costs", {"amount": 5.0, "category": "licences", "currency": "EUR"}),
        ("agent_time", {"agent_id": "a", "state": "handling"}),
    ],
)
def test_a_stretch_that_ends_before_it_starts_is_refused_or_rejected_by_name(table, columns, tmp_path):
    at = pd.date_range("2024-01-01", periods=3, freq="D", tz="UTC")
    spans = pd.DataFrame({"start": at, "end": at + pd.to_timedelta([1, 0, -1], unit="D"), **columns})
    cases = pd.DataFrame({"case_id": ["1"], "created_at": at[:1]})
    with pytest.raises(InputError, match="ends before it starts") as refused:
        CaseLog.from_frames(cases=cases, **{table: spans})
    assert "row 3" in str(refused.value)
    loaded = read_mapped_table(SourceSpec(table, path="x.csv"), spans)
    assert loaded.rejected[["row", "code"]].values.tolist() == [[3, "time.order"]]
    assert len(loaded.tables[table]) == 2
    assert any("1 row ends at its start" in note for note in loaded.notes) == (table == "costs")
