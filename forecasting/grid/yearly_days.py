"""Days of the year that are different every year and stand on no list: found in the past, and marked ahead."""

from __future__ import annotations

from calendar import day_name, month_name
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from ...features.arrays import Bools, Floats, Ints
from .grid import Grid
from .monthly_days import MIN_MONTHLY_HISTORY_DAYS, find_monthly_days
from .profile import find_credible_limit
from .special_days import SpecialDays

#: Days of history without which no day of the year can come again.
MIN_HISTORY_DAYS = 380

#: Same weekdays before and after a day that tell what it would have held.
NEIGHBOUR_WEEKS = 4

#: Standard deviations of ordinary days that the days of an anchor must lie out, over its years, and of one that was
#: seen only once.
MIN_DEVIATIONS, MIN_DEVIATIONS_ONCE = 5.0, 4.0

#: Years without which a day of less, and one of more, is not taken for one that comes again: days of more are often
#: batches and faults, and what is planned for them in vain is paid.
MIN_YEARS_LESS, MIN_YEARS_MORE = 2, 3

#: Anchors of all families of days, weeks of a year, the most of these, and how many anchors chance alone may find.
ANCHORS, WEEKS, MAX_WEEKS = 900, 52, 8
MAX_FALSE_ANCHORS = 0.05

#: Smallest standard deviation of an ordinary day's root ratio.
MIN_ROOT_SD = 0.02

#: First and last day from Easter that feasts hang on: from before carnival to after Corpus Christi.
EASTER_SPAN = (-52, 64)

#: Days around Easter, and of the turn of the year by month and day, on which less comes in many countries.
USUAL_EASTER_DAYS = frozenset((-48, -47, -46, -3, -2, -1, 0, 1, 39, 40, 50, 60))
USUAL_DATES = frozenset((*range(1223, 1232), *range(101, 107)))

#: Share of the busiest day's volume below which nothing is said of a weekday.
MIN_WEEKDAY_SHARE = 0.1

#: The same from which a weekday is a working day.
MIN_WORKING_DAY_SHARE = 0.25

#: Share of the usual slots of its weekday that must be known of a day.
MIN_KNOWN_SHARE = 0.9

#: Key of days that a family does not know.
NO_KEY = -10_000

_MONTHS = tuple(month_name)[1:]
_WEEKDAYS = tuple(day_name)


def add_yearly_days(grid: Grid, special: SpecialDays, origin: int, horizon: int) -> SpecialDays:
    """Add the days that were different in every year or month before an origin to those that are known to be so.

    A day may come again by its date, by its distance from Easter, or as the first to fourth or last of its weekday in
    a month. It is compared with the same weekdays up to four weeks before and after it, on the root of the volume.
    What comes again is believed where its days lie out to one side in every year (from four years on in all but one),
    so far that chance would make less than one such anchor in twenty histories: if a share q of all days lies as far
    out, chance puts all days of one anchor there with q to the power of its years. What was seen once counts only at
    the turn of the year and around Easter, and only if it was far out. A week comes again by a date that it holds.
    Days that differ month by month come first, see :func:`~deskcast.forecasting.grid.monthly_days.find_monthly_days`.

    Parameters
    ----------
    grid
        The panel; months are left as they are.
    special
        The days that are known; they are left as they are.
    origin
        Values from this slot on are not looked at.
    horizon
        Slots ahead that are marked.
    """
    frequency = grid.frequency
    size, classes = (frequency.per_day, 7) if frequency.per_day else (1, 1)
    least = MIN_MONTHLY_HISTORY_DAYS if classes == 7 else MIN_HISTORY_DAYS
    if frequency.name == "MS" or origin < least * size * classes / 7:
        return special
    length = min(origin + horizon, grid.is_open.shape[1])
    number = (np.arange(length) + grid.first) // size
    place = number - number[0]
    first = grid.stamps(0, length).astype("datetime64[D]")[np.unique(place, return_index=True)[1]]
    known = int(place[origin - 1]) + 1
    ordinary = np.ones(len(first), dtype=bool)
    ordinary[place[special.kind[:length] >= 0]] = False
    came = _sum_by_day(grid, origin, place[:origin], known, classes)
    expected = _expect(np.where(ordinary[:known], came, np.nan), classes)
    weekday = (first.astype(np.int64) + 3) % 7 if classes == 7 else np.zeros(len(first), dtype=np.int64)
    out = _deviations(weekday[:known], came, expected, ordinary[:known])
    monthly: tuple[str, ...] = ()
    if classes == 1:
        found, names = _find_weeks(first, out)
    else:
        found, monthly = find_monthly_days(first, out, _find_busy(weekday[:known], expected), ~ordinary, special.dated)
        out[found[:known] >= 0] = np.nan
        by_year, names = np.full(len(first), -1), ()
        if known >= MIN_HISTORY_DAYS:
            by_year, names = _find_days(first, out, ordinary)
        found, names = np.where(by_year >= 0, by_year + len(monthly), found), (*monthly, *names)
        found = np.where(ordinary, found, -1)
    if not names:
        return special
    kind = special.kind.copy()
    kind[:length] = np.where(found[place] >= 0, found[place] + len(special.names), kind[:length])
    last = np.searchsorted(place[:origin], np.arange(known), side="right")
    past = [
        (found[d] + len(special.names), last[d], came[d], expected[d])
        for d in np.flatnonzero((found[:known] >= 0) & (expected > 0) & ~np.isnan(came))
    ]
    rows = np.vstack([special.past, np.array(past, dtype=float).reshape(-1, 4)])
    names = (*special.names, *names)
    return replace(
        special,
        kind=kind,
        names=names,
        past=rows,
        dated=True,
        found=len(names) - len(special.names),
        monthly=len(monthly),
    )


