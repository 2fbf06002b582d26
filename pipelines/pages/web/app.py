"""The page for planners and managers: the last results, read only, with nothing fetched from elsewhere."""

from __future__ import annotations

import re
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import urlencode

import pandas as pd
from fastapi import FastAPI, Query, Request
from fastapi.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.exceptions import HTTPException as PlainHTTPException

from ....features.errors import InputError
from ...store.atomic_replace import MARKER_FILE, find_current_folder
from ...store.results import read_findings, read_result_table, read_results
from ...store.table_files import quote_formulas
from ...words.tables import format_table, json_records
from ..report import asset, render_report, template

ROWS_PER_PAGE = 100
#: A name or an address, IPv6 in brackets, perhaps with a port.
_HOST = re.compile(r"(?:\[([0-9a-f:.]+)\]|([^\s:/@\[\]]+))(?::\d*)?")
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-cache",
}


def make_app(
    results_folder: str | Path, *, title: str | None = None, timezone: str = "UTC", host: str | None = None
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
        The address that it is served at: a request by any other name gets 400, see :func:`is_our_name`. Where it is
        missing, names are the matter of the server that the application is put into.

    Returns
    -------
    An application with ``/`` (the report; ``/?full=true`` has all tables and charts), ``/tables``,
    ``/tables/NAME``, ``/tables/NAME.csv``, ``/api/tables/NAME``, ``/api/findings`` and ``/health``.
    """
    folder = Path(results_folder)
    name = title or folder.resolve().parent.name
    store = _Store(folder, name, timezone)
    app = FastAPI(title="deskcast", docs_url=None, redoc_url=None, openapi_url=None, lifespan=store.warmed)
    _add_pages(app, store)
    _add_data(app, store)
    _add_error_handlers(app, host)
    return app


def is_loopback(host: str) -> bool:
    """Return whether only this machine reaches an address.

    >>> is_loopback("localhost"), is_loopback("127.0.0.2"), is_loopback("::1"), is_loopback("0.0.0.0")
    (True, True, True, False)
    """
    found = _address(host)
    return host.lower() == "localhost" if found is None else found.is_loopback


def is_our_name(header: str, host: str) -> bool:
    """Return whether a request is meant for us by its ``Host``: another page may lead its own name to our address.

    Loopback names and the given host are ours. Served at all addresses (``0.0.0.0``), every address of numbers and
    the name of this machine are too: a foreign page cannot have those.

    Examples
    --------
    >>> is_our_name("localhost:8765", "127.0.0.1"), is_our_name("[::1]:8765", "127.0.0.1")
    (True, True)
    >>> is_our_name("evil.example", "127.0.0.1"), is_our_name("desk.local", "desk.local")
    (False, True)
    >>> is_our_name("192.168.1.7:8765", "0.0.0.0"), is_our_name("evil.example", "0.0.0.0")
    (True, False)
    """
    parts = _HOST.fullmatch(header.strip().lower())
    if parts is None:
        return False
    name = (parts[1] or parts[2]).removesuffix(".")
    if name == host.lower() or is_loopback(name):
        return True
    ours = _address(host)
    every = ours is not None and ours.is_unspecified
    return every and (_address(name) is not None or name in (socket.gethostname().lower(), socket.getfqdn().lower()))


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(text)
    except ValueError:
        return None


def serve(app: FastAPI, host: str, port: int, ready: Callable[[], None]) -> None:
    """Serve the page until it is interrupted.

    Parameters
    ----------
    app, host, port
        What to serve, and where.
    ready
        Called once the address is ours, before the first request.

    Raises
    ------
    InputError
        If the address is in use, not of this machine, or not ours to take.
    """
    import uvicorn

    try:
        listener = socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        reason = (error.strerror or str(error)).partition(" (while")[0].lower()
        hint = "another port: deskcast serve --port 8766"
        raise InputError(
            f"the page cannot be served here: {reason}", where=f"{host}:{port}", hint=hint, code="file.unreadable"
        ) from error
    with listener:
        ready()
        uvicorn.Server(uvicorn.Config(app, log_level="warning")).run(sockets=[listener])


class _Store:
    """Read the newest results, and read each of them only once."""

    def __init__(self, folder: Path, title: str, timezone: str) -> None:
        self.folder, self.title, self.timezone = folder, title, timezone
        self._page = lru_cache(maxsize=2)(lambda _, full: self._render(full))
        self._read = lru_cache(maxsize=8)(lambda _, name: read_result_table(folder, name))

    def stamp(self) -> tuple[int, int]:
        """Identify a set of results."""
        try:
            found = (find_current_folder(self.folder) / MARKER_FILE).stat()
        except OSError as error:
            raise InputError("no results yet", hint="run 'deskcast run' first", code="results.missing") from error
        return found.st_ino, found.st_mtime_ns

    def report(self, full: bool = False) -> str:
        page: str = self._page(self.stamp(), full)
        return page

    def table(self, name: str) -> pd.DataFrame:
        found: pd.DataFrame = self._read(self.stamp(), name)
        return found

    @asynccontextmanager
    async def warmed(self, _: FastAPI) -> AsyncIterator[None]:
        """Draw the first page while the server starts, so that its first reader need not wait."""
        Thread(target=self._warm, daemon=True).start()
        yield

    def _warm(self) -> None:
        with suppress(InputError):
            self.report()

    def _render(self, full: bool) -> str:
        results = read_results(self.folder)
        return render_report(
            results.stages,
            title=self.title,
            made_at=results.made_at,
            version=results.version,
            timezone=self.timezone,
            served=True,
            instants=results.instants,
            full=full,
        )


def _add_pages(app: FastAPI, store: _Store) -> None:
    def index(full: bool = False) -> HTMLResponse:
        try:
            return HTMLResponse(store.report(full))
        except InputError as error:
            return _message("There are no results yet", str(error), 200)

    def tables() -> HTMLResponse:
        found = read_findings(store.folder)
        rows = [(s["name"], table, s.get("tables_made_at")) for s in found["stages"] for table in s["tables"]]
        return _page("tables.html", title=store.title, made_at=found["made_at"], rows=rows)

    def table(name: str, q: str = "", page: str = "1") -> HTMLResponse:
        frame = filter_rows(store.table(name), q)
        last = max(1, -(-len(frame) // ROWS_PER_PAGE))
        number = min(max(int(page) if page.isdecimal() else 1, 1), last)
        shown = format_table(name, frame.iloc[(number - 1) * ROWS_PER_PAGE :], ROWS_PER_PAGE, store.timezone)
        links = {
            word: "?" + urlencode({"q": q, "page": other})
            for word, other in (("Previous", number - 1), ("Next", number + 1))
            if 1 <= other <= last
        }
        shown_as: dict[str, Any] = {
            "table": shown,
            "q": q,
            "number": number,
            "last": last,
            "total": len(frame),
            "links": links,
        }
        stages = read_findings(store.folder)["stages"]
        made = next((stage.get("tables_made_at") for stage in stages if name in stage["tables"]), None)
        return _page("table.html", title=store.title, made=made, **shown_as)

    app.get("/", response_class=HTMLResponse)(index)
    app.get("/tables", response_class=HTMLResponse)(tables)
    app.get("/tables/{name}.csv")(lambda name, q="": _csv(store, name, q))
    app.get("/tables/{name}", response_class=HTMLResponse)(table)


def _add_data(app: FastAPI, store: _Store) -> None:
    def rows(
        name: str, q: str = "", limit: int = Query(100, ge=1, le=10_000), offset: int = Query(0, ge=0)
    ) -> JSONResponse:
        frame = filter_rows(store.table(name), q)
        part = frame.iloc[offset : offset + limit]
        return JSONResponse({"name": name, "total": len(frame), "offset": offset, "rows": json_records(part)})

    def findings() -> JSONResponse:
        return JSONResponse(read_findings(store.folder))

    def health() -> JSONResponse:
        try:
            made = read_findings(store.folder)["made_at"]
        except InputError:
            made = None
        return JSONResponse({"status": "ok", "results": made})

    app.get("/api/tables/{name}")(rows)
    app.get("/api/findings")(findings)
    app.get("/health")(health)


def _add_error_handlers(app: FastAPI, host: str | None) -> None:
    """Answer in plain words what cannot be had, and forbid the browser every request elsewhere."""

    def not_there(request: Request, error: Exception) -> Response:
        return _refusal(request, str(error), 404)

    def refused(request: Request, error: Exception) -> Response:
        status = getattr(error, "status_code", 500)
        return _refusal(request, "unknown page" if status == 404 else str(getattr(error, "detail", "")), status)

    async def with_headers(request: Request, follow: Callable[[Request], Any]) -> Response:
        known = host is None or is_our_name(request.headers.get("host", ""), host)
        response: Response = await follow(request) if known else PlainTextResponse("This is not my name.\n", 400)
        response.headers.update({k: v for k, v in _HEADERS.items() if k not in response.headers})
        return response

    app.add_exception_handler(InputError, not_there)
    app.add_exception_handler(PlainHTTPException, refused)
    app.middleware("http")(with_headers)


def filter_rows(frame: pd.DataFrame, query: str) -> pd.DataFrame:
    """Keep the rows in which every word of the query occurs, in whatever column and case.

    >>> filter_rows(pd.DataFrame({"team": ["First line", "Second line"], "n": [12, 7]}), "line 12")["n"].tolist()
    [12]
    """
    words = query.lower().split()
    if not words:
        return frame
    texts = [frame[column].astype("str").str.lower() for column in frame.columns]
    keep = pd.Series(True, index=frame.index)
    for word in words:
        found = pd.Series(False, index=frame.index)
        for text in texts:
            found |= text.str.contains(word, regex=False).fillna(False).astype(bool)
        keep &= found
    return frame[keep]


def _csv(store: _Store, name: str, q: str) -> Response:
    text = quote_formulas(filter_rows(store.table(name), q)).to_csv(index=False)
    headers = {"Content-Disposition": f'attachment; filename="{name}.csv"'}
    return PlainTextResponse(text, media_type="text/csv; charset=utf-8", headers=headers)


def _page(name: str, status: int = 200, **values: Any) -> HTMLResponse:
    return HTMLResponse(template(name).render(style=asset("style.css"), **values), status)


def _message(heading: str, words: str, status: int) -> HTMLResponse:
    return _page("message.html", status, title="deskcast", heading=heading, words=words)


def _refusal(request: Request, words: str, status: int) -> Response:
    if request.url.path.startswith("/api/"):
        return JSONResponse({"detail": words}, status)
    return _message("This cannot be shown", words, status)
