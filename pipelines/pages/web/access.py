"""Who may do what: whoever reaches the page by default, else who proves who they are."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from fastapi import Request
from fastapi.responses import Response

from .session import SESSION_COOKIE, Signer, User

EVERYBODY = User("page", "admin")


@dataclass(frozen=True)
class Access:
    """How the page knows its users.

    Attributes
    ----------
    default
        Who everybody is where no sign-on is configured: the user of this machine.
    """

    default: User = EVERYBODY


def identify(request: Request, access: Access, signer: Signer) -> Response | None:
    """Write into ``request.state`` who asks and in which session; return a refusal where nobody may ask so."""
    session = signer.read(request.cookies.get(SESSION_COOKIE, ""))
    request.state.new_session = session is None
    request.state.session = session or secrets.token_urlsafe(18)
    request.state.user = access.default
    return None
