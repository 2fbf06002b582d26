"""Queues and skills: bounds by Erlang, time that is used once, and plans that the simulation confirms."""

import numpy as np
import pandas as pd
import pytest
from deskcast.features.errors import InputError
from deskcast.forecasting.queueing.erlang import queue_performance
from deskcast.forecasting.scheduling.skills import allocate_skills, skill_bounds, skill_plan
from deskcast.forecasting.simulation.skills import simulate_skills
from deskcast.forecasting.staffing.staffing_plan import required_agents
from hypothesis import given, settings
from hypothesis import strategies as st

THREE = pd.DataFrame({"queue": ["de", "en", "fr"], "calls": [60, 120, 30], "aht_s": [240, 300, 360]})
GROUPS = {"de": ["de"], "en": ["en"], "fr": ["fr"], "de+en": ["de", "en"], "all": ["de", "en", "fr"]}


def test_bounds_are_erlang_of_the_pooled_and_of_the_separate_queues():
    found = skill_bounds(THREE).iloc[0]
    alone = required_agents([60, 120, 30], [240, 300, 360])["agents"].sum()
    aht = (60 * 240 + 120 * 300 + 30 * 360) / 210
    assert found["separate"] == alone
    assert found["pooled"] == required_agents(210, aht)["agents"].iloc[0]
    assert found["pooled"] < found["separate"]
    assert found["load"] == pytest.approx(34.0)
    day = pd.concat([THREE.assign(ds=ds) for ds in pd.date_range("2024-03-04 09:00", periods=3, freq="30min")])
    assert skill_bounds(day)["pooled"].tolist() == [found["pooled"]] * 3


@settings(max_examples=60, deadline=None)
@given(
    need=st.lists(st.floats(0, 20), min_size=3, max_size=3),
    people=st.lists(st.integers(0, 12), min_size=5, max_size=5),
)
def test_each_hour_is_used_once_and_the_least_is_missing(need, people):
    wanted, have = dict(zip(["de", "en", "fr"], need, strict=True)), dict(zip(GROUPS, people, strict=True))
    found = allocate_skills(wanted, GROUPS, have)
    used = found[found["group"] != "missing"].groupby("group")["agents"].sum()
    for group, count in have.items():
        assert used.get(group, 0.0) == pytest.approx(count, abs=1e-5)  # with the spare
    given_ = found[found["queue"] != "spare"].groupby("queue")["agents"].sum()
    for queue, size in wanted.items():
        assert given_.get(queue, 0.0) == pytest.approx(size, abs=1e-5)  # with the missing
    work = found[(found["group"] != "missing") & (found["queue"] != "spare")]
    assert all(q in GROUPS[g] for g, q in zip(work["group"], work["queue"], strict=True))
    # by Hall's condition: what the worst set of queues lacks
    sets = [[q for k, q in enumerate(wanted) if mask >> k & 1] for mask in range(8)]
    worst = max(sum(wanted[q] for q in s) - sum(n for g, n in have.items() if set(GROUPS[g]) & set(s)) for s in sets)
    assert found.loc[found["group"] == "missing", "agents"].sum() == pytest.approx(max(worst, 0.0), abs=1e-4)


def test_a_plan_lies_between_its_bounds_and_the_simulation_confirms_it():
    plan = skill_plan(THREE, GROUPS, cost={"de": 1, "en": 1, "fr": 1, "de+en": 1.05, "all": 1.1}, max_occupancy=None)
    bounds = skill_bounds(THREE, max_occupancy=None).iloc[0]
    assert bounds["pooled"] <= plan["least"].sum() <= plan["agents"].sum() <= plan["most"].sum() == bounds["separate"]
    assert plan["agents"].sum() < plan["most"].sum()  # sharing saves somebody
    seen = simulate_skills(THREE, GROUPS, dict(zip(plan["group"], plan["agents"], strict=True)), calls=150_000, seed=7)
    assert (seen["hi"] >= 0.8).all()  # another run than the one that was planned with
    apart = simulate_skills(THREE, GROUPS, dict(zip(plan["group"], plan["most"], strict=True)), calls=100_000, seed=8)
    assert (apart["hi"] >= 0.8).all()
    again = skill_plan(THREE, GROUPS, cost={"de": 1, "en": 1, "fr": 1, "de+en": 1.05, "all": 1.1}, max_occupancy=None)
    pd.testing.assert_frame_equal(plan, again)


