"""Changes of level that are days old: found before a whole week has passed, where the days since hardly overlap."""

from __future__ import annotations

import numpy as np

from ...features.arrays import Bools, Floats, Ints

#: Days since a change, the least and the most; and how many mean days they must hold.
#: Fewer days are as often an outage, or an export that not all rows had reached.
MIN_FRESH_DAYS, MAX_FRESH_DAYS, MIN_FRESH_EVIDENCE = 5, 13, 2.5

#: The largest rise: what rises further for some days is a batch more often.
MAX_RISE = 1.5

#: Days before a change that they are compared with, and days of history without which nothing is compared.
BEFORE_DAYS, MIN_HISTORY_DAYS = 28, 140

#: A change is one if the root of the volume differs by this share, by so many times what such differences usually are,
#: and by so many times what they were on all but one day of a hundred.
MIN_CHANGE_SHARE, MIN_NOISE_RATIO, MIN_RARE_RATIO, RARE_QUANTILE = 0.1, 4.0, 1.2, 0.99

#: Share of pairs of a day before and a day after a change of which the latter must be on its side, and the share of a
#: mean day from which a day counts in them.
MIN_SEPARATED_SHARE, MIN_DAY_EVIDENCE = 0.9, 0.3

#: Share of the days since that have moved by this share of the change at least.
MIN_MOVED_SHARE, MIN_MOVED_GAP = 0.8, 0.4

#: Days of which half of a change is believed: what is only days old may pass.
HALF_BELIEVED_DAYS = 1.5

#: Days a year apart whose differences are the season's, as a share of the change.
YEAR_DAYS, SEASON_SHARE = 364, 0.5


def find_fresh_shifts(z: Floats, trust: Floats) -> list[tuple[int, int, float]]:
    """Return the row, the first day and the size of changes of level within the last two weeks.

    The mean of the last days is held against that of the four weeks before, and both against what such differences were
    in the past of the series. A single odd day, or an odd weekend, does not hold enough to count.

    Parameters
    ----------
    z
        M x D roots of the ratio to the usual, NaN where missing.
    trust
        M x D; how much each day says: what its weekday usually holds over the mean weekday, 0 on special days.

    Examples
    --------
    >>> z = 1.0 + 0.03 * np.sin(np.arange(280.0) ** 2)[None, :]
    >>> z[:, -5:] *= 0.7
    >>> [(row, day, round(size, 2)) for row, day, size in find_fresh_shifts(z, np.ones((1, 280)))]
    [(0, 275, 0.77)]
    >>> z[:, :-2] = 1.0
    >>> find_fresh_shifts(z, np.ones((1, 280)))
    []
    """
    if z.shape[1] < MIN_HISTORY_DAYS:
        return []
    weight = np.where(np.isnan(z), 0.0, trust)
    value = np.nan_to_num(z)
    late = slice(-MAX_FRESH_DAYS - BEFORE_DAYS, None)
    rows = np.flatnonzero(_may_have_moved(value[:, late], weight[:, late]))
    return [(int(rows[i]), z.shape[1] - days, size) for i, days, size in _clearest(value[rows], weight[rows])]


def _may_have_moved(value: Floats, weight: Floats) -> Bools:
    """Tell which rows differ at all between their last days and those before."""
    moved = np.zeros(len(value), dtype=bool)
    total, held = (np.cumsum(x[:, ::-1], axis=1) for x in (weight * value, weight))
    for days in range(MIN_FRESH_DAYS, MAX_FRESH_DAYS + 1):
        recent, heard = total[:, days - 1], held[:, days - 1]
        earlier, known = total[:, days + BEFORE_DAYS - 1] - recent, held[:, days + BEFORE_DAYS - 1] - heard
        after, before = (x / np.where(n > 0, n, np.nan) for x, n in ((recent, heard), (earlier, known)))
        moved |= np.abs(after - before) > MIN_CHANGE_SHARE * before
    return moved


