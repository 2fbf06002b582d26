"""What people wrote of cases: views of the list, cases set aside, and what is written on one case."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pandas as pd

from ....state.database import read_state
from ....state.issued import read_case_risks
from ....state.records import read_records, read_saved
from ..frame.view import View


@dataclass(frozen=True)
class CaseRecords:
    """What the state knows of one case: ``risks`` by morning, ``entries`` of people, and until when it is set aside."""

    risks: pd.DataFrame
    entries: list[tuple[pd.Timestamp, str, str]]
    snoozed_until: pd.Timestamp | None


def read_case(view: View, case_id: str) -> CaseRecords:
    """Return what the state knows of a case, entries with instant, author and words, the newest first."""
    with read_state(view.desk.place) as state:
        risks = read_case_risks(state, case_id)
        notes: Any = read_records(state, "notes", subject=case_id).itertuples()
        said: Any = read_records(state, "feedback", subject=case_id).itertuples()
        snoozes = read_snoozes_of(read_saved(state, "snooze"))
    entries = [(row.at, row.by, f"Note: {row.text}") for row in notes]
    for row in said:
        words = f"Feedback: {row.verdict}" + (f". {row.note}" if row.note else "")
        entries.append((row.at, row.by, words))
    until = snoozes.get(case_id)
    return CaseRecords(risks, sorted(entries, key=lambda e: e[0], reverse=True), until if _later(until, view) else None)


def read_snoozes(view: View) -> dict[str, pd.Timestamp]:
    """Return the cases that are set aside now, and until which day."""
    with read_state(view.desk.place) as state:
        found = read_snoozes_of(read_saved(state, "snooze"))
    return {case: until for case, until in found.items() if _later(until, view)}


def read_snoozes_of(saved: pd.DataFrame) -> dict[str, pd.Timestamp]:
    """Return case and day of the rows of the state."""
    rows: Any = saved.itertuples(index=False)
    return {row.name: pd.Timestamp(json.loads(row.body)["until"]) for row in rows}


def read_views(view: View) -> list[tuple[str, str, str]]:
    """Return the saved views of the list: name, query of its address, and author."""
    with read_state(view.desk.place) as state:
        rows: Any = read_saved(state, "view").itertuples(index=False)
    return [(row.name, json.loads(row.body)["query"], row.by) for row in rows]


def local_day(view: View) -> pd.Timestamp:
    """Return the day of the data on the clock of the desk."""
    return view.now.tz_convert(view.desk.timezone).tz_localize(None).normalize()


def _later(until: pd.Timestamp | None, view: View) -> bool:
    return until is not None and until > local_day(view)
