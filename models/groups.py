"""Which features say the same thing: each group of features is one fact to a reader."""

from __future__ import annotations

from collections.abc import Iterable

#: Group -> numeric features of a snapshot that belong to it.
NUMBERS: dict[str, tuple[str, ...]] = {
    "time": ("age_s", "left_s", "target_used"),
    "reply": ("unanswered_s",),
    "silence": ("idle_s",),
    "conversation": ("customer_messages", "agent_messages"),
    "handovers": ("transfers",),
    "reopens": ("reopens",),
    "escalations": ("escalations",),
    "priority": ("priority_changes",),
    "status": ("paused",),
    "load": ("open_in_team",),
}

#: Group -> categorical features of a snapshot that belong to it.
LEVELS: dict[str, tuple[str, ...]] = {
    "priority": ("priority",),
    "status": ("status",),
    "team": ("team",),
    "channel": ("channel",),
    "product": ("product",),
    "region": ("region",),
    "case_type": ("case_type",),
    "clock": ("hour", "weekday"),
}

#: All groups, in the order in which equal contributions are told.
GROUPS: tuple[str, ...] = tuple(dict.fromkeys([*NUMBERS, *LEVELS]))


def group_of(feature: str) -> str:
    """Return the group of a feature.

    >>> group_of("left_s"), group_of("team")
    ('time', 'team')
    """
    for group in GROUPS:
        if feature in NUMBERS.get(group, ()) or feature in LEVELS.get(group, ()):
            return group
    raise KeyError(feature)


def numeric_in(columns: Iterable[str]) -> list[str]:
    """Return the numeric features among the columns, in the order of the groups.

    >>> numeric_in(["case_id", "transfers", "age_s"])
    ['age_s', 'transfers']
    """
    there = set(columns)
    return [name for names in NUMBERS.values() for name in names if name in there]


def features_in(columns: Iterable[str]) -> list[str]:
    """Return all features among the columns, numbers first.

    >>> features_in(["team", "customer_id", "age_s"])
    ['age_s', 'team']
    """
    there = set(columns)
    levels = [name for names in LEVELS.values() for name in names if name in there]
    return [*numeric_in(there), *levels]
