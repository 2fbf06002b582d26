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
    days, size = _find_clearest(value[rows], weight[rows])
    return [(int(rows[i]), int(z.shape[1] - days[i]), float(size[i])) for i in np.flatnonzero(days)]


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


def _find_clearest(value: Floats, weight: Floats) -> tuple[Ints, Floats]:
    """Return for each row how many days ago its level changed, 0 where it did not, and the factor of its root."""
    total, held = (np.pad(np.cumsum(x, axis=1), ((0, 0), (1, 0))) for x in (weight * value, weight))
    end = np.array([total.shape[1] - 1])
    best, sizes, most = np.zeros(len(value), dtype=np.int64), np.ones(len(value)), np.zeros(len(value))
    for days in range(MIN_FRESH_DAYS, MAX_FRESH_DAYS + 1):
        before, after = (x[:, 0] for x in _levels(total, held, end, days))
        now, size = after - before, after / np.maximum(before, 1e-9)
        score = np.abs(now) * np.sqrt(days)
        told = (held[:, -1] - held[:, -1 - days] >= MIN_FRESH_EVIDENCE) & (score > most)
        rows = np.flatnonzero(told & (np.abs(now) > MIN_CHANGE_SHARE * before) & (size <= MAX_RISE))
        rows = rows[_are_apart(value[rows], weight[rows], days, now[rows])]
        # the past is looked at last: it costs most, and few series come so far
        rows = rows[[not _is_usual(total[row], held[row], days, now[row]) for row in rows]] if len(rows) else rows
        best[rows], most[rows] = days, score[rows]
        sizes[rows] = 1.0 + (size[rows] - 1.0) * days / (days + HALF_BELIEVED_DAYS)
    return best, sizes


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
    """Return the mean of the four weeks before the last days up to each end, and of these days, series by series."""
    start = end - days
    return _between(total, held, start - BEFORE_DAYS, start), _between(total, held, start, end)


def _between(total: Floats, held: Floats, first: Ints, after: Ints) -> Floats:
    count = held[..., after] - held[..., first]
    return np.where(count > 0, (total[..., after] - total[..., first]) / np.where(count > 0, count, 1.0), np.nan)


def _are_apart(value: Floats, weight: Floats, days: int, gap: Floats) -> Bools:
    """Tell where the last days hardly overlap with those before, and no few of them make the whole gap."""
    busy = weight >= MIN_DAY_EVIDENCE
    earlier, last = slice(-days - BEFORE_DAYS, -days), slice(-days, None)
    side, was, now = np.sign(gap)[:, None], busy[:, earlier], busy[:, last]
    n_was, n_now = was.sum(axis=1), now.sum(axis=1)
    old, new = side * value[:, earlier], side * value[:, last]
    beyond = (new[:, :, None] > old[:, None, :]) & now[:, :, None] & was[:, None, :]
    usual = (old * was).sum(axis=1) / np.maximum(n_was, 1)
    least = _find_lower(np.where(now, new - usual[:, None], np.nan), 1 - MIN_MOVED_SHARE)
    apart = beyond.sum(axis=(1, 2)) / np.maximum(n_was * n_now, 1) >= MIN_SEPARATED_SHARE
    return np.asarray((n_was > 0) & (n_now > 0) & apart & (least >= MIN_MOVED_GAP * np.abs(gap)), dtype=bool)


def _find_lower(values: Floats, share: float) -> Floats:
    """Return the quantile of each row over what is known, interpolated; NaN where nothing is."""
    ranked, last = np.sort(values, axis=1), (~np.isnan(values)).sum(axis=1) - 1
    place = share * np.maximum(last, 0)
    low, rows = place.astype(np.int64), np.arange(len(values))
    below, above = ranked[rows, low], ranked[rows, np.minimum(low + 1, np.maximum(last, 0))]
    return np.asarray(below + (above - below) * (place - low))
