"""Help: glossary, and how numbers are made."""

from __future__ import annotations

from fastapi import APIRouter

from .view import PageRoute

router = APIRouter(route_class=PageRoute)
