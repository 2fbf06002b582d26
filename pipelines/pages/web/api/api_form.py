"""One form for what programs get: pages of rows as JSON or CSV, an ETag, and one form of error."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from hashlib import sha256
from typing import Annotated, Any
from urllib.parse import urlencode

import pandas as pd
from fastapi import Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

from ....store.table_files import quote_formulas
from ....words.tables import json_records
from ..frame.view import View

#: Title of a problem by its status.
_TITLES = {
    400: "Bad request",
    401: "Sign in first",
    403: "Not allowed",
    404: "Not found",
    405: "Method not allowed",
    406: "Not acceptable",
    422: "Bad parameter",
    429: "Too many requests",
    503: "Not available now",
}
_WEIGHT = re.compile(r"[01](\.\d{0,3})?")
JSON, CSV = "application/json", "text/csv"


class Problem(BaseModel):
    """What went wrong, as RFC 9457 has it."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str


class Paging(BaseModel):
    """Which rows are wanted; an unknown parameter is refused."""

    model_config = ConfigDict(extra="forbid")
    limit: Annotated[int, Field(ge=1, le=10_000, description="Rows of one answer.")] = 100
    offset: Annotated[int, Field(ge=0, le=10**9, description="Rows to pass over.")] = 0


class Rows(BaseModel):
    """The frame around rows: how many there are, and of which instant they are."""

    total: int
    limit: int
    offset: int
    as_of: str | None
    data_until: str | None
    made_at: str


def problem(status: int, detail: str) -> Response:
    """Return an error in the form that all errors of the API have.

    >>> problem(404, "unknown").media_type
    'application/problem+json'
    """
    body = Problem(title=_TITLES.get(status, "Error"), status=status, detail=detail)
    return Response(body.model_dump_json(), status, media_type="application/problem+json")


def answer_rows(view: View, frame: pd.DataFrame, total: int, paging: Paging) -> Response:
    """Return rows as the request wants them: JSON, or CSV by ``Accept``; 304 where the client has them.

    Parameters
    ----------
    view
        The request.
    frame
        The rows of this page.
    total
        Rows that the filters leave.
    paging
        What was asked for.

    Raises
    ------
    HTTPException
        406 where neither form is wanted.
    """
    if choose_form(view.request.headers.get("accept", "")) == CSV:
        body, kind = quote_formulas(frame).to_csv(index=False).encode(), f"{CSV}; charset=utf-8"
    else:
        body, kind = _dump(frame_of(view, total, paging) | {"rows": json_records(frame)}), JSON
    links = {"Link": _next(view.request, paging, total)} if paging.offset + paging.limit < total else {}
    return answer_bytes(view.request, body, kind, links | {"X-Total-Count": str(total)})


def answer_records(view: View, records: Sequence[Any], paging: Paging) -> Response:
    """Return records that hold more than cells, as JSON."""
    part = list(records)[paging.offset : paging.offset + paging.limit]
    return answer_bytes(view.request, _dump(frame_of(view, len(records), paging) | {"rows": part}), JSON, {})


def answer_bytes(request: Request, body: bytes, kind: str, headers: dict[str, str]) -> Response:
    """Return an answer with its ETag, or that the client has it already."""
    etag = f'"{sha256(body).hexdigest()[:32]}"'
    given = headers | {"ETag": etag, "Vary": "Accept, Cookie, Authorization"}
    known = [tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")]
    if etag in known or "*" in known:
        return Response(status_code=304, headers=given)
    return Response(body, media_type=kind, headers=given)


def choose_form(accept: str) -> str:
    """Return the form that a client wants.

    Raises
    ------
    HTTPException
        406 where it wants neither JSON nor CSV.

    Examples
    --------
    >>> choose_form(""), choose_form("text/csv, */*;q=0.1"), choose_form("*/*")
    ('application/json', 'text/csv', 'application/json')
    """
    wanted: list[tuple[float, str]] = []
    for part in accept.split(",") if accept.strip() else ["*/*"]:
        name, *more = [piece.strip().lower() for piece in part.split(";")]
        given = next((piece[2:] for piece in more if piece.startswith("q=")), "1")
        wanted.append((float(given) if _WEIGHT.fullmatch(given) else 1.0, name))
    for weight, name in sorted(wanted, key=lambda pair: -pair[0]):
        if weight > 0 and name in (JSON, "*/*", "application/*"):
            return JSON
        if weight > 0 and name in (CSV, "text/*"):
            return CSV
    raise HTTPException(406, f"Only {JSON} and {CSV} are given.")


def frame_of(view: View, total: int, paging: Paging) -> dict[str, Any]:
    """Return the frame around rows."""
    results = view.snapshot.results
    instants = {} if results.instants is None else results.instants.record()
    return {
        "total": total,
        "limit": paging.limit,
        "offset": paging.offset,
        "as_of": instants.get("as_of"),
        "data_until": instants.get("data_until"),
        "made_at": results.made_at.isoformat(),
    }


def _next(request: Request, paging: Paging, total: int) -> str:
    pairs = [(k, v) for k, v in request.query_params.multi_items() if k not in ("offset", "limit")]
    pairs += [("limit", str(paging.limit)), ("offset", str(min(paging.offset + paging.limit, total)))]
    return f'<{request.url.path}?{urlencode(pairs)}>; rel="next"'


def _dump(content: Any) -> bytes:
    return json.dumps(content, ensure_ascii=False, allow_nan=False).encode()


#: Errors that every address of the API may answer with, for its description.
ERRORS: dict[int | str, dict[str, Any]] = {
    status: {"model": Problem, "description": title, "content": {"application/problem+json": {}}}
    for status, title in _TITLES.items()
    if status in (401, 403, 404, 406, 422, 429, 503)
}
