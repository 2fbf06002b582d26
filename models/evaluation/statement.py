"""Sentences of models with the figures that they state, so that whoever shows them can hold them against a table."""

from __future__ import annotations

from collections.abc import Iterable
from numbers import Real
from string import Formatter
from typing import NamedTuple


class StatedFigure(NamedTuple):
    """A figure of a sentence: what it is, its value, and how the sentence writes it."""

    name: str
    value: float
    text: str


class Statement(str):
    """A sentence with its figures; everywhere else it is a plain text."""

    figures: tuple[StatedFigure, ...]

    def __new__(cls, text: str, figures: Iterable[StatedFigure] = ()) -> Statement:
        """Bind a sentence and its figures."""
        made = super().__new__(cls, text)
        made.figures = tuple(figures)
        return made


def state(template: str, **parts: object) -> Statement:
    """Fill a template as ``str.format`` does, and remember the numbers; sentences in it bring theirs.

    Examples
    --------
    >>> few = state("only {cases:,} cases ended", cases=1200)
    >>> said = state("Nothing was learnt, because {why} ({least} are needed).", why=few, least=2000)
    >>> str(said), [figure.text for figure in said.figures]
    ('Nothing was learnt, because only 1,200 cases ended (2000 are needed).', ['1,200', '2000'])
    """
    text, figures = "", list[StatedFigure]()
    for literal, name, spec, _ in Formatter().parse(template):
        text += literal
        if name is None:
            continue
        part = parts[name]
        written = format(part, spec or "")
        text += written
        figures += getattr(part, "figures", ())
        if isinstance(part, Real):
            figures.append(StatedFigure(name, float(part), written.strip(" %")))
    return Statement(text, figures)


def join_statements(parts: Iterable[str], between: str = " ") -> Statement:
    """Join sentences or parts of one, with the figures of all.

    >>> join_statements([state("by {gain}", gain=2), "by chance"], " and ")
    'by 2 and by chance'
    """
    kept = [part for part in parts if part]
    return Statement(between.join(kept), [figure for part in kept for figure in getattr(part, "figures", ())])
