"""Cases to work on first, by morning, as rows."""

from __future__ import annotations

import pandas as pd
from sqlalchemy import Connection, func, select

from .schema import FLAGGED_CASES

FLAG_COLUMNS = ("metric", "case_id", "at")


def read_flagged(connection: Connection | None, metric: str | None = None) -> pd.DataFrame:
    """Return ``metric, case_id, at`` of the cases that were selected, by morning; of one SLA metric or of all."""
    if connection is None:
        return typed_flags(pd.DataFrame({name: [] for name in FLAG_COLUMNS}))
    table = FLAGGED_CASES
    wanted = select(table).order_by(table.c.at, table.c.metric, table.c.case_id)
    rows = connection.execute(wanted if metric is None else wanted.where(table.c.metric == metric)).all()
    return typed_flags(pd.DataFrame(rows, columns=list(FLAG_COLUMNS)))


def find_last_flagged_at(connection: Connection) -> pd.Timestamp | None:
    """Return the latest morning that is remembered; ``None`` before the first."""
    return connection.execute(select(func.max(FLAGGED_CASES.c.at))).scalar()


def write_flagged(connection: Connection, flags: pd.DataFrame) -> int:
    """Add selected cases; those of a morning that are there stay. Return how many were added."""
    new = typed_flags(flags).drop_duplicates()
    mornings = [pd.Timestamp(at) for at in new["at"].unique()]
    there = connection.execute(select(FLAGGED_CASES).where(FLAGGED_CASES.c.at.in_(mornings)))
    known = {(row.metric, row.case_id, row.at) for row in there}
    found = [(str(row.metric), str(row.case_id), row.at) for row in new.itertuples()]
    rows = [dict(zip(FLAG_COLUMNS, row, strict=True)) for row in found if row not in known]
    if rows:
        connection.execute(FLAGGED_CASES.insert(), rows)
    return len(rows)


def typed_flags(frame: pd.DataFrame) -> pd.DataFrame:
    """Return selected cases with the types that they have everywhere."""
    kinds = {"metric": "str", "case_id": "str", "at": "datetime64[us, UTC]"}
    return frame.astype(kinds)[list(FLAG_COLUMNS)]
