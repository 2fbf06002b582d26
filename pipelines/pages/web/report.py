"""The report and the result tables as they are, at the addresses of earlier versions."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import pandas as pd
from fastapi import APIRouter
from fastapi.responses import HTMLResponse, PlainTextResponse, Response

from ...store.results import read_findings
from ...store.table_files import quote_formulas
from ...words.columns import table_title
from ...words.tables import format_table
from .frame.listing import read_page_number
from .frame.view import PageRoute, PageView

ROWS_PER_PAGE = 100
#: The report holds its own style; nothing else of it may be loaded or run.
_REPORT_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
router = APIRouter(route_class=PageRoute)


@router.get("/report", response_class=HTMLResponse)
def report(view: PageView, full: bool = False) -> Response:
    """Show the report of the last run; ``full`` has all tables and charts."""
    from ..report import render_report  # it draws, and brings the libraries of the pictures

    results = view.snapshot

    def render() -> str:
        return render_report(
            [stage for s in results.results.stages if (stage := results.stage(s.name)) is not None],
            title=view.desk.title,
            made_at=results.results.made_at,
            version=results.results.version,
            timezone=view.desk.timezone,
            served=True,
            instants=results.results.instants,
            full=full,
        )

    page = results.remember(("report", full), render)
    return HTMLResponse(page, headers={"Content-Security-Policy": _REPORT_POLICY})


@router.get("/tables", response_class=HTMLResponse)
def tables(view: PageView) -> Response:
    """List the result tables."""
    found = read_findings(view.desk.store.folder)
    rows = [(s["name"], t, table_title(t), s.get("tables_made_at")) for s in found["stages"] for t in s["tables"]]
    return view.page("tables.html", rows=rows)


@router.get("/tables/{name}.csv")
def table_csv(view: PageView, name: str, q: str = "") -> Response:
    """Give a result table as CSV, without formulas."""
    text = quote_formulas(filter_rows(view.result_table(name), q)).to_csv(index=False)
    headers = {"Content-Disposition": f'attachment; filename="{name}.csv"'}
    return PlainTextResponse(text, media_type="text/csv; charset=utf-8", headers=headers)


@router.get("/tables/{name}", response_class=HTMLResponse)
def table(view: PageView, name: str, q: str = "", page: str = "1") -> Response:
    """Show a page of a result table."""
    frame = filter_rows(view.result_table(name), q)
    last = max(1, -(-len(frame) // ROWS_PER_PAGE))
    number = read_page_number(page, last)
    shown = format_table(name, frame.iloc[(number - 1) * ROWS_PER_PAGE :], ROWS_PER_PAGE, view.desk.timezone)
    links = {
        word: "?" + urlencode({"q": q, "page": other})
        for word, other in (("Previous", number - 1), ("Next", number + 1))
        if 1 <= other <= last
    }
    stages = read_findings(view.desk.store.folder)["stages"]
    made = next((stage.get("tables_made_at") for stage in stages if name in stage["tables"]), None)
    values: dict[str, Any] = {"q": q, "number": number, "last": last, "total": len(frame), "pages": links}
    return view.page("table.html", table=shown, heading=table_title(name), made=made, **values)


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
