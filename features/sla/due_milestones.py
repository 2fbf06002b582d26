"""Milestones whose promise is the due time of the case itself, as the system set and moved it."""

from __future__ import annotations

from functools import partial

import numpy as np
import pandas as pd

from ..arrays import Ints
from ..calendars.open_intervals import US_PER_S
from ..case_log.events import find_public_since
from ..case_log.log import CaseLog
from ..partitions.by_case import by_case, find_parts
from ..partitions.shared import SharedFacts, open_part
from .clocks import NEVER_US, Timeline, find_paused_rows, find_timeline, to_instants, trace_metric
from .due_times import find_clock_begins, find_due_times, find_first_overdue, valid_since
from .policies import MetricPolicies, read_policies
from .spans import find_spans


def measure_due_milestones(
    log: CaseLog, line: Timeline, book: MetricPolicies, *, as_recorded: bool = False
) -> pd.DataFrame:
    """Return the milestones of a metric by the due times of its cases: one row a case and cycle that has one.

    The event is late if it comes after the due time in force at that moment; on the same microsecond it is in time.
    What a finished case's row alone tells is of its last end, and known from then on: ``as_recorded`` dates it so.
    """
    way = trace_metric(line, book)
    dues = find_due_times(log, book.metric, line)
    spans = find_spans(line, way)
    spans = spans.pick(way.choice[spans.row] >= 0)
    case = line.case[spans.row]
    begun = find_clock_begins(line, way)[spans.row]
    since = valid_since(book.metric, begun)
    place = dues.in_force(case, spans.ended, since)
    place = np.where((place < 0) & _is_last(case, spans.ended), dues.first_after(case, spans.ended), place)
    spans, case, begun, place = spans.pick(place >= 0), case[place >= 0], begun[place >= 0], place[place >= 0]
    due, known, now = dues.due_at(place), dues.set_at(place), spans.ended
    there = due < NEVER_US
    late = there & np.where(spans.open_end, due <= now, due < now)
    status = np.select(
        [spans.unknown, late, spans.stopped & there, spans.open_end & there],
        ["unknown", "breached", "met", "running"],
        "cancelled",
    )
    paused = np.zeros(len(line.at), dtype=bool)
    for number in np.unique(way.choice[spans.row]):
        mine = way.choice == number
        paused |= mine & find_paused_rows(line, book.policies[int(number)])
    status = np.where((status == "running") & paused[spans.row], "paused", status)
    passed = np.maximum(np.where(there, due, 0), line.at[line.first][case])
    decided = np.select([status == "breached", status == "met"], [passed, now], NEVER_US)
    decided = np.maximum(decided, known) if as_recorded else decided
    unknown = status == "unknown"
    whole = np.where(there, due, 0) - begun
    return pd.DataFrame(
        {
            "case_id": line.cases["case_id"].to_numpy()[case],
            "metric": book.metric,
            "policy": [book.policies[n].policy for n in way.choice[spans.row]],
            "cycle": way.cycle[spans.row],
            "started_at": to_instants(begun),
            "paused_s": np.nan,
            "target_s": np.where(there & (whole > 0), whole / US_PER_S, np.nan),
            "due_at": to_instants(due),
            "stopped_at": to_instants(np.where(spans.stopped & ~unknown, now, NEVER_US)),
            "elapsed_s": np.where(unknown, np.nan, (now - begun) / US_PER_S),
            "status": status,
            "decided_at": to_instants(decided),
        }
    )


def _is_last(case: Ints, ended: Ints) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Mark the last milestone of each case."""
    last = pd.Series(ended).groupby(case).transform("max").to_numpy() if len(case) else ended
    return np.asarray(ended == last, dtype=bool)


def find_overdue_cases(log: CaseLog, book: MetricPolicies) -> pd.DataFrame:
    """Return the cases whose clock ran past the due time that was in force, and when it first did.

    Returns
    -------
    DataFrame
        ``case_id``, ``metric``, ``decided_at`` (when the due time passed) and ``known_at`` (when that was known).
    """
    if (parts := find_parts(log)) > 1:
        known = {("public since", True): find_public_since(log, True)}
        make = partial(_make_overdue, metric=book.metric)
        found: pd.DataFrame = by_case(log, make, _OVERDUE_KINDS, parts, known=known)
        return found
    line = find_timeline(log, as_recorded=True)
    way = trace_metric(line, book)
    first = find_first_overdue(line, way, find_due_times(log, book.metric, line))
    return pd.DataFrame(
        {
            "case_id": line.cases["case_id"].to_numpy()[first["case"].to_numpy()],
            "metric": book.metric,
            "decided_at": to_instants(first["passed"].to_numpy(dtype=np.int64)),
            "known_at": to_instants(first["known"].to_numpy(dtype=np.int64)),
        }
    ).astype({"case_id": "str", "metric": "str"})


_OVERDUE_KINDS = {
    **dict.fromkeys(["case_id", "metric"], "str"),
    **dict.fromkeys(["decided_at", "known_at"], "datetime64[us, UTC]"),
}


def _make_overdue(
    cases: pd.DataFrame, moments: pd.DataFrame | None, shared: SharedFacts, *, metric: str
) -> pd.DataFrame:
    log = open_part(cases, moments, shared)
    return find_overdue_cases(log, read_policies(log)[metric])
