"""Agents who were scheduled on contacts and were recorded elsewhere: the shrinkage that no schedule had."""

from __future__ import annotations

import pandas as pd

from ...features.arrays import Floats
from ...features.calendars.instants import parse_instant
from ...forecasting.staffing.adherence import intersect_stretches, is_on_contacts
from ...forecasting.staffing.agent_days import ON_CONTACTS, split_agent_days
from .measured import find_agents
from .planned_time import count_agents
from .queue import PlannedQueue

#: A break at another time than planned is no time off beside the schedule, but a schedule that was not kept.
_KEPT_OTHERWISE = ("break", "lunch", "meal")


def read_agents_off(queue: PlannedQueue, ds: pd.Series) -> Floats | None:
    """Return how many agents by interval were absent, in training or the like while they were scheduled on contacts.

    Who was not signed in and has no such record did not keep the schedule, and does not count here.

    Returns
    -------
    Agents as means over intervals; ``None`` where schedules or the time of agents are not known.
    """
    log = queue.project.log
    if not log.has("schedules") or not log.has("agent_time", "end"):
        return None
    step = pd.Timedelta(seconds=queue.spec.interval_s)
    first, last = (parse_instant(t, log.timezone) for t in (ds.min(), ds.max() + step))
    days = []
    agents = find_agents(queue)
    for table, state in (("schedules", "activity"), ("agent_time", "state")):
        rows = log.table(table)
        found = log.frame(rows.filter((rows.start < last) & (rows.start > first - pd.Timedelta(days=2))))
        found = found if agents is None else found[found["agent_id"].isin(agents)]
        days.append(split_agent_days(found, log.timezone, pd.Timestamp(log.until), state))
    plan, did = days
    due = plan[is_on_contacts(plan["state"])]
    if due.empty or did.empty:
        return None
    both = intersect_stretches(due, did)
    return count_agents(queue, both[~both["state"].isin((*ON_CONTACTS, *_KEPT_OTHERWISE))], ds)
