"""A heat map as a table: times of day down, days across, each cell with its number and a shade."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd

from ....words.words import MISSING_TEXT, format_date

SHADES = 6


@dataclass(frozen=True)
class HeatMap:
    """What the macro ``heat`` draws: title, days, and rows of a time of day with text and class of each cell."""

    title: str
    days: list[str]
    rows: list[tuple[str, list[tuple[str, str]]]]


def make_heat_map(
    title: str,
    ds: pd.Series,
    values: pd.Series,
    write: Callable[[float], str],
    *,
    signed: bool = False,
    year: int | None = None,
) -> HeatMap:
    """Return a heat map; times of day without any value other than 0 are left out.

    Parameters
    ----------
    title
        Measure, unit and segment.
    ds, values
        Start of each interval, and its value.
    write
        How a value is written.
    signed
        Whether values below 0 are short and those above too many: the shade is by size, and the class by sign.
    year
        Year that dates do not repeat.

    Examples
    --------
    >>> ds = pd.Series(pd.to_datetime(["2026-03-02 08:00", "2026-03-02 09:00", "2026-03-03 09:00"]))
    >>> drawn = make_heat_map("Agents", ds, pd.Series([0.0, 2.0, 4.0]), lambda v: f"{v:.0f}", year=2026)
    >>> drawn.days, drawn.rows
    (['Mon 2 Mar', 'Tue 3 Mar'], [('09:00', [('2', 'h3'), ('4', 'h6')])])
    """
    when = pd.to_datetime(ds)
    grid = pd.DataFrame({"time": when.dt.strftime("%H:%M"), "day": when.dt.normalize(), "value": values.to_numpy()})
    grid = grid.drop_duplicates(["time", "day"], keep="last")  # an hour comes twice when clocks are set back
    table = grid.pivot(index="time", columns="day", values="value").sort_index()
    busy = table.fillna(0.0).ne(0.0).any(axis="columns")
    if busy.any():  # times between the first and the last that are used
        used = [place for place, there in enumerate(busy) if there]
        table = table.iloc[used[0] : used[-1] + 1].dropna(axis="columns", how="all")  # a day may end before them
    most = float(table.abs().max().max()) if table.size else 0.0
    rows = [
        (str(time), [(_text(v, write, signed), _shade(v, most, signed)) for v in row])
        for time, row in zip(table.index, table.to_numpy(dtype=float), strict=True)
    ]
    return HeatMap(title, [format_date(pd.Timestamp(day), year) for day in table.columns], rows)


def _text(value: float, write: Callable[[float], str], signed: bool) -> str:
    if math.isnan(value):
        return MISSING_TEXT
    return f"+{write(value)}" if signed and value > 0 else write(value)


def _shade(value: float, most: float, signed: bool) -> str:
    """Return the class of a cell: ``h1`` to ``h6`` by size; ``s`` for short, ``o`` for over where signs matter."""
    if math.isnan(value) or value == 0 or most == 0:
        return ""
    size = max(1, math.ceil(SHADES * abs(value) / most - 1e-9))
    return f"{'s' if value < 0 else 'o'}{size}" if signed else f"h{size}"
