"""Days by slots as a few factors: how the shape of a day moves from day to day."""

from __future__ import annotations

import numpy as np

from ...features.arrays import Floats, Ints
from .daily_level import Fit, fit_panel
from .day_panel import DayPanel
from .day_shapes import DayShapes

#: Factors that are kept.
MAX_FACTORS = 4

#: How large the difference between weekdays may be in the score of a factor, relative to its size.
WEEKDAY_PRIOR_SD = 0.3

#: Days that the factors are learnt from.
FACTOR_DAYS = 190

#: Arrivals a slot at which half of what the square of a mean root lacks to the mean is added: sums of few arrivals
#: would miss it, and among many it hardly matters.
SLOT_MEAN_ARRIVALS = 5.0


def forecast_by_factors(
    panel: DayPanel,
    shape: DayShapes,
    z: Floats,
    moved: Floats,
    trust: Floats,
    weight: Floats,
    ahead: Ints,
    unit: Floats,
) -> tuple[Floats, Floats]:
    """Forecast the slots of the days ahead by factors, N x A x S, and say how well they fit the past, N.

    On square roots, where counts vary alike in all slots, the days by slots are written as a few factors by a
    singular value decomposition, and each factor's score is forecast like a daily level. The method is that of Shen
    and Huang 2008, "Interday forecasting and intraday updating of call center arrivals", with regressors instead of
    an autoregression. The fit is 1 where the factors describe past days at least as well as the profile times the
    level of the day, and falls with the square of the ratio of the errors where they do worse.
    """
    days = panel.days
    start = max(0, days - FACTOR_DAYS)
    size = np.sqrt(np.maximum(shape.base.max(axis=1), 1e-300))
    weekday = panel.weekday
    usual = shape.base[:, weekday[start:days], None] * shape.profile[:, weekday[start:days], :]
    ratio = np.where(np.isnan(z[:, start:]), 1.0, z[:, start:])
    expected = np.sqrt(usual) * ratio[:, :, None]
    there = ~np.isnan(panel.y[:, start:])
    held = np.sqrt(np.where(there, panel.y[:, start:], 0.0)) * moved[:, start:, None]
    root = np.where(there, held, expected) / size[:, None, None]
    used = (trust[:, start:] > 0)[:, :, None]
    gram = np.einsum("nds,ndt->nst", root * used, root)
    _, vectors = np.linalg.eigh(gram)
    count = min(MAX_FACTORS, vectors.shape[2])
    vectors = vectors[:, :, ::-1][:, :, :count]
    scores = np.einsum("nds,nsk->nkd", root, vectors)
    wrong = ((root - np.einsum("nkd,nsk->nds", scores, vectors)) ** 2 * used * there).sum(axis=(1, 2))
    gap = np.where(used & there, root - expected / size[:, None, None], 0.0)
    usual_wrong = (gap**2).sum(axis=(1, 2))
    fits = np.minimum(1.0, usual_wrong / np.maximum(wrong, 1e-300)) ** 2
    scores = np.where((trust[:, start:] > 0)[:, None, :], scores, np.nan).reshape(-1, days - start)
    largest = np.nanmax(np.abs(np.where(np.isnan(scores), 0.0, scores)).reshape(len(z), -1), axis=1)
    scale = np.repeat(np.where(largest > 0, largest, 1.0), count)
    design = panel.design
    sizes = design.size.copy()
    sizes[[name.startswith("weekday") for name in design.names]] = WEEKDAY_PRIOR_SD
    part = type(design)(design.x[start:], sizes, design.names, design.is_trend)
    confident = np.repeat(trust[:, start:], count, axis=0)
    alike = np.ones(confident.shape)
    found = fit_panel(
        scores / scale[:, None], weight[start:], confident, alike, part, sizes, False, len(ahead), days - start
    )
    coming = (found.level + found.effects[:, ahead - start]) * scale[:, None]
    coming = coming.reshape(len(z), count, len(ahead))
    values = np.einsum("nka,nsk->nas", coming, vectors)
    slots = np.maximum(values, 0.0) ** 2 * (size**2)[:, None, None]
    # the square of a mean root lies below the mean by the variance of the root, around the level of its day
    seen = np.maximum((used & there).sum(axis=1), 1)
    variance = (gap**2).sum(axis=1) / seen - (gap.sum(axis=1) / seen) ** 2
    lacking = (variance * (size**2)[:, None])[:, None, :]
    arrivals = (slots + lacking) / np.where(np.isfinite(unit), unit, 1.0)[:, None, None]
    slots = slots + lacking * SLOT_MEAN_ARRIVALS / (SLOT_MEAN_ARRIVALS + arrivals)
    return slots, np.where(wrong > 0, fits, 1.0)


#: Past days that tell how far an afternoon follows its morning, and the days without a link that are added to them.
LINK_DAYS, LINK_PRIOR_DAYS = 120, 20.0


#: A morning counts at most this many times its expectation.
MAX_MORNING_RATIO = 4.0


def forecast_rest_of_day(panel: DayPanel, shape: DayShapes, fit: Fit) -> Floats:
    """Return the root of the ratio to the usual for the rest of the origin's day, N.

    The morning's root ratio less its expectation is carried on with the slope that past afternoons had on their
    mornings, cut at the same slot, shrunk to 0 (Shen and Huang 2008 on intraday updating). A desk whose afternoons
    do not follow the mornings is left as it was.
    """
    days, cut = panel.days, panel.started
    first = max(0, days - LINK_DAYS)
    morning, rest = np.zeros((len(panel.y), days - first)), np.zeros((len(panel.y), days - first))
    seen, after = np.zeros_like(morning), np.zeros_like(morning)
    weekday = panel.weekday[first:days]
    for number in np.unique(weekday):
        own = weekday == number
        usual = shape.base[:, number, None] * shape.profile[:, number]
        y = panel.y[:, first:days][:, own]
        there = ~np.isnan(y)
        value = np.where(there, y, 0.0)
        seen[:, own] = np.einsum("nds,ns->nd", there[:, :, :cut], usual[:, :cut])
        after[:, own] = np.einsum("nds,ns->nd", there[:, :, cut:], usual[:, cut:])
        morning[:, own] = value[:, :, :cut].sum(axis=2)
        rest[:, own] = value[:, :, cut:].sum(axis=2)
    before = np.column_stack([fit.path[:, :1], fit.path[:, :-1]])[:, first:]
    expected = np.maximum(before + fit.effects[:, first:days], 0.0)
    if fit.carry.shape[1] and days > 1:
        expected[:, -1] += fit.carry[:, 0] * fit.last_residual
    gap = np.where(seen > 0, np.sqrt(np.minimum(_over(morning, seen), MAX_MORNING_RATIO * expected**2)) - expected, 0.0)
    follow = np.where(
        after > 0, np.sqrt(np.minimum(_over(rest, after), MAX_MORNING_RATIO * expected**2)) - expected, 0.0
    )
    both = (seen > 0) & (after > 0)
    both[:, -1] = False
    square = np.where(both, gap**2, 0.0).sum(axis=1)
    prior = LINK_PRIOR_DAYS * square / np.maximum(both.sum(axis=1), 1)
    product = np.where(both, gap * follow, 0.0).sum(axis=1)
    link = np.clip(product / np.where(square > 0, square + prior, 1.0), 0.0, 1.0)
    root: Floats = np.maximum(expected[:, -1] + link * gap[:, -1], 0.0)
    return root


def _over(top: Floats, bottom: Floats) -> Floats:
    return top / np.where(bottom > 0, bottom, 1.0)
