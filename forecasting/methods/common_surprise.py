"""What the last days of all queues say of each: queues that are surprised together go on together."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ...features.arrays import Bools, Floats

#: Series without which there is nothing in common, and days of errors that are learnt from.
MIN_SERIES, COMMON_DAYS = 4, 182

#: Series, evenly spread, from which effects are learnt.
SAMPLE = 200

#: Days of the past without which nothing is learnt, and blocks of them that are left out in turn.
MIN_COMMON_DAYS, BLOCKS = 40, 12

#: Days whose mean surprise counts beside that of the last one.
RECENT_DAYS = 7

#: Leads that have effects of their own; the later ones share theirs, up to so many days.
OWN_LEADS, LAST_LEAD = 3, 28

#: Standard deviations at which a surprise is cut.
MAX_SURPRISE = 3.0

#: Share of the squares of the common surprises that is added to them: a ridge.
RIDGE_SHARE = 0.1

#: Standard errors by which the gain over the blocks must lie above 0.
MIN_STANDARD_ERRORS = 2.0


def carry_common_surprise(rest: Floats, path: Floats, told: Floats, expected: Floats, ahead: int) -> Floats:
    """Return what the surprises of the other series add to each on the days ahead, N x A.

    The surprise of a day is its distance from the level, in standard deviations of the series. What is left of later
    days once a series has followed its own is regressed, over all series together, on the mean surprise of the others
    on the last day and over the last week. It counts where blocks of days that it was not learnt from would have been
    forecast better, beyond noise, over all leads together.

    Parameters
    ----------
    rest
        N x D roots less the effects of the calendar; NaN is missing.
    path
        N x D; level as it stood after each day.
    told
        N x D; how much each day says of the level, 0 to 1; 0 where nothing is known.
    expected
        N x L; share of a day's own surprise that is carried on anyway to the first leads.
    ahead
        A; days of the horizon.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> common = np.convolve(rng.normal(0, 0.1, 300), 0.9 ** np.arange(30))[:300]
    >>> rest = 1.0 + common + rng.normal(0, 0.2, (30, 300))
    >>> added = carry_common_surprise(rest, np.ones((30, 300)), np.ones((30, 300)), np.zeros((30, 3)), 2)
    >>> bool(abs(added[:, 0] - common[-1]).mean() < 0.1), added.shape
    (True, (30, 2))
    """
    rest, path, told = rest[:, -COMMON_DAYS:], path[:, -COMMON_DAYS:], told[:, -COMMON_DAYS:]
    known = (told > 0) & ~np.isnan(rest)
    n, days = rest.shape
    added = np.zeros((n, ahead))
    if n < MIN_SERIES or days < MIN_COMMON_DAYS:
        return added
    gap = np.where(known, rest - path, 0.0)
    spread = np.sqrt((gap**2).sum(axis=1, keepdims=True) / np.maximum(known.sum(axis=1, keepdims=True), 1))
    unit = np.where(spread > 0, spread, 1.0)
    surprise = np.clip(gap / unit, -MAX_SURPRISE, MAX_SURPRISE) * told
    others = _mean_of_others(surprise, told)
    some = slice(None, None, -(-n // SAMPLE))
    spans: list[range] = []
    lessons = []
    for leads, later, there in _later(rest[some], known[some], min(ahead, LAST_LEAD)):
        share = expected[some, leads.start - 1 : leads.start] if leads.start <= expected.shape[1] else 0.0
        left = np.clip((later - path[some]) / unit[some] - share * surprise[some], -MAX_SURPRISE, MAX_SURPRISE)
        spans.append(leads)
        lessons.append(_add_up(np.where(there[:, :, None], others[some], 0.0), left))
    effects = _learn(lessons)
    for leads, effect in zip(spans, effects, strict=True):
        last = leads.stop == min(ahead, LAST_LEAD) + 1
        added[:, leads.start - 1 : ahead if last else leads.stop - 1] = (others[:, -1] @ effect)[:, None] * spread
    return added


def _mean_of_others(surprise: Floats, told: Floats) -> Floats:
    """Return the mean surprise of the other series, N x D x 2: on each day, and over the days up to it."""
    total, count = surprise.sum(axis=0) - surprise, told.sum(axis=0) - told
    pad = ((0, 0), (RECENT_DAYS, 0))
    summed, counted = (np.cumsum(np.pad(x, pad), axis=1) for x in (total, count))
    week, heard = (x[:, RECENT_DAYS:] - x[:, :-RECENT_DAYS] for x in (summed, counted))
    return np.stack([total / np.maximum(count, 1e-9), week / np.maximum(heard, 1e-9)], axis=2)


def _later(rest: Floats, known: Bools, last: int) -> Iterator[tuple[range, Floats, Bools]]:
    """Return what came some leads after each day, and where it is known; later leads as a mean."""
    value = np.where(known, rest, 0.0)
    for lead in range(1, min(OWN_LEADS, last) + 1):
        later, there = np.zeros_like(value), np.zeros(known.shape, dtype=bool)
        later[:, :-lead], there[:, :-lead] = value[:, lead:], known[:, lead:]
        yield range(lead, lead + 1), later, there
    if last > OWN_LEADS:
        total, count = (np.cumsum(np.pad(x, ((0, 0), (1, 0))), axis=1) for x in (value, known.astype(float)))
        days = rest.shape[1]
        first, after = (np.minimum(np.arange(days) + lead, days) for lead in (OWN_LEADS + 1, last + 1))
        number = count[:, after] - count[:, first]
        mean = (total[:, after] - total[:, first]) / np.maximum(number, 1)
        whole = (np.arange(days) + last < days)[None, :]
        yield range(OWN_LEADS + 1, last + 1), mean, (number > 0) & whole


def _add_up(seen: Floats, left: Floats) -> tuple[Floats, Floats]:
    """Return the squares of the common surprises, and their products with what is left, by blocks of days."""
    block = np.arange(left.shape[1]) * BLOCKS // left.shape[1]
    parts = [(seen[:, block == b].reshape(-1, seen.shape[2]), left[:, block == b].ravel()) for b in range(BLOCKS)]
    return np.stack([x.T @ x for x, _ in parts]), np.stack([x.T @ y for x, y in parts])


def _learn(lessons: list[tuple[Floats, Floats]]) -> list[Floats]:
    """Return the effects of the common surprises by leads; nothing where they gain nothing on days left out."""
    effects, gain = [], np.zeros(BLOCKS)
    for square, cross in lessons:
        ridge = RIDGE_SHARE * np.diag(np.maximum(np.diag(square.sum(axis=0)), 1e-9))
        apart = np.linalg.solve(square.sum(axis=0) - square + ridge, (cross.sum(axis=0) - cross)[:, :, None])[:, :, 0]
        gain += 2 * (apart * cross).sum(axis=1) - np.einsum("bk,bkl,bl->b", apart, square, apart)
        effects.append(np.linalg.solve(square.sum(axis=0) + ridge, cross.sum(axis=0)))
    clear = gain.sum() > MIN_STANDARD_ERRORS * np.sqrt(BLOCKS) * gain.std(ddof=1)
    return effects if clear else [np.zeros(2) for _ in effects]
