"""The pages in the order of the navigation; one that has no route yet is not linked."""

from __future__ import annotations

from collections.abc import Iterable

from fastapi import APIRouter, FastAPI

from . import report, sign_in, static
from .about import data, help, models
from .api import api, api_v1, health, metrics
from .cases import case_page, cases, today
from .kpis import alerts, kpi_cases, kpis
from .planning import forecast, review, staffing

#: Title of a page -> its address.
PAGES = {
    "Today": "/",
    "Cases": "/cases",
    "Forecast": "/forecast",
    "Staffing": "/staffing",
    "Review": "/review",
    "KPI alerts": "/alerts",
    "KPIs": "/kpis",
    "Models": "/models",
    "Data": "/data",
    "Help": "/help",
}
_PAGE_FILES = (today, cases, case_page, forecast, staffing, review, alerts, kpi_cases, kpis, models, data, help)
_FILES = (*_PAGE_FILES, report, api, health, metrics, sign_in, static)


def add_routes(app: FastAPI) -> None:
    """Add the routes of every page, and keep which of them the navigation links."""
    routers: Iterable[APIRouter] = (*(file.router for file in _FILES), api_v1.router, api_v1.description)
    for router in routers:
        app.include_router(router)
    there = {path for file in _FILES for path in (getattr(route, "path", "") for route in file.router.routes)}
    app.state.links = [(title, path) for title, path in PAGES.items() if path in there]
