"""Times as people and systems write them, to instants: the format, the order of day and month, the zone."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ..errors import InputError
from .date_order import DateOrder, decide_by_rows, decide_date_order
from .localised_times import translate_times

UTC_DTYPE = "datetime64[us, UTC]"
_OFFSET = r"\s*(?:Z|UTC|GMT|[+-]\d{2}(?::?\d{2})?)$"
_CLOCKED_OFFSET = re.compile(r"\d:\d{2}(?::\d{2}(?:[.,]\d+)?)?" + _OFFSET)
_NUMERIC = re.compile(r"^(\d{1,2})([-/.])(\d{1,2})\2(\d{2}|\d{4})(?!\d)(.*)$")
#: Day 0 of a workbook's dates: the first for those of 1900 (which has a 29 February), the other for those of 1904.
EXCEL_EPOCHS = {"excel": "1899-12-30", "excel1904": "1904-01-01"}
#: Numbers that are days of a workbook: 1954 to 2064.
EXCEL_DAYS = (20_000.0, 60_000.0)
#: Digits of an epoch -> its style and microseconds a unit.
_EPOCHS = {10: ("epoch_s", 1e6), 13: ("epoch_ms", 1e3), 16: ("epoch_us", 1.0), 19: ("epoch_ns", 1e-3)}
_UNITS = dict(_EPOCHS.values())
#: Styles of bare numbers: times only where the name of the column says so.
BARE_NUMBER_STYLES = (*_UNITS, "compact", "excel")
_CLOCK_FORMATS = ("", "%H:%M", "%H:%M:%S", "%H:%M:%S.%f", "%I:%M %p", "%I:%M:%S %p", "%I:%M%p", "%I:%M:%S%p")
_WORDED = (
    "%d/%b/%Y",
    "%d/%b/%y",
    "%d-%b-%Y",
    "%d %b %Y",
    "%d-%b-%y",
    "%b %d, %Y",
    "%b %d %Y",
    "%d %B %Y",
    "%B %d, %Y",
    "%d.%B.%Y",
)


@dataclass(frozen=True)
class TimeFormat:
    """How a column writes its times.

    Attributes
    ----------
    style
        ``iso``, ``numeric`` (day and month as numbers), ``worded`` (month as a word), ``epoch_s``, ``epoch_ms``,
        ``epoch_us``, ``epoch_ns``, ``compact`` (digits only), ``excel`` (days of a workbook), ``typed`` (already
        times) or ``stated``.
    formats
        ``strptime`` formats in the order of their frequency; empty for ISO and epochs.
    order
        Whether day or month stands first, where both are numbers.
    ambiguous
        No value of the column tells day and month apart.
    offset
        The times carry a written offset.
    """

    style: str
    formats: tuple[str, ...] = ()
    order: DateOrder = ""
    ambiguous: bool = False
    offset: bool = False


@dataclass(frozen=True)
class ParsedTimes:
    """Instants of a column, with what could not be read and what the clock change did.

    ``bad`` marks values that are there but cannot be read; ``gap`` and ``overlap`` count local times that the
    zone's clock skipped or had twice.
    """

    instants: pd.Series[Any]
    bad: np.ndarray[Any, np.dtype[np.bool_]]
    format: TimeFormat
    gap: int = 0
    overlap: int = 0


def detect_time_format(values: pd.Series[Any], order: DateOrder = "") -> TimeFormat | None:
    """Recognise how a column of text writes its times, or ``None`` if it holds none.

    Parameters
    ----------
    values
        Text; missing values are left out.
    order
        What to assume where the column itself does not tell day and month apart.

    Examples
    --------
    >>> import pandas as pd
    >>> detect_time_format(pd.Series(["29/2/2016 01:16", "1/3/2016 8:00"])).formats
    ('%d/%m/%Y %H:%M',)
    >>> detect_time_format(pd.Series(["3/4/2016", "1/3/2016"])).ambiguous
    True
    >>> detect_time_format(pd.Series(["red", "green"])) is None
    True
    """
    if str(values.dtype).startswith("datetime64"):
        return TimeFormat("typed", offset=getattr(values.dt, "tz", None) is not None)
    there = values.dropna().astype("str")
    if there.empty:
        return None
    uniques = translate_times(there if _mostly_distinct(there) else there.drop_duplicates())
    sample = uniques if len(uniques) <= 2000 else uniques.iloc[:: len(uniques) // 2000]
    style = next((s for s, test in _TESTS if float(sample.map(test).mean()) >= 0.5), "")
    if not style:
        return None
    offset = _has_offset(sample)
    if style == "numeric":
        return _numeric(uniques, order, offset)
    if style == "worded":
        return TimeFormat(style, _fitting(sample, _WORDED), offset=offset)
    if style == "compact":
        return TimeFormat(style, ("%Y%m%d",) if len(str(sample.iloc[0])) == 8 else ("%Y%m%d%H%M%S",))
    return TimeFormat(style, offset=offset)


def parse_times(
    values: pd.Series[Any],
    timezone: str = "UTC",
    *,
    date_format: str | None = None,
    ignore_offset: bool = False,
    order: DateOrder = "",
) -> ParsedTimes:
    """Read a column of times as instants.

    A local time that the clock skipped is read as the first instant after the gap; one that the clock had twice is
    read as the first of the two.

    Parameters
    ----------
    values
        Text, or times; missing values stay missing.
    timezone
        IANA zone of times without an offset.
    date_format
        ``strptime`` format; recognised where it is not given.
    ignore_offset
        Cut a written offset off and read the clock time in ``timezone``.
    order
        What stands first where nothing in the column tells.

    Examples
    --------
    >>> import pandas as pd
    >>> times = parse_times(pd.Series(["31/3/2024 01:30", "31/3/2024 12:00", "soon"]), "Europe/Lisbon")
    >>> times.instants.dt.strftime("%H:%M").tolist()[:2], times.bad.tolist(), times.gap
    (['01:00', '11:00'], [False, False, True], 1)
    """
    if str(values.dtype).startswith("datetime64") and getattr(values.dt, "tz", None) is not None and not ignore_offset:
        zoned = values if str(values.dtype) == UTC_DTYPE else values.dt.tz_convert("UTC").astype(UTC_DTYPE)
        return ParsedTimes(zoned, np.zeros(len(values), dtype=bool), TimeFormat("typed", offset=True))
    codes, distinct = _distinct(values)
    known = TimeFormat("stated", (date_format,)) if date_format else detect_time_format(distinct, order)
    if known is None:
        known = TimeFormat("iso")
    if known.style == "typed":
        read, local = _typed(distinct, ignore_offset)
    else:
        read, local = _read(distinct.astype("str"), known, ignore_offset)
    instants, gap, overlap = _placed(read, local, timezone)
    there = codes >= 0
    out = pd.Series(pd.NaT, index=values.index, dtype=UTC_DTYPE)
    bad = np.zeros(len(values), dtype=bool)
    if len(distinct):
        taken = instants.take(np.where(there, codes, 0)).set_axis(values.index)
        out = taken.where(there)
        bad = there & out.isna().to_numpy()
    count = np.bincount(codes[there], minlength=len(distinct))
    return ParsedTimes(out, bad, known, int(count[gap].sum()), int(count[overlap].sum()))


def _mostly_distinct(values: pd.Series[Any]) -> bool:
    """Return from a sample whether looking for repeats in a long column would cost more than it saves."""
    return len(values) > 50_000 and values.iloc[:: len(values) // 5_000].nunique() > 4_500


def _distinct(values: pd.Series[Any]) -> tuple[np.ndarray[Any, Any], pd.Series[Any]]:
    """Return the distinct values that are there, and for each row which of them it has (-1 for a missing one)."""
    if not _mostly_distinct(values):
        codes, uniques = pd.factorize(values, use_na_sentinel=True)
        return codes, pd.Series(uniques)
    there = values.notna().to_numpy()
    return np.where(there, np.cumsum(there) - 1, -1), values[there].reset_index(drop=True)


def detect_date_order(columns: Sequence[pd.Series[Any]]) -> DateOrder:
    """Return the order of day and month that any of the columns of one file reveals.

    >>> import pandas as pd
    >>> detect_date_order([pd.Series(["1/2/2024"]), pd.Series(["1/31/2024"])])
    'month'
    """
    for rows in (5_000, None):  # the first rows nearly always tell; all of them only if need be
        for column in columns:
            found = detect_time_format(column.head(rows) if rows else column)
            if found is not None and found.order and not found.ambiguous:
                return found.order
        if all(len(c) <= 5_000 for c in columns):
            break
    return decide_by_rows([c.head(5_000) for c in columns if str(c.dtype) == "str"])


def _has_offset(sample: pd.Series[Any]) -> bool:
    return bool(sample.map(lambda v: bool(_CLOCKED_OFFSET.search(v))).mean() >= 0.5)


def _is_iso(text: str) -> bool:
    return bool(re.match(r"^\d{4}-\d{1,2}-\d{1,2}(?!\d)|^\d{4}/\d{1,2}/\d{1,2}(?!\d)", text))


def _is_worded(text: str) -> bool:
    return bool(re.match(r"^(\d{1,2}[-/. ][A-Za-z]{3,9}[-/. ]\d{2,4}|[A-Za-z]{3,9} \d{1,2},? \d{4})", text))


def _is_epoch(digits: int) -> Any:
    low, high = 315_532_800, 4_102_444_800  # 1980 to 2100

    def test(text: str) -> bool:
        scale = 10 ** (digits - 10)
        return bool(re.match(rf"^\d{{{digits - 1},{digits}}}(\.\d+)?$", text)) and low <= float(text) / scale < high

    return test


def _is_compact(text: str) -> bool:
    return bool(re.match(r"^(19|20)\d{2}(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])(\d{6})?$", text))


def _is_excel_day(text: str) -> bool:
    return bool(re.match(r"^\d{5}([.,]\d+)?$", text)) and EXCEL_DAYS[0] <= float(text.replace(",", ".")) < EXCEL_DAYS[1]


_TESTS: tuple[tuple[str, Any], ...] = (
    ("iso", _is_iso),
    ("numeric", lambda text: bool(_NUMERIC.match(text))),
    ("worded", _is_worded),
    ("compact", _is_compact),
    *((style, _is_epoch(digits)) for digits, (style, _) in _EPOCHS.items()),
    ("excel", _is_excel_day),
)


def _numeric(uniques: pd.Series[Any], order: DateOrder, offset: bool) -> TimeFormat:
    """Decide the order of day and month from the whole column, and list the formats that occur."""
    heads = uniques.str.slice(0, 10).drop_duplicates()  # dates repeat, so this is short where the column is long
    parts = heads.str.extract(r"^(\d{1,2})([-/.])(\d{1,2})[-/.](\d{2,4})")
    marks = [str(m) for m in parts[1].value_counts().index]  # a column may mix them: 01-03-2023 and 13/03/2023
    usual, guessed = decide_date_order(heads, order)
    year = "%Y" if (parts[3].str.len() == 4).mean() >= 0.5 else "%y"
    dates = [(f"%d{mark}%m{mark}" if usual == "day" else f"%m{mark}%d{mark}") + year for mark in marks]
    sample = uniques if len(uniques) <= 20000 else uniques.iloc[:: len(uniques) // 20000]
    return TimeFormat("numeric", _fitting(sample, dates), usual, guessed, offset)


def _fitting(sample: pd.Series[Any], dates: Sequence[str]) -> tuple[str, ...]:
    """Return the formats that read some of the sample, the most frequent first."""
    bare = sample.str.replace(_OFFSET, "", regex=True) if _has_offset(sample) else sample
    tried = {
        f"{date}{mark}{clock}"
        for date in dates
        for clock in _CLOCK_FORMATS
        for mark in ((" ", "T", ", ") if clock else ("",))
    }
    hits: dict[str, int] = {}
    left = bare
    for form in sorted(tried, key=lambda f: ("T" in f or ", " in f, f)):
        read = pd.to_datetime(left, format=form, errors="coerce", exact=True)
        if (n := int(read.notna().sum())) > 0:
            hits[form] = n
            left = left[read.isna()]
        if left.empty:
            break
    return tuple(sorted(hits, key=lambda f: -hits[f])) or (f"{dates[0]} %H:%M",)


def _typed(values: pd.Series[Any], ignore_offset: bool) -> tuple[pd.Series[Any], np.ndarray[Any, Any]]:
    """Split typed times into UTC clock readings and whether they are local."""
    if getattr(values.dt, "tz", None) is None:
        return values.astype("datetime64[us]"), np.ones(len(values), dtype=bool)
    if ignore_offset:
        return values.dt.tz_localize(None).astype("datetime64[us]"), np.ones(len(values), dtype=bool)
    plain = values.dt.tz_convert("UTC").dt.tz_localize(None).astype("datetime64[us]")
    return plain, np.zeros(len(values), dtype=bool)


def _read(text: pd.Series[Any], known: TimeFormat, ignore_offset: bool) -> tuple[pd.Series[Any], np.ndarray[Any, Any]]:
    """Read distinct texts to naive clock readings, and say which of them are local rather than UTC."""
    if known.style in _UNITS:
        numbers = pd.to_numeric(text, errors="coerce") * _UNITS[known.style]
        whole = numbers.round().astype("Int64")
        return pd.to_datetime(whole, unit="us", errors="coerce").astype("datetime64[us]"), np.zeros(
            len(text), dtype=bool
        )
    day = known.style if known.style in EXCEL_EPOCHS else known.formats[0] if known.formats else ""
    if day in EXCEL_EPOCHS:
        return _read_excel_days(text, day), np.ones(len(text), dtype=bool)
    if known.style != "stated":
        text = translate_times(text)
    if known.style == "stated" and "%z" in known.formats[0].lower():
        return _aware(pd.to_datetime(text, format=known.formats[0], errors="coerce", utc=True), text, ignore_offset)
    offset = np.zeros(len(text), dtype=bool)
    bare = text
    if known.style != "stated":
        offset = text.str.contains(_CLOCKED_OFFSET.pattern, regex=True).to_numpy(dtype=bool)
        if offset.any():
            bare = text.where(~offset, text.str.replace(_OFFSET, "", regex=True))
    read = _clock(bare, known)
    if offset.any() and not ignore_offset:
        read = read.where(~offset, read - _parse_offset(text.where(offset)))
    return read, ~offset if not ignore_offset else np.ones(len(text), dtype=bool)


def _read_excel_days(text: pd.Series[Any], epoch: str) -> pd.Series[Any]:
    """Read day numbers of a workbook, to the second: a fraction of a day is a time of day."""
    days = pd.to_numeric(text.str.replace(",", ".", regex=False), errors="coerce")
    seconds = (days * 86400).round().where((days > 0) & (days < 1e6))
    read = pd.Timestamp(EXCEL_EPOCHS[epoch]) + pd.to_timedelta(seconds, unit="s")
    return read.astype("datetime64[us]")


def _aware(
    read: pd.Series[Any], text: pd.Series[Any], ignore_offset: bool
) -> tuple[pd.Series[Any], np.ndarray[Any, Any]]:
    plain = read.dt.tz_localize(None).astype("datetime64[us]")
    if ignore_offset:
        return plain + _parse_offset(text), np.ones(len(text), dtype=bool)
    return plain, np.zeros(len(text), dtype=bool)


def _clock(text: pd.Series[Any], known: TimeFormat) -> pd.Series[Any]:
    out = pd.Series(pd.NaT, index=text.index, dtype="datetime64[us]")
    if known.style == "iso":
        out = pd.to_datetime(text, format="ISO8601", errors="coerce").astype("datetime64[us]")
        if not out.isna().any():
            return out
        forms = tuple(
            f"%Y{m}%m{m}%d{t}" for m in "-/" for t in ("", " %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p")
        )
    else:
        forms = known.formats
        if known.style == "numeric":  # a column may mix times with and without seconds
            for date in dict.fromkeys(f.split(" ")[0].split("T")[0].rstrip(",") for f in known.formats):
                forms = (*forms, date, f"{date} %H:%M", f"{date} %H:%M:%S", f"{date} %H:%M:%S.%f")
    out = _first_that_fits(text, forms, out)
    if known.style == "stated" and out.isna().any():  # the format is of the English words
        left = out.isna() & text.notna()
        out = _first_that_fits(translate_times(text[left]), forms, out) if left.any() else out
    return out


def _first_that_fits(text: pd.Series[Any], forms: Sequence[str], out: pd.Series[Any]) -> pd.Series[Any]:
    """Fill what is not read yet by the first format that reads it."""
    for form in dict.fromkeys(forms):
        left = out.isna()[text.index]
        if not left.any():
            break
        read = pd.to_datetime(text[left], format=form, errors="coerce").astype("datetime64[us]")
        out.loc[read.index] = read
    return out


def _parse_offset(text: pd.Series[Any]) -> pd.Series[Any]:
    """Return the written offset of each text as a duration."""
    codes, ends = pd.factorize(text.str.slice(-6))  # a column has few offsets
    parts = pd.Series(ends, dtype="str").str.extract(r"([+-])(\d{2}):?(\d{2})?$")
    minutes = pd.to_numeric(parts[1], errors="coerce") * 60 + pd.to_numeric(parts[2], errors="coerce").fillna(0)
    signed = minutes.where(parts[0] != "-", -minutes).fillna(0)
    shifts = pd.to_timedelta(signed, unit="m").to_numpy()
    there = codes >= 0
    taken = np.where(there, shifts[np.where(there, codes, 0)], np.timedelta64(0, "s")) if len(shifts) else shifts[codes]
    return pd.Series(taken, index=text.index)


def _placed(
    read: pd.Series[Any], local: np.ndarray[Any, Any], timezone: str
) -> tuple[pd.Series[Any], np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Give clock readings their zone, and mark those in a gap or an overlap of the clock."""
    nothing = np.zeros(len(read), dtype=bool)
    if timezone == "UTC" or not local.any():
        return read.dt.tz_localize("UTC").astype(UTC_DTYPE), nothing, nothing
    try:
        first = read.dt.tz_localize(timezone, ambiguous=np.ones(len(read), dtype=bool), nonexistent="shift_forward")
    except (KeyError, ValueError, OSError) as error:
        raise InputError("unknown time zone", column="timezone", got=timezone, code="time.zone") from error
    strict = read.dt.tz_localize(timezone, ambiguous="NaT", nonexistent="NaT")
    odd = (strict.isna() & read.notna()).to_numpy() & local
    moved = (first.dt.tz_localize(None) != read).to_numpy()
    placed = first.dt.tz_convert("UTC").where(local, read.dt.tz_localize("UTC"))
    return placed.astype(UTC_DTYPE), odd & moved, odd & ~moved
