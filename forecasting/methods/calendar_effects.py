"""What the calendar says of each day: one row of regressors a day, with how large each effect may be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ...features.arrays import Bools, Floats, Ints

if TYPE_CHECKING:
    from ..grid.special_days import SpecialDays

Days = npt.NDArray[np.datetime64]

#: How large effects usually are, as standard deviations of the root of the volume's ratio to the usual: half of the
#: relative effect on the volume. They are priors of a ridge, so they matter only while data are few.
EFFECT_PRIOR_SD = {
    "weekday": 0.05,
    "first": 0.05,
    "last": 0.05,
    "after": 0.08,
    "second after": 0.05,
    "before": 0.05,
    "bridge": 0.12,
    "middle": 0.03,
    "christmas": 0.12,
    "year of days": 0.15,
    "year of weeks": 0.05,
    "month": 0.15,
    "trend": 0.04,
    "off": 0.3,
    "kind": 0.2,
    "days": 0.5,
}

#: Days between the knots of the trend.
KNOT_DAYS = 28

#: Waves a year that the yearly pattern of days and of weeks is made of, once two years are known.
DAY_HARMONICS, WEEK_HARMONICS = 8, 4

#: Share of the busiest weekday's volume from which a weekday is a business day.
MIN_BUSINESS_DAY_SHARE = 0.25


@dataclass(frozen=True)
class Design:
    """Regressors of each day or longer slot.

    Attributes
    ----------
    x
        Days x columns.
    size
        Standard deviation of each effect before anything is known.
    names
        Name of each column.
    moving
        Columns of level and trend, which say how a series has moved; the others are effects, which come again.
    """

    x: Floats
    size: Floats
    names: tuple[str, ...]
    is_trend: Bools


def build_day_design(
    days: Days, known: int, is_open: Bools, busy: Bools, special: Ints, of: SpecialDays | None
) -> Design:
    """Return what the calendar knows of each day.

    Business days are counted from both ends of the month over days that are open, on a busy weekday and no holiday.
    A day off is a day on a busy weekday that is closed or a holiday; the days around it differ too.

    Parameters
    ----------
    days
        D dates without a gap, past and ahead.
    known
        How many of them are past.
    is_open
        D; whether the desk is open at all.
    busy
        7; whether each weekday (from Monday) is a business day.
    special
        D; number of the kind of special day, -1 on ordinary ones.
    of
        The names of those kinds.
    """
    weekday = (days.astype(np.int64) + 3) % 7
    months = days.astype("datetime64[M]")
    day_of_month = (days - months.astype("datetime64[D]")).astype(np.int64) + 1
    holidays = of.holidays if of is not None else 0
    holiday = (special >= 0) & (special < holidays)
    business = is_open & busy[weekday] & ~holiday
    off = busy[weekday] & (~is_open | holiday)
    effects = _Effects(known)
    add = effects.add
    for number in range(7):
        add(f"weekday {number}", weekday == number, EFFECT_PRIOR_SD["weekday"])
    if of is not None and of.dated:
        _add_month(add, months, day_of_month, business, busy, days)
    after, second, before = _around(business, off)
    add("after a day off", after, EFFECT_PRIOR_SD["after"])
    add("second day after a day off", second, EFFECT_PRIOR_SD["second after"])
    add("before a day off", before, EFFECT_PRIOR_SD["before"])
    add("bridge day", _bridge(business, off), EFFECT_PRIOR_SD["bridge"])
    if of is not None and of.dated:
        month_day = (months.astype(np.int64) % 12 + 1) * 100 + day_of_month
        add("24 December", (month_day == 1224) & ~holiday, EFFECT_PRIOR_SD["christmas"])
        add("end of December", (month_day >= 1226) & ~holiday, EFFECT_PRIOR_SD["christmas"])
        add("31 December", (month_day == 1231) & ~holiday, EFFECT_PRIOR_SD["christmas"])
        add("start of January", (month_day >= 102) & (month_day <= 105) & ~holiday, EFFECT_PRIOR_SD["christmas"])
    if known >= 2 * 365:
        _add_year(add, days.astype(np.int64) / 365.2425, EFFECT_PRIOR_SD["year of days"], DAY_HARMONICS)
    add("holiday", holiday & is_open & busy[weekday], EFFECT_PRIOR_SD["off"])
    for kind in np.unique(special[(special >= 0) & is_open]):
        name = of.names[kind] if of is not None else str(kind)
        add(f"kind {name}", (special == kind) & is_open, EFFECT_PRIOR_SD["kind" if kind < holidays else "off"])
    return effects.design(len(days), KNOT_DAYS)


def build_slot_design(
    stamps: npt.NDArray[np.datetime64],
    known: int,
    year: int,
    of: SpecialDays | None = None,
    kind: Ints | None = None,
) -> Design:
    """Return what the calendar knows of weeks and months: the time of the year, and how many working days they have.

    Parameters
    ----------
    stamps
        Starts of the slots, past and ahead.
    known
        How many of them are past.
    year
        Slots of a year.
    of, kind
        The special days, and number of the kind of each slot, -1 on ordinary ones.
    """
    dated, off = (of.dated, of.holiday_dates) if of is not None else (False, frozenset())
    effects = _Effects(known)
    add = effects.add
    days = stamps.astype("datetime64[D]").astype(np.int64)
    working, length = _days_of(stamps, year, off)
    add("working days", working / max(float(working[:known].mean()), 1e-9) - 1.0, EFFECT_PRIOR_SD["days"])
    add("days", length / max(float(length[:known].mean()), 1e-9) - 1.0, EFFECT_PRIOR_SD["days"])
    if known >= 2 * year:
        if year == 12:
            month = stamps.astype("datetime64[M]").astype(np.int64) % 12
            for number in range(12):
                add(f"month {number + 1}", month == number, EFFECT_PRIOR_SD["month"])
        else:
            _add_year(add, days / 365.2425, EFFECT_PRIOR_SD["year of weeks"], WEEK_HARMONICS)
        if dated and year != 12:
            day_of_year = (stamps.astype("datetime64[D]") - stamps.astype("datetime64[Y]")).astype(np.int64)
            add("week of Christmas", (day_of_year >= 352) & (day_of_year <= 358), EFFECT_PRIOR_SD["christmas"])
            add("turn of the year", (day_of_year >= 359) | (day_of_year == 0), EFFECT_PRIOR_SD["christmas"])
    if of is not None and kind is not None:
        for number in np.unique(kind[kind >= 0]):
            add(f"kind {of.names[number]}", kind == number, EFFECT_PRIOR_SD["off"])
    return effects.design(len(stamps), max(year // 13, 2))


def _days_of(stamps: Days, year: int, off: frozenset[np.datetime64]) -> tuple[Floats, Floats]:
    """Return the working days, Monday to Friday without holidays, and all days of slots of a week or a month."""
    first = stamps.astype("datetime64[D]")
    months = stamps.astype("datetime64[M]")
    after = (months + 1).astype("datetime64[D]") if year == 12 else first + 7
    holidays = np.array(sorted(off), dtype="datetime64[D]")
    working = np.busday_count(first, after, holidays=holidays)
    return working.astype(float), (after - first).astype(float)


@dataclass(frozen=True)
class _Effects:
    """Columns of effects with their prior sizes; ``known`` slots are past."""

    known: int
    columns: dict[str, Floats] = field(default_factory=dict)
    sizes: list[float] = field(default_factory=list)

    def add(self, name: str, values: npt.NDArray[np.generic], size: float) -> None:
        """Add an effect; one that was never seen cannot be learnt, one that is always there is the level."""
        column = np.asarray(values, dtype=float)
        if np.ptp(column[: self.known]) > 0:
            self.columns[name] = column
            self.sizes.append(size)

    def design(self, length: int, knot: int) -> Design:
        """Add the level and a trend that may change its slope at each knot and stands still at the end."""
        names, place = [*self.columns, "level"], np.arange(length, dtype=float)
        parts, sizes = [*self.columns.values(), np.ones(length)], [*self.sizes, 10.0]
        for start in np.arange(self.known - knot, 0, -knot):
            parts.append(np.clip((place - start) / knot, 0.0, 1.0) - 1.0)
            names.append(f"trend from {start}")
            sizes.append(EFFECT_PRIOR_SD["trend"])
        moving = np.arange(len(parts)) >= len(self.columns)
        return Design(np.column_stack(parts), np.array(sizes), tuple(names), moving)


def _add_month(
    add: Callable[[str, npt.NDArray[Any], float], None],
    months: npt.NDArray[np.datetime64],
    day_of_month: Ints,
    business: Bools,
    busy: Bools,
    days: Days,
) -> None:
    """Add business days of the month from both ends, and its middle."""
    first, last = number_business_days(months, days, business, busy)
    for number in (1, 2, 3):
        add(f"business day {number}", first == number, EFFECT_PRIOR_SD["first"])
    for number in (1, 2):
        add(f"business day -{number}", last == number, EFFECT_PRIOR_SD["last"])
    middle = business & (day_of_month >= 15) & ~_seen_before(business & (day_of_month >= 15), months)
    add("middle of the month", middle, EFFECT_PRIOR_SD["middle"])
    add("day after the middle", np.append(False, middle[:-1]) & business, EFFECT_PRIOR_SD["middle"])


def _add_year(add: Callable[[str, npt.NDArray[Any], float], None], turn: Floats, size: float, waves: int) -> None:
    for wave in range(1, waves + 1):
        angle = 2 * np.pi * wave * turn
        add(f"year sin {wave}", np.sin(angle), size / wave)
        add(f"year cos {wave}", np.cos(angle), size / wave)


def number_business_days(
    months: npt.NDArray[np.datetime64], days: Days, business: Bools, busy: Bools
) -> tuple[Ints, Ints]:
    """Count business days of the month from both ends; of a month that is cut off, the rest is taken as usual."""
    first, last = np.zeros(len(days), dtype=np.int64), np.zeros(len(days), dtype=np.int64)
    for month in np.unique(months):
        own = np.flatnonzero(months == month)
        chosen = own[business[own]]
        begin, end = month.astype("datetime64[D]"), (month + 1).astype("datetime64[D]")
        lead = int(busy[(np.arange(begin, days[own[0]]).astype(np.int64) + 3) % 7].sum())
        rest = int(busy[(np.arange(days[own[-1]] + 1, end).astype(np.int64) + 3) % 7].sum())
        first[chosen] = lead + np.arange(1, len(chosen) + 1)
        last[chosen] = rest + np.arange(len(chosen), 0, -1)
    return first, last


def _around(business: Bools, off: Bools) -> tuple[Bools, Bools, Bools]:
    """Mark the first and second business day after a day off, and the last one before it."""
    order = np.flatnonzero(business)
    after, second, before = (np.zeros(len(business), dtype=bool) for _ in range(3))
    if not len(order) or not off.any():
        return after, second, before
    gone = np.cumsum(off)
    between = gone[order[1:]] > gone[order[:-1]]
    after[order[1:][between]] = True
    second[order[2:][between[:-1]]] = True
    second &= ~after
    before[order[:-1][between]] = True
    if off[order[-1] :].any():
        before[order[-1]] = True
    return after, second, before & ~after


def _bridge(business: Bools, off: Bools) -> Bools:
    """Mark business days that a day off parts from the weekend: a day off on one side, no business day on the other."""
    yesterday, tomorrow = np.append(False, off[:-1]), np.append(off[1:], False)
    rest = ~business & ~off
    weekend_before, weekend_after = np.append(False, rest[:-1]), np.append(rest[1:], False)
    bridge: Bools = business & ((yesterday & weekend_after) | (tomorrow & weekend_before))
    return bridge


def _seen_before(chosen: Bools, months: npt.NDArray[np.datetime64]) -> Bools:
    """Return which days have an earlier chosen day in their month."""
    count = np.cumsum(chosen)
    starts = np.flatnonzero(np.append(True, months[1:] != months[:-1]))
    before = np.repeat(np.append(0, count)[starts], np.diff(np.append(starts, len(months))))
    later: Bools = count - before > 1
    return later
