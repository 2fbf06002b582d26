"""The incidents of one series: runs of evidence and single values that stand out, read from left to right."""

from __future__ import annotations

import numpy as np

from ...features.arrays import Bools, Floats
from ..series.panel import period_days
from .endings import is_back_on_changed_level, settle
from .incident import Detection
from .watched import Rows, WatchedKpi

#: Score of a single value from which on it is no bad day of a shift that goes on.
MIN_BURST_SCORE = 6.0
_MAX_CHANGED_DAYS = 91  # days after it became usual for which a level is told from what is normal
_MEMORY_SEASONS = 8  # seasons for which a shift is remembered, so that its return, or more of the same, is no news


def merge_detections(part: WatchedKpi, i: int, spiked: Bools, opened_up: Bools, opened_down: Bools) -> list[Detection]:
    """Merge what one series raised into detections.

    A run of evidence opens a detection, which lasts until the level is back to normal or has become usual; a new run
    or a spike in the same direction prolongs it until then, and for two days more. A run in the other direction that
    finds the series back where it was ends it and is none of its own. What was said of a detection when it opened stays
    said.

    Parameters
    ----------
    part
        The KPI.
    i
        Column of the series.
    spiked, opened_up, opened_down
        Where the series spiked, and where a run opened, shape (periods,).
    """
    found: list[Detection] = []
    opened_up = _open_without_spikes(part, i, spiked, opened_up, 1)
    opened_down = _open_without_spikes(part, i, spiked, opened_down, -1)
    for t in np.flatnonzero(spiked | opened_up | opened_down):
        at = int(t)
        for way, opened in ((1, opened_up), (-1, opened_down)):
            if opened[at]:
                _open_run(part, i, found, at, way)
        if spiked[at]:
            _add_spike(part, i, found, at)
    for k, one in enumerate(found):
        if one.ending == "back" and _is_on_top(part, i, [*found[:k], *found[k + 1 :]], one):
            one.ending = "changed"
    return found


def _is_on_top(part: WatchedKpi, i: int, others: list[Detection], one: Detection) -> bool:
    """Tell whether a detection began on a level that has become usual, and left the series there."""
    longest = round(_MAX_CHANGED_DAYS / period_days(part.panel.freq))
    shifts = [d for d in others if d.kind == "level_shift" and d.start < one.start]
    under = [d for d in shifts if d.direction == one.direction and d.ending == "usual"]
    if not under or one.start - under[-1].last > longest:
        return False
    left = [d for d in shifts if d.direction != one.direction and d.ending != "back" and d.start > under[-1].start]
    return not left and is_back_on_changed_level(part, i, under[-1], one)


def _open_without_spikes(part: WatchedKpi, i: int, spiked: Bools, opened: Bools, way: int) -> Bools:
    """Return where runs open that owe nothing to a single value that is something of its own.

    A day of an outage, and weeks a little over what was expected: the run opens once it has as much evidence without
    that day, or never.
    """
    score, since = part.score(way > 0)[:, i], (part.evidence.up_since if way > 0 else part.evidence.down_since)[:, i]
    gain, out = np.maximum(np.diff(score, prepend=0.0), 0.0), opened.copy()
    for at in np.flatnonzero(opened) if part.kind != "stock" else ():
        rows = np.arange(since[at], at + 1, dtype=np.intp)
        z = part.evidence.spike[rows, i] * way
        spikes = spiked[rows] & (z > 0)
        loud = spikes & ((rows < at) | (z >= MIN_BURST_SCORE))  # on the day itself a lesser one is a bad day of the run
        own = [t for t in rows[loud] if _dwarfs(part, i, rows[rows == t], rows[~spikes])]
        if own:
            end = int(at) + 1 + int(np.argmax(np.r_[score[at + 1 :], 0.0] <= 0))  # of this run
            enough = at + 1 + np.flatnonzero(score[at + 1 : end] - gain[own].sum() >= score[at])
            out[at] = False
            out[enough[:1]] = True
    return out


def _dwarfs(part: WatchedKpi, i: int, spike: Rows, rest: Rows) -> bool:
    """Tell whether a value lies at least twice as far off as the periods beside it, if there are any."""
    if not len(rest):
        return False
    (was, became, _), (before, after, _) = part.levels(i, rest), part.levels(i, spike)
    return bool(abs(_step(part, before, after)) >= 2 * abs(_step(part, was, became)))


def _open_run(part: WatchedKpi, i: int, found: list[Detection], at: int, way: int) -> None:
    proof = part.evidence
    score, since = (proof.up, proof.up_since) if way > 0 else (proof.down, proof.down_since)
    start, peak_row = int(since[at, i]), peak_of_run(score[:, i], at)
    peak = float(np.sqrt(2 * score[peak_row, i])) * way
    previous = found[-1] if found else None
    if previous and previous.direction == way:
        if _is_apart(part, i, previous, at):
            start = max(start, max(previous.alarms) + 1)
            found.append(Detection("level_shift", way, start, at, at, peak, alarms=[at], earliest=start))
            _settle(part, i, found[-1])
            return
        if _goes_on(part, previous, start, at):
            if previous.kind == "spike":
                previous.kind = "level_shift"
                previous.detected = max(previous.detected, previous.start)
            previous.peak = max(previous.peak, peak, key=abs)
            previous.alarms.append(at)
            _settle(part, i, previous)
            return
        if _is_same_level(part, i, previous, start, at):
            return
    if previous and previous.direction != way and _is_back(part, i, previous, start, at):
        previous.ending, previous.ended, previous.last = "back", at, max(previous.last, start)
        return
    found.append(Detection("level_shift", way, start, at, at, peak, alarms=[at]))
    _settle(part, i, found[-1])


