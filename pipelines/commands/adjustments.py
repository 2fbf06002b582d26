"""What ``deskcast adjust`` reads and shows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ...forecasting.scenarios.what_if import Change
    from ..project.state_place import StatePlace
    from ..stage import Stage


def read_named_changes(events: Iterable[str], closed: Iterable[str], growth: Iterable[str]) -> list[Change]:
    """Return the changes of the command line, each with a name of its own: days and series where it has none.

    >>> [change.name for change in read_named_changes(["fair 2026-03-09 +30%"], ["2026-03-10"], ["5% phone"])]
    ['fair', 'closed 2026-03-10', 'growth phone']
    """
    from ..stages.assumptions import read_assumptions

    named = []
    for change in read_assumptions(events, closed, growth):
        parts = [change.name]
        if change.name in ("closed", "event"):
            parts.append(str(change.start))
        if change.name in ("closed", "event", "growth") and change.series:
            parts.append(str(change.series))
        named.append(replace(change, name=" ".join(parts)))
    return named


def list_adjustments(place: StatePlace) -> Stage:
    """Return the adjustments in force as a stage: one table, and how many there are."""
    import pandas as pd

    from ...forecasting.scenarios.what_if import describe_change
    from ..stage import Stage
    from ..state.adjustments import read_adjustments
    from ..state.database import read_state
    from ..words.facts import Cell, Fact, Finding

    with read_state(place) as state:
        kept = read_adjustments(state)
    rows = [
        (one.change.name, describe_change(one.change), str(one.change.series or "all"), one.by, one.at, one.reason)
        for one in kept
    ]
    table = pd.DataFrame(rows, columns=["name", "what", "series", "by", "at", "reason"])
    table["at"] = pd.to_datetime(table["at"], utc=True)
    count = Fact.at(Cell("adjustments", "name", take="count"), {"adjustments": table}, "adjustments", "all")
    said = Finding(f"{count:adjustment} in force.", count) if kept else "No adjustment is in force."
    return Stage("adjust", {"adjustments": table}, (said,))
