"""How the handle time of whole days goes with their volume and with other days of the week, and paths of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import special

from ...features.arrays import Floats
from .handle_times import MIN_SPREAD_DAYS, estimate_handle_time_spread, estimate_handle_times

#: A day further from its usual volume or handle time, in robust standard deviations, counts as one at that distance.
MAX_DAY_SCORE = 3.0

#: Volume whose days differ by little more than chance shows nothing that goes with it.
MIN_VOLUME_RELIABILITY = 0.3

#: Days that hold less than this share of their usual volume are none to learn from, nor to carry a volume's effect to.
MIN_VOLUME_SHARE = 0.2

#: Handle time moves less than in proportion to the volume: more is an error of the data.
MAX_WITH_VOLUME = 0.9


@dataclass(frozen=True)
class HandleTimeVariation:
    """How far the mean handle time of a day may be from its estimate, and what that goes with.

    Attributes
    ----------
    spread
        Standard deviation beside what goes with volume, as a share.
    with_volume
        Percent by which contacts take longer on a day with 1% more of them than usual; below 0 they are shorter.
    by_week
        Share of the variance of ``spread`` that all days of a week have in common.
    """

    spread: float = 0.0
    with_volume: float = 0.0
    by_week: float = 0.0


def estimate_handle_time_variation(totals: pd.DataFrame, volumes: pd.DataFrame | None = None) -> HandleTimeVariation:
    """Estimate how handle times of days differ, and whether busy days have longer or shorter contacts.

    Days are compared with others of the same weekday and with a straight line over the weeks. Chance in the number of
    contacts is taken out of the volume, and what few days show is believed as far as they can tell it from nothing.

    Parameters
    ----------
    totals
        As in :func:`~.handle_times.estimate_handle_times`.
    volumes
        Contacts that arrived, answered or not: ``ds`` and ``y``; by default those of ``totals``.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> days = pd.Series(pd.date_range("2024-01-01", periods=56))
    >>> busy = np.exp(rng.normal(0, 0.1, 56))
    >>> totals = pd.DataFrame({"ds": days, "handle_s": 200 * 5000 * busy**1.5, "n": 5000 * busy})
    >>> round(estimate_handle_time_variation(totals).with_volume, 2)
    0.51
    """
    spread = estimate_handle_time_spread(totals)
    days = _read_days(totals, volumes)
    if len(days) < MIN_SPREAD_DAYS:
        return HandleTimeVariation(spread)
    (volume, left), (time, _) = (_compare(days[name], days.index) for name in ("volume", "time"))
    if left < MIN_SPREAD_DAYS / 2:
        return HandleTimeVariation(spread)
    slope, moved = _slope(volume, time, float((1 / days["y"]).mean()), left)
    own = float(np.sqrt(max(spread**2 - moved, 0.0)))
    return HandleTimeVariation(own, slope, _share_by_week(time - slope * volume, days.index, own))


def handle_time_paths(rates: Floats, variation: HandleTimeVariation, ds: pd.Series, seed: int = 0) -> Floats:
    """Return what the handle time of each path and interval is multiplied by.

    Parameters
    ----------
    rates
        Rates of contacts, one row a path and one column an interval, see :func:`~.path_plan.rate_paths`.
    variation
        How days differ.
    ds
        Begin of each interval.
    seed
        Another one for another queue: their deviations then have nothing in common.

    Examples
    --------
    >>> ds = pd.Series(pd.to_datetime(["2024-03-04 08:00", "2024-03-04 09:00"]))
    >>> rates = np.array([[90.0, 90.0], [100.0, 100.0], [110.0, 110.0]])
    >>> handle_time_paths(rates, HandleTimeVariation(with_volume=0.5), ds).round(3)[:, 0].tolist()
    [0.949, 1.0, 1.049]
    """
    factor = np.ones(rates.shape)
    if variation.spread <= 0 and variation.with_volume == 0:
        return factor
    midnight = ds.dt.normalize()
    monday = midnight - pd.to_timedelta(midnight.dt.day_of_week, unit="D")
    weeks, days = (pd.factorize(at)[0] for at in (monday, midnight))
    turns = iter(_find_primes(seed, len(np.unique(weeks)) + len(np.unique(days))))
    shares = np.sqrt([variation.by_week, 1 - variation.by_week])
    for week in np.unique(weeks):
        common = _spread_evenly(rates[:, weeks == week].sum(axis=1), next(turns))
        for day in np.unique(days[weeks == week]):
            inside = np.flatnonzero(days == day)
            total = rates[:, inside].sum(axis=1)
            middle = float(np.median(total))
            busy = np.log(np.maximum(total / middle, MIN_VOLUME_SHARE)) if middle > 0 else np.zeros(len(rates))
            own = shares @ np.stack([common, _spread_evenly(total, next(turns))])
            factor[:, inside] = np.exp(variation.with_volume * busy + variation.spread * own)[:, None]
    return factor


def _spread_evenly(volume: Floats, prime: int) -> Floats:
    """Return normal scores that have nothing to do with a volume, and less so than so few random ones would have.

    Paths in the order of their volume take steps of an irrational length around a circle (a Kronecker sequence): both
    by themselves and together with the volume they are spread evenly.
    """
    rank = np.argsort(np.argsort(volume, kind="stable"), kind="stable")
    turned = rank * np.sqrt(prime) % 1.0
    place = np.argsort(np.argsort(turned, kind="stable"), kind="stable")
    return np.asarray(special.ndtri((place + 0.5) / len(volume)))


def _find_primes(seed: int, count: int) -> list[int]:
    """Return prime numbers, others for each seed.

    >>> _find_primes(0, 3), _find_primes(1, 3)
    ([2, 3, 5], [7, 11, 13])
    """
    found, number = list[int](), 2
    while len(found) < count * (seed + 1):
        if all(number % prime for prime in found):
            found.append(number)
        number += 1
    return found[count * seed :]


def _read_days(totals: pd.DataFrame, volumes: pd.DataFrame | None) -> pd.DataFrame:
    """Return volume and handle time of each whole day on logarithms, and its contacts."""
    good = totals[(totals["n"] > 0) & totals["handle_s"].notna()]
    if good.empty:
        return pd.DataFrame({"y": [], "volume": [], "time": []})
    day = good["ds"].dt.normalize()
    usual = good["n"] * estimate_handle_times(good, good["ds"])
    days = pd.DataFrame({"n": good["n"], "usual": usual, "came": good["handle_s"]}).groupby(day).sum()
    if volumes is None:
        days["y"] = days["n"]
    else:
        days["y"] = volumes.groupby(volumes["ds"].dt.normalize())["y"].sum().reindex(days.index)
    days = days[(days["y"] > 0) & (days["came"] > 0)]
    if good["ds"].dt.normalize().ne(good["ds"]).any():
        days = days.iloc[1:-1]  # the span begins and ends within a day
    days = days[
        days["y"] > MIN_VOLUME_SHARE * days["y"].groupby(pd.DatetimeIndex(days.index).day_of_week).transform("median")
    ]
    return days.assign(volume=np.log(days["y"]), time=np.log(days["came"] / days["usual"]))[["y", "volume", "time"]]


def _compare(values: pd.Series[Any], dates: pd.Index[Any]) -> tuple[Floats, int]:
    """Return what values differ from their weekday and a straight line, and the degrees of freedom that are left."""
    at = pd.DatetimeIndex(dates)
    weekdays = (at.day_of_week.to_numpy()[:, None] == np.unique(at.day_of_week)).astype(float)
    line = (at - at[0]).days.to_numpy(dtype=float)
    design = np.column_stack([weekdays, line - line.mean()])
    y = values.to_numpy(dtype=float)
    for _ in range(2):  # once more without what is far off
        fitted = design @ np.linalg.lstsq(design, y, rcond=None)[0]
        rest = y - fitted
        most = MAX_DAY_SCORE * 1.4826 * float(np.median(np.abs(rest)))
        y = fitted + np.clip(rest, -most, most)
    return y - design @ np.linalg.lstsq(design, y, rcond=None)[0], len(y) - int(np.linalg.matrix_rank(design))


def _slope(volume: Floats, time: Floats, chance: float, left: int) -> tuple[float, float]:
    """Return how handle time goes with volume, leaning on nothing, and the variance that this explains."""
    size = float(volume @ volume)
    true = 1 - chance * left / size if size > 0 else 0.0
    if true < MIN_VOLUME_RELIABILITY:
        return 0.0, 0.0
    slope = float(volume @ time) / size
    rest = time - slope * volume
    doubt = float(rest @ rest) / max(left - 1, 1) / size
    if slope**2 <= doubt:
        return 0.0, 0.0
    slope = float(np.clip(slope / true * (1 - doubt / slope**2), -MAX_WITH_VOLUME, MAX_WITH_VOLUME))
    return slope, slope**2 * true * size / left


def _share_by_week(rest: Floats, dates: pd.Index[Any], spread: float) -> float:
    """Return the share of a variance that days of a week have in common, leaning on nothing."""
    at = pd.DatetimeIndex(dates)
    week = pd.factorize(at - pd.to_timedelta(at.day_of_week, unit="D"))[0]
    count = np.bincount(week)
    pairs = float((count * (count - 1)).sum()) / 2
    if spread <= 0 or pairs == 0:
        return 0.0
    product = float((np.bincount(week, rest) ** 2 - np.bincount(week, rest**2)).sum()) / 2 / pairs
    doubt = float(np.mean(rest**2)) / np.sqrt(pairs)
    if product <= doubt:
        return 0.0
    return float(min(product / spread**2 * (1 - (doubt / product) ** 2), 1.0))
