"""The grid: a panel of series as one matrix of series by slots, on the local clock."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ...features.arrays import Bools, Floats, Ints
from ...features.errors import InputError, did_you_mean
from .frequency import SlotFrequency, local_instants, parse_frequency
from .rows import MAX_CELLS, HistoryRows, RejectedSeries, read_rows, zone_of
from .slot_states import (
    CLOSED,
    MISSING,
    OPEN,
    OUTAGE,
    PARTIAL,
    States,
    find_outages,
    find_ragged_end,
    format_names,
    format_ragged_end,
    format_state_notes,
    read_outages,
)

if TYPE_CHECKING:
    from ...features.calendars.business_calendar import BusinessCalendar
    from .regressors import Regressors

__all__ = ["MAX_CELLS", "Grid", "check_count", "format_names", "make_grid"]


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
        Number of the first slot, and the day on which weeks begin (see :class:`SlotFrequency`).
    y
        N x T; missing is NaN. Counts of a slot that the clock doubles are halved, so that a slot is a slot.
    is_open
        1 x (T + H), or N x (T + H) where series differ in hours; False where the calendar is closed or the clock
        leaves the slot out. H slots lie ahead.
    clock
        T + H; how often the slot comes: 1, but 0 and 2 when the clock changes.
    state
        N x T codes, see :data:`deskcast.forecasting.grid.slot_states.STATES`: open, closed, missing, outage or partial.
    told
        N x T; slots of an outage at which the empty slots so far already told that it was one.
    rejected
        Series that are left out, with the first row at fault and the reason.
    notes
        What a reader should know, in plain sentences.
    passed_over
        Columns of the history that are not used.
    regressors
        Columns that are known for the slots and those ahead, where they were given.
    """

    ids: tuple[str, ...]
    frequency: SlotFrequency
    first: int
    anchor: int
    y: Floats
    is_open: Bools
    clock: Floats
    state: States
    told: Bools
    rejected: tuple[RejectedSeries, ...]
    notes: tuple[str, ...]
    passed_over: tuple[str, ...] = ()
    regressors: Regressors | None = None

    @property
    def length(self) -> int:
        """Number of slots of the history."""
        return int(self.y.shape[1])

    @property
    def reading(self) -> dict[Any, Any]:
        """What could not be used of the history, as ``attrs`` of results hold it: series and columns."""
        rejected = [{"unique_id": r.unique_id, "row": r.row, "reason": r.reason} for r in self.rejected]
        return {"rejected": rejected, "segments": ("unique_id",), "passed_over": self.passed_over}

    def repeats(self, start: int, stop: int) -> Floats:
        """Return how often slots come, as their volumes are multiplied: 1 where the clock leaves one out."""
        clock = self.clock[start:stop]
        return np.where(clock > 0, clock, 1.0)

    def days(self, slots: Ints) -> Ints:
        """Return the day of each slot, or the slot itself where it is longer."""
        return (slots + self.first) // self.frequency.slots_per_day

    def came(self, slots: Ints) -> Floats:
        """Return the values of O x H slots, O x N x H: NaN where closed or missing."""
        is_open = np.broadcast_to(self.is_open, (len(self.ids), self.is_open.shape[1]))
        return np.where(is_open[:, slots], self.y[:, slots], np.nan).transpose(1, 0, 2)

    def stamps(self, start: int, stop: int) -> npt.NDArray[np.datetime64]:
        """Return the local starts of the slots ``start`` to ``stop`` (counted from the first of the grid)."""
        return self.frequency.stamps(np.arange(self.first + start, self.first + stop), self.anchor)

    def known(self, origin: int, start: int = 0) -> Bools:
        """Return which values from slot ``start`` to the origin may be learnt from: open, there, and no outage.

        An outage that still goes on at the origin is one only if the slots before the origin tell.
        """
        usable: Bools = self.state[:, start:origin] == OPEN
        late = self.state[:, origin - 1] == OUTAGE if origin > 0 else np.zeros(len(self.ids), dtype=bool)
        for row in np.flatnonzero(late & ~np.isnan(self.y[:, origin - 1])):
            states = self.state[row, :origin]
            sound = np.flatnonzero(states == OPEN)
            begun = int(sound[-1]) + 1 if len(sound) else 0
            if not self.told[row, begun:origin].any():
                usable[row, max(begun - start, 0) :] = states[max(begun, start) :] == OUTAGE
        return usable


