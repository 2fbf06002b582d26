"""Durations in a column of a file to seconds; what cannot be read is refused by name."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pandas as pd

from ..errors import InputError, did_you_mean
from ..readers.elapsed import ELAPSED_UNITS, parse_elapsed, unit_of_name
from .columns import ImportReport, read_column
from .spec import SourceSpec

_FORM_WORDS = {
    "clock": "durations written as a clock", "words": "durations in words", "ms": "milliseconds", "min": "minutes",
    "h": "hours", "d": "fractions of a day",
}  # fmt: skip


def check_units(spec: SourceSpec, mapped: Iterable[str], where: str) -> None:
    """Refuse units that there are not, and those of columns that are not read."""
    columns = list(mapped)
    for column, unit in spec.units.items():
        if unit not in ELAPSED_UNITS:
            hint = did_you_mean(unit, tuple(ELAPSED_UNITS))
            raise InputError(
                "unknown unit",
                where=f"units of {where}",
                column=column,
                got=unit,
                hint=hint,
                code="duration.unit",
            )
        if column not in columns:
            hint = did_you_mean(column, columns)
            raise InputError(
                "unknown column", where=f"units of {where}", column=column, hint=hint, code="column.unknown"
            )


def read_seconds(spec: SourceSpec, frame: pd.DataFrame, source: str, ledger: ImportReport) -> pd.Series[Any]:
    """Read a column of durations as seconds, in the unit that the source, or the column's name, states.

    Raises
    ------
    InputError
        If not one value is a duration.
    """
    raw = read_column(spec, frame, source)
    read = parse_elapsed(raw, spec.units.get(source) or unit_of_name(source) or "s")
    bad = read.bad.to_numpy(dtype=bool)
    if bad.any() and int(bad.sum()) == int(raw.notna().sum()):
        raise InputError(
            "not a valid duration in any row of the column", where=ledger.where, column=source,
            row=int(bad.argmax()) + 1, got=raw.iloc[int(bad.argmax())], wanted="seconds, or a clock such as 4:25",
            code="duration.unreadable",
        )  # fmt: skip
    ledger.reject(bad, source, raw, "the duration cannot be read", code="duration.unreadable")
    below = (read.seconds < 0).to_numpy(dtype=bool)
    ledger.reject(below, source, raw, "a duration cannot be below 0", code="value.range")
    if read.form != "s":
        ledger.add_note(f"'{source}' is read as {_FORM_WORDS.get(read.form, read.form)}")
    return read.seconds
