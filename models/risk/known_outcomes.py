"""What is known of each snapshot's outcome by now, and what the known ones stand for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ...features.arrays import Floats
from ...features.errors import InputError
from .input_schema import read_instants

#: Columns that a snapshot must have whatever the features are.
SNAPSHOT_KEYS = ("case_id", "at", "metric", "age_s")


class WeightedOutcomes(NamedTuple):
    """Snapshots with a known outcome (0.0 or 1.0), and how many snapshots each of them stands for."""

    snapshots: pd.DataFrame
    breached: Floats
    weight: Floats


@dataclass(frozen=True)
class Outcomes:
    """Snapshots of running promises with what is known of their outcomes.

    Attributes
    ----------
    snapshots
        The rows, sorted by instant and case, with a fresh index; those without an outcome yet are among them.
    breached
        Their outcomes, 0.0 or 1.0, missing where not known yet.
    created_at
        When their cases were created.
    entry_s, end_s
        Age of the case at the snapshot, and at the decision or (where there is none yet) at the end.
    dropped
        Why other rows were left out -> how many.
    known_at
        When the outcomes were known, missing where they are not yet.
    """

    snapshots: pd.DataFrame
    breached: Floats
    created_at: pd.Series
    entry_s: Floats
    end_s: Floats
    dropped: dict[str, int]
    known_at: pd.Series

    @property
    def decided(self) -> NDArray[np.bool_]:
        """Which rows have an outcome."""
        return ~np.isnan(self.breached)

    def last_of_case(self) -> NDArray[np.bool_]:
        """Tell which rows are the last of their case."""
        return ~np.asarray(self.snapshots["case_id"].duplicated(keep="last").to_numpy(dtype=bool))

    def has_run_out(self, as_of: pd.Timestamp) -> NDArray[np.bool_]:
        """Tell of which rows either outcome could be known at an instant: the target has run out, or there is none."""
        rows = self.snapshots
        if "due_at" in rows.columns:
            due = rows["due_at"]
        elif "left_s" in rows.columns:
            due = rows["at"] + pd.to_timedelta(rows["left_s"].astype("float64"), unit="s")
        else:
            return np.ones(len(self.breached), dtype=bool)
        return np.asarray((due.isna() | (due <= as_of)).to_numpy(dtype=bool) | (self.breached == 1))

    def first_of_case(self) -> NDArray[np.bool_]:
        """Tell which rows are the first of their case."""
        return ~np.asarray(self.snapshots["case_id"].duplicated().to_numpy(dtype=bool))

    def split(self, shares: tuple[float, ...]) -> NDArray[np.int64]:
        """Number the parts of a split by case in time; each has its share of the cases with a known outcome."""
        return split_by_case(self.snapshots["case_id"], self.created_at, shares, self.decided)

    def weighted_rows(self, rows: NDArray[np.bool_] | None = None) -> WeightedOutcomes:
        """Return the decided rows among these (all by default) with the weights that make them stand for all of these.

        The weights come from these rows alone, so that each part of a split is judged by its own cut-offs.
        """
        taken = np.ones(len(self.breached), dtype=bool) if rows is None else rows
        decided = self.decided
        weight = censoring_weights(self.entry_s[taken], self.end_s[taken], decided[taken])
        both = taken & decided
        return WeightedOutcomes(
            self.snapshots[both].reset_index(drop=True), self.breached[both], weight[decided[taken]]
        )


def known_outcomes(snapshots: pd.DataFrame, labels: pd.DataFrame, as_of: pd.Timestamp) -> Outcomes:
    """Set beside each snapshot what is known of its outcome at ``as_of``.

    Near the end of a log the outcomes that are known already are a biased lot: on the last day only what was met
    early or is long overdue. So rows without an outcome stay, as cut off at ``as_of``, and the known ones are weighted;
    see :func:`deskcast.models.risk.known_outcomes.censoring_weights`, also for what is assumed.

    Parameters
    ----------
    snapshots
        Rows of one metric; see ``deskcast.features.snapshots.snapshots``.
    labels
        Columns ``case_id, metric, label, known_at``; see ``deskcast.features.breach_labels``. Cases that are not there
        (no promise) are left out. Snapshots from ``decided_at`` on, where it is there, are of promises that were
        decided, known or not, and are left out too.
    as_of
        Outcomes that became known later are not seen.

    Raises
    ------
    InputError
        If a key column is missing, there are several metrics, a case has two labels, or no outcome is known.

    Examples
    --------
    >>> import pandas as pd
    >>> at = pd.to_datetime(["2024-03-01T08:00Z", "2024-03-02T08:00Z", "2024-03-02T08:00Z"])
    >>> snapshots = pd.DataFrame({"case_id": ["a", "b", "c"], "at": at, "metric": "resolution",
    ...                           "age_s": [3600.0, 60.0, 60.0]})
    >>> labels = pd.DataFrame({"case_id": ["a", "b", "c"], "metric": "resolution", "label": [True, False, True],
    ...                        "known_at": pd.to_datetime(["2024-03-01T12:00Z", "2024-03-02T08:30Z",
    ...                                                    "2024-03-02T12:00Z"])})
    >>> found = known_outcomes(snapshots, labels, pd.Timestamp("2024-03-02T09:00Z"))
    >>> found.breached.tolist(), found.weighted_rows().weight.tolist()
    ([1.0, 0.0, nan], [2.0, 1.0])
    """
    rows = _joined(snapshots, labels)
    known = rows["known_at"].notna() & (rows["known_at"] <= as_of) & rows["label"].notna()
    after = known & (rows["at"] >= rows["decided_at"].fillna(rows["known_at"]))
    later = rows["at"] > as_of
    over = _flag(rows, "already_breached")
    running = ~after & ~later & ~over
    if not (known & running).any():
        raise InputError(
            "no snapshot has an outcome that is known yet",
            where="labels",
            column="label",
            got=f"{len(labels)} labels for {len(snapshots)} snapshots, as of {as_of}",
            hint="a longer log, an earlier first snapshot or a promise in [[sla]] gives some",
            code="labels.none",
        )
    taken = rows[running].reset_index(drop=True)
    sure = known[running].to_numpy(dtype=bool)
    waited = (taken["known_at"].where(sure, as_of) - taken["at"]).dt.total_seconds().to_numpy(dtype=np.float64)
    broken = taken["label"].astype("Float64").where(sure)
    # Compared to the microsecond: two ages of one instant must not differ by the rounding of their sum.
    entry = (taken["at"] - taken["created_at"]).dt.total_seconds().to_numpy(dtype=np.float64)
    dropped = {
        "taken after the outcome was known": int((after | over).sum()),
        "taken after the end": int((later & ~after & ~over).sum()),
    }
    return Outcomes(
        snapshots=taken[list(snapshots.columns)],
        breached=np.asarray(broken.to_numpy(dtype=np.float64, na_value=np.nan), dtype=np.float64),
        created_at=taken["created_at"],
        entry_s=np.asarray(entry, dtype=np.float64),
        end_s=np.round(entry + waited, 6),
        dropped={why: n for why, n in dropped.items() if n},
        known_at=taken["known_at"].where(sure),
    )


def split_by_case(
    case_id: pd.Series, created_at: pd.Series, shares: tuple[float, ...], counts: NDArray[np.bool_] | None = None
) -> NDArray[np.int64]:
    """Number the parts of a split in time: all rows of a case fall in the part of its creation.

    Parameters
    ----------
    case_id, created_at
        Of each row.
    shares
        Shares of the cases in each part; they add up to 1.
    counts
        Which rows make their case count in the shares, shape (n,); all by default. The others go with their time.

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
    cases = pd.DataFrame({"case_id": case_id.to_numpy(), "created_at": created_at.array, "counts": True})
    if counts is not None:
        cases["counts"] = counts
    cases = cases.sort_values(["created_at", "case_id", "counts"], ascending=[True, True, False])
    cases = cases.drop_duplicates("case_id")
    before = np.cumsum(cases["counts"].to_numpy()) - cases["counts"].to_numpy()
    edges = np.floor(np.cumsum(shares[:-1]) * cases["counts"].sum() + 1e-9)
    part = pd.Series(np.searchsorted(edges, before, side="right"), index=cases["case_id"])
    return np.asarray(part.reindex(case_id).to_numpy(dtype="int64"))


