"""Decisions on models as the state keeps them: which version is in use since when, why, and with which checksum."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import pandas as pd
from sqlalchemy import Connection

from ..project.specs import Config
from ..state.records import add_record, read_records
from .register import RegisteredModel, model_name

#: Decisions that put a version into use, and all others.
PROMOTED, ROLLED_BACK = "promoted", "rolled back"
KEPT, SHADOWED = "kept", "shadowed"
IN_USE = (PROMOTED, ROLLED_BACK)


@dataclass(frozen=True)
class Decision:
    """What was decided on a version of a model.

    Attributes
    ----------
    model, version
        Registered name and version.
    decision
        ``promoted`` or ``rolled back`` (it is in use from then on), ``kept`` (the one in use stays) or ``shadowed`` (it
        runs beside the one in use).
    reason
        One sentence.
    body
        ``sha256``, ``place``, ``as_of`` (end of its data), ``data_until`` (end of the data at the decision), ``sla``
        (see :func:`mark_targets`), ``forecast`` (see :func:`mark_forecast`) and ``settings`` of a volume version,
        ``until`` (end of a shadow), ``figures``.
    at, by
        When, and by whom.
    """

    model: str
    version: str
    decision: str
    reason: str
    body: Mapping[str, Any] = field(default_factory=dict)
    at: pd.Timestamp | None = None
    by: str = ""

    @property
    def as_of(self) -> pd.Timestamp:
        """End of the data that the version was trained on."""
        return pd.Timestamp(self.body["as_of"])

    @property
    def known_from(self) -> pd.Timestamp:
        """From when the decision could be made: the end of the data that it rests on."""
        return max(self.as_of, pd.Timestamp(self.body.get("data_until", self.body["as_of"])))

    @property
    def registered(self) -> RegisteredModel:
        """The version with its checksum and place."""
        return RegisteredModel(self.model, self.version, self.body["sha256"], self.body.get("place", ""))


def decide(
    state: Connection,
    model: RegisteredModel,
    decision: str,
    reason: str,
    *,
    by: str,
    as_of: pd.Timestamp,
    **body: Any,
) -> None:
    """Write a decision down.

    Parameters
    ----------
    state
        From :func:`~deskcast.pipelines.state.database.change_state`: several decisions in one block are all made or
        none.
    model
        The version.
    decision, reason
        See :class:`Decision`.
    by
        Who decides.
    as_of
        End of the data that the version was trained on.
    **body
        What else is to be known.
    """
    told = {"sha256": model.sha256, "place": model.place, "as_of": as_of.isoformat(), **body}
    text = json.dumps(told, default=str)
    add_record(
        state, "decisions", by=by, model=model.name, version=model.version, decision=decision, reason=reason, body=text
    )


def read_decisions(state: Connection | None, experiment: str, kind: str = "") -> list[Decision]:
    """Return the decisions on the models of an experiment, the oldest first.

    Parameters
    ----------
    state
        From :func:`~deskcast.pipelines.state.database.read_state`.
    experiment
        Its models have names that begin with it.
    kind
        Only of this kind, such as ``breach-resolution``.
    """
    rows = read_records(state, "decisions")
    start = model_name(experiment, kind)
    mine = rows["model"] == start if kind else rows["model"].astype("str").str.startswith(start)
    return [
        Decision(
            row["model"], row["version"], row["decision"], row["reason"], json.loads(row["body"]), row["at"], row["by"]
        )
        for row in rows[mine].to_dict("records")
    ]


def mark_targets(config: Config) -> str:
    """Return a mark of SLA targets, opening hours and escalations: a model that learnt others is of no use.

    >>> from pathlib import Path
    >>> len(mark_targets(Config(Path("."), ())))
    16
    """
    told = {
        "slas": [asdict(one) for one in config.slas],
        "calendars": {n: asdict(c) for n, c in config.calendars.items()},
    }
    if config.risk.escalated_to:
        told["escalated_to"] = list(config.risk.escalated_to)
    return hashlib.sha256(json.dumps(told, sort_keys=True, default=str).encode()).hexdigest()[:16]


def mark_forecast(config: Config) -> str:
    """Return a mark of ``[forecast]``: what a version of another forecast, or of other wishes, proved is of no use.

    >>> from pathlib import Path
    >>> len(mark_forecast(Config(Path("."), ())))
    16
    """
    told = json.dumps(asdict(config.forecast), sort_keys=True, default=str)
    return hashlib.sha256(told.encode()).hexdigest()[:16]


def find_in_use(decisions: Sequence[Decision]) -> dict[str, Decision]:
    """Return by model the last decision that put a version into use.

    >>> one = Decision("desk-volume", "1", "promoted", "The first.")
    >>> find_in_use([one, Decision("desk-volume", "2", "kept", "No better.")])["desk-volume"].version
    '1'
    """
    return {one.model: one for one in decisions if one.decision in IN_USE}


def find_former(decisions: Sequence[Decision], model: str) -> Decision | None:
    """Return the version that was in use before the one that is; ``None`` where there was none.

    >>> made = [Decision("m", v, "promoted", "") for v in ("1", "2")] + [Decision("m", "1", "rolled back", "")]
    >>> find_former(made[:2], "m").version, find_former(made, "m")
    ('1', None)
    """
    used: list[Decision] = []
    for one in decisions:
        if one.model != model or one.decision not in IN_USE:
            continue
        if one.decision == ROLLED_BACK:
            while used and used[-1].version != one.version:
                used.pop()
        if not used or used[-1].version != one.version:
            used.append(one)
    return used[-2] if len(used) > 1 else None


def find_earlier(decisions: Sequence[Decision], model: str, most: int = 3) -> list[Decision]:
    """Return the versions that were in use once and are not now, the latest first, and at most so many.

    >>> made = [Decision("m", version, "promoted", "") for version in ("1", "2", "1", "3")]
    >>> [one.version for one in find_earlier(made, "m")]
    ['1', '2']
    """
    used = [one for one in decisions if one.model == model and one.decision in IN_USE]
    if not used:
        return []
    by_version = {one.version: one for one in reversed(used) if one.version != used[-1].version}
    return list(by_version.values())[:most]
