"""Open cases at given instants, with what was known of them then: the rows that a risk model learns from."""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from .calendars import to_index, to_micros
from .clocks import NEVER, Timeline, Track, broken_at, counted, course, instants, reached, run_tracks, timeline
from .engine import CaseLog
from .errors import InputError, did_you_mean
from .flags import flag_broken
from .openings import US, check_zone
from .policies import PolicyBook, policy_books
from .state import COUNTED, first_seen, open_cases

#: Columns that name a row or its promise; not features.
KEYS = ("case_id", "at", "metric", "due_at")
#: Feature columns that hold numbers (or true and false).
NUMERIC = (
    "left_s",
    "target_used",
    "already_breached",
    "paused",
    "age_s",
    "idle_s",
    "customer_messages",
    "agent_messages",
    "unanswered_s",
    "reopens",
    "transfers",
    "priority_changes",
    "escalations",
    "open_in_team",
    "hour",
    "weekday",
)
#: Feature columns that hold names.
CATEGORICAL = ("status", "priority", "channel", "product", "region", "case_type", "team")
COLUMNS = (
    *KEYS,
    *("left_s", "target_used", "already_breached", "paused"),
    *("status", "priority", "channel", "product", "region", "case_type", "team"),
    *NUMERIC[4:],
)
_FLAGS = ("already_breached", "paused")

Ints = npt.NDArray[np.int64]


def snapshots(log: CaseLog, at: Iterable[Any], metric: str = "resolution") -> pd.DataFrame:
    """Look at the open cases at given instants, and at one promise on each.

    Nothing in a row is later than its instant: the rows of an instant ``t`` are the same on ``log`` and on
    ``log.as_of(t)``. An event counts from the instant at which it was recorded, where the log says so.

    Parameters
    ----------
    log
        A log with ``cases``, ``events`` and ``sla_policies``.
    at
        Instants; without a zone they are read on the desk's own clock. None may be later than the end of the log.
    metric
        A metric of the policies. For ``first_response`` only cases without a reply are looked at.

    Returns
    -------
    DataFrame
        One row for each instant and each case open at it, by at and case_id. Keys: ``case_id``, ``at``, ``metric``,
        ``due_at``. Features, named in :data:`NUMERIC` and :data:`CATEGORICAL`:

        * ``left_s`` of the target on the policy's clock (negative when it has passed), ``target_used`` (its share),
          ``already_breached``, ``paused``; while a case is paused ``due_at`` is as if it resumed at the instant
        * ``status``, ``priority``, ``team`` in force, and ``channel``, ``product``, ``region``, ``case_type``
        * ``age_s`` since creation, ``idle_s`` since the last event, ``unanswered_s`` since the oldest public customer
          message without a public reply (0 where none waits), all in calendar time
        * ``customer_messages``, ``agent_messages`` (public), ``reopens``, ``transfers``, ``priority_changes``,
          ``escalations`` so far; missing until the log holds its first event of the kind, because nothing shows
          before that the source records it
        * ``open_in_team``: open cases of the team at the instant
        * ``hour`` and ``weekday`` (Monday is 0) of the instant on the desk's own clock

        Due time, time left and target used are missing where no policy holds, and where the exporting system
        decides (``clock = "source"``; ``already_breached`` is then its flag so far).

    Raises
    ------
    InputError
        If no policy has the metric, or an instant cannot be read or is later than the end of the log.

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
    """
    books = policy_books(log)
    if metric not in books:
        hint = did_you_mean(metric, tuple(books)) if books else "add [[sla]] to the configuration"
        raise InputError("no policy has this metric", where="sla_policies", column="metric", got=metric, hint=hint)
    looks = _looks(at, log)
    found = open_cases(log, looks)
    if metric == "first_response":
        found = found[found["agent_messages"] == 0].reset_index(drop=True)
    out = _described(found, first_seen(log), log.timezone)
    clock = _clock(log, books[metric], out, looks)
    out = out.assign(metric=metric, **clock)
    kinds = dict.fromkeys(["case_id", "metric", *CATEGORICAL], "str") | dict.fromkeys(NUMERIC, "float64")
    kinds |= dict.fromkeys(_FLAGS, "boolean") | dict.fromkeys(["at", "due_at"], "datetime64[us, UTC]")
    return out[list(COLUMNS)].astype(kinds).sort_values(["at", "case_id"], ignore_index=True)


def daily(start: Any, end: Any, at: str = "08:00", timezone: str = "UTC") -> pd.DatetimeIndex:
    """Return one instant a day, at a fixed time on the wall clock of a zone.

    Parameters
    ----------
    start, end
        First and last instant that may be returned; without a zone on the clock of ``timezone``. A bare date
        stands for its whole day.
    at
        Local time such as ``08:00``. On a day whose clock skips it, the first instant after the gap is taken; on a day
        that has it twice, the first.
    timezone
        IANA zone.

    Raises
    ------
    InputError
        If a time, a date or the zone cannot be read.

    Examples
    --------
    >>> daily("2024-03-30", "2024-04-01", "08:00", "Europe/Lisbon").strftime("%d %H:%M").tolist()
    ['30 08:00', '31 07:00', '01 07:00']
    """
    zone = check_zone(timezone)
    try:
        clock = pd.Timedelta(hours=datetime.time.fromisoformat(at).hour, minutes=datetime.time.fromisoformat(at).minute)
    except ValueError as error:
        raise InputError("this is not a time of day", column="at", got=at, wanted="a time such as '08:00'") from error
    low, high = _bound(start, timezone, "start"), _bound(end, timezone, "end")
    if _is_date(end):
        high = high + pd.Timedelta(days=1, microseconds=-1)
    days = pd.date_range(low.tz_localize(None).normalize(), high.tz_localize(None).normalize(), freq="D", unit="us")
    local = (days + clock).tz_localize(zone, ambiguous=np.ones(len(days), dtype=bool), nonexistent="shift_forward")
    return to_index(to_micros(local[(local >= low) & (local <= high)], "at"))


