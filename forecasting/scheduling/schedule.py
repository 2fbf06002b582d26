"""People on shifts: cover what each interval needs with patterns that people can work."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import sparse

from ...features.arrays import Floats
from ...features.errors import InputError, did_you_mean
from ...features.renamed import new_columns, new_name, renamed_arguments
from ..arguments import Numbers, check_number, check_numbers
from ..solver import Matrix
from .set_cover import solve_set_cover
from .shift_patterns import ShiftPattern, coverage_matrix, format_clock_time, format_weekdays

_AGENT_TOLERANCE = 1e-6


@dataclass(frozen=True)
class Schedule:
    """Who works when, what that covers, and how good it is.

    Attributes
    ----------
    table
        One row a pattern that is worked: ``pattern`` (in one line), ``kind``, ``scheduled_agents``, ``days``,
        ``start``, ``end``, ``breaks`` (times of day), ``hours`` (paid in a week, of all its people).
    coverage
        One row an interval: ``ds``, ``required``, ``scheduled``, ``understaffed``, ``overstaffed``, ``reason`` (why it
        falls short).
    hours, bound_hours
        Paid hours in the horizon, and a number that no schedule with so little shortfall can go below.
    gap
        Share of the cost (hours and priced shortfall) that a better schedule could save at most: proven.
    seconds
        Time that it took.
    """

    table: pd.DataFrame
    coverage: pd.DataFrame
    hours: float
    bound_hours: float
    gap: float
    seconds: float

    def sentences(self) -> tuple[str, ...]:
        """Say in plain words how good the schedule is, and where and why it falls short."""
        people, short = (
            int(self.table["scheduled_agents"].sum()),
            self.coverage[self.coverage["understaffed"] > _AGENT_TOLERANCE],
        )
        said = [
            f"{people:,} people work {self.hours:,.1f} hours in {len(self.table):,} patterns; no schedule is better by "
            f"more than {self.gap:.1%}."
        ]
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
    seconds: float = 60.0,
) -> Schedule:
    """Choose how many people work each pattern so that the need is covered at least cost.

    Parameters
    ----------
    need
        One row an interval: ``ds`` (start, local clock, rising) and the people needed in it, from 0. Usually a week of a
        staffing plan, with shrinkage in it (``agents_to_schedule``).
    patterns
        What people can work; see :func:`shift_patterns`.
    column
        Column of the people needed.
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
    seconds
        The search stops after about so many seconds with the best so far and says its gap.

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
        raise InputError("there is no pattern", where="argument 'patterns'", hint="see shift_patterns")
    price = check_numbers("short_price", short_price, least=0)
    if price.shape not in ((), (len(ds),)):
        raise InputError("the length is wrong", where="argument 'short_price'", got=price.shape, wanted=f"({len(ds)},)")
    share = check_number("gap", gap, least=0, below=1)
    limit = check_number("seconds", seconds, above=0)
    matrix = coverage_matrix(patterns, ds, slot)
    days = pd.Series(ds.normalize().unique()).dt.day_of_week.value_counts()
    paid = np.array([sum(int(days.get(d, 0)) for d in p.days) * p.paid_h / len(p.days) for p in patterns])
    rules = _rules(patterns, limits, least, max_agents)
    usable = np.flatnonzero(paid > 0)
    found = solve_set_cover(
        sparse.csc_array(matrix[:, usable]),
        people,
        paid[usable],
        np.broadcast_to(price * slot / 3600, (len(ds),)).astype(float),
        limits=sparse.csr_array(rules[0][:, usable]) if len(rules[1]) else None,
        low=rules[1],
        high=rules[2],
        gap=share,
        seconds=limit,
    )
    count = np.zeros(len(patterns))
    count[usable] = found.agents
    coverage = _coverage(ds, people, matrix, count, patterns, limits, max_agents)
    hours = float(paid @ count)
    return Schedule(
        _table(patterns, count, paid), coverage, hours, found.bound - (found.cost - hours), found.gap, found.seconds
    )


