"""Reports whose columns are series: a date, and a count a channel or team beside it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pandas as pd

from ..errors import InputError, Listed
from .interval_times import IntervalTimes
from .interval_values import is_count
from .interval_words import find_measure
from .roles import ColumnProfile
from .vocabulary import normalise_column_name, score_role_match

#: Names of channels, by which columns beside each other are known as series.
_CHANNELS = (
    r"(inbound |incoming )?(phone|calls?|voice|telephone|chats?|live chat|e ?mails?|mails?|web( form)?|portal|sms|"
    r"texts?|whats ?app|social( media)?|facebook|twitter|messages?|messaging|callbacks?|fax|letters?|walk ?in|"
    r"self service|app|tickets?|anrufe|telefon|briefe|appels|courriers?|llamadas|correos?)( (volume|count|total))?"
)


def find_series_across(
    columns: Mapping[str, ColumnProfile], frame: pd.DataFrame, times: IntervalTimes
) -> dict[str, Any] | None:
    """Recognise counts of several series side by side, or ``None`` where the columns are measures of one.

    Raises
    ------
    InputError
        If nothing tells whether the columns are series or measures; the message has the line for each.
    """
    rest = [n for n in columns if n not in times.columns and columns[n].distinct > 1]
    if len(rest) < 2 or times.even < 0.9 or pd.Series(times.starts).dropna().duplicated().mean() > 0.35:
        return None
    if not all(is_count(frame[n]) and score_role_match(n, "case_id") == 0 for n in rest):
        return None
    known = {n: find_measure(n) for n in rest}
    if any(m is not None and (m.role != "y" or m.sure >= 1.0) for m in known.values()):
        return None
    names = [str(c) for c in frame.columns]
    places = sorted(names.index(n) for n in rest)
    if places != list(range(places[0], places[0] + len(rest))):
        return None
    channels = sum(bool(re.fullmatch(_CHANNELS, normalise_column_name(n))) for n in rest)
    plain = [n for n, m in known.items() if m is not None]
    if channels < len(rest):
        if len(plain) == 1:
            return None  # one count by its name; the others are what they are
        across = f'across = "{names[places[0]]} .. {names[places[-1]]}"'
        raise InputError(
            "are these columns several series, or measures of one", column=rest[0], got=Listed(rest),
            wanted=f'for series [source.volumes] with {across} and columns = {{ ds = "{times.source}" }}',
            hint=f'for one series columns = {{ ds = "{times.source}", y = "{rest[0]}" }}',
            code="reading.unclear",
        )  # fmt: skip
    return {
        "shape": "interval report", "table": "volumes", "columns": {"ds": times.source}, "slot_s": times.step_s,
        "date_format": times.date_format, "segments": {},
        "options": {
            "across": f"{names[places[0]]} .. {names[places[-1]]}",
            **({"labels": times.labels} if times.labels else {}),
        },
        "why": {
            "table": f"{', '.join(rest)} are counts by channel, a row each {times.step_words}",
            "slot": f"the times are {times.step_words} apart",
        },
    }  # fmt: skip
