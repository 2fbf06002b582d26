"""One KPI with all its series, watched: its evidence, what is worth a word, and the rows that say so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from scipy import special

from ...features.arrays import Bools, Floats, Places
from ..series.kpi_kinds import MIN_DURATION_CHANGE_S, KnownDays, infer_kpi_kind, segment_names
from ..series.panel import Panel, numbers_of, panel, period_days
from ..series.tail_probability import KpiKind
from ..series.units import harmonise_units
from .cusum import Evidence
from .endings import DETECTION_STATES, level_before
from .expected_level import Pace
from .false_alarms import MIN_SPIKE_SCORE, deflate_scores, evidence_p
from .incident import Detection
from .resumed_evidence import resume_cusum

_MAX_EARLIER_PERIODS = 7  # periods before the start that was said first in which a shift may have begun
_JUMP_SCORE = 3.9  # score of a single period from which on a level moved on it and not before (they are cut at 4)
_RECORD_DAYS, _MIN_PRECEDENTS = 182, 2  # what a series has done so often in so many days is nothing new
Rows = Places


@dataclass(frozen=True)
class WatchedKpi:
    """All series of one KPI with the evidence of each period.

    Attributes
    ----------
    kpi, kind
        The KPI and its kind.
    panel
        Its values and cases.
    proof
        Evidence of the shift channel and scores of the spike channel.
    known
        Rows of known days, with their names.
    said
        What was done to the values: units that changed.
    """

    kpi: str
    kind: KpiKind
    panel: Panel
    evidence: Evidence
    known: dict[int, str]
    unit_changes: tuple[str, ...] = ()

    @property
    def tested(self) -> Bools:
        """Where an alarm could have been had; of a cohort too young for its duration none can."""
        rows = np.arange(len(self.panel.stamps))[:, None]
        return np.isfinite(self.evidence.spike) & (rows + self.maturity_periods < len(self.panel.stamps))

    @cached_property
    def maturity_periods(self) -> Places:
        """Periods until a cohort is old enough to be judged: twice the duration that is expected of it.

        Before that, only a fast cohort has a median at all, and a slow one is not to be seen.
        """
        if self.kind != "duration":
            return np.zeros(self.evidence.expected.shape, dtype=np.intp)
        period = period_days(self.panel.freq) * 86400
        longest = np.expm1(np.minimum(np.nan_to_num(self.evidence.expected), 30.0))
        return np.asarray(np.ceil(np.maximum(2 * longest / period - 0.5, 0)), dtype=np.intp)

    def p_values(self, up: bool) -> Floats:
        """Return how rare the evidence of each period is for a quiet series."""
        return evidence_p(self.kind, self.score(up), self.tested)

    def score(self, up: bool) -> Floats:
        """Return the evidence of one direction."""
        return self.evidence.up if up else self.evidence.down

    def spikes(self) -> Floats:
        """Return the scores of single values, made smaller where the KPI is wilder than thought."""
        z = np.where(self.tested, self.evidence.spike, np.nan)
        if self.kind in ("duration", "score"):  # tails of any weight
            z = np.where(seen_before(z, round(_RECORD_DAYS / period_days(self.panel.freq))), np.nan, z)
        return deflate_scores(z)

    def merge_periods(self) -> int:
        """Return the periods without an alarm after which an incident is over."""
        days = period_days(self.panel.freq)
        return max(round(7 / days), 3) if days >= 1 else max(3, round(1 / days))

    def is_reportable(self, i: int, rows: Rows, min_volume: float, min_effect: float) -> bool:
        """Tell whether what happened over some periods is large enough for a word."""
        before, after, cases = self.levels(i, rows)
        if not np.isfinite(before) or not np.isfinite(after):
            return False
        size = max(cases, before * len(rows)) if self.kind in ("count", "stock") else cases
        if size < min_volume or not self.is_large_enough(before, after, min_effect):
            return False
        if self.kind == "duration" and len(rows) == 1:
            return self._is_sure(i, int(rows[0]))
        if self.kind != "count" or len(rows) > 1:
            return True
        season = self.evidence.expected[max(int(rows[0]) - Pace.of(self.panel.freq).season + 1, 0) : rows[0] + 1, i]
        usual = float(np.nanmean(season))  # a few cases on a day on which hardly any come are no news
        return before >= usual / 4 or abs(after - before) >= 3 * min_effect * usual

    def _is_sure(self, i: int, t: int) -> bool:
        """Tell whether the interval of a median, where it is known, leaves out what was expected.

        On a Saturday half of the cases may be done at once and half on Monday: a median of few jumps by days.
        """
        if not {"lo", "hi"} <= set(self.panel.columns):
            return True
        low, high = self.panel.columns["lo"][t, i], self.panel.columns["hi"][t, i]
        if np.isnan(low) and np.isnan(high):
            return True
        middle = float(np.expm1(min(self.evidence.expected[t, i], 700.0)))
        return bool(low > middle or high < middle)

    def is_large_enough(self, before: float, after: float, min_effect: float) -> bool:
        """Tell whether a change is worth a word."""
        step = abs(after - before)
        if self.kind == "share":
            return step >= min_effect / 5
        least = {"count": min_effect, "duration": MIN_DURATION_CHANGE_S}.get(self.kind, 0.0)
        return step >= max(min_effect * abs(before), least)

    def renewal_periods(self) -> int:
        """Return the periods after the end of a change in which more of it belongs to it: those of two days."""
        days = period_days(self.panel.freq)
        return max(round(2 / days), 1) if days >= 1 else self.merge_periods()

    def levels(self, i: int, rows: Rows, start: int | None = None) -> tuple[float, float, float]:
        """Return expected, seen and cases over some periods of a series; with ``start`` as expected before that row."""
        value, n = self.panel.columns["value"][rows, i], self.panel.columns["n"][rows, i]
        expected = self.evidence.expected[rows, i] if start is None else level_before(self, start, rows, i)
        use = np.isfinite(value) & np.isfinite(expected)
        if not use.any():
            return float("nan"), float("nan"), 0.0
        value, n, expected = value[use], n[use], expected[use]
        cases = float(value.sum()) if self.kind == "count" else float(np.nansum(n)) if np.isfinite(n).any() else np.inf
        if self.kind == "stock":
            start = self.panel.columns["value"][max(int(rows[0]) - 1, 0), i]
            return float(start), float(value[-1]), float(value[-1])
        weight = np.nan_to_num(n) if self.kind == "share" and np.nansum(n) > 0 else np.ones_like(value)
        if self.kind == "duration":
            before, after = np.expm1(min(expected.mean(), 700.0)), np.expm1(np.log1p(np.maximum(value, 0)).mean())
        else:
            before, after = np.average(expected, weights=weight), np.average(value, weights=weight)
        return float(before), float(after), cases

    def explained(self, share: float) -> list[tuple[str, str, pd.Timestamp, str]]:
        """Return what known days would have raised: kpi, series, day, name."""
        if not self.known:
            return []
        rows = np.array(sorted(self.known), dtype=np.intp)
        limit = max(-special.ndtri(min(share, 1.0) / 2 / max(len(self.panel.names), 1)), MIN_SPIKE_SCORE)
        value, proof = self.panel.columns["value"][rows], self.evidence
        x = np.log1p(np.where(value >= 0, value, np.nan)) if self.kind == "duration" else value
        if self.kind == "stock":
            return []
        with np.errstate(invalid="ignore", divide="ignore"):
            z = (x - proof.expected[rows]) / proof.spread[rows]
        found = np.argwhere(np.abs(np.nan_to_num(z)) > limit)
        return [(self.kpi, self.panel.names[i], self.panel.stamps[rows[t]], self.known[int(rows[t])]) for t, i in found]

    def notes(self) -> list[str]:
        """Say which series cannot alarm, and why."""
        value, n = self.panel.columns["value"], self.panel.columns["n"]
        out = [f"{self.kpi}: {words}" for words in self.unit_changes]
        tested = np.asarray(self.tested.any(axis=0))
        for i, name in enumerate(self.panel.names):
            own = value[:, i][np.isfinite(value[:, i])]
            if not len(own):
                nothing = np.nansum(n[:, i]) == 0 and not np.isnan(n[:, i]).all()
                why = "no cases in any period" if nothing else "no values"
            elif len(own) > 1 and np.ptp(own) == 0:
                why = "constant"
            elif not tested[i]:
                pace = Pace.of(self.panel.freq)
                why = f"too short: {len(own)} values, {pace.guard + pace.warm} periods are needed"
            else:
                continue
            out.append(f"{self.kpi}, {name}: no alarm is possible ({why})")
        return out

    def row(self, i: int, incident: Detection) -> dict[str, Any]:
        """Return the row of an incident."""
        stamps, first = self.panel.stamps, self.dated(i, incident)
        rows = self.detection_rows(incident, first)
        before, after, cases = self.levels(i, rows, first if incident.kind == "level_shift" else None)
        if (after - before) * incident.direction < 0:  # it was back, if not for good: what was found counts
            rows = np.arange(incident.start, incident.detected + 1, dtype=np.intp)
            before, after, cases = self.levels(i, rows)
        return {
            "kpi": self.kpi,
            "series": self.panel.names[i],
            "kind": incident.kind,
            "direction": "up" if incident.direction > 0 else "down",
            "started_at": stamps[incident.start],
            "detected_at": stamps[
                min(incident.detected + int(self.maturity_periods[incident.detected, i]), len(stamps) - 1)
            ],
            "last_at": stamps[incident.last],
            "before": before,
            "after": after,
            "n": cases,
            "z": incident.peak,
            "drivers": "",
            "state": DETECTION_STATES[incident.ending],
            "resolved": incident.ending == "back",
            "changed_at": stamps[first],
            "impact": self.cost(before, after, cases, len(rows)),
        }

    def dated(self, i: int, incident: Detection) -> int:
        """Return the likeliest first period of a shift, by all that is known today.

        The split that the scores make likeliest: nothing before it, the size of the incident after it.
        """
        if incident.kind == "spike":
            return incident.start
        first, z, gain = self.start_evidence(i, incident)
        at = int(gain.argmax())
        jump = at + int(z[at:].argmax())
        if z[jump] >= _JUMP_SCORE and float(z[at:jump].sum()) < 0.5 * _JUMP_SCORE * np.sqrt(jump - at):
            return first + jump  # all at once, after days that lay off by chance
        return first + at

    def start_evidence(self, i: int, incident: Detection) -> tuple[int, Floats, Floats]:
        """Return for each period in which a shift may have begun its score, and the evidence that it began there.

        Returns
        -------
        (int, array, array)
            The first of the periods, and the two from it to the one in which the shift was detected.
        """
        first = max(incident.start - _MAX_EARLIER_PERIODS, incident.earliest, 0)
        last = max(incident.last, incident.detected)
        z = np.clip(np.nan_to_num(self.evidence.spike[first : last + 1, i]), -4, 4) * incident.direction
        spread = self.evidence.spread[first : last + 1, i]
        size = self.evidence.expected[first : last + 1, i] if self.kind == "count" else np.ones_like(z)
        with np.errstate(invalid="ignore", divide="ignore"):
            clear = np.nan_to_num(np.where(spread > 0, size / spread, 0.0))  # a value with many cases tells more
        inside = slice(incident.start - first, None)
        step = float((z * clear)[inside].sum() / max(float((clear**2)[inside].sum()), 1e-12))
        gain = np.cumsum((step * clear * z - (step * clear) ** 2 / 2)[::-1])[::-1]
        until = incident.detected - first + 1
        return first, z[:until], gain[:until]

    def cost(self, before: float, after: float, cases: float, periods: int) -> float:
        """Return what an incident cost, up to now: cases more than expected, or hours for durations."""
        if self.kind == "count":
            return float((after - before) * periods)
        if self.kind == "stock":
            return float(after - before)
        size = cases if np.isfinite(cases) else np.nan
        return float((after - before) * size / (3600 if self.kind == "duration" else 1))

    def detection_rows(self, incident: Detection, first: int | None = None) -> Rows:
        """Return the periods of an incident, from its start or another row on."""
        if incident.kind == "spike":
            return np.array(incident.alarms, dtype=np.intp)
        start = incident.start if first is None else first
        return np.arange(start, max(incident.last, incident.detected) + 1, dtype=np.intp)


def seen_before(z: Floats, periods: int) -> Bools:
    """Tell which large scores are no larger than what the series has shown more than once in the periods before.

    >>> z = np.array([[0.0], [9.0], [8.0], [8.5], [-8.5], [12.0]])
    >>> seen_before(z, 10)[:, 0].tolist()
    [False, False, False, True, False, False]
    """
    out = np.zeros(z.shape, dtype=bool)
    for t, i in np.argwhere(np.abs(np.nan_to_num(z)) >= MIN_SPIKE_SCORE):
        past = z[max(t - periods, 0) : t, i] * np.sign(z[t, i])
        past = past[np.nan_to_num(past) >= MIN_SPIKE_SCORE]
        out[t, i] = len(past) >= _MIN_PRECEDENTS and abs(z[t, i]) <= past.max()
    return out


def watch_kpi(history: pd.DataFrame, freq: str, holidays: KnownDays, kinds: Mapping[str, KpiKind]) -> WatchedKpi:
    """Collect the evidence for all series of the one KPI in a history.

    >>> days = pd.date_range("2024-01-01", periods=70)
    >>> history = pd.DataFrame({"kpi": "backlog", "ds": days, "value": 5.0})
    >>> watch_kpi(history, "D", (), {}).kind
    'stock'
    """
    kpi = str(history["kpi"].iloc[0])
    frame = pd.DataFrame({"unique_id": segment_names(history), "ds": history["ds"]})
    measures = ("value", "n", *(c for c in ("lo", "hi") if c in history))
    for column in measures:
        frame[column] = numbers_of(history[column]) if column in history else np.nan
    frame["cut"] = history["cut"].astype("float64").to_numpy() if "cut" in history else np.nan
    whole = panel(frame, (*measures, "cut"), freq)
    kind = kinds.get(kpi) or infer_kpi_kind(kpi, history)
    value, said = harmonise_units(whole.columns["value"], whole.stamps)
    if said:  # the interval of a value is in its unit
        with np.errstate(invalid="ignore", divide="ignore"):
            factor = np.nan_to_num(value / whole.columns["value"], nan=1.0, posinf=1.0)
        whole = replace(whole, columns=whole.columns | {c: whole.columns[c] * factor for c in measures[2:]})
    value = np.where(whole.columns["cut"] == 1, np.nan, value)  # part of a period is no value of it
    whole = replace(whole, columns=whole.columns | {"value": value})
    known = known_days(whole.stamps, holidays)
    quiet = np.zeros(whole.columns["value"].shape, dtype=bool)
    quiet[list(known)] = True
    columns, pace = whole.columns, Pace.of(freq)
    series = (kpi, tuple(whole.names), str(whole.stamps[0]) if len(whole.stamps) else "")
    proof = resume_cusum(series, kind, columns["value"], columns["n"], pace, quiet, whole.stamps, freq)
    return WatchedKpi(kpi, kind, whole, proof, known, tuple(said))


def expected_range(part: WatchedKpi, series: str) -> pd.DataFrame:
    """Return what was seen of a series, and the band in which 95 of 100 values were expected.

    Returns
    -------
    DataFrame
        ``kpi``, ``series``, ``ds``, ``value``, ``expected``, ``lower``, ``upper``, all in the unit of the KPI. Of a
        stock the band is what a day adds to the value of the day before.

    Examples
    --------
    >>> days = pd.date_range("2024-01-01", periods=70)
    >>> part = watch_kpi(pd.DataFrame({"kpi": "cases_opened", "ds": days, "value": [40.0, 44.0] * 35}), "D", (), {})
    >>> last = expected_range(part, "all").iloc[-1]
    >>> bool(last["lower"] < 40 < last["expected"] < 44 < last["upper"])
    True
    """
    i = part.panel.names.index(series)
    value, middle, wide = part.panel.columns["value"][:, i], part.evidence.expected[:, i], part.evidence.spread[:, i]
    sides = [middle, middle - 1.96 * wide, middle + 1.96 * wide]
    if part.kind == "duration":
        sides = [np.expm1(np.minimum(side, 30.0)) for side in sides]
    if part.kind == "stock":
        before = np.r_[np.nan, value[:-1]]
        sides = [before + side for side in sides]
    if part.kind != "score":
        sides = [np.where(side < 0, 0.0, side) for side in sides]
    if part.kind == "share":
        sides = [np.where(side > 1, 1.0, side) for side in sides]
    frame = pd.DataFrame({"kpi": part.kpi, "series": series, "ds": part.panel.stamps, "value": value})
    return frame.assign(expected=sides[0], lower=sides[1], upper=sides[2])


def known_days(stamps: pd.DatetimeIndex, holidays: KnownDays) -> dict[int, str]:
    """Return the rows of periods that begin on a known day.

    >>> known_days(pd.date_range("2024-12-24", periods=3), {"2024-12-25": "Christmas"})
    {1: 'Christmas'}
    """
    pairs = holidays.items() if isinstance(holidays, Mapping) else ((day, "known day") for day in holidays)
    names = {pd.Timestamp(day).normalize().tz_localize(None): str(name) for day, name in pairs}
    return {i: names[day] for i, day in enumerate(stamps.normalize()) if day in names}
