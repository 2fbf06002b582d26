"""How soon open cases get done: a discrete-time hazard that counts open cases, carried to the deadline."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy.special import expit

from ...features.arrays import Bools, Floats, Ints
from ...features.calendars.business_calendar import BusinessCalendar
from ..evaluation.calibration import fit_platt_scaling, log_odds
from .baselines import MAX_FIT_ITERATIONS
from .encoding import Encoder, fit_encoder
from .implied_deadline import ImpliedDeadline
from .person_periods import Finish, build_person_periods, edges_for, working_hours_to_finish
from .work_clock import WorkClock, learn_clock

#: More rows of snapshot and period than this teach little and cost time.
MAX_PERSON_PERIODS = 120_000
#: Groups of features whose effect fades as a snapshot gets old.
FADING_GROUPS = ("time", "status", "reply", "activity")
#: A probability of the hazard is held off 0 and 1 by this.
_MIN_PROBABILITY = 0.002
_AGE_BINS = 12
#: A table cell of age and period is drawn to its period as by so many rows.
_CELL_PRIOR_ROWS = 50.0
#: How far one unit of log-hazard can move the log-odds of a breach, at most.
_MAX_HAZARD_EFFECT = 12.0
#: Paused cases of either outcome that are needed to learn what a pause does to the deadline.
_MIN_PAUSED_CASES = 20


@dataclass(frozen=True)
class Hazard:
    """The chance that a case gets done in each coming period of working time, given that it is still open.

    The log-odds of a period is ``shift + intercept + slope * table[age, period] + steady + fading * fade[period]``: a
    table over age and period, and two linear scores of the features of the snapshot, one of which loses its force.

    Attributes
    ----------
    edges
        Edges of the periods, working hours ahead, shape (K + 1,).
    age_edges
        Inner edges of the ages, h.
    table
        Log-odds by age and period, shape (A, K).
    fade
        Force of the second score in each period, shape (K,).
    coefficients
        Of the columns of the encoder, shape (p, 2).
    shift
        What was added since, because cases get done faster or more slowly than in training.
    deadline
        For a promise without due times; see :mod:`deskcast.models.candidates.implied_deadline`.
    usual
        Mean log-odds of a breach in training: the base from which its parts deviate.
    pause
        Slope and intercept that turn the log-odds of a paused case into those of a clock that rests.
    """

    clock: WorkClock
    edges: Floats
    age_edges: Floats
    table: Floats
    fade: Floats
    encoder: Encoder
    coefficients: Floats
    means: Floats
    intercept: float
    slope: float
    deadline: ImpliedDeadline | None = None
    shift: float = 0.0
    mean_log_odds: float = 0.0
    pause: tuple[float, float] | None = None

    @property
    def features(self) -> tuple[str, ...]:
        """Features that it looks at."""
        return tuple(dict.fromkeys(["age_s", "left_s", *(["paused"] if self.pause else []), *self.encoder.features]))

    def survival(self, snapshots: pd.DataFrame) -> Floats:
        """Return P(still open) at the end of each period, shape (n, K)."""
        steady, fading = self._scores(snapshots)
        return np.asarray(np.exp(-self._cumulated(snapshots, steady, fading)), dtype=np.float64)

    def probability(self, snapshots: pd.DataFrame) -> Floats:
        """Return P(not done in time), shape (n,)."""
        return np.asarray(expit(self.logit(snapshots)))

    def logit(self, snapshots: pd.DataFrame) -> Floats:
        """Return the log-odds that a case is not done in time; missing where no deadline is known."""
        steady, fading = self._scores(snapshots)
        return self._logit(snapshots, steady, fading)

    def parts(self, snapshots: pd.DataFrame) -> tuple[float, pd.DataFrame]:
        """Return the usual log-odds, and what each group of features adds to it.

        ``time`` is what age, time left and their like say by themselves; the rest is shared out among the groups in
        proportion to what they do to the hazard, weighted over the periods up to the deadline. So the sum is exact.
        """
        effects = self.encoder.effects(snapshots, self.coefficients, self.means)
        own = effects.pop("time", np.zeros((len(snapshots), 2)))
        total = own + sum(effects.values(), np.zeros((len(snapshots), 2)))
        full = self._logit(snapshots, total[:, 0], total[:, 1])
        alone = self._logit(snapshots, own[:, 0], own[:, 1])
        force = self._mean_fade(snapshots)
        pull = {group: e[:, 0] + force * e[:, 1] for group, e in effects.items()}
        whole = sum(pull.values(), np.zeros(len(snapshots)))
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = np.where(np.abs(whole) > 1e-6, (full - alone) / whole, 0.0)
        ratio = np.clip(ratio, -_MAX_HAZARD_EFFECT, 0.0)
        parts = {group: ratio * p for group, p in pull.items()}
        # What cannot be shared out, because the groups cancel, stays with the time.
        parts = {"time": full - self.mean_log_odds - ratio * whole, **parts}
        return self.mean_log_odds, pd.DataFrame(parts, index=snapshots.index)

    def expected(self, snapshots: pd.DataFrame, hours: Floats) -> Floats:
        """Return the cumulative hazard over so many working hours: how many of such cases should be done by then."""
        steady, fading = self._scores(snapshots)
        return self._at(self._cumulated(snapshots, steady, fading), hours)

    def shifted(self, by: float) -> Hazard:
        """Return the hazard with its log-odds moved in all periods."""
        return replace(self, shift=self.shift + by)

    def _scores(self, snapshots: pd.DataFrame) -> tuple[Floats, Floats]:
        effects = self.encoder.effects(snapshots, self.coefficients, self.means)
        total = sum(effects.values(), np.zeros((len(snapshots), 2)))
        return total[:, 0], total[:, 1]

    def _log_odds(self, snapshots: pd.DataFrame, steady: Floats, fading: Floats) -> Floats:
        age = np.searchsorted(self.age_edges, _hours(snapshots, "age_s"), side="right")
        base = self.shift + self.intercept + self.slope * self.table[age]
        return np.asarray(base + steady[:, None] + fading[:, None] * self.fade[None, :], dtype=np.float64)

    def _cumulated(self, snapshots: pd.DataFrame, steady: Floats, fading: Floats) -> Floats:
        # -log(1 - h) = log(1 + exp(log-odds)), without leaving the log scale.
        return np.cumsum(np.logaddexp(0.0, self._log_odds(snapshots, steady, fading)), axis=1)

    def _at(self, cumulated: Floats, hours: Floats) -> Floats:
        """Read a cumulative hazard between the edges; beyond the last it goes on as in the last period."""
        flat = hours[:, None] if hours.ndim == 1 else hours
        k = len(self.edges) - 1
        place = np.clip(np.searchsorted(self.edges, flat, side="left") - 1, 0, k - 1)
        padded = np.column_stack([np.zeros(len(cumulated)), cumulated])
        rows = np.arange(len(cumulated))[:, None]
        lo, hi = padded[rows, place], padded[rows, place + 1]
        share = (flat - self.edges[place]) / (self.edges[place + 1] - self.edges[place])
        out = lo + (hi - lo) * np.maximum(share, 0.0)
        return np.asarray(out[:, 0] if hours.ndim == 1 else out, dtype=np.float64)

    def _logit(self, snapshots: pd.DataFrame, steady: Floats, fading: Floats) -> Floats:
        cumulated = self._cumulated(snapshots, steady, fading)
        if self.deadline is not None:
            p = self._by_deadline(snapshots, cumulated)
        else:
            p = np.exp(-self._at(cumulated, self.left(snapshots)))
        logit = log_odds(np.clip(p, _MIN_PROBABILITY, 1 - _MIN_PROBABILITY))
        if self.pause is not None:
            slope, intercept = self.pause
            logit = np.where(_flag(snapshots, "paused"), slope * logit + intercept, logit)
        return logit

    def with_pauses(self, snapshots: pd.DataFrame, breached: Floats, weight: Floats) -> Hazard:
        """Return the hazard as it has to be read for paused cases too.

        The due time of a paused case is as if it went on at once, but it moves on as long as the case waits, so most
        of them are late by that due time and still keep their promise. How much that is, is learnt from paused cases
        whose outcome is known; the hazard stays as it is where they are few, or where a system decides.
        """
        waits = _flag(snapshots, "paused")
        few = min(int(breached[waits].sum()), int((1 - breached[waits]).sum())) < _MIN_PAUSED_CASES
        if self.deadline is not None or few:
            return self
        said = self.logit(snapshots[waits])
        good = np.isfinite(said)
        slope, intercept = fit_platt_scaling(breached[waits][good], said[good], weight=weight[waits][good])
        return replace(self, pause=(slope, intercept))

    def left(self, snapshots: pd.DataFrame) -> Floats:
        """Return the working hours until each case is due; missing where that is not known."""
        if "due_at" not in snapshots.columns:
            return np.full(len(snapshots), np.nan)
        due = pd.DatetimeIndex(snapshots["due_at"].array)
        return np.maximum(self.clock.elapsed(pd.DatetimeIndex(snapshots["at"].array), due), 0.0)

    def _by_deadline(self, snapshots: pd.DataFrame, cumulated: Floats) -> Floats:
        deadline = self.deadline
        if deadline is None:  # pragma: no cover - the caller has looked
            return np.full(len(snapshots), np.nan)
        age = _hours(snapshots, "age_s")
        priority = _text(snapshots, "priority")
        at = pd.DatetimeIndex(snapshots["at"].array)
        created = at - pd.to_timedelta(age, unit="h")
        open_then = np.exp(-np.column_stack([np.zeros(len(cumulated)), cumulated]))
        ends_in = open_then[:, :-1] - open_then[:, 1:]
        middle = (self.edges[:-1] + self.edges[1:]) / 2
        ahead = np.broadcast_to(middle, ends_in.shape)
        wall = self.clock.wall_hours(at, ahead)
        p = (ends_in * deadline.if_done_at(age[:, None] + wall, priority, created)).sum(axis=1)
        later = deadline.if_done_at(age + wall[:, -1] + self.edges[-1], priority, created)
        p = p + open_then[:, -1] * later
        waits = _flag(snapshots, "is_resolved")
        if waits.any():
            done = snapshots[waits]
            p[waits] = deadline.if_waiting(age[waits], _hours(done, "resolved_for_s"), priority[waits], created[waits])
        return np.asarray(p, dtype=np.float64)

    def _mean_fade(self, snapshots: pd.DataFrame) -> Floats:
        left = self.left(snapshots)
        if np.isnan(left).all() or not len(left):
            return np.full(len(snapshots), float(np.average(self.fade, weights=np.diff(self.edges) ** 0.5)))
        grid = np.maximum(self.edges[1:], 1e-9)
        mean = np.cumsum(self.fade * np.diff(self.edges)) / grid
        return np.interp(np.nan_to_num(left), grid, mean)


def fit_hazard(
    snapshots: pd.DataFrame,
    finish: Finish,
    *,
    calendar: BusinessCalendar | None = None,
    deadline: ImpliedDeadline | None = None,
    regularisation: float = 10.0,
    seed: int = 0,
) -> Hazard | None:
    """Learn how soon cases get done from snapshots of which some are still open.

    Parameters
    ----------
    snapshots
        Rows with features; see ``deskcast.features.snapshots.snapshots``. Those of cases whose work is done teach
        nothing.
    finish
        When each was done or last seen; see :func:`deskcast.models.candidates.person_periods.find_finish_times`.
    calendar
        Opening hours of the promise. Without them the clock is learnt from the hours of the week in which cases were
        done.
    deadline
        For promises without due times.
    regularisation
        Strength of the ridge penalty.
    seed
        Of the thinning beyond 120,000 rows of snapshot and period.

    Returns
    -------
    The hazard; ``None`` where fewer than 20 snapshots saw their case done, so that nothing can be learnt.

    Notes
    -----
    Person-period data and logistic hazards: Singer and Willett (1993), It's about time, Journal of Educational
    Statistics 18; from landmarks: van Houwelingen (2007), Dynamic prediction by landmarking, Scandinavian Journal of
    Statistics 34.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> at = pd.Series(pd.Timestamp("2024-03-01T00:00Z") + pd.to_timedelta(rng.integers(0, 5000, 2000), unit="h"))
    >>> slow = rng.uniform(size=2000) < 0.5
    >>> rows = pd.DataFrame({"case_id": np.arange(2000).astype(str), "at": at, "age_s": 3600.0,
    ...                      "team": np.where(slow, "slow", "quick")})
    >>> took = pd.to_timedelta(rng.exponential(np.where(slow, 40.0, 10.0)), unit="h")
    >>> model = fit_hazard(rows, Finish(pd.DatetimeIndex(at + took), np.ones(2000, dtype=bool)))
    >>> one = rows.groupby("team").head(1).sort_values("team")
    >>> np.exp(-model.expected(one, np.full(2, 20.0))).round(1).tolist()  # exp(-2) and exp(-0.5), drawn together
    [0.2, 0.6]
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    works = ~_flag(snapshots, "is_resolved")
    rows = snapshots[works].reset_index(drop=True)
    finish = Finish(finish.at[works], finish.ended[works])
    if finish.ended.sum() < 20:
        return None
    clock = learn_clock(_distinct_ends(rows, finish), calendar)
    hours = working_hours_to_finish(clock, rows, finish)
    edges = edges_for(hours, finish.ended, _longest(clock, rows, deadline))
    cut = build_person_periods(hours, finish.ended, edges)
    if len(cut.row) > MAX_PERSON_PERIODS:
        # Whole snapshots are thinned: the periods of one belong together.
        kept = np.random.default_rng(seed).uniform(size=len(rows)) < MAX_PERSON_PERIODS / len(cut.row)
        taken = kept[cut.row]
        cut = type(cut)(cut.row[taken], cut.period[taken], cut.done[taken])
    if not 20 <= cut.done.sum() <= len(cut.done) - 20:
        return None
    ages = _hours(rows, "age_s")
    age_edges = np.unique(np.nanquantile(ages, np.arange(1, _AGE_BINS) / _AGE_BINS))
    table = _table(np.searchsorted(age_edges, ages[cut.row], side="right"), cut.period, cut.done, len(age_edges) + 1,
                   len(edges) - 1)  # fmt: skip
    encoder = fit_encoder(rows, rare=100, most_levels=30)
    x = encoder.matrix(rows).astype(np.float32)
    means = np.asarray(x.mean(axis=0), dtype=np.float64)
    x -= means.astype(np.float32)
    fading = np.array([group in FADING_GROUPS for group in encoder.groups], dtype=bool)
    fade = np.exp(-edges[:-1] / max(float(np.median(hours[finish.ended])), 1e-6))
    offset = table[np.searchsorted(age_edges, ages[cut.row], side="right"), cut.period]
    design = np.empty((len(cut.row), 1 + len(means) + int(fading.sum())), dtype=np.float32)
    design[:, 0] = offset
    design[:, 1 : 1 + len(means)] = x[cut.row]
    design[:, 1 + len(means) :] = x[cut.row][:, fading] * fade[cut.period, None]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = LogisticRegression(C=1.0 / regularisation, max_iter=MAX_FIT_ITERATIONS, tol=1e-3).fit(design, cut.done)
    found = np.asarray(model.coef_[0], dtype=np.float64)
    coefficients = np.zeros((len(means), 2))
    coefficients[:, 0] = found[1 : 1 + len(means)]
    coefficients[fading, 1] = found[1 + len(means) :]
    hazard = Hazard(
        clock, edges, age_edges, table, fade, encoder, coefficients, means, float(model.intercept_[0]),
        float(found[0]), deadline,
    )  # fmt: skip
    usual = hazard.logit(snapshots)
    return replace(hazard, mean_log_odds=float(np.nanmean(usual)) if np.isfinite(usual).any() else 0.0)


