"""Case work with deadlines: plans against slow twins, known figures, and what a planner must be told."""

import numpy as np
import pandas as pd
import pytest
from deskcast.features.calendars.business_calendar import BusinessCalendar
from deskcast.features.errors import InputError
from deskcast.forecasting.backlog.casework import build_deferred_work, planned_inflow
from deskcast.forecasting.backlog.clearing import clear_backlog, phone_idle
from deskcast.forecasting.backlog.outlook import backlog_outlook
from deskcast.forecasting.backlog.plan import backlog_plan
from deskcast.forecasting.backlog.work_flow import run_work
from deskcast.forecasting.scenarios.inflow import inflow_paths
from hypothesis import given, settings
from hypothesis import strategies as st
from plan_twins import cheapest_staffing, deadline_first

ALWAYS = BusinessCalendar.always()
OFFICE = BusinessCalendar.from_hours("UTC", {"mon-fri": ["09:00-17:00"]})
H = 3600.0


def slots(values, start="2024-03-04", freq="h"):
    return pd.DataFrame({"ds": pd.date_range(start, periods=len(values), freq=freq), "y": np.asarray(values, float)})


def mail(weeks=1, erlangs=1.06, handle_s=600.0):
    """Mail that comes round the clock, in half hours."""
    return slots(np.full(336 * weeks, erlangs * 1800 / handle_s), "2024-03-01", "30min")


# --- figures known beforehand -------------------------------------------------------------------------------------


def test_clearing_each_interval_takes_137_agents_where_the_deadline_plan_takes_17():
    """A weekend of 1.06 Erlangs waits on Monday at nine (68.4 h of work), and a letter to all brings 90 cases more.

    By hand: 68.4 h in half an hour are 137 agents. With 4.5 h of time, 83.9 h are due by two o'clock: 16.8 agents.
    """
    arrivals = mail()
    arrivals.loc[arrivals["ds"] == "2024-03-04T09:30", "y"] += 90
    work = build_deferred_work(arrivals, OFFICE, sla_s=4.5 * H, handle_s=600)
    own, waiting = [], 0.0
    for came, open_s in zip(arrivals["y"] * 600, work.open_s, strict=True):
        waiting += came
        own.append(waiting / open_s if open_s else 0.0)
        waiting = 0.0 if open_s else waiting
    assert np.ceil(max(own)) == 137
    plan = backlog_plan(arrivals, OFFICE, sla_s=4.5 * H, handle_s=600, peak_price=5.0)
    assert plan["agents"].max() == 17
    assert plan["breaches"].sum() == 0


def test_a_bare_share_on_time_cheats_and_the_stability_condition_stops_it():
    arrivals = mail(2)
    rules = {"sla_s": 4 * H, "handle_s": 600, "on_time": 0.9, "late_hour_price": 0.0}
    bare = backlog_plan(arrivals, OFFICE, settle=False, **rules)
    honest = backlog_plan(arrivals, OFFICE, **rules)
    came = arrivals["y"].sum()
    assert bare["overdue_open"].iloc[-1] > 0.08 * came  # a tenth is late and never done
    assert honest["overdue_open"].iloc[-1] == pytest.approx(0, abs=1e-6)
    assert (bare["agents"] * bare["open_h"]).sum() < 0.93 * (honest["agents"] * honest["open_h"]).sum()
    tail = arrivals["y"][arrivals["ds"] >= "2024-03-14T17:00"].sum()
    assert honest["backlog"].iloc[-1] <= tail + 1e-6
    assert honest["breaches"].sum() <= 0.1 * came + 1e-6


def test_the_hand_made_day():
    """Twelve cases of half an hour at nine, due at eleven, and six at eleven, due at one: three people, then two."""
    arrivals = slots([12, 0, 6, 0], "2024-03-04T09:00")
    plan = backlog_plan(arrivals, OFFICE, sla_s=2 * H, handle_s=1800)
    assert plan["agents"].sum() == 9
    assert plan["agents"].max() == 3
    assert plan["worked"].sum() == pytest.approx(18)
    assert plan["due"].tolist() == [0, 12, 0, 6]
    assert plan["breaches"].sum() == 0


