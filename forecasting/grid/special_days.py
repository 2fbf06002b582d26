"""Days that are open but different: holidays and known events, and the factor by which each kind differs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...features.arrays import Bools, Floats, Ints
from .grid import Grid, format_names
from .known_days import event_spans, holiday_names
from .profile import cut_seasons, latest_average

#: Days of one kind after which its own past counts as much as what is assumed of it.
KIND_SHRINK_DAYS = 2.0

#: The same of events and of days that come again every year, which are named because they are different.
EVENT_SHRINK_DAYS = 0.5

#: A day counts at most this many times its ordinary forecast, so that one recording fault is not learnt.
MAX_SPECIAL_DAY_RATIO = 5.0


@dataclass(frozen=True)
class SpecialDays:
    """Which slots fall on days that are different, and what past ones were like.

    Attributes
    ----------
    kind
        T + H; number of the kind of each slot, -1 on ordinary days.
    names
        Name of each kind; the first ``holidays`` of them are holidays, which borrow from one another.
    dated
        Whether holidays, events or closed days were given: then the dates are those of a real calendar, and days
        of the month and the turn of the year may have effects too.
    off
        Dates of the holidays, for slots of a week or a month, whose working days are counted.
    past
        One row a past day: kind, number of the slot after it, volume, ordinary forecast (both over the panel).
    found
        How many kinds, the last ones, were found in the past and stand on no list.
    monthly
        How many of these, the first ones, come every month and not every year.
    """

    kind: Ints
    names: tuple[str, ...]
    holidays: int
    past: Floats
    dated: bool = False
    holiday_dates: frozenset[np.datetime64] = frozenset()
    found: int = 0
    monthly: int = 0

    @property
    def ordinary(self) -> Bools:
        """Return which slots fall on ordinary days."""
        return self.kind < 0

    def factors(self, origin: int) -> Floats:
        """Return the factor of each kind, learnt from days that were over at the origin.

        The factor is the ratio of volume to ordinary forecast over ``n`` past days of the kind, shrunk by
        ``n / (n + 2)`` to that of all holidays (itself shrunk to 1), or by ``n / (n + 0.5)`` to 1 for an event.
        """
        done = self.past[self.past[:, 1] <= origin]
        kinds = done[:, 0].astype(int)
        common = _shrunk(done[kinds < self.holidays], 1.0, KIND_SHRINK_DAYS)
        return np.array(
            [
                _shrunk(done[kinds == k], common, KIND_SHRINK_DAYS)
                if k < self.holidays
                else _shrunk(done[kinds == k], 1.0, EVENT_SHRINK_DAYS)
                for k in range(len(self.names))
            ]
        )

    def unseen_kinds(self, origin: int, horizon: int) -> list[str]:
        """Name the kinds that lie ahead and have no past day."""
        ahead = set(self.kind[origin : origin + horizon].tolist()) - {-1}
        seen = set(self.past[self.past[:, 1] <= origin][:, 0].astype(int).tolist())
        return [self.names[k] for k in sorted(ahead - seen)]


def mark_special_days(
    grid: Grid, holidays: object = None, events: object = None
) -> tuple[SpecialDays, tuple[str, ...]]:
    """Mark the days that are different, and compare the past ones with their ordinary forecast.

    Parameters
    ----------
    grid
        The panel.
    holidays
        A country code of the holidays package (``"PT"``; ``"US-NY"`` with a part of it), or dates.
    events
        A frame with ``name``, ``start``, ``end`` (first and last day), or a list of such rows. Days of one name are
        of one kind. On a day that is both, the event counts.

    Returns
    -------
    The special days, and notes.
    """
    days = grid.stamps(0, grid.is_open.shape[1]).astype("datetime64[D]")
    kind = np.full(len(days), -1, dtype=np.int64)
    # the last slot may be a month
    dates = holiday_names(holidays, np.append(days, days[-1] + 31))
    spans = event_spans(events)
    closed = bool((~grid.is_open & (grid.clock > 0)).any())
    if not grid.frequency.per_day:
        note = ("events have no part in slots of a week or a month",) if spans else ()
        return SpecialDays(kind, (), 0, np.zeros((0, 4)), bool(dates or spans or closed), frozenset(dates)), note
    names = sorted(set(dates.values()))
    for number, name in enumerate(names):
        of_name = np.array([d for d, n in dates.items() if n == name], dtype="datetime64[D]")
        kind[np.isin(days, of_name)] = number
    labels = sorted({name for name, _, _ in spans})
    for name, start, end in spans:
        kind[(days >= start) & (days <= end)] = len(names) + labels.index(name)
    special = SpecialDays(kind, (*names, *labels), len(names), np.zeros((0, 4)))
    return SpecialDays(
        kind, special.names, special.holidays, _past_days(grid, special), bool(dates or spans or closed)
    ), ()


def _shrunk(past: Floats, towards: float, prior_days: float) -> float:
    """Return the ratio of volume to ordinary forecast, shrunk towards a value by the number of days."""
    expected = past[:, 3].sum()
    if expected <= 0:
        return towards
    days = len(np.unique(past[:, 1]))
    weight = days / (days + prior_days)
    return float(weight * past[:, 2].sum() / expected + (1 - weight) * towards)


def _past_days(grid: Grid, special: SpecialDays) -> Floats:
    """Add up, for each special day of the history, the volume and what an ordinary day would have brought.

    Series are weighted by one over the root of their volume, so that a large one informs more but does not decide
    alone. The ordinary forecast is the same-slot average as it stood on the morning of that day.
    """
    f, length = grid.frequency, grid.length
    numbers = (np.arange(len(special.kind)) + grid.first) // f.per_day
    counts_all = grid.known(length) & special.ordinary[None, :length]
    rows: list[tuple[float, float, float, float]] = []
    for day in np.unique(numbers[:length][special.kind[:length] >= 0]):
        slots = np.flatnonzero(numbers[:length] == day)
        first, after = int(slots[0]), int(slots[-1]) + 1
        y = cut_seasons(grid.y, first, f.season)[:, :, : len(slots)].astype(float)
        counts = cut_seasons(counts_all, first, f.season)[:, :, : len(slots)].astype(bool)
        usual = latest_average(y, counts, f.average)
        now = grid.y[:, slots]
        used = ~np.isnan(usual) & ~np.isnan(now) & grid.is_open[:, slots]
        expected = np.where(used, usual, 0.0).sum(axis=1)
        came = np.minimum(np.where(used, now, 0.0).sum(axis=1), MAX_SPECIAL_DAY_RATIO * expected)
        root = np.sqrt(np.where(expected > 0, expected, 1.0))
        if expected.sum() > 0:
            rows.append((special.kind[first], after, (came / root).sum(), (expected / root).sum()))
    return np.array(rows, dtype=float).reshape(-1, 4)


def format_special_days(special: SpecialDays, origin: int, horizon: int) -> tuple[str, ...]:
    """Describe which days ahead are taken as ordinary for lack of examples, and which come again every year.

    >>> special = SpecialDays(np.array([0, 1]), ("fair", "24 December"), 0, np.array([[1.0, 0, 4.0, 8.0]]), found=1)
    >>> format_special_days(special, 0, 2)
    ("'fair' has no past day to learn from", "'24 December' (33% less) was different every year, and is forecast so")
    """
    names = special.unseen_kinds(origin, horizon)
    what = "has no past day" if len(names) == 1 else "have no past day"
    notes: tuple[str, ...] = (f"{format_names(names)} {what} to learn from",) if names else ()
    ahead = set(special.kind[origin : origin + horizon].tolist())
    first, factors = len(special.names) - special.found, special.factors(origin)
    for kinds, when in (
        (range(first, first + special.monthly), "month"),
        (range(first + special.monthly, len(special.names)), "year"),
    ):
        again = [f"'{special.names[k]}' ({_format_factor(factors[k])})" for k in kinds if k in ahead]
        if again:
            was, is_ = ("was", "is") if len(again) == 1 else ("were", "are")
            notes += (f"{', '.join(again)} {was} different every {when}, and {is_} forecast so",)
    return notes


def _format_factor(factor: float) -> str:
    return f"{abs(factor - 1):.0%} {'more' if factor > 1 else 'less'}"
