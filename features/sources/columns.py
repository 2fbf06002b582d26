"""From the columns of a file to typed canonical columns; a row that cannot be used is refused by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ..case_log.conform import PANDAS_DTYPES
from ..errors import InputError, did_you_mean
from ..readers.date_order import DateOrder, describe_both_orders
from ..readers.elapsed import ELAPSED_UNITS, parse_elapsed
from ..readers.empty_times import find_empty_times
from ..readers.numbers import parse_numbers
from ..readers.timestamps import (
    ParsedTimes,
    detect_date_order,
    detect_time_format,
    parse_times,
)
from .spec import SourceSpec

Mask = np.ndarray[Any, np.dtype[np.bool_]]
#: ``code`` is that of :data:`deskcast.features.refusals.REFUSALS`: it names the kind of the refusal, for filters.
REJECTED_COLUMNS = ("table", "row", "column", "value", "reason", "code")
#: Times outside are marks such as 9999-12-31 or 0001-01-01; some steps cannot even count so far.
_VALID_TIME_SPAN = (pd.Timestamp("1900-01-01", tz="UTC"), pd.Timestamp("2200-01-01", tz="UTC"))
_FLAGS = {"true": True, "1": True, "yes": True, "y": True, "t": True, "1.0": True}
_FLAGS |= {"false": False, "0": False, "no": False, "n": False, "f": False, "0.0": False}


@dataclass
class ImportReport:
    """Keep account of the rows of one file: which are refused and why, and what is worth saying."""

    table: str
    where: str
    size: int
    accepted: Mask = field(init=False)
    parts: list[pd.DataFrame] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    until: pd.Timestamp | None = None
    numbers: Any = None  # the file's row of each row, where one row of the file gave several

    def __post_init__(self) -> None:
        self.accepted = np.ones(self.size, dtype=bool)

    def reject(self, mask: Mask, column: str, values: pd.Series[Any], reason: str, *, code: str) -> None:
        """Refuse the rows of the mask that are not refused yet, for a reason in words and its code."""
        new = mask & self.accepted
        if not new.any():
            return
        rows = np.flatnonzero(new)
        shown = values.iloc[rows].astype("str").where(values.iloc[rows].notna()).to_numpy()
        number = rows if self.numbers is None else self.numbers[rows]
        part = {"table": self.table, "row": number + 1, "column": column, "value": shown, "reason": reason}
        self.parts.append(pd.DataFrame(part).assign(code=code))
        self.accepted = self.accepted & ~new

    def reject_times(self, mask: Mask, column: str, times: pd.Series[Any], reason: str, *, code: str) -> None:
        """Refuse rows by their times, which are written out only where there are any: that takes long."""
        if (mask & self.accepted).any():
            self.reject(mask, column, times.astype("str").where(times.notna()), reason, code=code)

    def add_note(self, sentence: str) -> None:
        """Note a sentence about this file."""
        self.notes.append(f"{self.where}: {sentence}")

    def note_duplicates(self, frame: pd.DataFrame) -> None:
        """Describe how many rows of a log are written twice: likely exported twice, but two events may look alike."""
        again = int((frame.duplicated().to_numpy() & self.accepted).sum())
        if again:
            rows = "1 row is" if again == 1 else f"{again:,} rows are"
            self.add_note(
                f"{rows} the same as an earlier row in every column, and kept; take them out if they are one event"
            )

    def rejected(self) -> pd.DataFrame:
        """Return the refused rows in the order of the file."""
        return build_rejected_rows(self.parts)

    def check_rows_left(self) -> None:
        """Raise if not one row is left."""
        if self.accepted.any():
            return
        first = self.rejected().iloc[0]
        raise InputError(
            f"none of the {self.size:,} rows can be used; the first: {first['reason']}",
            where=self.where,
            column=str(first["column"]),
            row=int(first["row"]),
            got=None if pd.isna(first["value"]) else first["value"],
            code="rows.none",
        )


def build_rejected_rows(parts: list[pd.DataFrame]) -> pd.DataFrame:
    """Put refused rows together, with the right columns even where there are none."""
    if not parts:
        empty = {c: pd.Series(dtype="int64" if c == "row" else "str") for c in REJECTED_COLUMNS}
        return pd.DataFrame(empty)
    frame = pd.concat(parts, ignore_index=True)
    types = {c: "str" for c in REJECTED_COLUMNS if c != "row"}
    typed = frame.astype(types).where(frame.notna())
    typed["row"] = frame["row"].astype("int64")
    return typed.sort_values("row", kind="stable", ignore_index=True)


def choose_columns(
    spec: SourceSpec, frame: pd.DataFrame, known: Mapping[str, str], needed: tuple[str, ...]
) -> dict[str, str]:
    """Return canonical column -> column of the file, and refuse names that neither side has.

    Parameters
    ----------
    known
        Canonical names that the table understands, with their kinds.
    needed
        Names without which the file is of no use.
    """
    where, there = Path(spec.path).name, [str(c) for c in frame.columns]
    for name in spec.columns:
        if name not in known:
            hint = did_you_mean(name, tuple(known))
            raise InputError(
                f"the table '{spec.table}' has no such column",
                where=f"columns of {where}",
                column=name,
                hint=hint,
                code="column.unknown",
            )
    found = dict(spec.columns) if spec.columns else {name: name for name in known if name in there}
    for name, source in found.items():
        for part in split_column_names(source, there):
            if part not in there:
                raise InputError(
                    f"the file has no column '{part}' for '{name}'",
                    where=where,
                    hint=did_you_mean(part, there),
                    code="column.unknown",
                )
    for name in needed:
        if name not in found:
            hint = f"say in the columns map which column it is; the file has: {', '.join(there[:12])}"
            raise InputError("missing column", where=where, column=name, hint=hint, code="column.missing")
    for source in spec.attributes:
        if source not in there:
            raise InputError(
                "the file has no such column to keep as an attribute",
                where=where,
                column=source,
                hint=did_you_mean(source, there),
                code="column.unknown",
            )
    return found


def split_column_names(source: str, there: list[str]) -> list[str]:
    """Split ``date + time`` into its columns, unless a column is called just so."""
    return [source] if source in there or " + " not in source else [p.strip() for p in source.split(" + ")]


def read_column(spec: SourceSpec, frame: pd.DataFrame, source: str, *, whole: bool = True) -> pd.Series[Any]:
    """Return a column of the file with its missing marks as missing values.

    Of joined columns a value is missing where any part is; unless ``whole``, where the first is.
    """
    parts = [_unmarked(frame[p], spec.missing) for p in split_column_names(source, [str(c) for c in frame.columns])]
    joined = parts[0]
    for part in parts[1:]:
        both = joined.notna() & part.notna()
        alone = joined.astype("str").where(joined.notna() & ~part.notna() & (not whole))
        joined = (joined.astype("str") + " " + part.astype("str")).where(both, alone)
    return joined


def _unmarked(values: pd.Series[Any], missing: tuple[str, ...]) -> pd.Series[Any]:
    if str(values.dtype) != "str":
        return values
    marked = values.isin(list(missing))
    return values.mask(marked) if marked.any() else values


def cast_columns(
    spec: SourceSpec,
    frame: pd.DataFrame,
    found: Mapping[str, str],
    kinds: Mapping[str, str],
    needed: tuple[str, ...],
    ledger: ImportReport,
) -> pd.DataFrame:
    """Cast the chosen columns of a file by kind; refuse rows with values that cannot be read or that are needed."""
    spans = {n: s for n, s in found.items() if kinds[n] == "instant" and split_duration(spec, frame, s)[1]}
    plain = {n: split_duration(spec, frame, s)[0] for n, s in found.items()}
    raw = {name: read_column(spec, frame, source, whole=name in needed) for name, source in plain.items()}
    raw |= {n: _without_empty_times(raw[n], found[n], ledger) for n in found if kinds[n] == "instant"}
    times = [raw[n] for n in found if kinds[n] == "instant"]
    order = detect_date_order(times) if spec.date_format is None else ""
    out: dict[str, pd.Series[Any]] = {}
    for name, source in found.items():
        if name in spans:
            out[name] = _add_duration(spec, frame, source, raw[name], order, ledger)
            continue
        out[name] = _cast(spec, raw[name], kinds[name], source, order, ledger)
        if name in needed:
            missing = raw[name].isna().to_numpy()
            if missing.all():
                raise InputError("the column has no values", where=ledger.where, column=source, code="column.empty")
            code = "time.missing" if kinds[name] == "instant" else "value.missing"
            ledger.reject(missing, source, raw[name], f"missing {_word(kinds[name])}", code=code)
    return pd.DataFrame(out, index=frame.index)


def _without_empty_times(raw: pd.Series[Any], source: str, ledger: ImportReport) -> pd.Series[Any]:
    """Return a column of times without those that stand for none, such as 1970-01-01; how many is said."""
    empty = find_empty_times(raw)
    if not empty.any():
        return raw
    shown = raw[empty].iloc[0]
    ledger.add_note(f"'{source}': {int(empty.sum()):,} values such as {str(shown)!r} stand for no time")
    return raw.mask(empty)


def split_duration(spec: SourceSpec, frame: pd.DataFrame, source: str) -> tuple[str, str]:
    """Split ``opened + took`` into the time and the duration that is added; the second is empty where there is none."""
    parts = split_column_names(source, [str(c) for c in frame.columns])
    if len(parts) < 2 or parts[-1] not in spec.units:
        return source, ""
    return " + ".join(parts[:-1]), parts[-1]


def _add_duration(
    spec: SourceSpec, frame: pd.DataFrame, source: str, raw: pd.Series[Any], order: DateOrder, ledger: ImportReport
) -> pd.Series[Any]:
    """Return the instants that lie a duration after a time; where either is missing there is none."""
    took = split_duration(spec, frame, source)[1]
    unit = spec.units[took]
    if unit not in ELAPSED_UNITS:
        hint = did_you_mean(unit, tuple(ELAPSED_UNITS))
        raise InputError("unknown unit", where=ledger.where, column=took, got=unit, hint=hint, code="duration.unit")
    begin = parse_times(
        raw, spec.timezone, date_format=spec.date_format, ignore_offset=spec.ignore_offset, order=order
    ).instants
    values = read_column(spec, frame, took)
    read = parse_elapsed(values, unit)
    ledger.reject(
        read.bad.to_numpy(dtype=bool), took, values, "the duration cannot be read", code="duration.unreadable"
    )
    ledger.add_note(f"'{took}' is added to the opening, in {unit}: the file gives no time of this end")
    end = (begin + pd.to_timedelta(read.seconds.round(), unit="s")).dt.as_unit("us")
    return pd.Series(end)


def _word(kind: str) -> str:
    return {"id": "id", "instant": "time"}.get(kind, "value")


def _cast(
    spec: SourceSpec, raw: pd.Series[Any], kind: str, source: str, order: DateOrder, ledger: ImportReport
) -> pd.Series[Any]:
    if kind in ("id", "text"):
        return raw if str(raw.dtype) == "str" else _as_text(raw)
    if kind == "instant":
        times = parse_times(
            raw, spec.timezone, date_format=spec.date_format, ignore_offset=spec.ignore_offset, order=order
        )
        check_times(times, raw, source, spec, ledger)
        return times.instants
    if kind == "flag":
        cast = raw if str(raw.dtype) in ("boolean", "bool") else raw.astype("str").str.lower().map(_FLAGS)
        wanted, dtype = "the value is neither true nor false", "boolean"
    else:
        cast = raw if str(raw.dtype) in ("Int64", "float64", "int64") else pd.to_numeric(raw, errors="coerce")
        if (raw.notna() & cast.isna()).any():  # written with marks between thousands, or a comma before the decimals
            text = raw.astype("str")
            cast = parse_numbers(raw.where(~text.str.contains("%", regex=False)), whole=kind == "count")
        wanted, dtype = "the value is not a number", PANDAS_DTYPES[kind]
        if kind == "count":
            cast = cast.where(cast.isna() | (cast % 1 == 0))
    bad = (raw.notna() & cast.isna()).to_numpy(dtype=bool)
    if bad.any() and bad.sum() == int(raw.notna().sum()):
        raise InputError(
            f"not one value can be read: {wanted}", where=ledger.where, column=source, row=int(bad.argmax()) + 1,
            got=raw.iloc[int(bad.argmax())],
            code="value.unreadable",
        )  # fmt: skip
    ledger.reject(bad, source, raw, wanted, code="value.unreadable")
    return cast.astype(dtype)  # type: ignore[call-overload,no-any-return]


def _as_text(raw: pd.Series[Any]) -> pd.Series[Any]:
    if str(raw.dtype) == "float64" and bool((raw.dropna() % 1 == 0).all()):
        raw = raw.astype("Int64")  # an id that a writer turned into a fraction because some were missing
    return raw.astype("str").where(raw.notna())


def check_times(times: ParsedTimes, raw: pd.Series[Any], source: str, spec: SourceSpec, ledger: ImportReport) -> None:
    """Refuse times that cannot be read, and say how the others were."""
    there = int(raw.notna().sum())
    if there and int(times.bad.sum()) == there:
        wanted = f"times written as {spec.date_format}" if spec.date_format else "dates such as 2024-03-01 09:30"
        raise InputError(
            "not a valid time in any row of the column",
            where=ledger.where,
            column=source,
            row=int(times.bad.argmax()) + 1,
            got=raw.iloc[int(times.bad.argmax())],
            wanted=wanted,
            hint="set date_format, such as '%d/%m/%Y %H:%M'"
            if not spec.date_format
            else "mend or leave out date_format",
            code="time.unreadable",
        )
    ledger.reject(times.bad, source, raw, "the time cannot be read", code="time.unreadable")
    far = ((times.instants < _VALID_TIME_SPAN[0]) | (times.instants >= _VALID_TIME_SPAN[1])).to_numpy(dtype=bool)
    years = f"{_VALID_TIME_SPAN[0].year} to {_VALID_TIME_SPAN[1].year - 1}"
    ledger.reject(
        far,
        source,
        raw,
        f"the time is not in {years}; if it means that there is none, add it to 'missing'",
        code="value.range",
    )
    _note_date_order(times, raw, source, ledger)
    if times.gap:
        ledger.add_note(
            f"'{source}': {times.gap:,} local times fall into the hour that the clock of {spec.timezone} skips; "
            "read as the first instant after it"
        )
    if times.overlap:
        ledger.add_note(
            f"'{source}': {times.overlap:,} local times fall into the hour that {spec.timezone} has twice; "
            "read as the first of the two"
        )


def _note_date_order(times: ParsedTimes, raw: pd.Series[Any], source: str, ledger: ImportReport) -> None:
    """Describe which of day and month was read first; with examples where no value tells."""
    known = times.format
    if known.style not in ("numeric", "stated"):
        return
    texts = raw.dropna().astype("str")
    alone = detect_time_format(texts)
    order: DateOrder = known.order
    if known.style == "stated":
        order = "month" if known.formats[0].startswith("%m") else "day"
    if alone is not None and alone.style == "numeric" and alone.ambiguous:
        shown = describe_both_orders(texts.drop_duplicates().head(200).tolist(), order)
        ledger.add_note(
            f"'{source}': no value tells day and month apart; the {order} was read first: {shown} "
            "(set date_format to be sure)"
        )
    elif known.style == "numeric":
        ledger.add_note(f"'{source}' is read {known.order} first, as {known.formats[0]}")
