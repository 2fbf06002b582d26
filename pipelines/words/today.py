"""Sentences on today: so far against the plan, the rest of the day, the evening, and the moves that help."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from .facts import Cell, Fact, Finding
from .figures import figure, setting
from .words import format_queue

#: The table of what the sentences state beyond the others.
FIGURES = "today_figures"
#: Moves that are told of a queue.
MAX_MOVES = 2
#: A handle time that is off by less is not told.
MIN_AHT_CHANGE = 0.03

Tables = Mapping[str, pd.DataFrame]


def today_findings(day: Any, evening: Any, tables: Tables) -> list[Finding]:
    """Return the sentences on one queue.

    Parameters
    ----------
    day
        A :class:`~deskcast.pipelines.stages.today.QueueDay`.
    evening
        Its :class:`~deskcast.forecasting.intraday.moves.Evening`, or ``None`` where the day is over.
    tables
        ``today``, ``today_moves`` and ``today_accuracy``.
    """
    said = [_so_far(day, tables), *_handle_time(day)]
    if evening is not None:
        said += [_rest(day, tables), _evening(day, evening), *_understaffed(day, tables), *_moves(day, tables)]
        said += _record(day, tables)
    return [
        Finding(f, *f.facts, audience=f.audience, names=[day.queue.name, format_queue(day.queue.name)]) for f in said
    ]


def _held(day: Any, tables: Tables, column: str, kind: str, span: tuple[pd.Timestamp, pd.Timestamp]) -> Fact:
    cell = Cell("today", column, {"queue": day.queue.name, "ds": span}, "sum")
    return Fact.at(cell, tables, kind, day.queue.name)


def _so_far(day: Any, tables: Tables) -> Finding:
    over = day.rows.loc[day.rows["y"].notna(), "ds"]
    span = (over.min(), over.max())
    came, planned = (_held(day, tables, c, k, span) for c, k in (("y", "contacts so far"), ("planned", "plan so far")))
    end = over.max() + pd.Timedelta(seconds=day.queue.spec.interval_s)
    plan = "the issued plan has" if day.source == "issued" else "the morning's plan has"
    text = f"{format_queue(day.queue.name)}: {came:contact} by {end:%H:%M}, {plan} {planned:about}."
    return Finding(text, came, planned)


def _handle_time(day: Any) -> list[Finding]:
    if pd.isna(day.aht) or abs(day.aht / day.plan_aht - 1) < MIN_AHT_CHANGE:
        return []
    so_far = figure(FIGURES, "handle time so far", day.queue.name, round(day.aht), "s", audience="planner")
    planned = figure(FIGURES, "handle time planned", day.queue.name, round(day.plan_aht), "s", audience="planner")
    return [Finding(f"{format_queue(day.queue.name)}: AHT {so_far} so far, planned {planned}.", so_far, planned)]


def _rest(day: Any, tables: Tables) -> Finding:
    left = day.rows.loc[day.rows["y"].isna(), "ds"]
    span = (left.min(), left.max())
    ahead = _held(day, tables, "reforecast", "contacts ahead today", span)
    planned = _held(day, tables, "planned", "plan of the rest", span)
    low, high = (
        figure(FIGURES, f"rest of today, {side}", day.queue.name, value)
        for side, value in zip(("low", "high"), day.attrs["total"][1:], strict=True)
    )
    said = format_queue(day.queue.name)
    text = f"{said}: {ahead:about} more today, likely {low:~} to {high:~}; planned {planned:about}."
    return Finding(text, ahead, low, high, planned)


def _evening(day: Any, evening: Any) -> Finding:
    name, spec = day.queue.name, day.queue.spec
    level = figure(FIGURES, "service level by the evening", name, evening.level, "share")
    low, high = (
        figure(FIGURES, f"service level, {k}", name, v, "share")
        for k, v in (("low", evening.low), ("high", evening.high))
    )
    chance = figure(FIGURES, "chance to meet the target", name, evening.chance, "probability")
    goal, within = setting("service level", spec.service_level, "share"), setting("within", spec.within_s, "s")
    text = f"{format_queue(name)}: expected service level by the evening {level} within {within} ({low} to {high})."
    text += f" Chance to meet the target of {goal}: {chance}."
    return Finding(text, level, within, low, high, goal, chance)


def _understaffed(day: Any, tables: Tables) -> list[Finding]:
    """Report the intervals of the rest of the day that lack agents, or that there are none."""
    name = day.queue.name
    own = tables["today"]
    rest = own[(own["queue"] == name) & own["y"].isna()]
    short = rest[rest["net"] < 0]
    step = pd.Timedelta(seconds=day.queue.spec.interval_s)
    if short.empty:
        return []
    first, last = short["ds"].min(), short["ds"].max()
    cell = Cell("today", "net", {"queue": name, "ds": (first, last)}, "min", scale=-1.0)
    most = Fact.at(cell, tables, "agents short", name)
    count = figure(FIGURES, "understaffed intervals", name, len(short))
    when = f"from {first:%H:%M} to {last + step:%H:%M}"
    text = f"{format_queue(name)}: understaffed by up to {most:agent} in {count:interval} {when}."
    return [Finding(text, most, count)]


def _moves(day: Any, tables: Tables) -> list[Finding]:
    name = day.queue.name
    moves = tables.get("today_moves", pd.DataFrame(columns=["queue"]))
    found = []
    for row in moves[moves["queue"] == name].head(MAX_MOVES).itertuples():
        keys = {"queue": name, "move": row.move}
        amount = Fact.at(Cell("today_moves", "agents", keys), tables, "size of a move", f"{name} {row.move}")
        level = Fact.at(
            Cell("today_moves", "service_level", keys),
            tables,
            "service level with a move",
            f"{name} {row.move}",
            "share",
        )
        what = _describe(str(row.move), amount)
        when = f"from {row.start:%H:%M} to {row.end:%H:%M}"
        found.append(
            Finding(
                f"{format_queue(name)}: {what} {when}: service level of the rest of the day {level}.", amount, level
            )
        )
    return found


def _describe(move: str, amount: Fact) -> str:
    if move == "callbacks":
        return f"Offer a callback to {amount:contact}"
    if move == "breaks":
        return f"Move the breaks of {amount:agent}"
    if move == "overtime":
        return f"Add {amount:agent} by overtime"
    return f"Lend {amount:agent} of {format_queue(move.removeprefix('agents of ')).lower()}"


def _record(day: Any, tables: Tables) -> list[Finding]:
    name = day.queue.name
    table = tables.get("today_accuracy", pd.DataFrame(columns=["queue"]))
    if not (table["queue"] == name).any():
        return []

    def held(method: str, column: str, kind: str, unit: str = "share") -> Fact:
        cell = Cell("today_accuracy", column, {"queue": name, "method": method})
        return Fact.at(cell, tables, kind, f"{name} {method}", unit, audience="planner")

    ours, morning = (held(m, "total_error", "error of the rest of the day") for m in ("reforecast", "morning"))
    days = held("reforecast", "days", "past days", "count")
    text = f"{format_queue(name)}: on {days:past day} the volume of the rest of the day was off by {ours}"
    return [Finding(f"{text}, the morning's forecast by {morning}.", days, ours, morning, audience="planner")]
