"""The core: an intraday profile times a daily level on calendar effects, and low-rank factors of days by slots."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from ...features.arrays import Bools, Floats, Ints
from .daily_level import MAX_CARRY_LEAD_DAYS, SLOW_WINDOW_DAYS, Fit, fit_panel
from .day_panel import DayPanel, build_day_panel
from .day_shapes import DayShapes, fit_day_shapes
from .factors import forecast_by_factors, forecast_rest_of_day
from .level_shifts import SIDE_UNITS, LevelShift, detect_level_shifts
from .regressor_effects import RegressorEffects, fit_regressors

if TYPE_CHECKING:
    from .scene import Scene


#: Days after which a day counts half in the regression on the calendar.
EFFECT_HALF_LIFE_DAYS = 730.0

#: A day's ratio to the usual above which it is cut.
MAX_DAY_RATIO = 16.0

#: Arrivals of a day that count in full in the mean of a sparse series, however many times the usual they are.
FULL_DAY_ARRIVALS = 4.0

#: Arrivals a slot from which the factors of days by slots say as much as the profile.
FACTOR_ARRIVALS = 2.0

#: The factors may differ at most so many times from the profile in a slot.
MAX_FACTOR_RATIO = 3.0

#: Day of the year from which days are as usual again, and the one from which they are not.
TURN_OF_YEAR = (6, 352)

#: Days after which a day counts half in the mean by which sparse series go, and the same of longer slots.
MEAN_HALF_LIFE_DAYS, MEAN_HALF_LIFE_SLOTS = 60.0, 26.0

#: Change of the mean volume below which a change of level is not spoken of.
MIN_REPORTED_CHANGE = 0.1

#: Share of the variance of roots that is added to their square, and days after which an error counts half in it. The
#: whole of it would give the mean, none of it about the middle; the quantiles that are scored lie between.
SPREAD_SHARE, ROOT_VARIANCE_HALF_LIFE_DAYS = 0.6, 180.0

#: Arrivals a day at which half of what is missing to the mean is added, whatever loses least, and the same where slots
#: are shorter than a day.
MEAN_ARRIVALS, INTRADAY_MEAN_ARRIVALS = 5.0, 20.0

#: Days of history after which the usual week counts as much as the core, and its share however long the history is.
USUAL_WEEK_DAYS, MIN_USUAL_WEEK_SHARE = 60.0, 0.15

#: The share of the mean of the last eight weeks in slots of a week.
WEEKLY_MEAN_SHARE = 0.35


def decomposition(scene: Scene) -> Floats:
    """Forecast by daily level times intraday profile, and by factors of days by slots: the mean of both.

    The volume of a day relative to what is usual on its weekday, on a square-root scale, is a level plus effects of
    the calendar (see :func:`deskcast.forecasting.methods.calendar_effects.build_day_design`); it is spread over the day
    by the profile of the weekday. For slots shorter than a day, the days by slots on square roots are also written as a
    few factors, whose scores are forecast by the same regressors (Shen and Huang 2008), and the two are averaged. Of
    slots of a day, the mean of the same weekday over the last weeks takes a share that falls with the history: what a
    young series has taught of the calendar is little, and patterns of years ago may have ended. A level that moves on
    takes that share back, see :class:`deskcast.forecasting.methods.daily_level.Fit`.
    """
    alive = np.flatnonzero(~np.isnan(scene.profile.level))
    forecast = np.full((len(scene.profile.level), scene.horizon), np.nan)
    if len(alive):
        panel = build_day_panel(scene, alive)
        made, steady, lifted = _alive(panel, scene.profile.unit[alive])
        # a series that never had most of a day known tells nothing of days
        rough = scene.profile.mean[alive][:, scene.places] * scene.factors
        forecast[alive] = np.where(np.isnan(made), rough, made)
        if scene.grid.frequency.per_day == 1:
            share = (1 - (1 - MIN_USUAL_WEEK_SHARE) * panel.days / (panel.days + USUAL_WEEK_DAYS)) * steady[:, None]
            usual = scene.profile.mean[alive][:, scene.places] * scene.factors * lifted
            forecast[alive] = (1 - share) * forecast[alive] + share * usual
        elif scene.grid.frequency.name == "W":
            share = WEEKLY_MEAN_SHARE * steady[:, None]
            usual = scene.profile.mean[alive][:, scene.places] * scene.factors
            forecast[alive] = (1 - share) * forecast[alive] + share * usual
    return forecast


def find_level_shifts(scene: Scene) -> list[tuple[str, np.datetime64, float]]:
    """Return sudden changes of level before an origin: series, day of the change, new over old mean volume."""
    alive = np.flatnonzero(~np.isnan(scene.profile.level))
    if not len(alive):
        return []
    panel = build_day_panel(scene, alive)
    shape = fit_day_shapes(panel, scene.profile.unit[alive])
    z, trust = compute_root_ratios(panel, shape)
    unit = 7 if shape.base.shape[1] > 1 else 1
    _, found = detect_level_shifts(z, trust * day_evidence(panel, shape), unit, plain_days(panel))
    told = [(s, compute_volume_ratio(z, trust, s, found, unit)) for s in found]
    return [
        (scene.grid.ids[alive[s.row]], panel.stamps[s.day], ratio)
        for s, ratio in told
        if (ratio - 1) * (s.ratio - 1) > 0 and abs(ratio - 1) > MIN_REPORTED_CHANGE
    ]


def find_regressor_effects(scene: Scene) -> RegressorEffects | None:
    """Return what the regressors of a panel do at an origin; ``None`` where there are none."""
    alive = np.flatnonzero(~np.isnan(scene.profile.level))
    if not len(alive) or scene.grid.regressors is None:
        return None
    panel = build_day_panel(scene, alive)
    shape = fit_day_shapes(panel, scene.profile.unit[alive])
    z, trust = compute_root_ratios(panel, shape)
    evidence = day_evidence(panel, shape)
    unit = 7 if shape.base.shape[1] > 1 else 1
    z = z * detect_level_shifts(z, trust * evidence, unit, plain_days(panel))[0]
    whole = panel.days if panel.started == shape.slots else panel.days - 1
    weight, ahead = effect_weights(panel, shape, trust), len(panel.weekday) - whole
    fit = fit_panel(z, weight, trust, evidence, panel.design, panel.design.size, True, ahead, whole)
    return None if panel.known is None else fit_regressors(fit.rest, trust * evidence, panel.known)


def compute_volume_ratio(z: Floats, trust: Floats, of: LevelShift, found: list[LevelShift], unit: int) -> float:
    """Return the mean volume up to eight weeks after a change over that before it, up to the next change."""
    others = [s.day for s in found if s.row == of.row]
    first = max([of.day - SIDE_UNITS * unit, 0, *(d for d in others if d < of.day)])
    last = min([of.day + SIDE_UNITS * unit, z.shape[1], *(d for d in others if d > of.day)])
    sure = np.where(np.isnan(z[of.row]), 0.0, trust[of.row])
    volume = sure * np.nan_to_num(z[of.row]) ** 2
    before, after = slice(first, of.day), slice(of.day, last)
    top, bottom = volume[after].sum() * sure[before].sum(), volume[before].sum() * sure[after].sum()
    return float(top / bottom) if bottom > 0 else float("nan")


def _alive(panel: DayPanel, unit: Floats) -> tuple[Floats, Floats, Floats]:
    """Forecast series that all have a value; say how steady they are, and by what their last weeks count, N x H.

    A series of which no day is known well enough has no forecast (NaN).
    """
    shape = fit_day_shapes(panel, unit)
    z, trust = compute_root_ratios(panel, shape)
    days = panel.days
    evidence = day_evidence(panel, shape)
    size = 7 if shape.base.shape[1] > 1 else 1
    moved, _ = detect_level_shifts(z, trust * evidence, size, plain_days(panel))
    z = z * moved
    weight = effect_weights(panel, shape, trust)
    whole = days if panel.started == shape.slots else days - 1
    ahead = np.arange(whole, len(panel.weekday))
    fit = fit_panel(z, weight, trust, evidence, panel.design, panel.design.size, True, len(ahead), whole)
    known = None if panel.known is None else fit_regressors(fit.rest, trust * evidence, panel.known)
    if known is not None and known.used.any():
        z = np.maximum(z - known.offset[:, :days], 0.0)
        fit = fit_panel(z, weight, trust, evidence, panel.design, panel.design.size, True, len(ahead), whole)
    root = forecast_roots(fit, whole, ahead)
    if known is not None:
        fit = replace(fit, effects=fit.effects + known.offset)
    now = forecast_roots(fit, whole, ahead)
    moves = np.where(root > 0, now / np.where(root > 0, root, 1.0), 1.0) ** 2
    if whole < days:
        now[:, 0] = forecast_rest_of_day(panel, shape, fit)
    usual = shape.base[:, panel.weekday[ahead]]
    mean, few = (part[:, None] for part in sparse_mean(panel, shape, z * uncut_share(panel, shape, unit), trust))
    share = mean_share(shape, unit)[:, None]
    spread = np.minimum(
        estimate_root_variance(panel, shape, fit, trust)[:, None], np.maximum(now**2, rarest_ratio(shape, unit))
    )
    rest = SPREAD_SHARE * np.minimum(spread, now**2) if shape.slots == 1 else 0.0
    now = np.sqrt(now**2 + share * spread + (1 - share) * rest)
    slots = (usual * ((1 - few) * now**2 + few * mean * moves))[:, :, None] * shape.profile[:, panel.weekday[ahead], :]
    if shape.slots > 1:
        other, fits = forecast_by_factors(panel, shape, z, moved, trust, weight, ahead, unit)
        other *= (np.where(root > 0, now / np.where(root > 0, root, 1.0), 1.0) ** 2)[:, :, None]
        other = np.clip(other, slots / MAX_FACTOR_RATIO, slots * MAX_FACTOR_RATIO)
        share = 0.5 * (fits * factor_share(panel, unit))[:, None, None]
        slots = (1 - share) * slots + share * other
    forecast: Floats = slots.reshape(len(slots), -1)[:, panel.lead]
    late = slice(max(0, days - SLOW_WINDOW_DAYS), days)
    held = np.where(trust[:, late] > 0, shape.level[:, late], 0.0)
    total = held.sum(axis=1)
    lifted = np.where(total > 0, (held * moved[:, late] ** 2).sum(axis=1) / np.where(total > 0, total, 1.0), 1.0)
    forecast[~(trust > 0).any(axis=1)] = np.nan
    return forecast, fit.steady, lifted[:, None] * moves[:, panel.lead // shape.slots]


def compute_root_ratios(panel: DayPanel, shape: DayShapes) -> tuple[Floats, Floats]:
    """Return the root of each day's ratio to the usual, N x D, and how much of the day is known."""
    usual = shape.base[:, panel.weekday[: panel.days]]
    told = (usual > 0) & (shape.known > 0.25)
    ratio = np.where(told, shape.level / np.where(usual > 0, usual, 1.0), np.nan)
    z = np.sqrt(np.minimum(ratio, MAX_DAY_RATIO))
    return z, np.where(told, shape.known, 0.0)