def make_grid(
    history: pd.DataFrame,
    horizon: int,
    freq: str,
    calendar: BusinessCalendar | Mapping[str, BusinessCalendar] | None = None,
    since: object = None,
    until: object = None,
    outages: object = None,
    lowest: float | None = 0.0,
    holidays: object = None,
    events: object = None,
    find: bool = True,
) -> Grid:
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
        Closes slots; one for all series, or one by name of series (a series without one is always open; all in one
        zone). Stamps with a zone are read on its clock; without a calendar, on the clock of their own zone.
    since, until
        The data are complete from and to these instants (local clock, or with a zone); nothing is cut where they are
        not given. A slot that lies only in part within is partial: it is not learnt, and at the end it is forecast.
        Without ``until``, last days that fall to the end are not learnt either, see
        :func:`deskcast.forecasting.grid.slot_states.find_ragged_end`.
    outages
        Known outages: rows of ``start``, ``end`` and perhaps ``unique_id``. Others are found, see
        :func:`deskcast.forecasting.grid.slot_states.find_outages`.
    lowest
        Least value that is possible; None allows negative ones.
    holidays, events
        Days that are open but different, see :func:`deskcast.forecasting.forecast`: an empty one is no outage.
    find
        Whether outages are looked for: of counts alone, as a share of 0 or an empty queue is a value like others.

    Raises
    ------
    InputError
        If the frame is empty or lacks a column, or if no series can be used. A series is left out, with a note,
        where a stamp is doubled, unreadable, missing or not on the grid, or a value is negative, infinite or not a
        number; the note (and the error, where no series is left) names the series and the row.

    Examples
    --------
    >>> days = pd.DataFrame({"unique_id": "all", "ds": pd.to_datetime(["2024-03-01", "2024-03-03"]), "y": [4.0, 6.0]})
    >>> grid = make_grid(days, 7, "D")
    >>> grid.y.tolist(), grid.notes
    ([[4.0, nan, 6.0]], ("1 of 3 slots has no value: 'all' 1 (from Sat 2 Mar 2024); missing is not 0",))
    """
    frequency = parse_frequency(freq)
    horizon = check_count(horizon, "horizon")
    calendars = _calendars(calendar)
    any_calendar = next((c for c in calendars.values() if c is not None), None)
    rows = read_rows(history, frequency, zone_of(any_calendar), lowest)
    first, last = int(rows.slot.min()), int(rows.slot.max())
    cut, stop = _complete(since, rows.zone), _complete(until, rows.zone)
    partial_notes: list[str] = []
    if stop is not None:
        last = min(last, int(frequency.number(np.array([stop]), rows.anchor)[0][0]) - 1)
        partial_notes += _format_incomplete_end(rows, last, frequency)
        if last < first:
            raise InputError(
                "missing complete time steps", where="history", column="until", got=str(stop), code="history.short"
            )
    length = last + 1 - first
    stamps = frequency.stamps(np.arange(first, last + 1 + horizon), rows.anchor)
    is_open, clock = _openness(stamps, frequency, rows.zone, rows.names, calendars)
    inside = rows.slot <= last
    matrix = _matrix(rows.series[inside], rows.slot[inside] - first, rows.y[inside], (len(rows.names), length))
    matrix /= np.where(clock > 0, clock, 1.0)[:length]
    if cut is not None:
        begun = int(frequency.number(np.array([cut - np.timedelta64(1, "us")]), rows.anchor)[0][0]) + 1 - first
        partial_notes += _format_incomplete_start(matrix, begun, stamps)
        partial = np.arange(length) < begun
    else:
        partial = np.zeros(length, dtype=bool)
    other = partial | _different(stamps[:length], frequency, holidays, events)
    state, told = _states(matrix, is_open[:, :length], other, rows.names, stamps[:length], frequency, outages, find)
    state[:, partial] = np.where(is_open[:, :length][:, partial], PARTIAL, CLOSED)
    matrix[:, partial] = np.nan
    if stop is None and find:
        usual = np.where(other, np.nan, matrix)
        ragged = np.arange(length) >= find_ragged_end(usual, is_open[:, :length], first, frequency)
        partial_notes += format_ragged_end(stamps[:length][ragged])
        state[:, ragged] = np.where(is_open[:, :length][:, ragged], PARTIAL, CLOSED)
        matrix[:, ragged] = np.nan
    notes = (
        *(f"'{r.unique_id}' is excluded: {r.reason}" for r in rows.rejected[:10]),
        *((f"{len(rows.rejected) - 10:,} more series are excluded",) if len(rows.rejected) > 10 else ()),
        *partial_notes,
        *format_state_notes(rows.names, matrix, is_open[:, :length], state, stamps, frequency),
    )
    read = rows.rejected, tuple(notes), rows.passed_over
    return Grid(rows.names, frequency, first, rows.anchor, matrix, is_open, clock, state, told, *read)


def check_count(value: object, name: str) -> int:
    """Return a whole number above 0, or say which argument is not one."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 1:
        raise InputError("value must be a whole number above 0", column=name, got=value, code="value.range")
    return int(value)


