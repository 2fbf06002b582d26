"""Goals and paired KPIs: probabilities that hold, and speed bought with quality as an alarm of its own."""

import numpy as np
import pandas as pd
import pytest
from deskcast.features.errors import InputError
from deskcast.models.goals import goal_outlook, goal_outlooks, goal_value
from deskcast.models.shifts.gaming import COUNTER_METRIC_PAIRS, gaming_guard

WEEK = np.array([1.1, 1.05, 1.0, 1.0, 0.95, 0.4, 0.3])


def shares(rng, wander=0.0, days=182):
    stamps = pd.date_range("2024-01-01", periods=days, unit="us")
    level = -1.2 + np.cumsum(rng.normal(0, wander, days // 7 + 1))[np.arange(days) // 7]
    p = 1 / (1 + np.exp(-level))
    n = rng.poisson(40 * WEEK[stamps.day_of_week]) + 1.0
    hits = rng.binomial(n.astype(int), rng.beta(60 * p, 60 * (1 - p))).astype(float)
    return pd.DataFrame({"kpi": "on_time", "ds": stamps, "value": hits / n, "n": n, "numerator": hits})


@pytest.mark.parametrize("wander", [0.0, 0.05])
def test_probabilities_and_intervals_of_goals_hold(wander):
    rng = np.random.default_rng(7)
    chance, met, inside = [], [], []
    for _ in range(80):
        history = shares(rng, wander)
        june, may = (history[history["ds"].dt.month == m] for m in (6, 5))
        end = june["numerator"].sum() / june["n"].sum()
        target = may["numerator"].sum() / may["n"].sum() * np.exp(rng.normal(0, 0.03))
        cut = pd.Timestamp("2024-06-01") + pd.Timedelta(days=int(rng.integers(-1, 24)))
        found = goal_outlook(history[history["ds"] <= cut], "on_time", target, draws=800)
        chance.append(found.probability)
        met.append(end >= target)
        inside.append(found.low <= end <= found.high)
    chance, met = np.array(chance), np.array(met)
    assert 0.7 <= np.mean(inside) <= 0.92
    assert abs(chance.mean() - met.mean()) < 0.1
    assert np.mean((chance - met) ** 2) < 0.23
    assert met[chance > 0.7].mean() - met[chance < 0.3].mean() > 0.4


def test_counts_stocks_and_what_is_over():
    days = pd.date_range("2024-01-01", "2024-05-20", unit="us")
    rng = np.random.default_rng(1)
    opened = pd.DataFrame({"kpi": "cases_resolved", "ds": days, "value": rng.poisson(20, len(days)).astype(float)})
    found = goal_outlook(opened, "cases_resolved", 620)
    assert (found.start, found.end, found.days_known) == (pd.Timestamp("2024-05-01"), pd.Timestamp("2024-05-31"), 20)
    assert found.so_far == opened.loc[opened["ds"] >= "2024-05-01", "value"].sum()
    assert found.low < found.forecast < found.high
    assert found.forecast == pytest.approx(620, rel=0.06)
    assert goal_outlook(opened, "cases_resolved", 100).probability == 1
    backlog = opened.assign(kpi="backlog", value=200 + rng.normal(0, 3, len(days)).cumsum())
    stock = goal_outlook(backlog, "backlog", 1000)
    assert (stock.better, stock.probability) == ("lower", 1)
    assert stock.low < backlog["value"].iloc[-1] + 20


def test_a_stock_stands_where_it_was_last_known_and_not_at_0():
    days = pd.date_range("2024-01-01", "2024-05-20", unit="us")
    value = 200.0 + np.arange(len(days)) % 7
    value[[40, -1]] = np.nan
    backlog = pd.DataFrame({"kpi": "backlog", "ds": days, "value": value})
    assert goal_value(backlog, "backlog", days[-5], days[-1]) == value[-2]
    assert np.isnan(goal_value(backlog, "backlog", days[-1], days[-1]))
    found = goal_outlook(backlog, "backlog", 150)
    assert (found.so_far, found.probability) == (value[-2], 0)


def test_goals_in_a_frame_and_what_cannot_be_had():
    rng = np.random.default_rng(2)
    history = shares(rng)
    goals = pd.DataFrame({"kpi": ["on_time", "on_time"], "target": [0.1, 0.9], "better": ["higher", None]})
    table = goal_outlooks(history, goals)
    assert table["probability"].tolist() == [1.0, 0.0]
    assert table["summary"].iloc[1].startswith("On time, at least 0.9 by 2024-")
    assert ": under 1% chance; expected 0." in table["summary"].iloc[1]
    assert ": over 99% chance; expected 0." in table["summary"].iloc[0]
    young = goal_outlook(history[:20], "on_time", 0.3)
    assert np.isnan(young.probability)
    assert "too little data for a forecast" in young.summary
    for options, words in (
        ({"kpi": "csat"}, "unknown KPI or series"),
        ({"better": "up"}, "direction"),
        ({"period": "D"}, "period"),
    ):
        with pytest.raises(InputError, match=words):
            goal_outlook(history, **({"kpi": "on_time", "target": 0.3} | options))


def pair(rng, faster=1.0, worse=0.1, teams=4, days=150, since=110):
    """Return handle times and repeat contacts of some teams; those of the first change together."""
    frames = []
    for team in range(teams):
        late = (np.arange(days) >= since) & (team == 0)
        stamps, n = pd.date_range("2024-01-01", periods=days, unit="us"), 80.0
        time = 400 * np.exp(rng.normal(0, 0.06, days)) * np.where(late, faster, 1)
        frames.append(pd.DataFrame({"kpi": "handle_time", "team": f"t{team}", "ds": stamps, "value": time, "n": n}))
        hits = rng.binomial(int(n), np.where(late, worse, 0.1)).astype(float)
        rate = {"value": hits / n, "n": n, "numerator": hits}
        frames.append(pd.DataFrame({"kpi": "repeat_contact_rate", "team": f"t{team}", "ds": stamps, **rate}))
    return pd.concat(frames, ignore_index=True)


def test_speed_bought_with_quality_is_an_alarm_of_its_own():
    found = gaming_guard(pair(np.random.default_rng(3), faster=0.93, worse=0.15))
    assert found["series"].tolist() == ["t0"]
    row = found.iloc[0]
    assert (row["improved_kpi"], row["worsened_kpi"]) == ("handle_time", "repeat_contact_rate")
    assert abs((row["started_at"] - pd.Timestamp("2024-04-20")).days) <= 7
    assert row["improved_after"] < row["improved_before"]
    assert row["worsened_after"] > row["worsened_before"]
    assert row["summary"].startswith("Handle time down, repeat contact rate up: ")


@pytest.mark.parametrize(("faster", "worse"), [(1.0, 0.1), (0.9, 0.1), (1.0, 0.2), (1.1, 0.2), (0.9, 0.05)])
def test_one_side_alone_is_no_gaming(faster, worse):
    assert len(gaming_guard(pair(np.random.default_rng(4), faster, worse))) == 0


def test_pairs_without_both_kpis_are_left_out():
    history = pair(np.random.default_rng(5))
    assert len(gaming_guard(history[history["kpi"] == "handle_time"])) == 0
    assert len(gaming_guard(history.iloc[:0])) == 0
    assert {p.gain for p in COUNTER_METRIC_PAIRS} == {"handle_time", "first_response_time", "cases_per_agent_hour"}
    with pytest.raises(InputError, match="false_alerts_per_week"):
        gaming_guard(history, false_alerts_per_week=0)
