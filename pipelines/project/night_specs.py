"""What a configuration says of nights: what a run is held to, and who is told of what it found."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import field
from typing import Annotated

from pydantic import model_validator
from pydantic.dataclasses import dataclass

from ...features.case_log.schema import TABLES
from ...features.errors import InputError, did_you_mean
from . import fields
from .checks import check_local_path
from .fields import SECTION, checked, one_of

#: What an alarm can be about -> what ``for`` may choose by.
ALARM_KINDS: Mapping[str, tuple[str, ...]] = {
    "alert": ("kpi", "team", "channel", "product", "region", "case_type", "priority"),
    "risk": ("team", "priority"),
    "goal": ("kpi",),
    "drift": (),
    "failed": (),
    "stale": (),
    "digest": (),
}
#: Ways in which an alarm is sent: each is a key of its section.
ALARM_CHANNELS = ("command", "webhook", "mail", "file")
#: Stages that can be required.
STAGE_NAMES = (
    *("check", "history", "forecast", "staff", "today", "review"),
    *("train", "risk", "drift", "watch", "compare", "accuracy"),
)
_QUIET = re.compile(r"([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d")
_VARIABLE = re.compile(r"[A-Z_][A-Z0-9_]*")
_SCHEMA = re.compile(r"[a-z][a-z0-9_]{0,62}")
_MAIL = re.compile(r"[^@\s<>,;]+@[^@\s<>,;]+")
_REQUIRED = (*STAGE_NAMES, *TABLES)


def _variable(value: str | None) -> bool:
    return value is None or bool(_VARIABLE.fullmatch(value))


Variable = Annotated[
    str | None,
    checked("not a name of an environment variable", "capitals, digits and _, such as SMTP_PASSWORD", _variable),
]


@dataclass(frozen=True, config=SECTION)
class RunSpec:
    """What every run is held to: off until it is set.

    Data that end longer than ``fresh`` ago are stale. ``required`` are stages that have to be done, and tables that
    have to hold rows. A table may have lost the share ``shrink`` of its rows since the last export. ``compare`` is a
    column, such as ``team``, whose units are compared in every run.
    """

    fresh_s: float | None = None
    required: Annotated[tuple[str, ...], one_of("neither a stage nor a table", lambda: _REQUIRED)] = ()
    shrink: fields.Share = 0.2
    compare: str | None = None


@dataclass(frozen=True, config=SECTION)
class ResultsSpec:
    """Where result tables are written: a folder and, where it is named, a PostgreSQL database as well.

    In the database they stand in ``schema``, those of the last run as tables, and those of the runs of the last
    ``keep`` as files.
    """

    path: fields.Line = "results"
    database: Annotated[
        str | None,
        checked(
            "results are kept in a folder and in PostgreSQL",
            "an address such as postgresql://user@host/database",
            lambda x: x.startswith(("postgresql://", "postgres://", "postgresql+psycopg://")),
        ),
    ] = None
    schema: Annotated[
        str, checked("not a name of a schema", "small letters, digits and _", lambda x: bool(_SCHEMA.fullmatch(x)))
    ] = "deskcast"
    keep_s: fields.SomeTime = 35 * 86400.0

    @model_validator(mode="after")
    def _check(self) -> ResultsSpec:
        check_local_path(self.path, "", "results are written to a folder of this machine")
        return self


@dataclass(frozen=True, config=SECTION)
class AlarmSpec:
    """Who is told, of what, and how; nobody is where there is no section.

    ``for`` are conditions on the alert, cases or goal, such as ``{ kpi = "csat", channel = "phone|chat" }``. One of
    ``command``, ``webhook``, ``mail`` and ``file`` says how; ``webhook = "$NAME"`` takes the address from the
    environment, and ``token_env`` names the variable of a bearer token. Persons are named only with ``names``.
    """

    on: Annotated[str, one_of("unknown event", lambda: tuple(ALARM_KINDS))]
    for_: Mapping[str, str] = field(default_factory=dict)
    command: str | None = None
    webhook: str | None = None
    mail: tuple[str, ...] = ()
    file: str | None = None
    token_env: Variable = None
    attach: bool = False
    names: bool = False
    quiet: Annotated[
        str, checked("not a span of the day", "such as '20:00-07:00'", lambda x: not x or bool(_QUIET.fullmatch(x)))
    ] = ""

    @model_validator(mode="after")
    def _check(self) -> AlarmSpec:
        given = [name for name in ALARM_CHANNELS if getattr(self, name)]
        if len(given) != 1:
            wanted, got = f"one of {', '.join(ALARM_CHANNELS)}", ", ".join(given) or None
            raise InputError(
                "an alarm has one way to be sent", column="on", got=got, wanted=wanted, code="setting.invalid"
            )
        for name in self.mail:
            if not _MAIL.fullmatch(name):
                raise InputError("not a mail address", column="mail", got=name, code="setting.invalid")
        if self.webhook and not re.fullmatch(r"https?://\S+|\$[A-Z_][A-Z0-9_]*", self.webhook):
            wanted = 'https://..., or "$NAME" of an environment variable that holds it'
            raise InputError("not an address", column="webhook", wanted=wanted, code="setting.invalid")
        known = ALARM_KINDS[self.on]
        for key in self.for_:
            if key not in known:
                hint = did_you_mean(key, known) if known else f"'{self.on}' has no conditions"
                raise InputError("unknown condition", column="for", got=key, hint=hint, code="setting.invalid")
        return self


@dataclass(frozen=True, config=SECTION)
class MailSpec:
    """The mail server, and who the sender is; the password is in the environment variable that is named."""

    server: fields.Line = "localhost"
    port: fields.Count = 25
    security: Annotated[str, one_of("unknown security", lambda: ("none", "starttls", "tls"))] = "none"
    sender: Annotated[str, checked("not a mail address", "name@host", lambda x: bool(_MAIL.fullmatch(x)))] = (
        "deskcast@localhost"
    )
    user: str | None = None
    password_env: Variable = None

    @model_validator(mode="after")
    def _check(self) -> MailSpec:
        if self.user and not self.password_env:
            raise InputError(
                "missing key", column="password_env", hint="the name of a variable", code="setting.missing"
            )
        return self