def test_late_work_says_where_and_why():
    old = pd.DataFrame({"due_at": pd.to_datetime(["2024-03-04T08:00Z", "2024-03-04T10:00Z"]), "cases": [2, 8]})
    plan = backlog_plan(
        slots([0, 0, 0, 0], "2024-03-04T09:00"), OFFICE, sla_s=4 * H, handle_s=1800, backlog=old, max_agents=2
    )
    assert plan["reason"].tolist()[0].startswith("already breached")
    assert plan["breaches"].sum() == pytest.approx(4)  # two agents do four of eight in the hour
    assert plan["agents"].tolist() == [2, 2, 1, 0] or plan["agents"].sum() == 5
    limited = backlog_plan(slots([12, 0, 0, 0], "2024-03-04T09:00"), OFFICE, sla_s=2 * H, handle_s=1800, max_agents=2)
    assert limited["breaches"].tolist() == [0, pytest.approx(4), 0, 0]
    assert limited.loc[1, "reason"] == "the limit of agents is reached from Mon 04 Mar 09:00"
    assert limited["overdue_open"].iloc[-1] == 0
    cheap = backlog_plan(slots([12, 0, 0, 0], "2024-03-04T09:00"), OFFICE, sla_s=2 * H, handle_s=1800, late_price=0.01,
                         late_hour_price=0.01, peak_price=5.0)  # fmt: skip
    assert cheap["breaches"].sum() > 0
    assert cheap.loc[cheap["breaches"] > 0, "reason"].iloc[0] == "more agents would cost more than being late"


# --- against twins -------------------------------------------------------------------------------------------------


@settings(max_examples=25, deadline=None)
@given(
    came=st.lists(st.integers(0, 4), min_size=4, max_size=5),
    sla=st.integers(1, 3),
    closed=st.sets(st.integers(0, 3), max_size=1),
)
def test_the_plan_is_as_cheap_as_the_best_of_all(came, sla, closed):
    hours = [h for h in range(9, 9 + len(came)) if h - 9 not in closed]
    calendar = BusinessCalendar.from_hours("UTC", {"mon": [f"{h:02d}:00-{h + 1:02d}:00" for h in hours]})
    arrivals = slots(came, "2024-03-04T09:00")
    work = build_deferred_work(arrivals, calendar, sla_s=sla * H, handle_s=1800)
    most = [3 if open_s else 0 for open_s in work.open_s]
    last = max(i for i, m in enumerate(most) if m)
    end = sum(came[last + 1 :]) * 1800
    best = cheapest_staffing([[c * 1800 for c in came]], work.due.tolist(), [3600] * len(came), most, end)
    plan = backlog_plan(arrivals, calendar, sla_s=sla * H, handle_s=1800, max_agents=3, peak_price=0, change_price=0)
    if best is None:
        assert plan["breaches"].sum() + max(plan["backlog"].iloc[-1] - end / 1800, 0) > 1e-6
    else:
        assert plan["agents"].sum() == best
        assert plan["breaches"].sum() == pytest.approx(0, abs=1e-6)


@settings(max_examples=40, deadline=None)
@given(
    came=st.lists(st.lists(st.floats(0, 9), min_size=6, max_size=6), min_size=1, max_size=3),
    agents=st.lists(st.integers(0, 4), min_size=6, max_size=6),
    old=st.lists(st.tuples(st.floats(0.1, 5), st.integers(0, 6)), max_size=3),
)
def test_the_flow_equals_the_slow_twin(came, agents, old):
    names = [f"class {i}" for i in range(len(came))]
    promise = {name: (i + 1) * H for i, name in enumerate(names)}
    frame = pd.concat([slots(row).assign(unique_id=name) for name, row in zip(names, came, strict=True)])
    start = pd.Timestamp("2024-03-04", tz="UTC")
    waits = pd.DataFrame(
        {
            "due_at": pd.DatetimeIndex([start + pd.Timedelta(hours=d + 1) for _, d in old], tz="UTC"),
            "cases": [w for w, _ in old],
            "unique_id": names[0],
        }
    )
    work = build_deferred_work(frame, ALWAYS, sla_s=promise, handle_s=1800, backlog=waits)
    runs = run_work(work, np.array(agents) * 3600.0)
    late, left = deadline_first(
        [[c * 1800 for c in row] for row in came], work.due, np.array(agents) * 3600.0, [(w * 1800, d) for w, d in old]
    )
    np.testing.assert_allclose(runs.late[0] * 1800, late, atol=1e-6)
    np.testing.assert_allclose(runs.waiting[0] * 1800, left, atol=1e-6)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000), cap=st.sampled_from([None, 2, 4]))
