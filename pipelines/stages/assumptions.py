"""Assumptions about the days ahead as a planner writes them: campaigns, closed days and growth."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import combinations
from pathlib import Path
from typing import Any

import pandas as pd

from ...features.errors import InputError
from ...forecasting.scenarios.what_if import Change, read_changes

_DAY = r"\d{4}-\d{2}-\d{2}"
_HOURS = r"\d\d?:\d\d\s*-\s*\d\d?:\d\d"
_EVENT = re.compile(
    rf"(?P<name>.*?)\s*(?P<start>{_DAY})(?:\s*\.\.\s*(?P<end>{_DAY}))?(?:\s+(?P<hours>{_HOURS}))?\s+"
    r"(?:(?P<sign>[+-])(?P<share>\d+(?:[.,]\d+)?)\s*%|=\s*(?P<volume>\d+(?:\.\d+)?))"
    r"(?:\s*±\s*(?P<sd>\d+(?:[.,]\d+)?)\s*%)?(?:\s+(?P<series>\S.*))?"
)
_CLOSE = re.compile(rf"(?P<start>{_DAY})(?:\s*\.\.\s*(?P<end>{_DAY}))?(?:\s+(?P<series>\S.*))?")
_GROWTH = re.compile(r"(?P<share>[+-]?\d+(?:[.,]\d+)?)\s*%(?:\s+(?P<series>\S.*))?")


def read_assumptions(
    events: Iterable[str] = (), closed: Iterable[str] = (), growth: Iterable[str] = (), file: Path | None = None
) -> tuple[Change, ...]:
    """Read what a planner assumes of the days ahead.

    Parameters
    ----------
    events
        Such as ``campaign 2026-03-09..2026-03-13 +30%``, with ``±10%`` for how unsure the effect is and the name of a
        series at the end where it is for that one alone. Times of day may follow the days (``2026-03-09 09:00-11:00
        +30%``), and ``=500`` says the volume instead of a share.
    closed
        Days on which nothing comes: ``2026-03-10`` or ``2026-03-10..2026-03-12``, with a series where it is for one.
    growth
        A share a year such as ``5%``, with a series where it is for one.
    file
        CSV with the columns name, start, end, factor, closed, growth, series, sd; or TOML with ``[[change]]`` sections
        of these keys.

    Raises
    ------
    InputError
        If a text or the file cannot be read; the message shows how it is written.

    Examples
    --------
    >>> fair, strike = read_assumptions(["fair 2026-03-09..2026-03-13 +30% phone"], ["2026-03-16"])
    >>> fair.factor, fair.end, fair.series, strike.closed
    (1.3, '2026-03-13', 'phone', True)
    >>> read_assumptions(["fair next week"])
    Traceback (most recent call last):
    deskcast.features.errors.InputError: option '--event': not a valid event; got 'fair next week', expected such as 'campaign 2026-03-09..2026-03-13 +30%'
    """  # noqa: E501 - the message is one line by design
    changes = [_event(text) for text in events]
    changes += [_closed(text) for text in closed]
    changes += [_growth(text) for text in growth]
    if file is not None:
        changes += _file(file)
    return tuple(read_changes(changes)) if changes else ()


def overlap_sentences(changes: Sequence[Change]) -> list[str]:
    """Report the changes that hold on the same days of the same series: their effects multiply.

    >>> both = [Change("fair", "2026-03-09", "2026-03-13", factor=1.3), Change("strike", "2026-03-10", closed=True)]
    >>> overlap_sentences(both)
    ["'fair' and 'strike' overlap: the volume of those days is 0."]
    """
    said = []
    for one, other in combinations([c for c in changes if c.growth is None], 2):
        first, second = _series(one), _series(other)
        apart = first and second and not first & second
        if apart or _start(one) > _end(other) or _start(other) > _end(one):
            continue
        effect = "the volume of those days is 0" if one.closed or other.closed else "their effects multiply"
        said.append(f"'{one.name}' and '{other.name}' overlap: {effect}.")
    return said


def _event(text: str) -> Change:
    found = _EVENT.fullmatch(text.strip())
    if found is None:
        wanted = "such as 'campaign 2026-03-09..2026-03-13 +30%'"
        raise InputError("not a valid event", where="--event", got=text, wanted=wanted, code="setting.invalid")
    end, name = found["end"] or found["start"], found["name"] or "event"
    sd = _share(found["sd"]) if found["sd"] else 0.0
    rest: dict[str, Any] = {"series": found["series"], "sd": sd, "hours": found["hours"]}
    if found["volume"]:
        return Change(name, found["start"], end, volume=float(found["volume"]), **rest)
    share = _share(found["share"]) * (1 if found["sign"] == "+" else -1)
    if share < -1:
        raise InputError(
            "a fall must not exceed 100%",
            where="--event",
            got=text,
            wanted="-100% or more",
            code="setting.invalid",
        )
    return Change(name, found["start"], end, factor=round(1 + share, 12), **rest)


def _closed(text: str) -> Change:
    found = _CLOSE.fullmatch(text.strip())
    if found is None:
        raise InputError(
            "not a valid day", where="--close", got=text, wanted="such as '2026-03-10'", code="time.unreadable"
        )
    return Change("closed", found["start"], found["end"] or found["start"], closed=True, series=found["series"])


def _growth(text: str) -> Change:
    found = _GROWTH.fullmatch(text.strip())
    if found is None:
        raise InputError(
            "not a valid growth",
            where="--growth",
            got=text,
            wanted="a share a year such as '5%'",
            code="setting.invalid",
        )
    sign = -1 if found["share"].startswith("-") else 1
    return Change("growth", growth=sign * _share(found["share"].lstrip("+-")), series=found["series"])


def _share(text: str) -> float:
    return float(text.replace(",", ".")) / 100


def _file(path: Path) -> list[Any]:
    """Read the changes of a file as mappings."""
    try:
        if path.suffix.lower() == ".toml":
            body = tomllib.loads(path.read_bytes().decode("utf-8-sig"))
            rows = body.get("change")
            if not isinstance(rows, list) or set(body) != {"change"} or not all(isinstance(r, dict) for r in rows):
                raise InputError(
                    "missing changes", where=str(path), wanted="[[change]] sections", code="setting.invalid"
                )
            return [{k: v.date() if isinstance(v, datetime) else v for k, v in row.items()} for row in rows]
        if path.suffix.lower() != ".csv":
            raise InputError(
                "file cannot be read",
                where=str(path),
                got=path.suffix,
                wanted=".csv or .toml",
                code="file.unreadable",
            )
        frame = pd.read_csv(path, dtype={"name": "str", "start": "str", "end": "str", "series": "str"})
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        reason = "it is nested too deep" if isinstance(error, RecursionError) else error
        raise InputError(f"not valid TOML: {reason}", where=str(path), code="toml.invalid") from None
    except (UnicodeDecodeError, pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise InputError(f"file cannot be read: {error}", where=str(path), code="file.unreadable") from error
    rows = [{str(k): v for k, v in row.items() if not pd.isna(v)} for row in frame.to_dict("records")]
    for row in rows:
        # an empty cell in a column of yes and no turns the others into texts or numbers
        if "closed" in row:
            row["closed"] = str(row["closed"]).lower() in ("true", "yes", "1", "1.0")
    return [{k: v for k, v in row.items() if v is not False} for row in rows]


def _series(change: Change) -> set[str]:
    if change.series is None:
        return set()
    return {change.series} if isinstance(change.series, str) else set(change.series)


def _start(change: Change) -> pd.Timestamp:
    return pd.Timestamp.min if change.start is None else pd.Timestamp(str(change.start))


def _end(change: Change) -> pd.Timestamp:
    return pd.Timestamp.max if change.end is None else pd.Timestamp(str(change.end))
