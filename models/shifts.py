"""What changed, and when: scores of single series, and incidents over all KPIs with few false alarms."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, get_args

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import special

from ..features.errors import InputError, did_you_mean
from .expectation import Kind, Rhythm, Surprise, score_one, surprise
from .incidents import Incident, discoveries, incidents
from .panel import Panel, check_columns, infer_freq, panel, period_days, slots

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Days = Mapping[Any, str] | Iterable[Any]

#: Columns of a KPI history that are no segments.
MEASURES = ("kpi", "ds", "value", "n", "numerator", "lo", "hi", "median", "p90", "mean")
SHIFTS = (
    *("kpi", "series", "kind", "direction", "started_at", "detected_at", "last_at"),
    *("before", "after", "n", "z", "drivers", "resolved"),
)
#: Least scores of an alarm: with a single series, control over all series asks for too little.
LEAST = {"spike": 3.5, "shift": 3.0}
#: Share of the accepted false alarms for each channel; alarms of a running average repeat, and are merged.
BUDGET = {"spike": 0.3, "shift": 0.5}
#: Stocks carry yesterday with them: they are judged by their change.
STOCKS = ("backlog",)


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
    >>> y = [20.0 + day.dayofweek + day.dayofyear % 3 for day in days]
    >>> y[-1] = 60.0
    >>> scores = anomaly_scores(pd.DataFrame({"unique_id": "calls", "ds": days, "y": y}))
    >>> scores["score"].iloc[[-2, -1]].round(2).tolist()
    [0.15, 1.0]
    """  # noqa: E501
    check_columns(series, ("ds", "y"), "series")
    rows = series[["ds", "y"]].reset_index(drop=True)
    ids = series["unique_id"].astype(str) if "unique_id" in series else pd.Series("all", index=series.index)
    rows.insert(0, "unique_id", ids.to_numpy())
    rows["y"] = _numbers(rows["y"])
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
        Least change of an incident over what it was before (for shares: a fifth of it, absolute), 0.1 is 10 % and 2 points.
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
        periods of the incident), ``n`` (cases in them), ``z`` (largest score), ``drivers`` (empty text; see
        :func:`drivers`), ``resolved`` (back to where it was, or quiet since).
        ``attrs["notes"]`` names series that cannot alarm and why.

    Raises
    ------
    InputError
        If a column is missing or a setting is out of range.

    Notes
    -----
    Causal: which alarms an end of the history at ``t`` has up to ``t`` does not depend on what comes later; a later
    alarm can prolong an incident. False discovery rate control by Benjamini and Hochberg (1995) over the series of
    each period; running average by Roberts (1959).

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
        share = min(0.2, alarms_per_week * period_days(freq) / 7)
        parts = [_score_kpi(part, freq, holidays, kinds or {}) for _, part in history.groupby("kpi", sort=True)]
        grid = pd.DatetimeIndex(np.unique(np.concatenate([part.panel.stamps.to_numpy() for part in parts])))
        spiked, shifted = (_alarms(parts, grid, name, share * BUDGET[name], least) for name, least in LEAST.items())
        for part, spikes, moves in zip(parts, spiked, shifted, strict=True):
            found += part.rows(spikes, moves, min_volume, min_effect)
            notes += part.notes()
            explained += part.explained(share)
    out = pd.DataFrame(found, columns=list(SHIFTS))
    out = out.sort_values(
        ["detected_at", "z", "kpi", "series"], ascending=[False, False, True, True], ignore_index=True
    )
    out = out.astype(dict.fromkeys(("kpi", "series", "kind", "direction", "drivers"), "str") | {"resolved": "bool"})
    for column in ("started_at", "detected_at", "last_at"):
        out[column] = out[column].astype("datetime64[us]")
    out.attrs = {"notes": tuple(notes), "explained": tuple(explained)}
    return out


