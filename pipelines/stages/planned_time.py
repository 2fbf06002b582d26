"""The planned time of each person, as a source of schedules gives it: who is on contacts, on a break, or still on."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ...features.arrays import Floats
from ...forecasting.grid.frequency import local_instants
from ...forecasting.staffing.adherence import AWAY_ACTIVITIES, OFF_ACTIVITIES
from ...forecasting.staffing.agent_days import ON_CONTACTS, split_agent_days
from .measured import find_agents
from .queue import PlannedQueue

#: No shift is longer: who is still on at an instant began within so many hours before it.
MAX_SHIFT_HOURS = 24


def read_present(queue: PlannedQueue, ds: pd.Series) -> pd.DataFrame | None:
    """Return agents on contacts, and on a break, by the planned time of each person; ``None`` where none is given."""
    begin, end = _find_instants(queue, ds)
    plan = _read_plan(queue, begin.min(), end.max())
    if plan is None:
        return None
    return _count_present(queue, plan, ds)


def _count_present(queue: PlannedQueue, plan: pd.DataFrame, ds: pd.Series) -> pd.DataFrame:
    activity = plan["activity"].astype("str").str.strip().str.lower()
    is_off = activity.isin((*OFF_ACTIVITIES, *AWAY_ACTIVITIES))
    state = pd.Series("available", index=plan.index).mask(is_off, "off").mask(activity.eq("break"), "break")
    days = split_agent_days(
        plan.assign(state=state), queue.project.log.timezone
    )  # a break within a shift goes before the shift
    out = pd.DataFrame({"ds": ds.to_numpy()})
    for name, kind in (("scheduled", "available"), ("on_break", "break")):
        out[name] = count_agents(queue, days[days["state"] == kind], ds)
    return out


def read_still_on(queue: PlannedQueue, ds: pd.Series) -> Floats | None:
    """Return agents on contacts in each interval from shifts that began before the first one.

    Stretches of a person that follow each other without a gap are one shift, whatever is done in them. ``None`` where
    no planned time is given for the day before: who is on then is not known.
    """
    first = _find_instants(queue, ds)[0].min()
    plan = _read_plan(queue, first - pd.Timedelta(hours=MAX_SHIFT_HOURS), _find_instants(queue, ds)[1].max())
    if plan is None or not (plan["start"] < first).any():
        return None
    plan = plan.sort_values(["agent_id", "start", "end"], ignore_index=True)
    before = plan.groupby("agent_id")["end"].cummax().groupby(plan["agent_id"]).shift()
    shift = (before.isna() | (plan["start"] > before)).cumsum()
    begun = plan.groupby(shift)["start"].transform("min") < first
    mine = plan[begun & (plan["end"] > first)]
    return np.zeros(len(ds)) if mine.empty else _count_present(queue, mine, ds)["scheduled"].to_numpy(dtype=float)


def _read_plan(queue: PlannedQueue, begin: pd.Timestamp, end: pd.Timestamp) -> pd.DataFrame | None:
    """Return the planned stretches of a queue's agents that touch a span; ``None`` where none is given."""
    log = queue.project.log
    if not log.has("schedules"):
        return None
    rows = log.table("schedules")
    plan = log.frame(rows.filter((rows.end > begin) & (rows.start < end)))
    agents = find_agents(queue)
    plan = plan if agents is None else plan[plan["agent_id"].isin(agents)]
    return None if plan.empty else plan


def read_on_contacts(queue: PlannedQueue, ds: pd.Series, agents: set[str] | None) -> Floats | None:
    """Return how many of some agents (all by default) were at work by interval; ``None`` where no time is recorded."""
    log = queue.project.log
    begin, end = _find_instants(queue, ds)
    table = log.table("agent_time")
    rows = log.frame(table.filter((table.start < end.max()) & (table.start > begin.min() - pd.Timedelta(days=2))))
    rows = rows if agents is None else rows[rows["agent_id"].isin(agents)]
    if rows.empty:
        return None
    days = split_agent_days(rows, log.timezone, pd.Timestamp(log.until))
    return count_agents(queue, days[days["state"].isin(ON_CONTACTS)], ds)


def count_agents(queue: PlannedQueue, stretches: pd.DataFrame, ds: pd.Series) -> Floats:
    """Return how many agents stretches of their time hold in each interval of a queue, as the mean over it."""
    edges = [np.sort(_seconds(stretches[name])) for name in ("start", "end")]

    def worked(t: Floats) -> Floats:
        """Return agent seconds before an instant."""
        parts = []
        for edge in edges:
            count = np.searchsorted(edge, t)
            parts.append(count * t - np.concatenate([[0.0], np.cumsum(edge)])[count])
        return np.asarray(parts[0] - parts[1])

    begin, end = (_seconds(at) for at in _find_instants(queue, ds))
    return np.asarray((worked(end) - worked(begin)) / queue.spec.interval_s)


def _find_instants(queue: PlannedQueue, ds: pd.Series) -> tuple[pd.DatetimeIndex, pd.DatetimeIndex]:
    """Return begin and end of intervals on the desk's own clock."""
    begin = local_instants(ds.to_numpy(dtype="datetime64[us]"), queue.project.log.timezone)
    return begin, begin + pd.Timedelta(seconds=queue.spec.interval_s)


def _seconds(at: pd.Series | pd.DatetimeIndex) -> Floats:
    return np.asarray(at.to_numpy(dtype="datetime64[us]").astype("int64") / 1e6)
