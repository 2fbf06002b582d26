"""When the rows of a report are: one time, a date and an interval of the day, an index, or intervals across columns."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from ..errors import InputError
from ..readers.interval_labels import DAY_S, count_of_index, is_interval_label, parse_interval_labels
from ..readers.timestamps import detect_date_order, detect_time_format, parse_times
from ..sources.volumes import common_step_s
from .interval_values import is_count
from .interval_words import END_WORDS, START_WORDS, find_measure
from .roles import ColumnProfile
from .vocabulary import normalise_column_name

_STEP_WORDS = {3600.0: "hours", DAY_S: "days", 7 * DAY_S: "weeks"}
#: Slots shorter than this are those of a report only where so many of a day are there.
MIN_SPARSE_STEP_S, MIN_DENSITY = 900.0, 0.1
_PERIOD_NAMES = (
    r"(half ?hour|interval|intervall|period|periode|time|zeit|uhrzeit|hour|stunde|slot|heure|hora|ora|"
    r"von|from|start|end|bis|time of day|intrvl|starttime|start time|end time|tranche)( (no|nr|number|start|end|"
    r"of day))?"
)


@dataclass(frozen=True)
class IntervalTimes:
    """The times of a report.

    Attributes
    ----------
    source
        Column of the times, or a date and an interval joined by a plus.
    columns
        All columns that tell of the time, also those that are not read.
    starts
        Begin of each row, local; missing where it cannot be read.
    step_s, even
        The usual distance, and the share of times that are a whole number of it apart.
    labels, date_format, why
        As in :class:`SourceSpec`, and a remark.
    """

    source: str
    columns: tuple[str, ...]
    starts: pd.Series[Any]
    step_s: float
    even: float
    labels: str | None = None
    date_format: str | None = None
    why: str = ""

    @property
    def step_words(self) -> str:
        """Describe the step."""
        return _STEP_WORDS.get(self.step_s, f"{self.step_s / 60:g} minutes")


def find_interval_times(columns: Mapping[str, ColumnProfile], frame: pd.DataFrame) -> IntervalTimes | None:
    """Return the times of a report, or ``None`` where no column can be those of intervals.

    Raises
    ------
    InputError
        If rows are numbered and nothing tells the date of the first.
    """
    timed = [n for n, p in columns.items() if p.time is not None and p.missing < 0.35]
    if any(p.time is not None and 0.35 <= p.missing < 1 for p in columns.values()):
        return None  # a time that is not always there is that of something that may happen
    digits = {n: f for n in columns if n not in timed and (f := digit_date_format(frame[n]))}
    full = [n for n in timed if not columns[n].dates]
    dates = [n for n in timed if columns[n].dates] + list(digits)
    if full:
        return _of_times(full, timed, frame)
    if not dates:
        _ask_for_date(columns, frame)
        return None
    day = min(dates, key=lambda n: (bool(re.fullmatch(END_WORDS, normalise_column_name(n))), list(columns).index(n)))
    form = digits.get(day)
    local = _local(frame[day], form)
    if any(not _runs_along(local, _local(frame[n], digits.get(n))) for n in dates if n != day):
        return None  # two dates with a varying distance: a row is a thing with a course
    labels = [n for n in columns if n not in dates and _is_label(n, columns[n], frame[n])]
    if labels:
        return _of_labels(day, labels, dates, local, frame, form)
    step, even = _even(local)
    return IntervalTimes(day, tuple(dates), local, step, even, date_format=form) if step else None


def digit_date_format(values: pd.Series[Any]) -> str | None:
    """Return the format of dates of eight digits that begin with month or day, such as 03312024; else ``None``.

    >>> import pandas as pd
    >>> digit_date_format(pd.Series(["03012024", "03312024"])), digit_date_format(pd.Series(["20240331"]))
    ('%m%d%Y', None)
    """
    text = values.dropna().astype("str").drop_duplicates().head(2000)
    if text.empty or not text.str.fullmatch(r"\d{7,8}").all():
        return None
    padded = text.str.zfill(8)
    year = pd.to_numeric(padded.str[4:])
    if not year.between(1990, 2100).all():
        return None
    fits = [f for f in ("%m%d%Y", "%d%m%Y") if pd.to_datetime(padded, format=f, errors="coerce").notna().all()]
    return fits[0] if fits else None


def find_across(columns: Mapping[str, ColumnProfile], frame: pd.DataFrame) -> dict[str, Any] | None:
    """Recognise a report whose intervals or dates are columns, or ``None``."""
    names = pd.Series([str(c) for c in frame.columns], dtype="str")
    clock = parse_interval_labels(names)["start_s"].notna().to_numpy() & ~names.str.fullmatch(r"\d+").to_numpy()
    day = names.map(lambda n: detect_time_format(pd.Series([n])) is not None and bool(re.search(r"\d", n))).to_numpy()
    header = clock if clock.sum() >= day.sum() else day
    wide = names[header].tolist()
    if len(wide) < 4 or wide != names[header.argmax() : header.argmax() + len(wide)].tolist():
        return None
    if not all(is_count(frame[c]) or frame[c].isna().all() for c in wide):
        return None
    rest = [n for n in names if n not in wide]
    if header is clock:
        dated = [n for n in rest if columns[n].time is not None]
        if not dated:
            return None
        source, starts = dated[0], parse_interval_labels(pd.Series(wide))["start_s"]
        step = float(starts.diff().median())
    else:
        label = [n for n in rest if is_interval_label(frame[n])]
        source, step = (label[0] if label else ""), DAY_S
        if label:
            step = float(parse_interval_labels(frame[label[0]])["start_s"].diff().median())
    found = {"ds": source} if source else {}
    apart = not source or bool(frame[source].duplicated().any())  # else a weekday beside the date would be a series
    series = [
        n for n in rest
        if apart and n != source and columns[n].distinct > 1 and not columns[n].number and find_measure(n) is None
    ]  # fmt: skip
    if series:
        found["unique_id"] = series[0]
    what = "intervals of a day" if header is clock else "dates"
    return {
        "shape": "interval report", "table": "volumes", "columns": found, "slot_s": step if step > 0 else None,
        "options": {"across": f"{wide[0]} .. {wide[-1]}"}, "segments": {},
        "why": {"table": f"{len(wide)} columns are {what}, and their values are "
                         f"counts", "slot": "the columns are so far apart"},
    }  # fmt: skip


def _of_times(full: list[str], timed: list[str], frame: pd.DataFrame) -> IntervalTimes | None:
    """Choose the begin among several times; an end alone makes end labels."""
    words = {n: normalise_column_name(n) for n in full}
    ends = [n for n in full if re.fullmatch(END_WORDS, words[n]) and not re.search(r"\bstart", words[n])]
    begins = [n for n in full if n not in ends]
    named = [n for n in begins if re.fullmatch(START_WORDS, words[n])]
    start = (named or begins or ends)[0]
    others = [n for n in timed if n != start]
    local = _local(frame[start], None)
    if len(begins) > 1 and not ends:
        return None  # two times that are not begin and end: a row is a thing with a course
    pair = next((n for n in ends if n != start), None)
    if pair is not None:
        length = (_local(frame[pair], None) - local).dt.total_seconds()
        if length.dropna().empty or (length == length.mode().iloc[0]).mean() < 0.7:
            return None  # begin and end of a call
    step, even = _even(local)
    if not step:
        return None
    labels = "end" if start in ends else None
    if labels is None and pair is None:
        clock = _seconds_of_day(local)
        labels = "end" if _end_labelled(clock, local.dt.normalize(), step) else None
    return IntervalTimes(start, (start, *others), local, step, even, labels)


def _of_labels(
    day: str, labels: list[str], dates: list[str], local: pd.Series[Any], frame: pd.DataFrame, form: str | None
) -> IntervalTimes | None:
    words = {n: normalise_column_name(n) for n in labels}
    begins = [n for n in labels if not re.fullmatch(END_WORDS, words[n]) or words[n] in ("time", "interval")]
    chosen = (begins or labels)[0]
    read = parse_interval_labels(frame[chosen])
    seconds, kind, why = read["start_s"], None, ""
    count = count_of_index(frame[chosen])
    if seconds.notna().mean() < 0.5 and count and count != 24:
        numbers = pd.to_numeric(frame[chosen], errors="coerce")
        seconds, kind = (numbers - 1) * (DAY_S / count), "index"
        why = f"'{chosen}' numbers the {count} intervals of a day"
    elif seconds.notna().mean() < 0.5:
        hours = pd.to_numeric(frame[chosen], errors="coerce")
        if hours.max() > 24 or not re.search(r"hour|stunde|heure|hora|ora|uhr|time|zeit|from|von|start", words[chosen]):
            raise _ask_for_slot(chosen, day, int(hours.max()))
        if hours.max() == 24 or (hours.min() >= 1 and hours.nunique() == 24):
            kind, why = "end", f"'{chosen}' runs to 24: it is the hour in which an interval ends"
        seconds = hours * 3600.0
    starts = local + pd.to_timedelta(seconds, unit="s")
    step, even = _even(starts)
    if not step:
        return None
    if kind is None and read["end_s"].isna().all() and (not begins or _end_labelled(seconds, local, step)):
        kind, why = "end", f"the labels of '{chosen}' are the ends of the intervals"
    all_columns = tuple(dict.fromkeys([*dates, *labels]))
    return IntervalTimes(f"{day} + {chosen}", all_columns, starts, step, even, kind, form, why)


def _runs_along(start: pd.Series[Any], other: pd.Series[Any]) -> bool:
    """Return whether another date is always as far from the start, as the end of a day or week is."""
    length = (other - start).dt.total_seconds().dropna()
    return bool(len(length)) and bool((length == length.mode().iloc[0]).mean() >= 0.9)


def _is_label(name: str, profile: ColumnProfile, values: pd.Series[Any]) -> bool:
    """Return whether a column labels the interval of a day; a duration written as a clock is none."""
    if profile.time is not None or (find_measure(name) is not None and not profile.clock):
        return False
    measure = find_measure(name)
    if measure is not None and measure.role not in ("y",):
        return False
    named = bool(re.fullmatch(_PERIOD_NAMES, normalise_column_name(name)))
    if is_interval_label(values) and (named or not profile.number):
        return True
    return named and profile.distinct > 1 and (count_of_index(values) > 0 or _are_hours(values) or _is_index(values))


def _is_index(values: pd.Series[Any]) -> bool:
    """Return whether a column numbers intervals of a day, however many a day has."""
    numbers = pd.to_numeric(values, errors="coerce").dropna()
    return bool(len(numbers)) and bool((numbers % 1 == 0).all()) and numbers.min() >= 1 and numbers.max() <= 288


def _ask_for_slot(name: str, day: str, most: int) -> InputError:
    """Ask how long the numbered intervals are: the last one of the day is not in the file."""
    return InputError(
        "unknown length of the numbered intervals", column=name, got=f"numbers up to {most}",
        wanted="15min, 30min or another length",
        hint=f'in [source.volumes] write slot = "30min", labels = "index" and columns = {{ ds = "{day} + {name}" }}',
        code="reading.unclear",
    )  # fmt: skip


def _are_hours(values: pd.Series[Any]) -> bool:
    numbers = pd.to_numeric(values, errors="coerce").dropna()
    return bool(len(numbers)) and bool((numbers % 1 == 0).all()) and numbers.min() >= 0 and numbers.max() <= 24


def _end_labelled(seconds: pd.Series[Any], day: pd.Series[Any], step: float) -> bool:
    """Return whether labels are ends: the day begins with the first slot's length and ends with 24:00 or 00:00."""
    there = seconds.dropna()
    if there.empty or step >= DAY_S:
        return False
    if there.max() == DAY_S:
        return bool(there.min() > 0)
    frame = pd.DataFrame({"s": seconds, "d": day}).dropna()
    if not (frame["s"] == 0).any() or frame["s"].nunique() < DAY_S / step:
        return False
    # all labels of a day are there: only their order within the file's own date tells
    ordered = frame.groupby("d", sort=False)["s"]
    whole = ordered.size() >= DAY_S / step
    first, last = ordered.first()[whole], ordered.last()[whole]
    return bool(len(first)) and bool((first == step).mean() > 0.9) and bool((last == 0).mean() > 0.9)


