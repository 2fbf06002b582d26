"""Exponential smoothing of day volumes over their usual week: a level, a damped slope, and Theta."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.signal import lfilter

from ...features.arrays import Floats
from .daily_level import calm_volumes
from .day_panel import build_day_panel
from .day_shapes import fit_day_shapes

if TYPE_CHECKING:
    from .scene import Scene


#: Weights of a unit (a day, or a longer slot) against the next one, in the level.
DISCOUNTS = (0.97, 0.92, 0.82, 0.6)

#: The same of the slope, and how much of a slope is left a unit later.
SLOPE_DISCOUNT, SLOPE_DAMPING = 0.9, 0.95

#: Usual units that stand before the first one, at the mean of the series.
PRIOR_UNITS = 2.0

#: Units of the history that are followed, and those at its start whose errors do not count.
LOOKBACK_UNITS, WARM_UNITS = 182, 21

#: A unit counts at most this many times its usual volume, so that one wild value does not lead the level.
MAX_UNIT_RATIO = 3.0

#: Arrivals of a unit that count in full, however many times the usual they are.
FULL_ARRIVALS = 4.0

#: How sharply discounts are told apart by their past errors.
SHARPNESS = 20.0

#: Share of the straight line's slope in Theta.
THETA_SHARE = 0.5


def exponential_level(scene: Scene) -> Floats:
    """Forecast the usual week times a level that is followed by simple exponential smoothing (Brown 1959)."""
    return _forecast(scene, "level")


def exponential_damped(scene: Scene) -> Floats:
    """Forecast the usual week times a level with a damped slope (Gardner and McKenzie 1985)."""
    return _forecast(scene, "damped")


def theta(scene: Scene) -> Floats:
    """Forecast the usual week times the mean of a smoothed level and a straight line (Assimakopoulos 2000)."""
    return _forecast(scene, "theta")


def _forecast(scene: Scene, way: str) -> Floats:
    alive = np.flatnonzero(~np.isnan(scene.profile.level))
    forecast = np.full((len(scene.profile.level), scene.horizon), np.nan)
    if not len(alive):
        return forecast
    panel = build_day_panel(scene, alive)
    shape = fit_day_shapes(panel, scene.profile.unit[alive])
    whole = panel.days if panel.started == shape.slots else panel.days - 1
    front = max(0, whole - LOOKBACK_UNITS)
    past, ahead = slice(front, whole), panel.lead // shape.slots
    usual = shape.base[:, panel.weekday]
    heard = np.where(panel.ordinary[past], shape.known[:, past], 0.0) * usual[:, past]
    # where next to nothing comes, a few arrivals are many times the usual: cut at that, the mean would lie far too low
    unit = scene.profile.unit[alive]
    most = np.maximum(MAX_UNIT_RATIO * usual[:, past], FULL_ARRIVALS * np.where(np.isfinite(unit), unit, 0.0)[:, None])
    came = np.minimum(shape.level[:, past], most)
    came *= np.where(panel.ordinary[past], shape.known[:, past], 0.0)
    came = calm_volumes(came, heard)
    levels = smooth_ratio(came, heard, len(panel.weekday) - whole, way)
    day = whole + ahead
    share = shape.profile[:, panel.weekday[day], panel.lead % shape.slots]
    forecast[alive] = levels[:, ahead] * usual[:, day] * share * scene.factors
    return forecast


def smooth_ratio(came: Floats, heard: Floats, ahead: int, way: str) -> Floats:
    """Forecast what comes over what is usual, N x A, from discounted sums of both.

    Each discount is weighed, by series, by the squared errors that it made one unit and a horizon ahead.

    Parameters
    ----------
    came, heard
        N x D; volumes, and what would have been usual of what is known of each unit (0 where nothing is).
    ahead
        Units to forecast.
    way
        ``level``, ``damped`` or ``theta``.

    Examples
    --------
    >>> came = np.where(np.arange(80) < 40, 10.0, 20.0)[None, :]
    >>> smooth_ratio(came, np.full((1, 80), 10.0), 2, "level").round(2)
    array([[2., 2.]])
    """
    total, usual = came.sum(axis=1), heard.sum(axis=1)
    mean = np.where(usual > 0, total / np.where(usual > 0, usual, 1.0), 1.0)
    prior = PRIOR_UNITS * usual / np.maximum((heard > 0).sum(axis=1), 1)
    drift = THETA_SHARE * _line(came, heard) if way == "theta" else np.zeros(len(came))
    leads: Floats = np.arange(1, ahead + 1, dtype=np.float64)
    damped: Floats = SLOPE_DAMPING * (1 - SLOPE_DAMPING**leads) / (1 - SLOPE_DAMPING)
    ends, losses = [], []
    for discount in DISCOUNTS:
        path, slope = _follow(came, heard, mean, prior, discount, way == "damped")
        step = damped if way == "damped" else leads
        growth = slope if way == "damped" else np.repeat(drift[:, None], path.shape[1], axis=1)
        losses.append(_loss(came, heard, path, growth, step))
        ends.append(path[:, -1:] + growth[:, -1:] * step)
    loss = np.array(losses)
    least = np.maximum(loss.min(axis=0), 1e-12)
    gain = np.exp(-SHARPNESS * (loss / least - 1.0))
    found: Floats = np.maximum(np.einsum("kn,kna->na", gain / gain.sum(axis=0), np.array(ends)), 0.0)
    return found


def _follow(
    came: Floats, heard: Floats, mean: Floats, prior: Floats, discount: float, sloped: bool
) -> tuple[Floats, Floats]:
    """Return level and slope as they stood after each unit, N x D each."""
    if not sloped:
        fading = prior[:, None] * discount ** np.arange(1.0, came.shape[1] + 1.0)
        top, bottom = (lfilter([1.0], [1.0, -discount], each, axis=1) for each in (came, heard))
        level = (top + mean[:, None] * fading) / np.maximum(bottom + fading, 1e-300)
        return np.where(bottom + fading > 0, level, mean[:, None]), np.zeros((len(came), 1))
    path, slope = np.empty_like(came), np.zeros_like(came)
    top, bottom, drift = prior * mean, prior.copy(), np.zeros(len(came))
    level = mean
    for unit in range(came.shape[1]):
        before = level
        # the slope moves what is remembered on, so that only what it did not say is news
        moved = bottom * SLOPE_DAMPING * drift
        top, bottom = discount * (top + moved) + came[:, unit], discount * bottom + heard[:, unit]
        level = np.where(bottom > 0, top / np.where(bottom > 0, bottom, 1.0), before)
        drift = SLOPE_DISCOUNT * SLOPE_DAMPING * drift + (1 - SLOPE_DISCOUNT) * (level - before)
        slope[:, unit] = drift
        path[:, unit] = level
    return path, slope


def _line(came: Floats, heard: Floats) -> Floats:
    """Return the slope of the straight line through the ratios, weighed by what is usual, N."""
    total = np.maximum(heard.sum(axis=1, keepdims=True), 1e-12)
    place = np.arange(came.shape[1], dtype=float)
    middle = (heard * place).sum(axis=1, keepdims=True) / total
    mean = came.sum(axis=1, keepdims=True) / total
    square = (heard * (place - middle) ** 2).sum(axis=1)
    together = ((place - middle) * (came - mean * heard)).sum(axis=1)
    slope: Floats = np.where(square > 0, together / np.where(square > 0, square, 1.0), 0.0)
    return slope


def _loss(came: Floats, heard: Floats, path: Floats, growth: Floats, step: Floats) -> Floats:
    """Return the squared errors of each series, one unit and a horizon ahead."""
    loss, length = np.zeros(len(came)), came.shape[1]
    for lead in sorted({1, len(step)}):
        warm = min(WARM_UNITS, (length - lead) // 3)
        if warm < 1:
            continue
        said = np.maximum(path[:, warm:-lead] + growth[:, warm:-lead] * step[lead - 1], 0.0)
        loss += ((came[:, warm + lead :] - said * heard[:, warm + lead :]) ** 2).sum(axis=1)
    return loss
