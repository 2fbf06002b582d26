"""What the estimators of risk share: the contract of scikit-learn, over frames whose schema is learnt and checked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.exceptions import NotFittedError

from ...features.arrays import Bools, Floats
from ...features.errors import InputError
from ...features.frames import require_columns
from ...forecasting.arguments import check_number
from ..candidates.feature_groups import features_in
from .input_schema import check_schema, read_instants, read_schema, warn_of_no_features
from .labels_given import labels_of_rows, read_labels


class ModelNotFittedError(InputError, NotFittedError):  # type: ignore[misc]
    """The estimator was asked before it was fitted; scikit-learn's own error too."""


class RiskEstimator(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Tell the probability of an outcome from snapshots of cases, in the manner of a scikit-learn classifier.

    Whatever the outcome, snapshots are a frame and labels a frame by case (or one value a snapshot, which is then known
    at the end). ``get_params``, ``set_params``, ``clone``, tags and ``score`` are those of scikit-learn.

    Attributes
    ----------
    classes_
        False and True: the columns of :meth:`predict_proba`.
    schema_
        Column -> kind (``instant``, ``number``, ``text``) of the snapshots that it was fitted on; snapshots to predict
        must have those that the model looks at.
    feature_names_in_, n_features_in_
        Columns of those snapshots, and their number.
    passed_over_
        Columns that no model looks at, as a warning said.
    """

    #: What is predicted: the name of the column ``..._risk`` of tables.
    outcome: ClassVar[str]
    regularisation: float
    replicates: int
    seed: int
    classes_: Bools
    schema_: dict[str, str]
    as_of_: pd.Timestamp

    def risk(self, snapshots: pd.DataFrame) -> Floats:
        """Return the probability of the outcome, shape (n,), in the order of the rows.

        Parameters
        ----------
        snapshots
            Rows with the columns that it was fitted on.

        Returns
        -------
        Probabilities; missing where nothing can be known yet.

        Raises
        ------
        InputError
            If it is not fitted, or a column has vanished or holds another kind of value.
        """
        rows = self._rows(snapshots)
        return self._risk(rows) if len(rows) else np.zeros(0)

    def predict_proba(self, snapshots: pd.DataFrame) -> Floats:
        """Return the probabilities that the outcome does not come and that it does, shape (n, 2); see :meth:`risk`."""
        p = self.risk(snapshots)
        return np.column_stack([1.0 - p, p])

    def predict(self, snapshots: pd.DataFrame) -> Bools:
        """Return whether the outcome is likelier than not, shape (n,).

        Raises
        ------
        InputError
            As :meth:`risk`; also where nothing can be known yet.
        """
        p = self.risk(snapshots)
        if np.isnan(p).any():
            raise InputError(
                "nothing can be predicted yet: the risk is unknown", hint="see decision_", code="value.range"
            )
        return np.asarray(self.classes_[(p > 0.5).astype(np.intp)])

    def predict_table(self, snapshots: pd.DataFrame) -> pd.DataFrame:
        """Return the risk beside the keys: index of the snapshots, columns ``case_id, at, <outcome>_risk``."""
        rows = self._rows(snapshots)
        return rows[["case_id", "at"]].assign(**{f"{self.outcome}_risk": self.risk(snapshots)})

    def score(self, snapshots: pd.DataFrame, labels: Any, sample_weight: npt.ArrayLike | None = None) -> float:
        """Return the share of snapshots that :meth:`predict` gets right, of those whose outcome is known.

        Parameters
        ----------
        snapshots, labels
            As in ``fit``.
        sample_weight
            Of each snapshot, shape (n,).
        """
        label = labels_of_rows(snapshots, labels)
        known = label.notna().to_numpy()
        weight = None if sample_weight is None else np.asarray(sample_weight)[known]
        return float(super().score(snapshots[known], label[known].astype(bool).to_numpy(), weight))

    def contributions(self, snapshots: pd.DataFrame) -> pd.DataFrame:
        """Return what each group of features adds to the log-odds of each case.

        Parameters
        ----------
        snapshots
            As in :meth:`risk`.

        Returns
        -------
        Index of the snapshots; columns ``base`` (log-odds of the average snapshot), one a group of features (see
        ``deskcast.models.candidates.feature_groups``), and ``logit``. The base and the groups sum to the logit, which
        is the log-odds of the probability.
        """
        parts = self._parts(self._rows(snapshots))
        parts["logit"] = parts.sum(axis=1)
        return parts

    @property
    def features(self) -> tuple[str, ...]:
        """Names of the features that the probability depends on, once fitted."""
        self._check_fitted()
        return self._features()

    def __sklearn_is_fitted__(self) -> bool:
        """Tell whether it is fitted."""
        return hasattr(self, "schema_")

    def __sklearn_tags__(self) -> Any:
        """Return what it takes: two classes, names and missing values."""
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = False
        tags.input_tags.allow_nan = tags.input_tags.string = tags.input_tags.categorical = True
        return tags

    def __repr__(self, N_CHAR_MAX: int = 700) -> str:  # noqa: N803 - the name of scikit-learn
        """Return how it was made, and what it uses once fitted."""
        made = str(super().__repr__(N_CHAR_MAX=N_CHAR_MAX))
        if not self.__sklearn_is_fitted__():
            return made
        return f"{made} fitted as of {self.as_of_:%Y-%m-%d %H:%M %Z}, uses {getattr(self, 'used_', '')}"

    def _begin(
        self, snapshots: pd.DataFrame, labels: Any, as_of: object, more: tuple[str, ...] = ()
    ) -> tuple[pd.DataFrame, pd.DataFrame, pd.Timestamp]:
        """Return snapshots and labels as they are learnt from, and the instant; learn the schema."""
        self._check_settings()
        given = _read(snapshots)
        if given.empty:
            raise InputError(
                "missing snapshots",
                where="snapshots",
                hint="see snapshots()",
                code="labels.none",
            )
        rows = self._prepared(given)
        kinds = read_schema(rows)
        told, end = read_labels(labels, given, as_of)
        self.passed_over_ = warn_of_no_features(given, type(self).__name__, more)
        self.classes_ = np.array([False, True])
        self.feature_names_in_ = np.array([str(c) for c in snapshots.columns], dtype=object)
        self.n_features_in_ = len(snapshots.columns)
        self._schema = kinds
        return rows, told, end

    def _done(self, end: pd.Timestamp) -> Self:
        """Mark it as fitted."""
        self.as_of_, self.schema_ = end, self.__dict__.pop("_schema")
        return self

    def _check_fitted(self) -> None:
        if not self.__sklearn_is_fitted__():
            raise ModelNotFittedError("this model is not fitted yet", hint="call fit(snapshots, labels) first")

    def _rows(self, snapshots: pd.DataFrame, features: Sequence[str] = ()) -> pd.DataFrame:
        """Return snapshots as they are predicted from, or say what is wrong with them."""
        self._check_fitted()
        rows = self._prepared(_read(snapshots))
        check_schema(rows, self.schema_, features or self._features())
        return rows

    def _rows_of_all_models(self, snapshots: pd.DataFrame) -> pd.DataFrame:
        """Return snapshots from which all candidates learn again, each column of its kind."""
        return self._rows(snapshots, features_in(list(self.schema_)))

    def _check_settings(self) -> None:
        """Refuse parameters that cannot be; as in scikit-learn, what ``__init__`` is given is looked at here."""
        check_number("regularisation", self.regularisation, above=0)
        for name, least in (("replicates", 1), ("seed", 0)):
            value = getattr(self, name)
            if check_number(name, value, least=least) % 1:
                wanted = f"a whole number from {least}"
                raise InputError(
                    "not a whole number", where=f"argument '{name}'", got=value, wanted=wanted, code="value.range"
                )

    def _prepared(self, snapshots: pd.DataFrame) -> pd.DataFrame:
        return snapshots

    def _features(self) -> tuple[str, ...]:
        raise NotImplementedError

    def _risk(self, rows: pd.DataFrame) -> Floats:
        raise NotImplementedError

    def _parts(self, rows: pd.DataFrame) -> pd.DataFrame:
        raise NotImplementedError


def _read(snapshots: object) -> pd.DataFrame:
    if not isinstance(snapshots, pd.DataFrame):
        got, wanted = type(snapshots).__name__, "a DataFrame with named columns (no array, no sparse matrix)"
        raise InputError(
            "not a valid table of snapshots", where="snapshots", got=got, wanted=wanted, code="value.unknown"
        )
    require_columns(snapshots, ("case_id", "at"), "snapshots")
    read = read_instants(snapshots, "snapshots")
    lost = read["at"].isna().to_numpy()
    if lost.any():
        row = int(lost.argmax()) + 1
        raise InputError("missing instant", where="snapshots", column="at", row=row, code="time.missing")
    return read
