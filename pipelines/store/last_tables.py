"""What becomes of a stage that fails: its last tables stay, marked with their date."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from ...features.errors import InputError
from ..stage import Stage
from .results import Results, read_results


def keep_last_tables(stage: Stage, folder: Path, timezone: str = "UTC") -> Stage:
    """Return a stage that worked in the last results and was refused now as failed, with its last tables.

    A stage that nothing was there for, or that has never worked, stays skipped. Where a stage plans several queues
    and one of them was planned before and is refused now, the others have their new tables and the stage has failed.

    Parameters
    ----------
    stage
        As it ended.
    folder
        The results folder.
    timezone
        Clock on which the date is told.
    """
    if not stage.refused:
        return stage
    last = _last(folder)
    old = next((s for s in last.stages if s.name == stage.name and s.tables), None) if last else None
    if last is None or old is None:
        return stage
    if not stage.skipped:
        return _part_failed(stage, old)
    made_at = old.tables_made_at or last.made_at
    reason = stage.skipped
    told = f"Failed: {reason.rstrip('.')}. The tables are of {_told(made_at, timezone)}."
    return replace(
        stage, skipped="", failed=reason, tables=old.tables, params=old.params, findings=(told,), tables_made_at=made_at
    )


def _part_failed(stage: Stage, old: Stage) -> Stage:
    """Mark a stage of which a queue is missing that the last results have."""
    if not all("staffing" in s.tables for s in (stage, old)):
        return stage
    queues = {name: set(stage.tables[name]["queue"]) for name in ("staffing", "casework") if name in stage.tables}
    before = {q for name in ("staffing", "casework") if name in old.tables for q in old.tables[name]["queue"]}
    named = {f.removeprefix("Not planned: ") for f in stage.findings if f.startswith("Not planned: ")}
    lost = sorted(before - set().union(*queues.values()))
    reasons = [reason for queue in lost for reason in named if reason.startswith(f"{queue}: ")]
    return replace(stage, failed="; ".join(reasons)) if reasons else stage


def _last(folder: Path) -> Results | None:
    try:
        return read_results(folder)
    except InputError:
        return None  # there are none yet, or they cannot be read: nothing is known to have worked


def _told(made_at: datetime, timezone: str) -> str:
    return f"{made_at.astimezone(ZoneInfo(timezone)):%a %d %b %Y %H:%M} ({timezone})"
