"""The rows of an interval report: when each interval begins, and reports whose intervals are columns."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from ..errors import InputError, did_you_mean
from ..readers.interval_labels import DAY_S, count_of_index, parse_interval_labels
from ..readers.timestamps import detect_date_order, parse_times
from .columns import ImportReport, check_times, read_column, split_column_names
from .rows import read_column_text
from .spec import SourceSpec

#: Names of the columns that a report with its intervals across the columns is unfolded to.
ACROSS_LABEL, ACROSS_VALUE = "(column)", "(value)"
_LABELS = ("start", "end", "index")
_BETWEEN = " .. "


def split_across(across: str, names: list[str], where: str) -> list[str]:
    """Return the columns from the first to the last of ``"08:00 .. 17:30"``.

    >>> split_across("b .. d", ["a", "b", "c", "d"], "x.csv")
    ['b', 'c', 'd']
    """
    first, mark, last = across.partition(_BETWEEN)
    ends = [first.strip(), last.strip()]
    for end in ends if mark else [across]:
        if end not in names or not mark:
            hint = did_you_mean(end, names)
            wanted = f"the first and the last column, such as '{names[1]}{_BETWEEN}{names[-1]}'"
            raise InputError(
                "not valid columns",
                where=where,
                column="across",
                got=across,
                wanted=wanted,
                hint=hint,
                code="column.unknown",
            )
    a, b = (names.index(end) for end in ends)
    return names[min(a, b) : max(a, b) + 1]


def unpivot_across(spec: SourceSpec, frame: pd.DataFrame, ledger: ImportReport) -> tuple[SourceSpec, pd.DataFrame]:
    """Unfold a report whose columns are intervals of a day, dates, or series: one row a value."""
    if spec.across is None:
        return spec, frame
    names = [str(c) for c in frame.columns]
    wide = split_across(spec.across, names, ledger.where)
    kept = [c for c in names if c not in wide]
    blank = frame[wide].isin(list(spec.missing)) | frame[wide].isna()
    long = frame.melt(id_vars=kept, value_vars=wide, var_name=ACROSS_LABEL, value_name=ACROSS_VALUE)
    rows = np.tile(np.arange(len(frame)), len(wide))
    there = ~blank.to_numpy().ravel(order="F")  # a closed hour is left empty
    long = long[there].astype({ACROSS_LABEL: "str"})
    ledger.size, ledger.numbers = len(long), rows[there]
    ledger.accepted = np.ones(len(long), dtype=bool)
    columns = {**spec.columns, "y": ACROSS_VALUE}
    labels = pd.Series(wide, dtype="str")
    if parse_interval_labels(labels)["start_s"].notna().all():
        columns["ds"] = f"{columns.get('ds', kept[0])} + {ACROSS_LABEL}"
    elif not parse_times(labels, date_format=spec.date_format).bad.any():
        columns["ds"] = f"{ACROSS_LABEL} + {columns['ds']}" if "ds" in columns else ACROSS_LABEL
    else:
        columns["unique_id"] = f"{columns['unique_id']} + {ACROSS_LABEL}" if "unique_id" in columns else ACROSS_LABEL
    ledger.add_note(f"the {len(wide)} columns from '{wide[0]}' to '{wide[-1]}' are read as rows")
    return replace(spec, columns=columns), long.reset_index(drop=True)


def read_starts(spec: SourceSpec, frame: pd.DataFrame, source: str, ledger: ImportReport) -> pd.Series[Any]:
    """Return the instant of each row as it is labelled; a date and a label of an interval may stand apart.

    An end label is left as it is: only the length of a slot tells its begin.
    """
    if spec.labels is not None and spec.labels not in _LABELS:
        hint = did_you_mean(spec.labels, _LABELS)
        raise InputError(
            "not a valid kind of label", where=ledger.where, column="labels", got=spec.labels, wanted="start or end",
            hint=hint,
            code="time.unreadable",
        )  # fmt: skip
    parts = split_column_names(source, [str(c) for c in frame.columns])
    if len(parts) == 1 and spec.first is not None:
        return _numbered_days(spec, frame, parts[0], ledger)
    if len(parts) == 2 and not (spec.date_format and "%H" in spec.date_format + spec.date_format.replace("%I", "%H")):
        label = read_column(spec, frame, parts[1])
        seconds = _label_seconds(spec, label)
        if seconds is not None:
            return _dated(spec, frame, parts, seconds, ledger)
    raw = read_column(spec, frame, source)
    return _instants(spec, raw, source, ledger)


def _instants(spec: SourceSpec, raw: pd.Series[Any], source: str, ledger: ImportReport) -> pd.Series[Any]:
    order = detect_date_order([raw]) if spec.date_format is None else ""
    times = parse_times(raw, spec.timezone, date_format=spec.date_format, ignore_offset=spec.ignore_offset, order=order)
    check_times(times, raw, source, spec, ledger)
    if raw.isna().all():
        raise InputError("the column has no values", where=ledger.where, column=source, code="column.empty")
    ledger.reject(raw.isna().to_numpy(), source, raw, "missing time", code="time.missing")
    return times.instants


def _label_seconds(spec: SourceSpec, label: pd.Series[Any]) -> pd.Series[Any] | None:
    """Return seconds after midnight, or ``None`` where these are no labels of intervals."""
    if spec.labels == "index":
        count = round(DAY_S / spec.slot_s) if spec.slot_s else count_of_index(label)
        number = pd.to_numeric(label, errors="coerce")
        return (number - 1).where(number.between(1, count)) * (DAY_S / count) if count else None
    read = parse_interval_labels(label)["start_s"]
    there = label.notna()
    if bool(there.any()) and bool(read[there].notna().mean() >= 0.5):
        return read
    hours = pd.to_numeric(label, errors="coerce")  # 8, 9, 10: hours of the day
    if bool(there.any()) and bool((hours[there] % 1 == 0).mean() > 0.9) and hours.between(0, 24)[there].mean() > 0.9:
        return hours.where(hours.between(0, 24)) * 3600.0
    return None


def _dated(
    spec: SourceSpec, frame: pd.DataFrame, parts: list[str], seconds: pd.Series[Any], ledger: ImportReport
) -> pd.Series[Any]:
    """Put an interval of a day on its date; the clock of the desk decides, so a day may have 23 hours."""
    day = read_column(spec, frame, parts[0])
    order = detect_date_order([day]) if spec.date_format is None else ""
    read = parse_times(day, "UTC", date_format=spec.date_format, ignore_offset=True, order=order)
    check_times(read, day, parts[0], spec, ledger)
    text = read_column_text(spec, frame, parts[1])
    ledger.reject(day.isna().to_numpy(), parts[0], day, "missing time", code="time.missing")
    ledger.reject(
        seconds.isna().to_numpy(), parts[1], text, "the interval of the day cannot be read", code="time.unreadable"
    )
    if spec.labels == "end":
        seconds = seconds.mask(seconds == 0, DAY_S)  # 00:00 ends the day that it stands with
    local = read.instants.dt.tz_localize(None).dt.normalize() + pd.to_timedelta(seconds, unit="s")
    placed = parse_times(local.astype("datetime64[us]"), spec.timezone)
    return placed.instants


def _numbered_days(spec: SourceSpec, frame: pd.DataFrame, column: str, ledger: ImportReport) -> pd.Series[Any]:
    """Count slots from a date that the configuration states."""
    raw = read_column(spec, frame, column)
    number = pd.to_numeric(raw, errors="coerce")
    ledger.reject(
        number.isna().to_numpy(), column, raw, "the number of the row cannot be read", code="value.unreadable"
    )
    try:
        start = pd.Timestamp(str(spec.first))
    except ValueError as error:
        wanted = "such as 2024-03-01"
        raise InputError(
            "not a valid date",
            where=ledger.where,
            column="first",
            got=spec.first,
            wanted=wanted,
            code="time.unreadable",
        ) from error
    local = start + pd.to_timedelta((number - number.min()) * (spec.slot_s or DAY_S), unit="s")
    return parse_times(local.astype("datetime64[us]"), spec.timezone).instants
