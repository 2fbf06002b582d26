"""What the last export held, so that one that shrank, lost a column, repeats it or ends in the future is named."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pandas as pd
from sqlalchemy import Connection, select

from ...features.case_log.fetch import fetch
from ...features.errors import list_names
from ..project.project import Project
from ..project.state_place import StatePlace
from ..state.database import change_state, read_state
from ..state.schema import MARKS

_MARK = "last export"
#: A log may end so long after the clock: data by day end with their day.
MAX_FUTURE = pd.Timedelta("1D")
#: Fewer rows less than this are no export that shrank, however small it was.
MIN_LOST_ROWS = 10


@dataclass(frozen=True)
class ExportChange:
    """What is wrong with an export, each in a sentence; and what is only worth a note."""

    faults: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def describe_export(project: Project) -> dict[str, Any]:
    """Return the rows and columns of each table of a log, its fingerprint and its end."""
    tables = {}
    for name, table in sorted(project.log.tables.items()):
        if name != "sla_policies":
            rows = int(fetch(table.agg(n=table.count()))["n"].iloc[0])
            tables[name] = {"rows": rows, "columns": sorted(map(str, table.columns))}
    return {"tables": tables, "fingerprint": project.fingerprint, "until": project.data_until.isoformat()}


def read_last_export(state: Connection | None) -> dict[str, Any] | None:
    """Return what the last run was given; ``None`` before the first."""
    if state is None:
        return None
    found = state.execute(select(MARKS.c.value).where(MARKS.c.name == _MARK)).scalar()
    return None if found is None else dict(json.loads(found))


def forget_last_export(place: StatePlace) -> None:
    """Forget what the last run was given, where a desk is made anew in the same folder."""
    with read_state(place) as state:
        known = read_last_export(state) is not None
    if known:
        with change_state(place) as state:
            state.execute(MARKS.delete().where(MARKS.c.name == _MARK))


def write_last_export(state: Connection, export: Mapping[str, Any]) -> None:
    """Remember what this run was given."""
    state.execute(MARKS.delete().where(MARKS.c.name == _MARK))
    state.execute(MARKS.insert().values(name=_MARK, value=json.dumps(export, ensure_ascii=False)))


def compare_exports(
    last: Mapping[str, Any] | None, now: Mapping[str, Any], made_at: datetime | None = None, shrink: float = 0.2
) -> ExportChange:
    """Say how an export differs from the last one where that is a fault of it.

    Parameters
    ----------
    last, now
        From :func:`describe_export`.
    made_at
        Instant of the clock; none where a night is played.
    shrink
        Share of its rows by which a table may be smaller.

    Examples
    --------
    >>> cases = {"rows": 100, "columns": ["a", "b"]}
    >>> last = {"tables": {"cases": cases}, "fingerprint": "1", "until": "2024-03-01T00:00Z"}
    >>> now = last | {"tables": {"cases": {"rows": 60, "columns": ["a"]}}, "fingerprint": "2"}
    >>> compare_exports(last, now).faults
    ('table cases has 60 rows, the last export had 100', 'table cases has lost b')
    >>> compare_exports(last, last).notes
    ('the export is the same as the last one',)
    """
    faults, notes = [], []
    before = {} if last is None else last["tables"]
    for name, table in before.items():
        held = now["tables"].get(name)
        if held is None:
            faults.append(f"table {name} is gone, the last export had {table['rows']:,} rows of it")
            continue
        lost = table["rows"] - held["rows"]
        if lost >= MIN_LOST_ROWS and lost > shrink * table["rows"]:
            faults.append(f"table {name} has {held['rows']:,} rows, the last export had {table['rows']:,}")
        gone = sorted(set(table["columns"]) - set(held["columns"]))
        faults += [f"table {name} has lost {list_names(gone)}"] if gone else []
    until = pd.Timestamp(now["until"])
    if made_at is not None and until - pd.Timestamp(made_at) > MAX_FUTURE:
        faults.append(f"the data end in the future, at {until:%Y-%m-%d %H:%M} UTC")
    if last is not None and until < pd.Timestamp(last["until"]):
        faults.append(f"the data end at {until:%Y-%m-%d %H:%M} UTC, earlier than those of the last export")
    if last is not None and now["fingerprint"] == last["fingerprint"]:
        notes.append("the export is the same as the last one")
    return ExportChange(tuple(faults), tuple(notes))
