"""What users write down on the page: into the state, each with its author and a line of the audit."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import pandas as pd
from sqlalchemy import Connection

from .....forecasting.scenarios.what_if import Change
from ....state.adjustments import add_adjustment, withdraw_adjustment
from ....state.database import change_state
from ....state.records import add_record
from .view import View


def write_note(view: View, kind: str, subject: str, text: str) -> None:
    """Write a note on a ``case``, ``KPI`` or ``KPI alert``; on the desk as a whole where both are empty."""
    with change_state(view.desk.place) as state:
        add_record(state, "notes", by=view.user.name, kind=kind, subject=subject, text=text)
        _audit(state, view, "note", subject)


def write_feedback(view: View, kind: str, subject: str, verdict: str, note: str = "") -> None:
    """Write what somebody says of a ``case``, an ``action`` or an ``alert``.

    Raises
    ------
    InputError
        If the verdict is none that can be given of this kind.
    """
    with change_state(view.desk.place) as state:
        add_record(state, "feedback", by=view.user.name, kind=kind, subject=subject, verdict=verdict, note=note)
        _audit(state, view, "feedback", subject, verdict=verdict)


def acknowledge(view: View, alert_id: str, note: str = "") -> None:
    """Note that a KPI alert was seen.

    Raises
    ------
    InputError
        If the alert is unknown.
    """
    from ....store.incidents import save_acknowledgement  # it brings the library of the log

    with change_state(view.desk.place) as state:
        at = pd.Timestamp(datetime.now().replace(microsecond=0))
        save_acknowledgement(view.desk.place, alert_id, view.user.name, at, note)
        _audit(state, view, "acknowledge", alert_id)


def silence(view: View, what: str, until: pd.Timestamp) -> None:
    """Let a KPI alert, a KPI or a segment make no news until a day.

    Raises
    ------
    InputError
        If nothing has the name, or the day is over.
    """
    from ....store.incidents import save_mute

    with change_state(view.desk.place) as state:
        save_mute(view.desk.place, what, until)
        _audit(state, view, "silence", what, until=str(until))


def save(view: View, kind: str, name: str, body: Mapping[str, Any] | None) -> None:
    """Keep a ``view``, ``snooze``, ``plan`` or ``look`` under a name; ``None`` deletes it.

    What is kept is read by :func:`~deskcast.pipelines.state.records.read_saved`.
    """
    text = "" if body is None else json.dumps(body, ensure_ascii=False, allow_nan=False)
    with change_state(view.desk.place) as state:
        add_record(state, "saved", by=view.user.name, kind=kind, name=name, body=text)
        if kind != "look":
            _audit(state, view, f"delete {kind}" if body is None else f"save {kind}", name)


def save_scenario(view: View, name: str, body: Mapping[str, Any]) -> None:
    """Add a scenario: ``body`` has its changes and reason; one without changes deletes it."""
    text = json.dumps(body, ensure_ascii=False, allow_nan=False)
    with change_state(view.desk.place) as state:
        add_record(state, "scenarios", by=view.user.name, name=name, body=text)
        _audit(state, view, "save scenario" if body["changes"] else "delete scenario", name)


def save_adjustments(view: View, changes: Sequence[Change], reason: str) -> None:
    """Write adjustments of the forecasts down: the next run applies them."""
    with change_state(view.desk.place) as state:
        for change in changes:
            add_adjustment(state, change, reason=reason, by=view.user.name)
            _audit(state, view, "adjust", change.name, reason=reason)


def take_back(view: View, name: str, reason: str) -> None:
    """Withdraw an adjustment.

    Raises
    ------
    InputError
        If none of the name is in force.
    """
    with change_state(view.desk.place) as state:
        withdraw_adjustment(state, name, reason=reason, by=view.user.name)
        _audit(state, view, "withdraw adjustment", name, reason=reason)


def _audit(state: Connection, view: View, action: str, subject: str, **body: str) -> None:
    more = body | {"from": "page", "role": view.user.role}
    add_record(
        state, "audit", by=view.user.name, action=action, subject=subject, body=json.dumps(more, ensure_ascii=False)
    )