def plain_days(panel: DayPanel) -> Bools:
    """Return which past days may tell of a change of level: no special days, and none around the turn of the year."""
    days = panel.stamps[: panel.days].astype("datetime64[D]")
    after = (days - days.astype("datetime64[Y]").astype("datetime64[D]")).astype(np.int64)
    plain: Bools = panel.ordinary[: panel.days] & (after >= TURN_OF_YEAR[0]) & (after < TURN_OF_YEAR[1])
    return plain


def day_evidence(panel: DayPanel, shape: DayShapes) -> Floats:
    """Return how much each past day says of the level, N x D: what its weekday usually holds over the mean weekday.

    So an odd Sunday that holds a 20th of the week moves the level by a 20th of what a whole odd week would.
    """
    mean = shape.base.mean(axis=1, keepdims=True)
    share = np.where(mean > 0, shape.base / np.where(mean > 0, mean, 1.0), 1.0)
    evidence: Floats = share[:, panel.weekday[: panel.days]]
    return evidence


def effect_weights(panel: DayPanel, shape: DayShapes, trust: Floats) -> Floats:
    """Return how much each day counts in the regression: recent days and busy weekdays more.

    A kind of special day comes once a year, so that its years count alike: the last one may have been odd.
    """
    age = np.where(panel.ordinary[: panel.days], panel.days - 1.0 - np.arange(panel.days), 0.0)
    most = shape.base.max(axis=1, keepdims=True)
    busy = shape.base / np.where(most > 0, most, 1.0)
    share = busy.mean(axis=0)[panel.weekday[: panel.days]] if len(busy) else np.ones(panel.days)
    half_life = EFFECT_HALF_LIFE_DAYS
    weight: Floats = 0.5 ** (age / half_life) * (share + 0.02) / 1.02 * (trust > 0).any(axis=0)
    return weight