def _clearest(value: Floats, weight: Floats) -> list[tuple[int, int, float]]:
    """Return the rows whose level changed, how many days ago, and by what the root of each is multiplied."""
    total, held = (np.pad(np.cumsum(x, axis=1), ((0, 0), (1, 0))) for x in (weight * value, weight))
    best: dict[int, tuple[int, float]] = {}
    most = np.zeros(len(value))
    for days in range(MIN_FRESH_DAYS, MAX_FRESH_DAYS + 1):
        before, after = _levels(total, held, np.array([total.shape[1] - 1]), days)
        now, size = (after - before)[:, 0], (after / np.maximum(before, 1e-9))[:, 0]
        moved = (np.abs(now) > MIN_CHANGE_SHARE * before[:, 0]) & (size <= MAX_RISE)
        rows = np.flatnonzero(moved & (held[:, -1] - held[:, -1 - days] >= MIN_FRESH_EVIDENCE))
        score = np.abs(now) * np.sqrt(days)
        # the past is looked at last: it costs most, and few series come so far
        for row in rows[_is_apart(value[rows], weight[rows], days, now[rows])]:
            if score[row] > most[row] and not _is_usual(total[row], held[row], days, float(now[row])):
                shrunk = (float(size[row]) - 1.0) * days / (days + HALF_BELIEVED_DAYS)
                best[int(row)], most[row] = (days, 1.0 + shrunk), score[row]
    return [(row, *best[row]) for row in sorted(best)]


def _is_usual(total: Floats, held: Floats, days: int, now: float) -> bool:
    """Tell whether a gap is no more than what such gaps were in the past, or what it was a year ago."""
    before, after = _levels(total, held, np.arange(BEFORE_DAYS + days, len(total)), days)
    gap = after - before
    past = np.abs(gap[:-days])
    past = past[~np.isnan(past)]
    if not len(past):
        return True
    noise = max(MIN_NOISE_RATIO * 1.4826 * np.median(past), MIN_RARE_RATIO * np.quantile(past, RARE_QUANTILE))
    year_ago = gap[-1 - YEAR_DAYS] if len(gap) > YEAR_DAYS else 0.0
    seasonal = now * year_ago > 0 and abs(year_ago) > SEASON_SHARE * abs(now)
    return bool(abs(now) <= noise or seasonal)


def _levels(total: Floats, held: Floats, end: Ints, days: int) -> tuple[Floats, Floats]:
    """Return the mean of the four weeks before the last days up to each end, and of these days, along the last axis."""
    start = end - days
    return _between(total, held, start - BEFORE_DAYS, start), _between(total, held, start, end)


def _between(total: Floats, held: Floats, first: Ints, after: Ints) -> Floats:
    count = held[..., after] - held[..., first]
    return np.where(count > 0, (total[..., after] - total[..., first]) / np.where(count > 0, count, 1.0), np.nan)


def _is_apart(value: Floats, weight: Floats, days: int, gap: Floats) -> Bools:
    """Tell in which rows the last days hardly overlap with those before, and no few of them make the whole gap."""
    busy, side = weight >= MIN_DAY_EVIDENCE, np.sign(gap)[:, None]
    old, new = side * value[:, -days - BEFORE_DAYS : -days], side * value[:, -days:]
    counts_old, counts_new = busy[:, -days - BEFORE_DAYS : -days], busy[:, -days:]
    n_old, n_new = counts_old.sum(axis=1), counts_new.sum(axis=1)
    pairs = counts_new[:, :, None] & counts_old[:, None, :]
    beyond = ((new[:, :, None] > old[:, None, :]) & pairs).sum(axis=(1, 2))
    mean = np.where(counts_old, old, 0.0).sum(axis=1) / np.maximum(n_old, 1)
    # days that do not count come last
    ranked = np.sort(np.where(counts_new, new - mean[:, None], np.inf), axis=1)
    place = (1 - MIN_MOVED_SHARE) * np.maximum(n_new - 1, 0)
    rows, low = np.arange(len(ranked)), np.floor(place).astype(np.int64)
    floor, ceiling = ranked[rows, low], ranked[rows, np.minimum(low + 1, np.maximum(n_new - 1, 0))]
    known = (n_old > 0) & (n_new > 0)
    least = np.where(known, floor, 0.0) + (place - low) * np.where(known, ceiling, 0.0)
    least -= (place - low) * np.where(known, floor, 0.0)
    separated = beyond >= MIN_SEPARATED_SHARE * n_old * n_new
    apart: Bools = known & separated & (least >= MIN_MOVED_GAP * np.abs(gap))
    return apart
