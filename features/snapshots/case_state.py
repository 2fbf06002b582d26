"""The state of cases at given instants: that of the step which was the last one known then."""

from __future__ import annotations

from typing import Any

import ibis
import numpy as np
import pandas as pd

from ..arrays import Ints
from ..calendars.business_calendar import to_index, to_micros
from ..calendars.open_intervals import MISSING_INSTANT, US_PER_S
from ..case_log.asof import find_last_as_of
from ..case_log.events import add_missing_event_columns, select_event_time
from ..case_log.fetch import fetch
from ..case_log.log import CaseLog
from .case_steps import CaseSteps, is_human_agent

#: Feature -> the kind of event from which it is counted: before the first of that kind in a log, nothing shows
#: that the source records it at all, and the feature is missing.
COUNTED_FEATURE_KINDS = {
    "customer_messages": "message",
    "agent_messages": "message",
    "unanswered_s": "message",
    "unanswered_messages": "message",
    "notes": "message",
    "reopens": "reopened",
    "transfers": "team",
    "assignments": "assigned",
    "priority_changes": "priority",
    "escalations": "escalated",
    "agents": "actor",
}
#: Columns of the steps that tell nothing of the state.
_OF_STEP = ["case", "then_at", "kind", "actor_id", "is_backwards"]
_INSTANTS = ("last_at", "resolved_at", "waiting_since", "status_since", "team_since")


def select_cases_as_of(steps: CaseSteps, looks: pd.DataFrame) -> pd.DataFrame:
    """Return cases at instants, as they stood then.

    Parameters
    ----------
    steps
        From :func:`~deskcast.features.snapshots.case_steps.case_steps`.
    looks
        Distinct instants in UTC in the column ``at``: all cases that are open or not yet closed then; or pairs of
        ``case_id`` and ``at``: those cases. With ``share`` only that share of the cases of an instant, chosen by their
        names.

    Returns
    -------
    DataFrame
        One row for each case and instant, by case_id and at: the descriptions of the case with the ``priority``,
        ``team`` and ``status`` in force, ``created_at``, ``last_at`` (last event), ``waiting_since`` (oldest customer
        message without a reply), since when status and team are as they are, running counts, whether it ``is_open``
        and, if not, whether it waits to be closed (``is_resolved``).
    """
    place, when = (_find_pairs if "case_id" in looks.columns else _find_waiting)(steps, looks)
    rows = steps.rows.iloc[place].reset_index(drop=True)
    cases = steps.cases.iloc[rows["case"]].reset_index(drop=True)
    found = rows.drop(columns=_OF_STEP).rename(columns={"at": "last_at"})
    found = found.assign(**{name: to_index(found[name].to_numpy()) for name in _INSTANTS})
    kinds = {"int64": "Int64", "bool": "boolean", "category": "str"}
    found = found.astype({name: kinds[str(kind)] for name, kind in found.dtypes.items() if str(kind) in kinds})
    described = cases.drop(columns=[name for name in cases.columns if name in found.columns])
    return pd.concat([described, found.assign(at=to_index(when))], axis=1)


def _find_pairs(steps: CaseSteps, looks: pd.DataFrame) -> tuple[Ints, Ints]:
    """Return the step in force of each case that had begun by its instant, and that instant."""
    asked = pd.Index(steps.cases["case_id"]).get_indexer(pd.Index(looks["case_id"].astype("str")))
    when = to_micros(looks["at"], "at")
    order = np.lexsort((when, asked))
    case, at = (steps.rows[name].to_numpy(dtype=np.int64) for name in ("case", "at"))
    place = find_last_as_of(case, at, asked[order].astype(np.int64), when[order])
    return place[place >= 0], when[order][place >= 0]


def _find_waiting(steps: CaseSteps, looks: pd.DataFrame) -> tuple[Ints, Ints]:
    """Return the steps in force at each instant that leave their case open or not yet closed, and the instants."""
    waits = np.flatnonzero(steps.rows["is_open"] | steps.rows["is_resolved"])
    at, then = (steps.rows[name].to_numpy(dtype=np.int64)[waits] for name in ("at", "then_at"))
    names = steps.cases["case_id"].iloc[steps.rows["case"].iloc[waits]]
    place, when = _meet(at, then, names, looks)
    return waits[place], when


def find_open_cases(moves: pd.DataFrame, looks: pd.DataFrame) -> pd.Series[Any]:
    """Return the cases that are open at an instant, by their changes: those that :func:`select_cases_as_of` would see.

    Parameters
    ----------
    moves
        From :func:`~deskcast.features.snapshots.load.find_case_changes`.
    looks
        Instants, as of :func:`select_cases_as_of`.
    """
    runs = moves[moves["is_open"].astype(bool)]
    at, then = (to_micros(runs[name], name) for name in ("at", "then_at"))
    place, _ = _meet(at, then, runs["case_id"], looks)
    return runs["case_id"].iloc[np.unique(place)].drop_duplicates()


def _meet(at: Ints, then: Ints, names: pd.Series[Any], looks: pd.DataFrame) -> tuple[Ints, Ints]:
    """Return which stretches of time hold at which instants: the place of the stretch, and the instant."""
    looks = looks.sort_values("at")
    moments = to_micros(looks["at"], "at")
    first = np.searchsorted(moments, at)
    beyond = np.where(then == MISSING_INSTANT, len(moments), np.searchsorted(moments, then))
    times = np.maximum(beyond - first, 0)
    place = np.repeat(np.arange(len(at)), times)
    look = np.arange(len(place)) - np.repeat(np.cumsum(times) - times, times) + first[place]
    if "share" in looks.columns:
        taken = is_in_share(names, place, moments[look], looks["share"].to_numpy()[look])
        place, look = place[taken], look[taken]
    return place, moments[look]


def is_in_share(names: pd.Series[Any], which: Ints, when: Ints, share: Any) -> Any:
    """Mark the cases that belong to a share of all, by a digest of their names and of the second.

    Parameters
    ----------
    names
        All names.
    which, when, share
        Row by row the place of the name, the instant in microseconds, and the share.

    Examples
    --------
    >>> names = pd.Series([f"case {i}" for i in range(1000)])
    >>> all_of = np.arange(1000)
    >>> some, more = (is_in_share(names, all_of, np.zeros(1000, dtype=int), share) for share in (0.1, 0.5))
    >>> int(some.sum()) in range(70, 130), int(more.sum()) in range(450, 550), bool(more[some].all())
    (True, True, True)
    """
    digest = pd.util.hash_array(np.asarray(names, dtype=object), categorize=False)
    seconds = pd.util.hash_array(np.asarray(when // US_PER_S, dtype=np.uint64))
    mixed = pd.util.hash_array(digest[which] ^ seconds)
    return mixed < np.asarray(share, dtype=float) * 2.0**64


def find_first_recorded(log: CaseLog) -> dict[str, pd.Timestamp]:
    """Return the instant of the first event of each kind that is counted; ``NaT`` where there is none."""
    events = add_missing_event_columns(log)
    when = select_event_time(events, as_recorded=True)
    tells = {
        "message": (events.kind == "message") & events.actor_role.notnull(),
        "assigned": (events.kind == "assigned") & events.team.notnull(),
        "team": events.team.notnull(),
        "actor": is_human_agent(events),
    }
    kinds = sorted(set(COUNTED_FEATURE_KINDS.values()))
    firsts = {k: ibis.ifelse(tells.get(k, events.kind == k), when, None).min() for k in kinds}
    row = fetch(events.agg(**firsts)).iloc[0]
    return {kind: pd.Timestamp(row[kind]) for kind in kinds}
