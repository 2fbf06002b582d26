"""One way to write shares, counts, durations, dates, ranges, changes, money and what is missing."""

from __future__ import annotations

import math

import pandas as pd

from ...features.durations import format_duration

#: What a table shows where nothing is known; sentences write "unknown".
MISSING_TEXT = "–"
UNKNOWN_TEXT = "unknown"
#: Shares that differ by less are written with a decimal, and so are those below.
CLOSE_SHARES, SMALL_SHARE = 0.02, 0.1
_DAY_S, _HOUR_S = 86400.0, 3600.0


def format_number(value: float) -> str:
    """Write a number with separators, and one decimal where it is below 10 and not whole.

    >>> format_number(12345.6), format_number(3.14159), format_number(0.004), format_number(float("nan"))
    ('12,346', '3.1', 'under 0.1', 'unknown')
    """
    if value is None or math.isnan(value):
        return UNKNOWN_TEXT
    size = abs(value)
    if 0 < size < 0.05:
        return "under 0.1"
    shown = f"{size:,.0f}" if size >= 9.95 or float(size).is_integer() else f"{size:.1f}".removesuffix(".0")
    return f"-{shown}" if value < 0 and shown != "0" else shown


def format_score(value: float) -> str:
    """Write a score of a model, such as an AUC, with two decimals.

    >>> format_score(0.83712), format_score(4.2), format_score(0.0003), format_score(float("nan"))
    ('0.84', '4.20', 'under 0.01', 'unknown')
    """
    if value is None or math.isnan(value):
        return UNKNOWN_TEXT
    return "under 0.01" if 0 < abs(value) < 0.005 else f"{value:,.2f}"


def format_expected_count(value: float) -> str:
    """Write an expected count: whole, and never as 0 where something is expected.

    >>> format_expected_count(84.6), format_expected_count(0.3), format_expected_count(0)
    ('85', 'under 1', '0')
    """
    if value is None or math.isnan(value):
        return UNKNOWN_TEXT
    return "under 1" if 0 < value < 0.5 else f"{value:,.0f}"


def format_count(count: float, noun: str) -> str:
    """Write a count with its noun.

    >>> format_count(1, "case"), format_count(2, "breach"), format_count(0, "query"), format_count(1.0001, "agent")
    ('1 case', '2 breaches', '0 queries', '1 agent')
    """
    shown = format_number(count)
    if shown == "1":
        return f"1 {noun}"
    many = noun[:-1] + "ies" if noun.endswith("y") and noun[-2:-1] not in "aeiou" else noun + "s"
    many = noun + "es" if noun.endswith(("ch", "sh", "x")) else many
    return f"{shown} {many}"


def format_share(value: float, beside: float | None = None) -> str:
    """Write a share in whole percent; with a decimal below 10%, near 100%, or near a value that stands beside it.

    >>> format_share(0.824), format_share(0.0456), format_share(0.996), format_share(1.0), format_share(0.0002)
    ('82%', '4.6%', '99.6%', '100%', 'under 0.1%')
    >>> format_share(0.7321, beside=0.7455), format_share(-0.031), format_share(float("nan"))
    ('73.2%', '-3.1%', 'unknown')
    """
    if value is None or math.isnan(value):
        return UNKNOWN_TEXT
    size, sign = abs(value), "-" if value < 0 else ""
    if 0 < size < 0.0005:
        return "under 0.1%"
    if 0.9995 <= size < 1:
        return "over 99.9%"
    close = beside is not None and not math.isnan(beside) and 0 < abs(value - beside) < CLOSE_SHARES
    exact = size < SMALL_SHARE - 0.0005 or 0.99 <= size < 1 or close
    return f"{sign}{size:.1%}".replace(".0%", "%") if exact else f"{sign}{size:.0%}"


def format_points(value: float) -> str:
    """Write a difference of two shares in percentage points.

    >>> format_points(0.034), format_points(-0.12), format_points(0.01)
    ('3.4 points', '-12 points', '1 point')
    """
    if value is None or math.isnan(value):
        return UNKNOWN_TEXT
    shown = format_number(100 * value)
    return f"{shown} {'point' if shown in ('1', '-1') else 'points'}"


def add_plus(shown: str, value: float) -> str:
    """Write a change with its sign, also where it is a rise; what reads as 0 has none.

    >>> add_plus("9.4 points", 9.4), add_plus("-12 points", -12), add_plus("0 points", 0.01)
    ('+9.4 points', '-12 points', '0 points')
    """
    return f"+{shown}" if value > 0 and shown.split(" ")[0] != "0" else shown


def format_probability(value: float) -> str:
    """Write a probability in percent, and never as certain.

    >>> format_probability(0.5), format_probability(0.9991), format_probability(0.001)
    ('50%', 'over 99%', 'under 1%')
    """
    if value is None or math.isnan(value):
        return UNKNOWN_TEXT
    return "over 99%" if value > 0.99 else "under 1%" if value < 0.01 else f"{value:.0%}"


