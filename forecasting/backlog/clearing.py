"""How many people clear a backlog by a date, and how much of the phone's idle time can help."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd

from ...features.arrays import Floats
from ...features.calendars.business_calendar import BusinessCalendar
from ...features.errors import InputError
from ..arguments import Numbers, check_number, check_numbers
from .casework import DeferredWork, build_deferred_work
from .plan import read_agent_limits
from .work_flow import BREACH_TOLERANCE_CASES, run_work


def clear_backlog(
    arrivals: pd.DataFrame,
    calendar: BusinessCalendar,
    backlog: pd.DataFrame,
    by: pd.Timestamp | str,
    *,
    sla_s: float | Mapping[str, float],
    handle_s: float | Mapping[str, float],
    sla_calendar: BusinessCalendar | None = None,
    occupancy: float = 1.0,
    free_agents: Numbers = 0,
    confidence: float = 0.8,
    left: float | None = None,
    around: int = 2,
) -> pd.DataFrame:
    """Find the agents that clear today's backlog by a date while new work arrives.

    Parameters
    ----------
    arrivals, calendar, backlog, sla_s, handle_s, sla_calendar
        As in :func:`build_deferred_work`; the first slot is today.
    by
        Instant, on the calendar's clock where it has no zone.
    occupancy, free_agents
        As in :func:`backlog_plan`.
    confidence
        Share of the sample paths in which it has to work out, above 0 and up to 1.
    left
        ``None``: today's cases must be done. A number: not more than so many cases, old and new, may wait at that time.
    around
        Rows above and below the answer.

    Returns
    -------
    DataFrame
        One row for each number of people around the answer: ``agents`` (in every open slot), ``chance`` (share of the paths
        in which the backlog is cleared by then), ``enough``, ``old_left`` and ``waiting`` (cases of today, and all cases,
        that wait at that time; means), ``breaches`` (cases whose promise breaks up to then).

    Raises
    ------
    InputError
        If nobody can do it in time because no open hours are left, or a number is out of range.

    Notes
    -----
    New cases that are due before old ones are done before them, as in :func:`backlog_outlook`.

    Examples
    --------
    >>> office = BusinessCalendar.from_hours("UTC", {"mon-fri": ["09:00-17:00"]})
    >>> week = pd.DataFrame({"ds": pd.date_range("2024-03-04", periods=5 * 24, freq="h"), "y": 1.0})
    >>> now = pd.DataFrame({"due_at": pd.to_datetime(["2024-03-05T12:00Z"]), "cases": [120]})
    >>> clear_backlog(week, office, now, "2024-03-05 17:00", sla_s=16 * 3600, handle_s=1800)[["agents", "enough"]].values.tolist()
    [[3, False], [4, True], [5, True], [6, True]]
    """  # noqa: E501 - the example is one line
    work = build_deferred_work(
        arrivals, calendar, sla_s=sla_s, handle_s=handle_s, backlog=backlog, sla_calendar=sla_calendar
    )
    when = _instant(by)
    when = when.tz_localize(calendar.timezone) if when.tz is None else when
    last = (
        int(
            np.searchsorted(
                work.ends.asi8, pd.DatetimeIndex([when]).tz_convert("UTC").as_unit("us").asi8[0], side="right"
            )
        )
        - 1
    )
    share = check_number("occupancy", occupancy, above=0, most=1)
    sure = check_number("confidence", confidence, above=0, most=1)
    spare = None if left is None else check_number("left", left, least=0)
    free = read_agent_limits(work, 0, None, free_agents)[2]
    if last < 0 or work.open_s[: last + 1].sum() <= 0:
        raise InputError(
            "missing opening hours before that time", where="argument 'by'", got=str(when), code="history.short"
        )

    def outcome(people: int) -> dict[str, float | int | bool]:
        runs = run_work(work, (people + free) * work.open_s * share, last + 1)
        met = (
            runs.old[:, -1] <= BREACH_TOLERANCE_CASES
            if spare is None
            else runs.waiting[:, -1] <= spare + BREACH_TOLERANCE_CASES
        )
        return {
            "agents": people,
            "chance": float(met.mean()),
            "enough": bool(met.mean() >= sure - 1e-12),
            "old_left": float(runs.old[:, -1].mean()),
            "waiting": float(runs.waiting[:, -1].mean()),
            "breaches": float(runs.late.sum(axis=1).mean()),
        }

    answer = _find_smallest(lambda people: bool(outcome(people)["enough"]), _find_max_agents(work, last + 1, share))
    if answer is None:
        raise InputError(
            "no number of agents is enough: work arrives in intervals without agents",
            where="argument 'left'",
            got=left,
            hint="allow more cases to wait, or a later time",
            code="plan.impossible",
        )
    frame = pd.DataFrame([outcome(k) for k in range(max(answer - around // 2, 0), answer + around + 1)])
    return frame.reset_index(drop=True)


def phone_idle(agents: Numbers, load: Numbers, max_occupancy: Numbers = 0.85, abandonment: Numbers = 0.0) -> Floats:
    """Return the time of phone agents that case work may fill, in people.

    Parameters
    ----------
    agents
        People on the phone in each slot.
    load
        Offered load in Erlangs (``load`` of a staffing plan). With an uncertain forecast pass that of a busy slot.
    max_occupancy
        Share of their time that people may be busy with calls and cases together, above 0 and up to 1.
    abandonment
        Share of callers who give up and so take no time.

    Returns
    -------
    array
        ``agents x max_occupancy - load``, not below 0; pass it as ``free_agents`` to :func:`backlog_plan`.

    Notes
    -----
    It holds for cases that can be put down when a call comes: the phone then waits no longer than before. Cases that
    cannot be interrupted delay calls by up to their handle time.

    Examples
    --------
    >>> phone_idle([14, 10], [10.0, 9.9]).round(2).tolist()
    [1.9, 0.0]
    """
    people, calls = check_numbers("agents", agents, least=0), check_numbers("load", load, least=0)
    cap, gone = (
        check_numbers("max_occupancy", max_occupancy, above=0, most=1),
        check_numbers("abandonment", abandonment, least=0, most=1),
    )
    busy = np.minimum(calls * (1 - gone), people)
    return np.maximum(people * cap - busy, 0.0)


def _find_smallest(enough: Callable[[int], bool], most: int) -> int | None:
    """Return the smallest number that is enough, of which more is never worse; ``None`` if even the most is not."""
    low, high = -1, 1
    while not enough(high):
        if high >= most:
            return None
        low, high = high, min(2 * high, most)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


def _find_max_agents(work: DeferredWork, slots: int, share: float) -> int:
    """Return so many people that they can do all work in the shortest open slot."""
    total = (work.inflow * work.handle_s[:, None]).sum(axis=(1, 2)).max()
    total += float((work.old["cases"] * work.handle_s[work.old["kind"].to_numpy(int)]).sum())
    open_s = work.open_s[:slots]
    return int(np.ceil(total / (open_s[open_s > 0].min() * share))) + 1


def _instant(by: pd.Timestamp | str) -> pd.Timestamp:
    try:
        when = pd.Timestamp(by)
    except (ValueError, TypeError) as error:
        raise InputError("not a valid time", where="argument 'by'", got=by, code="time.unreadable") from error
    if pd.isna(when):
        raise InputError("missing time", where="argument 'by'", code="time.missing")
    return when