def _calendars(
    calendar: BusinessCalendar | Mapping[str, BusinessCalendar] | None,
) -> dict[str | None, BusinessCalendar | None]:
    """Return calendars by series; the key None holds that of all others."""
    if not isinstance(calendar, Mapping):
        return {None: calendar}
    zones = {c.timezone for c in calendar.values()}
    if len(zones) > 1:
        said = "one zone; forecast the others apart"
        raise InputError(
            "calendars of several zones", column="calendar", got=", ".join(sorted(zones)), wanted=said, code="time.zone"
        )
    return {None: None} | {str(name): c for name, c in calendar.items()}


def _complete(given: object, zone: str | None) -> np.datetime64 | None:
    """Read an instant on the local clock."""
    if given is None:
        return None
    try:
        stamp = pd.Timestamp(given)  # type: ignore[arg-type]
    except (ValueError, TypeError) as error:
        raise InputError(
            "not a valid time", column="until", got=given, wanted="such as 2024-03-01T09:00", code="time.unreadable"
        ) from error
    if pd.isna(stamp):
        raise InputError("missing time", column="until", got=given, code="time.missing")
    if stamp.tzinfo is not None:
        stamp = stamp.tz_convert(zone) if zone is not None else stamp
        stamp = stamp.tz_localize(None)
    local: np.datetime64 = stamp.to_numpy().astype("datetime64[us]")
    return local


def _format_incomplete_end(rows: HistoryRows, last: int, frequency: SlotFrequency) -> list[str]:
    late = (rows.slot > last) & ~np.isnan(rows.y)
    if not late.any():
        return []
    when = str(frequency.stamps(rows.slot[late].min()[None], rows.anchor)[0])[:16]
    return [f"{int(late.sum()):,} rows from {when} on lie in slots that are not complete yet, and are not learnt"]


def _format_incomplete_start(matrix: Floats, begun: int, stamps: npt.NDArray[np.datetime64]) -> list[str]:
    some = int((~np.isnan(matrix[:, : max(begun, 0)])).sum())
    where = str(stamps[begun])[:16] if 0 <= begun < len(stamps) else ""
    return [f"{some:,} rows before {where} lie in slots that are not complete, and are not learnt"] if some else []


def _matrix(codes: Ints, column: Ints, y: Floats, shape: tuple[int, int]) -> Floats:
    """Spread rows over the matrix; two instants of one local slot (the clock was put back) are added up."""
    cell, known = codes * shape[1] + column, ~np.isnan(y)
    size = shape[0] * shape[1]
    total = np.full(size, np.nan)
    total[cell[known]] = 0.0
    np.add.at(total, cell[known], y[known])
    return total.reshape(shape)