def _even(local: pd.Series[Any]) -> tuple[float, float]:
    """Return the usual step, and the share of times that lie a whole number of steps from the first."""
    step, _ = common_step_s(local)
    if step is None or step < 60:
        return 0.0, 0.0
    there = local.dropna()
    if step < MIN_SPARSE_STEP_S and _density(there, step) < MIN_DENSITY:
        return step, 0.0  # times to the minute, of things that happen now and then
    if step < DAY_S:
        off = _seconds_of_day(there) % min(step, 3600.0 if step % 3600 == 0 else step)
        most = float((off == off.mode().iloc[0]).mean())
        return step, most
    days = there.dt.normalize()
    return step, float((there == days).mean()) if (there == days).mean() > 0.5 else float(
        (_seconds_of_day(there) == _seconds_of_day(there).mode().iloc[0]).mean()
    )


def _density(times: pd.Series[Any], step: float) -> float:
    """Return how many of the slots between the first and the last time of each day are there."""
    known = times.drop_duplicates()
    by_day = known.groupby(known.dt.normalize()).agg(["min", "max", "size"])
    slots = (by_day["max"] - by_day["min"]).dt.total_seconds() / step + 1
    return float(by_day["size"].sum() / slots.sum()) if len(by_day) else 0.0


def _seconds_of_day(local: pd.Series[Any]) -> pd.Series[Any]:
    return pd.Series((local - local.dt.normalize()).dt.total_seconds())


