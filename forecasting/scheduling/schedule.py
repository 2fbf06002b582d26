"""Agents on shifts: cover what each interval requires with patterns that they can work."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from time import perf_counter

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse

from ...features.arrays import Floats
from ...features.calendars.business_calendar import BusinessCalendar
from ...features.errors import InputError, did_you_mean
from ...features.frames import require_columns
from ...features.renamed import new_columns, new_name, renamed_arguments
from ..arguments import Numbers, check_number, check_numbers
from ..solver import Matrix
from .free_days import solve_free_days, split_free_days
from .opening import days_worked, patterns_within_hours
from .schedule_tables import AGENT_TOLERANCE, Schedule, add_shrinkage, build_coverage, build_table
from .set_cover import solve_set_cover
from .shift_patterns import ShiftPattern, coverage_matrix

__all__ = ["Schedule", "add_shrinkage", "shift_schedule"]


@renamed_arguments
def shift_schedule(
    need: pd.DataFrame,
    patterns: Sequence[ShiftPattern],
    *,
    column: str = "required",
    slot_s: float | None = None,
    limits: Mapping[str, float] | None = None,
    least: Mapping[str, float] | None = None,
    max_agents: float | None = None,
    short_price: Numbers = 50.0,
    gap: float = 0.01,
    effort: float = 1.0,
    shrinkage: float = 0.0,
    calendar: BusinessCalendar | None = None,
    still_on: Numbers | None = None,
    seconds: float | None = None,
) -> Schedule:
    """Choose how many agents work each pattern so that the need is covered at least cost.

    Parameters
    ----------
    need
        One row an interval: ``ds`` (start, local clock, rising) and the agents required in it, from 0. Usually a week
        of a staffing plan: its ``agents`` with ``shrinkage`` given here.
    patterns
        What people can work; see :func:`shift_patterns`.
    column
        Column of the agents required.
    slot_s
        Length of an interval in seconds; by default the commonest step.
    limits, least
        Most and fewest people by kind: ``{"full-time": 40}``.
    max_agents
        Most people of all kinds.
    short_price
        Cost of an hour with one person missing, in paid hours: one number, or one for each interval. A high price covers
        all that can be covered; a low one leaves a peak alone for which a whole shift would be wasted.
    gap
        Good enough: no schedule can be better by more than this share of the cost.
    effort
        How much work the search may take, 1 for the usual: it then stops with the best so far and says its gap, which
        are the same on any machine.
    shrinkage
        Share of paid time off contacts, from 0 and below 1. It is a matter of whole shifts: of ten agents on a shift
        eight are on contacts at 0.2, so the agents of all shifts together are divided by ``1 - shrinkage`` and rounded
        up once, not in each interval. Limits are on scheduled agents.
    calendar
        Opening hours: shifts whose work lies outside them are not used, and on days that are closed nobody works.
    still_on
        Agents on contacts from shifts that began before the first interval, in each interval. By default the plan
        repeats itself: the shifts of its last night are on in the first morning too.
    seconds
        Without effect: a limit of time would make the schedule depend on the machine. It goes in the next release.

    Returns
    -------
    Schedule
        It always exists: what cannot be covered is shortfall, with a reason.

    Raises
    ------
    InputError
        Names the argument or column and the first bad position, or the limits that contradict each other.

    Notes
    -----
    Set covering with whole people after Dantzig (1954) and Keith (1979), solved by HiGHS on a problem made small (see
    :mod:`.cover`).

    Examples
    --------
    >>> from deskcast.forecasting.scheduling.shift_patterns import shift_patterns
    >>> day = pd.DataFrame({"ds": pd.date_range("2024-03-04 08:00", periods=10, freq="h"), "required": [2.0] * 4 + [3] * 2 + [1] * 4})
    >>> parts = shift_patterns("part-time", lengths_s=[4 * 3600, 6 * 3600], step_s=3600, days_per_week=1, workdays=[0],
    ...                        no_break_up_to_s=6 * 3600)
    >>> found = shift_schedule(day, parts)
    >>> found.hours, found.bound_hours, found.coverage["understaffed"].sum().item()
    (18.0, 18.0, 0.0)
    """  # noqa: E501 - the example reads better in one line
    ds, people, slot = _read_need(need, column, slot_s)
    if not len(patterns):
        raise InputError(
            "missing shift patterns", where="argument 'patterns'", hint="see shift_patterns", code="queue.empty"
        )
    price = check_numbers("short_price", short_price, least=0)
    if price.shape not in ((), (len(ds),)):
        raise InputError(
            "wrong length",
            where="argument 'short_price'",
            got=price.shape,
            wanted=f"({len(ds)},)",
            code="value.length",
        )
    share = check_number("gap", gap, least=0, below=1)
    off = check_number("shrinkage", shrinkage, least=0, below=1)
    work, begun = check_number("effort", effort, above=0), perf_counter()
    if seconds is not None:
        check_number("seconds", seconds, above=0)
    rules = _rules(patterns, limits, least, max_agents, off)
    before = _read_still_on(still_on, len(ds))
    open_need = np.maximum(people - before, 0.0)
    columns = split_free_days(patterns)
    is_known = still_on is not None
    worked = _days_begun(columns.patterns, ds, calendar, is_known)
    allowed = patterns_within_hours(columns.patterns, calendar)
    if not allowed.any():
        hint = "shorter shifts, or other hours"
        raise InputError(
            "no shift lies within the opening hours", where="argument 'patterns'", hint=hint, code="calendar.unknown"
        )
    matrix, paid = coverage_matrix(columns.patterns, ds, slot, worked), _paid_hours(columns.patterns, worked, ds)
    dear = np.broadcast_to(price * slot / 3600, (len(ds),)).astype(float)
    if any(p.days_worked for p in patterns):
        days = np.array([p.days_worked is not None for p in patterns])[columns.owner]
        usable = np.flatnonzero(allowed & ((paid > 0) | days))
        chosen, count, found = solve_free_days(
            patterns, columns, usable, matrix, open_need, paid, dear, rules, share, work
        )
        worked = _days_begun(chosen, ds, calendar, is_known) if chosen else []
        matrix, paid = coverage_matrix(chosen, ds, slot, worked), _paid_hours(chosen, worked, ds)
    else:
        usable = np.flatnonzero((paid > 0) & allowed)
        worked = [worked[int(j)] for j in usable]
        matrix, chosen = sparse.csc_array(matrix[:, usable]), [patterns[int(j)] for j in usable]
        paid, limits_of = paid[usable], sparse.csr_array(rules[0][:, usable]) if len(rules[1]) else None
        found = solve_set_cover(
            matrix, open_need, paid, dear, limits=limits_of, low=rules[1], high=rules[2], gap=share, effort=work
        )
        count = found.agents
    limited = {kind: np.floor(most * (1 - off) + AGENT_TOLERANCE) for kind, most in (limits or {}).items()}
    capped = None if max_agents is None else float(np.floor(max_agents * (1 - off) + AGENT_TOLERANCE))
    coverage = build_coverage(ds, people, matrix, count, chosen, limited, capped, before)
    own = [days[days >= _first_midnight(ds)] for days in worked]  # of the nights before only their ends are here
    covered = np.asarray(coverage_matrix(chosen, ds, slot, own) @ count)
    table, hours = build_table(chosen, count, paid, off), float(paid @ count)
    idle = float(covered[people <= 0].sum()) * slot / 3600
    gross = float(table["hours"].sum()) / hours if hours > 0 else 1.0
    bound = (found.bound - (found.cost - hours)) * gross
    needed = float((open_need - coverage["understaffed"].to_numpy()).sum()) * slot / 3600 / (1 - off)
    surplus, rounding = max(hours * gross - needed, 0.0), max(hours * gross - hours / (1 - off), 0.0)
    spent = perf_counter() - begun
    carried = float((coverage["scheduled"] - covered).sum() * slot / 3600)
    return Schedule(table, coverage, hours * gross, bound, found.gap, spent, idle * gross, surplus, rounding, carried)


def _days_begun(
    patterns: Sequence[ShiftPattern], ds: pd.DatetimeIndex, calendar: BusinessCalendar | None, is_known: bool
) -> list[npt.NDArray[np.float64]]:
    """Return the midnights of the days that count; where it is known who is still on, of shifts that begin from now on.

    Shifts that began before the first interval, on the day before or on the same day, are those of who is still on.
    """
    worked = days_worked(patterns, ds, calendar, day_before=not is_known)
    if not is_known:
        return worked
    first = ds[:1].as_unit("us").asi8[0] / 1e6
    return [days[days + p.start_s >= first] for days, p in zip(worked, patterns, strict=True)]


def _paid_hours(
    patterns: Sequence[ShiftPattern], worked: Sequence[npt.NDArray[np.float64]], ds: pd.DatetimeIndex
) -> Floats:
    """Return the paid hours of a person of each pattern: of shifts that begin in the horizon, wherever they end."""
    return np.array(
        [
            int((days >= _first_midnight(ds)).sum()) * p.paid_h / len(p.days)
            for days, p in zip(worked, patterns, strict=True)
        ]
    )


def _first_midnight(ds: pd.DatetimeIndex) -> float:
    return float(ds[:1].normalize().as_unit("us").asi8[0] / 1e6)


def _read_still_on(still_on: Numbers | None, count: int) -> Floats:
    before = check_numbers("still_on", 0.0 if still_on is None else still_on, least=0)
    if before.shape not in ((), (count,)):
        raise InputError(
            "wrong length", where="argument 'still_on'", got=before.shape, wanted=f"({count},)", code="value.length"
        )
    return np.asarray(np.broadcast_to(before, (count,)), dtype=float)


def _read_need(need: pd.DataFrame, column: str, slot_s: float | None) -> tuple[pd.DatetimeIndex, Floats, float]:
    where = "argument 'need'"
    if column not in need.columns:
        column, need = new_name("column", "staffing", column), new_columns(need, "coverage")
    require_columns(need, ("ds", column), where)
    if need.empty:
        raise InputError("missing rows", where=where, code="queue.empty")
    if not pd.api.types.is_datetime64_dtype(need["ds"]) or need["ds"].isna().any():
        raise InputError(
            "not times on the local clock",
            where=where,
            column="ds",
            got=str(need["ds"].dtype),
            code="time.zone",
        )
    ds = pd.DatetimeIndex(need["ds"])
    steps = np.diff(ds.as_unit("us").asi8) / 1e6
    if (steps <= 0).any():
        row = int(np.flatnonzero(steps <= 0)[0]) + 2
        raise InputError(
            "the intervals are not in ascending order",
            where=where,
            column="ds",
            row=row,
            got=str(ds[row - 1]),
            code="time.order",
        )
    if slot_s is None and not len(steps):
        raise InputError("unknown length of the interval", where=where, hint="pass slot_s", code="frequency.invalid")
    slot = float(pd.Series(steps).mode().iloc[0]) if slot_s is None else check_number("slot_s", slot_s, above=0)
    if len(steps) and steps.min() < slot - AGENT_TOLERANCE:
        row = int(steps.argmin()) + 2
        raise InputError(
            "intervals overlap", where=where, column="ds", row=row, got=str(ds[row - 1]), code="time.order"
        )
    return ds, check_numbers(column, need[column], least=0), slot


def _rules(
    patterns: Sequence[ShiftPattern],
    limits: Mapping[str, float] | None,
    least: Mapping[str, float] | None,
    max_agents: float | None,
    off: float,
) -> tuple[Matrix, Floats, Floats]:
    """Return the limits on scheduled agents as rows ``low <= rows @ agents <= high`` of those on contacts."""
    kinds = np.array([p.kind for p in patterns])
    rows, low, high = [], [], []
    most, fewest = dict(limits or {}), dict(least or {})
    for name, given in (("limits", most), ("least", fewest)):
        for kind, value in given.items():
            if kind not in kinds:
                hint = did_you_mean(kind, sorted(set(kinds.tolist())))
                raise InputError(
                    "unknown kind of pattern",
                    where=f"argument '{name}'",
                    got=kind,
                    hint=hint,
                    code="plan.impossible",
                )
            check_numbers(f"{name}[{kind!r}]", value, least=0)
    for kind in sorted(set(most) | set(fewest)):
        rows.append((kinds == kind).astype(float))
        low.append(float(fewest.get(kind, 0)))
        high.append(float(most.get(kind, np.inf)))
        if np.ceil(low[-1] - AGENT_TOLERANCE) > high[-1]:
            raise InputError(
                "minimum must not exceed maximum",
                where=f"argument 'least[{kind!r}]'",
                got=(low[-1], high[-1]),
                code="plan.impossible",
            )
    if max_agents is not None:
        total = check_number("max_agents", max_agents, least=0)
        if sum(low) > total:
            raise InputError(
                "minimum must not exceed maximum",
                where="argument 'max_agents'",
                got=(sum(low), total),
                code="plan.impossible",
            )
        rows.append(np.ones(len(kinds)))
        low.append(0.0)
        high.append(total)
    matrix = sparse.csr_array(np.array(rows)) if rows else sparse.csr_array((0, len(kinds)))
    # agents are whole, with shrinkage and without
    bottom, top = np.ceil(np.array(low) - AGENT_TOLERANCE), np.floor(np.array(high) + AGENT_TOLERANCE)
    on, room = np.ceil(bottom * (1 - off) - AGENT_TOLERANCE), np.floor(top * (1 - off) + AGENT_TOLERANCE)
    return matrix, np.minimum(on, room), room
