"""Assumptions on the days ahead, as an address carries them and as a scenario keeps them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import pandas as pd
from starlette.exceptions import HTTPException

from .....features.errors import InputError
from .....forecasting.scenarios.what_if import MAX_FACTOR, Change, read_changes, what_if
from ....stages.assumptions import overlap_sentences, read_assumptions
from ....stages.segments import adjust_totals
from ....state.database import read_state
from ....state.records import read_records
from ....words.words import format_date, format_number
from ..frame.forms import Form, parse_day
from ..frame.frame_rows import list_rows
from ..frame.view import View

#: What an address may carry of each kind: events, closures, growth.
KINDS = ("event", "close", "growth")
MAX_CHANGES, MAX_PERCENT = 20, 1000


@dataclass(frozen=True)
class Scenario:
    """Assumptions, what they are called, and who saved them.

    Attributes
    ----------
    changes
        The assumptions.
    texts
        How the address carries them: kind and text.
    name, reason, by, at
        Of a scenario that is saved; empty of one that is not.
    problem
        Why they cannot be used; empty where they can.
    """

    changes: tuple[Change, ...] = ()
    texts: tuple[tuple[str, str], ...] = ()
    name: str = ""
    reason: str = ""
    by: str = ""
    at: pd.Timestamp | None = None
    problem: str = ""


def read_scenario(view: View) -> Scenario:
    """Return what an address assumes: its own events, closures and growth, or a scenario by its name."""
    pairs = [(k, v) for k, v in view.request.query_params.multi_items() if k in KINDS and v]
    if len(pairs) > MAX_CHANGES:
        return Scenario(problem=f"At most {MAX_CHANGES} assumptions can be made at once.")
    if pairs:
        given = {kind: [text for k, text in pairs if k == kind] for kind in KINDS}
        try:
            changes = read_assumptions(given["event"], given["close"], given["growth"])
        except InputError as error:
            return Scenario(texts=tuple(pairs), problem=str(error))
        return Scenario(changes, tuple(pairs))
    name = view.request.query_params.get("scenario", "")
    unknown = Scenario(problem="No scenario has this name.") if name else Scenario()
    return next((one for one in list_scenarios(view) if one.name == name), unknown)


def read_form_changes(form: Form) -> tuple[Change, ...]:
    """Return the assumptions that a form carries in its field ``texts``: one a line, its kind and text."""
    given = [line.partition(" ") for line in form.text("texts", "The assumption", 8000).splitlines()]
    found = {kind: [text for k, _, text in given if k == kind] for kind in KINDS}
    changes = read_assumptions(found["event"], found["close"], found["growth"])
    if not changes:
        raise HTTPException(422, "Assume an event, a closure or growth first.")
    return changes


def list_scenarios(view: View) -> list[Scenario]:
    """Return the scenarios that are saved, the latest first; the last of a name holds."""
    with read_state(view.desk.place) as state:
        rows = read_records(state, "scenarios")
    found: dict[str, Scenario | None] = {}
    for row in list_rows(rows.iloc[::-1]):
        body = json.loads(row.body)
        if "changes" in body and row.name not in found:  # an adjustment of the same name is another thing
            changes = tuple(read_changes(body["changes"])) if body["changes"] else ()
            one = Scenario(changes, (), row.name, body.get("reason", ""), row.by, row.at)
            found[row.name] = one if changes else None
    return [one for one in found.values() if one is not None]


def scenario_body(changes: Sequence[Change], reason: str) -> dict[str, Any]:
    """Return a scenario as the state keeps it.

    >>> scenario_body([Change("fair", "2026-03-09", "2026-03-10", factor=1.3)], "trade fair")["changes"]
    [{'name': 'fair', 'start': '2026-03-09', 'end': '2026-03-10', 'factor': 1.3}]
    """
    plain = [{k: v for k, v in asdict(change).items() if v not in (None, False, 0.0)} for change in changes]
    return {"changes": plain, "reason": reason}


def apply_scenario(
    scenario: Scenario, leaves: pd.DataFrame, totals: pd.DataFrame, by: str
) -> tuple[pd.DataFrame, pd.DataFrame, list[str], str]:
    """Return segments and totals under assumptions, what overlaps, and why they cannot be used."""
    if not scenario.changes:
        return leaves, totals, [], scenario.problem
    # what is assumed is compared with the forecast as it was issued, adjustments included
    leaves, totals = (t.drop(columns=["baseline", "adjustment"], errors="ignore") for t in (leaves, totals))
    try:
        changed = what_if(leaves, scenario.changes)
    except InputError as error:
        return leaves, totals, [], str(error)
    sums = adjust_totals(totals, changed, tuple(by.split(","))) if len(totals) else totals
    return changed, sums, overlap_sentences(scenario.changes), ""


def describe_change(change: Change, year: int | None) -> str:
    """Write an assumption for a planner.

    >>> describe_change(Change("fair", "2026-03-09", "2026-03-10", factor=1.3, series="phone"), 2026)
    'fair: 30% more, Mon 9 Mar to Tue 10 Mar, phone'
    >>> describe_change(Change("growth", growth=-0.05), 2026)
    'growth: -5% a year, all segments'
    >>> describe_change(Change("mailing", "2026-03-09", "2026-03-09", volume=120.0, hours="09:00-11:00"), 2026)
    'mailing: 120 in all, Mon 9 Mar 09:00-11:00, all segments'
    """
    if change.closed:
        what = "no volume"
    elif change.growth is not None:
        what = f"{change.growth:+.3g}" if not change.growth else f"{100 * change.growth:+.3g}% a year"
    elif change.volume is not None:
        what = f"{format_number(change.volume)} in all"
    else:
        more = float(change.factor or 0.0) - 1
        what = f"{abs(100 * more):.3g}% {'more' if more >= 0 else 'less'}"
    days = [format_date(pd.Timestamp(str(day)), year) for day in (change.start, change.end) if day is not None]
    when = [" ".join(filter(None, [" to ".join(dict.fromkeys(days)), change.hours]))] if days or change.hours else []
    names = change.series if isinstance(change.series, str) else ", ".join(change.series or ())
    return ", ".join([f"{change.name}: {what}", *when, names or "all segments"])


def read_new_change(form: Mapping[str, str], ahead: pd.DataFrame, names: Sequence[str]) -> tuple[str, str]:
    """Return the assumption that a form adds, as an address carries it: its kind and text.

    Parameters
    ----------
    form
        ``add`` (a kind, or ``override``), ``name``, ``start``, ``end``, ``percent``, ``value`` and ``for``.
    ahead
        Forecast of the segments, for what an override is measured against.
    names
        Segments that it can be for.

    Raises
    ------
    HTTPException
        422 where something is missing or is no number or day.
    """
    kind, series = form.get("add", ""), form.get("for", "")
    if series and series not in names:
        raise HTTPException(422, "This segment has no forecast.")
    more = f" {series}" if series else ""
    if kind == "growth":
        return "growth", f"{_number(form, 'percent', 'The growth'):+.6g}%{more}"
    start = _day(form, "start", "The first day")
    end = _day(form, "end", "The last day") if form.get("end") else start
    if end < start:
        raise HTTPException(422, "The last day must not be before the first.")
    if kind == "close":
        return "close", f"{start}..{end}{more}"
    name = " ".join(form.get("name", "").split())[:60] or ("override" if kind == "override" else "event")
    if kind == "event":
        effect = f"{_number(form, 'percent', 'The change'):+.6f}%"
    elif kind == "override":
        effect = f"={_read_volume(form, ahead, series, start, end):.10g}"
    else:
        raise HTTPException(422, "Choose what to assume: an event, a closure, growth or an override.")
    return "event", f"{name} {start}..{end} {effect}{more}"


def _read_volume(form: Mapping[str, str], ahead: pd.DataFrame, series: str, start: str, end: str) -> float:
    """Return the volume of an override; it can only take the place of a forecast that is above 0."""
    wanted = _number(form, "value", "The volume", 0.0, MAX_FACTOR)
    days = ahead["ds"].dt.normalize()
    rows = ahead[(days >= pd.Timestamp(start)) & (days <= pd.Timestamp(end))]
    rows = rows[rows["unique_id"] == series] if series else rows
    if not float(rows["deskcast"].sum()) > 0:
        raise HTTPException(422, "Nothing is forecast on these days, so that it cannot be changed to another volume.")
    return wanted


def _number(
    form: Mapping[str, str], field: str, label: str, low: float = -100.0, high: float = float(MAX_PERCENT)
) -> float:
    text = form.get(field, "").replace("%", "").replace(",", ".").strip()
    try:
        value = float(text)
    except ValueError:
        raise HTTPException(422, f"{label} is not a number.") from None
    if not low <= value <= high:
        raise HTTPException(422, f"{label} must be from {low:g} to {high:,.0f}.")
    return value


def _day(form: Mapping[str, str], field: str, label: str) -> str:
    day = parse_day(form.get(field, ""))
    if day is None:
        raise HTTPException(422, f"{label} is missing, such as 2026-03-09.")
    return f"{day:%Y-%m-%d}"
