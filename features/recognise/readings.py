"""Candidate readings of one file: how well each explains the values, which is best, and when to ask."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..errors import InputError

#: Two readings that are nearer than this are too close to choose between.
MIN_LEAD = 0.15
#: A reading below this explains too little of the values to be taken without being asked about.
MIN_SCORE = 0.5


@dataclass(frozen=True)
class Reading:
    """One way to read a file.

    Attributes
    ----------
    shape
        What one row would be: ``case table``, ``event log`` and so on.
    score
        How well it explains names and values, from 0 to 1.
    found
        Fields of :class:`Recognised` that it fills.
    reasons
        What speaks for it, in plain words.
    against
        What contradicts it: values that it cannot explain.
    """

    shape: str
    score: float
    found: Mapping[str, Any] = field(default_factory=dict)
    reasons: tuple[str, ...] = ()
    against: tuple[str, ...] = ()


class UnclearReadingError(InputError):
    """Say that the values do not decide between two readings, or contradict the only one.

    ``choices`` are what a user can answer: a label, and the lines of a ``deskcast.toml`` that say so.
    """

    def __init__(self, problem: str, choices: Sequence[tuple[str, str]], *, where: str, code: str, **more: Any) -> None:
        self.choices = tuple(choices)
        self.code = code
        said = "; or ".join(f"{label}: {lines}" for label, lines in self.choices)
        super().__init__(problem, where=where, hint=f"write in deskcast.toml: {said}" if said else None, **more)


def choose_reading(readings: Sequence[Reading], where: str) -> tuple[Reading, Reading | None]:
    """Return the best reading and the runner-up.

    Raises
    ------
    UnclearReadingError
        If two readings are about equally good, or the values contradict the best one.

    Examples
    --------
    >>> best, second = choose_reading([Reading("case table", 0.9), Reading("event log", 0.3)], "t.csv")
    >>> best.shape, second.shape
    ('case table', 'event log')
    """
    ranked = sorted(readings, key=lambda r: (-bool(not r.against), -r.score))
    if not ranked:
        raise InputError("nothing here can be read as cases, events or counts", where=where)
    best = ranked[0]
    second = ranked[1] if len(ranked) > 1 else None
    if best.against:
        raise UnclearReadingError(
            f"is this {_article(best.shape)}? {best.against[0]}",
            [(r.shape, toml_line(r)) for r in ranked[:2]],
            where=where,
            code="contradicted",
        )
    if second is not None and not second.against and best.score - second.score < MIN_LEAD and second.score >= MIN_SCORE:
        raise UnclearReadingError(
            f"is this {_article(best.shape)} ({_why(best)}) or {_article(second.shape)} ({_why(second)})?",
            [(r.shape, toml_line(r)) for r in (best, second)],
            where=where,
            code="two-readings",
        )
    return best, second


def describe_reading(best: Reading, second: Reading | None) -> str:
    """Say in one sentence what was decided, what came next, and why."""
    said = f"read as {_article(best.shape)}: {_why(best)}"
    if second is None or second.score <= 0:
        return said
    lack = second.against[0] if second.against else _why(second) or "little speaks for it"
    return f"{said}; the next best, {_article(second.shape)}, has {second.score:.1f} to {best.score:.1f} ({lack})"


def toml_line(reading: Reading) -> str:
    """Return the lines of a configuration that say this reading, on one line."""
    columns = ", ".join(f'{ours} = "{theirs}"' for ours, theirs in reading.found.get("columns", {}).items())
    table = reading.found.get("table", "cases")
    return f"[source.{table}] columns = {{ {columns} }}" if columns else f"[source.{table}]"


def _article(shape: str) -> str:
    return f"an {shape}" if shape[:1] in "aeiou" else f"a {shape}"


def _why(reading: Reading) -> str:
    return ", ".join(reading.reasons[:3])
