"""Why a case is at risk: the largest contributions to its probability, in plain words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np
import pandas as pd

from ...features.arrays import Bools, Floats, Ints
from ...features.durations import format_duration
from ..candidates.feature_groups import FEATURE_GROUPS, NUMERIC_FEATURES, features_in, group_of
from ..risk.known_outcomes import Outcomes

#: Columns of the table of reasons.
REASON_COLUMNS = ("case_id", "place", "group", "direction", "contribution", "reason")

#: A smaller contribution on the log-odds scale (about one percentage point at even odds) is not a reason.
MIN_CONTRIBUTION = 0.05

#: What is the same for all cases of a list, as the hour at which it is made: a reason only where there is no other.
SHARED_GROUPS = ("clock",)

#: Begins a reason that lowers the risk; what raises it needs no word, as the list is about risk.
LOWERS_RISK_PREFIX = "lowers the risk: "

#: Features whose values are quoted.
_QUOTED_FEATURES = frozenset(
    (
        *("target_used", "left_s", "age_s", "is_resolved", "resolved_for_s", "unanswered_s", "updates", "open_in_team"),
        *("customer_messages", "agent_messages", "transfers", "reopens", "escalations", "priority", "priority_changes"),
        *("paused", "status", "customer_open", "text_length", "breached_share_desk", "weekday", "hour"),
        *("team", "channel", "product", "region", "case_type"),
    )
)

_WEEKDAY_NAMES = {
    float(day): name
    for day, name in enumerate(("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"))
}


def _is_quoted(name: str) -> bool:
    return (
        name in _QUOTED_FEATURES or name.startswith("attr_") or (name.startswith("breached_") and "share" not in name)
    )


class ExplainableRisk(Protocol):
    """A fitted risk whose log-odds are a sum over groups of features: of a breach, dissatisfaction or escalation."""

    outcomes_: Outcomes

    @property
    def features(self) -> tuple[str, ...]:
        """Features that it looks at."""
        ...

    def contributions(self, snapshots: pd.DataFrame) -> pd.DataFrame:
        """Return ``base``, one column a group, and ``logit``, which is their sum."""
        ...


def reasons(
    snapshots: pd.DataFrame, risk: ExplainableRisk, *, most: int = 3, parts: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Return the facts that weigh most in the probability of each case, in plain words.

    A reason is a group of features that say the same thing, so three reasons are three facts. What raises the risk
    comes first, the strongest first; what lowers it fills the places that are left and begins with "lowers the risk".
    The hour of the list, which all its cases share, comes last.

    Parameters
    ----------
    snapshots
        Rows as in :meth:`BreachRisk.risk`.
    risk
        A fitted model.
    most
        Reasons a case.
    parts
        The contributions of these snapshots, where they are known already.

    Returns
    -------
    Columns ``case_id, place`` (1 for the first), ``group, direction`` (raises or lowers), ``contribution`` (log-odds),
    ``reason``; sorted as the snapshots are. Cases already breached have no rows: their breach is a fact.

    Examples
    --------
    >>> from deskcast.models.worklist.reasons import format_time_reason
    >>> format_time_reason({"age_s": 273600.0, "left_s": 10800.0, "target_used": 0.82}, 0.85)
    '82% of the SLA time is used, 3 h left'
    >>> format_time_reason({"age_s": 273600.0}, 0.85)
    'open for 3 d 4 h, longer than 85% of past cases'
    """
    parts = risk.contributions(snapshots) if parts is None else parts
    groups = [g for g in FEATURE_GROUPS if g in parts.columns]
    effects = parts[groups].to_numpy(dtype=float, na_value=np.nan) if groups else np.zeros((len(parts), 0))
    row, place, column = _strongest(effects, most, np.isin(groups, SHARED_GROUPS))
    effect = effects[row, column]
    texts = np.empty(len(row), dtype=object)
    for number, group in enumerate(groups):
        mine = np.flatnonzero(column == number)
        if len(mine):
            texts[mine] = _format_reasons(group, snapshots.iloc[row[mine]], risk)
    raises = effect > 0
    columns = {
        "case_id": snapshots["case_id"].to_numpy()[row],
        "place": place,
        "group": np.array(groups, dtype=object)[column],
        "direction": np.where(raises, "raises", "lowers"),
        "contribution": effect,
        "reason": np.where(raises, texts, LOWERS_RISK_PREFIX + texts) if len(row) else texts,
    }
    types = {"case_id": "str", "place": "int64", "group": "str", "direction": "str", "reason": "str"}
    return pd.DataFrame(columns, columns=list(REASON_COLUMNS)).astype({**types, "contribution": "float64"})


