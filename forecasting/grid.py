"""The grid: a panel of series as one matrix of series by slots, on the local clock."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from ..features.errors import InputError, did_you_mean
from .frequency import Frequency, local_instants, parse_frequency

if TYPE_CHECKING:
    from ..features.calendars import BusinessCalendar

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

#: Cells (series x slots) above which a grid is more likely a wrong stamp than a desk.
MAX_CELLS = 400_000_000


@dataclass(frozen=True)
class Grid:
    """A panel on a common grid of slots.

    Attributes
    ----------
    ids
        Names of the series, sorted; length N.
    frequency
        The slot length.
    first, anchor
        Number of the first slot, and the day on which weeks begin (see :class:`Frequency`).
    y
        N x T; missing is NaN. Counts of a slot that the clock doubles are halved, so that a slot is a slot.
    is_open
        T + H; False where the calendar is closed or the clock leaves the slot out. H slots lie ahead.
    clock
        T + H; how often the slot comes: 1, but 0 and 2 when the clock changes.
    notes
        What a reader should know, in plain sentences.
    """

    ids: tuple[str, ...]
    frequency: Frequency
    first: int
    anchor: int
    y: Floats
    is_open: Bools
    clock: Floats
    notes: tuple[str, ...]

    @property
    def length(self) -> int:
        """Number of slots of the history."""
        return int(self.y.shape[1])

    def stamps(self, start: int, stop: int) -> npt.NDArray[np.datetime64]:
        """Return the local starts of the slots ``start`` to ``stop`` (counted from the first of the grid)."""
        return self.frequency.stamps(np.arange(self.first + start, self.first + stop), self.anchor)


def make_grid(history: pd.DataFrame, horizon: int, freq: str, calendar: BusinessCalendar | None = None) -> Grid:
    """Put a long frame of series on a grid of slots.

    A slot inside the span of a series that has no row is missing, never 0. Gaps are reported in ``notes``.

    Parameters
    ----------
    history
        Columns ``unique_id``, ``ds`` (start of the slot; naive local clock, or with a zone) and ``y`` (volume of the
        slot, at least 0; NaN is missing), in any order of rows.
    horizon
        Slots that the grid goes on after the last row of the panel.
    freq
        Slot length, see :func:`parse_frequency`.
    calendar
        Closes slots. Stamps with a zone are read on its clock; without a calendar, on the clock of their own zone.

    Raises
    ------
    InputError
        If the frame is empty or lacks a column; if a stamp is doubled, unreadable, missing or not on the grid; if a
        value is negative, infinite or not a number. The message names the series and the row.

    Examples
    --------
    >>> days = pd.DataFrame({"unique_id": "all", "ds": pd.to_datetime(["2024-03-01", "2024-03-03"]), "y": [4.0, 6.0]})
    >>> grid = make_grid(days, 7, "D")
    >>> grid.y.tolist(), grid.notes
    ([[4.0, nan, 6.0]], ("1 of 3 slots has no value: series 'all' 1, first 2024-03-02; missing is not 0",))
    """
    frequency = parse_frequency(freq)
    horizon = check_count(horizon, "horizon")
    ids, y = _checked_ids(history), _checked_values(history)
    local, zone = _local_clock(history, calendar)
    anchor = _week_start(local) if frequency.name == "W" else 0
    number, exact = frequency.number(local, anchor)
    if not exact.all():
        _refuse(history, int(np.argmin(exact)), "ds", "this is not the start of a slot", f"slots of {frequency.name}")
    codes, names = pd.factorize(ids, sort=True)
    _refuse_doubles(history, ids, history["ds"])
    first, last = int(number.min()), int(number.max())
    if (last - first + 1) * len(names) > MAX_CELLS:
        row = int(np.argmin(number))
        _refuse(history, row, "ds", "the span makes too many slots", "series of one age", "is this stamp right?")
    stamps = frequency.stamps(np.arange(first, last + 1 + horizon), anchor)
    is_open, clock = _openness(stamps, frequency, zone, calendar)
    matrix = _matrix(codes, number - first, y, (len(names), last - first + 1))
    matrix = matrix / np.where(clock > 0, clock, 1.0)[: matrix.shape[1]]
    labels = tuple(str(name) for name in names)
    notes = _gap_notes(labels, matrix, is_open, stamps, frequency)
    return Grid(labels, frequency, first, anchor, matrix, is_open, clock, notes)


def check_count(value: object, name: str) -> int:
    """Return a whole number above 0, or say which argument is not one."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 1:
        raise InputError("this must be a whole number above 0", column=name, got=value)
    return int(value)


