"""One KPI with all its series, scored: what may alarm, what is worth a word, and the rows that say so."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import special

from ..features.definitions import unit_of
from .expectation import FIRST, Rhythm, Surprise, score_one, surprise
from .incidents import Incident, incidents
from .panel import Panel, numbers_of, panel, period_days
from .tails import Kind

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Days = Mapping[Any, str] | Iterable[Any]

#: Columns of a KPI history that are no segments.
MEASURES = ("kpi", "ds", "value", "n", "numerator", "lo", "hi", "median", "p90", "mean")
#: Stocks carry yesterday with them: they are judged by their change.
STOCKS = ("backlog",)
#: A change of a duration by less is not worth a word.
LEAST_SECONDS = 30.0


@dataclass(frozen=True)
class Scored:
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
        """Keep marks of which the change, of the value or of the last four, is worth a word."""
        keep = np.zeros_like(marks)
        for t in np.flatnonzero(marks):
            spans = np.array([t]), np.arange(max(int(t) - 3, 0), int(t) + 1, dtype=np.intp)
            keep[t] = any(self._counts(*self._levels(i, rows)[:2], min_effect) for rows in spans)
        return keep

    def _counts(self, before: float, after: float, min_effect: float) -> bool:
        step = abs(after - before)
        if self.kind == "share":
            return step >= min_effect / 5
        least = {"count": min_effect, "duration": LEAST_SECONDS}.get(self.kind, 0.0)
        return step >= max(min_effect * abs(before), least)

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
            before, after = np.expm1(expected.mean()), np.expm1(np.log1p(np.maximum(value, 0)).mean())
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


def score_kpi(history: pd.DataFrame, freq: str, holidays: Days, kinds: Mapping[str, Kind]) -> Scored:
    """Score all series of the one KPI in a history.

    >>> days = pd.date_range("2024-01-01", periods=70)
    >>> history = pd.DataFrame({"kpi": "backlog", "ds": days, "value": 5.0})
    >>> score_kpi(history, "D", (), {}).kind
    'stock'
    """
    kpi = str(history["kpi"].iloc[0])
    frame = pd.DataFrame({"unique_id": series_names(history), "ds": history["ds"]})
    for column in ("value", "n"):
        frame[column] = numbers_of(history[column]) if column in history else np.nan
    whole = panel(frame, ("value", "n"), freq)
    kind = kinds.get(kpi) or kind_of(kpi, history)
    known = _known_days(whole.stamps, holidays)
    quiet = np.zeros(whole.columns["value"].shape, dtype=bool)
    quiet[list(known)] = True
    scores = surprise(kind, whole.columns["value"], whole.columns["n"], Rhythm.of(freq), quiet)
    return Scored(kpi, kind, whole, scores, known)


def kind_of(kpi: str, history: pd.DataFrame) -> Kind:
    """Tell the kind of a KPI from the catalogue, or from the first values of one that is not in it.

    Parameters
    ----------
    kpi
        Name of the KPI.
    history
        Its rows. What comes after the first weeks does not change the answer.

    Examples
    --------
    >>> days = pd.date_range("2024-01-01", periods=2)
    >>> kind_of("on_time", pd.DataFrame({"ds": days, "value": [0.5, 1.0], "n": [4.0, 2.0], "numerator": [2.0, 2.0]}))
    'share'
    """
    if kpi in STOCKS:
        return "stock"
    if unit := unit_of(kpi):
        return {"count": "count", "share": "share", "s": "duration"}.get(unit, "score")  # type: ignore[return-value]
    first = history[history["value"].notna()].sort_values("ds", kind="stable")
    first = first[first["ds"].isin(first["ds"].unique()[:FIRST])]
    seen = numbers_of(first["value"])
    if "numerator" in first and "n" in first and len(seen) and seen.min() >= 0 and seen.max() <= 1:
        hits, n = numbers_of(first["numerator"]), numbers_of(first["n"])
        if not np.isnan(hits).all() and np.nanmax(np.abs(hits - seen * n)) < 1e-6 * max(1.0, float(np.nanmax(n))):
            return "share"
    if "median" in first and first["median"].notna().any() and len(seen) and seen.min() >= 0:
        return "duration"
    return count_or_score(seen)


def count_or_score(seen: Floats) -> Kind:
    """Take values that are whole and not negative for counts.

    >>> count_or_score(np.array([1.0, 3.0])), count_or_score(np.array([1.5]))
    ('count', 'score')
    """
    return "count" if len(seen) and seen.min() >= 0 and (seen == np.round(seen)).all() else "score"


def series_names(history: pd.DataFrame) -> pd.Series:
    """Return the name of the series of each row: its segment values joined by "/", "all" without segments.

    >>> series_names(pd.DataFrame({"kpi": ["a"], "channel": ["web"], "region": ["N"], "ds": [0], "value": [1]})).tolist()
    ['web/N']
    """  # noqa: E501 - an example in one line
    segments = [c for c in history.columns if c not in MEASURES]
    if not segments:
        return pd.Series("all", index=history.index, dtype="str")
    name, *rest = (history[column].astype("str").fillna("(missing)") for column in segments)
    for more in rest:
        name = name + "/" + more
    return name.astype("str")


def _rescored(part: Scored, rows: list[int]) -> Floats:
    """Score the known days as if they were ordinary."""
    s = part.scores
    value, n = part.panel.columns["value"][rows], part.panel.columns["n"][rows]
    if part.kind == "stock":
        return np.full_like(value, np.nan)
    x = np.log1p(np.where(value >= 0, value, np.nan)) if part.kind == "duration" else value
    return score_one(part.kind, x, s.expected[rows], n, s.strays[rows], s.freedom[rows])


def _known_days(stamps: pd.DatetimeIndex, holidays: Days) -> dict[int, str]:
    """Return the rows of periods that begin on a known day."""
    pairs = holidays.items() if isinstance(holidays, Mapping) else ((day, "known day") for day in holidays)
    names = {pd.Timestamp(day).normalize().tz_localize(None): str(name) for day, name in pairs}
    return {i: names[day] for i, day in enumerate(stamps.normalize()) if day in names}
