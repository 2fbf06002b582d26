"""What a system itself keeps as settings: opening hours and promises, as lines of a configuration to take over.

They are proposed and not used by themselves: a system's settings are those of today, and the log is of the past.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ..calendars.business_calendar import BusinessCalendar
from ..errors import InputError


@dataclass(frozen=True)
class StatedCalendar:
    """Opening hours as a system keeps them.

    Attributes
    ----------
    name
        What the system calls them.
    timezone, open, holidays
        As in a section ``[calendar.NAME]``.
    """

    name: str
    timezone: str
    open: Mapping[str, Sequence[str]]
    holidays: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """Return a name for the section.

        >>> StatedCalendar("Büro Köln (24x7)", "UTC", {}).key
        'b_ro_k_ln_24x7'
        """
        return re.sub(r"[^a-z0-9]+", "_", self.name.lower()).strip("_") or "desk"

    def build(self) -> BusinessCalendar:
        """Return the calendar.

        Raises
        ------
        InputError
            If the zone or the hours cannot be used.
        """
        return BusinessCalendar.from_hours(self.timezone, self.open, list(self.holidays))

    def lines(self) -> list[str]:
        """Return the section of a configuration."""
        days = ", ".join(f"{day} = {json.dumps(list(hours))}" for day, hours in join_days(self.open).items())
        out = [f"[calendar.{self.key}]", f"timezone = {json.dumps(self.timezone)}", f"open = {{ {days} }}"]
        return [*out, f"holidays = {json.dumps(list(self.holidays))}"] if self.holidays else out


@dataclass(frozen=True)
class StatedPromise:
    """One target as a system keeps it.

    Attributes
    ----------
    policy, metric, target_s
        Its name, what is promised, and within how many seconds.
    calendar
        Section of its opening hours; nothing where the clock never stands.
    priority, when
        For which cases it is.
    remark
        What cannot be written as a setting.
    """

    policy: str
    metric: str
    target_s: float
    calendar: str = ""
    priority: str = ""
    when: Mapping[str, str] = field(default_factory=dict)
    remark: str = ""

    def lines(self) -> list[str]:
        """Return the section of a configuration."""
        out = [f"# {self.remark}"] if self.remark else []
        out += ["[[sla]]", f"policy = {json.dumps(self.policy, ensure_ascii=False)}", f'metric = "{self.metric}"']
        out.append(f'target = "{self.target_s / 60:g}min"')
        out += ['clock = "business"', f'calendar = "{self.calendar}"'] if self.calendar else ['clock = "calendar"']
        if self.priority:
            out.append(f"priority = {json.dumps(self.priority, ensure_ascii=False)}")
        if self.when:
            pairs = ", ".join(f"{k} = {json.dumps(v, ensure_ascii=False)}" for k, v in self.when.items())
            out.append(f"when = {{ {pairs} }}")
        return out


def join_days(open: Mapping[str, Sequence[str]]) -> dict[str, Sequence[str]]:
    """Write following days with the same hours as one span.

    >>> join_days({"mon": ["9:00-17:00"], "tue": ["9:00-17:00"], "sat": ["10:00-12:00"]})
    {'mon-tue': ['9:00-17:00'], 'sat': ['10:00-12:00']}
    """
    week = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
    runs: list[list[str]] = []
    for place, day in enumerate(week):
        if day not in open:
            continue
        same = runs and runs[-1][-1] == week[place - 1] and list(open[runs[-1][-1]]) == list(open[day])
        if place and same:
            runs[-1].append(day)
        else:
            runs.append([day])
    return {run[0] if len(run) == 1 else f"{run[0]}-{run[-1]}": open[run[0]] for run in runs}


def propose_settings(
    kind: str, calendars: Sequence[StatedCalendar], promises: Sequence[StatedPromise], notes: list[str]
) -> tuple[str, ...]:
    """Return the lines of the settings that can be used, and note each with what it says.

    Examples
    --------
    >>> said = []
    >>> office = StatedCalendar("Office", "Europe/Berlin", {"mon": ["09:00-17:00"]})
    >>> propose_settings("zammad", [office], [], said)
    ('[calendar.office]', 'timezone = "Europe/Berlin"', 'open = { mon = ["09:00-17:00"] }', '')
    >>> said
    ["zammad: the calendar 'Office' is mon 09:00-17:00 (Europe/Berlin)"]
    """
    out: list[str] = []
    usable: set[str] = set()
    for calendar in calendars:
        try:
            notes.append(f"{kind}: the calendar '{calendar.name}' is {calendar.build()}")
        except InputError as error:
            notes.append(f"{kind}: the calendar '{calendar.name}' cannot be used: {error.problem}")
            continue
        usable.add(calendar.key)
        out += [*calendar.lines(), ""]
    kept = [p for p in promises if not p.calendar or p.calendar in usable]
    for promise in kept:
        out += [*promise.lines(), ""]
    if kept:
        names = ", ".join(dict.fromkeys(f"'{p.policy}'" for p in kept))
        notes.append(
            f"{kind}: the system has {len(kept):,} promises of its own ({names}), as they are today; deskcast init "
            "writes them as lines to take over"
        )
    return tuple(out)
