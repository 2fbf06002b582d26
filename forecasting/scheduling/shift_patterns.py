"""Shift patterns: when a person of a kind works in a week, with breaks and days off."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations, product

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse

from ...features.arrays import Floats
from ...features.durations import format_duration
from ...features.errors import InputError
from ..arguments import check_number, check_numbers
from ..solver import Matrix, triplets
from .breaks import BreakRule, Placement, place_breaks

WEEKDAY_NAMES = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY_S = 86400.0


@dataclass(frozen=True)
class ShiftPattern:
    """What one person works in each week: the same hours on some days of the week.

    Attributes
    ----------
    kind
        What kind of contract, such as "full-time"; limits on people name it.
    days
        Days of the week on which the shift begins, 0 for Monday.
    start_s, length_s
        Begin of the shift in seconds after midnight, and its length with all breaks. It may end on the next day.
    breaks
        Unpaid breaks as (seconds after the begin, length in seconds); nobody is covered in them.
    paid_breaks
        Paid breaks, in the same form.
    days_worked
        How many of ``days`` a person works, any of them: days off may lie apart. By default all.
    """

    kind: str
    days: tuple[int, ...]
    start_s: float
    length_s: float
    breaks: tuple[tuple[float, float], ...] = ()
    paid_breaks: tuple[tuple[float, float], ...] = ()
    days_worked: int | None = None

    def __post_init__(self) -> None:
        """Check the pattern, so that none that cannot be worked gets any further."""
        where = "ShiftPattern"
        if not self.days or len(set(self.days)) != len(self.days) or not set(self.days) <= set(range(7)):
            raise InputError(
                "not valid days of the week",
                where=where,
                got=self.days,
                wanted="0 (Monday) to 6",
                code="time.unreadable",
            )
        check_numbers("start_s", self.start_s, least=0, below=_DAY_S)
        check_numbers("length_s", self.length_s, above=0, most=_DAY_S)
        if self.days_worked is not None:
            check_numbers("days_worked", self.days_worked, least=1, most=len(self.days))
        last = 0.0
        for after, length in self.all_breaks:
            if not (after >= last and length > 0 and after + length <= self.length_s):
                raise InputError(
                    "a break lies outside the shift or over another",
                    where=where,
                    got=(after, length),
                    code="plan.impossible",
                )
            last = after + length

    @property
    def paid_h(self) -> float:
        """Paid hours in a week."""
        days = self.days_worked or len(self.days)
        return days * (self.length_s - sum(length for _, length in self.breaks)) / 3600

    @property
    def all_breaks(self) -> tuple[tuple[float, float], ...]:
        """Breaks, paid and unpaid, in order of time."""
        return self.breaks if not self.paid_breaks else tuple(sorted((*self.breaks, *self.paid_breaks)))

    @property
    def name(self) -> str:
        """The pattern in one line.

        >>> ShiftPattern("full-time", (0, 1, 2, 3, 4), 8 * 3600, 8.5 * 3600, ((4 * 3600, 1800),)).name
        'full-time mon-fri 08:00-16:30, break 12:00-12:30'
        """
        rest = ", ".join(self.break_times)
        end = format_clock_time(self.start_s + self.length_s)
        return f"{self.kind} {format_weekdays(self.days)} {format_clock_time(self.start_s)}-{end}" + (
            f", break {rest}" if rest else ""
        )

    @property
    def break_times(self) -> tuple[str, ...]:
        """Breaks on the clock."""
        return tuple(
            f"{format_clock_time(self.start_s + a)}-{format_clock_time(self.start_s + a + n)}"
            for a, n in self.all_breaks
        )


def format_clock_time(seconds: float) -> str:
    """Return seconds after midnight as a time of day.

    >>> format_clock_time(8.5 * 3600), format_clock_time(25 * 3600)
    ('08:30', '01:00')
    """
    minutes = round(seconds / 60) % 1440
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


def format_weekdays(days: Sequence[int]) -> str:
    """Return days of the week as their owner would write them.

    >>> format_weekdays((0, 1, 2, 3, 4)), format_weekdays((0, 2, 3)), format_weekdays((5,))
    ('mon-fri', 'mon,wed,thu', 'sat')
    """
    days = sorted(days)
    if len(days) > 2 and days[-1] - days[0] == len(days) - 1:
        return f"{WEEKDAY_NAMES[days[0]]}-{WEEKDAY_NAMES[days[-1]]}"
    return ",".join(WEEKDAY_NAMES[d] for d in days)


def shift_patterns(
    kind: str = "full-time",
    *,
    lengths_s: Iterable[float] = (8 * 3600.0,),
    first_start_s: float = 7 * 3600.0,
    last_end_s: float = 22 * 3600.0,
    step_s: float = 1800.0,
    break_s: float = 1800.0,
    break_choices: int = 3,
    break_step_s: float = 1800.0,
    no_break_up_to_s: float = 5 * 3600.0,
    days_per_week: int = 5,
    workdays: Sequence[int] = range(7),
    days_off_together: bool = True,
    starts_s: Iterable[float] | None = None,
    breaks: Sequence[BreakRule] | None = None,
    free_days: bool = False,
) -> list[ShiftPattern]:
    """Return all patterns of one kind that follow a few rules; join the lists of several kinds.

    Parameters
    ----------
    kind
        Name of the contract.
    lengths_s
        Lengths of a shift in seconds, with the break.
    first_start_s, last_end_s
        Earliest begin and latest end in seconds after midnight; an end above 86,400 lies on the next day.
    step_s
        Seconds between two begins.
    break_s, break_choices, break_step_s
        Length of the break, how many places for it around the middle of the shift, and seconds between those; 0 choices:
        no break.
    no_break_up_to_s
        Shifts of up to this length have no break.
    days_per_week
        Days that a person works.
    workdays
        Days of the week on which work is possible, 0 for Monday.
    days_off_together
        Whether the days off lie together (over the end of the week too); else any choice of days.
    starts_s
        Begins in seconds after midnight, in place of all between ``first_start_s`` and ``last_end_s``: 06:00, 14:00 and
        22:00 of a desk that never closes.
    breaks
        Breaks with the times between which each begins, in place of ``break_s`` and ``break_choices``.
    free_days
        Leave the days open: one pattern for all choices of days, which :func:`shift_schedule` chooses by person. It has
        the same answers as ``days_off_together=False``, in a smaller problem.

    Returns
    -------
    list of ShiftPattern

    Raises
    ------
    InputError
        If a number is out of range, or no shift fits.

    Examples
    --------
    >>> full = shift_patterns(lengths_s=[8.5 * 3600], step_s=3600)
    >>> part = shift_patterns("part-time", lengths_s=[4 * 3600], step_s=3600, days_per_week=3)
    >>> len(full), len(part), part[0].name
    (147, 84, 'part-time mon-wed 07:00-11:00')
    """  # noqa: E501 - parameters read better in one line
    step, rest = check_number("step_s", step_s, above=0), check_number("break_s", break_s, least=0)
    first = check_number("first_start_s", first_start_s, least=0, below=_DAY_S)
    last, between = (
        check_number("last_end_s", last_end_s, above=0),
        check_number("break_step_s", break_step_s, above=0),
    )
    choices = int(check_numbers("break_choices", break_choices, least=0))
    count = int(check_numbers("days_per_week", days_per_week, least=1, most=len(workdays)))
    off = [tuple(sorted(workdays))] if free_days else _day_choices(list(workdays), count, days_off_together)
    given = None if starts_s is None else check_numbers("starts_s", list(starts_s), least=0, below=_DAY_S)
    found = []
    for length in check_numbers("lengths_s", list(lengths_s), above=0, most=_DAY_S):
        starts = np.arange(first, min(last - length, _DAY_S - 1) + 1e-6, step) if given is None else given
        pauses: list[Placement] = [((), ())]
        if breaks is not None:
            pauses = place_breaks(breaks, float(length), between)
        elif choices and rest > 0 and length > no_break_up_to_s:
            middle = round((length - rest) / 2 / between) * between
            shifted = middle + (np.arange(choices) - (choices - 1) // 2) * between
            pauses = [(((float(a), rest),), ()) for a in shifted if a > 0 and a + rest < length]
            if not pauses:
                raise InputError(
                    "the break does not fit into the shift", where="argument 'break_s'", got=format_duration(rest),
                    wanted=f"a break within the shift of {format_duration(length)}", code="plan.impossible",
                )  # fmt: skip
        for days, start, (unpaid, paid) in product(off, starts, pauses):
            worked = count if free_days else None
            found.append(ShiftPattern(kind, days, float(start), float(length), unpaid, paid, worked))
    if not found:
        raise InputError(
            "no shift fits between the earliest begin and the latest end",
            got=(first_start_s, last_end_s),
            code="plan.impossible",
        )
    return found


def _day_choices(workdays: list[int], count: int, together: bool) -> list[tuple[int, ...]]:
    if not together:
        return list(combinations(sorted(workdays), count))
    ring = sorted(workdays)
    if count == len(ring):
        return [tuple(ring)]
    runs = {tuple(sorted(ring[(first + k) % len(ring)] for k in range(count))) for first in range(len(ring))}
    return sorted(runs)


def coverage_matrix(
    patterns: Sequence[ShiftPattern],
    ds: pd.DatetimeIndex,
    slot_s: float,
    worked: Sequence[npt.NDArray[np.float64]] | None = None,
) -> Matrix:
    """Return which share of each interval a person of each pattern is there, shape (intervals, patterns).

    Parameters
    ----------
    patterns
        They repeat every week; a shift that begins on the day before the first interval is not counted.
    ds
        Start of each interval on the local clock, rising.
    slot_s
        Length of an interval in seconds.
    worked
        Midnights, in seconds on the local clock, of the days on which each pattern is worked; by default all its days.

    Examples
    --------
    >>> early = ShiftPattern("any", (0,), 8 * 3600, 2 * 3600, ((3600, 1800),))
    >>> coverage_matrix([early], pd.date_range("2024-03-04 07:00", periods=4, freq="h"), 3600).toarray().ravel().tolist()
    [0.0, 1.0, 0.5, 0.0]
    """  # noqa: E501 - the example is one line
    at = ds.as_unit("us").asi8 / 1e6
    midnights = pd.date_range(ds[0].normalize(), ds[-1].normalize(), freq="D")
    base, weekday = midnights.as_unit("us").asi8 / 1e6, midnights.day_of_week.to_numpy()
    rows, columns, values = [], [], []
    for j, p in enumerate(patterns):
        for day in base[np.isin(weekday, p.days)] if worked is None else worked[j]:
            begin, end = day + p.start_s, day + p.start_s + p.length_s
            first, last = np.searchsorted(at, [begin - slot_s + 1e-6, end - 1e-6])
            span = np.arange(first, last)
            share = _overlap(at[span], slot_s, begin, end)
            for after, length in p.all_breaks:
                share = share - _overlap(at[span], slot_s, begin + after, begin + after + length)
            there = share > 1e-9
            rows.append(span[there])
            columns.append(np.full(int(there.sum()), j))
            values.append(share[there])
    if not rows:
        return sparse.csc_array((len(ds), len(patterns)))
    return triplets(np.concatenate(values), np.concatenate(rows), np.concatenate(columns), (len(ds), len(patterns)))


def _overlap(at: Floats, slot_s: float, begin: float, end: float) -> Floats:
    there: Floats = np.maximum(np.minimum(at + slot_s, end) - np.maximum(at, begin), 0.0) / slot_s
    return there
