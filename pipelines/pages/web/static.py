"""Style sheet and scripts, from this server only; their addresses change with their content."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from .frame.render import STATIC_TYPES, read_static

router = APIRouter()


@router.get("/static/{name:path}")
def static_file(name: str, request: Request) -> Response:
    """Return a static file."""
    try:
        content = read_static(name)
    except KeyError as error:
        raise HTTPException(404) from error
    kept = "public, max-age=31536000, immutable" if "v" in request.query_params else "no-cache"
    return Response(content, media_type=STATIC_TYPES[name], headers={"Cache-Control": kept})