def _is_apart(part: WatchedKpi, i: int, previous: Detection, at: int) -> bool:
    """Tell whether a single value before a run is something of its own: far off, what followed is not."""
    if previous.kind != "spike" or abs(previous.peak) < MIN_BURST_SCORE or part.kind == "stock":
        return False
    after = np.arange(max(previous.alarms) + 1, at + 1, dtype=np.intp)
    return _dwarfs(part, i, part.detection_rows(previous), after)


def peak_of_run(score: Floats, at: int) -> int:
    """Return the row in which a run that is open at ``at`` had its most evidence.

    >>> peak_of_run(np.array([0.0, 6.0, 9.0, 7.0, 0.0, 11.0]), 1)
    2
    """
    over = score[at:] <= 0
    length = int(over.argmax()) if over.any() else len(score) - at
    return at + int(score[at : at + max(length, 1)].argmax())


def _settle(part: WatchedKpi, i: int, found: Detection) -> None:
    """Write down how a detection ended, by all that is known."""
    told = settle(part, i, found)
    found.ending, found.ended, found.last = told.ending, told.at, told.last


def _goes_on(part: WatchedKpi, previous: Detection, start: int, at: int) -> bool:
    """Tell whether something that starts at a row belongs to a detection: it is not over, or hardly."""
    open_then = not previous.ending or previous.ended > at
    return open_then or start - previous.last <= part.renewal_periods()


def _add_spike(part: WatchedKpi, i: int, found: list[Detection], at: int) -> None:
    z = float(part.evidence.spike[at, i])
    way = 1 if z > 0 else -1
    previous = found[-1] if found else None
    if previous and previous.direction == way and previous.start <= at and _goes_on(part, previous, at, at):
        if abs(z) >= MIN_BURST_SCORE and _is_beyond(part, i, previous, at):
            found.insert(
                -1, Detection("spike", way, at, at, at, z, alarms=[at])
            )  # no bad day, but something of its own
            _settle(part, i, found[-2])
            return
        previous.alarms.append(at)
        previous.peak = max(previous.peak, z, key=abs)
        _settle(part, i, previous)
        return
    if previous and previous.direction != way and part.kind == "stock" and _has_returned(part, i, previous, at):
        return
    shifted = previous is not None and previous.direction != way and previous.kind == "level_shift"
    if previous and shifted and (not previous.ending or at <= previous.ended or _is_back(part, i, previous, at, at)):
        return  # a day on which a shifted series was back, or beyond
    found.append(Detection("spike", way, at, at, at, z, alarms=[at]))
    _settle(part, i, found[-1])


def _is_beyond(part: WatchedKpi, i: int, previous: Detection, at: int) -> bool:
    """Tell whether a value lies at least twice as far off as a shift that goes on had brought the series."""
    if previous.kind != "level_shift" or at <= previous.detected:
        return False
    was, became, _ = part.levels(i, np.arange(previous.start, at, dtype=np.intp), previous.start)
    before, seen, _ = part.levels(i, np.array([at], dtype=np.intp), previous.start)
    return bool(abs(_step(part, before, seen)) >= 2 * abs(_step(part, was, became)))


def _has_returned(part: WatchedKpi, i: int, previous: Detection, at: int) -> bool:
    """Tell whether a stock lies nearer to where it was than to where a detection that is hardly over had brought it."""
    if previous.ended >= 0 and at - previous.ended > part.renewal_periods():
        return False
    value = part.panel.columns["value"][:, i]
    off = (value[previous.start : at + 1] - value[max(previous.start - 1, 0)]) * previous.direction
    return bool(abs(off[-1]) < 0.5 * np.nanmax(off))


def _is_back(part: WatchedKpi, i: int, previous: Detection, start: int, at: int) -> bool:
    """Tell whether a series lies nearer to where it was before a detection than to where that had brought it."""
    if part.kind == "stock":
        return _has_returned(part, i, previous, at)
    if not _is_remembered(part, previous, start):
        return False
    was, became, _ = part.levels(i, part.detection_rows(previous), previous.start)
    expected, seen, _ = part.levels(i, np.arange(start, at + 1, dtype=np.intp))
    moved, now = _step(part, was, became), _step(part, expected, seen)
    return bool(moved * now < 0 and abs(moved + now) < 0.5 * abs(moved))


def _is_same_level(part: WatchedKpi, i: int, previous: Detection, start: int, at: int) -> bool:
    """Tell whether a run finds a series no farther off than where a detection that became usual had brought it."""
    if previous.ending != "usual" or not _is_remembered(part, previous, start):
        return False
    was, became, _ = part.levels(i, part.detection_rows(previous), previous.start)
    before, seen, _ = part.levels(i, np.arange(start, at + 1, dtype=np.intp), previous.start)
    moved, now = _step(part, was, became), _step(part, before, seen)
    return bool(moved * now > 0 and abs(now) < 1.5 * abs(moved))


def _is_remembered(part: WatchedKpi, previous: Detection, start: int) -> bool:
    return previous.kind == "level_shift" and start - previous.last <= _MEMORY_SEASONS * max(part.merge_periods(), 7)


def _step(part: WatchedKpi, before: float, after: float) -> float:
    if part.kind in ("count", "duration"):
        return float(np.log1p(max(after, 0.0)) - np.log1p(max(before, 0.0)))
    return after - before
