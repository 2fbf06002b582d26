"""Addresses of a KPI, and of the cases behind one of its values."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote, urlencode

import pandas as pd


def kpi_path(kpi: str, series: str = "all") -> str:
    """Return the address of a KPI, of one segment where a series names it.

    >>> kpi_path("csat"), kpi_path("csat", "region North West")
    ('/kpis/csat', '/kpis/csat?region=North+West')
    """
    query = urlencode(parse_series(series))
    return f"/kpis/{quote(kpi, safe='')}" + (f"?{query}" if query else "")


def cases_path(kpi: str, period: str, freq: str, segment: Mapping[str, str] | None = None, state: str = "") -> str:
    """Return the address of the cases behind a value of a KPI.

    >>> cases_path("csat", "2026-02-09", "W", {"region": "North"})
    '/kpis/csat/cases?period=2026-02-09&freq=W&region=North'
    """
    query = {"period": period, "freq": freq, **({"state": state} if state else {}), **(segment or {})}
    return f"/kpis/{quote(kpi, safe='')}/cases?{urlencode(query)}"


def week_cases_path(kpi: str, day: pd.Timestamp, series: str) -> str:
    """Return the address of the cases behind the week of a day."""
    monday = day.normalize() - pd.Timedelta(days=day.day_of_week)
    return cases_path(kpi, f"{monday:%Y-%m-%d}", "W", parse_series(series))


def parse_series(series: str) -> dict[str, str]:
    """Return the segment that a series of an alert names: column and value, of several columns if need be.

    >>> parse_series("all"), parse_series("region North West"), parse_series("channel phone, region N")
    ({}, {'region': 'North West'}, {'channel': 'phone', 'region': 'N'})
    """
    if series == "all":
        return {}
    parts = (part.partition(" ") for part in series.split(", "))
    return {column: value for column, _, value in parts if value}
