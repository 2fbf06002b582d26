"""Tables and findings for programs, by the addresses of earlier versions."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Query
from starlette.exceptions import HTTPException

from ....store.results import read_findings
from ....words.tables import json_records
from ..frame.view import PageRoute, PageView
from ..report import filter_rows

router = APIRouter(route_class=PageRoute)


@router.get("/api/tables/{name}")
def rows(
    view: PageView, name: str, q: str = "", limit: int = Query(100, ge=1, le=10_000), offset: int = Query(0, ge=0)
) -> dict[str, Any]:
    """Return rows of a result table."""
    frame = filter_rows(view.result_table(name), q)
    part = frame.iloc[offset : offset + limit]
    return {"name": name, "total": len(frame), "offset": offset, "rows": json_records(part)}


@router.get("/api/findings")
def findings(view: PageView) -> dict[str, Any]:
    """Return what was found, as the results hold it."""
    if view.user.team is not None:
        raise HTTPException(403, "A team lead sees the findings of the own team at /api/v1/findings.")
    return read_findings(view.desk.store.folder)