def _format_reasons(group: str, rows: pd.DataFrame, risk: ExplainableRisk) -> list[str]:
    """Format one fact of each row; alike rows are formatted once."""
    # Only what the model looks at may be given as a reason; the parts of the time are one fact.
    looked_at = (*risk.features, *NUMERIC_FEATURES["time"])
    names = [n for n in features_in(rows.columns) if n in looked_at and _is_quoted(n) and group_of(n) == group]
    feature = {"time": "age_s", "reply": "unanswered_s"}.get(group)
    below = np.full(len(rows), np.nan) if feature is None else _share_below(rows, risk.outcomes_.snapshots, feature)
    ranks = [None if np.isnan(b) else b for b in below.tolist()]
    values = [_plain(rows[name]) for name in names]
    say, said = REASON_FORMATTERS[group], {}
    out = []
    for key in zip(ranks, *values, strict=True):
        if key not in said:
            said[key] = say(dict(zip(names, key[1:], strict=True)), float("nan") if key[0] is None else key[0])
        out.append(said[key])
    return out


def _plain(values: pd.Series) -> list[object]:
    """Return values with one kind of missing, which is equal to itself."""
    return values.astype(object).where(values.notna(), None).tolist()


def format_time_reason(row: dict[str, object], share_below: float) -> str:
    """Write how much of the SLA time is used, or how old the case is where there is no due time."""
    used, left = _number(row, "target_used"), _number(row, "left_s")
    if used is not None and left is not None:
        return f"{100 * used:.0f}% of the SLA time is used, {format_duration(left)} left"
    waits = _number(row, "resolved_for_s") if _number(row, "is_resolved") else None
    if waits is not None:
        return (
            f"resolved for {format_duration(waits)} and not closed, open for "
            f"{format_duration(_number(row, 'age_s') or 0.0)}"
        )
    age = _number(row, "age_s")
    text = f"open for {format_duration(age or 0.0)}"
    if np.isnan(share_below):
        return text
    # "100%" would claim that no case was ever as old, and "0%" says nothing.
    percent = min(max(round(100 * share_below), 1), 99)
    return f"{text}, longer than {percent}% of past cases"


def _format_reply(row: dict[str, object], share_below: float) -> str:
    waiting = _number(row, "unanswered_s")
    if not waiting:
        return "the customer is not waiting for a reply"
    text = f"the customer has waited {format_duration(waiting)} for a reply"
    tenths = 0 if np.isnan(share_below) else min(int(10 * share_below), 9)
    return f"{text}, longer than {tenths} of 10 similar waits" if tenths else text


def _format_activity(row: dict[str, object], _: float) -> str:
    n = _number(row, "updates")
    return "number of updates unknown" if n is None else f"worked on {_times(n)}" if n else "never worked on"


def _format_conversation(row: dict[str, object], _: float) -> str:
    who = {"customer_messages": "from the customer", "agent_messages": "from agents"}
    told = [f"{_count(n, 'message')} {by}" for name, by in who.items() if (n := _number(row, name)) is not None]
    return ", ".join(told) or "number of messages unknown"


def _make_count_formatter(name: str, done: str, never: str) -> Callable[[dict[str, object], float], str]:
    def say(row: dict[str, object], _: float) -> str:
        times = _number(row, name)
        return never if not times else f"{done} {_times(times)}"

    return say


def _format_priority(row: dict[str, object], _: float) -> str:
    changes = _number(row, "priority_changes")
    return f"priority {_text(row, 'priority')}" + (f", changed {_times(changes)}" if changes else "")


def _format_status(row: dict[str, object], _: float) -> str:
    paused = _number(row, "paused")
    words = [f"status {_text(row, 'status')}"] if "status" in row else []
    return ", ".join([*words, "the clock is paused" if paused else "the clock is running"])


def _format_load(row: dict[str, object], _: float) -> str:
    n = _number(row, "open_in_team")
    return "open cases of its team unknown" if n is None else f"its team has {_count(n, 'open case')}"


def _format_customer(row: dict[str, object], _: float) -> str:
    n = _number(row, "customer_open")
    return "other open cases of the customer unknown" if n is None else f"the customer has {_count(n, 'open case')}"


def _format_text(row: dict[str, object], _: float) -> str:
    n = _number(row, "text_length")
    return "length of its text unknown" if n is None else f"its text has {_count(n, 'character')}"


