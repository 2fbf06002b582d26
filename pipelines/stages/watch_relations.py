"""What two detections have to do with one another: whether one cause may have moved both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ...features.kpis.catalogue import find_kpi
from ...models.shifts.grouping import VOLUME_KPIS, detection_strength
from ...models.shifts.ledger import Subject
from .watch_drivers import ChangeExplanation, format_segment, parse_combination

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
#: Days in which another KPI that moves in the very segment of a level that has not come back is more of the same, if
#: it is not so much stronger.
MAX_SAME_SEGMENT_GAP_DAYS, MAX_LATER_STRENGTH = 91, 1.5
#: The same in a narrower segment: what moves there later than this has a cause of its own.
MAX_NARROWER_SEGMENT_GAP_DAYS = 28
#: KPIs of queues, which segments share: a burst of volume anywhere lets all wait. They are so many views of one thing,
#: as both KPIs of volume are. Days after a burst in which the stock of its segment finds its way back.
QUEUE_KPIS = (
    "sla_attainment",
    "service_level",
    "abandonment_rate",
    "backlog",
    "first_response_time",
    "resolution_time",
)
MAX_STOCK_RETURN_DAYS = 7
VOLUME, WAITING = "volume", "waiting"


@dataclass(frozen=True)
class ComparedDetection:
    """What is compared of a detection; times in days."""

    place: Any
    subject: Subject
    theme: tuple[str, bool]
    segment: frozenset[tuple[str, str]]
    own: frozenset[tuple[str, str]]
    start: float
    found: float
    end: float
    spike: bool
    sudden: bool
    lasts: bool
    strength: float

    def explains(self, other: ComparedDetection) -> bool:
        """Tell whether another detection began with this one, before its end, in a segment that goes with it."""
        same = self.theme == other.theme
        if self._contradicts(other) and not self._refills(other):
            return False
        if same and max(abs(other.start - self.start), abs(other.found - self.found)) <= MAX_SAME_MOVE_GAP_DAYS:
            return True  # one thing, one way, at one time: sites and channels that share a cause
        if self.bursts(other) and self.is_load_of(other):
            return True  # queues are shared
        if self._excludes(other) or self._is_before(other):
            return False
        if self.is_topped_by(other):
            return True
        if self.bursts(other) and self.reaches(other):
            return True
        if self.is_continued_by(other):
            return True
        later = MAX_STOCK_RETURN_DAYS if self._refills(other) else MAX_DAYS_AFTER_END
        if other.found < self.start or other.start > self.end + later:
            return False
        if self._refills(other):
            return other.start >= self.start
        return self._is_near(other, same)

    def is_continued_by(self, other: ComparedDetection) -> bool:
        """Tell whether another KPI moved later in the very segment of a level that has not come back."""
        inside = bool(self.segment) and (self.segment <= other.segment or self.segment <= other.own)
        if not self.lasts or not inside or self.theme == other.theme or self._is_before(other):
            return False
        weaker = other.strength <= MAX_LATER_STRENGTH * self.strength
        very = self.segment == other.segment or (self.segment == other.own and len(other.segment) <= len(other.own))
        most = MAX_SAME_SEGMENT_GAP_DAYS if very else MAX_NARROWER_SEGMENT_GAP_DAYS
        later = 0 <= other.start - self.start <= most and self.found <= other.found
        return weaker and later and not self._contradicts(other)

    def is_topped_by(self, other: ComparedDetection) -> bool:
        """Tell whether another is more of the very same, on top of a level that has not come back."""
        later = self.start <= other.start <= self.end + MAX_SAME_SEGMENT_GAP_DAYS
        return self.lasts and self.subject == other.subject and later and not self._is_before(other)

    def _contradicts(self, other: ComparedDetection) -> bool:
        """Tell whether one cause cannot do both: more and less of one thing, or less to do and longer to wait."""
        names = {self.theme[0], other.theme[0]}
        return self.theme[1] != other.theme[1] and (len(names) == 1 or names == {VOLUME, WAITING})

    def closeness(self, other: ComparedDetection) -> tuple[bool, int]:
        """Rank what explains another: something sudden first, then what has most of its segment in common."""
        common = max(len(self.segment & segment) for segment in (other.segment, other.own))
        return self.bursts(other), common

    def _nests(self, other: ComparedDetection) -> bool:
        """Tell whether one segment holds the other: the one that moved, or the one in which it was found."""
        pairs = [(mine, others) for mine in (self.segment, self.own) for others in (other.segment, other.own)]
        return any(mine <= others or others <= mine for mine, others in pairs if mine and others)

    def _excludes(self, other: ComparedDetection) -> bool:
        """Tell whether the segments have no case in common."""
        others = dict(other.own if self._nests(other) else other.segment)
        return any(others.get(column, value) != value for column, value in self.segment)

    def reaches(self, other: ComparedDetection) -> bool:
        """Tell whether a cause may pass from segment to segment: one holds the other, or what came in led to it."""
        inside = self.segment <= other.segment or other.segment <= self.segment
        return inside or self.is_load_of(other) or self.theme == other.theme

    def is_load_of(self, other: ComparedDetection) -> bool:
        """Tell whether this is what came in, and another how long it has to wait: more lets wait, less does not."""
        return self.theme[0] == VOLUME and other.theme == (WAITING, self.theme[1])

    def _is_before(self, other: ComparedDetection) -> bool:
        """Tell whether another is sudden, strong and later: then it is no bad day of what goes on."""
        burst = other.sudden and other.strength >= MIN_BURST_STRENGTH
        return burst and other.start > self.start + MAX_SPIKE_GAP_DAYS

    def shares_total(self, other: ComparedDetection) -> bool:
        """Tell whether this is the whole desk, and another what a segment had of it."""
        near = abs(other.start - self.start) <= MAX_START_GAP_DAYS and not self.spike and not other.spike
        near = near or max(abs(other.start - self.start), abs(other.found - self.found)) <= MAX_SPIKE_GAP_DAYS
        meet = other.start <= self.end + MAX_DAYS_AFTER_END and self.start <= other.end + MAX_DAYS_AFTER_END
        return not self.own and self.theme == other.theme and near and meet

    def bursts(self, other: ComparedDetection) -> bool:
        """Tell whether something sudden and strong was there as another detection opened."""
        sudden = self.sudden and self.strength >= MIN_BURST_STRENGTH
        return sudden and 0 <= other.found - self.start <= MAX_SPIKE_GAP_DAYS

    def _refills(self, other: ComparedDetection) -> bool:
        """Tell whether another is the stock of the segment in which this is what came in."""
        inside = bool(self.segment) and self.segment <= other.segment
        entry = find_kpi(other.subject[0])
        return self.subject[0] in VOLUME_KPIS and entry is not None and entry.measure == "stock" and inside

    def carries(self, other: ComparedDetection) -> bool:
        """Tell whether a weak detection was let through on the day of a strong one, when less evidence is asked for."""
        weak = other.strength < MAX_CARRIED_STRENGTH and self.strength >= MIN_CARRYING_STRENGTH
        return weak and self.found == other.found and not self._excludes(other)

    def _is_near(self, other: ComparedDetection, same: bool) -> bool:
        gap = other.start - self.start
        small, large = sorted((self.segment, other.segment), key=len)
        if self.spike:
            return -1 <= gap <= MAX_SPIKE_GAP_DAYS and self.reaches(other)
        if other.spike and same and small <= large:  # a day on which what goes on was worse
            return gap >= -MAX_SPIKE_GAP_DAYS
        if other.spike:
            return abs(gap) <= MAX_SPIKE_GAP_DAYS and small <= large
        if (small and small <= large) or self._nests(other):
            return abs(gap) <= MAX_START_GAP_DAYS
        return abs(gap) <= MAX_OTHER_SEGMENT_GAP_DAYS and (same or not small)


def by_strength(
    alarms: pd.DataFrame, moved: Mapping[Any, ChangeExplanation], by: Sequence[str]
) -> list[ComparedDetection]:
    """Return the detections, the strongest first."""
    rows = alarms.assign(_size=-detection_strength(alarms))
    found = []
    size = alarms["z"].abs().groupby([alarms[c] for c in ("kpi", "series", "direction")]).max()
    order = ["_size", "detected_at", "kpi", "series", "started_at"]
    for at, cells in rows.sort_values(order, kind="stable").to_dict("index").items():
        spike = cells["kind"] == "spike"
        start = _day(cells["started_at"] if spike else cells["changed_at"])
        goes_on = cells.get("state", "continuing") == "continuing"
        own = parse_combination(str(cells["series"]), by)
        segment = moved[at].segment if at in moved else own
        if len(segment) > max(len(own), 1):  # narrower only where the change stands out more there
            narrow = (cells["kpi"], format_segment(segment), cells["direction"])
            segment = segment if float(size.get(narrow, 0.0)) >= abs(float(cells["z"])) else own
        found.append(
            ComparedDetection(
                at,
                (str(cells["kpi"]), str(cells["series"]), str(cells["direction"])),
                kpi_theme(str(cells["kpi"]), str(cells["direction"])),
                frozenset(segment.items()),
                frozenset(own.items()),
                start,
                _day(cells["detected_at"]),
                np.inf if goes_on else _day(cells["last_at"]),
                spike,
                spike or start >= _day(cells["detected_at"]) - MAX_SAME_MOVE_GAP_DAYS,
                not spike and cells.get("state", "continuing") in ("continuing", "become usual"),
                abs(float(cells["z"])),
            )
        )
    return found


def kpi_theme(kpi: str, direction: str) -> tuple[str, bool]:
    """Return what a KPI is a view of, and whether there is more of it."""
    entry = find_kpi(kpi)
    name = entry.name if entry else kpi
    if name in QUEUE_KPIS and entry:
        return WAITING, (direction == "up") == (entry.better == "lower")
    return VOLUME if name in VOLUME_KPIS else name, direction == "up"


def _day(stamp: Any) -> float:
    return pd.Timestamp(stamp).timestamp() / 86400
