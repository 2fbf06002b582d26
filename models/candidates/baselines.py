"""The scores that a model for the risk of a breach is made of, and the two that it must beat."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pandas as pd
from scipy.special import expit

from ...features.arrays import Floats
from ..evaluation.calibration import fit_platt_scaling, log_odds
from .encoding import Encoder, as_text, fit_encoder
from .feature_groups import NUMERIC_FEATURES
from .own_classifiers import OwnClassifier

#: Most steps of a fit.
MAX_FIT_ITERATIONS = 150


class LogOddsModel(Protocol):
    """Anything that gives a log-odds as a base and one part for each group of features."""

    @property
    def features(self) -> tuple[str, ...]:
        """Features that it looks at."""
        ...

    def parts(self, snapshots: pd.DataFrame) -> tuple[float, pd.DataFrame]:
        """Return the base and the parts (one column a group, index of the snapshots); they sum to the log-odds."""
        ...


@dataclass(frozen=True)
class BaseRate:
    """The same log-odds for every case."""

    logit: float
    features: tuple[str, ...] = ()

    def parts(self, snapshots: pd.DataFrame) -> tuple[float, pd.DataFrame]:
        """Return the log-odds and no parts."""
        return self.logit, pd.DataFrame(index=snapshots.index)


@dataclass(frozen=True)
class AgeRule:
    """The share of breaches among cases that had used up as much of their time: what a manager does by eye.

    ``feature`` is ``target_used``, or ``age_s`` where there is no target; ``logits`` has one value a bin between the
    ``edges``, ``base`` is for cases without a value.
    """

    feature: str
    edges: tuple[float, ...]
    logits: tuple[float, ...]
    base: float

    @property
    def features(self) -> tuple[str, ...]:
        """All features that say how far the time is used up: they are one fact."""
        return NUMERIC_FEATURES["time"]

    def parts(self, snapshots: pd.DataFrame) -> tuple[float, pd.DataFrame]:
        """Return the log-odds of the base rate, and in ``time`` how far the bin of the case is from it."""
        x = _values(snapshots, self.feature)
        where = np.searchsorted(self.edges, x, side="left")
        logit = np.where(np.isnan(x), self.base, np.asarray(self.logits)[np.minimum(where, len(self.logits) - 1)])
        return self.base, pd.DataFrame({"time": logit - self.base}, index=snapshots.index)


#: Segments of a case that a manager knows by heart, from the coarsest on.
RATE_SEGMENTS = ("priority", "team", "case_type")


@dataclass(frozen=True)
class SegmentRate:
    """The share of breaches of the priority, the team and the type of a case: what a manager knows by heart.

    ``cells`` has one table a segment: the values of a case up to that segment -> log-odds.
    """

    base: float
    cells: tuple[dict[tuple[str, ...], float], ...]
    features: tuple[str, ...] = RATE_SEGMENTS

    def parts(self, snapshots: pd.DataFrame) -> tuple[float, pd.DataFrame]:
        """Return the log-odds of the base rate, and what each segment adds to that of the segments before it."""
        columns = {}
        before = np.full(len(snapshots), self.base)
        for depth, (name, table) in enumerate(zip(self.features, self.cells, strict=True), start=1):
            keys = _segment_keys(snapshots, self.features[:depth])
            logit = np.array([table.get(key, prior) for key, prior in zip(keys, before, strict=True)], dtype=float)
            columns[name] = logit - before
            before = logit
        return self.base, pd.DataFrame(columns, index=snapshots.index)


@dataclass(frozen=True)
class Logistic:
    """A logistic regression on encoded features, told as deviations from the average snapshot."""

    encoder: Encoder
    coefficients: Floats
    base: float
    means: Floats

    @property
    def features(self) -> tuple[str, ...]:
        """Features that the regression was fitted on."""
        return self.encoder.features

    def parts(self, snapshots: pd.DataFrame) -> tuple[float, pd.DataFrame]:
        """Return the log-odds of the average snapshot, and what each group of features adds."""
        columns = self.encoder.effects(snapshots, self.coefficients, self.means)
        return self.base, pd.DataFrame(columns, index=snapshots.index)


@dataclass(frozen=True)
class CalibratedModel:
    """A score with Platt's slope and intercept, learnt on later cases than the score itself."""

    score: LogOddsModel
    slope: float
    intercept: float

    def parts(self, snapshots: pd.DataFrame) -> tuple[float, pd.DataFrame]:
        """Return base and parts of the calibrated log-odds."""
        base, parts = self.score.parts(snapshots)
        return self.intercept + self.slope * base, parts * self.slope

    def logit(self, snapshots: pd.DataFrame) -> Floats:
        """Return the calibrated log-odds."""
        if isinstance(self.score, OwnClassifier):
            return np.asarray(self.intercept + self.slope * self.score.logit(snapshots))
        base, parts = self.parts(snapshots)
        return np.asarray(base + parts.sum(axis=1).to_numpy(dtype=float))

    def probability(self, snapshots: pd.DataFrame) -> Floats:
        """Return the calibrated probability."""
        return np.asarray(expit(self.logit(snapshots)))


