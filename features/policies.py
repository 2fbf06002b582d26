"""Service level policies: which target holds for a case, by its priority and the day on which it was created."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from .calendars import BusinessCalendar, to_micros
from .engine import CaseLog
from .errors import InputError, did_you_mean

#: Milestones that deskcast measures itself; any other name must be a flag of the exporting system.
METRICS = ("first_response", "resolution", "closing")
CLOCKS = ("calendar", "business", "source")


@dataclass(frozen=True)
class Policy:
    """One version of a target: for a metric and a priority (``None`` for any), from an instant on.

    ``statuses`` are those in which the clock stands still; without any, the events ``paused`` and ``resumed``
    say so. ``valid_from`` is in microseconds since 1970 UTC, and the smallest integer where it was always valid.
    """

    policy: str
    metric: str
    priority: str | None
    target_s: float
    source: bool
    calendar: BusinessCalendar
    statuses: frozenset[str]
    valid_from: int


@dataclass(frozen=True)
class PolicyBook:
    """The policies of one metric, and which of them holds for each priority and time of creation.

    ``choice[e, p]`` is the position of the policy for epoch ``e`` and priority ``p``, -1 where there is none; the
    last column is for priorities that no policy names.
    """

    metric: str
    policies: tuple[Policy, ...]
    priorities: tuple[str, ...]
    epochs: npt.NDArray[np.int64]
    choice: npt.NDArray[np.int64]

    @property
    def source(self) -> bool:
        """Whether the exporting system decides on this metric."""
        return self.policies[0].source

    def choose(self, created: npt.NDArray[np.int64], priority: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Return the position of the policy that holds, for instants of creation and codes of priority."""
        epoch = np.searchsorted(self.epochs, created, side="right")
        return np.asarray(self.choice[epoch, priority], dtype=np.int64)

    def code(self, names: pd.Series[Any]) -> npt.NDArray[np.int64]:
        """Return the code of each priority; one that no policy names has the last."""
        codes = {name: i for i, name in enumerate(self.priorities)}
        mapped = names.map(codes).fillna(len(codes))
        return np.asarray(mapped.to_numpy(), dtype=np.int64)


def policy_books(log: CaseLog) -> dict[str, PolicyBook]:
    """Read the policies of a log, by metric in alphabetical order; none where the log has no policies.

    Raises
    ------
    InputError
        If a policy names a metric, a clock or a calendar that is not there, or has no target.

    Examples
    --------
    >>> import pandas as pd
    >>> cases = pd.DataFrame({"case_id": ["1"], "created_at": ["2024-03-01T09:00Z"]})
    >>> policies = pd.DataFrame({"policy": ["gold"], "metric": ["resolution"], "target_s": [7200], "clock": "calendar"})
    >>> list(policy_books(CaseLog.from_frames(cases=cases, sla_policies=policies)))
    ['resolution']
    """
    if not log.has("sla_policies"):
        return {}
    frame = log.frame("sla_policies")
    policies = [_policy(row, number, log) for number, row in enumerate(frame.to_dict("records"), start=1)]
    metrics = sorted({p.metric for p in policies})
    return {metric: _book(metric, [p for p in policies if p.metric == metric]) for metric in metrics}


def _policy(row: dict[Any, Any], number: int, log: CaseLog) -> Policy:
    clock, metric = str(row["clock"]), str(row["metric"])
    if clock not in CLOCKS:
        hint = did_you_mean(clock, CLOCKS)
        raise InputError("unknown clock", where="sla_policies", column="clock", row=number, got=clock, hint=hint)
    source = clock == "source"
    if not source and metric not in METRICS:
        hint = did_you_mean(metric, METRICS) or ""
        hint = f"{hint}; a flag of the exporting system needs clock = 'source'"
        raise InputError("unknown metric", where="sla_policies", column="metric", row=number, got=metric, hint=hint)
    target = row.get("target_s")
    if not source and not (pd.notna(target) and 0 < float(str(target)) < np.inf):
        raise InputError(
            "a target must be above 0",
            where="sla_policies",
            column="target_s",
            row=number,
            got=target,
            wanted="seconds",
        )
    since = row.get("valid_from")
    statuses = str(row["pause_on"]).split(",") if pd.notna(row.get("pause_on")) else []
    return Policy(
        str(row["policy"]),
        metric,
        str(row["priority"]) if pd.notna(row.get("priority")) else None,
        np.nan if source else float(str(target)),
        source,
        _calendar(clock, row.get("calendar"), number, log),
        frozenset(s.strip().casefold() for s in statuses if s.strip()),
        int(to_micros([since], "valid_from")[0]),
    )


def _calendar(clock: str, name: Any, number: int, log: CaseLog) -> BusinessCalendar:
    if clock != "business":
        return BusinessCalendar.always()
    if pd.isna(name) or str(name) not in log.calendars:
        got = None if pd.isna(name) else str(name)
        hint = did_you_mean(got or "", tuple(log.calendars)) if log.calendars else "the log has no calendars"
        raise InputError(
            "a business clock needs a calendar of the log",
            where="sla_policies",
            column="calendar",
            row=number,
            got=got,
            hint=hint,
        )
    return log.calendars[str(name)]


def _book(metric: str, policies: list[Policy]) -> PolicyBook:
    if len({p.source for p in policies}) > 1:
        raise InputError(
            "a metric is either measured or a flag of the exporting system, not both",
            where="sla_policies",
            column="clock",
            got=metric,
        )
    priorities = tuple(sorted({p.priority for p in policies if p.priority is not None}))
    epochs = np.array(sorted({p.valid_from for p in policies}), dtype=np.int64)
    table = [
        [_chosen(policies, priority, when) for priority in (*priorities, None)] for when in (None, *epochs.tolist())
    ]
    return PolicyBook(metric, tuple(policies), priorities, epochs, np.array(table, dtype=np.int64))


def _chosen(policies: list[Policy], priority: str | None, when: int | None) -> int:
    """Find the first policy for the priority, then the first for any, and of it the version in force."""
    wanted = [priority, None] if priority is not None else [None]
    for sought in wanted:
        fitting = [
            (i, p) for i, p in enumerate(policies) if p.priority == sought and when is not None and p.valid_from <= when
        ]
        if fitting:
            name = fitting[0][1].policy
            return max((p.valid_from, i) for i, p in fitting if p.policy == name)[1]
    return -1
