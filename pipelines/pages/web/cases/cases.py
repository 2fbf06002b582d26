"""Cases: open cases with their breach risk, filtered, sorted, searched, saved as a view and exported."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated
from urllib.parse import parse_qsl, quote

from fastapi import APIRouter, Depends
from fastapi.responses import HTMLResponse, Response

from ....words.columns import column_label
from ....words.tables import format_table
from ..frame.export import export_frame
from ..frame.forms import Form, read_form
from ..frame.listing import Listing, read_listing
from ..frame.view import PageRoute, PageView, View
from ..frame.writes import save
from .case_list import EXPORTED, SHOWN, SITUATIONS, list_spec
from .case_records import read_snoozes, read_views

router = APIRouter(route_class=PageRoute)


@router.get("/cases", response_class=HTMLResponse)
def cases(view: PageView) -> Response:
    """Show the list of open cases, as its address asks for it."""
    missing = view.missing("risk", *SITUATIONS)
    if missing:
        return view.page("cases.html", missing=missing)
    listing, snoozed = open_listing(view)
    total = listing.total(view.snapshot)
    frame = listing.rows(view.snapshot, SHOWN)
    kept = [c for c in SHOWN if frame[c].notna().any() or c in ("case_id", listing.sort.removeprefix("-"))]
    shown = format_table("risk", frame[kept], listing.size, view.desk.timezone, view.year)
    return view.page(
        "cases.html",
        missing=None,
        listing=listing,
        total=total,
        table=shown,
        names=kept,
        links=[case_path(case_id) for case_id in frame["case_id"]],
        sorts={column: listing.sort_link(column) for column in kept},
        labels={column: column_label("risk", column) for column in listing.spec.facets},
        facets=listing.facets(view.snapshot),
        views=read_views(view),
        snoozed=snoozed,
        all_shown="snoozed" in view.request.query_params,
        query=listing.link(page=1).lstrip("?"),
    )


def open_listing(view: View) -> tuple[Listing, int]:
    """Return the list of the address, without cases that are set aside, and how many those are."""
    listing = read_listing(list_spec(view.snapshot), view.request.query_params.multi_items())
    snoozed = sorted(read_snoozes(view))
    if snoozed and "snoozed" not in view.request.query_params:
        marks = ", ".join("?" * len(snoozed))
        listing = replace(listing, fixed=f"case_id NOT IN ({marks})", fixed_values=tuple(snoozed))
    return listing, len(snoozed)


@router.get("/cases.{ending}")
def cases_file(view: PageView, ending: str) -> Response:
    """Give the cases that the filters leave as CSV, Excel workbook or Parquet, whole."""
    listing, _ = open_listing(view)
    return export_frame(listing.every(view.snapshot, EXPORTED), "cases", ending)


@router.post("/cases/views")
def save_view(view: PageView, form: Annotated[Form, Depends(read_form("note"))]) -> Response:
    """Keep the filters of a list under a name, or delete a view."""
    name = form.text("name", "The name of the view", 80)
    if form.get("delete"):
        save(view, "view", name, None)
        return view.redirect("/cases", "view-deleted")
    asked = read_listing(list_spec(view.snapshot), parse_qsl(form.get("query", "")))
    query = asked.link(page=1).lstrip("?")
    save(view, "view", name, {"query": query})
    return view.redirect(f"/cases?{query}" if query else "/cases", "view")


def case_path(case_id: str) -> str:
    """Return the address of the page of a case.

    >>> case_path("A/7 b")
    '/cases/A%2F7%20b'
    """
    return f"/cases/{quote(str(case_id), safe='')}"