def name_some(names: Sequence[str], most: int = 5) -> str:
    """Join names for a sentence, the rest as a number.

    >>> name_some(["a", "b", "c"], most=2)
    "'a', 'b' and 1 more"
    """
    text = ", ".join(f"'{name}'" for name in names[:most])
    return text + (f" and {len(names) - most:,} more" if len(names) > most else "")


def _refuse(
    history: pd.DataFrame, row: int, column: str, problem: str, wanted: str | None = None, hint: str | None = None
) -> None:
    """Raise the error for one row of the history, with the name of its series."""
    got, series = history[column].iloc[row], history["unique_id"].iloc[row]
    shown = str(got) if column == "ds" else got
    raise InputError(
        problem, where=f"series '{series}'", column=column, row=row + 1, got=shown, wanted=wanted, hint=hint
    )


def _checked_ids(history: pd.DataFrame) -> npt.NDArray[np.object_]:
    if not isinstance(history, pd.DataFrame):
        raise InputError("the history must be a frame", got=type(history).__name__, wanted="unique_id, ds, y")
    for column in ("unique_id", "ds", "y"):
        if column not in history.columns:
            known = [str(c) for c in history.columns]
            raise InputError("this column is missing", where="history", column=column, hint=did_you_mean(column, known))
    if history.empty:
        raise InputError("the history has no rows", where="history", wanted="at least one value")
    missing = history["unique_id"].isna().to_numpy()
    if missing.any():
        raise InputError(
            "the name of a series is missing", where="history", column="unique_id", row=int(missing.argmax()) + 1
        )
    return history["unique_id"].astype(str).to_numpy(dtype=object)


