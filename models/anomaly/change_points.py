"""Where a series changed, looking back: segments of one level or one trend, under noise that remembers itself."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import product
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt
import pandas as pd

from ...features.arrays import Bools, Floats, Places
from ...features.errors import InputError, did_you_mean

SegmentShape = Literal["level", "trend"]
Form = Literal["level", "trend", "steady"]  # of one column; steady: one line throughout

#: Share of the variance of a series below which nobody sees a change: noise of this size is added to every model.
NOISE_FLOOR_SHARE = 0.1
#: Weight of the penalty; 1 is that of Schwarz for independent noise.
DEFAULT_PENALTY = 1.25
#: Places that are tried before the best ones are moved to the exact value.
MAX_GRID_POINTS = 600
#: Columns that may each have a shape of their own.
MAX_MIXED_COLUMNS = 4
#: Noise that remembers itself more would explain everything.
MAX_AUTOCORRELATION = 0.99


@dataclass(frozen=True)
class Segments:
    """A way to cut a series.

    Attributes
    ----------
    shapes
        What a segment is, for each column: a level, a straight line, or part of one line that never changes.
    starts
        First place of each new segment.
    cost
        Description length; less is better.
    """

    shapes: tuple[Form, ...]
    starts: tuple[int, ...]
    cost: float


def change_points(
    values: npt.ArrayLike,
    *,
    of: Literal["values", "spread"] = "values",
    shapes: Iterable[SegmentShape] = ("level", "trend"),
    least: int = 5,
    penalty: float = DEFAULT_PENALTY,
    most: int = 40,
) -> list[int]:
    """Return the places at which a series begins to behave differently.

    Parameters
    ----------
    values
        In order of time, shape (n,), or (n, d) for columns that change together. What is missing or not finite is left
        out.
    of
        ``values``, or their ``spread``: how far they lie from the median around them, on a log scale.
    shapes
        What a segment may be: a ``level``, a ``trend`` (straight line), or the one of the two that describes the whole
        better. Of two to four columns each has its own shape, and some may not change at all; more share one.
    least
        Least number of values in a segment.
    penalty
        The larger, the fewer changes. With the default, quiet series of 100 to 300 values give next to none, about a
        tenth of a change if their noise keeps four fifths of its last value, and a random walk, which changes its trend
        by nature, about one.
    most
        Most changes.

    Returns
    -------
    Place (from 0) of the first value of each new segment, rising.

    Raises
    ------
    InputError
        If the values are no series of numbers, or a setting is out of range.

    Notes
    -----
    Exact least squares for each number of changes (Bellman 1961), then the number and the shapes by the description
    length of the series with autoregressive noise (after Davis, Lee and Rodriguez-Yam 2006): n log(innovation variance)
    plus a penalty for each number that must be told. Single outliers are set to the median around them. Series longer
    than 600 values are cut on a coarse grid first and then moved to the exact place.

    Examples
    --------
    >>> y = np.r_[np.sin(np.arange(60)), 5 + np.sin(np.arange(40))]
    >>> change_points(y)
    [60]
    >>> change_points(np.sin(np.arange(100)))
    []
    """
    wanted = _checked(of, shapes, least, penalty, most)
    whole = _table(values)
    places = np.flatnonzero(np.isfinite(whole).all(axis=1))
    known = whole[places]
    spread = known.std(axis=0) if len(known) else np.zeros(whole.shape[1])
    known = known[:, spread > 1e-9 * np.abs(known).max(axis=0, initial=0)]
    if len(known) < 2 * least or not known.shape[1]:
        return []
    x = hampel_filter(known if of == "values" else spread_around_median(known))
    spread = x.std(axis=0)
    x = ((x - x.mean(axis=0)) / np.where(spread > 0, spread, 1.0)).astype(float)
    ways = [way for forms in _forms(wanted, x.shape[1]) for way in _best_segmentations(x, forms, least, penalty, most)]
    best = min(ways, key=lambda way: way.cost)
    return [int(places[start]) for start in best.starts]


def spread_around_median(values: Floats, reach: int = 5) -> Floats:
    """Return the logarithm of how far each value lies from the median of those around it.

    >>> spread_around_median(np.array([[0.0], [1], [0], [10], [0], [1], [0]])).argmax().item()
    3
    """
    frame = pd.DataFrame(values)
    off = (frame - frame.rolling(2 * reach + 1, center=True, min_periods=1).median()).abs()
    out: Floats = np.log((off + 0.01 * frame.std(ddof=0)).to_numpy(dtype=float))
    return out


def hampel_filter(values: Floats, reach: int = 3, far: float = 4.0) -> Floats:
    """Set single values that stick out of their surroundings to the median around them (Hampel 1974).

    >>> hampel_filter(np.array([[1.0], [2], [1], [90], [2], [1], [2], [1]]))[3].tolist()
    [2.0]
    """
    frame = pd.DataFrame(values)
    middle = frame.rolling(2 * reach + 1, center=True, min_periods=1).median()
    off = (frame - middle).abs()
    limit = far * np.maximum(1.4826 * off.median(), 0.2 * frame.std(ddof=0))
    return frame.where(off <= limit, middle).to_numpy()


class _Squares:
    """Sums of squares around the level or the line of any segment, from running sums."""

    def __init__(self, x: Floats, shapes: tuple[Form, ...]) -> None:
        n = len(x)
        self.t = np.arange(n) / n - 0.5
        self.shapes = shapes

        def run(a: Floats) -> Floats:
            return np.concatenate([np.zeros((1, *a.shape[1:])), np.cumsum(a, axis=0)])

        self.st, self.stt = run(self.t), run(self.t**2)
        self.sx, self.sxx, self.sxt = run(x), run(x**2), run(x * self.t[:, None])

    def between(self, start: Places, end: Places) -> Floats:
        """Return the sum over all columns of [start, end), element by element."""
        m = np.maximum(end - start, 1)
        st = self.st[end] - self.st[start]
        stt = self.stt[end] - self.stt[start] - st**2 / m
        out = np.zeros(np.broadcast(start, end).shape)
        for k, shape in enumerate(self.shapes):
            if shape == "steady":
                continue
            sx = self.sx[end, k] - self.sx[start, k]
            rest = self.sxx[end, k] - self.sxx[start, k] - sx**2 / m
            if shape == "trend":
                sxt = self.sxt[end, k] - self.sxt[start, k] - st * sx / m
                rest = rest - np.divide(sxt**2, stt, out=np.zeros_like(rest), where=stt > 1e-12)
            out += np.maximum(rest, 0)
        return out


def _best_segmentations(x: Floats, shapes: tuple[Form, ...], least: int, penalty: float, most: int) -> list[Segments]:
    """Return the best cut for each number of changes."""
    n = len(x)
    squares = _Squares(x, shapes)
    grid = np.unique(np.linspace(0, n, min(n, MAX_GRID_POINTS) + 1).astype(np.intp))
    table = squares.between(grid[:, None], grid[None, :])
    table[(grid[None, :] - grid[:, None]) < least] = np.inf
    reached, came = [table[0]], []
    for _ in range(min(most, n // least - 1)):
        total = reached[-1][:, None] + table
        came.append(total.argmin(axis=0))
        reached.append(total.min(axis=0))
    out = []
    for changes in range(len(reached)):
        if not np.isfinite(reached[changes][-1]):
            break
        starts, at = [], len(grid) - 1
        for back in reversed(came[:changes]):
            at = int(back[at])
            starts.append(int(grid[at]))
        exact = _moved(squares, starts[::-1], least, int(np.diff(grid).max()))
        out.append(Segments(shapes, tuple(exact), _length(x, exact, shapes, penalty)))
    return out


def _moved(squares: _Squares, starts: list[int], least: int, step: int) -> list[int]:
    """Move each change to the exact place beside its place on the grid."""
    if step <= 1:
        return starts
    edges = [0, *starts, len(squares.t)]
    for k in range(1, len(edges) - 1):
        tried = np.arange(max(edges[k] - step, edges[k - 1] + least), min(edges[k] + step, edges[k + 1] - least) + 1)
        left, right = np.full_like(tried, edges[k - 1]), np.full_like(tried, edges[k + 1])
        edges[k] = int(tried[(squares.between(left, tried) + squares.between(tried, right)).argmin()])
    return edges[1:-1]


def _length(x: Floats, starts: list[int], shapes: tuple[Form, ...], penalty: float) -> float:
    """Return the description length of a series cut so, its noise being autoregressive."""
    n = len(x)
    rest = _rest(x, starts, shapes)
    inside = np.ones(n - 1, dtype=bool)
    inside[np.array(starts, dtype=np.intp) - 1] = False
    together = (rest[:-1] * rest[1:])[inside].sum(axis=0) / n
    variance = (rest**2).mean(axis=0) + NOISE_FLOOR_SHARE
    memory = np.clip(together / variance, 0, MAX_AUTOCORRELATION)
    segments = len(starts) + 1
    told = sum({"level": segments, "trend": 2 * segments, "steady": 2}[shape] for shape in shapes) + len(starts)
    return float(n * np.log(variance * (1 - memory**2)).sum() + penalty * np.log(n) * told)


def _rest(x: Floats, starts: list[int], shapes: tuple[Form, ...]) -> Floats:
    """Return what the level or line of each segment leaves."""
    steady, bent = (np.array([shape == name for shape in shapes]) for name in ("steady", "trend"))
    out = np.empty_like(x)
    for left, right in zip([0, *starts], [*starts, len(x)], strict=True):
        out[left:right] = _off_line(x[left:right], bent)
    return np.where(steady, _off_line(x, steady), out) if steady.any() else out


def _off_line(part: Floats, bent: Bools) -> Floats:
    """Return what the mean, and for some columns the straight line, of a part leaves."""
    out: Floats = part - part.mean(axis=0)
    if bent.any() and len(part) > 2:
        t = (np.arange(len(part)) - (len(part) - 1) / 2)[:, None]
        out = out - bent * t * (t * out).sum(axis=0) / (t**2).sum()
    return out


def _forms(wanted: tuple[SegmentShape, ...], columns: int) -> list[tuple[Form, ...]]:
    """Return the forms to try."""
    if columns == 1 or columns > MAX_MIXED_COLUMNS:
        return [(shape,) * columns for shape in wanted]
    forms: tuple[Form, ...] = (*wanted, "steady")
    return [mixed for mixed in product(forms, repeat=columns) if set(mixed) != {"steady"}]


def _table(values: npt.ArrayLike) -> Floats:
    try:
        out = np.asarray(values, dtype=float)
    except (TypeError, ValueError) as error:
        raise InputError(
            "not valid numbers", where="argument 'values'", wanted="a series of numbers", code="value.unreadable"
        ) from error
    if out.ndim not in (1, 2):
        got = f"{out.ndim} dimensions"
        raise InputError(
            "not a valid series",
            where="argument 'values'",
            got=got,
            wanted="shape (n,) or (n, d)",
            code="series.unknown",
        )
    return out if out.ndim == 2 else out[:, None]


def _checked(
    of: str, shapes: Iterable[SegmentShape], least: int, penalty: float, most: int
) -> tuple[SegmentShape, ...]:
    wanted = tuple(shapes)
    known = get_args(SegmentShape)
    if of not in ("values", "spread"):
        raise InputError(
            "unknown quantity to change",
            where="argument 'of'",
            got=of,
            wanted="'values' or 'spread'",
            code="value.range",
        )
    for shape in wanted:
        if shape not in known:
            hint = did_you_mean(str(shape), list(known))
            raise InputError(
                "not a valid shape of a segment", where="argument 'shapes'", got=shape, hint=hint, code="series.unknown"
            )
    settings = (("shapes", len(wanted), 1), ("least", least, 2), ("penalty", penalty, 0), ("most", most, 0))
    for name, value, lowest in settings:
        if not value >= lowest:
            raise InputError(
                "the setting is out of range",
                where=f"argument '{name}'",
                got=value,
                wanted=f"from {lowest}",
                code="value.range",
            )
    return wanted
