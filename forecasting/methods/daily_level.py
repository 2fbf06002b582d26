"""Levels of a panel of days: effects by a ridge that series share, and a level that follows each of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...features.arrays import Bools, Floats
from .calendar_effects import Design
from .level_shifts import find_medians

#: Ways to follow a level, weighed by past errors: weight of a day against the next in the level and, for those with
#: a slope, in the slope (0 is none).
SMOOTHING_PARAMETERS = ((0.995, 0.0), (0.97, 0.0), (0.92, 0.0), (0.8, 0.0), (0.4, 0.0), (0.3, 0.7), (0.7, 0.9))

#: The one of them that is most like the mean of the last eight weeks, and the days of these.
SLOW_SMOOTHING_INDEX, SLOW_WINDOW_DAYS = 1, 56

#: How much of a slope is left a day later.
TREND_DAMPING = 0.9

#: Standard deviations beyond which a day counts no further in a level: one odd day must not lead it astray.
MAX_DAY_DEVIATIONS = 2.5

#: Share of a mean day below which a day is held near the week before it.
SMALL_DAY_EVIDENCE = 0.6

#: Series that are computed at once: as many as a processor holds near.
ROWS_AT_ONCE = 128

#: Days that a level looks back on.
LEVEL_DAYS = 364

#: How far the effects of one series may be from those of the panel, as a share of how large they may be.
OWN_EFFECT_SHARE = 0.5

#: Days of errors that are added, as for all series together, to those by which a series chooses its discount.
PANEL_PRIOR_DAYS = 30.0

#: Leads in days at which the last day's surprise is carried on, the days with none that are added to learn it, and
#: the days that it is learnt from.
MAX_CARRY_LEAD_DAYS, CARRY_PRIOR_DAYS, CARRY_DAYS = 3, 15.0, 180


@dataclass(frozen=True)
class Fit:
    """A fitted panel of M rows and D past days.

    Attributes
    ----------
    effects
        M x (D + A); what the calendar adds on each day, past and ahead.
    level
        M x A; level on the days ahead, the first after those that are over.
    path
        M x D; level as it stood after each day.
    rest
        M x D; value less effects (NaN where the value is missing).
    surprise
        M; how far the last days were from the level, weighted by how much of the last day is known.
    carry
        M x CARRIED; how much of it goes on one day later, two days later, ...
    steady
        M; squared error, at the horizon, of the best way to follow the level over that of a slow mean that knows no
        effects: 1 where nothing moves or all is noise, towards 0 where a slow mean is left behind.
    """

    effects: Floats
    level: Floats
    path: Floats
    rest: Floats
    last_residual: Floats
    carry: Floats
    steady: Floats


def fit_panel(
    z: Floats,
    weight: Floats,
    trust: Floats,
    evidence: Floats,
    design: Design,
    size: Floats,
    pooled: bool,
    ahead: int,
    whole: int,
) -> Fit:
    """Fit effects and level of each row.

    The effects are a ridge regression whose penalty is the ratio of noise to the size that effects usually have
    (Hoerl and Kennard 1970; an empirical Bayes reading of it), first for the mean of the panel, then for what a
    series has apart from it. All rows share one factorisation; missing values are filled with the fit, twice
    (Dempster, Laird and Rubin 1977). What is left once the effects are taken off is followed by a discounted mean
    (Brown 1959), whose discount is chosen by the squared errors that it made a day and a horizon ahead.

    Parameters
    ----------
    z
        M x D values of about 1; NaN is missing.
    weight
        D; how much each day counts in the regression.
    trust
        M x D; how much of each day is known, 0 to 1.
    evidence
        M x D; how much each day says of the level: its share of the week's volume, 1 on average.
    design, size
        Regressors of the D days and of those ahead, and the size of each effect.
    pooled
        Whether the rows share effects.
    ahead
        Days of the horizon.
    whole
        Days that are over; one less than D where the origin lies within a day.
    """
    known = ~np.isnan(z)
    days = z.shape[1]
    x = design.x[:days]
    effects = _ridge(np.where(known, z, 0.0), known, weight, x, design.x, size, design.is_trend, pooled)
    rest = np.where(known, z - effects[:, :days], np.nan)
    level, path, noise, slow = _level(rest, np.where(known, trust * evidence, 0.0), ahead)
    slow += _mean_square_move(effects[:, :days], ahead)
    steady = np.where(slow > 0, noise / np.where(slow > 0, slow, 1.0), 1.0)
    surprise, carry = _surprise(rest[:, :whole], path[:, :whole], trust[:, :whole], evidence[:, :whole])
    return Fit(effects, level, path, rest, surprise, carry, steady)


def _ridge(
    z: Floats, known: Bools, weight: Floats, x: Floats, whole: Floats, size: Floats, moving: Bools, pooled: bool
) -> Floats:
    """Return the effects of each row on all days."""
    share = OWN_EFFECT_SHARE if pooled and len(z) > 1 else 1.0
    own_size = np.where(moving, size, size * share)
    mean = np.zeros(x.shape[1])
    if pooled and len(z) > 1:
        count = known / (_rough_noise(z, known)[:, None] + 0.01)
        total = count.sum(axis=0)
        average = (count * np.clip(z, 0.0, 3.0)).sum(axis=0) / np.where(total > 0, total, 1.0)
        seen = weight * (total > 0)
        mean = _solve(average[None, :], seen, x * size, _noise_of(average[None, :], seen, x, size))[0] * size
    scaled = x * own_size
    values, vectors = np.linalg.eigh((scaled * weight[:, None]).T @ scaled)
    values = np.maximum(values, 0.0)
    own, rounds = np.zeros((len(z), x.shape[1])), 2 if known.all() else 4
    for first in range(0, len(z), ROWS_AT_ONCE):
        rows = slice(first, first + ROWS_AT_ONCE)
        own[rows] = _own_effects(z[rows], known[rows], weight, x, mean, own_size, values, vectors, rounds)
    coefficients = np.where(moving, 0.0, mean + own)
    effects: Floats = coefficients @ whole.T
    return effects


def _own_effects(
    z: Floats,
    known: Bools,
    weight: Floats,
    x: Floats,
    mean: Floats,
    size: Floats,
    values: Floats,
    vectors: Floats,
    rounds: int,
) -> Floats:
    """Return what each row has apart from the effects of the panel, given the eigenvectors of the weighted square."""
    middle = x @ mean
    back = (x * size * weight[:, None]) @ vectors
    # what was filled in or cut is little, so only that is multiplied again
    told = (np.where(known, z, middle) - middle) @ back
    inner, deviation = told, np.zeros((len(z), x.shape[1]))
    noise: Floats = np.full(len(z), 0.01)
    total_weight = known @ weight
    for left in range(rounds, 0, -1):
        deviation = (inner / (values + noise[:, None])) @ vectors.T * size
        if left == 1:
            break
        fitted = (mean + deviation) @ x.T
        error = np.where(known, z - fitted, 0.0)
        free = np.maximum(total_weight - (values / (values + noise[:, None])).sum(axis=1), 0.2 * total_weight)
        spare = np.where(total_weight > 0, free, 1.0)
        limit = 4.0 * np.sqrt((error**2 @ weight) / spare)[:, None]
        # a value far off teaches no more than one that is just far
        cut = np.clip(error, -limit, limit)
        noise = np.maximum((cut**2 @ weight) / spare, 1e-8)
        change = np.where(known, cut - error, fitted - middle)
        days = change.any(axis=0)
        inner = told + change[:, days] @ back[days]
    return deviation


def _rough_noise(z: Floats, known: Bools) -> Floats:
    """Return the variance of each row around its mean."""
    count = np.maximum(known.sum(axis=1), 1)
    mean = np.where(known, z, 0.0).sum(axis=1) / count
    spread: Floats = np.where(known, (z - mean[:, None]) ** 2, 0.0).sum(axis=1) / count
    return spread


def _noise_of(z: Floats, weight: Floats, x: Floats, size: Floats) -> float:
    noise = 0.01
    for _ in range(3):
        fitted = (_solve(z, weight, x * size, noise) * size) @ x.T
        noise = max(float(((z - fitted) ** 2 * weight).sum() / max(weight.sum() * 0.8, 1e-9)), 1e-8)
    return noise


def _solve(z: Floats, weight: Floats, scaled: Floats, noise: float) -> Floats:
    gram: Floats = (scaled * weight[:, None]).T @ scaled
    solved = np.linalg.solve(gram + noise * np.eye(len(gram)), ((z * weight) @ scaled).T).T
    return np.asarray(solved, dtype=np.float64)


def _level(rest: Floats, trust: Floats, ahead: int) -> tuple[Floats, Floats, Floats, Floats]:
    """Follow each row in every way, and weigh the ways by the squared errors they made a day and a horizon ahead."""
    front = max(0, rest.shape[1] - LEVEL_DAYS)
    value = np.where(trust > 0, np.nan_to_num(rest), 0.0)
    total = trust.sum(axis=1)
    mean = np.where(total > 0, (trust * value).sum(axis=1) / np.where(total > 0, total, 1.0), 1.0)
    value, trust = value[:, front:], trust[:, front:]
    # one far-off day must not lead the level astray
    scale = MAX_DAY_DEVIATIONS * np.sqrt(
        (trust * (value - mean[:, None]) ** 2).sum(axis=1) / np.maximum(trust.sum(axis=1), 1e-9)
    )
    value = np.clip(value, (mean - scale)[:, None], (mean + scale)[:, None])
    value = calm_small_days(value, trust)
    # time comes first: a step of all ways and rows at once is several times faster than a filter of each row
    value, trust = np.ascontiguousarray(value.T), np.ascontiguousarray(trust.T)
    days = len(value)
    leads = sorted({1, max(1, ahead)})
    warm = min(21, days // 3)
    alike = value.shape[1] > 1 and bool((trust == trust[:, :1]).all())
    heard = trust[:, :1] if alike else trust
    paths = _discounted(trust * value, mean) / _discounted(heard, np.ones(heard.shape[1]))
    slopes = np.zeros((len(SMOOTHING_PARAMETERS), value.shape[1]))
    loss, far = np.zeros((2, len(SMOOTHING_PARAMETERS), value.shape[1]))
    marks = [trust[warm + lead :] for lead in leads]
    for number, (_, of_slope) in enumerate(SMOOTHING_PARAMETERS):
        path, slope = paths[number], np.zeros((days, 1))
        if of_slope:
            slope = _slopes(path, of_slope)
            slopes[number] = slope[-1]
        for lead, mark in zip(leads, marks, strict=True):
            if len(mark):
                gap = value[warm + lead :] - path[warm:-lead]
                if of_slope:
                    gap -= slope[warm:-lead] * _damped_trend_sum(lead)
                np.square(gap, out=gap)
                far[number] = mark[:, 0] @ gap if alike else np.einsum("dm,dm->m", gap, mark)
                loss[number] += far[number]
    count = np.sum([mark.sum(axis=0) for mark in marks], axis=0)
    weight = _weights(loss, np.maximum(count, 1e-9))
    path = np.ascontiguousarray(np.einsum("km,kdm->dm", weight, paths).T)
    drift = (weight * slopes).sum(axis=0)[:, None] * np.array([_damped_trend_sum(lead) for lead in range(1, ahead + 1)])
    before = np.broadcast_to(mean[:, None], (len(path), front))
    counted = np.maximum(marks[-1].sum(axis=0), 1e-9)
    return (
        path[:, -1:] + drift,
        np.concatenate([before, path], axis=1),
        far.min(axis=0) / counted,
        far[SLOW_SMOOTHING_INDEX] / counted,
    )


def calm_small_days(value: Floats, trust: Floats) -> Floats:
    """Bring days that hold little of the week near the week before them: what moves on is seen on the busy days."""
    small = (trust > 0) & (trust < SMALL_DAY_EVIDENCE)
    if not small.any():
        return value
    calm = value.copy()
    for first in range(0, len(value), ROWS_AT_ONCE):
        rows = slice(first, first + ROWS_AT_ONCE)
        near, limit = _week_before(value[rows], trust[rows])
        calm[rows] = np.where(small[rows], near + hold_far(value[rows] - near, limit), value[rows])
    return calm


def hold_far(gap: Floats, limit: Floats) -> Floats:
    """Cut gaps beyond a limit, the further the more (Hampel 1974): what is far out is a fault more often than a move.

    >>> hold_far(np.array([0.5, -1.0, 2.0, 10.0]), np.array([1.0])).tolist()
    [0.5, -1.0, 0.5, 0.1]
    """
    far = np.abs(gap) > limit
    held: Floats = np.where(far, limit**2 / np.where(far, gap, 1.0), gap)
    return held


def _week_before(value: Floats, trust: Floats) -> tuple[Floats, Floats]:
    """Return the mean of the week before each day, and how far a day may be from it."""
    heard, total = (np.cumsum(np.pad(x, ((0, 0), (8, 0))), axis=1) for x in (trust, trust * value))
    count = heard[:, 7:-1] - heard[:, :-8]
    near = np.where(count > 1, (total[:, 7:-1] - total[:, :-8]) / np.where(count > 1, count, 1.0), value)
    gap = np.where(count > 1, value - near, 0.0)
    size = np.sqrt((trust * gap**2).sum(axis=1) / np.maximum(trust.sum(axis=1), 1e-9))
    # the odd days themselves must not widen what counts as usual
    middle = 1.4826 * find_medians(np.where(trust > 0, np.abs(gap), np.nan))
    return near, MAX_DAY_DEVIATIONS * np.where(middle > 0, np.minimum(size, middle), size)[:, None]


def calm_volumes(came: Floats, usual: Floats) -> Floats:
    """Bring volumes of small days near the week before them, N x D, given what would have been usual (0 is unknown).

    >>> usual = np.tile([10.0, 10.0, 10.0, 10.0, 10.0, 3.0, 2.0], 20)[None, :]
    >>> odd = usual.copy()
    >>> odd[0, -1] = 9.0
    >>> calm_volumes(odd, usual)[0, -2:].round(1).tolist()
    [3.0, 2.1]
    """
    number = np.maximum((usual > 0).sum(axis=1, keepdims=True), 1)
    evidence = usual / np.maximum(usual.sum(axis=1, keepdims=True) / number, 1e-300)
    ratio = np.where(usual > 0, came / np.where(usual > 0, usual, 1.0), 0.0)
    return np.where(usual > 0, calm_small_days(ratio, evidence) * usual, came)


def _discounted(values: Floats, first: Floats) -> Floats:
    """Add up D x M values, discounted in every way, from a value before the first: ways x D x M."""
    discount = np.array([way[0] for way in SMOOTHING_PARAMETERS])[:, None]
    out = np.empty((len(SMOOTHING_PARAMETERS), *values.shape))
    total = np.repeat(first[None, :], len(SMOOTHING_PARAMETERS), axis=0)
    for day, now in enumerate(values):
        total *= discount
        total += now
        out[:, day] = total
    return out


def _slopes(path: Floats, discount: float) -> Floats:
    """Return the discounted mean of the steps of a D x M path, as it stood after each day."""
    steps = np.diff(path, axis=0, prepend=path[:1])
    steps *= 1.0 - discount
    for day in range(1, len(steps)):
        steps[day] += discount * steps[day - 1]
    return steps


def _mean_square_move(effects: Floats, ahead: int) -> Floats:
    """Return how far, squared, effects of the days of a horizon are from those of the eight weeks before."""
    total = np.cumsum(np.pad(effects[:, -LEVEL_DAYS:], ((0, 0), (1, 0))), axis=1)
    if total.shape[1] <= SLOW_WINDOW_DAYS + ahead:
        return np.zeros(len(effects))
    before = (total[:, SLOW_WINDOW_DAYS:-ahead] - total[:, : -SLOW_WINDOW_DAYS - ahead]) / SLOW_WINDOW_DAYS
    after = (total[:, SLOW_WINDOW_DAYS + ahead :] - total[:, SLOW_WINDOW_DAYS:-ahead]) / ahead
    moved: Floats = ((after - before) ** 2).mean(axis=1)
    return moved


def _damped_trend_sum(lead: int) -> float:
    """Return how many days' worth of slope have come up after some days."""
    return TREND_DAMPING * (1.0 - TREND_DAMPING**lead) / (1.0 - TREND_DAMPING)