def forecast_roots(fit: Fit, whole: int, ahead: Ints) -> Floats:
    """Return the root of the ratio to the usual on each day of the horizon."""
    root = fit.level + fit.effects[:, ahead]
    for lead in range(1, MAX_CARRY_LEAD_DAYS + 1):
        place = np.flatnonzero(ahead == whole - 1 + lead)
        if len(place):
            root[:, place] += (fit.carry[:, lead - 1] * fit.last_residual)[:, None]
    positive: Floats = np.maximum(root, 0.0)
    return positive


def mean_share(shape: DayShapes, unit: Floats) -> Floats:
    """Return how far a series goes by its mean, N: all the way where arrivals are few.

    There the square of the mean root lies well below the mean, and sums of such forecasts would miss arrivals. Where
    they are many it hardly matters, and days go by what loses least.
    """
    count = shape.base.mean(axis=1) / np.where(np.isfinite(unit), unit, 1.0)
    half = MEAN_ARRIVALS if shape.slots == 1 else INTRADAY_MEAN_ARRIVALS
    share: Floats = half / (half + count)
    return share


def rarest_ratio(shape: DayShapes, unit: Floats) -> Floats:
    """Return a single arrival over the usual day of each series, N x 1: what the variance of rare counts may be.

    Beyond that, and beyond the square of the level now, a variance was learnt when more came.
    """
    usual = shape.base.mean(axis=1)
    ratio: Floats = np.where(np.isfinite(unit), unit, 0.0) / np.where(usual > 0, usual, np.inf)
    return ratio[:, None]


