"""A planner's adjustments as the state keeps them: who, when, why, and what they change."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

import pandas as pd
from sqlalchemy import Connection

from ...features.errors import InputError, did_you_mean
from ...forecasting.scenarios.what_if import Change, read_changes
from .records import add_record, read_records

_KIND = "adjustment"


@dataclass(frozen=True)
class Adjustment:
    """One adjustment that is in force.

    Attributes
    ----------
    change
        What it changes; its name is the adjustment's.
    reason
        Why.
    by, at
        Who wrote it down, and when.
    """

    change: Change
    reason: str
    by: str
    at: pd.Timestamp


def add_adjustment(
    connection: Connection, change: Change, *, reason: str, by: str, at: pd.Timestamp | None = None
) -> None:
    """Write an adjustment down; one of the same name is replaced, and both stay on record.

    Parameters
    ----------
    connection
        From :func:`~deskcast.pipelines.state.database.change_state`.
    change
        What it changes.
    reason, by, at
        Why, who, and when (now by default).

    Raises
    ------
    InputError
        If the reason is missing, or the change says nothing that can be.
    """
    if not reason.strip():
        raise InputError("missing reason", where="--reason", hint="say why, in quotes", code="command.invalid")
    read_changes([change])
    usual = {"closed": False, "sd": 0.0}
    given = {k: v for k, v in asdict(change).items() if v is not None and (k not in usual or v != usual[k])}
    given = {k: str(v) if k in ("start", "end") else v for k, v in given.items()}
    body = json.dumps({"kind": _KIND, "change": given, "reason": reason.strip()}, ensure_ascii=False)
    add_record(connection, "scenarios", by=by, at=at, name=change.name, body=body)


def withdraw_adjustment(
    connection: Connection, name: str, *, reason: str, by: str, at: pd.Timestamp | None = None
) -> None:
    """Take an adjustment back; what was issued with it stays as it was.

    Raises
    ------
    InputError
        If no adjustment of this name is in force.
    """
    known = [one.change.name for one in read_adjustments(connection)]
    if name not in known:
        hint = did_you_mean(name, known) or "deskcast adjust lists them"
        raise InputError("no adjustment of this name", where="--withdraw", got=name, hint=hint, code="state.invalid")
    body = json.dumps({"kind": _KIND, "withdrawn": True, "reason": reason.strip()}, ensure_ascii=False)
    add_record(connection, "scenarios", by=by, at=at, name=name, body=body)


def read_adjustments(connection: Connection | None, until: pd.Timestamp | None = None) -> list[Adjustment]:
    """Return the adjustments that are in force, the oldest first.

    Parameters
    ----------
    connection
        From :func:`~deskcast.pipelines.state.database.read_state`.
    until
        Leave out what was written down later.

    Examples
    --------
    >>> read_adjustments(None)
    []
    """
    found: dict[str, Adjustment] = {}
    for row in read_records(connection, "scenarios").to_dict("records"):
        body, at = json.loads(str(row["body"])), pd.Timestamp(row["at"])
        if body.get("kind") != _KIND or (until is not None and at > until):
            continue
        name = str(row["name"])
        found.pop(name, None)
        if not body.get("withdrawn"):
            change = read_changes([body["change"]])[0]
            found[name] = Adjustment(change, str(body["reason"]), str(row["by"]), at)
    return list(found.values())
