"""Who asks, and whether a form was sent from our own page: signed cookies, roles and tokens of forms."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256

#: Role -> what it may do: ``read``, ``note`` (feedback, notes, snooze), ``plan`` (alerts, scenarios, plans), ``admin``.
ROLES: Mapping[str, frozenset[str]] = {
    "viewer": frozenset({"read"}),
    "team lead": frozenset({"read", "note"}),
    "planner": frozenset({"read", "note", "plan"}),
    "admin": frozenset({"read", "note", "plan", "admin"}),
}
SESSION_COOKIE = "deskcast_session"


@dataclass(frozen=True)
class User:
    """Who asks for a page.

    Attributes
    ----------
    name, role
        As the state and the audit name them; a key of ``ROLES``.
    team
        The team whose rows alone a team lead sees.

    Examples
    --------
    >>> User("ann", "viewer").may("note"), User("ben", "planner").may("note")
    (False, True)
    """

    name: str
    role: str = "admin"
    team: str | None = None

    def may(self, right: str) -> bool:
        """Return whether the role of the user has a right."""
        return right in ROLES[self.role]


class Signer:
    """Sign short texts with a secret that lives as long as the server.

    Examples
    --------
    >>> signer = Signer(b"secret")
    >>> signer.read(signer.sign("ann")), signer.read("ann.forged")
    ('ann', None)
    """

    def __init__(self, secret: bytes | None = None) -> None:
        self._secret = secret or secrets.token_bytes(32)

    def sign(self, text: str) -> str:
        """Return a text with its signature."""
        return f"{text}.{self._mark(text)}"

    def read(self, signed: str) -> str | None:
        """Return the text of what was signed here; ``None`` for anything else."""
        text, _, mark = signed.rpartition(".")
        return text if hmac.compare_digest(mark.encode(), self._mark(text).encode()) else None

    def token(self, session: str) -> str:
        """Return the token that the forms of a session carry."""
        return self._mark(f"form:{session}")

    def is_token(self, session: str, token: str) -> bool:
        """Return whether a form carries the token of its session."""
        return hmac.compare_digest(self.token(session).encode(), token.encode())

    def _mark(self, text: str) -> str:
        return hmac.new(self._secret, text.encode(), sha256).hexdigest()
