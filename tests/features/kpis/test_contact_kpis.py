"""KPIs of working time, money, tasks and repairs, on hand-made logs and against slow sums."""

import numpy as np
import pandas as pd
import pytest
from deskcast.features.case_log.log import CaseLog
from deskcast.features.kpis.kpi_history import kpi_history
from logs import random_log

DAY = 86400.0


@pytest.fixture(scope="module")
def desk():
    frames = random_log(4, 40)
    return frames, CaseLog.from_frames(**frames, timezone="Europe/Lisbon")


def days_of(log):
    """Start and end of every whole local day, by plain arithmetic on the zone."""
    ds = kpi_history(log, "occupancy")["ds"]
    starts = ds.dt.tz_localize(log.timezone)
    ends = (ds + pd.Timedelta(days=1)).dt.tz_localize(log.timezone)
    return list(zip(starts, ends, strict=True))


def seconds_in(rows, start, end):
    return sum(max((min(r.end, end) - max(r.start, start)).total_seconds(), 0.0) for r in rows.itertuples())


def test_time_of_agents_is_cut_at_the_bounds_of_days(desk):
    frames, log = desk
    time = frames["agent_time"]
    spans = days_of(log)
    busy = [seconds_in(time[time["state"] == "handling"], *span) for span in spans]
    ready = [seconds_in(time[time["state"].isin(["handling", "available"])], *span) for span in spans]
    paid = [seconds_in(time[time["paid"]], *span) for span in spans]
    history = kpi_history(log, ["occupancy", "utilisation", "availability"]).set_index("kpi")
    np.testing.assert_allclose(history.loc["occupancy", "n"], ready, atol=1e-3)
    np.testing.assert_allclose(history.loc["occupancy", "numerator"], busy, atol=1e-3)
    np.testing.assert_allclose(history.loc["utilisation", "value"], np.divide(busy, paid), atol=1e-9)
    np.testing.assert_allclose(history.loc["availability", "value"], np.divide(ready, paid), atol=1e-9)
    by_team = kpi_history(log, "occupancy", by="team").groupby("ds")["n"].sum()
    np.testing.assert_allclose(by_team, ready, atol=1e-3)


def test_no_stretch_of_time_is_lost(desk):
    frames, log = desk
    hourly, weekly = (kpi_history(log, "occupancy", freq=f)["n"].sum() for f in ("h", "W"))
    time = frames["agent_time"]
    ready = time[time["state"].isin(["handling", "available"])]
    end = log.until.tz_convert("Europe/Lisbon").floor("h")
    start = ready["start"].min() - pd.Timedelta(days=7)
    assert hourly == pytest.approx(seconds_in(ready, start, end))
    assert weekly <= hourly


def test_money_is_spread_over_its_span(desk):
    frames, log = desk
    weekly = kpi_history(log, "cost_per_case", freq="D")
    costs = frames["costs"]
    rate = sum(r.amount * seconds_in(pd.DataFrame([r]), *days_of(log)[5]) / (7 * DAY) for r in costs.itertuples())
    fifth = weekly[weekly["ds"] == days_of(log)[5][0].tz_localize(None)].iloc[0]
    assert fifth["numerator"] == pytest.approx(rate)
    resolved = kpi_history(log, "cases_resolved").set_index("ds")["value"]
    assert fifth["n"] == resolved[fifth["ds"]]


def test_cost_per_success_waits_until_a_reopening_could_have_come(desk):
    _, log = desk
    table = kpi_history(log, "cost_per_success")
    young = table["ds"].dt.tz_localize("Europe/Lisbon") + pd.Timedelta(days=8) > log.until
    assert young.sum() >= 6
    assert table.loc[young, "value"].isna().all()
    assert table.loc[~young, "value"].notna().any()


