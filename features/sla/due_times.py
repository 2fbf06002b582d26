"""Due times that the systems themselves set: which one was in force at an instant, and the promises that they make."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ..arrays import Bools, Ints
from ..calendars.business_calendar import to_micros
from ..calendars.due_instants import drop_empty_instants, drop_empty_marks, end_days
from ..calendars.open_intervals import US_PER_S
from ..case_log.asof import find_last_as_of
from ..case_log.cache import compute_once
from ..case_log.events import MAX_CLOCK_SKEW_S, add_missing_event_columns, select_event_time
from ..case_log.fetch import fetch
from ..case_log.log import CaseLog
from ..case_log.schema import DUE_FIELDS
from ..errors import InputError
from ..readers.timestamps import parse_times
from .clocks import NEVER_US, MetricLifecycle, Timeline
from .presets import TURN_METRICS


@dataclass(frozen=True)
class DueTimes:
    """The due times of one metric, by case (its position in a timeline) and by when each was set.

    ``due`` is ``NEVER_US`` where the due time was taken away. What is taken away holds after its instant only: systems
    empty the field with the event that it is about.
    """

    case: Ints
    at: Ints
    due: Ints

    def in_force(self, case: Ints, when: Ints, since: Ints | None = None) -> Ints:
        """Return the place of the due time in force for cases at instants; -1 where none was set, or only before."""
        place = find_last_as_of(self.case, self.at, case, when)
        if since is not None and len(self.at):
            place = np.where((place >= 0) & (self.at[place] < since), -1, place)
        return np.asarray(place, dtype=np.int64)

    def first_after(self, case: Ints, when: Ints) -> Ints:
        """Return the place of the first due time that was set for cases after instants; -1 where there is none."""
        if not len(self.at):
            return np.full(len(case), -1)
        place = find_last_as_of(self.case, self.at, case, when) + 1
        fresh = find_last_as_of(self.case, self.at, case, when) < 0
        place = np.where(fresh, np.searchsorted(self.case, case, side="left"), place)
        there = (place < len(self.case)) & (self.case[np.minimum(place, len(self.case) - 1)] == case)
        return np.asarray(np.where(there, place, -1), dtype=np.int64)

    def due_at(self, place: Ints) -> Ints:
        """Return the due times at places, ``NEVER_US`` where there is none."""
        if not len(self.due):
            return np.full(len(place), NEVER_US)
        return np.asarray(np.where(place >= 0, self.due[place], NEVER_US), dtype=np.int64)

    def set_at(self, place: Ints) -> Ints:
        """Return since when the due times at places stood; the smallest integer where there is none."""
        if not len(self.at):
            return np.full(len(place), np.iinfo(np.int64).min)
        return np.asarray(np.where(place >= 0, self.at[place], np.iinfo(np.int64).min), dtype=np.int64)


def due_time_table(log: CaseLog) -> pd.DataFrame:
    """Return every due time of a log, of its table ``due_times`` and of its events, with when it was set.

    Returns
    -------
    DataFrame
        ``case_id``, ``metric``, ``due_at`` (missing where there is none from then on), ``set_at``, by case, metric and
        ``set_at``.

    Raises
    ------
    InputError
        If an event names a due time that cannot be read.

    Examples
    --------
    >>> cases = pd.DataFrame({"case_id": ["1"], "created_at": ["2024-03-01T09:00Z"]})
    >>> events = pd.DataFrame({"case_id": "1", "at": ["2024-03-01T09:00Z"], "kind": "field", "field": "resolution.due",
    ...                        "new": ["2024-03-01T17:00Z"]})
    >>> dues = due_time_table(CaseLog.from_frames(cases=cases, events=events))
    >>> str(dues["due_at"][0]), dues["metric"][0]
    ('2024-03-01 17:00:00+00:00', 'resolution')
    """
    return compute_once(log, "due times", lambda: _build_table(log))


def _build_table(log: CaseLog) -> pd.DataFrame:
    columns = ["case_id", "metric", "due_at", "set_at"]
    parts = []
    if log.has("due_times"):
        rows = log.table("due_times")
        parts.append(fetch(rows.filter(rows.set_at <= log.until).select(*columns)))
    if log.has("events", "field", "new"):
        events = add_missing_event_columns(log)
        told = events.filter((events.kind == "field") & events["field"].isin(list(DUE_FIELDS)))
        told = told.select("case_id", "field", "new", "seq", set_at=select_event_time(told, as_recorded=True))
        found = fetch(told.filter(told.set_at <= log.until).order_by(["case_id", "set_at", "seq"]))
        if len(found):
            due = _read_due(found, log.timezone)
            parts.append(found.assign(metric=found["field"].map(DUE_FIELDS), due_at=due)[columns])
    empty = pd.DataFrame({c: [] for c in columns})
    whole = pd.concat(parts, ignore_index=True) if any(len(p) for p in parts) else empty
    kinds = {"case_id": "str", "metric": "str", "due_at": "datetime64[us, UTC]", "set_at": "datetime64[us, UTC]"}
    order = ["case_id", "metric", "set_at"]
    return whole.astype(kinds).sort_values(order, kind="stable", ignore_index=True)[columns]


def _read_due(events: pd.DataFrame, timezone: str) -> pd.Series[Any]:
    """Read the due times that events tell of: a day means its end on the desk's clock."""
    texts = drop_empty_marks(events["new"].where(events["new"].astype("str").str.strip().ne("")))
    read = parse_times(texts, timezone)
    bad = np.asarray(read.bad, dtype=bool)
    if bad.any():
        got = events.iloc[int(bad.argmax())]
        raise InputError(
            "not a valid due time", where="events", column="new", got=got["new"],
            wanted=f"an instant such as 2024-03-01T09:00Z in the field '{got['field']}'",
            code="value.unreadable",
        )  # fmt: skip
    return end_days(drop_empty_instants(read.instants), texts, timezone)[0]


