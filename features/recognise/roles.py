"""Which column plays which role: by its name first, and by how many values it has."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from ..case_log.schema import TABLES, AttributeTiming
from ..readers.empty_times import find_empty_times
from ..readers.numbers import CURRENCY, parse_numbers
from ..readers.timestamps import BARE_NUMBER_STYLES, TimeFormat, detect_time_format, parse_times
from ..sources.due_columns import CASE_DUES
from .vocabulary import DESCRIPTION_PATTERN, OUTCOME_PATTERN, normalise_column_name, score_role_match, tells_how_long

_SEGMENTS = ("channel", "product", "region", "case_type", "priority", "team", "customer_id")
_CANONICAL = {*TABLES["cases"].names, "first_response_at", "resolved_at", "closed_at", "updated_at", *CASE_DUES}
_STATUS_WORDS = {
    "open",
    "opened",
    "closed",
    "new",
    "pending",
    "resolved",
    "active",
    "in progress",
    "solved",
    "done",
    "cancelled",
}


@dataclass(frozen=True)
class ColumnRoles:
    """The columns of a file and those that have a role already."""

    columns: Mapping[str, ColumnProfile]
    taken: Mapping[str, str]

    def free(self, name: str) -> bool:
        """Return whether no role has taken the column."""
        used = {part.strip() for source in self.taken.values() for part in ([source, *source.split(" + ")])}
        return name not in used


def find_best_column(columns: Mapping[str, ColumnProfile], role: str, fits: Callable[[ColumnProfile], bool]) -> str:
    """Return the column whose name says the role most plainly among those that fit, or nothing."""
    scored = [
        (score_role_match(n, role), -i, n)
        for i, (n, p) in enumerate(columns.items())
        if score_role_match(n, role) > 0 and fits(p)
    ]
    return max(scored)[2] if scored else ""


def guess_segment_columns(roles: ColumnRoles) -> dict[str, str]:
    """Return canonical segment -> column of the file, the plainest names first."""
    out: dict[str, str] = {}
    for role in _SEGMENTS:

        def fits(p: ColumnProfile, role: str = role) -> bool:
            if p.time is not None or p.clock or p.distinct < 2 or not roles.free(p.name) or p.name in out.values():
                return False
            if role == "customer_id":
                return p.unique > 0.02 and p.missing < 0.9
            if role == "region" and _is_state_of_case(p):
                return False
            return p.distinct <= 2000 and p.unique < 0.2 + 20 / max(p.rows, 1)

        name = find_best_column(roles.columns, role, fits)
        if name:
            out[role] = name
    return out


def _is_state_of_case(p: ColumnProfile) -> bool:
    return len({v.strip().lower() for v in p.values} & _STATUS_WORDS) >= 2


def guess_attributes(
    roles: ColumnRoles, frame: pd.DataFrame | None, case: str | None
) -> tuple[dict[str, AttributeTiming], tuple[str, ...]]:
    """Guess for further columns when they become known; ``outcome``, the careful answer, where nothing tells.

    Returns
    -------
    tuple
        Columns to keep with when each becomes known, and the columns that seem to give the end of a case away.
    """
    known: dict[str, AttributeTiming] = {}
    leakage: list[str] = []
    for name, p in roles.columns.items():
        if not roles.free(name) or name in _CANONICAL:
            continue  # a column with a canonical name is that column, or nothing
        words = normalise_column_name(name)
        late = bool(OUTCOME_PATTERN.search(words))
        if late:
            leakage.append(name)
        long = sum(map(len, p.values[:20])) > 60 * max(1, len(p.values[:20]))
        many = not p.amount and (p.distinct > 5000 or (p.unique > 0.5 and p.rows > 50))
        if p.clock or long or p.distinct < (1 if p.missing else 2) or many or p.time is not None:
            continue
        if frame is not None and case is not None and not is_constant_within(frame, case, name):
            continue  # it changes within a case: a matter of its events
        known[name] = "creation" if DESCRIPTION_PATTERN.search(words) and not late else "outcome"
    return known, tuple(leakage)


def is_constant_within(frame: pd.DataFrame, case: str, column: str) -> bool:
    """Return whether a column has one value in nearly every case.

    >>> import pandas as pd
    >>> is_constant_within(pd.DataFrame({"case": ["1", "1"], "step": ["open", "close"]}), "case", "step")
    False
    """
    pairs = frame[[case, column]].drop_duplicates()
    return bool(len(pairs) <= 1.01 * frame[case].nunique(dropna=False))


def guess_series_columns(columns: Mapping[str, ColumnProfile], frame: pd.DataFrame) -> dict[str, str] | None:
    """Recognise a series of counts: a time, a number, and perhaps the name of the series."""
    if len(columns) > 4:
        return None
    times = [n for n, p in columns.items() if p.time is not None and p.missing < 0.05]
    numbers = [n for n, p in columns.items() if p.number and p.missing < 0.5]
    if len(times) != 1 or not numbers:
        return None
    # fewer numbers are the codes of something
    alone = len(columns) == 2 and columns[numbers[0]].distinct > 12 and not tells_how_long(numbers[0])
    y = find_best_column(columns, "y", lambda p: p.name in numbers) or (numbers[0] if alone else "")
    rest = [n for n in columns if n not in (times[0], y)]
    if not y or len(rest) > 1:
        return None
    if frame[[times[0], *rest]].duplicated().mean() > 0.02:
        return None
    if rest and columns[rest[0]].unique > 0.5 and columns[rest[0]].rows > 20:
        return None
    return {"ds": times[0], "y": y} | ({"unique_id": rest[0]} if rest else {})


_TIME_WORDS = {
    "at",
    "on",
    "date",
    "time",
    "datetime",
    "timestamp",
    "ts",
    "ds",
    "day",
    "created",
    "opened",
    "closed",
    "resolved",
    "solved",
    "updated",
    "modified",
    "due",
    "start",
    "end",
    "started",
    "ended",
    "reported",
    "received",
    "submitted",
    "registered",
    "logged",
    "completed",
    "finished",
    "responded",
    "deadline",
}


#: A number with a currency, or with one or two decimals: places on a map have more.
_MEASURED = re.compile(rf"{CURRENCY}|\d[.,]\d{{1,2}}$")

_CLOCK = r"\d{1,2}[:h]\d{2}(:\d{2}(\.\d+)?)?(\s?[aApP]\.?\s?[mM]\.?)?"
#: Where the name says time, its digits may stand without a sign: 907, 1537, 153700.
_CLOCK_DIGITS = rf"{_CLOCK}|([01]?\d|2[0-3])[0-5]\d([0-5]\d)?"
_CLOCK_NAME = re.compile(r"\b(time|clock|uhrzeit|heure|hora|ora)\b")


@dataclass(frozen=True)
class ColumnProfile:
    """One column: how many values are missing and distinct, and what they can be read as.

    ``clock`` is a time of day without a date; ``dates`` says that no time of the column has a time of day.
    """

    name: str
    rows: int
    missing: float
    distinct: int
    top: float
    time: TimeFormat | None
    dates: bool
    clock: bool
    number: bool
    values: tuple[str, ...]

    @property
    def unique(self) -> float:
        """Distinct values per value that is there."""
        there = self.rows * (1 - self.missing)
        return self.distinct / there if there else 0.0

    @property
    def amount(self) -> bool:
        """Whether the numbers are measured, such as money or hours: no ids, however many differ."""
        return self.number and sum(bool(_MEASURED.search(v)) for v in self.values) > 0.5 * len(self.values)


def profile_columns(frame: pd.DataFrame, missing: Sequence[str]) -> dict[str, ColumnProfile]:
    """Return the profile of each column, from all rows for counts and a sample for reading."""
    return {str(name): _profile(str(name), frame[name], missing) for name in frame.columns}


def _profile(name: str, values: pd.Series[Any], missing: Sequence[str]) -> ColumnProfile:
    there = values[~values.isin(list(missing))].dropna() if str(values.dtype) == "str" else values.dropna()
    counts = there.value_counts()
    sample = there.drop_duplicates().iloc[:: max(1, len(counts) // 500)].head(1000)
    time, dates = _time(name, sample)
    if time is not None and (empty := find_empty_times(there)).any():
        there = there[~empty]
        counts = there.value_counts()
        time, dates = _time(name, there.drop_duplicates().iloc[:: max(1, len(counts) // 500)].head(1000))
    text = sample.astype("str")
    number = bool(len(text)) and _is_number(text)
    form = _CLOCK if not _CLOCK_NAME.search(normalise_column_name(name)) or tells_how_long(name) else _CLOCK_DIGITS
    clock = bool(len(text)) and bool(text.str.fullmatch(form).mean() >= 0.95)
    return ColumnProfile(
        name, len(values), 1 - len(there) / max(1, len(values)), len(counts),
        float(counts.iloc[0] / len(there)) if len(counts) else 0.0,
        time, dates, clock, number and time is None, tuple(str(v) for v in counts.index[:200]),
    )  # fmt: skip


def _is_number(text: pd.Series[Any]) -> bool:
    """Return whether texts are numbers, also with marks between thousands or a comma before the decimals."""
    if pd.to_numeric(text, errors="coerce").notna().mean() >= 0.99:
        return True
    return not text.str.contains("%", regex=False).any() and bool(parse_numbers(text).notna().mean() >= 0.99)


def _time(name: str, sample: pd.Series[Any]) -> tuple[TimeFormat | None, bool]:
    """Recognise times; bare digits count as times only where the name says so."""
    found = detect_time_format(sample) if len(sample) else None
    if found is None:
        return None, False
    if found.style in BARE_NUMBER_STYLES and not _TIME_WORDS & set(normalise_column_name(name).split()):
        return None, False
    times = parse_times(sample)
    if times.bad.mean() > 0.2:
        return None, False
    read = times.instants.dropna()
    return found, bool(len(read)) and bool((read == read.dt.normalize()).all())