def test_full_pooling_and_full_separation_are_the_ends():
    every = skill_plan(THREE, {"all": ["de", "en", "fr"]})
    assert every["least"].iloc[0] == skill_bounds(THREE)["pooled"].iloc[0]
    apart = skill_plan(THREE, {q: [q] for q in THREE["queue"]})
    assert apart["least"].tolist() == apart["agents"].tolist() == apart["most"].tolist()
    assert apart["most"].sum() == skill_bounds(THREE)["separate"].iloc[0]


@pytest.mark.parametrize("patience", [None, 120.0])
def test_the_simulation_agrees_with_the_formula_for_one_queue(patience):
    one = pd.DataFrame({"queue": ["phone"], "calls": [300], "aht_s": [300]})
    agents = 55 if patience is None else 50
    exact = queue_performance(300, 300, agents, patience=patience).iloc[0]
    seen = simulate_skills(one, {"all": ["phone"]}, {"all": agents}, patience=patience, calls=300_000, seed=4).iloc[0]
    assert seen["lo"] <= exact["service_level"] <= seen["hi"]
    assert seen["mean_wait"] == pytest.approx(exact["mean_wait"], rel=0.15)
    assert seen["abandonment"] == pytest.approx(exact["abandonment"], abs=0.005)


def test_a_shared_group_serves_two_queues_as_one():
    """Two like queues that everybody serves are one queue."""
    two = pd.DataFrame({"queue": ["a", "b"], "calls": [50, 50], "aht_s": [180, 180]})
    seen = simulate_skills(two, {"both": ["a", "b"]}, {"both": 14}, calls=300_000, seed=5)
    exact = queue_performance(100, 180, 14)["service_level"].iloc[0]
    assert np.average(seen["service_level"], weights=seen["calls"]) == pytest.approx(exact, abs=0.01)


def test_a_queue_without_calls_needs_nobody():
    idle = pd.DataFrame({"queue": ["a", "b"], "calls": [100, 0], "aht_s": [180, 180]})
    plan = skill_plan(idle, {"a": ["a"], "b": ["b"]}).set_index("group")
    assert plan.loc["b", "agents"] == 0
    assert plan.loc["a", "agents"] == 14
    none = skill_plan(idle.assign(calls=0), {"a": ["a"], "b": ["b"]})
    assert none["agents"].sum() == 0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: skill_plan(THREE, {"de": ["de"]}), "argument 'groups': missing group for this queue; got 'en'"),
        (lambda: skill_plan(THREE, {"x": ["dee"]}), "argument 'groups['x']': unknown queue; got 'dee'"),
        (lambda: skill_plan(THREE, {}), "argument 'groups': missing groups"),
        (lambda: skill_plan(THREE, GROUPS, limits=dict.fromkeys(GROUPS, 3)), "argument 'limits'"),
        (lambda: skill_plan(THREE, GROUPS, cost={"de": 0}), "argument 'cost['de']': the number is out of range"),
        (lambda: skill_plan(THREE.assign(calls=[1, -1, 1]), GROUPS), "argument 'calls', position 1"),
        (lambda: skill_plan(THREE.assign(queue="de"), GROUPS), "column 'queue', row 2: duplicate queue"),
        (lambda: skill_bounds(THREE.drop(columns="aht_s")), "column 'aht_s': missing column"),
        (lambda: allocate_skills({"de": 1}, {"a": ["de"]}, {}), "argument 'people': a group has no value; got 'a'"),
        (lambda: allocate_skills({"de": np.nan}, {"a": ["de"]}, {"a": 1}), "argument 'need['de']'"),
        (lambda: simulate_skills(THREE.assign(calls=0), GROUPS, dict.fromkeys(GROUPS, 1)), "missing calls"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(InputError) as error:
        call()
    assert message in str(error.value)
