"""Days that are known ahead: public holidays and the events that a planner names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ...features.calendars.opening_hours import parse_holidays
from ...features.errors import InputError


def holiday_names(given: object, days: npt.NDArray[np.datetime64]) -> dict[np.datetime64, str]:
    """Return the date and name of each holiday in a span.

    Parameters
    ----------
    given
        What a calendar takes too: a country of the holidays package such as ``PT`` or ``DE-BY``, dates, or a list of
        both; or nothing.
    days
        First and last day of the span stand at its ends.

    Raises
    ------
    InputError
        If the country is unknown or a date cannot be read.

    Examples
    --------
    >>> span = np.array(["2024-12-01", "2024-12-31"], dtype="datetime64[D]")
    >>> holiday_names(["PT", "2024-12-24"], span)[np.datetime64("2024-12-25")]
    'Christmas Day'
    """
    if given is None:
        return {}
    if not isinstance(given, Iterable):
        raise InputError("not a valid country or list of dates", column="holidays", got=given, code="time.unreadable")
    read = given if isinstance(given, str) else [d if isinstance(d, str) else str(_day(d, "holidays")) for d in given]
    countries, closed, special = parse_holidays(read)
    dates = closed | {day for day, _ in special}
    years = range(int(str(days[0])[:4]), int(str(days[-1])[:4]) + 1)
    names: dict[np.datetime64, str] = {np.datetime64(date, "D"): "holiday" for date in sorted(dates)}
    for country in countries:
        names |= {np.datetime64(date, "D"): name for date, name in _public(country, years).items()}
    return names


def listed_dates(given: object) -> set[date]:
    """Return the dates of a list that goes by no country: such a list has an end.

    >>> sorted(listed_dates(["2024-12-24", "2024-12-25"]))[-1], listed_dates("PT"), listed_dates(["PT", "2024-12-24"])
    (datetime.date(2024, 12, 25), set(), set())
    """
    if given is None or not isinstance(given, Iterable):
        return set()
    read = given if isinstance(given, str) else [d if isinstance(d, str) else str(_day(d, "holidays")) for d in given]
    countries, closed, special = parse_holidays(read)
    return set() if countries else {*closed, *(day for day, _ in special)}


def describe_list_end(dates: Iterable[date], last: np.datetime64) -> tuple[str, ...]:
    """Say that a list of holidays ends before the forecast does, where days of earlier years come again after its end.

    A list without such a day may well be whole: nothing more is due before ``last``, the last day of the forecast.

    >>> year = [date(2023, 1, 1), date(2023, 12, 25), date(2024, 1, 1), date(2024, 12, 25)]
    >>> describe_list_end(year, np.datetime64("2025-01-10"))
    ('the list of holidays ends on 25 Dec 2024 and the forecast on 10 Jan 2025: later holidays count as ordinary days',)
    >>> describe_list_end(year, np.datetime64("2024-12-31"))
    ()
    """
    known = sorted(dates)
    end: date = pd.Timestamp(last).date()
    if not known or end <= known[-1]:
        return ()
    again = {(day.month, day.day) for day in known}
    after = (pd.Timestamp(known[-1]) + pd.Timedelta(days=k) for k in range(1, (end - known[-1]).days + 1))
    if not any((day.month, day.day) in again for day in after):
        return ()
    listed, ahead = (f"{day.day} {day:%b %Y}" for day in (known[-1], end))
    return (
        f"the list of holidays ends on {listed} and the forecast on {ahead}: later holidays count as ordinary days",
    )


def _public(country: str, years: range) -> dict[date, str]:
    """Return the public holidays of a country that is known, with their English names."""
    import holidays

    code, _, part = country.partition("-")
    found = holidays.country_holidays(code, subdiv=part or None, years=years, language="en_US")
    return {day: str(name) for day, name in found.items()}


def event_spans(given: object) -> list[tuple[str, np.datetime64, np.datetime64]]:
    """Return name, first and last day of each event, sorted.

    Parameters
    ----------
    given
        A frame with ``name``, ``start``, ``end``; a list of such rows, mappings or objects; or nothing.

    Raises
    ------
    InputError
        If it is none of these, a day cannot be read, or an event ends before it starts.

    Examples
    --------
    >>> event_spans([("fair", "2024-03-01", "2024-03-02")])[0][:2]
    ('fair', np.datetime64('2024-03-01'))
    """
    if given is None:
        return []
    if isinstance(given, pd.DataFrame):
        lacks = [c for c in ("name", "start", "end") if c not in given.columns]
        if lacks:
            raise InputError(
                "missing column",
                where="events",
                column=lacks[0],
                wanted="name, start, end",
                code="column.missing",
            )
        rows: Sequence[Any] = list(given[["name", "start", "end"]].itertuples(index=False, name=None))
    elif isinstance(given, Iterable) and not isinstance(given, (str, Mapping)):
        rows = list(given)
    else:
        raise InputError(
            "not a valid list of events", column="events", got=given, wanted="name, start, end", code="value.unknown"
        )
    spans = []
    for row, event in enumerate(rows, 1):
        try:
            if isinstance(event, Mapping):
                name, start, end = (event[key] for key in ("name", "start", "end"))
            elif isinstance(event, (tuple, list)):
                name, start, end = event
            else:
                name, start, end = event.name, event.start, event.end
        except (KeyError, ValueError, AttributeError) as error:
            raise InputError(
                "not a valid event", where="events", row=row, wanted="name, start, end", code="value.unknown"
            ) from error
        first, last = _day(start, "start"), _day(end, "end")
        if last < first:
            raise InputError(
                "event ends before it starts", where=f"event '{name}'", row=row, got=str(end), code="time.order"
            )
        spans.append((str(name), first, last))
    return sorted(spans, key=lambda s: (s[1], s[2], s[0]))


def _day(given: object, column: str) -> np.datetime64:
    try:
        stamp = pd.Timestamp(given)  # type: ignore[arg-type]
    except (ValueError, TypeError) as error:
        raise InputError(
            "not a valid day", column=column, got=given, wanted="such as 2024-12-24", code="time.unreadable"
        ) from error
    if pd.isna(stamp):
        raise InputError("missing day", column=column, code="time.missing")
    return np.datetime64(stamp.date(), "D")
