"""The command ``serve``: the page for planners and managers, to this machine alone or to users who sign on."""

from __future__ import annotations

import secrets
import sys
from pathlib import Path
from typing import Annotated

import typer

from .options import DEFAULT_CONFIG, ConfigOption, find_user


def serve(
    config: ConfigOption = DEFAULT_CONFIG,
    host: Annotated[str | None, typer.Option(help="Address to listen on. Default: 127.0.0.1.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on. Default: 8765.", min=1, max=65535)] = None,
    hashes: Annotated[bool, typer.Option("--hash", help="Print a password and a token for a user.")] = False,
) -> None:
    """Serve the web page for planners and managers."""
    if hashes:
        print_hashes()
    else:
        serve_page(config, host, port)


def serve_page(config: Path, host: str | None, port: int | None) -> None:
    """Serve the web page until it is ended; only to this machine, unless users have to sign on.

    Raises
    ------
    InputError
        If others than this machine would reach a page that asks nobody who they are.
    """
    from ...features.errors import InputError
    from ..pages.web import is_loopback, make_app
    from ..pages.web import serve as serve_app
    from ..pages.web.access.access import make_access
    from ..pages.web.access.session import User
    from ..project.config import load_config
    from .run import report_title
    from .terminal import print_line

    spec = load_config(config)
    at, number = host or spec.serve.host, port or spec.serve.port
    if spec.serve.auth == "none" and not is_loopback(at):
        raise InputError(
            "everybody who reaches this address could read cases and names", where="--host", got=at,
            wanted="an address of this machine alone, such as 127.0.0.1",
            hint='set auth = "password", "token" or "proxy" in [serve] first', code="setting.invalid",
        )  # fmt: skip
    if spec.serve.auth in ("password", "token") and not any(getattr(u, spec.serve.auth) for u in spec.users):
        hint = f"add [[user]] with name, role and {spec.serve.auth}; 'deskcast serve --hash' makes it"
        raise InputError(
            f"no user has a {spec.serve.auth}", where="[serve]", column="auth", hint=hint, code="setting.invalid"
        )
    page = make_app(
        spec.results_folder,
        title=report_title(spec),
        timezone=spec.timezone,
        host=at,
        names=spec.serve.names,
        place=spec.state_place,
        case_url=spec.page.case_url,
        access=make_access(spec.serve, spec.users, User(find_user(), "admin")),
        config=config,
    )
    if not is_loopback(at):
        warning = f"{at}:{number} is reached by others, and nothing is encrypted: put a proxy with TLS in front of it"
        sys.stderr.write(f"deskcast: warning: {warning}\n")
    shown = f"[{at}]" if ":" in at else at
    serve_app(page, at, number, lambda: print_line(f"The page is at http://{shown}:{number} (end with Ctrl+C)."))


def print_hashes() -> None:
    """Ask for a password, and print what ``[[user]]`` in deskcast.toml holds of it and of a new token.

    Raises
    ------
    InputError
        If the password is shorter than ten letters.
    """
    import getpass

    from ...features.errors import InputError
    from ..pages.web.access.hashes import hash_password, hash_token
    from .terminal import print_line

    given = getpass.getpass("Password: ") if sys.stdin.isatty() else sys.stdin.readline().rstrip("\n")
    if len(given) < 10:
        raise InputError(
            "the password is too short", where="--hash", wanted="10 letters or more", code="command.invalid"
        )
    token = secrets.token_urlsafe(32)
    print_line(f'password = "{hash_password(given)}"')
    print_line(f'token = "{hash_token(token)}"')
    print_line(f"# the token itself, shown only now: {token}")
