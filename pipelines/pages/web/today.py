"""Today: what a manager asks first, and what to do about it."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from ..today import Today, summarise_today
from .snapshot import Snapshot
from .view import PageRoute, PageView

router = APIRouter(route_class=PageRoute)


@router.get("/", response_class=HTMLResponse)
def today(view: PageView, full: bool | None = None) -> Response:
    """Show the four answers, the findings and the cases to work on first."""
    if full is not None:  # the report was here, and took this option
        return RedirectResponse(f"/report?full={'true' if full else 'false'}", 307)
    missing = view.missing()
    summary = None if missing else load_summary(view.snapshot, view.desk.timezone, view.year)
    return view.page("today.html", missing=missing, summary=summary)


def load_summary(results: Snapshot, timezone: str, year: int | None) -> Today:
    """Return the tiles and findings of the report, made once of each results."""
    names = [stage.name for stage in results.results.stages]

    def make() -> Today:
        stages = {name: stage for name in names if (stage := results.stage(name)) is not None}
        return summarise_today(stages, timezone, year)

    found: Today = results.remember(("today", timezone), make)
    return found
