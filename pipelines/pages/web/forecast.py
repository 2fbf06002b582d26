"""Forecast: volumes to expect, past forecasts, scenarios."""

from __future__ import annotations

from fastapi import APIRouter

from .view import PageRoute

router = APIRouter(route_class=PageRoute)
