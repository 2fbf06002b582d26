"""Sentences of models with the figures that they state, so that whoever shows them can hold them against a table."""

from __future__ import annotations

import re
from collections.abc import Iterable
from numbers import Real
from string import Formatter
from typing import NamedTuple

_SENTENCE_END = re.compile(r"(?<=[.!]) (?=[A-Z])")


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
    >>> said = state("Not enough data, because {why} ({least} are needed).", why=few, least=2000)
    >>> str(said), [figure.text for figure in said.figures]
    ('Not enough data, because only 1,200 cases ended (2000 are needed).', ['1,200', '2000'])
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


def split_statement(statement: str, size: int = 3) -> list[Statement]:
    """Split a text into groups of so many sentences, each with its own figures.

    Examples
    --------
    >>> whole = join_statements([state("On {n} cases.", n=5), "It is used.", state("Off by {error:.1f}.", error=0.31)])
    >>> [(str(part), [f.text for f in part.figures]) for part in split_statement(whole, 2)]
    [('On 5 cases. It is used.', ['5']), ('Off by 0.3.', ['0.3'])]
    """
    sentences = _SENTENCE_END.split(statement)
    figures = list(getattr(statement, "figures", ()))
    found = []
    for start in range(0, len(sentences), size):
        text, at, mine = " ".join(sentences[start : start + size]), 0, []
        while figures and (place := text.find(figures[0].text, at)) >= 0:
            at = place + len(figures[0].text)
            mine.append(figures.pop(0))
        found.append(Statement(text, mine))
    return found