@dataclass(frozen=True)
class _Scored:
    """All series of one KPI, scored."""

    kpi: str
    kind: Kind
    panel: Panel
    scores: Surprise
    known: dict[int, str]

    def notes(self) -> list[str]:
        """Say which series cannot alarm, and why."""
        value, n = self.panel.columns["value"], self.panel.columns["n"]
        out = []
        for i, name in enumerate(self.panel.names):
            own = value[:, i][~np.isnan(value[:, i])]
            if not len(own):
                nothing = np.nansum(n[:, i]) == 0 and not np.isnan(n[:, i]).all()
                why = "no cases in any period" if nothing else "no values"
            elif np.isnan(self.scores.spike[:, i]).all():
                why = f"too short: {len(own)} values, {self.warm} periods and four of the same slot are needed"
            elif len(own) > 1 and np.ptp(own) == 0:
                why = "constant"
            else:
                continue
            out.append(f"{self.kpi}, {name}: no alarm is possible ({why})")
        return out

    @property
    def warm(self) -> int:
        """Periods before the first alarm."""
        return Rhythm.of(self.panel.freq).warm

    def explained(self, share: float) -> list[tuple[str, str, pd.Timestamp, str]]:
        """Return what known days would have raised: kpi, series, day, name."""
        rows = sorted(self.known)
        if not rows:
            return []
        scores = _rescored(self, rows)
        limit = -special.ndtri(share / 2 / max(len(self.panel.names), 1))
        found = np.argwhere(np.abs(np.nan_to_num(scores)) > limit)
        return [(self.kpi, self.panel.names[i], self.panel.stamps[rows[t]], self.known[rows[t]]) for t, i in found]

    def rows(self, spiked: Flags, shifted: Flags, min_volume: float, min_effect: float) -> list[dict[str, Any]]:
        """Return the incidents of all series that are large enough."""
        value, n, expected = self.panel.columns["value"], self.panel.columns["n"], self.scores.expected
        size = np.fmax(value, expected) if self.kind in ("count", "stock") else np.where(np.isnan(n), np.inf, n)
        enough = np.nan_to_num(size) >= min_volume
        out = []
        for i, name in enumerate(self.panel.names):
            own_spikes, own_shifts = (
                m[:, i] & enough[:, i] & self._large(i, m[:, i], min_effect) for m in (spiked, shifted)
            )
            season = max(1, round(7 / period_days(self.panel.freq))) if period_days(self.panel.freq) < 7 else 1
            gap = max(round(7 / period_days(self.panel.freq)), 3) if period_days(self.panel.freq) >= 1 else season // 7
            scores = self.scores.spike[:, i], self.scores.shift[:, i]
            parts = incidents(*scores, own_spikes, own_shifts, value[:, i], season, gap)
            out += [self._row(name, i, incident, gap) for incident in parts]
        return out

    def _large(self, i: int, marks: Flags, min_effect: float) -> Flags:
        """Keep marks of which the mean change over the last periods (a week of days) is worth a word."""
        keep = np.zeros_like(marks)
        for t in np.flatnonzero(marks):
            single = self._change(i, np.array([t]))
            recent = self._change(i, np.arange(max(int(t) - 3, 0), int(t) + 1, dtype=np.intp))
            keep[t] = max(abs(single), abs(recent)) >= (min_effect / 5 if self.kind == "share" else min_effect)
        return keep

    def _change(self, i: int, rows: npt.NDArray[np.intp]) -> float:
        before, after, _ = self._levels(i, rows)
        if self.kind == "share":
            return after - before
        return (after - before) / max(abs(before), 1e-12) if self.kind != "count" else (after - before) / max(before, 1)

    def _levels(self, i: int, rows: npt.NDArray[np.intp]) -> tuple[float, float, float]:
        """Return expected, seen and cases over some periods."""
        value, n = self.panel.columns["value"][rows, i], self.panel.columns["n"][rows, i]
        expected = self.scores.expected[rows, i]
        use = ~np.isnan(value) & ~np.isnan(expected)
        if not use.any():
            return float("nan"), float("nan"), 0.0
        value, n, expected = value[use], n[use], expected[use]
        cases = float(np.nansum(value if self.kind == "count" else n))
        if self.kind == "stock":
            start = self.panel.columns["value"][max(int(rows[0]) - 1, 0), i]
            return float(start), float(value[-1]), float(value[-1])
        weight = np.nan_to_num(n) if self.kind == "share" and np.nansum(n) > 0 else np.ones_like(value)
        if self.kind == "duration":
            before, after = np.exp(expected.mean()), np.exp(np.log(np.maximum(value, 1e-300)).mean())
        else:
            before, after = np.average(expected, weights=weight), np.average(value, weights=weight)
        return float(before), float(after), cases

    def _row(self, name: str, i: int, incident: Incident, gap: int) -> dict[str, Any]:
        stamps = self.panel.stamps
        alarms = np.array(incident.alarms, dtype=np.intp)
        inside = np.arange(incident.start, alarms[-1] + 1, dtype=np.intp) if incident.kind == "shift" else alarms
        before, after, cases = self._levels(i, inside)
        return {
            "kpi": self.kpi,
            "series": name,
            "kind": incident.kind,
            "direction": "up" if incident.direction > 0 else "down",
            "started_at": stamps[incident.start],
            "detected_at": stamps[incident.detected],
            "last_at": stamps[incident.last],
            "before": before,
            "after": after,
            "n": cases,
            "z": incident.peak,
            "drivers": "",
            "resolved": incident.returned or len(stamps) - 1 - incident.last > gap,
        }


def _score_kpi(history: pd.DataFrame, freq: str, holidays: Days, kinds: Mapping[str, Kind]) -> _Scored:
    kpi = str(history["kpi"].iloc[0])
    frame = pd.DataFrame({"unique_id": series_names(history), "ds": history["ds"]})
    for column in ("value", "n"):
        frame[column] = _numbers(history[column]) if column in history else np.nan
    whole = panel(frame, ("value", "n"), freq)
    kind = kinds.get(kpi) or kind_of(kpi, history)
    known = _known_days(whole.stamps, holidays)
    quiet = np.zeros(whole.columns["value"].shape, dtype=bool)
    quiet[list(known)] = True
    scores = surprise(kind, whole.columns["value"], whole.columns["n"], Rhythm.of(freq), quiet)
    return _Scored(kpi, kind, whole, scores, known)