def _checked_values(history: pd.DataFrame) -> Floats:
    if pd.api.types.is_bool_dtype(history["y"].dtype):
        _refuse(history, 0, "y", "this is not a number", "a volume of 0 or more")
    y = pd.to_numeric(history["y"], errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    unread = np.isnan(y) & history["y"].notna().to_numpy()
    for bad, problem in (
        (unread, "this is not a number"),
        (np.isinf(y), "this value is infinite"),
        (y < 0, "a volume cannot be negative"),
    ):
        if bad.any():
            _refuse(history, int(bad.argmax()), "y", problem, "a volume of 0 or more, or missing")
    if np.isnan(y).all():
        raise InputError("no row has a value", where="history", column="y")
    return y


def _local_clock(
    history: pd.DataFrame, calendar: BusinessCalendar | None
) -> tuple[npt.NDArray[np.datetime64], str | None]:
    """Return local stamps and the zone of that clock, where it is known."""
    ds = history["ds"]
    if not pd.api.types.is_datetime64_any_dtype(ds.dtype):
        try:
            read = pd.to_datetime(ds.astype(str).where(ds.notna()), errors="coerce", format="ISO8601")
        except ValueError as error:
            hint = "read them with pandas.to_datetime(..., utc=True)"
            raise InputError("the times have several offsets", where="history", column="ds", hint=hint) from error
        if read.isna().any():
            _refuse(
                history, int(read.isna().to_numpy().argmax()), "ds", "this is not a time", "such as 2024-03-01T09:00"
            )
        ds = read
    elif ds.isna().any():
        _refuse(history, int(ds.isna().to_numpy().argmax()), "ds", "the time is missing")
    own = getattr(ds.dtype, "tz", None)
    zone = calendar.timezone if calendar is not None else str(own) if own is not None else None
    if own is not None:
        ds = ds.dt.tz_convert(zone).dt.tz_localize(None)
    return ds.to_numpy(dtype="datetime64[us]"), zone


def _week_start(local: npt.NDArray[np.datetime64]) -> int:
    """Return the day on which the weeks of this panel begin: that of the earliest stamp."""
    return int(local.min().astype("datetime64[D]").astype(np.int64) % 7)


def _refuse_doubles(history: pd.DataFrame, ids: npt.NDArray[np.object_], ds: pd.Series[pd.Timestamp]) -> None:
    """Refuse two rows for one series and stamp: nothing tells whether to add them or to drop one."""
    double = pd.DataFrame({"u": ids, "ds": ds.to_numpy()}).duplicated().to_numpy()
    if double.any():
        hint = f"{int(double.sum()):,} rows repeat a stamp; add them up, or keep one of each"
        _refuse(history, int(double.argmax()), "ds", "this stamp is doubled", "one row a series and slot", hint)


def _matrix(codes: npt.NDArray[np.int64], column: npt.NDArray[np.int64], y: Floats, shape: tuple[int, int]) -> Floats:
    """Spread rows over the matrix; two instants of one local slot (the clock was put back) are added up."""
    cell, known = codes * shape[1] + column, ~np.isnan(y)
    size = shape[0] * shape[1]
    count = np.bincount(cell[known], minlength=size)
    total = np.bincount(cell[known], weights=y[known], minlength=size)
    return np.where(count > 0, total, np.nan).reshape(shape)


def _openness(
    stamps: npt.NDArray[np.datetime64], frequency: Frequency, zone: str | None, calendar: BusinessCalendar | None
) -> tuple[Bools, Floats]:
    """Return which slots are open, and how often the clock lets each come."""
    clock = np.ones(len(stamps))
    if zone is not None and frequency.per_day > 1:
        span = local_instants(stamps[[0, -1]], zone)
        ticks = pd.date_range(span[0], span[1], freq=pd.Timedelta(seconds=frequency.slot_s)).tz_convert(zone)
        number, _ = frequency.number(ticks.tz_localize(None).to_numpy(dtype="datetime64[us]"))
        start, _ = frequency.number(stamps[:1])
        clock = np.bincount(number - start[0], minlength=len(stamps))[: len(stamps)].astype(float)
        clock[-1] = max(clock[-1], 1.0)
    if calendar is None:
        return clock > 0, clock
    instants = local_instants(stamps, calendar.timezone)
    if frequency.monthly:
        days = np.diff(np.append(stamps, (stamps[-1:].astype("datetime64[M]") + 1).astype(stamps.dtype)))
        lengths = days.astype("timedelta64[s]").astype(np.int64)
    else:
        lengths = np.full(len(stamps), frequency.slot_s)
    share = np.zeros(len(stamps))
    for length in np.unique(lengths):
        chosen = lengths == length
        share[chosen] = np.asarray(calendar.open_share(instants[chosen], float(length)), dtype=float)
    return (share > 0) & (clock > 0), clock


def _ever(known: Bools, season: int) -> Bools:
    """Tell which slots are at a time of the week at which the series has any value: the others are its closed hours."""
    length = known.shape[1]
    if season == 1 or length < 2 * season:
        return np.ones_like(known)
    weeks = -(-length // season)
    padded = np.pad(known, ((0, 0), (0, weeks * season - length))).reshape(len(known), weeks, season)
    return np.tile(padded.any(axis=1), weeks)[:, :length]


def _gap_notes(
    ids: tuple[str, ...], y: Floats, is_open: Bools, stamps: npt.NDArray[np.datetime64], frequency: Frequency
) -> tuple[str, ...]:
    """Name the series with missing slots inside their span, and those with arrivals while closed."""
    known, length = ~np.isnan(y), y.shape[1]
    begun = np.maximum.accumulate(known, axis=1)
    ended = np.maximum.accumulate(known[:, ::-1], axis=1)[:, ::-1]
    inside = begun & ended & is_open[:length] & _ever(known, frequency.season)
    gaps = inside & ~known
    notes = []
    if gaps.any():
        count, first = gaps.sum(axis=1), gaps.argmax(axis=1)
        worst = [i for i in np.argsort(-count, kind="stable")[:3] if count[i]]
        length_of_stamp = 10 if frequency.per_day <= 1 else 16
        said = ", ".join(
            f"series '{ids[i]}' {count[i]:,}, first {str(stamps[first[i]])[:length_of_stamp]}" for i in worst
        )
        more = int((count > 0).sum()) - len(worst)
        total = int(gaps.sum())
        head = f"{total:,} of {int(inside.sum()):,} slots {'has' if total == 1 else 'have'} no value: {said}"
        notes.append(head + (f", and {more:,} more series" if more > 0 else "") + "; missing is not 0")
    closed = known & ~is_open[:length] & (y > 0)
    if closed.any():
        names = [ids[i] for i in np.flatnonzero(closed.any(axis=1))]
        notes.append(
            f"{np.nansum(np.where(closed, y, 0.0)):,.0f} arrivals in {int(closed.sum()):,} closed slots are left out "
            f"(series {name_some(names)})"
        )
    return tuple(notes)