def test_repairs():
    at = pd.to_datetime(["2024-03-01T00:00Z", "2024-03-01T06:00Z", "2024-03-03T00:00Z"])
    repairs = pd.DataFrame(
        {
            "asset_id": ["a", "b", "a"],
            "failed_at": at,
            "repaired_at": [at[0] + pd.Timedelta(hours=4), at[1] + pd.Timedelta(hours=2), pd.NaT],
            "fixed_first_visit": [True, False, None],
        }
    )
    cases = pd.DataFrame({"case_id": ["1"], "created_at": at[:1]})
    log = CaseLog.from_frames(cases=cases, repairs=repairs, until="2024-03-05T00:00Z")
    first = kpi_history(log, ["mttr", "mtbf", "first_time_fix_rate"]).groupby("kpi").nth(0).set_index("kpi")
    assert first.loc["mttr", "mean"] == 3 * 3600
    assert first.loc["first_time_fix_rate", "value"] == 0.5
    # a fails again after 44 hours, b still runs
    assert first.loc["mtbf", ["n", "numerator", "value"]].tolist() == [2, 1, 44 * 3600]
    third = kpi_history(log, "mttr").iloc[2]
    assert (third["n"], third["numerator"]) == (1, 0)


def test_tasks():
    start = pd.Timestamp("2024-03-01T00:00Z")
    tasks = pd.DataFrame(
        {
            "task_id": list("abc"),
            "started_at": start,
            "finished_at": start + pd.Timedelta(minutes=5),
            "completed": [True, True, False],
            "screens": [3, 5, 90],
            "clicks": [10, 20, 30],
        }
    )
    cases = pd.DataFrame({"case_id": ["1"], "created_at": [start]})
    log = CaseLog.from_frames(cases=cases, tasks=tasks, until="2024-03-02T00:00Z")
    value = kpi_history(log).set_index("kpi")["value"]
    assert value["screens_per_task"] == 4
    assert value["clicks_per_task"] == 15
    assert value["task_completion_rate"] == pytest.approx(2 / 3)


def test_csat_has_its_mean_and_its_response_rate_beside_it():
    start = pd.Timestamp("2024-03-01T09:00Z")
    surveys = pd.DataFrame(
        {
            "survey_id": list("abcd"),
            "kind": "csat",
            "offered_at": start,
            "responded_at": [start, start, pd.NaT, pd.NaT],
            "score": [5, 2, None, None],
        }
    )
    cases = pd.DataFrame({"case_id": ["1"], "created_at": [start]})
    log = CaseLog.from_frames(cases=cases, surveys=surveys, until="2024-03-20T00:00Z")
    row = kpi_history(log).groupby("kpi").nth(0).set_index("kpi")
    assert row.loc["csat", ["value", "n", "numerator", "mean"]].tolist() == [0.5, 2, 1, 3.5]
    assert row.loc["survey_response_rate", "value"] == 0.5
    assert 0.09 < row.loc["csat", "lo"] < row.loc["csat", "hi"] < 0.91  # Wilson for 1 of 2: 0.0945 to 0.9055


def test_who_hung_up_in_the_queue_was_not_on_hold():
    start = pd.Timestamp("2024-03-01T09:00Z")
    contacts = pd.DataFrame(
        {
            "contact_id": list("abc"),
            "queued_at": start,
            "answered_at": [start, start, pd.NaT],
            "ended_at": start + pd.Timedelta(minutes=9),
            "hold_s": [30.0, 50.0, 0.0],
        }
    )
    log = CaseLog.from_frames(contacts=contacts, until="2024-03-02T00:00Z")
    row = kpi_history(log, "hold_time").iloc[0]
    assert (row["n"], row["mean"]) == (2, 40)


def test_without_messages_or_calls_nothing_is_known_of_first_contact():
    start = pd.Timestamp("2024-03-01T09:00Z")
    cases = pd.DataFrame({"case_id": ["1", "2"], "created_at": start, "customer_id": ["x", "y"]})
    ends = pd.DataFrame({"case_id": ["1", "2"], "at": start, "kind": "resolved", "actor_role": "agent"})
    reply = pd.DataFrame({"case_id": ["1", "1"], "at": start, "kind": "message", "actor_role": "agent"})
    calls = pd.DataFrame({"contact_id": ["7"], "case_id": ["2"], "queued_at": [start], "answered_at": [start]})

    def row(events, **more):
        log = CaseLog.from_frames(cases=cases, events=events, until="2024-03-20T00:00Z", **more)
        return kpi_history(log, "first_contact_resolution").iloc[0][["n", "value"]].tolist()

    assert row(ends)[0] == 0
    assert np.isnan(row(ends)[1])
    assert row(pd.concat([ends, reply])) == [2, 0.5]
    assert row(ends, contacts=calls) == [2, 1.0]
