"""How long a contact takes by interval of the day and weekday, and how much days differ, from totals by slot."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from scipy import special

from ...features.arrays import Floats

#: So many contacts weigh as much as what is known of the whole: few contacts in a slot tell little of their own.
PRIOR_CONTACTS = 100.0

#: Days without which nothing is said of how much they differ.
MIN_SPREAD_DAYS = 10


def estimate_handle_times(totals: pd.DataFrame, slots: pd.Series[Any]) -> Floats:
    """Estimate the mean handle time of each slot to come.

    The mean of an interval of the day leans on the mean of all, and that of a weekday's interval on both, each the more
    the fewer contacts it has (a Bayes estimate with :data:`PRIOR_CONTACTS`).

    Parameters
    ----------
    totals
        ``ds`` (start of a slot, local clock), ``handle_s`` (seconds in all) and ``n`` (contacts) of the past.
    slots
        Starts of the slots to come.

    Returns
    -------
    Seconds for each slot; NaN where no contact was handled at all.

    Examples
    --------
    >>> days = pd.date_range("2024-01-01", periods=140)
    >>> early = pd.DataFrame({"ds": days + pd.Timedelta("9h"), "handle_s": 90000.0, "n": 500.0})
    >>> late = pd.DataFrame({"ds": days + pd.Timedelta("17h"), "handle_s": 150000.0, "n": 500.0})
    >>> ahead = pd.Series(pd.to_datetime(["2024-06-03 09:00", "2024-06-03 17:00", "2024-06-03 12:00"]))
    >>> estimate_handle_times(pd.concat([early, late]), ahead).round(0).tolist()
    [180.0, 300.0, 240.0]
    """
    good = totals[(totals["n"] > 0) & totals["handle_s"].notna()]
    if good.empty:
        return np.full(len(slots), np.nan)
    overall = float(good["handle_s"].sum() / good["n"].sum())
    clock, day = _clock(good["ds"]), good["ds"].dt.day_of_week
    by_clock = _leaning(good, clock, overall)
    at = _clock(slots)
    usual = at.map(by_clock).fillna(overall).to_numpy(dtype=float)
    # what a weekday's interval differs from the same interval on all days
    ratio = good["handle_s"] / (good["n"] * clock.map(by_clock))
    keys = day * 1440 + clock
    parts = pd.DataFrame({"k": keys, "w": good["n"], "r": ratio * good["n"]}).groupby("k").sum()
    factor = (parts["r"] + PRIOR_CONTACTS) / (parts["w"] + PRIOR_CONTACTS)
    return np.asarray(usual * (slots.dt.day_of_week * 1440 + at).map(factor).fillna(1.0).to_numpy(dtype=float))


def estimate_handle_time_spread(totals: pd.DataFrame) -> float:
    """Return how far the mean handle time of a day may be from its estimate: a standard deviation, as a share of it.

    That is how much days differ beyond what the number of their contacts explains. How much single contacts differ is
    no part of it, since the formulas of queues have that already; it is learnt from how intervals of a day differ.

    Parameters
    ----------
    totals
        As in :func:`estimate_handle_times`.

    Returns
    -------
    The share; 0 where days differ by chance alone, or where fewer than :data:`MIN_SPREAD_DAYS` days are known.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> hours = pd.Series(pd.date_range("2024-01-01", periods=56 * 24, freq="h"))
    >>> day = np.repeat(np.exp(rng.normal(0, 0.1, 56)), 24)
    >>> seconds = 200 * 50 * day * (1 + rng.normal(0, 0.1, len(hours)))
    >>> totals = pd.DataFrame({"ds": hours, "handle_s": seconds, "n": 50.0})
    >>> 0.07 < estimate_handle_time_spread(totals) < 0.13
    True
    """
    good = totals[(totals["n"] > 0) & totals["handle_s"].notna()]
    if good["ds"].dt.normalize().nunique() < MIN_SPREAD_DAYS:
        return 0.0
    usual = estimate_handle_times(good, good["ds"])
    rows = pd.DataFrame({"day": good["ds"].dt.normalize(), "n": good["n"], "usual": usual * good["n"]})
    rows["came"] = good["handle_s"]
    days = rows.groupby("day")[["n", "usual", "came"]].sum()
    ratio = days["came"] / days["usual"]
    within = rows["n"] * (rows["came"] / rows["usual"] - rows["day"].map(ratio)) ** 2
    of_one = float(within.sum()) / max(len(rows) - len(days), 1)
    middle = float((ratio * days["n"]).sum() / days["n"].sum())
    between = float((days["n"] * (ratio - middle) ** 2).sum() / days["n"].sum())
    chance = of_one * len(days) / float(days["n"].sum())
    excess, doubt = between - chance, between * np.sqrt(2 / len(days))
    if middle <= 0 or excess <= doubt:
        return 0.0
    # it is believed as far as so few days can tell it from chance
    return float(np.sqrt(excess * (1 - (doubt / excess) ** 2)) / middle)


def sum_by_interval(began: pd.Series[Any], seconds: pd.Series[Any], interval_s: float) -> pd.DataFrame:
    """Add up single contacts by interval, into the totals that :func:`estimate_handle_times` takes.

    Parameters
    ----------
    began
        When each contact came (local clock).
    seconds
        What it took.
    interval_s
        Length of an interval in seconds; the intervals of a day begin at midnight.

    Examples
    --------
    >>> came = pd.Series(pd.to_datetime(["2024-01-01 09:10", "2024-01-01 09:20", "2024-01-01 09:40"]))
    >>> sum_by_interval(came, pd.Series([100.0, 200.0, 60.0]), 1800).astype(str).values.tolist()
    [['2024-01-01 09:00:00', '300.0', '2.0'], ['2024-01-01 09:30:00', '60.0', '1.0']]
    """
    day = began.dt.normalize()
    slot = (began - day).dt.total_seconds() // interval_s
    rows = pd.DataFrame({"ds": day + pd.to_timedelta(slot * interval_s, unit="s"), "handle_s": seconds, "n": 1.0})
    return rows.groupby("ds", as_index=False)[["handle_s", "n"]].sum()


def widen_quantiles(rates: Mapping[float, Floats], spread: float, with_volume: float = 0.0) -> dict[float, Floats]:
    """Return quantiles of the load in calls, where handle times are off by a share beside the rate of calls.

    On logarithms both deviations are added as independent ones are; ``with_volume`` is the percent by which calls take
    longer where there are 1% more of them.

    >>> wide = widen_quantiles({0.1: np.array([90.0]), 0.5: np.array([100.0]), 0.9: np.array([110.0])}, 0.1)
    >>> [round(float(wide[p][0]), 1) for p in (0.1, 0.5, 0.9)]
    [84.7, 100.0, 117.3]
    """
    if spread <= 0 and with_volume == 0:
        return dict(rates)
    middle = rates[0.5]
    some = np.where(middle > 0, middle, 1.0)
    wide: dict[float, Floats] = {}
    for p, rate in rates.items():
        own = np.log(np.maximum(np.where(middle > 0, rate, 1.0) / some, 1e-9))
        both = np.sign(p - 0.5) * np.sqrt((own * (1 + with_volume)) ** 2 + (special.ndtri(p) * spread) ** 2)
        wide[p] = np.where(middle > 0, some * np.exp(both), rate)
    return wide


def _clock(ds: pd.Series[Any]) -> pd.Series[Any]:
    """Return minutes after midnight."""
    return pd.Series(ds.dt.hour * 60 + ds.dt.minute)


def _leaning(rows: pd.DataFrame, keys: pd.Series[Any], middle: float) -> pd.Series[Any]:
    sums = rows.groupby(keys)[["handle_s", "n"]].sum()
    leaning: pd.Series[Any] = (sums["handle_s"] + PRIOR_CONTACTS * middle) / (sums["n"] + PRIOR_CONTACTS)
    return leaning
