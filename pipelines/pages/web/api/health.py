"""Whether the page answers, for a monitor."""

from __future__ import annotations

from fastapi import APIRouter

from .....features.errors import InputError
from ....store.results import read_findings
from ..frame.view import PageView

router = APIRouter()


@router.get("/health")
def health(view: PageView) -> dict[str, str | None]:
    """Return that the page answers, and when its results were made."""
    try:
        made = str(read_findings(view.desk.store.folder)["made_at"])
    except InputError:
        made = None
    return {"status": "ok", "results": made}