def _find_busy(weekday: Ints, expected: Floats) -> Bools:
    """Return which weekdays are working days: those that hold a quarter of the busiest at least."""
    known = ~np.isnan(expected)
    held = np.array([np.append(expected[known & (weekday == n)], 0.0).mean() for n in range(7)])
    busy: Bools = held >= MIN_WORKING_DAY_SHARE * held.max()
    return busy


def _sum_by_day(grid: Grid, origin: int, place: Ints, days: int, classes: int) -> Floats:
    """Return the volume of each day (or week) over the panel, series by one over their roots; NaN if unknown."""
    usable = grid.known(origin)
    y = np.where(usable, grid.y[:, :origin], 0.0)
    usable &= y <= find_credible_limit(y[:, None], usable[:, None])[:, None]
    y = np.where(usable, y, 0.0)
    mean = y.sum(axis=1) / np.maximum(usable.sum(axis=1), 1)
    weight = np.where(mean > 0, 1 / np.sqrt(np.where(mean > 0, mean, 1.0)), 0.0)
    total = np.bincount(place, weights=weight @ y, minlength=days)
    seen = np.bincount(place, weights=weight @ usable, minlength=days)
    # a day of which a part is not known would look like a small one
    whole = np.zeros(days)
    for weekday in range(classes):
        some = seen[weekday::classes][seen[weekday::classes] > 0]
        whole[weekday::classes] = np.median(some) if len(some) else np.inf
    return np.where(seen > MIN_KNOWN_SHARE * whole, total, np.nan)


def _expect(came: Floats, classes: int) -> Floats:
    """Return what each day would have held: the median of the same weekdays around it; NaN where too few are known."""
    near = np.full((2 * NEIGHBOUR_WEEKS, len(came)), np.nan)
    for week in range(1, NEIGHBOUR_WEEKS + 1):
        shift = classes * week
        if shift < len(came):
            near[2 * week - 2, shift:] = came[:-shift]
            near[2 * week - 1, :-shift] = came[shift:]
    enough = (~np.isnan(near)).sum(axis=0) >= NEIGHBOUR_WEEKS - 1
    middle = np.full(len(came), np.nan)
    if enough.any():
        middle[enough] = np.nanmedian(near[:, enough], axis=0)
    return middle


def _find_days(days: npt.NDArray[np.datetime64], out: Floats, ordinary: Bools) -> tuple[Ints, tuple[str, ...]]:
    """Return the number of the found kind of each day, -1 on other days, and the names of the kinds."""
    kind = np.full(len(days), -1, dtype=np.int64)
    names: list[str] = []
    for family in _families(days):
        for key in _believed(family.keys[: len(out)], out, family.usual, ANCHORS)[0]:
            kind[(family.keys == key) & ordinary & (kind < 0)] = len(names)
            names.append(family.describe(int(key)))
        # what a date explains is no reason to believe in the fourth Thursday of December
        out[kind[: len(out)] >= 0] = np.nan
    return kind, tuple(names)


def _find_weeks(starts: npt.NDArray[np.datetime64], out: Floats) -> tuple[Ints, tuple[str, ...]]:
    """Return the number of the found kind of each week, -1 on others, and the names: the week that holds a date."""
    kind = np.full(len(starts), -1, dtype=np.int64)
    names: list[str] = []
    dates = starts[:, None] + np.arange(7)
    months = dates.astype("datetime64[M]")
    keys = (months.astype(np.int64) % 12 + 1) * 100 + (dates - months.astype("datetime64[D]")).astype(np.int64) + 1
    while len(names) < MAX_WEEKS:
        found, strength = _believed(keys[: len(out)].ravel(), np.repeat(out, 7), USUAL_DATES, WEEKS)
        if not len(found):
            break
        best = int(found[np.argmax(strength)])
        kind[(keys == best).any(axis=1) & (kind < 0)] = len(names)
        names.append(f"week of {best % 100} {_MONTHS[best // 100 - 1]}")
        out[kind[: len(out)] >= 0] = np.nan
    return kind, tuple(names)


