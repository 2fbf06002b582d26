"""From snapshots to periods at risk: what is known of the time to finish, open cases included."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ...features.arrays import Floats
from ...features.errors import InputError
from .work_clock import WorkClock

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


class Finish(NamedTuple):
    """For each snapshot when its case was done (``ended``), or until when it was seen not to be."""

    at: pd.DatetimeIndex
    ended: Bools


class PersonPeriods(NamedTuple):
    """One row for each period that a snapshot was at risk in: its position, the period, and whether it ended there."""

    row: Ints
    period: Ints
    done: Bools


def find_finish_times(
    snapshots: pd.DataFrame, labels: pd.DataFrame, as_of: pd.Timestamp, ends: pd.DataFrame | None = None
) -> Finish:
    """Find for each snapshot when the case was done next, as far as it was known at ``as_of``.

    Parameters
    ----------
    snapshots
        Columns ``case_id, at`` and, where there is one, ``due_at``.
    labels
        Columns ``case_id, label, known_at``.
    as_of
        What came later is not seen.
    ends
        Columns ``case_id, ended_at``; see ``deskcast.features.case_ends``. Without them the labels tell what they can:
        a promise that was kept was done when that was known, one that was broken was not done until then. Where no
        case has a due time the exporting system decides when all is over, so that both are done.

    Examples
    --------
    >>> rows = pd.DataFrame({"case_id": ["a", "b"], "at": pd.to_datetime(["2024-03-01T08:00Z"] * 2)})
    >>> ends = pd.DataFrame({"case_id": ["a", "a"],
    ...                      "ended_at": pd.to_datetime(["2024-02-01T00:00Z", "2024-03-02T00:00Z"])})
    >>> find_finish_times(rows, ends, pd.Timestamp("2024-03-05T00:00Z"), ends).ended.tolist()
    [True, False]
    """
    if ends is None:
        decided = labels[labels["known_at"].notna()]
        known = decided.set_index("case_id")["known_at"].reindex(snapshots["case_id"])
        broken = decided.set_index("case_id")["label"].astype("boolean").reindex(snapshots["case_id"])
        source = "due_at" not in snapshots.columns or snapshots["due_at"].isna().all()
        at = pd.DatetimeIndex(known.array)
        seen = np.asarray((known <= as_of).to_numpy(dtype=bool))
        done = seen & (source | ~broken.fillna(True).to_numpy(dtype=bool))
        return Finish(_until(at, seen, as_of), done)
    for name in ("case_id", "ended_at"):
        if name not in ends.columns:
            raise InputError("missing column", where="ends", column=name, code="column.missing")
    seen_ends = ends.loc[ends["ended_at"] <= as_of, ["case_id", "ended_at"]]
    found = _next(snapshots, seen_ends)
    ended = np.asarray(found.notna())
    return Finish(_until(found, ended, as_of), ended)


def build_person_periods(elapsed: Floats, ended: Bools, edges: Floats) -> PersonPeriods:
    """Cut the time from each snapshot to its end into periods at risk.

    Parameters
    ----------
    elapsed
        Working hours until the case was done or last seen, shape (n,).
    ended
        Whether it was done, shape (n,).
    edges
        Edges of the periods, from 0, shape (K + 1,).

    Returns
    -------
    One row for each snapshot and period in which it was seen to the end; a period that the end of the log cuts
    off is left out (an open case is at risk in the periods before it). What ends beyond the last edge survives all.

    Examples
    --------
    >>> cut = build_person_periods(np.array([3.0, 5.0]), np.array([True, False]), np.array([0.0, 2.0, 4.0, 8.0]))
    >>> cut.row.tolist(), cut.period.tolist(), cut.done.tolist()
    ([0, 0, 1, 1], [0, 1, 0, 1], [False, True, False, False])
    """
    last = np.maximum(np.searchsorted(edges, elapsed, side="left") - 1, 0)
    beyond = last >= len(edges) - 1
    last = np.minimum(last, len(edges) - 2)
    done_there = ended & ~beyond
    seen = np.where(done_there | beyond, last + 1, last)
    row = np.repeat(np.arange(len(elapsed)), seen)
    period = np.arange(seen.sum()) - np.repeat(np.cumsum(seen) - seen, seen)
    return PersonPeriods(row, period, np.asarray(done_there[row] & (period == last[row])))


def edges_for(elapsed: Floats, ended: Bools, longest: float, most: int = 16) -> Floats:
    """Choose edges such that each period sees about as many cases done, and the last one reaches far enough.

    >>> edges_for(np.arange(1.0, 101.0), np.ones(100, dtype=bool), 300.0, most=4).tolist()
    [0.0, 25.75, 50.5, 75.25, 100.0, 200.0, 400.0]
    """
    took = elapsed[ended & (elapsed > 0)]
    if not len(took):
        return np.array([0.0, max(longest, 1.0)])
    edges = np.unique(np.quantile(took, np.linspace(0, 1, most + 1)[1:]))
    tail = [float(edges[-1])]
    while tail[-1] < longest:
        tail.append(2 * tail[-1])
    return np.concatenate([[0.0], edges, tail[1:]])


def working_hours_to_finish(clock: WorkClock, snapshots: pd.DataFrame, finish: Finish) -> Floats:
    """Return the working hours from each snapshot to its end; never below 0."""
    return np.maximum(clock.elapsed(pd.DatetimeIndex(snapshots["at"].array), finish.at), 0.0)


def _until(at: pd.DatetimeIndex, seen: Bools, as_of: pd.Timestamp) -> pd.DatetimeIndex:
    if not len(at):
        return pd.DatetimeIndex([], dtype="datetime64[us, UTC]")
    return at.as_unit("us").where(seen, pd.DatetimeIndex([as_of]).repeat(len(at)).as_unit("us"))


def _next(snapshots: pd.DataFrame, ends: pd.DataFrame) -> pd.DatetimeIndex:
    rows = pd.DataFrame({"case_id": snapshots["case_id"].astype("str").array, "at": snapshots["at"].array})
    rows["place"] = np.arange(len(rows))
    known = ends.astype({"case_id": "str"}).assign(at=lambda f: f["ended_at"]).sort_values("at", kind="stable")
    rows["at"], known["at"] = rows["at"].astype("datetime64[us, UTC]"), known["at"].astype("datetime64[us, UTC]")
    if not len(rows) or not len(known):
        return pd.DatetimeIndex(pd.Series(pd.NaT, index=rows.index, dtype="datetime64[us, UTC]").array)
    both = pd.merge_asof(
        rows.sort_values("at", kind="stable"),
        known,
        on="at",
        by="case_id",
        direction="forward",
        allow_exact_matches=False,
    )
    return pd.DatetimeIndex(both.sort_values("place")["ended_at"].array).as_unit("us")
