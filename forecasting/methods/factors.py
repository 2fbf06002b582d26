"""Days by slots as a few factors: how the shape of a day moves from day to day."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from .daily_level import fit_panel
from .day_panel import DayPanel
from .day_shapes import Shapes

Floats = npt.NDArray[np.float64]

#: Factors that are kept.
FACTORS = 4

#: How large the difference between weekdays may be in the score of a factor, relative to its size.
WEEKDAY_SIZE = 0.3

#: Days that the factors are learnt from.
FACTOR_DAYS = 190


def factor_route(
    panel: DayPanel,
    shape: Shapes,
    z: Floats,
    moved: Floats,
    trust: Floats,
    weight: Floats,
    ahead: npt.NDArray[np.int64],
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
    count = min(FACTORS, vectors.shape[2])
    vectors = vectors[:, :, ::-1][:, :, :count]
    scores = np.einsum("nds,nsk->nkd", root, vectors)
    wrong = ((root - np.einsum("nkd,nsk->nds", scores, vectors)) ** 2 * used * there).sum(axis=(1, 2))
    usual_wrong = ((root - expected / size[:, None, None]) ** 2 * used * there).sum(axis=(1, 2))
    fits = np.minimum(1.0, usual_wrong / np.maximum(wrong, 1e-300)) ** 2
    scores = np.where((trust[:, start:] > 0)[:, None, :], scores, np.nan).reshape(-1, days - start)
    largest = np.nanmax(np.abs(np.where(np.isnan(scores), 0.0, scores)).reshape(len(z), -1), axis=1)
    scale = np.repeat(np.where(largest > 0, largest, 1.0), count)
    design = panel.design
    sizes = design.size.copy()
    sizes[[name.startswith("weekday") for name in design.names]] = WEEKDAY_SIZE
    part = type(design)(design.x[start:], sizes, design.names, design.moving)
    confident = np.repeat(trust[:, start:], count, axis=0)
    found = fit_panel(scores / scale[:, None], weight[start:], confident, part, sizes, False, len(ahead), days - start)
    coming = (found.level + found.effects[:, ahead - start]) * scale[:, None]
    coming = coming.reshape(len(z), count, len(ahead))
    values = np.einsum("nka,nsk->nas", coming, vectors) * size[:, None, None]
    return np.maximum(values, 0.0) ** 2, np.where(wrong > 0, fits, 1.0)
