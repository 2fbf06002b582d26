"""What a call log says: known truth from simulated queues and the simulated desk, and the real calls of a bank."""

import numpy as np
import pandas as pd
import pytest
from deskcast.features.errors import InputError
from deskcast.forecasting.queueing.call_log import (
    call_intervals,
    compute_waits,
    estimate_patience,
    find_immediate_abandons,
)
from deskcast.forecasting.queueing.call_log_fit import expected_calls, predict_interval_performance
from deskcast.forecasting.simulation.queue import SERVED, Agent, simulate_queue

BEGIN = pd.Timestamp("2024-03-01 08:00", tz="UTC")


def log_of(run, crew):
    """The contacts table that a simulated queue leaves behind."""
    served = run.outcome == SERVED

    def instant(seconds):
        return pd.Series(BEGIN + pd.to_timedelta(seconds, unit="s")).astype("datetime64[us, UTC]")

    return pd.DataFrame(
        {
            "contact_id": np.arange(len(run.arrived)).astype(str),
            "queued_at": instant(run.arrived),
            "answered_at": instant(np.where(served, run.start, np.nan)),
            "ended_at": instant(run.end),
            "outcome": np.where(served, "answered", "abandoned"),
            "agent_id": pd.Series(run.agent).map(lambda a: f"agent {a}").where(served),
        }
    )


@pytest.fixture(scope="module")
def simulated():
    """Ten days of ten hours, 14 agents on shift, 50 calls each half-hour of 480 s, patience 150 s."""
    rng, n = np.random.default_rng(4), 10_000
    arrivals = np.sort(rng.uniform(0, 36_000, n) + 86_400 * rng.integers(0, 10, n))
    shifts = tuple((86_400.0 * d, 86_400.0 * d + 36_000.0) for d in range(10))
    crew = [Agent((0,), shifts)] * 14
    return simulate_queue(arrivals, rng.exponential(480, n), crew, patience=rng.exponential(150, n)), crew


@pytest.fixture(scope="module")
def contacts(simulated):
    return log_of(*simulated)


def open_hours(intervals):
    return intervals[(intervals["ds"].dt.hour >= 8) & (intervals["ds"].dt.hour < 18)]


def test_patience_is_recovered_from_the_censored_log(contacts):
    found = estimate_patience(contacts)
    error = found.mean_s / np.sqrt(found.abandoned)
    assert abs(found.mean_s - 150) < 3 * error
    assert found.lo_s < 150 * np.log(2) < found.hi_s
    given_up = compute_waits(contacts)[contacts["outcome"] == "abandoned"].mean()
    assert given_up < 100, "the mean of those who gave up is no estimate"
    at = found.curve["at_s"].to_numpy()
    early = at < 200
    np.testing.assert_allclose(found.curve["surviving"][early], np.exp(-at[early] / 150), atol=0.03)
    assert found.distribution().mean == pytest.approx(150, rel=0.2)


def test_the_order_of_rows_does_not_matter(contacts):
    mixed = contacts.sample(frac=1, random_state=3)
    pd.testing.assert_frame_equal(call_intervals(contacts), call_intervals(mixed))
    assert estimate_patience(contacts).mean_s == pytest.approx(estimate_patience(mixed).mean_s)


def test_intervals_count_what_happened(contacts):
    found = call_intervals(contacts)
    assert found["offered"].sum() == len(contacts)
    assert found["answered"].sum() == (contacts["outcome"] == "answered").sum()
    assert found["abandoned"].sum() == (contacts["outcome"] == "abandoned").sum()
    total = np.nansum(found["mean_wait_s"] * found["offered"])
    assert total == pytest.approx(compute_waits(contacts).sum())
    assert (found["queue"] * 1800).sum() == pytest.approx(total, rel=0.01)  # Little, but for the end of the log
    handled = contacts.dropna(subset=["agent_id"])
    work = (handled["ended_at"] - handled["answered_at"]).dt.total_seconds().sum()
    assert (found["busy"] * 1800).sum() == pytest.approx(work, rel=0.01)


def test_agents_on_duty_are_inferred(contacts):
    found = open_hours(call_intervals(contacts))
    assert found["on_duty"].mean() == pytest.approx(14, abs=0.3)
    night = call_intervals(contacts)
    assert night[night["ds"].dt.hour < 6]["on_duty"].max() == 0
    assert np.average(found["taking"].dropna(), weights=found["waiting"][found["taking"].notna()]) == pytest.approx(
        14, abs=0.05
    )


def test_predictions_hold_where_the_model_does(contacts):
    patience = estimate_patience(contacts)
    used = open_hours(call_intervals(contacts))
    used = used.assign(expected=expected_calls(used))
    for given in (patience.mean_s, patience.distribution()):
        found = predict_interval_performance(used, given, 480.0, calls="expected")
        for measure, off in (("mean_wait_s", 0.15), ("abandonment", 0.15), ("service_level", 0.08)):
            seen, said = (np.average(found[p + measure], weights=found["offered"]) for p in ("", "predicted_"))
            assert said == pytest.approx(seen, rel=off), measure