def test_a_plan_keeps_its_books_and_the_outlook_agrees(seed, cap):
    rng = np.random.default_rng(seed)
    arrivals = slots(rng.poisson(3, 48).astype(float))
    rules = {"sla_s": 6 * H, "handle_s": 1200.0}
    plan = backlog_plan(arrivals, OFFICE, max_agents=cap, **rules)
    assert plan["worked"].sum() + plan["backlog"].iloc[-1] == pytest.approx(plan["arrived"].sum())
    assert (plan["worked"] * 1200 <= plan["agents"] * plan["open_h"] * 3600 + 1e-6).all()
    assert (plan["agents"][plan["open_h"] == 0] == 0).all()
    assert cap is None or plan["agents"].max() <= cap
    seen = backlog_outlook(arrivals, OFFICE, plan["agents"], **rules)
    if plan["breaches"].sum() < 1e-6:  # earliest deadline first keeps every promise that can be kept
        assert seen["breaches"].sum() == pytest.approx(0, abs=1e-6)
    assert (seen["backlog"] <= plan["backlog"] + 1e-6).all()  # it never idles while work waits


def test_two_classes_share_people_by_deadline():
    urgent = slots([0, 0, 6, 0, 0, 0]).assign(unique_id="urgent")
    calm = slots([12, 0, 0, 0, 0, 0]).assign(unique_id="calm")
    rules = {"sla_s": {"urgent": H, "calm": 6 * H}, "handle_s": 1800}
    plan = backlog_plan(pd.concat([urgent, calm]), ALWAYS, max_agents=3, **rules)
    assert plan["agents"].sum() == 9
    assert plan.loc[2, "agents"] == 3
    assert plan["breaches"].sum() == 0


# --- uncertainty ---------------------------------------------------------------------------------------------------


def ahead(days=5):
    frame = slots(np.full(24 * days, 6.0)).rename(columns={"y": "deskcast"})
    return frame.assign(**{"deskcast-lo-80": 4.5, "deskcast-hi-80": 7.5})


def test_paths_keep_the_quantiles_of_each_slot_and_go_together_as_told():
    for together in (0.0, 0.5, 1.0):
        paths = inflow_paths(ahead(), paths=4000, together=together, seed=3)
        wide = paths.pivot(index="path", columns="ds", values="y").to_numpy()
        assert np.allclose(np.quantile(wide, [0.1, 0.5, 0.9], axis=0).mean(axis=1), [4.5, 6, 7.5], atol=0.05)
        seen = np.corrcoef(wide[:, 3], wide[:, 40])[0, 1]
        assert seen == pytest.approx(together, abs=0.05)
    assert inflow_paths(ahead(1), seed=1).equals(inflow_paths(ahead(1), seed=1))


def test_a_plan_for_more_confidence_breaks_fewer_promises():
    risks, hours = [], []
    for confidence in (None, 0.8, 0.97):
        plan = backlog_plan(ahead(), OFFICE, sla_s=8 * H, handle_s=1200, confidence=confidence)
        seen = backlog_outlook(ahead(), OFFICE, plan["agents"], sla_s=8 * H, handle_s=1200)
        risks.append(seen["breach_risk_to_date"].iloc[-1])
        hours.append((plan["agents"] * plan["open_h"]).sum())
    assert risks[0] > risks[1] >= risks[2]
    assert hours[0] < hours[1] < hours[2]
    assert risks[1] <= 0.25
    assert risks[2] <= 0.08


def test_the_planned_total_is_the_quantile_of_the_total():
    work = build_deferred_work(inflow_paths(ahead(2), together=0.2), OFFICE, sla_s=8 * H, handle_s=60)
    plan = planned_inflow(work, 0.9)
    assert (plan >= 0).all()
    assert plan.sum() == pytest.approx(np.quantile(work.inflow.sum(axis=2), 0.9))


