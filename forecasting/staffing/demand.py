"""What may come: volumes and handle times as scenarios, since a forecast is never one number."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import special

from ...features.arrays import Floats
from ...features.errors import InputError
from ..arguments import Numbers, broadcast, check_number, check_numbers
from ..scenarios.quantiles import quantile_at, rate_quantiles

#: Number of points at which a distribution is taken where all slots move together, instead of drawing from it.
DISTRIBUTION_POINTS = 441


@dataclass(frozen=True)
class Demand:
    """Scenarios of arrival rates and handle times, each with a weight; within a scenario arrivals are Poisson.

    So the arrivals as a whole are a mixed (doubly stochastic) Poisson process: more spread than Poisson, as real ones
    are. Build one with :meth:`varying`, :meth:`from_quantiles` or :meth:`from_paths`.

    Parameters
    ----------
    calls
        Mean calls, one row a scenario and one column a slot.
    aht
        Mean handle times in seconds, same shape.
    weight
        One number a scenario; they sum to 1.
    ordered
        Whether the scenarios are the points of one curve, from the quietest to the busiest, and not draws.
    """

    calls: Floats
    aht: Floats
    weight: Floats
    ordered: bool = False

    @property
    def slots(self) -> int:
        """Number of slots."""
        return int(self.calls.shape[1])

    @classmethod
    def varying(
        cls,
        calls: Numbers,
        aht: Numbers,
        spread: Numbers = 0.1,
        aht_spread: Numbers = 0.0,
        *,
        together: float = 1.0,
        paths: int = 2000,
        seed: int = 0,
        points: int = DISTRIBUTION_POINTS,
    ) -> Demand:
        """Return arrivals whose rate varies by a gamma distribution around its mean.

        Parameters
        ----------
        calls, aht
            Means for each slot.
        spread
            Standard deviation of the arrival rate over its mean; 0 is plain Poisson.
        aht_spread
            The same for the mean handle time, independent of the rate.
        together
            Correlation of the slots' normal scores, from 0 (each slot has luck of its own) to 1 (a busy day is busy in
            every slot).
        paths, seed
            Scenarios to draw, and from where, unless all slots move together and only the rate varies: then the
            distribution is integrated and nothing is drawn.
        points
            Points of that integral.

        Examples
        --------
        >>> demand = Demand.varying([300.0], aht=300, spread=0.1)
        >>> mean = demand.weight @ demand.calls
        >>> mean.round(4).tolist(), np.sqrt(demand.weight @ (demand.calls - mean) ** 2).round(3).tolist()
        ([300.0], [30.0])
        """
        given = broadcast(
            {
                "calls": np.atleast_1d(check_numbers("calls", calls, least=0)),
                "aht": check_numbers("aht", aht, above=0),
                "spread": check_numbers("spread", spread, least=0),
                "aht_spread": check_numbers("aht_spread", aht_spread, least=0),
            }
        )
        flat = {name: x.ravel() for name, x in given.items()}
        drawn = bool((flat["aht_spread"] > 0).any()) or check_number("together", together, least=0, most=1) < 1
        size = flat["calls"].size
        scores, weight = _scores(size, np.zeros(size), together, paths, seed) if drawn else _nodes(points)
        more, _ = _scores(size, np.zeros(size), together, paths, seed + 1) if drawn else (scores, weight)
        rate = flat["calls"] * _gamma(scores, flat["spread"])
        time = flat["aht"] * _gamma(more, flat["aht_spread"])
        rate, time = np.broadcast_arrays(rate, time)
        return cls(rate, time, weight, not drawn)

    @classmethod
    def from_quantiles(
        cls,
        calls: Mapping[float, Numbers],
        aht: Numbers,
        *,
        days: npt.ArrayLike | None = None,
        together: float = 1.0,
        counts: bool = True,
        paths: int = 2000,
        seed: int = 0,
        points: int = DISTRIBUTION_POINTS,
    ) -> Demand:
        """Return the demand of a forecast in quantiles.

        Parameters
        ----------
        calls
            Probability -> values, one for each slot; at least two probabilities.
        aht
            Mean handle time: one number, one for each slot, or quantiles like those of ``calls`` (a mapping), then
            independent of the calls.
        days
            Label of the day of each slot: days are independent of each other. Without it all slots are one day.
        together
            As in :meth:`varying`, within a day.
        counts
            Whether the quantiles are those of counts in a slot, as those of a forecast are: the Poisson part of their
            spread is then taken out, since the formulas have it already and it must count once. ``False``: they are
            quantiles of the rate itself.
        paths, seed, points
            As in :meth:`varying`; drawn if ``days``, ``together`` below 1 or quantiles of ``aht`` ask for it.

        Examples
        --------
        >>> demand = Demand.from_quantiles({0.1: [90.0], 0.5: [100.0], 0.9: [110.0]}, aht=180)
        >>> (demand.weight @ demand.calls).round(3).tolist()
        [100.0]
        """
        q = _in_order("calls", calls)
        if counts:
            q = rate_quantiles(q)
        size = len(next(iter(q.values())))
        labels = np.zeros(size) if days is None else np.unique(np.asarray(days), return_inverse=True)[1]
        if len(labels) != size:
            raise InputError(
                "there must be one label for each time step",
                where="argument 'days'",
                got=len(labels),
                wanted=f"{size}",
                code="value.length",
            )
        drawn = days is not None or check_number("together", together, least=0, most=1) < 1 or isinstance(aht, Mapping)
        scores, weight = _scores(size, labels, together, paths, seed) if drawn else _nodes(points)
        if isinstance(aht, Mapping):
            more, _ = _scores(size, labels, together, paths, seed + 1)
            time = np.maximum(quantile_at(_in_order("aht", aht), more), 1e-9)
        else:
            time = check_numbers("aht", aht, above=0)
        rate, time = np.broadcast_arrays(quantile_at(q, scores), time)
        return cls(rate, time, weight, not drawn)

    @classmethod
    def from_paths(cls, calls: Numbers, aht: Numbers) -> Demand:
        """Return the demand of sample paths: one row a path, one column a slot; all paths count the same.

        Examples
        --------
        >>> Demand.from_paths([[100, 120], [90, 100]], aht=180).weight.tolist()
        [0.5, 0.5]
        """
        rate = np.atleast_2d(check_numbers("calls", calls, least=0))
        time = check_numbers("aht", aht, above=0)
        both = broadcast({"calls": rate, "aht": time})
        if both["calls"].ndim != 2 or both["calls"].shape != rate.shape or not len(rate):
            raise InputError(
                "paths must have one row each, at least one, and one column for each time step",
                where="argument 'calls'",
                got=both["calls"].shape,
                code="value.range",
            )
        return cls(both["calls"], both["aht"], np.full(len(rate), 1 / len(rate)))


def _nodes(points: int) -> tuple[Floats, Floats]:
    scores = np.linspace(-5.5, 5.5, points)
    weight = np.exp(-scores * scores / 2)
    return scores[:, None], weight / weight.sum()


def _scores(size: int, days: npt.NDArray[Any], together: float, paths: int, seed: int) -> tuple[Floats, Floats]:
    """Draw normal scores that share a part within each day; pairs of opposite signs keep their mean at 0."""
    share = check_number("together", together, least=0, most=1)
    rng = np.random.default_rng(seed)
    half = (paths + 1) // 2
    _, code = np.unique(days, return_inverse=True)
    common = rng.standard_normal((half, int(code.max(initial=0)) + 1))[:, code]
    own = rng.standard_normal((half, size))
    scores = np.sqrt(share) * common + np.sqrt(1 - share) * own
    scores = np.concatenate([scores, -scores])
    return scores, np.full(2 * half, 1 / (2 * half))


def _gamma(scores: Floats, spread: Floats) -> Floats:
    """Return gamma variates of mean 1 at normal scores; 1 where nothing varies."""
    shape = 1 / np.where(spread > 0, spread, 1.0) ** 2
    lower = special.gammaincinv(shape, special.ndtr(np.minimum(scores, 0)))
    upper = special.gammainccinv(shape, special.ndtr(-np.maximum(scores, 0)))
    return np.where(spread > 0, np.where(scores < 0, lower, upper) / shape, 1.0)


def _in_order(name: str, quantiles: Mapping[float, Numbers]) -> dict[float, Floats]:
    levels = sorted(quantiles)
    check_numbers(f"{name} (probabilities)", np.array(levels, dtype=float), above=0, below=1)
    if len(levels) < 2:
        raise InputError(
            "at least two quantiles are needed", where=f"argument '{name}'", got=levels, code="value.range"
        )
    read = {p: np.atleast_1d(check_numbers(f"{name}[{p:g}]", quantiles[p])) for p in levels}
    arrays = broadcast({f"{name}[{p:g}]": x for p, x in read.items()})
    return dict(zip(levels, arrays.values(), strict=True))