def _table(age: Ints, period: Ints, done: Bools, ages: int, count: int) -> Floats:
    n, d = np.zeros((ages, count)), np.zeros((ages, count))
    np.add.at(n, (age, period), 1.0)
    np.add.at(d, (age, period), done.astype(float))
    rate = (d.sum(axis=0) + 0.5) / (n.sum(axis=0) + 1.0)
    return log_odds((d + _CELL_PRIOR_ROWS * rate) / (n + _CELL_PRIOR_ROWS))


def _longest(clock: WorkClock, rows: pd.DataFrame, deadline: ImpliedDeadline | None) -> float:
    if deadline is not None:
        return float(deadline.ages[-1]) if np.isfinite(deadline.ages[-1]) else 0.0
    if "due_at" not in rows or rows["due_at"].isna().all():
        return 0.0
    left = clock.elapsed(pd.DatetimeIndex(rows["at"].array), pd.DatetimeIndex(rows["due_at"].array))
    return float(np.nanquantile(left, 0.99))


def _distinct_ends(rows: pd.DataFrame, finish: Finish) -> pd.Series:
    ends = pd.DataFrame({"case_id": rows["case_id"].array, "at": finish.at})[finish.ended]
    return ends.drop_duplicates()["at"]


def _hours(snapshots: pd.DataFrame, name: str) -> Floats:
    return np.nan_to_num(snapshots[name].to_numpy(dtype=np.float64, na_value=np.nan) / 3600.0)


def _text(snapshots: pd.DataFrame, name: str) -> pd.Series:
    if name in snapshots.columns:
        return snapshots[name].astype("str")
    return pd.Series("", index=snapshots.index, dtype="str")


def _flag(snapshots: pd.DataFrame, name: str) -> Bools:
    if name not in snapshots.columns:
        return np.zeros(len(snapshots), dtype=bool)
    return np.asarray(snapshots[name].astype("Float64").fillna(0).to_numpy(dtype=float) > 0, dtype=bool)
