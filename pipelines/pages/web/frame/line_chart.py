"""A line chart as data for uPlot, with the same figures as a table for those without scripts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from ....charts.palette import BLUE, GREEN, GREY, ORANGE
from ....words.words import MISSING_TEXT, format_date, format_instant, format_value

#: Points of a line; a longer one is cut to the latest.
MAX_POINTS = 1500
COLOURS = (BLUE, ORANGE, GREEN, GREY)


@dataclass(frozen=True)
class Line:
    """A line, or the likely range around one.

    Attributes
    ----------
    label
        What the legend and the table call it.
    values
        One value for each instant; missing ones leave a gap.
    low, high
        Ends of a band; both or none.
    dashed
        Whether it is an expectation or a target, and no observation.
    """

    label: str
    values: Sequence[float]
    low: Sequence[float] | None = None
    high: Sequence[float] | None = None
    dashed: bool = False


@dataclass(frozen=True)
class LineChart:
    """What the macro ``chart`` draws: ``data`` for the script, ``head`` and ``rows`` for the table."""

    name: str
    title: str
    data: dict[str, Any]
    head: list[str]
    rows: list[list[str]]


def make_line_chart(
    name: str, title: str, ds: pd.Series, lines: Sequence[Line], unit: str = "count", *, year: int | None = None
) -> LineChart:
    """Return a chart of one or more lines over time.

    Parameters
    ----------
    name
        Id of the chart on its page: small letters, digits and ``-``.
    title
        Measure, unit and segment, as WORDS has it.
    ds
        Instants on the clock of the desk, sorted.
    lines
        The lines, each with a value for each instant.
    unit
        Unit of the values, as of a KPI: count, share, s, ...
    year
        Year that dates do not repeat.

    Examples
    --------
    >>> days = pd.Series(pd.to_datetime(["2026-03-01", "2026-03-02"]))
    >>> chart = make_line_chart("volume", "Cases per day", days, [Line("Forecast", [3.0, 4.0], [2, 3], [4.5, 6])])
    >>> chart.head, chart.rows[0]
    (['Date', 'Forecast', 'Likely range'], ['Sun 1 Mar 2026', '3', '2 to 4.5'])
    >>> chart.data["x"][1] - chart.data["x"][0], chart.data["series"][0]["values"]
    (86400, [3.0, 4.0])
    """
    cut = max(0, len(ds) - MAX_POINTS)
    when = pd.DatetimeIndex(pd.to_datetime(ds)).tz_localize(None)[cut:]
    kept = [Line(n.label, _cut(n.values, cut), _ends(n.low, cut), _ends(n.high, cut), n.dashed) for n in lines]
    seconds = [int(at.timestamp()) for at in when]
    whole_days = all(at == at.normalize() for at in when)
    series = [
        {
            "label": n.label,
            "values": _plain(n.values),
            "low": None if n.low is None else _plain(n.low),
            "high": None if n.high is None else _plain(n.high),
            "dashed": n.dashed,
            "colour": COLOURS[i % len(COLOURS)],
        }
        for i, n in enumerate(kept)
    ]
    head = ["Date" if whole_days else "Time"]
    for n in kept:
        head += [n.label] + ([] if n.low is None else ["Likely range"])
    write = format_date if whole_days else format_instant
    rows = []
    for i, at in enumerate(when):
        row = [write(at, year)]
        for n in kept:
            row.append(_cell(n.values[i], unit))
            if n.low is not None and n.high is not None:
                row.append(_range(n.low[i], n.high[i], unit))
        rows.append(row)
    return LineChart(name, title, {"x": seconds, "series": series, "unit": unit, "days": whole_days}, head, rows)


def _cut(values: Sequence[float], cut: int) -> list[float]:
    return [float("nan") if v is None else float(v) for v in list(values)[cut:]]


def _ends(values: Sequence[float] | None, cut: int) -> list[float] | None:
    return None if values is None else _cut(values, cut)


def _plain(values: Sequence[float]) -> list[float | None]:
    return [None if not math.isfinite(v) else round(v, 6) for v in values]


def _cell(value: float, unit: str) -> str:
    return format_value(value, unit) if math.isfinite(value) else MISSING_TEXT


def _range(low: float, high: float, unit: str) -> str:
    return f"{_cell(low, unit)} to {_cell(high, unit)}" if math.isfinite(low) and math.isfinite(high) else MISSING_TEXT
