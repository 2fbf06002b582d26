"""Queues that share agents: the groups of the configuration, planned together, and what that saves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from ...features.arrays import Floats
from ...forecasting.scenarios.sample_paths import sample_paths
from ...forecasting.scheduling.skill_week import SkillQueue, count_runs, plan_skill_groups
from ...forecasting.staffing.handle_time_days import handle_time_paths
from ...forecasting.staffing.path_plan import rate_paths
from ...forecasting.staffing.shrinkage import agents_to_schedule
from ..words.facts import Cell, Fact, Finding
from ..words.figures import figure, setting
from ..words.words import format_list, format_queue
from .queue import FIGURES, PlannedQueue, interval_freq
from .shifts import required_column

Planned = Sequence[tuple[PlannedQueue, pd.DataFrame]]


def plan_shared_agents(planned: Planned) -> tuple[dict[str, pd.DataFrame], list[Finding]]:
    """Plan the groups of agents whom queues with skills share.

    Parameters
    ----------
    planned
        Queues with their own plans; those without skills are left alone.

    Returns
    -------
    tables
        ``skill_groups`` (agents by group and interval, between two bounds) and ``skill_service`` (service level of
        simulated days by queue); none where no queue has skills.
    findings
        What sharing saves, and the simulated service level of each queue.

    Raises
    ------
    InputError
        If the queues have no common intervals, or the limits are too low.
    """
    shared = [(queue, plan) for queue, plan in planned if queue.spec.skills]
    if not shared:
        return {}, []
    config = shared[0][0].project.config
    groups = {
        name: served
        for name, group in config.agents.items()
        if (served := [q.name for q, _ in shared if set(q.spec.skills) <= set(group.skills)])
    }
    need = _common_intervals(shared)
    queues = {q.name: SkillQueue(q.target, q.spec.priority, q.spec.confidence) for q, _ in shared}
    specs = config.agents
    is_sure = any(q.spec.confidence for q, _ in shared)
    rates, longer = _draw_paths(shared, need) if is_sure else (None, None)
    plan, service = plan_skill_groups(
        need,
        groups,
        queues,
        cost={name: specs[name].cost for name in groups},
        limits={name: float(most) for name in groups if (most := specs[name].max_agents) is not None} or None,
        rates=rates,
        longer=longer,
    )
    off = {
        name: max((q for q, _ in shared if q.name in groups[name]), key=lambda q: q.total_shrinkage) for name in groups
    }
    plan["agents_to_schedule"] = 0.0
    for name, queue in off.items():
        mine = plan["group"] == name
        plan.loc[mine, "agents_to_schedule"] = agents_to_schedule(plan.loc[mine, "agents"], **queue.shrinkage)
    plan.insert(1, "queues", plan["group"].map({name: ", ".join(served) for name, served in groups.items()}))
    tables = {"skill_groups": plan, "skill_service": service}
    return tables, _sentences(shared, tables)


def _common_intervals(shared: Planned) -> pd.DataFrame:
    """Return what each queue requires in the intervals that all plans have; a closed queue requires nobody."""
    parts = [
        plan[["ds", "calls", "aht_s"]].assign(queue=queue.name, agents=plan[required_column(plan)])
        for queue, plan in shared
    ]
    first, last = max(part["ds"].min() for part in parts), min(part["ds"].max() for part in parts)
    rows = pd.concat(parts, ignore_index=True)
    inside: pd.DataFrame = rows[(rows["ds"] >= first) & (rows["ds"] <= last)]
    return inside.reset_index(drop=True)


def _draw_paths(shared: Planned, need: pd.DataFrame) -> tuple[dict[str, Floats], dict[str, Floats]]:
    """Return the rates of the queues on joint sample paths, and what handle times are multiplied by on each."""
    first = shared[0][0]
    history = pd.concat([queue.history.assign(unique_id=queue.name) for queue, _ in shared], ignore_index=True)
    calendars = {queue.name: queue.calendar for queue, _ in shared if queue.calendar is not None}
    rules = first.path_rules() | {"calendar": calendars or None}
    count = count_runs(float(need["calls"].sum()), is_sure=True)  # a path for each run
    slots = max(queue.slots for queue, _ in shared)
    paths = sample_paths(history, slots, interval_freq(first.spec.interval_s), count, **rules)
    found, longer = dict[str, Floats](), dict[str, Floats]()
    for seed, (queue, _) in enumerate(shared):
        ds = need.loc[need["queue"] == queue.name, "ds"]
        own = queue.adjust(paths[paths["unique_id"] == queue.name])
        ahead = queue.ahead[queue.ahead["ds"].isin(ds)]
        rates = found[queue.name] = rate_paths(ahead, own[own["ds"].isin(ahead["ds"])])
        longer[queue.name] = handle_time_paths(rates, queue.handle_time_variation, ahead["ds"], seed)
    return found, longer


def _sentences(shared: Planned, tables: Mapping[str, pd.DataFrame]) -> list[Finding]:
    plan, hours = tables["skill_groups"], shared[0][0].hours
    named = format_list([format_queue(queue.name) for queue, _ in shared])
    names = [named, *(format_queue(queue.name) for queue, _ in shared), *(queue.name for queue, _ in shared)]

    def held(kind: str, column: str) -> Fact:
        return Fact.at(Cell("skill_groups", column, {}, "sum", scale=hours), tables, kind, named)

    agents, low, high = (
        held("shared agent hours", "agents"), held("fewest shared agent hours", "agents_lo"),
        held("agent hours without sharing", "agents_hi"),
    )  # fmt: skip
    peak = figure(FIGURES, "most shared agents at a time", named, int(plan.groupby("ds")["agents"].sum().max()))
    text = f"{named} share agents: up to {peak:agent} at a time, {agents:agent hour}; {high} without sharing, and not "
    text += f"below {low}."
    said = [Finding(text, peak, agents, high, low, names=names)]
    for queue, _ in shared:
        said.append(_service_sentence(queue, tables["skill_service"]))
    return said


def _service_sentence(queue: PlannedQueue, service: pd.DataFrame) -> Finding:
    rows = service[service["queue"] == queue.name]
    if rows.empty:
        return Finding(f"{format_queue(queue.name)}: no contacts expected, no shared agents required.")
    whole = Cell("skill_service", "service_level", {"queue": queue.name}, "mean", weight="calls")
    worst = Cell("skill_service", "service_level", {"queue": queue.name}, "min")
    tables = {"skill_service": service}
    level = Fact.at(whole, tables, "simulated service level with shared agents", queue.name, "share")
    least = Fact.at(worst, tables, "simulated service level of the worst day", queue.name, "share")
    goal = setting("service level", queue.spec.service_level, "share")
    name = format_queue(queue.name)
    text = f"{name}: simulated service level with shared agents {level}, on the worst day {least} (target {goal:%})."
    return Finding(text, level, least, goal, audience="planner", names=[queue.name, name])