def calibrate_model(
    score: LogOddsModel, snapshots: pd.DataFrame, breached: Floats, weight: Floats | None = None
) -> CalibratedModel:
    """Correct a score on cases that it was not fitted on.

    A constant has no slope, so it becomes the share of breaches in these snapshots: the baselines follow the base rate
    as the model does, or else the model would be praised for the drift. ``weight`` says how many snapshots each stands
    for, here and in the fits below; see :func:`deskcast.models.risk.known_outcomes.censoring_weights`.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> frame = pd.DataFrame({"age_s": [1.0, 2.0, 3.0, 4.0]})
    >>> calibrate_model(BaseRate(2.0), frame, np.array([0.0, 0.0, 0.0, 1.0])).probability(frame).round(2).tolist()
    [0.32, 0.32, 0.32, 0.32]
    """
    slope, intercept = fit_platt_scaling(breached, CalibratedModel(score, 1.0, 0.0).logit(snapshots), weight=weight)
    return CalibratedModel(score, slope, intercept)


def fit_base_rate(breached: Floats, weight: Floats | None = None) -> BaseRate:
    """Return the share of breaches as a constant, with Jeffreys' Beta(1/2, 1/2) prior so that it is never 0 or 1.

    >>> import numpy as np
    >>> float(expit(fit_base_rate(np.array([1.0, 0.0, 0.0])).logit).round(3))
    0.375
    """
    w = np.ones(len(breached)) if weight is None else weight
    return BaseRate(float(log_odds((float(w @ breached) + 0.5) / (w.sum() + 1.0))))


def fit_age_rule(snapshots: pd.DataFrame, breached: Floats, weight: Floats | None = None, *, bins: int = 10) -> AgeRule:
    """Learn the share of breaches by age over target, or by age where cases have no target.

    Bins hold equally many snapshots; each share is drawn to the base rate as by one snapshot more of it.

    >>> import numpy as np, pandas as pd
    >>> frame = pd.DataFrame({"age_s": np.arange(100.0)})
    >>> rule = fit_age_rule(frame, (np.arange(100) >= 50).astype(float), bins=2)
    >>> rule.feature, [round(float(expit(v)), 2) for v in rule.logits]
    ('age_s', [0.01, 0.99])
    """
    used = _values(snapshots, "target_used")
    feature = "target_used" if np.isfinite(used).mean() > 0.5 else "age_s"
    x = _values(snapshots, feature)
    there = ~np.isnan(x)
    w = np.ones(len(breached)) if weight is None else weight
    base = float(expit(fit_base_rate(breached, w).logit))
    edges = np.unique(np.quantile(x[there], np.arange(1, bins) / bins)) if there.any() else np.empty(0)
    where = np.searchsorted(edges, x[there], side="left")
    n = np.bincount(where, w[there], minlength=len(edges) + 1)
    hits = np.bincount(where, (w * breached)[there], minlength=len(edges) + 1)
    logits = log_odds((hits + base) / (n + 1.0))
    return AgeRule(feature, tuple(map(float, edges)), tuple(map(float, logits)), float(log_odds(base)))


