"""The latest hours: what is left of a day follows what its morning was like."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from .daily_level import Fit
from .day_panel import DayPanel
from .day_shapes import Shapes

Floats = npt.NDArray[np.float64]

#: Past days that tell how far an afternoon follows its morning, and the days without a link that are added to them.
LINK_DAYS, LINK_PRIOR_DAYS = 120, 20.0

#: A morning counts at most this many times its expectation.
MOST = 4.0


def rest_of_day(panel: DayPanel, shape: Shapes, fit: Fit) -> Floats:
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
        expected[:, -1] += fit.carry[:, 0] * fit.surprise
    gap = np.where(seen > 0, np.sqrt(np.minimum(_over(morning, seen), MOST * expected**2)) - expected, 0.0)
    follow = np.where(after > 0, np.sqrt(np.minimum(_over(rest, after), MOST * expected**2)) - expected, 0.0)
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
