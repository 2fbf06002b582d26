"""Levels that move within the day: a season of a day or of a week, and a level that follows the last hours."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.signal import lfilter

from ...features.arrays import Bools, Floats
from .daily_level import calm_volumes

if TYPE_CHECKING:
    from .scene import Scene


#: Weeks that are looked back on, where slots are shorter than a day and where they are days.
INTRADAY_LOOKBACK_WEEKS, DAILY_LOOKBACK_WEEKS = 8, 13

#: Spans in days over which a level is averaged; the shortest is a slot.
LEVEL_SPANS_DAYS = (0.0, 0.125, 0.5, 1.5, 3.0, 7.0, 28.0)

#: Weight of a cycle of the season against the next one, for a day and for a week.
DAY_SEASON_DISCOUNT, WEEK_SEASON_DISCOUNT = 0.85, 0.8

#: How sharply spans are told apart by their past errors.
SMOOTHING_SHARPNESS = 20.0


def day_season(scene: Scene) -> Floats:
    """Forecast by a pattern of the day that moves slowly, and a level that follows the last hours.

    Suits what is measured rather than counted (a temperature, a load, a backlog): its level wanders by the hour and
    days of the week are alike. See :func:`seasonal_level`.
    """
    return _forecast(scene, scene.grid.frequency.per_day, DAY_SEASON_DISCOUNT)


def week_season(scene: Scene) -> Floats:
    """Forecast by a pattern of the week that moves slowly, and a level that follows the last hours."""
    return _forecast(scene, scene.grid.frequency.season, WEEK_SEASON_DISCOUNT)


def _forecast(scene: Scene, period: int, discount: float) -> Floats:
    grid, origin = scene.grid, scene.origin
    weeks = INTRADAY_LOOKBACK_WEEKS if grid.frequency.per_day > 1 else DAILY_LOOKBACK_WEEKS
    start = max(0, origin - weeks * grid.frequency.season)
    root, known = _roots(scene, start)
    found = seasonal_level(root, known, period, scene.horizon, discount, grid.frequency.slots_per_day)
    forecast: Floats = np.maximum(found, 0.0) ** 2 * scene.factors
    return np.where(known.any(axis=1, keepdims=True), forecast, np.nan)


def _roots(scene: Scene, start: int) -> tuple[Floats, Bools]:
    """Return the roots of the values from a slot to the origin, and which of them may be learnt from."""
    y = scene.grid.y[:, start : scene.origin]
    credible: Bools = np.less_equal(np.nan_to_num(y), scene.profile.limit[:, None])
    known: Bools = scene.grid.known(scene.origin, start) & credible & scene.special.ordinary[None, start : scene.origin]
    value = np.where(known, np.nan_to_num(y), 0.0)
    if scene.grid.frequency.per_day == 1:
        usual = scene.profile.mean[:, (np.arange(start, scene.origin) - scene.origin) % scene.grid.frequency.season]
        value = calm_volumes(value, np.where(known, np.nan_to_num(usual), 0.0))
    return np.sqrt(value), known


def seasonal_level(value: Floats, known: Bools, period: int, horizon: int, discount: float, per_day: int) -> Floats:
    """Forecast a season around a moving average, and a level by discounted means of several spans.

    The season is the discounted average of what each place of the cycle had above the centred moving average of one
    cycle (classical decomposition). What is left is followed by discounted means (Brown 1959); each lead time weighs
    the spans by the errors that they made at that lead in the past, so that the next hour follows the last one and
    the day after follows the day.

    Parameters
    ----------
    value, known
        N x T values, and which of them may be used.
    period
        Slots of a cycle.
    horizon
        H; slots ahead.
    discount
        Weight of a cycle against the next one in the season.
    per_day
        Slots of a day.

    Returns
    -------
    N x H forecasts.

    Examples
    --------
    >>> y = np.tile([1.0, 2.0, 6.0], 8)[None, :]
    >>> seasonal_level(y, np.ones(y.shape, dtype=bool), 3, 4, 0.9, 3).round(6)
    array([[1., 2., 6., 1.]])
    """
    season = _season(value, known, period, discount)
    length = value.shape[1]
    place = (np.arange(length + horizon) - length) % period
    rest = np.where(known, value - season[:, place[:length]], 0.0)
    return _levels_ahead(rest, known.astype(float), horizon, per_day) + season[:, place[length:]]


def _season(value: Floats, known: Bools, period: int, discount: float) -> Floats:
    """Return what each place of the cycle has above the moving average, N x P, the first place after the end first."""
    n, length = value.shape
    middle = _moving_average(value, known, period)
    cycles = -(-length // period)
    pad = cycles * period - length
    gap = np.pad(np.where(known, value - middle, 0.0), ((0, 0), (pad, 0))).reshape(n, cycles, period)
    there = np.pad(known & ~np.isnan(middle), ((0, 0), (pad, 0))).reshape(n, cycles, period)
    weight = there * (discount ** np.arange(cycles - 1.0, -1.0, -1.0))[None, :, None]
    total = weight.sum(axis=1)
    season = (weight * np.where(there, gap, 0.0)).sum(axis=1) / np.where(total > 0, total, 1.0)
    heard = total > 0
    mean = season.sum(axis=1, keepdims=True) / np.maximum(heard.sum(axis=1, keepdims=True), 1)
    found: Floats = np.where(heard, season - mean, 0.0)
    return found


def _moving_average(value: Floats, known: Bools, period: int) -> Floats:
    """Return the centred average over one cycle, of fewer slots at the ends; missing ones are left out."""
    length, half = value.shape[1], period // 2
    zero = np.zeros((len(value), 1))
    total = np.hstack([zero, np.cumsum(np.where(known, value, 0.0), axis=1)])
    count = np.hstack([zero, np.cumsum(known, axis=1)])
    # at the ends the nearest whole cycle, so that no place of it is heard more than another
    low = np.clip(np.arange(length) - half, 0, max(length - period, 0))
    high = np.minimum(low + period, length)
    number = count[:, high] - count[:, low]
    average: Floats = (total[:, high] - total[:, low]) / np.where(number > 0, number, np.nan)
    return average


def _levels_ahead(rest: Floats, known: Floats, horizon: int, per_day: int) -> Floats:
    """Forecast the level at each lead as a mean over spans, weighed by their past errors at that lead."""
    length = rest.shape[1]
    some = (1, 2, 4, per_day // 4, per_day // 2, per_day, 2 * per_day) if per_day > 1 else (1, 4)
    leads = sorted({min(lead, horizon) for lead in (*some, horizon)})
    leads = [lead for lead in leads if 0 < lead < length // 2] or [1]
    total = known.sum(axis=1, keepdims=True)
    mean = (rest * known).sum(axis=1, keepdims=True) / np.where(total > 0, total, 1.0)
    alike = bool((known == known[:1]).all())
    warm = length // 3
    spans = sorted({max(span * per_day, 1.0) for span in LEVEL_SPANS_DAYS})
    last, loss = np.empty((len(spans), len(rest))), np.empty((len(spans), len(leads), len(rest)))
    for number, span in enumerate(spans):
        keep = 1.0 - 1.0 / span
        fading = keep ** np.arange(1.0, length + 1.0)
        if keep > 0:
            path = lfilter([1.0], [1.0, -keep], rest * known, axis=1) + mean * fading
            path /= lfilter([1.0], [1.0, -keep], known[:1] if alike else known, axis=1) + fading
        else:
            path = _latest(rest, known > 0, mean)
        last[number] = path[:, -1]
        for which, lead in enumerate(leads):
            gap = np.abs(rest[:, warm + lead :] - path[:, warm:-lead]) * known[:, warm + lead :]
            loss[number, which] = gap.sum(axis=1)
    least = np.maximum(loss.min(axis=0), 1e-12)
    gain = np.exp(-SMOOTHING_SHARPNESS * (loss / least - 1.0))
    level = ((gain / gain.sum(axis=0)) * last[:, None, :]).sum(axis=0)
    return _between(level, leads, horizon)


def _latest(rest: Floats, known: Bools, mean: Floats) -> Floats:
    """Return the latest known value at each slot."""
    place = np.maximum.accumulate(np.where(known, np.arange(rest.shape[1]), -1), axis=1)
    found = np.take_along_axis(rest, np.maximum(place, 0), axis=1)
    return np.where(place >= 0, found, mean)


def _between(level: Floats, leads: list[int], horizon: int) -> Floats:
    """Interpolate the levels of a few leads to all of them."""
    ahead = np.arange(1, horizon + 1)
    place = np.clip(np.searchsorted(leads, ahead, side="left"), 1, max(len(leads) - 1, 1))
    if len(leads) == 1:
        return np.repeat(level[0][:, None], horizon, axis=1)
    low, high = np.array(leads)[place - 1], np.array(leads)[place]
    share = np.clip((ahead - low) / (high - low), 0.0, 1.0)
    found: Floats = (level[place - 1] * (1 - share)[:, None] + level[place] * share[:, None]).T
    return found


#: Ways to follow a slot from cycle to cycle: weight of a cycle against the next in the level, and in the slope.
SMOOTHING_PARAMETERS = (
    (0.9, 0.0),
    (0.7, 0.0),
    (0.4, 0.0),
    (0.0, 0.0),
    (0.0, 0.6),
    (0.0, 0.85),
    (0.4, 0.85),
    (0.7, 0.9),
)

#: How much of a slope is left a cycle later.
TREND_DAMPING = 0.95


def per_slot_smoothing(scene: Scene) -> Floats:
    """Forecast each slot of the day from the same slot of the days before, with a slope: a shape that drifts.

    Every slot is followed by damped exponential smoothing (Gardner and McKenzie 1985) in several ways, weighed by the
    errors that they made for the series at the days of the horizon.
    """
    grid, origin = scene.grid, scene.origin
    period = grid.frequency.per_day
    cycles = min(INTRADAY_LOOKBACK_WEEKS * 7, origin // period)
    ahead = -(-scene.horizon // period)
    start = origin - cycles * period
    if not cycles:  # not one whole day is known
        return np.full((len(grid.ids), scene.horizon), np.nan)
    root, known = _roots(scene, start)
    shape = (len(root), cycles, period)
    value, told = root.reshape(shape), known.reshape(shape).astype(float)
    total = told.sum(axis=1)
    mean = (value * told).sum(axis=1) / np.where(total > 0, total, 1.0)
    value = np.where(told > 0, value, 0.0)
    leads = sorted({1, ahead})
    ends, loss = [], []
    for discount, of_slope in SMOOTHING_PARAMETERS:
        path, slope = _smooth_with_trend(value, told, mean, discount, of_slope)
        ends.append((path[:, -1], slope[:, -1]))
        warm, wrong = cycles // 3, np.zeros(len(root))
        for lead in leads:
            made = path[:, warm:-lead] + slope[:, warm:-lead] * _damped_trend_sum(lead)
            wrong += (np.abs(value[:, warm + lead :] - made) * told[:, warm + lead :]).sum(axis=(1, 2))
        loss.append(wrong)
    losses = np.array(loss)
    gain = np.exp(-SMOOTHING_SHARPNESS * (losses / np.maximum(losses.min(axis=0), 1e-12) - 1.0))
    gain /= gain.sum(axis=0)
    found = np.zeros((len(root), ahead, period))
    for weight, (level, slope) in zip(gain, ends, strict=True):
        for day in range(ahead):
            found[:, day] += weight[:, None] * (level + slope * _damped_trend_sum(day + 1))
    forecast: Floats = np.maximum(found.reshape(len(root), -1)[:, : scene.horizon], 0.0) ** 2 * scene.factors
    return np.where(known.any(axis=1, keepdims=True), forecast, np.nan)


def _smooth_with_trend(
    value: Floats, told: Floats, mean: Floats, discount: float, of_slope: float
) -> tuple[Floats, Floats]:
    path, slope = np.empty_like(value), np.zeros_like(value)
    level, drift, weight = mean.copy(), np.zeros_like(mean), np.ones_like(mean)
    for day in range(value.shape[1]):
        before = level
        level, weight = level + TREND_DAMPING * drift * (of_slope > 0), discount * weight
        now = told[:, day]
        weight = weight + now
        level = np.where(now > 0, level + (value[:, day] - level) / np.maximum(weight, 1.0), level)
        if of_slope:
            drift = np.where(now > 0, of_slope * TREND_DAMPING * drift + (1 - of_slope) * (level - before), drift)
        path[:, day], slope[:, day] = level, drift
    return path, slope


def _damped_trend_sum(lead: int) -> float:
    return TREND_DAMPING * (1.0 - TREND_DAMPING**lead) / (1.0 - TREND_DAMPING)
