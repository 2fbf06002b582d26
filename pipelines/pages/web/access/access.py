"""Who may do what: whoever reaches the page by default, else who signs on by password, token or a proxy."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from urllib.parse import quote

from fastapi import Request
from fastapi.responses import RedirectResponse, Response
from starlette.exceptions import HTTPException

from ....project.page_specs import ServeSpec, UserSpec
from .hashes import hash_token, is_password
from .rate_limit import RateLimit
from .session import SESSION_COOKIE, Signer, User

EVERYBODY = User("page", "admin")
#: Seconds for which a sign-on holds.
SESSION_S = 12 * 3600
#: Addresses that everybody reaches: to sign on, what the page to sign on shows, and whether the server is up.
OPEN_PATHS = ("/sign-in", "/health")
#: Compared with the password of a name that is unknown, so that an answer takes as long as for a known one.
_NOBODY = f"scrypt$14${'0' * 32}${'0' * 64}"


@dataclass(frozen=True)
class Access:
    """How the page knows its users.

    Attributes
    ----------
    default
        Who everybody is where nobody has to sign on.
    kind
        ``none``, ``password``, ``token`` or ``proxy``.
    users
        By name.
    proxies, header, role
        Addresses whose header is believed, the header, and the role of users it names that are not listed.
    requests, tries
        How often a user, or an address that signs on, may ask.
    """

    default: User = EVERYBODY
    kind: str = "none"
    users: Mapping[str, UserSpec] = field(default_factory=dict)
    proxies: tuple[IPv4Network | IPv6Network, ...] = ()
    header: str = "X-Forwarded-User"
    role: str = "viewer"
    requests: RateLimit = field(default_factory=lambda: RateLimit(burst=600, per_s=60))
    tries: RateLimit = field(default_factory=lambda: RateLimit(burst=10, per_s=0.2))


def make_access(spec: ServeSpec, users: tuple[UserSpec, ...], default: User) -> Access:
    """Return the access that a configuration describes."""
    proxies = tuple(ip_network(text, strict=False) for text in spec.proxy)
    return Access(default, spec.auth, {user.name: user for user in users}, proxies, spec.header, spec.role)


def identify(request: Request, access: Access, signer: Signer) -> Response | None:
    """Write into ``request.state`` who asks and in which session; return an answer where they have to sign on first.

    Raises
    ------
    HTTPException
        401 for a program that does not prove who it is, 429 for one that asks too often.
    """
    session = read_session(request, signer)
    request.state.new_session = session is None
    request.state.session = session or new_session("")
    who = _find_user(request, access)
    open_path = request.url.path in OPEN_PATHS or request.url.path.startswith("/static/")
    request.state.user = who or User("nobody", "viewer", team="")
    limited = access.kind != "none" and not request.url.path.startswith("/static/")
    if limited and not access.requests.allows(who.name if who else _address(request)):
        raise HTTPException(429, "Too many requests: wait a few seconds.", {"Retry-After": "5"})
    if who is not None or open_path:
        return None
    if access.kind == "password" and request.method == "GET" and not request.url.path.startswith("/api/"):
        wanted = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        return RedirectResponse(f"/sign-in?next={quote(wanted, safe='')}", 303)
    challenge = {"WWW-Authenticate": "Bearer"} if access.kind == "token" else {}
    raise HTTPException(401, "Sign in first.", challenge)


def new_session(name: str) -> str:
    """Return a new session of a user; of nobody where the name is empty."""
    return f"{secrets.token_hex(16)}.{int(time.time())}.{name.encode().hex()}"


def read_session(request: Request, signer: Signer) -> str | None:
    """Return the session of a request; ``None`` where it has none, a forged one, or one that has ended."""
    found = signer.read(request.cookies.get(SESSION_COOKIE, ""))
    if found is None or found.count(".") != 2:
        return None
    since = found.split(".")[1]
    return found if since.isdecimal() and time.time() - int(since) < SESSION_S else None


def sign_in(access: Access, name: str, password: str) -> str | None:
    """Return a session of a user who gave the right password; ``None`` otherwise."""
    user = access.users.get(name)
    kept = user.password if user is not None else None
    good = is_password(password, kept or _NOBODY)
    return new_session(name) if good and kept else None


def _find_user(request: Request, access: Access) -> User | None:
    if access.kind == "none":
        return access.default
    if access.kind == "password":
        name = bytes.fromhex(request.state.session.split(".")[2]).decode()
        return _user(access.users[name]) if name in access.users else None
    if access.kind == "token":
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        mark = hash_token(token.strip()) if kind.lower() == "bearer" and token.strip() else ""
        return next(
            (_user(u) for u in access.users.values() if u.token and secrets.compare_digest(u.token, mark)), None
        )
    return _by_proxy(request, access)


def _by_proxy(request: Request, access: Access) -> User | None:
    """Return whom a proxy names; from any other address its header says nothing."""
    names = request.headers.getlist(access.header)
    try:
        address = ip_address(_address(request))
    except ValueError:
        return None
    if len(names) != 1 or not names[0].strip() or not any(address in network for network in access.proxies):
        return None
    name = names[0].strip()
    if name in access.users:
        return _user(access.users[name])
    return User(name, access.role) if access.role != "team lead" else None


def _user(spec: UserSpec) -> User:
    return User(spec.name, spec.role, spec.team)


def _address(request: Request) -> str:
    return request.client.host if request.client else ""
