"""Sample paths: whole futures, whose slots are wrong together as those of past forecasts were."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.special import ndtri, stdtrit

from ...features.arrays import Bools, Floats, Ints
from ...features.errors import InputError
from ..grid.grid import check_count
from ..methods.registry import AUTO
from ..volume.combination import LAST_TIER_BY_MEAN, assign_volume_tiers
from ..volume.intervals import assign_zero_tiers, calibrate_intervals, probabilities
from ..volume.issued import Issued, issue_request
from ..volume.request import ForecastRequest
from .count_paths import draw_counts, estimate_count_spread

if TYPE_CHECKING:
    from ...features.calendars.business_calendar import BusinessCalendar


#: Levels at which the distribution of a slot is taken, beside those that are issued.
FINE_LEVELS = (10, 20, 30, 40, 50, 60, 70, 80, 85, 90, 95, 98, 99)

#: Past origins without which slots are drawn apart from one another.
MIN_ORIGINS = 3

#: Share of the variance of a slot that is common to the whole horizon, where past trajectories show less; bounds of
#: that share, and by how much the common part of a trajectory is multiplied at most.
USUAL_COMMON_SHARE, MIN_FOUND_SHARE, MAX_COMMON_SHARE, MAX_COMMON_GAIN = 0.07, 0.001, 0.95, 6.0

#: Tier of series by their share of empty slots from which paths are drawn as counts.
SPARSE_TIER = 2

#: Rows of the long frame of paths above which it is asked for in parts.
MAX_PATH_ROWS = 100_000_000


def sample_paths(
    history: pd.DataFrame,
    horizon: int,
    freq: str,
    n: int = 500,
    seed: int = 0,
    levels: Sequence[float] = (80, 95),
    calendar: BusinessCalendar | Mapping[str, BusinessCalendar] | None = None,
    holidays: object = None,
    events: object = None,
    windows: int = 12,
    since: object = None,
    until: object = None,
    outages: object = None,
    models: str | Sequence[str] = AUTO,
    regressors: object = None,
) -> pd.DataFrame:
    """Draw whole futures of a panel, for sums over time and series and for staffing.

    Slot by slot the paths are spread as the quantiles that :func:`deskcast.forecasting.forecast` issues with the same
    arguments. How the slots, days and series go together is taken from the errors of the past origins: their ranks
    are mixed at random (a Gaussian copula whose correlation is that of the past error trajectories, with the degrees
    of freedom that so few trajectories have), and the issued distribution is put in the order of the mixture (Clark
    and others 2004, the Schaake shuffle; Wilks 2015). So a path is not one of a dozen past weeks again.

    Parameters
    ----------
    history, horizon, freq, levels, calendar, holidays, events, windows, since, until, outages, models,
    regressors
        As in :func:`deskcast.forecasting.forecast`.
    n
        Paths.
    seed
        Where the draw starts: the same seed gives the same paths.

    Returns
    -------
    ``unique_id``, ``ds``, ``path`` (from 0), ``y``; by series, path and time. ``attrs`` carries ``notes``, ``model``
    and ``freq``.

    Raises
    ------
    InputError
        As in :func:`deskcast.forecasting.forecast`, and if the frame would be too large.

    Examples
    --------
    >>> from deskcast.forecasting import total_over
    >>> days = pd.date_range("2024-01-01", periods=98, freq="D")
    >>> y = np.where(days.day_of_week < 5, 100.0, 20.0) + np.arange(98) % 3
    >>> paths = sample_paths(pd.DataFrame({"unique_id": "all", "ds": days, "y": y}), horizon=7, freq="D", n=200)
    >>> total_over(paths, "W")["deskcast"].between(530, 560).tolist()
    [True]
    """
    n = check_count(n, "n")
    known = (calendar, holidays, events, windows, since, until, outages, models)
    issued = issue_request(history, ForecastRequest(horizon, freq, levels, *known, regressors=regressors))
    rows = n * int(issued.alive.sum()) * horizon
    if rows > MAX_PATH_ROWS:
        hint = "draw fewer paths, or a part of the series at a time"
        raise InputError(
            "too many rows of paths",
            column="n",
            got=n,
            wanted=f"{MAX_PATH_ROWS:,} rows",
            hint=hint,
            code="plan.too_large",
        )
    return paths_frame(issued, path_cube(issued, n, seed))


def path_cube(issued: Issued, n: int, seed: int = 0) -> Floats:
    """Draw paths of the series that have a forecast, n x N x H, in volumes of the slots."""
    rng = np.random.default_rng(seed)
    alive = np.flatnonzero(issued.alive)
    ladder, p = _distribution(issued, alive)
    spread_out = _quantiles(ladder, p, n).reshape(n, -1)
    templates = _templates(issued, alive, rng)
    values = np.empty_like(spread_out)
    weights, step = _weights(n, len(templates), issued, rng), max(1, 4_000_000 // n)
    for start in range(0, spread_out.shape[1], step):
        part = slice(start, start + step)
        mixed = weights @ templates[:, part] if len(templates) else rng.standard_normal(spread_out[:, part].shape)
        np.put_along_axis(values[:, part], np.argsort(mixed, axis=0), spread_out[:, part], axis=0)
    cube = values.reshape(n, len(alive), issued.horizon)
    sparse = np.flatnonzero(_few_counts(issued)[alive])
    if len(sparse):
        # mixed ranks would give sums of slots that are mostly empty a spread that they do not have
        rows = alive[sparse]
        past = issued.past_points()[:, rows]
        errors = issued.outcomes()[:, rows] - past if issued.past else past
        spread = estimate_count_spread(errors, past, issued.fold.now.step[rows])
        busy = np.setdiff1d(np.arange(len(alive)), sparse)
        cube[:, sparse] = draw_counts(
            issued.point[rows], spread, n, rng, _common_scores(issued, alive, rows, cube[:, busy], rng)
        )
    return cube * issued.clock


def _common_scores(issued: Issued, alive: Ints, few: Ints, busy: Floats, rng: np.random.Generator) -> Floats | None:
    """Return a normal score of each path by which the level of the sparse series goes with the total of the others."""
    others = np.setdiff1d(alive, few)
    if not len(others) or len(issued.past) < MIN_ORIGINS:
        return None
    errors = np.nan_to_num(issued.outcomes() - issued.past_points())
    one, other = errors[:, few].sum(axis=(1, 2)), errors[:, others].sum(axis=(1, 2))
    size = float(np.sqrt((one**2).sum() * (other**2).sum()))
    together = max(float((one * other).sum()), 0.0) / size if size > 0 else 0.0
    ranks = np.argsort(np.argsort(busy.sum(axis=(1, 2)), kind="stable"), kind="stable")
    of_busy = ndtri((ranks + 0.5) / len(ranks))
    scores: Floats = together * of_busy + np.sqrt(max(1 - together**2, 0.0)) * rng.standard_normal(len(ranks))
    return scores


def _few_counts(issued: Issued) -> Bools:
    """Return which series have few arrivals a slot, or most slots empty."""
    now = issued.fold.now
    low = assign_volume_tiers(now.level, now.step) <= LAST_TIER_BY_MEAN
    few: Bools = low | (assign_zero_tiers(now.zeros) == SPARSE_TIER)
    return few


def paths_frame(issued: Issued, cube: Floats) -> pd.DataFrame:
    """Lay out paths as a long frame."""
    n, count, horizon = cube.shape
    names = np.array(issued.grid.ids, dtype=object)[issued.alive]
    frame = pd.DataFrame(
        {
            "unique_id": pd.Series(names, dtype="str").repeat(n * horizon).array,
            "ds": np.tile(issued.stamps().astype("datetime64[us]"), n * count),
            "path": np.tile(np.repeat(np.arange(n), horizon), count),
            "y": cube.transpose(1, 0, 2).ravel(),
        }
    )
    notes = list(issued.notes)
    if len(issued.past) < MIN_ORIGINS:
        notes.append("too few past errors to tell how slots go together: they are drawn apart, and sums look too sure")
    frame.attrs = {"notes": notes, "model": issued.fold.chosen, "freq": issued.grid.frequency.name}
    frame.attrs |= {"request": issued.request.facts, **issued.grid.reading}
    return frame


def _distribution(issued: Issued, alive: Ints) -> tuple[Floats, Floats]:
    """Return quantiles of each slot on a fine ladder of probabilities, N x H x K, and the probabilities.

    They are those that are issued, on a finer ladder, with the forecast in the middle. Only where many slots are empty
    is the forecast no median: there the ladder goes by the errors alone.
    """
    levels, now = tuple(sorted({*issued.levels, *FINE_LEVELS})), issued.fold.now
    p, sizes = probabilities(levels), issued.sizes()
    errors, days = np.zeros((0, *issued.point.shape)), np.zeros((0, issued.horizon), dtype=np.int64)
    if issued.past:
        errors, days = issued.outcomes() - issued.past_points(), issued.past_days()
    tier = assign_zero_tiers(now.zeros)
    volume = assign_volume_tiers(now.level, now.step)
    scaled = errors / np.where(sizes[1:] > 0, sizes[1:], np.nan)
    bands = calibrate_intervals(scaled, tier, days, now.unit, levels, volume)
    clear = issued.fold.quantiles(levels)
    bare = issued.point[:, :, None] + (sizes[0] * bands.sigma[:, None])[:, :, None] * bands.quantiles[:, None, :]
    bare = np.where(now.quiet[:, :, None], 0.0, np.maximum(bare, 0.0))
    middle = len(p) // 2
    clear = np.insert(clear, middle, issued.point, axis=2)
    bare = np.insert(bare, middle, (bare[:, :, middle - 1] + bare[:, :, middle]) / 2, axis=2)
    ladder = np.where((tier == 0)[:, None, None], clear, bare)[alive]
    return np.maximum.accumulate(ladder, axis=2), np.insert(p, middle, 0.5)


def _quantiles(ladder: Floats, p: Floats, n: int) -> Floats:
    """Return the n evenly spaced quantiles of each slot, n x N x H, straight on the scale of normal scores."""
    wanted, at = ndtri((np.arange(n) + 0.5) / n), ndtri(p)
    left = np.clip(np.searchsorted(at, wanted) - 1, 0, len(at) - 2)
    # the tails go on straight, but not for ever
    share = np.clip((wanted - at[left]) / (at[left + 1] - at[left]), -1.0, 2.0)
    low, high = ladder[:, :, left], ladder[:, :, left + 1]
    values = np.maximum(low + (high - low) * share, 0.0)
    return np.ascontiguousarray(np.moveaxis(values, 2, 0))


def _templates(issued: Issued, alive: Ints, rng: np.random.Generator) -> Floats:
    """Return the normal scores of the past errors, O x (N H); nothing where too few origins are known."""
    if len(issued.past) < MIN_ORIGINS:
        return np.zeros((0, len(alive) * issued.horizon))
    sizes = issued.sizes()[1:]
    errors = issued.outcomes() - issued.past_points()
    with np.errstate(divide="ignore", invalid="ignore"):
        scaled = np.where(sizes > 0, errors / sizes, np.nan)[:, alive]
    scores = _filled(normal_scores(scaled, rng), rng)
    # so few trajectories say little of how far a whole one may be off: as Student's t does, and their mean is known
    free = _effective_origins(issued)
    widened = stdtrit(free - 1, 0.9) / ndtri(0.9) * np.sqrt(free / (free - 1))
    scores += (_common_gain(scores, widened) - 1) * scores.mean(axis=2, keepdims=True)
    return scores.reshape(len(scores), -1)


def _common_gain(scores: Floats, widened: float) -> float:
    """Return by what the common part of each trajectory is multiplied, so that sums become wider by ``widened``.

    Each slot keeps its own spread: what the common part gains the rest loses, so that it has to be multiplied by more.
    A common part below the usual one is no evidence that there is none: a level is always missed by something. What is
    usual is not widened again, so that time steps that are wrong apart have sums that say so.

    >>> alone = np.random.default_rng(0).normal(size=(12, 50, 28))
    >>> together = alone + np.random.default_rng(1).normal(size=(12, 50, 1))
    >>> round(_common_gain(together, 1.2), 1), _common_gain(together, 1.2) > 1.2
    (1.5, True)
    """
    leads = scores.shape[2]
    if leads < 2:
        return widened
    share = float((scores.mean(axis=2) ** 2).mean() / max(float((scores**2).mean()), 1e-9))
    found = float(np.clip((share * leads - 1) / (leads - 1), MIN_FOUND_SHARE, MAX_COMMON_SHARE))
    wanted = min(max(found * widened**2, USUAL_COMMON_SHARE), MAX_COMMON_SHARE)
    gain = float(np.sqrt(wanted * (1 - found) / (found * (1 - wanted))))
    return float(np.clip(gain, 1.0, MAX_COMMON_GAIN))


def normal_scores(errors: Floats, rng: np.random.Generator) -> Floats:
    """Return the normal score of each error among all errors of its series, O x N x H; ties in random order."""
    flat = np.swapaxes(errors, 0, 1).reshape(errors.shape[1], -1)
    known = ~np.isnan(flat)
    order = np.lexsort((rng.random(flat.shape), np.where(known, flat, np.inf)), axis=1)
    ranks = np.empty_like(flat)
    np.put_along_axis(ranks, order, np.arange(flat.shape[1], dtype=float)[None, :], axis=1)
    count = known.sum(axis=1, keepdims=True)
    scores = np.where(known, ndtri(np.clip((ranks + 0.5) / np.maximum(count, 1), 1e-9, 1 - 1e-9)), np.nan)
    return np.swapaxes(scores.reshape(errors.shape[1], errors.shape[0], -1), 0, 1)


def _filled(scores: Floats, rng: np.random.Generator) -> Floats:
    """Fill scores that are not known: the other series at that slot say what can be said, the rest is chance."""
    known = ~np.isnan(scores)
    if known.all():
        return scores
    count = known.sum(axis=1, keepdims=True)
    common = np.where(known, scores, 0.0).sum(axis=1, keepdims=True) / np.maximum(count, 1)
    own = np.where(known, scores, 0.0).sum(axis=2, keepdims=True) / np.maximum(known.sum(axis=2, keepdims=True), 1)
    expected = np.clip(np.where(count > 0, common, own), -0.9, 0.9)
    chance = np.sqrt(1 - expected**2) * rng.standard_normal(scores.shape)
    return np.where(known, scores, expected + chance)


def _weights(n: int, count: int, issued: Issued, rng: np.random.Generator) -> Floats:
    """Draw what each path takes of each trajectory; a common factor says how little so few trajectories tell."""
    if not count:
        return np.zeros((n, 0))
    weights = rng.standard_normal((n, count))
    free = _effective_origins(issued)
    return weights * np.sqrt(free / rng.chisquare(free, (n, 1)))


def _effective_origins(issued: Issued) -> float:
    """Return how many trajectories that do not overlap the past ones are worth."""
    span = issued.past[0] - issued.past[-1] + issued.horizon
    return max(3.0, min(float(len(issued.past)), span / issued.horizon))