def format_value(value: float, unit: str, beside: float | None = None) -> str:
    """Write a KPI value in its unit: a share in percent, a duration in its two largest units.

    >>> format_value(0.824, "share"), format_value(5400, "s"), format_value(17, "count"), format_value(41.2, "points")
    ('82%', '1 h 30 min', '17', '41 points')
    """
    if value is None or math.isnan(value):
        return UNKNOWN_TEXT
    if unit == "share":
        return format_share(value, beside)
    if unit == "probability":
        return format_probability(value)
    if unit == "points":
        return format_points(value / 100)
    if unit == "model_score":
        return format_score(value)
    if unit in ("money", "ratio"):
        return f"{value:,.2f}" if abs(value) < 100 else f"{value:,.0f}"
    return format_duration(value) if unit == "s" else format_number(value)


def format_business_time(seconds: float) -> str:
    """Write business time in hours; a day of business hours is not 24 of them.

    >>> format_business_time(93600), format_business_time(9000), format_business_time(1200), format_business_time(-7200)
    ('26 h', '2.5 h', '20 min', '-2 h')
    """
    if abs(seconds) < _HOUR_S:
        return format_duration(seconds)
    return f"{format_number(seconds / _HOUR_S)} h"


def format_date(when: pd.Timestamp, year: int | None = None) -> str:
    """Write a day; the year only where it is not that of the page.

    >>> format_date(pd.Timestamp("2026-03-02"), 2026), format_date(pd.Timestamp("2025-12-31"), 2026)
    ('Mon 2 Mar', 'Wed 31 Dec 2025')
    """
    shown = f"{when:%a} {when.day} {when:%b}"
    return shown if when.year == year else f"{shown} {when.year}"


def format_instant(when: pd.Timestamp, year: int | None = None) -> str:
    """Write day and time of day.

    >>> format_instant(pd.Timestamp("2026-03-02 08:30"), 2026)
    'Mon 2 Mar 08:30'
    """
    return f"{format_date(when, year)} {when:%H:%M}"


def format_date_range(first: pd.Timestamp, last: pd.Timestamp, year: int | None = None) -> str:
    """Write first and last day.

    >>> format_date_range(pd.Timestamp("2024-03-04"), pd.Timestamp("2024-03-06"), 2024)
    'Mon 4 Mar to Wed 6 Mar'
    """
    return format_date(first, year) if first == last else f"{format_date(first, year)} to {format_date(last, year)}"


def format_range(low: float, high: float, unit: str = "count") -> str:
    """Write a range from its lower to its upper end.

    >>> format_range(592.6, 722.4), format_range(0.701, 0.782, "share")
    ('593 to 722', '70% to 78%')
    """
    return f"{format_value(low, unit)} to {format_value(high, unit)}"


def format_change(change: float, base: str) -> str:
    """Write a relative change with what it is measured against.

    >>> format_change(0.053, "the 4-week average"), format_change(-0.2, "last week")
    ('up 5.3% on the 4-week average', 'down 20% on last week')
    """
    return f"{'up' if change >= 0 else 'down'} {format_share(abs(change))} on {base}"


def format_money(amount: float, currency: str) -> str:
    """Write an amount of money with its currency.

    >>> format_money(1200, "EUR"), format_money(3.5, "EUR")
    ('1,200 EUR', '3.50 EUR')
    """
    return f"{format_value(amount, 'money')} {currency}".strip()


def format_list(names: list[str], last: str = "and") -> str:
    """Join names as a sentence does.

    >>> format_list(["a"]), format_list(["a", "b", "c"]), format_list(["a", "b"], "or")
    ('a', 'a, b and c', 'a or b')
    """
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} {last} {names[-1]}"


def format_queue(name: str) -> str:
    """Write the name of a queue as it begins a sentence.

    >>> format_queue("phone"), format_queue("second_line")
    ('Phone', 'Second line')
    """
    words = name.replace("_", " ")
    return words[:1].upper() + words[1:]


def format_kpi(kpi: str) -> str:
    """Write the name of a KPI as words.

    >>> format_kpi("first_response_time"), format_kpi("sla_attainment_resolution"), format_kpi("csat")
    ('First response time', 'SLA attainment resolution', 'CSAT')
    """
    words = kpi.replace("_", " ").replace("sla ", "SLA ")
    return words.upper() if words in ("csat", "nps", "ces", "mttr", "mtbf") else words[:1].upper() + words[1:]


def format_sla(metric: str) -> str:
    """Write which SLA is meant: that of a metric, or the only one that the system itself decides.

    >>> format_sla("first_response"), format_sla("made_sla")
    ('first response SLA', 'SLA')
    """
    words = metric.replace("_", " ")
    return "SLA" if words.endswith("sla") else f"{words} SLA"
