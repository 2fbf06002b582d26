"""Days of the month that are different month by month, such as the day of the bills: found in the past."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from ...features.arrays import Bools, Floats, Ints

#: Days of history, and months in which a day was seen, without which no day of the month can come again.
MIN_MONTHLY_HISTORY_DAYS, MIN_MONTHS = 190, 6

#: A day comes again if its deviations, each cut to so many standard deviations, lie so many standard errors from 0,
#: if their middle is as far out as this, and if this share of them lies on that side.
MAX_DEVIATION, MIN_STANDARD_ERRORS, MIN_MIDDLE, MIN_SAME_SIDE = 4.0, 5.0, 0.8, 0.8

#: The most kinds of days, which would else leave no ordinary ones.
MAX_MONTHLY_DAYS = 4

#: Working days that are counted from both ends of the month, and days that are counted from its end.
WORKING_DAYS, LAST_DAYS = 5, 5

#: The working days from both ends whose effects forecasts know anyway where the dates are those of a real calendar.
KNOWN_WORKING_DAYS = (1, 2, 3, -1, -2)

_PLACES = ("first", "second", "third", "fourth", "fifth")
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

Days = npt.NDArray[np.datetime64]


def find_monthly_days(days: Days, out: Floats, busy: Bools, off: Bools, dated: bool) -> tuple[Ints, tuple[str, ...]]:
    """Return the kind of each day that differs month by month, -1 on others, and the names of the kinds.

    A day may come again as a working day counted from either end of the month, by its date, counted from the end of the
    month, or as the nth or last of its weekday. The clearest is taken first, and what it explains tells nothing more.
    Working days are not looked for where forecasts know them anyway.

    Parameters
    ----------
    days
        D dates without a gap, past and ahead.
    out
        How far the past days lie out, in standard deviations of ordinary days; NaN where nothing can be said.
    busy
        7; whether each weekday (from Monday) is a working day.
    off
        D; days that are no working days although their weekday is.
    dated
        Whether effects of working days are known to forecasts.

    Examples
    --------
    >>> days = np.arange("2023-01-02", "2024-02-01", dtype="datetime64[D]")
    >>> billing = (days - days.astype("datetime64[M]").astype("datetime64[D]")).astype(int) == 4
    >>> out = np.where(billing, 3.0, 0.1)[:360]
    >>> find_monthly_days(days, out, np.ones(7, dtype=bool), np.zeros(len(days), dtype=bool), False)[1]
    ('day 5 of the month',)
    """
    if not len(days):
        return np.zeros(0, dtype=np.int64), ()
    from_start, from_end = _number_working_days(days, busy, off)
    families = dict(_families(days, None if dated else (from_start, from_end)))
    out = out.copy()
    if dated:
        known = np.isin(from_start, KNOWN_WORKING_DAYS) | np.isin(-from_end, KNOWN_WORKING_DAYS)
        out[known[: len(out)]] = np.nan
    kind = np.full(len(days), -1, dtype=np.int64)
    names: list[str] = []
    while len(names) < MAX_MONTHLY_DAYS:
        strength = {name: _strength(out[there[: len(out)]]) for name, there in families.items()}
        name = max(strength, key=lambda each: strength[each])
        if not strength[name]:
            break
        kind[families[name] & (kind < 0)] = len(names)
        out[families.pop(name)[: len(out)]] = np.nan
        names.append(name)
    return kind, tuple(names)


def _strength(far: Floats) -> float:
    """Return by how many standard errors days of one kind lie out; 0 where they do not come again."""
    far = far[~np.isnan(far)]
    if len(far) < MIN_MONTHS:
        return 0.0
    score = float(np.clip(far, -MAX_DEVIATION, MAX_DEVIATION).sum() / np.sqrt(len(far)))
    side = np.sign(score) * far
    clear = abs(score) > MIN_STANDARD_ERRORS and np.median(side) > MIN_MIDDLE and (side > 0).mean() >= MIN_SAME_SIDE
    return abs(score) if clear else 0.0


def _families(days: Days, working: tuple[Ints, Ints] | None) -> Iterator[tuple[str, Bools]]:
    """Return the name of each kind of day, the plainest first, and which days are of it."""
    months = days.astype("datetime64[M]")
    day = (days - months.astype("datetime64[D]")).astype(np.int64) + 1
    length = ((months + 1).astype("datetime64[D]") - months.astype("datetime64[D]")).astype(np.int64)
    for number in range(1, 32):
        yield f"day {number} of the month", day == number
    for number in range(1, LAST_DAYS + 1):
        yield f"{_count_from_end(number)}day of the month", length - day + 1 == number
    weekday = (days.astype(np.int64) + 3) % 7
    for number, name in enumerate(_WEEKDAYS):
        own = weekday == number
        for nth in range(4):
            yield f"{_PLACES[nth]} {name} of the month", own & ((day - 1) // 7 == nth)
        yield f"last {name} of the month", own & (day > length - 7)
    if working is not None:
        for number in range(1, WORKING_DAYS + 1):
            yield f"{_PLACES[number - 1]} working day of the month", working[0] == number
            yield f"{_count_from_end(number)}working day of the month", working[1] == number


def _count_from_end(number: int) -> str:
    return ("last ", "last but one ", "third from last ", "fourth from last ", "fifth from last ")[number - 1]


def _number_working_days(days: Days, busy: Bools, off: Bools) -> tuple[Ints, Ints]:
    """Count the working days of each month from both ends; 0 on other days. Months that are cut off go on as usual."""
    begin = days[0].astype("datetime64[M]").astype("datetime64[D]")
    end = (days[-1].astype("datetime64[M]") + 1).astype("datetime64[D]")
    whole = np.arange(begin, end)
    own = slice(int((days[0] - begin).astype(int)), int((days[0] - begin).astype(int)) + len(days))
    works = busy[(whole.astype(np.int64) + 3) % 7]
    works[own] &= ~off
    month = whole.astype("datetime64[M]").astype(np.int64)
    total = np.cumsum(works)
    first = np.flatnonzero(np.diff(month, prepend=month[0] - 1))
    last = np.append(first[1:], len(whole)) - 1
    place = month - month[0]
    from_start = np.where(works, total - (total - works)[first][place], 0)
    from_end = np.where(works, total[last][place] - total + 1, 0)
    return from_start[own], from_end[own]
