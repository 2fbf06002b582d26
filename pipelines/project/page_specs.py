"""What a configuration says of the page: where it is served, who may see it, and where cases are."""

from __future__ import annotations

import re
from ipaddress import ip_network
from typing import Annotated

from pydantic import model_validator
from pydantic.dataclasses import dataclass

from ...features.errors import InputError
from . import fields
from .fields import SECTION, checked, one_of

#: How users prove who they are.
AUTH_KINDS = ("none", "password", "token", "proxy")
#: Roles of the page, from the one that may least.
ROLE_NAMES = ("viewer", "team lead", "planner", "admin")
_CASE_URL = re.compile(r"https?://[^\s\"'<>]+")
_PASSWORD = re.compile(r"scrypt\$\d+\$[0-9a-f]{32}\$[0-9a-f]{64}")
_TOKEN = re.compile(r"sha256\$[0-9a-f]{64}")
_MADE_BY = "what 'deskcast serve --hash' prints"
_HEADER = re.compile(r"[A-Za-z][A-Za-z0-9-]*")

Port = Annotated[int, checked("not a valid port", "1 to 65535", lambda port: 0 < port < 65536)]
Role = Annotated[str, one_of("unknown role", lambda: ROLE_NAMES)]


def _is_network(text: str) -> bool:
    try:
        ip_network(text, strict=False)
    except ValueError:
        return False
    return True


@dataclass(frozen=True, config=SECTION)
class PageSpec:
    """What the page links to."""

    case_url: Annotated[
        str,
        checked(
            "not an address of a case",
            "such as https://tickets.example/{case_id}",
            lambda text: not text or bool(_CASE_URL.fullmatch(text) and "{case_id}" in text),
        ),
    ] = ""


@dataclass(frozen=True, config=SECTION)
class ServeSpec:
    """Where the page is served, and how its users prove who they are."""

    host: fields.Line = "127.0.0.1"
    port: Port = 8765
    names: tuple[fields.Line, ...] = ()
    auth: Annotated[str, one_of("unknown way to sign on", lambda: AUTH_KINDS)] = "none"
    proxy: Annotated[
        tuple[str, ...],
        checked("not an address", 'such as "10.0.0.5" or "10.0.0.0/24"', lambda some: all(map(_is_network, some))),
    ] = ()
    header: Annotated[
        str, checked("not the name of a header", "such as X-Forwarded-User", lambda x: bool(_HEADER.fullmatch(x)))
    ] = "X-Forwarded-User"
    role: Role = "viewer"

    @model_validator(mode="after")
    def _check(self) -> ServeSpec:
        if self.auth == "proxy" and not self.proxy:
            hint = 'name the addresses of the proxy, such as proxy = ["10.0.0.5"]'
            raise InputError("missing addresses of the proxy", column="proxy", hint=hint, code="setting.invalid")
        return self


@dataclass(frozen=True, config=SECTION)
class UserSpec:
    """Somebody who may use the page; ``deskcast serve --hash`` makes the texts of ``password`` and ``token``."""

    name: fields.Line
    role: Role = "viewer"
    team: fields.Line | None = None
    password: Annotated[
        str | None,
        checked(
            "not a hash of a password", "what 'deskcast serve --hash' prints", lambda x: bool(_PASSWORD.fullmatch(x))
        ),
    ] = None
    token: Annotated[
        str | None,
        checked("not a hash of a token", _MADE_BY, lambda text: bool(_TOKEN.fullmatch(text))),
    ] = None

    @model_validator(mode="after")
    def _check(self) -> UserSpec:
        if (self.role == "team lead") != (self.team is not None):
            problem = "a team lead needs a team" if self.team is None else "only a team lead has a team"
            hint = 'add team = "NAME"' if self.team is None else 'set role = "team lead", or leave team out'
            raise InputError(problem, column="team", hint=hint, code="setting.invalid")
        return self
