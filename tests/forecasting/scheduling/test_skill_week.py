"""Groups with skills over days: between two bounds, played with other numbers, and the priority of a queue."""

import numpy as np
import pandas as pd
import pytest
from deskcast.features.errors import InputError
from deskcast.forecasting.scheduling import skill_week
from deskcast.forecasting.scheduling.skill_week import SkillQueue, plan_skill_groups
from deskcast.forecasting.scheduling.skills import skill_bounds
from deskcast.forecasting.simulation.skills import simulate_skills
from deskcast.forecasting.staffing.target import QueueTarget
from scipy import special

DS = pd.date_range("2024-03-04 08:00", periods=12, freq="30min")
GROUPS = {"de": ["de"], "fr": ["fr"], "both": ["de", "fr"]}
COST = {"both": 1.02}
TARGET = QueueTarget(max_occupancy=None)


@pytest.fixture
def few_contacts(monkeypatch):
    """Play few contacts: the bounds and rules do not rest on how many they are."""
    monkeypatch.setattr(skill_week, "MAX_PLAYED_CONTACTS", 20_000)


def need(de=30.0, fr=20.0, ds=DS):
    rows = []
    for name, calls in (("de", de), ("fr", fr)):
        level = np.broadcast_to(np.asarray(calls, float), len(ds))
        agents = TARGET.require(level, 240.0)["agents"].to_numpy()
        rows.append(pd.DataFrame({"queue": name, "ds": ds, "calls": level, "aht_s": 240.0, "agents": agents}))
    return pd.concat(rows, ignore_index=True)


def queues(**more):
    return {name: SkillQueue(TARGET, **more.get(name, {})) for name in ("de", "fr")}


def test_a_plan_lies_between_its_bounds_and_they_are_those_of_erlang(few_contacts):
    plan, service = plan_skill_groups(need(), GROUPS, queues(), cost=COST)
    total = plan.groupby("ds")[["agents_lo", "agents", "agents_hi"]].sum()
    bounds = skill_bounds(need().query("ds == @DS[0]"), max_occupancy=None).iloc[0]
    assert (total["agents_lo"] >= bounds["pooled"]).all()
    assert (total["agents_hi"] == bounds["separate"]).all()
    assert (total["agents"] >= total["agents_lo"]).all()
    assert (total["agents"] <= total["agents_hi"]).all()
    assert total["agents"].sum() < total["agents_hi"].sum()  # sharing saves somebody
    assert (service["service_level"] >= 0.77).all()
    assert (service["lo"] <= service["service_level"]).all()
    again, _ = plan_skill_groups(need(), GROUPS, queues(), cost=COST)
    pd.testing.assert_frame_equal(plan, again)


def test_the_plan_holds_in_the_steady_simulation_that_knows_nothing_of_days(few_contacts):
    plan, _ = plan_skill_groups(need(), GROUPS, queues(), cost=COST)
    crews = plan.pivot(index="ds", columns="group", values="agents")
    calls, level = need().query("ds == @DS[6]")[["queue", "calls", "aht_s"]], 0.0
    for crew, rows in crews.groupby(list(crews.columns)):
        people = dict(zip(crews.columns, crew, strict=True))
        seen = simulate_skills(calls, GROUPS, people, calls=20_000, seed=3)
        level = level + seen["service_level"].to_numpy() * len(rows) / len(crews)
    assert level.min() >= 0.77


def test_queues_without_common_agents_are_planned_as_they_are_apart(few_contacts):
    plan, _ = plan_skill_groups(need(), {"de": ["de"], "fr": ["fr"]}, queues())
    own = need().set_index(["queue", "ds"])["agents"]
    assert plan.set_index(["group", "ds"])["agents"].tolist() == own.tolist()


def test_contacts_of_a_lower_number_are_answered_first(few_contacts):
    first = queues(de={"priority": 1}, fr={"priority": 2})
    _, service = plan_skill_groups(need(), {"both": ["de", "fr"]}, first)
    _, other = plan_skill_groups(need(), {"both": ["de", "fr"]}, {q: first[p] for q, p in (("de", "fr"), ("fr", "de"))})
    level, turned = (table.set_index("queue")["service_level"] for table in (service, other))
    assert level["de"] > level["fr"]
    assert turned["fr"] > turned["de"]
    assert min(level.min(), turned.min()) >= 0.77


def test_closed_hours_need_nobody_and_a_hole_in_the_day_is_no_work(few_contacts):
    open_then = np.where((DS.hour == 10), 0.0, 60.0)
    plan, _ = plan_skill_groups(need(open_then, open_then), GROUPS, queues(), cost=COST)
    shut = plan["ds"].dt.hour == 10
    assert plan.loc[shut, ["agents_lo", "agents", "agents_hi"]].to_numpy().sum() == 0
    assert plan.loc[~shut].groupby("ds")["agents"].sum().min() > 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"groups": {"de": ["de"]}}, "fr"),
        ({"limits": {"de": 1, "fr": 1, "both": 1}}, "limits are too low"),
        ({"need": need().iloc[1:]}, "queues differ in their intervals"),
        ({"groups": {"de": ["de"], "all": ["de", "frr"]}}, "frr"),
        ({"need": pd.concat([need(), need()])}, "column 'ds', row 25: duplicate interval of a queue"),
        ({"need": need().drop(columns="agents")}, "column 'agents': missing column"),
        ({"rates": {"de": np.ones((3, 12))}}, r"rates\['fr'\]': wrong length"),
        ({"rates": {"de": np.ones((3, 12)), "fr": np.ones((3, 5))}}, r"rates\['fr'\]': wrong length"),
    ],
)
def test_what_cannot_be_is_refused(change, message):
    given = {"need": need(), "groups": GROUPS} | change
    with pytest.raises(InputError, match=message):
        plan_skill_groups(given.pop("need"), given.pop("groups"), queues(), **given)


@pytest.mark.slow
@pytest.mark.parametrize("confidence", [0.8, 0.9])
def test_days_of_two_skills_meet_their_target_at_the_stated_chance(confidence):
    """4,000 other days: rates of a day are off together, by 10 % and more of one queue than of the other."""
    rng = np.random.default_rng(5)
    flat = need(60.0, 40.0)

    def rates(n):
        """Rates of n days, spread as evenly over their distribution as those of sample paths are."""
        scores = special.ndtri((np.arange(n) + 0.5) / n)
        common, *own = (rng.permutation(scores) for _ in range(3))
        base = {"de": 60.0, "fr": 40.0}
        return {
            q: base[q] * np.exp(0.08 * common + 0.06 * x)[:, None] * np.ones(len(DS))
            for q, x in zip(base, own, strict=True)
        }

    sure = {q: SkillQueue(TARGET, confidence=confidence) for q in ("de", "fr")}
    scale = np.exp(0.1 * {0.8: 0.8416, 0.9: 1.2816}[confidence])
    own = TARGET.require(flat["calls"] * scale, 240.0)["agents"].to_numpy()
    plan, _ = plan_skill_groups(flat.assign(agents=own), GROUPS, sure, cost=COST, rates=rates(500))
    days = skill_week._read_days(flat, sure)
    agents = plan["agents"].to_numpy().reshape(3, -1)
    paths = skill_week._read_paths(days, rates(4000), days.calls, "rates")
    good, offered = skill_week._play(days, list(GROUPS.values()), agents, sure, paths, 4000, 99, days.aht[:, None, :])
    met = (good[:, :, 0] >= 0.8 * offered[:, :, 0]).mean(axis=0)
    assert met.min() == pytest.approx(confidence, abs=0.02 + 2 * np.sqrt(confidence * (1 - confidence) / 4000))
