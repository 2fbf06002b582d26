"""Case work that is planned for a chance: each day of a week has its cases in time as surely as stated."""

import numpy as np
import pandas as pd
import pytest
from deskcast.features.calendars.business_calendar import BusinessCalendar
from deskcast.forecasting.backlog.casework import build_deferred_work
from deskcast.forecasting.backlog.plan import backlog_plan
from deskcast.forecasting.backlog.work_flow import run_work

OFFICE = BusinessCalendar.from_hours("UTC", {"mon-fri": ["09:00-17:00"]})
PROFILE = np.tile(np.concatenate([np.zeros(8), np.full(10, 30.0), np.zeros(6)]), 2)
DS, OF_DAY = pd.date_range("2024-03-04", periods=48, freq="h"), np.arange(48) // 24
RULES = {"sla_s": 7200.0, "handle_s": 1200.0}


def draw(count, seed, even=False):
    """Return paths of cases of two days, each busier or quieter by 12%."""
    dice = np.random.default_rng(seed)
    scores = dice.standard_normal((count, 2))
    if even:
        scores = (scores - scores.mean(axis=0)) / scores.std(axis=0)
    return dice.poisson(np.exp(0.12 * scores)[:, OF_DAY] * PROFILE).astype(float)


def frame(cases):
    return pd.concat([pd.DataFrame({"ds": DS, "path": k, "y": row}) for k, row in enumerate(cases)])


def play(agents, count, seed):
    """Return the share of days without a late case, by day; each case takes an exponential time."""
    cases = draw(count, seed)
    work = build_deferred_work(frame(np.random.default_rng(seed).gamma(np.maximum(cases, 1e-9))), OFFICE, **RULES)
    return (run_work(work, agents * work.open_s).late.reshape(-1, 2, 24).sum(axis=2) <= 0.01).mean(axis=0)


@pytest.mark.parametrize("sure", [0.7, 0.9])
def test_each_day_is_in_time_at_the_stated_chance(sure):
    plan = backlog_plan(frame(draw(250, 1, even=True)), OFFICE, confidence=sure, **RULES)
    met = play(plan["agents"].to_numpy(), 800, 5)
    assert met == pytest.approx(sure, abs=0.07)
    assert met.mean() == pytest.approx(sure, abs=0.05)


def test_without_a_chance_the_mean_is_planned_and_a_day_fails_often():
    cases = draw(100, 1)
    plan = backlog_plan(frame(cases), OFFICE, **RULES)
    mean = backlog_plan(pd.DataFrame({"ds": DS, "y": cases.mean(axis=0)}), OFFICE, **RULES)
    assert plan["agents"].tolist() == mean["agents"].tolist()
    assert play(plan["agents"].to_numpy(), 200, 5).max() < 0.7


def test_what_no_agents_could_do_in_time_is_not_paid_for():
    """30 cases are due at 00:30, and 12 agents cannot do them: that is no reason to staff each hour to the limit."""
    dice, ds = np.random.default_rng(0), pd.date_range("2024-03-04", periods=72, freq="h")
    cases = pd.concat([pd.DataFrame({"ds": ds, "y": 10 * np.exp(dice.normal(0, 0.15)), "path": k}) for k in range(60)])
    soon = pd.DataFrame({"due_at": pd.to_datetime(["2024-03-04 00:30"] * 30, utc=True)})
    rules = {"sla_s": 14400.0, "handle_s": 3000.0, "confidence": 0.8, "max_agents": 12}
    plan = backlog_plan(cases, BusinessCalendar.always(), backlog=soon, **rules)
    hours = plan["agents"].to_numpy().reshape(3, 24).sum(axis=1)
    assert hours.max() < 265  # 288 is the limit; 200 of new cases, 25 of those that wait, and what makes it sure
    assert hours.min() > 200