def fit_segment_rate(
    snapshots: pd.DataFrame, breached: Floats, weight: Floats | None = None, *, drawn: float = 20.0
) -> SegmentRate:
    """Learn the share of breaches by priority, team and type of case.

    The share of a priority is drawn to that of all as by ``drawn`` snapshots, that of a team to that of its priority,
    and that of a type to that of its priority and team.

    >>> import numpy as np, pandas as pd
    >>> frame = pd.DataFrame({"priority": ["1", "2"] * 500, "team": ["a"] * 500 + ["b"] * 500})
    >>> rates = fit_segment_rate(frame, np.tile([1.0, 0.0], 500))
    >>> expit(rates.parts(frame[:2])[1].sum(axis=1) + rates.base).round(2).tolist()
    [1.0, 0.0]
    """
    w = np.ones(len(breached)) if weight is None else weight
    base = float(expit(fit_base_rate(breached, w).logit))
    tables: list[dict[tuple[str, ...], float]] = []
    prior: dict[tuple[str, ...], float] = {(): base}
    for depth in range(1, len(RATE_SEGMENTS) + 1):
        rows = pd.DataFrame({"key": _segment_keys(snapshots, RATE_SEGMENTS[:depth]), "n": w, "hits": w * breached})
        by = rows.groupby("key")[["n", "hits"]].sum()
        near = np.array([prior[key[:-1]] for key in by.index], dtype=float)
        share = (by["hits"].to_numpy(dtype=float) + drawn * near) / (by["n"].to_numpy(dtype=float) + drawn)
        prior = dict(zip(by.index, map(float, share), strict=True))
        tables.append(dict(zip(by.index, map(float, log_odds(share)), strict=True)))
    return SegmentRate(float(log_odds(base)), tuple(tables))


def fit_logistic(
    snapshots: pd.DataFrame, breached: Floats, regularisation: float, weight: Floats | None = None
) -> Logistic:
    """Fit a logistic regression with a ridge penalty; no class weights, which would spoil the probabilities.

    >>> import numpy as np, pandas as pd
    >>> frame = pd.DataFrame({"age_s": np.arange(100.0) * 3600})
    >>> model = fit_logistic(frame, (np.arange(100) >= 50).astype(float), 1.0)
    >>> base, parts = model.parts(frame)
    >>> bool(parts["time"].iloc[0] < 0 < parts["time"].iloc[99])
    True
    """
    return fit_logistics(snapshots, breached, [regularisation], weight)[0]


def fit_logistics(
    snapshots: pd.DataFrame, breached: Floats, penalties: Sequence[float], weight: Floats | None = None
) -> list[Logistic]:
    """Fit logistic regressions with several ridge penalties on the same columns."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    encoder = fit_encoder(snapshots)
    # Single precision halves the time and the memory; more steps than these no longer change what is learnt.
    x = encoder.matrix(snapshots).astype(np.float32)
    w = np.ones(len(breached)) if weight is None else weight
    means = np.asarray(np.average(x, axis=0, weights=w), dtype=np.float64)
    if not x.shape[1]:
        return [Logistic(encoder, np.zeros(0), fit_base_rate(breached, w).logit, means)] * len(penalties)
    x -= means.astype(np.float32)
    found = []
    for penalty in penalties:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            model = LogisticRegression(C=1.0 / penalty, max_iter=MAX_FIT_ITERATIONS, tol=1e-3)
            model.fit(x, breached, sample_weight=w)
        found.append(Logistic(encoder, np.asarray(model.coef_[0], dtype=float), float(model.intercept_[0]), means))
    return found


def _values(snapshots: pd.DataFrame, name: str) -> Floats:
    if name not in snapshots.columns:
        return np.full(len(snapshots), np.nan)
    return np.asarray(snapshots[name].astype("Float64").to_numpy(dtype=float, na_value=np.nan))


def _names(snapshots: pd.DataFrame, name: str) -> pd.Series:
    if name not in snapshots.columns:
        return pd.Series("", index=snapshots.index, dtype="str")
    return pd.Series(as_text(snapshots[name]), index=snapshots.index, dtype="str")


def _segment_keys(snapshots: pd.DataFrame, names: tuple[str, ...]) -> list[tuple[str, ...]]:
    return list(zip(*(_names(snapshots, name) for name in names), strict=True))
