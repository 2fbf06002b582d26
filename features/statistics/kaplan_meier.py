"""Durations with some still running: Kaplan-Meier over many groups at once."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import ndtri

from ..arrays import Floats
from ..errors import InputError

_ROUNDING_TOLERANCE = 1e-9  # a curve that should stand exactly at a half may miss it by rounding


def kaplan_meier(
    durations: npt.ArrayLike,
    observed: npt.ArrayLike,
    groups: npt.ArrayLike | None = None,
    *,
    n_groups: int | None = None,
    quantiles: tuple[float, ...] = (0.5, 0.9),
    horizon: float | None = None,
    level: float = 0.95,
) -> pd.DataFrame:
    """Estimate quantiles and the mean of durations of which some are only known to be longer than seen.

    Parameters
    ----------
    durations
        Shape (n,), any unit: time to the end, or to the moment at which it was last seen running. Missing ones are
        left out.
    observed
        Shape (n,): True where the end was seen, False where the duration is censored.
    groups
        Shape (n,), whole numbers from 0: the group of each; one group by default.
    n_groups
        Number of groups, if some may have no duration.
    quantiles
        Shares in (0, 1): the time by which that share has ended.
    horizon
        The mean counts each duration at most up to here (restricted mean). By default there is a mean only where
        the curve comes down to 0.
    level
        Of the interval for the median.

    Returns
    -------
    DataFrame
        One row a group: ``n``, ``ended``, one column ``q<percent>`` a quantile (the midpoint where the curve is flat
        at that share and falls on later, as for the median of an even number; NaN where the curve does not come down
        that far), ``mean`` (NaN where the curve ends above 0 before the horizon), and ``lo``, ``hi``: the
        interval of the median from the log-log transformed variance of Greenwood (NaN where it has no end).

    Notes
    -----
    Ends come before censorings at the same time. The midpoint of a flat stretch is what ``survfit`` of R gives
    (T. M. Therneau, survival, help page "quantile.survfit"). E. L. Kaplan and P. Meier, Nonparametric estimation from
    incomplete observations, JASA 53 (1958), 457-481; R. Brookmeyer and J. Crowley, A confidence interval for the
    median survival time, Biometrics 38 (1982), 29-41; P. Royston and M. Parmar, Restricted mean survival time, BMC
    Medical Research Methodology 13 (2013), 152.

    Examples
    --------
    >>> kaplan_meier([1, 2, 3, 4], [True, False, True, True])[["n", "ended", "q50", "mean"]].to_dict("records")
    [{'n': 4, 'ended': 3, 'q50': 3.0, 'mean': 2.875}]
    """
    t, seen, g, count = _read(durations, observed, groups, n_groups)
    if horizon is not None and not horizon > 0:
        raise InputError("the horizon must be above 0", column="horizon", got=horizon, code="value.range")
    curve = _curve(t, seen, g, count)
    out = pd.DataFrame({"n": np.bincount(g, minlength=count), "ended": np.bincount(g, weights=seen, minlength=count)})
    out = out.astype("int64")
    for share in quantiles:
        if not 0 < share < 1:
            raise InputError("a quantile must be between 0 and 1", column="quantiles", got=share, code="value.range")
        out[f"q{share * 100:g}"] = _find_quantile(curve, 1 - share, count)
    out["mean"] = _restricted_mean(curve, count, horizon)
    lower, upper = _band(curve, level)
    out["lo"], out["hi"] = _first_below(curve, lower, 0.5, count), _first_below(curve, upper, 0.5, count)
    return out


def _read(
    durations: npt.ArrayLike, observed: npt.ArrayLike, groups: npt.ArrayLike | None, n_groups: int | None
) -> tuple[Floats, npt.NDArray[np.bool_], npt.NDArray[np.int64], int]:
    t = np.asarray(durations, dtype=float)
    seen = np.asarray(observed, dtype=bool)
    g = np.zeros(len(t), dtype=np.int64) if groups is None else np.asarray(groups, dtype=np.int64)
    if not t.shape == seen.shape == g.shape or t.ndim != 1:
        raise InputError(
            "durations, observed and groups must be equally long",
            got=tuple(x.shape for x in (t, seen, g)),
            code="value.length",
        )
    known = ~np.isnan(t)
    if (t[known] < 0).any():
        row = int(np.flatnonzero(known & (np.nan_to_num(t) < 0))[0])
        raise InputError(
            "a duration is negative", column="durations", row=row + 1, got=float(t[row]), code="duration.unreadable"
        )
    count = n_groups if n_groups is not None else int(g.max(initial=-1 if groups is not None else 0)) + 1
    if len(g) and (g.min() < 0 or g.max() >= count):
        raise InputError("a group is not in 0..n_groups - 1", column="groups", got=int(g.max()), code="value.range")
    return t[known], seen[known], g[known], count


def _curve(t: Floats, seen: npt.NDArray[np.bool_], g: npt.NDArray[np.int64], count: int) -> dict[str, Any]:
    """All curves in one: a row for each distinct time of each group."""
    order = _by_group_and_time(t, g, count)
    t, seen, g = t[order], seen[order], g[order]
    n = len(t)
    new = np.ones(n, dtype=bool)
    new[1:] = (t[1:] != t[:-1]) | (g[1:] != g[:-1])
    first = np.flatnonzero(new)
    group, time = g[first], t[first]
    deaths = np.add.reduceat(seen.astype(float), first) if n else np.zeros(0)
    ends = np.searchsorted(g, np.arange(count), side="right")
    at_risk = (ends[group] - first).astype(float)
    # where all at risk end, the curve is 0 from there on, and no later time of the group follows
    last = deaths == at_risk
    with np.errstate(divide="ignore"):
        steps = np.where(last, 0.0, np.log1p(-deaths / at_risk))
        greenwood = np.where(last, 0.0, deaths / (at_risk * np.maximum(at_risk - deaths, 1)))
    survival = np.exp(_running_sum(steps, group))
    survival[last] = 0.0
    variance = _running_sum(greenwood, group)
    return {"group": group, "time": time, "survival": survival, "variance": variance}


def _by_group_and_time(t: Floats, g: npt.NDArray[np.int64], count: int) -> npt.NDArray[np.int64]:
    """Sort by time and then by group; numbers of 16 bits are sorted several times faster than longer ones."""
    order = np.argsort(t)  # ends at the same time are summed up, so their order does not matter
    groups = g.astype(np.uint16) if count <= 65536 else g
    return order[np.argsort(groups[order], kind="stable")]


def _running_sum(values: Floats, group: npt.NDArray[np.int64]) -> Floats:
    """Cumulative sum that starts anew with each group (groups are sorted)."""
    total = np.cumsum(values)
    if not len(values):
        return total
    starts = np.flatnonzero(np.r_[True, group[1:] != group[:-1]])
    before = np.r_[0.0, total][starts]
    return np.asarray(total - np.repeat(before, np.diff(np.r_[starts, len(values)])), dtype=float)


def _first_below(curve: dict[str, Any], values: Floats, limit: float, count: int) -> Floats:
    """First time of each group at which the values are at or below a limit."""
    out = np.full(count, np.nan)
    hit = np.flatnonzero(values <= limit + _ROUNDING_TOLERANCE)
    group = curve["group"][hit]
    first = np.r_[True, group[1:] != group[:-1]] if len(hit) else np.zeros(0, dtype=bool)
    out[group[first]] = curve["time"][hit[first]]
    return out


def _find_quantile(curve: dict[str, Any], limit: float, count: int) -> Floats:
    """First time of each group at which the curve is at or below a limit; the midpoint where it is flat at it."""
    survival = curve["survival"]
    first = _first_below(curve, survival, limit, count)
    after = _first_below(curve, survival, limit - 2 * _ROUNDING_TOLERANCE, count)  # strictly below, but for rounding
    return np.where(np.isnan(after), first, (first + after) / 2)


def _restricted_mean(curve: dict[str, Any], count: int, horizon: float | None) -> Floats:
    group, time, survival = curve["group"], curve["time"], curve["survival"]
    out = np.full(count, np.nan)
    if not len(group):
        return out
    end = np.inf if horizon is None else horizon
    fresh = np.r_[True, group[1:] != group[:-1]]
    before = np.where(fresh, 0.0, np.r_[0.0, time[:-1]])
    height = np.where(fresh, 1.0, np.r_[1.0, survival[:-1]])
    width = np.minimum(time, end) - np.minimum(before, end)
    area = np.bincount(group, weights=height * width, minlength=count)
    final = np.r_[fresh[1:], True]
    there = group[final]
    ok = (survival[final] == 0) | (time[final] >= end)
    out[there[ok]] = area[there[ok]]
    return out


def _band(curve: dict[str, Any], level: float) -> tuple[Floats, Floats]:
    """Pointwise band of the curve on the scale log(-log(S)), which stays within 0 and 1."""
    survival, variance = curve["survival"], curve["variance"]
    z = float(ndtri(0.5 + level / 2))
    with np.errstate(divide="ignore", invalid="ignore"):
        log = np.log(survival)
        theta = z * np.sqrt(variance) / log
        lower, upper = survival ** np.exp(-theta), survival ** np.exp(theta)
    flat = survival >= 1
    lower, upper = np.where(flat, 1.0, lower), np.where(flat, 1.0, upper)
    gone = survival <= 0
    # at 0 the variance is not defined: the band keeps its last value, as the usual software does not close it there
    return np.where(gone, 0.0, lower), np.where(gone, np.inf, upper)
