"""The last week of mornings against the weeks before it: today, and on each past morning in the same way."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ...features.arrays import Bools, Floats, Ints

#: Days of mornings that are compared, and of those before that they are compared with: whole weeks, so that each
#: weekday weighs alike.
RECENT_DAYS, REFERENCE_DAYS = 7, 28
#: Mornings so near to the time of day of the last one count as of that time.
TIME_TOLERANCE = pd.Timedelta(hours=2)
_DAY = pd.Timedelta(days=1)


@dataclass(frozen=True)
class Windows:
    """Pairs of a recent week and the weeks before it.

    Attributes
    ----------
    ends
        Days before the last morning on which the recent week of each pair ends; the first is 0, the pair of today.
    before
        Days before the last morning on which the weeks before end.
    since
        Pairs that end later than so many days ago are not of the past: the model had learned by then.
    days
        Number of days that are covered.
    """

    ends: Ints
    before: Ints
    since: int
    days: int

    @property
    def is_norm(self) -> Bools:
        """Which pairs say what is usual: those of the past, and today's."""
        return np.asarray((self.ends >= self.since) | (self.ends == 0))

    def sums(self, lag: Ints, groups: Ints, count: int, weight: Floats | None = None) -> tuple[Floats, Floats]:
        """Add up rows by pair and group.

        Parameters
        ----------
        lag
            Days before the last morning of each row.
        groups
            Group of each row, from 0 to ``count`` - 1.
        count
            Number of groups.
        weight
            What each row adds; 1 by default.

        Returns
        -------
        Sums of the recent week and of the weeks before, each of shape (pairs, ``count``).
        """
        inside = (lag >= 0) & (lag < self.days)
        cells = lag[inside] * count + groups[inside]
        of = None if weight is None else weight[inside]
        daily = np.bincount(cells, of, minlength=self.days * count).reshape(self.days, count)
        total = np.concatenate([np.zeros((1, count)), np.cumsum(daily, axis=0, dtype=float)])
        recent = total[self.ends + RECENT_DAYS] - total[self.ends]
        return recent, total[self.before + REFERENCE_DAYS] - total[self.before]


def find_lags(at: pd.Series[pd.Timestamp], until: pd.Timestamp, timezone: str) -> Ints:
    """Return how many days before the last morning each morning is; -1 at another time of the day.

    >>> at = pd.Series(pd.to_datetime(["2024-03-30T07:00Z", "2024-03-31T06:00Z", "2024-03-31T12:00Z"]))
    >>> find_lags(at, pd.Timestamp("2024-04-01T06:00Z"), "Europe/Berlin").tolist()
    [2, 1, -1]
    """
    local = at.dt.tz_convert(timezone).dt.tz_localize(None)  # a day is one whatever the summer time does
    apart = until.tz_convert(timezone).tz_localize(None) - local
    days = (apart / _DAY).round()
    near = (apart - days * _DAY).abs() <= TIME_TOLERANCE
    return np.asarray(days.where(near, -1), dtype=np.int64)


def build_windows(lag: Ints, learned: int = 0, min_days: int = 30) -> Windows | None:
    """Pair the recent week of each morning with the weeks before it.

    Pairs that end after the model learned are all compared with the weeks before that. Pairs of the past have as many
    days between their weeks, as far as the log reaches back: what wanders slowly is usual then.

    Parameters
    ----------
    lag
        Days before the last morning of each row.
    learned
        Days since the model learned; fewer where that would leave too few past mornings.
    min_days
        Days that past mornings have to span.

    Returns
    -------
    ``None`` where the log has too few mornings for that.

    Examples
    --------
    >>> build_windows(np.arange(100)).ends[[0, -1]].tolist()
    [0, 65]
    >>> windows = build_windows(np.arange(120), learned=21)
    >>> windows.before[[0, 1, -1]].tolist(), windows.ends[-1]
    ([21, 21, 92], np.int64(71))
    >>> build_windows(np.arange(60)) is None
    True
    """
    there = np.unique(lag[lag >= 0])
    if not len(there) or there[0] != 0:
        return None
    days = int(there[-1]) + 1
    spare = days - RECENT_DAYS - REFERENCE_DAYS - min_days
    if spare < 0:
        return None
    since = min(learned, spare) if learned > RECENT_DAYS else 0
    gap = min(max(since - RECENT_DAYS, 0), spare - since)
    ends = there[there <= days - RECENT_DAYS - REFERENCE_DAYS - gap].astype("int64")
    before = np.where(ends < since, np.maximum(ends + RECENT_DAYS, since), ends + RECENT_DAYS + gap)
    return Windows(ends, before, since, days) if len(ends) > 1 else None
