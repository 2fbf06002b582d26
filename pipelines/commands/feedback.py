"""What ``--feedback`` does: somebody says what became of an action, or whether a KPI alert was real."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from ..project.config import load_config
from ..state.database import change_state
from ..state.records import add_record
from .options import find_user
from .terminal import print_line

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from ..project.specs import Config


def write_feedback(
    config: Path,
    kind: str,
    subject: str,
    verdict: str,
    note: str,
    check: Callable[[Config, Connection], None],
    said: str,
    *,
    as_json: bool,
) -> None:
    """Write a verdict into the state, with who gave it, and print what was noted.

    Parameters
    ----------
    config, kind, subject, verdict, note
        The configuration, ``action`` or ``alert``, what it is of, and what is said.
    check
        Refuses a subject that was never issued.
    said
        The answer of the command.
    as_json
        Print the record instead.

    Raises
    ------
    InputError
        If the subject is refused, or the verdict is not one of those that can be given.
    """
    spec, by = load_config(config), find_user()
    with change_state(spec.state_place) as state:
        check(spec, state)
        add_record(state, "feedback", by=by, kind=kind, subject=subject, verdict=verdict, note=note)
        add_record(state, "audit", by=by, action="feedback", subject=subject)
    record = {"feedback": subject, "verdict": verdict, "note": note}
    print_line(json.dumps(record, ensure_ascii=False, indent=2) if as_json else said)
