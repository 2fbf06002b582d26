"""From alarms of single periods to incidents: chance kept in bounds, repeats merged, returns recognised."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from scipy import special

from .expectation import LAGS

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


def discoveries(score: Floats, share: float, least: float = 0.0) -> Flags:
    """Mark the scores that stand out among all scores of their row, with the false discovery rate held at ``share``.

    While nothing happens, a row has any mark at all with probability ``share``, however many series there are.

    Parameters
    ----------
    score
        Standard normal scores, periods by series; missing ones are no tests.
    share
        Accepted share of false marks.
    least
        Score below which nothing stands out, however few series there are.

    Notes
    -----
    Benjamini and Hochberg (1995), row by row, two-sided.

    Examples
    --------
    >>> discoveries(np.array([[0.1, 5.0, -0.3, np.nan], [2.0, 1.0, 0.0, 0.5]]), 0.05).astype(int).tolist()
    [[0, 1, 0, 0], [0, 0, 0, 0]]
    """
    if not score.size:
        return np.zeros(score.shape, dtype=bool)
    p = np.where(np.isnan(score), 2.0, 2 * special.ndtr(-np.abs(score)))
    tests = (p <= 1).sum(axis=1, keepdims=True)
    order = np.sort(p, axis=1)
    rank = np.arange(1, p.shape[1] + 1)
    good = order <= share * rank / np.maximum(tests, 1)
    last = np.where(good.any(axis=1), p.shape[1] - 1 - good[:, ::-1].argmax(axis=1), -1)
    limit = np.where(last >= 0, order[np.arange(len(p)), np.maximum(last, 0)], -1.0)
    return np.asarray((p <= limit[:, None]) & (np.abs(np.nan_to_num(score)) >= least))


@dataclass
class Incident:
    """Alarms of one series that belong together; all places are rows of its panel.

    ``start`` and ``detected`` are fixed when the incident opens; ``last``, ``kind`` and ``peak`` follow the alarms.
    """

    kind: str
    direction: int
    start: int
    detected: int
    last: int
    peak: float
    returned: bool = False
    alarms: list[int] = field(default_factory=list)


def incidents(
    spike: Floats, shift: Floats, spiked: Flags, shifted: Flags, value: Floats, season: int, merge: int
) -> list[Incident]:
    """Merge the alarms of one series.

    An alarm in the same direction within ``merge`` periods prolongs the incident. One in the other direction that
    finds the series back where it was before the incident ends that incident and is none of its own: by then the
    expectation had followed the shift. Reads from left to right only, so that what was said at a time stays said.

    Parameters
    ----------
    spike, shift
        Scores of the single values and of their running average.
    spiked, shifted
        Where each of them gave an alarm.
    value
        The series.
    season
        Periods after which the same slot comes again.
    merge
        Periods without an alarm after which an incident is over.

    Examples
    --------
    >>> z = np.array([0.0, 5.0, 0.1, 4.5, 0.0])
    >>> found = incidents(z, 0 * z, z > 4, z > 9, z, season=1, merge=3)
    >>> [(i.kind, i.start, i.detected, i.last) for i in found]
    [('spike', 1, 1, 3)]
    """
    found: list[Incident] = []
    for t in np.flatnonzero(spiked | shifted):
        at = int(t)
        score = float(spike[at] if spiked[at] else shift[at])
        direction = 1 if score > 0 else -1
        last = found[-1] if found else None
        if last and last.direction == direction and at - last.last <= merge:
            _prolong(last, at, score, bool(shifted[at]))
        elif last and last.direction != direction and _is_back(last, value, season, at):
            last.returned, last.last = True, at
        else:
            kind = "spike" if spiked[at] else "shift"
            start = onset(spike, at, direction, last.last + 1 if last else 0) if kind == "shift" else at
            found.append(Incident(kind, direction, start, at, at, score, alarms=[at]))
    return found


def onset(spike: Floats, at: int, direction: int, earliest: int, reach: int = 28) -> int:
    """Return the likeliest start of a shift that is seen at ``at``: where the sum of scores since stands out most.

    >>> onset(np.array([0.0, -0.2, 2.0, 2.0, 2.0]), 4, 1, 0)
    2
    """
    first = max(earliest, at - reach + 1, 0)
    run = np.nan_to_num(spike[first : at + 1])[::-1] * direction
    stands_out = np.cumsum(run) / np.sqrt(np.arange(1, len(run) + 1))
    return at - int(stands_out.argmax())


def _prolong(incident: Incident, at: int, score: float, shifted: bool) -> None:
    incident.last = at
    incident.alarms.append(at)
    if shifted:
        incident.kind = "shift"
    if abs(score) > abs(incident.peak):
        incident.peak = score


def _is_back(incident: Incident, value: Floats, season: int, at: int) -> bool:
    """Tell whether the last values lie nearer to those before the shift than to those within it.

    A spike is over by itself: whatever comes after it is something new.
    """
    if incident.kind != "shift" or at - incident.last > LAGS * season:
        return False
    during = _moved(value, incident.alarms, incident.start, season)
    spans = ([at], list(range(max(at - 2, incident.last + 1, 0), at + 1)))  # seen at once, or after some days
    near = abs(during) * (1.0 if incident.returned else 0.5)  # once said to be back, it takes more to say otherwise
    return any(abs(_moved(value, rows, incident.start, season)) < near for rows in spans)


def _moved(value: Floats, rows: list[int], start: int, season: int) -> float:
    """Return the mean distance of some values from the same slot in the four seasons before ``start``."""
    distances = []
    for t in rows:
        newest = t - season * max(1, -(-(t - start + 1) // season))
        before = [value[b] for b in range(newest, max(newest - 4 * season, -1), -season) if b >= 0]
        known = [b for b in before if not np.isnan(b)]
        if known and not np.isnan(value[t]):
            distances.append(value[t] - float(np.mean(known)))
    return float(np.mean(distances)) if distances else 0.0
