"""What each KPI means (catalogue.py), how it is counted (formulas.py), and its history.

A new KPI: one function and two lines.
"""

from __future__ import annotations

from ..lazy import lazy_names

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "availability": "availability",
        "kpi_history": "kpi_history",
        "series": "kpi_history",
    },
)
