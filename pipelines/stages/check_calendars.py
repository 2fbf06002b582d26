"""What the check says of calendars: when the desk is closed, and what may be missing from its holidays."""

from __future__ import annotations

from datetime import date

import pandas as pd

from ...features.calendars.opening_hours import find_overridden_hours
from ...features.calendars.periods import parse_period_frequency
from ...features.calendars.special_days import describe_calendar, describe_country_parts, find_span_days
from ...features.case_log.contents import inspect_table
from ...features.case_log.log import CaseLog
from ..project.project import Project
from ..words.facts import Finding


def describe_calendars(project: Project) -> str:
    """Describe when each calendar is open, with its closed days over the log and the forecast's horizon."""
    said = []
    for name, calendar in project.log.calendars.items():
        first, last = find_calendar_span(project, calendar.timezone)
        said.append(describe_calendar(name, calendar, first, last))
        said += [f"'{name}': {note}" for note in find_overridden_hours(project.config.calendars[name].open)]
    return " ".join(f"{text}." for text in said) or "No calendar: every hour counts."


def find_calendar_warnings(project: Project) -> list[Finding]:
    """Report the calendars that name a country whose regions have more holidays."""
    said = []
    for name, calendar in project.log.calendars.items():
        notes = describe_country_parts(calendar, *find_calendar_span(project, calendar.timezone))
        said += [Finding(f"Calendar '{name}': {note}.", audience="planner", names=[note]) for note in notes]
    return said


def find_calendar_span(project: Project, timezone: str) -> tuple[date, date]:
    """Return the first day of the log and the last day of the forecast's horizon on a local clock."""
    spec = project.config.forecast
    step = pd.tseries.frequencies.to_offset(parse_period_frequency(spec.freq).pandas_name)
    end = project.log.until.tz_convert(None)
    ahead = ((end + spec.horizon * step) - end).days + 1
    return find_span_days(_find_start(project.log), project.log.until, timezone, ahead)


def _find_start(log: CaseLog) -> pd.Timestamp:
    """Return the first time of arrival of a log."""
    columns = (("cases", "created_at"), ("contacts", "queued_at"), ("volumes", "ds"))
    firsts = [inspect_table(log, table).first.get(column) for table, column in columns if log.has(table, column)]
    return min((first for first in firsts if first is not None), default=log.until)