def _format_desk(row: dict[str, object], _: float) -> str:
    share = _number(row, "breached_share_desk")
    return "recent breach rate unknown" if share is None else f"{100 * share:.0f}% of recent cases breached"


def _format_other_slas(row: dict[str, object], _: float) -> str:
    broken = [
        name for name, value in row.items() if name.startswith("breached_") and "share" not in name and value is True
    ]
    named = [name.removeprefix("breached_").replace("_", " ") for name in broken]
    return f"its {' and '.join(named)} SLA has breached" if named else "state of its other SLAs"


def _format_details(row: dict[str, object], _: float) -> str:
    named = [name for name in row if name.startswith("attr_") and _text(row, name) != "not known"]
    return ", ".join(f"{name.removeprefix('attr_')} {_text(row, name)}" for name in named[:4]) or "details unknown"


def _format_clock(row: dict[str, object], _: float) -> str:
    day, hour = _number(row, "weekday"), _number(row, "hour")
    on = _WEEKDAY_NAMES.get(day, "") if day is not None else ""
    at = "" if hour is None else f"at {hour:.0f}:00"
    return " ".join([on, at]).strip() if on or at else "hour unknown"


def _format_level(name: str, word: str) -> Callable[[dict[str, object], float], str]:
    return lambda row, _: f"{word} {_text(row, name)}"


#: Group -> how it is said, from the values of a snapshot and the share of training cases that were younger.
REASON_FORMATTERS: dict[str, Callable[[dict[str, object], float], str]] = {
    "time": format_time_reason,
    "reply": _format_reply,
    "activity": _format_activity,
    "conversation": _format_conversation,
    "transfers": _make_count_formatter("transfers", "handed over", "never handed over"),
    "reopens": _make_count_formatter("reopens", "reopened", "never reopened"),
    "escalations": _make_count_formatter("escalations", "escalated", "not escalated"),
    "priority": _format_priority,
    "status": _format_status,
    "load": _format_load,
    "team": _format_level("team", "team"),
    "channel": _format_level("channel", "channel"),
    "product": _format_level("product", "product"),
    "region": _format_level("region", "region"),
    "case_type": _format_level("case_type", "case type"),
    "clock": _format_clock,
    "customer": _format_customer,
    "text": _format_text,
    "desk": _format_desk,
    "other_slas": _format_other_slas,
    "details": _format_details,
    "segments": lambda _, __: "recent survey answers in its segment",
}


def _strongest(effects: Floats, most: int, shared: Bools) -> tuple[Ints, Ints, Ints]:
    """Return row, place (from 1) and column of the reasons of each row."""
    # What raises comes first, strongest first; then what lowers, strongest first; then what is the same for all cases.
    # Groups break ties by their order.
    big = np.abs(np.nan_to_num(effects)) >= MIN_CONTRIBUTION
    key = np.where(big, np.where(effects > 0, -effects, 1e6 + effects) + 4e6 * shared, np.inf)
    order = np.argsort(key, axis=1, kind="stable")[:, :most]
    row, place = np.nonzero(np.isfinite(np.take_along_axis(key, order, axis=1)))
    return row, place + 1, order[row, place]


def _share_below(snapshots: pd.DataFrame, reference: pd.DataFrame, name: str) -> Floats:
    """Return for each value the share of those in training that were smaller; a wait of 0 is none."""
    out = np.full(len(snapshots), np.nan)
    if name not in snapshots.columns or name not in reference.columns:
        return out
    seen = reference[name].astype("Float64").to_numpy(dtype=float, na_value=np.nan)
    mine = snapshots[name].astype("Float64").to_numpy(dtype=float, na_value=np.nan)
    known = np.sort(seen[np.isfinite(seen) & ((seen > 0) | (name == "age_s"))])
    if not len(known):
        return out
    return np.where(np.isnan(mine), np.nan, np.searchsorted(known, mine, side="left") / len(known))


def _number(row: dict[str, object], name: str) -> float | None:
    value = row.get(name)
    if value is None or value is pd.NA or value != value:
        return None
    return float(value)  # type: ignore[arg-type]


def _text(row: dict[str, object], name: str) -> str:
    value = row.get(name)
    return "not known" if value is None or value is pd.NA or value != value else str(value)


def _times(n: float) -> str:
    return "once" if n == 1 else "twice" if n == 2 else f"{n:.0f} times"


def _count(n: float, noun: str) -> str:
    return f"{n:,.0f} {noun}" + ("" if n == 1 else "s")
