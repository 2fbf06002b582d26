"""Case work with deadlines: the people who keep the promises at least cost.

Cases wait. So the people that a slot needs are not those for the work that comes in it, but those for what falls due.
The plan is a linear programme on work that flows: what comes waits, is done, or is put aside when its promise breaks.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import numpy as np
import pandas as pd

from ...features.arrays import Bools, Floats
from ...features.calendars.business_calendar import BusinessCalendar
from ...features.errors import InputError
from ..arguments import Numbers, check_number, check_numbers
from .casework import DeferredWork, build_deferred_work, planned_inflow
from .linear_programme import Prices, Stream, WorkFlow, solve_flow
from .sure_inflow import find_sure_inflow

#: Fewer cases than this are rounding.
CASE_TOLERANCE = 1e-6
#: Share of the usual effort that a look at a plan takes, while the work to plan for is sought.
LOOK_EFFORT = 0.1


def backlog_plan(
    arrivals: pd.DataFrame,
    calendar: BusinessCalendar,
    *,
    sla_s: float | Mapping[str, float],
    handle_s: float | Mapping[str, float],
    backlog: pd.DataFrame | None = None,
    sla_calendar: BusinessCalendar | None = None,
    confidence: float | None = None,
    occupancy: float = 1.0,
    min_agents: Numbers = 0,
    max_agents: Numbers | None = None,
    free_agents: Numbers = 0,
    on_time: float = 1.0,
    settle: bool = True,
    late_price: float | None = None,
    late_hour_price: float | None = None,
    peak_price: float | None = None,
    change_price: float = 0.05,
    whole: bool = True,
    effort: float = 1.0,
    seconds: float | None = None,
) -> pd.DataFrame:
    """Return the people per slot that do the case work in time at least cost, and what becomes of the backlog.

    Parameters
    ----------
    arrivals, calendar, sla_s, handle_s, backlog, sla_calendar
        As in :func:`build_deferred_work`: cases expected per slot, opening hours, promises and handle times in seconds, and
        the cases that wait.
    confidence
        Probability with which each day is to have its cases in time, from one half: over the paths, and with the chance
        of exponential handle times; ``None``: plan for the mean of the paths.
    occupancy
        Share of their open time that people can spend on cases, above 0 and up to 1.
    min_agents, max_agents
        Bounds on the people in each slot: one number, or one for each slot; nobody works in closed slots.
    free_agents
        People's time that costs nothing, such as the idle time of the phone (see :func:`phone_idle`), in people.
    on_time
        Share of the cases of each class that must be in time; the rest may be late, at the price of an hour only.
    settle
        Whether late work has to be done and the backlog at the end must not be above that of the start. Without
        it a plan is free to leave its late share undone for ever, which looks cheap and is not.
    late_price
        Cost of one more late case than ``on_time`` allows; by default 100 times its handle time, so that promises go
        first wherever the bounds allow.
    late_hour_price
        Cost of each hour that a late case waits; by default its handle time.
    peak_price
        Cost of each person of the largest slot; by default 0.05 of the open hours. Without it the programme does not
        care whether work is spread.
    change_price
        Cost of each person more or less than in the slot before (both open): larger is smoother.
    whole
        Whether people are whole numbers.
    effort
        How much work the search for the best whole numbers may take, 1 for the usual; the best that was found by then
        is returned, the same on any machine.
    seconds
        Without effect: a limit of time would make the plan depend on the machine. It goes in the next release.

    Returns
    -------
    DataFrame
        One row a slot: ``ds``, ``agents``, ``open_h`` (hours), ``arrived``, ``due`` and ``worked`` (cases),
        ``backlog`` (cases at the end of the slot), ``age_s`` (of the oldest of them; NaN without any), ``breaches`` (cases
        whose promise breaks in the slot), ``breach_share`` (of those due; NaN where none is), ``overdue_open`` (late cases
        still waiting at the end), ``at_limit`` (no more people are allowed), ``reason`` (why promises break here).

        All costs count in agent hours: an agent hour costs 1.

    Raises
    ------
    InputError
        Names the argument and the first bad position.

    Notes
    -----
    A class of cases has one promise, so its work falls due in the order in which it comes and only totals matter: the
    part of the queue that is not late lies between 0 and what has come but is not due. That makes bounds of what would
    be a constraint for each pair of slots (earliest deadline first: Jackson 1955, Horn 1974; priced lateness makes it
    always feasible). Solved by HiGHS (Huangfu and Hall 2018).

    Examples
    --------
    >>> office = BusinessCalendar.from_hours("UTC", {"mon-fri": ["09:00-13:00"]})
    >>> day = pd.DataFrame({"ds": pd.date_range("2024-03-01T09:00", periods=4, freq="h"), "y": [24.0, 0, 0, 0]})
    >>> plan = backlog_plan(day, office, sla_s=4 * 3600, handle_s=600)
    >>> plan[["agents", "worked", "backlog", "breaches"]].to_dict("list")
    {'agents': [1, 1, 1, 1], 'worked': [6.0, 6.0, 6.0, 6.0], 'backlog': [18.0, 12.0, 6.0, 0.0], 'breaches': [0.0, 0.0, 0.0, 0.0]}
    """  # noqa: E501 - the result is one line
    work = build_deferred_work(
        arrivals, calendar, sla_s=sla_s, handle_s=handle_s, backlog=backlog, sla_calendar=sla_calendar
    )
    share = check_number("occupancy", occupancy, above=0, most=1)
    low, high, free = read_agent_limits(work, min_agents, max_agents, free_agents)
    hours, punctual = work.open_s / 3600, check_number("on_time", on_time, least=0, most=1)
    prices = Prices(
        late=100.0 if late_price is None else check_number("late_price", late_price, least=0),
        late_hour=1.0 if late_hour_price is None else check_number("late_hour_price", late_hour_price, least=0),
        by_case=(late_price is not None, late_hour_price is not None),
        peak=0.05 * hours.sum() if peak_price is None else check_number("peak_price", peak_price, least=0),
        change=check_number("change_price", change_price, least=0),
        hour=1.0,
    )
    if seconds is not None:
        check_number("seconds", seconds, above=0)
    solve = partial(
        solve_flow,
        per_agent=work.open_s * share,
        free=free * work.open_s * share,
        low=low,
        high=high,
        slot_h=(work.ends.asi8 - work.starts.asi8) / 3.6e9,
        open_h=hours,
        on_time=punctual,
        settle=settle,
        prices=prices,
    )
    usual = check_number("effort", effort, above=0)

    def do_at_most(inflow: Floats, whole_agents: bool) -> Floats:
        agents = solve(_streams(work, inflow), whole=whole and whole_agents, effort=LOOK_EFFORT * usual).agents
        return np.asarray((agents + free) * work.open_s * share)

    if confidence is None:
        inflow = planned_inflow(work, None)
    else:
        sure = check_number("confidence", confidence, above=0, below=1)
        inflow = find_sure_inflow(work, sure, punctual, do_at_most)
    streams = _streams(work, inflow)
    return _table(work, streams, solve(streams, whole=whole, effort=usual), high)


def read_agent_limits(
    work: DeferredWork, min_agents: Numbers, max_agents: Numbers | None, free_agents: Numbers
) -> tuple[Floats, Floats, Floats]:
    """Return least and most agents and free time in people for each slot; nobody where it is closed."""
    shape = (len(work.ds),)
    low = broadcast_to_slots("min_agents", check_numbers("min_agents", min_agents, least=0), shape)
    most = np.asarray(np.inf) if max_agents is None else check_numbers("max_agents", max_agents, least=0, infinite=True)
    high = broadcast_to_slots("max_agents", most, shape)
    free = broadcast_to_slots("free_agents", check_numbers("free_agents", free_agents, least=0), shape)
    crossed = np.flatnonzero(low > high)
    if len(crossed):
        at = int(crossed[0])
        raise InputError(
            "minimum must not exceed maximum",
            where=f"argument 'min_agents', position {at}",
            got=(low[at], high[at]),
            code="value.range",
        )
    closed = work.open_s <= 0
    return np.where(closed, 0.0, low), np.where(closed, 0.0, high), np.where(closed, 0.0, free)


def broadcast_to_slots(name: str, values: Floats, shape: tuple[int, ...]) -> Floats:
    """Return one value for each slot, or say that wrong length."""
    if values.shape not in ((), (1,), shape):
        raise InputError(
            "wrong length",
            where=f"argument '{name}'",
            got=values.shape,
            wanted=f"() or {shape}",
            code="value.length",
        )
    return np.broadcast_to(values, shape).astype(float)


def _streams(work: DeferredWork, inflow: Floats) -> list[Stream]:
    """Return the flows of work: what waits, one for each class in it, and what comes, one for each class."""
    n, streams = len(work.ds), []
    for kind, handle in enumerate(work.handle_s):
        rows = work.old[work.old["kind"] == kind]
        if len(rows):
            seconds, slot = rows["cases"].to_numpy(float) * handle, rows["due"].to_numpy(int)
            ahead = slot >= 0
            due = np.asarray(np.bincount(slot[ahead], seconds[ahead], minlength=n + 1)[:n], dtype=float)
            gone, arrived = float(seconds[~ahead].sum()), np.zeros(n)
            arrived[0] = float(seconds[ahead].sum())
            streams.append(Stream(arrived, due, handle, gone, kind, old=True))
        due = np.asarray(np.bincount(work.due[kind], inflow[kind] * handle, minlength=n + 1)[:n], dtype=float)
        streams.append(Stream(inflow[kind] * handle, due, handle, 0.0, kind, old=False))
    return streams


def _table(work: DeferredWork, streams: list[Stream], flow: WorkFlow, high: Floats) -> pd.DataFrame:
    n = len(work.ds)

    def cases(values: Floats, use: list[bool] | None = None) -> Floats:
        chosen = [i for i in range(len(streams)) if use is None or use[i]]
        total = sum((values[i] / streams[i].handle_s for i in chosen), np.zeros(n))
        return np.where(np.abs(total) < CASE_TOLERANCE, 0.0, total)

    came = np.stack([s.arrived for s in streams])
    due, late = cases(np.stack([s.due for s in streams])), cases(flow.late)
    at_limit = (flow.agents >= high - CASE_TOLERANCE) & (work.open_s > 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        breach_share = np.where(due > CASE_TOLERANCE, np.minimum(late / due, 1.0), np.nan)
    return pd.DataFrame(
        {
            "ds": work.ds,
            "agents": flow.agents,
            "open_h": work.open_s / 3600,
            "arrived": cases(came, [not s.old for s in streams]),
            "due": due,
            "worked": cases(flow.done + flow.late_done),
            "backlog": cases(flow.waiting + flow.late_waiting),
            "age_s": _ages(work, streams, flow),
            "breaches": late,
            "breach_share": breach_share,
            "overdue_open": cases(flow.late_waiting),
            "at_limit": at_limit,
            "reason": pd.Series(_reasons(work, streams, flow, at_limit), dtype="str"),
        }
    )


def _ages(work: DeferredWork, streams: list[Stream], flow: WorkFlow) -> Floats:
    """Return the age of the oldest case at the end of each slot: within a class the first to come is the first done."""
    n = len(work.ds)
    start, end = work.starts.asi8 / 1e6, work.ends.asi8 / 1e6
    oldest = np.full(n, np.inf)
    for i, stream in enumerate(streams):
        rows = work.old[work.old["kind"] == stream.kind]
        eldest = start[0] - float(rows["born_s"].max()) if stream.old else 0.0
        first_due = np.full(n, start[0]) if stream.old else start
        open_ = flow.waiting[i] / stream.handle_s > CASE_TOLERANCE
        total = np.cumsum(stream.arrived)
        head = np.searchsorted(total, total - flow.waiting[i] + CASE_TOLERANCE * stream.handle_s, side="left").clip(
            0, n - 1
        )
        born = np.full(n, eldest) if stream.old else first_due[head]
        oldest = np.where(open_, np.minimum(oldest, born), oldest)
        late = flow.late_waiting[i] / stream.handle_s > CASE_TOLERANCE
        gone = np.cumsum(flow.late_done[i])
        broke = np.searchsorted(
            stream.gone + np.cumsum(flow.late[i]), gone + CASE_TOLERANCE * stream.handle_s, side="left"
        ).clip(0, n - 1)
        origin = np.searchsorted(work.due[stream.kind], broke, side="left").clip(0, n - 1)
        oldest = np.where(late, np.minimum(oldest, np.full(n, eldest) if stream.old else start[origin]), oldest)
    return np.where(np.isfinite(oldest), end - oldest, np.nan)


def _reasons(work: DeferredWork, streams: list[Stream], flow: WorkFlow, at_limit: Bools) -> list[str]:
    """Return the reason of the breaches in each time step."""
    words = [""] * len(work.ds)
    if any(s.gone > 0 for s in streams):
        words[0] = "already breached"
    for i, stream in enumerate(streams):
        for t in np.flatnonzero(flow.late[i] / stream.handle_s > CASE_TOLERANCE):
            origin = 0 if stream.old else int(np.searchsorted(work.due[stream.kind], t, side="left"))
            words[t] = words[t] or _reason(work, at_limit, min(origin, int(t)), int(t))
    return words


def _reason(work: DeferredWork, at_limit: Bools, first: int, last: int) -> str:
    window = np.arange(first, last + 1)
    working = window[work.open_s[window] > 0]
    if not len(working):
        return "closed until it is due"
    limited = working[at_limit[working]]
    if len(limited) == len(working):
        return f"the limit of agents is reached from {work.ds[first]:%a %d %b %H:%M}"
    if len(limited):
        return f"the limit of agents is reached in {len(limited)} of {len(working)} slots"
    return "more agents would cost more than being late"
