"""Work that flows through given people, on many paths at once: what is due first is done first."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...features.arrays import Floats, Ints
from .casework import DeferredWork

#: A promise counts as broken in a slot when more than this many cases (fluid) are late.
BREACH_TOLERANCE_CASES = 0.01
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


def run_work(work: DeferredWork, capacity: Floats, slots: int | None = None) -> Runs:
    """Let work flow through a capacity in seconds per slot, on every path: what is due first is done first.

    Only the first ``slots`` are run; all by default.

    Examples
    --------
    >>> import pandas as pd
    >>> from deskcast.features.calendars.business_calendar import BusinessCalendar
    >>> from deskcast.forecasting.backlog.casework import build_deferred_work
    >>> office = BusinessCalendar.always()
    >>> hours = pd.DataFrame({"ds": pd.date_range("2024-03-01", periods=2, freq="h"), "y": [2.0, 0.0]})
    >>> work = build_deferred_work(hours, office, sla_s=3600, handle_s=3600)
    >>> run_work(work, np.array([3600.0, 3600.0])).late.tolist()
    [[1.0, 0.0]]
    """
    parts = [
        _run(work, work.inflow[i : i + _BATCH, :, : len(capacity[:slots])], capacity)
        for i in range(0, len(work.inflow), _BATCH)
    ]
    return Runs(*(np.concatenate([getattr(p, f) for p in parts]) for f in Runs.__dataclass_fields__))


def count_due_cases(work: DeferredWork) -> Floats:
    """Return the cases that fall due in each slot, by path."""
    n = len(work.ds)
    out = np.zeros((len(work.inflow), n + 1))
    for kind, due in enumerate(work.due):
        for path in range(len(out)):
            out[path] += np.bincount(due, work.inflow[path, kind], minlength=n + 1)
    old = work.old[work.old["due"] >= 0]
    out += np.bincount(old["due"], old["cases"], minlength=n + 1) if len(old) else 0.0
    return out[:, :n]


@dataclass(frozen=True)
class _Buckets:
    """Work that is born together and due together, in the order of the deadlines."""

    place: Ints  # of the cases that come, (C, n)
    old: Ints  # places of what waits at the start
    due: Ints
    born: Floats
    per_case: Floats


def _buckets(work: DeferredWork) -> _Buckets:
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


def _run(work: DeferredWork, inflow: Floats, capacity: Floats) -> Runs:
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