def one_metric(snapshots: pd.DataFrame) -> str:
    """Return the one metric that the snapshots are about, or say what is wrong with them."""
    for name in SNAPSHOT_KEYS:
        if name not in snapshots.columns:
            raise InputError("missing column", where="snapshots", column=name, code="column.missing")
    metrics = snapshots["metric"].dropna().unique()
    if len(metrics) != 1:
        got = "none" if not len(metrics) else ", ".join(sorted(map(str, metrics)))
        raise InputError(
            "one model is for one metric",
            where="snapshots",
            column="metric",
            got=got,
            hint="filter the snapshots and fit one model for each metric",
            code="metric.unknown",
        )
    return str(metrics[0])


def _joined(snapshots: pd.DataFrame, labels: pd.DataFrame) -> pd.DataFrame:
    metric = one_metric(snapshots)
    for name in ("case_id", "metric", "label", "known_at"):
        if name not in labels.columns:
            raise InputError("missing column", where="labels", column=name, code="column.missing")
    snapshots, labels = read_instants(snapshots, "snapshots"), read_instants(labels, "labels")
    wanted = labels.loc[labels["metric"] == metric, ["case_id", "label", "known_at"]]
    decided = labels["decided_at"] if "decided_at" in labels else labels["known_at"]
    wanted = wanted.assign(decided_at=decided.reindex(wanted.index))
    twice = wanted["case_id"].duplicated()
    if twice.any():
        raise InputError(
            "a case has two labels",
            where="labels",
            column="case_id",
            got=str(wanted.loc[twice, "case_id"].iloc[0]),
            code="row.doubled",
        )
    # `labels` is not the only place where a column of that name may come from.
    rows = snapshots.drop(columns=["label", "known_at", "decided_at", "created_at"], errors="ignore")
    rows = rows.merge(wanted, on="case_id")
    rows["created_at"] = rows["at"] - pd.to_timedelta(rows["age_s"], unit="s")
    return rows.sort_values(["at", "case_id"], kind="stable", ignore_index=True)


