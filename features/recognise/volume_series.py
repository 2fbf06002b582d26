"""A narrow file of counts, a time and a number: whether the numbers count what arrived, and how long the slots are."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pandas as pd

from ..errors import InputError
from ..readers.timestamps import parse_times
from .interval_reports import MIN_SURE_NAME
from .interval_values import is_count
from .interval_words import find_measure
from .readings import Ask, Reading, UnclearReadingError, toml_line
from .roles import ColumnProfile, guess_series_columns

#: Slots that are longer than this are no slots that anybody is planned for.
MAX_SLOT_S = 7 * 86400.0
#: A series of so few slots tells nothing of their length.
MIN_SLOTS_SERIES = 20


def read_as_series(columns: Mapping[str, ColumnProfile], frame: pd.DataFrame) -> dict[str, Any] | None:
    """Return what a source needs of a file with a time, a number and perhaps the name of a series, else ``None``."""
    roles = guess_series_columns(columns, frame)
    if roles is None:
        return None
    why = {"table": f"each '{roles['ds']}' is unique" + (" per series" if "unique_id" in roles else "")}
    why["y"] = f"'{roles['y']}' is the column of numbers"
    segments = {"unique_id": columns[roles["unique_id"]].distinct} if "unique_id" in roles else {}
    return {"shape": "volume series", "table": "volumes", "columns": roles, "segments": segments, "why": why}


def ask_whether_counts(name: str, frame: pd.DataFrame, series: Mapping[str, Any], where: str, ask: Ask | None) -> None:
    """Ask whether numbers with fractions count what arrived, unless the name says so: loads and prices do not."""
    measure = find_measure(name)
    if is_count(frame[name]) or (measure is not None and measure.sure >= MIN_SURE_NAME):
        return
    part = next((v for v in frame[name].dropna().astype("str") if re.fullmatch(r"-?\d*[.,]\d*[1-9]", v)), "")
    question = (
        f"do the numbers of '{name}' count what arrived? Not all are whole numbers from 0" + f", as {part}" * bool(part)
    )
    if ask is None:
        lines = toml_line(Reading("volume series", 1.0, series))
        raise UnclearReadingError(question, [("if they do", lines)], where=where, code="reading.unclear")
    if ask(f"{where}: {question}", ["they count what arrived", "they are something else"]) != 0:
        raise InputError("the rows are not counts, as you answered", where=where, code="reading.none")


def refuse_odd_slots(frame: pd.DataFrame, roles: Mapping[str, str], slot: float, where: str) -> None:
    """Refuse counts by month, and series whose slots are longer than those of the others.

    One length of slots would fill the others with gaps.

    Raises
    ------
    InputError
        If the slots are longer than a week, or not all series have them.
    """
    if slot > MAX_SLOT_S:
        raise InputError(
            "the counts are by month, or by another period of more than a week",
            where=where,
            column=roles.get("ds"),
            got=f"{slot / 86400:g} days from one row to the next",
            wanted="counts by interval, day or week",
            hint="export the report by day or interval",
            code="frequency.invalid",
        )
    name, at = roles.get("unique_id", ""), roles.get("ds", "")
    if name not in frame or at not in frame:
        return
    rows = pd.DataFrame({"series": frame[name], "at": parse_times(frame[at]).instants}).dropna().drop_duplicates()
    rows = rows.sort_values(["series", "at"])
    gaps = rows.groupby("series")["at"].diff().dt.total_seconds()
    steps = gaps[gaps > 0].groupby(rows["series"]).agg(["min", "median", "size"])
    longer = (steps["min"] > 1.5 * slot) & (steps["min"] == steps["median"])  # slots without a call may lack
    odd = longer | (steps["median"] < 0.75 * slot)  # weeks may be cut at the end of a year
    other = steps[(steps["size"] >= MIN_SLOTS_SERIES) & odd]
    if not other.empty:
        raise InputError(
            "the series have intervals of different lengths",
            where=where,
            column=name,
            got=f"{slot / 60:g} minutes in some, {other['median'].iloc[0] / 60:g} in '{other.index[0]}'",
            wanted="one length of intervals for each source",
            hint="put the series of each length into a file and a [source] of their own",
            code="frequency.invalid",
        )
