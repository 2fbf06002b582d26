"""Every method at every origin, and what the errors of earlier origins say about the next forecast."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from time import process_time

import numpy as np
import numpy.typing as npt

from ..features.errors import InputError, did_you_mean
from .core import core
from .effects import Special
from .frequency import Frequency
from .grid import Grid
from .intervals import Bands, apply, calibrate, probabilities, spread, tiers
from .profile import Profile, profile_at
from .recent import recent_week
from .scores import pinball

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

#: The methods that stand in every table.
NAIVE = ("same_slot", "seasonal_naive")

#: Loss of a series, in its own volume, above which it counts no more: one wild series must not choose for all.
WORST = 2.0

#: Past origins without which no method is preferred to the simplest.
LEAST_ORIGINS = 3


@dataclass(frozen=True)
class Scene:
    """All that a method may look at: the panel before an origin.

    Attributes
    ----------
    grid, special, profile
        The panel, its special days, and its weekly profile at the origin. Only values before the origin may be used,
        and of them those that ``grid.known(origin)`` tells; ``grid.is_open`` and the special days are known ahead.
    origin, horizon
        First slot to forecast, and how many.
    factors
        H; factor of the day of each slot, 1 on ordinary days.
    """

    grid: Grid
    special: Special
    profile: Profile
    origin: int
    horizon: int
    factors: Floats

    @property
    def places(self) -> npt.NDArray[np.int64]:
        """Column of the profile that belongs to each slot ahead."""
        return np.arange(self.horizon) % self.grid.frequency.season


def same_slot(scene: Scene) -> Floats:
    """Average the latest same slots of the week on ordinary days, times the factor of special days."""
    return scene.profile.mean[:, scene.places] * scene.factors


def seasonal_naive(scene: Scene) -> Floats:
    """Repeat the last week; of weeks and months the last year, or the last value where there is no year."""
    year = scene.grid.frequency.year
    last = scene.profile.last[:, scene.places]
    if not year:
        return last
    source = scene.origin - year + np.arange(scene.horizon) % year
    if source[0] < 0:
        return last
    past = scene.grid.y[:, np.minimum(source, scene.origin - 1)]
    return np.where(np.isnan(past), last, past)


def mean_of_both(scene: Scene) -> Floats:
    """Average the two naive methods."""
    return (same_slot(scene) + seasonal_naive(scene)) / 2


def recent_level(scene: Scene) -> Floats:
    """Move the usual week to the level of the last days, times the factor of special days."""
    return recent_week(scene.profile, max(scene.grid.frequency.per_day, 1))[:, scene.places] * scene.factors


#: Every method by name; the first is taken where nothing is known of their errors.
METHODS: dict[str, Callable[[Scene], Floats]] = {
    "core": core,
    "same_slot": same_slot,
    "seasonal_naive": seasonal_naive,
    "mean_of_both": mean_of_both,
    "recent_level": recent_level,
}


@dataclass(frozen=True)
class Outlook:
    """Forecasts of every method at one origin: N x H points and spreads by method, and what holds for all.

    ``quiet`` marks slots that are closed or never hold anything; ``zeros``, ``unit`` and ``limit`` are of the profile.
    """

    points: dict[str, Floats]
    sizes: dict[str, Floats]
    quiet: Bools
    zeros: Floats
    unit: Floats
    limit: Floats
    seconds: dict[str, float]


@dataclass(frozen=True)
class Fold:
    """What is forecast at one origin.

    Attributes
    ----------
    origin
        First slot that is forecast.
    points, edges
        By method: N x H forecasts, and N x H x K quantiles.
    chosen
        The method that ``deskcast`` is.
    losses
        By method: weighted quantile loss over the earlier origins, by which it was chosen.
    now
        The outlook of every method at the origin.
    origins, days
        How many earlier origins, and distinct days of errors, the intervals rest on.
    seconds
        CPU seconds by method.
    """

    origin: int
    points: dict[str, Floats]
    edges: dict[str, Floats]
    chosen: str
    losses: dict[str, float]
    now: Outlook
    origins: int
    days: int
    seconds: dict[str, float] = field(compare=False)


def check_models(models: str | Sequence[str]) -> tuple[str, ...]:
    """Return the candidates for the recommended forecast."""
    if isinstance(models, str):
        models = tuple(METHODS) if models == "auto" else (models,)
    for name in models:
        if name not in METHODS:
            raise InputError("unknown model", column="models", got=name, hint=did_you_mean(name, tuple(METHODS)))
    chosen = tuple(name for name in METHODS if name in set(models))
    if not chosen:
        raise InputError("at least one model is needed", column="models", wanted="'auto' or names")
    return chosen


def earlier_origins(frequency: Frequency, origin: int, horizon: int, windows: int) -> list[int]:
    """Return the origins whose forecasts were over at this one, the latest first.

    Steps are one week (one slot, where a slot is a week or more), so that past errors were made at the same slots
    of the week as the coming ones. Where fewer than three such origins have two weeks before them, steps are the
    horizon in whole days, and less history is accepted.

    >>> from .frequency import parse_frequency
    >>> earlier_origins(parse_frequency("D"), 60, 14, 3), earlier_origins(parse_frequency("D"), 20, 2, 3)
    ([46, 39, 32], [18, 16, 14])
    """
    week, day = frequency.season, max(frequency.per_day, 1)
    short = min(week, day * -(-horizon // day))
    least = [(week, 2 * week), (short, 2 * week), (short, week), (short, 2)]
    if week == 1:
        least = [(1, frequency.year), (1, frequency.average), (1, 2)]
    best: list[int] = []
    for step, need in least:
        latest = origin - step * -(-horizon // step)
        found = list(range(latest, need - 1, -step))[:windows]
        if len(found) >= min(3, windows):
            return found
        best = max(best, found, key=len)
    return best


def scene_at(grid: Grid, special: Special, origin: int, horizon: int) -> Scene:
    """Return what a method may look at, at an origin."""
    profile = profile_at(grid, special.ordinary, origin)
    factors = np.append(special.factors(origin), 1.0)[special.kind[origin : origin + horizon]]
    return Scene(grid, special, profile, origin, horizon, factors)


def look_ahead(grid: Grid, special: Special, origin: int, horizon: int, methods: Sequence[str]) -> Outlook:
    """Forecast with every method from the values before the origin."""
    begun = process_time()
    scene = scene_at(grid, special, origin, horizon)
    profile = scene.profile
    closed = ~grid.is_open[:, origin : origin + horizon]
    quiet = profile.quiet[:, scene.places] | closed
    shared = process_time() - begun
    points, sizes, seconds = {}, {}, {}
    for name in methods:
        begun = process_time()
        points[name] = np.where(quiet & ~np.isnan(profile.level)[:, None], 0.0, np.maximum(METHODS[name](scene), 0.0))
        sizes[name] = spread(points[name], profile.level, profile.unit)
        seconds[name] = process_time() - begun + shared
    return Outlook(points, sizes, quiet, profile.zeros, profile.unit, profile.limit, seconds)


def fold_at(
    grid: Grid,
    special: Special,
    origin: int,
    horizon: int,
    levels: Sequence[float],
    windows: int,
    candidates: Sequence[str],
    seen: dict[int, Outlook],
) -> Fold:
    """Forecast at an origin, with intervals and the choice of method from the errors of earlier origins.

    ``seen`` keeps the outlooks of origins between calls: they do not depend on who asks.
    """
    methods = list(dict.fromkeys([*NAIVE, *candidates]))
    past = _alike(earlier_origins(grid.frequency, origin, horizon, windows), origin)
    for o in [origin, *past]:
        if o not in seen:
            seen[o] = look_ahead(grid, special, o, horizon, methods)
    now = seen[origin]
    targets = np.array(past, dtype=np.int64)[:, None] + np.arange(horizon)
    days = (targets + grid.first) // max(grid.frequency.per_day, 1)
    outcome = _outcomes(grid, targets, [seen[o].quiet for o in past], now.limit)
    tier, bands, losses, seconds = tiers(now.zeros), {}, {}, {}
    weight = _weights(outcome)
    for name in methods:
        begun = process_time()
        size = np.stack([seen[o].sizes[name] for o in past]) if past else np.zeros(outcome.shape)
        error = outcome - np.stack([seen[o].points[name] for o in past]) if past else outcome
        bands[name] = calibrate(error / np.where(size > 0, size, np.nan), tier, days, now.unit, levels)
        losses[name] = _losses(error, size, bands[name], outcome, weight, probabilities(levels))
        seconds[name] = now.seconds[name] + process_time() - begun
    chosen = choose(losses, candidates)
    edges = {name: apply(now.points[name], now.sizes[name], bands[name], now.quiet) for name in methods}
    seconds["deskcast"] = sum(seconds[m] for m in candidates)
    total = {name: float(loss.sum()) if len(loss) else float("nan") for name, loss in losses.items()}
    return Fold(origin, now.points, edges, chosen, total, now, len(past), bands[chosen].days, seconds)


def _alike(past: list[int], origin: int) -> list[int]:
    """Leave out origins with less than a third of the history, whose errors are those of a beginner.

    >>> _alike([50, 40, 30, 20, 10], 60), _alike([10, 5], 60)
    ([50, 40, 30, 20], [10, 5])
    """
    kept = [o for o in past if o >= origin / 3]
    return kept if len(kept) >= LEAST_ORIGINS else past[:LEAST_ORIGINS]


def _outcomes(grid: Grid, targets: npt.NDArray[np.int64], quiet: list[Bools], limit: Floats) -> Floats:
    """Return what came in each target slot, O x N x H; NaN where closed, missing, certain to be 0, or not credible."""
    if not len(targets):
        return np.zeros((0, len(grid.ids), targets.shape[1]))
    came = grid.y[:, targets].transpose(1, 0, 2)
    counts = grid.is_open[:, targets].transpose(1, 0, 2) & ~(np.stack(quiet) & (came == 0))
    return np.where(counts & ~(came > limit[None, :, None]), came, np.nan)


def _weights(outcome: Floats) -> Floats:
    """Weigh series by volume, through the mean of roots, so that a single wild value hardly counts."""
    known = ~np.isnan(outcome)
    count = np.maximum(known.sum(axis=(0, 2)), 1)
    weight: Floats = (np.sqrt(np.where(known, outcome, 0.0)).sum(axis=(0, 2)) / count) ** 2
    return weight


def _losses(error: Floats, size: Floats, bands: Bands, outcome: Floats, weight: Floats, p: Floats) -> Floats:
    """Return what each past origin adds to the weighted quantile loss, each series in its own volume and capped."""
    known = ~np.isnan(error)
    volume = np.where(known, outcome, 0.0).sum(axis=(0, 2))
    used = volume > 0
    if not used.any():
        return np.zeros(0)
    total = pinball(np.where(known, error, 0.0), 0.5)
    width = size * bands.sigma[None, :, None]
    for k, q in enumerate(p):
        total = total + np.where(known, pinball(error - width * bands.quantiles[None, :, k, None], float(q)), 0.0)
    own = 2 * total.sum(axis=2)[:, used] / (len(p) + 1) / volume[used]
    capped = own * np.minimum(1.0, WORST / np.maximum(own.sum(axis=0), 1e-12))
    share = weight[used] / weight[used].sum() if weight[used].sum() > 0 else np.full(used.sum(), 1 / used.sum())
    added: Floats = capped @ share
    return added


def choose(losses: dict[str, Floats], candidates: Sequence[str]) -> str:
    """Choose the method with the lowest loss among those that beat the first beyond noise, or else the first.

    Beyond noise means that over the past origins the gain in sum is larger than its standard error (the one
    standard error rule of Breiman and others 1984). So a simple method stays until there is reason to leave it.

    Parameters
    ----------
    losses
        By method: the loss that each past origin adds.
    candidates
        Methods to choose from; the first is the simplest.

    Examples
    --------
    >>> choose({"a": np.array([2.0, 2.0, 2.0]), "b": np.array([1.0, 1.5, 1.2])}, ["a", "b"])
    'b'
    >>> choose({"a": np.array([2.0, 2.0, 2.0]), "b": np.array([0.0, 3.0, 2.9])}, ["a", "b"])
    'a'
    """
    first = losses[candidates[0]]
    best, least = candidates[0], 0.0
    for name in candidates[1:]:
        gain = losses[name] - first
        if len(gain) >= LEAST_ORIGINS and gain.sum() < min(least, -float(np.sqrt(len(gain)) * gain.std(ddof=1))):
            best, least = name, float(gain.sum())
    return best
