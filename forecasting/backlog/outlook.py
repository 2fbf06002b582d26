"""What becomes of a backlog with given people: how much waits, how old it grows, and how likely promises break."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from ...features.calendars.business_calendar import BusinessCalendar
from ..arguments import Numbers, check_number, check_numbers
from .casework import build_deferred_work
from .plan import broadcast_to_slots, read_agent_limits
from .work_flow import BREACH_TOLERANCE_CASES, count_due_cases, run_work


def backlog_outlook(
    arrivals: pd.DataFrame,
    calendar: BusinessCalendar,
    agents: Numbers,
    *,
    sla_s: float | Mapping[str, float],
    handle_s: float | Mapping[str, float],
    backlog: pd.DataFrame | None = None,
    sla_calendar: BusinessCalendar | None = None,
    occupancy: float = 1.0,
    free_agents: Numbers = 0,
    level: float = 80,
) -> pd.DataFrame:
    """Simulate the backlog with given agents over sample paths of the arrivals.

    Parameters
    ----------
    arrivals, calendar, sla_s, handle_s, backlog, sla_calendar
        As in :func:`build_deferred_work`; the risk comes from the column ``path`` or from the bounds of a forecast.
    agents
        People at work: one number for all open slots, or one for each slot.
    occupancy, free_agents
        As in :func:`backlog_plan`.
    level
        Level of the bounds in per cent.

    Returns
    -------
    DataFrame
        One row a slot: ``ds``, ``agents``, ``arrived``, ``due``, ``worked``, ``backlog`` (means over the paths; cases),
        ``backlog_lo``, ``backlog_hi``, ``age_s`` (of the oldest case at the end of the slot; mean over the paths in which
        one waits, NaN without), ``age_hi_s`` (upper bound), ``breaches`` (cases whose promise breaks in the slot),
        ``breach_share`` (of those due; NaN where none is), ``overdue_open``, ``breach_risk`` (share of the paths in which a promise
        breaks in the slot), ``breach_risk_to_date`` (share in which one has broken up to its end; cases that were late before the
        first slot do not count).

    Raises
    ------
    InputError
        Names the argument and the first bad position.

    Notes
    -----
    A fluid under earliest deadline first: what is due first is done first, of equals the older; what comes in a slot can be
    done in it. Chance within the handle times is not in it: it evens out over a backlog.

    Examples
    --------
    >>> office = BusinessCalendar.from_hours("UTC", {"mon-fri": ["09:00-13:00"]})
    >>> ds = pd.date_range("2024-03-01T09:00", periods=4, freq="h")
    >>> paths = pd.concat([pd.DataFrame({"ds": ds, "path": i, "y": [y, 0.0, 0.0, 0.0]}) for i, y in enumerate((12, 24))])
    >>> seen = backlog_outlook(paths, office, 1, sla_s=3 * 3600, handle_s=600)
    >>> seen[["backlog", "breaches", "breach_risk"]].to_dict("list")
    {'backlog': [12.0, 6.0, 3.0, 0.0], 'breaches': [0.0, 0.0, 3.0, 0.0], 'breach_risk': [0.0, 0.0, 0.5, 0.0]}
    """  # noqa: E501 - columns read better with their meaning
    work = build_deferred_work(
        arrivals, calendar, sla_s=sla_s, handle_s=handle_s, backlog=backlog, sla_calendar=sla_calendar
    )
    people = broadcast_to_slots("agents", check_numbers("agents", agents, least=0), (len(work.ds),))
    people = np.where(work.open_s > 0, people, 0.0)
    free = read_agent_limits(work, 0, None, free_agents)[2]
    share = check_number("occupancy", occupancy, above=0, most=1)
    side = (1 - check_number("level", level, above=0, below=100) / 100) / 2
    runs = run_work(work, (people + free) * work.open_s * share)
    due = count_due_cases(work)
    broken = runs.late > BREACH_TOLERANCE_CASES
    waits = np.isfinite(runs.age_s)
    age, late, mean_due = np.where(waits, runs.age_s, 0.0), runs.late.mean(axis=0), due.mean(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean_age = age.sum(axis=0) / waits.sum(axis=0)
        breach_share = np.where(mean_due > 0, np.minimum(late / mean_due, 1), np.nan)
    low, high = np.quantile(runs.waiting, [side, 1 - side], axis=0)
    return pd.DataFrame(
        {
            "ds": work.ds,
            "agents": people,
            "arrived": work.inflow.sum(axis=1).mean(axis=0),
            "due": mean_due,
            "worked": runs.worked.mean(axis=0),
            "backlog": runs.waiting.mean(axis=0),
            "backlog_lo": low,
            "backlog_hi": high,
            "age_s": mean_age,
            "age_hi_s": np.where(waits.any(axis=0), np.quantile(age, 1 - side, axis=0), np.nan),
            "breaches": late,
            "breach_share": breach_share,
            "overdue_open": runs.late_open.mean(axis=0),
            "breach_risk": broken.mean(axis=0),
            "breach_risk_to_date": np.maximum.accumulate(broken, axis=1).mean(axis=0),
        }
    )
