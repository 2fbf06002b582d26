"""One fact, one figure: a sentence states facts, and each says in which cell of a result table its value stands."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

import pandas as pd

from ...features.errors import InputError
from .words import add_plus, format_count, format_date, format_expected_count, format_share, format_value

Audience = Literal["everyone", "planner", "analyst"]
Take = Literal["only", "size", "sum", "count", "distinct", "mean", "max", "min", "last", "ceiling"]


@dataclass(frozen=True)
class Cell:
    """Where a value stands: a column of a result table, the rows that ``keys`` name, and what is taken of them.

    A key is a value, ``None`` for rows without one, or a pair of first and last value. ``size`` takes the value of the
    one row without its sign, as in "72 fewer"; ``distinct`` counts different values; ``ceiling`` rounds the largest
    up, as people are; ``sum`` and ``mean`` may have a column of weights. ``scale`` turns half hours into hours.

    Examples
    --------
    >>> tables = {"risk": pd.DataFrame({"metric": ["resolution", "closing"], "probability": [0.5, 0.25]})}
    >>> Cell("risk", "probability", {"metric": "closing"}).read(tables)
    0.25
    >>> Cell("risk", "probability", take="sum", scale=2).read(tables)
    1.5
    """

    table: str
    column: str
    keys: Mapping[str, Any] | None = None
    take: Take = "only"
    scale: float = 1.0
    weight: str = ""

    def read(self, tables: Mapping[str, pd.DataFrame]) -> float:
        """Return the value; missing where no row is named, an error where ``only`` names several."""
        rows = tables[self.table]
        for column, value in (self.keys or {}).items():
            rows = rows[_is_named(rows[column], value)]
        if self.take in ("count", "distinct"):
            return float(len(rows) if self.take == "count" else rows[self.column].nunique())
        found = pd.to_numeric(rows[self.column]).astype("float64")
        if self.take in ("only", "size"):
            if len(found) > 1:
                raise InputError(
                    "a fact must be of one row",
                    where=self.table,
                    got=f"{len(found)} rows of {self.keys}",
                    code="value.range",
                )
            value = float(found.iloc[0]) if len(found) else math.nan
            return self.scale * (abs(value) if self.take == "size" else value)
        return self.scale * self._take(found, rows)

    def _take(self, found: pd.Series[float], rows: pd.DataFrame) -> float:
        if self.take == "last":
            return float(found.iloc[-1]) if len(found) else math.nan
        if self.take == "ceiling":
            return float(math.ceil(found.max() - ROUNDING)) if len(found) else math.nan
        if self.weight:
            weights = rows[self.weight].astype("float64")
            total, whole = float((found * weights)[weights > 0].sum()), float(weights.sum())
            return total if self.take == "sum" else total / whole if whole > 0 else math.nan
        return float(getattr(found, self.take)())


#: What a number may be above a whole one by rounding of the machine.
ROUNDING = 1e-9


def _is_named(values: pd.Series[Any], key: Any) -> pd.Series[bool]:
    """Return which rows a key names; a key that was read from JSON is a text."""
    if key is None:
        return values.isna()
    if isinstance(key, (tuple, list)):
        first, last = (_as_in(values, k) for k in key)
        return values.ge(first) & values.le(last)
    return values.eq(_as_in(values, key))


def _as_in(values: pd.Series[Any], key: Any) -> Any:
    if not isinstance(key, str):
        return key
    if pd.api.types.is_datetime64_any_dtype(values):
        return pd.Timestamp(key)
    if pd.api.types.is_bool_dtype(values):
        return key == "True"
    return float(key) if pd.api.types.is_numeric_dtype(values) else key


@dataclass(frozen=True)
class Fact:
    """A figure that a sentence states. In an f-string it writes itself: its value, or as the format says.

    Attributes
    ----------
    kind, subject
        What is stated (``volume``, ``kpi_alert``, ``goal``; ``setting`` for a figure of the configuration), and of
        what.
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
    text
        How the sentence writes it, where that is not as its unit says; see :func:`is_rounding_of`.

    Examples
    --------
    >>> csat = Fact("kpi_alert", "csat", 0.724, "share", expected=0.801, since=pd.Timestamp("2026-03-02"))
    >>> f"CSAT {csat}, expected {csat:expected}, since {csat:since}; about {csat:%}"
    'CSAT 72%, expected 80%, since Mon 2 Mar 2026; about 72%'
    >>> f"{Fact('volume', 'all', 1.0):open case}, {Fact('volume', 'all', 18.8):about case}"
    '1 open case, about 19 cases'
    >>> f"{Fact('breaches', 'all', 3.2):about}, {Fact('breaches', 'all', 0.2):about}"
    'about 3, under 1'
    >>> f"{Fact('goal', 'csat', 0.7873, 'share', expected=0.8)}", f"{Fact('breaches', 'all', 0.3):~case}"
    ('78.7%', 'under 1 case')
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
    text: str = ""

    @classmethod
    def at(
        cls, cell: Cell, tables: Mapping[str, pd.DataFrame], kind: str, subject: str, unit: str = "count", **more: Any
    ) -> Fact:
        """Return the fact that stands in a cell."""
        return cls(kind, subject, cell.read(tables), unit, cell=cell, **more)

    def __format__(self, spec: str) -> str:
        """Write the value, a field by its name, ``%`` without decimals, or with a noun; ``~`` rounds to a whole.

        ``+`` writes its sign, also of a rise. ``about`` rounds too, and says "about" of what is rounded, which
        "under 1" is not.
        """
        if spec.startswith("about"):
            shown = format(self, f"~{spec.removeprefix('about').strip()}")
            return f"about {shown}" if shown[:1].isdigit() and self.value else shown
        if spec in _FIELDS or not spec:
            return self._write(getattr(self, spec or "value"), spec)
        if spec == "+":
            return add_plus(format(self), self.value)
        if spec == "%":
            return _format_whole_percent(self.value)
        whole, noun = spec.startswith("~"), spec.removeprefix("~")
        if not whole:
            return format_count(self.value, noun)
        shown = format_expected_count(self.value)
        return (
            shown
            if not noun
            else format_count(float(round(self.value)), noun)
            if shown[:1].isdigit()
            else (f"{shown} {noun}")
        )

    def _write(self, value: float | pd.Timestamp | None, field: str = "") -> str:
        if isinstance(value, pd.Timestamp):
            page = self.as_of if field == "since" else None
            return format_date(value, None if page is None else page.year)
        beside = self.value if field in ("expected", "low", "high") else self.expected
        return format_value(math.nan if value is None else value, self.unit, beside)

    @property
    def forms(self) -> set[str]:
        """The ways in which sentences may write its figures."""
        if self.text:
            return {self.text}
        given = [name for name in ("value", *_FIELDS) if getattr(self, name) is not None]
        return {f"{self}", f"{self:%}", f"{self:~}"} | {f"{self:{name}}" for name in given if name != "value"}


