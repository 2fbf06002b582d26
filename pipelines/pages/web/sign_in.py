"""Signing in by password, and out."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.exceptions import HTTPException

from ...state.database import change_state
from ...state.records import add_record
from .access.access import Access, new_session, sign_in
from .access.session import SESSION_COOKIE
from .frame.forms import Form, read_form
from .frame.render import render_page
from .frame.view import PageView

router = APIRouter()


@router.get("/sign-in", response_class=HTMLResponse)
def ask(request: Request, view: PageView, next: str = "/") -> Response:
    """Ask for name and password."""
    if request.app.state.access.kind != "password":
        raise HTTPException(404)
    return HTMLResponse(
        render_page("sign_in.html", csrf=view.csrf, title=view.desk.title, next=local_path(next), wrong=False)
    )


@router.post("/sign-in", response_class=HTMLResponse)
def check(request: Request, view: PageView, form: Annotated[Form, Depends(read_form("read"))]) -> Response:
    """Sign somebody in, or ask again; every try is in the audit."""
    access: Access = request.app.state.access
    if access.kind != "password":
        raise HTTPException(404)
    address = request.client.host if request.client else ""
    if not access.tries.allows(address):
        raise HTTPException(429, "Too many tries: wait a minute.", {"Retry-After": "60"})
    name, wanted = form.get("name", "")[:200], local_path(form.get("next", "/"))
    session = sign_in(access, name, form.get("password", ""))
    with change_state(view.desk.place) as state:
        action = "sign in" if session else "sign in failed"
        add_record(state, "audit", by=name if session else "nobody", action=action, subject=name)
    if session is None:
        values = {"csrf": view.csrf, "title": view.desk.title, "next": wanted, "wrong": True}
        return HTMLResponse(render_page("sign_in.html", **values), 403)
    return with_session(RedirectResponse(wanted, 303), request, session)


@router.post("/sign-out", dependencies=[Depends(read_form("read"))])
def leave(request: Request) -> Response:
    """End the session of this browser."""
    return with_session(RedirectResponse("/sign-in", 303), request, new_session(""))


def with_session(response: Response, request: Request, session: str) -> Response:
    """Return an answer that gives the browser a session."""
    signed, secure = request.app.state.desk.signer.sign(session), request.url.scheme == "https"
    response.set_cookie(SESSION_COOKIE, signed, httponly=True, samesite="strict", secure=secure)
    return response


def local_path(path: str) -> str:
    """Return a path of this server; the first page for anything that leads elsewhere.

    >>> local_path("/cases?q=1"), local_path("//evil.example"), local_path("/\\\\evil.example"), local_path("https://x")
    ('/cases?q=1', '/', '/', '/')
    """
    plain = path.isprintable() and path.startswith("/") and not path.startswith(("//", "/\\"))
    return path if plain else "/"
