"""What people and programs write down a row at a time: feedback, notes, scenarios, decisions, alarms sent, audit."""

from __future__ import annotations

from typing import Any

import pandas as pd
from sqlalchemy import Connection, select

from ...features.errors import InputError, did_you_mean
from .schema import RECORD_TABLES

#: What can be said of a suggested action, of a KPI alert, and of the breach risk of a case.
VERDICTS = ("done", "helped", "no help", "not needed")
ALERT_VERDICTS = ("was real", "was noise")
CASE_VERDICTS = ("right", "wrong", "acted", "known")
_VERDICTS_OF = {"alert": ALERT_VERDICTS, "case": CASE_VERDICTS}  # of an action and of advice: VERDICTS


#: Between what was tried and what somebody wrote on it, in the note of an answer on advice.
NOTE_MARK = "; note: "


def join_advice_note(do: str, note: str) -> str:
    """Return the note of an answer on advice: what was tried, and what somebody wrote on it.

    >>> join_advice_note("Call back", ""), join_advice_note("Call back", "ten of them")
    ('Call back', 'Call back; note: ten of them')
    """
    return f"{do}{NOTE_MARK}{note}" if note else do


def add_record(connection: Connection, table: str, *, by: str, at: pd.Timestamp | None = None, **values: Any) -> None:
    """Add a row to a table of :data:`~deskcast.pipelines.state.schema.RECORD_TABLES`.

    Parameters
    ----------
    connection
        From :func:`~deskcast.pipelines.state.database.change_state`.
    table
        A table of ``RECORD_TABLES``, such as ``feedback``, ``notes`` or ``audit``.
    by, at
        Who writes it, and when (now by default).
    **values
        The other columns of the table.

    Raises
    ------
    InputError
        If there is no such table, or a verdict is not one of ``VERDICTS`` (of an alert or a case, of theirs).
    """
    found = _find(table)
    known = _VERDICTS_OF.get(values.get("kind", ""), VERDICTS)
    if table == "feedback" and values.get("verdict") not in known:
        raise InputError(
            "unknown verdict",
            column="verdict",
            got=values.get("verdict"),
            wanted=", ".join(known),
            code="value.unknown",
        )
    when = pd.Timestamp.now("UTC") if at is None else at
    connection.execute(found.insert().values(by=by, at=when, **values))


def read_records(connection: Connection | None, table: str, **where: Any) -> pd.DataFrame:
    """Return the rows of a table that hold these values, the oldest first.

    Raises
    ------
    InputError
        If there is no such table.
    """
    found = _find(table)
    columns = [c.name for c in found.columns]
    if connection is None:
        return pd.DataFrame(columns=columns)
    wanted = select(found).order_by(found.c.id)
    for name, value in where.items():
        wanted = wanted.where(found.c[name] == value)
    return pd.DataFrame(connection.execute(wanted).all(), columns=columns)


def read_saved(connection: Connection | None, kind: str) -> pd.DataFrame:
    """Return what is saved of a kind now, by name: ``name, body, by, at`` of the last row of each that is not empty."""
    rows = read_records(connection, "saved", kind=kind).drop_duplicates("name", keep="last")
    kept: pd.DataFrame = rows.loc[rows["body"] != "", ["name", "body", "by", "at"]]
    return kept.sort_values("name", ignore_index=True)


def _find(table: str) -> Any:
    if table not in RECORD_TABLES:
        raise InputError(
            "unknown table of the state", got=table, hint=did_you_mean(table, list(RECORD_TABLES)), code="table.unknown"
        )
    return RECORD_TABLES[table]
