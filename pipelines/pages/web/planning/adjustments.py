"""Adjustments of planners: those in force, what the last run did with them, new ones, and those taken back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from starlette.exceptions import HTTPException

from .....forecasting.scenarios.what_if import Change
from ....state.adjustments import read_adjustments
from ....state.database import read_state
from ..frame.view import View
from ..frame.writes import save_adjustments, take_back
from .forecast_plan import describe_change

#: Tables whose rows name the adjustments that were applied to them.
_TABLES = ("forecast", "staffing")


def list_adjustments(view: View) -> list[dict[str, Any]]:
    """Return the adjustments in force with name, effect, author and reason, and what became of each in the last run.

    Those that were taken back since the last run are at the end: its forecast still has them.
    """
    with read_state(view.desk.place) as state:
        kept = read_adjustments(state)
    applied = _find_applied(view)
    instants = view.snapshot.results.instants
    found: list[dict[str, Any]] = []
    for one in kept:
        late = instants is not None and one.at > instants.made_at
        status = "The next run applies it." if late else "It is for other days or segments than those forecast here."
        status = "It is part of this forecast." if one.change.name in applied and not late else status
        words = describe_change(one.change, view.year)
        row = {"name": one.change.name, "words": words, "reason": one.reason, "by": one.by, "at": one.at}
        found.append({**row, "status": status})
    for name in sorted(applied - {one.change.name for one in kept}):
        found.append({"name": name, "words": name, "status": "Taken back: the next run leaves it out."})
    return found


def _find_applied(view: View) -> set[str]:
    """Return the names of the adjustments that the results have."""
    found: set[str] = set()
    for table in _TABLES:
        if view.snapshot.has(table) and "adjustment" in view.snapshot.columns(table):
            rows = view.snapshot.rows(f"SELECT DISTINCT adjustment FROM {{{table}}} WHERE adjustment <> ''")
            found |= {name for (names,) in rows for name in str(names).split("; ")}
    return found


def add(view: View, name: str, changes: Sequence[Change], reason: str) -> None:
    """Adjust the forecasts from the next run on; several changes are numbered.

    Raises
    ------
    HTTPException
        422 where an adjustment of the name is in force.
    """
    base = " ".join(name.replace(";", ",").split())  # names of what was applied are joined with semicolons
    names = [base] if len(changes) == 1 else [f"{base} {number}" for number in range(1, len(changes) + 1)]
    if set(names) & _names_in_force(view):
        raise HTTPException(422, "An adjustment of this name is in force. Choose another name, or take it back first.")
    save_adjustments(view, [replace(change, name=one) for one, change in zip(names, changes, strict=True)], reason)


def withdraw(view: View, name: str, reason: str) -> None:
    """Take an adjustment back.

    Raises
    ------
    HTTPException
        404 where none of the name is in force.
    """
    if name not in _names_in_force(view):
        raise HTTPException(404, "No adjustment of this name is in force.")
    take_back(view, name, reason)


def _names_in_force(view: View) -> set[str]:
    with read_state(view.desk.place) as state:
        return {one.change.name for one in read_adjustments(state)}
