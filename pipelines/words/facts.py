"""One fact, one figure: a sentence states facts, and each says in which cell of a result table its value stands."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

import pandas as pd

from ...features.errors import InputError
from ..stage import Stage
from .words import format_probability, format_value

Audience = Literal["everyone", "planner", "analyst"]
Take = Literal["only", "size", "sum", "count", "mean", "max", "min"]


@dataclass(frozen=True)
class Cell:
    """Where a value stands: a column of a result table, the rows that ``keys`` name, and what is taken of them.

    ``size`` takes the value of the one row without its sign, as in "72 fewer".

    Examples
    --------
    >>> tables = {"risk": pd.DataFrame({"metric": ["resolution", "closing"], "probability": [0.5, 0.25]})}
    >>> Cell("risk", "probability", {"metric": "closing"}).read(tables)
    0.25
    >>> Cell("risk", "probability", take="sum").read(tables)
    0.75
    """

    table: str
    column: str
    keys: Mapping[str, Any] | None = None
    take: Take = "only"

    def read(self, tables: Mapping[str, pd.DataFrame]) -> float:
        """Return the value; missing where no row is named, an error where ``only`` names several."""
        rows = tables[self.table]
        for column, value in (self.keys or {}).items():
            rows = rows[rows[column].isna() if value is None else rows[column] == value]
        if self.take == "count":
            return float(len(rows))
        found = pd.to_numeric(rows[self.column]).astype("float64")
        if self.take not in ("only", "size"):
            return float(getattr(found, self.take)())
        if len(found) > 1:
            raise InputError("a fact stands in one row", where=self.table, got=f"{len(found)} rows of {self.keys}")
        value = float(found.iloc[0]) if len(found) else math.nan
        return abs(value) if self.take == "size" else value


@dataclass(frozen=True)
class Fact:
    """A figure that a sentence states. In an f-string it writes itself: its value, or the field that is named.

    Attributes
    ----------
    kind, subject
        What is stated (``volume``, ``kpi_alert``, ``goal``), and of what.
    value, unit
        The figure; ``unit`` as of a KPI (count, share, s, ...), or ``probability``.
    expected, low, high
        What was expected, and the likely range, in the same unit.
    since, as_of
        From when it holds, and of which instant it is.
    audience
        Who is to read it.
    cell
        Where it stands in the result tables.

    Examples
    --------
    >>> csat = Fact("kpi_alert", "csat", 0.724, "share", expected=0.801, since=pd.Timestamp("2026-03-02"))
    >>> f"CSAT {csat}, expected {csat:expected}, since {csat:since}"
    'CSAT 72.4%, expected 80.1%, since Mon 02 Mar 2026'
    """

    kind: str
    subject: str
    value: float
    unit: str = "count"
    expected: float | None = None
    low: float | None = None
    high: float | None = None
    since: pd.Timestamp | None = None
    as_of: pd.Timestamp | None = None
    audience: Audience = "everyone"
    cell: Cell | None = None

    def __format__(self, spec: str) -> str:
        """Write the value, or with ``expected``, ``low``, ``high``, ``since`` or ``as_of`` that field."""
        value = getattr(self, spec or "value")
        if isinstance(value, pd.Timestamp):
            return f"{value:%a %d %b %Y}"
        if self.unit == "probability":
            return format_probability(value)
        return format_value(math.nan if value is None else value, self.unit)


class Finding(str):
    """A sentence with the facts that it states; everywhere else it is a plain text."""

    facts: tuple[Fact, ...]
    audience: Audience

    def __new__(cls, text: str, *facts: Fact, audience: Audience | None = None) -> Finding:
        """Bind a sentence and its facts; the audience is the first fact's by default."""
        found = super().__new__(cls, text)
        found.facts = facts
        found.audience = audience or (facts[0].audience if facts else "everyone")
        if found.audience not in get_args(Audience):
            raise InputError("unknown audience", column="audience", got=audience, wanted=", ".join(get_args(Audience)))
        return found


def facts_of(findings: Iterable[str]) -> list[Fact]:
    """Return the facts of all sentences, in their order."""
    return [fact for finding in findings for fact in getattr(finding, "facts", ())]


def fact_record(fact: Fact) -> dict[str, Any]:
    """Return a fact as JSON holds it: times with their zone, unknown values as null."""
    numbers = {n: getattr(fact, n) for n in ("value", "expected", "low", "high")}
    times = {n: getattr(fact, n) for n in ("since", "as_of")}
    return {
        "kind": fact.kind,
        "subject": fact.subject,
        **{n: None if v is None or math.isnan(v) else float(v) for n, v in numbers.items()},
        "unit": fact.unit,
        **{n: None if v is None else v.isoformat() for n, v in times.items()},
        "audience": fact.audience,
        "link": None if fact.cell is None else _link(fact.cell),
    }


def _link(cell: Cell) -> dict[str, Any]:
    rows = {column: None if value is None else str(value) for column, value in (cell.keys or {}).items()}
    return {"table": cell.table, "column": cell.column, "rows": rows, "take": cell.take}


def contradictions(stage: Stage) -> list[str]:
    """Name each fact whose sentence lacks its figure, or whose table holds another one.

    Examples
    --------
    >>> three = Fact("volume", "all", 3.0, cell=Cell("totals", "y", take="sum"))
    >>> totals = pd.DataFrame({"y": [1.0, 1.0]})
    >>> contradictions(Stage("forecast", {"totals": totals}, (Finding(f"{three} cases.", three),)))
    ["forecast: '3 cases.' states 3, the table totals holds 2"]
    """
    found = []
    for finding in stage.findings:
        for fact in getattr(finding, "facts", ()):
            if f"{fact}" not in finding:
                found.append(f"{stage.name}: '{finding}' does not state its fact {fact.kind} of {fact.subject}: {fact}")
            if fact.cell is None:
                continue
            held = fact.cell.read(stage.tables)
            both = math.isnan(held) and math.isnan(fact.value)
            if not both and not math.isclose(held, fact.value, rel_tol=1e-9, abs_tol=1e-9):
                shown = format_value(held, "count")
                found.append(f"{stage.name}: '{finding}' states {fact}, the table {fact.cell.table} holds {shown}")
    return found
