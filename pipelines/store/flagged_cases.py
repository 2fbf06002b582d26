"""Since when a case is on the list: what the state of the results remembers of former mornings."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from ...models.worklist.budget import find_first_flagged
from ..project.state_place import StatePlace
from ..state.database import change_state, read_state
from ..state.flags import find_last_flagged_at, read_flagged, write_flagged


def read_flags(results: StatePlace | Path, metric: str) -> pd.DataFrame:
    """Return the cases that were picked on former mornings: ``metric, case_id, at``; none before the first.

    Parameters
    ----------
    results
        The results folder, or where its state is.
    metric
        SLA metric.

    Raises
    ------
    InputError
        If the state cannot be read, or a file of an earlier version is damaged.
    """
    with read_state(results) as connection:
        return read_flagged(connection, metric)


def find_last_flagged(results: StatePlace | Path) -> pd.Timestamp | None:
    """Return the latest morning that is remembered; none before the first."""
    with read_state(results) as connection:
        return None if connection is None else find_last_flagged_at(connection)


def find_last_picks(flags: pd.DataFrame, as_of: pd.Timestamp) -> pd.DataFrame:
    """Return the picks of the last morning before an instant.

    >>> day = pd.Timestamp("2024-03-04T08:00Z")
    >>> flags = pd.DataFrame({"metric": "resolution", "case_id": ["a", "b"], "at": [day, day + pd.Timedelta("1D")]})
    >>> find_last_picks(flags, day + pd.Timedelta("1D"))["case_id"].tolist()
    ['a']
    """
    earlier = flags[flags["at"] < as_of]
    last: pd.DataFrame = earlier[earlier["at"] == earlier["at"].max()].reset_index(drop=True)
    return last


def find_flagged_since(flags: pd.DataFrame, case_id: pd.Series, picked: pd.Series, as_of: pd.Timestamp) -> pd.Series:
    """Return since when each case is picked, as it was known at an instant.

    Parameters
    ----------
    flags
        What :func:`read_flags` returns; mornings after ``as_of`` are not seen.
    case_id, picked
        The list of this morning.
    as_of
        This morning.

    Returns
    -------
    Instants with the index of ``case_id``; missing where a case was never picked.

    Examples
    --------
    >>> day = pd.Timestamp("2024-03-04T08:00Z")
    >>> flags = pd.DataFrame({"metric": "resolution", "case_id": ["a", "b"], "at": [day, day + pd.Timedelta("3D")]})
    >>> cases = pd.Series(["a", "b"])
    >>> find_flagged_since(flags, cases, pd.Series([False, True]), day + pd.Timedelta("1D")).dt.day.tolist()
    [4, 5]
    """
    now = pd.DataFrame({"case_id": case_id[picked].astype("str"), "at": as_of})
    seen = flags.loc[flags["at"] <= as_of, ["case_id", "at"]]
    every = pd.concat([seen, now.astype({"at": "datetime64[us, UTC]"})], ignore_index=True).assign(work_first=True)
    first = find_first_flagged(every.astype({"case_id": "str", "at": "datetime64[us, UTC]"}), as_of)
    found = first.set_index("case_id")["first_flagged_at"].reindex(case_id.astype("str"))
    return pd.Series(found.array, index=case_id.index, dtype="datetime64[us, UTC]")


def save_flags(results: StatePlace | Path, risk: pd.DataFrame, as_of: pd.Timestamp) -> bool:
    """Write down which cases were picked, unless a later morning is remembered already.

    Parameters
    ----------
    results
        The results folder, or where its state is.
    risk
        The list, with ``metric, case_id, work_first``.
    as_of
        The morning.

    Returns
    -------
    bool
        False where a later morning is remembered: a replay of the past changes nothing.

    Raises
    ------
    InputError
        If the state cannot be written.
    """
    with change_state(results) as connection:
        last = find_last_flagged_at(connection)
        if last is not None and last > as_of:
            return False
        write_flagged(connection, risk.loc[risk["work_first"].astype(bool), ["metric", "case_id"]].assign(at=as_of))
    return True
