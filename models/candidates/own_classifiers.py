"""Classifiers that users bring: they learn what the logistic regression learns, and face the same verdict."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ...features.arrays import Floats
from ...features.plugins import Plugin, PluginError, PluginWarning, as_decorator, register, registered
from ..evaluation.calibration import log_odds
from .encoding import Encoder, fit_encoder
from .feature_groups import FEATURE_GROUPS

#: Probabilities are kept so far from 0 and 1: log-odds must be finite, and calibration follows.
MIN_PROBABILITY = 1e-6
#: Names of the candidates of the house.
HOUSE_CANDIDATES = ("constant", "time_used", "unknown", "rule", "rates", "logistic", "hazard", "mean")


@dataclass(frozen=True)
class OwnClassifier:
    """A fitted classifier of a user as a score.

    Attributes
    ----------
    plugin, classifier, encoder
        Where it comes from, the fitted object, and what makes the matrix that it was fitted on.
    means
        Mean of each column of the matrix.
    """

    plugin: Plugin
    classifier: Any
    encoder: Encoder
    means: Floats

    @property
    def features(self) -> tuple[str, ...]:
        """Features that it was fitted on."""
        return self.encoder.features

    def logit(self, snapshots: pd.DataFrame) -> Floats:
        """Return the log-odds that it gives, shape (n,)."""
        return self._of_matrix(self.encoder.matrix(snapshots))

    def parts(self, snapshots: pd.DataFrame) -> tuple[float, pd.DataFrame]:
        """Return the log-odds of the average snapshot, and what each group of features changes on the way to the case.

        Groups are put in place of their averages one after the other, in their order, so that the parts sum to the
        log-odds whatever the classifier is.
        """
        matrix, groups = self.encoder.matrix(snapshots), np.array(self.encoder.groups)
        now = np.tile(self.means, (len(matrix), 1))
        before = base = float(self._of_matrix(self.means[None])[0])
        columns: dict[str, Floats] = {}
        for group in [g for g in FEATURE_GROUPS if g in self.encoder.groups]:
            now[:, groups == group] = matrix[:, groups == group]
            after = self._of_matrix(now)
            columns[group], before = after - before, after  # type: ignore[assignment]
        return base, pd.DataFrame(columns, index=snapshots.index)

    def _of_matrix(self, matrix: Floats) -> Floats:
        if not len(matrix):
            return np.zeros(0)
        found = np.asarray(self.plugin.run(self.classifier.predict_proba, matrix_frame(self.encoder, matrix)), float)
        if found.shape != (len(matrix), 2):
            raise self.plugin.error(
                "predict_proba must give one column for 0 and one for 1", got=found.shape, wanted=f"({len(matrix)}, 2)"
            )
        p = found[:, 1]
        if not ((p >= 0) & (p <= 1)).all():
            bad = float(p[~((p >= 0) & (p <= 1))][0])
            raise self.plugin.error("predict_proba gave no probability", got=bad, wanted="0 to 1")
        return np.asarray(log_odds(np.clip(p, MIN_PROBABILITY, 1 - MIN_PROBABILITY)), dtype=np.float64)


def matrix_frame(encoder: Encoder, matrix: Floats) -> pd.DataFrame:
    """Return a matrix with named columns: that of the feature, with a number where a feature has several.

    >>> rows = pd.DataFrame({"age_s": [0.0, 3600.0, 7200.0, 9000.0], "team": ["a", "a", "b", "b"]})
    >>> encoder = fit_encoder(rows, rare=1)
    >>> list(matrix_frame(encoder, np.zeros((0, len(encoder.groups)))))
    ['age_s', 'age_s_1', 'age_s_2', 'age_s_3', 'team', 'team_1']
    """
    names = [f"{code.name}_{i}" if i else code.name for code in encoder.codes for i in range(code.width)]
    return pd.DataFrame(matrix, columns=names)


def register_classifier(name: str, classifier: Any = None) -> Any:
    """Let a classifier of yours compete: with the same calibration and verdict as all candidates for a risk.

    Parameters
    ----------
    name
        What it is called in the tables of the models, such as ``forest``.
    classifier
        An unfitted one in scikit-learn's manner, or a function (a class) without arguments that makes it:
        ``fit(X, y, sample_weight)`` (or a pipeline whose last step is one) with ``y`` of 0 and 1, and
        ``predict_proba(X)`` of shape (n, 2). ``X`` is a frame of numbers without gaps. Each fit has a copy of its own.
        Without one a decorator is returned.

    Returns
    -------
    What was given.

    Raises
    ------
    InputError
        If a candidate is called so, or it has no ``fit`` or ``predict_proba``.

    Examples
    --------
    >>> from deskcast.extend import unregister
    >>> from sklearn.naive_bayes import GaussianNB
    >>> register_classifier("bayes", GaussianNB())
    GaussianNB()
    >>> frame = pd.DataFrame({"age_s": np.arange(100.0) * 3600})
    >>> score = fit_own_classifiers(frame, (np.arange(100) >= 50).astype(float), np.ones(100), frame)["bayes"]
    >>> bool(score.logit(frame)[0] < 0 < score.logit(frame)[99])
    True
    >>> unregister("classifier", "bayes")
    """

    def add(given: Any) -> None:
        make = given if callable(given) and not hasattr(given, "get_params") else _Copies(given)
        makes_class = isinstance(given, type)
        plugin = Plugin("classifier", name, given if makes_class else make)
        example = given if makes_class or isinstance(make, _Copies) else None
        for method in ("fit", "predict_proba"):
            if example is not None and not hasattr(example, method):
                raise plugin.error("a classifier has fit and predict_proba", wanted=method)
        register(plugin, HOUSE_CANDIDATES)

    return as_decorator(add, classifier)


class _Copies:
    """Makes unfitted copies of a classifier."""

    def __init__(self, classifier: Any) -> None:
        self.classifier = classifier
        self.__module__ = type(classifier).__module__

    def __call__(self) -> Any:
        if hasattr(self.classifier, "get_params"):
            from sklearn.base import clone

            return clone(self.classifier)
        return copy.deepcopy(self.classifier)


def fit_own_classifiers(
    snapshots: pd.DataFrame, outcome: Floats, weight: Floats, later: pd.DataFrame
) -> dict[str, OwnClassifier]:
    """Fit the registered classifiers; one that fails is left out by name.

    Parameters
    ----------
    snapshots, outcome, weight
        n rows, 0.0 or 1.0 of each, and how many each stands for.
    later
        Rows that it must be able to predict.
    """
    plugins = registered("classifier")
    if not plugins or len(np.unique(outcome)) < 2:
        return {}
    encoder = fit_encoder(snapshots)
    matrix = encoder.matrix(snapshots)
    if not matrix.shape[1]:
        return {}
    means = np.asarray(np.average(matrix, axis=0, weights=weight), dtype=np.float64)
    frame, y = matrix_frame(encoder, matrix), outcome.astype(np.int64)
    found = {}
    for name, plugin in plugins.items():
        try:
            found[name] = OwnClassifier(plugin, plugin.run(_fit, plugin.function, frame, y, weight), encoder, means)
            found[name].logit(later)
        except PluginError as error:
            found.pop(name, None)
            warnings.warn(f"left out of the models: {error}", PluginWarning, stacklevel=2)
    return found


def _fit(make: Callable[[], Any], frame: pd.DataFrame, y: Any, weight: Floats) -> Any:
    classifier = make()
    steps = getattr(classifier, "steps", None)  # of a pipeline the last one takes the weights
    named = f"{steps[-1][0]}__sample_weight" if steps else "sample_weight"
    classifier.fit(frame.copy(), y.copy(), **{named: weight.copy()})
    return classifier
