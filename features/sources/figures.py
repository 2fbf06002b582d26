"""The system's own figures of a case, such as its first reply time: outcomes, kept to be compared with ours."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from ..case_log.schema import AttributeTiming
from ..errors import InputError, did_you_mean
from ..readers.elapsed import ELAPSED_UNITS, parse_elapsed, unit_of_name
from ..readers.numbers import parse_numbers
from .columns import ImportReport, read_column
from .spec import SourceSpec

#: Further columns of the cases that hold such a figure begin so.
THEIR_PREFIX = "their_"


@dataclass(frozen=True)
class Figure:
    """One figure: how it is written, and what it says of a case."""

    kind: Literal["duration", "count", "flag"]
    words: str


#: The figures by name; ``_business_s`` are counted in the system's own opening hours.
FIGURES: Mapping[str, Figure] = {
    "first_response_s": Figure("duration", "first response time"),
    "first_response_business_s": Figure("duration", "first response time in business hours"),
    "first_resolution_s": Figure("duration", "first resolution time"),
    "first_resolution_business_s": Figure("duration", "first resolution time in business hours"),
    "resolution_s": Figure("duration", "resolution time"),
    "resolution_business_s": Figure("duration", "resolution time in business hours"),
    "pending_s": Figure("duration", "time pending on the customer"),
    "on_hold_s": Figure("duration", "time on hold"),
    "reopens": Figure("count", "reopens"),
    "transfers": Figure("count", "reassignments"),
    "agent_messages": Figure("count", "replies"),
    "sla_met": Figure("flag", "SLA met"),
    "first_response_sla_met": Figure("flag", "first response SLA met"),
}
_TRUE = (
    r"true|yes|y|1|1\.0|met|made|within( sla)?|on ?time|in time|achieved|fulfilled|hit|ok|compliant|not breached|"
    r"ja|oui|si|sim"
)
_FALSE = (
    r"false|no|n|0|0\.0|breached|missed|failed|late|overdue|violated|sla violated|not met|over|exceeded|nein|non|nao"
)
#: Names that say the opposite: true is a breach.
_BREACH_NAME = re.compile(
    r"breach|overdue|violat|missed|escalated|late|verletzt|viol|vencid|atras|scadut|incumpl", re.IGNORECASE
)
_SINCE_EPOCH = re.compile(r"^(19(?:70|71)-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d)?).*$")


def parse_flags(values: pd.Series[Any], name: str) -> pd.Series[Any]:
    """Return whether a promise was kept, by what a column of that name says; missing where it says nothing.

    >>> parse_flags(pd.Series(["Within SLA", "SLA Violated", "?"]), "Resolution status").tolist()
    [True, False, <NA>]
    >>> parse_flags(pd.Series(["true", "false"]), "Overdue Status").tolist()
    [False, True]
    """
    text = values.astype("str").str.strip().str.lower().where(values.notna())
    good, bad = text.str.fullmatch(_TRUE).fillna(False), text.str.fullmatch(_FALSE).fillna(False)
    plain = text.isin(
        ["true", "false", "yes", "no", "1", "0", "1.0", "0.0", "y", "n", "ja", "nein", "oui", "non", "si", "sim", "nao"]
    )
    turned = plain & bool(_BREACH_NAME.search(name))
    kept = good.astype(bool) ^ turned.astype(bool)
    return kept.astype("boolean").where((good | bad).astype(bool))


def parse_duration_figures(values: pd.Series[Any], unit: str) -> pd.Series[Any]:
    """Return durations in seconds; some systems write them as an instant so long after the beginning of 1970.

    >>> parse_duration_figures(pd.Series(["90", "1970-01-02 00:00:30", "2 Days 1 Hour"]), "min").tolist()
    [5400.0, 86430.0, 176400.0]
    """
    text = values.astype("str").where(values.notna())
    since = text.str.extract(_SINCE_EPOCH)[0]
    dated = (pd.to_datetime(since, errors="coerce") - pd.Timestamp("1970-01-01")).dt.total_seconds()
    read = parse_elapsed(values.mask(since.notna().to_numpy()), unit).seconds.astype("float64")
    return read.fillna(dated)


def read_figure(values: pd.Series[Any], figure: str, column: str, unit: str = "") -> pd.Series[Any]:
    """Return the values of a column as a figure: seconds, counts or flags; what cannot be read is missing."""
    kind = FIGURES[figure].kind
    if kind == "flag":
        return parse_flags(values, column)
    if kind == "count":
        numbers = parse_numbers(values).astype("float64")
        return numbers.where(numbers.ge(0) & (numbers % 1 == 0))
    seconds = parse_duration_figures(values, unit or unit_of_name(column) or "s")
    return seconds.where(seconds.ge(0))


def read_figures(
    spec: SourceSpec, frame: pd.DataFrame, ledger: ImportReport
) -> tuple[pd.DataFrame, dict[str, AttributeTiming]]:
    """Read the figures that a source names: columns of the cases that are outcomes, never features.

    Raises
    ------
    InputError
        If a figure, its column or its unit is unknown.
    """
    where, there = Path(spec.path).name, [str(c) for c in frame.columns]
    out: dict[str, Any] = {}
    for figure, column in spec.figures.items():
        if figure not in FIGURES:
            hint = did_you_mean(figure, tuple(FIGURES))
            raise InputError(
                "unknown figure", where=f"figures of {where}", column=figure, hint=hint, code="value.unknown"
            )
        if column not in there:
            hint = did_you_mean(column, there)
            raise InputError(
                f"the file has no column '{column}' for '{figure}'", where=where, hint=hint, code="column.unknown"
            )
        unit = spec.units.get(column, "")
        if unit and unit not in ELAPSED_UNITS:
            hint = did_you_mean(unit, tuple(ELAPSED_UNITS))
            raise InputError("unknown unit", where=where, column=column, got=unit, hint=hint, code="duration.unit")
        values = read_column(spec, frame, column)
        read = read_figure(values, figure, column, unit)
        lost = int((values.notna() & read.isna()).sum())
        if lost:
            shown = values[values.notna() & read.isna()].iloc[0]
            ledger.add_note(f"'{column}': {lost:,} values are no {FIGURES[figure].words}, such as {shown!r}")
        out[THEIR_PREFIX + figure] = read
    return pd.DataFrame(out, index=frame.index), dict.fromkeys(out, "outcome")
