"""The result of scheduling: who works when, what that covers, and why it falls short where it does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import sparse

from ...features.arrays import Floats, Ints
from ..integer_search import ceiling
from ..solver import Matrix
from .shift_patterns import ShiftPattern, format_clock_time, format_weekdays

#: Fewer agents than this are rounding.
AGENT_TOLERANCE = 1e-6


@dataclass(frozen=True)
class Schedule:
    """Who works when, what that covers, and how good it is.

    Attributes
    ----------
    table
        One row a pattern that is worked: ``pattern`` (in one line), ``kind``, ``agents`` (on contacts, of those on this
        shift), ``scheduled_agents`` (agents scheduled, with shrinkage), ``days``, ``start``, ``end``, ``breaks`` (times
        of day), ``hours`` (paid in the horizon, of all its people).
    coverage
        One row an interval: ``ds``, ``required``, ``scheduled`` (on contacts: what is left of them after shrinkage),
        ``understaffed``, ``overstaffed``, ``reason`` (why it falls short).
    hours, bound_hours
        Paid hours in the horizon, and a number that no schedule with so little shortfall can go below.
    gap
        Share of the cost (hours and priced shortfall) that a better schedule could save at most: proven.
    seconds
        Time that it took; nothing depends on it.
    idle_hours
        Paid hours in which nobody is required: shifts are longer than what they are there for.
    surplus_hours
        Paid hours beyond those to schedule for what is required and covered; ``idle_hours`` are among them.
    rounding_hours
        Of these, the ones that come of rounding the shrinkage up to whole agents. The others come of whole shifts:
        their lengths, their days a week and the fewest agents of a kind.
    carried_hours
        Agent hours on contacts in the horizon from shifts that began before it; they are not paid in it.
    """

    table: pd.DataFrame
    coverage: pd.DataFrame
    hours: float
    bound_hours: float
    gap: float
    seconds: float
    idle_hours: float = 0.0
    surplus_hours: float = 0.0
    rounding_hours: float = 0.0
    carried_hours: float = 0.0

    def sentences(self) -> tuple[str, ...]:
        """Describe in plain words how good the schedule is, and where and why it falls short."""
        people, short = (
            int(self.table["scheduled_agents"].sum()),
            self.coverage[self.coverage["understaffed"] > AGENT_TOLERANCE],
        )
        said = [
            f"{people:,} people work {self.hours:,.1f} hours in {len(self.table):,} patterns; no schedule is better by "
            f"more than {self.gap:.1%}."
        ]
        if self.surplus_hours > AGENT_TOLERANCE:
            said.append(
                f"{self.surplus_hours:,.1f} of the hours are more than is to schedule: "
                f"{self.surplus_hours - self.rounding_hours:,.1f} from whole shifts, {self.rounding_hours:,.1f} from "
                "rounding the shrinkage up to whole people."
            )
        if self.idle_hours > AGENT_TOLERANCE:
            said.append(f"{self.idle_hours:,.1f} of the hours fall where nobody is required.")
        if not len(short):
            return (*said, "Every interval is covered.")
        worst = short.iloc[int(short["understaffed"].to_numpy().argmax())]
        said.append(
            f"{len(short):,} of {len(self.coverage):,} intervals fall short, most on {worst['ds']:%a %d %b %H:%M} by "
            f"{worst['understaffed']:,.1f} of {worst['required']:,.1f}."
        )
        counts = short["reason"].value_counts()
        return (*said, *(f"{count:,} of them: {why}." for why, count in counts.items()))


def build_table(patterns: Sequence[ShiftPattern], count: Floats, paid: Floats, off: float) -> pd.DataFrame:
    """Return one row a pattern that is worked, with the agents to schedule for those on contacts."""
    rows = [
        {
            "pattern": p.name,
            "kind": p.kind,
            "agents": round(count[j]),
            "scheduled_agents": 0,
            "days": format_weekdays(p.days),
            "start": format_clock_time(p.start_s),
            "end": format_clock_time(p.start_s + p.length_s),
            "breaks": ", ".join(p.break_times),
            "hours": float(paid[j]),
        }
        for j, p in enumerate(patterns)
        if count[j] > 0.5
    ]
    columns = ["pattern", "kind", "agents", "scheduled_agents", "days", "start", "end", "breaks", "hours"]
    frame = pd.DataFrame(rows, columns=columns).astype(
        {"agents": "int64", "scheduled_agents": "int64", "hours": "float64"}
    )
    text = {c: "str" for c in columns if c not in ("agents", "scheduled_agents", "hours")}
    frame = frame.astype(text).sort_values(["kind", "days", "start", "end", "breaks"], ignore_index=True)
    frame["scheduled_agents"] = add_shrinkage(frame["agents"].to_numpy(), off)
    frame["hours"] *= frame["scheduled_agents"]
    return frame


def add_shrinkage(agents: Ints, shrinkage: float) -> Ints:
    """Return the agents to schedule on each shift: their sum is rounded up once, and no shift has fewer than before.

    >>> add_shrinkage(np.array([1, 1, 2, 6]), 0.2).tolist()
    [2, 1, 2, 8]
    """
    total = ceiling(np.cumsum(agents) / (1 - shrinkage))
    return np.diff(total, prepend=0)


def build_coverage(
    ds: pd.DatetimeIndex,
    need: Floats,
    matrix: Matrix,
    count: Floats,
    patterns: Sequence[ShiftPattern],
    limits: Mapping[str, float] | None,
    max_agents: float | None,
    still_on: Floats | float = 0.0,
) -> pd.DataFrame:
    """Return required and scheduled agents by interval, with the reason where they are too few."""
    scheduled = np.asarray(matrix @ count) + still_on
    short = np.maximum(need - scheduled, 0.0)
    short[short < AGENT_TOLERANCE] = 0.0
    kinds = np.array([p.kind for p in patterns])
    full = {k for k, most in (limits or {}).items() if count[kinds == k].sum() > most - 1 + AGENT_TOLERANCE}
    everybody = max_agents is not None and count.sum() > max_agents - 1 + AGENT_TOLERANCE
    rows, words = sparse.csr_array(matrix), [""] * len(ds)
    for i in np.flatnonzero(short):
        there = set(kinds[rows.indices[rows.indptr[i] : rows.indptr[i + 1]]].tolist())
        if not there:
            words[i] = "no shift covers this time"
        elif everybody:
            words[i] = "all people that may be scheduled are"
        elif there <= full:
            words[i] = f"the limit on {', '.join(sorted(there))} is reached"
        else:
            words[i] = "a further shift costs more than the shortfall"
    return pd.DataFrame(
        {
            "ds": ds,
            "required": need,
            "scheduled": scheduled,
            "understaffed": short,
            "overstaffed": np.maximum(scheduled - need, 0.0),
            "reason": pd.Series(words, dtype="str"),
        }
    )