def _flag(rows: pd.DataFrame, name: str) -> pd.Series:
    if name not in rows:
        return pd.Series(False, index=rows.index)
    return rows[name].astype("boolean").fillna(False).astype(bool)


#: No snapshot stands for more than so many: a weight without bound would let one outcome decide.
MAX_CENSORING_WEIGHT = 20.0


def censoring_weights(
    entry: Floats, end: Floats, decided: NDArray[np.bool_], most: float = MAX_CENSORING_WEIGHT
) -> Floats:
    """Return how many snapshots each decided one stands for: itself and those that the end of the log cut off.

    Late outcomes are seen of old cases only, early ones of all, so the outcomes that are known are a biased lot.
    A decided snapshot weighs 1 over the chance that the log was long enough to see its outcome. That chance is the
    Kaplan-Meier curve of the cut-offs from the age at the snapshot to the age at the decision: a cut-off depends on
    when a case began and on nothing else, so it does not matter what the case is like. The assumption is that cases
    that began later take as long, and end alike, at the same age as those that began earlier.

    Parameters
    ----------
    entry
        Age of the case at the snapshot, s, shape (n,).
    end
        Age at the decision, or at the end of the log where there was none, s, shape (n,).
    decided
        Whether there was one, shape (n,).
    most
        No weight is larger.

    Returns
    -------
    Weights, 1 or more where decided and 0 elsewhere, shape (n,); all 1 where all is decided.

    Notes
    -----
    Inverse probability of censoring: Robins and Rotnitzky (1992), Recovery of information and adjustment for dependent
    censoring using surrogate markers. With the curve estimated as here the weighted share of an outcome is the
    Aalen-Johansen estimate of its incidence (Satten and Datta 2001, The American Statistician 55).

    Examples
    --------
    >>> import numpy as np
    >>> censoring_weights(np.zeros(4), np.array([1.0, 2.0, 3.0, 5.0]), np.array([True, False, True, True])).tolist()
    [1.0, 0.0, 1.5, 1.5]
    """
    cuts, lost = np.unique(end[~decided], return_counts=True)
    gone = np.sort(end[decided])
    entered = np.searchsorted(np.sort(entry), cuts, side="right")
    # A decision at the same age comes before the cut-off: it was seen.
    left = np.searchsorted(gone, cuts, side="right") + np.cumsum(lost) - lost
    at_risk = entered - left
    hazard = np.minimum(lost / np.maximum(at_risk, 1), 1.0 - 1e-12)
    curve = np.concatenate([[0.0], np.cumsum(np.log1p(-hazard))])
    since = curve[np.searchsorted(cuts, entry, side="left")]
    until = curve[np.searchsorted(cuts, end, side="left")]
    # The exponent is held at 700, where a float ends.
    weights = np.minimum(np.exp(np.minimum(since - until, 700.0)), most)
    return np.asarray(np.where(decided, weights, 0.0), dtype=np.float64)
