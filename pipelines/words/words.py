"""Numbers, counts and names as a reader says them."""

from __future__ import annotations

import math

from ...features.durations import format_duration


def format_number(value: float) -> str:
    """Write a number with separators, and decimals only where it is small.

    >>> format_number(12345.6), format_number(3.14159), format_number(0.05), format_number(float("nan"))
    ('12,346', '3.1', '0.05', 'unknown')
    """
    if value is None or math.isnan(value):
        return "unknown"
    if abs(value) >= 20 or float(value).is_integer():
        return f"{value:,.0f}"
    return f"{value:,.1f}" if abs(value) >= 1 else f"{value:.2g}"


def format_count(count: float, noun: str) -> str:
    """Write a count with its noun.

    >>> format_count(1, "case"), format_count(2, "case"), format_count(0, "query")
    ('1 case', '2 cases', '0 queries')
    """
    if count == 1:
        return f"1 {noun}"
    many = noun[:-1] + "ies" if noun.endswith("y") and noun[-2:-1] not in "aeiou" else noun + "s"
    return f"{format_number(count)} {many}"


def format_value(value: float, unit: str) -> str:
    """Write a KPI value in its unit: a share in percent, a duration in days and hours.

    >>> format_value(0.824, "share"), format_value(5400, "s"), format_value(17, "count")
    ('82.4%', '1 h 30 min', '17')
    """
    if value is None or math.isnan(value):
        return "unknown"
    if unit == "share":
        return f"{value:.1%}"
    return format_duration(value) if unit == "s" else format_number(value)


def format_probability(value: float) -> str:
    """Write a probability in percent, and never as certain.

    >>> format_probability(0.5), format_probability(0.9991), format_probability(0.001)
    ('50%', 'over 99%', 'under 1%')
    """
    return "over 99%" if value > 0.99 else "under 1%" if value < 0.01 else f"{value:.0%}"


def format_list(names: list[str]) -> str:
    """Join names as a sentence does.

    >>> format_list(["a"]), format_list(["a", "b", "c"])
    ('a', 'a, b and c')
    """
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + " and " + names[-1]


def format_kpi(kpi: str) -> str:
    """Write the name of a KPI as words.

    >>> format_kpi("first_response_time"), format_kpi("sla_attainment_resolution"), format_kpi("csat")
    ('First response time', 'SLA attainment resolution', 'CSAT')
    """
    words = kpi.replace("_", " ").replace("sla ", "SLA ")
    return words.upper() if words in ("csat", "nps", "ces", "mttr", "mtbf") else words[0].upper() + words[1:]