def _format_whole_percent(value: float) -> str:
    """Write a share in whole percent; one that is not quite none or all says so.

    >>> [_format_whole_percent(share) for share in (0.823, 0.999, 1.0, 0.0002)]
    ['82%', '99.9%', '100%', 'under 0.1%']
    """
    if math.isnan(value):
        return "unknown"
    shown = f"{value:.0%}"
    return format_share(value) if shown in ("0%", "100%") and value not in (0.0, 1.0) else shown


_FIELDS = ("value", "expected", "low", "high", "since", "as_of")


class Finding(str):
    """A sentence with the facts that it states, and the names in it; everywhere else it is a plain text."""

    facts: tuple[Fact, ...]
    audience: Audience
    names: tuple[str, ...]

    def __new__(cls, text: str, *facts: Fact, audience: Audience | None = None, names: Iterable[str] = ()) -> Finding:
        """Bind a sentence and its facts; the audience is the first fact's by default.

        ``names`` are those that hold digits which are no figures: of files, segments, parts of a country.
        """
        found = super().__new__(cls, text)
        found.facts = facts
        found.names = tuple(names)
        found.audience = audience or (facts[0].audience if facts else "everyone")
        if found.audience not in get_args(Audience):
            raise InputError(
                "unknown audience",
                column="audience",
                got=audience,
                wanted=", ".join(get_args(Audience)),
                code="value.unknown",
            )
        return found


