"""Cases at given instants, with what was known of them then: the rows that a risk model learns from."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from ..calendars.business_calendar import to_micros
from ..calendars.open_intervals import US_PER_S
from ..case_log.log import CaseLog
from ..errors import InputError, did_you_mean
from ..partitions.by_case import find_parts
from ..sla.policies import read_policies
from .attributes import build_attribute_features
from .case_state import COUNTED_FEATURE_KINDS, find_first_recorded
from .load import build_person_features, count_workload
from .looks import Looks, look_at_once, look_in_parts
from .own_features import build_own_features, own_feature_timings
from .past_outcomes import smooth_outcomes
from .snapshot_times import daily

__all__ = [
    "CATEGORICAL_COLUMNS",
    "IDENTITY_COLUMNS",
    "KEY_COLUMNS",
    "NUMERIC_COLUMNS",
    "SNAPSHOT_COLUMNS",
    "daily",
    "feature_columns",
    "snapshots",
]

#: Columns that name a row or its promise; not features.
KEY_COLUMNS = ("case_id", "at", "metric", "due_at")
#: Feature columns that hold numbers (or true and false) in every log.
NUMERIC_COLUMNS = (
    *("left_s", "target_used", "already_breached", "paused"),
    *("age_s", "idle_s", "customer_messages", "agent_messages", "unanswered_s", "reopens", "transfers"),
    *("priority_changes", "escalations", "open_in_team", "hour", "weekday"),
    # the clock
    *("left_wall_s", "left_business_s", "paused_s", "pauses", "desk_open", "is_resolved", "resolved_for_s"),
    # the case so far
    *("in_status_s", "in_team_s", "unanswered_messages", "notes", "updates", "assignments", "agents"),
    # the load
    *("open_in_desk", "opened_in_desk_24h", "opened_in_desk_7d", "resolved_in_desk_7d"),
    *("came_to_team_24h", "came_to_team_7d", "resolved_in_team_7d", "agents_in_team_7d", "open_per_agent"),
    # what came of others
    *("breached_share_28d", "breached_share_desk", "breached_share_team", "breached_share_priority"),
    *("breached_share_product", "breached_share_case_type"),
    *("usual_s_desk", "usual_s_team", "usual_s_priority", "usual_s_product", "usual_s_case_type"),
    "text_length",
)
#: Feature columns that hold names in every log.
CATEGORICAL_COLUMNS = ("status", "priority", "channel", "product", "region", "case_type", "team")
#: Further numbers with ``identities=True``.
IDENTITY_COLUMNS = ("customer_cases", "customer_open", "agent_updates_7d")
#: Columns of the frame in every log; those of other metrics and of attributes follow.
SNAPSHOT_COLUMNS = (*KEY_COLUMNS, *NUMERIC_COLUMNS[:4], *CATEGORICAL_COLUMNS, *NUMERIC_COLUMNS[4:])
_FLAGS = ("already_breached", "paused")
#: Beside the counted kinds: what is recorded at all only shows with the first event of a kind.
_SINCE_COLUMNS = {"in_status_s": "status_since", "in_team_s": "team_since"}


def snapshots(
    log: CaseLog,
    at: Iterable[Any] | str | pd.DataFrame,
    metric: str = "resolution",
    *,
    identities: bool = False,
    share: float = 1.0,
) -> pd.DataFrame:
    """Look at cases at given instants, and at one promise on each.

    Nothing in a row is later than its instant: the rows of an instant ``t`` are the same on ``log`` and on
    ``log.as_of(t)``. An event counts from the instant at which it was recorded, where the log says so.

    Parameters
    ----------
    log
        A log with ``cases``, ``events`` and ``sla_policies``.
    at
        Instants, at each of which all cases are looked at whose promise can still run; without a zone they are read on
        the desk's own clock, and none may be later than the end of the log. Or ``"creation"``: each case just after
        it was created. Or ``"updates"``: each case after each of its events. Or a frame with ``case_id`` and ``at``:
        those cases at those instants, whether open or not.
    metric
        A metric of the policies. For ``first_response`` only cases without a reply are looked at; for one that is
        decided at closing also those that are resolved and wait to be closed (``is_resolved``).
    identities
        Add counts of what the customer and the agent of the case have going on (:data:`IDENTITY_COLUMNS`).
    share
        At instants before the end of the log, look at this share of the cases only, chosen by a digest of case and
        instant: the same cases on every engine. Load and outcomes are still those of all.

    Returns
    -------
    DataFrame
        One row for each instant and case, by at and case_id. Keys: ``case_id``, ``at``, ``metric``, ``due_at``.
        Features (:func:`feature_columns` tells those of a frame):

        * ``left_s`` of the target on the policy's clock (negative when it has passed), ``target_used`` (its share),
          ``already_breached``, ``paused``; while a case is paused ``due_at`` is as if it resumed at the instant;
          ``left_wall_s`` until ``due_at`` in calendar time, ``left_business_s`` where the policy has business hours;
          ``paused_s`` and ``pauses`` so far, ``desk_open`` at the instant (by the policy's calendar, or the only one)
        * for every other metric ``m`` with a policy: ``used_m`` and ``left_m_s`` (as they stood when its clock
          stopped, if it has), ``breached_m``
        * ``status``, ``priority``, ``team`` in force, and ``channel``, ``product``, ``region``, ``case_type``;
          ``in_status_s`` and ``in_team_s`` since they are so; ``is_resolved`` and for how long
        * ``age_s`` since creation, ``idle_s`` since the last event, ``unanswered_s`` since the oldest public customer
          message without a public reply (0 where none waits), all in calendar time
        * ``customer_messages``, ``agent_messages`` (public), ``unanswered_messages``, ``notes`` (internal),
          ``reopens``, ``transfers`` between teams, ``assignments``, ``agents`` (distinct persons who acted and are
          not known to be customers or machines), ``priority_changes``, ``escalations`` so far; missing until the log
          holds its first event of the kind, because nothing shows before that the source records it; ``updates``
        * the load of the desk, the team and its agents; see
          :func:`~deskcast.features.snapshots.load.build_workload_features`
        * the smoothed outcomes of the segments; see
          :func:`~deskcast.features.snapshots.past_outcomes.build_outcome_features`
        * ``hour`` and ``weekday`` (Monday is 0) of the instant on the desk's own clock
        * ``text_length`` and ``attr_<name>`` for the attributes of the log; see
          :func:`~deskcast.features.snapshots.attributes.build_attribute_features`; so are registered features, and
          ``attrs["known"]`` says when each of those becomes known

        Due time, time left and target used are missing where no policy holds, and where the exporting system
        decides (``clock = "source"``; ``already_breached`` is then its flag so far).

    Raises
    ------
    InputError
        If no policy has the metric, or an instant or a case cannot be found or is later than the end of the log.

    Examples
    --------
    >>> cases = pd.DataFrame({"case_id": ["1", "2"], "created_at": ["2024-03-01T09:00Z", "2024-03-01T09:30Z"]})
    >>> events = pd.DataFrame({"case_id": ["1"], "at": ["2024-03-01T10:30Z"], "kind": ["resolved"]})
    >>> policies = pd.DataFrame({"policy": ["all"], "metric": ["resolution"], "target_s": [7200], "clock": "calendar"})
    >>> log = CaseLog.from_frames(cases=cases, events=events, sla_policies=policies)
    >>> rows = snapshots(log, ["2024-03-01T10:00Z", "2024-03-01T10:30Z"])
    >>> rows[["case_id", "left_s", "target_used"]].to_dict("records")
    [{'case_id': '1', 'left_s': 3600.0, 'target_used': 0.5}, {'case_id': '2', 'left_s': 5400.0, 'target_used': 0.25},
     {'case_id': '2', 'left_s': 3600.0, 'target_used': 0.5}]
    >>> snapshots(log, "creation")[["case_id", "open_in_desk", "breached_share_desk"]].values.tolist()
    [['1', 1.0, nan], ['2', 2.0, nan]]
    """
    books = read_policies(log)
    if metric not in books:
        hint = did_you_mean(metric, tuple(books)) if books else "add [[sla]] to the configuration"
        raise InputError(
            "unknown SLA metric",
            where="sla_policies",
            column="metric",
            got=metric,
            hint=hint,
            code="kpi.unavailable",
        )
    if not identities and (pieces := find_parts(log)) > 1:
        return _put_together(log, look_in_parts(log, metric, at, pieces, share), metric)
    seen, steps = look_at_once(log, books, metric, at, share)
    return _put_together(log, seen, metric, steps if identities else None)


def _put_together(log: CaseLog, seen: Looks, metric: str, steps: Any = None) -> pd.DataFrame:
    """Return the features of what was seen, with those of the desk around it."""
    rows = seen.rows
    parts = [
        _described(rows, find_first_recorded(log), log.timezone),
        seen.clock,
        count_workload(seen.acts, seen.moves, rows),
        smooth_outcomes(seen.decided, seen.done, rows),
        build_attribute_features(log, rows),
    ]
    if steps is not None:
        parts.append(build_person_features(log, steps, seen.moves, rows))
    if own := own_feature_timings():
        parts.append(build_own_features(log, rows))
    frame = _typed(pd.concat(parts, axis=1).assign(metric=metric))
    frame.attrs |= {"known": own} if own else {}
    return frame


def feature_columns(frame: pd.DataFrame) -> tuple[list[str], list[str]]:
    """Return the features of a frame of snapshots: those that hold numbers and those that hold names.

    Parameters
    ----------
    frame
        From :func:`snapshots`; columns that are not features, such as a label, are passed over.

    Examples
    --------
    >>> frame = pd.DataFrame({"case_id": ["1"], "age_s": [60.0], "team": ["a"], "attr_impact": ["high"], "label": [1]})
    >>> feature_columns(frame)
    (['age_s'], ['team', 'attr_impact'])
    """
    further = [c for c in frame.columns if c.startswith(("used_", "left_", "breached_", "attr_"))]
    listed = [*NUMERIC_COLUMNS, *CATEGORICAL_COLUMNS, *IDENTITY_COLUMNS]
    found = [c for c in listed if c in frame.columns] + [c for c in further if c not in listed]
    names = [c for c in found if c in CATEGORICAL_COLUMNS or (c.startswith("attr_") and str(frame[c].dtype) == "str")]
    return [c for c in found if c not in names], names


def _typed(frame: pd.DataFrame) -> pd.DataFrame:
    kinds = dict.fromkeys(["case_id", "metric", *CATEGORICAL_COLUMNS], "str") | dict.fromkeys(
        NUMERIC_COLUMNS, "float64"
    )
    kinds |= dict.fromkeys(_FLAGS, "boolean") | dict.fromkeys(["at", "due_at"], "datetime64[us, UTC]")
    further = sorted(c for c in frame.columns if c.startswith(("used_", "left_", "breached_", "attr_")))
    wanted = [
        *SNAPSHOT_COLUMNS,
        *(c for c in further if c not in SNAPSHOT_COLUMNS),
        *(c for c in IDENTITY_COLUMNS if c in frame.columns),
    ]
    return frame[wanted].astype(kinds).sort_values(["at", "case_id"], ignore_index=True)


def _described(found: pd.DataFrame, firsts: dict[str, pd.Timestamp], timezone: str) -> pd.DataFrame:
    """Turn the state of the cases into features."""
    at = to_micros(found["at"], "at")

    def since(name: str) -> Any:
        return np.where(found[name].notna(), (at - to_micros(found[name], name)) / US_PER_S, np.nan)

    local = pd.DatetimeIndex(found["at"].array).tz_convert(timezone)
    waits = since("waiting_since")
    resolved = found["is_resolved"].to_numpy(dtype=bool)
    out = found.drop(columns=["resolved_at", "is_open"]).assign(
        status=found["status"].mask(resolved & found["status"].isna().to_numpy(), "resolved"),
        age_s=since("created_at"),
        idle_s=since("last_at"),
        unanswered_s=np.where(np.isnan(waits), 0.0, waits),
        resolved_for_s=np.where(resolved, since("resolved_at"), np.nan),
        **{feature: since(name) for feature, name in _SINCE_COLUMNS.items()},
        hour=local.hour,
        weekday=local.day_of_week,
    )
    for feature, kind in COUNTED_FEATURE_KINDS.items():
        recorded = (found["at"] >= firsts[kind]).to_numpy(dtype=bool)
        out[feature] = out[feature].astype("float64").where(recorded)
    return out
