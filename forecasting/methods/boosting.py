"""Gradient boosting of the ratio to the core, one model across all series."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ...features.arrays import Bools, Floats
from ..grid.profile import LOOKBACK_SEASONS
from .day_panel import build_day_panel
from .decomposition import decomposition

if TYPE_CHECKING:
    from .scene import Scene


#: Past origins that the model learns from, and rows that it takes from them at most.
MAX_TRAINING_ORIGINS, MAX_TRAINING_ROWS = 16, 150_000

#: A ratio to the base is cut here.
MAX_RATIO = 5.0

#: Rows with less than this share of the usual volume of a slot teach nothing.
MIN_VOLUME_SHARE = 0.05


def boosting(scene: Scene) -> Floats:
    """Forecast the core times a factor that gradient boosting learnt across all series.

    At origins of the past the core is asked as it would have answered then; what came, over what it said, is learnt
    by scikit-learn's ``HistGradientBoostingRegressor`` with Poisson loss and the forecast as exposure. Features are
    lead time, slot, weekday, the flags of the calendar, and how last week, the week before and the last day compared
    with the usual. Nothing after an origin is looked at.
    """
    from sklearn.ensemble import HistGradientBoostingRegressor

    from .scene import build_scene

    base = decomposition(scene)
    design = build_day_panel(scene, np.arange(len(base))).design
    names = [name for name, moving in zip(design.names, design.is_trend, strict=True) if not moving]
    f, horizon = scene.grid.frequency, scene.horizon
    step = f.season if f.season > 1 else 1
    latest = scene.origin - step * -(-horizon // step)
    origins = list(range(latest, 3 * step - 1, -step))[:MAX_TRAINING_ORIGINS]
    parts_x, parts_y, parts_w = [], [], []
    share = MAX_TRAINING_ROWS / max(len(origins) * base.size, 1)
    rng = np.random.default_rng(0)
    for origin in origins:
        then = build_scene(scene.grid, scene.special, origin, horizon)
        said = decomposition(then)
        known = scene.grid.known(scene.origin, origin)[:, :horizon]
        came = np.where(known, scene.grid.y[:, origin : origin + horizon], np.nan)
        floor = np.maximum(then.profile.level, 0.0)[:, None] * MIN_VOLUME_SHARE
        used = ~np.isnan(came) & ~np.isnan(said) & (said > floor) & ~(came > then.profile.limit[:, None])
        used &= rng.random(used.shape) < share
        parts_x.append(build_features(then, said, names)[used])
        parts_y.append(np.minimum(came[used] / said[used], MAX_RATIO))
        unit = np.where(np.isfinite(then.profile.unit), then.profile.unit, 1.0)[:, None]
        parts_w.append((said / unit)[used])
    y = np.concatenate(parts_y) if parts_y else np.zeros(0)
    if len(y) < 100 or not y.sum() > 0:
        return base
    weight = np.concatenate(parts_w)
    model = HistGradientBoostingRegressor(
        loss="poisson", learning_rate=0.05, max_iter=150, max_leaf_nodes=15, min_samples_leaf=40,
        l2_regularization=10.0, random_state=0,
    )  # fmt: skip
    x = np.concatenate(parts_x)
    told = ~np.isnan(x).all(axis=0)
    model.fit(x[:, told], y, sample_weight=weight / weight.mean())
    ratio = model.predict(build_features(scene, base, names).reshape(base.size, -1)[:, told]).reshape(base.shape)
    forecast: Floats = base * np.clip(ratio, 0.2, MAX_RATIO)
    return forecast


def build_features(scene: Scene, base: Floats, names: Sequence[str]) -> Floats:
    """Return the features of every series and slot ahead, N x H x F, with the named flags of the calendar."""
    profile, f = scene.profile, scene.grid.frequency
    n, horizon = base.shape
    size = f.slots_per_day
    usual = np.where(profile.level > 0, profile.level, 1.0)[:, None]
    shape = np.maximum(profile.mean, 0.05 * usual)
    lag = [np.where(profile.counts[:, -k], profile.y[:, -k] / shape, np.nan)[:, scene.places] for k in (1, 2)]
    recent = _sums(profile.y, profile.counts, profile.mean)
    alive = np.arange(n)
    panel = build_day_panel(scene, alive)
    day = panel.lead // size + (panel.days if panel.started == size else panel.days - 1)
    place = {name: i for i, name in enumerate(panel.design.names)}
    # a flag that had not been seen by then says nothing
    flags = [panel.design.x[day, place[name]] if name in place else np.zeros(horizon) for name in names]
    slot = (scene.grid.first + scene.origin + np.arange(horizon)) % size
    common = [np.arange(horizon) / size, slot, panel.weekday[day], *flags]
    own = [*lag, base / usual, *(np.repeat(r[:, None], horizon, axis=1) for r in recent)]
    both = [np.broadcast_to(c, (n, horizon)) for c in common] + own
    return np.stack(both, axis=2)


def _sums(y: Floats, counts: Bools, mean: Floats) -> list[Floats]:
    """Return what came over the usual: last day's share of a week, last week, last four, and all."""
    usual = np.where(counts, mean[:, None, :], 0.0)
    came = np.where(counts, y, 0.0)
    season = y.shape[2]
    found = []
    for weeks in (1, 4, LOOKBACK_SEASONS):
        top, bottom = came[:, -weeks:].sum(axis=(1, 2)), usual[:, -weeks:].sum(axis=(1, 2))
        found.append(np.where(bottom > 0, top / np.where(bottom > 0, bottom, 1.0), np.nan))
    last = max(season // 7, 1)
    top, bottom = came[:, -1, -last:].sum(axis=1), usual[:, -1, -last:].sum(axis=1)
    return [*found, np.where(bottom > 0, top / np.where(bottom > 0, bottom, 1.0), np.nan)]
