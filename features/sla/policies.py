"""Service level policies: which target holds for a case, by its priority, its attributes and the time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ..calendars.business_calendar import BusinessCalendar, to_micros
from ..case_log.cache import compute_once
from ..case_log.log import CaseLog
from ..case_log.schema import TABLES
from ..errors import InputError, did_you_mean
from .presets import NEVER_PAUSED, POLICY_OPTIONS, PRESETS, TURN_METRICS, preset_option

#: Milestones that deskcast measures itself; any other name must be a flag of the exporting system.
SLA_METRICS = (
    "first_response",
    "next_response",
    "resolution",
    "closing",
    "requester_wait",
    "agent_work",
    "pausable_update",
    "periodic_update",
)
CLOCK_KINDS = ("calendar", "business", "due", "source")

#: What a case must be for a policy to match: for each column of its creation, the values of which it has one.
Condition = tuple[tuple[str, tuple[str, ...]], ...]


@dataclass(frozen=True)
class Policy:
    """One version of a target: for a metric and a priority (``None`` for any), from an instant on.

    ``statuses`` are those in which the clock stands still; without any, the events ``paused`` and ``resumed``
    say so, unless ``unpaused``. ``valid_from`` is in microseconds since 1970 UTC, and the smallest integer where it
    was always valid. ``options`` are those of :data:`deskcast.features.sla.presets.POLICY_OPTIONS`, in that order.
    """

    policy: str
    metric: str
    priority: str | None
    target_s: float
    source: bool
    calendar: BusinessCalendar
    statuses: frozenset[str]
    valid_from: int
    is_never_paused: bool = False
    condition: Condition = ()
    options: tuple[str, ...] = tuple(allowed[0] for allowed in POLICY_OPTIONS.values())
    due: bool = False

    @property
    def has_target(self) -> bool:
        """Whether a target is measured here, and not a due time or a flag of the exporting system."""
        return not (self.source or self.due)

    def option(self, name: str) -> str:
        """Return the choice of one option."""
        return self.options[tuple(POLICY_OPTIONS).index(name)]


@dataclass(frozen=True)
class MetricPolicies:
    """The policies of one metric, and which of them holds for each priority, instant and kind of case.

    ``everyone`` are the policies of all metrics in their order, because the first policy that fits a case may be one
    without a target for this metric.
    """

    metric: str
    policies: tuple[Policy, ...]
    all_policies: tuple[Policy, ...]
    priorities: tuple[str, ...]
    epochs: npt.NDArray[np.int64]
    conditions: tuple[Condition, ...]

    @property
    def source(self) -> bool:
        """Whether the exporting system decides on this metric."""
        return self.policies[0].source

    @property
    def due(self) -> bool:
        """Whether the due times of the cases themselves are the promise."""
        return self.policies[0].due

    def option(self, name: str) -> str:
        """Return the choice of one option, which all policies of a metric share."""
        return self.policies[0].option(name)

    def kinds(self, cases: pd.DataFrame) -> tuple[npt.NDArray[np.int64], list[frozenset[Condition]]]:
        """Return for each case a number, and for each number the conditions that such a case fulfils."""
        held = np.ones((len(cases), len(self.conditions)), dtype=bool)
        for i, condition in enumerate(self.conditions):
            for column, values in condition:
                held[:, i] &= cases[column].astype("str").isin(values).to_numpy()
        found, code = np.unique(held, axis=0, return_inverse=True)
        sets = [frozenset(c for c, fits in zip(self.conditions, row, strict=True) if fits) for row in found]
        return np.asarray(code, dtype=np.int64).reshape(-1), sets

    def choose(
        self,
        when: npt.NDArray[np.int64],
        priority: npt.NDArray[np.int64],
        kind: npt.NDArray[np.int64],
        sets: list[frozenset[Condition]],
    ) -> npt.NDArray[np.int64]:
        """Return the position of the policy that holds, -1 for none: for instants, codes of priority and kinds."""
        names = (*self.priorities, None)
        moments = (None, *self.epochs.tolist())
        table = [[[self._chosen(p, m, fits) for p in names] for m in moments] for fits in sets]
        if not table:
            return np.full(len(when), -1)
        epoch = np.searchsorted(self.epochs, when, side="right")
        return np.asarray(np.array(table, dtype=np.int64)[kind, epoch, priority], dtype=np.int64)

    def code(self, names: pd.Series[Any]) -> npt.NDArray[np.int64]:
        """Return the code of each priority; one that no policy names has the last."""
        codes = {name: i for i, name in enumerate(self.priorities)}
        mapped = names.map(codes).fillna(len(codes))
        return np.asarray(mapped.to_numpy(), dtype=np.int64)

    def _chosen(self, priority: str | None, when: int | None, fits: frozenset[Condition]) -> int:
        """Find the policy that holds, and of it the version in force."""
        if when is None:
            return -1

        def good(p: Policy) -> bool:
            return p.valid_from <= when and p.condition in fits

        rows = [(i, p) for i, p in enumerate(self.policies) if good(p) and p.priority in (priority, None)]
        match = self.option("match")
        if match == "policy":
            first = next((p.policy for p in self.all_policies if good(p)), None)
            rows = [(i, p) for i, p in rows if p.policy == first]
        if match != "row":
            rows.sort(key=lambda row: (row[1].priority is None, row[0]))
        if not rows:
            return -1
        best = rows[0][1]
        same = (best.policy, best.priority, best.condition)
        return max((p.valid_from, i) for i, p in rows if (p.policy, p.priority, p.condition) == same)[1]


def read_policies(log: CaseLog) -> dict[str, MetricPolicies]:
    """Read the policies of a log, by metric in alphabetical order; none where the log has no policies.

    Raises
    ------
    InputError
        If a policy names a metric, a clock, a calendar, a preset, an option or a column that is not there, or has
        no target.

    Examples
    --------
    >>> import pandas as pd
    >>> cases = pd.DataFrame({"case_id": ["1"], "created_at": ["2024-03-01T09:00Z"]})
    >>> policies = pd.DataFrame({"policy": ["gold"], "metric": ["resolution"], "target_s": [7200], "clock": "calendar"})
    >>> list(read_policies(CaseLog.from_frames(cases=cases, sla_policies=policies)))
    ['resolution']
    """
    if not log.has("sla_policies"):
        return {}
    return dict(compute_once(log, "policies", lambda: _read_policies(log)))


def _read_policies(log: CaseLog) -> dict[str, MetricPolicies]:
    frame = log.frame("sla_policies")
    policies = [_policy(row, number, log) for number, row in enumerate(frame.to_dict("records"), start=1)]
    metrics = sorted({p.metric for p in policies})
    return {metric: _group_policies(metric, policies) for metric in metrics}


def parse_condition(text: Any) -> Condition:
    """Read what a case must be: ``channel = phone|chat; product = p1``.

    Examples
    --------
    >>> parse_condition("product = p1; channel = phone | chat")
    (('channel', ('phone', 'chat')), ('product', ('p1',)))
    """
    pairs = []
    for part in str(text).split(";") if pd.notna(text) else []:
        column, sign, values = part.partition("=")
        named = tuple(v.strip() for v in values.split("|") if v.strip())
        if not part.strip():
            continue
        if not sign or not column.strip() or not named:
            raise InputError(
                "not a valid condition",
                where="sla_policies",
                column="when",
                got=text,
                wanted="such as 'channel = phone|chat; product = p1'",
                code="setting.invalid",
            )
        pairs.append((column.strip(), named))
    return tuple(sorted(pairs))


def condition_columns(log: CaseLog) -> list[str]:
    """Return the columns of the cases that the policies ask for, in alphabetical order."""
    if not log.has("sla_policies", "when"):
        return []
    texts = log.frame(log.table("sla_policies").select("when").distinct())["when"]
    return sorted({column for text in texts for column, _ in parse_condition(text)} & set(log.table("cases").columns))


def find_policy_warnings(log: CaseLog) -> list[str]:
    """Describe what looks odd about the policies: statuses that the log never has, pauses that it never tells.

    Examples
    --------
    >>> import pandas as pd
    >>> cases = pd.DataFrame({"case_id": ["1"], "created_at": ["2024-03-01T09:00Z"]})
    >>> events = pd.DataFrame({"case_id": ["1"], "at": "2024-03-01T10:00Z", "kind": "status", "new": "Pending"})
    >>> policies = pd.DataFrame({"policy": ["gold"], "metric": ["resolution"], "target_s": [7200],
    ...                          "clock": "calendar", "pause_on": "pending,waiting"})
    >>> find_policy_warnings(CaseLog.from_frames(cases=cases, events=events, sla_policies=policies))
    ["Policy 'gold' pauses its resolution SLA on status 'waiting', which no event has."]
    """
    if not log.has("sla_policies", "pause_on") or not log.has("events", "new"):
        return []
    events = log.table("events")
    named = log.frame(events.filter(events.kind == "status").select("new").distinct())["new"]
    seen = set(named.dropna().astype("str").str.strip().str.casefold())
    told = log.frame("sla_policies")[["policy", "metric", "pause_on"]].dropna().drop_duplicates()
    notes = []
    for policy, metric, text in told.itertuples(index=False):
        for status in str(text).split(","):
            name = status.strip()
            if name and name.casefold() not in seen | {NEVER_PAUSED}:
                words = str(metric).replace("_", " ")
                notes.append(f"Policy '{policy}' pauses its {words} SLA on status '{name}', which no event has.")
    return notes


def _policy(row: dict[Any, Any], number: int, log: CaseLog) -> Policy:
    clock, metric = str(row["clock"]), str(row["metric"])
    if clock not in CLOCK_KINDS:
        hint = did_you_mean(clock, CLOCK_KINDS)
        raise InputError(
            "unknown clock",
            where="sla_policies",
            column="clock",
            row=number,
            got=clock,
            hint=hint,
            code="metric.unknown",
        )
    source, due = clock == "source", clock == "due"
    if not source and metric not in SLA_METRICS:
        hint = did_you_mean(metric, SLA_METRICS) or ""
        hint = f"{hint}; a flag of the exporting system needs clock = 'source'"
        raise InputError(
            "unknown metric",
            where="sla_policies",
            column="metric",
            row=number,
            got=metric,
            hint=hint,
            code="metric.unknown",
        )
    target = row.get("target_s")
    if not (source or due) and not (pd.notna(target) and 0 < float(str(target)) < np.inf):
        raise InputError(
            "a target must be above 0",
            where="sla_policies",
            column="target_s",
            row=number,
            got=target,
            wanted="seconds",
            code="setting.invalid",
        )
    since = row.get("valid_from")
    preset = _named(row, "preset", tuple(PRESETS), "", number)
    stated = row.get("pause_on")
    pauses = str(stated) if pd.notna(stated) else PRESETS[preset].pause_on.get(metric, "")
    unpaused = pauses.strip().casefold() == NEVER_PAUSED
    return Policy(
        str(row["policy"]),
        metric,
        str(row["priority"]) if pd.notna(row.get("priority")) else None,
        np.nan if source or due else float(str(target)),
        source,
        _calendar(clock, row.get("calendar"), number, log),
        frozenset() if unpaused else frozenset(s.strip().casefold() for s in pauses.split(",") if s.strip()),
        int(to_micros([since], "valid_from")[0]),
        unpaused,
        _condition(row.get("when"), number, log),
        tuple(_option(row, o, preset_option(preset, o, metric), number) for o in POLICY_OPTIONS),
        due,
    )


def _option(row: dict[Any, Any], name: str, default: str, number: int) -> str:
    """Return the choice of an option; the clock of a turn cannot go on in the next one."""
    chosen = _named(row, name, POLICY_OPTIONS[name], default, number)
    return "restart" if chosen == "continue" and str(row["metric"]) in TURN_METRICS else chosen


def _named(row: dict[Any, Any], column: str, allowed: tuple[str, ...], default: str, number: int) -> str:
    """Return the choice that a row states, or the default where it states none."""
    stated = row.get(column)
    if stated is None or pd.isna(stated):
        return default
    if str(stated) not in allowed:
        names = tuple(a for a in allowed if a)
        near = did_you_mean(str(stated), names) or None
        wanted = f"one of {', '.join(names)}"
        raise InputError(
            f"unknown {column}",
            where="sla_policies",
            column=column,
            row=number,
            got=stated,
            wanted=wanted,
            hint=near,
            code="setting.invalid",
        )
    return str(stated)


def _condition(text: Any, number: int, log: CaseLog) -> Condition:
    condition = parse_condition(text)
    columns = tuple(log.table("cases").columns) if condition else ()
    for column, _ in condition:
        if column not in columns:
            hint = did_you_mean(column, columns)
            problem = "unknown column of the cases"
            raise InputError(
                problem, where="sla_policies", column="when", row=number, got=column, hint=hint, code="setting.invalid"
            )
        if column not in TABLES["cases"].names and log.attributes.get(column) != "creation":
            hint = "say 'creation' for it in the attributes of the source, if it is"
            problem = "a policy can only ask for what is known when a case is created"
            raise InputError(
                problem, where="sla_policies", column="when", row=number, got=column, hint=hint, code="setting.invalid"
            )
    return condition


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
            code="calendar.unknown",
        )
    return log.calendars[str(name)]


def _group_policies(metric: str, everyone: list[Policy]) -> MetricPolicies:
    policies = [p for p in everyone if p.metric == metric]
    if len({(p.source, p.due) for p in policies}) > 1:
        raise InputError(
            "a metric is either measured, or due by its cases' own times, or a flag of the exporting system, not both",
            where="sla_policies",
            column="clock",
            got=metric,
            code="setting.conflict",
        )
    for option in POLICY_OPTIONS:
        choices = sorted({p.option(option) for p in policies})
        if len(choices) > 1:
            hint = f"'{metric}' has {' and '.join(choices)}; a preset or the option itself chooses it"
            problem = "all policies of a metric need the same options"
            raise InputError(
                problem, where="sla_policies", column=option, got=metric, hint=hint, code="setting.invalid"
            )
    priorities = tuple(sorted({p.priority for p in policies if p.priority is not None}))
    epochs = np.array(sorted({p.valid_from for p in everyone}), dtype=np.int64)
    conditions = tuple(sorted({p.condition for p in everyone}))
    return MetricPolicies(metric, tuple(policies), tuple(everyone), priorities, epochs, conditions)
