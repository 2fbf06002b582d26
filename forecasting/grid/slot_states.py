"""What each slot of a grid is: open, closed, missing, an outage or partial; and what a reader should know of that."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ...features.arrays import Bools, Floats, Ints
from ...features.errors import InputError
from .frequency import SlotFrequency

States = npt.NDArray[np.uint8]

#: Codes of the states of a slot, and their names by code.
OPEN, CLOSED, MISSING, OUTAGE, PARTIAL = range(5)
STATES = ("open", "closed", "missing", "outage", "partial")

#: A value below this share of what the same slots of the weeks before held is as good as nothing.
MAX_OUTAGE_VALUE_SHARE = 0.03

#: Weeks of same slots that say how much was to be expected, and how many of them must be known.
EXPECTED_WEEKS, MIN_EXPECTED_WEEKS = 8, 5

#: A run of empty slots is an outage once the squares of mean over deviation of its slots add up to this (of Poisson
#: counts: so many arrivals were to be expected), and what one slot may add.
MIN_OUTAGE_EVIDENCE, MAX_SLOT_EVIDENCE = 30.0, 100.0

#: Days after which nothing is no outage any more, but how things are.
MAX_OUTAGE_DAYS = 14

#: Last days that fall to the end of a history, the least and the most; each holds less than this share of the usual.
MIN_RAGGED_DAYS, MAX_RAGGED_DAYS, MAX_RAGGED_SHARE = 3, 7, 0.85

#: What the last day holds at most of the usual, the later half of these days of the earlier one, and the share of the
#: eight weeks before in which a day held as little as the last two.
MAX_LAST_SHARE, MAX_LATER_SHARE, RARE_DAY_SHARE = 0.5, 0.7, 0.05

#: The share of a mean day from which a day can show a fall (an empty Sunday is none), the arrivals that these days must
#: lack together (few are chance), and by how many Poisson standard deviations one may lie above the day before it.
MIN_RAGGED_DAY_SHARE, MIN_LACKED, MAX_RAGGED_RISE = 0.3, 30.0, 2.0


def format_names(names: Sequence[str], most: int = 5) -> str:
    """Join names for a sentence, the rest as a number.

    >>> format_names(["a", "b", "c"], most=2)
    "'a', 'b' and 1 more"
    """
    text = ", ".join(f"'{name}'" for name in names[:most])
    return text + (f" and {len(names) - most:,} more" if len(names) > most else "")


def find_outages(y: Floats, is_open: Bools, frequency: SlotFrequency) -> tuple[Bools, Bools]:
    """Find runs of empty slots in which much was to be expected.

    A slot is suspicious if it holds less than 3 % of the mean of the last eight same slots, of which at most one was
    as empty. A run of such slots is an outage once, were they Poisson counts, 30 arrivals were to be expected in it;
    what lies more than two weeks after its begin is not an outage but the new state of things. Only earlier
    values and the run itself are looked at.

    Parameters
    ----------
    y, is_open
        N x T values (NaN is missing), and N x T or 1 x T: whether the slot is open.
    frequency
        The slot length.

    Returns
    -------
    Two N x T masks: slots of an outage, and those of them at which the run so far already told.

    Examples
    --------
    >>> from .frequency import parse_frequency
    >>> y = np.full((1, 70), 50.0)
    >>> y[0, 60:62] = 0
    >>> find_outages(y, np.ones((1, 70), dtype=bool), parse_frequency("D"))[0].nonzero()[1].tolist()
    [60, 61]
    """
    nothing = np.zeros(y.shape, dtype=bool)
    suspect = (y <= 0) | (
        y <= MAX_OUTAGE_VALUE_SHARE * np.nan_to_num(np.nanmax(np.where(np.isnan(y), 0.0, y), axis=1))[:, None]
    )
    rows = np.flatnonzero((suspect & is_open).any(axis=1))
    if not len(rows) or y.shape[1] <= MIN_EXPECTED_WEEKS * frequency.season:
        return nothing, nothing
    if len(rows) < len(y):
        found, told = nothing.copy(), nothing.copy()
        found[rows], told[rows] = _outages(y[rows], is_open if len(is_open) == 1 else is_open[rows], frequency)
        return found, told
    return _outages(y, is_open, frequency)


def find_ragged_end(y: Floats, is_open: Bools, first: int, frequency: SlotFrequency) -> int:
    """Return the slot from which a history falls day by day to its end, as an export does that was cut too early.

    The days of all series together are held against the same slots of the eight weeks before. A fall of level stays
    where it is; the days of an export that not all rows had reached hold the less the later they are. What the same
    days of a year ago did as well is the season, as before Christmas.

    Parameters
    ----------
    y, is_open
        N x T values (NaN tells nothing), and N x T or 1 x T: whether the slot is open.
    first
        Number of the first slot.
    frequency
        The slot length: days or shorter, as longer ones are too few to tell.

    Returns
    -------
    The first slot of these days, T where there are none.

    Examples
    --------
    >>> from .frequency import parse_frequency
    >>> y = np.full((1, 100), 50.0)
    >>> y[0, 96:] = [40, 30, 20, 10]
    >>> find_ragged_end(y, np.ones((1, 100), dtype=bool), 0, parse_frequency("D"))
    96
    """
    length = int(y.shape[1])
    if not frequency.per_day or length <= (MIN_EXPECTED_WEEKS + 1) * frequency.season:
        return length
    days, came, usual = _hold_days_against_usual(y, is_open, length, first, frequency)
    share = came / usual
    above = np.flatnonzero(share >= MAX_RAGGED_SHARE)
    low = len(share) - 1 - (int(above[-1]) if len(above) else -1)
    for many in range(min(low, MAX_RAGGED_DAYS, len(share) - 7 * MIN_EXPECTED_WEEKS // 2), MIN_RAGGED_DAYS - 1, -1):
        before, run, half = share[:-many][-7 * EXPECTED_WEEKS :], share[-many:], many // 2
        falls = run[-half:].mean() < MAX_LATER_SHARE * run[:half].mean() and run[-1] == run.min() < MAX_LAST_SHARE
        rare = run[-2:].max() < np.quantile(before, RARE_DAY_SHARE)
        if falls and rare and _fall_day_by_day(came, usual, many):
            year_ago = length - 52 * frequency.season
            _, then, usual_then = _hold_days_against_usual(y, is_open, year_ago, first, frequency)
            seasonal = then[-many:].sum() < MAX_RAGGED_SHARE * usual_then[-many:].sum()
            start = int(days[-many]) * frequency.slots_per_day - first
            return length if seasonal else max(start, 0)
    return length


def _hold_days_against_usual(
    y: Floats, is_open: Bools, end: int, first: int, frequency: SlotFrequency
) -> tuple[Ints, Floats, Floats]:
    """Return the days before a slot, what came in all series together, and what the same slots of weeks before held."""
    begin = max(end - (2 * EXPECTED_WEEKS + 1) * frequency.season, 0)
    span = slice(begin, max(end, 0))
    known = ~np.isnan(y[:, span]) & is_open[:, span]
    value, count = np.where(known, y[:, span], 0.0), _earlier(known.astype(float), frequency.season)
    told = known & (count >= MIN_EXPECTED_WEEKS)
    expected = np.where(told, _earlier(value, frequency.season) / np.maximum(count, 1.0), 0.0).sum(axis=0)
    day = (first + begin + np.arange(len(expected))) // frequency.slots_per_day
    numbers, place = np.unique(day, return_inverse=True)
    arrived = np.where(told, value, 0.0).sum(axis=0)
    came, usual = (np.bincount(place, weights=each).astype(float) for each in (arrived, expected))
    return numbers[usual > 0], came[usual > 0], usual[usual > 0]


def _fall_day_by_day(came: Floats, usual: Floats, many: int) -> bool:
    """Tell whether the busy ones of the last days each hold less than the one before, and lack more than by chance.

    >>> usual = np.array([50.0, 50.0, 50.0, 50.0, 5.0, 5.0])
    >>> _fall_day_by_day(np.array([50.0, 40.0, 25.0, 10.0, 0.0, 0.0]), usual, 5)
    True
    >>> _fall_day_by_day(np.array([50.0, 50.0, 40.0, 20.0, 0.0, 0.0]), usual, 4)
    False
    """
    busy = usual[-many:] >= MIN_RAGGED_DAY_SHARE * usual.mean()
    came, usual = came[-many:][busy], usual[-many:][busy]
    if len(came) < MIN_RAGGED_DAYS or (usual - came).sum() < MIN_LACKED:
        return False
    share = came / usual
    rise = MAX_RAGGED_RISE * np.sqrt(np.maximum(came[:-1], 1.0)) / usual[1:]
    return bool(share[-1] < MAX_LAST_SHARE < share[0] and (np.diff(share) <= rise).all())


def format_ragged_end(stamps: npt.NDArray[np.datetime64]) -> list[str]:
    """Say which last days are not learnt, given their slots.

    >>> format_ragged_end(np.array(["2025-06-10", "2025-06-11", "2025-06-12"], dtype="datetime64[D]"))[0][:33]
    'the last 3 days, from Tue 10 Jun '
    """
    if not len(stamps):
        return []
    days = len(np.unique(stamps.astype("datetime64[D]")))
    return [
        f"the last {days} days, from {_format_time(stamps[0], 10)} on, fall day by day as in an export that was cut "
        "too early, and are not learnt; if they are complete, give 'until', the end of the data"
    ]


def _outages(y: Floats, is_open: Bools, frequency: SlotFrequency) -> tuple[Bools, Bools]:
    known = ~np.isnan(y) & is_open
    value = np.where(known, y, 0.0)
    count = _earlier(known.astype(float), frequency.season)
    expected = np.where(count >= MIN_EXPECTED_WEEKS, _earlier(value, frequency.season) / np.maximum(count, 1.0), 0.0)
    low = known & (value <= MAX_OUTAGE_VALUE_SHARE * expected)
    suspect = low & (expected > 0) & (_earlier(low.astype(float), frequency.season) <= 1)
    if not suspect.any():
        return suspect, suspect
    # a closed or missing slot, or one in which nothing is usual, neither ends a run nor adds to it
    ends = known & ~low & (expected > 0)
    place = np.broadcast_to(np.arange(y.shape[1]), y.shape)
    last_end = np.maximum.accumulate(np.where(ends, place, -1), axis=1)
    square = _earlier(value**2, frequency.season) / np.maximum(count, 1.0)
    # mean squared over variance: of Poisson counts it is the arrivals that were to be expected
    variance = (square - expected**2) * count / np.maximum(count - 1.0, 1.0)
    variance = np.maximum(variance, expected**2 / MAX_SLOT_EVIDENCE)
    told_by = np.where(suspect, expected**2 / np.where(variance > 0, variance, np.inf), 0.0)
    total = np.cumsum(told_by, axis=1)
    before = np.where(last_end >= 0, np.take_along_axis(total, np.maximum(last_end, 0), axis=1), 0.0)
    missed = total - before
    begun = np.minimum.accumulate(np.where(suspect, place, y.shape[1])[:, ::-1], axis=1)[:, ::-1]
    start = np.take_along_axis(begun, np.minimum(last_end + 1, y.shape[1] - 1), axis=1)
    per_week = max(MAX_OUTAGE_DAYS * frequency.slots_per_day, 1) if frequency.per_day else 2
    young = place - start < per_week
    told = suspect & young & (missed >= MIN_OUTAGE_EVIDENCE)
    # within one run the sum only grows, so its last young slot tells for all of them
    next_end = np.minimum.accumulate(np.where(ends, place, y.shape[1])[:, ::-1], axis=1)[:, ::-1]
    later = np.cumsum(told[:, ::-1], axis=1)[:, ::-1]
    beyond = np.where(next_end < y.shape[1], np.take_along_axis(later, np.minimum(next_end, y.shape[1] - 1), axis=1), 0)
    return suspect & young & (later - beyond > 0), told


def _earlier(values: Floats, season: int) -> Floats:
    """Add up the same slots of the eight seasons before each slot."""
    total = np.zeros(values.shape)
    for week in range(1, EXPECTED_WEEKS + 1):
        if week * season < values.shape[1]:
            total[:, week * season :] += values[:, : -week * season]
    return total


def read_outages(given: object) -> list[tuple[str | None, np.datetime64, np.datetime64]]:
    """Read known outages: rows of ``start``, ``end`` (instants of the local clock) and perhaps ``unique_id``.

    >>> read_outages([("2024-03-01 09:00", "2024-03-01 11:00")])[0][0] is None
    True
    """
    if given is None:
        return []
    if isinstance(given, pd.DataFrame):
        lacks = [c for c in ("start", "end") if c not in given.columns]
        if lacks:
            raise InputError(
                "missing column", where="outages", column=lacks[0], wanted="start, end", code="column.missing"
            )
        rows: list[Any] = given.to_dict("records")
    elif isinstance(given, Iterable) and not isinstance(given, (str, Mapping)):
        rows = list(given)
    else:
        raise InputError(
            "not a valid list of outages", column="outages", got=given, wanted="start, end", code="value.unknown"
        )
    found: list[tuple[str | None, np.datetime64, np.datetime64]] = []
    for number, row in enumerate(rows, 1):
        try:
            if isinstance(row, Mapping):
                name, start, end = row.get("unique_id"), row["start"], row["end"]
            else:
                name, start, end = row if len(row) == 3 else (None, *row)
            first, last = pd.Timestamp(start), pd.Timestamp(end)
        except (KeyError, ValueError, TypeError) as error:
            raise InputError(
                "not a valid outage", where="outages", row=number, wanted="start, end", code="value.unknown"
            ) from error
        if pd.isna(first) or pd.isna(last) or last <= first:
            raise InputError(
                "an outage must end after its start", where="outages", row=number, got=str(end), code="time.order"
            )
        own = None if name is None or pd.isna(name) else str(name)
        found.append((own, first.tz_localize(None).to_datetime64(), last.tz_localize(None).to_datetime64()))
    return found


def format_state_notes(
    ids: tuple[str, ...], y: Floats, is_open: Bools, state: States, stamps: npt.NDArray[np.datetime64], f: SlotFrequency
) -> tuple[str, ...]:
    """Name the series with missing slots inside their span, those with outages, and arrivals while closed."""
    known = ~np.isnan(y)
    size = 10 if f.per_day <= 1 else 16
    begun = np.maximum.accumulate(known, axis=1)
    ended = np.maximum.accumulate(known[:, ::-1], axis=1)[:, ::-1]
    inside = begun & ended & is_open & _ever(known, f.season) & (state != PARTIAL) & (state != OUTAGE)
    gaps = inside & ~known
    notes = []
    if gaps.any():
        total = int(gaps.sum())
        head = f"{total:,} of {int(inside.sum()):,} slots {'has' if total == 1 else 'have'} no value: "
        notes.append(head + _worst(ids, gaps, stamps, size) + "; missing is not 0")
    outage = state == OUTAGE
    if outage.any():
        many = int(outage.sum())
        step = "day" if f.per_day == 1 else "interval" if f.per_day > 1 else "time step"
        looks = f"{'s look' if many > 1 else ' looks'} like an outage and {'are' if many > 1 else 'is'} excluded"
        notes.append(f"{many:,} {step}{looks}: {_worst(ids, outage, stamps, size)}")
    closed = known & ~is_open & (y > 0)
    if closed.any():
        names = [ids[i] for i in np.flatnonzero(closed.any(axis=1))]
        volume, slots = f"{np.nansum(np.where(closed, y, 0.0)):,.0f}", int(closed.sum())
        one = volume == "1"
        notes.append(
            f"{volume} arrival{'' if one else 's'} in {slots:,} closed interval{'' if slots == 1 else 's'} "
            f"{'is' if one else 'are'} excluded ({format_names(names)})"
        )
    return tuple(notes)


def _worst(ids: tuple[str, ...], marks: Bools, stamps: npt.NDArray[np.datetime64], size: int) -> str:
    count, first = marks.sum(axis=1), marks.argmax(axis=1)
    worst = [i for i in np.argsort(-count, kind="stable")[:3] if count[i]]
    said = ", ".join(f"'{ids[i]}' {count[i]:,} (from {_format_time(stamps[first[i]], size)})" for i in worst)
    more = int((count > 0).sum()) - len(worst)
    return said + (f", and {more:,} more series" if more > 0 else "")


def _format_time(stamp: np.datetime64, size: int) -> str:
    """Write a day, and where the time steps are shorter than days the time of day."""
    when = pd.Timestamp(stamp)
    return f"{when:%a} {when.day} {when:%b %Y}" + (f" {when:%H:%M}" if size > 10 else "")


def _ever(known: Bools, season: int) -> Bools:
    """Return which slots are at a time of the week with any value of the series: the others are its closed hours."""
    length = known.shape[1]
    if season == 1 or length < 2 * season:
        return np.ones_like(known)
    weeks = -(-length // season)
    padded = np.pad(known, ((0, 0), (0, weeks * season - length))).reshape(len(known), weeks, season)
    return np.tile(padded.any(axis=1), weeks)[:, :length]
