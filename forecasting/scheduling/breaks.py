"""Breaks within a shift: each begins between two times after the shift does, and none lies over another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from ...features.durations import format_duration
from ...features.errors import InputError

#: More ways to place the breaks of one shift than this make a search of hours.
MAX_PLACEMENTS = 60

#: Unpaid and paid breaks of a shift, as (seconds after its begin, length in seconds).
Placement = tuple[tuple[tuple[float, float], ...], tuple[tuple[float, float], ...]]


@dataclass(frozen=True)
class BreakRule:
    """A break of a contract: how long it is, and between which times after the begin of a shift it begins.

    Attributes
    ----------
    length_s
        Its length in seconds.
    earliest_s, latest_s
        Earliest and latest begin, in seconds after the begin of the shift.
    paid
        Whether it is paid: it then counts as working time, but covers nothing.
    """

    length_s: float
    earliest_s: float
    latest_s: float
    paid: bool = False

    def __str__(self) -> str:
        """Write the rule as a configuration does.

        >>> str(BreakRule(1800, 3 * 3600, 5 * 3600)), str(BreakRule(900, 3600, 9000, paid=True))
        ('30min from 3h to 5h', '15min paid from 1h to 2h30min')
        """
        length, begin, end = (
            format_duration(s).replace(" ", "") for s in (self.length_s, self.earliest_s, self.latest_s)
        )
        return f"{length}{' paid' if self.paid else ''} from {begin} to {end}"


def place_breaks(rules: Sequence[BreakRule], length_s: float, step_s: float) -> list[Placement]:
    """Return every way to place the breaks of one shift, with begins a step apart.

    Rules that a shift is too short for are refused, as are breaks that cannot but overlap: a contract that says both
    contradicts itself.

    Parameters
    ----------
    rules
        Breaks of the contract, in order of time.
    length_s
        Length of the shift with its breaks, in seconds.
    step_s
        Seconds between two begins of a break.

    Raises
    ------
    InputError
        Names the break that does not fit.

    Examples
    --------
    >>> lunch, coffee = BreakRule(1800, 3 * 3600, 4 * 3600), BreakRule(900, 5 * 3600, 5 * 3600, paid=True)
    >>> len(place_breaks([lunch, coffee], 8 * 3600, 1800)), place_breaks([coffee], 8 * 3600, 1800)
    (3, [((), ((18000.0, 900),))])
    """
    begins = []
    for rule in rules:
        if rule.latest_s < rule.earliest_s or rule.earliest_s + rule.length_s > length_s:
            wanted = f"a break within the shift of {format_duration(length_s)}"
            raise InputError(
                "the break does not fit into the shift", column="breaks", got=str(rule), wanted=wanted,
                code="plan.impossible",
            )  # fmt: skip
        last = min(rule.latest_s, length_s - rule.length_s)
        begins.append(np.arange(rule.earliest_s, last + 1e-6, step_s))
    found = [(*pair,) for pair in product(*begins) if _is_in_order(pair, rules)]
    if not found:
        names = ", ".join(str(rule) for rule in rules)
        raise InputError(
            "the breaks overlap however they are placed", column="breaks", got=names, code="plan.impossible"
        )
    if len(found) > MAX_PLACEMENTS:
        hint = "narrower times for breaks"
        raise InputError(
            "too many ways to place the breaks", column="breaks", got=f"{len(found):,}",
            wanted=f"at most {MAX_PLACEMENTS}", hint=hint, code="plan.impossible",
        )  # fmt: skip
    return [
        (
            tuple((float(b), r.length_s) for b, r in zip(pair, rules, strict=True) if not r.paid),
            tuple((float(b), r.length_s) for b, r in zip(pair, rules, strict=True) if r.paid),
        )
        for pair in found
    ]


def _is_in_order(begins: Sequence[float], rules: Sequence[BreakRule]) -> bool:
    ends = [b + r.length_s for b, r in zip(begins, rules, strict=True)]
    return all(end <= after for end, after in zip(ends[:-1], begins[1:], strict=True))