@settings(max_examples=15, deadline=None)
@given(classes=st.integers(1, 5), sure=st.floats(0.1, 0.95), seed=st.integers(0, 99))
def test_the_confidence_is_that_of_the_work_of_all_classes(classes, sure, seed):
    """Quantiles of each class add up to far more: of four classes "80%" would be nine in ten weeks."""
    rng, ds = np.random.default_rng(seed), pd.date_range("2024-03-04T09:00", periods=8, freq="h")
    rows = [
        pd.DataFrame({"unique_id": f"p{c}", "ds": ds, "path": path, "y": rng.poisson(rng.gamma(2.0, 2.0), 8)})
        for c in range(classes)
        for path in range(60)
    ]
    handle = {f"p{c}": 60.0 * (c + 1) for c in range(classes)}
    work = build_deferred_work(pd.concat(rows), OFFICE, sla_s=8 * H, handle_s=handle)
    spent = np.einsum("c,pcn->p", work.handle_s, work.inflow)
    planned = work.handle_s @ planned_inflow(work, sure).sum(axis=1)
    assert planned == pytest.approx(np.quantile(spent, sure))


def test_age_and_risk_of_a_queue_that_nobody_serves():
    seen = backlog_outlook(slots([2, 2, 2, 2]), ALWAYS, 0, sla_s=2 * H, handle_s=600)
    assert seen["age_s"].tolist() == [H, 2 * H, 3 * H, 4 * H]
    assert seen["breaches"].tolist() == [0, 2, 2, 2]
    assert seen["breach_risk"].tolist() == [0, 1, 1, 1]
    assert seen["breach_share"].tolist()[1:] == [1, 1, 1]
    old = pd.DataFrame({"due_at": [pd.NaT], "created_at": pd.to_datetime(["2024-03-03T00:00Z"])})
    waits = backlog_outlook(slots([0.0]).assign(ds=pd.to_datetime(["2024-03-04"])), ALWAYS, 0, sla_s=H, handle_s=600,
                            backlog=old)  # fmt: skip
    assert waits["age_s"].tolist() == [25 * H]
    assert waits["breaches"].tolist() == [0]


# --- clearing, the phone, faults -----------------------------------------------------------------------------------


def test_people_who_clear_the_backlog_by_a_date():
    old = pd.DataFrame({"due_at": pd.to_datetime(["2024-03-04T12:00Z"]), "cases": [160]})
    quiet = slots(np.zeros(5 * 24))
    found = clear_backlog(quiet, OFFICE, old, "2024-03-05 17:00", sla_s=16 * H, handle_s=1800)
    assert found.loc[found["enough"], "agents"].min() == 5  # 80 hours in two days of eight
    busy = slots(np.full(5 * 24, 2.0))
    both = clear_backlog(busy, OFFICE, old, "2024-03-05 17:00", sla_s=16 * H, handle_s=1800, left=0.0)
    assert both.loc[both["enough"], "agents"].min() > 5
    assert both["chance"].is_monotonic_increasing
    with pytest.raises(InputError, match="missing opening hours before"):
        clear_backlog(quiet, OFFICE, old, "2024-03-04 07:00", sla_s=16 * H, handle_s=1800)
    with pytest.raises(InputError, match="argument 'by': not a valid time"):
        clear_backlog(quiet, OFFICE, old, "soon", sla_s=16 * H, handle_s=1800)
    with pytest.raises(InputError, match="in intervals without agents"):
        clear_backlog(busy, OFFICE, old, "2024-03-05 20:00", sla_s=16 * H, handle_s=1800, left=0.0)


def test_idle_time_of_the_phone_does_case_work():
    idle = phone_idle([10, 10, 4], [6.0, 9.0, 8.0], 0.85)
    assert idle.tolist() == pytest.approx([2.5, 0.0, 0.0])
    arrivals = slots([12, 0, 0, 0], "2024-03-04T09:00")
    alone = backlog_plan(arrivals, OFFICE, sla_s=4 * H, handle_s=1800)
    helped = backlog_plan(arrivals, OFFICE, sla_s=4 * H, handle_s=1800, free_agents=[1, 1, 1, 1])
    assert alone["agents"].sum() - helped["agents"].sum() == 4
    assert helped["breaches"].sum() == 0


