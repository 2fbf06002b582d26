"""The incidents of one series: runs of evidence and single values that stand out, read from left to right."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ...features.arrays import Bools
from .incident import Detection
from .watched import WatchedKpi

_RETURN_MEMORY_SEASONS = 8  # seasons for which a level before a shift is remembered, so that its return is no news
_ENDED_BY_RETURN = 1  # as Evidence.ended says it


def merge_detections(part: WatchedKpi, i: int, spiked: Bools, opened_up: Bools, opened_down: Bools) -> list[Detection]:
    """Merge what one series raised into incidents.

    A run of evidence opens an incident, which lasts until its evidence is gone; a new run or a spike in the same
    direction prolongs it. A run in the other direction that finds the series back where it was before the incident
    ends that incident and is none of its own. What was said of an incident when it opened stays said.

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
    for t in np.flatnonzero(spiked | opened_up | opened_down):
        at = int(t)
        for way, opened in ((1, opened_up), (-1, opened_down)):
            if opened[at]:
                _open_run(part, i, found, at, way)
        if spiked[at]:
            _add_spike(part, i, found, at)
    return found


def _open_run(part: WatchedKpi, i: int, found: list[Detection], at: int, way: int) -> None:
    proof = part.evidence
    score, since = (proof.up, proof.up_since) if way > 0 else (proof.down, proof.down_since)
    start, last, back = int(since[at, i]), *run_end(score[:, i], proof.ended[:, i], at)
    peak = float(np.sqrt(2 * score[at : last + 1, i].max())) * way
    previous = found[-1] if found else None
    if previous and previous.direction == way and start - previous.last <= part.merge_periods():
        previous.kind = "level_shift"
        previous.last, previous.returned = max(previous.last, last), back
        previous.peak = max(previous.peak, peak, key=abs)
        return
    if previous and previous.direction != way and _is_back(part, i, previous, start, at):
        previous.returned, previous.last = True, max(previous.last, start)
        return
    found.append(Detection("level_shift", way, start, at, last, peak, back, alarms=[at]))


def run_end(score: npt.NDArray[np.float64], ended: npt.NDArray[np.int8], at: int) -> tuple[int, bool]:
    """Return the row in which a run that is open at ``at`` had its most evidence, and whether it is over.

    >>> run_end(np.array([0.0, 6.0, 9.0, 7.0, 0.0]), np.array([0, 0, 0, 0, 1], dtype=np.int8), 1)
    (2, True)
    """
    rest = score[at:]
    over = rest <= 0
    length = int(over.argmax()) if over.any() else len(rest)
    if over.any() and ended[at + length] != _ENDED_BY_RETURN:
        return at + length, True  # the new level
    return at + int(rest[:length].argmax()), bool(over.any())


def _add_spike(part: WatchedKpi, i: int, found: list[Detection], at: int) -> None:
    z = float(part.evidence.spike[at, i])
    way = 1 if z > 0 else -1
    previous = found[-1] if found else None
    if previous and previous.direction == way and previous.start <= at:
        inside = previous.kind == "level_shift" and at <= previous.last
        if inside or at - previous.last <= part.merge_periods():
            previous.last = max(previous.last, at)
            previous.alarms.append(at)
            previous.peak = max(previous.peak, z, key=abs)
            return
    shifted = previous is not None and previous.direction != way and previous.kind == "level_shift"
    if previous and shifted and (at <= previous.last or _is_back(part, i, previous, at, at)):
        return  # a day on which a shifted series was back, or beyond
    found.append(Detection("spike", way, at, at, at, z, alarms=[at]))


def _is_back(part: WatchedKpi, i: int, previous: Detection, start: int, at: int) -> bool:
    """Tell whether a series lies nearer to where it was before an incident than to where that had brought it."""
    if previous.kind != "level_shift" or start - previous.last > _RETURN_MEMORY_SEASONS * max(part.merge_periods(), 7):
        return False
    before, after, _ = part.levels(i, part.detection_rows(previous))
    expected, seen, _ = part.levels(i, np.arange(start, at + 1, dtype=np.intp))
    if part.kind in ("count", "duration"):
        was, became, should, is_now = np.log1p(np.maximum([before, after, expected, seen], 0.0))
        moved, now = became - was, is_now - should
    else:
        moved, now = after - before, seen - expected
    return bool(moved * now < 0 and abs(moved + now) < 0.5 * abs(moved))
