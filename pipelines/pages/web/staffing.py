"""Staffing: need, schedule and difference."""

from __future__ import annotations

from fastapi import APIRouter

from .view import PageRoute

router = APIRouter(route_class=PageRoute)
