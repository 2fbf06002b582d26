"""How long a contact takes by interval of the day and weekday, from totals by slot."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from ...features.arrays import Floats

#: So many contacts weigh as much as what is known of the whole: few contacts in a slot tell little of their own.
PRIOR_CONTACTS = 100.0


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


def _clock(ds: pd.Series[Any]) -> pd.Series[Any]:
    """Return minutes after midnight."""
    return pd.Series(ds.dt.hour * 60 + ds.dt.minute)


def _leaning(rows: pd.DataFrame, keys: pd.Series[Any], middle: float) -> pd.Series[Any]:
    sums = rows.groupby(keys)[["handle_s", "n"]].sum()
    leaning: pd.Series[Any] = (sums["handle_s"] + PRIOR_CONTACTS * middle) / (sums["n"] + PRIOR_CONTACTS)
    return leaning
