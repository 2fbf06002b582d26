"""Figures that stand in no other table: a table of them for each stage, so that a sentence has its cell too."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from ...features.errors import InputError
from ...models.evaluation.statement import Statement, split_statement
from .facts import Audience, Cell, Fact, Finding, facts_of

FIGURE_COLUMNS = ("kind", "subject", "value", "unit")


def figure(table: str, kind: str, subject: str, value: float, unit: str = "count", **more: Any) -> Fact:
    """Return a fact that stands in a stage's table of figures; :func:`figures_table` makes that table.

    >>> f"{figure('check_figures', 'rows', 'cases', 3.0):row}"
    '3 rows'
    """
    cell = Cell(table, "value", {"kind": kind, "subject": subject})
    return Fact(kind, subject, float(value), unit, cell=cell, **more)


def setting(subject: str, value: float, unit: str = "count") -> Fact:
    """Return a figure that the configuration or a definition sets: it stands in no table.

    >>> f"in {setting('horizon', 7):day}"
    'in 7 days'
    """
    return Fact("setting", subject, float(value), unit)


def figures_table(name: str, findings: Iterable[str]) -> dict[str, pd.DataFrame]:
    """Return the table of figures that sentences state, by its name; nothing where they state none.

    Raises
    ------
    InputError
        If two sentences state different figures of the same thing.

    Examples
    --------
    >>> from deskcast.pipelines.words.facts import Finding
    >>> cases = figure("check_figures", "rows", "cases", 3.0)
    >>> figures_table("check_figures", [Finding(f"{cases:row}.", cases)])["check_figures"].to_dict("records")
    [{'kind': 'rows', 'subject': 'cases', 'value': 3.0, 'unit': 'count'}]
    """
    rows: dict[tuple[str, str], Fact] = {}
    for fact in facts_of(findings):
        if fact.cell is None or fact.cell.table != name:
            continue
        before = rows.setdefault((fact.kind, fact.subject), fact)
        if before.value != fact.value and not (pd.isna(before.value) and pd.isna(fact.value)):
            got = f"{before.value} and {fact.value}"
            raise InputError(
                "two sentences differ on one thing", where=name, column=fact.kind, got=got, code="value.length"
            )
    held = [(f.kind, f.subject, f.value, f.unit) for f in rows.values()]
    return {name: pd.DataFrame(held, columns=list(FIGURE_COLUMNS))} if held else {}


def bind_statement(
    statement: str,
    table: str,
    subject: str,
    *,
    head: str = "",
    cells: Mapping[str, Cell] | None = None,
    audience: Audience = "everyone",
) -> Finding:
    """Turn a sentence of a model into a finding: each of its figures stands in a table of figures or in another cell.

    Parameters
    ----------
    statement
        From :func:`deskcast.models.evaluation.statement.state`; a plain text has no figures.
    table, subject
        Table of figures, and of what is spoken.
    head
        Words to put before it.
    cells
        Name of a figure -> cell of another table that holds it; all of that name are that figure.

    Examples
    --------
    >>> from deskcast.models.evaluation.statement import state
    >>> said = bind_statement(state("Off by {error:.1f} points.", error=3.05), "train_figures", "resolution")
    >>> said, said.facts[0].kind, said.facts[0].text
    ('Off by 3.0 points.', 'error', '3.0')
    """
    facts = []
    for place, stated in enumerate(statement.figures if isinstance(statement, Statement) else ()):
        cell = (cells or {}).get(stated.name)
        of = subject if cell else f"{subject}, {place + 1}"
        cell = cell or Cell(table, "value", {"kind": stated.name, "subject": of})
        facts.append(Fact(stated.name, of, stated.value, cell=cell, text=stated.text, audience=audience))
    return Finding(f"{head}{statement}", *facts, audience=audience)


def bind_sentences(statement: str, table: str, subject: str, **more: Any) -> list[Finding]:
    """Turn a long text of a model into findings of at most three sentences; see :func:`bind_statement`.

    Examples
    --------
    >>> from deskcast.models.evaluation.statement import state
    >>> told = state("One {a}. Two {b}. Three {c}. Four {d}.", a=1, b=2, c=3, d=4)
    >>> [(said, len(said.facts)) for said in bind_sentences(told, "train_figures", "resolution")]
    [('One 1. Two 2. Three 3.', 3), ('Four 4.', 1)]
    """
    parts = split_statement(statement)
    return [
        bind_statement(part, table, subject if len(parts) == 1 else f"{subject} {place}", **more)
        for place, part in enumerate(parts, 1)
    ]
