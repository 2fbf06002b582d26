"""Rows of a long frame of series, read one by one: what can be used, and which series cannot and why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ...features.arrays import Bools, Floats, Ints
from ...features.errors import InputError
from ...features.frames import SERIES_COLUMNS, is_no_number, name_series_columns, require_columns
from .frequency import SlotFrequency

if TYPE_CHECKING:
    from ...features.calendars.business_calendar import BusinessCalendar


#: Cells (series x slots) above which a grid is more likely a wrong stamp than a desk.
MAX_CELLS = 400_000_000

#: A series this many times longer than the middle one is left out where the grid would be too large.
MAX_SPAN_RATIO = 10

#: Days by which a few last or first rows must lie apart from the rest of their series, and beyond all other series, to
#: be taken for wrong stamps; how few they are; and the rows that the series must have.
MIN_STRAY_GAP_DAYS, MAX_STRAY_ROWS, MIN_ROWS_WITH_STRAY = 26 * 7, 3, 10


@dataclass(frozen=True)
class RejectedSeries:
    """A series that cannot be used: its name, the first row at fault (from 1) and the reason in a sentence."""

    unique_id: str
    row: int
    reason: str


@dataclass(frozen=True)
class HistoryRows:
    """The usable rows.

    Attributes
    ----------
    names
        Series, sorted.
    series, slot, y
        For each row the place of its series in ``names``, the number of its slot, and its value (NaN is missing).
    stamps
        Local stamps of the rows.
    anchor, zone
        Day on which weeks begin, and the zone of the local clock where it is known.
    rejected
        Series that are left out.
    passed_over
        Columns that are not used, as a warning says.
    """

    names: tuple[str, ...]
    series: Ints
    slot: Ints
    y: Floats
    stamps: npt.NDArray[np.datetime64]
    anchor: int
    zone: str | None
    rejected: tuple[RejectedSeries, ...]
    passed_over: tuple[str, ...]


def read_rows(
    history: pd.DataFrame, frequency: SlotFrequency, zone: str | None, lowest: float | None = 0.0
) -> HistoryRows:
    """Read a long frame; a series with a bad row is left out as a whole and named, the others are kept.

    Parameters
    ----------
    history
        ``unique_id``, ``ds``, ``y``.
    frequency
        The slot length.
    zone
        Zone of the calendar on whose clock stamps with a zone are read; None is the clock of their own zone.
    lowest
        Least value that is possible; None allows all.

    Raises
    ------
    InputError
        If the frame is empty or lacks a column, or if no series can be used: then for the first row at fault.
    """
    ids, values = read_ids(history), _numbers(history)
    passed = name_series_columns(history, "history")["passed_over"]
    local, zone, unread = _local_clock(history, zone)
    codes, names = pd.factorize(ids, sort=True)
    bad: dict[int, tuple[int, InputError]] = {}

    def refuse(found: Bools, column: str, problem: str, wanted: str | None = None, hint: str | None = None) -> None:
        for row in np.flatnonzero(found):
            if int(codes[row]) not in bad:
                error = _error(history, int(row), column, problem, wanted, hint)
                bad[int(codes[row])] = (int(row) + 1, error)

    refuse(unread & history["ds"].isna().to_numpy(), "ds", "missing time")
    refuse(unread, "ds", "not a valid time", "such as 2024-03-01T09:00")
    wanted = "a volume of 0 or more, or missing" if lowest == 0 else "a number, or missing"
    refuse(np.isnan(values) & history["y"].notna().to_numpy(), "y", "not a valid number", wanted)
    refuse(np.isinf(values), "y", "value is infinite", wanted)
    if lowest is not None:
        refuse(values < lowest, "y", "a volume cannot be negative", wanted)
    usable = ~np.isin(codes, list(bad))
    anchor = _week_start(local[usable]) if frequency.name == "W" and usable.any() else 0
    number, exact = frequency.number(np.where(np.isnat(local), np.datetime64(0, "us"), local), anchor)
    refuse(usable & ~exact, "ds", "not the start of a time step", f"time steps of {frequency.name}")
    double = pd.DataFrame({"u": codes, "ds": history["ds"].to_numpy()}).duplicated().to_numpy() & usable
    many = f"{int(double.sum()):,} rows repeat a stamp; add them up, or keep one of each"
    refuse(double, "ds", "duplicate time stamp", "one row for each series and time step", many)
    good = ~np.isin(codes, list(bad))
    apart = "stamps that go on from one another; one that is far off would move the end of every series"
    for backwards in (False, True):
        refuse(_stray(codes, local, good, backwards), "ds", "time stamp is far from all others", apart)
    refuse(
        _mark_overlong(codes, number, len(names), bad),
        "ds",
        "too many time steps",
        "series of one age",
        "is this stamp right?",
    )
    kept = ~np.isin(codes, list(bad))
    if not kept.any():
        raise min(bad.values(), key=lambda found: found[0])[1]
    if np.isnan(values[kept]).all():
        if bad:
            raise min(bad.values(), key=lambda found: found[0])[1]
        raise InputError("missing values in all rows", where="history", column="y", code="rows.none")
    places, series = np.unique(codes[kept], return_inverse=True)
    refused = tuple(RejectedSeries(str(names[code]), *_row_and_reason(bad[code])) for code in sorted(bad))
    known = tuple(str(names[code]) for code in places)
    return HistoryRows(known, series, number[kept], values[kept], local[kept], anchor, zone, refused, passed)


def _row_and_reason(found: tuple[int, InputError]) -> tuple[int, str]:
    return found[0], str(found[1])


def _error(
    history: pd.DataFrame, row: int, column: str, problem: str, wanted: str | None, hint: str | None
) -> InputError:
    """Return the error for one row of the history, with the name of its series."""
    got, series = history[column].iloc[row], history["unique_id"].iloc[row]
    shown: Any = None if problem == "missing time" else str(got) if column == "ds" else got
    if isinstance(shown, np.generic):
        shown = shown.item()
    return InputError(
        problem,
        where=f"series '{series}'",
        column=column,
        row=row + 1,
        got=shown,
        wanted=wanted,
        hint=hint,
        code="value.range",
    )


def read_ids(history: pd.DataFrame) -> npt.NDArray[np.object_]:
    """Return the series of each row, or say what a history lacks."""
    require_columns(history, SERIES_COLUMNS, "history")
    if history.empty:
        raise InputError("the history has no rows", where="history", wanted="at least one value", code="history.short")
    missing = history["unique_id"].isna().to_numpy()
    if missing.any():
        raise InputError(
            "missing name of a series",
            where="history",
            column="unique_id",
            row=int(missing.argmax()) + 1,
            code="series.unknown",
        )
    return history["unique_id"].astype(str).to_numpy(dtype=object)


def _numbers(history: pd.DataFrame) -> Floats:
    if pd.api.types.is_bool_dtype(history["y"].dtype) or is_no_number(history["y"]):
        raise _error(history, 0, "y", "not a valid number", "a volume of 0 or more", None)
    return pd.to_numeric(history["y"], errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)


def _local_clock(history: pd.DataFrame, zone: str | None) -> tuple[npt.NDArray[np.datetime64], str | None, Bools]:
    """Return local stamps, the zone of that clock where it is known, and which stamps cannot be read."""
    ds = history["ds"]
    if not pd.api.types.is_datetime64_any_dtype(ds.dtype):
        try:
            ds = pd.to_datetime(ds.astype(str).where(ds.notna()), errors="coerce", format="ISO8601")
        except ValueError as error:
            hint = "read them with pandas.to_datetime(..., utc=True)"
            raise InputError(
                "the times have several offsets", where="history", column="ds", hint=hint, code="time.zone"
            ) from error
    own = getattr(ds.dtype, "tz", None)
    zone = zone if zone is not None else str(own) if own is not None else None
    if own is not None:
        ds = ds.dt.tz_convert(zone).dt.tz_localize(None)
    return ds.to_numpy(dtype="datetime64[us]"), zone, ds.isna().to_numpy()


def _week_start(local: npt.NDArray[np.datetime64]) -> int:
    """Return the day on which the weeks of this panel begin: that of the earliest stamp."""
    return int(local.min().astype("datetime64[D]").astype(np.int64) % 7)


def _mark_overlong(codes: Ints, number: Ints, n: int, bad: dict[int, tuple[int, InputError]]) -> Bools:
    """Mark the stamps farthest off of series that would make the grid too large, once each."""
    marks = np.zeros(len(codes), dtype=bool)
    good = ~np.isin(codes, list(bad))
    if not good.any():
        return marks
    span = int(number[good].max() - number[good].min()) + 1
    if span * n <= MAX_CELLS:
        return marks
    middle = float(np.median(number[good]))
    far = np.abs(number - middle)
    usual = float(np.median(far[good]))
    limit = min(MAX_SPAN_RATIO * max(usual, 1.0), MAX_CELLS / (2 * n))
    found: Bools = good & (far > limit)
    return found


def _stray(codes: Ints, local: npt.NDArray[np.datetime64], good: Bools, backwards: bool) -> Bools:
    """Mark a few last (or first) rows of series that lie far from the rest of their own and beyond every other one."""
    found = np.zeros(len(codes), dtype=bool)
    rows = np.flatnonzero(good)
    if not len(rows):
        return found
    apart = np.timedelta64(MIN_STRAY_GAP_DAYS, "D")
    time = local[rows].astype("datetime64[us]").astype(np.int64) * (-1 if backwards else 1)
    far, series = int(apart.astype("timedelta64[us]").astype(np.int64)), codes[rows]
    n_series = int(codes.max()) + 1
    # where many rows lie near the end it is the end
    if int((time > time.max() - far).sum()) > MAX_STRAY_ROWS * n_series:
        return found
    order = np.lexsort((-time, series))
    rows, time, series = rows[order], time[order], series[order]
    starts = np.flatnonzero(np.append(True, series[1:] != series[:-1]))
    length = np.diff(np.append(starts, len(series)))
    if len(starts) < 2:
        return found
    rank = np.arange(len(series)) - np.repeat(starts, length)
    gap = np.append(time[:-1] - time[1:], 0)
    leaps = (rank < MAX_STRAY_ROWS) & (gap > far) & (rank < np.repeat(length, length) - 1)
    leaps &= np.repeat(length, length) >= MIN_ROWS_WITH_STRAY
    outer = np.zeros(len(starts), dtype=np.int64)
    np.maximum.at(outer, np.repeat(np.arange(len(starts)), length), np.where(leaps, rank + 1, 0))
    alone = rank < np.repeat(outer, length)
    stray = alone & (time > time[~alone].max() + far)
    found[rows[stray]] = True
    return found


def zone_of(calendar: BusinessCalendar | None) -> str | None:
    """Return the zone of a calendar, or nothing."""
    return calendar.timezone if calendar is not None else None
