"""Agents on shifts: cover what each interval requires with patterns that they can work."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from time import perf_counter

import numpy as np
import pandas as pd
from scipy import sparse

from ...features.arrays import Floats, Ints
from ...features.calendars.business_calendar import BusinessCalendar
from ...features.errors import InputError, did_you_mean
from ...features.frames import require_columns
from ...features.renamed import new_columns, new_name, renamed_arguments
from ..arguments import Numbers, check_number, check_numbers
from ..integer_search import ceiling
from ..solver import Matrix
from .opening import days_worked, patterns_within_hours
from .set_cover import solve_set_cover
from .shift_patterns import ShiftPattern, coverage_matrix, format_clock_time, format_weekdays

_AGENT_TOLERANCE = 1e-6


@dataclass(frozen=True)
class Schedule:
    """Who works when, what that covers, and how good it is.

    Attributes
    ----------
    table
        One row a pattern that is worked: ``pattern`` (in one line), ``kind``, ``agents`` (on contacts, of those on this
        shift), ``scheduled_agents`` (agents scheduled, with shrinkage), ``days``, ``start``, ``end``, ``breaks`` (times
        of day), ``hours`` (paid in the horizon, of all its people).
    coverage
        One row an interval: ``ds``, ``required``, ``scheduled`` (on contacts: what is left of them after shrinkage),
        ``understaffed``, ``overstaffed``, ``reason`` (why it falls short).
    hours, bound_hours
        Paid hours in the horizon, and a number that no schedule with so little shortfall can go below.
    gap
        Share of the cost (hours and priced shortfall) that a better schedule could save at most: proven.
    seconds
        Time that it took; nothing depends on it.
    idle_hours
        Paid hours in which nobody is required: shifts are longer than what they are there for.
    surplus_hours
        Paid hours beyond those to schedule for what is required and covered; ``idle_hours`` are among them.
    rounding_hours
        Of these, the ones that come of rounding the shrinkage up to whole agents. The others come of whole shifts:
        their lengths, their days a week and the fewest agents of a kind.
    """

    table: pd.DataFrame
    coverage: pd.DataFrame
    hours: float
    bound_hours: float
    gap: float
    seconds: float
    idle_hours: float = 0.0
    surplus_hours: float = 0.0
    rounding_hours: float = 0.0

    def sentences(self) -> tuple[str, ...]:
        """Describe in plain words how good the schedule is, and where and why it falls short."""
        people, short = (
            int(self.table["scheduled_agents"].sum()),
            self.coverage[self.coverage["understaffed"] > _AGENT_TOLERANCE],
        )
        said = [
            f"{people:,} people work {self.hours:,.1f} hours in {len(self.table):,} patterns; no schedule is better by "
            f"more than {self.gap:.1%}."
        ]
        if self.surplus_hours > _AGENT_TOLERANCE:
            said.append(
                f"{self.surplus_hours:,.1f} of the hours are more than is to schedule: "
                f"{self.surplus_hours - self.rounding_hours:,.1f} from whole shifts, {self.rounding_hours:,.1f} from "
                "rounding the shrinkage up to whole people."
            )
        if self.idle_hours > _AGENT_TOLERANCE:
            said.append(f"{self.idle_hours:,.1f} of the hours fall where nobody is required.")
        if not len(short):
            return (*said, "Every interval is covered.")
        worst = short.iloc[int(short["understaffed"].to_numpy().argmax())]
        said.append(
            f"{len(short):,} of {len(self.coverage):,} intervals fall short, most on {worst['ds']:%a %d %b %H:%M} by "
            f"{worst['understaffed']:,.1f} of {worst['required']:,.1f}."
        )
        counts = short["reason"].value_counts()
        return (*said, *(f"{count:,} of them: {why}." for why, count in counts.items()))


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
    worked = days_worked(patterns, ds, calendar)
    allowed = patterns_within_hours(patterns, calendar)
    if not allowed.any():
        hint = "shorter shifts, or other hours"
        raise InputError(
            "no shift lies within the opening hours", where="argument 'patterns'", hint=hint, code="calendar.unknown"
        )
    matrix = coverage_matrix(patterns, ds, slot, worked)
    paid = np.array([len(days) * p.paid_h / len(p.days) for days, p in zip(worked, patterns, strict=True)])
    usable = np.flatnonzero((paid > 0) & allowed)
    found = solve_set_cover(
        sparse.csc_array(matrix[:, usable]),
        people,
        paid[usable],
        np.broadcast_to(price * slot / 3600, (len(ds),)).astype(float),
        limits=sparse.csr_array(rules[0][:, usable]) if len(rules[1]) else None,
        low=rules[1],
        high=rules[2],
        gap=share,
        effort=work,
    )
    count = np.zeros(len(patterns))
    count[usable] = found.agents
    limited = {kind: np.floor(most * (1 - off) + _AGENT_TOLERANCE) for kind, most in (limits or {}).items()}
    capped = None if max_agents is None else float(np.floor(max_agents * (1 - off) + _AGENT_TOLERANCE))
    coverage = _coverage(
        ds, people, matrix[:, usable], count[usable], [patterns[int(j)] for j in usable], limited, capped
    )
    table, hours = _table(patterns, count, paid, off), float(paid @ count)
    idle = float(coverage["scheduled"].to_numpy()[people <= 0].sum()) * slot / 3600
    gross = float(table["hours"].sum()) / hours if hours > 0 else 1.0
    bound = (found.bound - (found.cost - hours)) * gross
    needed = float((people - coverage["understaffed"].to_numpy()).sum()) * slot / 3600 / (1 - off)
    surplus, rounding = max(hours * gross - needed, 0.0), max(hours * gross - hours / (1 - off), 0.0)
    spent = perf_counter() - begun
    return Schedule(table, coverage, hours * gross, bound, found.gap, spent, idle * gross, surplus, rounding)


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
    if len(steps) and steps.min() < slot - _AGENT_TOLERANCE:
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
        if np.ceil(low[-1] - _AGENT_TOLERANCE) > high[-1]:
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
    bottom, top = np.ceil(np.array(low) - _AGENT_TOLERANCE), np.floor(np.array(high) + _AGENT_TOLERANCE)
    on, room = np.ceil(bottom * (1 - off) - _AGENT_TOLERANCE), np.floor(top * (1 - off) + _AGENT_TOLERANCE)
    return matrix, np.minimum(on, room), room


def _table(patterns: Sequence[ShiftPattern], count: Floats, paid: Floats, off: float) -> pd.DataFrame:
    rows = [
        {
            "pattern": p.name,
            "kind": p.kind,
            "agents": round(count[j]),
            "scheduled_agents": 0,
            "days": format_weekdays(p.days),
            "start": format_clock_time(p.start_s),
            "end": format_clock_time(p.start_s + p.length_s),
            "breaks": ", ".join(p.break_times),
            "hours": float(paid[j]),
        }
        for j, p in enumerate(patterns)
        if count[j] > 0.5
    ]
    columns = ["pattern", "kind", "agents", "scheduled_agents", "days", "start", "end", "breaks", "hours"]
    frame = pd.DataFrame(rows, columns=columns).astype(
        {"agents": "int64", "scheduled_agents": "int64", "hours": "float64"}
    )
    text = {c: "str" for c in columns if c not in ("agents", "scheduled_agents", "hours")}
    frame = frame.astype(text).sort_values(["kind", "days", "start", "end", "breaks"], ignore_index=True)
    frame["scheduled_agents"] = add_shrinkage(frame["agents"].to_numpy(), off)
    frame["hours"] *= frame["scheduled_agents"]
    return frame


def add_shrinkage(agents: Ints, shrinkage: float) -> Ints:
    """Return the agents to schedule on each shift: their sum is rounded up once, and no shift has fewer than before.

    >>> add_shrinkage(np.array([1, 1, 2, 6]), 0.2).tolist()
    [2, 1, 2, 8]
    """
    total = ceiling(np.cumsum(agents) / (1 - shrinkage))
    return np.diff(total, prepend=0)


def _coverage(
    ds: pd.DatetimeIndex,
    need: Floats,
    matrix: Matrix,
    count: Floats,
    patterns: Sequence[ShiftPattern],
    limits: Mapping[str, float] | None,
    max_agents: float | None,
) -> pd.DataFrame:
    scheduled = np.asarray(matrix @ count)
    short = np.maximum(need - scheduled, 0.0)
    short[short < _AGENT_TOLERANCE] = 0.0
    kinds = np.array([p.kind for p in patterns])
    full = {k for k, most in (limits or {}).items() if count[kinds == k].sum() > most - 1 + _AGENT_TOLERANCE}
    everybody = max_agents is not None and count.sum() > max_agents - 1 + _AGENT_TOLERANCE
    rows, words = sparse.csr_array(matrix), [""] * len(ds)
    for i in np.flatnonzero(short):
        there = set(kinds[rows.indices[rows.indptr[i] : rows.indptr[i + 1]]].tolist())
        if not there:
            words[i] = "no shift covers this time"
        elif everybody:
            words[i] = "all people that may be scheduled are"
        elif there <= full:
            words[i] = f"the limit on {', '.join(sorted(there))} is reached"
        else:
            words[i] = "a further shift costs more than the shortfall"
    return pd.DataFrame(
        {
            "ds": ds,
            "required": need,
            "scheduled": scheduled,
            "understaffed": short,
            "overstaffed": np.maximum(scheduled - need, 0.0),
            "reason": pd.Series(words, dtype="str"),
        }
    )
