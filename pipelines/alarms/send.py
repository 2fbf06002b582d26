"""Sending what waits in the outbox: each alarm is claimed, sent, and noted, one after the other."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from ...features.errors import InputError, mask_passwords
from ..project.night_specs import AlarmSpec
from ..project.specs import Config
from ..state.database import change_state, read_state
from .channels import NotSentError, UnknownError, append_line, post_webhook, read_variable, run_command, send_mail
from .outbox import UNKNOWN, Waiting, claim, list_targets, note_failed, note_sent, read_waiting, settle_claims

#: Gives the instant of now.
Clock = Callable[[], pd.Timestamp]


@dataclass(frozen=True)
class Delivery:
    """What became of an alarm: ``sent``, ``waits``, ``unknown`` or ``given up``, and why."""

    alarm: Waiting
    end: str
    error: str = ""


def utc_now() -> pd.Timestamp:
    """Return the instant of now."""
    return pd.Timestamp(datetime.now(UTC)).as_unit("us")


def send_waiting(config: Config, *, all_due: bool = False, clock: Clock = utc_now) -> list[Delivery]:
    """Send the alarms that are due, each at most once.

    An alarm is claimed in the state before it is sent, and noted as sent afterwards. A process that is killed between
    the two leaves a claim: such an alarm may have arrived, is not sent again, and is listed as not known.

    Parameters
    ----------
    config
        Where the state is, and how each receiver is reached.
    all_due
        Also try again those whose next try is later; quiet hours are kept.
    clock
        Gives the instant of now.

    Returns
    -------
    What became of each alarm that was due; empty where nothing was.

    Raises
    ------
    InputError
        If the state cannot be read or written.
    """
    place = config.state_place
    with read_state(place) as state:
        waiting = read_waiting(state)
    if not waiting:
        return []
    with change_state(place) as state:
        ends = [Delivery(one, "unknown", UNKNOWN) for one in settle_claims(state, clock())]
        waiting = read_waiting(state)
    for one in waiting:
        now, spec = clock(), find_section(config, one)
        if one.claimed_at is not None or (one.next_at > now and not all_due):
            continue
        if spec is not None and is_quiet(spec.quiet, now, config.timezone):
            continue
        with change_state(place) as state:
            mine = claim(state, one, now)
        if mine:
            ends.append(_send_and_note(config, one, spec, clock))
    return ends


def _send_and_note(config: Config, one: Waiting, spec: AlarmSpec | None, clock: Clock) -> Delivery:
    error, end = "", "sent"
    try:
        if spec is None:
            raise NotSentError("no [[alarm]] of the configuration has this receiver")
        send(config, spec, one.target, dict(one.body), delivery_key(config, one))
    except NotSentError as failed:
        error, end = mask_passwords(str(failed)), "waits"
    except UnknownError as failed:
        error, end = f"{UNKNOWN}: {mask_passwords(str(failed))}", "unknown"
    with change_state(config.state_place) as state:
        if end == "waits":
            end = "waits" if note_failed(state, one, clock(), error) else "given up"
        else:
            note_sent(state, one, clock(), error)
    return Delivery(one, end, error)


def send(config: Config, spec: AlarmSpec, target: str, body: dict[str, Any], key: str) -> None:
    """Send an alarm to one receiver.

    Raises
    ------
    NotSentError, UnknownError
        If it did not arrive, or nobody knows.
    """
    if spec.mail:
        report = find_report(config) if spec.attach else None
        send_mail(config.mail, target.removeprefix("mail "), body, key, report)
    elif spec.webhook:
        address = read_variable(spec.webhook[1:]) if spec.webhook.startswith("$") else spec.webhook
        post_webhook(address, body, key, read_variable(spec.token_env) if spec.token_env else "")
    elif spec.command:
        run_command(spec.command, body, key, config.folder)
    else:
        append_line(config.folder / str(spec.file), body, key)


def find_report(config: Config) -> Path:
    """Return the report of the last results."""
    return config.results_folder / "report.html"


def find_section(config: Config, one: Waiting) -> AlarmSpec | None:
    """Return the section of the configuration that an alarm in the outbox belongs to; none where it is gone."""
    return next((s for s in config.alarms if s.on == one.kind and one.target in list_targets(s)), None)


def delivery_key(config: Config, one: Waiting) -> str:
    """Return what a receiver can tell a repetition by: the same for one alarm, receiver and desk."""
    parts = (str(config.state_place.desk or config.folder.resolve().name), one.kind, one.key, one.target)
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:32]


def is_quiet(quiet: str, now: pd.Timestamp, timezone: str) -> bool:
    """Tell whether an instant is in quiet hours, which may go over midnight.

    >>> at = pd.Timestamp("2024-03-04T21:30Z")
    >>> is_quiet("20:00-07:00", at, "UTC"), is_quiet("12:00-13:00", at, "UTC"), is_quiet("", at, "UTC")
    (True, False, False)
    """
    if not quiet:
        return False
    start, end = quiet.split("-")
    clock = f"{now.tz_convert(timezone):%H:%M}"
    return start <= clock < end if start <= end else clock >= start or clock < end


def send_trials(config: Config, clock: Clock = utc_now) -> list[Delivery]:
    """Send a trial to every receiver of the configuration, whatever the hour; nothing of it is remembered.

    Raises
    ------
    InputError
        If the configuration names no receiver.
    """
    if not config.alarms:
        raise InputError("no alarm is configured", hint="add an [[alarm]] section", code="setting.missing")
    ends, now = [], clock()
    seen: set[str] = set()
    for spec in config.alarms:
        for target in list_targets(spec):
            if target in seen:
                continue
            seen.add(target)
            body = {"kind": "test", "key": f"test {now.isoformat()}", "subject": "Trial of an alarm", "figures": {}}
            body |= {"lines": ["This is a trial: alarms of deskcast arrive here."], "link": config.page.url}
            body |= {"as_of": now.isoformat()}
            one = Waiting(0, "test", now, str(body["key"]), target, body, now, 0, now, None, "")
            ends.append(_try(config, spec, one))
    return ends


def _try(config: Config, spec: AlarmSpec, one: Waiting) -> Delivery:
    try:
        send(config, spec, one.target, dict(one.body), delivery_key(config, one))
    except NotSentError as failed:
        return Delivery(one, "not sent", mask_passwords(str(failed)))
    except UnknownError as failed:
        return Delivery(one, "unknown", mask_passwords(str(failed)))
    return Delivery(replace(one), "sent")


def find_undelivered(ends: Sequence[Delivery]) -> list[Delivery]:
    """Return what did not arrive, or of which nobody knows."""
    return [one for one in ends if one.end != "sent"]