def test_expected_calls_take_out_the_luck():
    rng, days = np.random.default_rng(6), 60
    ds = pd.DatetimeIndex(
        np.concatenate([pd.date_range(f"2024-03-01 {h:02d}:00", periods=days, freq="D") for h in range(8)])
    )
    rate = np.repeat(np.linspace(20, 60, 8), days)
    for spread in (0.0, 0.4):
        true = rate * (rng.gamma(1 / spread**2, spread**2, len(rate)) if spread else 1)
        offered = rng.poisson(true)
        found = expected_calls(pd.DataFrame({"ds": ds, "offered": offered}))
        assert ((found - true) ** 2).mean() < 0.9 * ((offered - true) ** 2).mean()
        assert found.mean() == pytest.approx(offered.mean())


def test_wrap_up_is_work(contacts):
    longer = call_intervals(contacts.assign(wrap_s=60.0))
    assert longer["busy"].sum() > call_intervals(contacts)["busy"].sum()


def test_local_clock(contacts):
    there = call_intervals(contacts, timezone="Asia/Tokyo")
    assert there["ds"].iloc[0] == call_intervals(contacts)["ds"].iloc[0] + pd.Timedelta(hours=9)


def test_what_is_still_waiting_is_left_out(contacts):
    cut = contacts.copy()
    cut.loc[cut.index[-1], ["answered_at", "ended_at", "agent_id"]] = pd.NaT, pd.NaT, None
    assert call_intervals(cut)["offered"].sum() == len(cut) - 1
    assert compute_waits(cut).isna().sum() == 1


def test_who_left_at_once_did_not_wait():
    at = pd.Series([BEGIN] * 3)
    log = pd.DataFrame(
        {
            "queued_at": at,
            "answered_at": pd.Series([pd.NaT, pd.NaT, BEGIN + pd.Timedelta(seconds=9)]).astype("datetime64[us, UTC]"),
            "ended_at": at + pd.to_timedelta([1, 30, 99], unit="s"),
            "outcome": ["abandoned", "abandoned", "answered"],
        }
    )
    assert find_immediate_abandons(log).tolist() == [True, False, False]
    found = estimate_patience(log)
    assert (found.calls, found.abandoned, found.immediate_abandons, found.mean_s) == (2, 1, 1, 39.0)


def test_the_simulated_desk_gives_its_patience_back():
    from deskcast.pipelines.simulated_desk.desk import simulate_desk

    calls = simulate_desk(3000).tables["contacts"]
    calls = calls[calls["channel"] == "phone"]
    found = estimate_patience(calls)
    error = 200 / np.sqrt(found.abandoned)
    assert abs(found.mean_s - 200.5) < 4 * error  # whole seconds from 1 on
    assert found.abandoned > 30


def test_the_bank(shared_data):
    """Golden values of the data's own description, and what the benchmark reports."""
    path = shared_data("anonymous_bank_calls_feb1999/calls_1999_02.csv.gz")
    from call_log import ZONE, bank_contacts, weekdays

    calls = bank_contacts(path.parents[1])
    named = calls["agent_id"].notna() & calls["answered_at"].notna()
    handle = (calls["ended_at"] - calls["answered_at"]).dt.total_seconds()[named]
    assert handle.mean() == pytest.approx(179, abs=1)
    assert compute_waits(calls).mean() == pytest.approx(41, abs=1.5)
    assert (calls["outcome"] == "abandoned").mean() == pytest.approx(0.179, abs=0.002)
    patience = estimate_patience(calls)
    assert 320 < patience.mean_s < 370
    assert 250 < patience.median_s < 300
    used = weekdays(call_intervals(calls[~find_immediate_abandons(calls)], timezone=ZONE))
    few, many = (predict_interval_performance(used, patience.mean_s, handle.mean(), a) for a in ("taking", "on_duty"))
    seen = np.average(used["mean_wait_s"], weights=used["offered"])
    low, high = (np.average(f["predicted_mean_wait_s"], weights=f["offered"]) for f in (many, few))
    assert low < seen < high, "the two counts of agents should enclose what was observed"


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda c: c.drop(columns="ended_at"), "column 'ended_at'"),
        (lambda c: c.iloc[:0], "missing contacts"),
        (lambda c: c[c["outcome"] == "answered"], "missing abandoned contacts"),
    ],
)
def test_bad_input_is_named(contacts, spoil, words):
    with pytest.raises(InputError, match=words):
        estimate_patience(spoil(contacts))


def test_agents_are_needed(contacts):
    with pytest.raises(InputError, match="column 'agent_id'"):
        call_intervals(contacts.drop(columns="agent_id"))
