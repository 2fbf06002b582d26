"""Whether sentences and tables hold the same figures: each number is a fact, and each fact is that of its cell."""

from __future__ import annotations

import calendar
import math
import re
from collections.abc import Iterable

from ..stage import Stage
from .facts import Fact
from .words import format_value

_MONTH = "|".join([*calendar.month_name[1:], *calendar.month_abbr[1:]])
#: Dates, times of day, names in quotes and ids in brackets are no figures.
_NO_FIGURES = re.compile(
    rf"\[[^\]]*\]|'[^']*'|\b\d{{4}}-\d\d-\d\d\b|\b(?:\d{{1,2}} )?(?:{_MONTH})(?: \d{{4}})?\b|\b\d\d?:\d\d\b"
)
_NUMBER = re.compile(r"(?<![\w.\-])-?\d+(?:,\d{3})*(?:\.\d+)?(?!\w)")


def contradictions(stage: Stage) -> list[str]:
    """Name each fact whose sentence lacks its figure, or whose table holds another one.

    Examples
    --------
    >>> import pandas as pd
    >>> from deskcast.pipelines.words.facts import Cell, Finding
    >>> three = Fact("volume", "all", 3.0, cell=Cell("totals", "y", take="sum"))
    >>> totals = pd.DataFrame({"y": [1.0, 1.0]})
    >>> contradictions(Stage("forecast", {"totals": totals}, (Finding(f"{three} cases.", three),)))
    ["forecast: '3 cases.' states 3, the table totals holds 2"]
    """
    found = []
    for finding in stage.findings:
        for fact in getattr(finding, "facts", ()):
            if not any(_pattern(form).search(finding) for form in fact.forms):
                found.append(f"{stage.name}: '{finding}' does not state its fact {fact.kind} of {fact.subject}: {fact}")
            if fact.text and not is_rounding_of(fact.text, fact.value):
                found.append(f"{stage.name}: '{finding}' writes {fact.value} as {fact.text}")
            if fact.cell is None:
                continue
            held = fact.cell.read(stage.tables)
            both = math.isnan(held) and math.isnan(fact.value)
            if not both and not math.isclose(held, fact.value, rel_tol=1e-9, abs_tol=1e-9):
                shown = format_value(held, "count")
                found.append(f"{stage.name}: '{finding}' states {fact}, the table {fact.cell.table} holds {shown}")
    return found


def undeclared_numbers(sentence: str, facts: Iterable[Fact] = (), names: Iterable[str] = ()) -> list[str]:
    """Return the numbers of a sentence that none of its facts states.

    Dates, times, and what stands in quotes or brackets are no figures; nor are names and subjects with digits in them.

    Examples
    --------
    >>> undeclared_numbers("Since Mon 02 Mar 2026 3 of 7 cases of team 12 broke it.", [Fact("cases", "team 12", 3.0)])
    ['7']
    """
    known = list(facts)
    rest = sentence
    for name in sorted({*names, *(f.subject for f in known)}, key=len, reverse=True):
        rest = rest.replace(name, " ") if any(c.isdigit() for c in name) else rest
    for form in sorted({form for fact in known for form in fact.forms}, key=len, reverse=True):
        rest = _pattern(form).sub(" ", rest)
    return [number.group() for number in _NUMBER.finditer(_NO_FIGURES.sub(" ", rest))]


def is_rounding_of(text: str, value: float) -> bool:
    """Return whether a text writes a value, or a hundred times it, to the decimals that the text has.

    >>> is_rounding_of("0.0664", 0.06642), is_rounding_of("6.1", 0.0611), is_rounding_of("6.2", 0.0611)
    (True, True, False)
    """
    number = float(text.replace(",", ""))
    step = 0.5 * 10.0 ** -len(text.partition(".")[2])
    return any(abs(number - scale * value) <= step * (1 + 1e-9) for scale in (1.0, 100.0))


def _pattern(form: str) -> re.Pattern[str]:
    """Find a figure as a whole: 4 does not stand in 14, 4.5, 1,400 or 4:30."""
    return re.compile(rf"(?<![\w.\-])(?<!\d[,:]){re.escape(form)}(?!\w|[.,:]\d)")