def _local(values: pd.Series[Any], form: str | None) -> pd.Series[Any]:
    order = detect_date_order([values]) if form is None and str(values.dtype) == "str" else ""
    read = parse_times(values, "UTC", date_format=form, ignore_offset=True, order=order)
    return pd.Series(read.instants.dt.tz_localize(None))


def _ask_for_date(columns: Mapping[str, ColumnProfile], frame: pd.DataFrame) -> None:
    """Ask for the date of row 1 where the rows of a report are numbered and have no date."""
    measures = [m for n in columns if (m := find_measure(n)) is not None]
    numbered = next(
        (
            n for n in columns
            if re.fullmatch(r"index|no|nr|row|day|tag|#|number|lfd nr|column \d+|unnamed 0", normalise_column_name(n))
            and pd.to_numeric(frame[n], errors="coerce").diff().dropna().eq(1).mean() > 0.9
        ), "",
    )  # fmt: skip
    if numbered and len({m.role for m in measures}) >= 2:
        offered = next((n for n in columns if (m := find_measure(n)) is not None and m.role == "y"), "Offered")
        raise InputError(
            "missing date: the rows are numbered", column=numbered, wanted="the date of the first row",
            hint=f'in [source.volumes] write first = "2024-03-01", slot = "1d", '
            f'columns = {{ ds = "{numbered}", y = "{offered}" }}',
            code="reading.unclear",
        )  # fmt: skip