def kind_of(kpi: str, history: pd.DataFrame) -> Kind:
    """Tell the kind of a KPI from its values: the rows of a history with that KPI.

    >>> kind_of("sla_attainment", pd.DataFrame({"value": [0.5], "n": [4.0], "numerator": [2.0]}))
    'share'
    """
    if kpi in STOCKS:
        return "stock"
    value = _numbers(history["value"])
    seen = value[~np.isnan(value)]
    if "numerator" in history and "n" in history and len(seen) and seen.min() >= 0 and seen.max() <= 1:
        near = np.abs(_numbers(history["numerator"]) - value * _numbers(history["n"]))
        if not np.isnan(near).all() and np.nanmax(near) < 1e-6 * max(1.0, float(np.nanmax(_numbers(history["n"])))):
            return "share"
    if "median" in history and history["median"].notna().any() and len(seen) and seen.min() >= 0:
        return "duration"
    return "count" if len(seen) and seen.min() >= 0 and (seen == np.round(seen)).all() else "score"


def series_names(history: pd.DataFrame) -> pd.Series:
    """Return the name of the series of each row: its segment values joined by "/", "all" without segments.

    >>> series_names(pd.DataFrame({"kpi": ["a"], "channel": ["web"], "region": ["N"], "ds": [0], "value": [1]})).tolist()
    ['web/N']
    """  # noqa: E501 - an example in one line
    segments = [c for c in history.columns if c not in MEASURES]
    if not segments:
        return pd.Series("all", index=history.index, dtype="str")
    return history[segments].astype("str").fillna("(missing)").agg("/".join, axis=1).astype("str")


def _alarms(parts: list[_Scored], grid: pd.DatetimeIndex, name: str, share: float, least: float) -> list[Flags]:
    """Mark discoveries over all KPIs of each period; one matrix for each KPI, on its own periods."""
    places = [grid.searchsorted(part.panel.stamps) for part in parts]
    widths = [len(part.panel.names) for part in parts]
    score = np.full((len(grid), sum(widths)), np.nan)
    edges = np.cumsum([0, *widths])
    for part, place, left, right in zip(parts, places, edges[:-1], edges[1:], strict=True):
        score[place, left:right] = getattr(part.scores, name)
    marks = discoveries(score, share, least)
    return [marks[place, left:right] for place, left, right in zip(places, edges[:-1], edges[1:], strict=True)]


def _rescored(part: _Scored, rows: list[int]) -> Floats:
    """Score the known days as if they were ordinary."""
    s = part.scores
    value, n = part.panel.columns["value"][rows], part.panel.columns["n"][rows]
    if part.kind == "stock":
        return np.full_like(value, np.nan)
    x = np.log(np.where(value > 0, value, np.nan)) if part.kind == "duration" else value
    return score_one(part.kind, x, s.expected[rows], n, s.strays[rows], s.freedom[rows])


def _score_series(part: pd.DataFrame, freq: str | None) -> pd.DataFrame:
    known = part["y"].notna()
    out = part.assign(expected=np.nan, lower=np.nan, upper=np.nan, score=0.0)
    if not known.any():
        return out
    whole = panel(part, ("y",), freq)
    _, at = slots(pd.DatetimeIndex(part["ds"]), whole.freq)
    y = part["y"].to_numpy(dtype=float)
    seen = y[known]
    kind: Kind = "count" if seen.min() >= 0 and (seen == np.round(seen)).all() else "score"
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


def _known_days(stamps: pd.DatetimeIndex, holidays: Days) -> dict[int, str]:
    """Return the rows of periods that begin on a known day."""
    pairs = holidays.items() if isinstance(holidays, Mapping) else ((day, "known day") for day in holidays)
    names = {pd.Timestamp(day).normalize().tz_localize(None): str(name) for day, name in pairs}
    return {i: names[day] for i, day in enumerate(stamps.normalize()) if day in names}


def _numbers(values: pd.Series) -> Floats:
    try:
        numbers = values.to_numpy(dtype=float, na_value=np.nan)
    except (TypeError, ValueError) as error:
        raise InputError("these are not numbers", column=str(values.name), got=str(values.dtype)) from error
    return np.where(np.isfinite(numbers), numbers, np.nan)


def _check_settings(rate: float, volume: float, effect: float, kinds: Mapping[str, Kind] | None) -> None:
    for name, value in (("alarms_per_week", rate), ("min_volume", volume), ("min_effect", effect)):
        if not (isinstance(value, (int, float)) and 0 <= value < np.inf):
            raise InputError("the setting is out of range", where=f"argument '{name}'", got=value, wanted="from 0")
    for kpi, kind in (kinds or {}).items():
        if kind not in get_args(Kind):
            hint = did_you_mean(str(kind), list(get_args(Kind)))
            raise InputError(f"this is no kind of KPI ({kpi})", where="argument 'kinds'", got=kind, hint=hint)