def _openness(
    stamps: npt.NDArray[np.datetime64],
    frequency: SlotFrequency,
    zone: str | None,
    names: tuple[str, ...],
    calendars: dict[str | None, BusinessCalendar | None],
) -> tuple[Bools, Floats]:
    """Return which slots are open (for all series or by series), and how often the clock lets each come."""
    clock = np.ones(len(stamps))
    if zone is not None and frequency.per_day > 1:
        span = local_instants(stamps[[0, -1]], zone)
        ticks = pd.date_range(span[0], span[1], freq=pd.Timedelta(seconds=frequency.slot_s)).tz_convert(zone)
        number, _ = frequency.number(ticks.tz_localize(None).to_numpy(dtype="datetime64[us]"))
        start, _ = frequency.number(stamps[:1])
        clock = np.bincount(number - start[0], minlength=len(stamps))[: len(stamps)].astype(float)
        clock[-1] = max(clock[-1], 1.0)
    hours = {key: _hours(stamps, frequency, c) & (clock > 0) for key, c in calendars.items()}
    if len(hours) == 1:
        return hours[None][None, :], clock
    unknown = sorted(str(name) for name in set(calendars) - set(names) if name is not None)
    if unknown and not set(calendars) & set(names):
        hint = did_you_mean(unknown[0], names)
        raise InputError("unknown series", column="calendar", got=unknown[0], hint=hint, code="series.unknown")
    return np.stack([hours.get(name, hours[None]) for name in names]), clock


def _hours(stamps: npt.NDArray[np.datetime64], frequency: SlotFrequency, calendar: BusinessCalendar | None) -> Bools:
    """Return which slots a calendar opens."""
    if calendar is None:
        return np.ones(len(stamps), dtype=bool)
    instants = local_instants(stamps, calendar.timezone)
    if frequency.per_day > 1:
        lengths = np.full(len(stamps), frequency.slot_s)
    else:
        # a day of 23 or 25 hours ends where the next one begins
        month = (stamps.astype("datetime64[M]") + 1).astype(stamps.dtype)
        after = month if frequency.is_monthly else stamps + np.timedelta64(frequency.slot_s, "s")
        lengths = ((local_instants(after, calendar.timezone) - instants) // pd.Timedelta(seconds=1)).to_numpy()
    share = np.zeros(len(stamps))
    for length in np.unique(lengths):
        chosen = lengths == length
        share[chosen] = np.asarray(calendar.open_share(instants[chosen], float(length)), dtype=float)
    return share > 0


def _different(stamps: npt.NDArray[np.datetime64], frequency: SlotFrequency, holidays: object, events: object) -> Bools:
    """Return which slots lie on a holiday or in an event."""
    from .known_days import event_spans, holiday_names

    days = stamps.astype("datetime64[D]")
    names, spans = holiday_names(holidays, days), event_spans(events)
    found = np.zeros(len(stamps), dtype=bool)
    if frequency.per_day:
        found |= np.isin(days, np.array(list(names), dtype="datetime64[D]"))
        for _, first, last in spans:
            found |= (days >= first) & (days <= last)
    return found


def _states(
    y: Floats,
    is_open: Bools,
    other: Bools,
    names: tuple[str, ...],
    stamps: npt.NDArray[np.datetime64],
    frequency: SlotFrequency,
    outages: object,
    find: bool,
) -> tuple[States, Bools]:
    """Return the state of every slot, and which slots of an outage told that it was one."""
    state = np.full(y.shape, OPEN, dtype=np.uint8)
    found, told = np.zeros(y.shape, dtype=bool), np.zeros(y.shape, dtype=bool)
    if find:
        found, told = find_outages(np.where(other, np.nan, y) if other.any() else y, is_open, frequency)
    state[np.isnan(y)] = MISSING
    state[found] = OUTAGE
    for name, start, end in read_outages(outages):
        if name is not None and name not in names:
            hint = did_you_mean(name, names)
            raise InputError(
                "unknown series",
                where="outages",
                column="unique_id",
                got=name,
                hint=hint,
                code="series.unknown",
            )
        length = np.timedelta64(frequency.slot_s, "s")
        slots = (stamps < end) & (stamps + length > start)
        rows = np.arange(len(names)) if name is None else np.array([names.index(name)])
        chosen = np.ix_(rows, slots)
        known = state[chosen] != MISSING
        state[chosen] = np.where(known, OUTAGE, state[chosen])
        told[chosen] |= known
    state[np.broadcast_to(~is_open, y.shape)] = CLOSED
    return state, told & (state == OUTAGE)
