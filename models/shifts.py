"""What changed, and when: scores of single series, and incidents over all KPIs with few false alarms."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, get_args

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import special

from ..features.errors import InputError, did_you_mean
from .control import LEAST_SCORE, open_runs, side_by_side
from .expectation import FIRST, Rhythm, score_one, surprise
from .incidents import discoveries
from .panel import check_columns, infer_freq, numbers_of, panel, period_days, slots
from .runs import incidents_of
from .scored import Days, count_or_score
from .tails import Kind
from .watched import Watched, watch_kpi

Flags = npt.NDArray[np.bool_]

SHIFTS = (
    *("kpi", "series", "kind", "direction", "started_at", "detected_at", "last_at"),
    *("before", "after", "n", "z", "drivers", "resolved", "dated_at", "cost"),
)
#: Share of the accepted false alarms for each channel; the rest is kept back.
BUDGET = {"spike": 0.15, "shift": 0.75}


def anomaly_scores(series: pd.DataFrame, freq: str | None = None) -> pd.DataFrame:
    """Score each value of each series by how far it lies from what the past let expect.

    Parameters
    ----------
    series
        ``unique_id`` (optional), ``ds`` and ``y``. Gaps, repeated stamps and any order are allowed.
    freq
        Length of a slot, such as ``h`` or ``5min``; the commonest step by default.

    Returns
    -------
    DataFrame
        ``unique_id, ds, y, expected, lower, upper, score``, sorted by series and time, one row for each row given. ``score`` is
        the probability that a quiet series stays nearer to its expectation: from 0 to 1, 0 where too little
        is known (then ``expected`` is missing). ``lower`` and ``upper`` hold 95 % of quiet values. A row depends on no later
        slot.

    Raises
    ------
    InputError
        If a column is missing or not of its type.

    Notes
    -----
    Expected is the trimmed mean of the same slot of the week over eight weeks (before four weeks are known: of the
    same hour over 14 days, then of the last 24 values); series of whole numbers from 0 are taken as counts, which stray by
    chance at least as a Poisson does.

    Examples
    --------
    >>> days = pd.date_range("2024-01-01", periods=70)
    >>> y = [20.0 + day.day_of_week + day.day_of_year % 3 for day in days]
    >>> y[-1] = 60.0
    >>> scores = anomaly_scores(pd.DataFrame({"unique_id": "calls", "ds": days, "y": y}))
    >>> scores["score"].iloc[[-2, -1]].round(2).tolist()
    [0.15, 1.0]
    """  # noqa: E501
    check_columns(series, ("ds", "y"), "series")
    rows = series[["ds", "y"]].reset_index(drop=True)
    ids = series["unique_id"].astype(str) if "unique_id" in series else pd.Series("all", index=series.index)
    rows.insert(0, "unique_id", ids.to_numpy())
    rows["y"] = numbers_of(rows["y"])
    rows = rows.sort_values(["unique_id", "ds"], kind="stable", ignore_index=True)
    parts = [_score_series(part, freq) for _, part in rows.groupby("unique_id", sort=False)]
    columns = ["unique_id", "ds", "y", "expected", "lower", "upper", "score"]
    return pd.concat(parts, ignore_index=True)[columns] if parts else rows.reindex(columns=columns)


def detect_shifts(
    history: pd.DataFrame,
    *,
    freq: str | None = None,
    alarms_per_week: float = 1.0,
    min_volume: float = 5.0,
    min_effect: float = 0.1,
    holidays: Days = (),
    kinds: Mapping[str, Kind] | None = None,
) -> pd.DataFrame:
    """Find incidents in a KPI history: single values that stand out (spikes), and levels that moved (shifts).

    Parameters
    ----------
    history
        What :func:`kpi_history` returns: ``kpi``, segment columns, ``ds``, ``value``, ``n``, ``numerator`` and so on. Values that
        belong together (a KPI at one segmentation, say) should come together: the more series, the
        more a single one must stand out.
    freq
        Length of a period; the commonest step by default.
    alarms_per_week
        False alarms a week to expect over all series, while nothing happens.
    min_volume
        Cases that a value must rest on (counts: seen or expected) to give an alarm.
    min_effect
        Least change over what it was before: 0.1 is 10 %, for shares 2 points; durations by 30 s at least.
    holidays
        Known special days: dates, or a mapping from date to name. They give no alarm and teach nothing; what would
        have been one stands in ``attrs["explained"]``.
    kinds
        Kind of a KPI where the values do not tell: ``count``, ``share``, ``duration``, ``score`` or ``stock``.

    Returns
    -------
    DataFrame
        One row an incident, the newest first: ``kpi``, ``series`` (segment values joined by "/", "all" without
        segments), ``kind`` ("spike" or "shift"), ``direction`` ("up" or "down"), ``started_at`` (likeliest start),
        ``detected_at``, ``last_at`` (last alarm, or the return), ``before`` and ``after`` (expected and seen over the
        periods of the incident), ``n`` (cases in them), ``z`` (largest score; of a shift the
        root of twice its evidence), ``drivers`` (empty text; see
        :func:`drivers`), ``resolved`` (back to where it was, or quiet since), ``dated_at`` (the likeliest start by
        all that is known at the end of the history), ``cost`` (cases beyond what was expected; hours for durations).
        ``attrs["notes"]`` names series that cannot alarm and why.

    Raises
    ------
    InputError
        If a column is missing or a setting is out of range.

    Notes
    -----
    Causal: which alarms an end of the history at ``t`` has up to ``t`` does not depend on what comes later; a later
    alarm can prolong an incident. Shifts: cumulated log likelihood ratios (CUSUM; Page 1954) of a negative binomial
    for counts, an overdispersed binomial for shares, a normal distribution for durations (logarithms) and means, against
    a level with a weekly shape that is learnt from values two weeks old and older and drawn to the other series of the
    KPI. Spikes: mid-p values around the same level. Both under the rule of Benjamini and Hochberg (1995) over the
    series of each period; where a KPI turns out to be wilder than thought, its alarms become rarer by themselves.

    Examples
    --------
    >>> days = pd.date_range("2024-01-01", periods=120)
    >>> value = [40 + (i * 7919 % 13) for i in range(120)]
    >>> value[100] = 150
    >>> found = detect_shifts(pd.DataFrame({"kpi": "cases_opened", "ds": days, "value": value}))
    >>> found[["kpi", "kind", "direction", "detected_at", "after"]].astype(str).values.tolist()
    [['cases_opened', 'spike', 'up', '2024-04-10', '150.0']]
    """  # noqa: E501
    check_columns(history, ("kpi", "ds", "value"), "history")
    _check_settings(alarms_per_week, min_volume, min_effect, kinds)
    found: list[dict[str, Any]] = []
    notes: list[str] = []
    explained: list[tuple[str, str, pd.Timestamp, str]] = []
    if len(history):
        freq = freq or infer_freq(pd.DatetimeIndex(history["ds"]))
        share = alarms_per_week * period_days(freq) / 7
        parts = [watch_kpi(part, freq, holidays, kinds or {}) for _, part in history.groupby("kpi", sort=True)]
        alarms = _alarms(parts, share, min_volume, min_effect)
        for part, (spiked, up, down) in zip(parts, alarms, strict=True):
            for i in np.flatnonzero((spiked | up | down).any(axis=0)):
                own = incidents_of(part, int(i), spiked[:, i], up[:, i], down[:, i])
                found += [part.row(int(i), incident) for incident in own]
            notes += part.notes()
            explained += part.explained(share)
    out = pd.DataFrame(found, columns=list(SHIFTS))
    out = out.sort_values(
        ["detected_at", "z", "kpi", "series"], ascending=[False, False, True, True], ignore_index=True
    )
    out = out.astype(dict.fromkeys(("kpi", "series", "kind", "direction", "drivers"), "str") | {"resolved": "bool"})
    for column in ("started_at", "detected_at", "last_at", "dated_at"):
        out[column] = out[column].astype("datetime64[us]")
    out.attrs = {"notes": tuple(notes), "explained": tuple(explained)}
    return out


def _alarms(
    parts: list[Watched], share: float, min_volume: float, min_effect: float
) -> list[tuple[Flags, Flags, Flags]]:
    """Return where each KPI spiked, and where runs up and down opened, with control over all KPIs together."""
    stamps = [part.panel.stamps for part in parts]
    grid = pd.DatetimeIndex(np.unique(np.concatenate([s.to_numpy() for s in stamps])))
    places = [grid.searchsorted(s) for s in stamps]
    edges = np.cumsum([0, *(len(part.panel.names) for part in parts)])

    def worth(row: int, column: int, since: str) -> bool:
        k = int(np.searchsorted(edges, column, side="right")) - 1
        i, t = column - int(edges[k]), int(np.searchsorted(places[k], row))
        start = int(getattr(parts[k].proof, since)[t, i]) if since else t
        return parts[k].worth(i, np.arange(start, t + 1, dtype=np.intp), min_volume, min_effect)

    z = side_by_side(grid, stamps, [part.spikes() for part in parts])
    spiked = discoveries(z, min(share * BUDGET["spike"], 0.2), LEAST_SCORE)
    for row, column in np.argwhere(spiked):
        spiked[row, column] = worth(int(row), int(column), "")
    marks = [spiked]
    for up, since in ((True, "up_since"), (False, "down_since")):
        p = side_by_side(grid, stamps, [part.chances(up) for part in parts])
        score = side_by_side(grid, stamps, [part.score(up) for part in parts])
        marks.append(open_runs(p, score, share * BUDGET["shift"], partial(worth, since=since)))
    return [
        (marks[0][place, left:right], marks[1][place, left:right], marks[2][place, left:right])
        for place, left, right in zip(places, edges[:-1], edges[1:], strict=True)
    ]


def _score_series(part: pd.DataFrame, freq: str | None) -> pd.DataFrame:
    known = part["y"].notna()
    out = part.assign(expected=np.nan, lower=np.nan, upper=np.nan, score=0.0)
    if not known.any():
        return out
    whole = panel(part, ("y",), freq)
    _, at = slots(pd.DatetimeIndex(part["ds"]), whole.freq)
    y = part["y"].to_numpy(dtype=float)
    kind = count_or_score(y[known][:FIRST])  # no score is given before so many values: later ones change nothing
    n = np.full_like(whole.columns["y"], np.nan)
    s = surprise(kind, whole.columns["y"], n, Rhythm.of(whole.freq, fallback=True))
    expected, spread, strays, freedom = (m[at, 0] for m in (s.expected, s.spread, s.strays, s.freedom))
    z = score_one(kind, y, expected, np.full_like(y, np.nan), strays, np.nan_to_num(freedom, nan=3.0))
    ready = ~np.isnan(freedom) & ~np.isnan(z)
    out["expected"] = np.where(np.isnan(freedom), np.nan, expected)
    out["lower"] = np.where(
        kind == "count", np.maximum(out["expected"] - 1.96 * spread, 0), out["expected"] - 1.96 * spread
    )
    out["upper"] = out["expected"] + 1.96 * spread
    out["score"] = np.where(ready, 1 - 2 * special.ndtr(-np.abs(np.nan_to_num(z))), 0.0)
    return out


def _check_settings(rate: float, volume: float, effect: float, kinds: Mapping[str, Kind] | None) -> None:
    for name, value in (("alarms_per_week", rate), ("min_volume", volume), ("min_effect", effect)):
        if not (isinstance(value, (int, float)) and 0 <= value < np.inf):
            raise InputError("the setting is out of range", where=f"argument '{name}'", got=value, wanted="from 0")
    for kpi, kind in (kinds or {}).items():
        if kind not in get_args(Kind):
            hint = did_you_mean(str(kind), list(get_args(Kind)))
            raise InputError(f"this is no kind of KPI ({kpi})", where="argument 'kinds'", got=kind, hint=hint)
