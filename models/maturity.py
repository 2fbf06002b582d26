"""Which snapshots may teach: their outcome is known, and was bound to be known by now whatever it is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..features.errors import InputError
from .calibration import FloatArray

#: Columns that a snapshot must have whatever the features are.
KEYS = ("case_id", "at", "metric", "age_s")


@dataclass(frozen=True)
class Matured:
    """Snapshots that may teach, with their outcomes, and what was left out.

    Attributes
    ----------
    snapshots
        The rows that may teach, sorted by instant and case, with a fresh index.
    breached
        Their outcomes, 0.0 or 1.0.
    created_at
        When their cases were created.
    lag_s
        How long after its due time (or after the snapshot where there is none) an outcome is nearly sure to be known.
    dropped
        Why rows were left out -> how many.
    """

    snapshots: pd.DataFrame
    breached: FloatArray
    created_at: pd.Series
    lag_s: float
    dropped: dict[str, int]


def matured(snapshots: pd.DataFrame, labels: pd.DataFrame, as_of: pd.Timestamp, share: float = 0.95) -> Matured:
    """Keep the snapshots whose outcome is known at ``as_of`` and was bound to be, be it good or bad.

    Near the end of a log the outcomes that are known already are a biased lot: on the last day only what was met
    early or is long overdue. Taking whatever has an outcome would teach the model that young cases do well. So a
    snapshot enters only if it is old enough: its due time (or, where no due time is known, its own instant) plus a lag
    is over. The lag is the time after which ``share`` of the outcomes that ever get known are known; it is
    estimated by Kaplan-Meier, where the undecided count as not known yet. The cut looks at times that were known when
    the snapshot was taken and never at the outcome. Of the rows on the old side of the cut the few without an outcome
    (paused for long, say) are left out and counted.

    Parameters
    ----------
    snapshots
        Rows of one metric; see ``deskcast.features.snapshots``.
    labels
        Columns ``case_id, metric, label, known_at``; see ``deskcast.features.breach_labels``.
    as_of
        Outcomes that became known later are not seen.
    share
        Share of the outcomes that must be in.

    Raises
    ------
    InputError
        If no outcome is known at ``as_of``.

    Examples
    --------
    >>> import pandas as pd
    >>> at = pd.to_datetime(["2024-03-01T08:00Z", "2024-03-02T08:00Z"])
    >>> snapshots = pd.DataFrame({"case_id": ["a", "b"], "at": at, "metric": "resolution", "age_s": [3600.0, 60.0],
    ...                           "due_at": pd.to_datetime(["2024-03-01T12:00Z", "2024-03-02T12:00Z"])})
    >>> labels = pd.DataFrame({"case_id": ["a", "b"], "metric": "resolution", "label": [True, False],
    ...                        "known_at": pd.to_datetime(["2024-03-01T12:00Z", "2024-03-02T08:30Z"])})
    >>> found = matured(snapshots, labels, pd.Timestamp("2024-03-02T09:00Z"))
    >>> found.snapshots["case_id"].tolist(), found.dropped
    (['a'], {'too young to tell': 1})
    """
    rows = _joined(snapshots, labels)
    known = rows["known_at"].notna() & (rows["known_at"] <= as_of) & rows["label"].notna()
    after = known & (rows["at"] >= rows["known_at"])
    later = rows["at"] > as_of
    over = _flag(rows, "already_breached")
    open_rows = ~after & ~later & ~over
    if not (known & open_rows).any():
        raise InputError(
            "no snapshot has an outcome that is known yet",
            where="labels",
            column="label",
            got=f"{len(labels)} labels for {len(snapshots)} snapshots, as of {as_of}",
            hint="a longer log, an earlier first snapshot or a promise in [[sla]] gives some",
        )
    start = rows["due_at"].where(rows["due_at"] > rows["at"], rows["at"]) if "due_at" in rows else rows["at"]
    waited = (rows["known_at"].where(known, as_of) - start).dt.total_seconds().clip(lower=0.0)
    lag = decision_lag(np.asarray(waited[open_rows], dtype=np.float64), np.asarray(known[open_rows]), share)
    old = start + pd.Timedelta(seconds=lag) <= as_of
    keep = open_rows & old & known
    dropped = {
        "taken after the outcome was known": int((after | over).sum()),
        "taken after the end": int((later & ~after & ~over).sum()),
        "too young to tell": int((open_rows & ~old).sum()),
        "undecided": int((open_rows & old & ~known).sum()),
    }
    taken = rows[keep].reset_index(drop=True)
    return Matured(
        snapshots=taken[list(snapshots.columns)],
        breached=taken["label"].to_numpy("float64"),
        created_at=taken["created_at"],
        lag_s=lag,
        dropped={why: n for why, n in dropped.items() if n},
    )


def decision_lag(waited_s: FloatArray, known: NDArray[np.bool_], share: float = 0.95) -> float:
    """Return the time after which ``share`` of the outcomes that ever get known are known.

    Parameters
    ----------
    waited_s
        Seconds until the outcome was known, or until now where it is not, shape (n,).
    known
        Whether it is known, shape (n,).
    share
        Share of the outcomes that ever get known (the level that the Kaplan-Meier curve ends at).

    Returns
    -------
    Seconds.

    Notes
    -----
    Kaplan and Meier (1958), Nonparametric estimation from incomplete observations, JASA 53.

    Examples
    --------
    >>> import numpy as np
    >>> decision_lag(np.array([0.0, 0.0, 60.0, 90.0, 10.0]), np.array([True, True, True, True, False]), 0.9)
    90.0
    """
    instants, place = np.unique(waited_s, return_inverse=True)
    events = np.bincount(place, known, minlength=len(instants))
    at_risk = len(waited_s) - np.concatenate([[0], np.cumsum(np.bincount(place, minlength=len(instants)))[:-1]])
    decided = 1 - np.cumprod(1 - events / at_risk)
    # The last step of the curve hangs on few rows; 1e-9 forgives rounding in the product.
    reached = decided >= share * decided[-1] - 1e-9
    return float(instants[int(np.argmax(reached))])


def split_by_case(case_id: pd.Series, created_at: pd.Series, shares: tuple[float, ...]) -> NDArray[np.int64]:
    """Number the parts of a split in time: all rows of a case fall in the part of its creation.

    Parameters
    ----------
    case_id, created_at
        Of each row.
    shares
        Shares of the cases in each part; they add up to 1.

    Returns
    -------
    0 for the rows of the earliest cases, 1 for the next part, and so on.

    Examples
    --------
    >>> import pandas as pd
    >>> at = pd.Series(pd.to_datetime(["2024-03-01T08:00Z", "2024-03-02T08:00Z", "2024-03-01T08:00Z"]))
    >>> split_by_case(pd.Series(["a", "b", "a"]), at, (0.5, 0.5)).tolist()
    [0, 1, 0]
    """
    cases = pd.DataFrame({"case_id": case_id.to_numpy(), "created_at": created_at.array})
    cases = cases.sort_values(["created_at", "case_id"]).drop_duplicates("case_id")
    edges = np.floor(np.cumsum(shares[:-1]) * len(cases) + 1e-9)
    part = pd.Series(np.searchsorted(edges, np.arange(len(cases)), side="right"), index=cases["case_id"])
    return np.asarray(part.reindex(case_id).to_numpy(dtype="int64"))


def one_metric(snapshots: pd.DataFrame) -> str:
    """Return the one metric that the snapshots are about, or say what is wrong with them."""
    for name in KEYS:
        if name not in snapshots.columns:
            raise InputError("the column is missing", where="snapshots", column=name)
    metrics = snapshots["metric"].dropna().unique()
    if len(metrics) != 1:
        got = "none" if not len(metrics) else ", ".join(sorted(map(str, metrics)))
        raise InputError(
            "one model is for one metric",
            where="snapshots",
            column="metric",
            got=got,
            hint="filter the snapshots and fit one model for each metric",
        )
    return str(metrics[0])


def _joined(snapshots: pd.DataFrame, labels: pd.DataFrame) -> pd.DataFrame:
    metric = one_metric(snapshots)
    for name in ("case_id", "metric", "label", "known_at"):
        if name not in labels.columns:
            raise InputError("the column is missing", where="labels", column=name)
    wanted = labels.loc[labels["metric"] == metric, ["case_id", "label", "known_at"]]
    twice = wanted["case_id"].duplicated()
    if twice.any():
        raise InputError(
            "a case has two labels", where="labels", column="case_id", got=str(wanted.loc[twice, "case_id"].iloc[0])
        )
    # `labels` is not the only place where a column of that name may come from.
    rows = snapshots.drop(columns=["label", "known_at", "created_at"], errors="ignore").merge(wanted, on="case_id")
    for name in ("at", "known_at", "due_at"):
        if name in rows:
            rows[name] = _instants(rows[name])
    rows["created_at"] = rows["at"] - pd.to_timedelta(rows["age_s"], unit="s")
    return rows.sort_values(["at", "case_id"], kind="stable", ignore_index=True)


def _instants(values: pd.Series) -> pd.Series:
    if values.isna().all():
        return pd.Series(pd.NaT, index=values.index, dtype="datetime64[us, UTC]")
    if not isinstance(values.dtype, pd.DatetimeTZDtype):
        wanted = "instants with a zone (datetime64[us, UTC])"
        raise InputError("these are not instants", column=str(values.name), got=str(values.dtype), wanted=wanted)
    return values


def _flag(rows: pd.DataFrame, name: str) -> pd.Series:
    if name not in rows:
        return pd.Series(False, index=rows.index)
    return rows[name].astype("boolean").fillna(False).astype(bool)
