"""From when a target that was in force had passed: the instants at which clocks were breached."""

from __future__ import annotations

import numpy as np

from ..arrays import Ints
from ..calendars.business_calendar import to_index, to_micros
from ..calendars.open_intervals import MISSING_INSTANT, US_PER_S
from .clocks import NEVER_US, MetricLifecycle, PolicyClock, Timeline


def find_breach_times(line: Timeline, way: MetricLifecycle, tracks: dict[int, PolicyClock]) -> tuple[Ints, Ints]:
    """Return for each clock, as ``way.clock`` numbers them, from when a target in force had passed, and which policy's.

    ``NEVER_US`` and -1 where none has. A target has passed once more time than that is used: where the desk closes
    when it is used up, from the next opening on. A broken promise stays broken, whatever the priority becomes later.
    """
    broken = np.full(int(way.begins.sum()), NEVER_US)
    breaker = np.full(len(broken), -1)
    for number, run in tracks.items():
        if not run.policy.has_target:
            continue
        rows = run.rows
        late = _find_late_from(line, run)
        in_time = (late < line.then[rows]) | (line.last[rows] & (late <= line.until))
        hit = (way.choice[rows] == number) & way.live[rows] & (late < NEVER_US) & in_time
        clock, late = way.clock[rows[hit]], late[hit]
        before = broken.copy()
        np.minimum.at(broken, clock, late)
        breaker[broken < before] = number
    return broken, breaker


def _find_late_from(line: Timeline, run: PolicyClock) -> Ints:
    """Return for each row of a policy's clock the instant from which more than the target is used up."""
    target = round(run.policy.target_s * US_PER_S)
    at = line.at[run.rows]
    late = np.where(run.used > target, at, NEVER_US)
    reached = np.flatnonzero(run.running & (run.used <= target) & (run.used + run.spent >= target))
    if len(reached):
        full = np.where(run.used[reached] == target, at[reached], run.due[reached])
        opens = to_micros(run.policy.calendar.next_open(to_index(full)), "at")
        late[reached] = np.where(opens == MISSING_INSTANT, NEVER_US, opens)
    return late
