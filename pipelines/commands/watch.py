"""The command ``watch``: KPI alerts, saved after they are reported, acknowledged and muted."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pandas as pd

from ...features.errors import InputError
from ..project.config import load_config
from ..project.project import Project
from ..stages.watch import local_log_end, save_watch_stage, watch_stage, watched_history
from ..stages.watch_advice import note_of_answer
from ..state.database import change_state
from ..state.records import ALERT_VERDICTS, VERDICTS, add_record
from ..store.incidents import check_alert_state, read_alert_state, save_acknowledgement, save_mute
from ..words.words import format_date
from .feedback import write_feedback
from .options import answer_of, find_user
from .terminal import print_line, show_spinner


def run_watch(
    open_project: Callable[[], Project], answer: Callable[..., None], out: Path | None, as_json: bool, *, show_all: bool
) -> None:
    """Detect KPI changes, print them, and then save what was reported; a look back is only shown."""
    project = open_project()
    check_alert_state(project.config.state_place)
    with show_spinner("watching"):
        stage = watch_stage(project, watched_history(project))
    also = [name for name in ("advice", "goals") if name in stage.tables]
    answer(stage, "kpi_alerts", out, as_json, *also, **answer_of(project, show_all))
    sys.stdout.flush()
    if project.is_look_back or not save_watch_stage(project, stage):
        then = f"{local_log_end(project):%Y-%m-%d}"
        why = "a look back is not remembered" if project.is_look_back else "a later run exists"
        sys.stderr.write(f"deskcast: warning: alerts as of {then} are not saved; {why}\n")


def apply_alert_actions(
    config: Path, acknowledge: str | None, note: str, silence: str | None, until: str | None, as_json: bool
) -> bool:
    """Save what somebody decided on KPI alerts; False where no option asks for it.

    Raises
    ------
    InputError
        If options are given that do not go together, a day is none, or nothing has the name.
    """
    if note and acknowledge is None:
        raise InputError("missing '--acknowledge'", where="--note", hint="add --acknowledge ID", code="command.invalid")
    if (silence is None) != (until is None):
        missing, given = ("--until", "--silence") if until is None else ("--silence", "--until")
        example = f"{missing} 2026-04-01" if missing == "--until" else f"{missing} ID"
        raise InputError(f"missing '{missing}'", where=given, hint=f"add {example}", code="command.invalid")
    if acknowledge is None and silence is None:
        return False
    spec = load_config(config)
    place, by = spec.state_place, find_user()
    body: dict[str, str] = {}
    with change_state(place) as state:  # both are written down, or none
        if acknowledge is not None:
            save_acknowledgement(place, acknowledge, by, pd.Timestamp(datetime.now().replace(microsecond=0)), note)
            add_record(state, "audit", by=by, action="acknowledge", subject=acknowledge)
            body |= {"acknowledged": acknowledge, "note": note}
        if silence is not None and until is not None:
            day = _day(until)
            kind = save_mute(place, silence, day, spec.watch.by or spec.history.by)
            add_record(state, "audit", by=by, action="silence", subject=silence, body=json.dumps({"until": str(day)}))
            body |= {"silenced": silence, "kind": kind, "until": f"{day:%Y-%m-%d}"}
    if as_json:
        print_line(json.dumps(body, ensure_ascii=False, indent=2))
        return True
    if "acknowledged" in body:
        print_line(f"KPI alert {acknowledge} is acknowledged; it is reported again when it changes.")
    if "silenced" in body:
        print_line(f"The {body['kind']} {silence} is muted until {format_date(pd.Timestamp(body['until']))}.")
    return True


def save_alert_feedback(config: Path, alert_id: str, verdict: str, note: str, as_json: bool, advice: int = 1) -> None:
    """Write down whether a KPI alert was real or noise, or what became of a piece of its advice.

    Raises
    ------
    InputError
        If no alert of this id was ever reported, it has no such piece of advice, or the verdict is not one of those
        that can be given.
    """
    is_advice = verdict in VERDICTS
    spec = load_config(config)
    ledger = read_alert_state(spec.state_place).ledger
    if ledger is None or alert_id not in set(ledger["alert_id"]):
        hint = "deskcast watch --all shows the ids"
        raise InputError("unknown KPI alert", where="--feedback", got=alert_id, hint=hint, code="state.invalid")
    if not is_advice and verdict not in ALERT_VERDICTS:
        wanted = ", ".join((*ALERT_VERDICTS, *VERDICTS))
        raise InputError("unknown verdict", where="--verdict", got=verdict, wanted=wanted, code="value.unknown")
    note = note_of_answer(spec, ledger, alert_id, advice, note) if is_advice else note
    said = f"KPI alert {alert_id}: '{verdict}' is noted; deskcast accuracy counts it."
    kind = "advice" if is_advice else "alert"
    write_feedback(config, kind, alert_id, verdict, note, lambda *_: None, said, as_json=as_json)


def _day(text: str) -> pd.Timestamp:
    day = pd.to_datetime(text, errors="coerce")
    if pd.isna(day):
        raise InputError("not a valid date", where="--until", got=text, wanted="YYYY-MM-DD", code="time.unreadable")
    return pd.Timestamp(day).tz_localize(None).normalize()
