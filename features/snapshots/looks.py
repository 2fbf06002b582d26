"""What is seen of the cases at given instants, and of the desk around them: all at once, or part by part."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import ibis
import pandas as pd

from ..case_log.cache import compute_once
from ..case_log.events import find_public_since
from ..case_log.log import CaseLog
from ..labels.breach import breach_labels
from ..partitions.by_case import by_case
from ..partitions.shared import SharedFacts, open_part
from ..partitions.shared import share as share_facts
from ..sla.clock_readings import read_clocks
from ..sla.policies import MetricPolicies, read_policies
from .case_state import find_open_cases, select_cases_as_of
from .case_steps import CaseSteps, case_steps, find_case_steps
from .load import find_acts, find_case_changes
from .past_outcomes import OUTCOME_SEGMENTS, find_decided_cases, find_resolved_cases
from .snapshot_times import SNAPSHOT_KEYWORDS, find_snapshot_times

#: Columns of the moves of cases that tell how busy the desk is; of the others only its own case reads.
_LOAD_COLUMNS = ("case_id", "at", "then_at", "kind", "is_open", "was_open", "team", "was_team")
_OF_CASES = ("cases", "events")
_NARROW = ("kind", "team", "was_team", "actor_id", *OUTCOME_SEGMENTS)


@dataclass(frozen=True)
class Looks:
    """What was seen.

    Attributes
    ----------
    rows, clock
        The state of each case at each instant, and its clocks; row by row.
    moves, acts
        When cases opened, ended and moved, and what agents did, whatever the instants: the load of the desk.
    decided, done
        Outcomes and first resolutions, with the segments of the case at that time.
    """

    rows: pd.DataFrame
    clock: pd.DataFrame
    moves: pd.DataFrame
    acts: pd.DataFrame
    decided: pd.DataFrame
    done: pd.DataFrame


def look_at_once(
    log: CaseLog, books: dict[str, MetricPolicies], metric: str, at: Any, share: float = 1.0
) -> tuple[Looks, CaseSteps]:
    """Look at all cases at once, and return what was seen with the steps of the cases.

    Parameters
    ----------
    log, metric, at, share
        As of :func:`deskcast.features.snapshots.snapshots.snapshots`.
    books
        The policies of the log.
    """
    # of one log, not of the last instant: what later looks at it finds them made
    steps = find_case_steps(log)
    looks = _sampled(find_snapshot_times(log, at, steps if isinstance(at, str) else None), log.until, share)
    rows, clock = read_looks(log, books, metric, steps, looks, whole=isinstance(at, pd.DataFrame))
    moves = compute_once(log, "case changes", lambda: find_case_changes(steps))
    labels = breach_labels(log)
    decided = find_decided_cases(moves, labels[labels["metric"] == metric])
    return Looks(rows, clock, moves, find_acts(steps), decided, find_resolved_cases(moves)), steps


def read_looks(
    log: CaseLog, books: dict[str, MetricPolicies], metric: str, steps: CaseSteps, looks: pd.DataFrame, *, whole: bool
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the state and the clocks of cases at instants; unless ``whole``, where the promise can still run."""
    rows = select_cases_as_of(steps, looks)
    clock = read_clocks(log, books, metric, rows)
    if not whole:
        runs = clock.pop("live").to_numpy(dtype=bool)
        rows, clock = rows[runs].reset_index(drop=True), clock[runs].reset_index(drop=True)
    return rows, clock.drop(columns="live", errors="ignore")


def _sampled(looks: pd.DataFrame, until: pd.Timestamp, share: float) -> pd.DataFrame:
    """Return looks with the share of the cases that each sees: all at the end of the log."""
    if share >= 1 or "case_id" in looks.columns:
        return looks
    return looks.assign(share=(looks["at"] == until).map({True: 1.0, False: share}))


