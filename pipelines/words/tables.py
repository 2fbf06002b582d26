"""Result tables as people read them: headers in words, shares in percent, durations in hours, times on one clock."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from ...features.durations import format_duration
from ...features.kpis.catalogue import find_kpi_unit
from .words import format_value

_SHARE_COLUMNS = {
    "probability",
    "predicted",
    "observed",
    "base_rate",
    "ece",
    "wape",
    "service_level",
    "occupancy",
    "miss_probability",
    "formula_service_level",
    "target_met",
    "breach_risk",
    "precision",
    "recall",
    "cases_found",
    "not_reviewed",
    "dissatisfaction_risk",
    "dissatisfaction_risk_if_answered",
    "response_probability",
    "escalation_risk",
    "chance",
    "coverage_80",
    "coverage_95",
    "bias",
    "gain",
    "understaffed_share",
    "overstaffed_share",
    "service_level_actual",
    "first_probability",
    "last_probability",
}
#: Seconds that are long enough to be told in hours and days; the others stay seconds.
_DURATION_COLUMNS = {
    "left_s",
    "left_wall_s",
    "left_business_s",
    "age_s",
    "overdue_s",
    "resolved_for_s",
    "warning_s",
    "median_warning_s",
}
#: Columns that are told in the unit of the KPI of their row.
_KPI_VALUE_COLUMNS = {
    "value",
    "lo",
    "hi",
    "median",
    "p90",
    "mean",
    "before",
    "after",
    "contribution",
    "expected",
    "lower",
    "upper",
}
_KPI_VALUE_COLUMNS |= {"target", "so_far", "forecast", "low", "high"}
_COLUMN_LABELS = {
    "ds": "from",
    "unique_id": "series",
    "cut": "period is cut",
    "deskcast": "expected",
    "deskcast-lo-80": "80 % from",
    "deskcast-hi-80": "80 % to",
    "deskcast-lo-95": "95 % from",
    "deskcast-hi-95": "95 % to",
    "baseline": "without what is assumed",
    "base": "by itself",
    "calls_hi": "calls, upper line",
    "agents_hi": "agents, upper line",
    "lo": "95 % from",
    "hi": "95 % to",
    "p90": "90th percentile",
    "kpi": "KPI",
    "auc": "AUC",
    "wape": "WAPE",
    "mase": "MASE",
    "wql": "WQL",
    "ece": "calibration error",
    "aht_s": "handle time, s",
    "left_wall_s": "left (wall clock)",
    "left_business_s": "left (open hours)",
    "median_finish": "done by (median)",
    "finish_80": "done by (80 %)",
    "dissatisfaction_risk": "P(dissatisfied if asked)",
    "dissatisfaction_risk_if_answered": "P(dissatisfied among answers)",
    "response_probability": "P(answers)",
    "escalation_risk": "P(escalated)",
    "base_rate": "base rate",
    "brier": "Brier score",
}
MISSING_TEXT = "–"


@dataclass(frozen=True)
class FormattedTable:
    """A table ready for the page.

    Attributes
    ----------
    name
        Its name among the results.
    columns
        Header of each column, and whether it holds numbers.
    rows
        Cells as text.
    total
        Number of rows of the whole table.
    """

    name: str
    columns: list[tuple[str, bool]]
    rows: list[list[str]]
    total: int


def format_table(name: str, frame: pd.DataFrame, limit: int = 50, timezone: str = "UTC") -> FormattedTable:
    """Turn the first rows of a table into text for the page.

    Parameters
    ----------
    name, frame
        The table.
    limit
        Most rows to show.
    timezone
        Clock on which instants are told.

    Examples
    --------
    >>> format_table("risk", pd.DataFrame({"case_id": ["7"], "probability": [0.834], "left_s": [5400.0]}))
    FormattedTable(name='risk', columns=[('case', False), ('probability', True), ('left', True)],
                   rows=[['7', '83.4%', '1 h 30 min']], total=1)
    """
    rows = frame.head(limit)
    units = _units(rows)
    cells = [
        _format_in_units(rows[column], _column_units(str(column), units))
        if units and column in _KPI_VALUE_COLUMNS and _numeric(rows[column])
        else _cells(str(column), rows[column], timezone)
        for column in rows.columns
    ]
    columns = [(format_header(str(c)), _numeric(rows[c])) for c in rows.columns]
    return FormattedTable(name, columns, [list(row) for row in zip(*cells, strict=True)], len(frame))


def format_header(column: str) -> str:
    """Return a column's name in words.

    >>> format_header("case_id"), format_header("age_s"), format_header("mean_wait_s"), format_header("deskcast-lo-80")
    ('case', 'age', 'mean wait, s', '80 % from')
    """
    if column in _COLUMN_LABELS:
        return _COLUMN_LABELS[column]
    if column in _DURATION_COLUMNS:
        return column.removesuffix("_s").replace("_", " ")
    words = column.removesuffix("_id").removesuffix("_at").replace("_", " ")
    return words.removesuffix(" s") + ", s" if words.endswith(" s") else words


def sort_latest_first(frame: pd.DataFrame) -> pd.DataFrame:
    """Put the latest periods on top, and drop columns that hold nothing."""
    clock = next((c for c in ("ds", "started_at") if c in frame.columns), None)
    ordered = frame.sort_values(clock, ascending=False, kind="stable") if clock else frame
    return ordered.dropna(axis="columns", how="all")


def _numeric(values: pd.Series[Any]) -> bool:
    return bool(pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values))


def _cells(column: str, values: pd.Series[Any], timezone: str) -> list[str]:
    if pd.api.types.is_bool_dtype(values):
        return [MISSING_TEXT if pd.isna(v) else "yes" if v else "no" for v in values]
    if pd.api.types.is_datetime64_any_dtype(values):
        return _instants(values, timezone)
    if not _numeric(values):
        return [MISSING_TEXT if pd.isna(v) or v == "" else str(v) for v in values]
    say = _format_share if column in _SHARE_COLUMNS else _format_span if column in _DURATION_COLUMNS else _format_number
    return [MISSING_TEXT if pd.isna(v) else say(float(v)) for v in values]


def _units(rows: pd.DataFrame) -> list[str]:
    """Return the unit of each row of a table of KPIs, and nothing for other tables."""
    if "kpi" not in rows.columns or not len(rows):
        return []
    return [find_kpi_unit(k) for k in rows["kpi"]]


def _column_units(column: str, units: list[str]) -> list[str]:
    """Return the units of a column: the mean beside a share such as CSAT is a score."""
    return ["" if column == "mean" and unit == "share" else unit for unit in units]


def _format_in_units(values: pd.Series[Any], units: list[str]) -> list[str]:
    said = []
    for value, unit in zip(values, units, strict=True):
        size = abs(float(value)) if pd.notna(value) else None
        known = (
            MISSING_TEXT
            if size is None
            else format_value(size, unit)
            if unit in ("share", "s")
            else _format_number(size)
        )
        said.append(f"-{known}" if size and float(value) < 0 else known)
    return said


def _instants(values: pd.Series[Any], timezone: str) -> list[str]:
    local = values.dt.tz_convert(timezone) if values.dt.tz is not None else values
    known = local.dropna()
    days = bool((known == known.dt.normalize()).all())
    return [MISSING_TEXT if pd.isna(v) else f"{v:%a %d %b %Y}" if days else f"{v:%a %d %b %Y %H:%M}" for v in local]


def _format_share(value: float) -> str:
    return f"{value:.1%}" if math.isfinite(value) else str(value)


def _format_span(value: float) -> str:
    return format_duration(value) if value >= 0 else f"-{format_duration(-value)}"


def _format_number(value: float) -> str:
    if not math.isfinite(value):
        return str(value)
    if value.is_integer() and abs(value) < 1e15:
        return f"{value:,.0f}"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def json_records(frame: pd.DataFrame) -> list[Mapping[str, Any]]:
    """Return rows as plain values: instants in ISO 8601, missing values as None.

    >>> json_records(pd.DataFrame({"at": pd.to_datetime(["2024-03-01T09:00Z", None]), "n": [1.5, None]}))
    [{'at': '2024-03-01T09:00:00+00:00', 'n': 1.5}, {'at': None, 'n': None}]
    """
    return [{str(k): _value(v) for k, v in row.items()} for row in frame.to_dict("records")]


def _value(value: Any) -> Any:
    if isinstance(value, (list, dict)):
        return value
    if pd.isna(value) or (isinstance(value, float) and not math.isfinite(value)):
        return None
    if isinstance(value, pd.Timestamp):
        return value.isoformat()
    return value.item() if hasattr(value, "item") else value
