"""The files of planners: reports by interval, and records of single calls and chats."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from ..errors import InputError
from ..readers.headerless import QUEUE_LOG_COLUMNS
from .contact_records import recognise_contact_records
from .interval_reports import recognise_interval_report
from .roles import ColumnProfile


def recognise_planner_file(
    columns: Mapping[str, ColumnProfile], frame: pd.DataFrame, name: str
) -> dict[str, Any] | None:
    """Return what a planner's file is, or ``None`` where it is none.

    Raises
    ------
    InputError
        If two readings are possible; the message has the line to write for each.
    """
    if list(columns)[: len(QUEUE_LOG_COLUMNS)] == list(QUEUE_LOG_COLUMNS):
        why = {"kind": "a row is an event of a queue of Asterisk, from which contacts and agents' time follow"}
        return {"shape": "queue log", "table": "contacts", "kind": "queue_log", "why": why}
    try:
        return recognise_contact_records(columns, frame) or recognise_interval_report(columns, frame)
    except InputError as error:
        raise InputError(
            error.problem, where=name, column=error.column, row=error.row, got=error.got, wanted=error.wanted,
            hint=error.hint,
            code=error.code,
        ) from error  # fmt: skip