def _bound(value: Any, timezone: str, name: str) -> pd.Timestamp:
    try:
        stamp = pd.Timestamp(value)
    except (ValueError, TypeError) as error:
        raise InputError("this is not an instant", column=name, got=value, wanted="a date and time") from error
    if pd.isna(stamp):
        raise InputError("this is not an instant", column=name, got=value, wanted="a date and time")
    return stamp.tz_localize(timezone) if stamp.tzinfo is None else stamp.tz_convert(timezone)


def _is_date(value: Any) -> bool:
    if isinstance(value, str):
        return len(value.strip()) <= 10
    return isinstance(value, datetime.date) and not isinstance(value, datetime.datetime)


def _looks(at: Iterable[Any], log: CaseLog) -> pd.DatetimeIndex:
    """Return the distinct instants in order, in UTC."""
    listed = [at] if isinstance(at, (str, datetime.datetime)) else list(at)
    stamps = pd.DatetimeIndex([_bound(t, log.timezone, "at").tz_convert("UTC") for t in listed], tz="UTC")
    looks = stamps.as_unit("us").unique().sort_values()
    if len(looks) and looks[-1] > log.until:
        hint = f"the log ends at {log.until.isoformat()}"
        raise InputError("this instant is later than the log", column="at", got=looks[-1].isoformat(), hint=hint)
    return looks


def _described(found: pd.DataFrame, firsts: dict[str, pd.Timestamp], timezone: str) -> pd.DataFrame:
    """Turn the state of the cases into features."""
    at = to_micros(found["at"], "at")
    waiting = to_micros(found["waiting_since"], "waiting_since")
    local = pd.DatetimeIndex(found["at"].array).tz_convert(timezone)
    out = found.assign(
        age_s=(at - to_micros(found["created_at"], "created_at")) / US,
        idle_s=(at - to_micros(found["last_at"], "last_at")) / US,
        unanswered_s=np.where(found["waiting_since"].notna(), (at - waiting) / US, 0.0),
        hour=local.hour,
        weekday=local.day_of_week,
    )
    for feature, kind in COUNTED.items():
        recorded = (found["at"] >= firsts[kind]).to_numpy(dtype=bool)
        out[feature] = out[feature].astype("float64").where(recorded)
    return out


def _clock(log: CaseLog, book: PolicyBook, rows: pd.DataFrame, looks: pd.DatetimeIndex) -> dict[str, Any]:
    """Read the clocks of the metric at the rows' instants."""
    line = timeline(log, as_recorded=True, only=rows["case_id"])
    way = course(line, book)
    tracks = run_tracks(line, way)
    case = pd.Index(line.cases["case_id"]).get_indexer(pd.Index(rows["case_id"])).astype(np.int64)
    at = to_micros(rows["at"], "at")
    here = _rows_at(line, case, at, to_micros(looks, "at"))
    n = len(rows)
    left, share, paused = np.full(n, np.nan), np.full(n, np.nan), np.full(n, np.nan)
    due = np.full(n, NEVER)
    chosen = way.choice[here]
    for number, run in tracks.items():
        mine = np.flatnonzero(chosen == number)
        left[mine], share[mine], due[mine], paused[mine] = _read(run, line, here[mine], at[mine])
    if book.source:
        breached = flag_broken(log, book.metric, rows["case_id"], to_index(at), as_recorded=True)
    else:
        breached = broken_at(line, way, tracks)[case] <= at
    held = pd.array(chosen >= 0, dtype="boolean")
    return {
        "due_at": instants(due),
        "left_s": left,
        "target_used": share,
        "already_breached": pd.Series(breached, dtype="boolean").where(held | breached),
        "paused": pd.Series(paused).astype("boolean"),
    }


def _rows_at(line: Timeline, case: Ints, at: Ints, looks: Ints) -> Ints:
    """Find the row of the timeline that holds for each case and instant: the last one not after it.

    Both sides are ordered by case and by the place of the instant among all that are looked at, which fits into
    one integer.
    """
    width = len(looks) + 1
    keys = line.case * width + np.searchsorted(looks, line.at, side="left")
    sought = case * width + np.searchsorted(looks, at, side="left")
    return np.asarray(np.searchsorted(keys, sought, side="right") - 1, dtype=np.int64)


def _read(run: Track, line: Timeline, here: Ints, at: Ints) -> tuple[Any, Any, Ints, Any]:
    """Return time left, share used, due time and whether paused on one policy's clock."""
    i = np.searchsorted(run.rows, here)
    paused = run.paused[i].astype(float)
    if run.policy.source:
        return np.full(len(i), np.nan), np.full(len(i), np.nan), np.full(len(i), NEVER), paused
    used = run.used[i].copy()
    runs = np.flatnonzero(run.running[i])
    used[runs] += counted(run.policy, line.at[here[runs]], at[runs])
    target = round(run.policy.target_s * US)
    due = run.due[i].copy()
    waits = np.flatnonzero((due == NEVER) & (used < target))
    due[waits] = reached(run.policy, at[waits], target - used[waits])
    return (target - used) / US, used / target, due, paused
