"""Scores of single series: how surprising each value is by what came before it, one score to an event."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ...features.arrays import Bools, Floats
from ...features.frames import name_series_columns
from ..series.panel import check_columns, infer_freq, numbers_of, period_days
from .evidence import (
    WARM_UP_VALUES,
    measure_novelty,
    measure_recent_deviation,
    rank_evidence,
    suppress_repeats,
    tail_evidence,
)
from .views import DAY_S, View, expectations, seasonal, views

ANOMALY_COLUMNS = ("unique_id", "ds", "y", "expected", "lower", "upper", "score")
#: A score of an alarm. On quiet series about one value in a thousand scores as high (`benchmarks/nab.py` prints it).
DETECTION_THRESHOLD = 0.8
#: The weight of what is unusual of late; the rest is for what was never seen before.
RECENT_WEIGHT = 0.2
#: Values that are one event at least, however far apart they lie.
MIN_EVENT_VALUES = 7
_MAX_INSIDE_EVIDENCE = -np.log10(1 - DETECTION_THRESHOLD) - 1e-6  # just too little for an alarm


def anomaly_scores(series: pd.DataFrame, freq: str | None = None) -> pd.DataFrame:
    """Score each value of each series by how surprising it is after what came before it, one score to an event.

    Parameters
    ----------
    series
        ``unique_id`` (optional), ``ds`` (local clock) and ``y``. Any order, gaps, irregular and repeated stamps are
        allowed.
    freq
        Usual time between two values, such as ``h`` or ``5min``; by default the commonest step of the first 50
        values. It decides on the season: of the day, of the week for daily values, none for longer steps.

    Returns
    -------
    DataFrame
        ``unique_id, ds, y, expected, lower, upper, score``, sorted by series and time, one row for each row given;
        values of one stamp are averaged and share their score. ``score`` is from 0 to 1. At :data:`DETECTION_THRESHOLD`
        (0.8) and above it is an alarm: on quiet series about one value in a thousand scores so high. A value that is
        not more surprising than one in the day before it (seven values, if these reach farther) belongs to the same
        event and scores 0, as do the first 50 values and missing ones. ``lower`` and ``upper`` held 95 % of the values
        so far; a value between them is never an alarm (a long fault becomes usual for the last values, but not for the
        season: its alarm is shown beside the latter). No row depends on a later stamp. ``attrs["notes"]`` names series
        that cannot be scored and values that were left out, and why; ``attrs["passed_over"]`` names columns that are
        not used, as a warning does.

    Raises
    ------
    InputError
        If a column is missing or not of its type.

    Notes
    -----
    Ten views of a series (its level, means of 6 and 24 values, steps, restlessness, and what is left when the season is
    taken out) each say how far a value lies outside of all that was seen before, and how far from the last 400 values.
    Each such surprise is ranked among its own past (the tail after Hill, 1975), and the mean of the logarithms, four
    parts never seen to one part unusual of late, makes the score ``1 - 10 ** -mean``. See DECISIONS.md.

    Examples
    --------
    >>> days = pd.date_range("2024-01-01", periods=120)
    >>> y = [20.0 + day.day_of_week + day.day_of_year % 3 for day in days]
    >>> y[-1] = 60.0
    >>> scores = anomaly_scores(pd.DataFrame({"unique_id": "calls", "ds": days, "y": y}))
    >>> (scores["score"] >= DETECTION_THRESHOLD).iloc[[0, -2, -1]].tolist()
    [False, False, True]
    """
    check_columns(series, ("ds", "y"), "series")
    taken = name_series_columns(series, "series")
    rows = series[["ds", "y"]].reset_index(drop=True)
    ids = series["unique_id"].astype(str) if "unique_id" in series else pd.Series("all", index=series.index)
    rows.insert(0, "unique_id", ids.to_numpy())
    raw = rows["y"]
    rows["y"] = numbers_of(raw)
    rows = rows.sort_values(["unique_id", "ds", "y"], kind="stable", ignore_index=True)
    notes: list[str] = []
    parts = [_scored(part, freq, notes) for _, part in rows.groupby("unique_id", sort=False)]
    out = pd.concat(parts, ignore_index=True) if parts else rows
    out = out.reindex(columns=list(ANOMALY_COLUMNS))
    lost = int(rows["y"].isna().sum() - pd.isna(raw).sum())
    notes += [f"{lost} values are not finite and count as missing"] if lost else []
    out.attrs = {"notes": tuple(notes), **taken}
    return out


def _scored(part: pd.DataFrame, freq: str | None, notes: list[str]) -> pd.DataFrame:
    """Score one series, sorted by time."""
    known = part["y"].notna()
    out = part.assign(expected=np.nan, lower=np.nan, upper=np.nan, score=0.0)
    once = part[known].groupby("ds", sort=True)["y"].mean()
    if why := _unfit(once):
        notes.append(f"{part['unique_id'].iloc[0]}: {why}")
    if not len(once):
        return out
    stamps = pd.DatetimeIndex(once.index)
    values = once.to_numpy(dtype=float)
    step_s = DAY_S * period_days(freq or infer_freq(stamps[:WARM_UP_VALUES]))
    told = expectations(values, seasonal(values, _local(stamps), step_s))
    outside = told.distance(values)
    score = score_series(values, stamps, step_s, np.asarray((outside <= 0).all(axis=0)))
    # an alarm that is usual for the last values is shown beside what it is odd for
    odd = (score >= DETECTION_THRESHOLD) & (np.take_along_axis(outside, told.best[None], axis=0)[0] <= 0)
    expected, lower, upper = told.shown(np.where(odd, outside.argmax(axis=0), told.best))
    expected[:WARM_UP_VALUES] = lower[:WARM_UP_VALUES] = upper[:WARM_UP_VALUES] = np.nan
    at = stamps.get_indexer(pd.DatetimeIndex(out.loc[known, "ds"]))
    for name, column in (("expected", expected), ("lower", lower), ("upper", upper), ("score", score)):
        out.loc[known, name] = column[at]
    return out


def score_series(values: Floats, stamps: pd.DatetimeIndex, step_s: float, inside: Bools | None = None) -> Floats:
    """Return the score of each value of one series.

    Parameters
    ----------
    values
        In order of time, none missing, shape (n,).
    stamps
        Their times, rising, shape (n,).
    step_s
        Usual time between two values.
    inside
        Which values lie within what was expected of them: they score below every alarm, shape (n,).

    Examples
    --------
    >>> days = pd.date_range("2024-01-01", periods=80)
    >>> score_series(np.r_[np.arange(79) % 5, 99.0], days, 86400.0)[-2:].round(1).tolist()
    [0.0, 1.0]
    """
    seen = views(values, _local(stamps), step_s)
    dust = 1e-9 * np.maximum.accumulate(np.abs(values))
    new, odd = np.mean([_evidence_of(view, dust) for view in seen], axis=0)
    both = (1 - RECENT_WEIGHT) * new + RECENT_WEIGHT * odd
    if inside is not None:  # before repeats are set to 0, so that no value within its band hides a true alarm
        both = np.where(inside, np.minimum(both, _MAX_INSIDE_EVIDENCE), both)
    seconds = (stamps - stamps[0]).total_seconds().to_numpy()
    first = suppress_repeats(both, seconds, DAY_S, MIN_EVENT_VALUES)
    first[:WARM_UP_VALUES] = 0.0
    return 1 - 10.0**-first


def _evidence_of(view: View, dust: Floats) -> tuple[Floats, Floats]:
    """Return what was never seen before and what is unusual of late in one view, 0 while the view shows nothing."""
    values, least, pad = view.values[view.first :], dust[view.first :], np.zeros(view.first)
    if not len(values):
        return pad, pad
    new = rank_evidence(measure_novelty(values, least))
    odd = tail_evidence(measure_recent_deviation(values, view.lag, least))
    return np.r_[pad, new], np.r_[pad, odd]


def _local(stamps: pd.DatetimeIndex) -> pd.DatetimeIndex:
    return stamps if stamps.tz is None else stamps.tz_localize(None)


def _unfit(once: pd.Series) -> str:
    """Describe why a series has no scores, or nothing."""
    if not len(once):
        return "no values, no scores"
    if len(once) <= WARM_UP_VALUES:
        return f"too short: {len(once)} values at different times, the first {WARM_UP_VALUES} have no score"
    return "constant, every score is 0" if once.min() == once.max() else ""
