"""Columns of the result tables as people read them: their labels, the format of their cells, and who they are for."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, cast, get_args

import pandas as pd

from ...features.durations import format_duration
from ...features.errors import InputError
from ...features.kpis.catalogue import find_kpi_unit
from ...features.kpis.cells import find_segments
from .column_registry import COLUMNS, SHARED
from .table_registry import MAIN_COLUMNS, TABLES, VALUES
from .words import (
    MISSING_TEXT,
    add_plus,
    format_business_time,
    format_date,
    format_instant,
    format_kpi,
    format_number,
    format_points,
    format_probability,
    format_score,
    format_share,
    format_value,
)

Audience = Literal["everyone", "planner", "analyst"]
#: ``value`` reads as ``VALUES`` say, ``words`` drops the underscores of a name, ``moves`` are KPIs with a direction.
#: ``names`` are divided by ``; ``, ``weekdays`` are days such as ``mon-fri``.
#: ``kpi_value`` is in the unit of the KPI of its row, ``improved_kpi`` and ``worsened_kpi`` in that of those columns,
#: ``row_unit`` in that of its row; ``kpi_change`` is a difference of two values, ``kpi_mean`` the mean behind a share.
#: ``signed_points`` and ``signed_number`` have a plus where they are above zero.
#: ``day`` shows the time of day where there is one; ``hidden`` is not shown.
Format = Literal[
    "text",
    "id",
    "kpi",
    "words",
    "value",
    "moves",
    "names",
    "weekdays",
    "flag",
    "day",
    "instant",
    "hidden",
    "count",
    "agents",
    "expected",
    "number",
    "score",
    "share",
    "percent",
    "points",
    "signed_points",
    "signed_number",
    "probability",
    "duration",
    "business",
    "kpi_value",
    "kpi_change",
    "kpi_mean",
    "improved_kpi",
    "worsened_kpi",
    "row_unit",
]
#: Names that a cell lists; JSON and Parquet have all.
MAX_CELL_NAMES = 3
_TEXTS = ("text", "id", "kpi", "words", "value", "moves", "names", "weekdays", "flag", "day", "instant")
_KPI_FORMATS = {
    "kpi_value": "kpi",
    "kpi_change": "kpi",
    "kpi_mean": "kpi",
    "improved_kpi": "improved_kpi",
    "worsened_kpi": "worsened_kpi",
    "row_unit": "unit",
}
_MARKS: dict[str, Audience] = {"!": "analyst", "+": "planner"}
_BOUND = re.compile(r"(?P<model>.+)-(?P<side>lo|hi)-(?P<level>\d+(?:\.\d+)?)")
_FIGURES = {"kind": "What | text", "subject": "Of | text", "value": "Value | row_unit", "unit": "Unit | text"}


@dataclass(frozen=True)
class Column:
    """How a column reads.

    Attributes
    ----------
    label
        Header, with the unit where the cells do not have it.
    form
        See :data:`Format`.
    audience
        Who needs it: everyone, planners and analysts, or analysts.
    """

    label: str
    form: Format = "text"
    audience: Audience = "everyone"

    @property
    def is_number(self) -> bool:
        """Whether its cells are set to the right."""
        return self.form not in _TEXTS


@cache
def find_column(table: str, column: str) -> Column | None:
    """Return the entry of a column; nothing where it has none.

    Bounds of an interval follow from its level, and every table of figures has the same columns.

    Examples
    --------
    >>> find_column("risk", "probability")
    Column(label='Breach risk', form='probability', audience='everyone')
    >>> find_column("forecast", "deskcast-lo-80").label, find_column("risk", "colour_of_the_case")
    ('Likely low', None)
    """
    own = _FIGURES if table.endswith("_figures") else COLUMNS.get(table, {})
    entry = own.get(column) or SHARED.get(column)
    audience = table_audience(table)
    if entry is not None:
        label, form = entry.split(" | ")
        marked = _MARKS.get(form[-1])
        form = form.rstrip("".join(_MARKS))
        if form not in get_args(Format):
            raise InputError("unknown format", where=table, column=column, got=form, code="value.unknown")
        return Column(label, cast("Format", form), marked or audience)
    bound = _BOUND.fullmatch(column)
    if bound is None:
        return None
    end = {"lo": "low", "hi": "high"}[bound["side"]]
    label = f"Likely {end}" if bound["level"] == "80" else f"{bound['level']}% {end}"
    if bound["model"] != "deskcast":
        label = f"{column_label(table, bound['model'])}, {label[:1].lower() + label[1:]}"
    return Column(label, "expected", audience if bound["level"] == "80" else "analyst")


def column_label(table: str, column: str) -> str:
    """Return the header of a column; a column of one's own, such as a segment, has its name in words.

    >>> column_label("staffing", "agents_to_schedule"), column_label("history", "ds"), column_label("history", "site")
    ('To schedule', 'Period from', 'Site')
    """
    entry = find_column(table, column)
    return _in_words(column) if entry is None else entry.label


def column_audience(table: str, column: str) -> Audience:
    """Return who needs a column.

    >>> column_audience("risk", "probability"), column_audience("evaluation", "auc"), column_audience("forecast", "ds")
    ('everyone', 'analyst', 'planner')
    """
    entry = find_column(table, column)
    return table_audience(table) if entry is None else entry.audience


def is_shown(table: str, column: str) -> bool:
    """Return whether people see a column at all.

    >>> is_shown("risk", "left_s"), is_shown("risk", "left_wall_s")
    (False, True)
    """
    entry = find_column(table, column)
    return entry is None or entry.form != "hidden"


def choose_main_columns(table: str, frame: pd.DataFrame) -> list[str]:
    """Return the columns to show first, or alone: the main ones; of a table without any, all that are not analysts'.

    Segments of one's own, such as a channel, stand behind the first; attributes of single cases behind all others.

    Examples
    --------
    >>> frame = pd.DataFrame({"kpi": ["csat"], "site": ["A"], "ds": [1], "value": [0.8], "mean": [4.1], "weight": [1]})
    >>> choose_main_columns("history", frame)
    ['kpi', 'site', 'ds', 'value']
    >>> choose_main_columns("cases_behind", pd.DataFrame({"case_id": ["1"], "street": ["A"], "state": ["met"]}))
    ['case_id', 'state', 'street']
    >>> choose_main_columns("my_own", pd.DataFrame({"b": [1], "a": [2]}))
    ['b', 'a']
    """
    names = [str(column) for column in frame.columns if is_shown(table, str(column))]
    if table not in MAIN_COLUMNS:
        analysts = table_audience(table) == "analyst"
        return [name for name in names if analysts or column_audience(table, name) != "analyst"]
    main = [name for name in MAIN_COLUMNS[table] if name in names]
    own = [n for n in names if find_column(table, n) is None and not pd.api.types.is_numeric_dtype(frame[n])]
    if table == "history":  # known ones too, such as the team: what a row is of stands before its figure
        own = [n for n in find_segments(frame) if n in names and n not in main]
    place = len(main) if main[:1] == ["case_id"] else 1
    return [*main[:place], *own, *main[place:]]


def table_title(table: str, frame: pd.DataFrame | None = None) -> str:
    """Return the title of a table; where it says of what length its steps are, that of those of its rows.

    >>> table_title("risk"), table_title("my_own")
    ('Open cases by breach risk', 'My own')
    >>> weeks = pd.DataFrame({"ds": pd.date_range("2024-03-04", periods=3, freq="7D")})
    >>> table_title("forecast"), table_title("forecast", weeks)
    ('Forecast by day', 'Forecast by week')
    """
    if table == "forecast" and frame is not None and (step := frame["ds"].drop_duplicates().diff().min()) is not pd.NaT:
        lengths = {"interval": 0, "day": 1, "week": 7, "month": 28}
        return f"Forecast by {[name for name, days in lengths.items() if step >= pd.Timedelta(days=days)][-1]}"
    return TABLES[table].split(" | ")[0] if table in TABLES else _in_words(table)


def table_audience(table: str) -> Audience:
    """Return who needs a table.

    >>> table_audience("risk"), table_audience("my_own")
    ('everyone', 'analyst')
    """
    return TABLES[table].split(" | ")[1] if table in TABLES else "analyst"  # type: ignore[return-value]


def format_cell(
    table: str, column: str, value: Any, *, kpi: str = "", timezone: str = "UTC", year: int | None = None
) -> str:
    """Write one cell as people read it.

    Parameters
    ----------
    table, column, value
        The cell.
    kpi
        KPI of its row, where the value is one of a KPI.
    timezone
        Clock of instants.
    year
        Year that dates do not repeat; they show theirs where it is another one.

    Examples
    --------
    >>> format_cell("risk", "probability", 0.9991), format_cell("risk", "left_business_s", 93600.0)
    ('over 99%', '26 h')
    >>> format_cell("history", "value", 0.824, kpi="csat"), format_cell("risk", "owner", None)
    ('82%', '–')
    >>> format_cell("risk", "due_at", pd.Timestamp("2026-03-02T07:30Z"), timezone="Europe/Berlin", year=2026)
    'Mon 2 Mar 08:30'
    """
    if value is None or (not isinstance(value, (list, dict)) and pd.isna(value)) or value == "":
        return MISSING_TEXT
    entry = find_column(table, column)
    form = _guess_format(column, value) if entry is None else entry.form
    if isinstance(value, bool) or form == "flag":
        return "yes" if value else "no"
    if isinstance(value, pd.Timestamp):
        local = value.tz_convert(timezone) if value.tzinfo is not None else value
        days = form == "day" and local == local.normalize()
        return format_date(local, year) if days else format_instant(local, year)
    if isinstance(value, str):
        return _format_text(form, column, value)
    number = float(value)
    if math.isinf(number):
        return "∞" if number > 0 else "-∞"
    if form in _KPI_FORMATS:
        return _format_kpi_value(form, number, kpi)
    return _NUMBER_FORMATS.get(form, format_number)(number)


def format_column(
    table: str,
    column: str,
    values: pd.Series[Any],
    *,
    kpis: Sequence[str] | None = None,
    timezone: str = "UTC",
    year: int | None = None,
) -> list[str]:
    """Write the cells of a column, in one way for all of them.

    Parameters
    ----------
    table, column, values
        The column.
    kpis
        KPI of each row; see :func:`kpis_of`.
    timezone, year
        See :func:`format_cell`.

    Examples
    --------
    >>> format_column("history", "value", pd.Series([0.824, 5400.0]), kpis=["csat", "resolution_time"])
    ['82%', '1 h 30 min']
    """
    names = [""] * len(values) if kpis is None else kpis
    return [
        format_cell(table, column, value, kpi=kpi, timezone=timezone, year=year)
        for value, kpi in zip(values.tolist(), names, strict=True)
    ]


def kpis_of(table: str, column: str, frame: pd.DataFrame) -> list[str] | None:
    """Return the KPI that each cell of a column is a value of; nothing where the column is of another kind.

    >>> kpis_of("history", "value", pd.DataFrame({"kpi": ["csat"], "value": [0.8]}))
    ['csat']
    """
    entry = find_column(table, column)
    source = _KPI_FORMATS.get(entry.form) if entry is not None else None
    return [str(kpi) for kpi in frame[source]] if source is not None and source in frame.columns else None


def _format_text(form: str, column: str, value: str) -> str:
    if form == "kpi":
        return format_kpi(value)
    if form == "words":
        return _in_words(value)
    if form == "weekdays":
        return value.title().replace(",", ", ")
    if form == "names":
        return _list_names(value.split("; "))
    if form == "moves":
        return _list_names([format_kpi(m) if "_" in m.split(" ", 1)[0] else m for m in value.split("; ")])
    return VALUES.get(column, {}).get(value, value)


def _list_names(names: list[str]) -> str:
    """List names in a cell: the first of them, and how many more there are.

    >>> _list_names(["a", "b", "c", "d", "e"])
    'a; b; c; 2 more'
    """
    more = len(names) - MAX_CELL_NAMES
    return "; ".join([*names[:MAX_CELL_NAMES], *([f"{more:,} more"] if more > 0 else [])])


def _format_kpi_value(form: str, value: float, kpi: str) -> str:
    unit = kpi if form == "row_unit" else find_kpi_unit(kpi)
    if unit == "share" and form == "kpi_mean":
        return format_number(value)  # the mean beside a share such as CSAT is a score
    if unit == "share" and form == "kpi_change":
        return format_points(value)
    return format_value(value, unit or "score")


def _in_words(name: str) -> str:
    words = name.replace("_", " ").strip()
    return words[:1].upper() + words[1:]


def _guess_format(column: str, value: Any) -> str:
    if isinstance(value, (pd.Timestamp, str)):
        return "day" if isinstance(value, pd.Timestamp) else "text"
    return "duration" if column.endswith("_s") else "number"


def _format_whole(value: float) -> str:
    return f"{round(value):,}"


def _format_small(value: float) -> str:
    """Write a number in a table: one decimal below 10."""
    return "0" if abs(value) < 0.05 else format_number(value)


def _format_agents(value: float) -> str:
    """Write agents, who are whole people: a fraction comes from the shrinkage, and is rounded up."""
    return f"{math.ceil(value - 1e-9):,}"


_NUMBER_FORMATS: dict[str, Callable[[float], str]] = {
    "count": _format_whole,
    "expected": _format_small,
    "number": _format_small,
    "agents": _format_agents,
    "score": format_score,
    "share": format_share,
    "percent": lambda value: f"{value:,.6g}%" if abs(value) < 1e6 else f"{value:,.0f}%",
    "points": format_points,
    "signed_points": lambda value: add_plus(format_points(value), value),
    "signed_number": lambda value: add_plus(_format_small(value), value),
    "probability": format_probability,
    "duration": format_duration,
    "business": format_business_time,
}
