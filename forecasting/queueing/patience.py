"""How long callers are ready to wait: exponential, the same for all, in stages, mixed, or as observed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

from ...features.arrays import Floats
from ...features.errors import InputError
from ..arguments import Numbers, check_numbers

#: More stages than this are as good as a fixed patience, and their tails can no longer be integrated to ten digits.
MAX_STAGES = 20


@dataclass(frozen=True)
class DiscretePatience:
    """Patience that takes a few values only, as multiples of a scale; what is missing to 1 never gives up."""

    points: tuple[float, ...]
    shares: tuple[float, ...]

    @property
    def mean(self) -> float:
        """Mean in units of the scale; infinite if some never give up."""
        return float("inf") if self.never_share > 0 else float(np.dot(self.points, self.shares))

    @property
    def never_share(self) -> float:
        """Share of callers who never give up."""
        rest = 1 - float(np.sum(self.shares))
        return rest if rest > 1e-12 else 0.0

    def gone(self, x: Floats) -> Floats:
        """Return the share of callers whose patience is at most ``x`` scales."""
        totals = np.concatenate([[0.0], np.cumsum(self.shares)])
        return np.asarray(totals[np.searchsorted(self.points, x, side="right")])


@dataclass(frozen=True)
class ErlangMixture:
    """Patience that runs through exponential stages of equal mean; several kinds of callers by their shares.

    Times are multiples of a scale: ``means`` are those of the whole patience of each kind.
    """

    shares: tuple[float, ...]
    stages: tuple[int, ...]
    means: tuple[float, ...]

    @property
    def mean(self) -> float:
        """Mean in units of the scale."""
        return float(np.dot(self.shares, self.means))

    def gone(self, x: Floats) -> Floats:
        """Return the share of callers whose patience is at most ``x`` scales."""
        parts = (p * special.gammainc(k, k * x / m) for p, k, m in self._kinds())
        return np.asarray(sum(parts))

    def left(self, x: Floats) -> Floats:
        """Return the share of callers who are still ready to wait after ``x`` scales."""
        parts = (p * special.gammaincc(k, k * x / m) for p, k, m in self._kinds())
        return np.asarray(sum(parts))

    def waited(self, x: Floats) -> Floats:
        """Return the mean of the smaller of patience and ``x``: the integral of :meth:`left`."""
        parts = (
            p * (x * special.gammaincc(k, k * x / m) + m * special.gammainc(k + 1, k * x / m))
            for p, k, m in self._kinds()
        )
        return np.asarray(sum(parts))

    def gone_integral(self, x: Floats) -> Floats:
        """Return ``x`` less :meth:`waited`, the integral of :meth:`gone`, accurate near 0."""
        parts = (
            p * np.maximum(x * special.gammainc(k, k * x / m) - m * special.gammainc(k + 1, k * x / m), 0)
            for p, k, m in self._kinds()
        )
        return np.asarray(sum(parts))

    def evaluate_all(self, x: Floats) -> tuple[Floats, Floats, Floats, Floats]:
        """Return :meth:`gone`, :meth:`left`, :meth:`waited` and the density, for the price of one of them."""
        out = [np.zeros_like(x) for _ in range(4)]
        with np.errstate(under="ignore"):
            for p, k, m in self._kinds():
                y = k * x / m
                term = np.exp(-y)  # chance of exactly j stages done by x
                left = term.copy()
                for j in range(1, k):
                    term = term * (y / j)
                    left += term
                gone = special.gammainc(k, y) if k > 1 else -np.expm1(-y)
                more = np.maximum(gone - term * (y / k), 0)  # one stage further
                for total, part in zip(out, (gone, left, x * left + m * more, k / m * term), strict=True):
                    total += p * part
        return out[0], out[1], out[2], out[3]

    def _kinds(self) -> list[tuple[float, int, float]]:
        return list(zip(self.shares, self.stages, self.means, strict=True))


PatienceShape = DiscretePatience | ErlangMixture


@dataclass(frozen=True)
class Patience:
    """How long callers wait before they give up, where a plain mean (exponential patience) is not enough.

    Build one with :meth:`fixed`, :meth:`erlang`, :meth:`hyperexponential` or :meth:`observed`, and pass it as
    ``patience``.

    Parameters
    ----------
    scale
        Seconds; a number or an array that broadcasts with the other arguments.
    shape
        The distribution in units of ``scale``.

    Examples
    --------
    >>> Patience.fixed(120).mean, Patience.erlang(120, stages=2).mean
    (120.0, 120.0)
    """

    scale: Numbers
    shape: PatienceShape

    @property
    def mean(self) -> Floats | float:
        """Mean patience in seconds."""
        scale = check_numbers("patience", self.scale, above=0, infinite=True) * self.shape.mean
        return scale if scale.ndim else float(scale)

    @classmethod
    def fixed(cls, seconds: Numbers) -> Patience:
        """Return a patience that is the same for everybody: they leave after exactly so many seconds."""
        check_numbers("patience", seconds, above=0, infinite=True)
        return cls(seconds, DiscretePatience((1.0,), (1.0,)))

    @classmethod
    def erlang(cls, mean: Numbers, stages: int) -> Patience:
        """Return a patience in exponential stages of equal mean; more stages are more regular, one is exponential.

        >>> Patience.erlang(90, stages=3).shape.stages
        (3,)
        """
        check_numbers("patience", mean, above=0, infinite=True)
        if isinstance(stages, bool) or not isinstance(stages, int) or not 1 <= stages <= MAX_STAGES:
            raise InputError(
                "the number of stages is out of range",
                where="argument 'stages'",
                got=stages,
                wanted=f"a whole number from 1 up to {MAX_STAGES}",
                hint="Patience.fixed is the limit of many stages",
                code="value.range",
            )
        return cls(mean, ErlangMixture((1.0,), (stages,), (1.0,)))

    @classmethod
    def hyperexponential(cls, shares: Numbers, means: Numbers) -> Patience:
        """Return the patience of several kinds of callers, each exponential with its own mean in seconds.

        >>> round(Patience.hyperexponential(shares=[0.3, 0.7], means=[10, 300]).mean, 6)
        213.0
        """
        p = check_numbers("shares", shares, above=0, most=1).ravel()
        m = check_numbers("means", means, above=0).ravel()
        if len(p) != len(m):
            raise InputError(
                "there must be one mean for each share",
                where="argument 'means'",
                got=len(m),
                wanted=f"{len(p)} means",
                code="value.length",
            )
        _sum_to_one(p)
        scale = float(np.dot(p, m) / p.sum())
        return cls(scale, ErlangMixture(tuple((p / p.sum()).tolist()), (1,) * len(p), tuple((m / scale).tolist())))

    @classmethod
    def observed(cls, seconds: Numbers, surviving: Numbers) -> Patience:
        """Return the patience of a survival curve, such as that of Kaplan and Meier over answered and lost calls.

        Parameters
        ----------
        seconds
            Times at which the curve falls, above 0 and rising.
        surviving
            Share still ready to wait after each of them, falling, from 0 to 1; what the last value leaves never
            gives up.

        Examples
        --------
        >>> Patience.observed([30, 90], [0.5, 0.0]).mean
        60.0
        """
        x = check_numbers("seconds", seconds, above=0).ravel()
        s = check_numbers("surviving", surviving, least=0, most=1).ravel()
        if len(x) != len(s) or not len(x):
            raise InputError(
                "there must be one value for each time",
                where="argument 'surviving'",
                got=len(s),
                wanted=f"{len(x)}",
                code="value.length",
            )
        for name, values, word in (("seconds", np.diff(x) <= 0, "rising"), ("surviving", np.diff(s) > 0, "falling")):
            if values.any():
                first = int(np.flatnonzero(values)[0]) + 1
                raise InputError(
                    f"the values are not {word}", where=f"argument '{name}', position {first}", code="value.unreadable"
                )
        shares = -np.diff(np.concatenate([[1.0], s]))
        kept = shares > 0
        if not kept.any():
            raise InputError(
                "missing abandonment: the curve never falls",
                where="argument 'surviving'",
                hint="patience=None",
                code="plan.impossible",
            )
        return cls(1.0, DiscretePatience(tuple(x[kept].tolist()), tuple(shares[kept].tolist())))


def read_patience_shape(patience: Numbers | Patience | None) -> tuple[Floats, PatienceShape | None]:
    """Return the scale of patience in seconds (infinite: nobody gives up) and its shape; exponential is ``None``.

    >>> read_patience_shape(None)[0].tolist(), read_patience_shape(Patience.erlang(60, 1))
    (inf, (array(60.), None))
    """
    if patience is None:
        return np.asarray(np.inf), None
    if not isinstance(patience, Patience):
        return check_numbers("patience", patience, above=0, infinite=True), None
    scale, shape = check_numbers("patience", patience.scale, above=0, infinite=True), patience.shape
    if isinstance(shape, ErlangMixture) and set(shape.stages) == {1} and len(shape.stages) == 1:
        return np.asarray(scale * shape.mean), None
    return scale, shape


def _sum_to_one(shares: Floats) -> None:
    total = float(shares.sum())
    if abs(total - 1) > 1e-9:
        raise InputError(
            "the shares do not sum to 1", where="argument 'shares'", got=total, wanted="1", code="value.length"
        )
