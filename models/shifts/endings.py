"""How a change ends: the level is back to normal, or it has stayed so long that it has become usual, or it goes on.

Only periods whose value is known can tell: a cohort that is too young for its KPI is no quiet period.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ...features.arrays import Floats
from .cusum import stands_apart
from .expected_level import Pace
from .incident import Detection, Ending

#: A watched KPI (it imports this module).
Part = Any
#: States of a detection as tables name them.
DETECTION_STATES: dict[Ending, str] = {
    "": "continuing",
    "usual": "become usual",
    "back": "back to normal",
    "changed": "back to changed level",
}
#: Evidence (log of the odds) for "as before" against "still moved" that a return takes; of a single value less will do.
RETURN_EVIDENCE, SPIKE_RETURN_EVIDENCE = 5.5, 3.0
_MAX_PERIOD_EVIDENCE = 2.5  # that one period can give
_UNDECIDED_EVIDENCE = 2.0  # with this much for a return nothing has become usual yet
#: Share of a change that the return is held against: on the day on which it is found, it looks larger than it is. A
#: rate is of few cases: against two thirds, half of those that had stayed at 0.4 of what was seen were called over.
_CERTAIN_SHARE, _CERTAIN_SHARE_OF_RATES = 2 / 3, 1 / 2
_SPIKE_QUIET_PERIODS = 7  # known periods without an alarm after which a single value is past
_REBASED = 2  # as Evidence.ended says that a level became the new one
_RETURN_STOCK_PERIODS = 2  # known periods in a row on which a stock lies nearer to where it was


@dataclass(frozen=True)
class Settled:
    """How a detection ended.

    Attributes
    ----------
    ending
        Nothing while it goes on.
    at
        Row at which that was known; the last row while it goes on.
    last
        Last row on which the series was seen away from where it was.
    """

    ending: Ending
    at: int
    last: int


def settle(part: Part, i: int, found: Detection) -> Settled:
    """Tell how a detection ended, from the periods after it was detected, in their order.

    The level of each period is held against the level before the change (in the same slot of the week) and against the
    level that it brought: a sequential test (Page 1954) for the return. What has not returned after twice the time in
    which a value begins to teach has become usual.

    Parameters
    ----------
    part, i
        The KPI and the column of the series.
    found
        The detection; its ``start``, ``detected``, ``kind`` and ``direction`` are read.
    """
    rows = np.arange(found.start, len(part.panel.stamps), dtype=np.intp)
    known = np.asarray(part.tested[rows, i] & np.isfinite(part.panel.columns["value"][rows, i]))
    if part.kind == "stock":
        return _settle_stock(part, i, found, rows, known)
    pace = Pace.of(part.panel.freq)
    off, unit, spread = _offsets(part, i, found, rows)
    known &= np.isfinite(off) & np.isfinite(unit) & (spread > 0)
    limit = RETURN_EVIDENCE if found.kind == "level_shift" else SPIKE_RETURN_EVIDENCE
    opened = found.detected - found.start
    inside = known & (np.arange(len(rows)) <= opened)
    z = part.evidence.spike[rows, i]
    apart = stands_apart(z, z[inside])  # a day of an outage does not tell how far the level has moved
    inside &= ~apart
    top, bottom = _sums(off[inside], unit[inside], spread[inside])
    evidence, last, quiet = 0.0, found.detected, 0
    for k in np.flatnonzero(known & (np.arange(len(rows)) > opened)):
        t, moved = int(rows[k]), _certain_change(part, top, bottom) * unit[k]
        evidence = max(evidence + _return_gain(off[k], moved, spread[k]), 0.0)
        quiet += t not in found.alarms
        if evidence >= limit or (found.kind == "spike" and quiet >= _SPIKE_QUIET_PERIODS):
            return Settled("back", t, max(last, max(found.alarms, default=last)))
        if evidence == 0 and apart[k]:
            last = t
        elif evidence == 0:
            more = _sums(off[k : k + 1], unit[k : k + 1], spread[k : k + 1])
            top, bottom, last = top + more[0], bottom + more[1], t
        lasted = t - found.start >= 2 * pace.guard
        if found.kind == "level_shift" and lasted and evidence < _UNDECIDED_EVIDENCE:
            return Settled("usual", t, max(t, last))
    return Settled("", len(part.panel.stamps) - 1, last)


def is_back_on_changed_level(part: Part, i: int, earlier: Detection, later: Detection) -> bool:
    """Tell whether a change that is over left the series where an earlier one had brought it.

    That the level from before the earlier change is back as well takes the evidence of a return, within the time in
    which a level becomes usual: few cases leave it open, and then it is not said.
    """
    until = min(later.last + 2 * Pace.of(part.panel.freq).guard, len(part.panel.stamps) - 1)
    rows = np.arange(earlier.start, until + 1, dtype=np.intp)
    value = part.panel.columns["value"][rows, i]
    own, after = rows <= earlier.last, rows > later.last
    if part.kind == "stock":
        before, seen = part.panel.columns["value"][max(earlier.start - 1, 0), i], value[after][:_RETURN_STOCK_PERIODS]
        return not bool(abs(np.nanmean(seen) - before) < abs(np.nanmean(seen) - np.nanmedian(value[own])))
    off, unit, spread = _offsets(part, i, earlier, rows)
    known = part.tested[rows, i] & np.isfinite(value) & np.isfinite(off) & np.isfinite(unit) & (spread > 0)
    z = part.evidence.spike[rows, i]
    own = own & known & ~stands_apart(z, z[own & known])
    top, bottom = _sums(off[own], unit[own], spread[own])
    evidence, moved = 0.0, _certain_change(part, top, bottom)
    for k in np.flatnonzero(known & after):
        gain = _return_gain(off[k], moved * unit[k], spread[k])
        evidence = max(evidence + gain, 0.0)
        if evidence >= RETURN_EVIDENCE:
            return False
    return True


def _return_gain(off: float, moved: float, spread: float) -> float:
    """Return the evidence of one period for "as before" against "still moved"."""
    gain = ((off - moved) ** 2 - off**2) / (2 * spread**2)
    return float(np.clip(gain, -_MAX_PERIOD_EVIDENCE, _MAX_PERIOD_EVIDENCE))


def level_before(part: Part, start: int, rows: np.ndarray, i: int) -> Floats:
    """Return what was expected of periods before a change began, by their slot of the week."""
    season = Pace.of(part.panel.freq).season
    first = start - season
    if first < 0 or (part.evidence.ended[first : start + 1, i] == _REBASED).any():  # another level was usual then
        return np.asarray(part.evidence.expected[rows, i])
    before = part.evidence.expected[first + (rows - start) % season, i]
    return np.asarray(np.where(np.isfinite(before), before, part.evidence.expected[rows, i]))


def _offsets(part: Part, i: int, found: Detection, rows: np.ndarray) -> tuple[Floats, Floats, Floats]:
    """Return how far each value lies from where it was, in what unit a change is measured there, and its spread."""
    value, spread = part.panel.columns["value"][rows, i], part.evidence.spread[rows, i]
    own = found.kind == "spike"
    base = part.evidence.expected[rows, i] if own else level_before(part, found.start, rows, i)
    if part.kind == "duration":
        with np.errstate(invalid="ignore"):
            value = np.log1p(np.where(value >= 0, value, np.nan))
    unit = np.maximum(base, 0.1) if part.kind == "count" else np.ones_like(base)
    return value - base, unit, np.nan_to_num(spread)


def _sums(off: Floats, unit: Floats, spread: Floats) -> tuple[float, float]:
    """Return numerator and denominator of the change that fits best."""
    weight = unit / spread**2
    return float((off * weight).sum()), float((unit * weight).sum())


def _certain_change(part: Part, top: float, bottom: float) -> float:
    """Return what of a change can be counted on, from numerator and denominator of the change that fits best."""
    return (_CERTAIN_SHARE_OF_RATES if part.kind == "share" else _CERTAIN_SHARE) * top / max(bottom, 1e-12)


def _settle_stock(part: Part, i: int, found: Detection, rows: np.ndarray, known: np.ndarray) -> Settled:
    """Tell how a change of a stock ended: it is over when the stock lies nearer to where it was."""
    value = part.panel.columns["value"][:, i]
    before = value[max(found.start - 1, 0)]
    farthest, last, near = 0.0, found.detected, 0
    lasting = 2 * Pace.of(part.panel.freq).guard
    for k in np.flatnonzero(known):
        t = int(rows[k])
        off = (value[t] - before) * found.direction
        farthest = max(farthest, off)
        if t <= found.detected:
            continue
        near = near + 1 if off < 0.5 * farthest else 0
        if near >= _RETURN_STOCK_PERIODS:
            return Settled("back", t, last)
        if near == 0:
            last = t
        if t - found.start >= lasting and near == 0:
            return Settled("usual", t, t)
    return Settled("", len(value) - 1, last)