def _weights(loss: Floats, count: Floats) -> Floats:
    """Weigh discounts by their past errors, each row's together with some of the panel's."""
    own = loss / count
    least = np.maximum(own.min(axis=0), 1e-12)
    relative = own / least
    heard = count > 3.5
    common = relative[:, heard].mean(axis=1, keepdims=True) if heard.any() else np.ones((len(loss), 1))
    mixed = (count * relative + PANEL_PRIOR_DAYS * common) / (count + PANEL_PRIOR_DAYS)
    least = np.maximum(mixed.min(axis=0), 1e-12)
    gain = np.exp(-np.sqrt(np.maximum(count, 1.0)) * 5.0 * (mixed / least - 1.0))
    weights: Floats = gain / gain.sum(axis=0)
    return weights


def _surprise(rest: Floats, path: Floats, trust: Floats, evidence: Floats) -> tuple[Floats, Floats]:
    """Return the last day's distance from the level, and how much of such a distance goes on the days after."""
    rest, path, trust = rest[:, -CARRY_DAYS:], path[:, -CARRY_DAYS:], trust[:, -CARRY_DAYS:]
    gap = np.where((trust > 0.5) & ~np.isnan(rest), rest - path, 0.0)
    spread = np.sqrt((gap**2).sum(axis=1, keepdims=True) / max(gap.shape[1], 1))
    # a day that holds little of the week says little of the days after it, and less where it lies far out
    small = (evidence[:, -CARRY_DAYS:] < SMALL_DAY_EVIDENCE) & (evidence[:, -CARRY_DAYS:] > 0)
    usual = np.where(small, 0.0, gap)
    narrow = np.sqrt((usual**2).sum(axis=1, keepdims=True) / np.maximum((~small).sum(axis=1, keepdims=True), 1))
    held = np.where(small, hold_far(gap, 3 * narrow), np.clip(gap, -3 * spread, 3 * spread))
    gap = held * np.minimum(evidence[:, -CARRY_DAYS:], 1.0)
    carry = np.zeros((len(rest), MAX_CARRY_LEAD_DAYS))
    for lead in range(1, MAX_CARRY_LEAD_DAYS + 1):
        if rest.shape[1] <= lead + 10:
            continue
        later = np.where(gap[:, lead:] != 0, np.clip(rest[:, lead:] - path[:, :-lead], -4 * spread, 4 * spread), 0.0)
        later = np.nan_to_num(later)
        now = np.where(later != 0, gap[:, :-lead], 0.0)
        square = (now**2).sum(axis=1)
        prior = CARRY_PRIOR_DAYS * square / np.maximum((now != 0).sum(axis=1), 1)
        together = (now * later).sum(axis=1)
        carry[:, lead - 1] = np.clip(together / np.where(square > 0, square + prior, 1.0), 0.0, 0.9)
    last: Floats = gap[:, -1] if gap.shape[1] else np.zeros(len(gap))
    return last, carry
