"""Durations of cases in business time, computed where the cases lie."""

from __future__ import annotations

from typing import Any

import ibis

from ..calendars.business_calendar import BusinessCalendar
from ..calendars.business_time import business_seconds
from ..case_log.log import CaseLog
from ..errors import InputError, did_you_mean
from .facts import case_history_expr

#: New column -> the column of the case history at which it ends; each begins with the creation.
BUSINESS_DURATION_ENDS = {
    "first_response_business_s": "first_response_at",
    "resolution_business_s": "resolved_at",
    "age_business_s": "_end",
}


def case_business_times(log: CaseLog, calendar: str | None = None, cases: Any = None) -> Any:
    """Add durations in business time to the case history, as one Ibis expression.

    Parameters
    ----------
    log
        A log with ``cases`` and calendars.
    calendar
        Name of the calendar that counts; not needed where the log has only one.
    cases
        Case history as an Ibis table; :func:`deskcast.features.cases.facts.case_history_expr` of the log by default.

    Returns
    -------
    Ibis table
        The case history and ``first_response_business_s``, ``resolution_business_s`` (missing without one) and
        ``age_business_s`` (to the end of the case or of the log, for censoring), in seconds.

    Raises
    ------
    InputError
        If the log has no such calendar, or several and none is named.

    Examples
    --------
    >>> import pandas as pd
    >>> cases = pd.DataFrame({"case_id": ["1", "2"], "created_at": ["2024-03-01T16:00Z", "2024-03-04T08:00Z"]})
    >>> events = pd.DataFrame({"case_id": ["1"], "at": ["2024-03-04T10:00Z"], "kind": ["resolved"]})
    >>> office = BusinessCalendar.from_hours("UTC", {"mon-fri": ["09:00-17:00"]})
    >>> log = CaseLog.from_frames(cases=cases, events=events, calendars={"office": office})
    >>> found = log.frame(case_business_times(log).order_by("case_id"))
    >>> found[["resolution_s", "resolution_business_s", "age_business_s"]].to_dict("records")
    [{'resolution_s': 237600.0, 'resolution_business_s': 7200.0, 'age_business_s': 7200.0},
     {'resolution_s': nan, 'resolution_business_s': nan, 'age_business_s': 3600.0}]
    """
    chosen = select_calendar(log, calendar)
    rows = case_history_expr(log) if cases is None else cases
    kept = [c for c in rows.columns if c not in BUSINESS_DURATION_ENDS]
    rows = rows.mutate(_end=ibis.coalesce(rows.ended_at, ibis.literal(log.until)))
    first = log.table("cases").created_at.min().to_pyarrow().as_py()
    span = (log.until if first is None else min(first, log.until), log.until)
    for name, end in BUSINESS_DURATION_ENDS.items():
        rows = business_seconds(rows, "created_at", end, chosen, span, name)
        wall = rows[name.replace("_business", "")]  # missing where the end is before the creation
        rows = rows.mutate(**{name: wall.notnull().ifelse(ibis.greatest(rows[name], 0.0), None)})
    return rows.select(*kept, *BUSINESS_DURATION_ENDS)


def select_calendar(log: CaseLog, name: str | None = None) -> BusinessCalendar:
    """Return the calendar of that name, or the only one that the log has.

    >>> import pandas as pd
    >>> cases = pd.DataFrame({"case_id": ["1"], "created_at": ["2024-03-01T16:00Z"]})
    >>> select_calendar(CaseLog.from_frames(cases=cases, calendars={"all": BusinessCalendar.always()})).timezone
    'UTC'
    """
    names = tuple(log.calendars)
    if name is None:
        if len(names) == 1:
            return log.calendars[names[0]]
        hint = f"name one of {', '.join(names)}" if names else "add [calendar.NAME] to the configuration"
        raise InputError(
            f"missing calendar: the log has {'several' if names else 'none'}",
            column="calendar",
            got=len(names),
            hint=hint,
            code="calendar.unknown",
        )
    if name not in log.calendars:
        raise InputError(
            "unknown calendar",
            column="calendar",
            got=name,
            hint=did_you_mean(name, names) or None,
            code="calendar.unknown",
        )
    return log.calendars[name]