def test_the_clock_that_goes_forward_loses_an_hour():
    lisbon = BusinessCalendar.always("Europe/Lisbon")
    work = build_deferred_work(slots(np.ones(24), "2024-03-31"), lisbon, sla_s=2 * H, handle_s=60)
    assert work.open_s.sum() == 23 * H


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"sla_s": 1800}, "argument 'sla_s': row 10: the SLA target of 'all' is shorter than a slot"),
        ({"handle_s": 0}, "argument 'handle_s': the number is out of range"),
        ({"handle_s": {"x": 1}}, "argument 'handle_s': a class of cases has no value"),
        ({"max_agents": [1, 2]}, "argument 'max_agents': wrong length"),
        ({"min_agents": 3, "max_agents": 2}, "argument 'min_agents', position 0: minimum must not exceed maximum"),
        ({"max_agents": [1] * 47 + [-1]}, "argument 'max_agents', position 47: the number is out of range"),
        ({"on_time": 1.2}, "argument 'on_time': the number is out of range"),
        ({"confidence": "x"}, "argument 'confidence': not a valid number"),
        ({"occupancy": 0}, "argument 'occupancy': the number is out of range"),
        ({"backlog": pd.DataFrame({"due": [1]})}, "argument 'backlog': column 'due_at': missing column"),
        ({"backlog": pd.DataFrame({"due_at": pd.to_datetime(["2024-01-01"])})}, "the times have no zone"),
        ({"arrivals": slots([1, np.nan])}, "argument 'arrivals', position 1: the number is missing"),
        ({"arrivals": slots([1, -1])}, "argument 'arrivals', position 1: the number is out of range"),
        ({"arrivals": slots([1.0]).drop(columns="y")}, "argument 'arrivals': missing column"),
        ({"arrivals": pd.concat([slots([1, 1]), slots([1, 1])])}, "classes and paths must have the same time steps"),
    ],
)
def test_bad_input_is_named(change, message):
    given_ = {"arrivals": slots(np.ones(48)), "sla_s": 8 * H, "handle_s": 600} | change
    with pytest.raises(InputError) as error:
        backlog_plan(given_.pop("arrivals"), OFFICE, **given_)
    assert message in str(error.value)


def test_the_simulation_event_by_event_agrees_with_the_flow():
    """Whole cases of random length, drawn from the promised inflow, done by deadline: the flow is their mean."""
    from deskcast.forecasting.simulation.queue import SERVED, Agent, simulate_queue

    ds = pd.date_range("2024-03-04", periods=72, freq="h")
    rate = np.where((ds.hour >= 8) & (ds.hour < 16), 12.0, 1.0)
    arrivals = pd.DataFrame({"ds": ds, "y": rate})
    agents, handle = 6, 2400.0
    seen = backlog_outlook(arrivals, OFFICE, agents, sla_s=6 * H, handle_s=handle)
    work = build_deferred_work(arrivals, OFFICE, sla_s=6 * H, handle_s=handle)
    shifts = tuple((k * H, (k + 1) * H) for k in np.flatnonzero(work.open_s))
    ends, waiting, late = (np.arange(72) + 1) * H, np.zeros(72), np.zeros(72)
    rng = np.random.default_rng(2)
    runs = 30
    for _ in range(runs):
        slot = np.repeat(np.arange(72), rng.poisson(rate))
        at = np.sort((slot + rng.random(len(slot))) * H)
        slot = (at // H).astype(int)
        due = work.due[0][slot]
        run = simulate_queue(at, rng.exponential(handle, len(at)), [Agent((0,), shifts)] * agents, priority=due)
        end = np.where(run.outcome == SERVED, run.end, np.inf)
        waiting += ((at[:, None] <= ends) & (end[:, None] > ends)).sum(axis=0) / runs
        missed = (due < 72) & (end > ends[np.minimum(due, 71)])
        late += np.bincount(due[missed], minlength=72) / runs
    assert seen["breaches"].sum() > 10  # too few people: the case is a hard one
    assert late.sum() == pytest.approx(seen["breaches"].sum(), rel=0.25, abs=8)
    assert np.abs(waiting - seen["backlog"]).mean() < 0.1 * seen["backlog"].mean() + agents
    assert np.corrcoef(waiting, seen["backlog"])[0, 1] > 0.98
