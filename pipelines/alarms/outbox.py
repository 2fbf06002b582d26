"""The outbox of alarms in the state: written with the night's decisions, claimed, and moved to what was sent."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import pandas as pd
from sqlalchemy import Connection, select

from ..project.night_specs import AlarmSpec
from ..project.specs import Config
from ..stage import Stage
from ..state.database import change_state
from ..state.records import add_record
from ..state.schema import ALARMS_SENT, ALARMS_WAITING
from ..words.instants import Instants
from .choose import Alarm, choose_alarms
from .links import find_link

#: Who is named as the sender in the state.
SENDER = "deskcast"
#: An alarm is tried again after this long, twice as long each time, and given up after days.
FIRST_RETRY, LAST_RETRY, MAX_WAIT = pd.Timedelta("5min"), pd.Timedelta("6h"), pd.Timedelta("7D")
#: No way of sending takes longer: what was claimed before belongs to a process that has ended.
MAX_SENDING = pd.Timedelta("15min")
#: What is noted of an alarm that was being sent when its process ended.
UNKNOWN = "not known whether it arrived"


@dataclass(frozen=True)
class Waiting:
    """An alarm in the outbox, for one receiver."""

    id: int
    kind: str
    as_of: pd.Timestamp
    key: str
    target: str
    body: Mapping[str, Any]
    made_at: pd.Timestamp
    attempts: int
    next_at: pd.Timestamp
    claimed_at: pd.Timestamp | None
    error: str


def queue_alarms(
    state: Connection,
    config: Config,
    stages: Sequence[Stage],
    instants: Instants,
    failures: Sequence[tuple[str, str]] = (),
    noun: str = "case",
) -> int:
    """Put what a night gives into the outbox, one row for each receiver; what was put there or sent before is left out.

    Parameters
    ----------
    state
        From :func:`~deskcast.pipelines.state.database.change_state`: the transaction that remembers the night.
    config
        Its ``alarms`` are looked at.
    stages, instants, failures, noun
        See :func:`~deskcast.pipelines.alarms.choose.choose_alarms`.

    Returns
    -------
    How many rows were added.
    """
    drop_expired(state, pd.Timestamp(instants.made_at) - pd.Timedelta(days=config.state_place.keep_days))
    added = 0
    for spec in config.alarms:
        alarms = choose_alarms(spec, stages, instants, failures, config.timezone, config.history.freq, noun)
        added += add_alarms(state, spec, alarms, instants, url=config.page.url)
    return added


def drop_expired(state: Connection, before: pd.Timestamp) -> int:
    """Forget what was sent before an instant; return how many rows."""
    return int(state.execute(ALARMS_SENT.delete().where(ALARMS_SENT.c.at < before)).rowcount)


def queue_failures(config: Config, instants: Instants, failures: Sequence[tuple[str, str]]) -> int:
    """Put failures into the outbox that showed only after the night was remembered."""
    told = [spec for spec in config.alarms if spec.on in ("failed", "stale")]
    if not told or not failures:
        return 0
    with change_state(config.state_place) as state:
        chosen = [(spec, choose_alarms(spec, (), instants, failures, config.timezone)) for spec in told]
        return sum(add_alarms(state, spec, alarms, instants, url=config.page.url) for spec, alarms in chosen)


def add_alarms(
    state: Connection, spec: AlarmSpec, alarms: Iterable[Alarm], instants: Instants, *, url: str = ""
) -> int:
    """Put alarms into the outbox for each receiver of a section, each with its link below the address of the page."""
    added, now = 0, pd.Timestamp(instants.made_at)
    for alarm in alarms:
        link = find_link(url, alarm.kind, alarm.figures, spec.for_)
        body = asdict(alarm) | {"link": link, "as_of": instants.as_of.isoformat()}
        for target in list_targets(spec):
            if _is_known(state, alarm, target):
                continue
            row = {"made_at": now, "next_at": now, "kind": alarm.kind, "as_of": instants.as_of, "key": alarm.key}
            row |= {"target": target, "body": json.dumps(body, ensure_ascii=False), "attempts": 0, "error": ""}
            state.execute(ALARMS_WAITING.insert().values(row))
            added += 1
    return added


def list_targets(spec: AlarmSpec) -> list[str]:
    """Return the receivers of a section, each by how it is reached; an address in the environment by its variable.

    >>> list_targets(AlarmSpec(on="alert", mail=("a@x.org", "b@x.org")))
    ['mail a@x.org', 'mail b@x.org']
    >>> list_targets(AlarmSpec(on="alert", webhook="$SLACK_URL"))
    ['webhook $SLACK_URL']
    """
    from ...features.errors import mask_passwords

    if spec.mail:
        return [f"mail {address}" for address in dict.fromkeys(spec.mail)]
    way = next(name for name in ("command", "webhook", "file") if getattr(spec, name))
    return [f"{way} {mask_passwords(getattr(spec, way))}"]


def _is_known(state: Connection, alarm: Alarm, target: str) -> bool:
    for table in (ALARMS_WAITING, ALARMS_SENT):
        mine = (table.c.kind == alarm.kind) & (table.c.key == alarm.key) & (table.c.target == target)
        if state.execute(select(table.c.id).where(mine)).first() is not None:
            return True
    return False


def read_waiting(state: Connection | None) -> list[Waiting]:
    """Return what waits in the outbox, the oldest first."""
    if state is None:
        return []
    rows = state.execute(select(ALARMS_WAITING).order_by(ALARMS_WAITING.c.id)).mappings()
    return [Waiting(**{**row, "body": json.loads(row["body"])}) for row in rows]


def settle_claims(state: Connection, now: pd.Timestamp) -> list[Waiting]:
    """Close what a process was sending when it ended: it may have arrived, so that it is not sent again.

    A file is looked at before it is written to: there it can be sent again.
    """
    lost = [one for one in read_waiting(state) if one.claimed_at is not None and now - one.claimed_at > MAX_SENDING]
    for one in lost:
        if one.target.startswith("file "):
            row = ALARMS_WAITING.update().where(ALARMS_WAITING.c.id == one.id)
            state.execute(row.values(claimed_at=None, next_at=now))
        else:
            note_sent(state, one, now, UNKNOWN)
    return [one for one in lost if not one.target.startswith("file ")]


def claim(state: Connection, one: Waiting, now: pd.Timestamp) -> bool:
    """Mark an alarm as being sent; False where another process has it."""
    free = (ALARMS_WAITING.c.id == one.id) & ALARMS_WAITING.c.claimed_at.is_(None)
    row = ALARMS_WAITING.update().where(free)
    return bool(state.execute(row.values(claimed_at=now, attempts=one.attempts + 1)).rowcount)


def note_sent(state: Connection, one: Waiting, now: pd.Timestamp, error: str = "") -> None:
    """Move an alarm from the outbox to what was sent; ``error`` says what is not known, or why it was given up."""
    state.execute(ALARMS_WAITING.delete().where(ALARMS_WAITING.c.id == one.id))
    told = {"kind": one.kind, "as_of": one.as_of, "key": one.key, "target": one.target, "error": error}
    add_record(state, "alarms_sent", by=SENDER, at=now, **told)


def note_failed(state: Connection, one: Waiting, now: pd.Timestamp, error: str) -> bool:
    """Let an alarm that did not arrive wait for its next try; False where it is given up."""
    if now - one.made_at > MAX_WAIT:
        note_sent(state, one, now, f"given up: {error}")
        return False
    row = ALARMS_WAITING.update().where(ALARMS_WAITING.c.id == one.id)
    state.execute(row.values(claimed_at=None, error=error, next_at=now + retry_after(one.attempts + 1)))
    return True


def retry_after(attempts: int) -> pd.Timedelta:
    """Return how long an alarm waits after so many attempts.

    >>> [str(retry_after(k)) for k in (1, 2, 9)]
    ['0 days 00:05:00', '0 days 00:10:00', '0 days 06:00:00']
    """
    wait: pd.Timedelta = FIRST_RETRY * 2 ** min(attempts - 1, 20)
    return min(wait, LAST_RETRY)
