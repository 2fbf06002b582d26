"""The deadline behind a flag: what the decided cases of an exporting system say of a target that it does not export."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ...features.arrays import Bools, Floats, Ints

#: Fewer decided cases of a priority, or fewer of either outcome in all, imply nothing.
MIN_CASES, MIN_CASES_PER_OUTCOME = 200, 20
#: How many days of closings tell how long closing takes after the work is done; how many closings at least.
LAG_WINDOW_DAYS, MIN_LAG_CASES = 14.0, 200
#: A flag may always turn out otherwise than the curve says.
_MIN_PROBABILITY = 0.005
_LAG_QUANTILES = 21
_AGE_GRID_POINTS = 400


@dataclass(frozen=True)
class ImpliedDeadline:
    """P(broken | decided at an age), by priority, and how long the decision takes after the work is done.

    ``ages`` (hours, rising) with ``curves`` (priority -> P at those ages; ``""`` stands for all others); ``lags`` are
    equally likely delays, h.
    """

    ages: Floats
    curves: dict[str, Floats]
    lags: Floats

    def if_done_at(self, age_h: Floats, priority: pd.Series) -> Floats:
        """Return P(broken) of cases whose work is done at these ages, shape (n,) or (n, k)."""
        out = np.zeros(age_h.shape)
        for name, rows in _by_priority(self.curves, priority):
            out[rows] = np.interp(age_h[rows], self.ages, _average(self.ages, self.curves[name], self.lags))
        return out

    def if_waiting(self, age_h: Floats, waited_h: Floats, priority: pd.Series) -> Floats:
        """Return P(broken) of cases whose work is done and which wait for the decision, shape (n,)."""
        out = np.zeros(len(age_h))
        longest = float(self.lags[-1])
        left = np.maximum(self.lags[None, :] - waited_h[:, None], 0.0)
        possible = (self.lags[None, :] > waited_h[:, None]) | (waited_h[:, None] >= longest)
        for name, rows in _by_priority(self.curves, priority):
            p = np.interp(age_h[rows, None] + left[rows], self.ages, self.curves[name])
            out[rows] = (p * possible[rows]).sum(axis=1) / possible[rows].sum(axis=1)
        return out


def implied_deadline(decided: pd.DataFrame, as_of: pd.Timestamp) -> ImpliedDeadline | None:
    """Learn the deadline from cases whose flag is known.

    Parameters
    ----------
    decided
        One row a case: ``created_at, known_at, label, priority``, and ``done_at`` (when its work was done; missing
        where that is not known).
    as_of
        Cases decided later are not seen.

    Returns
    -------
    The deadline; ``None`` where fewer than 20 cases of either outcome are known. A rising (isotonic) curve over the age
    at the decision, for each priority with 200 cases and for all together; an age beyond what was seen counts as the
    last. The delays are those of the decisions of the last 14 days, or of the last 200.

    Examples
    --------
    >>> made = pd.Timestamp("2024-03-01T00:00Z")
    >>> hours = np.arange(1, 101)
    >>> decided = pd.DataFrame({"created_at": made, "known_at": made + pd.to_timedelta(hours, unit="h"),
    ...                         "label": hours > 60, "priority": "3", "done_at": made})
    >>> found = implied_deadline(decided, made + pd.Timedelta("99D"))
    >>> found.if_done_at(np.array([0.0, 90.0]), pd.Series(["3", "3"])).round(2).tolist()  # decided 1 to 100 hours later
    [0.38, 1.0]
    """
    from sklearn.isotonic import IsotonicRegression

    known = decided[decided["known_at"].notna() & (decided["known_at"] <= as_of) & decided["label"].notna()]
    broken = known["label"].astype(float).to_numpy()
    if min(broken.sum(), (1 - broken).sum()) < MIN_CASES_PER_OUTCOME:
        return None
    took = np.maximum((known["known_at"] - known["created_at"]).dt.total_seconds().to_numpy() / 3600.0, 0.0)
    lags = _delays(known, as_of)
    # Cases are asked about at the age at which their work is done, which is a delay before that of the decision.
    at = np.quantile(took, np.linspace(0, 1, _AGE_GRID_POINTS))
    ages = np.unique(np.concatenate([[0.0], at, np.maximum(at - np.median(lags), 0.0)]))

    def curve(rows: Bools) -> Floats:
        model = IsotonicRegression(y_min=_MIN_PROBABILITY, y_max=1 - _MIN_PROBABILITY, out_of_bounds="clip")
        return np.asarray(model.fit(took[rows], broken[rows]).predict(ages), dtype=np.float64)

    priority = known["priority"].astype("str") if "priority" in known else pd.Series("", index=known.index)
    curves = {"": curve(np.ones(len(known), dtype=bool))}
    for name, count in priority.value_counts().items():
        mine = (priority == name).to_numpy()
        both = min(broken[mine].sum(), count - broken[mine].sum()) >= MIN_CASES_PER_OUTCOME
        if count >= MIN_CASES and both:
            curves[str(name)] = curve(mine)
    return ImpliedDeadline(ages, curves, lags)


def _delays(known: pd.DataFrame, as_of: pd.Timestamp) -> Floats:
    waits = known[known["done_at"].notna() & (known["done_at"] <= known["known_at"])].sort_values("known_at")
    recent = waits[waits["known_at"] > as_of - pd.Timedelta(days=LAG_WINDOW_DAYS)]
    taken = recent if len(recent) >= MIN_LAG_CASES else waits.tail(MIN_LAG_CASES)
    if not len(taken):
        return np.zeros(_LAG_QUANTILES)
    hours = (taken["known_at"] - taken["done_at"]).dt.total_seconds().to_numpy() / 3600.0
    return np.asarray(np.quantile(hours, (np.arange(_LAG_QUANTILES) + 0.5) / _LAG_QUANTILES), dtype=np.float64)


def _average(ages: Floats, curve: Floats, lags: Floats) -> Floats:
    return np.asarray(np.interp(ages[:, None] + lags[None, :], ages, curve).mean(axis=1), dtype=np.float64)


def _by_priority(curves: dict[str, Floats], priority: pd.Series) -> list[tuple[str, Ints]]:
    text = priority.astype("str").to_numpy(dtype=object)
    named = [(name, np.flatnonzero(text == name)) for name in curves if name]
    others = np.flatnonzero(~np.isin(text, [name for name in curves if name]))
    return [*named, ("", others)]