def _deviations(weekday: Ints, came: Floats, expected: Floats, ordinary: Bools) -> Floats:
    """Return how far each day lies out, in standard deviations of its weekday; NaN where nothing can be said."""
    root = np.where(expected > 0, np.sqrt(came / np.where(expected > 0, expected, 1.0)) - 1, np.nan)
    out = np.full(len(weekday), np.nan)
    busiest = np.nanmax(expected, initial=0.0)
    for number in np.unique(weekday):
        own = (weekday == number) & ordinary & ~np.isnan(root)
        if own.sum() < 2 * NEIGHBOUR_WEEKS or np.median(expected[own]) < MIN_WEEKDAY_SHARE * busiest:
            continue
        middle = np.median(root[own])
        spread = 1.4826 * np.median(np.abs(root[own] - middle))
        out[own] = (root[own] - middle) / max(spread, MIN_ROOT_SD)
    return out


@dataclass(frozen=True)
class _Family:
    """One way in which days come again: the key of each day (NO_KEY if none), the usual ones, and their names."""

    keys: Ints
    usual: frozenset[int]
    describe: Callable[[int], str]


def _families(days: npt.NDArray[np.datetime64]) -> list[_Family]:
    months = days.astype("datetime64[M]")
    month = months.astype(np.int64) % 12 + 1
    day = (days - months.astype("datetime64[D]")).astype(np.int64) + 1
    weekday = (days.astype(np.int64) + 3) % 7
    lengths = ((months + 1).astype("datetime64[D]") - months.astype("datetime64[D]")).astype(np.int64)
    nth = (day - 1) // 7 + 1
    date = month * 100 + day
    # around the turn of the year days go by their date
    turn = (date >= min(k for k in USUAL_DATES if k > 1200)) | (date <= max(k for k in USUAL_DATES if k < 200))
    by_weekday = np.where((nth <= 4) & ~turn, (month * 10 + nth) * 10 + weekday, NO_KEY)
    last = np.where((day > lengths - 7) & ~turn, (month * 10 + 9) * 10 + weekday, NO_KEY)
    return [
        _Family(date, USUAL_DATES, lambda key: f"{key % 100} {_MONTHS[key // 100 - 1]}"),
        _Family(_days_from_easter(days), USUAL_EASTER_DAYS, _describe_easter),
        _Family(by_weekday, frozenset(), _describe_weekday),
        _Family(last, frozenset(), _describe_weekday),
    ]


def _days_from_easter(days: npt.NDArray[np.datetime64]) -> Ints:
    from dateutil.easter import easter

    years = days.astype("datetime64[Y]").astype(np.int64) + 1970
    sunday = {int(year): np.datetime64(easter(int(year)), "D") for year in np.unique(years)}
    gap = (days - np.array([sunday[int(year)] for year in years])).astype(np.int64)
    return np.where((gap >= EASTER_SPAN[0]) & (gap <= EASTER_SPAN[1]), gap, NO_KEY)


def _describe_easter(key: int) -> str:
    return "Easter Sunday" if key == 0 else f"{abs(key)} days {'before' if key < 0 else 'after'} Easter"


def _describe_weekday(key: int) -> str:
    place = ("first", "second", "third", "fourth")[key // 10 % 10 - 1] if key // 10 % 10 < 9 else "last"
    return f"{place} {_WEEKDAYS[key % 10]} of {_MONTHS[key // 100 - 1]}"


def _believed(keys: Ints, out: Floats, usual_keys: frozenset[int], anchors: int) -> tuple[Ints, Floats]:
    """Return the keys whose days are different every year, and how sure each is."""
    seen = ~np.isnan(out) & (keys != NO_KEY)
    if not seen.any():
        return np.zeros(0, dtype=np.int64), np.zeros(0)
    far = out[seen]
    named, place, years = np.unique(keys[seen], return_inverse=True, return_counts=True)
    ranked = far[np.lexsort((far, place))]
    first = np.cumsum(years) - years
    # from four years on, one of them may be as other days
    spare = (years >= 4).astype(np.int64)
    lowest, highest = ranked[first + spare], -ranked[first + years - 1 - spare]
    believed = np.zeros(len(named), dtype=bool)
    for least, side, less in ((lowest, far, False), (highest, -far, True)):
        usual = np.isin(named, list(usual_keys)) & less
        tries = np.where(usual, max(len(usual_keys), 1), anchors)
        share = (MAX_FALSE_ANCHORS / (tries * np.where(spare, years, 1))) ** (1 / np.maximum(years - spare, 1))
        needed = np.maximum(MIN_DEVIATIONS / years, np.quantile(side, 1 - share))
        enough = years >= (MIN_YEARS_LESS if less else MIN_YEARS_MORE)
        believed |= least >= np.where(enough, needed, np.where(usual, MIN_DEVIATIONS_ONCE, np.inf))
    strength = np.bincount(place, np.abs(far)) / np.sqrt(years)
    return named[believed], strength[believed]