def find_due_warnings(log: CaseLog) -> list[str]:
    """Report the SLA metrics that need the due times of cases where no case has one.

    >>> cases = pd.DataFrame({"case_id": ["1"], "created_at": ["2024-03-01T09:00Z"]})
    >>> policies = pd.DataFrame({"policy": ["p"], "metric": ["resolution"], "clock": ["due"]})
    >>> find_due_warnings(CaseLog.from_frames(cases=cases, sla_policies=policies))
    ["The resolution SLA needs the due time of each case (clock = 'due'), but no case has one."]
    """
    if not log.has("sla_policies", "clock"):
        return []
    rows = log.frame("sla_policies")
    due = rows.loc[rows["clock"] == "due", "metric"].dropna().unique()
    there = set(due_time_table(log)["metric"]) if len(due) else set()
    return [
        f"The {str(metric).replace('_', ' ')} SLA needs the due time of each case (clock = 'due'), but no case has one."
        for metric in sorted(set(due) - there)
    ]


def find_due_times(log: CaseLog, metric: str, line: Timeline) -> DueTimes:
    """Return the due times of one metric for the cases of a timeline."""
    table = due_time_table(log)
    table = table[table["metric"] == metric]
    case = pd.Index(line.cases["case_id"]).get_indexer(pd.Index(table["case_id"])).astype(np.int64)
    table, case = table[case >= 0], case[case >= 0]
    gone = table["due_at"].isna().to_numpy(dtype=bool)
    at = to_micros(table["set_at"], "set_at") + gone
    due = np.where(gone, NEVER_US, to_micros(table["due_at"], "due_at"))
    order = np.lexsort((np.arange(len(at)), at, case))
    return DueTimes(case[order], at[order], due[order])


def find_clock_begins(line: Timeline, way: MetricLifecycle) -> Ints:
    """Return for each row the instant at which its clock began."""
    rows = np.arange(len(line.at))
    begins = np.maximum.accumulate(np.where(way.begins, rows, 0)) if len(rows) else rows
    return np.asarray(line.at[begins], dtype=np.int64)


def valid_since(metric: str, begun: Ints) -> Ints | None:
    """Return since when a due time must have been set to be that of a clock: one of an earlier turn is over."""
    return begun - round(MAX_CLOCK_SKEW_S * US_PER_S) if metric in TURN_METRICS else None


def read_due_clock(
    line: Timeline, way: MetricLifecycle, dues: DueTimes, at: Ints, here: Ints
) -> dict[str, np.ndarray[Any, Any]]:
    """Read the clock of due times at rows of a timeline and instants, with the due time in force then.

    A clock that has stopped is read as it stood when it did.

    Returns
    -------
    ``due`` (``NEVER_US`` where there is none), ``left_s``, ``target_used`` (the share of the time from the beginning
    of the clock to the due time), ``broken``.
    """
    case = line.case[here]
    rows = np.arange(len(line.at))
    stops = line.before(way.live) & ~way.live
    ended = np.maximum.accumulate(np.where(stops | line.first, rows, 0)) if len(rows) else rows
    live, ran = way.live[here], stops[ended[here]] | way.live[here]
    now = np.where(live, at, np.minimum(at, line.at[ended[here]]))
    begun = find_clock_begins(line, way)[here]
    due = dues.due_at(dues.in_force(case, now, valid_since(way.book.metric, begun)))
    there = (due < NEVER_US) & ran & (way.choice[here] >= 0)
    due = np.where(there, due, NEVER_US)
    left = np.where(there, np.where(there, due, 0) - now, 0)
    whole = np.where(there, np.where(there, due, 0) - begun, 0)
    used = np.where(there & (whole > 0), (now - begun) / np.maximum(whole, 1), np.nan)
    broken = there & np.where(live, left <= 0, left < 0)
    return {
        "due": due,
        "left_s": np.where(there, left / US_PER_S, np.nan),
        "target_used": used,
        "broken": broken,
    }


def find_first_overdue(line: Timeline, way: MetricLifecycle, dues: DueTimes) -> pd.DataFrame:
    """Return of each case that ever was overdue while its clock ran the first instant at which it was.

    Returns
    -------
    ``case`` (position in the timeline), ``passed`` (the due time, or the creation where that is later) and ``known``
    (when the due time was set, where that is later), in microseconds.
    """
    same = np.append(dues.case[1:] == dues.case[:-1], False)[: len(dues.case)]
    replaced = np.where(same, np.append(dues.at[1:], NEVER_US)[: len(dues.at)], NEVER_US)
    created = line.at[line.first]
    passed = np.maximum(dues.due, created[dues.case]) if len(dues.case) else dues.due
    known = np.maximum(passed, dues.at)
    here = find_last_as_of(line.case, line.at, dues.case, np.minimum(known, line.until))
    hit: Bools = (dues.due < NEVER_US) & (known < replaced) & (known <= line.until) & (here >= 0)
    hit &= way.live[here] & (way.choice[here] >= 0)
    since = valid_since(way.book.metric, find_clock_begins(line, way)[here])
    hit = hit if since is None else hit & (dues.at >= since)
    found = pd.DataFrame({"case": dues.case[hit], "passed": passed[hit], "known": known[hit]})
    return found.sort_values(["case", "known"], kind="stable").drop_duplicates("case", ignore_index=True)
