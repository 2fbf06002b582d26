"""Breach risk on a young log: a Kaplan-Meier curve over the share of the target that a case has used."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ...features.arrays import Bools, Floats
from ...features.calendars.business_calendar import BusinessCalendar
from ..evaluation.calibration import log_odds

#: A case that used all of its target; work that was done in time was done before.
FULL_TARGET = 1.0
_JUST_BEFORE = 1.0 - 1e-9


@dataclass(frozen=True)
class TimeUsedCurve:
    """The share of cases that are not done by each share of the target, and what that says of those that still run.

    Attributes
    ----------
    used
        Shares of the target at which cases were done, rising, shape (k,).
    survival
        Share that is not done after each of these, shape (k,).
    is_known
        Whether the curve reaches to the end of the target; else no probability is told.
    stretches
        How many it was learnt from; so few leave no breach certain.
    """

    used: Floats
    survival: Floats
    is_known: bool
    stretches: int
    features: tuple[str, ...] = ("target_used", "left_s", "age_s")

    @property
    def new_case(self) -> float:
        """Probability that a new case breaks its promise."""
        return float(self._certain(np.array([self.survival[-1] if len(self.survival) else 1.0]))[0])

    def parts(self, snapshots: pd.DataFrame) -> tuple[float, pd.DataFrame]:
        """Return the log-odds of a new case, and in ``time`` what the time used adds; missing where it is not known."""
        if not self.is_known:
            return float("nan"), pd.DataFrame({"time": np.nan}, index=snapshots.index)
        base = float(log_odds(np.array([self.new_case]))[0])
        share = np.nan_to_num(_used(snapshots), nan=0.0)
        before = np.concatenate([[1.0], self.survival])[np.searchsorted(self.used, share, side="right")]
        end = self.survival[-1] if len(self.survival) else 1.0
        logit = log_odds(self._certain(end / before))
        return base, pd.DataFrame({"time": logit - base}, index=snapshots.index)

    def _certain(self, probability: Floats) -> Floats:
        return np.asarray(np.minimum(probability, 1.0 - 1.0 / (self.stretches + 2.0)), dtype=np.float64)


def fit_time_used(entry: Floats, end: Floats, done: Bools, *, is_known: bool = True) -> TimeUsedCurve:
    """Estimate by Kaplan-Meier how much of the target cases use; those still running and those that broke it count.

    Parameters
    ----------
    entry, end
        Share of the target used when a case was first seen running and last seen running (or done), shape (n,); a case
        may have several stretches, one after the other.
    done
        Which stretches ended with the work done in time, shape (n,).
    is_known
        Whether enough cases could be watched until their target had run out.

    Returns
    -------
    The curve. At each step one more case than were seen is taken to be still running, so that no curve comes down to 0
    and no breach is called impossible.

    Notes
    -----
    With cases that enter late (left truncation): J. P. Klein and M. L. Moeschberger, Survival Analysis (2003), 4.6.

    Examples
    --------
    >>> curve = fit_time_used(np.zeros(4), np.array([0.5, 0.5, 1.0, 0.8]), np.array([True, True, False, False]))
    >>> round(curve.new_case, 2)
    0.6
    >>> base, parts = curve.parts(pd.DataFrame({"target_used": [0.7]}))
    >>> round(1 / (1 + np.exp(-base - parts["time"].iloc[0])), 2)
    np.float64(0.83)
    """
    end = np.where(done, np.minimum(end, _JUST_BEFORE), np.minimum(end, FULL_TARGET))
    used = np.unique(end[done])
    deaths = np.searchsorted(np.sort(end[done]), used, side="right") - np.searchsorted(np.sort(end[done]), used, "left")
    # A case that was seen from its creation is at risk from its first moment on.
    entered = np.searchsorted(np.sort(np.where(entry <= 0, -1.0, entry)), used, side="left")
    # A case that is done or cut off at a share was still running just before it.
    gone = np.searchsorted(np.sort(end), used, side="left")
    at_risk = np.maximum(entered - gone, deaths)
    return TimeUsedCurve(used, np.cumprod(1.0 - deaths / (at_risk + 1.0)), is_known, len(end))


def find_stretches(
    snapshots: pd.DataFrame,
    breached: Floats,
    known_at: pd.Series,
    as_of: pd.Timestamp,
    calendar: BusinessCalendar | None = None,
) -> tuple[Floats, Floats, Bools]:
    """Return between which shares of its target each snapshot's case ran on, until the next look or its end.

    Parameters
    ----------
    snapshots
        Rows of running promises, by instant: ``case_id, at, target_used, left_s`` (and ``paused``).
    breached, known_at
        Outcomes and from when they were known, missing where they are not yet, shape (n,).
    as_of
        Instant at which cases were last seen running.
    calendar
        Opening hours on which the promise runs.

    Returns
    -------
    ``entry, end, done`` of :func:`fit_time_used`, of the rows that have a target.
    """
    used = _used(snapshots)
    left = snapshots["left_s"].to_numpy(dtype=float, na_value=np.nan)
    with np.errstate(divide="ignore", invalid="ignore"):
        target = left / (1.0 - used)
    stop = pd.Series(known_at.array, index=snapshots.index)
    stop = stop.where(stop.notna() & (stop <= as_of), as_of)
    passed = (stop - snapshots["at"]).dt.total_seconds().to_numpy(dtype=float)
    if calendar is not None:
        passed = np.asarray(calendar.seconds_between(snapshots["at"], stop), dtype=float)
    if "paused" in snapshots:
        passed = np.where(snapshots["paused"].astype("boolean").fillna(False).to_numpy(dtype=bool), 0.0, passed)
    end = used + passed / target
    case = snapshots["case_id"].astype("str").reset_index(drop=True)
    following = pd.Series(used).groupby(case).shift(-1).to_numpy(dtype=float)
    last = ~case.duplicated(keep="last").to_numpy(dtype=bool)
    done = last & (breached == 0)
    end = np.where(last, np.where(breached == 1, FULL_TARGET, end), following)
    there = np.isfinite(used) & np.isfinite(end) & (used < FULL_TARGET)
    entry = np.maximum(used, 0.0)
    return entry[there], np.maximum(end, entry)[there], done[there]


def _used(snapshots: pd.DataFrame) -> Floats:
    return np.asarray(snapshots["target_used"].to_numpy(dtype=float, na_value=np.nan), dtype=np.float64)
