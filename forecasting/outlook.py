"""What becomes of a backlog with given people: how much waits, how old it grows, and how likely promises break."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ..features.calendars import BusinessCalendar
from ..features.errors import InputError
from .arguments import Floats, Numbers, numbers
from .backlog import limits, per_slot
from .casework import CaseWork, Ints, case_work

#: A promise counts as broken in a slot when more than this many cases (fluid) are late.
BROKEN = 0.01
#: Paths worked on at once, so that the temporaries stay small.
_BATCH = 64


@dataclass(frozen=True)
class Runs:
    """What happened on each path at the end of each slot, shape (P, n); cases and seconds.

    ``late`` cases broke their promise in the slot, ``late_open`` wait although late, ``old`` waited already at the
    first slot.
    """

    worked: Floats
    waiting: Floats
    age_s: Floats
    late: Floats
    late_open: Floats
    old: Floats


def backlog_outlook(
    arrivals: pd.DataFrame,
    calendar: BusinessCalendar,
    agents: Numbers,
    *,
    sla_s: float | Mapping[str, float],
    handle_s: float | Mapping[str, float],
    backlog: pd.DataFrame | None = None,
    sla_calendar: BusinessCalendar | None = None,
    occupancy: float = 1.0,
    free_agents: Numbers = 0,
    level: float = 80,
) -> pd.DataFrame:
    """Say what becomes of the backlog with given people, over sample paths of what comes.

    Parameters
    ----------
    arrivals, calendar, sla_s, handle_s, backlog, sla_calendar
        As in :func:`case_work`; the risk comes from the column ``path`` or from the bounds of a forecast.
    agents
        People at work: one number for all open slots, or one for each slot.
    occupancy, free_agents
        As in :func:`backlog_plan`.
    level
        Level of the bounds in per cent.

    Returns
    -------
    DataFrame
        One row a slot: ``ds``, ``agents``, ``arrived``, ``due``, ``worked``, ``backlog`` (means over the paths; cases),
        ``backlog_lo``, ``backlog_hi``, ``age_s`` (of the oldest case at the end of the slot; mean over the paths in which
        one waits, NaN without), ``age_hi_s`` (upper bound), ``late`` (cases whose promise breaks in the slot),
        ``late_share`` (of those due; NaN where none is), ``late_open``, ``breach_risk`` (share of the paths in which a promise
        breaks in the slot), ``breach_by`` (share in which one has broken up to its end; cases that were late before the
        first slot do not count).

    Raises
    ------
    InputError
        Names the argument and the first bad position.

    Notes
    -----
    A fluid under earliest deadline first: what is due first is done first, of equals the older; what comes in a slot can be
    done in it. Chance within the handle times is not in it: it evens out over a backlog.

    Examples
    --------
    >>> office = BusinessCalendar.from_hours("UTC", {"mon-fri": ["09:00-13:00"]})
    >>> ds = pd.date_range("2024-03-01T09:00", periods=4, freq="h")
    >>> paths = pd.concat([pd.DataFrame({"ds": ds, "path": i, "y": [y, 0.0, 0.0, 0.0]}) for i, y in enumerate((12, 24))])
    >>> seen = backlog_outlook(paths, office, 1, sla_s=3 * 3600, handle_s=600)
    >>> seen[["backlog", "late", "breach_risk"]].to_dict("list")
    {'backlog': [12.0, 6.0, 3.0, 0.0], 'late': [0.0, 0.0, 3.0, 0.0], 'breach_risk': [0.0, 0.0, 0.5, 0.0]}
    """  # noqa: E501 - columns read better with their meaning
    work = case_work(arrivals, calendar, sla_s=sla_s, handle_s=handle_s, backlog=backlog, sla_calendar=sla_calendar)
    people = per_slot("agents", numbers("agents", agents, least=0), (len(work.ds),))
    people = np.where(work.open_s > 0, people, 0.0)
    free = limits(work, 0, None, free_agents)[2]
    share = float(numbers("occupancy", occupancy, above=0, most=1))
    side = (1 - float(numbers("level", level, above=0, below=100)) / 100) / 2
    runs = run_work(work, (people + free) * work.open_s * share)
    due = _due_cases(work)
    broken = runs.late > BROKEN
    waits = np.isfinite(runs.age_s)
    age, late, mean_due = np.where(waits, runs.age_s, 0.0), runs.late.mean(axis=0), due.mean(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean_age = age.sum(axis=0) / waits.sum(axis=0)
        late_share = np.where(mean_due > 0, np.minimum(late / mean_due, 1), np.nan)
    low, high = np.quantile(runs.waiting, [side, 1 - side], axis=0)
    return pd.DataFrame(
        {
            "ds": work.ds,
            "agents": people,
            "arrived": work.inflow.sum(axis=1).mean(axis=0),
            "due": mean_due,
            "worked": runs.worked.mean(axis=0),
            "backlog": runs.waiting.mean(axis=0),
            "backlog_lo": low,
            "backlog_hi": high,
            "age_s": mean_age,
            "age_hi_s": np.where(waits.any(axis=0), np.quantile(age, 1 - side, axis=0), np.nan),
            "late": late,
            "late_share": late_share,
            "late_open": runs.late_open.mean(axis=0),
            "breach_risk": broken.mean(axis=0),
            "breach_by": np.maximum.accumulate(broken, axis=1).mean(axis=0),
        }
    )


def clear_backlog(
    arrivals: pd.DataFrame,
    calendar: BusinessCalendar,
    backlog: pd.DataFrame,
    by: pd.Timestamp | str,
    *,
    sla_s: float | Mapping[str, float],
    handle_s: float | Mapping[str, float],
    sla_calendar: BusinessCalendar | None = None,
    occupancy: float = 1.0,
    free_agents: Numbers = 0,
    confidence: float = 0.8,
    left: float | None = None,
    around: int = 2,
) -> pd.DataFrame:
    """Say how many people clear today's backlog by a date while new work comes in.

    Parameters
    ----------
    arrivals, calendar, backlog, sla_s, handle_s, sla_calendar
        As in :func:`case_work`; the first slot is today.
    by
        Instant, on the calendar's clock where it has no zone.
    occupancy, free_agents
        As in :func:`backlog_plan`.
    confidence
        Share of the sample paths in which it has to work out, above 0 and up to 1.
    left
        ``None``: today's cases must be done. A number: not more than so many cases, old and new, may wait at that time.
    around
        Rows above and below the answer.

    Returns
    -------
    DataFrame
        One row for each number of people around the answer: ``agents`` (in every open slot), ``chance`` (share of the paths
        in which the backlog is cleared by then), ``enough``, ``old_left`` and ``waiting`` (cases of today, and all cases,
        that wait at that time; means), ``late`` (cases whose promise breaks up to then).

    Raises
    ------
    InputError
        If nobody can do it in time because no open hours are left, or a number is out of range.

    Notes
    -----
    New cases that are due before old ones are done before them, as in :func:`backlog_outlook`.

    Examples
    --------
    >>> office = BusinessCalendar.from_hours("UTC", {"mon-fri": ["09:00-17:00"]})
    >>> week = pd.DataFrame({"ds": pd.date_range("2024-03-04", periods=5 * 24, freq="h"), "y": 1.0})
    >>> now = pd.DataFrame({"due_at": pd.to_datetime(["2024-03-05T12:00Z"]), "cases": [120]})
    >>> clear_backlog(week, office, now, "2024-03-05 17:00", sla_s=16 * 3600, handle_s=1800)[["agents", "enough"]].values.tolist()
    [[3, False], [4, True], [5, True], [6, True]]
    """  # noqa: E501 - the example is one line
    work = case_work(arrivals, calendar, sla_s=sla_s, handle_s=handle_s, backlog=backlog, sla_calendar=sla_calendar)
    when = pd.Timestamp(by)
    when = when.tz_localize(calendar.timezone) if when.tz is None else when
    last = (
        int(
            np.searchsorted(
                work.ends.asi8, pd.DatetimeIndex([when]).tz_convert("UTC").as_unit("us").asi8[0], side="right"
            )
        )
        - 1
    )
    share = float(numbers("occupancy", occupancy, above=0, most=1))
    sure = float(numbers("confidence", confidence, above=0, most=1))
    spare = None if left is None else float(numbers("left", left, least=0))
    free = limits(work, 0, None, free_agents)[2]
    if last < 0 or work.open_s[: last + 1].sum() <= 0:
        raise InputError("no slot is open before that", where="argument 'by'", got=str(when))

    def outcome(people: int) -> dict[str, float | int | bool]:
        runs = run_work(work, (people + free) * work.open_s * share, last + 1)
        met = runs.old[:, -1] <= BROKEN if spare is None else runs.waiting[:, -1] <= spare + BROKEN
        return {
            "agents": people,
            "chance": float(met.mean()),
            "enough": bool(met.mean() >= sure - 1e-12),
            "old_left": float(runs.old[:, -1].mean()),
            "waiting": float(runs.waiting[:, -1].mean()),
            "late": float(runs.late.sum(axis=1).mean()),
        }

    answer = _least(lambda people: bool(outcome(people)["enough"]), _most(work, last + 1, share))
    if answer is None:
        raise InputError(
            "no number of people can do that: work comes when nobody is there",
            where="argument 'left'",
            got=left,
            hint="allow more cases to wait, or a later time",
        )
    frame = pd.DataFrame([outcome(k) for k in range(max(answer - around // 2, 0), answer + around + 1)])
    return frame.reset_index(drop=True)


def phone_idle(agents: Numbers, load: Numbers, max_occupancy: Numbers = 0.85, abandonment: Numbers = 0.0) -> Floats:
    """Return the time of phone agents that case work may fill, in people.

    Parameters
    ----------
    agents
        People on the phone in each slot.
    load
        Offered load in Erlangs (``load`` of a staffing plan). With an uncertain forecast pass that of a busy slot.
    max_occupancy
        Share of their time that people may be busy with calls and cases together, above 0 and up to 1.
    abandonment
        Share of callers who give up and so take no time.

    Returns
    -------
    array
        ``agents x max_occupancy - load``, not below 0; pass it as ``free_agents`` to :func:`backlog_plan`.

    Notes
    -----
    It holds for cases that can be put down when a call comes: the phone then waits no longer than before. Cases that
    cannot be interrupted delay calls by up to their handle time.

    Examples
    --------
    >>> phone_idle([14, 10], [10.0, 9.9]).round(2).tolist()
    [1.9, 0.0]
    """
    people, calls = numbers("agents", agents, least=0), numbers("load", load, least=0)
    cap, gone = (
        numbers("max_occupancy", max_occupancy, above=0, most=1),
        numbers("abandonment", abandonment, least=0, most=1),
    )
    busy = np.minimum(calls * (1 - gone), people)
    return np.maximum(people * cap - busy, 0.0)


def run_work(work: CaseWork, capacity: Floats, slots: int | None = None) -> Runs:
    """Let work flow through a capacity in seconds per slot, on every path: what is due first is done first.

    Only the first ``slots`` are run; all by default.

    Examples
    --------
    >>> office = BusinessCalendar.always()
    >>> hours = pd.DataFrame({"ds": pd.date_range("2024-03-01", periods=2, freq="h"), "y": [2.0, 0.0]})
    >>> run_work(case_work(hours, office, sla_s=3600, handle_s=3600), np.array([3600.0, 3600.0])).late.tolist()
    [[1.0, 0.0]]
    """
    parts = [
        _run(work, work.inflow[i : i + _BATCH, :, : len(capacity[:slots])], capacity)
        for i in range(0, len(work.inflow), _BATCH)
    ]
    return Runs(*(np.concatenate([getattr(p, f) for p in parts]) for f in Runs.__dataclass_fields__))


@dataclass(frozen=True)
class _Buckets:
    """Work that is born together and due together, in the order of the deadlines."""

    place: Ints  # of the cases that come, (C, n)
    old: Ints  # places of what waits at the start
    due: Ints
    born: Floats
    per_case: Floats


def _buckets(work: CaseWork) -> _Buckets:
    c, n = work.due.shape
    start = (work.starts.asi8 - work.starts.asi8[0]) / 1e6
    due = np.concatenate([work.old["due"].to_numpy(), work.due.ravel()])
    born = np.concatenate([-work.old["born_s"].to_numpy(float), np.tile(start, c)])
    kind = np.concatenate([work.old["kind"].to_numpy(int), np.repeat(np.arange(c), n)])
    order = np.lexsort((kind, born, due))
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.arange(len(order))
    m = len(work.old)
    return _Buckets(place[m:].reshape(c, n), place[:m], due[order], born[order], 1 / work.handle_s[kind][order])


def _run(work: CaseWork, inflow: Floats, capacity: Floats) -> Runs:
    b, (paths, _, n) = _buckets(work), inflow.shape
    left = np.zeros((paths, len(b.due)))
    left[:, b.old] = work.old["cases"].to_numpy(float) * work.handle_s[work.old["kind"].to_numpy(int)]
    end = (work.ends.asi8 - work.starts.asi8[0]) / 1e6
    is_old = np.zeros(len(b.due), dtype=bool)
    is_old[b.old] = True
    out = {f: np.zeros((paths, n)) for f in Runs.__dataclass_fields__}
    top = int(b.old.max()) + 1 if len(b.old) else 0
    low = 0
    for k in range(n):
        left[:, b.place[:, k]] += inflow[:, :, k] * work.handle_s
        top = max(top, int(b.place[:, k].max()) + 1)
        view, cases = left[:, low:top], b.per_case[low:top]
        before = np.cumsum(view, axis=1) - view
        served = np.clip(capacity[k] - before, 0.0, view)
        view -= served
        view[view < 1e-9] = 0.0
        over = np.searchsorted(b.due[low:top], [k, k + 1])
        out["worked"][:, k] = served @ cases
        out["waiting"][:, k] = view @ cases
        out["late"][:, k] = view[:, over[0] : over[1]] @ cases[over[0] : over[1]]
        out["late_open"][:, k] = view[:, : over[1]] @ cases[: over[1]]
        out["old"][:, k] = view @ (cases * is_old[low:top])
        born = np.where(view * cases > 1e-6, b.born[low:top], np.inf).min(axis=1, initial=np.inf)
        out["age_s"][:, k] = np.where(np.isfinite(born), end[k] - born, np.nan)
        some = np.flatnonzero(view.any(axis=0))
        low = min(low + (int(some[0]) if len(some) else top - low), int(b.place[:, k + 1 :].min(initial=len(b.due))))
    return Runs(**out)


def _due_cases(work: CaseWork) -> Floats:
    n = len(work.ds)
    out = np.zeros((len(work.inflow), n + 1))
    for kind, due in enumerate(work.due):
        for path in range(len(out)):
            out[path] += np.bincount(due, work.inflow[path, kind], minlength=n + 1)
    old = work.old[work.old["due"] >= 0]
    out += np.bincount(old["due"], old["cases"], minlength=n + 1) if len(old) else 0.0
    return out[:, :n]


def _least(enough: Callable[[int], bool], most: int) -> int | None:
    """Return the smallest number that is enough, of which more is never worse; ``None`` if even the most is not."""
    low, high = -1, 1
    while not enough(high):
        if high >= most:
            return None
        low, high = high, min(2 * high, most)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


def _most(work: CaseWork, slots: int, share: float) -> int:
    """Return so many people that they can do all work in the shortest open slot."""
    total = (work.inflow * work.handle_s[:, None]).sum(axis=(1, 2)).max()
    total += float((work.old["cases"] * work.handle_s[work.old["kind"].to_numpy(int)]).sum())
    open_s = work.open_s[:slots]
    return int(np.ceil(total / (open_s[open_s > 0].min() * share))) + 1
