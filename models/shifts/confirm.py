"""What a detection makes worth a second look: a narrower segment, and the other KPIs of the same segment.

Few questions are asked here, and only where something was detected before: evidence that is too weak among all series
at all times is enough.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from ...features.arrays import Floats
from .endings import level_before, settle
from .false_alarms import MIN_RUN_EVIDENCE, MIN_SPIKE_SCORE
from .incident import Detection
from .incidents import peak_of_run
from .watched import WatchedKpi

#: Score from which on another KPI of the segment is said to have moved too.
MIN_ACCOMPANYING_SCORE = 3.5
#: Evidence by which a start may be less likely than the likeliest: days within it hold the true one 95 times of 100.
MAX_START_LOSS = 3.7
_MAX_ACCOMPANYING_DAYS = 56  # what moves later moves for another reason
_RUNS_FACTOR = 1.3  # by which sums of days stray further than single days let expect


def detection_in(part: WatchedKpi, series: str, row: Any) -> dict[str, Any] | None:
    """Return the detection of a narrower series in the days of one that was detected; nothing where it shows none.

    ``by_days`` tells that ``z`` is the score of those days: no run of its own evidence shows the change.

    Parameters
    ----------
    part, series
        The KPI and the narrower series.
    row
        The detection: ``kind``, ``direction``, ``started_at``, ``detected_at``.
    """
    i, way, by_days = part.panel.names.index(series), 1 if row.direction == "up" else -1, False
    stamps = part.panel.stamps
    at, first = (min(int(stamps.searchsorted(t)), len(stamps) - 1) for t in (row.detected_at, row.started_at))
    if row.kind == "spike":
        z = float(part.evidence.spike[first, i]) * way
        if not z >= MIN_SPIKE_SCORE:
            return None
        found = Detection("spike", way, first, first, first, z * way, alarms=[first])
    else:
        run = _run_in(part, i, way, first, at)
        shift = run or _moved_since(part, i, way, first, at)
        if shift is None:
            return None
        found, by_days = shift, run is None
    told = settle(part, i, found)
    found.ending, found.ended, found.last = told.ending, told.at, told.last
    return part.row(i, found) | {"by_days": by_days}


def _run_in(part: WatchedKpi, i: int, way: int, first: int, at: int) -> Detection | None:
    """Return the run of evidence of a series around the row in which another was detected."""
    whole = part.score(way > 0)[:, i]
    over = whole[at:] <= 0  # as long as the run goes on: what was reported before is found as strong again
    last = max(at, at + int(over.argmax()) - 1) if over.any() else len(whole) - 1
    score = whole[first : last + 1]
    if not len(score) or score.max() < MIN_RUN_EVIDENCE:
        return None
    best = first + int(score.argmax())
    since = part.evidence.up_since if way > 0 else part.evidence.down_since
    peak = float(np.sqrt(2 * score.max())) * way
    return Detection("level_shift", way, int(since[best, i]), max(at, int(since[best, i])), at, peak, alarms=[at])


def _moved_since(part: WatchedKpi, i: int, way: int, first: int, at: int) -> Detection | None:
    """Return how a series has moved since the row in which another began to, though its own evidence has no such run.

    Where it had strayed a little for weeks, what came then was taken for its new level.
    """
    rows = np.arange(first, min(first + _MAX_ACCOMPANYING_DAYS, len(part.panel.stamps)), dtype=np.intp)
    score = np.nan_to_num(cumulated_score(part, i, first, rows)) * way
    over = np.flatnonzero(score >= MIN_ACCOMPANYING_SCORE)
    if not len(over):
        return None
    return Detection("level_shift", way, first, max(at, int(rows[over[0]])), at, float(score.max()) * way, alarms=[at])


def open_run(
    part: WatchedKpi,
    series: str,
    direction: str,
    days: tuple[pd.Timestamp, pd.Timestamp],
    min_volume: float,
    min_effect: float,
) -> dict[str, Any] | None:
    """Return the level shift of a series that is asked about because of another, as of the day that first shows it.

    Parameters
    ----------
    part, series, direction
        The KPI, the series and the way in which it may have moved.
    days
        First and last day of what made it asked about.
    min_volume, min_effect
        What is worth a word, as in :func:`~deskcast.models.shifts.detect.detect_shifts`.
    """
    i, way, stamps = part.panel.names.index(series), 1 if direction == "up" else -1, part.panel.stamps
    first, end = int(stamps.searchsorted(days[0])), int(stamps.searchsorted(days[1], side="right"))
    score = part.score(way > 0)[:, i]
    since = part.evidence.up_since if way > 0 else part.evidence.down_since
    for at in first + np.flatnonzero(score[first:end] >= MIN_RUN_EVIDENCE):
        start = int(since[at, i])
        if part.is_reportable(i, np.arange(start, at + 1, dtype=np.intp), min_volume, min_effect):
            peak = float(np.sqrt(2 * score[peak_of_run(score, int(at))])) * way
            found = Detection("level_shift", way, start, int(at), int(at), peak, alarms=[int(at)])
            told = settle(part, i, found)
            found.ending, found.ended, found.last = told.ending, told.at, told.last
            return part.row(i, found)
    return None


def accompanying_detection(part: WatchedKpi, row: Any, min_volume: float, min_effect: float) -> dict[str, Any] | None:
    """Return how another KPI moved in the segment of a level shift, from its start on; nothing where it did not.

    Parameters
    ----------
    part
        The other KPI.
    row
        The level shift: ``series``, ``started_at``, ``last_at``.
    min_volume, min_effect
        What is worth a word, as in :func:`~deskcast.models.shifts.detect.detect_shifts`.
    """
    if row.series not in part.panel.names or part.kind == "stock":
        return None
    i, stamps = part.panel.names.index(row.series), part.panel.stamps
    start = int(stamps.searchsorted(row.started_at))
    until = pd.Timestamp(row.started_at) + pd.Timedelta(days=_MAX_ACCOMPANYING_DAYS)
    rows = np.arange(
        start, int(stamps.searchsorted(min(until, pd.Timestamp(row.last_at)), side="right")), dtype=np.intp
    )
    score = cumulated_score(part, i, start, rows)
    over = np.flatnonzero(np.abs(np.nan_to_num(score)) >= MIN_ACCOMPANYING_SCORE)
    if not len(over):
        return None
    way, at = int(np.sign(score[over[0]])), int(rows[over[0]])
    if not part.is_reportable(i, rows[: over[0] + 1], min_volume, min_effect):
        return None
    found = Detection("level_shift", way, start, at, at, float(score[over[0]]), alarms=[at])
    told = settle(part, i, found)
    found.ending, found.ended, found.last = told.ending, told.at, told.last
    return part.row(i, found)


def date_from_cause(part: WatchedKpi, row: Any, since: pd.Timestamp) -> dict[str, Any] | None:
    """Return dates and figures of a level shift that did not begin before its cause; nothing where it clearly did.

    The values of a few days leave open on which of them a shift began. Of those in question, the likeliest that does
    not precede the cause is taken.

    Parameters
    ----------
    part
        The KPI.
    row
        The level shift: ``series``, ``direction``, ``started_at``, ``changed_at``, ``detected_at``, ``last_at``.
    since
        First day on which the cause can have worked.

    Notes
    -----
    Siegmund (1988), "Confidence sets in change-point problems": the starts whose evidence is less than the largest by
    no more than ``c`` hold the true one with a probability of about ``(1 - exp(-c)) ** 2``.
    """
    i, stamps = part.panel.names.index(str(row.series)), part.panel.stamps
    if row.kind != "level_shift" or since <= row.changed_at or part.kind == "stock":
        return None
    start, found, last = (int(stamps.searchsorted(at)) for at in (row.started_at, row.detected_at, row.last_at))
    way = 1 if row.direction == "up" else -1
    shift = Detection("level_shift", way, start, max(min(found, last), start), last, float(row.z))
    first, _, gain = part.start_evidence(i, shift)
    open_ = gain[max(int(stamps.searchsorted(since)) - first, 0) :]
    if not len(open_) or gain.max() - open_.max() > MAX_START_LOSS:
        return None
    at = first + len(gain) - 1 - int(open_[::-1].argmax())  # of days without values the last
    rows = part.detection_rows(shift, at)
    before, after, cases = part.levels(i, rows, at)
    if (after - before) * way <= 0:
        return None
    cost = part.cost(before, after, cases, len(rows))
    return {"changed_at": stamps[at], "before": before, "after": after, "n": cases, "impact": cost}


def score_over_days(part: WatchedKpi, series: str, first: pd.Timestamp, last: pd.Timestamp) -> float:
    """Return the standard normal score of all that a series showed from one day to another.

    A run of evidence depends on when it began in each series, so that runs of two series cannot be compared; the same
    days can. Not a number where nothing is known of them.

    Examples
    --------
    >>> from deskcast.models.shifts.watched import watch_kpi
    >>> days = pd.date_range("2024-01-01", periods=120)
    >>> value = [40.0 + (k * 7919 % 13) + 30 * (k >= 110) for k in range(120)]
    >>> part = watch_kpi(pd.DataFrame({"kpi": "cases_opened", "ds": days, "value": value}), "D", (), {})
    >>> score_over_days(part, "all", days[80], days[109]) < 3 < score_over_days(part, "all", days[110], days[119])
    True
    """
    i, stamps = part.panel.names.index(series), part.panel.stamps
    start = int(stamps.searchsorted(pd.Timestamp(first)))
    rows = np.arange(start, int(stamps.searchsorted(pd.Timestamp(last), side="right")), dtype=np.intp)
    return float(cumulated_score(part, i, start, rows)[-1]) if len(rows) else float("nan")


def cumulated_score(part: WatchedKpi, i: int, start: int, rows: np.ndarray) -> Floats:
    """Return the standard normal score of all known periods from a start on, after each of them."""
    value, spread = part.panel.columns["value"][rows, i], part.evidence.spread[rows, i]
    if part.kind == "duration":
        value = np.log1p(np.where(value >= 0, value, np.nan))
    base = level_before(part, start, rows, i)
    unit = np.maximum(base, 0.1) if part.kind == "count" else np.ones_like(base)
    use = np.asarray(part.tested[rows, i] & np.isfinite(value) & np.isfinite(base) & (np.nan_to_num(spread) > 0))
    with np.errstate(invalid="ignore", divide="ignore"):
        off = np.where(use, np.clip((value - base) / spread, -3.5, 3.5) * unit / spread, 0.0)
        weight = np.where(use, (unit / spread) ** 2, 0.0)
        return np.asarray(np.cumsum(off) / np.sqrt(np.cumsum(weight) * _RUNS_FACTOR))
