"""Candidate readings of one file: how well each explains the values, which is best, and when to ask."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..errors import InputError

#: Two readings that are nearer than this are too close to choose between.
MIN_LEAD = 0.15
#: A reading below this explains too little of the values to be taken without being asked about.
MIN_SCORE = 0.5

#: Puts a question with its answers to a user, and returns the number of the answer.
Ask = Callable[[str, Sequence[str]], int]


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
    instead
        What its owner may mean where it is contradicted: a label, and that reading.
    """

    shape: str
    score: float
    found: Mapping[str, Any] = field(default_factory=dict)
    reasons: tuple[str, ...] = ()
    against: tuple[str, ...] = ()
    instead: tuple[tuple[str, Reading], ...] = ()


class UnclearReadingError(InputError):
    """Report that the values do not decide between two readings, or contradict the only one.

    ``choices`` are what a user can answer: a label, and the lines of a ``deskcast.toml`` that say so.
    """

    def __init__(self, problem: str, choices: Sequence[tuple[str, str]], *, where: str, code: str, **more: Any) -> None:
        self.choices = tuple(choices)
        said = "; or ".join(f"{label}: {lines}" for label, lines in self.choices)
        super().__init__(
            problem, where=where, code=code, hint=f"write in deskcast.toml: {said}" if said else None, **more
        )


def choose_reading(readings: Sequence[Reading], where: str, ask: Ask | None = None) -> tuple[Reading, Reading | None]:
    """Return the best reading and the runner-up.

    Parameters
    ----------
    ask
        Puts a question with its answers to a user and returns the number of the answer.

    Raises
    ------
    UnclearReadingError
        If two readings are about equally good, or the values contradict the best one, and nobody can be asked.

    Examples
    --------
    >>> best, second = choose_reading([Reading("case table", 0.9), Reading("event log", 0.3)], "t.csv")
    >>> best.shape, second.shape
    ('case table', 'event log')
    """
    ranked = sorted(readings, key=lambda r: (-bool(not r.against), -r.score))
    if not ranked:
        raise InputError("missing columns of cases, events or counts", where=where, code="reading.none")
    best = ranked[0]
    second = ranked[1] if len(ranked) > 1 else None
    if best.against:
        question = f"the values speak against the best reading, {_article(best.shape)}: {best.against[0]}"
        others = best.instead or tuple((_choice(r), r) for r in ranked[1:2])
        return _answered(question, [(_choice(best), best), *others], where, "reading.contradicted", ask), second
    close = second is not None and not second.against and second.score >= MIN_SCORE
    if second is not None and close and best.score - second.score < MIN_LEAD:
        question = f"is this {_article(best.shape)} ({_why(best)}) or {_article(second.shape)} ({_why(second)})?"
        answers = [(_choice(best), best), (_choice(second), second)]
        chosen = _answered(question, answers, where, "reading.unclear", ask)
        return chosen, second if chosen is best else best
    return best, second


def _answered(question: str, answers: Sequence[tuple[str, Reading]], where: str, code: str, ask: Ask | None) -> Reading:
    """Return the reading that a user chooses, or refuse with the question and the lines of each answer."""
    if ask is None:
        raise UnclearReadingError(question, [(label, toml_line(r)) for label, r in answers], where=where, code=code)
    return answers[ask(f"{where}: {question}", [label for label, _ in answers])][1]


def describe_reading(best: Reading, second: Reading | None) -> str:
    """Describe in one sentence what was decided, what came next, and why."""
    said = f"read as {_article(best.shape)}: {_why(best)}"
    if second is None or second.score <= 0:
        return said
    lack = second.against[0] if second.against else _why(second) or "little speaks for it"
    return f"{said}; the next best, {_article(second.shape)}, has {second.score:.1f} to {best.score:.1f} ({lack})"


def toml_line(reading: Reading) -> str:
    """Return the lines of a configuration that say this reading, on one line."""
    columns = ", ".join(f'{ours} = "{theirs}"' for ours, theirs in reading.found.get("columns", {}).items())
    table = reading.found.get("table", "cases")
    kinds = ", ".join(f'"{theirs}" = "{ours}"' for theirs, ours in reading.found.get("kinds", {}).items())
    said = f"[source.{table}]" + (f" columns = {{ {columns} }}" if columns else "")
    return f"{said}, kinds = {{ {kinds} }}" if kinds else said


def _choice(reading: Reading) -> str:
    case = reading.found.get("columns", {}).get("case_id")
    return f"{reading.shape}, a case is a value of '{case}'" if case else f"{reading.shape}, a case is a row"


def _article(shape: str) -> str:
    if shape == "arrivals":
        return "a bare list of arrivals"
    return f"an {shape}" if shape[:1] in "aeiou" else f"a {shape}"


def _why(reading: Reading) -> str:
    return ", ".join(reading.reasons[:3])
