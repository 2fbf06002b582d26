"""KPI alerts: KPI changes and what people said of them."""

from __future__ import annotations

from fastapi import APIRouter

from .view import PageRoute

router = APIRouter(route_class=PageRoute)