def estimate_root_variance(panel: DayPanel, shape: DayShapes, fit: Fit, trust: Floats) -> Floats:
    """Return the recent variance of each series' roots around the level of the day before, N.

    It is weighted by the usual volume of the day, so that it is what the square of the level lacks to the mean.
    """
    days = panel.days
    gap = fit.rest[:, 1:] - fit.path[:, :-1]
    used = (trust[:, 1:] > 0.5) & ~np.isnan(gap)
    weight = (
        used
        * 0.5 ** (np.arange(days - 2.0, -1.0, -1.0) / ROOT_VARIANCE_HALF_LIFE_DAYS)
        * shape.base[:, panel.weekday[1:days]]
    )
    total = weight.sum(axis=1)
    variance: Floats = (weight * np.where(used, gap, 0.0) ** 2).sum(axis=1) / np.where(total > 0, total, 1.0)
    return variance


def uncut_share(panel: DayPanel, shape: DayShapes, unit: Floats) -> Floats:
    """Return how many times larger the root of each day's ratio is where its few arrivals are not cut, N x D.

    Where next to nothing comes, one arrival is many times the usual: cut at that, its mean would lie far too low.
    """
    least = FULL_DAY_ARRIVALS * np.where(np.isfinite(unit), unit, 0.0)[:, None]
    share = np.ones((len(shape.level), panel.days))
    few = ((shape.base > 0) & (least > MAX_DAY_RATIO * shape.base)).any(axis=1)
    if few.any():
        usual, level = shape.base[few][:, panel.weekday[: panel.days]], shape.level[few]
        most, least = MAX_DAY_RATIO * usual, least[few]
        cut = (usual > 0) & (level > most) & (least > most)
        share[few] = np.sqrt(np.where(cut, np.minimum(level, least) / np.where(most > 0, most, 1.0), 1.0))
    return share


def sparse_mean(panel: DayPanel, shape: DayShapes, z: Floats, trust: Floats) -> tuple[Floats, Floats]:
    """Return the recent mean of each series relative to the usual, and the share of empty days, N.

    The square of a mean root lies below the mean: by a quarter of an arrival where arrivals are many, by nearly all
    of it where they are few. So a series goes by its mean as far as its days are empty; busy ones keep the middle,
    which loses least.
    """
    days = panel.days
    age = days - 1.0 - np.arange(days)
    half_life = MEAN_HALF_LIFE_DAYS if shape.base.shape[1] > 1 else MEAN_HALF_LIFE_SLOTS
    seen = (trust > 0) & ~np.isnan(z)
    weight = np.where(seen, trust * 0.5 ** (age / half_life), 0.0)
    usual = shape.base[:, panel.weekday[:days]]
    came = (weight * np.where(seen, z, 0.0) ** 2 * usual).sum(axis=1)
    expected = (weight * usual).sum(axis=1)
    some = np.where(expected > 0, expected, 1.0)
    empty = (weight * usual * (np.where(seen, z, 1.0) == 0)).sum(axis=1) / some
    return np.where(expected > 0, came / some, 1.0), empty


def factor_share(panel: DayPanel, unit: Floats) -> Floats:
    """Return how far the factors can be trusted: little where a slot holds few arrivals."""
    count = (~np.isnan(panel.y)).sum(axis=(1, 2))
    mean = np.nansum(panel.y, axis=(1, 2)) / np.maximum(count, 1) / np.where(np.isfinite(unit), unit, 1.0)
    share: Floats = mean / (mean + FACTOR_ARRIVALS)
    return share
