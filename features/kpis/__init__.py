"""What each KPI means (catalogue.py), how it is counted (formulas.py), and its history.

A new KPI: one function and two lines.
"""

from ..lazy import lazy_names

#: Module -> the names that it hands on.
HOMES = {
    "availability": "availability",
    "cases_behind": "find_cases_behind find_rows_behind",
    "kpi_history": "kpi_history series",
}
__getattr__, __dir__ = lazy_names(__name__, HOMES)
