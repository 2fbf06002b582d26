"""The page for planners and managers: put together, guarded, and answering in plain words what cannot be had."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, PlainTextResponse, Response
from starlette.exceptions import HTTPException as PlainHTTPException

from ....features.errors import BusyError, InputError
from ...project.state_place import StatePlace, place_of
from .access.access import Access, identify
from .access.hosts import is_our_name
from .access.session import SESSION_COOKIE, Signer
from .api.api_form import problem
from .api.metrics import Metrics
from .frame.render import render_page
from .frame.snapshot import ResultsChangedError, ResultsStore
from .frame.view import Desk, check_results_path
from .routes import add_routes

_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",  # with none at all, browsers send forms without their origin
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-cache",
}
#: Code of an error -> status of the answer; others are 422.
_STATUS = {
    "results.missing": 404,
    "table.unknown": 404,
    "results.damaged": 503,
    "state.unavailable": 503,
}


def make_app(
    results_folder: str | Path,
    *,
    title: str | None = None,
    timezone: str = "UTC",
    host: str | None = None,
    names: Sequence[str] = (),
    place: StatePlace | None = None,
    case_url: str = "",
    access: Access | None = None,
    config: str | Path | None = None,
) -> FastAPI:
    """Make the page of a results folder; every request sees the newest whole results.

    Parameters
    ----------
    results_folder
        The results folder; it need not be there yet.
    title
        Whose page it is; the name of the folder around the results by default.
    timezone
        Clock on which instants are told.
    host
        The address that it is served at: a request by any other name gets 400, see
        :func:`~deskcast.pipelines.pages.web.access.hosts.is_our_name`. Where it is missing, names are the matter of the
        server that the application is put into.
    names
        Further names that it answers to.
    place
        Where the state is; beside the results by default.
    case_url
        Address of a case in the ticket system, with ``{case_id}``.
    access
        Who may do what; whoever reaches the page may do everything by default.
    config
        The configuration, for what has to be looked up in the case log: the cases behind a value of a KPI.

    Returns
    -------
    The application; :data:`~deskcast.pipelines.pages.web.routes.PAGES` lists its pages.
    """
    folder = check_results_path(results_folder)
    store = ResultsStore(folder)
    log = None if config is None else Path(config).resolve()
    desk = Desk(store, place or place_of(folder), title or folder.parent.name, timezone, Signer(), case_url, log)
    app = FastAPI(title="deskcast", docs_url=None, redoc_url=None, openapi_url=None, lifespan=_bounded)
    app.state.metrics = Metrics()
    app.state.desk, app.state.access = desk, access or Access()
    add_routes(app)
    _add_guards(app, host, names)
    _add_error_handlers(app)
    return app


#: More at once are not answered sooner, as Python computes one at a time, but each holds its tables meanwhile.
MAX_REQUESTS_AT_ONCE = 10


@asynccontextmanager
async def _bounded(_app: FastAPI) -> AsyncIterator[None]:
    """Answer so many requests at once while the server runs."""
    from anyio.to_thread import current_default_thread_limiter

    current_default_thread_limiter().total_tokens = MAX_REQUESTS_AT_ONCE
    yield


def _add_guards(app: FastAPI, host: str | None, names: Sequence[str]) -> None:
    """Refuse foreign names, say who asks, and forbid the browser every request elsewhere."""

    async def counted(request: Request, follow: Callable[[Request], Awaitable[Response]]) -> Response:
        began, method = time.perf_counter(), request.method
        response = await guard(request, follow)
        request.app.state.metrics.count(method, response.status_code, time.perf_counter() - began)
        return response

    async def guard(request: Request, follow: Callable[[Request], Awaitable[Response]]) -> Response:
        if host is not None and not any(is_our_name(request.headers.get("host", ""), one) for one in (host, *names)):
            return _with_headers(PlainTextResponse("This is not my name.\n", 400))
        head = request.method == "HEAD"
        if head:  # answered as GET, without what it would hold
            request.scope["method"] = "GET"
        desk: Desk = request.app.state.desk
        try:
            refusal = identify(request, request.app.state.access, desk.signer)
        except PlainHTTPException as error:
            refusal = refuse(request, error.detail, error.status_code)
            refusal.headers.update(error.headers or {})
        response = refusal if refusal is not None else await follow(request)
        if getattr(request.state, "new_session", False) and "set-cookie" not in response.headers:
            signed, secure = desk.signer.sign(request.state.session), request.url.scheme == "https"
            response.set_cookie(SESSION_COOKIE, signed, httponly=True, samesite="strict", secure=secure)
        if head:
            kept = {k: v for k, v in response.headers.items() if k not in ("content-length", "set-cookie")}
            response = Response(status_code=response.status_code, headers=kept)
        return _with_headers(response)

    app.middleware("http")(counted)


def _with_headers(response: Response) -> Response:
    response.headers.update({k: v for k, v in _HEADERS.items() if k not in response.headers})
    return response


def _add_error_handlers(app: FastAPI) -> None:
    """Answer in plain words what cannot be had."""

    def input_error(request: Request, error: Exception) -> Response:
        busy = isinstance(error, BusyError)
        return refuse(request, str(error), 503 if busy else _STATUS.get(getattr(error, "code", ""), 422))

    def refused(request: Request, error: Exception) -> Response:
        status, detail = getattr(error, "status_code", 500), str(getattr(error, "detail", ""))
        answer = refuse(request, "unknown page" if status == 404 and detail == "Not Found" else detail, status)
        answer.headers.update(getattr(error, "headers", None) or {})
        return answer

    def invalid(request: Request, error: Exception) -> Response:
        found: Any = error.errors() if isinstance(error, RequestValidationError) else []
        words = "; ".join(f"{'.'.join(map(str, one['loc'][1:]))}: {one['msg']}" for one in found)
        return refuse(request, words, 422)

    def changed(request: Request, _: Exception) -> Response:
        return refuse(request, "The results are just being replaced. Load the page again.", 503)

    def broken(request: Request, _: Exception) -> Response:
        return _with_headers(refuse(request, "This is a defect of deskcast. The log of the server says more.", 500))

    app.add_exception_handler(InputError, input_error)
    app.add_exception_handler(PlainHTTPException, refused)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(ResultsChangedError, changed)
    app.add_exception_handler(Exception, broken)


#: Status -> heading of the page that says what went wrong.
_HEADINGS = {
    401: "Sign in first",
    403: "Not allowed",
    404: "Page not found",
    429: "Too many requests",
    500: "Something went wrong",
    503: "Not available now",
}


def refuse(request: Request, words: str, status: int) -> Response:
    """Return the page, or for a program the JSON, that says why there is no answer."""
    if request.url.path.startswith("/api/"):
        return problem(status, words)
    heading = _HEADINGS.get(status, "This cannot be done")
    return HTMLResponse(render_page("message.html", heading=heading, words=words), status)
