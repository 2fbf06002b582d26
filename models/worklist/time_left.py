"""The time that is left when the list is read: that is the morning, and not the midnight at which the data end."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from ...features.arrays import Floats
from ...features.calendars.business_calendar import BusinessCalendar

#: Data that end no longer than this before the usual time of day are those of its list.
MAX_WAIT = pd.Timedelta(hours=12)
#: Work that fits so many times into the time left is done in time wherever it stands among the work of a day.
SAFE_FIT = 2.0
#: Columns of a snapshot that grow with the time that passes while nothing happens.
_GROWING_COLUMNS = ("age_s",)


def find_reading_time(
    data_until: pd.Timestamp, at: str, timezone: str, asked_at: pd.Timestamp | None = None
) -> pd.Timestamp:
    """Return when a list is read that is made from data up to an instant.

    Parameters
    ----------
    data_until
        End of the data.
    at
        Usual local time of day, such as ``08:00``.
    timezone
        Clock of the desk.
    asked_at
        Instant that was asked for; it counts where it is within a day after the end of the data.

    Returns
    -------
    The next usual time of day where that is at most 12 hours away, else the instant itself: data of the night are read
    in the morning, those of the afternoon at once.

    Examples
    --------
    >>> midnight = pd.Timestamp("2024-03-01T23:00Z")
    >>> find_reading_time(midnight, "08:00", "Europe/Berlin").isoformat()
    '2024-03-02T07:00:00+00:00'
    >>> find_reading_time(pd.Timestamp("2024-03-01T13:00Z"), "08:00", "Europe/Berlin").isoformat()
    '2024-03-01T13:00:00+00:00'
    """
    base = data_until
    if asked_at is not None and pd.Timedelta(0) <= asked_at - data_until <= pd.Timedelta(days=1):
        base = asked_at
    local = base.tz_convert(timezone)
    for days in (0, 1):
        day = (local.tz_localize(None).normalize() + pd.DateOffset(days=days)).strftime("%Y-%m-%d")
        next_time = pd.Timestamp(f"{day} {at}").tz_localize(timezone, ambiguous=True, nonexistent="shift_forward")
        if pd.Timedelta(0) <= next_time - base <= MAX_WAIT:
            return pd.Timestamp(next_time.tz_convert("UTC"))
    return base


def move_time_left(snapshots: pd.DataFrame, at: pd.Timestamp, calendar: BusinessCalendar | None = None) -> pd.DataFrame:
    """Return open cases as they stand at a later instant if nothing happens to them until then.

    Parameters
    ----------
    snapshots
        Rows of one earlier instant; see ``deskcast.features.snapshots.snapshots``.
    at
        The later instant.
    calendar
        Opening hours on which the promise runs; without them time left in business hours stands where it stood.

    Returns
    -------
    The rows with ``at``, ``age_s``, ``left_s``, ``left_wall_s``, ``left_business_s`` and ``target_used`` moved, as far
    as there are such columns. The clock of a paused case stands still: it is due as if it resumed at the later instant.

    Examples
    --------
    >>> rows = pd.DataFrame({"at": pd.Timestamp("2024-03-01T23:00Z"), "left_s": [3600.0], "left_wall_s": [3600.0]})
    >>> move_time_left(rows, pd.Timestamp("2024-03-02T07:00Z"))["left_s"].tolist()
    [-25200.0]
    """
    if snapshots.empty or not (snapshots["at"] < at).any():
        return snapshots
    out = snapshots.copy()
    passed = (at - snapshots["at"]).dt.total_seconds().to_numpy(dtype=float)
    running = ~_flag(snapshots, "paused")
    for name in _GROWING_COLUMNS:
        if name in out:
            out[name] = out[name].astype("float64") + passed
    wall, business = _column(snapshots, "left_wall_s"), _column(snapshots, "left_business_s")
    left = _column(snapshots, "left_s")
    opened = np.zeros(len(out))
    if calendar is not None:
        opened = np.asarray(
            calendar.seconds_between(snapshots["at"], pd.Series(at, index=snapshots.index)), dtype=float
        )
    around = _on_wall_clock(left, wall, business, calendar)
    own = np.where(around, passed, opened)
    moved = {"left_wall_s": wall - passed * running, "left_business_s": business - opened * running}
    moved["left_s"] = left - own * running
    still = ~running & ~np.isnan(left)
    if "due_at" in out and still.any():
        due = _find_resumed_due_times(snapshots, at, left, still & ~around, calendar)
        out["due_at"] = snapshots["due_at"].mask(still, due)
        moved["left_wall_s"] = np.where(still, (due - at).dt.total_seconds(), moved["left_wall_s"])
    for name, values in moved.items():
        if name in out:
            out[name] = values
    if "target_used" in out:
        used = _column(snapshots, "target_used")
        with np.errstate(divide="ignore", invalid="ignore"):
            target = np.where(used < 1, left / (1 - used), np.nan)
            now = 1 - moved["left_s"] / target
        out["target_used"] = np.where(np.isfinite(now), now, used)
    return out.assign(at=pd.Series(at, index=out.index).astype(snapshots["at"].dtype))


def _find_resumed_due_times(
    snapshots: pd.DataFrame,
    at: pd.Timestamp,
    left: Floats,
    by_hours: NDArray[np.bool_],
    calendar: BusinessCalendar | None,
) -> pd.Series[Any]:
    """Return when each case is due if its clock resumes at an instant: in opening hours, or around the clock."""
    due = at + pd.Series(pd.to_timedelta(left, unit="s"), index=snapshots.index)
    if calendar is not None and by_hours.any():
        ends = calendar.add(pd.Series(at, index=snapshots.index[by_hours]), left[by_hours])
        due[by_hours] = pd.Series(ends, index=snapshots.index[by_hours])
    return due.astype(snapshots["at"].dtype)


def chance_in_time(left_s: ArrayLike, effort_s: ArrayLike) -> Floats:
    """Return the chance that work is done in the time left, if it is taken up on the day.

    Parameters
    ----------
    left_s
        Time left, s, shape (n,); where it is not known the work is taken to fit.
    effort_s
        Time that the work takes, s.

    Returns
    -------
    0 where the work does not fit; half where it just fits and has to be begun at once, 1 from twice the time on.

    Examples
    --------
    >>> chance_in_time([900.0, 1800.0, 2700.0, 9000.0, float("nan")], 1800.0).tolist()
    [0.0, 0.5, 0.75, 1.0, 1.0]
    """
    left, effort = np.asarray(left_s, dtype=float), np.asarray(effort_s, dtype=float)
    share = np.where(np.isnan(left), SAFE_FIT, left / effort) / SAFE_FIT
    return np.asarray(np.where(share * SAFE_FIT < 1, 0.0, np.minimum(share, 1.0)), dtype=np.float64)


def _on_wall_clock(
    left: Floats, wall: Floats, business: Floats, calendar: BusinessCalendar | None
) -> NDArray[np.bool_]:
    """Return which promises run around the clock: without business hours, or with the time left of the wall."""
    around = np.isnan(business) | (np.abs(left - wall) < 1.0)
    return np.asarray(around if calendar is None else np.isnan(business), dtype=bool)


def _column(rows: pd.DataFrame, name: str) -> Floats:
    if name not in rows:
        return np.full(len(rows), np.nan)
    return np.asarray(rows[name].to_numpy(dtype=float, na_value=np.nan), dtype=np.float64)


def _flag(rows: pd.DataFrame, name: str) -> NDArray[np.bool_]:
    if name not in rows:
        return np.zeros(len(rows), dtype=bool)
    return np.asarray(rows[name].astype("boolean").fillna(False).to_numpy(dtype=bool))
