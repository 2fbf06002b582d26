"""Assumptions on the days ahead, as an address carries them and as a scenario keeps them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import pandas as pd
from starlette.exceptions import HTTPException

from ....features.errors import InputError
from ....forecasting.scenarios.what_if import Change, read_changes, what_if
from ...stages.assumptions import overlap_sentences, read_assumptions
from ...stages.segments import adjust_totals
from ...state.database import read_state
from ...state.records import read_records
from ...words.words import format_date
from .frame_rows import list_rows
from .view import View

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
    pairs = [(k, v) for k, v in view.request.query_params.multi_items() if k in KINDS and v][:MAX_CHANGES]
    if pairs:
        given = {kind: [text for k, text in pairs if k == kind] for kind in KINDS}
        try:
            changes = read_assumptions(given["event"], given["close"], given["growth"])
        except InputError as error:
            return Scenario(texts=tuple(pairs), problem=str(error))
        return Scenario(changes, tuple(pairs))
    name = view.request.query_params.get("scenario", "")
    return next((one for one in list_scenarios(view) if name and one.name == name), Scenario())


def list_scenarios(view: View) -> list[Scenario]:
    """Return the scenarios that are saved, the latest first; the last of a name holds."""
    with read_state(view.desk.place) as state:
        rows = read_records(state, "scenarios").drop_duplicates("name", keep="last")
    found = []
    for row in list_rows(rows.iloc[::-1]):
        body = json.loads(row.body)
        if body.get("changes"):
            changes = tuple(read_changes(body["changes"]))
            found.append(Scenario(changes, (), row.name, body.get("reason", ""), row.by, row.at))
    return found


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
    """
    if change.closed:
        what = "no volume"
    elif change.growth is not None:
        what = f"{change.growth:+.3g}" if not change.growth else f"{100 * change.growth:+.3g}% a year"
    else:
        more = float(change.factor or 0.0) - 1
        what = f"{abs(100 * more):.3g}% {'more' if more >= 0 else 'less'}"
    days = [format_date(pd.Timestamp(str(day)), year) for day in (change.start, change.end) if day is not None]
    when = [" to ".join(dict.fromkeys(days))] if days else []
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
        percent = _number(form, "percent", "The change")
    elif kind == "override":
        percent = _override_percent(form, ahead, series, start, end)
    else:
        raise HTTPException(422, "Choose what to assume: an event, a closure, growth or an override.")
    return "event", f"{name} {start}..{end} {percent:+.6f}%{more}"


def _override_percent(form: Mapping[str, str], ahead: pd.DataFrame, series: str, start: str, end: str) -> float:
    """Return by how much an override changes the forecast of its days."""
    wanted = _number(form, "value", "The volume", 0.0, 1e9)
    days = ahead["ds"].dt.normalize()
    rows = ahead[(days >= pd.Timestamp(start)) & (days <= pd.Timestamp(end))]
    rows = rows[rows["unique_id"] == series] if series else rows
    now = float(rows["deskcast"].sum())
    if not now > 0:
        raise HTTPException(422, "Nothing is forecast on these days, so that it cannot be changed to another volume.")
    return 100 * (wanted / now - 1)


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
    day = pd.to_datetime(form.get(field, ""), format="%Y-%m-%d", errors="coerce")
    if pd.isna(day):
        raise HTTPException(422, f"{label} is missing, such as 2026-03-09.")
    return f"{day:%Y-%m-%d}"
