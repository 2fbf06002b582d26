"""Which features say the same thing: each group of features is one fact to a reader."""

from __future__ import annotations

from collections.abc import Iterable

#: Group -> numeric features of a snapshot that belong to it.
NUMERIC_FEATURES: dict[str, tuple[str, ...]] = {
    "time": (
        *("age_s", "left_s", "target_used", "left_wall_s", "left_business_s"),
        *("idle_s", "in_status_s", "in_team_s", "is_resolved", "resolved_for_s"),
    ),
    "reply": ("unanswered_s", "unanswered_messages"),
    "conversation": ("customer_messages", "agent_messages", "notes"),
    "transfers": ("transfers", "assignments", "agents"),
    "activity": ("updates", "agent_updates_7d"),
    "reopens": ("reopens",),
    "escalations": ("escalations",),
    "priority": ("priority_changes", "breached_share_priority", "usual_s_priority"),
    "status": ("paused", "paused_s", "pauses"),
    "load": (
        *("open_in_team", "open_per_agent", "agents_in_team_7d", "came_to_team_24h", "came_to_team_7d"),
        *("resolved_in_team_7d", "open_in_desk", "opened_in_desk_24h", "opened_in_desk_7d", "resolved_in_desk_7d"),
    ),
    "team": ("breached_share_team", "usual_s_team"),
    "product": ("breached_share_product", "usual_s_product"),
    "case_type": ("breached_share_case_type", "usual_s_case_type"),
    "desk": ("breached_share_desk", "breached_share_28d", "usual_s_desk"),
    "customer": ("customer_cases", "customer_open"),
    "text": ("text_length",),
    "clock": ("desk_open",),
}

#: Group -> categorical features of a snapshot that belong to it.
CATEGORICAL_FEATURES: dict[str, tuple[str, ...]] = {
    "priority": ("priority",),
    "status": ("status",),
    "team": ("team",),
    "channel": ("channel",),
    "product": ("product",),
    "region": ("region",),
    "case_type": ("case_type",),
    "clock": ("hour", "weekday"),
}

#: All groups, in the order in which equal contributions are told; ``other_slas`` are the clocks of other metrics, and
#: ``details`` the attributes that only this desk has; ``segments`` is what was lately said in the segments of a case.
FEATURE_GROUPS: tuple[str, ...] = tuple(
    dict.fromkeys([*NUMERIC_FEATURES, *CATEGORICAL_FEATURES, "other_slas", "details", "segments"])
)

_GROUP_BY_FEATURE = {
    name: group
    for table in (NUMERIC_FEATURES, CATEGORICAL_FEATURES)
    for group, names in table.items()
    for name in names
}
_NOT_FEATURES = ("already_breached",)


def group_of(feature: str) -> str:
    """Return the group of a feature.

    >>> group_of("left_s"), group_of("team"), group_of("attr_impact"), group_of("used_first_response")
    ('time', 'team', 'details', 'other_slas')
    """
    if feature in _GROUP_BY_FEATURE:
        return _GROUP_BY_FEATURE[feature]
    if feature.startswith("attr_"):
        return "details"
    if _is_other_sla_feature(feature):
        return "other_slas"
    raise KeyError(feature)


def numeric_in(columns: Iterable[str]) -> list[str]:
    """Return the numeric features among the columns by their names, in the order of the groups.

    >>> numeric_in(["case_id", "transfers", "age_s"])
    ['age_s', 'transfers']
    """
    listed = list(columns)
    there = set(listed)
    named = [name for names in NUMERIC_FEATURES.values() for name in names if name in there]
    return [*named, *sorted(name for name in listed if name not in _GROUP_BY_FEATURE and _is_other_sla_feature(name))]


def features_in(columns: Iterable[str]) -> list[str]:
    """Return all features among the columns, numbers first; attributes (``attr_*``) last, of whatever kind they are.

    >>> features_in(["team", "customer_id", "age_s", "attr_impact"])
    ['age_s', 'team', 'attr_impact']
    """
    listed = list(columns)
    there = set(listed)
    levels = [name for names in CATEGORICAL_FEATURES.values() for name in names if name in there]
    return [*numeric_in(listed), *levels, *sorted(name for name in listed if name.startswith("attr_"))]


def _is_other_sla_feature(name: str) -> bool:
    if name in _NOT_FEATURES or name in _GROUP_BY_FEATURE:
        return False
    return name.startswith(("used_", "breached_")) or (name.startswith("left_") and name.endswith("_s"))