def _read_need(need: pd.DataFrame, column: str, slot_s: float | None) -> tuple[pd.DatetimeIndex, Floats, float]:
    where = "argument 'need'"
    if column not in need.columns:
        column, need = new_name("column", "staffing", column), new_columns(need, "coverage")
    for name in ("ds", column):
        if name not in need.columns:
            near = did_you_mean(name, [str(c) for c in need.columns])
            raise InputError("the column is missing", where=where, column=name, hint=near)
    if need.empty:
        raise InputError("there is no row", where=where)
    if not pd.api.types.is_datetime64_dtype(need["ds"]) or need["ds"].isna().any():
        raise InputError("these are not times on the local clock", where=where, column="ds", got=str(need["ds"].dtype))
    ds = pd.DatetimeIndex(need["ds"])
    steps = np.diff(ds.as_unit("us").asi8) / 1e6
    if (steps <= 0).any():
        row = int(np.flatnonzero(steps <= 0)[0]) + 2
        raise InputError("the intervals are not rising", where=where, column="ds", row=row, got=str(ds[row - 1]))
    if slot_s is None and not len(steps):
        raise InputError("one interval does not say how long it is", where=where, hint="pass slot_s")
    slot = float(pd.Series(steps).mode().iloc[0]) if slot_s is None else check_number("slot_s", slot_s, above=0)
    if len(steps) and steps.min() < slot - _AGENT_TOLERANCE:
        row = int(steps.argmin()) + 2
        raise InputError("intervals overlap", where=where, column="ds", row=row, got=str(ds[row - 1]))
    return ds, check_numbers(column, need[column], least=0), slot


def _rules(
    patterns: Sequence[ShiftPattern],
    limits: Mapping[str, float] | None,
    least: Mapping[str, float] | None,
    max_agents: float | None,
) -> tuple[Matrix, Floats, Floats]:
    """Return the limits on people as rows ``low <= rows @ people <= high``."""
    kinds = np.array([p.kind for p in patterns])
    rows, low, high = [], [], []
    most, fewest = dict(limits or {}), dict(least or {})
    for name, given in (("limits", most), ("least", fewest)):
        for kind, value in given.items():
            if kind not in kinds:
                hint = did_you_mean(kind, sorted(set(kinds.tolist())))
                raise InputError("no pattern is of this kind", where=f"argument '{name}'", got=kind, hint=hint)
            check_numbers(f"{name}[{kind!r}]", value, least=0)
    for kind in sorted(set(most) | set(fewest)):
        rows.append((kinds == kind).astype(float))
        low.append(float(fewest.get(kind, 0)))
        high.append(float(most.get(kind, np.inf)))
        if np.ceil(low[-1] - _AGENT_TOLERANCE) > high[-1]:
            raise InputError(
                "the fewest are above the most", where=f"argument 'least[{kind!r}]'", got=(low[-1], high[-1])
            )
    if max_agents is not None:
        total = check_number("max_agents", max_agents, least=0)
        if sum(low) > total:
            raise InputError("the fewest are above the most", where="argument 'max_agents'", got=(sum(low), total))
        rows.append(np.ones(len(kinds)))
        low.append(0.0)
        high.append(total)
    matrix = sparse.csr_array(np.array(rows)) if rows else sparse.csr_array((0, len(kinds)))
    # people are whole
    return matrix, np.ceil(np.array(low) - _AGENT_TOLERANCE), np.floor(np.array(high) + _AGENT_TOLERANCE)


def _table(patterns: Sequence[ShiftPattern], count: Floats, paid: Floats) -> pd.DataFrame:
    rows = [
        {
            "pattern": p.name,
            "kind": p.kind,
            "scheduled_agents": round(count[j]),
            "days": format_weekdays(p.days),
            "start": format_clock_time(p.start_s),
            "end": format_clock_time(p.start_s + p.length_s),
            "breaks": ", ".join(p.break_times),
            "hours": float(paid[j] * count[j]),
        }
        for j, p in enumerate(patterns)
        if count[j] > 0.5
    ]
    columns = ["pattern", "kind", "scheduled_agents", "days", "start", "end", "breaks", "hours"]
    frame = pd.DataFrame(rows, columns=columns).astype({"scheduled_agents": "int64", "hours": "float64"})
    text = {c: "str" for c in columns if c not in ("scheduled_agents", "hours")}
    return frame.astype(text).sort_values(["kind", "days", "start", "end", "breaks"], ignore_index=True)


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
