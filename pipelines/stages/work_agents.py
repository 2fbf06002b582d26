"""Who works on the deferred cases of a queue, as far as the log tells it."""

from __future__ import annotations

import pandas as pd

from ...features.arrays import Floats
from .planned_time import read_on_contacts
from .queue import PlannedQueue

#: Agents count for a queue whose actions on cases were there for at least this share, in so many last days.
MIN_OWN_SHARE, ACTION_DAYS = 0.8, 56


def read_work_agents(queue: PlannedQueue, ds: pd.Series) -> Floats | None:
    """Return agents at work on a queue of cases by interval; ``None`` where the log does not tell who they are."""
    if not queue.project.log.has("agent_time", "end"):
        return None
    agents = find_case_agents(queue)
    return None if agents is None else read_on_contacts(queue, ds, agents)


def find_case_agents(queue: PlannedQueue) -> set[str] | None:
    """Return the agents who work on the cases of a queue and on little else.

    Who takes contacts, or whose cases are mostly of other queues, divides a time that nothing tells the parts of; then
    it is not known how many agents a queue had. Where events name nobody, the agents without contacts are those of the
    queue, if it is the only one of cases.
    """
    log = queue.project.log
    known = _read_names(queue, "agent_time", "agent_id")
    on_contacts = _read_names(queue, "contacts", "agent_id") if log.has("contacts", "agent_id") else set[str]()
    if log.has("events", "actor_id", "actor_role"):
        own, others = _count_actions(queue)
        share = own / (own + others)
        mine = own[own > 0]
        if not len(mine) or (mine * (share[mine.index] < MIN_OWN_SHARE)).sum() > (1 - MIN_OWN_SHARE) * mine.sum():
            return None
        return (set(mine.index[share[mine.index] >= MIN_OWN_SHARE]) & known) - on_contacts or None
    queues = [spec for spec in queue.project.config.staffing.values() if spec.kind == "cases"]
    return known - on_contacts or None if len(queues) == 1 else None


def _read_names(queue: PlannedQueue, table: str, column: str) -> set[str]:
    rows = queue.project.log.table(table)
    found = queue.project.log.frame(rows.filter(rows[column].notnull()).select(column).distinct())
    return set(found[column].astype(str))


def _count_actions(queue: PlannedQueue) -> tuple[pd.Series, pd.Series]:
    """Return what each agent did on cases of the queue, and on others, in the last weeks."""
    log = queue.project.log
    events = log.table("events")
    recent = events.filter(
        (events.actor_role == "agent")
        & events.actor_id.notnull()
        & (events.at > log.until - pd.Timedelta(days=ACTION_DAYS))
    )
    counted = log.frame(recent.group_by("case_id", "actor_id").aggregate(n=recent.count()))
    cases = log.frame(log.table("cases").select("case_id", *queue.where))
    for column, value in queue.where.items():
        cases = cases[cases[column] == value]
    is_own = counted["case_id"].isin(cases["case_id"])
    by_agent = counted.groupby(["actor_id", is_own])["n"].sum().unstack(fill_value=0)
    empty = pd.Series(0, index=by_agent.index)
    return by_agent.get(True, empty), by_agent.get(False, empty)
