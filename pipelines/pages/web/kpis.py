"""KPIs: each KPI, its weeks, its segments and its cases."""

from __future__ import annotations

from fastapi import APIRouter

from .view import PageRoute

router = APIRouter(route_class=PageRoute)
