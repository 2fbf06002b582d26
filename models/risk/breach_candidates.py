"""The models that are tried on a promise, and what they are made from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ...features.arrays import Bools
from ...features.calendars.business_calendar import BusinessCalendar
from ..candidates.baselines import (
    CalibratedModel,
    LogOddsModel,
    calibrate_model,
    fit_age_rule,
    fit_base_rate,
    fit_logistic,
    fit_segment_rate,
)
from ..candidates.blend import fit_blend
from ..candidates.encoding import look_up_once
from ..candidates.hazard import Hazard, fit_hazard
from ..candidates.implied_deadline import ImpliedDeadline, implied_deadline
from ..candidates.own_classifiers import fit_own_classifiers
from ..candidates.person_periods import Finish
from ..candidates.time_used import TimeUsedCurve, find_stretches, fit_time_used
from .known_outcomes import Outcomes
from .promotion import MIN_RIPE_CASES

#: All candidates, from the plainest; the last two need a deadline and cases that were done.
BREACH_CANDIDATES = ("constant", "rule", "rates", "logistic", "hazard", "mean")
#: More snapshots than this teach a classifier little and cost time.
MAX_TRAINING_ROWS = 60_000
#: Where fewer of the later snapshots are decided, they make no score surer than it was fitted: what is known of them
#: are quick ends and long overdue cases, between which any score looks too cautious.
MIN_DECIDED_SHARE = 0.5


@dataclass(frozen=True)
class TrainingData:
    """Snapshots with what is known of their outcomes, when their cases were done, and the clock of the promise."""

    found: Outcomes
    finish: Finish
    done: pd.DataFrame | None
    calendar: BusinessCalendar | None
    regularisation: float
    seed: int

    def has_no_due_times(self) -> bool:
        """Whether the exporting system decides, so that a deadline has to be inferred."""
        rows = self.found.snapshots
        return "due_at" not in rows.columns or bool(rows["due_at"].isna().all())

    def deadline(self, rows: Bools, as_of: pd.Timestamp) -> ImpliedDeadline | None:
        """Return what the cases of these rows imply that were decided by an instant; ``None`` with due times."""
        if not self.has_no_due_times():
            return None
        found = self.found
        case = found.snapshots["case_id"].astype("str").array
        table = pd.DataFrame({"case_id": case, "created_at": found.created_at.array, "known_at": found.known_at.array})
        table["label"] = found.breached
        table["priority"] = found.snapshots["priority"].array if "priority" in found.snapshots else ""
        table = table[rows & found.decided].drop_duplicates("case_id", keep="last").reset_index(drop=True)
        return implied_deadline(table.assign(done_at=self._last_done(table)), as_of)

    def _last_done(self, table: pd.DataFrame) -> pd.Series:
        nothing = pd.Series(pd.NaT, index=table.index, dtype="datetime64[us, UTC]")
        if self.done is None or not len(self.done) or not len(table):
            return nothing
        ends = self.done.astype({"case_id": "str"}).assign(known_at=lambda f: f["ended_at"])
        # A closing that is an end itself tells nothing of the delay before it.
        asked = table[["case_id", "known_at"]].assign(place=np.arange(len(table)))
        both = pd.merge_asof(
            asked.sort_values("known_at", kind="stable"),
            ends.sort_values("known_at", kind="stable"),
            on="known_at",
            by="case_id",
            allow_exact_matches=False,
        )
        return pd.Series(both.sort_values("place")["ended_at"].array, index=table.index)


@look_up_once()
def fit_candidates(
    makings: TrainingData, train: Bools, later: Bools, as_of: pd.Timestamp
) -> dict[str, CalibratedModel]:
    """Fit all candidates on some rows, and correct each on later ones.

    Parameters
    ----------
    makings
        Of n snapshots.
    train, later
        Rows to learn from and to calibrate on, shape (n,).
    as_of
        What was known later is not seen.

    Returns
    -------
    Name -> model, in the order of :data:`BREACH_CANDIDATES`, then users' own. ``hazard`` and ``mean`` are left out
    where no deadline can be had or too few cases were done.
    """
    found = makings.found
    lesson = found.weighted_rows(train)
    keep = _sample_rows(len(lesson.breached), makings.seed)
    rows, y, w = lesson.snapshots[keep].reset_index(drop=True), lesson.breached[keep], lesson.weight[keep]
    logistic = fit_logistic(rows, y, makings.regularisation, w)
    scores: dict[str, LogOddsModel] = {
        "constant": fit_base_rate(y, w),
        "rule": fit_age_rule(rows, y, w),
        "rates": fit_segment_rate(rows, y, w),
        "logistic": logistic,
    }
    check = found.weighted_rows(later)
    hazard = _hazard(makings, train, as_of)
    hazard = hazard if hazard is None else hazard.with_pauses(rows, y, w)
    if hazard is not None and np.isfinite(hazard.logit(check.snapshots)).all() and len(check.breached):
        scores |= {"hazard": hazard, "mean": fit_blend(hazard, logistic, *check)}
    scores |= fit_own_classifiers(rows, y, w, check.snapshots)
    models = {name: calibrate_model(score, *check) for name, score in scores.items()}
    is_ripe = not later.any() or found.decided[later].mean() >= MIN_DECIDED_SHARE
    return models if is_ripe else {name: _no_surer(model) for name, model in models.items()}


def fit_base_rate_only(found: Outcomes) -> dict[str, CalibratedModel]:
    """Return the base rate as the only candidate: by case and not by snapshot, as one long case is one observation."""
    # From the first look on: at the last one, late outcomes that nobody has seen yet have no weight.
    lesson = found.weighted_rows(found.first_of_case())
    return {"constant": CalibratedModel(fit_base_rate(lesson.breached, lesson.weight), 1.0, 0.0)}


def fit_time_used_only(makings: TrainingData, as_of: pd.Timestamp) -> tuple[TimeUsedCurve, int, int] | None:
    """Return the curve of the time used, how many cases have run out of time, and how many of those were broken.

    ``None`` where the snapshots do not say how much of the target is used.
    """
    found = makings.found
    rows = found.snapshots
    if not {"target_used", "left_s"} <= set(rows.columns) or rows["target_used"].isna().all():
        return None
    ripe = found.has_run_out(as_of) & found.last_of_case()
    count, breached = int(ripe.sum()), int(np.nansum(found.breached[ripe]))
    stretches = find_stretches(rows, found.breached, found.known_at, as_of, makings.calendar)
    return fit_time_used(*stretches, is_known=count >= MIN_RIPE_CASES), count, breached


def _no_surer(model: CalibratedModel) -> CalibratedModel:
    """Return the score as it was fitted where its correction would make it surer."""
    return model if model.slope <= 1 else CalibratedModel(model.score, 1.0, 0.0)


def _hazard(makings: TrainingData, train: Bools, as_of: pd.Timestamp) -> Hazard | None:
    deadline = makings.deadline(train, as_of)
    if makings.has_no_due_times() and deadline is None:
        return None
    rows = makings.found.snapshots[train].reset_index(drop=True)
    finish = Finish(makings.finish.at[train], makings.finish.ended[train])
    return fit_hazard(
        rows,
        finish,
        calendar=makings.calendar,
        deadline=deadline,
        regularisation=makings.regularisation,
        seed=makings.seed,
    )


def _sample_rows(n: int, seed: int) -> Bools:
    if n <= MAX_TRAINING_ROWS:
        return np.ones(n, dtype=bool)
    return np.asarray(np.random.default_rng(seed).uniform(size=n) < MAX_TRAINING_ROWS / n, dtype=bool)
