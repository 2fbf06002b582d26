"""Today: what a manager asks first, and what to do about it."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
from fastapi import APIRouter
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from ..today import TOP_COLUMNS, Today, summarise_today
from .listing import quote_name
from .snapshot import LazyTables, Snapshot
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


class _RiskTables(LazyTables):
    """The tables of risk, of the longest only what a summary reads."""

    def __getitem__(self, name: str) -> pd.DataFrame:
        if name not in ("risk", "open_cases", "breached_cases"):
            return super().__getitem__(name)
        there = self.results.columns(name)
        columns = ", ".join(quote_name(c) for c in (*TOP_COLUMNS, "rank", "work_first", "metric") if c in there)
        return self.results.query(f"SELECT {columns} FROM {{{name}}}")


def load_summary(results: Snapshot, timezone: str, year: int | None) -> Today:
    """Return the tiles and findings of the report, made once of each results."""
    names = [stage.name for stage in results.results.stages]

    def make() -> Today:
        stages = {name: stage for name in names if (stage := results.stage(name)) is not None}
        if "risk" in stages:
            stages["risk"] = replace(stages["risk"], tables=_RiskTables(results, list(stages["risk"].tables)))
        return summarise_today(stages, timezone, year)

    found: Today = results.remember(("today", timezone), make)
    return found