def look_in_parts(log: CaseLog, metric: str, at: Any, parts: int, share: float = 1.0) -> Looks:
    """Look at the cases part by part, and hold of each no more than what is asked for and narrow columns.

    What all instants share is found once a log; after that only the cases in question are looked at.

    Parameters
    ----------
    log, metric, at, share
        As of :func:`deskcast.features.snapshots.snapshots.snapshots`.
    parts
        How many; see :func:`deskcast.features.partitions.by_case`.
    """
    around = compute_once(log, ("looks around", metric), lambda: _look_around(log, metric, parts))
    asked, some = at, log
    if not (isinstance(at, str) and at in SNAPSHOT_KEYWORDS):
        asked = _sampled(find_snapshot_times(log, at, None), log.until, share)
        some, parts = _only_in_question(log, metric, around["moves"], asked, parts)
    made = _make_in_parts(some, partial(_make_looks, metric=metric, asked=asked), parts)
    rows = made["rows"].sort_values(["case_id", "at"])
    clock = made["clock"].loc[rows.index].reset_index(drop=True)
    return Looks(rows.reset_index(drop=True), clock, **around)


def _look_around(log: CaseLog, metric: str, parts: int) -> Mapping[str, pd.DataFrame]:
    """Return what of :class:`Looks` does not depend on the instants."""
    labels = breach_labels(log)
    labels = labels.loc[labels["metric"] == metric, ["case_id", "label", "known_at"]]
    return _make_in_parts(log, partial(_make_surroundings, labels=labels), parts)


def _make_in_parts(log: CaseLog, make: Any, parts: int) -> Mapping[str, pd.DataFrame]:
    """Make frames part by part, each with the columns that it has without a row."""
    known = {("public since", True): find_public_since(log, as_recorded=True)}
    kinds = {name: dict(frame.dtypes) for name, frame in make(*_no_rows(log)).items()}
    made: Mapping[str, pd.DataFrame] = by_case(log, make, kinds, parts, known=known)
    return made


def _make_surroundings(
    cases: pd.DataFrame, moments: pd.DataFrame | None, shared: SharedFacts, *, labels: pd.DataFrame
) -> Mapping[str, pd.DataFrame]:
    steps = case_steps(open_part(cases, moments, shared))
    moves = find_case_changes(steps)
    decided = find_decided_cases(moves, labels[labels["case_id"].isin(cases["case_id"])])
    told = {"moves": moves[list(_LOAD_COLUMNS)], "acts": find_acts(steps), "decided": decided}
    return {name: _narrowed(frame) for name, frame in (told | {"done": find_resolved_cases(moves)}).items()}


def _only_in_question(
    log: CaseLog, metric: str, moves: pd.DataFrame, asked: pd.DataFrame, parts: int
) -> tuple[CaseLog, int]:
    """Return a log of the cases that may be seen, and its parts: those that are named, or open at an instant."""
    if "case_id" in asked.columns:
        names = asked["case_id"].drop_duplicates()
    elif metric == "closing" or read_policies(log)[metric].source:  # such a promise outlives the resolution
        return log, parts
    else:
        names = find_open_cases(moves, asked)
    wanted = ibis.memtable(pd.DataFrame({"case_id": names}), schema={"case_id": "string"})
    tables = {name: rows.semi_join(wanted, "case_id") for name, rows in log.tables.items() if name in _OF_CASES}
    share = len(names) / max(int(moves["kind"].eq("start").sum()), 1)
    return replace(log, tables={**log.tables, **tables}), max(1, math.ceil(share * parts))


def _no_rows(log: CaseLog) -> tuple[pd.DataFrame, pd.DataFrame, SharedFacts]:
    cases, events = (log.frame(log.table(name).limit(0)) for name in _OF_CASES)
    return cases, events, share_facts(log, {})


def _make_looks(
    cases: pd.DataFrame,
    moments: pd.DataFrame | None,
    shared: SharedFacts,
    *,
    metric: str,
    asked: pd.DataFrame | str,
) -> Mapping[str, pd.DataFrame]:
    """Look at the cases of one part."""
    log = open_part(cases, moments, shared)
    steps = case_steps(log)
    whole = isinstance(asked, pd.DataFrame) and "case_id" in asked.columns
    if isinstance(asked, str):
        looks = find_snapshot_times(log, asked, steps)
    else:
        looks = asked[asked["case_id"].isin(cases["case_id"])] if whole else asked
    rows, clock = read_looks(log, read_policies(log), metric, steps, looks, whole=whole)
    return {"rows": rows, "clock": clock}


def _narrowed(frame: pd.DataFrame) -> pd.DataFrame:
    """Return names as numbers of a list of names."""
    return frame.astype({name: "category" for name in frame.columns if name in _NARROW})
