"""Whether the state is whole: its file, its schema, its rows; and how to mend it where it is not."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from sqlalchemy import inspect

from ...features.errors import InputError
from ..project.state_place import StatePlace
from .database import open_unchanged, state_name
from .migrations import CURRENT_VERSION, find_version
from .old_files import check_old_files, list_old_files
from .owner import check_owner
from .schema import METADATA

#: ``whole``; ``note`` (nothing is broken); ``failed`` (the last run was not done well); ``broken`` (mend it first).
Condition = Literal["whole", "note", "failed", "broken"]


@dataclass(frozen=True)
class Check:
    """What one look at a store found.

    Attributes
    ----------
    what
        ``results``, ``state`` or ``tracking``.
    condition
        How it is.
    said
        What was found, in a sentence.
    mend
        What to do about it; empty where nothing is to be done.
    """

    what: str
    condition: Condition
    said: str
    mend: str = ""


def examine_state(place: StatePlace) -> list[Check]:
    """Look at the state and change nothing.

    >>> examine_state(StatePlace(Path("nowhere/results")))[0].said
    'nothing is remembered yet.'
    """
    if damaged := check_old_files(place.folder):
        mend = f"{damaged[0].hint}."
        return [Check("state", "broken", f"{damaged[0].where}: {damaged[0].problem}.", mend)]
    old = [path.name for path in list_old_files(place.folder)]
    notes = [_note(f"{', '.join(old)} of an earlier version is read in by the next run.")] if old else []
    if not place.database:
        if not place.file.exists():
            return notes or [_note("nothing is remembered yet.")]
        if broken := _examine_file(place.file):
            return [broken]
    try:
        with open_unchanged(place) as connection:
            version = find_version(connection)
            names = set(inspect(connection).get_table_names())
            if "marks" in names:
                check_owner(connection, place)
    except InputError as error:
        mend = "start the database server, or correct [state] database." if place.database else "wait, and look again."
        if "another desk" in error.problem:
            return [Check("state", "broken", "[state] database holds the state of another desk.", f"{error.hint}.")]
        return [Check("state", "broken", f"{error}.", mend)]
    if version is None:
        return [*notes, _note(f"{state_name(place)} is empty; the next run makes its tables.")]
    if version > CURRENT_VERSION:
        said = f"it was written by a newer deskcast (schema {version}, this one knows {CURRENT_VERSION})."
        return [Check("state", "broken", said, "update deskcast.")]
    if version < CURRENT_VERSION:
        notes.append(_note(f"schema {version} is brought to {CURRENT_VERSION} by the next run."))
    elif lost := sorted(set(METADATA.tables) - names):
        said = f"{len(lost)} of its tables are missing: {', '.join(lost[:3])}."
        mend = f"restore a copy of {state_name(place)}, or move it away to begin anew."
        return [Check("state", "broken", said, mend)]
    return [*notes, Check("state", "whole", f"{state_name(place)}, schema {version}.")]


def _note(said: str) -> Check:
    return Check("state", "note", said)


def _examine_file(path: Path) -> Check | None:
    """Return what is wrong with a SQLite file, if anything is."""
    found = check_sqlite_file(path)
    if not found:
        return None
    if "locked" in found:
        return Check("state", "broken", "another process holds it for longer than a run needs.", "end that process.")
    mend = f"restore a copy of {path.name}, or move it away to begin anew (alerts and the track record are lost)."
    return Check("state", "broken", f"{path} is damaged: {found}.", mend)


def check_sqlite_file(path: Path) -> str:
    """Return what SQLite finds wrong with a file, in its words; nothing where it is whole."""
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=10.0)) as database:
            found = [str(row[0]) for row in database.execute("PRAGMA quick_check(1)")]
            lost = database.execute("PRAGMA foreign_key_check").fetchone()
    except sqlite3.Error as error:
        return str(error)
    return next((said for said in found if said != "ok"), "rows refer to others that are gone" if lost else "")
