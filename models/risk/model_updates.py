"""Models that follow the desk: moved by what the last days showed, as far as it was known by then."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy.special import expit

from ...features.arrays import Bools, Floats
from ..candidates.baselines import CalibratedModel, LogOddsModel
from ..candidates.blend import Blend
from ..candidates.encoding import look_up_once
from ..candidates.hazard import Hazard
from ..candidates.implied_deadline import ImpliedDeadline
from ..candidates.person_periods import Finish
from .known_outcomes import censoring_weights
from .recalibration import rate_shift, speed_shift

#: Days over which the speed of the desk and the outcomes of recent snapshots are looked at.
SPEED_WINDOW_DAYS, RATE_WINDOW_DAYS = 7.0, 14.0
#: Where fewer cases were decided, outcomes are looked for further back, but not beyond so many days.
MIN_RECENT_CASES, MAX_WINDOW_DAYS = 100, 56.0
#: Where the cases decided in so many last days contradict the longer window by so many standard errors, the base rate
#: has just changed, and they move it on; fewer cases contradict nothing.
SHORTER_WINDOWS_DAYS, MIN_CONTRADICTION, MIN_CONTRADICTING_CASES = (7.0, 3.5), 3.0, 20
#: More recent snapshots than this are thinned, whole cases at a time.
MAX_RECENT_ROWS = 8_000


@dataclass(frozen=True)
class RecentOutcomes:
    """What is known at an instant of the snapshots of the last days.

    ``breached`` is 0.0 or 1.0 and missing where the outcome is not known by then; ``finish`` is as known by then.
    """

    snapshots: pd.DataFrame
    breached: Floats
    finish: Finish
    as_of: pd.Timestamp
    known_at: pd.DatetimeIndex
    deadline: ImpliedDeadline | None = None


def select_recent(
    snapshots: pd.DataFrame,
    breached: Floats,
    known_at: pd.Series,
    finish: Finish,
    as_of: pd.Timestamp,
    deadline: ImpliedDeadline | None = None,
) -> RecentOutcomes:
    """Cut what was known at an instant out of a longer record.

    Parameters
    ----------
    snapshots
        Rows of running promises, n of them.
    breached, known_at
        Their outcomes, and when those were known, shape (n,).
    finish
        When their cases were done.
    as_of
        The instant.
    deadline
        For promises without due times, as learnt from what was known by the instant.
    """
    at = snapshots["at"]
    known = np.asarray((known_at <= as_of).fillna(False).to_numpy(dtype=bool))
    days = RATE_WINDOW_DAYS
    while True:
        rows = np.asarray(((at <= as_of) & (at > as_of - pd.Timedelta(days=days))).to_numpy(dtype=bool))
        if days >= MAX_WINDOW_DAYS or snapshots["case_id"][rows & known].nunique() >= MIN_RECENT_CASES:
            break
        days *= 2
    rows = _thinned(rows, snapshots["case_id"])
    ended = finish.ended & np.asarray(finish.at <= as_of)
    stop = finish.at.where(ended, pd.DatetimeIndex([as_of]).repeat(len(ended)))
    seen = np.where(known, breached, np.nan)[rows]
    return RecentOutcomes(
        snapshots[rows].reset_index(drop=True),
        seen,
        Finish(stop[rows].as_unit("us"), ended[rows]),
        as_of,
        pd.DatetimeIndex(known_at[rows].array),
        deadline,
    )


def update_speed(hazard: Hazard, now: RecentOutcomes) -> Hazard:
    """Return the hazard as fast as the desk was in the last week, with the deadline as it is known by now."""
    day = pd.Timedelta(days=1)
    at = pd.DatetimeIndex(now.snapshots["at"].array)
    works = ~_waits(now.snapshots)
    rows = works & np.asarray((at <= now.as_of - day) & (at > now.as_of - pd.Timedelta(days=SPEED_WINDOW_DAYS + 1)))
    hazard = replace(hazard, deadline=now.deadline) if now.deadline is not None else hazard
    if not rows.any():
        return hazard
    stop = now.finish.at[rows]
    latest = at[rows] + day
    done = now.finish.ended[rows] & np.asarray(stop <= latest)
    exposed = hazard.clock.elapsed(at[rows], stop.where(stop <= latest, latest))
    expected = hazard.expected(now.snapshots[rows], np.maximum(exposed, 0.0))
    return hazard.shifted(speed_shift(float(done.sum()), float(expected.sum())))


@look_up_once()
def update_models(models: dict[str, CalibratedModel], now: RecentOutcomes) -> dict[str, CalibratedModel]:
    """Return the models as they have to be read now.

    The hazard gets the speed of the last week, then every model the base rate of the last two: of outcomes that are
    known, and for cases still undecided of what the hazard says of their latest snapshot. Where the last days
    contradict that beyond noise they move it on. All models get the same, the baselines too, or else one would be
    praised for the drift. Without a hazard each known outcome stands for those that the instant cut off; see
    :mod:`deskcast.models.risk.known_outcomes`.
    """
    if not len(now.snapshots):
        return models
    hazard = next((h for m in models.values() if (h := hazard_in(m.score)) is not None), None)
    if hazard is None:
        outcome, weight = now.breached, _weights(now)
    else:
        quick = update_speed(hazard, now)
        models = {name: replace(m, score=_with_hazard(m.score, quick)) for name, m in models.items()}
        outcome, weight = _imputed(now, quick), np.ones(len(now.breached))
    told = np.isfinite(outcome) & (weight > 0)
    windows = () if hazard is None else SHORTER_WINDOWS_DAYS  # early outcomes of few days would stand for late ones
    found = {}
    for name, model in models.items():
        logit = model.logit(now.snapshots)
        good = told & np.isfinite(logit)
        by = _rate_shift(logit, outcome, weight, now, good)
        for days in windows:
            near = good & np.asarray((now.snapshots["at"] > now.as_of - pd.Timedelta(days=days)).to_numpy(dtype=bool))
            if not _is_contradicted(logit + by, outcome, now, near):
                break
            by += _rate_shift(logit + by, outcome, weight, now, near)
        found[name] = replace(model, intercept=model.intercept + by)
    return found


def _rate_shift(logit: Floats, outcome: Floats, weight: Floats, now: RecentOutcomes, rows: Bools) -> float:
    decided = now.snapshots["case_id"][rows & np.isfinite(now.breached)].nunique()
    return rate_shift(logit[rows], outcome[rows], weight=weight[rows], decided=float(decided))


def _is_contradicted(logit: Floats, outcome: Floats, now: RecentOutcomes, rows: Bools) -> bool:
    """Tell whether the cases of these rows breach more or less than was said, beyond what cases differ.

    As in the rate, undecided rows count by what the hazard says, and cases by their rows: those that are decided within
    days, or seen on one morning only, are not like all.
    """
    cases = now.snapshots["case_id"][rows]
    if cases[np.isfinite(now.breached[rows])].nunique() < MIN_CONTRADICTING_CASES:
        return False
    missed = outcome[rows] - expit(logit[rows])
    by_case = np.bincount(pd.factorize(cases)[0], missed)
    return bool(abs(float(missed.sum())) > MIN_CONTRADICTION * float(np.sqrt((by_case**2).sum())))


def hazard_in(score: LogOddsModel) -> Hazard | None:
    """Return the hazard that a score is or contains."""
    if isinstance(score, Hazard):
        return score
    return hazard_in(score.first) if isinstance(score, Blend) else None


def _with_hazard(score: LogOddsModel, hazard: Hazard) -> LogOddsModel:
    if isinstance(score, Hazard):
        return hazard
    return replace(score, first=_with_hazard(score.first, hazard)) if isinstance(score, Blend) else score


def _imputed(now: RecentOutcomes, hazard: Hazard) -> Floats:
    rows = now.snapshots
    undecided = np.isnan(now.breached)
    latest = ~np.asarray(rows["case_id"].duplicated(keep="last").to_numpy(dtype=bool)) & undecided
    said = pd.Series(expit(hazard.logit(rows[latest])), index=rows["case_id"][latest])
    guess = said.reindex(rows["case_id"]).to_numpy(dtype=np.float64)
    return np.asarray(np.where(undecided, guess, now.breached), dtype=np.float64)


def _weights(now: RecentOutcomes) -> Floats:
    at = pd.DatetimeIndex(now.snapshots["at"].array)
    entry = now.snapshots["age_s"].to_numpy(dtype=np.float64)
    decided = np.isfinite(now.breached)
    # What is undecided was cut off now; what is decided, when it was.
    seen = np.asarray((now.known_at - at).total_seconds(), dtype=np.float64)
    cut = np.asarray((now.as_of - at).total_seconds(), dtype=np.float64)
    return censoring_weights(entry, entry + np.where(decided, seen, cut), decided)


def _waits(snapshots: pd.DataFrame) -> Bools:
    if "is_resolved" not in snapshots.columns:
        return np.zeros(len(snapshots), dtype=bool)
    return np.asarray(snapshots["is_resolved"].astype("Float64").fillna(0).to_numpy(dtype=float) > 0, dtype=bool)


def _thinned(rows: Bools, case_id: pd.Series) -> Bools:
    n = int(rows.sum())
    if n <= MAX_RECENT_ROWS:
        return rows
    # The same cases whatever the order of the rows: chosen by their names.
    mark = pd.util.hash_array(case_id.astype("str").to_numpy(dtype=object)) / 2.0**64
    return np.asarray(rows & (mark < MAX_RECENT_ROWS / n), dtype=bool)
