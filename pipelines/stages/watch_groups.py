"""Which detections are one alert: related segments of a KPI, and KPIs that moved at one time for one reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ...features.kpis.catalogue import find_kpi
from ...models.shifts.grouping import VOLUME_KPIS, detection_strength
from ...models.shifts.ledger import Subject, detection_key
from .watch_drivers import ChangeExplanation, parse_combination

#: Days by which the starts of two level shifts of one alert may differ (they are dated late and roughly): where one
#: segment holds the other, and otherwise (also where one is the whole desk).
MAX_START_GAP_DAYS, MAX_OTHER_SEGMENT_GAP_DAYS = 14, 3
#: What is weaker passes only in company of what is as strong as the second (the more stands out on a day, the less each
#: must): it is no alert by itself.
MAX_CARRIED_STRENGTH, MIN_CARRYING_STRENGTH = 4.3, 4.5
#: The same KPI that began to move the same way, and was found, so close together is one thing in any segments.
MAX_SAME_MOVE_GAP_DAYS = 1
#: Strength of something so sudden that all that is first found within two days of it is of it, however it is dated.
MIN_BURST_STRENGTH = 6.0
#: The same for what follows from a single day; and what is found more than so many days after the end is another alert.
MAX_SPIKE_GAP_DAYS = MAX_DAYS_AFTER_END = 2
#: Days in which what moves in the very segment of a level that has not come back is more of the same.
MAX_SAME_SEGMENT_GAP_DAYS = 91
#: KPIs of queues, which segments share: a burst of volume anywhere lets all wait. Days after it in which the stock of
#: its segment finds its way back.
QUEUE_KPIS = (
    "sla_attainment",
    "service_level",
    "abandonment_rate",
    "backlog",
    "first_response_time",
    "resolution_time",
)
MAX_STOCK_RETURN_DAYS = 7


def group_into_alerts(
    alarms: pd.DataFrame,
    moved: Mapping[Any, ChangeExplanation],
    known: Mapping[str, str],
    by: Sequence[str] = (),
    subjects: Mapping[str, Subject] | None = None,
) -> tuple[pd.Series, dict[int, str]]:
    """Number the detections so that those of one alert share a number.

    Parameters
    ----------
    alarms
        What :func:`~deskcast.models.shifts.detect.detect_shifts` returns.
    moved
        The segment that moved, by detection, where it was looked for; of the others their own series counts.
    known
        Id of the alert of detections that were reported before, by :func:`detection_key`: they stay together, and two
        alerts that were reported apart stay apart.
    by
        Columns of segments, as the names of the series begin.
    subjects
        KPI, series and direction by id: an id whose subject is no longer among its detections is given up.

    Returns
    -------
    (Series of int, mapping)
        The number by detection, and the id by number where one was reported before.

    Notes
    -----
    Each detection is held against the strongest one of an alert only: chains of neighbours would join everything.
    """
    rows = _by_strength(alarms, moved, by)
    keys = {row.Index: known.get(detection_key(row), "") for row in alarms.itertuples()}
    if subjects is not None:
        kept = {name for row in alarms.itertuples() if (name := keys[row.Index]) and _is_about(row, subjects.get(name))}
        keys = {at: name if name in kept else "" for at, name in keys.items()}
    number: dict[Any, int] = {}
    ids: dict[int, str] = {}
    anchors: list[tuple[int, _Detection]] = []
    of_id: dict[str, int] = {}
    for name in dict.fromkeys(name for name in keys.values() if name):
        of_id[name] = len(of_id)
        ids[of_id[name]] = name
    for one in rows:  # the subject of each id that was reported stands for it
        name = keys[one.place]
        if name and (subjects is None or one.subject == subjects.get(name)):
            anchors.append((of_id[name], one))
    for one in rows:
        if keys[one.place]:
            number[one.place] = of_id[keys[one.place]]
            continue
        fitting = [(group, anchor) for group, anchor in anchors if anchor.explains(one)]
        fits = max(fitting, key=lambda pair: pair[1].closeness(one))[0] if fitting else None
        if fits is None:
            fits = len(of_id) + len(number)
            anchors.append((fits, one))
        number[one.place] = fits
    _join_groups(rows, number, anchors, ids)
    return pd.Series([number[at] for at in alarms.index], index=alarms.index, dtype="int64"), ids


def _join_groups(
    rows: Sequence[_Detection],
    number: dict[Any, int],
    anchors: Sequence[tuple[int, _Detection]],
    ids: Mapping[int, str],
) -> None:
    """Join whole groups that nothing explains.

    What moved elsewhere as the total of its KPI moved with something sudden (queues are shared), and what is so weak
    that it passed only in company.
    """
    totals = {(number[one.place], *_total_of(one)) for one in rows if one.subject[1] == "all"}
    sizes = Counter(number.values())
    into: dict[int, int] = {}
    for group, one in anchors:
        others = [(g, anchor) for g, anchor in anchors if g != group and g not in into]
        fits = [g for g, anchor in others if anchor.bursts(one) and (g, *_total_of(one)) in totals]
        if sizes[group] == 1:
            fits += [g for g, anchor in others if anchor.carries(one)]
        if fits and group not in ids:
            into[group] = fits[0]
    for at, group in number.items():
        while group in into:
            group = into[group]
        number[at] = group


def _total_of(one: _Detection) -> tuple[str, str]:
    return one.subject[0], one.subject[2]


def _is_about(row: Any, subject: Subject | None) -> bool:
    return (row.kpi, row.series, row.direction) == subject


@dataclass(frozen=True)
class _Detection:
    """What is compared of a detection; times in days."""

    place: Any
    subject: Subject
    segment: frozenset[tuple[str, str]]
    own: frozenset[tuple[str, str]]
    start: float
    found: float
    end: float
    spike: bool
    sudden: bool
    lasts: bool
    strength: float

    def explains(self, other: _Detection) -> bool:
        """Tell whether another detection began with this one, before its end, in a segment that goes with it."""
        same_kpi = self.subject[0] == other.subject[0]
        if same_kpi and self.subject[2] != other.subject[2]:
            return False
        if same_kpi and max(abs(other.start - self.start), abs(other.found - self.found)) <= MAX_SAME_MOVE_GAP_DAYS:
            return True  # one KPI, one way, at one time: sites and channels that share a cause
        if self.bursts(other) and self.subject[0] in VOLUME_KPIS and other.subject[0] in QUEUE_KPIS:
            return True  # queues are shared
        if self._excludes(other):
            return False
        if self.bursts(other) and self.reaches(other):
            return True
        if self.lasts and self.segment and (self.segment <= other.segment or self.segment <= other.own):
            gap = other.start - self.start
            if 0 <= gap <= MAX_SAME_SEGMENT_GAP_DAYS and self.found <= other.found:
                return True  # more of the same
        later = MAX_STOCK_RETURN_DAYS if self._refills(other) else MAX_DAYS_AFTER_END
        if other.found < self.start or other.start > self.end + later:
            return False
        if self._refills(other):
            return other.start >= self.start
        return self._is_near(other, same_kpi)

    def closeness(self, other: _Detection) -> tuple[bool, int]:
        """Rank what explains another: something sudden first, then what has most of its segment in common."""
        common = max(len(self.segment & segment) for segment in (other.segment, other.own))
        return self.bursts(other), common

    def _nests(self, other: _Detection) -> bool:
        """Tell whether one segment holds the other: the one that moved, or the one in which it was found."""
        pairs = [(mine, others) for mine in (self.segment, self.own) for others in (other.segment, other.own)]
        return any(mine <= others or others <= mine for mine, others in pairs if mine and others)

    def _excludes(self, other: _Detection) -> bool:
        """Tell whether the segments have no case in common."""
        others = dict(other.own if self._nests(other) else other.segment)
        return any(others.get(column, value) != value for column, value in self.segment)

    def reaches(self, other: _Detection) -> bool:
        """Tell whether a cause may pass from segment to segment: one holds the other, or what came in led to it."""
        inside = self.segment <= other.segment or other.segment <= self.segment
        return inside or self.subject[0] in VOLUME_KPIS or self.subject[0] == other.subject[0]

    def bursts(self, other: _Detection) -> bool:
        """Tell whether something sudden and strong was there as another detection opened."""
        sudden = self.sudden and self.strength >= MIN_BURST_STRENGTH
        return sudden and 0 <= other.found - self.start <= MAX_SPIKE_GAP_DAYS

    def _refills(self, other: _Detection) -> bool:
        """Tell whether another is the stock of the segment in which this is what came in."""
        inside = bool(self.segment) and self.segment <= other.segment
        entry = find_kpi(other.subject[0])
        return self.subject[0] in VOLUME_KPIS and entry is not None and entry.measure == "stock" and inside

    def carries(self, other: _Detection) -> bool:
        """Tell whether a weak detection was let through on the day of a strong one, when less evidence is asked for."""
        weak = other.strength < MAX_CARRIED_STRENGTH and self.strength >= MIN_CARRYING_STRENGTH
        return weak and self.found == other.found and not self._excludes(other)

    def _is_near(self, other: _Detection, same_kpi: bool) -> bool:
        gap = other.start - self.start
        small, large = sorted((self.segment, other.segment), key=len)
        if self.spike:
            return -1 <= gap <= MAX_SPIKE_GAP_DAYS and self.reaches(other)
        if other.spike and same_kpi and small <= large:  # a day on which what goes on was worse
            return gap >= -MAX_SPIKE_GAP_DAYS
        if other.spike:
            return abs(gap) <= MAX_SPIKE_GAP_DAYS and small <= large
        if (small and small <= large) or self._nests(other):
            return abs(gap) <= MAX_START_GAP_DAYS
        return abs(gap) <= MAX_OTHER_SEGMENT_GAP_DAYS and (same_kpi or not small)


def _by_strength(alarms: pd.DataFrame, moved: Mapping[Any, ChangeExplanation], by: Sequence[str]) -> list[_Detection]:
    """Return the detections, the strongest first."""
    rows = alarms.assign(_size=-detection_strength(alarms))
    found = []
    order = ["_size", "detected_at", "kpi", "series", "started_at"]
    for at, cells in rows.sort_values(order, kind="stable").to_dict("index").items():
        spike = cells["kind"] == "spike"
        start = _day(cells["started_at"] if spike else cells["changed_at"])
        goes_on = cells.get("state", "continuing") == "continuing"
        own = parse_combination(str(cells["series"]), by)
        segment = moved[at].segment if at in moved else own
        found.append(
            _Detection(
                at,
                (str(cells["kpi"]), str(cells["series"]), str(cells["direction"])),
                frozenset(segment.items()),
                frozenset(own.items()),
                start,
                _day(cells["detected_at"]),
                np.inf if goes_on else _day(cells["last_at"]),
                spike,
                spike or start >= _day(cells["detected_at"]) - MAX_SAME_MOVE_GAP_DAYS,
                not spike and cells.get("state", "continuing") != "back to normal",
                abs(float(cells["z"])),
            )
        )
    return found


def _day(stamp: Any) -> float:
    return pd.Timestamp(stamp).timestamp() / 86400
