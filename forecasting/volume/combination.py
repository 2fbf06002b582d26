"""Which methods the recommended forecast is made of: a few, by tier of volume, with weights shrunk to equal."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ...features.arrays import Floats, Ints
from .losses import pinball

#: Quantiles by whose loss methods are chosen, whatever levels are asked for, next to the median.
SELECTION_QUANTILES = (0.025, 0.1, 0.9, 0.975)

#: Past origins without which the first method stands alone.
MIN_ORIGINS = 3

#: Standard errors by which a combination must have lost less to be preferred.
MIN_STANDARD_ERRORS = 2.0

#: Most methods that a forecast is made of.
MAX_MEMBERS = 4

#: Loss of a series, in its own volume, above which it counts no more: one wild series must not choose for all.
MAX_SERIES_LOSS = 2.0

#: The same where losses are deviances: an arrival where a tenth of one is usual costs some four times its volume.
MAX_SERIES_DEVIANCE = 20.0

#: Tiers (up to this one) whose methods are judged by their mean and not by their middle: the middle of a sparse queue
#: is nothing, and what is forecast as nothing adds up to nothing.
LAST_TIER_BY_MEAN = 1

#: How sharply weights follow past losses: a method with a tenth more loss has exp(-SHARPNESS / 10) of the weight.
COMBINATION_SHARPNESS = 8.0

#: Days of errors after which a series' own losses count as much in its weights as those of its tier.
TIER_PRIOR_DAYS = 5.0

#: Share of the weights that is spread equally.
EQUAL_WEIGHT_SHARE = 0.1

#: Series of a tier, evenly spread, by which its methods are chosen.
SAMPLE = 200

#: Share of the outcomes for which a method may have no forecast.
MAX_MISSING_SHARE = 0.1

#: Names of the tiers, and the arrivals a slot that part them.
TIER_NAMES = ("sparse", "low", "middle", "high")
TIER_EDGES = (0.7, 5.0, 50.0)


@dataclass(frozen=True)
class Combination:
    """What the recommended forecast is made of.

    Attributes
    ----------
    names
        M methods, the first the simplest.
    weights
        N x M, each row sums to 1.
    past
        O x N x H; the combination at each past origin, with the weights that the other origins would have given.
    by_tier
        Name of the tier -> mean weight by method, of the tiers that there are.
    label
        Names of the methods that have weight anywhere, the heaviest first.
    """

    names: tuple[str, ...]
    weights: Floats
    past: Floats
    by_tier: dict[str, dict[str, float]]
    label: str

    def of(self, made: Mapping[str, Floats]) -> Floats:
        """Return the combination of N x H forecasts."""
        return combine_forecasts([made[name] for name in self.names], self.weights)


def combine_forecasts(made: Sequence[Floats], weights: Floats) -> Floats:
    """Average N x H forecasts by N x M weights; where a method has none, the others stand in for it."""
    total, said = np.zeros_like(made[0]), np.zeros_like(made[0])
    for forecast, weight in zip(made, weights.T, strict=True):
        there = ~np.isnan(forecast) & (weight[:, None] > 0)
        total += np.where(there, forecast * weight[:, None], 0.0)
        said += np.where(there, weight[:, None], 0.0)
    heard: Floats = total / np.where(said > 0, said, np.nan)
    return heard


def find_smallest_step(y: Floats) -> Floats:
    """Return the smallest difference between two values of each row: 1 for counts, whatever they are scaled by.

    A row with fewer than two values has its only one, or 1.

    >>> find_smallest_step(np.array([[30.0, 41.0, 40.0], [0.0, 5.0, 2.5], [np.nan, 8.0, 8.0]])).tolist()
    [1.0, 2.5, 8.0]
    """
    ordered = np.sort(np.hstack([y, np.zeros((len(y), 1))]), axis=1)
    largest = np.nanmax(ordered, axis=1, keepdims=True)
    gap = np.diff(ordered, axis=1)
    # gaps of rounding are none
    step = np.where(gap > 1e-6 * largest, gap, np.inf).min(axis=1)
    return np.where(np.isfinite(step), step, 1.0)


def assign_volume_tiers(level: Floats, step: Floats) -> Ints:
    """Return the tier of each series by arrivals a slot: sparse, low, middle, high; -1 where there is no level.

    Arrivals are the mean of a slot over the smallest step, so that the unit of ``y`` does not matter.

    >>> assign_volume_tiers(np.array([0.1, 3.0, 3.0, 2e4]), np.array([1.0, 1.0, 0.1, 1.0])).tolist()
    [0, 1, 2, 3]
    """
    return np.where(np.isnan(level), -1, np.digitize(np.nan_to_num(level) / step, TIER_EDGES)).astype(np.int64)


def choose_combination(
    made: Mapping[str, Floats],
    outcome: Floats,
    spread: Callable[[Floats, Ints], Floats],
    tier: Ints,
    days: Ints,
) -> Combination:
    """Choose methods and weights from forecasts of past origins.

    In each tier the first method stands alone until a combination with another one would have had less weighted
    quantile loss over the past origins, by more than two standard errors of the paired differences; then the next
    one is tried on top (forward selection from a library, Caruana and others 2004). Weights fall exponentially with
    the log of the past loss for the series, mixed with that of the tier by days of errors, and are shrunk to equal
    ones. At each origin a combination is judged with the weights that the other origins give.

    Parameters
    ----------
    made
        By method, the simplest first: O x N x H forecasts of past origins, the latest first.
    outcome
        O x N x H; NaN where nothing is known or counts.
    spread
        Gives the size of errors (O x n x H) of forecasts of the series whose numbers are given.
    tier
        N; see :func:`assign_volume_tiers`.
    days
        O x H; the day of each target.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> came = rng.poisson(100.0, (12, 4, 7)).astype(float)
    >>> made = {"core": np.full(came.shape, 100.0), "far": np.full(came.shape, 140.0)}
    >>> size = lambda point, rows: np.sqrt(point)
    >>> choose_combination(made, came, size, np.full(4, 3), np.arange(84).reshape(12, 7)).by_tier
    {'high': {'core': 1.0}}
    """
    names = tuple(made)
    origins, n_series, _ = outcome.shape
    outcome = np.where(np.isnan(made[names[0]]), np.nan, outcome)
    weights = np.zeros((n_series, len(names)))
    weights[:, 0] = 1.0
    past = made[names[0]].copy() if origins else outcome
    by_tier: dict[str, dict[str, float]] = {}
    for number, rows in _groups(tier, outcome):
        if origins >= MIN_ORIGINS and len(names) > 1:
            some = rows[:: -(-len(rows) // SAMPLE)]
            by_mean = number <= LAST_TIER_BY_MEAN
            members = _Tier.of(made, outcome, spread, some, days, by_mean).members()
            if len(members) > 1:
                whole = _Tier.of(made, outcome, spread, rows, days, by_mean)
                mixed = whole.mixed(members)
                if is_beyond_noise(whole.loss(mixed) - whole.loss(whole.made[0])):
                    weights[rows] = 0.0
                    weights[np.ix_(rows, np.array(members))] = whole.weigh(members)[0]
                    past[:, rows] = mixed
        share = weights[rows].mean(axis=0)
        by_tier[TIER_NAMES[number]] = {names[i]: round(float(share[i]), 3) for i in np.flatnonzero(share > 0)}
    return Combination(names, weights, past, by_tier, _label(names, weights[tier >= 0]))


def _groups(tier: Ints, outcome: Floats) -> Iterator[tuple[int, Ints]]:
    """Return the series of each tier; those that have ended come first and apart, as they must not choose for others.

    Ended is a series in which nothing came at the latest third of the origins, and something before.
    """
    came = np.nan_to_num(outcome).sum(axis=2)
    ended = (came.sum(axis=0) > 0) & (came[: -(-len(came) // 3)].sum(axis=0) == 0)
    for number in np.unique(tier[tier >= 0]):
        for apart in (True, False):
            rows = np.flatnonzero((tier == number) & (ended == apart))
            if len(rows):
                yield int(number), rows


def _label(names: Sequence[str], weights: Floats) -> str:
    """Name the methods that have weight anywhere, the heaviest first."""
    share = weights.mean(axis=0) if len(weights) else np.eye(len(names))[0]
    used = sorted((i for i in range(len(names)) if share[i] > 0), key=lambda i: (-round(float(share[i]), 9), i))
    return " + ".join(names[i] for i in used)


@dataclass(frozen=True)
class _Tier:
    """Series of a tier: past forecasts by method (O x n x H each), and what came."""

    rows: Ints
    made: list[Floats]
    outcome: Floats
    lacking: list[bool]
    spread: Callable[[Floats, Ints], Floats]
    days: Ints
    by_mean: bool
    known_losses: dict[int, Floats]

    @staticmethod
    def of(
        made: Mapping[str, Floats],
        outcome: Floats,
        spread: Callable[[Floats, Ints], Floats],
        rows: Ints,
        days: Ints,
        by_mean: bool,
    ) -> _Tier:
        every = [values[:, rows] for values in made.values()]
        came = outcome[:, rows]
        known = ~np.isnan(came)
        lacks = [bool((np.isnan(values) & known).sum() > MAX_MISSING_SHARE * known.sum()) for values in every]
        for values, lacking in zip(every, lacks, strict=True):
            # methods are compared where all of them said something
            came = came if lacking else np.where(np.isnan(values), np.nan, came)
        return _Tier(rows, every, came, lacks, spread, days, by_mean, {})

    def loss(self, point: Floats) -> Floats:
        """Return what each past origin adds to the loss of a forecast, each series in its own volume and capped."""
        own = self.score(point)
        volume = np.where(np.isnan(self.outcome), 0.0, self.outcome).sum(axis=(0, 2))
        used = volume > 0
        if not used.any():
            return np.zeros(len(point))
        part = own[:, used] / volume[used]
        most = MAX_SERIES_DEVIANCE if self.by_mean else MAX_SERIES_LOSS
        part = part * np.minimum(1.0, most / np.maximum(part.sum(axis=0), 1e-12))
        added: Floats = part.mean(axis=1)
        return added

    def members(self) -> list[int]:
        """Return the methods that are used, by forward selection."""
        usable = [i for i in range(len(self.made)) if not self.lacking[i]]
        chosen, now = [0], self.loss(self.made[0])
        while len(chosen) < MAX_MEMBERS:
            tried = {}
            for i in usable:
                if i not in chosen:
                    loss = self.loss(self.mixed([*chosen, i]))
                    if is_beyond_noise(loss - now):
                        tried[i] = loss
            if not tried:
                break
            best = min(tried, key=lambda i: (float(tried[i].sum()), i))
            chosen, now = [*chosen, best], tried[best]
        return sorted(chosen)

    def mixed(self, members: Sequence[int]) -> Floats:
        """Return the combination of members at each past origin, with weights learnt from the other origins."""
        _, weights = self.weigh(members)
        return np.stack(
            [combine_forecasts([self.made[m][o] for m in members], weights[o]) for o in range(len(weights))]
        )

    def weigh(self, members: Sequence[int]) -> tuple[Floats, Floats]:
        """Return the weights of the members by series, n x k, and by origin left out, O x n x k."""
        losses = np.stack([self.losses(m) for m in members], axis=2)
        known = (~np.isnan(self.outcome)).sum(axis=2)
        n_days = len(np.unique(self.days))
        every = _softmax(losses.sum(axis=0)[None], known.sum(axis=0)[None], n_days)[0]
        others = n_days * (1 - 1 / len(known))
        return every, _softmax(losses.sum(axis=0) - losses, known.sum(axis=0) - known, others)

    def losses(self, member: int) -> Floats:
        """Return the loss of a method at each past origin, O x n."""
        if member not in self.known_losses:
            self.known_losses[member] = self.score(self.made[member])
        return self.known_losses[member]

    def score(self, point: Floats) -> Floats:
        """Return the loss of a forecast at each past origin, O x n: of its distribution, or of its mean."""
        if self.by_mean:
            return poisson_deviance(self.outcome, point)
        return quantile_losses(self.outcome - point, self.spread(point, self.rows))


def _softmax(losses: Floats, known: Floats, n_days: float) -> Floats:
    """Turn losses of members (last axis) into weights, each series' with some of its tier's."""
    least = np.maximum(losses.min(axis=2, keepdims=True), 1e-12)
    excess = np.log(np.clip(losses / least, 1.0, 10.0))
    days = n_days * known / np.maximum(known.max(axis=1, keepdims=True), 1)
    heard = (known > 0)[:, :, None]
    count = np.maximum(heard.sum(axis=1, keepdims=True), 1)
    common = (excess * heard).sum(axis=1, keepdims=True) / count
    share = (days / (days + TIER_PRIOR_DAYS))[:, :, None]
    mixed = np.where(heard, share * excess + (1 - share) * common, common)
    gain = np.exp(-COMBINATION_SHARPNESS * (mixed - mixed.min(axis=2, keepdims=True)))
    gain /= gain.sum(axis=2, keepdims=True)
    weights: Floats = (1 - EQUAL_WEIGHT_SHARE) * gain + EQUAL_WEIGHT_SHARE / losses.shape[2]
    return weights


def is_beyond_noise(gain: Floats) -> bool:
    """Return whether paired differences of losses are below 0 in sum by more than two standard errors.

    >>> is_beyond_noise(np.array([-1.0, -0.5, -0.8])), is_beyond_noise(np.array([-2.0, 1.0, 0.9]))
    (True, False)
    """
    noise = float(np.sqrt(len(gain)) * gain.std(ddof=1)) if len(gain) > 1 else np.inf
    return bool(gain.sum() < -max(MIN_STANDARD_ERRORS * noise, 1e-12))


def poisson_deviance(outcome: Floats, mean: Floats) -> Floats:
    """Return the Poisson deviance of each past origin and series, O x N: least for the mean, in units of the outcome.

    A forecast of less than a 20th of what came on average counts as that: no arrival is infinitely wrong.

    >>> few = np.array([[[0.0, 0.0, 0.0, 1.0]]])
    >>> [round(float(poisson_deviance(few, np.full(few.shape, mean))[0, 0]), 2) for mean in (0.05, 0.25, 0.5)]
    [4.39, 2.77, 3.39]
    """
    known = ~np.isnan(outcome) & ~np.isnan(mean)
    y = np.where(known, outcome, 0.0)
    level = y.sum(axis=(0, 2)) / np.maximum(known.sum(axis=(0, 2)), 1)
    m = np.maximum(np.where(known, mean, 0.0), level[None, :, None] / 20)
    with np.errstate(divide="ignore", invalid="ignore"):
        surprise = np.where(y > 0, y * np.log(y / m), 0.0)
    total: Floats = np.where(known, 2 * (surprise - (y - m)), 0.0).sum(axis=2)
    return total


def quantile_losses(error: Floats, size: Floats) -> Floats:
    """Return twice the mean quantile loss of each past origin and series, O x N, in units of the outcome.

    The quantiles are those of the errors themselves over the size, by series scaled and pooled: the loss of a method
    whose intervals fit, so that methods are compared and not their intervals.

    Parameters
    ----------
    error
        O x N x H; NaN where there is none.
    size
        O x N x H; the spread that errors are scaled by.
    """
    known = ~np.isnan(error) & (size > 0)
    total = np.where(known, np.abs(error), 0.0)
    if not known.any():
        return np.zeros(total.shape[:2])
    count = known.sum(axis=(0, 2))
    scaled = np.where(known, error / np.where(size > 0, size, 1.0), 0.0)
    sigma = np.abs(scaled).sum(axis=(0, 2)) / np.maximum(count, 1)
    whole = np.median(sigma[count > 0])
    sigma = np.where((count > 0) & (sigma > 0), sigma, whole if whole > 0 else 1.0)
    pool = (scaled / sigma[None, :, None])[known]
    pool = pool[:: -(-len(pool) // 20_000)]
    width = size * sigma[None, :, None]
    value = np.where(known, error, 0.0)
    for q, edge in zip(SELECTION_QUANTILES, np.quantile(pool, SELECTION_QUANTILES), strict=True):
        total += np.where(known, 2 * pinball(value - width * edge, q), 0.0)
    losses: Floats = total.sum(axis=2) / (len(SELECTION_QUANTILES) + 1)
    return losses
