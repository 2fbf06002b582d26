"""The rules of a contract, each looked up in a finished schedule, apart from the search that made it.

A rule is a function of the rows of one kind of contract. It returns by how much it is broken, 0 where it is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from .breaks import BreakRule
from .shift_patterns import WEEKDAY_NAMES

_DAY_S = 86400.0


@dataclass(frozen=True)
class ContractRules:
    """What a contract allows: days a week, times of day, rest, breaks, and how many people there are.

    Attributes
    ----------
    days_per_week, are_days_off_together
        Days that each person works, and whether the days off lie together.
    workdays
        Days of the week on which the contract may be worked, 0 for Monday; the others are no days off.
    first_start_s, last_end_s
        Earliest begin and latest end of a shift in seconds after midnight; ``None`` where only begins are given.
    min_rest_s
        Least seconds between two shifts of a person.
    breaks
        Breaks of each shift, in order of time.
    min_agents, max_agents
        Fewest and most people.
    """

    days_per_week: int
    are_days_off_together: bool = True
    workdays: tuple[int, ...] = (0, 1, 2, 3, 4, 5, 6)
    first_start_s: float = 0.0
    last_end_s: float | None = None
    min_rest_s: float = 0.0
    breaks: tuple[BreakRule, ...] = ()
    min_agents: int = 0
    max_agents: int | None = None


def days_beyond_the_week(rows: pd.DataFrame, rules: ContractRules) -> float:
    """Return the days that people work beyond their week, or less than it."""
    return _over(rows, lambda row: abs(len(_days(row)) - rules.days_per_week))


def days_off_apart(rows: pd.DataFrame, rules: ContractRules) -> float:
    """Return how many people have days off that are not together, Sunday and Monday being next to each other."""
    if not rules.are_days_off_together:
        return 0.0

    def is_apart(row: Any) -> bool:
        own = [day in _days(row) for day in rules.workdays]
        return sum(a != b for a, b in zip(own, own[1:] + own[:1], strict=True)) > 2

    return _over(rows, is_apart)


def hours_outside_the_contract(rows: pd.DataFrame, rules: ContractRules) -> float:
    """Return the hours of shifts, a day, before the earliest begin and after the latest end."""

    def outside(row: Any) -> float:
        begin, end = _begin_and_end(row)
        late = 0.0 if rules.last_end_s is None else max(end - rules.last_end_s, 0.0)
        return (max(rules.first_start_s - begin, 0.0) + late) / 3600

    return _over(rows, outside)


def hours_of_rest_missing(rows: pd.DataFrame, rules: ContractRules) -> float:
    """Return the hours a week that people lack of their rest between the shifts of two days."""

    def missing(row: Any) -> float:
        begin, end = _begin_and_end(row)
        days = set(_days(row))
        pairs = sum((day + 1) % 7 in days for day in days)
        return pairs * max(rules.min_rest_s - (_DAY_S - (end - begin)), 0.0) / 3600

    return _over(rows, missing)


def breaks_out_of_place(rows: pd.DataFrame, rules: ContractRules) -> float:
    """Return how many breaks of a day are missing, are of another length, or begin too early or too late."""
    if not rules.breaks:
        return 0.0

    def wrong(row: Any) -> float:
        begin = _begin_and_end(row)[0]
        spans = [tuple(_clock(t) for t in text.split("-")) for text in str(row["breaks"]).split(", ") if text]
        seen = sorted(((a - begin) % _DAY_S, (b - a) % _DAY_S) for a, b in spans)
        kept = sum(
            rule.earliest_s <= after <= rule.latest_s and length == rule.length_s
            for (after, length), rule in zip(seen, rules.breaks, strict=False)
        )
        return max(len(seen), len(rules.breaks)) - kept

    return _over(rows, wrong)


def agents_beyond_the_limits(rows: pd.DataFrame, rules: ContractRules) -> float:
    """Return how many people there are more than the most, or fewer than the fewest."""
    people = float(rows["scheduled_agents"].sum())
    most = people if rules.max_agents is None else rules.max_agents
    return max(people - most, rules.min_agents - people, 0.0)


#: Name of a rule as people read it -> how much it is broken.
RULES: dict[str, Callable[[pd.DataFrame, ContractRules], float]] = {
    "days a week": days_beyond_the_week,
    "days off together": days_off_apart,
    "times of day": hours_outside_the_contract,
    "rest between shifts": hours_of_rest_missing,
    "breaks": breaks_out_of_place,
    "number of agents": agents_beyond_the_limits,
}


def find_broken_rules(rows: pd.DataFrame, rules: ContractRules) -> dict[str, float]:
    """Return the rules of a contract that its rows of a schedule break, and by how much.

    Parameters
    ----------
    rows
        The ``table`` of a :class:`~.schedule_tables.Schedule`, of one kind of contract.
    rules
        What the contract allows.

    Examples
    --------
    >>> rows = pd.DataFrame({"days": ["mon-thu"], "start": ["22:00"], "end": ["09:00"], "breaks": [""],
    ...                      "scheduled_agents": [2]})
    >>> find_broken_rules(rows, ContractRules(5, min_rest_s=14 * 3600))
    {'days a week': 2.0, 'rest between shifts': 6.0}
    """
    amounts = {name: rule(rows, rules) for name, rule in RULES.items()}
    return {name: amount for name, amount in amounts.items() if amount > 1e-9}


def _over(rows: pd.DataFrame, broken: Callable[[Any], float]) -> float:
    """Return the sum over all people of what each row breaks."""
    return float(sum(row["scheduled_agents"] * float(broken(row)) for row in rows.to_dict("records")))


def _days(row: Any) -> Sequence[int]:
    found: list[int] = []
    for part in str(row["days"]).split(","):
        first, _, last = part.partition("-")
        begin = WEEKDAY_NAMES.index(first)
        found += range(begin, WEEKDAY_NAMES.index(last or first) + 1)
    return found


def _begin_and_end(row: Any) -> tuple[float, float]:
    """Return begin and end in seconds after midnight; an end that is not later lies on the next day."""
    begin, end = _clock(row["start"]), _clock(row["end"])
    return begin, end if end > begin else end + _DAY_S


def _clock(text: object) -> float:
    hours, minutes = str(text).split(":")
    return 3600.0 * int(hours) + 60.0 * int(minutes)
