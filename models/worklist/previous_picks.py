"""Yesterday's picks: those that nobody has touched stay, and what leaves the list leaves it with its reason."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ...features.arrays import Floats

#: At most this share of the cases that could stay gives way to better ones in a day.
MAX_REPLACED_SHARE = 0.1
#: A case gives way only to one on which work saves so many times as much.
MIN_REPLACEMENT_GAIN = 2.0
#: Columns of the table of cases that were picked before and are not any more.
DROPPED_COLUMNS = ("case_id", "metric", "flagged_at", "reason", "probability")


def find_untouched(snapshots: pd.DataFrame, picked: Collection[str], since: pd.Timestamp) -> set[str]:
    """Return the cases of an earlier list to which nothing has happened since.

    Parameters
    ----------
    snapshots
        Open cases now: ``case_id``, ``at`` and ``idle_s`` (since the last event). Where that is not known a case counts
        as untouched.
    picked
        Cases of the earlier list.
    since
        Its instant.

    Examples
    --------
    >>> now = pd.Timestamp("2024-03-02T08:00Z")
    >>> rows = pd.DataFrame({"case_id": ["a", "b", "c"], "at": now, "idle_s": [90000.0, 60.0, 90000.0]})
    >>> sorted(find_untouched(rows, ["a", "b"], now - pd.Timedelta("1D")))
    ['a']
    """
    rows = snapshots[snapshots["case_id"].isin(picked)]
    if "idle_s" not in rows:
        return set(rows["case_id"].astype("str"))
    last = rows["at"] - pd.to_timedelta(rows["idle_s"].astype("float64"), unit="s")
    return set(rows.loc[~(last > since), "case_id"].astype("str"))


def keep_picks(
    case_id: pd.Series, benefit: Floats, fresh: NDArray[np.bool_], kept: Collection[str]
) -> NDArray[np.bool_]:
    """Return which cases of an earlier list keep their place before all others.

    Parameters
    ----------
    case_id, benefit
        Of the cases that may be picked today, shape (n,).
    fresh
        Which would be picked if nothing was remembered, shape (n,).
    kept
        Cases of the earlier list that nobody has touched.

    Returns
    -------
    Shape (n,). Nine in ten stay at least; the others give way only to a case on which work saves twice as much.

    Examples
    --------
    >>> cases = pd.Series(["a", "b"])
    >>> keep_picks(cases, np.array([1.0, 0.9]), np.array([True, False]), ["b"]).tolist()
    [False, True]
    """
    stays = np.array(case_id.isin(list(kept)), dtype=bool)
    rivals = benefit[fresh & ~stays]
    if not stays.any() or not len(rivals):
        return stays
    weak = np.flatnonzero(stays & ~fresh)
    weak = weak[np.argsort(benefit[weak], kind="stable")][: int(MAX_REPLACED_SHARE * stays.sum())]
    best = np.sort(rivals)[::-1]
    for place, rival in zip(weak, best, strict=False):
        if benefit[place] * MIN_REPLACEMENT_GAIN <= rival:
            stays[place] = False
    return stays


def explain_dropped(
    earlier: pd.DataFrame,
    listed: pd.DataFrame,
    *,
    breached: Collection[str],
    past_saving: Collection[str],
    resolved: Collection[str],
    untouched: Collection[str],
    min_probability: float,
) -> pd.DataFrame:
    """Return why each case of the earlier list is not picked any more.

    Parameters
    ----------
    earlier
        ``metric, case_id, at``: the list of the last morning.
    listed
        Cases that can still be saved: ``case_id, probability, work_first``.
    breached, past_saving, resolved
        Cases that have broken their promise, that no work can save any more, and that are done and wait to be closed.
    untouched
        Cases of the earlier list to which nothing has happened since.
    min_probability
        Below it no case is picked.

    Returns
    -------
    ``case_id, metric, flagged_at, reason, probability``, by case.

    Examples
    --------
    >>> at = pd.Timestamp("2024-03-01T08:00Z")
    >>> earlier = pd.DataFrame({"metric": "resolution", "case_id": ["a", "b"], "at": at})
    >>> listed = pd.DataFrame({"case_id": ["a"], "probability": [0.05], "work_first": [False]})
    >>> nobody = {"breached": [], "past_saving": [], "resolved": [], "untouched": ["a"]}
    >>> explain_dropped(earlier, listed, min_probability=0.1, **nobody)["reason"].tolist()
    ['risk is below 10%', 'ended']
    """
    now = listed.set_index(listed["case_id"].astype("str"))
    picked = set(now.index[now["work_first"].astype(bool)])
    gone = earlier[~earlier["case_id"].isin(picked)].sort_values("case_id")
    out = []
    for row in gone.itertuples(index=False):
        case, probability = str(row.case_id), float("nan")
        if case in now.index:
            probability = float(now["probability"].to_dict()[case])
            low = probability < min_probability
            better = "worked on since" if case not in untouched else "other cases come first"
            reason = f"risk is below {min_probability:.0%}" if low else better
        elif case in breached:
            reason = "breached"
        elif case in past_saving:
            reason = "too late to meet the SLA"
        else:
            reason = "resolved" if case in resolved else "ended"
        out.append((case, row.metric, row.at, reason, probability))
    table = pd.DataFrame(out, columns=list(DROPPED_COLUMNS))
    kinds = {"case_id": "str", "metric": "str", "flagged_at": "datetime64[us, UTC]", "reason": "str"}
    return table.astype(kinds | {"probability": "float64"})
