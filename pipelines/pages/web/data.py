"""Data: what was read and what was rejected."""

from __future__ import annotations

from fastapi import APIRouter

from .view import PageRoute

router = APIRouter(route_class=PageRoute)