def audience_of(text: str) -> Audience:
    """Return who is to read a sentence; a plain text is for everyone.

    >>> audience_of("One case."), audience_of(Finding("One case.", audience="analyst"))
    ('everyone', 'analyst')
    """
    return text.audience if isinstance(text, Finding) else "everyone"


def join_findings(parts: Iterable[str], between: str = " ") -> Finding:
    """Join sentences, with the facts and names of all.

    >>> three, two = Fact("cases", "all", 3.0), Fact("cases", "team A", 2.0)
    >>> joined = join_findings([Finding(f"{three:case}.", three), "", Finding(f"{two} of team A.", two)])
    >>> str(joined), len(joined.facts)
    ('3 cases. 2 of team A.', 2)
    """
    kept = [part for part in parts if part]
    names = [name for part in kept for name in getattr(part, "names", ())]
    audience = next((part.audience for part in kept if isinstance(part, Finding)), None)
    return Finding(between.join(kept), *facts_of(kept), audience=audience, names=names)


def replace_text(finding: Finding, text: str) -> Finding:
    """Return a finding with another text, of the same facts, audience and names.

    >>> replace_text(Finding("One case.", audience="analyst"), "Risk: one case.").audience
    'analyst'
    """
    return Finding(text, *finding.facts, audience=finding.audience, names=finding.names)


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
        **({"text": fact.text} if fact.text else {}),
    }


def _link(cell: Cell) -> dict[str, Any]:
    rows = {column: _plain(value) for column, value in (cell.keys or {}).items()}
    link = {"table": cell.table, "column": cell.column, "rows": rows, "take": cell.take}
    return link | ({"scale": cell.scale} if cell.scale != 1 else {}) | ({"weight": cell.weight} if cell.weight else {})


def _plain(key: Any) -> Any:
    if isinstance(key, (tuple, list)):
        return [_plain(k) for k in key]
    return None if key is None else str(key)


def read_fact(record: Mapping[str, Any]) -> Fact:
    """Return the fact that a record of ``findings.json`` holds.

    >>> read_fact(fact_record(Fact("volume", "all", 3.0, cell=Cell("totals", "y", take="sum")))).cell.take
    'sum'
    """
    link = record["link"]
    cell = None if link is None else Cell(link["table"], link["column"], *_rest_of(link))
    value = math.nan if record["value"] is None else record["value"]
    more: dict[str, Any] = {n: record[n] for n in ("expected", "low", "high", "audience")}
    more |= {n: None if record[n] is None else pd.Timestamp(record[n]) for n in ("since", "as_of")}
    more |= {"cell": cell, "text": record.get("text", "")}
    return Fact(record["kind"], record["subject"], value, record["unit"], **more)


def finding_records(findings: Iterable[str]) -> dict[str, Any]:
    """Return sentences as JSON holds them: the texts, their facts, each with the place of its sentence, and names.

    >>> finding_records([Finding("One.", Fact("cases", "all", 1.0), names=["7b"])])["names"]
    [['7b']]
    """
    said = list(findings)
    facts = [{**fact_record(f), "finding": i} for i, text in enumerate(said) for f in getattr(text, "facts", ())]
    return {
        "findings": [str(text) for text in said],
        "facts": facts,
        "names": [list(getattr(text, "names", ())) for text in said],
        "audiences": [audience_of(text) for text in said],
    }


def read_finding_records(body: Mapping[str, Any]) -> tuple[Finding, ...]:
    """Return the sentences of :func:`finding_records`; those of earlier versions have no facts."""
    facts: dict[int, list[Fact]] = {}
    for record in body.get("facts", ()):
        if "finding" in record:
            facts.setdefault(record["finding"], []).append(read_fact(record))
    names = body.get("names") or [()] * len(body["findings"])
    audiences = body.get("audiences") or [None] * len(body["findings"])
    return tuple(
        Finding(text, *facts.get(i, ()), audience=audience, names=named)
        for i, (text, named, audience) in enumerate(zip(body["findings"], names, audiences, strict=True))
    )


def _rest_of(link: Mapping[str, Any]) -> tuple[Any, ...]:
    return link["rows"] or None, link["take"], link.get("scale", 1.0), link.get("weight", "")
